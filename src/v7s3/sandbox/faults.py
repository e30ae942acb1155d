"""What a server does wrong on purpose. Every switch may be changed while the server runs.

A test that must not depend on chance writes a `script`, or says `…_every`; a drill gives probabilities and a seed.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

from v7s3.sandbox.s3xml import S3Error
from v7s3.sandbox.serving import DroppedError


@dataclass
class Faults:
    """Switches of the sandbox's S3. Probabilities lie between 0 and 1; `every` n strikes each n-th request."""

    latency_ms: float = 0
    p_slow_down: float = 0
    p_drop: float = 0
    slow_down_every: int = 0
    drop_every: int = 0
    seed: int = 1
    _count: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def pause(self) -> None:
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)

    def strike_s3(self) -> None:
        """Raise S3Error 503 SlowDown or DroppedError when it is this request's turn."""
        with self._lock:
            self._count += 1
            count, chance = self._count, self._random.random()
        if (self.drop_every and count % self.drop_every == 0) or chance < self.p_drop:
            raise DroppedError
        if (self.slow_down_every and count % self.slow_down_every == 0) or chance < self.p_drop + self.p_slow_down:
            raise S3Error(503, "SlowDown", "Please reduce your request rate.")


@dataclass
class DarwinFaults:
    """Switches of the sandbox's Darwin. They strike the two register endpoints, and every endpoint when `everywhere`.

    script          what the coming requests meet, one word each: ok, 429, 500 (any status), drop-before, drop-after,
                    quota (429 that means no space left), html (a 502 whose body is no JSON)
    …_every         each n-th request; p_…: a probability, drawn with `seed`
    rate_per_minute a token bucket that holds `burst` tokens; 0: no limit
    retry_after     what a 429 says: "none", "seconds" or "http-date"
    fail_after      after so many requests each one meets `fail_status`; None: never
    """

    latency_ms: float = 0
    everywhere: bool = False
    script: list[str] = field(default_factory=list)
    refuse_every: int = 0
    fail_every: int = 0
    drop_before_every: int = 0
    drop_after_every: int = 0
    p_refuse: float = 0
    p_fail: float = 0
    p_drop_before: float = 0
    p_drop_after: float = 0
    rate_per_minute: float = 0
    burst: int = 1
    retry_after: str = "none"
    fail_after: int | None = None
    fail_status: int = 500
    html_errors: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._count = 0
        self._tokens = float(self.burst)
        self._refilled = time.monotonic()

    def next(self) -> str:
        """What this request meets: "ok" or one of the words of `script`."""
        with self._lock:
            self._count += 1
            if self.script:
                return self.script.pop(0)
            if self.fail_after is not None and self._count > self.fail_after:
                return str(self.fail_status)
            if self._over_the_rate():
                return "429"
            return self._by_turn() or self._by_chance() or "ok"

    def _by_turn(self) -> str:
        turns = (
            (self.drop_before_every, "drop-before"),
            (self.drop_after_every, "drop-after"),
            (self.refuse_every, "429"),
            (self.fail_every, str(self.fail_status)),
        )
        return next((word for every, word in turns if every and self._count % every == 0), "")

    def _by_chance(self) -> str:
        drawn = self._random.random()
        chances = (
            (self.p_drop_before, "drop-before"),
            (self.p_drop_after, "drop-after"),
            (self.p_refuse, "429"),
            (self.p_fail, str(self.fail_status)),
        )
        for chance, word in chances:
            if drawn < chance:
                return word
            drawn -= chance
        return ""

    def _over_the_rate(self) -> bool:
        if not self.rate_per_minute:
            return False
        now = time.monotonic()
        earned = (now - self._refilled) * self.rate_per_minute / 60
        self._tokens, self._refilled = min(float(self.burst), self._tokens + earned), now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    def seconds_to_wait(self) -> int:
        """When the next token is there, in whole seconds, at least 1."""
        return max(1, round(60 / self.rate_per_minute)) if self.rate_per_minute else 1
