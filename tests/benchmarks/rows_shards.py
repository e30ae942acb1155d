"""One bucket on several machines: shards as tasks of dask, a ledger each, then one ledger of all of them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from distributed import Client, LocalCluster, as_completed
from fake_s3 import bucket, checksum
from measure import MeasurementError, Sample, ask, once, scratch, server, subject
from rows_register import TO
from table import Line

if TYPE_CHECKING:
    from pathlib import Path

COUNT = os.environ.get("V7S3_BENCH_SCALE", "400k")  # keys, as in a bucket's name: 2m, 100m
SHARDS = 16
RUN = int(os.environ.get("V7S3_BENCH_SHARDS", SHARDS))  # of the sixteen, where all would take hours
PROCESSES = 2  # of dask, one task at a time in each
OTHERS = 1_000_000  # shards, one of which has next to no key: what keys of others cost
OTHERS_OF = "n400k-even"  # the bucket this is measured with


class Machines(NamedTuple):
    """What each task needs; dask sends it to its workers."""

    s3: str
    darwin: str
    home: Path

    def register(self, shard: str, name: str = f"n{COUNT}-even", *, and_listing: bool = False) -> Sample:
        """One machine's part, with a ledger of its own."""
        arguments = (*TO, "--darwin-url", self.darwin, "--rate", "0", "--workers", "16", "--shard", shard)
        home = self.home / shard.replace("/", "-of-")
        home.mkdir()
        first = ["--and-listing"] if and_listing else []
        return once([sys.executable, subject("register_v7s3"), *first, self.s3, name, *arguments], home=home)


def scale(rounds: int) -> list[Line]:
    """400k keys (or V7S3_BENCH_SCALE=2m, 100m) in sixteen shards on two processes of dask, and the merge.

    V7S3_BENCH_SHARDS=1 runs only the first: of 100m keys, what one of sixteen machines would do.
    """
    name = f"n{COUNT}-even"
    count = len(bucket(name))
    with server("fake_s3.py") as s3, server("fake_darwin.py") as darwin, scratch() as home:
        machines = Machines(s3, darwin, home)
        began = time.perf_counter()
        parts = _on_dask(machines)
        wall = time.perf_counter() - began
        stats = ask(f"{darwin}/-/stats")
        if RUN == SHARDS and stats["checksum"] != checksum(name):
            raise MeasurementError(f"the shards together did not register each key once: {stats}")
        merged = once([sys.executable, subject("merge_ledgers"), str(home), darwin], home=home)
        if merged.said["checksum"] != stats["checksum"]:
            raise MeasurementError(f"the merged ledgers do not hold what was registered, each once: {merged.said}")
        of_others = machines.register(f"1/{OTHERS}", OTHERS_OF, and_listing=True)
    others = len(bucket(OTHERS_OF))
    keys, passed = stats["items"], of_others.said["cpu"] / others
    own = []
    if RUN == SHARDS:  # of one shard's CPU the keys of others are nearly all: what is left would be noise
        left = (sum(one.said["cpu"] for one in parts) - (RUN * count - keys) * passed) / keys
        own = [
            Line("… CPU a million keys of the shard: listed, planned, sent, settled", "", f"{left * 1e6:.0f} s"),
        ]
    return [
        Line(
            f"{count:,} keys in {SHARDS} shards, {PROCESSES} processes of dask, 0 ms answers, once: {RUN} of them "
            f"registered {keys:,.0f} keys, each exactly once, also in the merged ledger",
            "",
            f"{wall:.0f} s wall, {max(one.peak for one in parts):.0f} MB a shard",
        ),
        Line("… CPU a shard, the longest", "", f"{max(one.said['cpu'] for one in parts):.0f} s"),
        *own,
        Line(
            "… CPU a million keys of other shards: listed and told apart",
            "",
            f"{passed * 1e6:.1f} s, listing {of_others.said['listing_cpu'] / others * 1e6:.1f} s",
        ),
        Line(
            "… merging the ledgers: CPU and disk, a million keys",
            "",
            f"{merged.said['cpu'] / keys * 1e6:.1f} s, {merged.said['bytes'] / keys:.0f} B a key",
        ),
    ]


def _on_dask(machines: Machines) -> list[Sample]:
    """All shards, as many at a time as there are processes. Raises what a task raised."""
    parts = []
    with (
        LocalCluster(
            n_workers=PROCESSES, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        Client(cluster) as client,
    ):
        tasks = client.map(machines.register, [f"{number}/{SHARDS}" for number in range(1, RUN + 1)], pure=False)
        for done in as_completed(tasks):
            parts.append(done.result())
            print(f"  shard {len(parts)} of {RUN}: {parts[-1]}", file=sys.stderr, flush=True)
    return parts
