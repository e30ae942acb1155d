"""GitHub's workflow commands: one annotation a rule and check, because a step shows only ten errors and ten warnings.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from v7s3.report import Check, Finding, Report, Severity

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, *, verbose: bool = False, colour: bool = False) -> str:  # noqa: ARG001  # one signature
    lines = []
    for check in report.checks:
        ordered = sorted(check.findings, key=lambda finding: finding.rule.ident)
        for _, same in groupby(ordered, key=lambda finding: (finding.rule.ident, finding.severity)):
            lines.append(_annotation(list(same)))
        if not check.findings and check.status in ("fail", "error"):
            lines.append(f"::error title={_property(check.ident)}::{_data(check.summary)}")
    return "\n".join([*lines, *(_line(check) for check in report.checks)])


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
    return f"{check.status:<5} {check.ident}: {check.summary}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
