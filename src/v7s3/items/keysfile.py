"""Lists of keys (`--keys-from`): one on a line, or separated by NUL as `find -print0` does. Keys are opaque."""

from __future__ import annotations

from itertools import chain
from typing import IO, TYPE_CHECKING, cast

from v7s3.items.itemsfile import without_mark
from v7s3.items.objects import StorageObject
from v7s3.items.planning import INVALID, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

_CHUNK = 1 << 16


def read_keys(file: IO[bytes], name: str) -> Iterator[StorageObject | Refused]:
    """The keys of a file, as they arrive, byte for byte, or why a record is none. Raises UsageError for UTF-16.

    A NUL in what is read first (a whole chunk, of a pipe what it has by then) makes NUL the separator, because no key
    has one. Else it is the newline, and one carriage return before it belongs to it, so that files from Windows work;
    a key that ends in a carriage return, or has a newline, needs NUL. Empty records are passed over; no other character
    is dropped, except a byte order mark at the start.
    """
    chunks = _chunks(file)
    head = without_mark(next(chunks, b""), name)
    separator = b"\0" if b"\0" in head else b"\n"
    for number, record in enumerate(_records(head, chunks, separator), start=1):
        raw = record.removesuffix(b"\r") if separator == b"\n" else record
        if not raw:
            continue
        try:
            key = raw.decode()
        except UnicodeDecodeError:
            yield Refused((raw.decode(errors="backslashreplace"),), INVALID, "is not UTF-8, as every key is", number)
            continue
        if "\0" in key:
            yield Refused((key,), INVALID, "holds a NUL: separate all keys by NUL, or all by newlines", number)
        else:
            yield StorageObject(key)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """What a file holds, or what a pipe has: it is not waited for more, because keys are looked up as they arrive."""
    buffered = cast("BufferedReader", file)  # as all files that are opened for reading bytes
    while chunk := buffered.read1(_CHUNK):
        yield chunk


def _records(head: bytes, chunks: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    for chunk in chain([head], chunks):
        *records, rest = (rest + chunk).split(separator)
        yield from records
    if rest:
        yield rest
