"""One line of the table, and the table."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """`met` is None where there is no target, or where the comparison was skipped."""

    work: str
    against: str
    result: str
    target: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        return self.work, self.against, self.result, self.target, {True: "yes", False: "**no**", None: ""}[self.met]


def render(lines: list[Line]) -> str:
    rows = [("work", "against", "result", "target", "met"), ("---",) * 5, *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def machine() -> str:
    """What the figures were measured on."""
    packages = ", ".join(f"{name} {_version(name)}" for name in ("v7s3", "boto3", "httpx", "pydantic"))
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, load {load}; {two_at_once():.2f}× for two; {python}, {packages}"


def two_at_once() -> float:
    """How much more two busy processes get done than one: 2 with cores of their own, less where they share one.

    Cores may be two threads of one, or be lent to others for a while; nothing that is parallel can be faster than this by more.
    """
    return 2 * _seconds(1) / _seconds(2)


def _seconds(processes: int) -> float:
    """Until all of so many processes have come to the end of the same work."""
    work = [sys.executable, "-Sc", "sum(i * i % 7 for i in range(10_000_000))"]
    began = time.perf_counter()
    running = [subprocess.Popen(work) for _ in range(processes)]
    for one in running:
        one.wait()
    return time.perf_counter() - began


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or sys.platform
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), sys.platform)
