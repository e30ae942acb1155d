"""One bounded, lazy map over any `concurrent.futures.Executor`: threads, processes, dask, or none at all."""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future, wait
from contextlib import closing
from threading import Condition
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable, Iterator

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
    return _one_by_one(map_gathered(executor, function, iterable, window, stop))


def map_gathered(
    executor: Executor | None,
    function: Callable[[T], R],
    iterable: Iterable[T],
    window: int,
    stop: threading.Event | None = None,
    *,
    linger: float = 0.0,
) -> Generator[list[R]]:
    """As `map_bounded`, but the results come in lists: all that have finished when the caller asks for more.

    For a caller to whom ten results at once are less work than ten times one. Before a list is given, others may join
    it for up to `linger` seconds after its first result came, until half of the window has finished, or all of it that
    is under way. What has finished while the next input is being drawn waits for that, too, however long it takes.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}")
    if executor is None:
        return ([result] for result in map(function, _until(stop, iterable)))
    return _map_pooled(_Flight(executor, function, max(1, window // 2), linger), iterable, window, stop)


def _one_by_one(groups: Generator[list[R]]) -> Iterator[R]:
    with closing(groups):
        for group in groups:
            yield from group


def _map_pooled(
    flight: _Flight[T, R], iterable: Iterable[T], window: int, stop: threading.Event | None
) -> Generator[list[R]]:
    try:
        try:
            for value in _until(stop, iterable):
                flight.submit(value)
                while len(flight.pending) >= window or flight.is_due():
                    yield flight.land()
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
    """The calls that were submitted and whose results were not taken yet.

    `enough` finished calls are taken at once; fewer wait for others, `linger` seconds from the first.
    """

    def __init__(self, executor: Executor, function: Callable[[T], R], enough: int, linger: float) -> None:
        self.executor = executor
        self.function = function
        self.enough = enough
        self.linger = linger
        self.pending: set[Future[R]] = set()
        self.failure: BaseException | None = None  # of the first call that raised
        self._news = Condition()  # guards what is below
        self._finished: list[Future[R]] = []  # a subset of pending, in the order of finishing
        self._first_at = 0.0  # when the first of them did
        self._awaited = enough  # so many of them wake the caller

    def submit(self, value: T) -> None:
        future = self.executor.submit(self.function, value)
        self.pending.add(future)
        future.add_done_callback(self._finish)

    def _finish(self, future: Future[R]) -> None:
        """Called in whatever thread."""
        with self._news:
            self._finished.append(future)
            if len(self._finished) == 1:
                self._first_at = time.monotonic()
            if len(self._finished) in (1, self._awaited):
                self._news.notify()

    def is_due(self) -> bool:
        """Whether what has finished need not wait for calls that are yet to be submitted."""
        with self._news:
            return self._due_in(self.enough) <= 0

    def land(self) -> list[R]:
        """Wait until calls are due; the results of those that were not cancelled and did not raise.

        The first that raises cancels.
        """
        results = []
        for future in self._take():
            self.pending.remove(future)
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                results.append(future.result())
            elif self.failure is None:
                self.failure = error
                self.cancel()
        return results

    def land_all(self, stop: threading.Event | None) -> Iterator[list[R]]:
        while self.pending:
            if stop is not None and stop.is_set():
                self.cancel()
            yield self.land()

    def cancel(self) -> None:
        """Take back what has not begun."""
        for future in list(self.pending):
            future.cancel()

    def _take(self) -> list[Future[R]]:
        with self._news:
            self._awaited = min(self.enough, len(self.pending))
            while (left := self._due_in(self._awaited)) > 0:
                self._news.wait(left)
            taken, self._finished = self._finished, []
        return taken

    def _due_in(self, enough: int) -> float:
        """Seconds until what has finished is taken; while nothing has, until that is asked again."""
        if not self._finished:
            return _WAKE
        return 0.0 if len(self._finished) >= enough else self._first_at + self.linger - time.monotonic()


def _until(stop: threading.Event | None, iterable: Iterable[T]) -> Iterator[T]:
    """The values of `iterable` until `stop` is set; the iterable is not touched after that."""
    values = iter(iterable)
    while stop is None or not stop.is_set():
        try:
            value = next(values)
        except StopIteration:
            return
        yield value
