"""What became of registered items at V7: states counted, and V7's own error of each failed one with its likely cause.

V7 fetches the objects of read-write items after it has accepted them, so "registered" is not "annotators can see it".
States and fields are V7's (v7-facts §10). What is asked about an item is what this ledger has at its path and name;
the listing has no storage keys. An item there that has another id than the registered one is not it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args

from v7s3.items.outcome import DONE
from v7s3.items.spool import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from v7s3.items.ledger import Ledger, Row

Fate = Literal["complete", "processing", "failed", "gone"]
FATES: tuple[Fate, ...] = get_args(Fate)

UNFINISHED = ("uploading", "uploading_confirmed", "processing")
_FAILED = frozenset({"error", "cancelled"})
_EXAMPLES = 3
_MOST_KINDS = 200  # failures told apart in the summary, so that an error with a key in it cannot fill the memory
_PAGE = 500


class ListedItem(Protocol):
    """What is read of an item of V7's listing."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def status(self) -> str | None: ...
    @property
    def processing_status(self) -> str | None: ...
    @property
    def uploads(self) -> list[dict[str, Any]]: ...


# --- one failure ----------------------------------------------------------------------------------------------------
class Cause(NamedTuple):
    """The next step after a failure, and the doctor's checks that would find why; () when it is not the bucket."""

    hint: str
    probes: tuple[str, ...] = ()


_REPEAT = "then delete the item in V7, `v7s3 ledger forget` its key, and register it again"

_ARCHIVED = Cause("the object is archived: restore it and copy it to STANDARD, " + _REPEAT, ("archive",))
_ENCRYPTED = Cause("the object's KMS key does not let V7's role in, " + _REPEAT, ("encryption",))
_UNREADABLE = Cause(
    "V7's role may not read the object, or it does not exist: mend the policy, the key or the ownership, " + _REPEAT,
    ("policy", "public-access", "ownership", "encryption", "requester-pays", "objects", "tags"),
)
_UNWRITABLE = Cause(
    "V7's role may not write beside the object: allow s3:PutObject on the storage's prefix, " + _REPEAT,
    ("policy", "uploads", "encryption"),
)
_ABSENT = Cause("the object does not exist (any more): `v7s3 drift` finds all such keys", ("objects",))
_ELSEWHERE = Cause("V7 has another region or bucket on record: `v7s3 activation status`", ("bucket", "storage"))
_BROKEN = Cause("V7 could fetch the file, but not read it: open it yourself and replace it, " + _REPEAT, ("objects",))
_PASSING = Cause("S3 or V7 was busy: " + _REPEAT.removeprefix("then "))
_UNKNOWN = Cause(
    "`v7s3 doctor` examines the bucket; should it find nothing, ask support@v7labs.com",
    ("name", "bucket", "policy", "public-access", "encryption", "objects", "storage"),
)

# What S3 says tells more than its status. Codes: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
_SAID = (
    (re.compile(r"InvalidObjectState"), _ARCHIVED),
    (re.compile(r"\bkms[:.]|server.side encryption|SSECustomer", re.IGNORECASE), _ENCRYPTED),
    (re.compile(r"Object ?Lock|Content-MD5"), _UNWRITABLE),
    (re.compile(r"NoSuchKey|NoSuchVersion"), _ABSENT),
    (re.compile(r"NoSuchBucket|AuthorizationHeaderMalformed|Redirect|IllegalLocationConstraint"), _ELSEWHERE),
    (re.compile(r"SlowDown|RequestTimeout|ExpiredToken|Request has expired"), _PASSING),
)


class ProcessingError(NamedTuple):
    """`uploads[].processing_error`, in V7's words; "" and 0 for what V7 does not say."""

    message: str = ""
    kind: str = ""  # processing_error_type
    http_status_code: int = 0
    stage: str = ""
    storage_key: str = ""
    raw_error: str = ""

    @classmethod
    def read(cls, upload: dict[str, Any]) -> ProcessingError:
        found = upload.get("processing_error")
        error = found if isinstance(found, dict) else {"message": found}
        code = error.get("http_status_code")
        texts = {
            name: str(error.get(key) or "")
            for name, key in (
                ("message", "message"),
                ("kind", "processing_error_type"),
                ("stage", "stage"),
                ("storage_key", "storage_key"),
                ("raw_error", "raw_error"),
            )
        }
        return cls(**texts, http_status_code=code if isinstance(code, int) else 0)

    @property
    def words(self) -> str:
        """`download failed: access denied (stage download, HTTP 403)`"""
        said = self.message or self.kind or "V7 gives no reason"
        where = [f"stage {self.stage}" if self.stage else "", f"HTTP {self.http_status_code or ''}".strip()]
        details = ", ".join(part for part in where if part not in ("", "HTTP"))
        return f"{said} ({details})" if details else said

    @property
    def cause(self) -> Cause:
        """What is probably the matter; the more telling part of the error decides."""
        said = self.raw_error.replace(self.storage_key or "\0", "")  # a key may be called anything
        for words, cause in _SAID:
            if words.search(said):
                return cause
        writing = "upload" in self.stage.lower()
        match self.http_status_code:
            case 401 | 403:
                return _UNWRITABLE if writing else _UNREADABLE
            case 404 | 410:
                return _ELSEWHERE if writing else _ABSENT
            case 301 | 307:
                return _ELSEWHERE
            case 408 | 429 | 500 | 502 | 503 | 504:
                return _PASSING
        return _BROKEN if self.http_status_code in (200, 416) or self.kind == "INVALID_FILE" else _UNKNOWN


class ItemStatus(NamedTuple):
    """One item of the ledger as V7 has it now."""

    path: str
    name: str
    item_id: str
    fate: Fate
    state: str  # V7's own word
    storage: str
    keys: tuple[str, ...]
    errors: tuple[ProcessingError, ...] = ()


# --- all of them ----------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class FailureCount:
    """So many items of one storage failed alike."""

    storage: str
    error: ProcessingError  # of the first of them
    key: str  # its first object
    count: int = 0
    examples: list[str] = field(default_factory=list)  # storage keys


@dataclass(slots=True)
class StatusTally:
    """Items counted by fate; failures by what V7 says of them."""

    fates: Counter[Fate] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)  # V7's own words
    others: int = 0  # items of the dataset that this ledger did not register
    _failures: dict[tuple[str, str], FailureCount] = field(default_factory=dict)

    def add(self, one: ItemStatus) -> None:
        self.fates[one.fate] += 1
        self.states[one.state] += 1
        if one.fate == "failed":
            self._remember(one, one.errors[0] if one.errors else ProcessingError())

    def _remember(self, one: ItemStatus, error: ProcessingError) -> None:
        kind = one.storage, error.words
        if kind not in self._failures and len(self._failures) >= _MOST_KINDS:
            error = ProcessingError("other errors (see the report)")
            kind = one.storage, error.words
        counted = self._failures.setdefault(kind, FailureCount(one.storage, error, one.keys[0]))
        counted.count += 1
        if len(counted.examples) < _EXAMPLES:
            counted.examples.append(error.storage_key or one.keys[0])

    @property
    def total(self) -> int:
        return self.fates.total()

    def failures(self) -> list[FailureCount]:
        """What failed, most frequent first."""
        return sorted(self._failures.values(), key=lambda one: (-one.count, one.error.words))

    def exit_code(self) -> int:
        """5 when any item failed; an item that is still in processing is no failure, nor is one deleted in V7."""
        return 5 if self.fates["failed"] else 0


def statuses(
    items: Iterable[ListedItem], ledger: Ledger, tally: StatusTally, *, since_run: int | None = None
) -> Iterator[ItemStatus]:
    """Those of V7's items that this ledger has as registered, by `since_run` or a later run when one is given.

    All are counted in `tally`, each once, however often V7's listing has it: pages shift while items are added. What V7
    does not list is `gone` there once `items` is exhausted. Memory: a page.
    """
    found = 0
    source = iter(items)
    with Seen() as seen:
        while page := list(islice(source, _PAGE)):
            places = ledger.rows_at([(one.path, one.name) for one in page])
            for one in page:
                rows = [row for row in places.get(_place(one), ()) if _is_asked_for(row, one, since_run)]
                # Those of the ledger are counted by place, as the ledger counts them.
                if not seen.is_new("\n".join(_place(one) if rows else (*_place(one), one.id))):
                    continue
                if not rows:
                    tally.others += 1
                    continue
                found += 1
                status = _status(one, rows)
                tally.add(status)
                yield status
    gone = max(ledger.count_items(since_run=since_run) - found, 0)
    if gone:
        tally.fates["gone"] += gone


def _place(one: ListedItem) -> tuple[str, str]:
    return one.path.strip("/"), one.name


def _is_asked_for(row: Row, one: ListedItem, since_run: int | None) -> bool:
    is_it = row.standing.item_id in ("", one.id)
    return is_it and row.standing.state in DONE and (since_run is None or row.run >= since_run)


def _status(one: ListedItem, rows: Sequence[Row]) -> ItemStatus:
    state = one.processing_status or one.status or "unknown"
    errors = tuple(
        ProcessingError.read(upload)
        for upload in one.uploads
        if upload.get("processing_error") or upload.get("processing_status") in _FAILED
    )
    fate: Fate = "processing"  # also of a word that is not known here: it is not complete
    if state in _FAILED or errors:
        fate = "failed"
    elif state == "complete" or (one.processing_status is None and state not in (*UNFINISHED, "unknown")):
        fate = "complete"
    keys = tuple(row.key for row in rows)
    return ItemStatus(one.path, one.name, one.id, fate, state, rows[0].storage, keys, errors)
