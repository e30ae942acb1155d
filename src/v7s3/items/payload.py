"""What V7 is sent and what it answers, in V7's own field names (v7-facts §4-6).

An item has one of two forms and belongs to one of two endpoints:

                 flat (one file)                      slots (1 to 16 files)
    read-write   FlatItem                             SlotsItem of Slot
    read-only    ReadOnlyImage, ReadOnlyVideo,        ReadOnlySlotsItem of ReadOnlyImageSlot,
                 ReadOnlySequence                     ReadOnlyVideoSlot, ReadOnlySequenceSlot

`as_item` chooses the class from the fields. Unknown fields are errors, because V7 refuses the whole request for one.
What is sent is what was given, with three exceptions: nulls are left out, the strings "true" and "false" of V7's own
examples become booleans, and a path gets its leading and loses its trailing slash, or is "/" when it is missing
(v7-facts §12.8).
"""

from __future__ import annotations

import json
from collections import Counter
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Access: TypeAlias = Literal["read-write", "read-only"]
SlotType: TypeAlias = Literal["image", "video", "pdf", "dicom"]

M = TypeVar("M", bound=BaseModel)

MAX_SLOTS = 16  # what V7's own clients lay out and accept (v7-facts §3)
MAX_ITEMS = 100  # per request, documented (v7-facts §3)
MAX_DEPTH = 250  # of metadata; pydantic writes no deeper than 255, an item and its request included
MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8


# --- values ---------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=4096)  # a bucket has far fewer folders than keys
def normal_path(path: str) -> str:
    """A Darwin folder as V7's SDK writes it: "/" for the root, else "/a/b"."""
    return "/" + path.strip("/")


def _storage_key(key: str) -> str:
    if key.startswith("s3://"):
        raise PydanticCustomError("storage_key", "must be the object's key alone, without s3:// and the bucket")
    # A character takes at most four bytes, so most keys need not be encoded to be measured.
    if len(key) > MAX_KEY_BYTES // 4 and len(key.encode()) > MAX_KEY_BYTES:
        raise PydanticCustomError("storage_key", "must not be longer than 1,024 bytes, which is all that S3 allows")
    return key


def _flag(value: Any) -> Any:
    """V7's own examples send the strings "true" and "false"."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _number(value: Any) -> Any:
    if _is_number(value):
        return value
    raise PydanticCustomError("number", "must be a number, and not below 0")


def _fps(value: Any) -> Any:
    if value == "native" or _is_number(value):
        return value
    raise PydanticCustomError("fps", 'must be a number, not below 0, or "native"')


def _tags(value: Any) -> Any:
    texts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts) and "" not in value:
        return value
    raise PydanticCustomError("tags", "must be a list of class names, or an object of class name: text")


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    """Whatever JSON can express, as deep as it can be written in every form of item."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        values = [one for inner in level for one in (inner.values() if isinstance(inner, dict) else inner)]
        if any(isinstance(one, float) and not isfinite(one) for one in values):
            raise PydanticCustomError(
                "metadata", "must not have a number that JSON has not: infinity, as 1e999, or NaN"
            )
        level = [one for one in values if isinstance(one, (dict, list))]
        if not level:
            return value
    raise PydanticCustomError(
        "metadata", "must not have more than {depth} objects and lists in each other", {"depth": MAX_DEPTH}
    )


StorageKey = Annotated[StrictStr, Field(min_length=1), AfterValidator(_storage_key)]
Text = Annotated[StrictStr, Field(min_length=1)]
Flag = Annotated[StrictBool, BeforeValidator(_flag)]
Number = Annotated[int | float, BeforeValidator(_number)]
Fps = Annotated[int | float | Literal["native"], BeforeValidator(_fps)]
Tags = Annotated[list[str] | dict[str, str], BeforeValidator(_tags)]
Metadata = Annotated[dict[str, Any], AfterValidator(_metadata)]
Positive = Annotated[StrictInt, Field(ge=1)]
Count = Annotated[StrictInt, Field(ge=0)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- layouts --------------------------------------------------------------------------------------------------------
class _SlotList(_Wire):
    type: Literal["grid", "horizontal", "vertical", "simple"]
    slots: Annotated[list[Text], Field(min_length=1)]

    def cells(self) -> list[list[str]]:
        """The slot names of each viewport."""
        return [[name] for name in self.slots]


class LayoutV1(_SlotList):
    version: Literal[1]


class LayoutV2(_SlotList):
    version: Literal[2]
    layout_shape: Annotated[list[Positive], Field(min_length=2, max_length=2)]


class LayoutV3(_Wire):
    """Columns of cells of slot names; several names in one cell are channels stacked in one viewport."""

    version: Literal[3]
    slots_grid: Annotated[
        list[Annotated[list[Annotated[list[Text], Field(min_length=1)]], Field(min_length=1)]], Field(min_length=1)
    ]

    def cells(self) -> list[list[str]]:
        """The slot names of each viewport, column by column."""
        return [cell for column in self.slots_grid for cell in column]


def _layout_class(layout: Any) -> str | None:
    if isinstance(layout, BaseModel):
        return type(layout).__name__
    version = layout.get("version") if isinstance(layout, dict) else None
    return {1: "LayoutV1", 2: "LayoutV2", 3: "LayoutV3"}.get(version) if isinstance(version, int) else None


Layout = Annotated[
    Annotated[LayoutV1, Tag("LayoutV1")] | Annotated[LayoutV2, Tag("LayoutV2")] | Annotated[LayoutV3, Tag("LayoutV3")],
    Discriminator(
        _layout_class, custom_error_type="layout", custom_error_message="must be an object with version 1, 2 or 3"
    ),
]


# --- what items and slots share -------------------------------------------------------------------------------------
class _InDataset(_Wire):
    """An item's place in the dataset; (path, name) is its identity there (v7-facts §6)."""

    name: Annotated[StrictStr, StringConstraints(pattern=r"^[^/]+$")]
    path: Annotated[StrictStr, AfterValidator(normal_path)] = "/"
    tags: Tags | None = None


class _InSlot(_Wire):
    file_name: Text


class _Original(_Wire):
    """One file of a read-write storage: V7 makes everything else from it."""

    storage_key: StorageKey
    type: SlotType | None = None
    fps: Fps | None = None
    as_frames: Flag | None = None
    extract_views: Flag | None = None


class _ReadOnly(_Wire):
    storage_key: StorageKey
    storage_thumbnail_key: StorageKey
    size_bytes: Count | None = None

    @field_validator("storage_thumbnail_key")
    @classmethod
    def _not_the_original(cls, key: str, info: ValidationInfo) -> str:
        if key == info.data.get("storage_key"):
            raise PydanticCustomError(
                "thumbnail", "must be another object than storage_key: V7 warns of CORS trouble in browsers"
            )
        return key


class _Image(_ReadOnly):
    type: Literal["image"] | None = None
    width: Positive
    height: Positive
    fps: Fps | None = None
    as_frames: Flag | None = None
    metadata: Metadata | None = None


class HlsPlaylist(_Wire):
    index: Text  # the text of the .m3u8 with each segment's line replaced by its storage key
    bitrate: Number  # bits per second


class HlsSegments(_Wire):
    high_quality: HlsPlaylist
    low_quality: HlsPlaylist


class _Video(_ReadOnly):
    """V7's compact schema (v7-facts §5.2): `native_fps` instead of `fps`, and no `as_frames`."""

    type: Literal["video"] | None = None
    width: Positive
    height: Positive
    native_fps: Annotated[Number, Field(gt=0)]
    visible_frames: Positive
    total_frames: Positive
    hls_segments: HlsSegments
    storage_frames_manifest_key: StorageKey
    storage_sections_key_prefix: StorageKey
    storage_sections_key_extension: Text | None = None
    storage_low_quality_sections_key_prefix: StorageKey | None = None
    storage_audio_peaks_key: StorageKey | None = None

    @field_validator("total_frames")
    @classmethod
    def _covers_visible(cls, total: int, info: ValidationInfo) -> int:
        if total < info.data.get("visible_frames", 0):
            raise PydanticCustomError("frames", "must not be below visible_frames")
        return total


class Section(_Wire):
    """One frame, slice or page."""

    section_index: Positive
    width: Positive
    height: Positive
    storage_hq_key: StorageKey
    storage_lq_key: StorageKey | None = None
    type: SlotType | None = None
    size_bytes: Count | None = None


class _Sequence(_ReadOnly):
    """Frame by frame: video, DICOM, NIfTI, PDF, and the levels of a tiled image (v7-facts §5.3, §5.4)."""

    type: SlotType
    sections: Annotated[list[Section], Field(min_length=1)]
    fps: Fps | None = None
    as_frames: Flag | None = None
    extract_views: Flag | None = None
    metadata: Metadata | None = None

    @field_validator("sections")
    @classmethod
    def _numbered_from_1(cls, sections: list[Section]) -> list[Section]:
        """V7 counts sections from 1 (v7-facts §12.4); a gap or a repetition would leave a frame without a picture."""
        if sorted(section.section_index for section in sections) != list(range(1, len(sections) + 1)):
            raise PydanticCustomError("sections", "must have every section_index from 1 to their number exactly once")
        return sections


# --- slots ----------------------------------------------------------------------------------------------------------
class Slot(_Original, _InSlot):
    slot_name: Text | None = None  # V7 names unnamed slots itself
    metadata: Metadata | None = None
    tags: Tags | None = None


class ReadOnlyImageSlot(_Image, _InSlot):
    slot_name: Text
    tags: Tags | None = None


class ReadOnlyVideoSlot(_Video, _InSlot):
    slot_name: Text


class ReadOnlySequenceSlot(_Sequence, _InSlot):
    slot_name: Text
    tags: Tags | None = None


_COMPACT_ONLY = set(_Video.model_fields) - set(_Image.model_fields)


def _read_only_schema(data: Any) -> Literal["Image", "Video", "Sequence"]:
    """Which of V7's three read-only schemas the fields belong to."""
    if "sections" in data:
        return "Sequence"
    return "Video" if data.get("type") == "video" or not _COMPACT_ONLY.isdisjoint(data) else "Image"


def _slot_class(slot: Any) -> str | None:
    if isinstance(slot, BaseModel):
        return type(slot).__name__
    return f"ReadOnly{_read_only_schema(slot)}Slot" if isinstance(slot, dict) else None


ReadOnlySlot = Annotated[
    Annotated[ReadOnlyImageSlot, Tag("ReadOnlyImageSlot")]
    | Annotated[ReadOnlyVideoSlot, Tag("ReadOnlyVideoSlot")]
    | Annotated[ReadOnlySequenceSlot, Tag("ReadOnlySequenceSlot")],
    Discriminator(_slot_class, custom_error_type="slot", custom_error_message="must be an object"),
]


# --- items ----------------------------------------------------------------------------------------------------------
class FlatItem(_Original, _InDataset):
    file_name: Text | None = None


class ReadOnlyImage(_Image, _InDataset):
    file_name: Text | None = None


class ReadOnlyVideo(_Video, _InDataset):
    file_name: Text | None = None


class ReadOnlySequence(_Sequence, _InDataset):
    file_name: Text | None = None


class _Slotted(_InDataset):
    """An item of several files. The classes below declare `slots` first, so that `layout` can be checked against it."""

    @field_validator("slots", check_fields=False)
    @classmethod
    def _uniquely_named(cls, slots: list[Slot | ReadOnlySlot]) -> list[Slot | ReadOnlySlot]:
        names = Counter(slot.slot_name for slot in slots if slot.slot_name is not None)
        if twice := [name for name, count in names.items() if count > 1]:
            raise PydanticCustomError(
                "slots", "must have unique slot names; used more than once: {names}", {"names": ", ".join(twice)}
            )
        return slots

    @field_validator("layout", check_fields=False)
    @classmethod
    def _fits_slots(cls, layout: Layout | None, info: ValidationInfo) -> Layout | None:
        slots: list[Slot | ReadOnlySlot] = info.data.get("slots", [])
        types = {slot.slot_name: slot.type for slot in slots}
        if layout is None or not types or None in types:  # names that V7 will give cannot be checked
            return layout
        cells = layout.cells()
        if absent := [name for cell in cells for name in cell if name not in types]:
            raise PydanticCustomError(
                "layout", "names slots that the item does not have: {names}", {"names": ", ".join(absent)}
            )
        if any(len(cell) > 1 and {types[name] for name in cell} - {"image", None} for cell in cells):
            raise PydanticCustomError("layout", "stacks slots as channels that are not images (v7-facts §4.4)")
        return layout


class SlotsItem(_Slotted):
    slots: Annotated[list[Slot], Field(min_length=1, max_length=MAX_SLOTS)]
    layout: Layout | None = None


class ReadOnlySlotsItem(_Slotted):
    slots: Annotated[list[ReadOnlySlot], Field(min_length=1, max_length=MAX_SLOTS)]
    layout: Layout | None = None


_READ_ONLY_FIELDS = (
    {name for schema in (_Image, _Video, _Sequence) for name in schema.model_fields}
    - set(Slot.model_fields)
    - {"size_bytes"}
)


def _item_class(item: Any, access: Access | None = None) -> str | None:
    """The name of the class an item's fields ask for; its access is read from its fields when it is not given."""
    if isinstance(item, BaseModel):
        return type(item).__name__
    if not isinstance(item, dict):
        return None
    slots = item.get("slots")
    if access is None:
        parts = [item, *(slot for slot in slots if isinstance(slot, dict))] if isinstance(slots, list) else [item]
        access = "read-write" if all(_READ_ONLY_FIELDS.isdisjoint(part) for part in parts) else "read-only"
    if access == "read-write":
        return "FlatItem" if slots is None else "SlotsItem"
    return f"ReadOnly{_read_only_schema(item)}" if slots is None else "ReadOnlySlotsItem"


ReadWriteItem: TypeAlias = FlatItem | SlotsItem
ReadOnlyItem: TypeAlias = ReadOnlyImage | ReadOnlyVideo | ReadOnlySequence | ReadOnlySlotsItem
Item: TypeAlias = Annotated[
    Annotated[FlatItem, Tag("FlatItem")]
    | Annotated[SlotsItem, Tag("SlotsItem")]
    | Annotated[ReadOnlyImage, Tag("ReadOnlyImage")]
    | Annotated[ReadOnlyVideo, Tag("ReadOnlyVideo")]
    | Annotated[ReadOnlySequence, Tag("ReadOnlySequence")]
    | Annotated[ReadOnlySlotsItem, Tag("ReadOnlySlotsItem")],
    Discriminator(_item_class, custom_error_type="item", custom_error_message="must be an object"),
]


def access_of(item: Item) -> Access:
    """The kind of storage an item can be registered from; V7's two endpoints refuse each other's items."""
    return "read-write" if isinstance(item, (FlatItem, SlotsItem)) else "read-only"


def storage_keys(item: Item) -> tuple[str, ...]:
    """The objects an item is made of, without thumbnails and other artifacts."""
    if isinstance(item, (SlotsItem, ReadOnlySlotsItem)):
        return tuple(slot.storage_key for slot in item.slots)
    return (item.storage_key,)


# --- requests and answers -------------------------------------------------------------------------------------------
class RegisterRequest(_Wire):
    """The body of register_existing or of register_existing_readonly: 1 to 100 items, all for the same endpoint."""

    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS)]
    dataset_slug: Text
    storage_slug: Text

    @field_validator("items")
    @classmethod
    def _of_one_access(cls, items: list[Item]) -> list[Item]:
        one_of_each_class = {type(item): item for item in items}.values()
        if len({access_of(item) for item in one_of_each_class}) > 1:
            raise PydanticCustomError("items", "must not mix read-write and read-only items")
        return items

    @property
    def access(self) -> Access:
        return access_of(self.items[0])

    def to_json(self) -> bytes:
        """The body as it is sent. Each item is written by its own class, three times faster than through the union."""
        return to_json(dict(self), exclude_none=True)


def halves(body: bytes, middle: int) -> tuple[bytes, bytes]:
    """The body of a request as those of two: with its first `middle` items, and with the others."""
    document = json.loads(body)  # pydantic reads less deep than it writes, and writes dicts less deep than items
    items = document["items"]
    return _written(document | {"items": items[:middle]}), _written(document | {"items": items[middle:]})


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class ItemsDocument(_Wire):
    """A register payload in a file: its items, not read yet, and where they belong if it says so."""

    items: list[Any]
    dataset_slug: Text | None = None
    storage_slug: Text | None = None


class _Answer(BaseModel):
    """V7's answers may grow fields; only what is read here has to have the right shape."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class AnsweredItem(_Answer):
    """An item as V7 echoes it. Its slots are not read: of a million items that is half of the work."""

    id: str | None = None
    name: str
    path: Annotated[str, AfterValidator(normal_path)] | None = None


class BlockedSlot(_Answer):
    slot_name: str | None = None
    file_name: str | None = None
    reason: str | None = None


class BlockedItem(AnsweredItem):
    slots: list[BlockedSlot] = []
    reason: str | None = None  # not seen so far, but where a reader would look first

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was blocked, each reason once; V7 says so slot by slot (v7-facts §6)."""
        said = [self.reason, *(slot.reason for slot in self.slots)]
        return tuple(dict.fromkeys(reason for reason in said if reason)) or ("unknown",)


class _OrNull:
    """Lets null through. A validator in front of the field would have pydantic make objects of all that V7 says."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.nullable_schema(handler(source))


class RegisterResponse(_Answer):
    """An answer with status 200. It is not success: `blocked_items` were not registered."""

    items: Annotated[list[AnsweredItem], _OrNull()] = []
    blocked_items: Annotated[list[BlockedItem], _OrNull()] = []

    @model_validator(mode="after")
    def _is_an_answer(self) -> Self:
        """Either list may be missing or null, but not both: that would be another document."""
        null = [name for name in self.model_fields_set if getattr(self, name) is None]
        if len(null) == len(self.model_fields_set):
            raise PydanticCustomError("answer", "has neither items nor blocked_items")
        return self.model_copy(update={name: [] for name in null}) if null else self


# --- reading, with every problem ------------------------------------------------------------------------------------
class Problem(NamedTuple):
    """One thing that is wrong with an item: the field as a path ("slots[0].fps", "" for the item), and a sentence."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidItemError(ValueError):
    """Data that is no item; `problems` has every one of them, in the order of the model's fields."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def as_item(data: object, access: Access | None = None) -> Item:
    """Read one item, for the given endpoint or for the one its fields ask for. Raises InvalidItemError."""
    name = _item_class(data, access)
    if name is None:
        raise InvalidItemError([Problem("", "an item must be a JSON object")])
    return build(_ITEMS[name], data)


def build(cls: type[M], data: object) -> M:
    """An object of this module's class `cls` from its fields. Raises InvalidItemError."""
    try:
        # What model_validate calls, without its options: a quarter of the time of planning a key.
        built: M = cls.__pydantic_validator__.validate_python(data)
    except ValidationError as error:
        raise InvalidItemError(problems_of(error, cls)) from None
    return built


def problems_of(error: ValidationError, cls: type[BaseModel]) -> list[Problem]:
    """Pydantic's errors about `cls` in the words of this module, one for each field."""
    found: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        field, owner = _place(detail["loc"], cls)
        found.setdefault(field, Problem(field, _message(detail, owner)))
    return list(found.values())


_ITEMS: dict[str, type[ReadWriteItem | ReadOnlyItem]] = {
    cls.__name__: cls
    for cls in (FlatItem, SlotsItem, ReadOnlyImage, ReadOnlyVideo, ReadOnlySequence, ReadOnlySlotsItem)
}
_TAGGED: dict[str, type[BaseModel]] = {
    **_ITEMS,
    **{
        cls.__name__: cls
        for cls in (ReadOnlyImageSlot, ReadOnlyVideoSlot, ReadOnlySequenceSlot, LayoutV1, LayoutV2, LayoutV3)
    },
}
_NESTED: dict[str, type[BaseModel]] = {
    "slots": Slot,
    "sections": Section,
    "hls_segments": HlsSegments,
    "high_quality": HlsPlaylist,
    "low_quality": HlsPlaylist,
}

# What people write for a field, from V7's own texts and older clients (seed, v7-facts §1, §12.3).
_MISSPELT = {
    "dataset": "dataset_slug",
    "dataset_id": "dataset_slug",
    "filename": "file_name",
    "folder": "path",
    "hq_key": "storage_hq_key",
    "key": "storage_key",
    "lq_key": "storage_lq_key",
    "storage": "storage_slug",
    "storage_name": "storage_slug",
    "thumbnail_key": "storage_thumbnail_key",
    "total_size_bytes": "size_bytes",
}


def _place(loc: tuple[int | str, ...], cls: type[BaseModel]) -> tuple[str, type[BaseModel]]:
    """A pydantic location as a path, and the class that owns its last field."""
    path, owner = "", cls
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in _TAGGED:
            owner = _TAGGED[part]
        elif part.startswith(("function-", "list[", "dict[")) or part in ("int", "float", "literal['native']"):
            continue  # a step of pydantic's own, not of the document
        else:
            path += f".{part}" if path else part
            if depth < len(loc) - 1:
                owner = _NESTED.get(part, owner)
    return path, owner


_WORDS = {
    "dict_type": "must be an object",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "literal_error": "must be {expected}",
    "model_type": "must be an object",
    "string_too_short": "must not be empty",
    "string_unicode": "must be text that UTF-8 can express",
    "too_long": "must not have more than {max_length} elements",
    "too_short": "must not be empty",
}


def _message(detail: ErrorDetails, owner: type[BaseModel]) -> str:
    field = str(detail["loc"][-1]) if detail["loc"] else ""
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(field, owner)
        case "missing":
            of_read_only = field in _READ_ONLY_FIELDS and owner is not Section
            return "is missing: every item of a read-only storage needs it" if of_read_only else "is missing"
        case "string_pattern_mismatch":  # only `name` has a pattern
            return "must not contain '/'; folders belong in path" if detail["input"] else "must not be empty"
    if words := _WORDS.get(detail["type"]):
        return words.format_map(detail.get("ctx", {}))
    return detail["msg"].replace("Input should be", "must be")


def _unknown(field: str, owner: type[BaseModel]) -> str:
    """Why V7 would refuse a field here, and which one was probably meant."""
    if field in ("fps", "as_frames") and issubclass(owner, _Video):
        return "is refused on read-only video, which says native_fps instead"
    if field in _READ_ONLY_FIELDS and issubclass(owner, (_Original, SlotsItem)):
        return "is only for items of a read-only storage"
    meant = meant_by(field, owner.model_fields)
    return "is not a field that V7 knows here" + (f"; did you mean {meant}?" if meant else "")


def meant_by(field: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant by an unknown one; not always one of `names`."""
    near = get_close_matches(field, list(names), n=1, cutoff=0.7)
    return _MISSPELT.get(field) or (near[0] if near else None)
