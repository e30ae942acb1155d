"""Will a page on this origin be shown the objects? The findings about a configuration, from the page's side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from v7s3.access import cors_rules as rules
from v7s3.access.cors import CORSConfiguration, CORSRequest, RuleName, evaluate_cors, matches_pattern
from v7s3.access.cors_lint import lint_source
from v7s3.access.cors_origins import shown, slip_of, slips_of, stranger_to
from v7s3.access.cors_source import FORM_NAMES, CORSSource
from v7s3.access.profile import CORS_RULE_ID, V7_ORIGIN
from v7s3.report import Check, Location, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from v7s3.access.cors import CORSRule
    from v7s3.report import Finding

_WRITING = ("PUT", "POST", "DELETE")
_NAMED = 5  # origins in a message, before the rest is only counted
_ANY_HEADER = "x-v7s3-any"  # stands for a header the page may add; no list names it, a `*` covers it


def check_cors(
    configuration: CORSConfiguration | None,
    origins: Sequence[str] = (V7_ORIGIN,),
    *,
    source: CORSSource | None = None,
    fix: str = "v7s3 cors write",
) -> list[Finding]:
    """What keeps pages on `origins` from a GET (errors), and what is merely unwise (warnings).

    `configuration` is None for a bucket without one. `source` gives the findings their lines; `fix` is the command
    that mends the configuration.
    """
    if configuration is None or not configuration.CORSRules:
        place = Location(source.document if source else "")
        named = " and ".join(origins)
        return [rules.NO_CONFIGURATION.finding(f"pages on {named} are shown nothing", at=place, fix=fix)]
    place_of = source or CORSSource("", "api", configuration, (), "/CORSRules")
    found: list[Finding] = []
    for origin in origins:
        decision = evaluate_cors(configuration, CORSRequest("actual", origin, "GET"))
        if decision.rule is None:
            found += _kept_out(place_of, configuration, origin, fix)
        else:
            found += _let_in(place_of, configuration, origin, decision.rule, fix)
    found += _writes_from_anywhere(place_of, configuration)
    return list(dict.fromkeys(found))


def document_check(source: CORSSource, origins: Sequence[str], fix: str) -> Check:
    """The check `cors` of a file or of a bucket's configuration."""
    found = tuple(findings_about(source, origins, fix))
    return Check("cors", status_of(found), f"{_described(source)}: {_verdict(source, origins)}", found)


def bucket_check(configuration: CORSConfiguration | None, origins: Sequence[str], fix: str) -> Check:
    """The check `cors` of what `get_bucket_cors` gave; None when the bucket has no CORS configuration."""
    call, permission = "get_bucket_cors", "s3:GetBucketCORS"
    if configuration is None:
        found = tuple(check_cors(None, origins, fix=fix))
        return Check("cors", "fail", "the bucket has no CORS configuration", found, call=call, permission=permission)
    source = CORSSource("", "api", configuration, (), "/CORSRules")
    return replace(document_check(source, origins, fix), call=call, permission=permission)


def _described(source: CORSSource) -> str:
    if source.configuration is None:
        return FORM_NAMES[source.form]
    count = len(source.configuration.CORSRules)
    rules_counted = f"{count} rule{'' if count == 1 else 's'}"
    return f"{FORM_NAMES[source.form]}, {rules_counted}" if source.document else rules_counted


def _verdict(source: CORSSource, origins: Sequence[str]) -> str:
    if source.configuration is None:
        return "nothing could be checked"
    words = []
    for origin in origins:
        decision = evaluate_cors(source.configuration, CORSRequest("actual", origin, "GET"))
        named = f" {decision.rule.ID!r}" if decision.rule and decision.rule.ID else ""
        by = f"may GET (rule {decision.rule.index}{named})" if decision.rule else "may not GET"
        words.append(f"{origin} {by}")
    return ", ".join(words)


def findings_about(source: CORSSource, origins: Sequence[str], fix: str) -> list[Finding]:
    """All findings about one document: those of `lint_cors` and of `check_cors`, none of them twice."""
    if source.configuration is None:
        return lint_source(source)
    if not source.configuration.CORSRules:
        return [*lint_source(source), *check_cors(None, origins, source=source, fix=fix)]
    checked = check_cors(source.configuration, origins, source=source, fix=fix)
    named = {found.location for found in checked if found.rule is rules.NOT_ALLOWED}
    slips = [slip for origin in origins for slip in slips_of(source, origin) if slip.location not in named]
    shadowed = {found.location.pointer for found in checked if found.rule is rules.EARLIER_RULE}
    linted = [
        found
        for found in lint_source(source)
        if not (found.rule is rules.NEVER_USED and found.location.pointer in shadowed)
        and not (found.rule is rules.UNSENT_ORIGIN and found.location in named)
    ]
    return [*checked, *slips, *linted]


def _kept_out(source: CORSSource, configuration: CORSConfiguration, origin: str, fix: str) -> Iterator[Finding]:
    for index, rule in enumerate(configuration.CORSRules):
        if any(matches_pattern(pattern, origin) for pattern in rule.AllowedOrigins):
            methods = ", ".join(rule.AllowedMethods) or "no method"
            message = f"rule {index} lets {origin} in for {methods}, not for GET"
            yield rules.NO_GET.finding(message, at=source.at(index, "AllowedMethods"), fix=fix)
            return
    for index, rule in enumerate(configuration.CORSRules):
        for place, pattern in enumerate(rule.AllowedOrigins):
            if slip := slip_of(pattern, origin):
                message = f"{origin} may not GET; nearest is {shown(pattern)}: {slip}"
                yield rules.NOT_ALLOWED.finding(message, at=source.at(index, "AllowedOrigins", place), fix=fix)
                return
    listed = [pattern for rule in configuration.CORSRules for pattern in rule.AllowedOrigins]
    some = ", ".join(map(shown, listed[:_NAMED])) + (
        f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    )
    yield rules.NOT_ALLOWED.finding(
        f"{origin} may not GET; the rules name {some or 'no origin'}", at=source.at(0), fix=fix
    )


def _let_in(
    source: CORSSource, configuration: CORSConfiguration, origin: str, winner: RuleName, fix: str
) -> Iterator[Finding]:
    rule = configuration.CORSRules[winner.index]
    if "*" in rule.AllowedOrigins:
        place = source.at(winner.index, "AllowedOrigins", rule.AllowedOrigins.index("*"))
        yield rules.STAR_ANSWER.finding(f"{origin} may GET, and so may every other site", at=place)
    else:
        for index, pattern in enumerate(rule.AllowedOrigins):
            stranger = stranger_to(origin, pattern)
            if stranger and matches_pattern(pattern, origin):
                message = f"{shown(pattern)} lets {stranger} in as well"
                yield rules.BROAD_PATTERN.finding(message, at=source.at(winner.index, "AllowedOrigins", index))
    asking = evaluate_cors(configuration, CORSRequest("preflight", origin, "GET", (_ANY_HEADER,)))
    if not asking.allowed:
        place = source.at(winner.index, "AllowedHeaders")
        covered = shown(", ".join(rule.AllowedHeaders)) if rule.AllowedHeaders else "none"
        message = f"{origin} may GET, but the headers it may add are {covered}"
        yield rules.HEADERS_REFUSED.finding(message, at=place)
    later = _meant_instead(configuration, origin, winner.index)
    if later is not None:
        message = f"rule {winner.index} answers GET from {origin}, so this rule never does"
        yield rules.EARLIER_RULE.finding(message, at=source.at(later), fix=fix)


def _meant_instead(configuration: CORSConfiguration, origin: str, winner: int) -> int | None:
    """A later rule that names this origin, or is ours, while the winner does neither."""

    def names(rule: CORSRule) -> bool:
        return origin in rule.AllowedOrigins or rule.ID == CORS_RULE_ID

    if names(configuration.CORSRules[winner]):
        return None
    return next(
        (
            index
            for index, rule in enumerate(configuration.CORSRules)
            if index > winner and names(rule) and "GET" in rule.AllowedMethods
        ),
        None,
    )


def _writes_from_anywhere(source: CORSSource, configuration: CORSConfiguration) -> Iterator[Finding]:
    for index, rule in enumerate(configuration.CORSRules):
        writing = [method for method in rule.AllowedMethods if method in _WRITING]
        if "*" in rule.AllowedOrigins and writing:
            message = f"rule {index} lets every site {', '.join(writing)}"
            yield rules.WRITES_FROM_ANYWHERE.finding(message, at=source.at(index))
