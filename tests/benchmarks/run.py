"""The table of speed and scale, measured again on this machine:

    uv run python tests/benchmarks/run.py                     every row; three quarters of an hour
    uv run python tests/benchmarks/run.py register pacing     these rows
    uv run python tests/benchmarks/run.py --list

Each row runs v7s3 and what a user would take instead in turn (A B A B …), in processes of their own, against
servers of this directory on loopback, and prints ratios: seconds belong to this machine and its load. A row whose
subject did other work than it should (a key missing, a key twice) has no figure. darwin-py is installed into
~/.cache/v7s3-bench on first use and skipped aloud when that fails. These are scripts: pytest does not collect them.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import rows_doctor
import rows_listing
import rows_media
import rows_pacing
import rows_register
import rows_scale
import rows_shards
import rows_start
from measure import MeasurementError
from table import Line, machine, render

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS: dict[str, Callable[[int], list[Line]]] = {
    "register": rows_register.register,
    "pacing": rows_pacing.pacing,
    "pacing-scaled": rows_pacing.pacing_scaled,
    "listing-cpu": rows_listing.listing_cpu,
    "listing-wall": rows_listing.listing_wall,
    "rescan": rows_scale.rescan,
    "memory": rows_scale.memory,
    "groups": rows_scale.groups,
    "scale": rows_shards.scale,
    "startup": rows_start.startup,
    "doctor": rows_doctor.doctor,
    "thumbnails": rows_media.thumbnails,
    "video": rows_media.video,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to measure; all when none is named")
    parser.add_argument("--list", action="store_true", help="name the rows and leave")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(f"{name:14} {(row.__doc__ or '').splitlines()[0]}")
        return 0
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}; --list names them")
    lines, failed = [], False
    for name in options.rows or ROWS:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            lines += ROWS[name](options.rounds)
        except MeasurementError as error:
            failed = True
            print(f"FAILED: {name}: {error}", file=sys.stderr)
            lines.append(Line(name, "", "FAILED, see above"))
    print(f"{machine()}; medians of {options.rounds}\n\n{render(lines)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
