"""From plans to results: which objects get artifacts, in which batches, and what became of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from v7s3.artifacts.crew import Settled
from v7s3.artifacts.ledger import Entry, Ledger
from v7s3.artifacts.making import Halted, Made, Task, Unmade, looked_up
from v7s3.items.payload import FlatItem, as_item
from v7s3.items.planning import Planned, Refused, Skipped

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    from v7s3.artifacts.crew import Crew
    from v7s3.artifacts.making import Workshop
    from v7s3.artifacts.recipe import Kind
    from v7s3.items.planning import Plan

S = TypeVar("S")

NO_ARTIFACTS = "no artifacts can be made"
IMAGE_ENDINGS = frozenset({"avif", "heic", "heif"})  # that Pillow reads beside V7's own
_NO_SCHEMA = {
    "pdf": "PDF: V7's schema for read-only documents is not public; use a read-write storage, or register page images",
    None: "whole-slide image: V7's names for read-only tiles are not public; use a read-write storage",
}
_KINDS: dict[str | None, Kind] = {"image": "image", "video": "video", "dicom": "dicom"}


@dataclass(slots=True)
class Tally:
    """What a plan holds, or what became of it so far."""

    kinds: Counter[str] = field(default_factory=Counter)  # tasks of each kind
    sizes: Counter[str] = field(default_factory=Counter)  # bytes of their objects
    skipped: Counter[str] = field(default_factory=Counter)  # reason -> objects
    refused: int = 0
    made: int = 0
    present: int = 0
    bytes_done: int = 0  # of objects that are settled
    bytes_read: int = 0
    bytes_written: int = 0

    @property
    def settled(self) -> int:
        return self.made + self.present + self.refused


def tasks_of(plans: Iterable[Plan], tally: Tally) -> Iterator[Task | Unmade]:
    """What is to be made, and what cannot be; skipped objects are only counted."""
    for one in plans:
        if isinstance(one, Skipped):
            tally.skipped[one.reason] += 1
        elif isinstance(one, Refused):
            yield from (Unmade(key, one.detail) for key in one.keys)
        else:
            yield _task_of(one, tally)


def _task_of(planned: Planned, tally: Tally) -> Task | Unmade:
    (source,) = planned.objects
    item = planned.item
    assert isinstance(item, FlatItem)
    kind = _KINDS.get(item.type)
    if kind is None:
        return Unmade(source.key, _NO_SCHEMA[None if item.type is None else "pdf"], max(0, source.size))
    tally.kinds[kind] += 1
    tally.sizes[kind] += max(0, source.size)
    return Task(kind, source, item.path, item.name, item.model_dump(exclude_none=True).get("tags"))


def batches_of(tasks: Iterable[Task | S], size: int) -> Iterator[tuple[Task, ...] | Settled[S]]:
    """Images `size` at a time, other tasks alone: a video keeps a worker busy for as long as it likes."""
    images: list[Task] = []
    for one in tasks:
        if not isinstance(one, Task):
            yield Settled(one)
        elif one.kind != "image":
            yield (one,)
        else:
            images.append(one)
        if len(images) >= size:
            yield tuple(images)
            images = []
    if images:
        yield tuple(images)


def prepare(
    plans: Iterable[Plan],
    workshop: Workshop,
    crew: Crew,
    *,
    batch: int,
    tally: Tally,
    stop: threading.Event,
    ledger: Ledger | None = None,
) -> Iterator[Made | Unmade]:
    """Make everything that is not in the ledger; results come as they finish. `tally` counts along. When `stop` is set,
    what is under way is finished and nothing more is begun.

    Raises what the listing raises; and, after what was under way has been yielded, the V7S3Error that would meet every
    other object too: credentials that ended, a prefix that may not be written to.
    """
    tasks = tasks_of(plans, tally)
    known = tasks if ledger is None else _known(tasks, workshop, ledger)
    batches: Iterator[tuple[Task, ...] | Settled[Made | Unmade]] = batches_of(known, batch)
    results: Iterator[Made | Unmade] = _unless_halted(crew.map(workshop, batches, stop), stop)
    for result in results:
        if ledger is not None and isinstance(result, Made) and result.etag:
            entry = Entry(json.loads(result.line)["slots"][0], result.notes)
            ledger.remember(result.folder, result.etag, result.artifacts, entry)
        yield _counted(result, tally)


def as_items(
    plans: Iterable[Plan], workshop: Workshop, crew: Crew, *, batch: int, stop: threading.Event
) -> Iterator[Plan]:
    """The plans, each item with its artifacts made; an item without becomes a refusal. Raises what `prepare` raises."""
    under_way: dict[str, Planned] = {}

    def tasks() -> Iterator[Task | Unmade | Skipped | Refused]:
        for one in plans:
            if isinstance(one, Planned):
                under_way[one.objects[0].key] = one
                yield _task_of(one, Tally())
            else:
                yield one

    batches: Iterator[tuple[Task, ...] | Settled[Unmade | Skipped | Refused]] = batches_of(tasks(), batch)
    results: Iterator[Made | Unmade | Skipped | Refused] = _unless_halted(crew.map(workshop, batches, stop), stop)
    for result in results:
        if isinstance(result, Skipped | Refused):
            yield result
            continue
        objects = under_way.pop(result.key).objects
        if isinstance(result, Unmade):
            yield Refused((result.key,), NO_ARTIFACTS, result.reason)
        else:
            yield Planned(as_item(json.loads(result.line), "read-only"), objects)


def _unless_halted(results: Iterable[S | Halted], stop: threading.Event) -> Iterator[S]:
    """What comes before and beside a reason to stop, which is raised at the end."""
    halted: Halted | None = None
    for result in results:
        if isinstance(result, Halted):
            halted = halted or result
            stop.set()
        else:
            yield result
    if halted is not None:
        raise halted.error


def _known(tasks: Iterable[Task | Unmade], workshop: Workshop, ledger: Ledger) -> Iterator[Task | Made | Unmade]:
    for one in tasks:
        yield looked_up(workshop, one, ledger) if isinstance(one, Task) else one


def _counted(result: Made | Unmade, tally: Tally) -> Made | Unmade:
    tally.bytes_done += result.source_size
    if isinstance(result, Unmade):
        tally.refused += 1
        return result
    tally.made += result.fresh
    tally.present += not result.fresh
    tally.bytes_read += result.bytes_read
    tally.bytes_written += result.bytes_written
    return result
