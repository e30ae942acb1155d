"""How the options of `register` say that keys become items: filters, folders, groups, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from v7s3.artifacts.keys import prefix_of
from v7s3.artifacts.prepare import IMAGE_ENDINGS
from v7s3.bucket import BucketUrl
from v7s3.cli.register_prepare import check_prepare
from v7s3.errors import UsageError
from v7s3.items.filters import select
from v7s3.items.grouping import Grouping, grouping
from v7s3.items.planning import PlanOptions
from v7s3.items.sharding import Shard
from v7s3.items.tagging import tagging

if TYPE_CHECKING:
    from v7s3.cli.register_job import Destination, Job

LAST_RUN = "last-run"


def groups_of(job: Job) -> Grouping | None:
    if job.slots_by:
        return grouping(job.slots_by, job.layout, job.slots_expect)
    if job.slots_expect or job.layout != "auto":
        raise UsageError("--slots-expect and --layout need --slots-by", hint="say how the slots of an item are found")
    return None


def refuse_planning_options(job: Job) -> None:
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
        "--tags-from-object": job.tags_from_object,
        "--slots-by": job.slots_by,
    }
    if useless := [option for option, value in given.items() if value]:
        raise UsageError(
            f"{', '.join(useless)} cannot be used with --items: its items are complete as they stand in the file",
            hint="leave the options out, or change the file",
        )


def check_values(job: Job) -> None:
    """Raise UsageError for a value that means nothing, before anything is opened or asked."""
    if job.source:
        BucketUrl.parse(job.source)
    if Shard.parse(job.shard).count > 1 and job.sqs:
        raise UsageError(
            "--shard cannot be used with --sqs: messages about objects of other parts would be lost",
            hint="let several machines read one queue: each message goes to one of them",
        )
    plan_options(job)
    groups_of(job)
    check_prepare(job)


def plan_options(
    job: Job, destination: Destination | None = None, *, source_prefix: str = "", repeats: bool = False
) -> PlanOptions:
    """How this job's keys become items. Raises UsageError for a value that means nothing."""
    return PlanOptions(
        strip_prefix=job.strip_prefix,
        path=job.path,
        folders=job.folders,
        source_prefix=source_prefix,
        repeats=repeats,
        write_back_prefix=destination.write_back_prefix if destination else None,
        artifacts_prefix=prefix_of(job.artifacts_prefix),
        selection=select(
            include=job.include,
            exclude=job.exclude,
            ext=job.ext,
            min_size=job.min_size,
            modified_since="" if job.modified_since == LAST_RUN else job.modified_since,
        ),
        limit=job.limit,
        fps=_fps(job.fps),
        as_frames=True if job.as_frames else None,
        extract_views=True if job.extract_views else None,
        tags=tagging(job.tag, job.tag_from),
        more_images=IMAGE_ENDINGS if job.prepare else frozenset(),
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
