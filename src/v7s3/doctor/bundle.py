"""A file for support: versions, findings and request ids; neither credentials nor, unless wanted, names of objects."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from v7s3 import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from v7s3.doctor.aws import Exchanged

_PACKAGES = ("boto3", "botocore", "httpx", "pydantic", "typer", "urllib3")


def make_bundle(
    report: dict[str, Any], heading: str, requests: Sequence[Exchanged], keys: Iterable[str], now: datetime
) -> dict[str, Any]:
    """`report` is the published JSON. Wherever one of `keys` stands, `object-1`, `object-2` … takes its place."""
    redact = _redactor(keys)
    return {
        "version": 1,
        "created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "v7s3": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "heading": redact(heading),
        "report": _through(redact, report),
        "requests": [
            {"operation": each.operation, "status": each.status, "request_id": each.request_id} for each in requests
        ],
    }


def _redactor(keys: Iterable[str]) -> Callable[[str], str]:
    """Longer keys first, so that a key that begins with another is not cut in two."""
    names = {key: f"object-{number}" for number, key in enumerate(sorted(keys), start=1)}
    if not names:
        return str
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    return lambda text: pattern.sub(lambda match: names[match[0]], text)


def _through(redact: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_through(redact, each) for each in value]
    if isinstance(value, dict):
        return {name: _through(redact, each) for name, each in value.items()}
    return value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
