"""Markdown for `$GITHUB_STEP_SUMMARY` and tickets: a table of checks, then what is wrong and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.render import lines_of, one_line
from v7s3.render.text import describe

if TYPE_CHECKING:
    from v7s3.render import Style
    from v7s3.report import Finding, Report, Status

_WORDS: dict[Status, str] = {
    "ok": "ok",
    "warn": "**warning**",
    "fail": "**FAIL**",
    "skip": "not checked",
    "error": "**could not run**",
}


def render(report: Report, _style: Style) -> str:
    lines = [f"### v7s3: `{one_line(report.subject)}`", ""]
    if report.heading:
        lines += [*lines_of(report.heading), ""]
    lines += ["| check | state | |", "| --- | --- | --- |"]
    lines += [f"| {check.ident} | {_WORDS[check.status]} | {_cell(check.summary)} |" for check in report.checks]
    for finding in report.findings:
        lines += ["", *_finding(finding)]
    if report.next_steps:
        lines += ["", "**Next:**", *(f"- {one_line(step)}" for step in report.next_steps)]
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    place = describe(finding.location)
    lines = [
        f"**{finding.rule.ident}** {finding.rule.title} ({finding.severity})",
        "",
        one_line(f"{f'`{place}`: ' if place else ''}{finding.message}"),
        "",
        f"*Why:* {finding.rule.why}",
    ]
    if finding.fix:
        lines += ["", "```", *lines_of(finding.fix), "```"]
    return lines


def _cell(text: str) -> str:
    return one_line(text.replace("|", "\\|").replace("\n", " "))
