"""A file over ranged reads, so that decoders ask S3 for the bytes they need and for no others."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from v7s3.errors import ServiceError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = 64 * 1024  # bytes of a read somewhere new: holds the header of nearly every picture
MOST = 4 * 1024 * 1024  # bytes of one read when a decoder goes through the file
KEPT = 4  # windows remembered: containers keep sound and pictures in different places


class Window(NamedTuple):
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class RangedReader(io.RawIOBase):
    """A seekable, read-only file of `size` bytes over `fetch(start, length) -> bytes`.

    A read that continues an earlier one doubles the length asked for, up to `MOST`; a read elsewhere starts at `FIRST`
    again. With `ahead`, the window after a continued one is fetched in a thread while the caller works. Memory:
    (`KEPT` + 1) x `MOST` bytes. Reads are complete: fewer bytes than asked for means the end of the file.

    `fetch` raises V7S3Error when S3 fails; the error is kept in `failure`, because decoders swallow exceptions.
    """

    def __init__(
        self, fetch: Callable[[int, int], bytes], size: int, *, first: int = FIRST, ahead: bool = False
    ) -> None:
        super().__init__()
        self.size = size
        self.bytes_read = 0
        self.failure: V7S3Error | None = None
        self._fetch = fetch
        self._first = first
        self._position = 0
        self._windows: deque[Window] = deque(maxlen=KEPT)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead") if ahead else None
        self._coming: tuple[int, Future[bytes]] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        wanted = max(0, min(len(target), self.size - self._position))
        done = 0
        while done < wanted:
            window = self._window_at(self._position)
            offset = self._position - window.start
            piece = memoryview(window.data)[offset : offset + wanted - done]
            target[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def readall(self) -> bytes:
        """The rest of the file; without a copy of it when the first window has all."""
        if self._position > 0 or not 0 < self.size <= self._first:
            return super().readall()
        whole = self._window_at(0).data
        self._position = self.size
        return whole

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._windows.clear()
        super().close()

    def _window_at(self, position: int) -> Window:
        for window in reversed(self._windows):
            if window.start <= position < window.end:
                return window
        before = next((window for window in self._windows if window.end == position), None)
        length = self._first if before is None else min(MOST, 2 * len(before.data))
        try:
            window = Window(position, self._arrived(position) or self._get(position, length))
        except V7S3Error as error:
            self.failure = error
            raise
        self.bytes_read += len(window.data)
        self._windows.append(window)
        if before is not None and self._pool is not None and window.end < self.size:
            self._coming = window.end, self._pool.submit(self._get, window.end, min(MOST, 2 * len(window.data)))
        return window

    def _arrived(self, position: int) -> bytes:
        """What was asked for ahead, when it starts at `position`; else b""."""
        if self._coming is None or self._coming[0] != position:
            return b""
        coming, self._coming = self._coming[1], None
        return coming.result()

    def _get(self, start: int, length: int) -> bytes:
        length = min(length, self.size - start)
        data = self._fetch(start, length)
        if len(data) != length:
            raise ServiceError(
                f"S3 sent {len(data)} bytes where {length} were asked for, at byte {start}",
                hint="run again; if it stays, the server does not answer ranged reads",
            )
        return data
