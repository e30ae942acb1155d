"""What is wrong with a CORS configuration on its own: what S3 refuses to store, and what it stores in vain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from v7s3.access import cors_rules as rules
from v7s3.access.cors import matches_pattern
from v7s3.access.cors_origins import shown, slips_of, unsent_because
from v7s3.access.cors_source import CORSSource, read_source
from v7s3.access.cors_write import MAX_RULES
from v7s3.access.cors_xml import to_xml
from v7s3.access.jsontext import as_text
from v7s3.access.profile import V7_ORIGIN
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from v7s3.access.cors import CORSConfiguration, CORSRule
    from v7s3.report import Finding

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
MAX_BYTES = 64 * 1024
MAX_ID = 255  # characters
MAX_SECONDS = 2**31 - 1  # of MaxAgeSeconds: a 32-bit integer in AWS's SDKs
_LONGEST_REMEMBERED = 86_400  # seconds: Firefox's cap, the highest of the browsers'

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ALWAYS_EXPOSED = (
    "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
)  # fmt: skip


def lint_cors(text: object, document: str = "") -> list[Finding]:
    """Everything wrong with the text, in its order, each with line and column. Never raises.

    `document` names the file in the findings. An origin that is almost V7 Darwin's is a finding too. A configuration
    that was parsed already is read as the JSON it stands for.
    """
    source = read_source(as_text(text), document)
    return [*lint_source(source), *(slips_of(source, V7_ORIGIN) if source.configuration else ())]


def lint_source(source: CORSSource) -> list[Finding]:
    """The findings about a text that has been read."""
    found = [*source.findings]
    if source.configuration is not None:
        found += _document(source, source.configuration)
        for index, rule in enumerate(source.configuration.CORSRules):
            found += _refused(source, index, rule)
            found += _useless(source, index, rule)
        if all(finding.rule is not rules.TOO_LARGE for finding in found):  # comparing takes quadratic time
            found += _never_used(source, source.configuration)
    return sorted(found, key=lambda finding: (finding.location.line or 0, finding.location.column or 0))


def _document(source: CORSSource, configuration: CORSConfiguration) -> Iterator[Finding]:
    top = Location(source.document, source.prefix, "", *source.positions.get(source.prefix, (None, None)))
    count = len(configuration.CORSRules)
    if not count:
        yield rules.NO_RULES.finding("the list of rules is empty", at=top)
    if count > MAX_RULES:
        yield rules.TOO_MANY_RULES.finding(f"{count} rules, S3 takes {MAX_RULES}", at=top)
    size = len(to_xml(configuration).encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        yield rules.TOO_LARGE.finding(f"{size:,} bytes as S3 stores it, the limit is {MAX_BYTES:,}", at=top)
    seen: dict[str, int] = {}
    for index, rule in enumerate(configuration.CORSRules):
        if rule.ID is None:
            continue
        if rule.ID in seen:
            place = source.at(index, "ID")
            yield rules.BAD_ID.finding(f"rule {seen[rule.ID]} has the ID {shown(rule.ID)} already", at=place)
        seen.setdefault(rule.ID, index)


def _refused(source: CORSSource, index: int, rule: CORSRule) -> Iterator[Finding]:
    """What makes S3 refuse the whole document."""
    for key, values in (("AllowedOrigins", rule.AllowedOrigins), ("AllowedMethods", rule.AllowedMethods)):
        if not values:
            yield rules.EMPTY_RULE.finding(f"rule {index} has no {key}", at=source.at(index, key))
    for place, method in enumerate(rule.AllowedMethods):
        if method not in METHODS:
            meant = f"; write {method.strip().upper()}" if method.strip().upper() in METHODS else ""
            at = source.at(index, "AllowedMethods", place)
            yield rules.UNKNOWN_METHOD.finding(f"S3 does not know the method {shown(method)}{meant}", at=at)
    for key, patterns in (("AllowedOrigins", rule.AllowedOrigins), ("AllowedHeaders", rule.AllowedHeaders)):
        for place, pattern in enumerate(patterns):
            if pattern.count("*") > 1:
                yield rules.TWO_WILDCARDS.finding(
                    f"{shown(pattern)} has more than one", at=source.at(index, key, place)
                )
    for place, name in enumerate(rule.ExposeHeaders):
        if "*" in name or not _TOKEN.fullmatch(name):
            what = f"S3 takes no * here: {shown(name)}" if "*" in name else f"{shown(name)} is no header name"
            yield rules.BAD_EXPOSE.finding(what, at=source.at(index, "ExposeHeaders", place))
    if rule.ID is not None and len(rule.ID) > MAX_ID:
        message = f"the ID has {len(rule.ID)} characters, S3 takes {MAX_ID}"
        yield rules.BAD_ID.finding(message, at=source.at(index, "ID"), severity="error")
    if rule.MaxAgeSeconds is not None and rule.MaxAgeSeconds < 0:
        message = f"MaxAgeSeconds is {rule.MaxAgeSeconds}, and S3 refuses a negative number"
        yield rules.MAX_AGE.finding(message, at=source.at(index, "MaxAgeSeconds"), severity="error")


def _useless(source: CORSSource, index: int, rule: CORSRule) -> Iterator[Finding]:
    """What S3 stores and no browser profits from."""
    for place, pattern in enumerate(rule.AllowedOrigins):
        if because := unsent_because(pattern):
            at = source.at(index, "AllowedOrigins", place)
            yield rules.UNSENT_ORIGIN.finding(f"{shown(pattern)}: {', '.join(because)}", at=at)
    for place, pattern in enumerate(rule.AllowedHeaders):
        at = source.at(index, "AllowedHeaders", place)
        if not _TOKEN.fullmatch(pattern):
            many = " (one name an element)" if "," in pattern else ""
            yield rules.UNASKED_HEADER.finding(f"{shown(pattern)} is no header name{many}", at=at)
        elif pattern.lower().startswith("access-control-"):
            yield rules.UNASKED_HEADER.finding(f"{shown(pattern)} is not a header that a page sets", at=at)
    for place, name in enumerate(rule.ExposeHeaders):
        if name.lower() in _ALWAYS_EXPOSED:
            at = source.at(index, "ExposeHeaders", place)
            yield rules.NEEDLESS_EXPOSE.finding(f"every page sees {name} anyway", at=at)
        elif name.lower() in ("set-cookie", "set-cookie2"):
            at = source.at(index, "ExposeHeaders", place)
            yield rules.NEEDLESS_EXPOSE.finding(f"no browser shows {name} to a page", at=at)
    if rule.MaxAgeSeconds is not None and rule.MaxAgeSeconds > MAX_SECONDS:
        message = f"MaxAgeSeconds is {rule.MaxAgeSeconds}, more than AWS's SDKs can read ({MAX_SECONDS})"
        yield rules.MAX_AGE.finding(message, at=source.at(index, "MaxAgeSeconds"), severity="warning")
    elif rule.MaxAgeSeconds is not None and rule.MaxAgeSeconds > _LONGEST_REMEMBERED:
        message = f"{rule.MaxAgeSeconds} seconds; no browser remembers longer than {_LONGEST_REMEMBERED}"
        yield rules.MAX_AGE.finding(message, at=source.at(index, "MaxAgeSeconds"))


def _never_used(source: CORSSource, configuration: CORSConfiguration) -> Iterator[Finding]:
    for index, rule in enumerate(configuration.CORSRules[:MAX_RULES]):
        if not rule.AllowedOrigins or not rule.AllowedMethods:
            continue
        for earlier in range(index):
            if covers_rule(configuration.CORSRules[earlier], rule):
                message = f"rule {earlier} matches everything that rule {index} does, and comes first"
                yield rules.NEVER_USED.finding(message, at=source.at(index))
                break


def covers_rule(earlier: CORSRule, later: CORSRule) -> bool:
    """Whether every request that `later` matches is matched by `earlier`."""
    return (
        set(later.AllowedMethods) <= set(earlier.AllowedMethods)
        and _cover(earlier.AllowedOrigins, later.AllowedOrigins)
        and _cover([name.lower() for name in earlier.AllowedHeaders], [name.lower() for name in later.AllowedHeaders])
    )


def _cover(wide: list[str] | tuple[str, ...], narrow: list[str] | tuple[str, ...]) -> bool:
    return all(any(_covers_pattern(pattern, other) for pattern in wide) for other in narrow)


def _covers_pattern(wide: str, narrow: str) -> bool:
    if "*" not in narrow:
        return matches_pattern(wide, narrow)
    if wide.count("*") != 1 or narrow.count("*") != 1:
        return False
    before, after = wide.split("*")
    narrow_before, narrow_after = narrow.split("*")
    return narrow_before.startswith(before) and narrow_after.endswith(after)
