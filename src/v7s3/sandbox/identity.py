"""Who signed an S3 request: AWS Signature Version 4, checked and made, from AWS's description of it.

Checked are header signatures and presigned URLs, their age and their method. Made are presigned URLs, with which the
sandbox's Darwin reads and writes as V7's role and annotators' browsers load pictures.
Rules: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and sig-v4-header-based-auth.html.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from v7s3.sandbox.serving import Request

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Identity:
    """A caller the sandbox's S3 knows. `arn` None stands for nobody (an unsigned request)."""

    name: str
    access_key: str
    secret_key: str
    account: str
    arn: str | None


ANONYMOUS = Identity("anonymous", "", "", "", None)

# V7's role: account and name as V7's documentation gives them for bucket policies.
V7 = Identity(
    "v7", "AKIAV7EXTERNALS3", "the-secret-of-v7", "258327614892", "arn:aws:iam::258327614892:role/external_s3"
)


class SignatureError(Exception):
    """A request S3 refuses before it looks at any permission: HTTP status, S3's error code and message."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Signed:
    """What the signature of one request says."""

    access_key: str
    region: str
    service: str
    presigned: bool
    signed_at: datetime


def presign(identity: Identity, method: str, url: str, region: str, expires: int = 900) -> str:
    """`url` (no query; path already percent-encoded) with `identity`'s signature for `method` in its query."""
    parts = urlsplit(url)
    now = datetime.now(UTC)
    scope = f"{now:%Y%m%d}/{region}/s3/aws4_request"
    query = [
        ("X-Amz-Algorithm", _ALGORITHM),
        ("X-Amz-Credential", f"{identity.access_key}/{scope}"),
        ("X-Amz-Date", f"{now:%Y%m%dT%H%M%SZ}"),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", "host"),
    ]
    canonical = _canonical_request(
        method, parts.path, query, headers={"host": parts.netloc}, names=["host"], payload="UNSIGNED-PAYLOAD"
    )
    signature = _signature(identity.secret_key, f"{now:%Y%m%dT%H%M%SZ}", scope, canonical)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{_canonical_query(query)}&X-Amz-Signature={signature}"


def read_signature(request: Request) -> Signed | None:
    """The claim a request makes, None when it makes none. Raises SignatureError when it is malformed."""
    if request.parameter("X-Amz-Algorithm"):
        return _claim(request.parameter("X-Amz-Credential"), request.parameter("X-Amz-Date"), presigned=True)
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(_ALGORITHM):
        date = request.headers.get("x-amz-date", "")
        return _claim(_authorization_fields(authorization).get("Credential", ""), date, presigned=False)
    if authorization or request.asks("AWSAccessKeyId"):
        raise SignatureError(
            400,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    return None


def check_signature(request: Request, signed: Signed, secret_key: str, now: datetime) -> None:
    """Raise SignatureError unless `request` was signed with `secret_key` for this method and is neither too old nor
    too new at `now`."""
    if signed.presigned:
        _check_presigned_age(request, signed, now)
        names = request.parameter("X-Amz-SignedHeaders").split(";")
        query = [(name, value) for name, value in request.pairs if name != "X-Amz-Signature"]
        payload = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        scope = request.parameter("X-Amz-Credential").partition("/")[2]
        date, given = request.parameter("X-Amz-Date"), request.parameter("X-Amz-Signature")
    else:
        if abs(now - signed.signed_at) > timedelta(minutes=15):
            raise SignatureError(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            )
        fields = _authorization_fields(request.headers["authorization"])
        names, query = fields.get("SignedHeaders", "").split(";"), request.pairs
        payload = request.headers.get("x-amz-content-sha256") or hashlib.sha256(request.body).hexdigest()
        scope = fields.get("Credential", "").partition("/")[2]
        date, given = request.headers["x-amz-date"], fields.get("Signature", "")
    canonical = _canonical_request(
        request.method, request.raw_path, query, headers=request.headers, names=names, payload=payload
    )
    if not hmac.compare_digest(_signature(secret_key, date, scope, canonical), given):
        raise SignatureError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            AWSAccessKeyId=signed.access_key,
            CanonicalRequest=canonical,
        )


def _check_presigned_age(request: Request, signed: Signed, now: datetime) -> None:
    try:
        expires = int(request.parameter("X-Amz-Expires"))
    except ValueError:
        expires = -1
    if not 0 <= expires <= 604800:
        raise SignatureError(
            400,
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            "604800 seconds",
        )
    end = signed.signed_at + timedelta(seconds=expires)
    if now >= end:
        raise SignatureError(
            403,
            "AccessDenied",
            "Request has expired",
            **{"X-Amz-Expires": str(expires), "Expires": f"{end:%Y-%m-%dT%H:%M:%SZ}", "ServerTime": f"{now:%FT%TZ}"},
        )


def _claim(credential: str, date: str, *, presigned: bool) -> Signed:
    try:
        access_key, _, region, service, _ = credential.split("/")
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        code = "AuthorizationQueryParametersError" if presigned else "AuthorizationHeaderMalformed"
        raise SignatureError(400, code, "The signature lacks a credential scope or a date.") from None
    return Signed(access_key, region, service, presigned, signed_at)


def _authorization_fields(authorization: str) -> dict[str, str]:
    parts = authorization.removeprefix(_ALGORITHM).split(",")
    return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}


def _canonical_request(
    method: str,
    raw_path: str,
    query: list[tuple[str, str]],
    *,
    headers: Mapping[str, str],
    names: list[str],
    payload: str,
) -> str:
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    path = quote(unquote_to_bytes(raw_path), safe="/-_.~") or "/"
    return "\n".join([method, path, _canonical_query(query), lines, ";".join(names), payload])


def _canonical_query(query: list[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _signature(secret_key: str, date: str, scope: str, canonical: str) -> str:
    text = "\n".join([_ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
