"""Do the keys of a list exist? Asked before registering, because V7 answers a misspelt key with 403."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from v7s3.aws_errors import error_code, translated
from v7s3.bucket import BucketUrl
from v7s3.concurrency import map_bounded
from v7s3.errors import CredentialsError
from v7s3.items.nearest import AbsentKey, absent, other_forms
from v7s3.items.objects import StorageObject
from v7s3.listing import list_objects

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3.client import S3Client

_ABSENT_CODES = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_NO_ACCESS = (
    "cannot be read (403): you lack s3:GetObject on it, or it does not exist, which S3 only says to those who have "
    "s3:ListBucket"
)


def head_keys(
    client: S3Client, bucket: str, keys: Iterable[str], *, workers: int = 16, stop: threading.Event | None = None
) -> Iterator[StorageObject | AbsentKey]:
    """What HeadObject says of each key, in no particular order: the object, or why there is none.

    One request a key, and a few more for one that is absent. Lazy; memory is bounded by `workers`. Once `stop` is set,
    no further key is asked for.

    Raises CredentialsError and ServiceError for what concerns all keys.
    """
    folder = lru_cache(maxsize=64)(lambda prefix: _neighbours(client, bucket, prefix))

    def ask(key: str) -> StorageObject | AbsentKey:
        found = _head(client, bucket, key)
        if isinstance(found, StorageObject) or found.state == "no-access":
            return found
        existing = set(folder(key[: key.rfind("/") + 1]))
        for form, _ in other_forms(key, bucket):
            if form not in existing and isinstance(_head(client, bucket, form), StorageObject):
                existing.add(form)
                break
        return absent(key, existing, bucket)

    with ThreadPoolExecutor(workers, thread_name_prefix="v7s3-head") as executor:
        yield from map_bounded(executor, ask, keys, 2 * workers, stop)


def _head(client: S3Client, bucket: str, key: str) -> StorageObject | AbsentKey:
    with translated(str(BucketUrl(bucket, key))):
        try:
            answer = client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _ABSENT_CODES:
                return AbsentKey(key, "missing", "does not exist")
            if error_code(error) in ("403", "AccessDenied"):
                return AbsentKey(key, "no-access", _NO_ACCESS)
            raise
    return StorageObject(
        key,
        answer["ContentLength"],
        answer["ETag"].strip('"'),
        f"{answer['LastModified']:%Y-%m-%dT%H:%M:%S}.000Z",
        answer.get("StorageClass", "STANDARD"),  # S3 leaves the header out for STANDARD
    )


def _neighbours(client: S3Client, bucket: str, prefix: str) -> frozenset[str]:
    """The first page of the keys in the same folder; none where listing is not allowed."""
    try:
        with translated(str(BucketUrl(bucket, prefix))):
            return frozenset(one.key for one in next(list_objects(client, bucket, prefix), []))
    except CredentialsError:  # the keys can still be asked for one by one
        return frozenset()
