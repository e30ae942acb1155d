"""Start-up beside darwin-py's."""

from __future__ import annotations

from pathlib import Path

from measure import median, ratio
from rows_register import darwin_py
from startup import POLICY, V7S3, seconds
from table import Line

COMMANDS = {
    "v7s3 --help": ([V7S3, "--help"], 1 / 4, "≤ 1/4 (stretch 1/8)"),
    "v7s3 policy check --policy-file": ([V7S3, "policy", "check", "--policy-file", str(POLICY)], 1 / 2, "≤ 1/2 (1/3)"),
}


def startup(rounds: int) -> list[Line]:
    """`v7s3 --help` and `policy check` against `darwin --help`."""
    python = darwin_py()
    if python is None:
        return [Line("start-up", "darwin-py SKIPPED", "")]
    theirs, ours = [], {name: [] for name in COMMANDS}
    for number in range(rounds + 1):  # the first round fills the caches
        reference = seconds([str(Path(python).with_name("darwin")), "--help"], {})
        taken = {name: seconds(command, {}) for name, (command, _, _) in COMMANDS.items()}
        if number:
            theirs.append(reference)
            for name, one in taken.items():
                ours[name].append(one)
    return [
        Line(
            f"`{name}`: wall",
            "`darwin --help`",
            f"1/{1 / share:.1f} of {median(theirs):.2f} s",
            target,
            share <= most,
        )
        for name, (_, most, target) in COMMANDS.items()
        for share in (ratio(ours[name], theirs),)
    ]
