"""Planned items → requests → V7 → outcomes in the ledger, each item exactly once.

The pipeline is a generator: the caller's thread draws planned items, forms requests of at most `batch_size` items,
and keeps `window` of them under way in the executor; answers come back in whatever order, are settled in the ledger
by the same thread (the only writer), and are yielded. Nothing holds more than the window.

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
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from unicodedata import normalize

from v7s3.concurrency import map_gathered
from v7s3.errors import InterruptedRunError, RefusedError, ServiceError, StoppedError, V7S3Error
from v7s3.items.outcome import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from v7s3.items.ledger import Ledger
    from v7s3.items.payload import AnsweredItem, BlockedItem, RegisterResponse
    from v7s3.items.planning import Planned

    Read = Callable[[], RegisterResponse]
    Send = Callable[[Sequence[Planned]], Read]
    Place = tuple[str | None, str]  # path and name
    ItemT = TypeVar("ItemT", bound=AnsweredItem)

# Answers wait so long for others to be settled with them in one transaction: seconds. Until then, a process that dies
# has not recorded them; they are sent again and V7 answers ALREADY_EXISTS.
_LINGER = 0.05

# After so many in a row without one success it is not the items that are at fault.
_REFUSED_IN_A_ROW = 25
_FAILED_IN_A_ROW = 3


class Answered(NamedTuple):
    """What one batch came to. `stop` ends the run; the batch's items without an outcome were not settled.

    `read` reads an answer that came and was not looked at yet; there are no outcomes until it was.
    """

    batch: Sequence[Planned]
    outcomes: list[Outcome]
    stop: V7S3Error | None = None
    read: Read | None = None


class Sender:
    """Sends one batch, in a worker's thread, and turns the answer, or its absence, into outcomes.

    `send` gives a function that reads the answer. It raises RefusedError for 413 and 422, ServiceError when it gave up
    after its retries, and any other V7S3Error for what ends the run; the function raises ServiceError for what is no
    answer. `stopping` is set by whoever wants the run to end, and here with an answer that does; nothing new is sent
    then.
    """

    def __init__(self, send: Send, stopping: Event) -> None:
        self.stopping = stopping
        self.batch_limit = 0  # the largest size that V7 has not called too large; 0 while it has not complained
        self._send = send
        self._lock = Lock()
        self._refused = self._failed = 0

    def __call__(self, batch: Sequence[Planned]) -> Answered:
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
            return self._noted(self._failure(answered.batch, error))
        return self._noted(self._answered(answered.batch, response))

    def _noted(self, answered: Answered) -> Answered:
        if answered.stop is not None:  # said here, because the run's thread may be reading the source for long
            self.stopping.set()
        return answered

    def _sent(self, batch: Sequence[Planned]) -> Answered:
        try:
            return Answered(batch, [], read=self._send(batch))
        except RefusedError as error:
            return self._refusal(batch, error)
        except ServiceError as error:
            return self._failure(batch, error)
        except InterruptedRunError:
            return Answered(batch, [])
        except V7S3Error as error:
            return Answered(batch, [], error)

    def _answered(self, batch: Sequence[Planned], response: RegisterResponse) -> Answered:
        outcomes = settle(batch, response)
        if all(outcome.state == "failed" for outcome in outcomes):
            nothing = ServiceError("V7 answers without mentioning any of the items")
            return Answered(batch, outcomes, self._count_failure(nothing))
        with self._lock:
            self._refused = self._failed = 0
        return Answered(batch, outcomes)

    def _failure(self, batch: Sequence[Planned], error: ServiceError) -> Answered:
        return Answered(batch, [_outcome(one, "failed", error.message) for one in batch], self._count_failure(error))

    def _refusal(self, batch: Sequence[Planned], error: RefusedError) -> Answered:
        if len(batch) == 1:
            return Answered(batch, [_outcome(batch[0], "refused", error.words)], self._count_refusal(error))
        middle = len(batch) // 2
        if error.too_large:
            self.batch_limit = min(self.batch_limit or middle, middle)
        first = self.read(self(batch[:middle]))
        if first.stop is not None:
            return first
        second = self.read(self(batch[middle:]))
        return Answered(batch, first.outcomes + second.outcomes, second.stop)

    def _count_refusal(self, error: RefusedError) -> StoppedError | None:
        with self._lock:
            self._refused += 1
            too_many = self._refused >= _REFUSED_IN_A_ROW
        if not too_many:
            return None
        return StoppedError(
            f"V7 refused {_REFUSED_IN_A_ROW} items in a row and accepted none: {error.words}",
            hint=error.hint or "mend the cause and run the same command with --retry-failed",
        )

    def _count_failure(self, error: ServiceError) -> StoppedError | None:
        with self._lock:
            self._failed += 1
            too_many = self._failed >= _FAILED_IN_A_ROW
        if not too_many:
            return None
        return StoppedError(
            f"{_FAILED_IN_A_ROW} requests in a row failed after all their retries: {error.message}",
            hint="nothing is lost; run the same command again when V7 can be reached",
        )


def register(
    planned: Iterable[Planned],
    *,
    sender: Sender,
    ledger: Ledger,
    storage: str,
    batch_size: int,
    executor: Executor | None,
    window: int,
) -> Iterator[list[Outcome]]:
    """Send `planned` and yield one outcome for each item that was settled, in lists: what one transaction recorded.

    Ends early when `sender.stopping` is set, after what is under way has been settled. Raises the error that ended
    the run, or else what `planned` raises, again after everything under way has been settled and yielded.
    """
    stop: V7S3Error | None = None
    try:
        batches = _batches(planned, sender, batch_size)
        for unread in map_gathered(executor, sender, batches, window, linger=_LINGER):
            answers = [sender.read(answered) for answered in unread]
            yield _settled(chain.from_iterable(answered.outcomes for answered in answers), ledger, storage)
            stop = stop or next((answered.stop for answered in answers if answered.stop is not None), None)
    except InterruptedRunError:  # of `planned`, told to stop: it is the answer that did which people need to know
        if stop is None:
            raise
    if stop is not None:
        raise stop


def _settled(outcomes: Iterable[Outcome], ledger: Ledger, storage: str) -> list[Outcome]:
    """The outcomes as they are in the ledger now. `exists` comes last: its holder may be among the others."""
    told: dict[bool, list[Outcome]] = {False: [], True: []}
    for outcome in outcomes:
        told[outcome.state == "exists"].append(outcome)
    ledger.settle(storage, told[False])
    if told[True]:
        told[True] = [_with_holder(outcome, ledger, storage) for outcome in told[True]]
        ledger.settle(storage, told[True])
    return told[False] + told[True]


def _batches(planned: Iterable[Planned], sender: Sender, batch_size: int) -> Iterator[list[Planned]]:
    source = iter(planned)
    while not sender.stopping.is_set():
        size = min(batch_size, sender.batch_limit or batch_size)
        batch = list(islice(source, size))
        if not batch:
            return
        yield batch


def settle(batch: Sequence[Planned], response: RegisterResponse) -> list[Outcome]:
    """One outcome for each item of the request, as the body of the answer has it.

    Items are recognised by path and name, which V7 echoes (v7-facts §6), be it in another of Unicode's normal forms or
    without the path. A blocked item may give a reason in each of its slots; it exists already only when all of them
    say so.
    """
    registered = _by_place(response.items)
    blocked = _by_place(response.blocked_items)
    outcomes = _outcomes(batch, registered, blocked)
    if any(outcome.state == "failed" for outcome in outcomes) and (spelled := _spelled_as_sent(batch, response)):
        registered = {spelled.get(place, place): item for place, item in registered.items()}
        blocked = {spelled.get(place, place): item for place, item in blocked.items()}
        return _outcomes(batch, registered, blocked)
    return outcomes


def _outcomes(
    batch: Sequence[Planned], registered: Mapping[Place, AnsweredItem], blocked: Mapping[Place, BlockedItem]
) -> list[Outcome]:
    outcomes = []
    for one in batch:
        place = (one.item.path, one.item.name)
        if refusal := blocked.get(place):
            outcomes.append(_blocked(one, refusal))
        elif success := registered.get(place):
            outcomes.append(_outcome(one, "registered", item_id=success.id or ""))
        else:
            outcomes.append(_outcome(one, "failed", "V7's answer does not mention this item"))
    return outcomes


def _by_place(items: Iterable[ItemT]) -> dict[Place, ItemT]:
    """The items by path and name, as the model normalises them; path None where the answer has none."""
    return {(item.path, item.name): item for item in items}


def _spelled_as_sent(batch: Sequence[Planned], response: RegisterResponse) -> dict[Place, Place]:
    """The answer's places that are the request's, only without a path or in another of Unicode's normal forms; none
    that could be two."""
    sent: set[Place] = {(one.item.path, one.item.name) for one in batch}
    answered: set[Place] = {(item.path, item.name) for item in (*response.items, *response.blocked_items)}
    unknown, names = answered - sent, Counter(name for _, name in sent)
    spelled: dict[Place, Place] = {}
    for place in sent - answered:
        name = place[1]
        if (None, name) in unknown and names[name] == 1:
            spelled[None, name] = place
            continue
        form = _normal_form(place)
        alike = [other for other in unknown if other[0] is not None and _normal_form(other) == form]
        if len(alike) == 1 and sum(_normal_form(other) == form for other in sent) == 1:
            spelled[alike[0]] = place
    return spelled


def _normal_form(place: Place) -> Place:
    path, name = place
    return normalize("NFC", path or ""), normalize("NFC", name)


def _blocked(one: Planned, answer: BlockedItem) -> Outcome:
    if {reason.upper() for reason in answer.reasons} == {"ALREADY_EXISTS"}:
        return _outcome(one, "exists", item_id=answer.id or "")
    return _outcome(one, "blocked", ", ".join(answer.reasons))


def _with_holder(outcome: Outcome, ledger: Ledger, storage: str) -> Outcome:
    """`exists` is success only for the same key: another key of ours at that place means this one is not in V7."""
    holder = ledger.holder_of(storage, outcome)
    if holder is None:
        return outcome
    lost = holder.standing.state == "failed"
    by = f"the key {holder.key}" + ("" if holder.storage == storage else f" of the storage {holder.storage}")
    taken = f"may be taken by {by}, the answer to which was lost" if lost else f"is taken by {by}"
    return outcome._replace(state="blocked", reason=f"ALREADY_EXISTS: the name {taken}")


def _outcome(one: Planned, state: State, reason: str = "", item_id: str = "") -> Outcome:
    if len(one.objects) == 1:  # nearly always, and then in half the time
        (found,) = one.objects
        return Outcome(state, (found.key,), (found.etag,), one.item.path, one.item.name, reason, item_id)
    keys = tuple([found.key for found in one.objects])
    etags = tuple([found.etag for found in one.objects])
    return Outcome(state, keys, etags, one.item.path, one.item.name, reason, item_id)
