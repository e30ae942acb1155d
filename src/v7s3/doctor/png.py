"""A small picture out of nothing: an 8-bit RGB PNG, written with the standard library.

Format: https://www.w3.org/TR/png-3/ (signature, IHDR, IDAT, IEND).
"""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 2
_NO_FILTER = b"\x00"


def gradient(width: int, height: int) -> bytes:
    """A picture of `width` × `height` pixels, from yellow (the canary) at the left to green at the bottom right."""
    rows = b"".join(_NO_FILTER + bytes(_row(width, height, y)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _row(width: int, height: int, y: int) -> list[int]:
    return [value for x in range(width) for value in (255 - 200 * x // width, 220, 200 * y // height)]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
