"""What `register` reads: a listing, an inventory, a queue, a list of keys, a manifest, items as they are. All lazy."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice
from operator import attrgetter
from typing import TYPE_CHECKING

from v7s3 import object_tags
from v7s3.artifacts.keys import DEFAULT_PREFIX, prefix_of
from v7s3.bucket import BucketUrl
from v7s3.cli import output
from v7s3.cli.register_checks import asked_key_check, open_key_check
from v7s3.cli.register_planning import LAST_RUN, groups_of, plan_options, refuse_planning_options
from v7s3.cli.register_prepare import with_artifacts
from v7s3.cli.register_queue import open_queue
from v7s3.errors import UsageError
from v7s3.inventory import inventory_pages, open_inventory
from v7s3.items.grouping import grouping, plan_groups
from v7s3.items.itemsfile import STDIN, check_items, opened, opened_twice, planned_items
from v7s3.items.keysfile import read_keys
from v7s3.items.manifest import check_rows, plan_rows, read_rows
from v7s3.items.planning import is_one_to_one
from v7s3.items.run import paged
from v7s3.items.sharding import Shard
from v7s3.listing import list_objects, list_parallel
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterator
    from contextlib import ExitStack

    from v7s3.cli.register_checks import KeyCheck
    from v7s3.cli.register_job import Destination, Job
    from v7s3.items.objects import StorageObject
    from v7s3.items.planning import Plan, PlanOptions, Refused
    from v7s3.items.run import Run

_UPLOAD_TIME = timedelta(days=1)  # S3 dates an object uploaded in parts by the beginning of its upload
_PAGE = 1000  # keys or rows of a file that are read, and looked up in the ledger, at a time


@dataclass(frozen=True, slots=True)
class Source:
    """`label` names the source in the summary, `scope` in the ledger's list of runs, with all that narrows it; `rounds`
    reads the job's part of it, once, for a run: what is to be sent before more is asked for. All sources but a queue
    have one round."""

    label: str
    scope: str
    rounds: Callable[[Run], Iterator[Iterator[Plan]]]


def open_source(job: Job, destination: Destination, stopping: threading.Event, stack: ExitStack) -> Source:
    """The source the options name. What is wrong with a local file is found here, before anything is sent.

    Files stay open until `stack` is closed; a queue is listened to until `stopping` is set.

    Raises UsageError when the options name no source or more than one, or do not fit the storage.
    """
    named = {
        "s3://…": job.source,
        "--keys-from": job.keys_from,
        "--manifest": job.manifest,
        "--items": job.items,
        "--inventory": job.inventory,
        "--sqs": job.sqs,
    }
    given = [name for name, value in named.items() if value]
    if not given:
        raise UsageError("register what?", hint=f"give s3://BUCKET/PREFIX, or one of {', '.join(list(named)[1:])}")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are different sources", hint="give one of them at a time")
    _check_last_run(job)
    if job.drain and not job.sqs:
        raise UsageError("--drain goes with --sqs", hint="every other source ends by itself")
    if job.check_keys and job.source:
        raise UsageError("--check-keys is for lists of keys", hint="leave it out: what is listed exists")
    shard = Shard.parse(job.shard)
    source = _open(job, destination, shard, stopping, stack)
    if shard.count > 1:
        source = replace(source, label=f"{source.label} --shard {shard}")
    if job.tags_from_object:
        source = _with_object_tags(job, destination, source, stack)
    return with_artifacts(job, destination, source, stopping) if job.prepare else source


def _open(job: Job, destination: Destination, shard: Shard, stopping: threading.Event, stack: ExitStack) -> Source:
    if job.items:
        return _from_items(job, destination, shard, stopping, stack)
    if destination.access == "read-only" and not job.prepare:
        raise UsageError(
            f"the storage {destination.storage!r} is read-only: V7 needs thumbnails and sizes from you",
            hint="add --prepare, or let `v7s3 prepare` make them and an items.jsonl for `register --items items.jsonl`",
        )
    if job.keys_from:
        return _from_keys(job, destination, shard, stopping, stack)
    if job.manifest:
        return _from_manifest(job, destination, shard, stopping, stack)
    if job.inventory:
        return _from_inventory(job, destination, shard, stopping)
    if job.sqs:
        rounds = open_queue(job, destination, plan_options(job, destination), stopping, stack)
        return Source(job.sqs, _scope(job, job.sqs, destination), rounds)
    return _from_listing(job, destination, shard)


def _check_last_run(job: Job) -> None:
    """Refuse what would lose objects when only the new ones are looked at."""
    if job.modified_since != LAST_RUN:
        return
    if not job.source:
        raise UsageError(
            "--modified-since last-run needs a listing: a list of keys has no times", hint="give s3://BUCKET/PREFIX"
        )
    if job.slots_by or job.retry_failed:
        raise UsageError(
            f"--modified-since last-run and {'--slots-by' if job.slots_by else '--retry-failed'} contradict each "
            "other: older objects are needed too",
            hint="leave --modified-since out; settled keys cost no more than their listing",
        )


def _from_listing(job: Job, destination: Destination, shard: Shard) -> Source:
    url = BucketUrl.parse(job.source)
    _require_same_bucket(destination, url)
    client = connect(AwsSettings(job.profile, job.region, job.endpoint_url), url.bucket)
    options, groups = plan_options(job, destination, source_prefix=url.key), groups_of(job)
    scope = _scope(job, str(url), destination)

    def plans(run: Run) -> Iterator[Plan]:
        # "The first N" is only the same N every time when the keys come in their order.
        ordered = job.limit is not None and groups is None
        listing = (list_objects if ordered else list_parallel)(client, url.bucket, url.key)
        pages = _with_a_word_of_neighbours(run.until_stopped(listing), url)
        if groups is not None:
            return run.unsettled_items(shard.of(plan_groups(chain.from_iterable(pages), options, groups)))
        return _planned(run, shard, run.unsettled_pages(pages, _since(job, run, scope)), options)

    return Source(str(url), scope, _once(plans))


def _with_a_word_of_neighbours(pages: Generator[list[StorageObject]], url: BucketUrl) -> Iterator[list[StorageObject]]:
    """The pages, and a note once when the prefix is a folder's name and that of other things beside it."""
    folder = f"{url.key}/"
    inside, beside = False, ""
    with closing(pages):
        for page in pages:
            if url.key and not url.key.endswith("/") and not (inside and beside):
                within = {one.key.startswith(folder): one.key for one in page}
                inside, beside = inside or True in within, beside or within.get(False, "")
                if inside and beside:
                    output.note(f"note: {beside} begins with {url.key}, too; for the folder alone write {url}/")
            yield page


def _planned(
    run: Run,
    shard: Shard,
    objects: Iterator[StorageObject | Refused],
    options: PlanOptions,
    check: KeyCheck | None = None,
) -> Iterator[Plan]:
    """The shard's plans of these objects, which `check` has looked at first."""
    plans = shard.plan(objects, options, check.objects if check else iter)
    # Where all objects are read before the first plan comes, their pages no longer tell when to stop.
    return plans if is_one_to_one(options) else run.until_stopped(plans)


def _once(plans: Callable[[Run], Iterator[Plan]]) -> Callable[[Run], Iterator[Iterator[Plan]]]:
    return lambda run: iter([plans(run)])


def _from_inventory(job: Job, destination: Destination, shard: Shard, stopping: threading.Event) -> Source:
    url = BucketUrl.parse(job.inventory)
    client = connect(AwsSettings(job.profile, job.region, job.endpoint_url), url.bucket)
    inventory = open_inventory(client, url)
    _require_same_bucket(destination, BucketUrl(inventory.source_bucket, ""))
    if inventory.created is not None:
        output.note(f"the inventory is of {inventory.created:%Y-%m-%d %H:%M} UTC; what was deleted since is not known")
    options, groups = plan_options(job, destination), groups_of(job)
    check = asked_key_check(job, destination, stopping)

    def plans(run: Run) -> Iterator[Plan]:
        pages = run.until_stopped(inventory_pages(client, url.bucket, inventory))
        if groups is not None:
            items = run.unsettled_items(shard.of(plan_groups(chain.from_iterable(pages), options, groups)))
            return check.plans(items) if check else items
        # An inventory need not be in the order of its keys; a page that is can be looked up in one go.
        unsettled = run.unsettled_pages(sorted(page, key=attrgetter("key")) for page in pages)
        return _planned(run, shard, unsettled, options, check)

    return Source(str(url), _scope(job, str(url), destination), _once(plans))


def _since(job: Job, run: Run, scope: str) -> str:
    """Where `--modified-since last-run` begins; "" for everything."""
    if job.modified_since != LAST_RUN:
        return ""
    started = run.last_finished_start(scope)
    if started is None:
        output.note(f"no run over {scope} has come to its end yet: looking at everything")
        return ""
    try:
        since = datetime.fromisoformat(started) - _UPLOAD_TIME
    except (ValueError, OverflowError):  # a ledger that was mended by hand
        output.note(f"the ledger has {started!r} for the time of the last run over {scope}: looking at everything")
        return ""
    output.note(f"looking at what was modified since {since:%Y-%m-%d %H:%M} UTC, a day before the last finished run")
    return since.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _scope(job: Job, label: str, destination: Destination) -> str:
    """The source and all options that leave objects out: runs of one scope look at the same objects."""
    lists = {"--include": job.include, "--exclude": job.exclude, "--ext": job.ext}
    words = [f"{option} {value}" for option, values in lists.items() for value in sorted(values)]
    words += [f"--min-size {job.min_size}"] if job.min_size else []
    words += [f"--modified-since {job.modified_since}"] if job.modified_since not in ("", LAST_RUN) else []
    words += [f"--slots-by {job.slots_by}"] if job.slots_by else []
    words += ["--prepare"] if job.prepare else []
    words += [f"--shard {job.shard}"] if Shard.parse(job.shard).count > 1 else []
    artifacts = prefix_of(job.artifacts_prefix)
    words += [f"--artifacts-prefix {artifacts}"] if artifacts != DEFAULT_PREFIX else []
    prefix = f", prefix {destination.write_back_prefix}" if destination.write_back_prefix else ""
    return " ".join([f"{label} (storage {destination.storage}{prefix})", *words])


def _require_same_bucket(destination: Destination, url: BucketUrl) -> None:
    """V7 looks for every key in its own storage's bucket."""
    if not destination.bucket or url.bucket == destination.bucket:
        return
    raise UsageError(
        f"V7's storage {destination.storage!r} is the bucket {destination.bucket!r}, not {url.bucket!r}",
        hint="give the storage's bucket, or another --storage; if both names are one bucket, --access has V7 not asked",
    )


def _from_keys(job: Job, destination: Destination, shard: Shard, stopping: threading.Event, stack: ExitStack) -> Source:
    file = stack.enter_context(opened(job.keys_from, stopping))
    options, groups = plan_options(job, destination, repeats=True), groups_of(job)
    check = open_key_check(job, destination, stopping)

    def plans(run: Run) -> Iterator[Plan]:
        """Settled keys need no look; members of a group do, because a group is settled as a whole."""
        pages = run.until_stopped(paged(read_keys(file, _label(job.keys_from)), _PAGE))
        if groups is None:
            return _planned(run, shard, run.unsettled_objects(pages), options, check)
        keys = chain.from_iterable(pages)
        return run.unsettled_items(shard.of(plan_groups(check.objects(keys) if check else keys, options, groups)))

    return _file_source(job, job.keys_from, destination, plans)


def _from_manifest(
    job: Job, destination: Destination, shard: Shard, stopping: threading.Event, stack: ExitStack
) -> Source:
    if job.slots_by:
        raise UsageError("--slots-by cannot be used with --manifest", hint="give its rows a `name` and a `slot` column")
    file = stack.enter_context(opened_twice(job.manifest) if job.strict else opened(job.manifest, stopping))
    options = plan_options(job, destination, repeats=True)
    layout = grouping("folder", job.layout).layout
    if job.strict:
        check_rows(file, _label(job.manifest), options, layout)
        file.seek(0)

    check = open_key_check(job, destination, stopping)

    def plans(run: Run) -> Iterator[Plan]:
        rows = chain.from_iterable(run.until_stopped(paged(read_rows(file, _label(job.manifest)), _PAGE)))
        unsettled = run.unsettled_items(shard.of(plan_rows(rows, options, layout)))
        return check.plans(unsettled) if check else unsettled

    return _file_source(job, job.manifest, destination, plans)


def _from_items(
    job: Job, destination: Destination, shard: Shard, stopping: threading.Event, stack: ExitStack
) -> Source:
    """Payload items as they stand in a file; every one of them is checked before the first is sent."""
    refuse_planning_options(job)
    file = stack.enter_context(opened_twice(job.items))
    slugs = {"dataset_slug": destination.dataset, "storage_slug": destination.storage}
    check_items(file, _label(job.items), destination.access, slugs)

    check = asked_key_check(job, destination, stopping)

    def plans(run: Run) -> Iterator[Plan]:
        items = planned_items(file, _label(job.items), destination.access)
        unsettled = run.unsettled_items(shard.of(items if job.limit is None else islice(items, job.limit)))
        return check.plans(unsettled) if check else unsettled

    return _file_source(job, job.items, destination, plans)


def _with_object_tags(job: Job, destination: Destination, source: Source, stack: ExitStack) -> Source:
    """The source, its items tagged with what their objects carry: asked for what is not settled yet, and sent."""
    if job.dry_run:
        return source
    bucket = BucketUrl.parse(job.source).bucket if job.source else destination.bucket
    if not bucket:
        raise UsageError(
            "--tags-from-object: which bucket?", hint="V7 does not say; leave out --access, or give s3://BUCKET"
        )
    client = connect(AwsSettings(job.profile, job.region, job.endpoint_url), bucket)
    executor = stack.enter_context(ThreadPoolExecutor(object_tags.WINDOW // 2, thread_name_prefix="tags"))

    def rounds(run: Run) -> Iterator[Iterator[Plan]]:
        for plans in source.rounds(run):
            yield object_tags.with_object_tags(client, bucket, plans, executor)

    return replace(source, rounds=rounds)


def _file_source(job: Job, name: str, destination: Destination, plans: Callable[[Run], Iterator[Plan]]) -> Source:
    label = _label(name)
    return Source(label, _scope(job, label, destination), _once(plans))


def _label(name: str) -> str:
    """What a file is called in messages and in the ledger; its name may be no text."""
    return "standard input" if name == STDIN else os.fsencode(name).decode("utf-8", "backslashreplace")
