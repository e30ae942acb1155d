"""What `v7s3 register` does, step by step: open the edges, plan, send, sum up."""

from __future__ import annotations

import gc
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

from v7s3.bucket import BucketUrl
from v7s3.cli import output
from v7s3.cli.durations import seconds
from v7s3.cli.interrupt import finishing_on_interrupt
from v7s3.cli.linefiles import report_lines
from v7s3.cli.progress import Speed, duration, progress
from v7s3.cli.register_planning import check_values
from v7s3.cli.register_sources import open_source
from v7s3.cli.register_summary import PlanSummary, Summary
from v7s3.cli.separate import files_of_ledger, require_separate
from v7s3.cli.session import find_dataset, find_storage, ledger_path, open_darwin
from v7s3.cli.status_watch import Watch
from v7s3.darwin import Limits
from v7s3.errors import InterruptedRunError, UsageError, V7S3Error
from v7s3.items.ledger import Ledger, Target
from v7s3.items.outcome import DONE
from v7s3.items.register import Sender
from v7s3.items.run import Run
from v7s3.items.sharding import Shard
from v7s3.items.tally import report_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from v7s3.cli.status_watch import Seen
    from v7s3.darwin import Darwin
    from v7s3.items.outcome import Outcome
    from v7s3.items.payload import Access, RegisterResponse
    from v7s3.items.planning import Planned
    from v7s3.items.run import Report

_SHOWN = 10  # items of the plan that --dry-run names
# Seconds that an answer may wait for others where requests leave as fast as they can. Where they leave by a timetable,
# one settled late is in the way of the next one's departure, and there is time enough for each.
_LINGER = 0.05


@dataclass(frozen=True, slots=True)
class Job:
    """The options of `v7s3 register`, name for name."""

    source: str
    keys_from: str
    manifest: str
    items: str
    inventory: str
    sqs: str
    drain: bool
    check_keys: bool | None
    team: str
    dataset: str
    storage: str
    access: Literal["auto", "read-write", "read-only"]
    include: list[str]
    exclude: list[str]
    ext: list[str]
    min_size: str
    modified_since: str
    limit: int | None
    shard: str
    path: str
    strip_prefix: str
    folders: Literal["keep", "flatten"]
    fps: str
    as_frames: bool
    extract_views: bool
    tag: list[str]
    tag_from: str
    tags_from_object: bool
    slots_by: str
    slots_expect: list[str]
    layout: str
    strict: bool
    rate: str
    workers: int
    batch_size: int
    attempts: int
    report: Path | None
    ledger: Path | None
    no_ledger: bool
    retry_failed: bool
    prepare: bool
    quality: int | None
    segment_length: float | None
    preview_frames: bool | None
    video_sections: bool
    artifacts_prefix: str
    wait: bool
    timeout: str
    dry_run: bool
    darwin_url: str
    api_key_file: Path | None
    profile: str | None
    region: str | None
    endpoint_url: str | None
    form: Literal["text", "json"]
    quiet: bool
    verbose: bool


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the items go, as V7 has it on record or as the options say."""

    team: str
    dataset: str
    storage: str
    access: Access
    bucket: str = ""  # "" when V7 was not asked or does not tell
    write_back_prefix: str | None = None


def run(job: Job) -> int:
    """Register what the job names and return the exit code."""
    _check(job)
    check_values(job)
    _tune_interpreter()
    per_minute = requests_a_minute(job.rate)
    stopping = threading.Event()
    limits = Limits(register_per_minute=per_minute, attempts=job.attempts)
    with ExitStack() as stack:
        darwin, team = open_darwin(job.darwin_url, job.api_key_file, job.team, limits=limits, stop=stopping)
        stack.enter_context(darwin)
        destination = _destination(job, darwin, team)
        source = open_source(job, destination, stopping, stack)
        ledger = stack.enter_context(_ledger(job, darwin.base_url, destination))
        write = stack.enter_context(_report(job))
        current = Run(ledger, destination.storage, write, stopping, retry_failed=job.retry_failed, dry=job.dry_run)
        rounds = (current.accepted(plans) for plans in source.rounds(current))
        if job.dry_run:
            _require_dataset(job, darwin, team)
            return _show_plan(job, current, source.label, chain.from_iterable(rounds), per_minute)
        ledger.begin_run(source.scope)
        registration = Registration(job, darwin, destination, current, stopping)
        return registration.run(rounds, source.label, ledger)


def _tune_interpreter() -> None:
    """Settings for a process that does nothing but register."""
    # Items come and go by the million and form no cycles: looking for some after every 700 is a seventh of the work.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _check(job: Job) -> None:
    """Refuse what contradicts itself, before anything is opened."""
    if not job.dataset:
        raise UsageError("which dataset?", hint="give --dataset or V7_DATASET: its slug")
    if job.access != "auto" and not job.storage:
        raise UsageError("which storage?", hint="give --storage or V7_STORAGE: its name in V7's settings")
    seconds("--timeout", job.timeout)
    if job.ledger is not None and job.no_ledger:
        raise UsageError("--ledger and --no-ledger contradict each other", hint="give one of them")
    read: dict[str, Path | str] = {"--keys-from": job.keys_from, "--manifest": job.manifest, "--items": job.items}
    require_separate("--ledger", job.ledger, read)
    require_separate("--report", job.report, read | files_of_ledger("--ledger", job.ledger))


def requests_a_minute(text: str) -> float:
    """`100/min`, `10/s`, `5000/h` or a number of requests a minute; 0 and "unlimited" mean no limit (math.inf)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|sec|m|min|h|hour))?", text.strip().lower())
    if text.strip().lower() in ("0", "unlimited", "none"):
        return float("inf")
    if match is None or float(match[1]) == 0:
        raise UsageError(f"--rate {text!r} is not a rate", hint="write 100/min, 5/s, or 0 for no limit")
    return float(match[1]) * {"s": 60, "m": 1, "h": 1 / 60}[(match[2] or "m")[0]]


def _destination(job: Job, darwin: Darwin, team: str) -> Destination:
    if job.access != "auto":
        return Destination(team, job.dataset, job.storage, job.access)
    bucket = BucketUrl.parse(job.source).bucket if job.source else ""
    storage = find_storage(darwin, team, job.storage, bucket)
    if storage.provider not in ("", "aws"):
        output.note(f"warning: V7 has {storage.name!r} as {storage.provider}, not aws; its keys are taken as they are")
    access: Access = "read-only" if storage.readonly else "read-write"
    return Destination(team, job.dataset, storage.name, access, storage.bucket, storage.prefix or None)


def _require_dataset(job: Job, darwin: Darwin, team: str) -> None:
    """A plan for a dataset that V7 does not list is none. A run has V7 itself say so, with its first request."""
    if job.access != "auto":  # V7 is not to be asked
        return
    try:
        datasets = darwin.datasets()
    except V7S3Error as error:
        output.note(f"warning: whether there is a dataset {job.dataset!r} is not known: {error.message}")
        return
    if job.dataset not in {one.slug for one in datasets}:
        find_dataset(darwin, team, job.dataset)  # raises, and says which there are


def _ledger(job: Job, darwin_url: str, destination: Destination) -> Ledger:
    target = Target(darwin_url, destination.team, destination.dataset)
    path = None if job.no_ledger else job.ledger or ledger_path(target, str(Shard.parse(job.shard)))
    require_separate("--report", job.report, files_of_ledger("the ledger", path))
    if job.dry_run and path is not None:
        return Ledger(path, target, read_only=True) if path.exists() else Ledger(None, target)
    return Ledger(path, target)


@contextmanager
def _report(job: Job) -> Iterator[Report | None]:
    """Writes a line of --report for each outcome as it comes, so that the file is true at any moment; with -v says
    on stderr what did not become an item. None when neither was asked for: a rescan is twice as fast then."""
    if job.report is None and not job.verbose:
        yield None
        return
    with report_lines(None if job.dry_run else job.report, _reported) as add:

        def write(outcome: Outcome, *, earlier: bool) -> None:
            add((outcome, earlier))
            if job.verbose and outcome.state not in DONE:
                output.note(f"{outcome.state}: {', '.join(outcome.keys) or outcome.name}: {outcome.reason}")

        yield write


def _reported(settled: tuple[Outcome, bool]) -> str:
    outcome, earlier = settled
    return report_line(outcome, earlier=earlier)


def _show_plan(job: Job, current: Run, label: str, planned: Iterator[Planned], per_minute: float) -> int:
    first = list(islice(planned, _SHOWN))
    for _ in planned:
        pass
    limit = 0 if per_minute == float("inf") else per_minute
    plan = PlanSummary(label, current.tally, first, job.batch_size, limit)
    output.result_json(plan.document()) if job.form == "json" else output.result(plan.text(verbose=job.verbose))
    return current.tally.exit_code()


class Registration:
    """The sending part of a run, and what is shown while it lasts and after it."""

    def __init__(
        self, job: Job, darwin: Darwin, destination: Destination, current: Run, stopping: threading.Event
    ) -> None:
        self._job = job
        self._darwin = darwin
        self._destination = destination
        self._current = current
        self._stopping = stopping
        self._speed = Speed()

    def run(self, rounds: Generator[Iterator[Planned]], label: str, ledger: Ledger) -> int:
        job, tally = self._job, self._current.tally
        if not job.quiet:
            kept = f"; the ledger is {ledger.path}" if ledger.path else ""
            output.note(f"safe to stop at any time (Ctrl-C): the same command goes on where it stopped{kept}")
        stop: V7S3Error | None = None
        advice = "stopping: what is in flight is finished first (Ctrl-C again stops at once); the same command goes on"
        interruptible = finishing_on_interrupt(self._stopping, advice, as_json=job.form == "json")
        with interruptible as signals, progress(self.line, quiet=job.quiet):
            try:
                self._send(rounds)
            except V7S3Error as error:
                stop = error
        if stop is None and not signals and self._everything_was_settled():
            ledger.finish_run()
        waits = job.wait and stop is None and not signals
        # A run that stopped with its first request has nothing to sum up.
        seen = self._show(label, ledger, waits=waits) if tally.settled or tally.earlier or stop is None else None
        if tally.exhausted and not tally.listed:
            output.note(f"warning: {label} holds nothing; prefixes and keys are case-sensitive")
        if signals:
            raise InterruptedRunError(
                "interrupted; everything that was in flight is settled", hint="run the same command to go on"
            )
        if stop is not None:
            raise stop
        if seen is not None and seen.still_waiting:
            raise seen.stopped()
        return tally.exit_code() or (seen.tally.exit_code() if seen is not None else 0)

    def _everything_was_settled(self) -> bool:
        """Whether `--modified-since last-run` may begin where this run began: nothing is left to be looked at again."""
        tally = self._current.tally
        return tally.exhausted and self._job.limit is None and tally.exit_code() == 0

    def _send(self, rounds: Generator[Iterator[Planned]]) -> None:
        job = self._job
        sender = Sender(self._request, self._stopping)
        window = 2 * job.workers
        linger = _LINGER if requests_a_minute(job.rate) == float("inf") else 0.0
        # Closed at once also when the run ends early: a queue's round is settled as far as it came.
        with closing(rounds), ThreadPoolExecutor(job.workers, thread_name_prefix="register") as executor:
            for planned in rounds:
                self._current.send(
                    planned,
                    sender,
                    dataset=self._destination.dataset,
                    batch_size=job.batch_size,
                    executor=executor,
                    window=window,
                    linger=linger,
                )

    def _request(self, body: bytes) -> Callable[[], RegisterResponse]:
        to = self._destination
        return self._darwin.register_unread(to.team, body, to.access, dataset_slug=to.dataset, storage_slug=to.storage)

    def line(self) -> str:
        """How far the run is, for the progress display."""
        tally = self._current.tally
        outcomes = tally.outcomes.copy()  # the run's thread goes on counting
        settled, done = outcomes.total(), outcomes["registered"] + outcomes["exists"]
        parts = [
            f"listed {tally.listed:,}" + ("" if tally.exhausted else " so far"),
            f"sent {settled:,}",
            f"registered {done:,}",
            f"{self._speed.per_minute(settled):,.0f}/min" + self._limit(),
        ]
        if trouble := settled - done:
            parts.insert(3, f"{trouble:,} not")
        if wait := self._darwin.closed_for:
            parts.append(f"V7 asks to wait {duration(wait)}")
        elif tally.exhausted and settled:
            left = (tally.planned - settled) / max(self._speed.per_minute(settled), 0.001) * 60
            parts.append(f"{duration(left)} left")
        return " · ".join(parts)

    def _limit(self) -> str:
        """What the pace allows at most, so that a slow run is not mistaken for a broken one."""
        per_minute = requests_a_minute(self._job.rate)
        return "" if per_minute == float("inf") else f" of {per_minute * self._job.batch_size:,.0f} the rate allows"

    def _show(self, label: str, ledger: Ledger, *, waits: bool) -> Seen | None:
        """Sum the run up; then, when asked to, what V7 made of its items. One document in JSON, two parts of a text."""
        as_json = self._job.form == "json"
        summary = self._summary(label, ledger)
        if not as_json:
            output.result(summary.text(verbose=self._job.verbose))
        seen = self._wait(ledger) if waits else None
        if as_json:
            output.result_json(summary.document() | ({"status": seen.document()} if seen else {}))
        elif seen is not None:
            output.result(seen.text(verbose=self._job.verbose))
        return seen

    def _wait(self, ledger: Ledger) -> Seen:
        job, to = self._job, self._destination
        dataset = find_dataset(self._darwin, to.team, to.dataset)
        watch = Watch(self._darwin, to.team, dataset, ledger, since_run=ledger.run)
        return watch.wait(seconds("--timeout", job.timeout), (lambda _line: None) if job.quiet else output.note)

    def _summary(self, label: str, ledger: Ledger) -> Summary:
        job, to = self._job, self._destination
        return Summary(
            source=label,
            team=to.team,
            dataset=to.dataset,
            storage=to.storage,
            access=to.access,
            tally=self._current.tally,
            seconds=self._speed.seconds,
            requests=self._darwin.traffic.requests,
            ledger=str(ledger.path or ""),
            report=str(job.report or ""),
        )
