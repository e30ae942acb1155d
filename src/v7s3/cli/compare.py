"""Bringing V7's listing, the ledger and the bucket together, for `drift` and for `ledger rebuild`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

from v7s3.artifacts.keys import prefix_of
from v7s3.bucket import BucketUrl
from v7s3.cli.output import note
from v7s3.cli.session import dataset_ledger, find_dataset, find_storage, ledger_path, open_darwin, shard_ledgers
from v7s3.items.comparison import Comparison
from v7s3.items.filters import select
from v7s3.items.grouping import grouping, plan_groups
from v7s3.items.ledger import Ledger, Target
from v7s3.items.planning import PlanOptions, plan
from v7s3.items.sharding import Shard
from v7s3.listing import list_parallel
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from v7s3.darwin import Darwin
    from v7s3.items.comparison import DriftTally, Place
    from v7s3.items.objects import StorageObject
    from v7s3.items.planning import Plan


@dataclass(frozen=True, slots=True)
class Planning:
    """The options of `register` that decide on the place of a key, as they were when it was registered, and `shard`:
    the part of the places that is looked at."""

    include: list[str]
    exclude: list[str]
    ext: list[str]
    min_size: str
    path: str
    strip_prefix: str
    folders: Literal["keep", "flatten"]
    slots_by: str
    shard: str
    artifacts_prefix: str

    def __post_init__(self) -> None:
        """Raises UsageError for a prefix that is none, before anything is asked."""
        prefix_of(self.artifacts_prefix)

    def plans(self, objects: Iterable[StorageObject], prefix: str, write_back_prefix: str | None) -> Iterator[Plan]:
        options = PlanOptions(
            strip_prefix=self.strip_prefix,
            path=self.path,
            folders=self.folders,
            source_prefix=prefix,
            write_back_prefix=write_back_prefix,
            artifacts_prefix=prefix_of(self.artifacts_prefix),
            selection=select(include=self.include, exclude=self.exclude, ext=self.ext, min_size=self.min_size),
        )
        return plan_groups(objects, options, grouping(self.slots_by)) if self.slots_by else plan(objects, options)


class Views(NamedTuple):
    """What is compared, and the places of it; they are read once."""

    source: str
    team: str
    dataset: str
    storage: str
    ledger: Ledger
    places: Iterator[Place]


@contextmanager
def dataset_places(
    source: str,
    names: tuple[str, str, str],
    planning: Planning,
    tally: DriftTally,
    v7: tuple[str, Path | None],
    aws: tuple[str | None, str | None, str | None],
    ledger_file: Path | None,
    *,
    say: Callable[[str], None],
    writes: bool = False,
) -> Iterator[Views]:
    """The places of a dataset and a prefix. `names`: team, dataset and storage; `v7`: URL and key file.

    The ledger is only read, and need not exist, unless the caller `writes`.
    """
    url, (team, dataset, storage_name), shard = BucketUrl.parse(source), names, Shard.parse(planning.shard)
    darwin, team = open_darwin(*v7, team)
    with darwin, Comparison() as views:
        found = find_dataset(darwin, team, dataset)
        storage = find_storage(darwin, team, storage_name, url.bucket)
        if storage.bucket and storage.bucket != url.bucket and aws[2] is None:
            say(f"warning: V7's storage {storage.name!r} is the bucket {storage.bucket!r}, not {url.bucket!r}")
        client = connect(AwsSettings(*aws), url.bucket)
        with _ledger(ledger_file, Target(darwin.base_url, team, found.slug), shard, say, writes=writes) as ledger:
            _add_items(darwin, team, found.id, views)
            views.add_settled(ledger.rows(storage=storage.name, prefix=url.key))
            pages = _counted(list_parallel(client, url.bucket, url.key), tally)
            unknown = chain.from_iterable(views.unsettled(page, ledger, storage.name) for page in pages)
            views.add_planned(shard.of(planning.plans(unknown, url.key, storage.prefix or None)), tally)
            places = (place for place in views.places() if shard.has_place(place.path, place.name))
            if not tally.listed:
                note(f"warning: {url} holds nothing; prefixes and keys are case-sensitive")
            part = f" --shard {shard}" if shard.count > 1 else ""
            yield Views(f"{url}{part}", team, found.slug, storage.name, ledger, places)


def _counted(pages: Iterable[list[StorageObject]], tally: DriftTally) -> Iterator[list[StorageObject]]:
    for page in pages:
        tally.listed += len(page)
        yield page


def _ledger(path: Path | None, target: Target, shard: Shard, say: Callable[[str], None], *, writes: bool) -> Ledger:
    found = path or ledger_path(target, str(shard))
    if writes or found.exists():
        return Ledger(found, target, read_only=not writes)
    if path is None and shard.count == 1 and shard_ledgers(target):
        return dataset_ledger(None, target)  # which says that they are to be merged
    say(f"warning: there is no ledger at {found}: everything in V7 counts as registered by others")
    return Ledger(None, target)


def _add_items(darwin: Darwin, team: str, dataset_id: int, views: Comparison) -> None:
    for item in darwin.items(team, dataset_id):
        views.add_item(item.id, item.path, item.name, len(item.slots) or len(item.uploads))
