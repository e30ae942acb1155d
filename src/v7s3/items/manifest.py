"""Manifests (`--manifest`): a key on each row, and what its item shall be. CSV with a header, or JSONL.

`storage_key` is needed; what the other columns say counts more than the options: `path`, `name` (the item's place),
`file_name`, `type`, `fps`, `as_frames`, `extract_views`, `tags`, and `slot`: rows of one (path, name) that all have a
slot are one item. A bad row is a refusal with its line, and the others go on.
"""

from __future__ import annotations

import csv
import json
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from v7s3.errors import UsageError
from v7s3.items.grouping import LayoutName, Member, assembled
from v7s3.items.itemsfile import FaultyFileError, lines_of
from v7s3.items.jsonplaces import Document, Fault, parsed
from v7s3.items.objects import StorageObject
from v7s3.items.payload import MAX_SLOTS, FlatItem, InvalidItemError, build, meant_by
from v7s3.items.planning import (
    COLLISION,
    INVALID,
    REPEATED,
    TOO_MANY_SLOTS,
    UNSUPPORTED,
    KeyPlanner,
    Plan,
    Planned,
    PlanOptions,
    Refused,
    Skipped,
    identity,
    limited,
    suffix_of,
)
from v7s3.items.spool import Spool
from v7s3.items.tagging import tagging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from v7s3.items.spool import Row as SpooledRow

COLUMNS = ("storage_key", "path", "name", "file_name", "type", "fps", "as_frames", "extract_views", "tags", "slot")
_NOTE = json.JSONEncoder(sort_keys=True)  # so that equal rows come out of the spool together
_SLOT_FIELDS = ("file_name", "type", "fps", "as_frames", "extract_views")


class Row(NamedTuple):
    """One row: its line (from 1) and its cells that are not empty, `storage_key` among them."""

    line: int
    cells: dict[str, Any]


# --- reading --------------------------------------------------------------------------------------------------------
def read_rows(file: IO[bytes], name: str) -> Iterator[Row | Refused]:
    """Every row of a manifest, as it arrives. Raises UsageError when its header or its encoding is no manifest's."""
    lines, head = lines_of(file, name), []
    for line in lines:
        head.append(line)
        if line[1].strip():
            break
    begins = head[-1][1].lstrip() if head else b""
    suffix = Path(name).suffix.lower()
    is_jsonl = suffix in (".jsonl", ".ndjson") or (suffix not in (".csv", ".tsv") and begins.startswith(b"{"))
    return (_json_rows if is_jsonl else _csv_rows)(chain(head, lines), name)


def _json_rows(lines: Iterable[tuple[int, bytes]], _name: str) -> Iterator[Row | Refused]:
    for line, text in lines:
        if not text.strip():
            continue
        document = parsed(text.rstrip(b"\r\n"), line)
        if not isinstance(document, Document):
            yield from (Refused((), INVALID, f"{fault.field} {fault.message}".lstrip(), line) for fault in document)
        elif not isinstance(document.value, dict):
            yield Refused((), INVALID, "must be a JSON object", line)
        elif unknown := [column for column in document.value if column not in COLUMNS]:
            yield Refused(_keys(document.value), INVALID, "; ".join(map(_unknown, unknown)), line)
        else:
            yield _row(line, {column: cell for column, cell in document.value.items() if cell is not None})


def _csv_rows(lines: Iterable[tuple[int, bytes]], name: str) -> Iterator[Row | Refused]:
    texts = (line.decode(errors="surrogateescape") for _, line in lines)
    first = next(texts, "")
    delimiter = next((character for character in ",;\t" if character in first), ",")
    reader = csv.reader(chain([first], texts), delimiter=delimiter, strict=True)
    try:
        header = _header(next(reader, []), name)
    except csv.Error as error:
        raise UsageError(f"{name}: its first line is not CSV: {error}", hint=f"columns: {', '.join(COLUMNS)}") from None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Refused((), INVALID, f"is not CSV: {error}", line)
            continue
        if cells is None:
            return
        given = {column: cell for column, cell in zip(header, cells, strict=False) if cell}
        if cells and len(cells) != len(header):
            yield Refused(_keys(given), INVALID, f"has {len(cells)} cells, but the header {len(header)}", line)
        elif given:
            yield _typed(line, given)


def _header(cells: Sequence[str], name: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    faults = [_unknown(column) for column in header if column not in COLUMNS]
    faults += [f"{column} stands twice" for column in COLUMNS if header.count(column) > 1]
    faults += ["storage_key is missing"] if "storage_key" not in header else []
    if faults:
        raise UsageError(
            f"{name}: its first line is no header of a manifest: {'; '.join(faults)}",
            hint=f"the columns are storage_key and any of {', '.join(COLUMNS[1:])}",
        )
    return header


def _unknown(column: str) -> str:
    meant = "slot" if column == "slot_name" else meant_by(column, COLUMNS)
    return f"{column!r} is no column" + (f", did you mean {meant}?" if meant in COLUMNS else "")


def _typed(line: int, cells: dict[str, Any]) -> Row | Refused:
    """The cells of a CSV row with the types that JSON would give them; what has no such type is left to the payload."""
    try:
        if "fps" in cells:
            cells["fps"] = _number(cells["fps"])
        if "tags" in cells:
            cells["tags"] = _tags(cells["tags"])
    except ValueError as error:
        return Refused(_keys(cells), INVALID, str(error), line)
    return _row(line, cells)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


def _tags(text: str) -> object:
    """ "night;rain", "weather=rain;time=night", or JSON. Raises ValueError."""
    if text.lstrip().startswith(("[", "{")):
        document = parsed(text.encode(errors="surrogateescape"))
        if isinstance(document, Document):
            return document.value
        raise ValueError(f"tags: {document[0].message}")
    classes = [tag.strip() for tag in text.split(";")]
    if "" in classes:
        raise ValueError("tags: one of them is empty")
    try:
        return tagging(classes).constant
    except UsageError as error:
        raise ValueError(f"tags: {error.message}") from None


def _row(line: int, cells: dict[str, Any]) -> Row | Refused:
    if not isinstance(cells.get("storage_key"), str) or not cells["storage_key"]:
        return Refused((), INVALID, "storage_key: is missing", line)
    slot = cells.get("slot", "-")
    if not isinstance(slot, str) or not slot:
        return Refused(_keys(cells), INVALID, "slot: must be a name", line)
    if "slot" in cells and "name" not in cells:
        return Refused(
            _keys(cells), INVALID, "name: is missing: a row with a slot has to say which item it is in", line
        )
    return Row(line, cells)


def _keys(cells: dict[str, Any]) -> tuple[str, ...]:
    key = cells.get("storage_key")
    return (key,) if isinstance(key, str) else ()


# --- planning -------------------------------------------------------------------------------------------------------
def plan_rows(rows: Iterable[Row | Refused], options: PlanOptions, layout: LayoutName = "auto") -> Iterator[Plan]:
    """Every row's or group's item, or why it is none; sorted by (path, name), after all that is refused on its own."""
    plans = _planned(rows, KeyPlanner(options), layout)
    return plans if options.limit is None else limited(plans, options.limit)


def check_rows(file: IO[bytes], name: str, options: PlanOptions, layout: LayoutName = "auto") -> None:
    """For --strict: raises FaultyFileError with every refusal that planning the manifest would make."""
    plans = plan_rows(read_rows(file, name), options, layout)
    faults = [Fault(one.line or 1, "", one.detail) for one in plans if isinstance(one, Refused)]
    if faults:
        raise FaultyFileError(name, sorted(faults))


def _planned(rows: Iterable[Row | Refused], planner: KeyPlanner, layout: LayoutName) -> Iterator[Plan]:
    """Rows come together twice: those of one key, which is registered once, and then those of one item."""
    with Spool() as by_key, Spool() as by_place:
        for row in rows:
            one = row if isinstance(row, Refused) else _alone(row, planner)
            if isinstance(one, Planned) and isinstance(row, Row):
                by_key.add(row.cells["storage_key"], one.objects[0], _NOTE.encode([row.cells, row.line]))
            else:
                yield one
        for _, spooled in by_key.groups():
            held = []
            for found in _without_repeats(map(_despooled, spooled)):
                if isinstance(found, Skipped):
                    yield found
                else:
                    held.append((_place(found, planner), found))
            if len({place for place, _ in held}) > 1:
                yield from _in_several_items(held)
                continue
            for place, row in held:
                key = StorageObject(row.cells["storage_key"])
                by_place.add(place, key, _NOTE.encode([row.cells, row.line]))
        for place, spooled in by_place.groups():
            yield from _settled(place, map(_despooled, spooled), planner, layout)


def _despooled(one: SpooledRow) -> Row:
    cells, line = json.loads(one.note)
    return Row(line, cells)


def _place(row: Row, planner: KeyPlanner) -> str:
    planned = _alone(row, planner)
    assert isinstance(planned, Planned)  # only such rows are spooled
    return identity(planned.item.path, planned.item.name)


def _in_several_items(held: Sequence[tuple[str, Row]]) -> Iterator[Refused]:
    """A key is registered once: which of its items was meant is not known."""
    for index, (place, row) in enumerate(held):
        other, there = held[0 if index else 1]
        key = row.cells["storage_key"]
        detail = f"{key} would be {place} and, by line {there.line}, {other}"
        yield Refused((key,), COLLISION, detail, row.line)


def _alone(row: Row, planner: KeyPlanner) -> Plan:
    """The row's plan, as if it were the only one of its item."""
    cells = row.cells
    one = StorageObject(cells["storage_key"])
    suffix = suffix_of(one.key)
    if reason := planner.skip(one, suffix or cells.get("type", "")):
        if reason != UNSUPPORTED:
            return Skipped(one.key, reason)
        return Refused(
            (one.key,), UNSUPPORTED, f"{one.key} has no extension V7 reads; say its type in the row", row.line
        )
    path, name = planner.place(one.key)
    tags = planner.tags.of(one.key) if planner.tags else None
    typed = planner.fields_of(cells["type"]) if "type" in cells else planner.fields[suffix]
    given = {column: cell for column, cell in cells.items() if column != "slot"}
    try:
        item = build(FlatItem, {"path": path, "name": name, "tags": tags, **typed, **given})
    except InvalidItemError as error:
        return Refused((one.key,), INVALID, str(error), row.line)
    return Planned(item, (one,))


def _settled(place: str, rows: Iterator[Row], planner: KeyPlanner, layout: LayoutName) -> Iterator[Plan]:
    """The plans of all rows of one item, holding no more of them than an item has slots, and one."""
    held = list(islice(rows, MAX_SLOTS + 1))
    if len(held) == 1 and "slot" not in held[0].cells:
        yield _alone(held[0], planner)
    elif not all("slot" in row.cells for row in held):
        yield from _collisions(place, held, rows)
    elif len(held) > MAX_SLOTS:
        count = len(held) + sum(1 for _ in rows)
        keys = tuple(row.cells["storage_key"] for row in held)
        yield Refused(keys, TOO_MANY_SLOTS, f"{place} would have {count:,} slots, {keys[0]} and others", held[0].line)
    else:
        plan = assembled(place, [_member(row, planner) for row in held], layout)
        yield plan._replace(line=min(row.line for row in held)) if isinstance(plan, Refused) else plan


def _without_repeats(rows: Iterable[Row]) -> Iterator[Row | Skipped]:
    last: dict[str, Any] = {}
    for row in rows:
        yield Skipped(row.cells["storage_key"], REPEATED) if row.cells == last else row
        last = row.cells


def _collisions(place: str, held: Sequence[Row], rest: Iterable[Row]) -> Iterator[Refused]:
    for index, row in enumerate(chain(held, rest)):
        other = held[0 if index else 1]
        key = row.cells["storage_key"]
        both = f"{key} and {other.cells['storage_key']} (line {other.line})"
        yield Refused((key,), COLLISION, f"{both} would both be the item {place}", row.line)


def _member(row: Row, planner: KeyPlanner) -> Member:
    planned = _alone(row, planner)
    assert isinstance(planned, Planned)  # it was planned before it was spooled
    fields = planned.item.model_dump(exclude_none=True)
    return Member(
        planned.objects[0],
        row.cells["slot"],
        {field: fields[field] for field in _SLOT_FIELDS if field in fields},
        fields.get("tags"),
    )
