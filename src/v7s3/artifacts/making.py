"""The artifacts of one object, made wherever a worker runs: another thread, another process, another machine.

`make` never raises: whatever happens becomes a value that can be sent back. What goes in and comes out is small;
pictures travel between the worker and S3 only.
"""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import uuid4

from v7s3.artifacts import slots
from v7s3.artifacts.keys import folder_of, in_metadata, is_long
from v7s3.artifacts.ledger import Entry, Incomplete
from v7s3.artifacts.limits import MAX_PIXELS
from v7s3.artifacts.original import Original
from v7s3.artifacts.recipe import Kind, Recipe
from v7s3.artifacts.refusal import Refusal, words_of
from v7s3.artifacts.shelf import SOURCE, Conditions, Shelf, WriteDeniedError
from v7s3.aws_errors import translated
from v7s3.errors import ConflictError, CredentialsError, ServiceError, V7S3Error
from v7s3.items.payload import InvalidItemError, as_item
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from mypy_boto3_s3.client import S3Client

    from v7s3.artifacts.ledger import Ledger
    from v7s3.artifacts.shelf import Mark
    from v7s3.items.objects import StorageObject


_METADATA = "metadata.json"
_VERSION = 1  # of its form
_SIZE = "v7s3-size"  # metadata of a thumbnail: what images.Size says of its source
_ATTEMPTS = 3  # of an object, beside those of each request
_PAUSE = 1.0  # seconds before the second attempt; doubles
_WHOLE = 8 * 1024 * 1024  # bytes: a thumbnail needs all of an image, and each request costs as much as half a megabyte
_HEAD = 64 * 1024  # bytes of a larger one that are looked at first


@dataclass(frozen=True, slots=True)
class Workshop:
    """What is the same for all objects of a run. Picklable: a worker in another process makes its own client of it.

    `run` tells runs apart, because a client remembers the credentials and the environment it was made with.
    """

    settings: AwsSettings
    bucket: str
    prefix: str  # of the artifacts, with a slash at its end
    recipe: Recipe = field(default_factory=Recipe)
    max_pixels: int = MAX_PIXELS  # of an image
    threads: int = 4  # images of a batch that are made at once
    run: str = field(default_factory=lambda: uuid4().hex)


class Task(NamedTuple):
    """One object and the item it is to become."""

    kind: Kind
    source: StorageObject
    path: str
    name: str
    tags: Any = None  # as the payload has them
    afresh: bool = False  # also when there is a last artifact: others are missing


class Made(NamedTuple):
    """An item of the payload, its artifacts in the bucket."""

    key: str
    line: str  # the item as JSON, without a newline
    fresh: bool  # made now, not found from an earlier run
    source_size: int
    bytes_read: int
    bytes_written: int
    notes: tuple[str, ...]
    folder: str = ""
    etag: str = ""  # of the artifact that stands for the folder; "" when the ledger has it
    artifacts: int = 0  # put now, which is all of them; 0 when they were found


class Unmade(NamedTuple):
    """No item, and why."""

    key: str
    reason: str
    source_size: int = 0


class Halted(NamedTuple):
    """What would happen to every other object too: credentials have ended, or the prefix may not be written to."""

    key: str
    error: V7S3Error


Result = Made | Unmade | Halted


def looked_up(workshop: Workshop, task: Task, ledger: Ledger) -> Made | Task:
    """The item, when the ledger has its slot and S3 its artifacts; else what a worker has to do."""
    source = task.source
    if not source.etag:
        return task
    folder = folder_of(workshop.prefix, source.key, source.etag, workshop.recipe.name(task.kind))
    entry = ledger.find(folder)
    if not isinstance(entry, Entry):
        return task._replace(afresh=isinstance(entry, Incomplete))
    try:
        line = _line(task, entry.slot)
    except InvalidItemError:
        return task
    return Made(
        key=source.key,
        line=line,
        fresh=False,
        source_size=source.size,
        bytes_read=0,
        bytes_written=0,
        notes=entry.notes,
        folder=folder,
    )


def make_batch(workshop: Workshop, tasks: Sequence[Task]) -> list[Result]:
    """All of a batch, several at once: while one waits for S3, another decodes."""
    if len(tasks) == 1:
        return [make(workshop, tasks[0])]
    with ThreadPoolExecutor(min(len(tasks), workshop.threads)) as pool:
        return list(pool.map(partial(make, workshop), tasks))


def make(workshop: Workshop, task: Task) -> Result:
    """The artifacts of one object. When S3 fails or it was replaced, all is tried again, up to `_ATTEMPTS` times."""
    reason = ""
    for attempt in range(_ATTEMPTS):
        try:
            return _make(workshop, task)
        except ConflictError:
            reason = "it keeps being replaced while it is read"
            task = task._replace(source=task.source._replace(etag=""))  # next, as it is then
        except (ServiceError, OSError, MemoryError) as error:
            reason = "not enough memory" if isinstance(error, MemoryError) else words_of(error)
            if attempt < _ATTEMPTS - 1:
                time.sleep(_PAUSE * 2**attempt)
        except Exception as error:  # noqa: BLE001  # even a bug must cost one object, not the run
            return _outcome_of(error, task.source)
    return Unmade(task.source.key, f"given up after {_ATTEMPTS} attempts: {reason}", task.source.size)


def _outcome_of(error: Exception, one: StorageObject) -> Unmade | Halted:
    match error:
        case WriteDeniedError():
            return Halted(one.key, error.cause)
        case CredentialsError() if not _is_about_one_object(error):
            return Halted(one.key, error)
        case ModuleNotFoundError():
            reason = f"{error.name} is not installed where this runs: pip install 'v7s3[volumes]'"
        case InvalidItemError():
            reason = f"V7 would not take the item: {error}"
        case V7S3Error():
            reason = error.message
        case _:
            reason = f"a bug in v7s3, please report it: {type(error).__name__}: {error}"
    return Unmade(one.key, reason, one.size)


def _is_about_one_object(error: CredentialsError) -> bool:
    """An object may have a KMS key or an owner of its own; everything else about credentials concerns all of them."""
    code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", "")
    return code in ("AccessDenied", "403", "Forbidden", "KMS.AccessDeniedException", "KMS.DisabledException")


def _make(workshop: Workshop, task: Task) -> Result:
    client, conditions = _edge(workshop)
    source = _as_stored(client, workshop.bucket, task.source)
    folder = folder_of(workshop.prefix, source.key, source.etag, workshop.recipe.name(task.kind))
    if source.key.startswith(folder):
        return Unmade(source.key, "its thumbnail would be the object itself")
    marks = {SOURCE: in_metadata(source.key)} if is_long(workshop.prefix, source.key) else {}
    bench = Bench(workshop, task, source, folder, Shelf(client, workshop.bucket, folder, conditions, marks))
    with Original(client, workshop.bucket, source).open(
        first=_WHOLE if task.kind == "image" and source.size <= _WHOLE else _HEAD, ahead=task.kind == "video"
    ) as file:
        found = _MAKERS[task.kind](bench, cast("BinaryIO", file))
        if isinstance(found, Refusal):
            return Unmade(source.key, found.reason, source.size)
        return Made(
            key=source.key,
            line=_line(task, found.slot),
            fresh=found.fresh,
            source_size=source.size,
            bytes_read=file.bytes_read,
            bytes_written=bench.shelf.bytes_written,
            notes=found.notes,
            folder=folder,
            etag=found.etag,
            artifacts=len(bench.shelf.names),
        )


def _as_stored(client: S3Client, bucket: str, one: StorageObject) -> StorageObject:
    """With its size and ETag, which a list of keys does not have."""
    if one.etag and one.size >= 0:
        return one
    with translated(f"s3://{bucket}/{one.key}"):
        answer = client.head_object(Bucket=bucket, Key=one.key)
    return one._replace(size=answer["ContentLength"], etag=answer["ETag"].strip('"'))


def _line(task: Task, slot: Mapping[str, Any]) -> str:
    """The item, read by the payload's own model before it is written. Raises InvalidItemError."""
    item = {"path": task.path, "name": task.name, "slots": [slot]} | ({"tags": task.tags} if task.tags else {})
    as_item(item, "read-only")
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


class Edge(NamedTuple):
    """S3, as one process of a run sees it."""

    client: S3Client
    conditions: Conditions


# --- by kind --------------------------------------------------------------------------------------------------------
class Bench(NamedTuple):
    """What making one object's artifacts needs."""

    workshop: Workshop
    task: Task
    source: StorageObject
    folder: str
    shelf: Shelf


class Found(NamedTuple):
    """A slot whose artifacts are complete."""

    slot: Mapping[str, Any]
    fresh: bool
    notes: tuple[str, ...]
    etag: str = ""  # of the artifact that was put last


def _image(bench: Bench, file: BinaryIO) -> Found | Refusal:
    """The thumbnail is the only artifact; the picture's size stands in its metadata, for the next run."""
    from v7s3.artifacts.images import Picture, Size, picture_of  # noqa: PLC0415  # a worker loads the decoders it needs

    mark = bench.shelf.mark_of("thumbnail.jpg")
    if mark is not None and (told := mark.metadata.get(_SIZE)):
        size = Size.from_text(told)
        slot = slots.image_slot(bench.source, size, bench.folder)
        return Found(slot, fresh=False, notes=Picture(size, b"").notes, etag=mark.etag)
    if bench.source.size <= _WHOLE:
        file = io.BytesIO(file.read())  # decoders read it in small pieces
    picture = picture_of(file, bench.source.key, max_pixels=bench.workshop.max_pixels)
    if not isinstance(picture, Picture):
        return picture
    etag = bench.shelf.put("thumbnail.jpg", picture.thumbnail, {_SIZE: picture.size.to_text()})
    return Found(slots.image_slot(bench.source, picture.size, bench.folder), fresh=True, notes=picture.notes, etag=etag)


def _video(bench: Bench, file: BinaryIO) -> Found | Refusal:
    def made() -> Found | Refusal:
        from v7s3.artifacts.video import Video, extract  # noqa: PLC0415  # as above

        video = extract(file, bench.shelf.put, bench.workshop.recipe.video)
        if not isinstance(video, Video):
            return video
        return Found(slots.video_slot(bench.source, video, bench.folder), fresh=True, notes=video.notes)

    return _with_metadata(bench, made)


def _dicom(bench: Bench, file: BinaryIO) -> Found | Refusal:
    def made() -> Found | Refusal:
        from v7s3.artifacts.volumes import Volume, extract  # noqa: PLC0415  # as above

        volume = extract(file, bench.source.key, bench.shelf.put)
        if not isinstance(volume, Volume):
            return volume
        return Found(slots.volume_slot(bench.source, volume, bench.folder), fresh=True, notes=volume.notes)

    return _with_metadata(bench, made)


def _with_metadata(bench: Bench, made: Callable[[], Found | Refusal]) -> Found | Refusal:
    """`metadata.json` is put last, so where it lies everything lies; it holds the slot for the next run."""
    mark = bench.shelf.mark_of(_METADATA)
    if mark is not None and not bench.task.afresh and (kept := _kept(bench.shelf, mark)) is not None:
        return kept
    found = made()
    if isinstance(found, Found):
        source = {"storage_key": bench.source.key, "etag": bench.source.etag, "size_bytes": bench.source.size}
        document = {"version": _VERSION, "source": source, "slot": found.slot, "notes": found.notes}
        return found._replace(etag=bench.shelf.put(_METADATA, json.dumps(document, ensure_ascii=False).encode()))
    return found


def _kept(shelf: Shelf, mark: Mark) -> Found | None:
    """What `metadata.json` says; None when it is cut off or has the form of another version."""
    text = shelf.read(_METADATA)
    try:
        document = json.loads(text)
        if document["version"] == _VERSION:
            return Found(dict(document["slot"]), fresh=False, notes=tuple(document["notes"]), etag=mark.etag)
    except (LookupError, TypeError, ValueError, RecursionError):
        pass
    return None


_MAKERS: dict[Kind, Callable[[Bench, BinaryIO], Found | Refusal]] = {
    "image": _image,
    "video": _video,
    "dicom": _dicom,
}

_lock = threading.Lock()


def _edge(workshop: Workshop) -> Edge:
    """One for each run and process: boto3's clients may be shared by threads, but two must not be made at once."""
    with _lock:
        return _new_edge(workshop.settings, workshop.bucket, workshop.run)


@lru_cache(maxsize=1)
def _new_edge(settings: AwsSettings, bucket: str, _run: str) -> Edge:
    client = connect(settings, bucket)
    return Edge(client, Conditions())
