"""One source's folder of artifacts in the bucket: what is there, and putting more into it, never over anything foreign.

Objects of this program carry the user metadata `x-amz-meta-v7s3`. An object is written with `If-None-Match: *`; when
something is there already, it is replaced only if it carries that mark. Some servers do not know the condition and say
so, others ignore it and overwrite: the first object of a run is put twice, and where the second one is not refused
every further name is asked for before it is written, which leaves a moment for somebody else to come in between.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from v7s3.aws_errors import error_code, translated
from v7s3.errors import CredentialsError, NotFoundError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client

MARK = "v7s3"
SOURCE = "v7s3-source"  # metadata of artifacts whose place does not tell what they were made from
CACHE_CONTROL = "private, max-age=31536000, immutable"  # the source's ETag is in the key: it never changes
_CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "ts": "video/mp2t",
    "m3u8": "application/vnd.apple.mpegurl",
    "txt": "text/plain; charset=utf-8",
    "gz": "application/octet-stream",  # decompressed on the way, because Content-Encoding says gzip
    "json": "application/json",
}
_TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_NO_CONDITIONS = ("NotImplemented", "501", "InvalidRequest", "InvalidArgument")


class ForeignObjectError(V7S3Error):
    """An object that this program did not make lies where an artifact belongs."""


class WriteDeniedError(V7S3Error):
    """Artifacts may not be written, or not be looked at: what holds for one of them holds for all, and the run cannot
    go on. `cause` is what S3 said."""

    def __init__(self, cause: V7S3Error) -> None:
        super().__init__(cause.message, hint=cause.hint)
        self.cause = cause


class Mark(NamedTuple):
    """What S3 says of an artifact of ours."""

    etag: str
    metadata: Mapping[str, str]


class Conditions:
    """Whether the server keeps to `If-None-Match`, for all who write to it: found out by the first of them."""

    def __init__(self) -> None:
        self.asking = Lock()
        self.hold: bool | None = None  # None: not known yet


class Shelf:
    """May be used by several threads."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        folder: str,
        conditions: Conditions,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        """`marks`: metadata for every artifact, beside the mark of this program."""
        self._marks = {MARK: "1", **(marks or {})}
        self._client, self._bucket, self._folder = client, bucket, folder
        self._conditions = conditions
        self.bytes_written = 0
        self.names: set[str] = set()  # of what was put

    def mark_of(self, name: str) -> Mark | None:
        """An artifact of ours; None when there is none.

        Raises ForeignObjectError, and WriteDeniedError when it may not be looked at.
        """
        key = self._folder + name
        try:
            with translated(f"s3://{self._bucket}/{key}"):
                answer = self._client.head_object(Bucket=self._bucket, Key=key)
        except NotFoundError:
            return None
        except CredentialsError as error:
            raise WriteDeniedError(error) from error
        if MARK not in answer["Metadata"]:
            raise ForeignObjectError(
                f"{key} was not made by v7s3, and is not overwritten",
                hint="move it away, or choose another --artifacts-prefix",
            )
        return Mark(answer["ETag"].strip('"'), answer["Metadata"])

    def read(self, name: str) -> bytes:
        key = self._folder + name
        with translated(f"s3://{self._bucket}/{key}"):
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def put(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write it; the ETag it has now.

        Raises ForeignObjectError, WriteDeniedError, and ServiceError after boto3's own attempts.
        """
        try:
            with translated(f"s3://{self._bucket}/{self._folder}{name}"):
                etag = self._put(name, data, dict(metadata or {}))
        except CredentialsError as error:
            raise WriteDeniedError(error) from error
        self.bytes_written += len(data)
        self.names.add(name)
        return etag

    def _put(self, name: str, data: bytes, metadata: dict[str, str]) -> str:
        extra: dict[str, Any] = {"ContentEncoding": "gzip"} if name.endswith(".gz") else {}
        request: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": self._folder + name,
            "Body": data,
            "ContentType": _CONTENT_TYPES[name.rpartition(".")[2]],
            "CacheControl": CACHE_CONTROL,
            "Metadata": {**self._marks, **metadata},
            **extra,
        }
        if self._conditions.hold is None:
            with self._conditions.asking:
                if self._conditions.hold is None:
                    self._conditions.hold, etag = self._put_and_ask(name, request)
                    return etag
        if self._conditions.hold and (created := self._created(request)) is not None:
            return created
        self.mark_of(name)  # raises when it is not ours
        return self._replaced(request)

    def _put_and_ask(self, name: str, request: dict[str, Any]) -> tuple[bool, str]:
        """Write an object; whether the server would have refused to write over it, and the object's ETag."""
        self.mark_of(name)  # raises when it is not ours
        try:
            first = self._created(request)
            if first is not None:
                again = self._created(request)
                return again is None, first if again is None else again
        except ClientError as error:
            if error_code(error) not in _NO_CONDITIONS:
                raise
            return False, self._replaced(request)
        return True, self._replaced(request)

    def _created(self, request: dict[str, Any]) -> str | None:
        """Write an object where there is none, and give its ETag; None when there is one."""
        try:
            return self._client.put_object(**request, IfNoneMatch="*")["ETag"].strip('"')
        except ClientError as error:
            if error_code(error) in _TAKEN:
                return None
            raise

    def _replaced(self, request: dict[str, Any]) -> str:
        return self._client.put_object(**request)["ETag"].strip('"')
