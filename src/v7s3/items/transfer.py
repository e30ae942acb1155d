"""A ledger as text: one JSON document a line, so that it can be kept in a cache, compared, mended, and read again.

    {"v7s3_ledger": 1, "darwin_url": …, "team": …, "dataset": …}            the first line
    {"run": {"started": …, "finished": …, "source": …}}                     runs, in the order of their beginning
    {"storage": …, "key": …, "etag": …, "state": …, "path": …, "name": …}   keys, in the order of storage and key

The first line also has "forgotten" when keys ever were: the time, which the runs have to be seen with.

Law: what is exported from an imported export is the same text. Importing twice is importing once.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from v7s3.errors import ConflictError, UsageError
from v7s3.items.ledger import Forgotten, Row, RunRecord, Standing
from v7s3.items.outcome import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from v7s3.items.ledger import Ledger, Target

_VERSION = 1
_SHOWN = 20  # faults named at once
_TEXTS = ("storage", "key", "etag", "path", "name")
_OPTIONAL = ("reason", "item_id")
# Years from 1970: what is a day earlier than the first ones cannot be told.
_MOMENT = re.compile(r"(?:19[789]|[2-9]\d\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class Entries(NamedTuple):
    """How much an import brought: rows that were new or better, and runs."""

    keys: int
    runs: int


def exported(ledger: Ledger) -> Iterator[str]:
    """The lines of a ledger, without newlines. Lazy."""
    target = ledger.target
    forgotten = {"forgotten": ledger.forgotten} if ledger.forgotten else {}
    yield _line({"v7s3_ledger": _VERSION, **target_fields(target), **forgotten})
    for run in sorted(ledger.runs(), key=lambda run: (run.started, run.source)):
        yield _line({"run": {"started": run.started, "finished": run.finished, "source": run.source}})
    for row in ledger.rows():
        known = row.standing
        line = {"storage": row.storage, "key": row.key, "etag": known.etag, "state": known.state}
        line |= {"path": known.path, "name": known.name}
        yield _line(line | {name: text for name in _OPTIONAL if (text := getattr(known, name))})


def target_fields(target: Target) -> dict[str, str]:
    return {"darwin_url": target.darwin_url, "team": target.team, "dataset": target.dataset}


def check(lines: Iterable[bytes], name: str, target: Target) -> int:
    """How many keys the lines hold. Raises UsageError naming every faulty line, ConflictError for another dataset's."""
    faults = []
    count = number = 0
    for number, line in enumerate(lines, start=1):
        try:
            entry = _read(line, number, target)
        except ValueError as error:
            faults.append(f"  line {number}: {error}")
        else:
            count += isinstance(entry, Row)
    if not number:
        raise UsageError(f"{name} is empty, nothing was imported", hint="`v7s3 ledger export` writes such files")
    if not faults:
        return count
    more = [f"  … and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    raise UsageError(
        f"{name}: {len(faults)} faulty lines, nothing was imported",
        details=[*faults[:_SHOWN], *more],
        hint="`v7s3 ledger export` writes such files",
    )


def entries(lines: Iterable[bytes], target: Target) -> Iterator[Row | RunRecord | Forgotten]:
    """What the lines say that `check` found good."""
    for number, line in enumerate(lines, start=1):
        entry = _read(line, number, target)
        if entry is not None:
            yield entry


def _read(line: bytes, number: int, target: Target) -> Row | RunRecord | Forgotten | None:
    """One line's meaning; None for one that has none. Raises ValueError in words, or ConflictError."""
    if not line.strip() and number > 1:
        return None
    try:
        document = json.loads(line)
    except ValueError:
        raise ValueError("is no JSON") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004  # one kind of error for all faults of a line
    if number == 1:
        _check_header(document, target)
        return Forgotten(_text(document, "forgotten")) if "forgotten" in document else None
    return _run(document["run"]) if "run" in document else _row(document)


def _check_header(document: dict[str, Any], target: Target) -> None:
    if document.get("v7s3_ledger") != _VERSION:
        raise ValueError(f'must be {{"v7s3_ledger": {_VERSION}, …}}, the first line of an export')
    for name, value in target_fields(target).items():
        if document.get(name) != value:
            raise ConflictError(
                f"the export belongs to {name} {document.get(name)!r}, not {value!r}",
                hint="import it into the ledger of its own dataset",
            )


def _run(document: Any) -> RunRecord:
    if not isinstance(document, dict):
        raise ValueError("run must be an object")  # noqa: TRY004  # as above
    finished = document.get("finished")
    if finished is not None:
        finished = _moment(document, "finished")
    return RunRecord(0, _moment(document, "started"), finished, _text(document, "source"))


def _row(document: dict[str, Any]) -> Row:
    unknown = document.keys() - {*_TEXTS, *_OPTIONAL, "state"}
    if unknown:
        raise ValueError(f"has unknown fields: {', '.join(sorted(unknown))}")
    storage, key, etag, path, name = (_text(document, field) for field in _TEXTS)
    state = next((state for state in STATES if state == document.get("state")), None)
    if state is None:
        raise ValueError(f"state must be one of {', '.join(STATES)}, not {document.get('state')!r}")
    if not key or not storage:
        raise ValueError("key and storage must not be empty")
    reason, item_id = (_text(document, field) if field in document else "" for field in _OPTIONAL)
    return Row(storage, key, Standing(etag, state, reason, path, name, item_id), 0)


def _moment(document: dict[str, Any], name: str) -> str:
    """A time as `register` writes it: others would neither compare with those nor count from them."""
    value = _text(document, name)
    if not _MOMENT.fullmatch(value):
        raise ValueError(f"{name} must be a time in UTC as 2026-05-01T10:00:00.000Z, not {value!r}")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name} is no time that there is: {value}") from None
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")  # noqa: TRY004  # as above
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} is no text that could be stored") from None
    return value


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
