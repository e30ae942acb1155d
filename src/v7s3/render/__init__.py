"""A `Report` in the words of each format. A renderer is a function from a report to text and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from v7s3.report import Report, Severity

FORMATS = ("text", "json", "github", "markdown", "junit", "sarif")


class Style(NamedTuple):
    """What the reader asked for; each format heeds what it has a way to say."""

    verbose: bool = False
    colour: bool = False
    quiet: bool = False  # without the checks that passed and have nothing to say


def render(
    report: Report,
    form: str,
    *,
    verbose: bool = False,
    colour: bool = False,
    fail_level: Severity = "error",
    quiet: bool = False,
) -> str:
    """`report` in one of `FORMATS`; each format's module is imported when it is asked for.

    A check with a finding at or above `fail_level` is shown as failed, as the exit code has it.
    """
    module = import_module(f"v7s3.render.{form}")
    text: str = module.render(report.at(fail_level), Style(verbose, colour, quiet))
    return text
