"""How far a long run is: a live line on a terminal, a line every ten seconds elsewhere. Always on stderr."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from v7s3.cli.output import note, use_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEARTBEAT = 10.0  # seconds between two lines where there is no terminal


@contextmanager
def progress(line: Callable[[], str], *, quiet: bool) -> Iterator[None]:
    """Show `line()` for as long as the block runs. It is called in a thread of its own and must only read."""
    if quiet:
        yield
    elif sys.stderr.isatty() and use_colour(sys.stderr):
        with _live(line):
            yield
    else:
        with _heartbeat(line):
            yield


@contextmanager
def _live(line: Callable[[], str]) -> Iterator[None]:
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner

    spinner = Spinner("dots")

    def renderable() -> Spinner:
        spinner.update(text=line())
        return spinner

    console = Console(stderr=True, highlight=False)
    with Live(get_renderable=renderable, console=console, refresh_per_second=4, transient=True):
        yield


@contextmanager
def _heartbeat(line: Callable[[], str]) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_HEARTBEAT):
            note(line())

    thread = threading.Thread(target=beat, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Speed:
    """Items a minute over the whole run, and the time left at a given limit."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def per_minute(self, count: int) -> float:
        return count / max(self.seconds, 0.001) * 60


def size_in_words(count: float) -> str:
    """`512 B`, `3.1 MB`, `48 GB`: powers of 1,000, as S3's own console has them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 9.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def duration(seconds: float) -> str:
    """`48 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
