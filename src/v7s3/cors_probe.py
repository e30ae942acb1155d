"""Ask a real endpoint what a browser would ask it: an unsigned preflight, and a presigned GET of one byte.

S3 answers a preflight without credentials, so that much needs nothing but the bucket's name. The GET needs somebody's
credentials and an object; without either it is not made, and its check says why.
"""

from __future__ import annotations

import os
import shlex
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from v7s3 import __version__
from v7s3.access.cors_answer import Answer, judge_get, judge_preflight, lets_through
from v7s3.errors import NotFoundError, ServiceError, UsageError, V7S3Error
from v7s3.report import Check
from v7s3.s3 import connect, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_s3.client import S3Client

    from v7s3.access.cors_answer import Promise
    from v7s3.s3 import AwsSettings

_EXPIRES = 300  # seconds a presigned URL lives: long enough for one request on a slow line
_BODY = 4096  # bytes of an error document that are read
_LISTED = 1000  # keys looked at for an object to ask for: what S3 lists at once
_PROBED_KEY = "v7s3-cors-preflight"  # S3 answers a preflight without looking whether the key exists


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked, as URLs in the endpoint's own style (virtual host on AWS, path elsewhere).

    `presigned` is None when no GET can be made; `why_no_get` then says why.
    """

    bucket: str
    key: str  # "" when no object is known
    url: str
    presigned: str | None
    why_no_get: str = ""


def find_target(
    settings: AwsSettings, bucket: str, key: str, client: S3Client | None = None, why_no_client: str = ""
) -> Target:
    """Prepare to ask about `bucket`. `key` "" or ending in "/" is a prefix: its first object in a listing is taken.

    `client` is a connected client; without one the unsigned preflight alone is possible.
    """
    why = ""
    if client is None:
        why = f"a presigned GET needs AWS credentials: {why_no_client}"
        client = connect(settings, bucket, anonymous=True)
    elif not key or key.endswith("/"):
        key, why = _first_key(client, bucket, key)
    known = bool(key) and not key.endswith("/")
    parameters = {"Bucket": bucket, "Key": key if known else _PROBED_KEY}
    with translated(f"s3://{bucket}"):
        signed = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=_EXPIRES)
    url = signed.partition("?")[0]
    return Target(bucket, key if known else "", url, None if why else signed, why)


def _first_key(client: S3Client, bucket: str, prefix: str) -> tuple[str, str]:
    """The first object that is not a folder marker, or "" and why there is none."""
    try:
        with translated(f"s3://{bucket}/{prefix}"):
            listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_LISTED)
    except V7S3Error as error:
        return "", f"no object is known: {error.message}; give one as s3://{bucket}/KEY"
    keys = [item["Key"] for item in listed.get("Contents", ()) if not item["Key"].endswith("/")]
    if keys:
        return keys[0], ""
    if listed.get("IsTruncated"):
        name = f"name one as s3://{bucket}/KEY"
        return "", f"the first {_LISTED} keys below s3://{bucket}/{prefix} are folder markers, not objects; {name}"
    return "", f"there is no object below s3://{bucket}/{prefix} to ask for"


class Browser:
    """Sends the two requests. A context manager; not for use by several threads.

    Both raise UsageError when the environment names certificates or a proxy that cannot be used.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        bundle = os.environ.get("AWS_CA_BUNDLE")
        agent = f"v7s3/{__version__}"
        try:
            verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=bundle) if bundle else True
            return httpx.Client(verify=verify, timeout=20, headers={"user-agent": agent}, follow_redirects=False)
        except OSError as error:
            variable = "AWS_CA_BUNDLE" if bundle else "SSL_CERT_FILE"
            raise UsageError(
                f"the certificates of {variable} cannot be read: {error}", hint="it names a PEM file"
            ) from error
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise UsageError(
                "the proxy in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) cannot be used",
                hint="v7s3 speaks to http:// and https:// proxies",
            ) from error

    def preflight(self, target: Target, origin: str) -> Answer:
        """Raises NotFoundError when S3 knows no such bucket, ServiceError when the endpoint cannot be reached."""
        answer = self._send("OPTIONS", target.url, {"Origin": origin, "Access-Control-Request-Method": "GET"})
        if answer.says_bucket_not_found:
            raise NotFoundError(f"S3 knows no bucket {target.bucket}", hint="check its name")
        return answer

    def get(self, presigned: str, origin: str) -> Answer:
        """The first byte of the object. Raises ServiceError when the endpoint cannot be reached."""
        return self._send("GET", presigned, {"Origin": origin, "Range": "bytes=0-0"})

    def _send(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        try:
            with self._client.stream(method, url, headers=headers) as response:
                body = b""
                for chunk in response.iter_bytes(_BODY):
                    body += chunk
                    if len(body) >= _BODY:  # a server that ignores Range must not make us read a video
                        break
                lower = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, lower, body[:_BODY].decode("utf-8", "replace"), body[:_BODY])
        except httpx.HTTPError as error:
            host = urlsplit(url).netloc
            raise ServiceError(
                f"{host} cannot be asked: {type(error).__name__}: {error}",
                hint="check the network, a proxy (HTTPS_PROXY) and --endpoint-url",
            ) from error


def live_checks(target: Target, origins: Sequence[str], promise: Promise, fix: str) -> list[Check]:
    """For each origin the checks `preflight` and `get`. What could not be asked is `skip` or `error`, never `ok`.

    Raises NotFoundError when S3 knows no such bucket.
    """
    with Browser() as browser:
        return [
            check
            for origin in origins
            for check in (
                _preflight_check(browser, target, origin, promise, fix),
                _get_check(browser, target, origin, promise, fix),
            )
        ]


def preflight_checks(target: Target, origins: Sequence[str], promise: Promise, fix: str) -> list[Check]:
    """The check `preflight` of each origin alone: nothing but the bucket's name is needed."""
    with Browser() as browser:
        return [_preflight_check(browser, target, origin, promise, fix) for origin in origins]


def _preflight_check(browser: Browser, target: Target, origin: str, promise: Promise, fix: str) -> Check:
    try:
        answer = browser.preflight(target, origin)
    except (ServiceError, UsageError) as error:
        return Check("preflight", "error", error.message, notes=(error.hint,))
    return judge_preflight(answer, origin, promise=promise, fix=fix)


def _get_check(browser: Browser, target: Target, origin: str, promise: Promise, fix: str) -> Check:
    if target.presigned is None:
        return Check("get", "skip", target.why_no_get, permission="s3:GetObject")
    try:
        answer = browser.get(target.presigned, origin)
    except (ServiceError, UsageError) as error:
        return Check("get", "error", error.message, notes=(error.hint,))
    return judge_get(answer, origin, target.bucket, target.key, promise=promise, fix=fix)


def wait_until_let_in(
    target: Target, origins: Sequence[str], *, attempts: int, seconds: float, pause: Callable[[float], None]
) -> bool:
    """Ask for every origin until S3 lets all of them in, at most `attempts` times, `seconds` apart.

    S3 takes a changed CORS configuration to all its hosts in seconds to a few minutes. Raises UsageError as Browser.
    """
    with Browser() as browser:
        for attempt in range(attempts):
            if attempt:
                pause(seconds)
            if all(_lets_in(browser, target, origin) for origin in origins):
                return True
    return False


def _lets_in(browser: Browser, target: Target, origin: str) -> bool:
    try:
        answer = browser.preflight(target, origin)
        return not answer.is_web_page and lets_through(answer, origin, "GET")
    except (ServiceError, NotFoundError):  # a host that is busy, or has not heard of a new bucket
        return False


def curl_lines(target: Target, origins: Sequence[str], settings: AwsSettings) -> list[str]:
    """The same requests for a shell. Presigning is left to `aws s3 presign`: a presigned URL is a key to the object."""
    lines = []
    where = "".join(
        f" --{option} {shlex.quote(value)}"
        for option, value in (("profile", settings.profile), ("endpoint-url", settings.endpoint_url))
        if value
    )
    for origin in origins:
        asked = shlex.quote(f"Origin: {origin}")
        url = shlex.quote(target.url)
        lines.append(f"curl -si -X OPTIONS -H {asked} -H 'Access-Control-Request-Method: GET' {url}")
        key = shlex.quote(f"s3://{target.bucket}/{target.key or 'KEY'}")
        presign = f'"$(aws s3 presign {key} --expires-in {_EXPIRES}{where})"'
        lines.append(f"curl -s -D - -o /dev/null -r 0-0 -H {asked} {presign}")
    return lines
