"""A `Report` in the words of each format. A renderer is a function from a report to text and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from v7s3.report import Report

FORMATS = ("text", "json", "github", "markdown")


def render(report: Report, form: str, *, verbose: bool = False, colour: bool = False) -> str:
    """`report` in one of `FORMATS`; each format's module is imported when it is asked for."""
    text: str = import_module(f"v7s3.render.{form}").render(report, verbose=verbose, colour=colour)
    return text
