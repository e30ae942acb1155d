"""A small S3 that only lists: buckets are plain lists of keys, pages as small as a test wants, dialects and faults."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit
from xml.sax.saxutils import escape

MODIFIED = "2026-05-01T10:00:00.000Z"
ETAG = "9b2cf535f27731c974343645a3985328"


def in_s3_order(keys):
    return sorted(set(keys), key=lambda key: key.encode("utf-8", "surrogateescape"))


def percent_encoded(text):
    return quote_plus(text, safe="/*", errors="surrogateescape")


def s3(key, size):
    """One object as Amazon S3 writes it."""
    return (
        f"<Contents><Key>{percent_encoded(key)}</Key><LastModified>{MODIFIED}</LastModified>"
        f"<ETag>&quot;{ETAG}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def plain(key, size):
    """As a server that ignores encoding-type."""
    return (
        f"<Contents><Key>{escape(key)}</Key><LastModified>{MODIFIED}</LastModified><ETag>&quot;{ETAG}&quot;</ETag>"
        f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def indented(key, size):
    """White space, another order of elements, raw quotes, an owner, another spelling of time, no storage class."""
    return (
        f"\n  <Contents>\n    <Size>{size}</Size>\n    <Owner><ID>1</ID><DisplayName>Key</DisplayName></Owner>\n"
        f'    <ETag>"{ETAG}"</ETag>\n    <LastModified>2026-05-01T12:00:00+02:00</LastModified>\n'
        f"    <Key>{percent_encoded(key)}</Key>\n  </Contents>"
    )


def minio(key, size):
    return s3(key, size).replace("&quot;", "&#34;")


def namespaced(key, size):
    return s3(key, size).replace("<", "<s3:").replace("<s3:/", "</s3:")


DIALECTS = {"s3": s3, "plain": plain, "indented": indented, "minio": minio, "namespaced": namespaced}


def render(dialect, objects, *, token="", prefix="", start_after="", key_count=None):
    """One answer to ListObjectsV2: `objects` are (key, size)."""
    contents = "".join(DIALECTS[dialect](key, size) for key, size in objects)
    name = "s3:{}" if dialect == "namespaced" else "{}"
    fields = {
        "Name": "acme-scans",
        "Prefix": percent_encoded(prefix),
        "StartAfter": percent_encoded(start_after),
        "NextContinuationToken": escape(token),
        "KeyCount": str(len(objects) if key_count is None else key_count),
        "MaxKeys": "1000",
        "EncodingType": "" if dialect == "plain" else "url",
        "IsTruncated": "true" if token else "false",
    }
    head = "".join(f"<{name.format(tag)}>{text}</{name.format(tag)}>" for tag, text in fields.items() if text)
    root = name.format("ListBucketResult")
    space = 'xmlns:s3="http://s3/"' if dialect == "namespaced" else 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {space}>{head}{contents}</{root}>'.encode(
        "utf-8", "surrogateescape"
    )


@dataclass
class Bucket:
    keys: list[str]
    page_size: int = 1000
    dialect: str = "s3"
    faults: list = field(default_factory=list)  # taken from the front, one per request: "503", "drop", "cut", bytes
    requests: int = 0
    headers: list = field(default_factory=list)
    forbidden: set = field(default_factory=set)  # keys that may not be read
    deleted: set = field(default_factory=set)  # keys that are not listed and take their place on a page all the same

    def answer(self, query):
        prefix, after = query.get("prefix", ""), query.get("continuation-token", query.get("start-after", ""))
        encoded = [(key.encode("utf-8", "surrogateescape"), key) for key in self.keys]
        begin, border = prefix.encode("utf-8", "surrogateescape"), after.encode("utf-8", "surrogateescape")
        found = [key for raw, key in encoded if raw.startswith(begin) and (not border or raw > border)]
        page = found[: self.page_size]
        token = page[-1] if len(found) > len(page) else ""
        objects = [(key, len(key)) for key in page if key not in self.deleted]
        return render(self.dialect, objects, token=token, prefix=prefix)


class Lister(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: else each answer waits for a delayed ACK

    def do_GET(self):
        url = urlsplit(self.path)
        bucket = self.server.buckets[url.path.strip("/")]
        query = {
            name: values[0]
            for name, values in parse_qs(url.query, keep_blank_values=True, errors="surrogateescape").items()
        }
        with self.server.lock:
            bucket.requests += 1
            bucket.headers.append(dict(self.headers))
            fault = bucket.faults.pop(0) if bucket.faults else None
        self.reply(fault, bucket, query)

    def do_HEAD(self):
        name, _, key = unquote(urlsplit(self.path).path.lstrip("/")).partition("/")
        bucket = self.server.buckets[name]
        with self.server.lock:
            bucket.requests += 1
        if key in bucket.forbidden or key not in bucket.keys:
            self.send_response(403 if key in bucket.forbidden else 404)
            self.send_header("Content-Length", "0")
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(key)))
            self.send_header("ETag", f'"{ETAG}"')
            self.send_header("Last-Modified", "Fri, 01 May 2026 10:00:00 GMT")
        self.end_headers()

    def reply(self, fault, bucket, query):
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "503":
            self.send(503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
            return
        if isinstance(fault, tuple):
            self.send(*fault)
            return
        body = bucket.answer(query)
        if fault == "cut":
            self.send(200, body, send=len(body) // 2)
            self.close_connection = True
            return
        self.send(200, body)

    def send(self, status, body, send=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:send])

    def log_message(self, *_):
        pass


class ListingServer:
    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Lister)
        self.server.buckets = self.buckets = {}
        self.server.lock = threading.Lock()
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
