"""GitHub's workflow commands: one annotation a rule and check, because a step shows only ten of each level.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from v7s3.render import one_line

if TYPE_CHECKING:
    from v7s3.render import Style
    from v7s3.report import Check, Finding, Report, Severity

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


_SHOWN = 10  # annotations of one level that GitHub shows for a step


def render(report: Report, _style: Style) -> str:
    annotations: dict[Severity, list[str]] = {"error": [], "warning": [], "info": []}
    for check in report.checks:
        ordered = sorted(check.findings, key=lambda finding: (finding.rule.ident, finding.severity))
        for (_, severity), same in groupby(ordered, key=lambda finding: (finding.rule.ident, finding.severity)):
            annotations[severity].append(_annotation(list(same)))
        if not check.findings and check.status in ("fail", "error"):
            annotations["error"].append(f"::error title={_property(check.ident)}::{_data(check.summary)}")
    shown = [line for severity, lines in annotations.items() for line in _at_most(severity, lines)]
    return "\n".join([*shown, *(_line(check) for check in report.checks)])


def _at_most(severity: Severity, lines: list[str]) -> list[str]:
    """As many as GitHub shows, the last of them saying that there are more."""
    if len(lines) <= _SHOWN:
        return lines
    hidden = len(lines) - _SHOWN + 1
    return [*lines[: _SHOWN - 1], f"::{_COMMANDS[severity]} title={hidden} more::the job summary has all of them"]


def _annotation(findings: list[Finding]) -> str:
    first = findings[0]
    properties = {"title": f"{first.rule.ident} {first.rule.title}"}
    location = first.location
    if location.line is not None and location.document:
        # GitHub attaches only to files of the checkout; without a line the place stands in the text.
        properties |= {"file": location.document, "line": str(location.line)}
        if location.column is not None:
            properties["col"] = str(location.column)
    more = f" (+{len(findings) - 1} more)" if len(findings) > 1 else ""
    where = location.pointer + (f" ({location.name})" if location.name else "")
    text = f"{where}: {first.message}{more}\nfix: {first.fix}" if where else f"{first.message}{more}\nfix: {first.fix}"
    joined = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[first.severity]} {joined}::{_data(text)}"


def _line(check: Check) -> str:
    return f"{check.status:<5} {check.ident}: {one_line(check.summary)}"


def _data(text: str) -> str:
    return one_line(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
