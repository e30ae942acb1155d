"""A bucket's CORS configuration, and what S3 answers to a browser that asks about it.

Where the rules come from:

* which rule wins: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html (the first CORSRule that matches
  origin, method and, in a preflight, every asked header);
* one wildcard an origin or header pattern: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html;
* that `*` may stand for nothing and that a pattern covers the whole origin: ceph's s3-tests, which also pass on AWS;
* the answers' headers, statuses and messages: recorded on AWS by LocalStack (tests/aws/services/s3/test_s3_cors.py
  and its snapshot), and by Scality's functional tests that run against AWS (corsPreflight.js).

Nobody has recorded what S3 answers when one rule lists `*` beside other origins; like LocalStack, Scality and s3rver
we answer `*`. No rule of ours depends on it, because a browser that loads pictures accepts both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from v7s3.access.cors_xml import LISTS, read_xml, whole_number
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from v7s3.access.cors_xml import Element

Kind = Literal["preflight", "actual"]

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
NO_ORIGIN = "Insufficient information. Origin request header needed."
NO_METHOD = "Invalid Access-Control-Request-Method: null"


@dataclass(frozen=True, slots=True)
class CORSRule:
    """One rule, in the API's names. A list that is absent is empty: S3 treats the two alike."""

    AllowedMethods: tuple[str, ...] = ()
    AllowedOrigins: tuple[str, ...] = ()
    AllowedHeaders: tuple[str, ...] = ()
    ExposeHeaders: tuple[str, ...] = ()
    MaxAgeSeconds: int | None = None  # seconds; None leaves the browser its own five
    ID: str | None = None

    def as_api(self) -> dict[str, Any]:
        """The rule as `put_bucket_cors` takes it and `get_bucket_cors` gives it: without what is empty."""
        api: dict[str, Any] = {"ID": self.ID} if self.ID is not None else {}
        for name in ("AllowedHeaders", "AllowedMethods", "AllowedOrigins", "ExposeHeaders"):
            if values := getattr(self, name):
                api[name] = list(values)
        if self.MaxAgeSeconds is not None:
            api["MaxAgeSeconds"] = self.MaxAgeSeconds
        return api


@dataclass(frozen=True, slots=True)
class CORSConfiguration:
    """The rules of a bucket, in the order in which S3 tries them."""

    CORSRules: tuple[CORSRule, ...] = ()

    @classmethod
    def parse(cls, document: str | bytes | Mapping[str, Any] | Sequence[Any]) -> CORSConfiguration:
        """Read the console's bare array, the API's `{"CORSRules": […]}` or S3's XML, as text or as parsed JSON.

        Raises UsageError for what is none of the three or holds a value of a wrong type. Values that S3 would refuse
        to store (a method PATCH, two wildcards) are kept as they stand: naming them is `lint_cors`'s work.
        """
        if isinstance(document, bytes):
            document = _decode(document)
        if isinstance(document, str):
            text = document.removeprefix("\ufeff")
            if text.lstrip().startswith("<"):
                return cls(tuple(_rules_of_xml(text)))
            document = _load_json(text)
        rules = _rules_of(document)
        return cls(tuple(_rule(rule, f"/{index}") for index, rule in enumerate(rules)))

    def as_api(self) -> dict[str, Any]:
        """`{"CORSRules": […]}` for `put_bucket_cors(CORSConfiguration=…)`."""
        return {"CORSRules": [rule.as_api() for rule in self.CORSRules]}


@dataclass(frozen=True, slots=True)
class CORSRequest:
    """What a browser sends: the preflight (`OPTIONS`), or the actual request (`GET` with an `Origin`).

    `method` is that of the actual request in both kinds. `headers` are the names in Access-Control-Request-Headers,
    one by one or as the header's own comma-separated text; S3 looks at them in a preflight only.
    Raises UsageError for another kind: taken for an actual request, it would pass by the headers unseen.
    """

    kind: Kind
    origin: str
    method: str
    headers: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UsageError(f"{self.kind!r} is no kind of request", hint=f"write {' or '.join(get_args(Kind))}")

    @property
    def asked_headers(self) -> tuple[str, ...]:
        """The asked names as S3 reads them: split at commas, trimmed, lower case, empty ones dropped."""
        texts = [self.headers] if isinstance(self.headers, str) else self.headers or ()
        names = (name.strip().lower() for text in texts for name in text.split(","))
        return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True)
class RuleName:
    """Which rule: its place in the configuration, from 0, and its ID where it has one."""

    index: int
    ID: str | None


class RuleMismatch(NamedTuple):
    """Why one rule does not apply to a request: a sentence for each of origin, method and headers that differs."""

    rule: RuleName
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CORSDecision:
    """S3's answer to one request.

    `allowed` means that a browser would let the page have the response (for a preflight: would send the request).
    An actual request that is not allowed is still served, with its own status: it merely carries no `headers`.
    """

    allowed: bool
    headers: dict[str, str]  # the Access-Control-* headers and Vary; empty when no rule matches
    rule: RuleName | None  # the rule that decided
    mismatches: tuple[RuleMismatch, ...]  # the rules that were tried before it, or all of them
    status: int | None  # of the answer to a preflight; None for an actual request, whose status is not CORS's matter
    message: str = ""  # what S3 says in the body of a refused preflight


def evaluate_cors(configuration: CORSConfiguration | None, request: CORSRequest) -> CORSDecision:
    """S3's answer to `request` on a bucket with this configuration; None is a bucket without one."""
    if not request.origin:
        return _refuse(request, NO_ORIGIN, status=400)
    if configuration is None or not configuration.CORSRules:
        return _refuse(request, NOT_ENABLED)
    if not request.method:
        return _refuse(request, NO_METHOD, status=400)
    mismatches: list[RuleMismatch] = []
    for index, rule in enumerate(configuration.CORSRules):
        name = RuleName(index, rule.ID)
        reasons = tuple(_differences(rule, request))
        if not reasons:
            status = 200 if request.kind == "preflight" else None
            return CORSDecision(True, _answer(rule, request), name, tuple(mismatches), status)
        mismatches.append(RuleMismatch(name, reasons))
    return _refuse(request, NOT_ALLOWED, mismatches=tuple(mismatches))


def matches_pattern(pattern: str, value: str) -> bool:
    """Whether S3's pattern, with at most one `*` for any run of characters or none, covers the whole of `value`.

    A pattern with two `*` covers nothing: S3 does not store it.
    """
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == value
    if "*" in after:
        return False
    return len(value) >= len(before) + len(after) and value.startswith(before) and value.endswith(after)


def _refuse(
    request: CORSRequest, message: str, *, status: int = 403, mismatches: tuple[RuleMismatch, ...] = ()
) -> CORSDecision:
    if request.kind == "preflight":
        return CORSDecision(False, {}, None, mismatches, status, message)
    return CORSDecision(False, {}, None, mismatches, None)


def _differences(rule: CORSRule, request: CORSRequest) -> Iterator[str]:
    if not any(matches_pattern(pattern, request.origin) for pattern in rule.AllowedOrigins):
        yield f"AllowedOrigins {_listed(rule.AllowedOrigins)} does not match {request.origin}"
    if request.method not in rule.AllowedMethods:
        yield f"AllowedMethods {_listed(rule.AllowedMethods)} does not contain {request.method}"
    if request.kind == "preflight":
        patterns = [pattern.lower() for pattern in rule.AllowedHeaders]
        missing = [
            name for name in request.asked_headers if not any(matches_pattern(pattern, name) for pattern in patterns)
        ]
        if missing:
            yield f"AllowedHeaders {_listed(rule.AllowedHeaders)} does not cover {', '.join(missing)}"


def _listed(values: tuple[str, ...]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


def _answer(rule: CORSRule, request: CORSRequest) -> dict[str, str]:
    if "*" in rule.AllowedOrigins:
        headers = {"Access-Control-Allow-Origin": "*"}
    else:
        headers = {"Access-Control-Allow-Origin": request.origin, "Access-Control-Allow-Credentials": "true"}
    headers["Access-Control-Allow-Methods"] = ", ".join(rule.AllowedMethods)
    if request.kind == "preflight" and request.asked_headers:
        headers["Access-Control-Allow-Headers"] = ", ".join(request.asked_headers)
    if rule.ExposeHeaders:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.ExposeHeaders)
    if rule.MaxAgeSeconds is not None:
        headers["Access-Control-Max-Age"] = str(rule.MaxAgeSeconds)
    headers["Vary"] = VARY
    return headers


# --- reading ----------------------------------------------------------------------------------------------------------

_SHOWN = 80  # characters of somebody's text in a message
_LISTS = ("AllowedMethods", "AllowedOrigins", "AllowedHeaders", "ExposeHeaders")


def _decode(document: bytes) -> str:
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the CORS configuration is not UTF-8 text (byte {error.start})", hint="save the file as UTF-8"
        ) from error


def _load_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"the CORS configuration is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            hint="`v7s3 cors check --cors-file FILE` shows every problem with its place",
        ) from error
    except ValueError as error:  # Python reads no number of more than 4300 digits
        raise UsageError(
            "the CORS configuration holds a number that is too long", hint="MaxAgeSeconds is a number of seconds"
        ) from error
    except RecursionError as error:
        raise UsageError("the CORS configuration is nested too deeply to be one") from error


def _rules_of(document: Any) -> Sequence[Any]:
    """The list of rules in any of the wrappings in which AWS's own tools hand it over."""
    if (
        isinstance(document, dict)
        and "CORSRules" not in document
        and isinstance(document.get("CORSConfiguration"), dict)
    ):
        document = document["CORSConfiguration"]  # `aws s3api put-bucket-cors --cli-input-json`, boto3's arguments
    rules = document.get("CORSRules") if isinstance(document, dict) else document
    if not isinstance(rules, list | tuple):
        raise UsageError(
            "this is not a CORS configuration: a list of rules, or an object with `CORSRules`, was expected",
            hint='the console takes [{…}], the API {"CORSRules": [{…}]}',
        )
    return rules


def _rule(rule: Any, pointer: str) -> CORSRule:
    if not isinstance(rule, dict):
        raise UsageError(f"CORS rule {pointer} is {_type_name(rule)}, not an object")
    lists = {name: _strings(rule.get(name), f"{pointer}/{name}") for name in _LISTS}
    seconds, ident = rule.get("MaxAgeSeconds"), rule.get("ID")
    if isinstance(seconds, bool) or not isinstance(seconds, int | None):
        raise UsageError(f"CORS rule {pointer}/MaxAgeSeconds is {_type_name(seconds)}, not a whole number")
    if not isinstance(ident, str | None):
        raise UsageError(f"CORS rule {pointer}/ID is {_type_name(ident)}, not text")
    return CORSRule(**lists, MaxAgeSeconds=seconds, ID=ident)


def _strings(values: Any, pointer: str) -> tuple[str, ...]:
    if values is None:
        return ()
    if not isinstance(values, list | tuple):
        raise UsageError(f"CORS rule {pointer} is {_type_name(values)}, not a list", hint="put it in [ ]")
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise UsageError(f"CORS rule {pointer}/{index} is {_type_name(value)}, not text")
    return tuple(values)


def _type_name(value: Any) -> str:
    names = {bool: "true or false", str: "text", dict: "an object", list: "a list", type(None): "null"}
    return names.get(type(value), "a number")


def _rules_of_xml(text: str) -> Iterator[CORSRule]:
    root = read_xml(text)
    if root.name != "CORSConfiguration":
        raise UsageError(f"the XML's root is <{root.name}>, not <CORSConfiguration>")
    rules = (element for element in root.children if element.name == "CORSRule")
    return (_xml_rule(element, f"/{index}") for index, element in enumerate(rules))


def _xml_rule(element: Element, pointer: str) -> CORSRule:
    rule: dict[str, Any] = {}
    for child in element.children:
        if child.name in LISTS:
            rule.setdefault(LISTS[child.name], []).append(child.text)
        elif child.name == "ID":
            rule["ID"] = child.text
        elif child.name == "MaxAgeSeconds" and child.text.strip():
            rule["MaxAgeSeconds"] = whole_number(child.text)
            if rule["MaxAgeSeconds"] is None:
                shown = child.text if len(child.text) <= _SHOWN else f"{child.text[:_SHOWN]}…"
                raise UsageError(f"CORS rule {pointer}/MaxAgeSeconds is {shown!r}, not a whole number")
    return _rule(rule, pointer)
