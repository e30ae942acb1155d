"""A stable division of keys among machines: `--shard 3/16` is the same part of a bucket every day and everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from v7s3.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of all keys. Every key is in exactly one, decided by nothing but the key."""

    number: int = 1  # from 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """ "3/16" is the third of sixteen. Raises UsageError."""
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return cls(int(number), int(count))
        raise UsageError(f"--shard {text!r} is no part of a whole", hint="the third of sixteen is 3/16")

    def has(self, key: str) -> bool:
        if self.count == 1:
            return True
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number - 1
