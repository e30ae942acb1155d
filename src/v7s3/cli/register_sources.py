"""What `register` reads: a listing, a list of keys, a manifest, or items as they are. All lazy, all giving plans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from v7s3.bucket import BucketUrl
from v7s3.errors import UsageError
from v7s3.items.filters import select
from v7s3.items.grouping import Grouping, grouping, plan_groups
from v7s3.items.itemsfile import STDIN, check_items, opened, opened_twice, planned_items
from v7s3.items.keysfile import read_keys
from v7s3.items.manifest import check_rows, plan_rows, read_rows
from v7s3.items.planning import PlanOptions, Refused, plan
from v7s3.items.tagging import tagging
from v7s3.listing import list_objects
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import ExitStack

    from v7s3.cli.register_job import Destination, Job
    from v7s3.items.objects import StorageObject
    from v7s3.items.planning import Plan
    from v7s3.items.run import Run

_ARTIFACTS_PREFIX = "v7s3/"  # where `v7s3 prepare` writes unless told otherwise
_PAGE = 1000  # keys of a file that are looked up in the ledger at a time


@dataclass(frozen=True, slots=True)
class Source:
    """`label` names the source in the summary and in the ledger's list of runs; `plans` reads it, once, for a run."""

    label: str
    plans: Callable[[Run], Iterator[Plan]]


def open_source(job: Job, destination: Destination, stack: ExitStack) -> Source:
    """The source the options name. What is wrong with a local file is found here, before anything is sent.

    Files stay open until `stack` is closed. Raises UsageError when the options name no source or more than one, or
    do not fit the storage.
    """
    named = {"s3://…": job.source, "--keys-from": job.keys_from, "--manifest": job.manifest, "--items": job.items}
    given = [name for name, value in named.items() if value]
    if not given:
        raise UsageError("register what?", hint="give s3://BUCKET/PREFIX, --keys-from, --manifest or --items")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are different sources", hint="give one of them at a time")
    if job.items:
        return _from_items(job, destination, stack)
    if destination.access == "read-only":
        raise UsageError(
            f"the storage {destination.storage!r} is read-only: V7 needs thumbnails and sizes from you",
            hint="`v7s3 prepare s3://… --output items.jsonl` makes them, `register --items items.jsonl` sends them",
        )
    if job.keys_from:
        return _from_keys(job, destination, stack)
    if job.manifest:
        return _from_manifest(job, destination, stack)
    return _from_listing(job, destination)


def _from_listing(job: Job, destination: Destination) -> Source:
    url = BucketUrl.parse(job.source)
    if destination.bucket and url.bucket != destination.bucket:
        raise UsageError(
            f"V7's storage {destination.storage!r} is the bucket {destination.bucket!r}, not {url.bucket!r}",
            hint="V7 looks for every key in its own storage's bucket: give its bucket, or another --storage",
        )
    client = connect(AwsSettings(job.profile, job.region, job.endpoint_url), url.bucket)
    options, groups = plan_options(job, destination, source_prefix=url.key), _groups(job)

    def plans(run: Run) -> Iterator[Plan]:
        pages = list_objects(client, url.bucket, url.key)
        return _planned(run, pages, options, groups)

    return Source(str(url), plans)


def _from_keys(job: Job, destination: Destination, stack: ExitStack) -> Source:
    file = stack.enter_context(opened(job.keys_from))
    options, groups = plan_options(job, destination, repeats=True), _groups(job)

    def plans(run: Run) -> Iterator[Plan]:
        return _planned(run, _pages(read_keys(file, job.keys_from)), options, groups)

    return Source(_label(job.keys_from), plans)


def _from_manifest(job: Job, destination: Destination, stack: ExitStack) -> Source:
    if job.slots_by:
        raise UsageError(
            "--slots-by cannot be used with --manifest", hint="give its rows an `item` and a `slot` column"
        )
    file = stack.enter_context(opened_twice(job.manifest) if job.strict else opened(job.manifest))
    options = plan_options(job, destination, repeats=True)
    layout = grouping("folder", job.layout).layout
    if job.strict:
        check_rows(file, job.manifest, options, layout)
        file.seek(0)

    def plans(run: Run) -> Iterator[Plan]:
        return run.unsettled_items(plan_rows(read_rows(file, job.manifest), options, layout))

    return Source(_label(job.manifest), plans)


def _from_items(job: Job, destination: Destination, stack: ExitStack) -> Source:
    """Payload items as they stand in a file; every one of them is checked before the first is sent."""
    _refuse_planning_options(job)
    file = stack.enter_context(opened_twice(job.items))
    slugs = {"dataset_slug": destination.dataset, "storage_slug": destination.storage}
    check_items(file, job.items, destination.access, slugs)

    def plans(run: Run) -> Iterator[Plan]:
        items = planned_items(file, job.items, destination.access)
        return run.unsettled_items(items if job.limit is None else islice(items, job.limit))

    return Source(_label(job.items), plans)


def _planned(
    run: Run, pages: Iterable[Sequence[StorageObject | Refused]], options: PlanOptions, groups: Grouping | None
) -> Iterator[Plan]:
    """Objects are looked up in the ledger before they are planned, because most are settled on most nights; members
    of a group afterwards, because a group is settled as a whole."""
    if groups is None:
        return plan(run.unsettled_objects(pages), options)
    return run.unsettled_items(plan_groups((one for page in pages for one in page), options, groups))


def _pages(values: Iterable[StorageObject | Refused]) -> Iterator[list[StorageObject | Refused]]:
    source = iter(values)
    while page := list(islice(source, _PAGE)):
        yield page


def _label(name: str) -> str:
    return "standard input" if name == STDIN else name


def _groups(job: Job) -> Grouping | None:
    if job.slots_by:
        return grouping(job.slots_by, job.layout, job.slots_expect)
    if job.slots_expect or job.layout != "auto":
        raise UsageError("--slots-expect and --layout need --slots-by", hint="say how the slots of an item are found")
    return None


def _refuse_planning_options(job: Job) -> None:
    """Options that would silently do nothing for items that are complete already."""
    given = {
        "--include": job.include,
        "--exclude": job.exclude,
        "--ext": job.ext,
        "--min-size": job.min_size,
        "--modified-since": job.modified_since,
        "--path": job.path != "/",
        "--strip-prefix": job.strip_prefix,
        "--folders": job.folders != "keep",
        "--fps": job.fps,
        "--as-frames": job.as_frames,
        "--extract-views": job.extract_views,
        "--tag": job.tag,
        "--tag-from": job.tag_from,
        "--slots-by": job.slots_by,
    }
    if useless := [option for option, value in given.items() if value]:
        raise UsageError(
            f"{', '.join(useless)} cannot be used with --items: its items are complete as they stand in the file",
            hint="leave the options out, or change the file",
        )


def plan_options(job: Job, destination: Destination, *, source_prefix: str = "", repeats: bool = False) -> PlanOptions:
    """How this job's keys become items. Raises UsageError for a value that means nothing."""
    return PlanOptions(
        strip_prefix=job.strip_prefix,
        path=job.path,
        folders=job.folders,
        source_prefix=source_prefix,
        repeats=repeats,
        write_back_prefix=destination.write_back_prefix,
        artifacts_prefix=_ARTIFACTS_PREFIX,
        selection=select(
            include=job.include,
            exclude=job.exclude,
            ext=job.ext,
            min_size=job.min_size,
            modified_since=job.modified_since,
        ),
        limit=job.limit,
        fps=_fps(job.fps),
        as_frames=True if job.as_frames else None,
        extract_views=True if job.extract_views else None,
        tags=tagging(job.tag, job.tag_from),
    )


def _fps(text: str) -> float | Literal["native"] | None:
    if text in ("", "native"):
        return "native" if text else None
    try:
        fps = float(text)
    except ValueError:
        fps = -1.0
    if not 0 <= fps < float("inf"):
        raise UsageError(f"--fps {text!r} is not a frame rate", hint="write --fps 5, or --fps native")
    return int(fps) if fps.is_integer() else fps
