"""Registering: how fast, at what cost, and under a rate limit; darwin-py's `register()` beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fake_s3 import checksum
from measure import MeasurementError, Sample, ask, in_turn, median, once, ratio, scratch, server, subject
from table import Line

if TYPE_CHECKING:
    from collections.abc import Callable

DARWIN_PY = "3.5.3"
TO = ("--team", "team", "--dataset", "bench", "--storage", "store", "--quiet", "--format", "json")


@cache
def darwin_py() -> str | None:
    """A Python with darwin-py, made once outside the repository; None, said aloud, when it cannot be had."""
    place = Path.home() / ".cache" / "v7s3-bench" / f"darwin-py-{DARWIN_PY}"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        uv = shutil.which("uv")
        if uv is None:
            print("SKIPPED: darwin-py, because uv is not installed", file=sys.stderr)
            return None
        try:
            subprocess.run([uv, "venv", "-q", "--clear", "--python", "3.11", place], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", python, f"darwin-py=={DARWIN_PY}"], check=True)
        except subprocess.CalledProcessError as error:
            print(f"SKIPPED: darwin-py, because it cannot be installed: {error}", file=sys.stderr)
            return None
        (place / "complete").touch()
    return str(python)


def register_v7s3(s3: str, darwin: str, bucket: str, *options: str, in_process: bool = False) -> Sample:
    """Register a bucket from an empty ledger. Raises MeasurementError unless every key arrived exactly once."""
    arguments = (*TO, "--darwin-url", darwin, *options)
    ask(f"{darwin}/-/stats")
    with scratch() as home:
        if in_process:
            sample = once(
                [sys.executable, subject("register_v7s3"), "--and-listing", s3, bucket, *arguments], home=home
            )
        else:
            command = [sys.executable, "-m", "v7s3", "register", f"s3://{bucket}", "--endpoint-url", s3, *arguments]
            sample = once(command, home=home)
    return _with_stats(sample, darwin, bucket)


def _with_stats(sample: Sample, darwin: str, bucket: str) -> Sample:
    stats = ask(f"{darwin}/-/stats")
    if stats["checksum"] != checksum(bucket):
        raise MeasurementError(f"V7 was not sent each key of {bucket} exactly once: {stats}")
    said = {name: value for name, value in sample.said.items() if isinstance(value, int | float)}
    return Sample(sample.wall, sample.cpu, sample.peak, {**said, **stats})


def register_darwin_py(python: str, darwin: str, count: int, *, waits: float = 1) -> Sample:
    """`waits` shortens those after a 429."""
    ask(f"{darwin}/-/stats")
    with scratch() as home:
        sample = once([python, subject("register_darwinpy"), darwin, str(count), str(waits)], home=home)
    return _with_stats(sample, darwin, f"n{count}-even")


def register(rounds: int) -> list[Line]:
    """100k keys, no limit: wall at 100 ms an answer, CPU at 100 ms and at 0 ms."""
    python = darwin_py()
    return [*_wall(python, rounds), _cpu(python, rounds, 0.1, 2_000), _cpu(python, rounds, 0, 20_000)]


def _wall(python: str | None, rounds: int) -> list[Line]:
    sample_keys = 1_000
    with server("fake_s3.py") as s3, server("fake_darwin.py", json.dumps({"latency": 0.1})) as darwin:
        subjects: dict[str, Callable[[], Sample]] = {
            f"v7s3, {workers} workers": lambda workers=workers: register_v7s3(
                s3, darwin, "n100k-even", "--rate", "0", "--workers", str(workers)
            )
            for workers in (8, 16, 32)
        }
        if python:
            subjects["darwin-py"] = lambda: register_darwin_py(python, darwin, sample_keys)
        samples = in_turn(subjects, rounds=rounds)
    theirs = [one.said["wall"] * 100_000 / sample_keys for one in samples.pop("darwin-py", [])]
    lines = []
    for name, ours in samples.items():
        walls = [one.wall for one in ours]
        faster = ratio(theirs, walls) if theirs else None
        lines.append(
            Line(
                f"register 100k keys, 100 ms answers, no limit: wall, {name} (start-up and listing included)",
                f"darwin-py, {sample_keys:,} keys times {100_000 // sample_keys}" if theirs else "darwin-py SKIPPED",
                f"{median(walls):.1f} s" + (f", {faster:.0f}× faster than {median(theirs):,.0f} s" if faster else ""),
                "≥ 100×",
                faster >= 100 if faster else None,
            )
        )
    return lines


def _cpu(python: str | None, rounds: int, latency: float, sample_keys: int) -> Line:
    with server("fake_s3.py") as s3, server("fake_darwin.py", json.dumps({"latency": latency})) as darwin:
        options = ("--rate", "0", "--workers", "16")
        subjects: dict[str, Callable[[], Sample]] = {
            "v7s3": lambda: register_v7s3(s3, darwin, "n100k-even", *options, in_process=True)
        }
        if python:
            subjects["darwin-py"] = lambda: register_darwin_py(python, darwin, sample_keys)
        samples = in_turn(subjects, rounds=rounds)
    ours = [(one.said["cpu"] - one.said["listing_cpu"]) * 10 for one in samples["v7s3"]]  # a million
    theirs = [one.said["cpu"] * 1_000_000 / sample_keys for one in samples.get("darwin-py", [])]
    less = ratio(theirs, ours) if theirs else None
    return Line(
        f"register 100k keys, {latency * 1000:.0f} ms answers: CPU a million items, 16 workers, listing not counted",
        f"darwin-py, {sample_keys:,} keys" if theirs else "darwin-py SKIPPED",
        f"{median(ours):.1f} s" + (f", 1/{less:.1f} of {median(theirs):.0f} s" if less else ""),
        "≤ 1/10",
        less >= 10 if less else None,
    )
