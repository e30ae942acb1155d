"""What V7's two register endpoints take, and the words with which they refuse the rest.

Written from V7's documentation and the schemas its SDK names (ReadOnlyImageSlot, ReadOnlyVideoSlot,
ReadOnlySequenceSlot); it shares nothing with `v7s3.items.payload`, so that each can catch the other's mistakes.
A problem is a pair: where in the request (`items[3].slots[0].fps`) and what is wrong there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_ITEMS = 100
MAX_SLOTS = 16
_TYPES = ("image", "video", "pdf", "dicom")

Problem = tuple[str, str]


class Field(NamedTuple):
    """How one field is checked: `check` gives the complaint about a value, None when it is fine."""

    check: Callable[[Any], str | None]
    required: bool = False


# --- checks of single values ------------------------------------------------------------------------------------------
def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "must be a non-empty string"


def _string(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def _name(value: Any) -> str | None:
    if _text(value):
        return _text(value)
    return "must not contain a slash" if "/" in value else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _positive(value: Any) -> str | None:
    return (
        None if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "must be a positive integer"
    )


def _positive_number(value: Any) -> str | None:
    return None if _is_number(value) and value > 0 else "must be a positive number"


def _size(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "must be an integer ≥ 0"


def _flag(value: Any) -> str | None:
    """V7's own scripts send the words as often as the booleans."""
    return None if isinstance(value, bool) or value in ("true", "false") else "must be a boolean"


def _fps(value: Any) -> str | None:
    fine = value == "native" or (_is_number(value) and value >= 0)
    return None if fine else 'must be a number ≥ 0 or "native"'


def _mapping(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _one_of(*allowed: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}"


def _tags(value: Any) -> str | None:
    names = value if isinstance(value, list) else [*value, *value.values()] if isinstance(value, dict) else [None]
    fine = all(isinstance(name, str) for name in names)
    return None if fine else "must be a list of class names or an object of texts"


def _layout(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    version = value.get("version")
    grid = value.get("slots_grid")
    if version == 3:
        unknown = value.keys() - {"version", "slots_grid"}
        nested = isinstance(grid, list) and all(_is_column(column) for column in grid)
        return "does not fit version 3" if unknown or not nested or not grid else None
    if version not in (1, 2):
        return "version must be 1, 2 or 3"
    allowed = {"version", "type", "slots"} | ({"layout_shape"} if version == 2 else set())
    names = value.get("slots")
    fine = value.get("type") in ("grid", "horizontal", "vertical", "simple") and isinstance(names, list)
    return None if fine and not value.keys() - allowed else f"does not fit version {version}"


def _is_column(column: Any) -> bool:
    return isinstance(column, list) and all(
        isinstance(cell, list) and all(isinstance(name, str) for name in cell) for cell in column
    )


def _rendition(value: Any) -> str | None:
    fine = isinstance(value, dict) and value.keys() <= {"index", "bitrate"} and isinstance(value.get("index"), str)
    bitrate = value.get("bitrate") if fine else None
    return None if fine and (bitrate is None or _is_number(bitrate)) else "must hold index (text) and bitrate (number)"


def _hls(value: Any) -> str | None:
    if not isinstance(value, dict) or value.keys() != {"high_quality", "low_quality"}:
        return "must hold high_quality and low_quality"
    return next((f"{name} {problem}" for name, one in value.items() if (problem := _rendition(one))), None)


# --- the schemas ------------------------------------------------------------------------------------------------------
_ITEM = {"path": Field(_string, required=True), "name": Field(_name, required=True), "tags": Field(_tags)}
_SLOTTED = {**_ITEM, "slots": Field(lambda _: None, required=True), "layout": Field(_layout)}
_COMMON = {"storage_key": Field(_text, required=True), "file_name": Field(_text)}
_IN_SLOT = {"slot_name": Field(_text), "file_name": Field(_text, required=True)}

_READ_WRITE = {
    **_COMMON,
    "type": Field(_one_of(*_TYPES)),
    "fps": Field(_fps),
    "as_frames": Field(_flag),
    "extract_views": Field(_flag),
}
_IMAGE = {
    **_COMMON,
    "type": Field(_one_of("image")),
    "storage_thumbnail_key": Field(_text, required=True),
    "width": Field(_positive, required=True),
    "height": Field(_positive, required=True),
    "size_bytes": Field(_size),
}
_VIDEO = {
    **_COMMON,
    "type": Field(_one_of("video")),
    "width": Field(_positive, required=True),
    "height": Field(_positive, required=True),
    "native_fps": Field(_positive_number, required=True),
    "visible_frames": Field(_positive, required=True),
    "total_frames": Field(_positive, required=True),
    "hls_segments": Field(_hls, required=True),
    "storage_sections_key_prefix": Field(_text, required=True),
    "storage_thumbnail_key": Field(_text, required=True),
    "storage_frames_manifest_key": Field(_text, required=True),
    "storage_sections_key_extension": Field(_text),
    "storage_low_quality_sections_key_prefix": Field(_text),
    "storage_audio_peaks_key": Field(_text),
    "size_bytes": Field(_size),
}
_SEQUENCE = {
    **_COMMON,
    "type": Field(_one_of(*_TYPES), required=True),
    "storage_thumbnail_key": Field(_text, required=True),
    "sections": Field(lambda _: None, required=True),
    "size_bytes": Field(_size),
    "metadata": Field(_mapping),
    "fps": Field(_fps),
    "as_frames": Field(_flag),
    "extract_views": Field(_flag),
}
_SECTION = {
    "section_index": Field(_positive, required=True),
    "width": Field(_positive, required=True),
    "height": Field(_positive, required=True),
    "storage_hq_key": Field(_text, required=True),
    "storage_lq_key": Field(_text),
    "type": Field(_one_of(*_TYPES)),
    "size_bytes": Field(_size),
}
_COMPACT_ONLY = _VIDEO.keys() - _IMAGE.keys()


def check_request(document: Any, *, readonly: bool) -> list[Problem]:
    """All problems of a register request, empty when V7 would take it. Slugs are not looked up here."""
    if not isinstance(document, dict):
        return [("", "must be an object")]
    problems = [(name, "is not expected") for name in document.keys() - {"items", "dataset_slug", "storage_slug"}]
    problems += [(name, "is required") for name in ("dataset_slug", "storage_slug") if _text(document.get(name))]
    items = document.get("items")
    if not isinstance(items, list) or not items:
        return [*problems, ("items", "must be a non-empty list")]
    if len(items) > MAX_ITEMS:
        return [*problems, ("items", f"must hold at most {MAX_ITEMS} items")]
    for index, item in enumerate(items):
        problems += _check_item(item, f"items[{index}]", readonly=readonly)
    return problems


def _check_item(item: Any, where: str, *, readonly: bool) -> list[Problem]:
    if not isinstance(item, dict):
        return [(where, "must be an object")]
    if "slots" not in item:
        fields = {**_ITEM, **(_read_only_schema(item) if readonly else _READ_WRITE)}
        return _check_fields(item, fields, where) + _check_sections(item, where)
    problems = _check_fields(item, _SLOTTED, where)
    slots = item["slots"]
    if not isinstance(slots, list) or not slots:
        return [*problems, (f"{where}.slots", "must be a non-empty list")]
    if len(slots) > MAX_SLOTS:
        problems.append((f"{where}.slots", f"must hold at most {MAX_SLOTS} slots"))
    for index, slot in enumerate(slots):
        problems += _check_slot(slot, f"{where}.slots[{index}]", readonly=readonly)
    return problems + _check_slot_names(item, where)


def _check_slot(slot: Any, where: str, *, readonly: bool) -> list[Problem]:
    if not isinstance(slot, dict):
        return [(where, "must be an object")]
    if not readonly:
        return _check_fields(
            slot, {**_READ_WRITE, **_IN_SLOT, "metadata": Field(_mapping), "tags": Field(_tags)}, where
        )
    schema = _read_only_schema(slot)
    tags = {"tags": Field(_tags)} if schema is _SEQUENCE else {}
    named = {**schema, **_IN_SLOT, **tags, "slot_name": Field(_text, required=True)}
    return _check_fields(slot, named, where) + _check_sections(slot, where)


def _read_only_schema(slot: dict[str, Any]) -> dict[str, Field]:
    if "sections" in slot:
        return _SEQUENCE
    return _VIDEO if slot.get("type") == "video" or slot.keys() & _COMPACT_ONLY else _IMAGE


def _check_fields(value: dict[str, Any], fields: Mapping[str, Field], where: str) -> list[Problem]:
    problems = [(f"{where}.{name}", "is not expected") for name in value if name not in fields]
    for name, field in fields.items():
        if name not in value:
            problems += [(f"{where}.{name}", "is required")] if field.required else []
        elif complaint := field.check(value[name]):
            problems.append((f"{where}.{name}", complaint))
    return problems


def _check_sections(value: dict[str, Any], where: str) -> list[Problem]:
    if "sections" not in value:
        return []
    sections = value["sections"]
    if not isinstance(sections, list) or not sections:
        return [(f"{where}.sections", "must be a non-empty list")]
    problems: list[Problem] = []
    for index, section in enumerate(sections):
        here = f"{where}.sections[{index}]"
        problems += (
            _check_fields(section, _SECTION, here) if isinstance(section, dict) else [(here, "must be an object")]
        )
    indexes = [section.get("section_index") for section in sections if isinstance(section, dict)]
    if not problems and len(set(indexes)) != len(indexes):
        problems.append((f"{where}.sections", "section_index must be unique"))
    return problems


def _check_slot_names(item: dict[str, Any], where: str) -> list[Problem]:
    slots = [slot for slot in item["slots"] if isinstance(slot, dict)]
    names = [str(slot["slot_name"]) for slot in slots if "slot_name" in slot]
    problems: list[Problem] = []
    if len(set(names)) != len(names):
        problems.append((f"{where}.slots", "slot_name must be unique"))
    unknown = set(_names_in_layout(item.get("layout"))) - set(names)
    if unknown:
        problems.append((f"{where}.layout", f"names slots that do not exist: {', '.join(sorted(unknown))}"))
    return problems


def _names_in_layout(layout: Any) -> list[str]:
    if _layout(layout):
        return []
    if layout["version"] == 3:
        return [name for column in layout["slots_grid"] for cell in column for name in cell]
    return [str(name) for name in layout["slots"]]
