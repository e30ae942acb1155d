"""A `Report` in the words of each format. A renderer is a function from a report to text and nothing else."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from v7s3.report import Report, Severity

# What moves a terminal's cursor, ends a line or turns text around. A key may hold any of it, and what begins a line
# with :: is a command to GitHub's runner.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BREAK = re.compile(r"\n(?!\s*::)")

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


def one_line(text: str) -> str:
    """As people are shown it: with control characters as they are written in a program, whoever put them there."""
    return _CONTROL.sub(lambda sign: repr(sign[0])[1:-1], text)


def lines_of(text: str) -> list[str]:
    """The lines of a text of ours that has several."""
    return [one_line(line) for line in _BREAK.split(text.rstrip("\n"))]
