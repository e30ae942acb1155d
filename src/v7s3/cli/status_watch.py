"""Asking V7 how far registered items are, once or until all of them are through, and saying so."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING, Any

from v7s3.bucket import BucketUrl
from v7s3.cli.linefiles import report_lines
from v7s3.cli.progress import duration
from v7s3.cli.register_summary import counted
from v7s3.errors import ServiceError, StoppedError, UsageError
from v7s3.items.status import FATES, UNFINISHED, StatusTally, statuses
from v7s3.render import lines_of, one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from v7s3.darwin import Darwin, Dataset
    from v7s3.items.ledger import Ledger
    from v7s3.items.status import FailureCount, ItemStatus

_FIRST_PAUSE = 1.0  # seconds between two looks; grows
_LONGEST_PAUSE = 60.0


def chosen_run(ledger: Ledger, text: str) -> int | None:
    """The run that `--since` names: its number, or "last". Raises UsageError when there is no such run."""
    if not text:
        return None
    runs = ledger.runs()
    number = runs[-1].number if text == "last" and runs else int(text) if re.fullmatch(r"\d{1,18}", text) else -1
    if number not in {run.number for run in runs}:
        known = f"the runs of this ledger are 1 to {runs[-1].number}" if runs else "this ledger has no runs"
        raise UsageError(f"--since {text!r} is no run", hint=f"{known}; `v7s3 ledger show` lists them")
    return number


@dataclass(frozen=True, slots=True)
class Seen:
    """What V7 said at one moment."""

    team: str
    dataset: str
    tally: StatusTally
    buckets: dict[str, str]  # by storage, as far as V7 says
    since_run: int | None = None  # the first run of the ledger whose items were looked at
    waited: float = 0.0
    still_waiting: bool = False

    def text(self, *, verbose: bool = False) -> str:
        """A few lines; `verbose` adds what stood behind V7's error."""
        fates = self.tally.fates
        others = f"; others in the dataset: {self.tally.others:,}" if self.tally.others else ""
        since = "" if self.since_run is None else f" since its run {self.since_run}"
        lines = [
            f"{self.team}/{self.dataset}: {counted(self.tally.total, 'item')} of this ledger{since}{others}",
            " · ".join(f"{fates[fate]:,} {'gone from V7' if fate == 'gone' else fate}" for fate in FATES),
        ]
        for failure in self.tally.failures():
            more = " …" if failure.count > len(failure.examples) else ""
            lines.append(f"  {failure.count:,} failed: {failure.error.words}   ({', '.join(failure.examples)}{more})")
            if verbose and failure.error.raw_error:
                first, *rest = lines_of(failure.error.raw_error.strip())
                lines += [f"    raw:  {first}", *(f"          {line}" for line in rest)]
            lines.append(f"    next: {failure.error.cause.hint}")
            if command := self._doctor(failure):
                lines.append(f"    why:  {command}")
        if fates["gone"]:
            lines.append(
                "  gone from V7: deleted there since, even if another item has the place; `v7s3 drift` names them"
            )
        return "\n".join(map(one_line, lines))

    def _doctor(self, failure: FailureCount) -> str:
        """The command whose checks would find the cause, at the very object; "" for a cause that has passed."""
        if not failure.error.cause.probes:
            return ""
        url = str(BucketUrl(self.buckets.get(failure.storage, "BUCKET"), failure.key))
        checks = ",".join(failure.error.cause.probes)
        return f"v7s3 doctor {quote(url)} --team {self.team} --storage {failure.storage} --only {checks}"

    def document(self) -> dict[str, Any]:
        return {
            "team": self.team,
            "dataset": self.dataset,
            "items": self.tally.total,
            "fates": {fate: self.tally.fates[fate] for fate in FATES},
            "states": dict(sorted(self.tally.states.items())),
            "others": self.tally.others,
            "failures": [
                {
                    **_error_document(failure.error._asdict()),
                    "count": failure.count,
                    "examples": failure.examples,
                    "hint": failure.error.cause.hint,
                    "probes": list(failure.error.cause.probes),
                    "doctor": self._doctor(failure),
                }
                for failure in self.tally.failures()
            ],
            "waited_seconds": round(self.waited, 1),
            "timed_out": self.still_waiting,
        }

    def stopped(self) -> StoppedError:
        """The error of a wait that was given up."""
        left = self.tally.fates["processing"]
        return StoppedError(
            f"{counted(left, 'item')} still in processing after {duration(self.waited)}",
            hint="V7 goes on by itself: run the same command again, with a longer --timeout",
        )


class Watch:
    """Looks at one dataset with the eyes of one ledger."""

    def __init__(
        self,
        darwin: Darwin,
        team: str,
        dataset: Dataset,
        ledger: Ledger,
        *,
        since_run: int | None = None,
        report: Path | None = None,
    ) -> None:
        self._darwin = darwin
        self._team = team
        self._dataset = dataset
        self._ledger = ledger
        self._since_run = since_run
        self._report = report

    def look(self) -> Seen:
        """List everything, once, and write the report."""
        tally = StatusTally()
        items = self._darwin.items(self._team, self._dataset.id)
        with report_lines(self._report, _report_line, ledger=self._ledger.path) as write:
            for one in statuses(items, self._ledger, tally, since_run=self._since_run):
                write(one)
        buckets = self._buckets() if tally.fates["failed"] else {}
        return Seen(self._team, self._dataset.slug, tally, buckets, self._since_run)

    def wait(self, timeout: float, say: Callable[[str], None]) -> Seen:
        """Look again and again, less and less often, until nothing is in processing or `timeout` seconds are over.

        Between two whole looks only what is in processing is listed. While V7 cannot be reached the wait goes on.
        `say` gets a line a minute.
        """
        clock = self._darwin.clock
        began, pause, said = clock.now(), _FIRST_PAUSE, -60.0
        seen = self.look()
        while seen.tally.fates["processing"]:
            waited = clock.now() - began
            if waited >= timeout:
                return replace(seen, waited=waited, still_waiting=True)
            if waited - said >= 60:
                said = waited
                say(f"{duration(waited)} waited, {seen.tally.fates['processing']:,} in processing")
            clock.wait(min(pause, timeout - waited))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            try:
                if not self._some_in_processing() or clock.now() - began >= timeout:
                    seen = self.look()
            except ServiceError as error:
                say(f"V7 did not answer ({error.message}); the wait goes on")
        return replace(seen, waited=clock.now() - began)

    def _some_in_processing(self) -> bool:
        pending = self._darwin.items(self._team, self._dataset.id, {"statuses": UNFINISHED})
        return any(one.fate == "processing" for one in statuses(pending, self._ledger, StatusTally()))

    def _buckets(self) -> dict[str, str]:
        known = {storage.name: storage.bucket for storage in self._darwin.storages(self._team)}
        return {name: known[name] for name in self._ledger.storages() if known.get(name)}


def _report_line(one: ItemStatus) -> str:
    line: dict[str, Any] = {
        "fate": one.fate,
        "state": one.state,
        "storage_keys": list(one.keys),
        "path": one.path,
        "name": one.name,
        "item_id": one.item_id,
    }
    if one.errors:
        line["errors"] = [
            {**_error_document(error._asdict()), "hint": error.cause.hint, "probes": list(error.cause.probes)}
            for error in one.errors
        ]
    return json.dumps(line, ensure_ascii=False)


def _error_document(fields: dict[str, Any]) -> dict[str, Any]:
    """V7's own names again."""
    kind = fields.pop("kind")
    return {"message": fields.pop("message"), "processing_error_type": kind, **fields}
