"""Ctrl-C: the first lets what is in flight finish, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from v7s3.cli.output import fail, let_readers_leave, note

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def finishing_on_interrupt(stopping: threading.Event, advice: str, *, as_json: bool) -> Iterator[list[int]]:
    """Turn the first SIGINT or SIGTERM into `stopping.set()` and a word of advice; a second one ends the process.

    Yields a list that holds the signal's number once one has come. Nothing is raised in the block: an exception in
    the middle of a transaction would have to be undone, while a flag is looked at where stopping is safe. Nor is
    anything raised from then on because the readers of stdout or stderr have left, as the signal made them.
    """
    received: list[int] = []

    def handle(number: int, _frame: Any) -> None:
        if received:
            with suppress(RuntimeError, ValueError):  # this thread was writing, or the stream is closed
                fail("interrupted", "interrupted", exit_code=130, as_json=as_json)
            os._exit(130)  # the ledger's last commit stands; sqlite rolls back what was not committed
        received.append(number)
        if not stopping.is_set():  # this thread may be setting it just now, and its lock is held
            stopping.set()
        let_readers_leave()
        # A full disk, or as above: stopping matters more than saying so.
        with suppress(OSError, RuntimeError, ValueError):
            note(advice)

    if threading.current_thread() is not threading.main_thread():
        yield received  # signals reach the main thread only
        return
    signals = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, handle) for number in signals]
    try:
        yield received
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
