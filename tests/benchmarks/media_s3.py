"""An S3 with photos in it that keeps what is put beside them: as little of one as `prepare` needs, on loopback.

media_s3.py COUNT CORES     the bucket "photos" with so many objects below raw/, from eight different pictures; on the
                            first so many cores
"""

from __future__ import annotations

import os
import re
import sys
from urllib.parse import parse_qsl, unquote

from loopback import Answer, serve
from media import photos

ETAG = '"0123456789abcdef0123456789abcdef"'


class Bucket:
    def __init__(self, count: int) -> None:
        bodies = [path.read_bytes() for path in photos(8)]
        self.originals = {f"raw/{number:04}.jpg": bodies[number % len(bodies)] for number in range(count)}
        self.made: dict[str, str] = {}  # key -> its metadata, as lines of a head

    def __call__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        path, _, query = target.partition("?")
        key = unquote(path).removeprefix("/photos").lstrip("/")
        if not key:
            return Answer(headers="x-amz-bucket-region: us-east-1\r\n") if method == "HEAD" else self.listed(query)
        if method == "PUT":
            return self.put(key, headers)
        if method == "HEAD":
            return Answer(headers=self.made[key]) if key in self.made else Answer(status=404)
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", headers["range"]).groups())
        whole = self.originals[key]
        span = f"Content-Range: bytes {first}-{last}/{len(whole)}\r\nETag: {ETAG}\r\n"
        return Answer(whole[first : last + 1], 206, span, kind="image/jpeg")

    def put(self, key: str, headers: dict[str, str]) -> Answer:
        if "if-none-match" in headers and key in self.made:
            return Answer(b"<Error><Code>PreconditionFailed</Code></Error>", 412, kind="application/xml")
        kept = [f"{name}: {value}\r\n" for name, value in headers.items() if name.startswith("x-amz-meta-")]
        self.made[key] = "".join(kept)
        return Answer(headers=f"ETag: {ETAG}\r\n")

    def listed(self, query: str) -> Answer:
        """One page; all objects fit on it."""
        prefix = dict(parse_qsl(query)).get("prefix", "")
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-05-01T10:00:00.000Z</LastModified><ETag>{ETAG}</ETag>"
            f"<Size>{len(body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key, body in self.originals.items()
            if key.startswith(prefix)
        )
        head = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name>'
        facts = f"<Prefix>{prefix}</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
        return Answer(f"{head}{facts}{rows}</ListBucketResult>".encode(), kind="application/xml")


if __name__ == "__main__":
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[2])])
    serve(Bucket(int(sys.argv[1])))
