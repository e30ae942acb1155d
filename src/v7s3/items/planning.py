"""Objects become items, or a reason why not. Pure but for the spool that finds collisions on disk.

One key is one (path, name) for ever: `raw/may/1.jpg` is the item `1.jpg` in the folder `/raw/may`. The mapping is
injective over all keys, also at a server that tidies its folders: segments that such a server would drop or follow
("", ".", "..") are percent-encoded, and segments that look like an encoding get their first "%" doubled as "%25".
`storage_key` is the key, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from v7s3.items.filters import Selection
from v7s3.items.payload import FlatItem, InvalidItemError, Item, SlotType, build, normal_path
from v7s3.items.spool import Spool
from v7s3.items.tagging import Tagging

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from v7s3.items.objects import StorageObject

Folders = Literal["keep", "flatten"]

# Extension to V7's type (v7-facts §4.3, §8). None: V7 reads the file and infers the type better than its own client,
# which calls NIfTI and whole-slide images "video". Left out: .bpm, a misspelt .bmp in that client.
TYPES: dict[str, SlotType | None] = {
    **dict.fromkeys(("bmp", "gif", "jfif", "jpeg", "jpg", "png", "qtiff", "svs", "tif", "tiff", "webp"), "image"),
    **dict.fromkeys(("avi", "hevc", "mkv", "mov", "mp4", "wmv"), "video"),
    **dict.fromkeys(("dcm", "nii", "nii.gz"), "dicom"),
    "pdf": "pdf",
    **dict.fromkeys(("mrxs", "ndpi", "rvg"), None),
}

# --- why an object is no item: in the words of the summary -----------------------------------------------
FOLDER_MARKER = "folder marker"
UNSUPPORTED = "unsupported type"
EMPTY = "zero-byte object"
WRITTEN_BY_V7 = "written by V7"
ARTIFACT = "artifact of v7s3"
ARCHIVED = "archived"
COLLISION = "collision"
INVALID = "not acceptable to V7"
REPEATED = "listed twice"
MISSING = "not in the bucket"
NO_FOLDER = "in no folder"
NOT_GROUPED = "not matched by --slots-by"
TOO_MANY_SLOTS = "more than 16 slots"
SLOT_TWICE = "two objects for one slot"
INCOMPLETE = "incomplete group"

_PLURALS = {
    FOLDER_MARKER: "folder markers",
    EMPTY: "zero-byte objects",
    ARTIFACT: "artifacts of v7s3",
    COLLISION: "collisions",
    INCOMPLETE: "incomplete groups",
}

HINTS = {
    UNSUPPORTED: "V7 reads " + ", ".join(f".{name}" for name in sorted(TYPES)),
    EMPTY: "the upload of these objects was probably cut short; upload them again",
    WRITTEN_BY_V7: "thumbnails and frames that V7 wrote: registering them would make V7 write more of them; originals "
    "of yours below the storage's prefix cannot be told apart from them, keep them elsewhere",
    ARCHIVED: "V7 cannot read archived objects: restore them (aws s3api restore-object), then copy them onto "
    "themselves with --storage-class STANDARD, because a restored copy expires",
    COLLISION: "let the items keep their folders (--folders keep, no --strip-prefix), or register the folders with "
    "different --path",
    MISSING: "upload it, or mend the list: keys are compared letter by letter",
    NO_FOLDER: "--slots-by folder makes an item of each folder; these objects lie at the top of the bucket",
    NOT_GROUPED: "these keys do not match the pattern of --slots-by, or match it with an empty item or slot",
    TOO_MANY_SLOTS: "an item has at most 16 slots: group by a narrower pattern; a longer DICOM series has to be one "
    "object, for example a multi-frame .dcm",
    SLOT_TWICE: "a slot holds one object: let the group `slot` of --slots-by match what tells them apart",
    INCOMPLETE: "upload what is missing and run again, or leave it out of --slots-expect",
}

_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})  # GLACIER_IR is read like any other object
_V7_UPLOAD = re.compile(r"/uploads/[0-9a-fA-F-]{36}/(?:thumbnails|hq_sections|lq_sections)/")  # v7-facts §9.5


class Planned(NamedTuple):
    """An item, and the objects it is made of."""

    item: Item
    objects: tuple[StorageObject, ...]


class Skipped(NamedTuple):
    """An object that was not meant: `reason` is one of this module's or of the filters' words."""

    key: str
    reason: str


class Refused(NamedTuple):
    """An item that was asked for and cannot be: its keys, a word for the tally, and a sentence about this one."""

    keys: tuple[str, ...]
    reason: str
    detail: str
    line: int | None = None  # of the file that asked for it


Plan = Planned | Skipped | Refused


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How keys become items.

    `strip_prefix` is taken off the keys that are below it (a folder: "raw" and "raw/" mean the same); `path` is the
    Darwin folder everything goes into; `folders` "flatten" drops the rest of the key's folder. `source_prefix` is what
    every key of the source is known to begin with. `write_back_prefix` is the storage's prefix at V7, None when it has
    none or it is not known. `fps` and `as_frames` go to videos only, `extract_views` to DICOM and NIfTI only.
    `repeats` says that the source may give a key more than once (a file does, a listing does not). `more_images` are
    extensions of images that V7 does not list, but that `v7s3 prepare` can make a thumbnail of.
    """

    strip_prefix: str = ""
    path: str = "/"
    folders: Folders = "keep"
    source_prefix: str = ""
    repeats: bool = False
    write_back_prefix: str | None = None
    artifacts_prefix: str | None = None
    selection: Selection = field(default_factory=Selection)
    limit: int | None = None
    fps: float | Literal["native"] | None = None
    as_frames: bool | None = None
    extract_views: bool | None = None
    tags: Tagging = field(default_factory=Tagging)
    more_images: frozenset[str] = frozenset()


# --- one key --------------------------------------------------------------------------------------------------------
_FOLDED = {"": "%2F", ".": "%2E", "..": "%2E%2E"}  # what a server that tidies paths would drop or follow
_ENCODED = re.compile(r"%(?:25)*(?:2F|2E|2E%2E)", re.IGNORECASE)


def encode_segment(segment: str) -> str:
    """A folder or item name that no server drops or follows; different segments stay different."""
    if segment[:1] not in "%.":  # nearly all of them
        return segment
    if _ENCODED.fullmatch(segment):
        return f"%25{segment[1:]}"
    return _FOLDED.get(segment, segment)


def suffix_of(name: str) -> str:
    """The extension that decides the type, in lower case without its dot: "jpg", "nii.gz"; "" for no type of V7's."""
    stem, _, last = name.lower().rpartition(".")
    if last in TYPES:
        return last if len(last) < len(name) else ""  # a file called "jpg" has no extension
    longer = f"{stem.rpartition('.')[2]}.{last}"
    return longer if longer in TYPES and len(longer) < len(name) else ""


def below(prefix: str | None) -> str:
    """A prefix as a folder of keys: "darwin" and "/darwin/" are both "darwin/"; "" when there is none."""
    folder = (prefix or "").strip("/")
    return f"{folder}/" if folder else ""


class KeyPlanner:
    """Plans one object at a time; what the options decide for all of them is decided once, here.

    `fields` are the fields that depend on an object's suffix; `tags` is None when there are none.
    """

    def __init__(self, options: PlanOptions) -> None:
        self._options = options
        self._selection = options.selection or None
        self._generated = _prefixes(options)
        self._generated_prefixes = tuple(prefix for prefix, _ in self._generated)
        self.tags = options.tags if options.tags != Tagging() else None
        self.fields = {suffix: self.fields_of(kind) for suffix, kind in TYPES.items()}
        self.fields |= dict.fromkeys(options.more_images, self.fields_of("image"))
        self._strip = _folder_to_strip(options)
        self._base = normal_path(options.path).rstrip("/")
        self._folder_path = lru_cache(maxsize=4096)(self._uncached_folder_path)

    def __call__(self, one: StorageObject | Refused) -> Plan:
        if isinstance(one, Refused):
            return one
        suffix = self.suffix_of(one.key)
        if reason := self.skip(one, suffix):
            return Skipped(one.key, reason)
        path, name = self.place(one.key)
        fields = {"name": name, "path": path, "storage_key": one.key, **self.fields[suffix]}
        if self.tags is not None:
            fields["tags"] = self.tags.of(one.key)
        try:
            return Planned(build(FlatItem, fields), (one,))
        except InvalidItemError as error:
            return Refused((one.key,), INVALID, str(error))

    def suffix_of(self, key: str) -> str:
        """As the function of this name, with the options' extensions."""
        suffix = suffix_of(key)
        if not suffix and self._options.more_images:
            last = key.lower().rpartition(".")[2]
            return last if last in self._options.more_images else ""
        return suffix

    def skip(self, one: StorageObject, suffix: str) -> str | None:
        """Why this object is not meant to be registered; None when it is. The first reason that applies is given."""
        if reason := self._not_an_original(one) or (self._selection and self._selection.against(one)):
            return reason
        if not suffix:
            return UNSUPPORTED
        if one.storage_class in _ARCHIVES:
            return ARCHIVED
        return EMPTY if one.size == 0 else None

    def _not_an_original(self, one: StorageObject) -> str | None:
        key = one.key
        if key.endswith("/") or (one.size <= 0 and key.endswith("_$folder$")):
            return FOLDER_MARKER
        if key.startswith(self._generated_prefixes):
            return next(reason for prefix, reason in self._generated if key.startswith(prefix))
        return WRITTEN_BY_V7 if "/uploads/" in key and _V7_UPLOAD.search(key) else None

    def place(self, key: str) -> tuple[str, str]:
        """The (path, name) of a key."""
        name = key[key.rfind("/") + 1 :]
        return self._folder_path(key[: len(key) - len(name)]), encode_segment(name)

    def fields_of(self, kind: SlotType | None) -> dict[str, object]:
        """The fields of a slot that depend on its type; options that were not given leave no field behind."""
        fields: dict[str, object] = {"type": kind}
        if kind == "video":
            fields |= {"fps": self._options.fps, "as_frames": self._options.as_frames}
        if kind == "dicom":
            fields |= {"extract_views": self._options.extract_views}
        return {name: value for name, value in fields.items() if value is not None}

    def _uncached_folder_path(self, folder: str) -> str:
        if self._options.folders == "flatten":
            return self._base or "/"
        if self._strip and folder.startswith(self._strip):
            folder = folder[len(self._strip) :]
        return self._base + "".join(f"/{encode_segment(segment)}" for segment in folder.split("/")[:-1]) or "/"


def _prefixes(options: PlanOptions) -> list[tuple[str, str]]:
    """Where keys lie that were made from others. V7 keeps the storage's prefix with or without a leading slash."""
    pairs = [(below(options.write_back_prefix), WRITTEN_BY_V7), (below(options.artifacts_prefix), ARTIFACT)]
    return [(slash + prefix, reason) for prefix, reason in pairs if prefix for slash in ("", "/")]


# --- all keys -------------------------------------------------------------------------------------------------------
def plan(objects: Iterable[StorageObject | Refused], options: PlanOptions | None = None) -> Iterator[Plan]:
    """Every object's item, or why it is none; lazily and in the order of arrival. What the source refused stays so.

    When the options may send two keys to one (path, name), nothing is planned before the last object has arrived: the
    keys wait on disk, come out sorted by (path, name), and all that collide are refused, each naming another one.
    """
    options = options or PlanOptions()
    planner = KeyPlanner(options)
    plans = map(planner, objects) if is_one_to_one(options) else _without_collisions(objects, planner)
    return plans if options.limit is None else limited(plans, options.limit)


def identity(path: str, name: str) -> str:
    """What V7 tells the items of a dataset apart by, as one text for people too: "/raw/may/1.jpg"."""
    return f"{path.rstrip('/')}/{name}"


def place_of(identity: str) -> tuple[str, str]:
    """The (path, name) of an identity."""
    path, _, name = identity.rpartition("/")
    return path or "/", name


def is_one_to_one(options: PlanOptions) -> bool:
    """Whether two objects of the source can never become the same (path, name)."""
    all_stripped = options.source_prefix.startswith(_folder_to_strip(options))
    return options.folders == "keep" and all_stripped and not options.repeats


def _folder_to_strip(options: PlanOptions) -> str:
    prefix = options.strip_prefix
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _without_collisions(objects: Iterable[StorageObject | Refused], planner: KeyPlanner) -> Iterator[Plan]:
    with Spool() as spool:
        for one in objects:
            if isinstance(one, Refused):
                yield one
            elif reason := planner.skip(one, planner.suffix_of(one.key)):
                yield Skipped(one.key, reason)
            else:
                spool.add(identity(*planner.place(one.key)), one)
        for place, rows in spool.groups():
            first = last = next(rows).object
            for row in rows:
                if row.object.key == last.key:
                    yield Skipped(last.key, REPEATED)
                    continue
                if last is first:
                    yield _collision(first.key, row.object.key, place)
                last = row.object
                yield _collision(last.key, first.key, place)
            if last is first:
                yield planner(first)


def _collision(key: str, other: str, place: str) -> Refused:
    return Refused((key,), COLLISION, f"{key} and {other} would both be the item {place}")


def limited(plans: Iterator[Plan], limit: int) -> Iterator[Plan]:
    """The plans up to the last of `limit` items; no more is read from the source."""
    while limit > 0 and (one := next(plans, None)):
        limit -= isinstance(one, Planned)
        yield one


def batches(planned: Iterable[Planned], size: int = 100) -> Iterator[tuple[Planned, ...]]:
    """Up to `size` items at a time, as one request takes them."""
    iterator = iter(planned)
    while batch := tuple(islice(iterator, size)):
        yield batch


def summary(kept: int, skipped: Counter[str]) -> str:
    """One line for people: "kept 1,204, skipped 33: 30 unsupported type, 3 folder markers", most frequent first."""
    if not skipped:
        return f"kept {kept:,}, skipped none"
    ranked = sorted(skipped.items(), key=lambda pair: (-pair[1], pair[0]))
    reasons = (f"{count:,} {reason if count == 1 else _PLURALS.get(reason, reason)}" for reason, count in ranked)
    return f"kept {kept:,}, skipped {skipped.total():,}: " + ", ".join(reasons)
