"""The one module that knows moto: its WSGI application, and the buckets and keys behind it.

moto keeps everything in module globals. Every sandbox server therefore has an AWS account of its own, which keeps its
buckets, queues and keys apart from those of other servers in the same process.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.core.utils import utcnow
from moto.kms.models import kms_backends
from moto.moto_server import werkzeug_app
from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends
from moto.sqs.models import sqs_backends
from werkzeug.test import run_wsgi_app

from v7s3.sandbox.serving import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

vars(werkzeug_app)["DISABLE_GLOBAL_CORS"] = True  # moto's own answers would open every bucket to every origin

_application = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
_application_lock = threading.Lock()
_accounts = itertools.count(100000000001)


class _NoGlobalNamespace(dict[str, tuple[str, str]]):
    """moto remembers which account holds a bucket name and lends the bucket to every other account; servers of the
    sandbox must not see each other's buckets, so nothing is remembered."""

    def __setitem__(self, name: str, owner: tuple[str, str]) -> None:
        """Forget it."""


s3_backends.bucket_accounts = _NoGlobalNamespace()


class Store:
    """The AWS account of one sandbox server."""

    def __init__(self) -> None:
        self.account = str(next(_accounts))
        self._s3: Any = s3_backends[self.account]["aws"]
        self._sorted: dict[str, tuple[int, list[str]]] = {}
        self._changes = itertools.count(1)
        self._version = 0

    def close(self) -> None:
        """Forget all buckets and free what moto keeps for them."""
        for bucket in list(self._s3.buckets.values()):
            for name in list(bucket.keys):
                bucket.keys.setlist(name, [])
            for upload in list(bucket.multiparts.values()):
                upload.dispose()
        tracked: list[Any] = vars(FakeKey)["instances_tracked"]
        for key in tracked:
            if key.account_id == self.account:
                key.dispose()
        tracked[:] = [key for key in tracked if key.account_id != self.account]
        for backends in (s3_backends, sqs_backends, kms_backends):
            backends.pop(self.account, None)

    def call(self, request: Request) -> Response:
        """Let moto answer. S3 one request at a time: moto's dictionaries are not made for threads."""
        environ = _environ(request, self.account)
        if "/s3/" in request.headers.get("authorization", "/s3/"):
            with _application_lock:
                self._version = next(self._changes) if request.method in ("PUT", "POST", "DELETE") else self._version
                body, status, headers = run_wsgi_app(_application, environ, buffered=True)
        else:
            body, status, headers = run_wsgi_app(_application, environ, buffered=True)
        content = b"".join(body)
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        if request.method == "HEAD" and "Content-Length" in headers:
            kept["Content-Length"] = headers["Content-Length"]
        return Response(int(status.split()[0]), content, kept)

    # --- buckets and keys ---------------------------------------------------------------------------------------------
    def buckets(self) -> list[str]:
        return sorted(self._s3.buckets)

    def region(self, bucket: str) -> str | None:
        """The bucket's region, None when there is no such bucket."""
        found = self._s3.buckets.get(bucket)
        return str(found.region_name) if found is not None else None

    def create_bucket(self, bucket: str, region: str) -> None:
        self._s3.create_bucket(bucket, region)

    def key(self, bucket: str, name: str) -> Any | None:
        """moto's object for the latest version, None when there is none or it is a delete marker."""
        found = self._s3.buckets.get(bucket)
        key = found.keys.get(name) if found is not None else None
        return None if key is None or isinstance(key, FakeDeleteMarker) else key

    def names(self, bucket: str) -> list[str]:
        """The names of all objects in S3's order (UTF-8 bytes, which is code point order); do not change the list."""
        version, names = self._sorted.get(bucket, (-1, []))
        if version != self._version:
            with _application_lock:
                version, keys = self._version, self._s3.buckets[bucket].keys
                names = sorted(name for name in keys if not isinstance(keys[name], FakeDeleteMarker))
            self._sorted[bucket] = (version, names)
        return names

    def put(self, bucket: str, name: str, body: bytes, content_type: str, storage_class: str = "STANDARD") -> None:
        with _application_lock:
            self._version = next(self._changes)
            key = self._s3.put_object(bucket, name, body, storage=storage_class, disable_notification=True)
            key.set_metadata({"Content-Type": content_type})
            key.encryption = key.encryption or "AES256"

    def put_many(self, bucket: str, keys: Iterable[tuple[str, int]], modified: datetime | None = None) -> int:
        """Many objects at once, named and sized but empty; returns their number."""
        when, count = modified or utcnow(), 0
        with _application_lock:
            self._version = next(self._changes)
            target = self._s3.buckets[bucket]
            for count, (name, size) in enumerate(keys, start=1):  # noqa: B007  # the last count is the result
                etag = hashlib.md5(f"{name}:{size}".encode(), usedforsecurity=False).hexdigest()
                key = FakeKey(name, b"", self.account, target.region_name, etag=etag, bucket_name=bucket)
                key.contentsize, key.last_modified, key.encryption = size, when, "AES256"
                target.keys.setlist(name, [key])
        return count

    def default_encryption(self, bucket: str) -> tuple[str, str | None]:
        """The bucket's default: algorithm and KMS key id, AES256 when nothing was put."""
        rule = (self._s3.buckets[bucket].encryption or {}).get("Rule", {})
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        return default.get("SSEAlgorithm", "AES256"), default.get("KMSMasterKeyID")

    def complete_encryption(self, bucket: str, name: str) -> None:
        """Give a fresh object what Amazon gives it: AES256 by default, the ARN of its KMS key, aws/s3 when none was
        named."""
        key = self.key(bucket, name)
        if key is None:
            return
        key.encryption = key.encryption or "AES256"
        if key.encryption == "aws:kms":
            region = self.region(bucket) or ""
            found = self.kms_key(key.kms_key_id or "alias/aws/s3", region)
            if found is not None:
                key.kms_key_id = found.arn
                if "alias/aws/s3" in found.aliases:
                    found.key_manager = "AWS"

    # --- keys of KMS, queues ------------------------------------------------------------------------------------------
    def kms_key(self, key_id: str, region: str) -> Any | None:
        """moto's KMS key for an id, ARN or alias, None when there is none."""
        backend = kms_backends[self.account][region]
        try:
            return backend.describe_key(key_id)
        except (KeyError, TypeError, AttributeError):
            return None

    def send_message(self, queue_arn: str, body: str) -> None:
        """Put one message on a queue; a queue that does not exist is ignored, as S3's notifications do."""
        _, _, _, region, account, name = queue_arn.split(":")
        backend = sqs_backends[self.account][region]
        if account == self.account and name in backend.queues:
            backend.send_message(queue_name=name, message_body=body)


_HOP_BY_HOP = {"content-length", "connection", "transfer-encoding", "date", "server"}


def _environ(request: Request, account: str) -> dict[str, Any]:
    host = request.headers.get("host", "127.0.0.1")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(request.raw_path).encode().decode("latin-1"),
        "RAW_URI": request.raw_path + (f"?{request.query_string}" if request.query_string else ""),
        "QUERY_STRING": request.query_string,
        "SERVER_NAME": host.partition(":")[0],
        "SERVER_PORT": host.partition(":")[2] or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_X_MOTO_ACCOUNT_ID": account,
    }
    for name, value in request.headers.items():
        variable = name.upper().replace("-", "_")
        if variable == "CONTENT_TYPE":
            environ[variable] = value
        elif name not in ("content-length", "transfer-encoding", "expect", "x-moto-account-id"):
            environ[f"HTTP_{variable}"] = value
    return environ
