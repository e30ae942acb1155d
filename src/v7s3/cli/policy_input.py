"""What the `policy` commands are told: which bucket, which document, and what is known about V7's requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from v7s3.access.profile import AccessProfile, folder_of
from v7s3.bucket import BucketUrl, bucket_name_problem
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Target(NamedTuple):
    """The bucket that is meant, None when nobody said, and the beginning of the keys."""

    bucket: str | None
    key: str


def find_target(url: str | None, bucket: str | None, prefix: str | None = None) -> Target:
    """Read `s3://BUCKET[/PREFIX]`, --bucket and --prefix together.

    Raises UsageError when they contradict each other, or for what is no bucket.
    """
    parsed = BucketUrl.parse(url) if url is not None else None
    if parsed is not None and bucket is not None and parsed.bucket != bucket:
        raise UsageError(f"the bucket is {parsed.bucket!r} in the URL and {bucket!r} in --bucket", hint="give one")
    if parsed is not None and parsed.key and prefix is not None and folder_of(parsed.key) != folder_of(prefix):
        raise UsageError(f"the prefix is {parsed.key!r} in the URL and {prefix!r} in --prefix", hint="give one")
    if bucket is not None and parsed is None:
        parsed = BucketUrl.parse(f"s3://{bucket.strip('/')}")
    key = prefix if prefix is not None else parsed.key if parsed else ""
    return Target(parsed.bucket if parsed else None, key)


def need_bucket(target: Target) -> str:
    """The bucket, which V7 has to be able to use. Raises UsageError with the reason when it cannot."""
    if target.bucket is None:
        raise UsageError("which bucket?", hint="name it: s3://BUCKET, or s3://BUCKET/PREFIX")
    problem = bucket_name_problem(target.bucket)
    if problem is not None:
        raise UsageError(f"{target.bucket!r} {problem.message}", hint=problem.hint)
    return target.bucket


def make_profile(target: Target, access: str, write_prefix: str | None, *, list_bucket: bool) -> AccessProfile:
    """What V7 needs, from the options."""
    return AccessProfile.of(access, target.key, write_prefix, list_bucket=list_bucket)


def only_bucket_in(document: bytes) -> str | None:
    """The bucket that all resources of a policy are of; None when there is none, or more than one."""
    found = set(re.findall(rb"arn:aws[a-z-]*:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?=[/\"])", document))
    return found.pop().decode() if len(found) == 1 else None


def known_context(
    pairs: Sequence[str], absent: Sequence[str], document: str | bytes, facts: Mapping[str, str] | None = None
) -> dict[str, str | list[str] | None]:
    """Condition keys from --context and --absent, on top of what v7s3 takes for granted.

    That is HTTPS, and, when the document asks for them, the time of now and `facts` about the bucket. Raises
    UsageError for a pair without `=`, and for a key that is both given and absent.
    """
    given: dict[str, str | list[str] | None] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--context {pair} has no value", hint="write --context aws:SourceIp=203.0.113.7")
        before = given.get(key)
        given[key] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    for key in absent:
        if not key:
            raise UsageError("--absent names no key", hint="write --absent aws:SourceVpce")
        if key.lower() in {name.lower() for name in given}:
            raise UsageError(f"{key} is both in --context and in --absent", hint="give one")
        given[key] = None
    named = {key.lower() for key in given}
    text = (document if isinstance(document, str) else document.decode("utf-8", "replace")).lower()
    now = datetime.now(UTC)
    clock = {"aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "aws:EpochTime": str(int(now.timestamp()))}
    asked = {key: value for key, value in {**clock, **(facts or {})}.items() if key.lower() in text}
    assumed = {"aws:SecureTransport": "true", **asked}
    return {**{key: value for key, value in assumed.items() if key.lower() not in named}, **given}


def in_words(context: Mapping[str, str | list[str] | None]) -> str:
    """`aws:SecureTransport=true, aws:SourceVpce absent`."""
    parts = []
    for key, value in context.items():
        parts.append(
            f"{key} absent" if value is None else f"{key}={value if isinstance(value, str) else '|'.join(value)}"
        )
    return ", ".join(parts)


def resource_arn(text: str) -> str:
    """An ARN as it is; an `s3://` URL as the ARN of that object, of that bucket, or of every key below `…/*`."""
    if not text.startswith("s3://"):
        return text
    url = BucketUrl.parse(text)
    return f"arn:aws:s3:::{url.bucket}/{url.key}" if url.key else f"arn:aws:s3:::{url.bucket}"
