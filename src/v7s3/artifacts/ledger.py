"""What earlier runs on this machine made, so that a run over unchanged objects asks S3 for two listings and no more.

A row holds a slot, the ETag of the artifact that was put last, and how many artifacts there are. It counts only while
S3 lists that artifact with that ETag: what was replaced by somebody else or made by another version is asked for again,
object by object, and a folder that lost some of its artifacts is made again. The ledger saves requests, nothing else
depends on it: without it, or when it cannot be read or written, every object is asked for its artifacts. Several runs
may share it. Memory is flat; what S3 listed waits in a temporary table on disk.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from v7s3.artifacts.keys import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from v7s3.items.objects import StorageObject

_PATIENCE = 30  # seconds for another run's transaction
_SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = FILE;
CREATE TABLE IF NOT EXISTS made (
    folder TEXT PRIMARY KEY, etag TEXT, artifacts INT, slot TEXT, notes TEXT
) WITHOUT ROWID;
CREATE TEMP TABLE listed (folder TEXT PRIMARY KEY, etag TEXT, artifacts INT) WITHOUT ROWID;
"""
_LISTED = """
INSERT INTO listed VALUES (?, ?, 1)
ON CONFLICT DO UPDATE SET etag = coalesce(etag, excluded.etag), artifacts = artifacts + 1
"""
_FIND = """
SELECT slot, notes, listed.artifacts >= made.artifacts FROM made JOIN listed USING (folder, etag) WHERE folder = ?
"""


class Entry(NamedTuple):
    """A slot of V7's payload whose artifacts are complete."""

    slot: Mapping[str, Any]
    notes: tuple[str, ...]


class Incomplete(NamedTuple):
    """A folder that has its last artifact and lost others."""


def last_artifact(recipe: str) -> str:
    """The name of the artifact that is put last, and stands for all of its folder."""
    return "thumbnail.jpg" if recipe.startswith("i") else "metadata.json"


class Ledger:
    """A sqlite file in WAL mode. `trouble` says what went wrong with it, if anything did: it is empty from then on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self._database: sqlite3.Connection | None = None
        with self._forgiving():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
            self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._database is not None:
            self._database.close()

    @property
    def is_empty(self) -> bool:
        """There is nothing to find, so listing artifacts would be for nothing."""
        return self._first("SELECT 1 FROM made LIMIT 1") is None

    def look(self, pages: Iterable[list[StorageObject]], prefix: str) -> None:
        """Take note of the artifacts below `prefix` that S3 lists."""
        for page in pages:
            found = (artifact_of(prefix, one.key) for one in page)
            rows = [
                (artifact.folder, one.etag if artifact.name == last_artifact(artifact.recipe) else None)
                for one, artifact in zip(page, found, strict=True)
                if artifact is not None
            ]
            with self._forgiving():
                if self._database is not None:
                    self._database.executemany(_LISTED, rows)

    def find(self, folder: str) -> Entry | Incomplete | None:
        """What lies in `folder`, if S3 listed it as it was left."""
        row = self._first(_FIND, folder)
        if row is None:
            return None
        slot, notes, is_complete = row
        return Entry(json.loads(slot), tuple(json.loads(notes))) if is_complete else Incomplete()

    def remember(self, folder: str, etag: str, artifacts: int, entry: Entry) -> None:
        """`artifacts`: how many lie in the folder; 0 when that is not known."""
        row = (folder, etag, artifacts, *(json.dumps(part, ensure_ascii=False) for part in entry))
        with self._forgiving():
            if self._database is not None:
                self._database.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?, ?, ?)", row)

    def _first(self, query: str, *values: str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = None
        with self._forgiving():
            if self._database is not None:
                row = self._database.execute(query, values).fetchone()
        return row

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.trouble = self.trouble or f"{self.path}: {error}"
            database, self._database = self._database, None
            if database is not None:
                database.close()
