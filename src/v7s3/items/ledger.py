"""Which keys are settled: a sqlite file in WAL mode with one writer.

One ledger belongs to one dataset (Darwin URL, team, dataset), because V7's rule "a name at a path exists once" spans
the dataset, whatever storage an item's object is in. A row belongs to one storage key; the keys of one item carry the
same item id and are written in one transaction, so a group is settled whole or not at all. An item's path and name
are not written when they are those of the key, as they nearly always are: that is half of the file.

Kill -9 loses at most what was not committed: those items are sent again and V7 answers ALREADY_EXISTS. Memory is
flat: nothing here holds more than one page of keys.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, islice, starmap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from v7s3.errors import ConflictError, StoppedError, UsageError
from v7s3.items.outcome import DONE, STATES, TAKEN_BY_IT_OR, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from v7s3.items.objects import StorageObject

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE storage (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE run (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, source TEXT NOT NULL
);
CREATE TABLE settled (
    storage INTEGER NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL,
    path TEXT, name TEXT, -- both NULL when they are the key's own: "/a/b" and "c" for a/b/c
    item_id TEXT NOT NULL, run INTEGER NOT NULL,
    PRIMARY KEY (storage, key)
) WITHOUT ROWID;
CREATE INDEX settled_place ON settled (path, name) WHERE path IS NOT NULL;
"""
_SELECT = (
    "SELECT storage.name, key, etag, state, reason, path, settled.name, item_id, run"
    " FROM settled JOIN storage ON storage.id = storage"
)
_IN_ANY_STORAGE = "storage IN (SELECT id FROM storage)"  # so that a key is found by the table's own order
_LAST_DONE = max(STATES.index(state) for state in DONE)  # those in V7 come first


def _says(table: str) -> str:
    """How much a row says of what V7 has, the smaller the more, as SQL.

    V7 has the key; it may have it, its answer being lost; it has it not.
    A refusal of ours, which has no place, says nothing.
    """
    lost = STATES.index("failed")
    return (
        f"CASE WHEN {table}.path = '' THEN 3 WHEN {table}.state <= {_LAST_DONE} THEN 0"
        f" WHEN {table}.state = {lost} THEN 1 ELSE 2 END, {table}.state"
    )


_MERGE = (
    "INSERT INTO settled VALUES (?,?,?,?,?,?,?,?,0) ON CONFLICT (storage, key) DO UPDATE SET"  # noqa: S608  # constants
    " etag = excluded.etag, state = excluded.state, reason = excluded.reason, path = excluded.path,"
    " name = excluded.name, item_id = excluded.item_id"
    f" WHERE ({_says('excluded')}) < ({_says('settled')})"
)
_MERGED = 1000  # keys at a time
# A page is answered by one range scan unless its keys lie so far apart that the range holds much else.
_SPARSE = 4
_MOST_VARIABLES = 500
_DONE = tuple(state for state in STATES if state in DONE)
_PAGE_AS_TEXT = ", ".join(
    f"count(*) FILTER (WHERE state = {number}), "
    f"group_concat(key || char(0) || etag, char(1)) FILTER (WHERE state = {number})"
    for number in map(STATES.index, _DONE)
)
_COLUMNS = 9
_ROWS = 100  # written by one statement: sqlite gives up the interpreter's lock for each
_NUMBERS: dict[State, int] = {state: number for number, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Target:
    """The dataset a ledger belongs to."""

    darwin_url: str
    team: str
    dataset: str

    def file_name(self, shard: str = "") -> str:
        """A name that tells the datasets apart and can stand in any file system; `shard` as "3/16" has its own."""
        digest = blake2b(f"{self.darwin_url}\n{self.team}\n{self.dataset}".encode(), digest_size=4).hexdigest()
        slug = "".join(c if c.isalnum() or c in "-_" else "-" for c in f"{self.team}--{self.dataset}")
        part = f"--{shard.replace('/', '-of-')}" if shard else ""
        return f"{slug[:80]}--{digest}{part}.sqlite"


class Standing(NamedTuple):
    """What the ledger knows of one key. Without a `path` it was refused before it had a place in the dataset."""

    etag: str
    state: State
    reason: str
    path: str
    name: str
    item_id: str

    @property
    def may_be_in_v7(self) -> bool:
        """Whether V7 may have it at its place although it did not say so: the answer was lost."""
        return bool(self.path) and (self.state == "failed" or self.reason.startswith(TAKEN_BY_IT_OR))


class Row(NamedTuple):
    """One key of the ledger, for export and for comparing with V7 and the bucket."""

    storage: str
    key: str
    standing: Standing
    run: int


class RunRecord(NamedTuple):
    """One run of `register`. `finished` is None when it was cut off, or left something that it could not settle."""

    number: int
    started: str  # ISO 8601, UTC
    finished: str | None
    source: str


class Forgotten(NamedTuple):
    """When keys were last forgotten. Whoever takes over the runs has to know: those before it looked at keys that are
    not settled any more."""

    at: str  # ISO 8601, UTC


def _row(values: tuple[str, str, str, int, str, str | None, str | None, str, int]) -> Row:
    storage, key, etag, state, reason, path, name, item_id, run = values
    return Row(storage, key, _standing(key, etag, state, reason, path, name, item_id), run)


def _standing(
    key: str, etag: str, state: int, reason: str, path: str | None, name: str | None, item_id: str
) -> Standing:
    if path is None or name is None:
        folder, _, name = key.rpartition("/")
        path = "/" + folder
    return Standing(etag, STATES[state], reason, path, name, item_id)


@lru_cache(maxsize=4096)
def _folder(path: str) -> str:
    """A folder of the dataset as the table has it, "/" or "/a/b", however V7 or a caller writes it."""
    return "/" + path.strip("/")


@lru_cache(maxsize=4096)
def _below(path: str) -> str:
    """What the keys begin with that have their own place in this folder: "", "a/b/"."""
    return f"{path.strip('/')}/".lstrip("/")


def _key_at(path: str, name: str) -> str | None:
    """The key whose own place this is; None when no key has it."""
    return _below(path) + name if path and "/" not in name else None


@lru_cache(maxsize=_ROWS)
def _settle_rows(count: int) -> str:
    rows = ",".join([f"({','.join('?' * _COLUMNS)})"] * count)
    return f"INSERT OR REPLACE INTO settled VALUES {rows}"  # noqa: S608  # only ? marks


class Ledger:
    """Use as a context manager; `path=None` keeps nothing (a private temporary file that sqlite removes).

    Raises ConflictError when another run holds the ledger or it belongs to another dataset, UsageError when the file
    is not a ledger or cannot be written.
    """

    def __init__(self, path: Path | None, target: Target, *, read_only: bool = False) -> None:
        self.path = path
        self.target = target
        self._lock: sqlite3.Connection | None = None
        self.run = 0  # what is settled now carries this number
        self._numbers: dict[str, int] = {}  # of storages
        file: Path | None = None
        with _explained(path):
            if path is not None:
                # By whatever link or way it is named, a file has one lock; and ":memory:" is a name like any other.
                file = Path(os.path.realpath(path))
                if not read_only:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    _refuse_foreign(file, path)  # first, so that no lock is left beside a file of somebody else
                    self._lock = _lock(file, path)
                elif not file.exists():
                    raise UsageError(f"there is no ledger at {path}", hint="`v7s3 register` writes one")
            self._database = sqlite3.connect(file or "", timeout=10, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(read_only=read_only)
            except BaseException:
                self.close()
                raise

    def _prepare(self, *, read_only: bool) -> None:
        database = self._database
        (is_new,) = database.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()
        known = {} if is_new else dict(database.execute("SELECT name, value FROM meta"))
        if known.get("schema", str(_SCHEMA_VERSION)) != str(_SCHEMA_VERSION):
            raise UsageError(
                f"{self.path} is a ledger of another version of v7s3 (schema {known['schema']})",
                hint="take it over with `v7s3 ledger export` of that version and `ledger import` of this one, or name "
                "another --ledger",
            )
        if read_only:
            database.execute("PRAGMA query_only = ON")
        else:
            database.execute("PRAGMA journal_mode = WAL")
            # NORMAL survives the death of the process; only a power cut may undo the last commits, and what they
            # recorded is then sent again and answered ALREADY_EXISTS.
            database.execute("PRAGMA synchronous = NORMAL")
            if not known:
                known = {"schema": str(_SCHEMA_VERSION), **self._target_values()}
                self._make(known)
        if not known:
            raise UsageError(f"{self.path} is not a ledger of v7s3", hint="name another file")
        for name, value in self._target_values().items():
            if known.get(name) != value:
                raise ConflictError(
                    f"the ledger {self.path} belongs to {name} {known.get(name)!r}, not {value!r}",
                    hint="leave out --ledger, or name the ledger of this dataset",
                )

    def _make(self, meta: dict[str, str]) -> None:
        """The whole of an empty ledger, or nothing of it: a run may end at any moment."""
        with self._transaction():
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())

    def _target_values(self) -> dict[str, str]:
        return {"darwin_url": self.target.darwin_url, "team": self.target.team, "dataset": self.target.dataset}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        self.close()
        if isinstance(error, sqlite3.DatabaseError):  # a damaged file shows wherever it is read
            with _explained(self.path):
                raise error

    def close(self) -> None:
        """Let go of the file and the lock; safe to call twice."""
        self._database.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # --- runs -------------------------------------------------------------------------------------------------------

    def begin_run(self, source: str) -> int:
        """Start a run and return its number; outcomes recorded from now on carry it."""
        cursor = self._database.execute("INSERT INTO run (started, source) VALUES (?, ?)", (_now(), source))
        self.run = cast("int", cursor.lastrowid)
        return self.run

    def finish_run(self) -> None:
        """Mark the run as having come to its end: everything its source named was looked at."""
        self._database.execute("UPDATE run SET finished = ? WHERE id = ?", (_now(), self.run))

    def last_finished_start(self, source: str) -> str | None:
        """When the last run over `source` that came to its end was started (ISO 8601, UTC); None when there is none.

        Its start, not its end: what was put into the bucket while it ran may have been missed. A start in the future
        was told by a wrong clock, and runs before a key was forgotten know nothing of it: both do not count.
        """
        row = self._database.execute(
            "SELECT max(started) FROM run WHERE source = ? AND finished IS NOT NULL AND started <= ?"
            " AND started > coalesce((SELECT value FROM meta WHERE name = 'forgotten'), '')",
            (source, _now()),
        ).fetchone()
        return cast("str | None", row[0])

    # --- keys -------------------------------------------------------------------------------------------------------

    def standings(self, storage: str, keys: Sequence[str]) -> dict[str, Standing]:
        """What is known of these keys (at most a page or two of them, best in key order); unknown ones are left out."""
        if not keys:
            return {}
        try:
            return self._standings(self._storage_if_known(storage), keys)
        except UnicodeEncodeError:  # half a surrogate pair: no request can name such a key, so it was never settled
            return self._standings(self._storage_if_known(storage), [key for key in keys if _is_text(key)])

    def _standings(self, number: int, keys: Sequence[str]) -> dict[str, Standing]:
        if not keys:
            return {}
        rows = self._database.execute(
            "SELECT key, etag, state, reason, path, name, item_id FROM settled"
            " WHERE storage = ? AND key BETWEEN ? AND ? LIMIT ?",
            (number, min(keys), max(keys), _SPARSE * len(keys)),  # code points are in sqlite's order, that of UTF-8
        ).fetchall()
        if len(rows) == _SPARSE * len(keys):
            rows = self._look_up(number, keys)
        wanted = set(keys)
        return {row[0]: _standing(*row) for row in rows if row[0] in wanted}

    def _look_up(
        self, number: int, keys: Sequence[str]
    ) -> list[tuple[str, str, int, str, str | None, str | None, str]]:
        found = []
        for start in range(0, len(keys), _MOST_VARIABLES):
            part = keys[start : start + _MOST_VARIABLES]
            marks = ",".join("?" * len(part))
            found += self._database.execute(
                "SELECT key, etag, state, reason, path, name, item_id FROM settled"  # noqa: S608  # only ? marks
                f" WHERE storage = ? AND key IN ({marks})",
                (number, *part),
            ).fetchall()
        return found

    def without_unchanged(
        self, storage: str, objects: Sequence[StorageObject]
    ) -> tuple[list[StorageObject], dict[State, int]]:
        """Those of a page in key order that are not in V7, or not with this ETag; and how many the others are.

        The fast half of a rescan, where nearly all keys are unchanged: sqlite puts the whole page into one text. Rows
        fetched one by one would each give up the interpreter's lock to the threads that list.
        """
        if not (_is_text(objects[0].key) and _is_text(objects[-1].key)):
            return list(objects), {}
        found = self._database.execute(
            f"SELECT {_PAGE_AS_TEXT} FROM"  # noqa: S608  # a constant
            " (SELECT state, key, etag FROM settled WHERE storage = ? AND key BETWEEN ? AND ? LIMIT ?)",
            (self._storage_if_known(storage), objects[0].key, objects[-1].key, _SPARSE * len(objects)),
        ).fetchone()
        rest, counts = list(objects), dict[State, int]()
        for state, count, text in zip(_DONE, found[::2], found[1::2], strict=True):
            # Keys that hold the separators would be cut in pieces: such a page is looked at key by key.
            if not count or text.count("\0") != count or text.count("\1") != count - 1:
                continue
            known = frozenset(text.split("\1"))
            left = [one for one in rest if f"{one.key}\0{one.etag}" not in known]
            counts[state] = len(rest) - len(left)
            rest = left
        return rest, counts

    def holder_of(self, storage: str, outcome: Outcome) -> Row | None:
        """Another key that V7 has at this outcome's path and name, or else one that may be there."""
        others = [
            row
            for row in self._at([(_folder(outcome.path), outcome.name)])
            if row.storage != storage or row.key not in outcome.keys
        ]
        certain = (row for row in others if row.standing.state in DONE)
        return next(certain, None) or next((row for row in others if row.standing.may_be_in_v7), None)

    def settle(self, storage: str, outcomes: Iterable[Outcome]) -> None:
        """Record what became of these items, all or nothing; keys that are no text are refused anew by every run."""
        number, run = self._storage(storage), self.run
        values: list[str | int | None] = []
        for state, keys, etags, path, name, reason, item_id in outcomes:
            own = _key_at(path, name)
            for key, etag in zip(keys, etags, strict=True):
                if key.isascii() or _is_text(key):
                    place = (None, None) if key == own else (path and _folder(path), name)
                    values += (number, key, etag, _NUMBERS[state], reason, *place, item_id, run)
        with self._transaction():
            for start in range(0, len(values), _ROWS * _COLUMNS):
                part = values[start : start + _ROWS * _COLUMNS]
                self._database.execute(_settle_rows(len(part) // _COLUMNS), part)

    def merge(self, entries: Iterable[Row | RunRecord | Forgotten]) -> int:
        """Take in keys and runs of an export, all or nothing; how many keys were new, or known better there.

        Where both know a key, what says more of V7 counts: that it has the key, or may have it, or has it not; of two
        that say the same, ours stays.
        """
        merged, source, numbers = 0, iter(entries), dict[str, int]()
        with self._transaction():
            while some := list(islice(source, _MERGED)):
                rows = []
                for entry in some:
                    if isinstance(entry, RunRecord):
                        self._merge_run(entry)
                        continue
                    if isinstance(entry, Forgotten):
                        self._note_forgotten(entry.at)
                        continue
                    storage, key, known, _ = entry
                    if storage not in numbers:
                        numbers[storage] = self._storage(storage)
                    is_own = key == _key_at(known.path, known.name)
                    place = (None, None) if is_own else (known.path and _folder(known.path), known.name)
                    state = _NUMBERS[known.state]
                    rows.append((numbers[storage], key, known.etag, state, known.reason, *place, known.item_id))
                if rows:
                    merged += self._database.executemany(_MERGE, rows).rowcount
        return merged

    def _merge_run(self, run: RunRecord) -> None:
        same = (run.started, run.source)
        found = self._database.execute(
            "UPDATE run SET finished = coalesce(finished, ?) WHERE started = ? AND source = ?", (run.finished, *same)
        )
        if not found.rowcount:
            self._database.execute(
                "INSERT INTO run (started, finished, source) VALUES (?, ?, ?)", (run.started, run.finished, run.source)
            )

    def rows(self, *, storage: str | None = None, prefix: str = "") -> Iterator[Row]:
        """Every key, in the order of (name of the storage, key); only those of a storage, or below a prefix."""
        for name in [storage] if storage is not None else self.storages():
            found = self._database.execute(
                f"{_SELECT} WHERE storage = ? AND key >= ? ORDER BY key", (self._storage_if_known(name), prefix)
            )
            for row in map(_row, found):
                if not row.key.startswith(prefix):
                    break
                yield row

    def rows_at(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Row]]:
        """The keys this ledger has at these (path, name); in the answer a path has no outer slashes."""
        wanted = list({(_folder(path), name) for path, name in places})
        found: dict[tuple[str, str], list[Row]] = {}
        for start in range(0, len(wanted), _MOST_VARIABLES // 2):
            for row in self._at(wanted[start : start + _MOST_VARIABLES // 2]):
                found.setdefault((row.standing.path.strip("/"), row.standing.name), []).append(row)
        return found

    def _at(self, places: Sequence[tuple[str, str]]) -> list[Row]:
        """The keys at these (folder, name): those they are written for, and those whose own place it is."""
        pairs = ",".join(["(?,?)"] * len(places))
        found = self._database.execute(
            f"WITH wanted (folder, item) AS (VALUES {pairs}) {_SELECT}"
            " JOIN wanted ON path = folder AND settled.name = item",
            list(chain.from_iterable(places)),
        ).fetchall()
        keys = [key for key in starmap(_key_at, places) if key is not None]
        found += self._database.execute(
            f"{_SELECT} WHERE {_IN_ANY_STORAGE} AND key IN ({','.join('?' * len(keys))}) AND path IS NULL", keys
        ).fetchall()
        return [_row(values) for values in found]

    def storages(self) -> list[str]:
        """The storages there are keys of, sorted."""
        return sorted(name for (name,) in self._database.execute("SELECT name FROM storage"))

    def count_items(self, *, since_run: int | None = None) -> int:
        """How many items are in V7 as far as this ledger knows: those of `since_run` and the runs after it."""
        row = self._database.execute(
            "SELECT count(*) FROM (SELECT DISTINCT coalesce(rtrim(path, '/') || '/' || name, '/' || key) FROM settled"
            " WHERE state <= ? AND run >= ?)",
            (_LAST_DONE, since_run or 0),
        ).fetchone()
        return cast("int", row[0])

    def runs(self) -> list[RunRecord]:
        """Every run, the oldest first."""
        found = self._database.execute("SELECT id, started, finished, source FROM run ORDER BY id")
        return [RunRecord(*row) for row in found]

    def count(self) -> dict[State, int]:
        """How many keys are in each state."""
        rows = self._database.execute("SELECT state, count(*) FROM settled GROUP BY state")
        return {STATES[state]: number for state, number in rows}

    def forget(self, storage: str, keys: Iterable[str]) -> int:
        """Remove keys, with the others of their items, so that a run sends them again; how many rows that were."""
        number = self._storage_if_known(storage)
        removed = 0
        with self._transaction():
            for key in keys:
                for row in self._of_one_item(number, key):
                    removed += self._database.execute(
                        "DELETE FROM settled WHERE storage = ? AND key = ?", (number, row.key)
                    ).rowcount
            if removed:  # no earlier than the last run began: the clock may have been set back since
                (latest,) = self._database.execute("SELECT coalesce(max(started), '') FROM run").fetchone()
                self._note_forgotten(max(_now(), latest))
        return removed

    @property
    def forgotten(self) -> str:
        """When keys were last forgotten (ISO 8601, UTC); "" when none ever were. Earlier runs know nothing of it."""
        row = self._database.execute("SELECT value FROM meta WHERE name = 'forgotten'").fetchone()
        return cast("str", row[0]) if row else ""

    def _note_forgotten(self, at: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO meta VALUES ('forgotten', ?)", (max(at, self.forgotten),))

    def _of_one_item(self, number: int, key: str) -> list[Row]:
        """The row of a key, and those of the other keys of its item: at a place there may be another item's too, which
        took it first."""
        values = self._database.execute(f"{_SELECT} WHERE storage = ? AND key = ?", (number, key)).fetchone()
        if values is None:
            return []
        row = _row(values)
        if not row.standing.path:
            return [row]
        there = self._at([(row.standing.path, row.standing.name)])
        return [one for one in there if _settled_together(one) == _settled_together(row)]

    def _storage(self, name: str) -> int:
        number = self._storage_if_known(name)
        if number < 0:
            cursor = self._database.execute("INSERT INTO storage (name) VALUES (?)", (name,))
            return cast("int", cursor.lastrowid)
        return number

    def _storage_if_known(self, name: str) -> int:
        """Its number; -1, which no row has, when there is no key of this storage."""
        if name in self._numbers:
            return self._numbers[name]
        row = self._database.execute("SELECT id FROM storage WHERE name = ?", (name,)).fetchone()
        number = cast("int", row[0]) if row else -1
        if row and not self._database.in_transaction:  # else it may yet be rolled back
            self._numbers[name] = number
        return number

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _explained(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _settled_together(row: Row) -> tuple[str, str, str, int]:
    """What the keys of one item have in common, and those of two at one place have not: items without an id, whose
    answers were lost, are told apart by their runs."""
    return row.storage, row.standing.state, row.standing.item_id, row.run


def _refuse_foreign(file: Path, name: Path) -> None:
    """Raise UsageError or sqlite's own error when the file is there and no ledger. An empty one may become one."""
    if not file.exists():
        return
    with closing(sqlite3.connect(file, timeout=10)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "meta" not in tables:  # the first that a ledger gets
        raise UsageError(f"{name} is not a ledger of v7s3, but another database", hint="name another file")


def _lock(file: Path, name: Path) -> sqlite3.Connection:
    """Hold `file`, which is no link, against other runs until closed.

    An exclusive transaction on a file of its own: it works on every system, readers of the ledger are not kept out,
    and the system lets go of it when the process dies in whatever way.
    """
    lock = sqlite3.connect(file.with_name(file.name + ".lock"), timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):  # a full disk, or no right to write
            raise
        raise ConflictError(
            f"another run of v7s3 is using the ledger {name}",
            hint="wait until it ends; two datasets, or two --ledger files, can run side by side",
        ) from None
    return lock


@contextmanager
def _explained(path: Path | None) -> Iterator[None]:
    """sqlite's and the system's complaints in words that name the file."""
    name = path or "the temporary ledger"
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            hint = "is the disk full? make room and run the same command again: nothing is lost"
            raise StoppedError(f"{name} cannot be written ({text})", hint=hint) from None
        if "malformed" in text:
            raise UsageError(
                f"the ledger {name} is damaged ({text})", hint="put it aside; `v7s3 ledger rebuild` makes it anew"
            ) from None
        if "not a database" in text or "no such table" in text:
            raise UsageError(f"{name} is not a ledger of v7s3 ({text})", hint="name another file") from None
        raise UsageError(f"the ledger {name} cannot be used: {text}", hint="check the file's rights") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"the ledger {name} cannot be used: {reason}", hint="check the folder's rights") from None


def remove(path: Path) -> None:
    """Delete a ledger and the files sqlite keeps beside it."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")  # noqa: PTH108  # names with a suffix appended, not paths with another one


def _is_text(key: str) -> bool:
    """Whether a key is Unicode text; others come out of listings of objects whose names are not UTF-8."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
