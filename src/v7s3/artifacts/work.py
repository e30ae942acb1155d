"""Threads for what a decoder should not wait for: compressing pictures and sending them."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Work:
    """Runs calls in `threads` threads; at most `window` of them wait or run, and `add` waits for a place."""

    def __init__(self, threads: int, window: int) -> None:
        self._window = window
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="artifact")
        self._pending: deque[Future[object]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, function: Callable[..., object], *arguments: object) -> None:
        """Raises what an earlier call raised."""
        while len(self._pending) >= self._window:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(function, *arguments))

    def finish(self) -> None:
        """Wait for all calls; raises what the first that failed raised."""
        while self._pending:
            self._pending.popleft().result()
