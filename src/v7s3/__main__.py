"""The `v7s3` command, also as `python -m v7s3`. What it imports comes later, so that Ctrl-C is heard from the start."""

from __future__ import annotations

import sys
from typing import NoReturn


def run() -> NoReturn:
    """The console script."""
    try:
        from v7s3.cli.app import main  # noqa: PLC0415  # see above

        code = main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
