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
    fail_level: Severity = "error"  # what ends with exit code 1, and so is a failed test in JUnit's words


def render(
    report: Report, form: str, *, verbose: bool = False, colour: bool = False, fail_level: Severity = "error"
) -> str:
    """`report` in one of `FORMATS`; each format's module is imported when it is asked for."""
    text: str = import_module(f"v7s3.render.{form}").render(report, Style(verbose, colour, fail_level))
    return text
