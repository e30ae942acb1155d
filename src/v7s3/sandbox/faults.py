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
