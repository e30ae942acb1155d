"""ListObjectsV2 and ListObjects over sorted names: moto sorts the whole bucket for every page, Amazon does not."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from v7s3.sandbox import s3xml
from v7s3.sandbox.s3xml import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from v7s3.sandbox.serving import Request, Response

_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Entry:
    """One object as a listing shows it."""

    modified: str
    etag: str
    size: int
    storage_class: str
    owner: str


@dataclass(frozen=True)
class Page:
    """Names of objects and common prefixes of one page; `last` is where the next page goes on, None at the end."""

    names: list[str]
    prefixes: list[str]
    last: str | None


def page_of(names: Sequence[str], prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """At most `limit` entries with `prefix` that stand behind `after` (a name, or a prefix of names already shown)."""
    found: list[str] = []
    prefixes: list[str] = []
    shown = bool(delimiter) and after.endswith(delimiter) and len(after) > len(prefix)
    start = bisect_right(names, after + _LAST if shown else after) if after else 0
    position = max(start, bisect_left(names, prefix))
    last = after
    while position < len(names) and names[position].startswith(prefix):
        if len(found) + len(prefixes) == limit:
            return Page(found, prefixes, last if limit else None)
        name = names[position]
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            found.append(name)
            last = name
            position += 1
        else:
            last = name[: cut + len(delimiter)]
            prefixes.append(last)
            position = bisect_right(names, last + _LAST)
    return Page(found, prefixes, None)


def list_objects(request: Request, bucket: str, names: Sequence[str], entry: Callable[[str], Entry | None]) -> Response:
    """The answer to a ListObjectsV2 or ListObjects request."""
    second = request.parameter("list-type") == "2"
    prefix, delimiter = request.parameter("prefix"), request.parameter("delimiter")
    encoding = request.parameter("encoding-type")
    try:
        limit = min(int(request.parameter("max-keys", "1000")), 1000)
        token = base64.urlsafe_b64decode(request.parameter("continuation-token")).decode() if second else ""
    except ValueError:
        raise S3Error(400, "InvalidArgument", "The continuation token or max-keys provided is incorrect") from None
    after = token or request.parameter("start-after" if second else "marker")
    page = page_of(names, prefix, delimiter, after, limit)

    def show(value: str) -> str:
        return quote(value, safe="/-_.~*").replace("%20", "+") if encoding == "url" else value

    head = [("Name", bucket), ("Prefix", show(prefix)), ("MaxKeys", str(limit))]
    head += [("Delimiter", show(delimiter))] if delimiter else []
    head += [("EncodingType", encoding)] if encoding else []
    head.append(("IsTruncated", "true" if page.last is not None else "false"))
    head += _paging(request, page, show) if second else [("Marker", show(after)), *_marker(page, delimiter, show)]
    owner = not second or request.parameter("fetch-owner") == "true"
    parts = [f"<{name}>{s3xml.text(value)}</{name}>" for name, value in head]
    parts += [_contents(show(name), found, owner=owner) for name in page.names if (found := entry(name))]
    parts += [f"<CommonPrefixes><Prefix>{s3xml.text(show(one))}</Prefix></CommonPrefixes>" for one in page.prefixes]
    return s3xml.document(f'<ListBucketResult xmlns="{s3xml.NAMESPACE}">{"".join(parts)}</ListBucketResult>')


def _paging(request: Request, page: Page, show: Callable[[str], str]) -> list[tuple[str, str]]:
    fields = [("KeyCount", str(len(page.names) + len(page.prefixes)))]
    if request.parameter("continuation-token"):
        fields.append(("ContinuationToken", request.parameter("continuation-token")))
    if request.parameter("start-after"):
        fields.append(("StartAfter", show(request.parameter("start-after"))))
    if page.last is not None:
        fields.append(("NextContinuationToken", base64.urlsafe_b64encode(page.last.encode()).decode()))
    return fields


def _marker(page: Page, delimiter: str, show: Callable[[str], str]) -> list[tuple[str, str]]:
    """ListObjects names the next marker only when a delimiter was given."""
    return [("NextMarker", show(page.last))] if page.last is not None and delimiter else []


def _contents(name: str, entry: Entry, *, owner: bool) -> str:
    fields = [
        ("Key", name),
        ("LastModified", entry.modified),
        ("ETag", entry.etag),
        ("Size", str(entry.size)),
        ("StorageClass", entry.storage_class),
    ]
    inner = "".join(f"<{tag}>{s3xml.text(value)}</{tag}>" for tag, value in fields)
    inner += f"<Owner><ID>{entry.owner}</ID></Owner>" if owner else ""
    return f"<Contents>{inner}</Contents>"
