"""Three views of one dataset brought together by place: what V7 lists, what the ledger has, what the bucket holds.

V7's listing has no storage keys, so an item is recognised by its path and name: those the ledger has for a key, and for
keys that the ledger does not know those that planning would give them. Where the ledger knows V7's id of the item, it
must be the listed one: else the registered item was deleted, and another one has its place. The views meet sorted on
disk, so that memory stays flat at any size.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from v7s3.items.objects import StorageObject
from v7s3.items.outcome import DONE
from v7s3.items.planning import Planned, Skipped, identity, place_of
from v7s3.items.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from v7s3.items.ledger import Ledger, Row
    from v7s3.items.planning import Plan

# One character a key, as in `rclone check --combined`; source: the bucket, destination: V7.
Verdict = Literal["=", "+", "-", "*", "o", "?"]
VERDICTS: dict[Verdict, str] = {
    "=": "in both",
    "+": "in the bucket, not in V7",
    "-": "in V7, gone from the bucket",
    "*": "changed since it was registered",
    "o": "registered by others",
    "?": "in V7, of no key here",
}
DRIFT: frozenset[Verdict] = frozenset({"+", "-", "*", "o"})  # "?" may well belong to another prefix or storage

_EXAMPLES = 3
REPLACED = "the item that was registered here was deleted in V7, and another one has its place"


class Compared(NamedTuple):
    """What was found out about one key, or about an item of V7 that has none here."""

    verdict: Verdict
    key: str
    path: str
    name: str
    item_id: str = ""
    reason: str = ""


@dataclass(slots=True)
class DriftTally:
    """Verdicts counted, with a few keys of each."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    examples: dict[Verdict, list[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)  # of "+"
    replaced: int = 0  # of "o": keys that this ledger had registered
    skipped: Counter[str] = field(default_factory=Counter)  # objects that are no items
    refused: Counter[str] = field(default_factory=Counter)  # items that cannot be registered
    listed: int = 0  # objects of the source, whatever became of them

    def add(self, one: Compared) -> None:
        self.counts[one.verdict] += 1
        shown = self.examples.setdefault(one.verdict, [])
        if len(shown) < _EXAMPLES:
            shown.append(one.key or identity(one.path, one.name))
        if one.verdict == "+":
            self.reasons[one.reason] += 1
        if one.verdict == "o" and one.reason == REPLACED:
            self.replaced += 1

    @property
    def drifted(self) -> bool:
        """Whether the bucket and the dataset have come apart."""
        return any(self.counts[verdict] for verdict in DRIFT)

    def exit_code(self) -> int:
        """1 when they have drifted apart, or when nothing was listed: a misspelt prefix is in step with everything."""
        return 1 if self.drifted or not self.listed else 0


class Place(NamedTuple):
    """Everything that belongs to one (path, name)."""

    path: str
    name: str
    item_ids: tuple[str, ...]  # V7's; at most one
    slots: int  # of V7's item; 0 when not known
    settled: tuple[StorageObject, ...]  # keys the ledger has registered here, with the ETags of then
    registered_as: dict[str, str]  # by key of these: the id of the item that V7 made; "" when that is not known
    listed: dict[str, StorageObject]  # those of them that are in the bucket
    planned: dict[str, tuple[StorageObject, str]]  # other keys that would come here, with why they are not in V7

    def is_replaced(self, key: str) -> bool:
        """Whether V7 has another item here than the one that this settled key became."""
        item_id = self.registered_as.get(key)
        return bool(item_id and self.item_ids) and item_id not in self.item_ids


class Comparison:
    """Collects the views, then gives the places. Use it as a context manager, and read `places` once."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._why: dict[str, str] = {}  # keys that were not taken, between `unsettled` and `add_planned`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.__exit__()

    def add_item(self, item_id: str, path: str, name: str, slots: int) -> None:
        """An item as V7 lists it."""
        self._add(path, name, StorageObject(""), kind="v7", id=item_id, slots=slots)

    def add_settled(self, rows: Iterable[Row]) -> None:
        """Keys of the ledger; those that are not in V7 are passed over."""
        for row in rows:
            known = row.standing
            if known.state in DONE:
                self._add(
                    known.path, known.name, StorageObject(row.key, etag=known.etag), kind="ledger", id=known.item_id
                )

    def unsettled(self, objects: Sequence[StorageObject], ledger: Ledger, storage: str) -> Iterator[StorageObject]:
        """Takes note of the objects that the ledger has as registered; the others are to be planned."""
        known = ledger.standings(storage, [one.key for one in objects])
        for one in objects:
            standing = known.get(one.key)
            if standing is not None and standing.state in DONE:
                self._add(standing.path, standing.name, one, kind="bucket")
                continue
            if standing is not None:
                self._why[one.key] = f"{standing.state}: {standing.reason}"
            yield one

    def add_planned(self, plans: Iterable[Plan], tally: DriftTally) -> None:
        """What the other objects would become."""
        for one in plans:
            if isinstance(one, Planned):
                for found in one.objects:
                    self._add(one.item.path, one.item.name, found, kind="plan", why=self._why.pop(found.key, ""))
            elif isinstance(one, Skipped):
                tally.skipped[one.reason] += 1
            else:
                tally.refused[one.reason] += 1

    def _add(self, path: str, name: str, found: StorageObject, **note: object) -> None:
        self._spool.add(identity("/" + path.strip("/"), name), found, json.dumps(note))

    def places(self) -> Iterator[Place]:
        for place, rows in self._spool.groups():
            path, name = place_of(place)
            yield _gathered(path, name, [(row.object, json.loads(row.note)) for row in rows])


def _gathered(path: str, name: str, rows: Sequence[tuple[StorageObject, dict[str, Any]]]) -> Place:
    of_kind: dict[str, list[tuple[StorageObject, dict[str, Any]]]] = {}
    for found, note in rows:
        of_kind.setdefault(note["kind"], []).append((found, note))
    items = [note for _, note in of_kind.get("v7", ())]
    return Place(
        path,
        name,
        tuple(note["id"] for note in items),
        max((note["slots"] for note in items), default=0),
        tuple(found for found, _ in of_kind.get("ledger", ())),
        {found.key: note["id"] for found, note in of_kind.get("ledger", ())},
        {found.key: found for found, _ in of_kind.get("bucket", ())},
        {found.key: (found, note["why"]) for found, note in of_kind.get("plan", ())},
    )


def drift(place: Place) -> Iterator[Compared]:
    """One verdict for each key of a place. A key that is in neither, bucket nor V7, has none: nothing is left of it."""
    path, name = place.path, place.name
    item_id = place.item_ids[0] if place.item_ids else ""
    present = [known for known in place.settled if not place.is_replaced(known.key)]
    # More slots than keys are in order: V7 makes several of a volume.
    short = f"V7's item has {place.slots} slots, not {len(present)}" if 0 < place.slots < len(present) else ""
    for known in present:
        now = place.listed.get(known.key)
        if now is None and item_id:
            yield Compared("-", known.key, path, name, item_id)
        elif now is not None and not item_id:
            yield Compared("+", known.key, path, name, reason="deleted in V7 since it was registered")
        elif now is not None:
            changed = bool(now.etag and known.etag and now.etag != known.etag)
            yield Compared("*" if changed or short else "=", known.key, path, name, item_id, short)
    # Nothing says that the item is of one of these keys, unless it is another's. Those that are gone have no verdict.
    others = [(key, REPLACED) for key in place.listed if place.is_replaced(key)]
    for key, why in [*others, *((key, why) for key, (_, why) in place.planned.items())]:
        if not item_id:
            yield Compared("+", key, path, name, reason=why or "never registered")
        elif present:
            yield Compared("+", key, path, name, reason=f"its place is taken by {present[0].key}")
        else:
            yield Compared("o", key, path, name, item_id, why if why == REPLACED else "")
    if item_id and not present and not others and not place.planned:
        yield Compared("?", "", path, name, item_id)


def report_line(one: Compared) -> str:
    """One line of `drift --report`: JSON, without the newline."""
    line = {"verdict": one.verdict, "storage_key": one.key, "path": one.path, "name": one.name}
    details = {"item_id": one.item_id, "reason": one.reason}
    return json.dumps(line | {name: text for name, text in details.items() if text}, ensure_ascii=False)
