"""The doctor on a bucket far away, beside the same calls made one after another."""

from __future__ import annotations

import sys

from measure import MeasurementError, Sample, ask, in_turn, median, once, ratio, scratch, server, subject
from slow_sandbox import BUCKET, DATASET, OBJECTS
from table import Line

LATENCY = 80  # ms a call


def doctor(rounds: int) -> list[Line]:
    """A healthy bucket at 80 ms a call, against the same calls one after another."""
    with server("slow_sandbox.py", str(LATENCY)) as url:
        samples = in_turn({"doctor": lambda: _examined(url)}, rounds=rounds)["doctor"]
    ours, theirs = [one.said["wall"] for one in samples], [one.said["seconds"] for one in samples]
    share = ratio(ours, theirs)
    return [
        Line(
            f"`doctor`, a healthy bucket, {OBJECTS} objects looked at, {LATENCY} ms a call: wall without start-up",
            f"its {median([one.said['calls'] for one in samples]):.0f} calls, made again one after another",
            f"1/{1 / share:.1f}: {median(ours):.2f} s of {median(theirs):.2f} s "
            f"({median([one.wall for one in samples]):.2f} s with start-up)",
            "≤ 1/3",
            share <= 1 / 3,
        )
    ]


def _examined(url: str) -> Sample:
    """Raises MeasurementError unless the bucket was found healthy and each call cost its latency."""
    ask(f"{url}/-/replay")
    with scratch() as home:
        sample = once([sys.executable, subject("doctor_v7s3"), BUCKET, DATASET, url], home=home)
    again = ask(f"{url}/-/replay")
    if again["seconds"] < again["calls"] * LATENCY / 1000:
        raise MeasurementError(f"the calls were not {LATENCY} ms away: {again}")
    return Sample(sample.wall, sample.cpu, sample.peak, {**sample.said, **again})
