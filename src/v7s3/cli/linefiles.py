"""Files that a run writes line by line while it lasts: what stands in them is true at any moment."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, TypeVar

from v7s3.cli.output import scrub_json
from v7s3.cli.separate import files_of_ledger, require_separate
from v7s3.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")


@contextmanager
def report_lines(
    path: Path | None, line_of: Callable[[T], str], *, ledger: Path | None = None
) -> Iterator[Callable[[T], None]]:
    """What writes the line of --report for a thing, with secrets taken out; it does nothing when no report is wanted.

    Raises UsageError when the file cannot be made or is the command's `ledger`, StoppedError when the disk is full.
    """
    if path is None:
        yield lambda _one: None
        return
    require_separate("--report", path, files_of_ledger("the ledger", ledger))
    file = opened(path, "--report")

    def write(one: T) -> None:
        with disk_trouble(str(path)):
            file.write(scrub_json(line_of(one)) + "\n")

    try:
        yield write
    finally:
        close(file)


def opened(path: Path, option: str) -> TextIO:
    """The file, made anew and flushed line by line. Raises UsageError when it cannot be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint=f"name another {option}") from None


def close(file: TextIO) -> None:
    with suppress(OSError):  # what could not be written was an error already, when it was written
        file.close()


@contextmanager
def disk_trouble(name: str) -> Iterator[None]:
    """Raises StoppedError for an OSError in the block, except that the reader of a pipe left."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoppedError(
            f"{name} cannot be written: {error.strerror}",
            hint="make room and run the same command: what was done is not done again",
        ) from error
