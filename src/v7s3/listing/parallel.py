"""A listing by many workers at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from v7s3.listing.page import Page
from v7s3.listing.ranges import KeySpace, Range
from v7s3.listing.requests import PageRequests, list_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client

    from v7s3.items.objects import StorageObject

_WAITING_PAGES = 32  # pages that may lie ready before the workers wait for the reader: some 32,000 objects
_PATIENCE = 2.0  # seconds to wait for workers whose requests hang; being daemons, they keep nobody


def list_parallel(
    client: S3Client, bucket: str, prefix: str = "", *, workers: int = 24
) -> Iterator[list[StorageObject]]:
    """The objects whose keys begin with `prefix`, each exactly once, in pages that come as they arrive.

    Keys ascend within a page; pages come in no particular order (`list_objects` gives the order). A bucket of one page
    costs one request; a large one about a tenth more than one after another, for guesses at where its keys are.
    Memory is bounded: workers wait for a reader who is slow. Closing the generator stops them.

    Raises what `list_objects` raises, and ServiceError for a server that does not list in key order.
    """
    if workers <= 1:
        yield from list_objects(client, bucket, prefix)
        return
    crew = _Crew(client, bucket, prefix)
    page = crew.pages.ask()
    while page.next_token and not page.objects:
        page = crew.pages.ask_after(page)
    if page.objects:
        yield page.objects
    if page.next_token:
        yield from crew.list_rest(KeySpace(prefix, page.objects), workers)


class _Crew:
    """Threads that divide a key space among themselves, and the pages they have ready."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._stop = threading.Event()
        self.pages = PageRequests(client, bucket, prefix, pause=self._stop.wait)
        lock = threading.Lock()
        self._work = threading.Condition(lock)  # there may be a range to claim, or none any more
        self._room = threading.Condition(lock)  # the reader took a page, or left
        self._news = threading.Condition(lock)  # a page is ready, or the last worker is gone
        self._ready: deque[list[StorageObject]] = deque()
        self._failure: BaseException | None = None
        self._running = 0

    def list_rest(self, space: KeySpace, workers: int) -> Iterator[list[StorageObject]]:
        threads = [
            threading.Thread(target=self._run, args=(space,), name="v7s3-list", daemon=True) for _ in range(workers)
        ]
        self._running = workers
        try:
            for thread in threads:
                thread.start()
            while (objects := self._next()) is not None:
                yield objects
        finally:
            self._dismiss()
            patience = time.monotonic() + _PATIENCE
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, patience - time.monotonic()))

    def _next(self) -> list[StorageObject] | None:
        """The next page that is ready, None behind the last. Raises what a worker failed with."""
        with self._news:
            while not self._ready and self._failure is None and self._running:
                self._news.wait()
            if self._failure is not None:
                raise self._failure
            if not self._ready:
                return None
            self._room.notify()
            return self._ready.popleft()

    def _dismiss(self) -> None:
        with self._work:
            self._stop.set()
            self._work.notify_all()
            self._room.notify_all()

    def _run(self, space: KeySpace) -> None:
        try:
            while (mine := self._claim(space)) is not None:
                self._list(space, mine)
        except BaseException as error:  # noqa: BLE001  # a thread has no caller: the reader raises it
            self._failure = self._failure or error
        finally:
            with self._work:
                self._running -= 1
                if self._failure is not None:
                    self._stop.set()
                self._work.notify_all()
                self._room.notify_all()
                self._news.notify_all()

    def _claim(self, space: KeySpace) -> Range | None:
        with self._work:
            while not self._stop.is_set() and not space.done:
                mine = space.claim()
                if mine is not None:
                    self._work.notify()  # there may be one for the next worker too
                    return mine
                self._work.wait()
            return None

    def _list(self, space: KeySpace, mine: Range) -> None:
        active, page = True, Page([])
        while active and not self._stop.is_set():
            page = self._following(page, mine)
            with self._work:
                objects = space.arrived(mine, page.objects, more=bool(page.next_token))
                active = space.active(mine)
                if space.done:
                    self._work.notify_all()
                else:
                    self._work.notify()
                if not objects:  # whoever is told of room has to fill it: nobody else is told of it
                    continue
                while len(self._ready) >= _WAITING_PAGES and not self._stop.is_set():
                    self._room.wait()
                self._ready.append(objects)
                self._news.notify()

    def _following(self, page: Page, mine: Range) -> Page:
        """The next page of the range. A page may be empty and not the last; then only its token leads on."""
        if page.next_token and not page.objects:
            return self.pages.ask_after(page)
        return self.pages.ask(start_after=mine.after)
