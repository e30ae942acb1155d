"""Files of payload items (`--items`): JSON, or JSONL for any number of them. All are checked before the first is used.

A JSON file is a register payload (`{"items": […]}`), a list of items, or one item; it is read as a whole. A JSONL file
has a payload or an item on each line and is never held in memory. Every fault is reported with its line and field.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from io import BufferedReader, RawIOBase
from itertools import islice
from pathlib import Path
from select import select
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from v7s3.errors import InterruptedRunError, UsageError
from v7s3.items.jsonplaces import Document, Fault, parsed
from v7s3.items.objects import StorageObject
from v7s3.items.payload import InvalidItemError, ItemsDocument, access_of, as_item, build, storage_keys
from v7s3.items.planning import Planned, identity
from v7s3.items.spool import Spool, disk_trouble

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from v7s3.items.payload import Access, Item

STDIN = "-"
_LONGEST_WAIT = 0.2  # seconds between two looks whether the run is to stop, while a pipe has nothing


class FaultyFileError(UsageError):
    """A file with faults; `faults` has every one of them, and so has the message."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        errors = "1 error" if len(faults) == 1 else f"{len(faults):,} errors"
        super().__init__(
            f"{name}: {errors}, nothing was sent",
            details=[f"  {fault}" for fault in faults],
            hint="mend the lines named above; the fields are those of V7's register endpoints",
        )
        self.faults = tuple(faults)


class Numbered(NamedTuple):
    """An item and the line it stands on, or begins on."""

    line: int
    item: Item


# --- opening --------------------------------------------------------------------------------------------------------
@contextmanager
def opened(name: str, stopping: threading.Event | None = None) -> Iterator[IO[bytes]]:
    """The bytes of a file, or of standard input for "-". Raises UsageError when it cannot be read.

    Of a pipe, reading raises InterruptedRunError once `stopping` is set, also while there is nothing to read.
    """
    if name == STDIN:
        yield _until_stopped(sys.stdin.buffer, stopping)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  # errors of opening are told apart from errors of the user's block
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror or error}", hint="check the name of the file") from error
    with file:
        yield _until_stopped(file, stopping)


def _until_stopped(file: IO[bytes], stopping: threading.Event | None) -> IO[bytes]:
    if stopping is None or file.seekable() or sys.platform == "win32":  # select knows only sockets there
        return file
    return BufferedReader(_PipeUntilStopped(file.fileno(), stopping))


class _PipeUntilStopped(RawIOBase):
    """A pipe or a terminal. A signal's handler does not end the system's read, so it is entered only when it will not
    wait. To stop is no end of the file: the last line may be half a key."""

    def __init__(self, number: int, stopping: threading.Event) -> None:
        self._number = number
        self._stopping = stopping

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        is_ready = False
        while not is_ready:
            if self._stopping.is_set():
                raise InterruptedRunError("stopped while the source was being read", hint="run the same command again")
            is_ready = bool(select([self._number], [], [], _LONGEST_WAIT)[0])
        view = memoryview(buffer).cast("B")
        data = os.read(self._number, len(view))
        view[: len(data)] = data
        return len(data)


@contextmanager
def opened_twice(name: str) -> Iterator[IO[bytes]]:
    """As `opened`, but the file can be read from its start again: a pipe is copied to a temporary file."""
    with opened(name) as file:
        if file.seekable():
            yield file
            return
        with _copied(file) as copy:
            yield copy


def _copied(file: IO[bytes]) -> IO[bytes]:
    """What a pipe gives, in a temporary file. Raises StoppedError when there is no room for it."""
    with disk_trouble("keep a copy of what is read from a pipe"):
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
        try:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
        except BaseException:
            with suppress(OSError):  # closing writes what is left, and fails again
                copy.close()
            raise
        return copy


def lines_of(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """The lines and their numbers, without a byte order mark. Raises UsageError for UTF-16."""
    for number, line in enumerate(file, start=1):
        yield number, without_mark(line, name) if number == 1 else line


def without_mark(head: bytes, name: str) -> bytes:
    """The beginning of a file without its UTF-8 byte order mark. Raises UsageError for UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "save it as UTF-8 (PowerShell: Out-File -Encoding utf8)"
        raise UsageError(f"{name} is UTF-16, not UTF-8", hint=hint)
    return head.removeprefix(b"\xef\xbb\xbf")


# --- items ----------------------------------------------------------------------------------------------------------
def check_items(
    file: IO[bytes], name: str, access: Access | None = None, slugs: Mapping[str, str] | None = None
) -> int:
    """The number of items in the file, which are all good and all different, as are their keys. Raises FaultyFileError
    with every fault.

    `access` is the mode of the storage they are for, None to accept both. `slugs` are the dataset_slug and storage_slug
    of this run: a payload that names others is a fault.
    """
    if access == "read-write":
        _refuse_read_only(file, name)
    faults: list[Fault] = []
    count = 0
    with Spool() as spool:
        for one in read_items(file, name, access, slugs):
            if isinstance(one, Fault):
                faults.append(one)
                continue
            count += 1
            line = StorageObject(f"{one.line:020}")
            spool.add(f"name {identity(one.item.path, one.item.name)}", line)
            for key in set(storage_keys(one.item)):
                spool.add(f"storage_key {key}", line)
        for group, rows in spool.groups():
            field, _, value = group.partition(" ")
            first = int(next(rows).object.key)
            words = f"{value} is already {'the item' if field == 'name' else 'an object'} of line {first}"
            faults += (Fault(int(row.object.key), field, words) for row in rows)
    if faults:
        raise FaultyFileError(name, sorted(faults))
    return count


def _refuse_read_only(file: IO[bytes], name: str) -> None:
    """What `v7s3 prepare` wrote, for a storage that is not read-only: not every field of every line is the fault."""
    first = next((one for one in read_items(file, name) if isinstance(one, Numbered)), None)
    if first is not None and access_of(first.item) == "read-only":
        raise UsageError(
            f"the items of {name} are for a read-only storage (line {first.line}), and this one is read-write",
            hint="give the read-only storage with --storage",
        )


def planned_items(file: IO[bytes], name: str, access: Access | None = None) -> Iterator[Planned]:
    """The items of a file that `check_items` found good, in the order of the file."""
    for one in read_items(file, name, access):
        if isinstance(one, Fault):
            raise FaultyFileError(name, [one])  # it was good a moment ago: somebody is writing to it
        yield Planned(one.item, tuple(map(StorageObject, storage_keys(one.item))))


def read_items(
    file: IO[bytes], name: str, access: Access | None = None, slugs: Mapping[str, str] | None = None
) -> Iterator[Numbered | Fault]:
    """Every item of the file, from its start, or what is wrong with it. Raises UsageError when it is not UTF-8."""
    file.seek(0)
    head = list(islice((line.strip() for _, line in lines_of(file, name) if line.strip()), 2))
    file.seek(0)
    lines = lines_of(file, name)
    for number, text in lines if _is_jsonl(name, head) else [(1, b"".join(line for _, line in lines))]:
        if text.strip():
            document = parsed(text.rstrip(b"\r\n"), number)
            yield from _items_in(document, access, slugs or {}) if isinstance(document, Document) else document


def _is_jsonl(name: str, head: Sequence[bytes]) -> bool:
    """By the file's suffix, else by its first lines that are not blank: only JSONL has whole objects on lines."""
    if (suffix := Path(name).suffix.lower()) in (".json", ".jsonl", ".ndjson"):
        return suffix != ".json"
    # Two are asked, because one of them may be what is wrong with the file.
    return head[:1] != [b"{"] and any(line.startswith(b"{") and isinstance(parsed(line), Document) for line in head)


def _items_in(document: Document, access: Access | None, slugs: Mapping[str, str]) -> Iterator[Numbered | Fault]:
    place, values = "", [document.value]
    if isinstance(document.value, list):
        place, values = "[{}]", document.value
    elif isinstance(document.value, dict) and isinstance(document.value.get("items"), list):
        place, values = "items[{}]", document.value["items"]
        yield from _frame_faults(document, slugs)
    for index, value in enumerate(values):
        path = place.format(index)
        try:
            yield Numbered(document.line_of(path), as_item(value, access))
        except InvalidItemError as error:
            for problem in error.problems:
                field = f"{path}.{problem.field}".strip(".")
                yield Fault(document.line_of(field), field, problem.message)


def _frame_faults(document: Document, slugs: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong with a payload apart from its items."""
    try:
        build(ItemsDocument, document.value | {"items": []})
    except InvalidItemError as error:
        yield from (Fault(document.line_of(field), field, message) for field, message in error.problems)
    for field, slug in slugs.items():
        given = document.value.get(field)
        if isinstance(given, str) and given != slug:
            yield Fault(document.line_of(field), field, f"is {given!r}, but this run is for {slug!r}")
