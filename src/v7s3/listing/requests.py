"""One page of a listing, asked for with botocore's signature and connections but without the rest of its stack.

boto3's paginator spends 81 CPU seconds on a million keys, nearly all of it in botocore's generic XML parser and its
layers of handlers. The request still goes to the client's own endpoint, is signed by the client's own signer (so that
refreshed credentials count from the next request on) and sent through the client's own connection pool (its proxies,
certificates and timeouts); only the waiting, the retries and the reading are done here.
"""

from __future__ import annotations

import random
import re
import time
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
    SSLError,
)

from v7s3 import __version__
from v7s3.aws_errors import translated
from v7s3.bucket import BucketUrl
from v7s3.errors import ServiceError
from v7s3.listing.page import Page, UnreadablePageError, read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3.client import S3Client

    from v7s3.items.objects import StorageObject

_ATTEMPTS = 8  # with pauses of up to 0.1, 0.2, 0.4 … s: some 12 s on the whole, as S3 asks for when it says SlowDown
_ATTEMPTS_AT_FIRST = 3  # a server that never answered is more likely misspelt than busy
_LONGEST_PAUSE = 10.0
_BUSY_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"})


def list_objects(client: S3Client, bucket: str, prefix: str = "") -> Iterator[list[StorageObject]]:
    """The objects whose keys begin with `prefix`, in key order (UTF-8), in pages of up to 1,000; no page is empty.

    Keys are exactly S3's. Memory is one page. Busy servers and broken connections are asked again, with growing
    pauses, so that a listing either is complete or raises.

    Raises NotFoundError (no such bucket), CredentialsError (no credentials, expired, no s3:ListBucket), UsageError
    (another region), ServiceError (unreachable, still busy after eight attempts, or an answer that is no listing).
    """
    pages = PageRequests(client, bucket, prefix)
    page = pages.ask()
    while True:
        if page.objects:
            yield page.objects
        if not page.next_token:
            return
        page = pages.ask_after(page)


class PageRequests:
    """Asks for pages of one listing. May be shared by threads."""

    def __init__(
        self, client: S3Client, bucket: str, prefix: str = "", *, pause: Callable[[float], bool | None] = time.sleep
    ) -> None:
        """`pause` waits so many seconds before an attempt is repeated; when it returns True, it is not repeated."""
        internals: Any = client  # botocore has no public way to sign and send a request of one's own
        self._signer = internals._request_signer  # noqa: SLF001
        self._http = internals._endpoint.http_session  # noqa: SLF001
        self._subject = str(BucketUrl(bucket, prefix))
        with translated(self._subject):
            url = urlsplit(client.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket}))
        self.address = urlunsplit((url.scheme, url.netloc, url.path or "/", "", ""))
        self._query = {"encoding-type": "url", "list-type": "2", **({"prefix": prefix} if prefix else {})}
        self._pause = pause
        self._answered = False

    def ask(self, *, start_after: str = "", token: str = "") -> Page:
        """The page behind the key `start_after`, or the one `token` asks for."""
        query = dict(self._query)
        if token:
            query["continuation-token"] = token
        elif start_after:
            query["start-after"] = start_after
        with translated(self._subject):
            for attempt in count(1):
                try:
                    page = read_page(self._fetch(query))
                except (HTTPClientError, IncompleteReadError, UnreadablePageError, ClientError) as error:
                    limit = _ATTEMPTS if self._answered else _ATTEMPTS_AT_FIRST
                    if attempt >= limit or not _may_pass(error) or self._pause(_pause_after(attempt)):
                        raise
                else:
                    self._answered = True
                    return page
        raise AssertionError  # `count` has no end

    def ask_after(self, page: Page) -> Page:
        """The page that follows `page`. Raises ServiceError when it is the same again: such a listing has no end."""
        following = self.ask(token=page.next_token)
        repeated = following.objects[:1] and following.objects[:1] == page.objects[:1]
        if repeated or following.next_token == page.next_token:
            raise ServiceError(
                f"{self._subject}: the S3 server gives the same page of its listing twice",
                hint="the listing would never end: this server cannot be relied on",
            )
        return following

    def _fetch(self, query: dict[str, str]) -> bytes:
        """The body of one answer. Raises ClientError for what S3 refuses, botocore's own errors for the network's."""
        text = "&".join(f"{name}={_quoted(value)}" for name, value in sorted(query.items()))
        request = AWSRequest("GET", f"{self.address}?{text}", headers={"User-Agent": f"v7s3/{__version__}"})
        self._signer.sign("ListObjectsV2", request)
        answer = self._http.send(request.prepare())
        body: bytes = answer.content
        expected = answer.headers.get("Content-Length")
        if expected is not None and len(body) != int(expected):  # botocore's session does not look
            raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(expected))
        if answer.status_code != 200 or b"<Error>" in body[:200]:
            raise _refusal(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)
        return body


def _quoted(value: str) -> str:
    return quote(value, safe="-_.~", errors="surrogateescape")


def _pause_after(attempt: int) -> float:
    """Seconds, with jitter, so that workers who were refused together do not come back together."""
    return random.uniform(0, min(_LONGEST_PAUSE, 0.1 * 2**attempt))


def _may_pass(error: Exception) -> bool:
    """Whether asking again may help."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status >= 500 or status == 429 or error.response["Error"]["Code"] in _BUSY_CODES
    return not isinstance(error, SSLError | ProxyConnectionError)


def _refusal(status: int, headers: dict[str, str], body: bytes) -> ClientError:
    """The error boto3 would have raised."""
    text = body.decode("utf-8", "replace")
    error = {name: _element(text, name) for name in ("Code", "Message", "Region")}
    error["Code"] = error["Code"] or str(status)
    answer: Any = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}
    return ClientError(answer, "ListObjectsV2")


def _element(text: str, name: str) -> str:
    match = re.search(f"<{name}>([^<]*)</{name}>", text)
    return match[1] if match else ""
