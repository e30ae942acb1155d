"""The sandbox's S3 and Darwin behind one address, each call some milliseconds away; and every call can be had again.

    python slow_sandbox.py LATENCY_MS

GET /-/replay makes the calls since it was last asked once more, one after another over one connection each way, and
tells how many they were and how long they took.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from urllib.parse import urlsplit

from loopback import Answer, serve

from v7s3.sandbox import SandboxDarwin, SandboxS3, Storage

BUCKET, REGION, DATASET = "acme-scans", "eu-west-1", "scans"
OBJECTS = 20
_OUR_OWN = ("content-length", "content-type", "connection", "date", "server")


class Slow:
    """What begins with /api/ goes to Darwin, all else to S3."""

    def __init__(self, s3: str, darwin: str, latency: float) -> None:
        self.latency = latency
        self.connections = [http.client.HTTPConnection(urlsplit(url).netloc) for url in (s3, darwin)]
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

    def __call__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        if target == "/-/replay":
            return Answer(json.dumps(self.replay()).encode())
        self.calls.append((method, target, headers, body))
        return self.forward(method, target, headers, body)

    def forward(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = self.connections[target.startswith("/api/")]
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        content = response.read()
        if method == "HEAD":  # is not sent; its length is
            content = bytes(int(response.headers.get("Content-Length", 0)))
        kept = "".join(f"{name}: {value}\r\n" for name, value in response.getheaders() if name.lower() not in _OUR_OWN)
        kind = response.headers.get("Content-Type", "application/xml")
        return Answer(content, response.status, kept, self.latency, kind)

    def replay(self) -> dict[str, float]:
        calls, self.calls = self.calls, []
        began = time.perf_counter()
        for call in calls:
            time.sleep(self.forward(*call).delay)
        return {"calls": len(calls), "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    storage = Storage(BUCKET, BUCKET, prefix="darwin", region=REGION)
    with SandboxS3() as s3, SandboxDarwin(s3=s3, bucket=BUCKET, storages=[storage], datasets=[DATASET]) as darwin:
        s3.make_bucket(BUCKET, REGION)
        s3.grant_v7(BUCKET)
        s3.allow_origin(BUCKET, "https://darwin.v7labs.com")
        for number in range(OBJECTS):
            s3.put(BUCKET, f"raw/{number}.jpg", b"jpeg")
        serve(Slow(s3.url, darwin.url, float(sys.argv[1]) / 1000))
