"""What the commands of `v7s3 ledger` do."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from v7s3.cli.session import dataset_ledger, open_darwin
from v7s3.errors import UsageError
from v7s3.items import transfer
from v7s3.items.itemsfile import lines_of, opened, opened_twice
from v7s3.items.keysfile import read_keys
from v7s3.items.objects import StorageObject
from v7s3.items.outcome import STATES, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from v7s3.cli.compare import Views
    from v7s3.items.comparison import Place
    from v7s3.items.ledger import Ledger

_RUNS = 10
_CHUNK = 500


@contextmanager
def opened_ledger(
    path: Path | None, team: str, dataset: str, darwin_url: str, api_key_file: Path | None, *, writes: bool = False
) -> Iterator[Ledger]:
    """The dataset's ledger. V7 is asked only for the team, and only when --team does not name it."""
    if team:
        base_url = darwin_url.rstrip("/")
    else:
        darwin, team = open_darwin(darwin_url, api_key_file, team)
        with darwin:
            base_url = darwin.base_url
    with dataset_ledger(path, base_url, team, dataset, read_only=not writes) as ledger:
        yield ledger


def shown(ledger: Ledger, *, every_run: bool) -> str:
    target, counts, runs = ledger.target, ledger.count(), ledger.runs()
    size = f"{sum(counts.values()):,} keys, {ledger.count_items():,} items in V7"
    lines = [
        f"{target.team}/{target.dataset} at {target.darwin_url}: {size}",
        " · ".join(f"{counts.get(state, 0):,} {state}" for state in STATES),
        f"storages: {', '.join(ledger.storages()) or 'none'}",
        f"file: {ledger.path}",
    ]
    for run in runs if every_run else runs[-_RUNS:]:
        ended = f"finished {run.finished}" if run.finished else "not finished"
        lines.append(f"  run {run.number}  {run.started}  {ended}  {run.source}")
    if len(runs) > _RUNS and not every_run:
        lines.append(f"  {len(runs) - _RUNS:,} earlier runs (-v shows them)")
    return "\n".join(lines)


def shown_document(ledger: Ledger) -> dict[str, Any]:
    counts = ledger.count()
    return {
        **transfer.target_fields(ledger.target),
        "file": str(ledger.path),
        "keys": sum(counts.values()),
        "items": ledger.count_items(),
        "states": {state: counts.get(state, 0) for state in STATES},
        "storages": ledger.storages(),
        "runs": [run._asdict() for run in ledger.runs()],
    }


def export(ledger: Ledger, output: Path | None) -> None:
    """Write the lines to stdout, or to a file that is there whole or not at all."""
    if output is None:
        for line in transfer.exported(ledger):
            sys.stdout.write(line + "\n")
        return
    half = output.with_name(output.name + ".part")
    try:
        with half.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in transfer.exported(ledger))
        os.replace(half, output)  # noqa: PTH105  # atomic
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", hint="name another --output") from None


def import_file(ledger: Ledger, name: str, *, dry_run: bool) -> str:
    """Check a whole file, then merge it. Returns what to say."""
    with opened_twice(name) as file:
        count = transfer.check((line for _, line in lines_of(file, name)), name, ledger.target)
        if dry_run:
            return f"{name} is good: {count:,} keys (dry run: nothing was imported)"
        file.seek(0)
        lines = (line for _, line in lines_of(file, name))
        merged = ledger.merge(transfer.entries(lines, ledger.target))
    return f"imported {name}: {count:,} keys, {merged:,} of them new or better known"


def forget_keys(ledger: Ledger, storage: str, name: str) -> str:
    """Forget the keys of a list. Returns what to say. Raises UsageError when it is not clear of which storage."""
    storages = ledger.storages()
    if not storage and len(storages) != 1:
        raise UsageError("which storage?", hint=f"give --storage; the ledger has {', '.join(storages) or 'none'}")
    with opened(name) as file:
        keys = [one.key for one in read_keys(file, name) if isinstance(one, StorageObject)]
    removed = ledger.forget(storage or storages[0], keys)
    return f"forgot {removed:,} keys ({len(keys):,} were named): `v7s3 register` sends them again"


def rebuild_from(views: Views, *, dry_run: bool) -> str:
    """Take into the ledger what V7 has at the places of the bucket's keys. Returns what to say."""
    ledger = views.ledger
    if not dry_run:
        ledger.begin_run(f"rebuild {views.source} (storage {views.storage})")
    adopted = items = differing = 0
    for chunk in _chunks(views.places):
        outcomes = []
        for place in chunk:
            if not place.item_ids or place.settled or not place.planned:
                continue
            if place.slots and place.slots != len(place.planned):
                differing += 1
                continue
            outcome = _adopted(place)
            if ledger.holder_of(views.storage, outcome) is None:
                outcomes.append(outcome)
        items += len(outcomes)
        adopted += sum(len(outcome.keys) for outcome in outcomes)
        if not dry_run:
            ledger.settle(views.storage, outcomes)
    if not dry_run:
        ledger.finish_run()
    said = f"{'would take' if dry_run else 'took'} {adopted:,} keys of {items:,} items into the ledger"
    other = (
        f"; {differing:,} items of V7 have another number of slots than the keys at their place" if differing else ""
    )
    return said + other


def _adopted(place: Place) -> Outcome:
    found = [one for one, _ in place.planned.values()]
    keys, etags = tuple(one.key for one in found), tuple(one.etag for one in found)
    return Outcome("exists", keys, etags, place.path, place.name, "", place.item_ids[0])


def _chunks(places: Iterable[Place]) -> Iterator[list[Place]]:
    chunk: list[Place] = []
    for place in places:
        chunk.append(place)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    yield chunk
