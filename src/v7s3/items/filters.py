"""Which objects were asked for: --include, --exclude, --ext, --min-size, --modified-since. No filter means all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from math import inf, isfinite
from typing import TYPE_CHECKING

from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from v7s3.items.objects import StorageObject

NOT_INCLUDED = "not matched by --include"
EXCLUDED = "matched by --exclude"
OTHER_EXTENSION = "other extension than --ext"
TOO_SMALL = "smaller than --min-size"
TOO_OLD = "older than --modified-since"
SIZE_UNKNOWN = "size not known to --min-size"
TIME_UNKNOWN = "time not known to --modified-since"

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled choice of objects.

    `include` and `exclude` match whole keys; `suffixes` are lower case with their dot; `min_size` is in bytes;
    `modified_since` is a time as StorageObject has it. An object whose size or time is asked for but not known (a key
    from a file) is dropped, and the reason says so.
    """

    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None
    suffixes: tuple[str, ...] = ()
    min_size: int = 0
    modified_since: str = ""

    def __bool__(self) -> bool:
        """Whether anything is selected by; an empty selection need not be asked."""
        return self != Selection()

    def against(self, one: StorageObject) -> str | None:
        """The filter that drops this object, in the words of the summary; None when it is kept."""
        key = one.key
        if self.include is not None and not self.include.match(key):
            return NOT_INCLUDED
        if self.exclude is not None and self.exclude.match(key):
            return EXCLUDED
        if self.suffixes and not key.lower().endswith(self.suffixes):
            return OTHER_EXTENSION
        if self.min_size and one.size < self.min_size:
            return TOO_SMALL if one.size >= 0 else SIZE_UNKNOWN
        if one.last_modified < self.modified_since:
            return TOO_OLD if one.last_modified else TIME_UNKNOWN
        return None


def select(
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    ext: Sequence[str] = (),
    min_size: str = "",
    modified_since: str = "",
    now: datetime | None = None,
) -> Selection:
    """The selection that these options describe. Raises UsageError when one of them says nothing or nonsense.

    `include` and `exclude` are globs over the whole key: `*` (and `**`) crosses "/", `?` is one character, `[ab]` one
    of several; upper and lower case differ, as they do in S3. An object is kept when any `include` matches and no
    `exclude` does. `ext` ("jpg", ".nii.gz", "jpg,png") ignores case. `min_size` is a number of bytes, or of KiB, MiB …
    with a "k", "m", "g" or "t". `modified_since` is an ISO 8601 date or time (UTC unless it says otherwise), or an age:
    "30m", "12h", "7d", "2w".
    """
    return Selection(
        _globs("--include", include),
        _globs("--exclude", exclude),
        _suffixes(ext),
        _bytes(min_size),
        _since(modified_since, now or datetime.now(UTC)),
    )


def _globs(option: str, patterns: Sequence[str]) -> re.Pattern[str] | None:
    if "" in patterns:
        raise UsageError(f"{option} is empty", hint=f"leave {option} out to have no such filter")
    return re.compile("|".join(map(translate, patterns))) if patterns else None


def _suffixes(ext: Sequence[str]) -> tuple[str, ...]:
    names = [name.strip().lstrip(".").lower() for value in ext for name in value.split(",")]
    if "" in names:
        raise UsageError("--ext is empty", hint="name an extension, such as --ext jpg, or leave --ext out")
    return tuple(f".{name}" for name in names)


def _bytes(text: str) -> int:
    if not text:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    size = float(match[1]) * _UNITS[match[2]] if match else inf
    if not isfinite(size):
        raise UsageError(
            f"--min-size {text!r} is not a size", hint="write bytes (--min-size 500) or --min-size 10k, 1.5m, 2g"
        )
    return int(size)


def _since(text: str, now: datetime) -> str:
    if not text:
        return ""
    age = re.fullmatch(r"(\d+)([mhdw])", text.strip().lower())
    try:
        since = now - int(age[1]) * _SPANS[age[2]] if age else datetime.fromisoformat(text.strip())
        since = since.replace(tzinfo=since.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--modified-since {text!r} is neither a date nor an age",
            hint="write --modified-since 2026-05-01, 2026-05-01T18:00:00+02:00, 12h, 7d or 2w",
        ) from None
    return since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
