"""`v7s3 register --prepare`: artifacts are made on the way, so that a read-only storage takes one command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from v7s3.artifacts.crew import Crew
from v7s3.artifacts.keys import prefix_of
from v7s3.artifacts.making import Workshop
from v7s3.artifacts.prepare import as_items
from v7s3.artifacts.recipe import Recipe
from v7s3.bucket import BucketUrl
from v7s3.cli.prepare_job import check_decoders, cores, video_options
from v7s3.errors import UsageError
from v7s3.s3 import AwsSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from v7s3.cli.register_job import Destination, Job
    from v7s3.cli.register_sources import Source
    from v7s3.items.planning import Plan
    from v7s3.items.run import Run

_BATCH = 4  # images a worker is given at once; how many there will be is not known


def check_prepare(job: Job) -> None:
    """Refuse what does not go with --prepare, or only with it, before anything is opened."""
    if not job.prepare:
        _refuse_preparing_options(job)
        return
    useless = {
        "--items": job.items,
        "--manifest": job.manifest,
        "--slots-by": job.slots_by,
        "--as-frames": job.as_frames,
        "--extract-views": job.extract_views,
        "--access read-write": job.access == "read-write",
    }
    if given := [option for option, value in useless.items() if value]:
        raise UsageError(
            f"{', '.join(given)} cannot be used with --prepare",
            hint="--prepare makes one item of each object, with the artifacts that a read-only storage needs",
        )


def _refuse_preparing_options(job: Job) -> None:
    given = {
        "--quality": job.quality is not None,
        "--segment-length": job.segment_length is not None,
        "--preview-frames" if job.preview_frames else "--no-preview-frames": job.preview_frames is not None,
        "--video-sections": job.video_sections,
    }
    if useless := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{', '.join(useless)} cannot be used without --prepare: nothing is made of the objects",
            hint="add --prepare, for a storage that V7 may only read",
        )


def with_artifacts(job: Job, destination: Destination, source: Source, stopping: threading.Event) -> Source:
    """The source, its items with their artifacts made. A dry run makes none.

    Raises UsageError when the storage is not read-only, or the bucket is not known.
    """
    if destination.access != "read-only":
        raise UsageError(
            f"the storage {destination.storage!r} is read-write: V7 makes its own thumbnails and frames there",
            hint="leave out --prepare",
        )
    if job.dry_run:
        return source
    bucket = BucketUrl.parse(job.source).bucket if job.source else destination.bucket
    if not bucket:
        raise UsageError("--prepare: which bucket?", hint="V7 does not say; leave out --access, or give s3://BUCKET")
    check_decoders()
    crew = Crew("processes", cores())
    settings = AwsSettings(job.profile, job.region, job.endpoint_url)
    video = video_options(
        crew,
        fps=float(job.fps) if job.fps not in ("", "native") else None,
        segment_length=job.segment_length,
        quality=job.quality,
        preview_frames=job.preview_frames,
        sections=job.video_sections,
    )
    workshop = Workshop(settings, bucket, prefix_of(job.artifacts_prefix), Recipe(video))

    def rounds(run: Run) -> Iterator[Iterator[Plan]]:
        for plans in source.rounds(run):
            yield as_items(plans, workshop, crew, batch=_BATCH, stop=stopping)

    return replace(source, rounds=rounds)
