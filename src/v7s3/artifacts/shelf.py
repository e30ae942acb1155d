"""One source's folder of artifacts in the bucket: what is there, and putting more into it, never over anything foreign.

Objects of this program carry the user metadata `x-amz-meta-v7s3`. An object is written with `If-None-Match: *`; when
something is there already and carries that mark, it is replaced with `If-Match`, which is to say only as long as it is
what the mark was seen on. Some servers do not know a condition and say so, others ignore it and overwrite: the first
object of a run is put twice, and where the second one is not refused every further name is asked for before it is
written. There, and only there, somebody else's object is overwritten when it comes in between asking and writing.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from v7s3.aws_errors import error_code, translated
from v7s3.errors import CredentialsError, NotFoundError, ServiceError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import PutObjectOutputTypeDef

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
_GONE = ("NoSuchKey", "404")
_ATTEMPTS = 4  # of an object that others write at the same time
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
    """Whether the server keeps to conditions, for all who write to it: found out by the first of them."""

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
        if self._conditions.hold:
            return self._put_if_still_ours(name, request)
        return self._put_once_asked(name, request)

    def _put_and_ask(self, name: str, request: dict[str, Any]) -> tuple[bool, str]:
        """Write an object; whether the server would have refused to write over it, and the object's ETag."""
        self.mark_of(name)  # raises when it is not ours
        try:
            first = self._put_if(request, IfNoneMatch="*")
            if first is not None:
                again = self._put_if(request, IfNoneMatch="*")
                return again is None, first if again is None else again
        except ClientError as error:
            if error_code(error) not in _NO_CONDITIONS:
                raise
            return False, self._put_once_asked(name, request)
        return True, self._put_if_still_ours(name, request)

    def _put_if_still_ours(self, name: str, request: dict[str, Any]) -> str:
        """Write an object where there is none, or over one of ours, as a server that keeps to conditions decides it."""
        for _ in range(_ATTEMPTS):
            etag = self._put_if(request, IfNoneMatch="*")
            if etag is None and (mark := self.mark_of(name)) is not None:  # raises when it is not ours
                etag = self._put_over(request, mark)
            if etag is not None:
                return etag
        raise ServiceError(
            f"{self._folder}{name} keeps being written by somebody else",
            hint="wait until the other run over this bucket has ended, then run again",
        )

    def _put_once_asked(self, name: str, request: dict[str, Any]) -> str:
        """The same where the server decides nothing: what comes in between asking and writing is lost."""
        self.mark_of(name)  # raises when it is not ours
        return _etag_of(self._client.put_object(**request))

    def _put_over(self, request: dict[str, Any], mark: Mark) -> str | None:
        """Write over the object that `mark` was seen on, and give the new ETag; None when another one is there now."""
        try:
            return self._put_if(request, IfMatch=f'"{mark.etag}"')
        except ClientError as error:
            if error_code(error) in _GONE:
                return None
            if error_code(error) not in _NO_CONDITIONS:
                raise
            return _etag_of(self._client.put_object(**request))  # servers that know only the other condition

    def _put_if(self, request: dict[str, Any], **condition: Any) -> str | None:
        """Write an object, and give its ETag; None when the condition does not hold."""
        try:
            return _etag_of(self._client.put_object(**request, **condition))
        except ClientError as error:
            if error_code(error) in _TAKEN:
                return None
            raise


def _etag_of(answer: PutObjectOutputTypeDef) -> str:
    return answer["ETag"].strip('"')
