"""What stops V7's writes although the policy allows them: Object Lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.doctor import rules
from v7s3.doctor.probe import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


def judge_uploads(retention: Mapping[str, object] | None) -> Answer:
    """`retention` is Object Lock's default retention: {} when the lock has none, None without Object Lock."""
    if retention is None:
        return Answer("no Object Lock, so uploads need no checksum")
    if not retention:
        return Answer("Object Lock is on without a default retention: uploads need no checksum")
    spans = ((retention.get("Days"), "days"), (retention.get("Years"), "years"))
    span = next((f"{count} {unit}" for count, unit in spans if count), "some time")
    message = f"every new object is kept for {span} ({retention.get('Mode', 'mode unknown')})"
    return Answer("Object Lock has a default retention", (rules.OBJECT_LOCK.finding(message),))
