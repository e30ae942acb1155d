"""Commands in turn, each in its own process: A B A B …, so that a busy machine slows all of them alike."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).parent
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_BUCKET_ACCESS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "V7_API_KEY": "bench12.bench123bench123bench123bench123",
    "PYTHONDONTWRITEBYTECODE": "",
}


class MeasurementError(Exception):
    """A subject failed, or did other work than it was measured for: there is no figure."""


@dataclass(frozen=True)
class Sample:
    """One run of one command. `said` is the JSON object on the last line of its stdout."""

    wall: float  # seconds
    cpu: float  # seconds, of the process and the children it waited for
    peak: float  # MB of resident memory, of the largest process
    said: dict[str, float] = field(default_factory=dict)


def once(command: Sequence[str], *, home: Path) -> Sample:
    """Run a command to its end. Raises MeasurementError when it fails."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment = {**inherited, **_BUCKET_ACCESS, "HOME": str(home), "AWS_CONFIG_FILE": str(home / "none")}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, cwd=home)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        printed, complaint = out.read().decode(), err.read().decode()
    if process.returncode:
        raise MeasurementError(
            f"{' '.join(command)}: exit code {process.returncode}\n{printed[-500:]}{complaint[-1500:]}"
        )
    last = printed.strip().rpartition("\n")[2]
    return Sample(
        wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, json.loads(last) if last.startswith("{") else {}
    )


def in_turn(
    subjects: Mapping[str, Callable[[], Sample]], *, rounds: int, warm_up: bool = True
) -> dict[str, list[Sample]]:
    """Every subject once, `rounds` times over. The round before the first fills caches and is forgotten."""
    samples: dict[str, list[Sample]] = {name: [] for name in subjects}
    for number in range(rounds + warm_up):
        for name, subject in subjects.items():
            sample = subject()
            print(f"  {name}: {sample.wall:.2f} s wall, {sample.cpu:.2f} s CPU, {sample.peak:.0f} MB {sample.said}",
                  file=sys.stderr, flush=True)  # fmt: skip
            if number >= warm_up:
                samples[name].append(sample)
    return samples


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios of each round."""
    return median([one / two for one, two in zip(over, under, strict=True)])


@contextmanager
def server(script: str, *arguments: str) -> Iterator[str]:
    """A yardstick server of this directory in its own process; gives its address."""
    process = subprocess.Popen([sys.executable, HERE / script, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def ask(url: str) -> dict[str, float]:
    with urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


@contextmanager
def scratch() -> Iterator[Path]:
    """A home of its own for what is measured: no configuration, no ledger of the user's."""
    with tempfile.TemporaryDirectory(prefix="v7s3-bench-") as directory:
        yield Path(directory)


def subject(name: str) -> str:
    return str(HERE / "subjects" / f"{name}.py")
