"""One run of `register`: from what a source gives to what the ledger, the report and the tally say afterwards.

pages of objects ─ unsettled_pages ─── plan ─┐
keys of a file ─── unsettled_objects ─ plan ─┤
                                             ├─ accepted ─ register ─ outcomes
items of a file or of groups ────────────────┴─ unsettled_items

All that is read passes `until_stopped`, in pages.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from v7s3.errors import InterruptedRunError
from v7s3.items.filters import TOO_OLD
from v7s3.items.objects import StorageObject
from v7s3.items.outcome import DONE, JUDGED, Outcome
from v7s3.items.planning import HINTS, Plan, Planned, Refused, Skipped
from v7s3.items.register import Sender, register
from v7s3.items.tally import MEND, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from threading import Event

    from v7s3.items.ledger import Ledger, Standing

T = TypeVar("T")
OneT = TypeVar("OneT", bound=StorageObject | Refused)
GROWN = "grown since it was registered"
UNCERTAIN = "may be in V7 already"
_HINTS = {
    **HINTS,
    UNCERTAIN: "send these keys once more with the objects and options of that run, or look in V7 and"
    " `v7s3 ledger forget` them",
}
_LOOKED_UP = 500  # items whose keys are looked up in the ledger at a time


class Report(Protocol):
    """Takes note of one outcome; `earlier` when a run before this one settled it."""

    def __call__(self, outcome: Outcome, *, earlier: bool) -> None: ...


class Run:
    """The state of one run. Every method is called in the run's own thread.

    `report`, when there is one, is told of each item the run has looked at, settled earlier or now. `retry_failed`
    sends what earlier runs left blocked or refused once more; what failed is always sent again. A `dry` run records
    nothing. `stopping` is set, in any thread, when the run is to end.
    """

    def __init__(
        self,
        ledger: Ledger,
        storage: str,
        report: Report | None,
        stopping: Event,
        *,
        retry_failed: bool,
        dry: bool = False,
    ) -> None:
        self.tally = Tally()
        self._stopping = stopping
        self._ledger = ledger
        self._storage = storage
        self._report = report
        self._dry = dry
        self._settled = DONE if retry_failed else DONE | JUDGED
        self._lost: dict[str, Standing] = {}  # keys on their way to being planned that V7 may have already

    def last_finished_start(self, scope: str) -> str | None:
        """When the last run over this scope that came to its end was started; None when there is none."""
        return self._ledger.last_finished_start(scope)

    def final_keys(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that need not be sent again: they are in V7, or were judged."""
        known = self._ledger.standings(self._storage, keys)
        return [key for key, standing in known.items() if standing.state in DONE | JUDGED]

    def until_stopped(self, pages: Iterable[T]) -> Generator[T]:
        """What a source gives, page by page, as long as the run is not to stop.

        Raises InterruptedRunError once it is, also instead of coming to an end: nobody may take a part for the whole,
        who plans groups or looks for collisions.
        """
        try:
            self._go_on()
            for page in pages:
                yield page
                self._go_on()
            self._go_on()  # Ctrl-C also ends the program that writes to our pipe
        finally:
            if isinstance(pages, Generator):  # a listing's workers need not wait for the garbage collector
                pages.close()

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise InterruptedRunError("stopped while the source was being read", hint="run the same command to go on")

    def unsettled_objects(
        self, pages: Iterable[Sequence[StorageObject | Refused]]
    ) -> Iterator[StorageObject | Refused]:
        """The objects that are not settled, and what the source refused; the others are counted and reported."""
        for page in pages:
            self.tally.listed += len(page)
            yield from self._unsettled(page)

    def unsettled_pages(self, pages: Iterable[Sequence[StorageObject]], since: str = "") -> Iterator[StorageObject]:
        """As `unsettled_objects`, for a listing: the keys of a page ascend, and nearly all are settled on most nights.

        What was last modified before `since` (as StorageObject has it) is not even looked up.
        """
        for listed in pages:
            self.tally.listed += len(listed)
            page = [one for one in listed if one.last_modified >= since] if since else listed
            if len(page) < len(listed):
                self.tally.skipped[TOO_OLD] += len(listed) - len(page)
            if page and self._report is None:  # a report names every key
                page, unchanged = self._ledger.without_unchanged(self._storage, page)
                self.tally.earlier.update(unchanged)
            if page:
                yield from self._unsettled(page)

    def _unsettled(self, page: Sequence[OneT]) -> Iterator[OneT]:
        known = self._standings(one for one in page if not isinstance(one, Refused))
        if not known:
            yield from page
            return
        for one in page:
            standing = None if isinstance(one, Refused) else known.get(one.key)
            if isinstance(one, Refused) or standing is None:
                yield one
            elif not self._is_final(standing):
                if standing.may_be_in_v7:
                    self._lost[one.key] = standing
                yield one
            else:
                self._earlier(one, standing)

    def unsettled_items(self, values: Iterable[Plan]) -> Iterator[Plan]:
        """As `unsettled_objects`, for items: one is settled when all its keys are.

        An item that has a registered key and another one is refused: V7 would answer ALREADY_EXISTS, or have the
        registered key twice.
        """
        for some in self.until_stopped(paged(values, _LOOKED_UP)):
            self.tally.listed += len(some)
            known = self._standings(found for one in some if isinstance(one, Planned) for found in one.objects)
            for one in some:
                if not isinstance(one, Planned):
                    yield one
                    continue
                states = [known.get(found.key) for found in one.objects]
                if all(standing is not None and self._is_final(standing) for standing in states):
                    for found in one.objects:
                        self._earlier(found, known[found.key])
                elif taken := [found.key for found in one.objects if _is_done(known.get(found.key))]:
                    yield _grown(one, taken, known[taken[0]])
                else:
                    yield _uncertain(one, known) or one

    def _standings(self, objects: Iterable[StorageObject]) -> dict[str, Standing]:
        return self._ledger.standings(self._storage, [found.key for found in objects])

    def _is_final(self, standing: Standing) -> bool:
        """A refusal of ours depends on the options of that run, so only V7's verdicts are remembered."""
        return standing.state in self._settled and (standing.state in DONE or bool(standing.path))

    def _earlier(self, found: StorageObject, standing: Standing) -> None:
        self.tally.add_earlier(found.key, found.etag, standing)
        if self._report is not None:
            state, reason, path, name = standing.state, standing.reason, standing.path, standing.name
            outcome = Outcome(state, (found.key,), (standing.etag,), path, name, reason, standing.item_id)
            self._report(outcome, earlier=True)

    def accepted(self, values: Iterable[Plan]) -> Iterator[Planned]:
        """What is to be sent; what is skipped is counted, what is refused is settled as such."""
        for value in values:
            if isinstance(value, Planned):
                if self._lost and (refused := self._elsewhere(value)):
                    self._refuse(refused)
                    continue
                self.tally.planned += 1
                yield value
            elif isinstance(value, Skipped):
                self.tally.skipped[value.reason] += 1
            else:
                self._refuse(value)
        self.tally.exhausted = not self._stopping.is_set()  # what makes artifacts ends early then

    def _elsewhere(self, one: Planned) -> Refused | None:
        """As `_uncertain`, of what `_unsettled` remembered."""
        lost = {found.key: self._lost.pop(found.key) for found in one.objects if found.key in self._lost}
        return _uncertain(one, lost)

    def _refuse(self, refused: Refused) -> None:
        name = refused.keys[0].rpartition("/")[2] if refused.keys else f"line {refused.line}"
        reason = refused.detail or refused.reason
        if refused.line is not None and refused.keys:  # without keys, the line is its name
            reason = f"line {refused.line}: {reason}"
        outcome = Outcome("refused", refused.keys, ("",) * len(refused.keys), "", name, reason)
        if not self._dry:
            self._ledger.settle(self._storage, [self._without_sent(outcome)])
        self.tally.add(outcome, kind=refused.reason, hint=_HINTS.get(refused.reason, MEND))
        if self._report is not None:
            self._report(outcome, earlier=False)

    def _without_sent(self, refused: Outcome) -> Outcome:
        """A refusal of ours says nothing about V7: what is there, or may be, stays there, also in the ledger."""
        known = self._ledger.standings(self._storage, refused.keys)
        keys = tuple(key for key in refused.keys if key not in known or not _is_sent(known[key]))
        return refused._replace(keys=keys, etags=("",) * len(keys))

    def send(
        self,
        planned: Iterable[Planned],
        sender: Sender,
        *,
        dataset: str,
        batch_size: int,
        executor: Executor | None,
        window: int,
        linger: float = 0.0,
    ) -> None:
        """Send everything. Raises the error that ended the run early, after settling what was under way."""
        settled = register(
            planned,
            sender=sender,
            ledger=self._ledger,
            dataset=dataset,
            storage=self._storage,
            batch_size=batch_size,
            executor=executor,
            window=window,
            linger=linger,
        )
        for outcomes in settled:
            self.tally.add(*outcomes)
            if self._report is not None:
                for outcome in outcomes:
                    self._report(outcome, earlier=False)


def paged(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values, up to `size` at a time."""
    source = iter(values)
    while page := list(islice(source, size)):
        yield page


def _is_done(standing: Standing | None) -> bool:
    return standing is not None and standing.state in DONE


def _is_sent(standing: Standing) -> bool:
    return standing.state in DONE or standing.may_be_in_v7


def _uncertain(one: Planned, known: Mapping[str, Standing]) -> Refused | None:
    """The refusal of an item of which V7 may have objects already, in another item: those whose answers were lost.

    The same item as then, of the same objects, may be sent again: V7 answers ALREADY_EXISTS when it has it.
    """
    standings = {found.key: known[found.key] for found in one.objects if found.key in known}
    lost = {key: standing for key, standing in standings.items() if standing.may_be_in_v7}
    place = (one.item.path.strip("/"), one.item.name)
    moved = [key for key, standing in lost.items() if (standing.path.strip("/"), standing.name) != place]
    if not lost or (len(lost) == len(one.objects) and not moved):
        return None
    key = moved[0] if moved else next(iter(lost))
    there = f"{lost[key].path.rstrip('/')}/{lost[key].name}"
    detail = f"V7 may have {key} already, as {there}: it was sent by an earlier run, and the answer was lost"
    return Refused(tuple(found.key for found in one.objects), UNCERTAIN, detail)


def _grown(one: Planned, taken: Sequence[str], standing: Standing) -> Refused:
    """The refusal of an item some of whose objects V7 has already; its other objects are what is missing there."""
    missing = tuple(found.key for found in one.objects if found.key not in taken)
    place = f"{standing.path.rstrip('/')}/{standing.name}"
    detail = (
        f"{taken[0]} is registered already, as {place}: to register it with the others, delete that item in V7 and "
        "`v7s3 ledger forget` its key"
    )
    return Refused(missing, GROWN, detail)
