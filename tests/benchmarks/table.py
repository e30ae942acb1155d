"""One line of the table, and the table."""

from __future__ import annotations

import os
import platform
import sys
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
    return f"{_processor()}, {os.cpu_count()} cores, load {load}; Python {platform.python_version()}, {packages}"


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
