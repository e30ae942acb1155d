"""Planned items → requests → V7 → outcomes in the ledger, each item exactly once.

The pipeline is a generator: the caller's thread draws planned items, forms requests of at most `batch_size` items,
and keeps `window` of them under way in the executor; answers come back in whatever order, are read and settled in the
ledger by the same thread (the only writer), and are yielded. Nothing holds more than the window. Workers carry bytes:
whatever they did with the items, they would do under the interpreter's one lock and on a processor that has them not.

What a worker sees and what becomes of the items (`Sender`):

    200                      each item registered, exists or blocked, as the body says; not mentioned = failed
    413, 422                 halved until the item at fault stands alone, then refused in V7's own words
    gave up after retries    failed: sent again by the next run; a lost answer then ends as exists
    401, 403, 404, quota     the run stops; what is under way is finished and settled first
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from threading import Event, Lock
from typing import TYPE_CHECKING, Literal, NamedTuple

from v7s3.concurrency import map_gathered
from v7s3.errors import InterruptedRunError, RefusedError, ServiceError, StoppedError, V7S3Error
from v7s3.items.batch import Batch
from v7s3.items.outcome import DONE, TAKEN_BY_IT_OR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from v7s3.items.ledger import Ledger, Row
    from v7s3.items.outcome import Outcome
    from v7s3.items.payload import RegisterResponse
    from v7s3.items.planning import Planned

    Read = Callable[[], RegisterResponse]
    Send = Callable[[bytes], Read]

_Trouble = Literal["refused", "failed", "unreadable"]  # each counted in a row of its own

# After so many in a row without one success it is not the items that are at fault.
_REFUSED_IN_A_ROW = 25
_FAILED_IN_A_ROW = 3


class Answered(NamedTuple):
    """What one batch came to. `stop` ends the run; the batch's items without an outcome were not settled.

    `read` reads an answer that came and was not looked at yet; there are no outcomes until it was.
    """

    batch: Batch
    outcomes: list[Outcome]
    stop: V7S3Error | None = None
    read: Read | None = None


class Sender:
    """Sends one batch, in a worker's thread, and turns the answer, or its absence, into outcomes.

    `send` takes the body of a request and gives a function that reads the answer. It raises RefusedError for 413 and
    422, ServiceError when it gave up after its retries, and any other V7S3Error for what ends the run; the function
    raises ServiceError for what is no answer. `stopping` is set by whoever wants the run to end, and here with an
    answer that does; nothing new is sent then.
    """

    def __init__(self, send: Send, stopping: Event) -> None:
        self.stopping = stopping
        self.batch_limit = 0  # the largest size that V7 has not called too large; 0 while it has not complained
        self._send = send
        self._lock = Lock()
        self._in_a_row: Counter[_Trouble] = Counter()

    def __call__(self, batch: Batch) -> Answered:
        if self.stopping.is_set():
            return Answered(batch, [])
        return self._noted(self._sent(batch))

    def read(self, answered: Answered) -> Answered:
        """With the outcomes. For the run's own thread: whoever made the items has them at hand, on its processor."""
        if answered.read is None:
            return answered
        try:
            response = answered.read()
        except ServiceError as error:
            return self._noted(self._failure(answered.batch, error, "unreadable"))
        return self._noted(self._answered(answered.batch, response))

    def _noted(self, answered: Answered) -> Answered:
        # Said here, because the run's thread may be reading the source for long.
        if answered.stop is not None and not self.stopping.is_set():
            self.stopping.set()
        return answered

    def _sent(self, batch: Batch) -> Answered:
        try:
            read = self._send(batch.body)
        except RefusedError as error:
            return self._refusal(batch, error)
        except ServiceError as error:
            return self._failure(batch, error, "failed")
        except InterruptedRunError:
            return Answered(batch, [])
        except V7S3Error as error:
            return Answered(batch, [], error)
        self._end_rows("refused", "failed")  # now, because the answer may lie unread for long
        return Answered(batch, [], read=read)

    def _answered(self, batch: Batch, response: RegisterResponse) -> Answered:
        outcomes = batch.outcomes(response)
        if all(outcome.state == "failed" for outcome in outcomes):
            nothing = ServiceError("V7 answers without mentioning any of the items")
            return Answered(batch, outcomes, self._count_failure(nothing, "unreadable"))
        self._end_rows("unreadable")
        return Answered(batch, outcomes)

    def _failure(self, batch: Batch, error: ServiceError, kind: _Trouble) -> Answered:
        return Answered(batch, batch.all_are("failed", error.message), self._count_failure(error, kind))

    def _refusal(self, batch: Batch, error: RefusedError) -> Answered:
        if len(batch) == 1:
            return Answered(batch, batch.all_are("refused", error.words), self._count_refusal(error))
        half, rest = batch.halves()
        if error.too_large:
            self.batch_limit = min(self.batch_limit or len(half), len(half))
        first = self.read(self(half))
        if first.stop is not None:
            return first
        second = self.read(self(rest))
        return Answered(batch, first.outcomes + second.outcomes, second.stop)

    def _count_refusal(self, error: RefusedError) -> StoppedError | None:
        if self._count("refused") < _REFUSED_IN_A_ROW:
            return None
        return StoppedError(
            f"V7 refused {_REFUSED_IN_A_ROW} items in a row and accepted none: {error.words}",
            hint=error.hint or "mend the cause and run the same command with --retry-failed",
        )

    def _count_failure(self, error: ServiceError, kind: _Trouble) -> StoppedError | None:
        if self._count(kind) < _FAILED_IN_A_ROW:
            return None
        return StoppedError(
            f"{_FAILED_IN_A_ROW} requests in a row failed after all their retries: {error.message}",
            hint="nothing is lost; run the same command again when V7 can be reached",
        )

    def _count(self, kind: _Trouble) -> int:
        with self._lock:
            self._in_a_row[kind] += 1
            return self._in_a_row[kind]

    def _end_rows(self, *kinds: _Trouble) -> None:
        with self._lock:
            for kind in kinds:
                self._in_a_row[kind] = 0


def register(
    planned: Iterable[Planned],
    *,
    sender: Sender,
    ledger: Ledger,
    dataset: str,
    storage: str,
    batch_size: int,
    executor: Executor | None,
    window: int,
    linger: float = 0.0,
) -> Iterator[list[Outcome]]:
    """Send `planned` and yield one outcome for each item that was settled, in lists: what one transaction recorded.

    An answer may wait `linger` seconds for others to be settled with it. A process that dies meanwhile has not recorded
    it: its items are sent again, and V7 answers ALREADY_EXISTS.

    Ends early when `sender.stopping` is set, after what is under way has been settled. Raises the error that ended
    the run, or else what `planned` raises, again after everything under way has been settled and yielded.
    """
    stop: V7S3Error | None = None
    try:
        batches = (
            Batch.of(some, dataset_slug=dataset, storage_slug=storage)
            for some in _some_at_a_time(planned, sender, batch_size)
        )
        for unread in map_gathered(executor, sender, batches, window, linger=linger):
            answers = [sender.read(answered) for answered in unread]
            yield from _settled(chain.from_iterable(answered.outcomes for answered in answers), ledger, storage)
            stop = stop or next((answered.stop for answered in answers if answered.stop is not None), None)
    except InterruptedRunError:  # of `planned`, told to stop: it is the answer that did which people need to know
        if stop is None:
            raise
    if stop is not None:
        raise stop


def _settled(outcomes: Iterable[Outcome], ledger: Ledger, storage: str) -> Iterator[list[Outcome]]:
    """The outcomes as they are in the ledger now. `exists` comes last: its holder may be among the others."""
    plain: list[Outcome] = []
    existing: list[Outcome] = []
    for outcome in outcomes:
        (existing if outcome.state == "exists" else plain).append(outcome)
    if plain:
        ledger.settle(storage, plain)
        yield plain
    if existing:
        judged = _with_holders(existing, ledger, storage)
        ledger.settle(storage, judged)
        yield judged


def _some_at_a_time(planned: Iterable[Planned], sender: Sender, batch_size: int) -> Iterator[list[Planned]]:
    """What is to be one request each, until the run is to stop."""
    source = iter(planned)
    while not sender.stopping.is_set():
        size = min(batch_size, sender.batch_limit or batch_size)
        some = list(islice(source, size))
        if not some:
            return
        yield some


def _with_holders(existing: Iterable[Outcome], ledger: Ledger, storage: str) -> list[Outcome]:
    """`exists` is success only for the same key: another key of ours at that place means this one is not in V7."""
    first: dict[tuple[str, str], Outcome] = {}
    judged = []
    for outcome in existing:
        holder = ledger.holder_of(storage, outcome)
        other = first.setdefault((outcome.path, outcome.name), outcome)
        if holder is not None:
            known = ledger.standings(storage, outcome.keys).values()
            reason = _taken_by(holder, storage, or_by_it=any(standing.may_be_in_v7 for standing in known))
        elif other.keys != outcome.keys:  # one of them is there, and V7 does not say which
            reason = f"ALREADY_EXISTS: the name may be taken by the key {other.keys[0]}"
        else:
            judged.append(outcome)
            continue
        judged.append(outcome._replace(state="blocked", reason=reason))
    return judged


def _taken_by(holder: Row, storage: str, *, or_by_it: bool) -> str:
    """The reason of an item that is not there, or not for sure; `or_by_it` when an answer to it was lost, too."""
    by = f"the key {holder.key}" + ("" if holder.storage == storage else f" of the storage {holder.storage}")
    if holder.standing.state in DONE:
        return f"ALREADY_EXISTS: the name is taken by {by}"
    if or_by_it:
        return f"{TAKEN_BY_IT_OR}{by}: the answers to both were lost"
    return f"ALREADY_EXISTS: the name may be taken by {by}, the answer to which was lost"
