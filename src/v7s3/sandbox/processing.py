"""What V7 does after registration: read the objects as its role, write thumbnails and frames back, report errors.

Everything goes over HTTP with URLs signed by V7's key, so that policy, encryption and keys decide as they would.
"""

from __future__ import annotations

import base64
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from v7s3.sandbox.identity import V7, presign

if TYPE_CHECKING:
    from collections.abc import Callable

    from v7s3.sandbox.items import Item, Slot, Storage

# A grey JPEG of 16×9 pixels: what the sandbox writes back where V7 would write a rendered picture.
PLACEHOLDER = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8yb"
    "qmx5moq6T/wAALCAAJABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AAP/Z"
)
_LARGEST_COPY = 2_000_000


class ObjectError(Exception):
    """S3 did not give or take an object: its status (0: no answer) and the beginning of its answer."""

    def __init__(self, status: int, raw: str) -> None:
        super().__init__(f"HTTP {status}: {raw}")
        self.status = status
        self.raw = raw


@dataclass(frozen=True)
class Objects:
    """The objects of one bucket, seen with the key of V7's role. `url`: the S3 endpoint, path style."""

    url: str
    bucket: str
    region: str

    def signed(self, key: str, method: str = "GET", expires: int = 900) -> str:
        return presign(V7, method, f"{self.url}/{self.bucket}/{quote(key, safe='/-_.~')}", self.region, expires)

    def read(self, key: str) -> bytes:
        return self._send("GET", key)[0]

    def headers(self, key: str) -> dict[str, str]:
        """The object's headers, lower-case names."""
        return self._send("HEAD", key)[1]

    def write(self, key: str, body: bytes, content_type: str) -> None:
        self._send("PUT", key, body, content_type)

    def _send(
        self, method: str, key: str, body: bytes | None = None, content_type: str = ""
    ) -> tuple[bytes, dict[str, str]]:
        request = urllib.request.Request(self.signed(key, method), data=body, method=method)  # noqa: S310  # loopback
        if content_type:
            request.add_header("Content-Type", content_type)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.read(), {name.lower(): value for name, value in answer.headers.items()}
        except urllib.error.HTTPError as error:
            with error:
                raise ObjectError(error.code, error.read(2000).decode("utf-8", "replace")) from None
        except OSError as error:
            raise ObjectError(0, str(error)) from None


class Processor:
    """Works off registered items on a thread of its own. `hold()` makes it wait, for tests that look at the middle."""

    def __init__(self, objects: Callable[[Storage], Objects | None], delay: float = 0) -> None:
        self._objects = objects
        self._delay = delay
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._free = threading.Event()
        self._free.set()
        self._stopped = threading.Event()
        self._idle = threading.Condition()
        self._waiting = 0
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._free.set()
        self._queue.put(None)
        self._thread.join()

    def hold(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    def add(self, item: Item) -> None:
        with self._idle:
            self._waiting += 1
        self._queue.put(item)

    def settle(self, timeout: float) -> bool:
        """Wait until everything registered so far has been worked on; False when that takes longer than `timeout`."""
        with self._idle:
            return self._idle.wait_for(lambda: self._waiting == 0, timeout)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            self._stopped.wait(self._delay)
            self._free.wait()
            if self._stopped.is_set():
                return
            objects = self._objects(item.storage)
            if item.storage.readonly:
                item.problems = missing_objects(item, objects) if objects else []
            else:
                for slot in item.slots:
                    slot.error = _process(slot, item.storage, objects) if objects else None
                item.processing_status = "error" if any(slot.error for slot in item.slots) else "complete"
            with self._idle:
                self._waiting -= 1
                self._idle.notify_all()


def _process(slot: Slot, storage: Storage, objects: Objects) -> dict[str, Any] | None:
    """Read the original and write thumbnail and frames back; the error V7 would report, None when all went well."""
    key = slot.storage_key
    try:
        original = objects.read(key)
    except ObjectError as error:
        return _error("FILE_DOWNLOAD_FAILED", "download", key, error)
    slot.size = len(original)
    if not original:
        return _error("INVALID_FILE", "decode", key, ObjectError(200, "the file is empty"))
    picture = original if slot.kind == "image" and len(original) <= _LARGEST_COPY else PLACEHOLDER
    base = "/".join(part for part in (storage.prefix.strip("/"), key, "uploads", slot.upload_id) if part)
    names = ["thumbnails/000000000.jpg"]
    if slot.kind != "image":
        names += ["hq_sections/000000000.png", "lq_sections/000000000.png"]
    for name in names:
        try:
            objects.write(f"{base}/{name}", picture, "image/jpeg")
        except ObjectError as error:
            return _error("FILE_UPLOAD_FAILED", "upload", f"{base}/{name}", error)
        slot.written.append(f"{base}/{name}")
    return None


def _error(kind: str, stage: str, key: str, error: ObjectError) -> dict[str, Any]:
    said = {403: "access denied", 404: "not found", 200: error.raw, 0: "storage not reachable"}
    return {
        "message": f"{stage} failed: {said.get(error.status, f'HTTP {error.status}')}",
        "processing_error_type": kind,
        "http_status_code": error.status,
        "stage": stage,
        "storage_key": key,
        "raw_error": error.raw,
    }


def missing_objects(item: Item, objects: Objects) -> list[str]:
    """What a read-only item names and V7's role cannot read, and what does not agree, in words."""
    problems: list[str] = []
    for slot in item.slots:
        for key in _named_keys(slot.sent) + slot.frame_keys():
            try:
                objects.headers(key)
            except ObjectError as error:
                problems.append(f"{key}: HTTP {error.status}")
        if not problems:
            problems += _disagreements(slot.sent, objects)
    return problems


def _named_keys(sent: dict[str, Any]) -> list[str]:
    names = ("storage_key", "storage_thumbnail_key", "storage_frames_manifest_key", "storage_audio_peaks_key")
    keys = [str(sent[name]) for name in names if sent.get(name)]
    keys += [str(one["storage_lq_key"]) for one in sent.get("sections", []) if one.get("storage_lq_key")]
    if prefix := sent.get("storage_low_quality_sections_key_prefix"):
        keys += [f"{prefix}/{number:09d}.jpg" for number in range(sent["visible_frames"])]
    for rendition in sent.get("hls_segments", {}).values():
        keys += _segments(rendition["index"])
    return keys


def _segments(index: str) -> list[str]:
    return [line for line in index.splitlines() if line and not line.startswith("#")]


def _disagreements(sent: dict[str, Any], objects: Objects) -> list[str]:
    """A compact video whose manifest, frame counts and segments tell different stories."""
    manifest = sent.get("storage_frames_manifest_key")
    if not manifest:
        return []
    problems = []
    lines = [line.split(":") for line in objects.read(manifest).decode().splitlines()]
    visible = sum(line[2] == "1" for line in lines)
    if len(lines) != sent["total_frames"]:
        problems.append(f"{manifest}: {len(lines)} lines for {sent['total_frames']} total_frames")
    if visible != sent["visible_frames"]:
        problems.append(f"{manifest}: {visible} visible lines for {sent['visible_frames']} visible_frames")
    segments = len(_segments(sent["hls_segments"]["high_quality"]["index"]))
    named = len({line[1] for line in lines})
    if named != segments:
        problems.append(f"{manifest}: {named} segments, the playlist has {segments}")
    peaks = sent.get("storage_audio_peaks_key")
    if peaks and objects.headers(peaks).get("content-encoding") != "gzip":
        problems.append(f"{peaks}: Content-Encoding is not gzip")
    return problems
