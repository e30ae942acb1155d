"""The items of the sandbox's Darwin, and how V7's listing shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_BY_EXTENSION = {
    **dict.fromkeys(("png", "jpg", "jpeg", "jfif", "tif", "tiff", "qtiff", "bmp", "svs", "webp", "gif"), "image"),
    **dict.fromkeys(("mp4", "avi", "mov", "mkv", "hevc", "wmv"), "video"),
    **dict.fromkeys(("dcm", "nii", "rvg"), "dicom"),
    "pdf": "pdf",
}


@dataclass(frozen=True)
class Storage:
    """An external storage as the team has configured it. `prefix`: where V7 writes back, "" for the bucket's root."""

    name: str
    bucket: str
    prefix: str = "darwin"
    readonly: bool = False
    region: str = "us-east-1"
    default: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "prefix": self.prefix,
            "readonly": self.readonly,
            "provider": "aws",
            "default": self.default,
            "bucket": self.bucket,
            "region": self.region,
        }


@dataclass(frozen=True)
class Dataset:
    ident: int
    slug: str


@dataclass
class Slot:
    """One file of an item: what was sent, and what became of it."""

    ident: str
    upload_id: str
    sent: dict[str, Any]
    size: int = 0
    error: dict[str, Any] | None = None
    written: list[str] = field(default_factory=list)

    @property
    def storage_key(self) -> str:
        return str(self.sent["storage_key"])

    @property
    def file_name(self) -> str:
        return str(self.sent.get("file_name") or self.storage_key.rpartition("/")[2])

    @property
    def kind(self) -> str:
        """The type that was sent, else what the extension says."""
        name = self.file_name.lower().removesuffix(".gz")
        return str(self.sent.get("type") or _BY_EXTENSION.get(name.rpartition(".")[2], "image"))

    def thumbnail_key(self) -> str | None:
        sent = self.sent.get("storage_thumbnail_key")
        return str(sent) if sent else next((key for key in self.written if "/thumbnails/" in key), None)

    def frame_keys(self) -> list[str]:
        """The full-quality frames of a read-only item: named one by one, or by prefix and number."""
        if "sections" in self.sent:
            return [str(section["storage_hq_key"]) for section in self.sent["sections"]]
        if "storage_sections_key_prefix" not in self.sent:
            return []
        extension = self.sent.get("storage_sections_key_extension", "png")
        prefix = self.sent["storage_sections_key_prefix"]
        return [f"{prefix}/{number:09d}.{extension}" for number in range(self.sent["visible_frames"])]

    def as_upload(self, status: str) -> dict[str, Any]:
        upload = {
            "upload_id": self.upload_id,
            "slot_name": self.sent["slot_name"],
            "file_name": self.file_name,
            "type": self.kind,
            "fps": self.sent.get("fps"),
            "as_frames": _as_bool(self.sent.get("as_frames")),
            "processing_status": "error" if self.error else status,
        }
        return upload | ({"processing_error": self.error} if self.error else {})

    def as_json(self) -> dict[str, Any]:
        names = ("width", "height", "native_fps")
        metadata = {name: self.sent[name] for name in names if name in self.sent} | self.sent.get("metadata", {})
        return {
            "id": self.ident,
            "slot_name": self.sent["slot_name"],
            "file_name": self.file_name,
            "type": self.kind,
            "fps": self.sent.get("fps"),
            "as_frames": _as_bool(self.sent.get("as_frames")),
            "extract_views": _as_bool(self.sent.get("extract_views")),
            "total_sections": max(1, len(self.frame_keys())),
            "sectionless": False,
            "upload_id": self.upload_id,
            "size_bytes": self.sent.get("size_bytes", self.size),
            "is_external": True,
            "streamable": "hls_segments" in self.sent,
            "metadata": metadata,
        }


def _as_bool(value: Any) -> bool:
    return value in (True, "true")


@dataclass
class Item:
    """One registered item. `problems`: objects a read-only item names that V7's role cannot read."""

    ident: str
    dataset: Dataset
    storage: Storage
    path: str
    name: str
    slots: list[Slot]
    layout: dict[str, Any] | None
    tags: Any
    inserted_at: str
    processing_status: str = "processing"
    problems: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return {"complete": "new"}.get(self.processing_status, self.processing_status)

    def as_json(self) -> dict[str, Any]:
        done = self.processing_status == "complete"
        names = [slot.sent["slot_name"] for slot in self.slots]
        simple = {"version": 1, "type": "simple" if len(names) == 1 else "grid", "slots": names}
        return {
            "id": self.ident,
            "name": self.name,
            "path": self.path,
            "dataset_id": self.dataset.ident,
            "priority": 0,
            "status": self.status,
            "processing_status": self.processing_status,
            "workflow_status": "new" if done else None,
            "archived": False,
            "tags": self.tags or [],
            "layout": self.layout or simple,
            "slots": [slot.as_json() for slot in self.slots] if done else [],
            "uploads": [] if done else [slot.as_upload(self.processing_status) for slot in self.slots],
            "slot_types": sorted({slot.kind for slot in self.slots}),
            "cursor": self.ident,
            "inserted_at": self.inserted_at,
            "updated_at": self.inserted_at,
        }


def slots_of(sent: dict[str, Any]) -> list[dict[str, Any]]:
    """The slots of a registered item in one form: a flat item is one slot named "0"; V7 names what has no name."""
    if "slots" not in sent:
        item_fields = ("path", "name", "tags", "layout")
        flat = {name: value for name, value in sent.items() if name not in item_fields}
        return [{"slot_name": "0", **flat}]
    return [{"slot_name": str(index), **slot} for index, slot in enumerate(sent["slots"])]


def normal_path(path: str) -> str:
    """`dir`, `/dir` and `/dir/` are one folder."""
    return "/" + path.strip("/")
