"""Changing one document of a bucket (its policy, its CORS configuration) without losing anybody else's change.

The steps, in this order, and who does them:

    make_plan      pure: what there is, what there shall be, whether that is a change at all
    Plan.diff      pure: for the person who is asked
    save_backup    one file, readable by its owner only, before anybody is asked
    carry_out      read again and stop if it changed; write; read back and compare

S3 has no conditional write for these documents, so a moment remains between the second read and the write.
The backup is what `--restore` takes: the document as it was, or `null` when there was none.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Literal, NamedTuple

from v7s3.errors import ConflictError, UsageError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

Kind = Literal["policy", "cors"]

_NAMES: dict[Kind, str] = {"policy": "bucket policy", "cors": "CORS configuration"}
_READ_BACKS = 5  # S3 may show the old document for a few seconds after a write
_PAUSE = 1.0  # seconds between them


class Store(NamedTuple):
    """How a bucket's document is read and written; None stands for "there is none"."""

    read: Callable[[], str | None]
    write: Callable[[str | None], None]
    same: Callable[[str | None, str | None], bool]  # whether two documents mean the same to S3


@dataclass(frozen=True, slots=True)
class Plan:
    """From `before` to `after`, both JSON text as S3 has it or gets it."""

    kind: Kind
    bucket: str
    before: str | None
    after: str | None
    changes: bool

    @property
    def name(self) -> str:
        """`bucket policy of acme-scans`."""
        return f"{_NAMES[self.kind]} of {self.bucket}"

    def diff(self) -> str:
        """A unified diff of both documents, one value a line whatever their own layout; "" when nothing changes."""
        if not self.changes:
            return ""
        lines = unified_diff(
            _lines(self.before),
            _lines(self.after),
            f"{self.name}, as it is",
            f"{self.name}, as it will be",
            lineterm="",
        )
        return "\n".join(lines)


def make_plan(kind: Kind, bucket: str, before: str | None, after: str | None, store: Store) -> Plan:
    """Compare what there is with what there shall be."""
    return Plan(kind, bucket, before, after, changes=not store.same(before, after))


def save_backup(plan: Plan, directory: Path, now: datetime) -> Path:
    """Write `plan.before` to a new file of mode 0600 in `directory` (made with mode 0700) and return its path.

    Raises UsageError when the directory cannot be written: without a backup nothing is changed.
    """
    stem = f"{plan.bucket}-{plan.kind}-{now:%Y%m%dT%H%M%SZ}"
    content = ("null" if plan.before is None else plan.before).encode("utf-8", "surrogatepass")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1000):
            path = directory / (f"{stem}.json" if number == 0 else f"{stem}-{number}.json")
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            return path
    except OSError as error:
        raise UsageError(
            f"no backup of the {plan.name} could be written to {directory}: {error.strerror}",
            hint="nothing was changed; make the directory writable, or set XDG_STATE_HOME",
        ) from error
    raise UsageError(f"{directory} holds a thousand backups of this second", hint="nothing was changed; try again")


def load_backup(path: Path, kind: Kind, bucket: str) -> str | None:
    """The document that `save_backup` put aside, to the byte but for a BOM; None when there was none.

    That there was none holds for one bucket, which the file's name tells: another one's document would be deleted.
    Raises UsageError when it tells another, and when the file cannot be read or is no JSON.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # an editor may have put the mark there; S3 does not take it
        value = json.loads(text)
    except OSError as error:
        raise UsageError(f"the backup {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no backup: it does not hold JSON") from error
    if value is None and not re.fullmatch(rf"{re.escape(bucket)}-{kind}-\d{{8}}T\d{{6}}Z(-\d+)?\.json", path.name):
        raise UsageError(
            f"{path} says that there was no document, and by its name not that it is the {_NAMES[kind]} of {bucket}",
            hint=f"nothing was changed; backups of that one are called {bucket}-{kind}-DATE.json",
        )
    return None if value is None else text


def carry_out(plan: Plan, store: Store, backup: Path, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Write `plan.after`, unless the document is no longer `plan.before`; then make sure that it is there.

    Raises ConflictError when somebody else changed the document before the write, or when S3 keeps showing
    something else after it. Errors of `store` pass through, with the way back in their hint.
    """
    if not store.same(store.read(), plan.before):
        raise ConflictError(
            f"the {plan.name} changed since it was read; nothing was written",
            hint="run the command again to see the difference to the document of now",
        )
    way_back = f"the document as it was is in {backup}; `--restore {shlex.quote(str(backup))}` puts it back"
    try:
        store.write(plan.after)
    except V7S3Error as error:
        unchanged = "the write failed; run the check to see what the bucket has now"
        error.hint = "; ".join(part for part in (error.hint, unchanged, way_back) if part)
        raise
    for attempt in range(_READ_BACKS):
        if attempt:
            pause(_PAUSE)
        if store.same(store.read(), plan.after):
            return
    raise ConflictError(f"S3 accepted the {plan.name} but answers another one when asked for it", hint=way_back)


def _lines(document: str | None) -> list[str]:
    if document is None:
        return []
    try:
        return json.dumps(json.loads(document), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return document.splitlines()
