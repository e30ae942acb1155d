"""Artifacts whose source is gone or was replaced: found by two listings, removed only when S3 says so once more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from v7s3.artifacts.keys import LONG, artifact_of, from_metadata, listing_prefix
from v7s3.artifacts.shelf import MARK, SOURCE
from v7s3.aws_errors import translated
from v7s3.concurrency import map_bounded
from v7s3.errors import CredentialsError, NotFoundError
from v7s3.items.objects import StorageObject
from v7s3.items.spool import Spool
from v7s3.listing import list_objects, list_parallel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

    from mypy_boto3_s3.client import S3Client


_SOURCE = "source"  # note in the spool; that of a folder is how many objects it has
_AT_ONCE = 1000  # keys of one DeleteObjects
_HEADS = 16  # objects asked for their mark at once


class Stale(NamedTuple):
    """One folder of artifacts that nothing leads to any more."""

    source: str
    etag: str  # that the source had
    folder: str
    reason: str  # "the source is gone", "the source was replaced"
    objects: int
    size: int  # bytes


def stale_artifacts(client: S3Client, bucket: str, prefix: str, source_prefix: str) -> Iterator[Stale]:
    """Folders of artifacts whose source below `source_prefix` is gone. Memory is flat: keys wait on disk."""
    with Spool() as spool:
        for folder in _folders(client, bucket, prefix, source_prefix):
            spool.add(folder.source, StorageObject(folder.folder, folder.size, folder.etag), f"{folder.objects}")
        for page in list_parallel(client, bucket, source_prefix):
            for one in page:
                if not one.key.startswith(prefix):
                    spool.add(one.key, one, _SOURCE)
        for key, rows in spool.groups():
            members = list(rows)
            etags = {row.object.etag for row in members if row.note == _SOURCE}
            for row in members:
                if row.note != _SOURCE and row.object.etag not in etags:
                    reason = "the source was replaced" if etags else "the source is gone"
                    yield Stale(key, row.object.etag, row.object.key, reason, int(row.note), row.object.size)


class _Folder(NamedTuple):
    source: str
    etag: str
    folder: str
    objects: int
    size: int


def _folders(client: S3Client, bucket: str, prefix: str, source_prefix: str) -> Iterator[_Folder]:
    """Artifacts lie side by side in a listing, so one folder is one run of its pages."""
    listed = listing_prefix(prefix, source_prefix)
    places = [listed] if listed == prefix else [listed, prefix + LONG]
    pages = chain.from_iterable(list_objects(client, bucket, place) for place in places)
    read = ((artifact_of(prefix, one.key), one.size) for one in chain.from_iterable(pages))
    recognised = ((artifact, size) for artifact, size in read if artifact is not None)
    for artifact, group in groupby(recognised, key=lambda pair: pair[0]._replace(name="")):
        sizes = [size for _, size in group]
        source = artifact.source or _source_of_long(client, bucket, artifact.folder)
        if source and source.startswith(source_prefix):
            yield _Folder(source, artifact.etag, artifact.folder, len(sizes), sum(sizes))


def _source_of_long(client: S3Client, bucket: str, folder: str) -> str:
    """The key that artifacts lie by the digest of, as their metadata tells; "" when it does not, or no longer."""
    key = next((one.key for page in list_objects(client, bucket, folder) for one in page), "")
    metadata = _metadata(client, bucket, key) if key else {}
    return from_metadata(metadata[SOURCE]) if SOURCE in metadata else ""


def _metadata(client: S3Client, bucket: str, key: str) -> Mapping[str, str]:
    """Empty when the object is gone: others may clean up at the same time."""
    try:
        with translated(f"s3://{bucket}/{key}"):
            return client.head_object(Bucket=bucket, Key=key)["Metadata"]
    except NotFoundError:
        return {}


def remove(client: S3Client, bucket: str, prefix: str, stale: Stale) -> int:
    """Delete one folder's artifacts; the number of objects deleted. None is when the source is there after all, and
    no object that does not carry this program's mark.

    Raises CredentialsError without s3:DeleteObject.
    """
    if not _is_gone(client, bucket, stale):
        return 0
    deleted = 0
    with ThreadPoolExecutor(_HEADS, thread_name_prefix="clean") as executor:
        marked = _marked(client, bucket, _own_keys(client, bucket, prefix, stale.folder), executor)
        while batch := list(islice(marked, _AT_ONCE)):
            deleted += _delete(client, bucket, stale.folder, batch)
    return deleted


def _delete(client: S3Client, bucket: str, folder: str, keys: list[str]) -> int:
    with translated(f"s3://{bucket}/{folder}"):
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    errors = answer.get("Errors", [])
    if any(error.get("Code") == "AccessDenied" for error in errors):
        raise CredentialsError(
            f"AWS does not allow s3:DeleteObject on s3://{bucket}/{folder}",
            hint="allow it on the artifacts' prefix for the identity you run as",
        )
    return len(keys) - len(errors)


def _marked(client: S3Client, bucket: str, keys: Iterator[str], executor: Executor) -> Iterator[str]:
    """The keys of objects that carry this program's mark."""

    def asked(key: str) -> str:
        return key if MARK in _metadata(client, bucket, key) else ""

    return filter(None, map_bounded(executor, asked, keys, 2 * _HEADS))


def _own_keys(client: S3Client, bucket: str, prefix: str, folder: str) -> Iterator[str]:
    for page in list_objects(client, bucket, folder):
        for one in page:
            artifact = artifact_of(prefix, one.key)
            if artifact is not None and artifact.folder == folder:
                yield one.key


def _is_gone(client: S3Client, bucket: str, stale: Stale) -> bool:
    """Whether the source, asked for by its name, is missing or has another ETag than the folder's."""
    try:
        with translated(f"s3://{bucket}/{stale.source}"):
            return client.head_object(Bucket=bucket, Key=stale.source)["ETag"].strip('"') != stale.etag
    except NotFoundError:
        return True
