"""How long a start takes, against Python's own and against darwin-py's.

    uv run python tests/benchmarks/startup.py
    uv venv /tmp/darwin && uv pip install --python /tmp/darwin/bin/python darwin-py
    uv run python tests/benchmarks/startup.py --darwin /tmp/darwin/bin/darwin

Each command runs `--rounds` times, in turns so that a busy moment hits all of them; the median counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

POLICY = Path(__file__).parents[2] / "examples" / "policies" / "bad" / "POL030-typo.json"
V7S3 = str(Path(sys.executable).parent / "v7s3")


def seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--darwin", help="darwin-py's command, in an environment of its own")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    completing = {"_V7S3_COMPLETE": "complete_bash", "COMP_WORDS": "v7s3 register --", "COMP_CWORD": "2"}
    commands: dict[str, tuple[list[str], dict[str, str]]] = {
        "python -c pass": ([sys.executable, "-c", "pass"], {}),
        "v7s3 --version": ([V7S3, "--version"], {}),
        "v7s3 --help": ([V7S3, "--help"], {}),
        "v7s3 register --<TAB>": ([V7S3], completing),
        "v7s3 policy check --policy-file": ([V7S3, "policy", "check", "--policy-file", str(POLICY)], {}),
    }
    if arguments.darwin:
        commands["darwin --help"] = ([arguments.darwin, "--help"], {})
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.rounds + 1):  # the first round fills the caches
        for name, (command, environment) in commands.items():
            taken[name].append(seconds(command, environment))
    reference = statistics.median(taken["darwin --help"][1:]) if arguments.darwin else 0.0
    for name, times in taken.items():
        median = statistics.median(times[1:])
        share = f"{median / reference:6.0%} of darwin --help" if reference else ""
        print(f"{name:<34} {median * 1000:6.0f} ms   (best {min(times[1:]) * 1000:.0f})  {share}".rstrip())


if __name__ == "__main__":
    main()
