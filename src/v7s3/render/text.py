"""One line a check, details only for what is wrong, a count and the next step at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from v7s3.render import lines_of, one_line

if TYPE_CHECKING:
    from v7s3.render import Style
    from v7s3.report import Check, Finding, Location, Report, Severity, Status

# The words carry the meaning; colour only repeats it.
_MARKS: dict[Status, tuple[str, str]] = {
    "ok": ("[ok]", "32"),
    "warn": ("[warn]", "33"),
    "fail": ("[FAIL]", "31"),
    "skip": ("[skip]", "2"),
    "error": ("[error]", "31"),
}
_SEVERITY: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_COUNTED: tuple[tuple[Status, str, str], ...] = (
    ("fail", "failure", "failures"),
    ("warn", "warning", "warnings"),
    ("error", "could not run", "could not run"),
    ("skip", "not checked", "not checked"),
)
_SAME_SHOWN = 3  # findings of one rule in one check, before the rest is only counted


def render(report: Report, style: Style) -> str:
    lines = [*lines_of(report.heading), ""] if report.heading else []
    shown = [check for check in report.checks if check.status != "ok" or check.findings or not style.quiet]
    width = max((len(check.ident) for check in shown), default=0)
    for check in shown:
        lines.append(_headline(check, width, colour=style.colour))
        lines += _details(check, verbose=style.verbose)
    lines += [""] if shown else []
    lines.append(_count(report))
    lines += [f"Next: {one_line(step)}" for step in report.next_steps]
    return "\n".join(lines)


def _headline(check: Check, width: int, *, colour: bool) -> str:
    mark, code = _MARKS[check.status]
    padded = f"{mark:<7}"
    if colour:
        padded = f"\x1b[{code}m{padded}\x1b[0m"
    return f"{padded} {check.ident:<{width}}  {one_line(check.summary)}".rstrip()


def _details(check: Check, *, verbose: bool) -> list[str]:
    lines = []
    if verbose:
        lines += [f"          {one_line(note)}" for note in check.notes]
        if check.call:
            needs = f" (needs {check.permission})" if check.permission else ""
            lines.append(f"          asked {one_line(check.call)}{needs}")
    seen: Counter[str] = Counter()
    for finding in check.findings:
        seen[finding.rule.ident] += 1
        if verbose or seen[finding.rule.ident] <= _SAME_SHOWN:
            lines += _finding(finding)
    if not verbose:
        lines += [
            f"          (+{count - _SAME_SHOWN} more {ident}; -v shows them)"
            for ident, count in seen.items()
            if count > _SAME_SHOWN
        ]
    return lines


def _finding(finding: Finding) -> list[str]:
    place = describe(finding.location)
    message = f"{place}: {finding.message}" if place else finding.message
    lines = [
        f"    {finding.rule.ident}  {_SEVERITY[finding.severity]}: {one_line(message)}",
        f"          why   {finding.rule.why}",
    ]
    first, *rest = lines_of(finding.fix)
    if first:
        lines.append(f"          fix   {first}")
        lines += [f"                {line}".rstrip() for line in rest]
    return lines


def describe(location: Location) -> str:
    """`policy.json:3:7 /Statement/0 (DarwinAccess)`, as much of it as is known."""
    place = location.document
    if location.line is not None:
        place += f":{location.line}" + (f":{location.column}" if location.column is not None else "")
    parts = [place, location.pointer, f"({location.name})" if location.name else ""]
    return " ".join(part for part in parts if part)


def _count(report: Report) -> str:
    count = Counter(check.status for check in report.checks)
    parts = [
        f"{count[status]} {word if count[status] == 1 else plural}"
        for status, word, plural in _COUNTED
        if count[status]
    ]
    if not parts:
        return "All checks passed." if report.checks else "Nothing was checked."
    return ", ".join(parts) + "."
