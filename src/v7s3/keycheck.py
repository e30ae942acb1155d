"""Do the keys of a list exist? Asked before registering, because V7 answers a misspelt key with 403."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from v7s3.aws_errors import error_code, translated
from v7s3.bucket import BucketUrl
from v7s3.concurrency import map_bounded
from v7s3.errors import CredentialsError
from v7s3.items.nearest import AbsentKey, absent, loose_form, other_forms
from v7s3.items.objects import StorageObject
from v7s3.listing import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3.client import S3Client

_ABSENT_CODES = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_CANDIDATES = 50  # keys kept as possible meanings of one that is absent
_NO_ACCESS = (
    "cannot be read (403): you lack s3:GetObject on it, or it does not exist, which S3 only says to those who have "
    "s3:ListBucket"
)


def head_keys(
    client: S3Client, bucket: str, keys: Iterable[str], *, workers: int = 16
) -> Iterator[StorageObject | AbsentKey]:
    """What HeadObject says of each key, in no particular order: the object, or why there is none.

    One request a key, and a few more for one that is absent. Lazy; memory is bounded by `workers`. For more than some
    ten thousand keys `match_keys` over a listing is cheaper.

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
        yield from map_bounded(executor, ask, keys, window=2 * workers)


def match_keys(
    pages: Iterable[list[StorageObject]], keys: Iterable[str], bucket: str = ""
) -> Iterator[StorageObject | AbsentKey]:
    """Each key's object from a listing, or why there is none. First those that exist, in the listing's order.

    Memory grows with `keys`, not with the listing. A key that is asked for twice is answered once.
    """
    wanted = dict.fromkeys(keys)
    meant = _by_loose_form(wanted, bucket)
    candidates: defaultdict[str, set[str]] = defaultdict(set)
    for page in pages:
        for one in page:
            if one.key in wanted:
                del wanted[one.key]
                yield one
            for form in (loose_form(one.key), _file_name(one.key)):
                for key in meant.get(form, ()):
                    if key in wanted and len(candidates[key]) < _CANDIDATES:
                        candidates[key].add(one.key)
    for key in wanted:
        yield absent(key, candidates[key], bucket)


def _by_loose_form(keys: Iterable[str], bucket: str) -> dict[str, list[str]]:
    """Which of `keys` an existing key of this loose form, or file name, may stand for."""
    meant: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        forms = {loose_form(key), _file_name(key), *(loose_form(form) for form, _ in other_forms(key, bucket))}
        for form in forms:
            if len(meant[form]) < _CANDIDATES:
                meant[form].append(key)
    return meant


def _file_name(key: str) -> str:
    """The last segment of a key, told apart from whole keys by a slash before it."""
    return "/" + loose_form(key).rpartition("/")[2]


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
