"""The files `v7s3 prepare` writes: items that are complete or not there at all, and a report that is always true."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from v7s3.artifacts.making import Made
from v7s3.cli.output import scrub
from v7s3.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from v7s3.artifacts.making import Unmade

STDOUT = "-"


class ItemsFile:
    """Lines go to `NAME.partial`, which takes the name only when the run has come to its end."""

    def __init__(self, name: str) -> None:
        self._path = None if name == STDOUT else Path(name)
        self._partial = None if self._path is None else self._path.with_name(f"{self._path.name}.partial")
        self._file: TextIO = sys.stdout if self._partial is None else _opened(self._partial)
        self._is_complete = self._path is None

    @property
    def shown_name(self) -> str:
        """Where the items are now."""
        return "standard output" if self._path is None else str(self._path if self._is_complete else self._partial)

    def write(self, line: str) -> None:
        with _disk_trouble(self.shown_name):
            self._file.write(line + "\n")
            self._file.flush()

    def complete(self) -> None:
        if self._path is None or self._partial is None:
            return
        with _disk_trouble(self.shown_name):
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.replace(self._path)
        self._is_complete = True

    def close(self) -> None:
        if self._path is not None:
            _close(self._file)


@contextmanager
def items_file(name: str) -> Iterator[ItemsFile]:
    """Raises UsageError when the file cannot be made, StoppedError when the disk is full."""
    file = ItemsFile(name)
    try:
        yield file
    finally:
        file.close()


@contextmanager
def report_file(path: Path | None) -> Iterator[Callable[[Made | Unmade], None]]:
    """A function that writes a line for each result: storage_key, state (made, present, refused), reason, notes."""
    if path is None:
        yield lambda _result: None
        return
    file = _opened(path)

    def write(result: Made | Unmade) -> None:
        with _disk_trouble(str(path)):
            file.write(scrub(json.dumps(_as_document(result), ensure_ascii=False)) + "\n")
            file.flush()

    try:
        yield write
    finally:
        _close(file)


def _as_document(result: Made | Unmade) -> dict[str, object]:
    if isinstance(result, Made):
        state = "made" if result.fresh else "present"
        return {"storage_key": result.key, "state": state, "reason": "", "notes": result.notes}
    return {"storage_key": result.key, "state": "refused", "reason": result.reason, "notes": []}


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None


def _close(file: TextIO) -> None:
    with suppress(OSError):  # what could not be written was an error already, when it was written
        file.close()


@contextmanager
def _disk_trouble(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoppedError(
            f"{name} cannot be written: {error.strerror}",
            hint="make room and run the same command: what was made is in the bucket and is not made again",
        ) from error
