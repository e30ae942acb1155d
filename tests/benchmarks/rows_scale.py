"""What comes with size: the nightly run over a settled bucket, memory, and one bucket in parts."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING

from fake_s3 import checksum
from measure import MeasurementError, Sample, ask, in_turn, median, once, ratio, scratch, server, subject
from rows_register import TO, register_v7s3
from table import Line

if TYPE_CHECKING:
    from pathlib import Path

NEW = 1_000
SETTLED = "n1m-even"
SHARDS = 4
SHARDED = "n400k-even"


def rescan(rounds: int) -> list[Line]:
    """1M settled keys and 1,000 new ones: register against the listing alone."""
    lines = []
    for latency in ("0", "50"):
        with server("fake_s3.py", latency) as s3, server("fake_darwin.py") as darwin, scratch() as home:
            settled = home / "settled.sqlite"
            once([sys.executable, subject("fill_ledger"), str(settled), darwin, SETTLED], home=home)
            samples = in_turn({"rescan": partial(_rescan, s3, darwin, settled, home)}, rounds=rounds)["rescan"]
        for what in ("wall", "cpu"):
            ours, alone = ([one.said[name] for one in samples] for name in (what, f"listing_{what}"))
            times = ratio(ours, alone)
            lines.append(
                Line(
                    f"nightly rescan, 1M settled and {NEW:,} new keys, {latency} ms a page: {what}",
                    "v7s3's listing alone",
                    f"{times:.2f}× ({median(ours):.1f} s, listing {median(alone):.1f} s)",
                    "≤ 1.5×" if what == "wall" else "",
                    times <= 1.5 if what == "wall" else None,
                )
            )
    return lines


def _rescan(s3: str, darwin: str, settled: Path, home: Path) -> Sample:
    """Raises MeasurementError unless exactly the new keys were sent."""
    tonight = home / "tonight.sqlite"
    shutil.copy(settled, tonight)
    bucket = f"{SETTLED}-plus{NEW}"
    arguments = (*TO, "--darwin-url", darwin, "--rate", "0", "--ledger", str(tonight))
    ask(f"{darwin}/-/stats")
    sample = once([sys.executable, subject("register_v7s3"), s3, bucket, *arguments], home=home)
    stats = ask(f"{darwin}/-/stats")
    if stats["checksum"] != checksum(bucket) - checksum(SETTLED):
        raise MeasurementError(f"not exactly the new keys were sent: {stats}")
    return sample


def memory(rounds: int) -> list[Line]:
    """Peak memory at 100k, 1M and 10M keys: registered, and planned with --dry-run."""
    with server("fake_s3.py") as s3, server("fake_darwin.py") as darwin:
        registered = {
            size: register_v7s3(s3, darwin, f"n{size}-even", "--rate", "0", "--workers", "16").peak
            for size in ("100k", "1m")
        }
        planned = {size: _dry_run(s3, darwin, f"n{size}-even").peak for size in ("100k", "1m", "10m")}
    lines = []
    for what, peaks in (("registered", registered), ("planned (--dry-run)", planned)):
        first, *_, last = peaks.values()
        lines.append(
            Line(
                f"peak memory, {' / '.join(peaks)} keys {what}, once each",
                "itself",
                f"{' / '.join(f'{peak:.0f}' for peak in peaks.values())} MB, {last / first - 1:+.0%}",
                "within 20 %, ≤ 150 MB",
                last <= 1.2 * first and last <= 150,
            )
        )
    return lines


def _dry_run(s3: str, darwin: str, bucket: str) -> Sample:
    command = [sys.executable, "-m", "v7s3", "register", f"s3://{bucket}", "--endpoint-url", s3, *TO]
    with scratch() as home:
        return once([*command, "--darwin-url", darwin, "--dry-run"], home=home)


def shards(rounds: int) -> list[Line]:
    """400k keys in four shards, one after another, each with its own ledger; then their ledgers read as one."""
    options = ("--rate", "0", "--workers", "16")
    with server("fake_s3.py") as s3, server("fake_darwin.py") as darwin, scratch() as home:
        parts = []
        for number in range(1, SHARDS + 1):
            arguments = (*TO, "--darwin-url", darwin, *options, "--shard", f"{number}/{SHARDS}")
            command = [sys.executable, subject("register_v7s3"), s3, SHARDED, *arguments]
            parts.append(once(command, home=home))
            print(f"  shard {number}/{SHARDS}: {parts[-1]}", file=sys.stderr, flush=True)
        stats = ask(f"{darwin}/-/stats")
        if stats["checksum"] != checksum(SHARDED):
            raise MeasurementError(f"the shards together did not register each key once: {stats}")
        merged = once([sys.executable, subject("merge_ledgers"), str(home), darwin], home=home)
    count = stats["items"]
    if merged.said["checksum"] != checksum(SHARDED):
        raise MeasurementError(f"the merged ledgers do not hold each key once: {merged.said}")
    listing = median([one.said["listing_cpu"] for one in parts]) / count * 1e6
    whole = sum(one.said["cpu"] for one in parts) / count * 1e6
    return [
        Line(f"{SHARDED[:-5]} keys in {SHARDS} shards: CPU a million keys, all shards together", "", f"{whole:.0f} s"),
        Line("… of it listing, which every shard does for itself, a million keys and shard", "", f"{listing:.1f} s"),
        Line("… peak memory of a shard", "", f"{max(one.peak for one in parts):.0f} MB"),
        Line(
            "… merging the ledgers into one: CPU and disk, a million keys",
            "",
            f"{merged.said['cpu'] / count * 1e6:.1f} s, {merged.said['bytes'] / count:.0f} B a key",
        ),
    ]
