"""What `v7s3 prepare` does, step by step: count, make, write, sum up."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from v7s3.artifacts.crew import Crew
from v7s3.artifacts.keys import listing_prefix, prefix_of
from v7s3.artifacts.ledger import Ledger
from v7s3.artifacts.making import Made, Unmade, Workshop
from v7s3.artifacts.prepare import IMAGE_ENDINGS, Tally, prepare, tasks_of
from v7s3.artifacts.recipe import Recipe
from v7s3.artifacts.video_options import VideoOptions
from v7s3.bucket import BucketUrl
from v7s3.cli import output
from v7s3.cli.interrupt import finishing_on_interrupt
from v7s3.cli.linefiles import report_lines
from v7s3.cli.paths import artifacts_ledger
from v7s3.cli.prepare_files import STDOUT, items_file, partial_of, report_line
from v7s3.cli.prepare_summary import Counts, Summary
from v7s3.cli.progress import Speed, duration, progress, size_in_words
from v7s3.cli.separate import files_of_ledger, require_separate
from v7s3.errors import InterruptedRunError, UsageError, V7S3Error
from v7s3.items.filters import select
from v7s3.items.planning import PlanOptions, limited, plan
from v7s3.items.sharding import Shard
from v7s3.items.spool import Spool
from v7s3.items.tagging import tagging
from v7s3.listing import list_objects, list_parallel
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3.client import S3Client

    from v7s3.artifacts.crew import ExecutorKind
    from v7s3.items.objects import StorageObject
    from v7s3.items.planning import Plan

_LARGEST_BATCH = 8  # images a worker is given at once
_BATCHES_EACH = 4  # at least so many batches a worker, so that none is idle at the end


@dataclass(frozen=True, slots=True)
class PrepareJob:
    """The options of `v7s3 prepare`, name for name."""

    source: str
    output: str
    artifacts_prefix: str
    fps: float
    segment_length: float
    quality: int
    preview_frames: bool
    video_sections: bool
    x264_preset: str
    max_megapixels: float
    include: list[str]
    exclude: list[str]
    ext: list[str]
    min_size: str
    modified_since: str
    limit: int | None
    path: str
    strip_prefix: str
    folders: Literal["keep", "flatten"]
    tag: list[str]
    tag_from: str
    executor: ExecutorKind
    workers: int | None
    dask_scheduler: str
    shard: str
    report: Path | None
    ledger: Path | None
    clean: bool
    yes: bool
    dry_run: bool
    profile: str | None
    region: str | None
    endpoint_url: str | None
    form: Literal["text", "json"]
    quiet: bool
    verbose: bool


def run(job: PrepareJob) -> int:
    """Prepare what the job names, or show what would be, or clean up; the exit code."""
    url, prefix, options = BucketUrl.parse(job.source), prefix_of(job.artifacts_prefix), _plan_options(job)
    shard, crew = Shard.parse(job.shard), _crew(job)
    if url.key.startswith(prefix):
        raise UsageError(f"{url} is where artifacts lie", hint="name the originals, or another --artifacts-prefix")
    settings = AwsSettings(job.profile, job.region, job.endpoint_url)
    client = connect(settings, url.bucket)
    if job.clean:
        from v7s3.cli.prepare_clean import run_clean

        return run_clean(job, client, url, prefix)
    _check_files(job, url.bucket)
    check_decoders()
    preparation = Preparation(job, url, client, options, shard, _workshop(job, settings, url.bucket, prefix, crew))
    return preparation.show() if job.dry_run else preparation.run(crew)


def _check_files(job: PrepareJob, bucket: str) -> None:
    """Refuse files that would overwrite each other, before any is opened."""
    ledger = files_of_ledger("the ledger", job.ledger or artifacts_ledger(bucket))
    items: dict[str, Path | str] = {}
    if job.output != STDOUT:
        items = {"--output": job.output, "the unfinished": partial_of(Path(job.output))}
    require_separate("--report", job.report, items | ledger)
    for name in items.values():
        require_separate("--output", name, ledger)


class Preparation:
    """One run over one bucket, and what is shown while it lasts and after it."""

    def __init__(
        self, job: PrepareJob, url: BucketUrl, client: S3Client, options: PlanOptions, shard: Shard, workshop: Workshop
    ) -> None:
        self._job, self._url, self._client = job, url, client
        self._options, self._shard, self._workshop = options, shard, workshop
        self._counts = Counts()
        self._tally = Tally()
        self._listed = 0  # objects of the source
        self._speed = Speed()

    def show(self) -> int:
        """What a run would do."""
        from v7s3.cli.prepare_estimate import estimated

        with Spool() as spool:
            self._count(spool)
            tasks = tasks_of(self._plans(_objects(spool)), Tally())
            estimate = estimated(self._client, self._workshop, tasks, self._counts)
        output.result_json(estimate.document()) if self._job.form == "json" else output.result(estimate.text())
        return 0

    def run(self, crew: Crew) -> int:
        job, stopping, stop = self._job, threading.Event(), None
        if not job.quiet:
            output.note("safe to stop at any time (Ctrl-C): the same command makes what is missing then")
        advice = "stopping: what is being made is finished first (Ctrl-C again stops at once)"
        with (
            Spool() as spool,
            self._ledger() as ledger,
            items_file(job.output) as items,
            report_lines(job.report, report_line) as report,
        ):
            interruptible = finishing_on_interrupt(stopping, advice, as_json=job.form == "json")
            with interruptible as signals, progress(self._line, quiet=job.quiet):
                try:
                    self._count(spool)
                    self._look_for_artifacts(ledger)
                    for result in self._results(spool, ledger, crew, stopping):
                        report(result)
                        self._take(result)
                        if isinstance(result, Made):
                            items.write(result.line)
                except V7S3Error as error:
                    stop = error
            if not self._listed:
                items.discard()
            elif stop is None and not signals:
                items.complete()
        if ledger.trouble:
            output.note(f"warning: the next run will ask for each object's artifacts again: {ledger.trouble}")
        if self._listed or (stop is None and not signals):  # else nothing was begun
            self._show_summary(items.shown_name)
        if stop is None and not self._listed:
            output.note(f"warning: {self._url} holds nothing; prefixes and keys are case-sensitive")
            output.note(f"{items.shown_name} is left as it was")
        if signals:
            raise InterruptedRunError("interrupted; what was being made is complete", hint="run the same command again")
        if stop is not None:
            raise stop
        return 5 if self._tally.refused else 0

    def _results(self, spool: Spool, ledger: Ledger, crew: Crew, stopping: threading.Event) -> Iterator[Made | Unmade]:
        images = self._counts.tally.kinds["image"]
        batch = max(1, min(_LARGEST_BATCH, images // (crew.workers * _BATCHES_EACH)))
        return prepare(
            self._plans(_objects(spool)),
            self._workshop,
            crew,
            batch=batch,
            tally=self._tally,
            stop=stopping,
            ledger=ledger,
        )

    def _take(self, result: Made | Unmade) -> None:
        counts = self._counts
        if isinstance(result, Unmade):
            counts.refusals.add(result.reason, result.key)
            return
        for remark in result.notes:
            counts.notes.add(remark, result.key)
            if self._job.verbose:
                output.note(f"{result.key}: {remark}")

    def _plans(self, objects: Iterable[StorageObject]) -> Iterator[Plan]:
        plans = self._shard.of(plan(objects, self._options))
        return plans if self._job.limit is None else limited(plans, self._job.limit)

    def _count(self, spool: Spool) -> None:
        """Without a whole listing there is no telling how far a run is; it waits on disk for the run to come."""
        for one in tasks_of(self._plans(self._listed_into(spool)), self._counts.tally):
            if isinstance(one, Unmade):
                self._counts.tally.refused += 1
        self._counts.are_complete = True

    def _listed_into(self, spool: Spool) -> Iterator[StorageObject]:
        # "The first N" is only the same N every time when the keys come in their order.
        listed = list_parallel if self._job.limit is None else list_objects
        for one in chain.from_iterable(listed(self._client, self._url.bucket, self._url.key)):
            self._listed += 1
            spool.add(one.key, one)
            yield one

    def _ledger(self) -> Ledger:
        return Ledger(self._job.ledger or artifacts_ledger(self._url.bucket))

    def _look_for_artifacts(self, ledger: Ledger) -> None:
        if ledger.is_empty:
            return
        prefix = self._workshop.prefix
        ledger.look(list_parallel(self._client, self._url.bucket, listing_prefix(prefix, self._url.key)), prefix)

    def _line(self) -> str:
        counted, tally = self._counts.tally, self._tally
        if not self._counts.are_complete:
            return f"counting: {counted.kinds.total():,} objects so far"
        total, size = counted.kinds.total() + counted.refused, counted.sizes.total()
        line = f"{tally.settled:,} of {total:,} objects · {size_in_words(tally.bytes_done)} of {size_in_words(size)}"
        if 0 < tally.bytes_done < size:
            line += f" · {duration(self._speed.seconds * (size - tally.bytes_done) / tally.bytes_done)} left"
        return f"{line} · {tally.refused:,} refused" if tally.refused else line

    def _show_summary(self, items: str) -> None:
        summary = Summary(
            str(self._url),
            self._workshop.prefix,
            items,
            self._tally,
            self._counts,
            self._speed.seconds,
            self._job.report,
        )
        as_json = self._job.form == "json"
        if self._job.output == "-":  # standard output belongs to the items
            output.note_text(summary.text())
        elif as_json:
            output.result_json(summary.document())
        else:
            output.result(summary.text())


def _objects(spool: Spool) -> Iterator[StorageObject]:
    return (row.object for _, rows in spool.groups() for row in rows)


# --- from options to what they mean ---------------------------------------------------------------------------------
def _plan_options(job: PrepareJob) -> PlanOptions:
    return PlanOptions(
        strip_prefix=job.strip_prefix,
        path=job.path,
        folders=job.folders,
        source_prefix=BucketUrl.parse(job.source).key,
        artifacts_prefix=prefix_of(job.artifacts_prefix),
        selection=select(
            include=job.include,
            exclude=job.exclude,
            ext=job.ext,
            min_size=job.min_size,
            modified_since=job.modified_since,
        ),
        tags=tagging(job.tag, job.tag_from),
        more_images=IMAGE_ENDINGS,
    )


def _crew(job: PrepareJob) -> Crew:
    if (job.executor == "dask") != bool(job.dask_scheduler):
        raise UsageError(
            "--executor dask and --dask-scheduler go together", hint="--executor dask --dask-scheduler tcp://HOST:8786"
        )
    return Crew(job.executor, job.workers or cores(), job.dask_scheduler)


def _workshop(job: PrepareJob, settings: AwsSettings, bucket: str, prefix: str, crew: Crew) -> Workshop:
    video = video_options(
        crew,
        fps=job.fps,
        segment_length=job.segment_length,
        quality=job.quality,
        preview_frames=job.preview_frames,
        sections=job.video_sections,
        preset=job.x264_preset,
    )
    return Workshop(settings, bucket, prefix, Recipe(video), max_pixels=round(job.max_megapixels * 1_000_000))


def video_options(crew: Crew, **given: Any) -> VideoOptions:
    """What is `given`, by the names of VideoOptions; their defaults for what is None."""
    # With many workers each video gets few threads, with few workers many: the cores are busy either way.
    threads = 0 if crew.kind == "dask" else max(1, min(8, 2 * cores() // crew.workers))
    return VideoOptions(threads=threads, **{name: value for name, value in given.items() if value is not None})


def cores() -> int:
    """Those this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_decoders() -> None:
    """Raises UsageError when the extra `media` is not installed."""
    missing = [name for name in ("PIL", "pillow_heif", "av") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"prepare needs {', '.join(missing)} to read images and videos", hint="pip install 'v7s3[media]'"
        )
