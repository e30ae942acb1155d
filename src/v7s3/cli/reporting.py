"""Printing a report: to stdout, and to the summary page of the GitHub job when there is one."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from typer._click.globals import get_current_context

from v7s3.cli.output import note, result, scrub, use_colour
from v7s3.errors import UsageError
from v7s3.render import render

if TYPE_CHECKING:
    from v7s3.report import Report, Severity

# What GitHub takes of one step; it drops the whole summary of a step that writes more.
# https://docs.github.com/actions/reference/workflow-commands-for-github-actions#adding-a-job-summary
_SUMMARY_BYTES = 1024 * 1024


def show_report(report: Report, form: str, *, verbose: bool = False, fail_level: Severity = "error") -> None:
    """Write `report` to stdout. `github` also appends the table to $GITHUB_STEP_SUMMARY when that is set."""
    colour, quiet = use_colour(sys.stdout), _is_quiet()
    result(render(report, form, verbose=verbose, colour=colour, fail_level=fail_level, quiet=quiet))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if form == "github" and summary:
        try:
            _append(Path(summary), report.at(fail_level))
        except OSError as error:
            note(f"warning: the job summary {summary} cannot be written: {error.strerror}")


def _is_quiet() -> bool:
    """Whether the command that runs was given -q: asked here, so that no command that reports can forget it."""
    context = get_current_context(silent=True)
    return context is not None and bool(context.params.get("quiet"))


def require_file(path: str | None, option: str) -> None:
    """Raises UsageError unless `path` names a file, as every result of SARIF must."""
    if path is None or path == "-":
        raise UsageError(
            "SARIF tells of lines in files, and there is no file", hint=f"name one with {option}, or use --format junit"
        )


def _append(summary: Path, report: Report) -> None:
    room = _SUMMARY_BYTES - (summary.stat().st_size if summary.exists() else 0)
    text = _page(report)
    if len(text) > room:
        table = replace(report, checks=tuple(replace(check, findings=()) for check in report.checks))
        text = _page(table, f"The {len(report.findings):,} findings are too long for this page.\n\n")
    if len(text) <= room:
        with summary.open("ab") as file:
            file.write(text)


def _page(report: Report, remark: str = "") -> bytes:
    return scrub(f"{render(report, 'markdown')}\n\n{remark}").encode("utf-8", "backslashreplace")
