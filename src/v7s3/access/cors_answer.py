"""What an endpoint answered, judged as a browser judges it, and held against what the configuration promised.

The browser's part is the Fetch standard's: https://fetch.spec.whatwg.org/#concept-cors-check and
https://fetch.spec.whatwg.org/#cors-preflight-fetch, for a page that sends no cookies (`crossorigin="anonymous"`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from v7s3.access import cors_rules as rules
from v7s3.access.cors import CORSRequest, evaluate_cors
from v7s3.report import Check, Location, status_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from v7s3.access.cors import CORSConfiguration, CORSDecision
    from v7s3.report import Finding

_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_BUCKET_NOT_FOUND = "CORSResponse: Bucket not found"
_HTML = ("<!doctype html", "<html")
_REFUSED_PREFLIGHT = ("AccessForbidden", "CORSResponse", "AccessDenied")  # AWS's code, s3rver's and radosgw's
_REFUSED_OBJECT = (400, 403, 404)
# A 400 that is about the request's form, as one that is signed for another region, and not about the object.
_MISDIRECTED = ("AuthorizationQueryParametersError", "AuthorizationHeaderMalformed")

CACHE_ADVICE = (
    "a picture that the browser once loaded without CORS stays in its cache without CORS headers: after a change "
    "reload with Ctrl-Shift-R or use a new profile, and keep thumbnails apart from originals"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, its headers with lower-case names, and the beginning of its body, as text and bytes."""

    status: int
    headers: Mapping[str, str]
    body: str = ""
    content: bytes = b""

    @property
    def code(self) -> str:
        """S3's name for the error, "" when there is none."""
        match = _CODE.search(self.body)
        return match[1] if match else ""

    @property
    def message(self) -> str:
        match = _MESSAGE.search(self.body)
        return match[1] if match else ""

    @property
    def allowed_origin(self) -> str:
        return self.headers.get("access-control-allow-origin", "")

    @property
    def says_bucket_not_found(self) -> bool:
        return self.message == _BUCKET_NOT_FOUND or self.code == "NoSuchBucket"

    @property
    def is_web_page(self) -> bool:
        """HTML that S3 did not send: of a login, a proxy, a filter. To an HTML object S3 adds its request's id.

        S3's errors are XML, whatever type a server gives them.
        """
        typed = self.headers.get("content-type", "").lower().startswith("text/html") and bool(self.body)
        html = typed or self.body.lstrip().lower().startswith(_HTML)
        return html and not self.code and "x-amz-request-id" not in self.headers

    @property
    def is_of_s3(self) -> bool:
        """Whether it has what every S3 server gives with an object, or with the reason why not.

        An ETag and a code is all that they have in common: s3rver sends no x-amz-* header.
        """
        return "x-amz-request-id" in self.headers or "etag" in self.headers or bool(self.code)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the configuration says, when it is known: `known` is False when nobody could read it."""

    known: bool
    configuration: CORSConfiguration | None = None

    def of(self, request: CORSRequest) -> CORSDecision | None:
        return evaluate_cors(self.configuration, request) if self.known else None


def shares_with(answer: Answer, origin: str) -> bool:
    """The CORS check: whether a browser lets a page on `origin` see this answer."""
    return answer.allowed_origin in ("*", origin)


def lets_through(answer: Answer, origin: str, method: str, headers: Sequence[str] = ()) -> bool:
    """Whether a browser goes on with the actual request after this answer to its preflight."""
    if not (200 <= answer.status < 300 and shares_with(answer, origin)):
        return False
    methods = _names(answer, "access-control-allow-methods")
    allowed = {name.lower() for name in _names(answer, "access-control-allow-headers")}
    if method not in ("GET", "HEAD", "POST") and method not in methods and "*" not in methods:
        return False
    return all(name.lower() in allowed or ("*" in allowed and name.lower() != "authorization") for name in headers)


def judge_preflight(answer: Answer, origin: str, *, promise: Promise, fix: str) -> Check:
    """The check `preflight`: what the endpoint says to OPTIONS for a GET from `origin`."""
    refused = answer.status == 403 and answer.code in _REFUSED_PREFLIGHT
    if answer.is_web_page or not (200 <= answer.status < 300 or refused):
        return _no_verdict("preflight", answer)
    found: list[Finding] = []
    place = Location(name=origin)
    allowed = lets_through(answer, origin, "GET")
    if not allowed:
        found.append(_refusal(answer, origin, place, fix))
    found += _disagreement(CORSRequest("preflight", origin, "GET"), answer, promise, place, allowed=allowed)
    words = f"lets {origin} GET" if allowed else f"refuses {origin}"
    return Check(
        "preflight", status_of(found), f"S3 {words} ({answer.status})", tuple(found), _notes(answer),
        call="OPTIONS object, without credentials",
    )  # fmt: skip


def judge_get(answer: Answer, origin: str, bucket: str, key: str, *, promise: Promise, fix: str) -> Check:
    """The check `get`: what the endpoint answers to a presigned, ranged GET of `key` with an Origin."""
    served = answer.status in (200, 206, 416)  # 416: an empty object has no first byte
    refused = answer.status in _REFUSED_OBJECT and answer.code and answer.code not in _MISDIRECTED
    if answer.is_web_page or not (refused or (served and answer.is_of_s3)):
        return _no_verdict("get", answer)
    if answer.code == "NoSuchKey":
        what = f"there is no object s3://{bucket}/{key}; keys are case-sensitive and begin without a slash"
        return Check("get", "error", what)
    found: list[Finding] = []
    place = Location(f"s3://{bucket}/{key}", name=origin)
    shared = shares_with(answer, origin)
    request = CORSRequest("actual", origin, "GET")
    if not served:
        words = f"GET is answered {answer.status} {answer.code}".rstrip()
        hint = " (the CORS headers are right)" if shared else ""
        found.append(
            rules.LIVE_NO_PERMISSION.finding(f"{words}{hint}", at=place, fix=f"v7s3 policy check s3://{bucket}")
        )
    if served and not shared:
        what = f"is {answer.allowed_origin}" if answer.allowed_origin else "is missing"
        message = f"the object arrives, but Access-Control-Allow-Origin {what}"
        found.append(rules.LIVE_NO_HEADERS.finding(message, at=place, fix=fix))
    if shared and answer.allowed_origin != "*" and not _varies(answer):
        found.append(rules.LIVE_NO_VARY.finding("Vary does not name Origin", at=place))
    if served or shared:
        found += _disagreement(request, answer, promise, place, allowed=shared)
    if served:
        summary = f"a browser on {origin} {'shows' if shared else 'does not show'} {key} ({answer.status})"
    else:
        summary = f"{key} was not served ({answer.status}), so nothing was shown"
    return Check(
        "get", status_of(found), summary, tuple(found), (*_notes(answer), CACHE_ADVICE),
        call="GET object, presigned, first byte only", permission="s3:GetObject",
    )  # fmt: skip


def _no_verdict(ident: str, answer: Answer) -> Check:
    """The answer says nothing about CORS: it is of something in S3's way, or of S3 about something else."""
    said = f"the endpoint answered {answer.status} {answer.code}".rstrip()
    later = answer.status >= 500 or answer.status == 429
    return Check(ident, "error", f"{said}{'; ask again later' if later else _why_no_verdict(answer)}")


def _why_no_verdict(answer: Answer) -> str:
    """What the answer is instead, and what to do, for the end of a sentence."""
    region = answer.headers.get("x-amz-bucket-region")
    if region and 300 <= answer.status <= 400:
        return f": the bucket is in {region}; add --region {region}, and leave --endpoint-url out on AWS"
    if answer.status == 407:
        return ": a proxy asks who you are; see HTTPS_PROXY"
    if answer.is_web_page:
        return " with a web page: a login, a proxy or a filter answers in S3's place; ask from another network"
    if 300 <= answer.status < 400:
        host = urlsplit(answer.headers.get("location", "")).netloc
        return f" and sends on to {host or 'another place'}; S3 was not asked; check the network and --region"
    if answer.message:
        return f": {answer.message}"
    return ", which S3 does not; check what stands between you and S3, and --endpoint-url"


def _refusal(answer: Answer, origin: str, place: Location, fix: str) -> Finding:
    if "not enabled" in answer.message:
        return rules.LIVE_NOT_ENABLED.finding(f"S3 answers {answer.status}: {answer.message}", at=place, fix=fix)
    if 200 <= answer.status < 300:
        what = f"Access-Control-Allow-Origin: {answer.allowed_origin}" if answer.allowed_origin else "no CORS headers"
        return rules.LIVE_NO_HEADERS.finding(f"the preflight from {origin} is answered with {what}", at=place, fix=fix)
    reason = answer.message.partition(" This is usually")[0] or answer.code
    return rules.LIVE_NOT_ALLOWED.finding(f"S3 answers {answer.status}: {reason}", at=place, fix=fix)


def _disagreement(
    request: CORSRequest, answer: Answer, promise: Promise, place: Location, *, allowed: bool
) -> list[Finding]:
    decision = promise.of(request)
    if decision is None:
        return []
    said = decision.headers.get("Access-Control-Allow-Origin", "")
    if decision.allowed == allowed and (not allowed or said == answer.allowed_origin):
        return []
    by_rule = f"rule {decision.rule.index} answers {said}" if decision.rule else "no rule lets the origin in"
    endpoint = f"answers {answer.allowed_origin}" if allowed else "refuses"
    message = f"{request.kind} request: by the configuration {by_rule}, the endpoint {endpoint}"
    return [rules.DISAGREEMENT.finding(message, at=place)]


def _names(answer: Answer, header: str) -> list[str]:
    return [name.strip() for name in answer.headers.get(header, "").split(",") if name.strip()]


def _varies(answer: Answer) -> bool:
    names = {name.lower() for name in _names(answer, "vary")}
    return bool(names & {"origin", "*"})


def _notes(answer: Answer) -> tuple[str, ...]:
    shown = [
        f"{name}: {value}"
        for name, value in sorted(answer.headers.items())
        if name.startswith("access-control-") or name == "vary"
    ]
    return tuple(shown) or ("no Access-Control header and no Vary in the answer",)
