"""Listing a million keys; boto3's paginator beside it, and both must see every key."""

from __future__ import annotations

import sys

from fake_s3 import checksum
from measure import MeasurementError, Sample, ask, in_turn, median, once, ratio, scratch, server, subject
from table import Line

LAYOUTS = ("even", "flat", "skewed", "nasty")
_SCALE = 5  # boto3 lists a fifth of each bucket: its cost is linear, and two minutes a run would not fit
_SCALE_OF_WALL = 10
_ROUNDS = 3  # at most, where pages take their time


def _list(name: str, s3: str, bucket: str, *arguments: str) -> Sample:
    with scratch() as home:
        sample = once([sys.executable, subject(name), s3, bucket, *arguments], home=home)
    if sample.said["checksum"] != checksum(bucket):
        raise MeasurementError(f"{name} did not see each key of {bucket} exactly once: {sample.said}")
    return sample


def listing_cpu(rounds: int) -> list[Line]:
    """1M keys at 0 ms, one worker: CPU."""
    lines = []
    with server("fake_s3.py") as s3:
        for layout in ("even", "nasty"):
            samples = in_turn(
                {
                    "v7s3": lambda layout=layout: _list("list_v7s3", s3, f"n1m-{layout}", "1"),
                    "boto3": lambda layout=layout: _list("list_boto3", s3, f"n{1000 // _SCALE}k-{layout}"),
                },
                rounds=rounds,
            )
            ours = [one.said["cpu"] for one in samples["v7s3"]]
            theirs = [one.said["cpu"] * _SCALE for one in samples["boto3"]]
            less = ratio(theirs, ours)
            lines.append(
                Line(
                    f"list 1M keys, {layout}, 0 ms a page, one worker: CPU",
                    f"boto3 paginator, {1000 // _SCALE}k keys times {_SCALE}",
                    f"{median(ours):.1f} s, 1/{less:.0f} of {median(theirs):.0f} s",
                    "≤ 1/6 (stretch 1/20)",
                    less >= 6,
                )
            )
    return lines


def listing_wall(rounds: int) -> list[Line]:
    """1M keys at 50 ms a page, four layouts: wall, three rounds."""
    lines = []
    with server("fake_s3.py", "50") as s3:
        for layout in LAYOUTS:
            samples = in_turn(
                {
                    "v7s3, 16 workers": lambda layout=layout: _list("list_v7s3", s3, f"n1m-{layout}", "16"),
                    "boto3": lambda layout=layout: _list("list_boto3", s3, f"n{1000 // _SCALE_OF_WALL}k-{layout}"),
                },
                rounds=min(rounds, _ROUNDS),
            )
            ours = [one.said["wall"] for one in samples["v7s3, 16 workers"]]
            theirs = [one.said["wall"] * _SCALE_OF_WALL for one in samples["boto3"]]
            less = ratio(theirs, ours)
            ask(f"{s3}/-/requests")
            _list("list_v7s3", s3, f"n1m-{layout}", "16")
            requests = ask(f"{s3}/-/requests")["requests"]
            lines.append(
                Line(
                    f"list 1M keys, {layout}, 50 ms a page, 16 workers: wall",
                    f"boto3 paginator, {1000 // _SCALE_OF_WALL}k keys times {_SCALE_OF_WALL}",
                    f"{median(ours):.1f} s, {less:.0f}× faster than {median(theirs):.0f} s; {requests:,} requests",
                    "≥ 10× (stretch 30×)",
                    less >= 10,
                )
            )
    return lines
