"""Several objects become one item: by folder, or by a pattern over their keys. The order of arrival changes nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from v7s3.errors import UsageError
from v7s3.items.payload import MAX_SLOTS, SlotsItem, build
from v7s3.items.planning import (
    COLLISION,
    INCOMPLETE,
    INVALID,
    NO_FOLDER,
    NOT_GROUPED,
    REPEATED,
    SLOT_TWICE,
    TOO_MANY_SLOTS,
    KeyPlanner,
    Plan,
    Planned,
    PlanOptions,
    Refused,
    Skipped,
    identity,
    limited,
    place_of,
    suffix_of,
)
from v7s3.items.spool import Spool
from v7s3.items.tagging import merged_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from v7s3.items.objects import StorageObject
    from v7s3.items.spool import Row
    from v7s3.items.tagging import Tags

LayoutName = Literal["auto", "grid", "horizontal", "vertical", "simple", "channels"]
BY_FOLDER = "folder"
_SLOTS_BY = r"write 'folder', or a pattern such as '(?P<item>.*/\d+)_(?P<slot>\w+)\.jpg'"


@dataclass(frozen=True, slots=True)
class Grouping:
    """`by` None: a folder is an item. Else the groups `item` and `slot` of the pattern name each object's place.

    `layout` arranges the slots in their natural order. A group that lacks one of the `expected` slots is refused.
    """

    by: re.Pattern[str] | None = None
    layout: LayoutName = "auto"
    expected: tuple[str, ...] = ()

    def of(self, key: str) -> tuple[str, str] | None:
        """The group and slot of a key, both as parts of it; slot "" when its file name decides. None: in no group."""
        if self.by is None:
            folder, slash, _ = key.rpartition("/")
            return (folder, "") if slash else None
        match = self.by.search(key)
        return (match["item"], match["slot"]) if match and match["item"] and match["slot"] else None


def grouping(slots_by: str, layout: str = "auto", expected: Sequence[str] = ()) -> Grouping:
    """The grouping that these options describe; `expected` are slot names or lists of them ("front,rear").

    Raises UsageError.
    """
    layouts: tuple[LayoutName, ...] = get_args(LayoutName)
    chosen = next((name for name in layouts if name == layout), None)
    if chosen is None:
        raise UsageError(f"--layout {layout!r} is no layout", hint=f"write one of {', '.join(layouts)}")
    names = [name.strip() for value in expected for name in value.split(",")]
    if "" in names:
        raise UsageError("--slots-expect is empty", hint="name the slots: --slots-expect front,rear")
    return Grouping(None if slots_by == BY_FOLDER else _pattern(slots_by), chosen, tuple(names))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise UsageError(f"--slots-by {text!r} is no regular expression: {error}", hint=_SLOTS_BY) from error
    if missing := {"item", "slot"} - set(pattern.groupindex):
        raise UsageError(
            f"--slots-by {text!r} has no group named {' and none named '.join(sorted(missing))}", hint=_SLOTS_BY
        )
    return pattern


# --- one item -------------------------------------------------------------------------------------------------------
class Member(NamedTuple):
    """One object of a group. `slot` "" lets its file name decide; `fields` are those of its slot, but for its names."""

    object: StorageObject
    slot: str
    fields: dict[str, Any]
    tags: Tags | None = None

    @property
    def file_name(self) -> str:
        return self.object.key.rpartition("/")[2]


def assembled(place: str, members: Sequence[Member], layout: LayoutName, expected: Sequence[str] = ()) -> Plan:
    """The item of these 1 to 16 objects, its slots in their natural order, or why they are none."""
    keys = tuple(sorted(member.object.key for member in members))
    slots: dict[str, Member] = {}
    for slot, member in _named(members):
        if (other := slots.setdefault(slot, member)) is not member:
            both = f"{other.object.key} and {member.object.key}"
            return Refused(keys, SLOT_TWICE, f"{both} would both be the slot {slot} of {place}")
    if absent := [slot for slot in expected if slot not in slots]:
        return Refused(keys, INCOMPLETE, f"{place} has {', '.join(slots)}, but not {', '.join(absent)}")
    ordered = sorted(slots, key=natural)
    path, name = place_of(place)
    fields: dict[str, Any] = {
        "name": name,
        "path": path,
        "slots": [_slot(slot, slots[slot]) for slot in ordered],
        "layout": arranged(layout, ordered),
    }
    try:
        fields["tags"] = merged_tags(slots[slot].tags for slot in ordered)
        item = build(SlotsItem, fields)
    except ValueError as error:
        return Refused(keys, INVALID, f"{place}: {error}")
    return Planned(item, tuple(slots[slot].object for slot in ordered))


def _named(members: Sequence[Member]) -> list[tuple[str, Member]]:
    """Each member with its slot's name, by default its file name without the extension where that is unique."""
    ordered = sorted(members, key=lambda member: member.object.key)
    stems = [member.file_name[: -len(suffix_of(member.file_name)) - 1] or member.file_name for member in ordered]
    unique = len(set(stems)) == len(stems)
    return [
        (member.slot or (stem if unique else member.file_name), member)
        for member, stem in zip(ordered, stems, strict=True)
    ]


def _slot(name: str, member: Member) -> dict[str, Any]:
    return {"slot_name": name, "file_name": member.file_name, "storage_key": member.object.key, **member.fields}


def natural(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that reads runs of digits as numbers ("2" before "10") and ignores case where it can."""
    parts = re.split(r"0*([0-9]+)", text.casefold())
    return [(1, len(part), part) if index % 2 else (0, 0, part) for index, part in enumerate(parts)], text


def arranged(layout: LayoutName, slots: Sequence[str]) -> dict[str, Any] | None:
    """V7's third layout for slots in this order: columns of cells of slot names (v7-facts §4.4).

    None for a single slot with "auto", which V7 lays out itself.
    """
    if layout == "auto" and len(slots) == 1:
        return None
    match layout:
        case "channels":
            grid = [[list(slots)]]
        case "simple":  # one viewport, with the first slot in it
            grid = [[[slots[0]]]]
        case "vertical":
            grid = [[[slot] for slot in slots]]
        case "horizontal":
            grid = [[[slot]] for slot in slots]
        case _:
            # V7's own grids are filled row by row: three in one row, else the smallest square that holds them.
            columns = 3 if len(slots) == 3 else ceil(sqrt(len(slots)))
            grid = [[[slot] for slot in slots[column::columns]] for column in range(columns)]
    return {"version": 3, "slots_grid": grid}


# --- all items ------------------------------------------------------------------------------------------------------
def plan_groups(objects: Iterable[StorageObject | Refused], options: PlanOptions, groups: Grouping) -> Iterator[Plan]:
    """Every group's item, or why it is none; sorted by (path, name), whatever the order of the objects.

    Members may lie anywhere in the source: they meet on disk, in flat memory.
    """
    plans = _planned(objects, KeyPlanner(options), groups)
    return plans if options.limit is None else limited(plans, options.limit)


def _planned(objects: Iterable[StorageObject | Refused], planner: KeyPlanner, groups: Grouping) -> Iterator[Plan]:
    alone = NO_FOLDER if groups.by is None else NOT_GROUPED
    with Spool() as spool:
        for one in objects:
            if isinstance(one, Refused):
                yield one
            elif reason := planner.skip(one, suffix_of(one.key)):
                yield Skipped(one.key, reason)
            elif (found := groups.of(one.key)) is None:
                yield Skipped(one.key, alone)
            else:
                spool.add(identity(*planner.place(found[0])), one, json.dumps(found))
        for place, rows in spool.groups():
            yield from _settled(place, rows, planner, groups)


def _settled(place: str, rows: Iterator[Row], planner: KeyPlanner, groups: Grouping) -> Iterator[Plan]:
    """The plans of one item's rows, holding no more of them than an item has slots, and one."""
    held: list[Row] = []
    count, last = 0, ""
    for row in rows:
        if row.object.key == last:
            yield Skipped(last, REPEATED)
            continue
        last = row.object.key
        count += 1
        if count <= MAX_SLOTS + 1:
            held.append(row)
    sources: dict[str, list[Member]] = {}
    for row in held:
        group, slot = json.loads(row.note)
        tags = planner.tags.of(row.object.key) if planner.tags else None
        sources.setdefault(group, []).append(Member(row.object, slot, planner.fields[suffix_of(row.object.key)], tags))
    if len(sources) > 1:
        yield from _collisions(place, list(sources.values()))
    elif count > MAX_SLOTS:
        keys = tuple(row.object.key for row in held)
        yield Refused(keys, TOO_MANY_SLOTS, f"{place} would have {count:,} slots, {keys[0]} and others")
    else:
        yield assembled(place, next(iter(sources.values())), groups.layout, groups.expected)


def _collisions(place: str, sources: Sequence[Sequence[Member]]) -> Iterator[Refused]:
    for index, members in enumerate(sources):
        keys = tuple(member.object.key for member in members)
        other = sources[0 if index else 1][0].object.key
        yield Refused(
            keys, COLLISION, f"{keys[0]} and {other} belong to different groups, but would be one item {place}"
        )
