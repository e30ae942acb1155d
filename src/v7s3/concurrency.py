"""One bounded, lazy map over any `concurrent.futures.Executor`: threads, processes, dask, or none at all."""

from __future__ import annotations

from concurrent.futures import Executor, Future, wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")

# On Windows a wait without an end cannot be interrupted by Ctrl-C.
_WAKE = 0.5  # seconds


def map_bounded(
    executor: Executor | None,
    function: Callable[[T], R],
    iterable: Iterable[T],
    window: int,
    stop: threading.Event | None = None,
) -> Iterator[R]:
    """Yield `function(x)` for each x of `iterable`, in the order in which they finish.

    * At most `window` inputs (≥ 1) are drawn ahead of the results that were taken; the iterable is advanced in the
      caller's thread only. Without an executor each call is made in line, one after another.
    * When `stop` is set, no further input is drawn, calls that have not begun are cancelled, and what is in flight is
      finished and still yielded. Set it from a signal handler: an exception raised inside a generator ends it.
    * When a call raises, the same happens, and then its exception is raised: the results of the others are never
      lost. Exceptions of later calls are dropped; their inputs yielded no result either.
    * When the iterable raises, everything drawn so far is finished and yielded before its exception is raised.
    * Closing the generator draws nothing more and waits for what is in flight; those results are not seen.

    With processes or dask, `function` must be picklable.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}")
    if executor is None:
        return _map_in_line(function, iterable, stop)
    return _map_pooled(_Flight(executor, function), iterable, window, stop)


def _map_in_line(function: Callable[[T], R], iterable: Iterable[T], stop: threading.Event | None) -> Iterator[R]:
    for value in _until(stop, iterable):
        yield function(value)


def _map_pooled(flight: _Flight[T, R], iterable: Iterable[T], window: int, stop: threading.Event | None) -> Iterator[R]:
    try:
        try:
            for value in _until(stop, iterable):
                flight.submit(value)
                while len(flight.pending) >= window or not flight.finished.empty():
                    yield from flight.land_one()
                if flight.failure is not None:
                    break
        except Exception:
            yield from flight.land_all(stop)
            raise
        yield from flight.land_all(stop)
        if flight.failure is not None:
            raise flight.failure
    finally:
        flight.cancel()
        wait(flight.pending)


class _Flight(Generic[T, R]):
    """The calls that were submitted and whose results were not taken yet."""

    def __init__(self, executor: Executor, function: Callable[[T], R]) -> None:
        self.executor = executor
        self.function = function
        self.pending: set[Future[R]] = set()
        self.finished: SimpleQueue[Future[R]] = SimpleQueue()  # a subset of pending, in the order of finishing
        self.failure: BaseException | None = None  # of the first call that raised

    def submit(self, value: T) -> None:
        future = self.executor.submit(self.function, value)
        self.pending.add(future)
        future.add_done_callback(self.finished.put)

    def land_one(self) -> Iterator[R]:
        """Wait for one call; yield its result unless it was cancelled or raised. The first that raises cancels."""
        future = self._next_finished()
        self.pending.remove(future)
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            yield future.result()
        elif self.failure is None:
            self.failure = error
            self.cancel()

    def land_all(self, stop: threading.Event | None) -> Iterator[R]:
        while self.pending:
            if stop is not None and stop.is_set():
                self.cancel()
            yield from self.land_one()

    def cancel(self) -> None:
        """Take back what has not begun."""
        for future in list(self.pending):
            future.cancel()

    def _next_finished(self) -> Future[R]:
        while True:
            try:
                return self.finished.get(timeout=_WAKE)
            except Empty:
                continue


def _until(stop: threading.Event | None, iterable: Iterable[T]) -> Iterator[T]:
    """The values of `iterable` until `stop` is set; the iterable is not touched after that."""
    values = iter(iterable)
    while stop is None or not stop.is_set():
        try:
            value = next(values)
        except StopIteration:
            return
        yield value
