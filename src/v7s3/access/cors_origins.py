"""Origins as browsers write them, and as people do.

A browser sends `scheme://host[:port]`: lower case, no path, not even a slash, no default port, a name outside ASCII
as punycode (https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin).
"""

from __future__ import annotations

import ipaddress
import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from v7s3.access import cors_rules as rules
from v7s3.access.cors import matches_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from v7s3.access.cors_source import CORSSource
    from v7s3.report import Finding

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_SHOWN = 80  # characters of somebody's text in a message
_ALIKE = 0.88  # of two host names: one letter wrong, missing or too many in fifteen
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_FILLINGS = (".evil.example", "evil", "evil.example", "")  # what strangers put where a pattern has its `*`
_SEPARATORS = re.compile(r"[\s,;]")


def shown(text: str) -> str:
    """A text for a message: in quotes, and not longer than a line."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


class _Parts(NamedTuple):
    scheme: str  # "" when there is none
    host: str
    port: str  # "" when there is none
    rest: str  # from the first slash, ? or # after the host


def unsent_because(pattern: str) -> list[str]:
    """Why no browser sends an origin that this pattern covers; empty when one may."""
    if pattern in ("*", "null"):
        return []
    if not pattern.strip():
        return ["it is empty"]
    reasons: list[str] = []
    if pattern != pattern.strip():
        reasons.append("there is white space around it")
    if _SEPARATORS.search(pattern.strip()):
        reasons.append("it holds more than one word; each origin is an element of its own")
        return reasons
    parts = _split(pattern.strip())
    if not parts.scheme and "*" not in pattern:
        reasons.append("it has no scheme (https://)")
    if parts.rest == "/":
        reasons.append("it ends in a slash")
    elif parts.rest:
        reasons.append(f"it goes on after the host ({shown(parts.rest)})")
    if pattern != pattern.lower():
        reasons.append("it has upper-case letters")
    if parts.port and _DEFAULT_PORTS.get(parts.scheme) == parts.port:
        reasons.append(f"it names {parts.scheme}'s default port, which browsers leave out")
    if not pattern.isascii():
        reasons.append("it has letters outside ASCII; browsers send the name's punycode (xn--…)")
    if "@" in parts.host:
        reasons.append("it holds a user name")
    return reasons


def slips_of(source: CORSSource, origin: str) -> Iterator[Finding]:
    """Patterns that were plainly meant for `origin` and do not match it; none when another one does.

    A pattern that matches no browser at all has its own finding (COR020) and is left to it.
    """
    if source.configuration is None:
        return
    listed = [
        (index, place, pattern)
        for index, rule in enumerate(source.configuration.CORSRules)
        for place, pattern in enumerate(rule.AllowedOrigins)
    ]
    if any(matches_pattern(pattern, origin) for _, _, pattern in listed):
        return
    for index, place, pattern in listed:
        if not unsent_because(pattern) and (slip := slip_of(pattern, origin)):
            at = source.at(index, "AllowedOrigins", place)
            yield rules.SLIP.finding(f"{shown(pattern)} is not {origin}: {slip}", at=at, fix=origin)


def slip_of(pattern: str, origin: str) -> str:
    """What tells `pattern` from `origin` when it is near enough to have been meant; else ""."""
    if matches_pattern(pattern, origin) or not pattern.strip():
        return ""
    meant, written = _split(origin), _split(pattern.strip().lower())
    if written.host == meant.host:
        return ", ".join(_differences(pattern, written, meant)) or "it is written differently"
    if "*" in written.host.removeprefix("*.") or not written.host:
        return ""
    domain = _domain(meant.host)
    host = written.host.removeprefix("*.")
    if domain and (host == domain or host.endswith(f".{domain}")):
        return "another host of the same domain"
    if SequenceMatcher(None, host, meant.host).ratio() >= _ALIKE:
        return f"the host is spelled differently ({meant.host})"
    return ""


def stranger_to(origin: str, pattern: str) -> str:
    """An origin that a pattern for `origin` lets in as well: of other people, or over http where `origin` has https.

    "" when what the `*` can stand for stays below the domain of `origin`.
    """
    before, star, after = pattern.partition("*")
    if not star:
        return ""
    schemes = [scheme for scheme in ("https://", "http://") if scheme.startswith(before)]
    heads = [before, *(scheme[:end] for scheme in schemes for end in range(len(scheme), len(before), -1))]
    texts = (f"{head}{filling}{after}" for head in heads for filling in _FILLINGS)
    return next((text for text in texts if matches_pattern(pattern, text) and _is_stranger(text, origin)), "")


def _is_stranger(text: str, origin: str) -> bool:
    """Whether a browser may send `text`, from a site that is not below the domain of `origin`, or is not as safe."""
    theirs, own = _split(text), _split(origin)
    if theirs.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(theirs.host) or origin_problem(text):
        return False
    domain = _domain(own.host) or own.host
    same_domain = f".{theirs.host}".endswith(f".{domain}")
    return not same_domain or (own.scheme == "https" and theirs.scheme == "http")


def origin_problem(origin: str) -> str:
    """Why `origin` cannot be the origin of a page; "" when it can."""
    if origin == "null":
        return ""
    if "*" in origin:
        return "a page has one origin, without a wildcard"
    if not (_split(origin).scheme and _split(origin).host):
        return "an origin is scheme://host[:port]"
    return ", ".join(unsent_because(origin))


def _differences(pattern: str, written: _Parts, meant: _Parts) -> Iterator[str]:
    if pattern != pattern.strip():
        yield "white space around it"
    if not written.scheme:
        yield f"the scheme is missing ({meant.scheme}://)"
    elif written.scheme != meant.scheme:
        yield f"{written.scheme} in place of {meant.scheme}"
    if written.rest:
        yield "a slash at the end" if written.rest == "/" else f"something after the host ({shown(written.rest)})"
    if written.port != meant.port:
        yield f"another port ({written.port or 'none'})"
    if pattern != pattern.lower():
        yield "upper-case letters"


def _split(origin: str) -> _Parts:
    scheme, separator, rest = origin.partition("://")
    if not separator:
        scheme, rest = "", origin
    match = re.match(r"([^/?#]*)(.*)", rest, re.DOTALL)
    assert match is not None
    host, _, port = match[1].rpartition(":") if re.search(r":[\d*]*$", match[1]) else (match[1], "", "")
    return _Parts(scheme, host, port, match[2])


def _domain(host: str) -> str:
    """The registered domain, roughly: the last two labels; "" for an address or a single label."""
    labels = host.split(".")
    if len(labels) < 2:
        return ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ".".join(labels[-2:])
    return ""
