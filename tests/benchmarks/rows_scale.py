"""What comes with size: the nightly run over a settled bucket, and memory."""

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
    sample = once([sys.executable, subject("register_v7s3"), "--and-listing", s3, bucket, *arguments], home=home)
    stats = ask(f"{darwin}/-/stats")
    if stats["checksum"] != checksum(bucket) - checksum(SETTLED):
        raise MeasurementError(f"not exactly the new keys were sent: {stats}")
    return sample


def memory(rounds: int) -> list[Line]:
    """Peak memory at 100k, 1M and 10M keys: registered (ten minutes), and planned with --dry-run."""
    with server("fake_s3.py") as s3, server("fake_darwin.py") as darwin:
        registered = {
            size: register_v7s3(s3, darwin, f"n{size}-even", "--rate", "0", "--workers", "16").peak
            for size in ("100k", "1m", "10m")
        }
        planned = {size: _dry_run(s3, darwin, f"n{size}-even").peak for size in ("100k", "10m")}
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


# Ten slots an item, each a tenth of the bucket away from the next.
FAR_APART = {
    "n100k-even": r"IMG_0000(?P<slot>\d)(?P<item>\d{4})\.jpg",
    "n1m-even": r"IMG_000(?P<slot>\d)(?P<item>\d{5})\.jpg",
}


def groups(rounds: int) -> list[Line]:
    """Peak memory of groups whose members lie far apart in key order, at 100k and 1M keys."""
    peaks = []
    with server("fake_s3.py") as s3, server("fake_darwin.py") as darwin:
        for name, pattern in FAR_APART.items():
            sample = register_v7s3(s3, darwin, name, "--rate", "0", "--workers", "16", "--slots-by", pattern)
            print(f"  {name}: {sample}", file=sys.stderr, flush=True)
            peaks.append(sample.peak)
    first, last = peaks
    return [
        Line(
            "peak memory, 100k / 1m keys in groups of 10 that lie far apart, registered once each",
            "itself",
            f"{first:.0f} / {last:.0f} MB, {last / first - 1:+.0%}",
            "within 20 %, ≤ 150 MB",
            last <= 1.2 * first and last <= 150,
        )
    ]


def _dry_run(s3: str, darwin: str, bucket: str) -> Sample:
    command = [sys.executable, "-m", "v7s3", "register", f"s3://{bucket}", "--endpoint-url", s3, *TO]
    with scratch() as home:
        return once([*command, "--darwin-url", darwin, "--dry-run"], home=home)
