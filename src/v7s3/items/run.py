"""One run of `register`: from what a source gives to what the ledger, the report and the tally say afterwards.

pages of objects ─ unsettled_objects ─ plan ─┐
                                             ├─ accepted ─ register ─ outcomes
items of a file or of groups ────────────────┴─ unsettled_items
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from v7s3.items.outcome import DONE, JUDGED, Outcome
from v7s3.items.planning import Planned, Refused, Skipped
from v7s3.items.register import Sender, register
from v7s3.items.tally import Tally, report_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from v7s3.items.ledger import Ledger, Standing
    from v7s3.items.objects import StorageObject

_LOOKED_UP = 500  # items whose keys are looked up in the ledger at a time


class Run:
    """The state of one run. Every method is called in the run's own thread.

    `report` gets one JSON line for each item the run has looked at, settled earlier or now. `retry_failed` sends
    what earlier runs left blocked or refused once more; what failed is always sent again. A `dry` run records nothing.
    """

    def __init__(
        self, ledger: Ledger, storage: str, report: Callable[[str], None], *, retry_failed: bool, dry: bool = False
    ) -> None:
        self.tally = Tally()
        self._ledger = ledger
        self._storage = storage
        self._report = report
        self._dry = dry
        self._settled = DONE if retry_failed else DONE | JUDGED

    def unsettled_objects(self, pages: Iterable[list[StorageObject]]) -> Iterator[StorageObject]:
        """The objects that are not settled; the others are counted and reported."""
        for page in pages:
            self.tally.listed += len(page)
            known = self._ledger.standings(self._storage, [found.key for found in page])
            if not known:
                yield from page
                continue
            for found in page:
                standing = known.get(found.key)
                if standing is not None and self._is_final(standing):
                    self._earlier(found.key, found.etag, standing)
                else:
                    yield found

    def unsettled_items(self, values: Iterable[Planned | Skipped | Refused]) -> Iterator[Planned | Skipped | Refused]:
        """As `unsettled_objects`, for items: one is settled when all its keys are."""
        source = iter(values)
        while some := list(islice(source, _LOOKED_UP)):
            self.tally.listed += len(some)
            keys = [found.key for one in some if isinstance(one, Planned) for found in one.objects]
            known = self._ledger.standings(self._storage, keys)
            for one in some:
                if isinstance(one, Planned) and self._is_settled(one, known):
                    for found in one.objects:
                        self._earlier(found.key, found.etag, known[found.key])
                else:
                    yield one

    def _is_settled(self, one: Planned, known: dict[str, Standing]) -> bool:
        return all(found.key in known and self._is_final(known[found.key]) for found in one.objects)

    def _is_final(self, standing: Standing) -> bool:
        """A refusal of ours depends on the options of that run, so only V7's verdicts are remembered."""
        return standing.state in self._settled and (standing.state in DONE or bool(standing.path))

    def _earlier(self, key: str, etag: str, standing: Standing) -> None:
        self.tally.add_earlier(key, etag, standing)
        outcome = Outcome(
            standing.state, (key,), (standing.etag,), standing.path, standing.name, standing.reason, standing.item_id
        )
        self._report(report_line(outcome, earlier=True))

    def accepted(self, values: Iterable[Planned | Skipped | Refused]) -> Iterator[Planned]:
        """What is to be sent; what is skipped is counted, what is refused is settled as such."""
        for value in values:
            if isinstance(value, Planned):
                self.tally.planned += 1
                yield value
            elif isinstance(value, Skipped):
                self.tally.skipped[value.reason] += 1
            else:
                self._refuse(value)
        self.tally.exhausted = True

    def _refuse(self, refused: Refused) -> None:
        name = refused.keys[0].rpartition("/")[2] if refused.keys else f"line {refused.line}"
        outcome = Outcome(
            "refused", refused.keys, ("",) * len(refused.keys), "", name, refused.detail or refused.reason
        )
        if not self._dry:
            self._ledger.settle(self._storage, [outcome])
        self._conclude(outcome)

    def _conclude(self, outcome: Outcome) -> None:
        self.tally.add(outcome)
        self._report(report_line(outcome))

    def send(
        self, planned: Iterable[Planned], sender: Sender, *, batch_size: int, executor: Executor | None, window: int
    ) -> None:
        """Send everything. Raises the error that ended the run early, after settling what was under way."""
        outcomes = register(
            planned,
            sender=sender,
            ledger=self._ledger,
            storage=self._storage,
            batch_size=batch_size,
            executor=executor,
            window=window,
        )
        for outcome in outcomes:
            self._conclude(outcome)
