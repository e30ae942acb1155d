"""One object of a bucket, as a listing, an inventory or a manifest tells of it."""

from __future__ import annotations

from typing import NamedTuple


class StorageObject(NamedTuple):
    """A key and what is known about it without another request.

    The key is opaque: exactly the characters S3 has, never decoded, normalised or stripped. A named tuple because
    millions of them are made, and it is the cheapest immutable value Python has.
    """

    key: str
    size: int = -1  # bytes; -1 when unknown
    etag: str = ""  # without quotes; "" when unknown
    last_modified: str = ""  # ISO 8601 in UTC as S3 prints it ("2026-05-01T10:00:00.000Z"): compares as text
    storage_class: str = ""  # as S3 spells it; "" when unknown
