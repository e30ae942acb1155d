"""Reading a source object: ranges of one version of it, asked for again when a connection breaks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from v7s3.artifacts.ranged import RangedReader
from v7s3.aws_errors import translated
from v7s3.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from v7s3.items.objects import StorageObject

_ATTEMPTS = 4  # of a range, beside boto3's own, which do not cover a body that breaks off
_PAUSE = 0.2  # seconds before the second attempt; doubles


class Original:
    """Gives `fetch(start, length)` of the object as it was listed.

    Raises ConflictError when it has another ETag by now, NotFoundError when it is gone, RefusedError when it is
    archived, CredentialsError when it may not be read, ServiceError when S3 keeps failing.
    """

    def __init__(self, client: S3Client, bucket: str, one: StorageObject) -> None:
        self._client, self._bucket, self._one = client, bucket, one

    def open(self, *, first: int, ahead: bool = False) -> RangedReader:
        return RangedReader(self._fetch, self._one.size, first=first, ahead=ahead)

    def _fetch(self, start: int, length: int) -> bytes:
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._fetched(start, length)
            except ServiceError:
                time.sleep(_PAUSE * 2**attempt)
        return self._fetched(start, length)

    def _fetched(self, start: int, length: int) -> bytes:
        with translated(f"s3://{self._bucket}/{self._one.key}"):
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=self._one.key,
                Range=f"bytes={start}-{start + length - 1}",
                IfMatch=f'"{self._one.etag}"',
            )
            with answer["Body"] as body:
                if answer["ContentLength"] != length:  # seen before a whole object fills the memory
                    raise ServiceError(
                        f"S3 sends {answer['ContentLength']:,} bytes of {self._one.key}, not the {length:,} asked for",
                        hint="the server does not answer ranged reads",
                    )
                return body.read()
