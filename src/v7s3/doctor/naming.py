"""A bucket's name, kind and region: what V7 cannot use, judged without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.bucket import bucket_name_problem
from v7s3.doctor import rules
from v7s3.doctor.probe import Answer
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from v7s3.report import Finding

# Regions an account has to enable for itself (AWS Account Management Reference Guide, "Enable or disable AWS Regions").
_OPT_IN = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"),
        *("ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1"),
        *("me-central-1", "me-south-1", "mx-central-1"),
    }
)
_PARTITIONS = {"cn-": "China", "us-gov-": "GovCloud", "us-iso": "an isolated region", "eusc-": "the Sovereign Cloud"}


def judge_name(bucket: str) -> Answer:
    """Whether V7 can use a bucket of this name at all."""
    problem = bucket_name_problem(bucket)
    if problem is None:
        return Answer(f"{bucket}, no dots, a general purpose bucket")
    rule = {"invalid": rules.BAD_NAME, "dots": rules.DOTS}.get(problem.kind, rules.UNSUPPORTED)
    fix = "" if problem.kind == "dots" else problem.hint
    finding = rule.finding(f"{bucket!r} {problem.message}", at=Location(name=bucket), fix=fix)
    return Answer(f"V7 cannot use a bucket named {bucket}", (finding,))


def judge_region(region: str) -> Iterator[Finding]:
    """What stands between V7 and a bucket in this region ("" when the server does not say)."""
    for prefix, name in _PARTITIONS.items():
        if region.startswith(prefix):
            yield rules.OTHER_PARTITION.finding(f"the bucket is in {region} ({name})")
    if region in _OPT_IN:
        yield rules.OPT_IN_REGION.finding(f"the bucket is in {region}, which is off until an account enables it")
