"""One page of a listing, read from S3's XML without losing or changing a byte of a key.

Looking for exactly what S3 writes is many times faster than an XML parser, and a bucket has thousands of pages. So a
page is scanned first; whatever does not look exactly like S3's own answer (another order of elements, white space,
entities, a missing storage class) goes to the XML parser instead. Both ways must find as many keys as the answer says
it holds.

Keys are asked for with `encoding-type=url`, because XML cannot carry all characters a key may have.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from v7s3.errors import ServiceError
from v7s3.items.objects import StorageObject

if TYPE_CHECKING:
    from collections.abc import Callable


class Page(NamedTuple):
    """Objects in the order S3 gave them, and the token that asks for the next page ("" on the last one)."""

    objects: list[StorageObject]
    next_token: str = ""


class UnreadablePageError(ServiceError):
    """The answer is no listing: cut off on the way, or written by something that is not S3."""


_CONTENTS = re.compile(
    "<Contents><Key>([^<]*+)</Key>"
    "<LastModified>([^<]{23}Z)</LastModified>"
    "<ETag>&(?:quot|#34);([^&]*+)&(?:quot|#34);</ETag>"
    "(?:<ChecksumAlgorithm>[^<]*+</ChecksumAlgorithm>)*+(?:<ChecksumType>[^<]*+</ChecksumType>)?+"
    "<Size>([0-9]++)</Size>"
    "<StorageClass>([^<]++)</StorageClass></Contents>"
)
_TRUNCATED = re.compile("<IsTruncated>(true|false)</IsTruncated>")
_NEXT_TOKEN = re.compile("<NextContinuationToken>([^<&]+)</NextContinuationToken>")
_KEY_COUNT = re.compile("<KeyCount>([0-9]+)</KeyCount>")
_URL_ENCODED = "<EncodingType>url</EncodingType>"
_END = "</Contents>"


def read_page(body: bytes) -> Page:
    """The page in an answer to ListObjectsV2.

    Bytes of a key that are not UTF-8 (S3 refuses them, other servers do not) become lone surrogates, as in file
    names: nothing is lost, and what cannot be sent is refused later, one key at a time.

    Raises UnreadablePageError for anything but a complete listing; ServiceError for a listing that contradicts itself:
    fewer keys than it counts, or cut short without saying how to go on.
    """
    page = _scanned(body.decode("utf-8", "surrogateescape"))
    return _parsed(body) if page is None else page


def _scanned(text: str) -> Page | None:
    """The page, when it is written exactly as S3 writes it; else None."""
    begin, end = text.find("<Contents>"), text.rfind(_END) + len(_END)
    head = text[:begin]
    truncated, count, token = _TRUNCATED.search(head), _KEY_COUNT.search(head), _NEXT_TOKEN.search(head)
    if begin < 0 or truncated is None or count is None or _URL_ENCODED not in head:
        return None
    if (token is not None) != (truncated[1] == "true") or text[end:].rstrip() != "</ListBucketResult>":
        return None
    rows = _CONTENTS.findall(text, begin, end)
    if not len(rows) == int(count[1]) == text.count(_END, begin):
        return None
    objects = [
        StorageObject(
            unquote_plus(key, errors="surrogateescape") if "%" in key or "+" in key else key,
            int(size),
            etag,
            last_modified,
            storage_class,
        )
        for key, last_modified, etag, size, storage_class in rows
        if "&" not in key
    ]
    if len(objects) < len(rows):  # an entity where percent-encoding was asked for: let the parser read it
        return None
    return Page(objects, token[1] if token is not None else "")


def _parsed(body: bytes) -> Page:
    """The page, whatever the order, the white space and the namespaces of its elements."""
    try:
        root = ET.fromstring(body)  # noqa: S314  # the bucket's own server; expat >= 2.4.1 bounds entity expansion
    except ET.ParseError as error:
        raise _unreadable(body, str(error)) from error
    if _local(root) != "ListBucketResult":
        raise _unreadable(body, f"it is a <{_local(root)}>")
    fields = {_local(child): child.text or "" for child in root}
    decode = _percent_decoded if fields.get("EncodingType") == "url" else str
    objects = [_object(child, decode) for child in root if _local(child) == "Contents"]
    if fields.get("KeyCount", "").isdecimal() and int(fields["KeyCount"]) > len(objects):
        raise ServiceError(
            f"the S3 server counts {fields['KeyCount']} keys on a page of its listing and names {len(objects)}",
            hint="keys would be missing: this server cannot be relied on",
        )
    truncated = fields.get("IsTruncated", "").strip() == "true"
    token = fields.get("NextContinuationToken", "")
    if truncated and not token:
        raise ServiceError(
            "the S3 server cuts its listing short without saying how to go on",
            hint="keys would be missing: the server lacks ListObjectsV2, which S3 has had since 2016",
        )
    return Page(objects, token if truncated else "")


def _object(contents: ET.Element, decode: Callable[[str], str]) -> StorageObject:
    fields = {_local(child): child.text or "" for child in contents}
    if "Key" not in fields:
        raise ServiceError("the S3 server lists an object without a key")
    size = fields.get("Size", "").strip()
    return StorageObject(
        key=decode(fields["Key"]),
        size=int(size) if size.isdecimal() else -1,
        etag=fields.get("ETag", "").strip().strip('"'),
        last_modified=_as_s3_prints(fields.get("LastModified", "").strip()),
        storage_class=fields.get("StorageClass", "").strip(),
    )


def _local(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _percent_decoded(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape")


def _as_s3_prints(time: str) -> str:
    """`2026-05-01T10:00:00.000Z`, however the server writes it; "" when it is no time."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unreadable(body: bytes, why: str) -> UnreadablePageError:
    begins = " ".join(body[:60].decode("utf-8", "replace").split())
    return UnreadablePageError(
        f"the answer is no S3 listing ({why}); it begins with {begins!r}",
        hint="is --endpoint-url an S3 server, and is there a proxy or login page on the way?",
    )
