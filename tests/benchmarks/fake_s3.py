"""An S3 that only lists, over buckets that exist only as arithmetic: `n1m-flat` holds a million keys.

    python fake_s3.py [LATENCY_MS]

A bucket's name is n<COUNT>[k|m]-<LAYOUT>, optionally with +<COUNT> more keys behind the others:

    even     folders of 1,000
    flat     one folder
    skewed   nine tenths in the first folder, the rest in folders of 100
    nasty    like even, but every 50th name holds what clients trip over, and each folder has its marker

`python -c "import fake_s3; print(fake_s3.checksum('n1m-nasty'))"` is what a client must have seen.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from functools import lru_cache
from urllib.parse import parse_qsl, quote_plus

from loopback import Answer, serve

NASTY = (" copy (1)", "+plus", "%20pct", "&amp", "<lt>", "'q'\"", "é", "e\u0301", "日本", "🙂", "a=b;c", "#frag", "?q",
         "//twice", "/./dot", "/../up", "%2Fslash", "back\\slash", "tail ", "~*|^`{}[]", "tab\tnew\nline")  # fmt: skip
PAGE = 1000
CACHE = 400_000_000  # bytes of rendered pages, so that the second round does not wait for the server


class Bucket:
    """A sorted sequence of keys, made when they are asked for."""

    def __init__(self, name: str) -> None:
        count, unit, layout, more = re.fullmatch(
            r"n(\d+)([km]?)-(even|flat|skewed|nasty)(?:-plus(\d+))?", name
        ).groups()
        self.settled = int(count) * {"": 1, "k": 1000, "m": 1_000_000}[unit]
        self.count = self.settled + int(more or 0)
        self.layout = layout
        self.big = self.settled * 9 // 10

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> str:
        if not 0 <= i < self.count:
            raise IndexError(i)
        if self.layout == "flat":
            return f"photos/IMG_{i:09d}.jpg"
        if self.layout == "skewed":
            folder = 0 if i < self.big else 1 + (i - self.big) // 100
            return f"photos/{folder:07d}/IMG_{i:09d}.jpg"
        if self.layout == "nasty" and i % 1000 == 0:
            return f"photos/{i // 1000:06d}/"
        odd = NASTY[i // 50 % len(NASTY)] if self.layout == "nasty" and i % 50 == 13 else ""
        return f"photos/{i // 1000:06d}/IMG_{i:09d}{odd}.jpg"


bucket = lru_cache(maxsize=32)(Bucket)


def checksum(name: str) -> int:
    """The same for the same keys in whatever order."""
    return sum(zlib.crc32(key.encode()) for key in bucket(name))


class Lister:
    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.requests = 0
        self.pages: OrderedDict[tuple[str, int, str], bytes] = OrderedDict()
        self.size = 0

    def __call__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        path, _, query = target.partition("?")
        if path == "/-/requests":
            count, self.requests = self.requests, 0
            return Answer(json.dumps({"requests": count}).encode())
        if method == "HEAD":
            return Answer(headers="x-amz-bucket-region: us-east-1\r\n")
        self.requests += 1
        asked = dict(parse_qsl(query, keep_blank_values=True))
        name = path.strip("/")
        keys, prefix = bucket(name), asked.get("prefix", "")
        if token := asked.get("continuation-token"):
            start = int(token)
        else:
            start = max(bisect_right(keys, asked.get("start-after", "")), bisect_left(keys, prefix))
        return Answer(self.page(name, start, prefix), delay=self.latency, kind="application/xml")

    def page(self, name: str, start: int, prefix: str) -> bytes:
        place = (name, start, prefix)
        page = self.pages.get(place)
        if page is None:
            page = self.pages[place] = render(name, start, prefix)
            self.size += len(page)
            while self.size > CACHE:
                self.size -= len(self.pages.popitem(last=False)[1])
        return page


def render(name: str, start: int, prefix: str) -> bytes:
    keys = bucket(name)
    end = bisect_left(keys, prefix + "\U0010ffff") if prefix else len(keys)
    stop = min(start + PAGE, end)
    encode = (lambda key: quote_plus(key, safe="/*")) if keys.layout == "nasty" else str
    rows = [
        f"<Contents><Key>{encode(keys[i])}</Key><LastModified>2026-05-01T10:00:00.000Z</LastModified>"
        f"<ETag>&quot;{i:032x}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{400_000 + i}</Size><StorageClass>STANDARD</StorageClass>"
        "</Contents>"
        for i in range(start, stop)
    ]
    token = f"<NextContinuationToken>{stop}</NextContinuationToken>" if stop < end else ""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{name}</Name><Prefix>{prefix}</Prefix>{token}<KeyCount>{len(rows)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
        f"<EncodingType>url</EncodingType><IsTruncated>{'true' if token else 'false'}</IsTruncated>"
    )
    return f"{head}{''.join(rows)}</ListBucketResult>".encode()


if __name__ == "__main__":
    serve(Lister(float(sys.argv[1]) / 1000 if sys.argv[1:] else 0.0))
