"""A Darwin that only registers, with latency and a limiter; it knows what it was sent.

    python fake_darwin.py '{"latency": 0.1, "rate": 10, "burst": 10, "window": 0, "retry_after": true}'

`rate` and `burst` make a token bucket (requests a second), `window` and `seconds` a fixed window of so many requests.
GET /-/stats tells what was seen since it was last asked: requests, refused, items, a checksum over their storage keys.
"""

from __future__ import annotations

import json
import math
import sys
import time
import zlib
from dataclasses import dataclass

from loopback import Answer, serve

STORAGE = {"name": "store", "prefix": "", "readonly": False, "provider": "aws", "default": True, "bucket": ""}


@dataclass
class Options:
    latency: float = 0.0  # seconds added to each answer
    rate: float = 0.0
    burst: float = 1.0
    window: int = 0
    seconds: float = 1.0
    retry_after: bool = False


class Limiter:
    """How long a request has to wait; 0 lets it through."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.tokens, self.filled = options.burst, time.monotonic()
        self.opened, self.used = time.monotonic(), 0

    def wait(self) -> float:
        now, options = time.monotonic(), self.options
        if options.rate:
            self.tokens = min(options.burst, self.tokens + (now - self.filled) * options.rate)
            self.filled = now
            if self.tokens < 1:
                return (1 - self.tokens) / options.rate
            self.tokens -= 1
        if options.window:
            if now - self.opened >= options.seconds:
                self.opened += (now - self.opened) // options.seconds * options.seconds
                self.used = 0
            if self.used >= options.window:
                return self.opened + options.seconds - now
            self.used += 1
        return 0.0


class Darwin:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.serial = 0
        self.forget()

    def forget(self) -> None:
        self.limiter = Limiter(self.options)
        self.requests = self.refused = self.items = self.checksum = 0
        self.first = self.last = 0.0

    def __call__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        path = target.partition("?")[0].rstrip("/")
        if path == "/-/stats":
            return self.stats()
        if path.endswith("/storage"):
            return Answer(json.dumps([STORAGE]).encode())
        if path.endswith(("/items/register_existing", "/items/register_existing_readonly")):
            return self.register(headers, body)
        return Answer(b'{"errors": {"code": "NOT_FOUND"}}', 404)

    def register(self, headers: dict[str, str], body: bytes) -> Answer:
        self.requests += 1
        self.first = self.first or time.monotonic()
        if wait := self.limiter.wait():
            self.refused += 1
            after = f"Retry-After: {math.ceil(wait)}\r\n" if self.options.retry_after else ""
            return Answer(b'{"errors": {"code": "TOO_MANY_REQUESTS"}}', 429, after, 0.005)
        self.last = time.monotonic()
        if "x-darwin-payload-compression-version" in headers:
            body = zlib.decompress(body)
        answered = []
        for item in json.loads(body)["items"]:
            self.serial += 1
            slots = []
            for number, sent in enumerate(item.get("slots", [item])):
                self.checksum += zlib.crc32(sent["storage_key"].encode())
                file_name, kind = sent.get("file_name", item["name"]), sent.get("type", "image")
                slots.append({"slot_name": sent.get("slot_name", str(number)), "file_name": file_name, "type": kind})
            answered.append({
                "id": f"018f0000-0000-7000-8000-{self.serial:012x}",
                "name": item["name"],
                "path": item.get("path", "/"),
                "dataset_id": 1,
                "priority": 0,
                "processing_status": "processing",
                "slots": slots,
            })  # fmt: skip
        self.items += len(answered)
        return Answer(json.dumps({"items": answered, "blocked_items": []}).encode(), delay=self.options.latency)

    def stats(self) -> Answer:
        seen = {
            "requests": self.requests,
            "refused": self.refused,
            "items": self.items,
            "checksum": self.checksum,
            "span": self.last - self.first,
        }
        self.forget()
        return Answer(json.dumps(seen).encode())


if __name__ == "__main__":
    serve(Darwin(Options(**json.loads(sys.argv[1] if sys.argv[1:] else "{}"))))
