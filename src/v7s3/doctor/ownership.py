"""Who owns the objects: a bucket policy's Allow is void for objects of other accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.doctor import rules
from v7s3.doctor.probe import Answer, Unknown
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from v7s3.doctor.contents import Listed

ENFORCED = "BucketOwnerEnforced"


def judge_ownership(
    setting: str | Unknown, owner: str | Unknown, sample: Sequence[Listed] | Unknown, *, v7_writes: bool
) -> Answer:
    """`setting` is the bucket's Object Ownership, `owner` the canonical id of the bucket's account."""
    if setting == ENFORCED:
        return Answer(f"{ENFORCED}: the bucket's account owns every object")
    foreign = _foreign(owner, sample)
    findings = [
        rules.FOREIGN.finding(f"its owner is {each.owner[:12]}…", at=Location(pointer=each.key)) for each in foreign
    ]
    unknown = "; ".join(str(each) for each in (setting, owner, sample) if isinstance(each, Unknown))
    shown = "" if isinstance(setting, Unknown) else f"Object Ownership is {setting}"
    if v7_writes and not isinstance(setting, Unknown):
        findings.append(rules.V7_WILL_OWN.finding(f"Object Ownership is {setting}, and V7 writes to this bucket"))
    if isinstance(sample, Unknown) or isinstance(owner, Unknown):
        return Answer(shown, tuple(findings), unknown=unknown)
    unnamed = sum(not each.owner for each in sample)
    if unnamed:
        unknown = "; ".join(
            filter(None, (unknown, f"whose {unnamed} of {len(sample)} objects are (this S3 server lists no owners)"))
        )
    counted = f"{len(foreign)} of {len(sample)} objects looked at belong to other accounts"
    return Answer("; ".join(part for part in (shown, counted) if part), tuple(findings), unknown=unknown)


def _foreign(owner: str | Unknown, sample: Sequence[Listed] | Unknown) -> list[Listed]:
    if isinstance(owner, Unknown) or isinstance(sample, Unknown):
        return []
    return [each for each in sample if each.owner and each.owner != owner]
