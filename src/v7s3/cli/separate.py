"""No file that a command writes may be another that it reads or writes, by whatever name: it would be lost."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from v7s3.errors import UsageError
from v7s3.items.itemsfile import STDIN

if TYPE_CHECKING:
    from collections.abc import Mapping

_BESIDE_A_LEDGER = ("-wal", "-shm", ".lock")  # sqlite's own, and ours


def require_separate(option: str, written: Path | str | None, others: Mapping[str, Path | str]) -> None:
    """Raise UsageError when the file of `option` is one of the others, which are called by their options.

    What is "" or None was not given; "-" among the others is the standard input.
    """
    if not written:
        return
    for other, name in others.items():
        if name and _is_same(Path(written), name):
            called = "standard input" if name == STDIN else f"{other} {name}"
            raise UsageError(
                f"{option} {written} and {called} are one file, which would be overwritten",
                hint=f"give {option} another file",
            )


def files_of_ledger(option: str, path: Path | None) -> dict[str, Path | str]:
    """The ledger at `path`, with what lies beside it, for `require_separate`."""
    if path is None:
        return {}
    real = os.path.realpath(path)
    return {option: path, **{f"{option}'s {suffix} file": real + suffix for suffix in _BESIDE_A_LEDGER}}


def _is_same(written: Path, other: Path | str) -> bool:
    if other != STDIN and os.path.realpath(written) == os.path.realpath(other):
        return _may_be_lost(written)
    with suppress(OSError, ValueError):  # one of them does not exist, or standard input is no file
        there = os.fstat(sys.stdin.fileno()) if other == STDIN else Path(other).stat()
        return os.path.samestat(written.stat(), there) and _may_be_lost(written)
    return False


def _may_be_lost(path: Path) -> bool:
    """Devices and pipes hold nothing: a terminal and /dev/null may be read and written."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # not there yet
        return True
