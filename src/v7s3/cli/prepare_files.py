"""The files `v7s3 prepare` writes: items that are complete or not there at all, and the lines of its report."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from v7s3.artifacts.making import Made
from v7s3.cli.linefiles import close, disk_trouble, opened
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from v7s3.artifacts.making import Unmade

STDOUT = "-"


def partial_of(path: Path) -> Path:
    """Where the items of an unfinished run are."""
    return path.with_name(f"{path.name}.partial")


class ItemsFile:
    """Lines go to `partial_of` the file, which takes the name only when the run has come to its end."""

    def __init__(self, name: str) -> None:
        self._path = None if name == STDOUT else Path(name)
        if self._path is not None and self._path.is_dir():
            raise UsageError(f"{name} is a directory", hint=f"name a file in it: --output {self._path / 'items.jsonl'}")
        self._partial = None if self._path is None else partial_of(self._path)
        self._file: TextIO = sys.stdout if self._partial is None else opened(self._partial, "--output")
        self._is_complete = self._path is None

    @property
    def shown_name(self) -> str:
        """Where the items are now."""
        return "standard output" if self._path is None else str(self._path if self._is_complete else self._partial)

    def write(self, line: str) -> None:
        with disk_trouble(self.shown_name):
            self._file.write(line + "\n")
            self._file.flush()

    def complete(self) -> None:
        if self._path is None or self._partial is None:
            return
        with disk_trouble(self.shown_name):
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.replace(self._path)
        self._is_complete = True

    def discard(self) -> None:
        """Leave the file of an earlier run as it is."""
        if self._partial is not None:
            close(self._file)
            self._partial.unlink(missing_ok=True)
            self._is_complete = True

    def close(self) -> None:
        if self._path is not None:
            close(self._file)


@contextmanager
def items_file(name: str) -> Iterator[ItemsFile]:
    """Raises UsageError when the file cannot be made or is a directory, StoppedError when the disk is full."""
    file = ItemsFile(name)
    try:
        yield file
    finally:
        file.close()


def report_line(result: Made | Unmade) -> str:
    """The line of --report for a result: storage_key, state (made, present, refused), reason, notes."""
    return json.dumps(_as_document(result), ensure_ascii=False)


def _as_document(result: Made | Unmade) -> dict[str, object]:
    if isinstance(result, Made):
        state = "made" if result.fresh else "present"
        return {"storage_key": result.key, "state": state, "reason": "", "notes": result.notes}
    return {"storage_key": result.key, "state": "refused", "reason": result.reason, "notes": []}
