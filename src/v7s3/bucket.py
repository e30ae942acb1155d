"""How a bucket and what is in it are written: names and `s3://` URLs. Pure, standard library only."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

ProblemKind = Literal["invalid", "dots", "directory", "access-point", "outposts", "table"]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_WELL_FORMED = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_BY_SUFFIX: dict[str, tuple[ProblemKind, str, str]] = {
    "--x-s3": (
        "directory",
        "is a directory bucket (S3 Express One Zone), which speaks another API",
        "V7 reads general purpose buckets only: copy the objects into one",
    ),
    "-s3alias": (
        "access-point",
        "is the alias of an access point, not a bucket",
        "V7 knows buckets by their own names: give the bucket behind the access point",
    ),
    "--ol-s3": (
        "access-point",
        "is the alias of an Object Lambda access point, not a bucket",
        "V7 knows buckets by their own names: give the bucket behind the access point",
    ),
    ".mrap": (
        "access-point",
        "is a Multi-Region Access Point, not a bucket",
        "V7 knows buckets by their own names: give one of the buckets behind it",
    ),
    "--op-s3": (
        "outposts",
        "is an access point of S3 on Outposts, which V7 cannot reach",
        "copy the objects into a bucket in an AWS region",
    ),
    "--table-s3": (
        "table",
        "is a table bucket, which holds tables and no objects",
        "give the general purpose bucket that holds the images",
    ),
}


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


# The first rule a name breaks is the one that is reported.
_RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda name: not 3 <= len(name) <= 63, "has not between 3 and 63 characters, as bucket names must"),
    (lambda name: name != name.lower(), "has upper-case letters; bucket names are lower-case"),
    (
        lambda name: _WELL_FORMED.fullmatch(name) is None,
        "is no bucket name: only a-z, 0-9, hyphens and dots may stand in it, a letter or digit at either end",
    ),
    (lambda name: ".." in name, "has two dots in a row, which S3 refuses"),
    (_is_ip_address, "has the form of an IP address, which S3 refuses"),
    (
        lambda name: name.startswith(_RESERVED_PREFIXES),
        f"begins with one of {', '.join(_RESERVED_PREFIXES)}, reserved by AWS",
    ),
)


@dataclass(frozen=True, slots=True)
class BucketNameProblem:
    """Why a bucket of this name cannot be used: S3 has none (`invalid`), or V7 cannot serve it (every other kind).

    `message` continues a sentence that begins with the name; `hint` is what to do.
    """

    kind: ProblemKind
    message: str
    hint: str


def bucket_name_problem(name: str) -> BucketNameProblem | None:
    """What is wrong with a bucket's name, judged by the name alone; None when nothing is.

    `dots` is the one kind of bucket that S3 has and other tools read without trouble: V7's documentation says that such
    names do not work, because the certificate of `*.s3.amazonaws.com` does not cover them.
    """
    for suffix, (kind, message, hint) in _BY_SUFFIX.items():
        if name.endswith(suffix):
            return BucketNameProblem(kind, message, hint)
    if reason := _refused_by_s3(name):
        return BucketNameProblem("invalid", reason, "`aws s3 ls` lists the buckets of your account")
    if "." in name:
        return BucketNameProblem(
            "dots",
            "holds a dot, so that https://BUCKET.s3.amazonaws.com fails its certificate check: V7 does not support it",
            "copy the objects into a bucket whose name has no dots (a bucket cannot be renamed)",
        )
    return None


def _refused_by_s3(name: str) -> str:
    return next((reason for broken, reason in _RULES if broken(name)), "")


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """`s3://bucket/key`: a bucket, and a key or the beginning of keys.

    `key` is everything behind the slash that ends the bucket's name, exactly as written: S3 keys may hold `%`, `+`,
    `?`, `#`, blanks and further slashes, and none of these mean anything here.
    """

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> BucketUrl:
        """Read `s3://bucket[/key]`. A bucket name with dots passes: `bucket_name_problem` tells of it.

        Raises UsageError with what to write instead for everything else people paste: console addresses, https
        URLs, ARNs, bare names, other clouds.
        """
        scheme, separator, rest = text.partition("://")
        if scheme != "s3" or not separator:
            raise UsageError(f"{text!r} is not an S3 URL", hint=_what_to_write(text))
        bucket, _, key = rest.partition("/")
        if not bucket:
            raise UsageError(f"{text!r} names no bucket", hint="write s3://BUCKET or s3://BUCKET/PREFIX")
        problem = bucket_name_problem(bucket)
        if problem is not None and problem.kind != "dots":
            hint = problem.hint
            if problem.kind == "invalid" and bucket_name_problem(bucket.lower()) is None:
                hint = f"write {cls(bucket.lower(), key)}"
            raise UsageError(f"{bucket!r} {problem.message}", hint=hint)
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"


def _what_to_write(text: str) -> str:
    """The s3:// URL that was probably meant, or the form of one."""
    text = text.strip()
    meant = _meant(text)
    if meant is not None:
        return f"write {meant}"
    if text.startswith("arn:"):
        return "give the bucket itself, s3://BUCKET/PREFIX: V7 knows buckets by their names, not access points"
    if text.startswith(("gs://", "az://", "abfs://", "abfss://", "wasb://", "wasbs://", "file://")):
        return "v7s3 connects Amazon S3 and servers that speak its API; write s3://BUCKET/PREFIX"
    return "write s3://BUCKET or s3://BUCKET/PREFIX"


def _meant(text: str) -> BucketUrl | None:
    scheme, separator, rest = text.partition("://")
    if not separator and text.startswith("arn:"):
        return _from_arn(text)
    if not separator:
        return _checked(*_split(text.removeprefix("s3:").lstrip("/")))
    if scheme.lower() in ("s3", "s3a", "s3n"):
        return _checked(*_split(rest))
    if scheme.lower() in ("http", "https"):
        return _from_web(text)
    return None


def _split(text: str) -> tuple[str, str]:
    bucket, _, key = text.partition("/")
    return bucket, key


def _checked(bucket: str, key: str) -> BucketUrl | None:
    return None if bucket_name_problem(bucket) is not None else BucketUrl(bucket, key)


def _from_arn(arn: str) -> BucketUrl | None:
    match = re.fullmatch(r"arn:[a-z-]+:s3:::([^/]+)/?(.*)", arn, re.DOTALL)
    return None if match is None else _checked(match[1], match[2].removesuffix("*"))


def _from_web(url: str) -> BucketUrl | None:
    """Console pages carry the prefix in the query; object URLs carry bucket and key in host and path."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if "console." in host or host.endswith("console.aws.amazon.com"):
        match = re.match(r"s3/(?:buckets|object)/([^/]+)", path)
        if match is None:
            return None
        return _checked(match[1], "".join(parse_qs(parts.query).get("prefix", ())))
    virtual = re.fullmatch(r"(.+)\.s3[.-](?:.*\.)?amazonaws\.com(?:\.cn)?", host)
    if virtual is not None:
        return _checked(virtual[1], path)
    if re.fullmatch(r"s3[.-](?:.*\.)?amazonaws\.com(?:\.cn)?", host):
        return _checked(*_split(path))
    return None
