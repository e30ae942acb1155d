"""Lists of keys (`--keys-from`): one on a line, or separated by NUL as `find -print0` does. Keys are opaque."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from v7s3.items.itemsfile import without_mark
from v7s3.items.objects import StorageObject
from v7s3.items.planning import INVALID, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 16


def read_keys(file: IO[bytes], name: str) -> Iterator[StorageObject | Refused]:
    """The keys of a file, as they arrive, byte for byte, or why a record is none. Raises UsageError for UTF-16.

    A NUL before the end of the first line makes NUL the separator. Else it is the newline, and one carriage return
    before it belongs to it, so that files from Windows work; a key that ends in a carriage return, or has a newline,
    needs NUL. Empty records are passed over; no other character is dropped, except a byte order mark at the start.
    """
    # readline returns what a pipe has, and never more than a chunk when there is no newline.
    head = without_mark(file.readline(_CHUNK), name)
    separator = b"\0" if b"\0" in head else b"\n"
    for number, record in enumerate(_records(head, file, separator), start=1):
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


def _records(head: bytes, file: IO[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    while head:
        *records, rest = (rest + head).split(separator)
        yield from records
        head = file.readline(_CHUNK)
    if rest:
        yield rest
