"""What `register` reads: a listing, a list of keys, or items as they are. All lazy, all giving the same values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from v7s3.bucket import BucketUrl
from v7s3.errors import UsageError
from v7s3.items.filters import select
from v7s3.items.planning import PlanOptions, plan
from v7s3.items.tagging import tagging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from v7s3.cli.register_job import Destination, Job
    from v7s3.items.planning import Plan
    from v7s3.items.run import Run

_ARTIFACTS_PREFIX = "v7s3/"  # where `v7s3 prepare` writes unless told otherwise


@dataclass(frozen=True, slots=True)
class Source:
    """`label` names the source in the summary and in the ledger's list of runs; `plans` reads it, once, for a run."""

    label: str
    plans: Callable[[Run], Iterator[Plan]]


def open_source(job: Job, destination: Destination, stack: ExitStack) -> Source:
    """The source the options name. What is wrong with a local file is found here, before anything is sent.

    Files stay open until `stack` is closed.

    Raises UsageError when the options name no source or more than one, or do not fit the storage.
    """
    if job.items and job.source:
        raise UsageError("--items is a source of its own", hint="leave out s3://…")
    if job.items:
        return _from_items(job, destination, stack)
    url = BucketUrl.parse(job.source) if job.source else None
    if destination.access == "read-only":
        raise UsageError(
            f"the storage {destination.storage!r} is read-only: V7 needs thumbnails and sizes from you",
            hint="`v7s3 prepare s3://… --output items.jsonl` makes them, `register --items items.jsonl` sends them",
        )
    if url is not None and destination.bucket and url.bucket != destination.bucket:
        raise UsageError(
            f"V7's storage {destination.storage!r} is the bucket {destination.bucket!r}, not {url.bucket!r}",
            hint="V7 looks for every key in its own storage's bucket: give its bucket, or another --storage",
        )
    if url is None:
        raise UsageError("register what?", hint="give s3://BUCKET/PREFIX or --items FILE")
    return _from_listing(job, destination, url)


def _from_listing(job: Job, destination: Destination, url: BucketUrl) -> Source:
    from v7s3.listing import list_objects
    from v7s3.s3 import AwsSettings, connect

    client = connect(AwsSettings(job.profile, job.region, job.endpoint_url), url.bucket)
    options = plan_options(job, destination, source_prefix=url.key)

    def plans(run: Run) -> Iterator[Plan]:
        return plan(run.unsettled_objects(list_objects(client, url.bucket, url.key)), options)

    return Source(str(url), plans)


def _from_items(job: Job, destination: Destination, stack: ExitStack) -> Source:
    """Payload items as they stand in a file; every one of them is checked before the first is sent."""
    from v7s3.items.itemsfile import STDIN, check_items, opened_twice, planned_items

    _refuse_planning_options(job)
    file = stack.enter_context(opened_twice(job.items))
    slugs = {"dataset_slug": destination.dataset, "storage_slug": destination.storage}
    check_items(file, job.items, destination.access, slugs)

    def plans(run: Run) -> Iterator[Plan]:
        items = planned_items(file, job.items, destination.access)
        return run.unsettled_items(items if job.limit is None else islice(items, job.limit))

    return Source("standard input" if job.items == STDIN else job.items, plans)


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
    }
    if useless := [option for option, value in given.items() if value]:
        raise UsageError(
            f"{', '.join(useless)} cannot be used with --items: its items are complete as they stand in the file",
            hint="leave the options out, or change the file",
        )


def plan_options(job: Job, destination: Destination, *, source_prefix: str = "", repeats: bool = False) -> PlanOptions:
    """How this job's keys become items."""
    fps: float | Literal["native"] | None = None
    if job.fps:
        try:
            fps = "native" if job.fps == "native" else float(job.fps)
        except ValueError:
            raise UsageError(f"--fps {job.fps!r} is not a number", hint="write --fps 5, or --fps native") from None
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
        fps=fps,
        as_frames=True if job.as_frames else None,
        extract_views=True if job.extract_views else None,
        tags=tagging(job.tag),
    )
