"""Threads that hold nothing up: one that waits for a server which never answers ends with the program."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from v7s3.concurrency import map_bounded
from v7s3.doctor.probe import UnansweredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 32  # calls at the same time


class DaemonThreads(Executor):
    """A thread for each call, which ends with the program at the latest. Who submits bounds their number."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        threading.Thread(target=_settle, args=(future, fn, args, kwargs), daemon=True).start()
        return future


def _settle(future: Future[Any], function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001  # it is raised again where the result is asked for
        future.set_exception(error)


def side_by_side(function: Callable[[T], R], values: Iterable[T]) -> list[R]:
    """`function` of each value, a few at a time, in the order of the values. Raises what a call raises."""
    numbered = map_bounded(DaemonThreads(), lambda pair: (pair[0], function(pair[1])), enumerate(values), _AT_ONCE)
    return [result for _, result in sorted(numbered, key=lambda pair: pair[0])]


class Once(Generic[T]):
    """A value that several probes want: read when the first one asks, in a thread of its own, and kept.

    A failure is kept as well and raised for everybody who asks.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._future: Future[T] | None = None
        self._lock = threading.Lock()

    def __call__(self, timeout: float | None = None) -> T:
        """The value. Raises what reading raises, and UnansweredError after `timeout` seconds."""
        with self._lock:
            if self._future is None:
                self._future = DaemonThreads().submit(self._read)
            future = self._future
        try:
            return future.result(timeout)
        except TimeoutError:
            if future.done():
                raise
            raise UnansweredError(f"no answer within {timeout:g} s") from None

    @property
    def read(self) -> T | None:
        """The value if it was read already, else None."""
        future = self._future
        return future.result() if future is not None and future.done() and future.exception() is None else None
