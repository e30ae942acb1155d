"""Times as options spell them: `90s`, `30m`, `12h`, `3d`."""

from __future__ import annotations

import re

from v7s3.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(option: str, text: str) -> float:
    """What `text` says in seconds. Raises UsageError, naming the option."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text.strip().lower())
    if match is None:
        raise UsageError(f"{option} {text!r} is not a time", hint="write 90s, 30m, 12h or 3d")
    return float(int(match[1]) * _SECONDS[match[2]])
