"""What the commands of `v7s3 ledger` do."""

from __future__ import annotations

import heapq
import os
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from v7s3.cli.documents import name_of
from v7s3.cli.output import result, result_file, result_json
from v7s3.cli.register_summary import counted
from v7s3.cli.separate import files_of_ledger, require_separate
from v7s3.cli.session import dataset_ledger, ledger_path, open_darwin, shard_ledgers
from v7s3.darwin import checked_base_url
from v7s3.errors import NotFoundError, UsageError
from v7s3.items import transfer
from v7s3.items.itemsfile import lines_of, opened, opened_twice
from v7s3.items.keysfile import read_keys
from v7s3.items.ledger import Forgotten, Ledger, Target
from v7s3.items.objects import StorageObject
from v7s3.items.outcome import STATES, Outcome
from v7s3.items.planning import Refused
from v7s3.render import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from v7s3.cli.compare import Views
    from v7s3.errors import V7S3Error
    from v7s3.items.comparison import Place
    from v7s3.items.ledger import Row, RunRecord

_RUNS = 10
_CHUNK = 500
_EXAMPLES = 5


class Done(NamedTuple):
    """What a command did: for people, and for scripts."""

    text: str
    document: dict[str, Any]
    trouble: V7S3Error | None = None  # what could not be done, to be raised after the rest is told

    def say(self, form: Literal["text", "json"], *, quiet: bool) -> None:
        """A document that was asked for is printed also when `quiet`. Raises `trouble` after it."""
        if form == "json":
            result_json(self.document)
        elif not quiet:
            result(self.text)
        if self.trouble is not None:
            raise self.trouble


def ledger_target(team: str, dataset: str, darwin_url: str, api_key_file: Path | None) -> Target:
    """The dataset whose ledger is meant. V7 is asked only for the team, and only when --team does not name it."""
    if not dataset:
        raise UsageError("which dataset?", hint="give --dataset or V7_DATASET: its slug")
    if team:
        return Target(checked_base_url(darwin_url), team, dataset)
    darwin, team = open_darwin(darwin_url, api_key_file, team)
    with darwin:
        return Target(darwin.base_url, team, dataset)


@contextmanager
def opened_ledger(
    path: Path | None, team: str, dataset: str, darwin_url: str, api_key_file: Path | None, *, writes: bool = False
) -> Iterator[Ledger]:
    """The dataset's ledger, at `path` or in the state directory."""
    target = ledger_target(team, dataset, darwin_url, api_key_file)
    with dataset_ledger(path, target, read_only=not writes) as ledger:
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
    return "\n".join(map(one_line, lines))


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
    """Write the lines to stdout, or to a file that is there whole or not at all. Raises UsageError when it is the
    ledger itself."""
    if output is None:
        result_file(transfer.exported(ledger))
        return
    half = output.with_name(output.name + ".part")
    for written in (output, half):
        require_separate("--output", written, files_of_ledger("the ledger", ledger.path))
    try:
        with half.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in transfer.exported(ledger))
        os.replace(half, output)  # noqa: PTH105  # atomic
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", hint="name another --output") from None


def import_file(target: Target, name: str, into: Path | None, *, dry_run: bool) -> Done:
    """Check a whole file, then merge it."""
    with opened_twice(name) as file:
        name = name_of(name)
        count = transfer.check((line for _, line in lines_of(file, name)), name, target)
        document: dict[str, Any] = {"file": name, "keys": count, "dry_run": dry_run}
        if dry_run:
            return Done(f"{name} is good: {count:,} keys (dry run: nothing was imported)", document)
        file.seek(0)
        lines = (line for _, line in lines_of(file, name))
        with Ledger(into or ledger_path(target), target) as ledger:
            merged = ledger.merge(transfer.entries(lines, target))
    text = f"imported {name}: {count:,} keys, {merged:,} of them new or better known"
    return Done(text, document | {"merged": merged})


def merge_ledgers(target: Target, paths: Sequence[Path], into: Path | None, *, dry_run: bool) -> Done:
    """Merge these ledgers, or the parts in the state directory. All are opened before the first is read.

    Raises UsageError for one that is none or is not there, ConflictError for one of another dataset.
    """
    into = into or ledger_path(target)
    for path in paths:
        if not path.exists():
            raise UsageError(f"cannot read {path}: No such file or directory", hint="check the name of the file")
    found = [path for path in paths or shard_ledgers(target) if not (into.exists() and path.samefile(into))]
    if not found:
        raise UsageError(
            f"there are no ledgers of parts (--shard) of {target.team}/{target.dataset} in {into.parent}",
            hint="name the ledgers to merge",
        )
    with ExitStack() as stack:
        parts = [stack.enter_context(Ledger(path, target, read_only=True)) for path in found]
        counts = [sum(part.count().values()) for part in parts]
        document: dict[str, Any] = {
            "into": str(into),
            "ledgers": [{"file": str(path), "keys": count} for path, count in zip(found, counts, strict=True)],
            "dry_run": dry_run,
        }
        size = f"{counted(len(found), 'ledger')} of {sum(counts):,} keys"
        if dry_run:
            return Done(f"would merge {size} into {into}", document)
        with Ledger(into, target) as ledger:
            merged = ledger.merge(_entries(parts))
            keys = sum(ledger.count().values())
    text = f"merged {size} into {into}: {merged:,} new or better known, {keys:,} in all"
    return Done(text, document | {"merged": merged, "keys": keys})


def _entries(ledgers: Sequence[Ledger]) -> Iterator[Row | RunRecord | Forgotten]:
    """The runs and when keys were forgotten, then the keys of all in one order; of equal keys the first ledger's first.

    One ledger after another would touch every page of the merged table once for each of them, all in one transaction.
    """
    for ledger in ledgers:
        yield from ledger.runs()
        if ledger.forgotten:
            yield Forgotten(ledger.forgotten)
    yield from heapq.merge(*(ledger.rows() for ledger in ledgers), key=itemgetter(0, 1))  # storage and key


def forget_keys(ledger: Ledger, storage: str, name: str) -> Done:
    """Forget the keys of a list; those that the ledger does not know, or that are none, are the `trouble`.

    Raises UsageError for an empty list, or when it is not clear of which storage.
    """
    storages = ledger.storages()
    if not storage and len(storages) != 1:
        raise UsageError("which storage?", hint=f"give --storage; the ledger has {', '.join(storages) or 'none'}")
    with opened(name) as file:
        name = name_of(name)
        read = list(read_keys(file, name))
    faulty = [one for one in read if isinstance(one, Refused)]
    if not read:
        raise UsageError(f"{name} names no keys: nothing was forgotten", hint="write one key on a line")
    storage = storage or storages[0]
    keys = list(dict.fromkeys(one.key for one in read if isinstance(one, StorageObject)))
    named = len(keys) + len(faulty)
    known: set[str] = set()
    for start in range(0, len(keys), _CHUNK):
        known.update(ledger.standings(storage, keys[start : start + _CHUNK]))
    unknown = [key for key in keys if key not in known]
    removed = ledger.forget(storage, [key for key in keys if key in known]) if known else 0
    text = f"forgot {counted(removed, 'key')} ({named:,} {'was' if named == 1 else 'were'} named)"
    text += ": `v7s3 register` sends them again" if removed else ""
    document = {"named": named, "forgotten": removed, "unknown": len(unknown) + len(faulty)}
    return Done(text, document, _unknown(unknown, faulty, name, storage) if unknown or faulty else None)


def _unknown(keys: Sequence[str], faulty: Sequence[Refused], name: str, storage: str) -> NotFoundError:
    words: list[str] = []
    if keys:
        some = ", ".join(keys[:_EXAMPLES]) + (" …" if len(keys) > _EXAMPLES else "")
        words.append(f"the ledger does not know {counted(len(keys), 'key')} of storage {storage!r}: {some}")
    if faulty:
        words.append(f"{counted(len(faulty), 'line')} of {name} cannot be {'a key' if len(faulty) == 1 else 'keys'}")
        words += [f"  line {one.line}: {one.keys[0]} {one.detail}" for one in faulty[:_EXAMPLES]]
        words += [f"  … and {len(faulty) - _EXAMPLES:,} more"] if len(faulty) > _EXAMPLES else []
    first, *rest = words
    return NotFoundError(
        first, details=rest, hint="keys are case-sensitive; `v7s3 ledger export` lists those it knows, as they are"
    )


def rebuild_from(views: Views, *, dry_run: bool) -> Done:
    """Take into the ledger what V7 has at the places of the bucket's keys."""
    ledger = views.ledger
    if not dry_run:
        ledger.begin_run(f"rebuild {views.source} (storage {views.storage})")
    adopted = items = differing = 0
    for chunk in _chunks(views.places):
        outcomes = []
        for place in chunk:
            if not place.item_ids or place.settled or not place.planned:
                continue
            if len(place.planned) > 1 and place.slots not in (0, len(place.planned)):
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
    text = f"{'would take' if dry_run else 'took'} {adopted:,} keys of {items:,} items into the ledger"
    if differing:
        text += f"; {differing:,} items of V7 have another number of slots than the keys at their place"
    return Done(text, {"keys": adopted, "items": items, "other_slots": differing, "dry_run": dry_run})


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
