"""Objects sorted on disk: what belongs together comes together, however far apart it arrived, in flat memory. And
texts told apart on disk."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import contextmanager
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from v7s3.errors import StoppedError
from v7s3.items.objects import StorageObject

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1000  # rows a transaction's call inserts at once
_SORT = "sort the objects on disk"
_COUNT = "tell the items apart on disk"


class Row(NamedTuple):
    """One object of a group. `note` is whatever the caller wants to read again."""

    group: str
    object: StorageObject
    note: str


class Spool:
    """A temporary sqlite file, removed when the spool is closed. Ten million rows take about 2 GB beside it and in it;
    up to some 25,000 stay in memory.

    Use it as a context manager: `add` everything, then read `groups` once.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[object, ...]] = []
        with disk_trouble(_SORT):
            self._folder = tempfile.TemporaryDirectory(prefix="v7s3-spool-", ignore_cleanup_errors=True)
            self._database = sqlite3.connect(Path(self._folder.name) / "spool.sqlite", isolation_level=None)
            self._database.executescript(
                """
                PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
                PRAGMA cache_size = -8000; PRAGMA temp_store = FILE;
                BEGIN;
                CREATE TABLE spool (grp BLOB, key BLOB, size INT, etag TEXT, modified TEXT, class TEXT, note BLOB);
                """
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, group: str, one: StorageObject, note: str = "") -> None:
        self._pending.append((_bytes(group), _bytes(one.key), *one[1:], _bytes(note)))
        if len(self._pending) >= _CHUNK:
            self._flush()

    def groups(self) -> Iterator[tuple[str, Iterator[Row]]]:
        """Each group with its rows, both in the order of their UTF-8 bytes, whatever the order of arrival.

        As with itertools.groupby, a group's rows must be read before the next group is asked for.
        """
        self._flush()
        with disk_trouble(_SORT):
            yield from groupby(self._sorted(), key=attrgetter("group"))

    def _sorted(self) -> Iterator[Row]:
        # Every column takes part in the order, so that even rows of one key come in an order of their own.
        rows = self._database.execute("SELECT * FROM spool ORDER BY grp, key, note, size, etag, modified, class")
        for group, key, size, etag, modified, storage_class, note in rows:
            yield Row(_text(group), StorageObject(_text(key), size, etag, modified, storage_class), _text(note))

    def _flush(self) -> None:
        with disk_trouble(_SORT):
            self._database.executemany("INSERT INTO spool VALUES (?, ?, ?, ?, ?, ?, ?)", self._pending)
        self._pending.clear()


class Seen:
    """Which texts have come before, in flat memory: some 40 bytes of a temporary file for each."""

    def __init__(self) -> None:
        with disk_trouble(_COUNT):
            self._database = sqlite3.connect("", isolation_level=None)  # a file of sqlite's own, once it gets large
            self._database.executescript(
                """
                PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;
                BEGIN;
                CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID;
                """
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def is_new(self, text: str) -> bool:
        """Whether it is asked about for the first time."""
        digest = blake2b(_bytes(text), digest_size=16).digest()
        with disk_trouble(_COUNT):
            return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1


def _bytes(text: str) -> bytes:
    """Keys are opaque: sqlite's own text type would refuse half a surrogate pair."""
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


@contextmanager
def disk_trouble(purpose: str) -> Iterator[None]:
    """Raises StoppedError when the folder for temporary files has no room, or when there is none."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        # The folder's name is asked for only once it is known that there is one: else asking raises the same again.
        where = f", in {tempfile.tempdir}" if tempfile.tempdir else ""
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise StoppedError(
            f"cannot {purpose}{where}: {reason}",
            hint="point TMPDIR at a disk with more room (about 200 bytes for each object, twice), then run again",
        ) from error
