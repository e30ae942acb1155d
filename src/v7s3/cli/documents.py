"""Documents that the `policy` and `cors` commands read: a file, or standard input for `-`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from v7s3.report import Finding

STANDARD_INPUT = "-"


def read_bytes(path: str) -> bytes:
    """A file, or standard input for `-`. Raises UsageError when it cannot be read."""
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="name a file, or - for standard input"
        ) from error


def read_text(path: str) -> str:
    """As `read_bytes`; raises UsageError for what is not UTF-8."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name_of(path)} is not UTF-8 (byte {error.start})", hint="save it as UTF-8") from error


def name_of(path: str) -> str:
    """What to call a document that was read from `path`."""
    return "standard input" if path == STANDARD_INPUT else path


def warn_of_refusal(findings: Iterable[Finding]) -> None:
    """Say on stderr why S3 would not store a document that is about to be printed."""
    from v7s3.cli.output import note

    for finding in findings:
        if finding.severity == "error":
            place = f" (line {finding.location.line})" if finding.location.line else ""
            note(f"warning: S3 would refuse this: {finding.rule.ident} {finding.message}{place}")
            note(f"  next: {finding.fix}")
