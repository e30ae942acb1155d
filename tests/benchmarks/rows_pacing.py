"""How much of V7's rate limit is used, and how often it is run into."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from measure import Sample, median, server
from rows_register import register_v7s3
from table import Line

RATE = 100 / 60  # requests a second: V7's own pace. Time is not scaled, or a busy machine's lateness would be
REQUESTS = 60
LIMITERS = {
    "token bucket, burst 10": {"rate": RATE, "burst": 10},
    "fixed window of 12 s": {"window": 20, "seconds": 12},
    "token bucket, burst 1": {"rate": RATE, "burst": 1},
}


def pacing(rounds: int) -> list[Line]:
    """6k keys at a limit of 100 requests a minute, three limiters, with and without Retry-After."""
    kinds = [(name, after) for name in LIMITERS for after in (True, False)]
    rows: dict[tuple[str, bool], list[Sample]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        with ThreadPoolExecutor(len(kinds)) as executor:  # at the same time: all of them mostly wait
            for kind, sample in zip(kinds, executor.map(_paced, kinds), strict=True):
                rows[kind].append(sample)
    return [_line(kind, samples) for kind, samples in rows.items()]


def _paced(kind: tuple[str, bool]) -> Sample:
    limiter, after = kind
    options = json.dumps({"latency": 0.1, "retry_after": after, **LIMITERS[limiter]})
    with server("fake_s3.py") as s3, server("fake_darwin.py", options) as darwin:
        return register_v7s3(s3, darwin, f"n{REQUESTS * 100}-even", "--rate", "100/min")


def _line(kind: tuple[str, bool], samples: list[Sample]) -> Line:
    share = median([(REQUESTS - 1) / RATE / one.said["span"] for one in samples])
    refused = median([one.said["refused"] / one.said["requests"] for one in samples])
    name = f"{kind[0]}, {'with' if kind[1] else 'without'} Retry-After"
    return Line(
        f"register under 100 requests a minute, {name}: share of the limit / refused",
        "the limit itself",
        f"{share:.3f} / {refused:.1%}",
        "≥ 0.97 / ≤ 1 %",
        share >= 0.97 and refused <= 0.01,
    )
