"""How much of V7's rate limit is used, and how often it is run into; darwin-py under the same limits beside it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from measure import Sample, median, server
from rows_register import darwin_py, register_darwin_py, register_v7s3
from table import Line

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 100 / 60  # requests a second: V7's own limit
SCALE = 10  # how much faster than V7 the scaled runs are
LATENCY = 0.1  # seconds an answer takes, scaled too
LIMITERS = ("token bucket, burst 10", "fixed window of 20 requests", "token bucket, burst 1")
DARWIN_PY_REQUESTS = dict(zip(LIMITERS, (60, 60, 10), strict=True))  # the last one waits after each of them


@dataclass(frozen=True)
class Limit:
    limiter: str
    retry_after: bool
    scale: int  # 1 is V7's pace

    @property
    def rate(self) -> float:
        return RATE * self.scale

    @property
    def server(self) -> str:
        limiters = ({"rate": self.rate, "burst": 10}, {"window": 20, "seconds": 20 / self.rate}, {"rate": self.rate})
        chosen = dict(zip(LIMITERS, limiters, strict=True))[self.limiter]
        return json.dumps({"latency": LATENCY / self.scale, "retry_after": self.retry_after, **chosen})

    def share(self, sample: Sample) -> float:
        """Of the limit, from the first request served to the last."""
        served = sample.said["requests"] - sample.said["refused"]
        return (served - 1) / self.rate / sample.said["span"]


def pacing(rounds: int) -> list[Line]:
    """10k keys at V7's limit of 100 requests a minute: three limiters, with and without Retry-After."""
    return _table(100, 1, rounds, at_once=6)  # all of them mostly wait


def pacing_scaled(rounds: int) -> list[Line]:
    """30k keys at ten times that limit, and darwin-py with its waits a tenth as long; three rounds.

    One at a time: a thread that wakes up late is ten times as late at this pace.
    """
    return [*_table(300, SCALE, min(rounds, 3), at_once=1), *_darwin_py()]


def _table(requests: int, scale: int, rounds: int, at_once: int) -> list[Line]:
    limits = [Limit(limiter, after, scale) for limiter in LIMITERS for after in (True, False)]
    samples: dict[Limit, list[Sample]] = {limit: [] for limit in limits}

    def register(limit: Limit) -> Sample:
        bucket = f"n{requests * 100}-even"
        return _against(limit, lambda s3, darwin: register_v7s3(s3, darwin, bucket, "--rate", f"{100 * scale}/min"))

    for _ in range(rounds):
        with ThreadPoolExecutor(at_once) as executor:
            for limit, sample in zip(limits, executor.map(register, limits), strict=True):
                samples[limit].append(sample)
    return [_line(limit, some, f"{requests} requests") for limit, some in samples.items()]


def _against(limit: Limit, subject: Callable[[str, str], Sample]) -> Sample:
    with server("fake_s3.py") as s3, server("fake_darwin.py", limit.server) as darwin:
        return subject(s3, darwin)


def _line(limit: Limit, samples: list[Sample], what: str) -> Line:
    share = median([limit.share(one) for one in samples])
    refused = median([one.said["refused"] / one.said["requests"] for one in samples])
    after = "with" if limit.retry_after else "without"
    return Line(
        f"{what} at {100 * limit.scale:,} a minute, {limit.limiter}, {after} Retry-After: share of the limit / refused",
        "the limit itself",
        f"{share:.3f} / {refused:.1%}",
        "≥ 0.97 / ≤ 1 %",
        share >= 0.97 and refused <= 0.01,
    )


def _darwin_py() -> list[Line]:
    """Once each: what it loses is no matter of chance. It does not read Retry-After."""
    python = darwin_py()
    if python is None:
        return [Line("darwin-py under a limit", "SKIPPED", "")]
    limits = [Limit(limiter, retry_after=False, scale=SCALE) for limiter in LIMITERS]

    def register(limit: Limit) -> Sample:
        keys = DARWIN_PY_REQUESTS[limit.limiter] * 10  # ten items a request
        return _against(limit, lambda _s3, darwin: register_darwin_py(python, darwin, keys, waits=1 / SCALE))

    with ThreadPoolExecutor(len(limits)) as executor:
        samples = list(executor.map(register, limits))
    return [
        Line(
            f"darwin-py, {DARWIN_PY_REQUESTS[limit.limiter]} requests of ten items at {100 * SCALE:,} a minute, "
            f"{limit.limiter}: share of the limit / refused",
            "the limit itself; waits after a 429 a tenth of its 60 to 300 s, once",
            f"{limit.share(sample):.3f} / {sample.said['refused'] / sample.said['requests']:.1%}",
        )
        for limit, sample in zip(limits, samples, strict=True)
    ]
