"""Cross-origin answers as Amazon S3 gives them, written apart from `v7s3.access.cors` so that one can check the other.

Bodies and headers follow answers recorded on AWS: tests/aws/services/s3/test_s3_cors.snapshot.json in
localstack/localstack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v7s3.sandbox import s3xml
from v7s3.sandbox.s3xml import S3Error
from v7s3.sandbox.serving import Response

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Sequence

    from v7s3.sandbox.serving import Request

_METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


@dataclass(frozen=True)
class Rule:
    """One CORSRule as it was put."""

    ident: str | None
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str | None

    def origin_for(self, origin: str) -> str | None:
        """The value of Access-Control-Allow-Origin, None when no pattern fits: `*` when the rule names it, else the
        origin, in which case matters as on S3."""
        if "*" in self.origins:
            return "*"
        return origin if any(_fits(pattern, origin) for pattern in self.origins) else None

    def takes_headers(self, asked: Sequence[str]) -> bool:
        patterns = [pattern.lower() for pattern in self.headers]
        return all(any(_fits(pattern, name) for pattern in patterns) for name in asked)


def read_rules(body: bytes) -> tuple[Rule, ...]:
    """The rules of a PutBucketCors body. Raises S3Error for what S3 refuses to store."""
    if len(body) > 64 * 1024:
        raise S3Error(400, "MaxMessageLengthExceeded", "Your request was too large.")
    tree = s3xml.parse(body, "CORSConfiguration")
    rules = tuple(_read_rule(node) for node in tree.findall("CORSRule"))
    if not rules or any(not rule.origins or not rule.methods for rule in rules):
        raise S3Error(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    if len(rules) > 100:
        raise S3Error(400, "InvalidRequest", "The number of CORS rules should not exceed allowed limit of 100 rules.")
    for rule in rules:
        _check_rule(rule)
    return rules


def _read_rule(node: ET.Element) -> Rule:
    def texts(tag: str) -> tuple[str, ...]:
        return tuple(child.text or "" for child in node.findall(tag))

    return Rule(
        ident=node.findtext("ID"),
        origins=texts("AllowedOrigin"),
        methods=texts("AllowedMethod"),
        headers=texts("AllowedHeader"),
        exposed=texts("ExposeHeader"),
        max_age=node.findtext("MaxAgeSeconds"),
    )


def _check_rule(rule: Rule) -> None:
    for method in rule.methods:
        if method not in _METHODS:
            raise S3Error(
                400,
                "InvalidRequest",
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}",
            )
    for name, patterns in (("AllowedOrigin", rule.origins), ("AllowedHeader", rule.headers)):
        for pattern in patterns:
            if pattern.count("*") > 1:
                raise S3Error(400, "InvalidRequest", f'{name} "{pattern}" can not have more than one wildcard.')
    for header in rule.exposed:
        if "*" in header:
            raise S3Error(
                400,
                "InvalidRequest",
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.',
            )


def write_rules(rules: Sequence[Rule]) -> Response:
    """GetBucketCors."""
    parts = []
    for rule in rules:
        fields = [("ID", rule.ident)] if rule.ident is not None else []
        fields += [("AllowedHeader", header) for header in rule.headers]
        fields += [("AllowedMethod", method) for method in rule.methods]
        fields += [("AllowedOrigin", origin) for origin in rule.origins]
        fields += [("ExposeHeader", header) for header in rule.exposed]
        fields += [("MaxAgeSeconds", rule.max_age)] if rule.max_age is not None else []
        parts.append("<CORSRule>" + "".join(f"<{tag}>{s3xml.text(value or '')}</{tag}>" for tag, value in fields))
    body = "".join(part + "</CORSRule>" for part in parts)
    return s3xml.document(f'<CORSConfiguration xmlns="{s3xml.NAMESPACE}">{body}</CORSConfiguration>')


def preflight(request: Request, rules: Sequence[Rule] | None, *, exists: bool, is_object: bool) -> Response:
    """The answer to an OPTIONS request; no signature is needed. `rules` None: the bucket has no CORS configuration."""
    origin = request.headers.get("origin")
    method = request.headers.get("access-control-request-method")
    if origin is None:
        raise S3Error(400, "BadRequest", "Insufficient information. Origin request header needed.")
    details = {"Method": method or "OPTIONS", "ResourceType": "OBJECT" if is_object else "BUCKET"}
    if not exists:
        raise S3Error(403, "AccessForbidden", "CORSResponse: Bucket not found", **details)
    if rules is None:
        raise S3Error(403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", **details)
    if method not in _METHODS:
        raise S3Error(400, "BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    asked = _asked_headers(request)
    for rule in rules:
        allowed_origin = rule.origin_for(origin)
        if allowed_origin is not None and method in rule.methods and rule.takes_headers(asked):
            headers = _headers(rule, allowed_origin)
            if asked:
                headers["Access-Control-Allow-Headers"] = ", ".join(asked)
            return Response(200, b"", headers)
    raise S3Error(403, "AccessForbidden", _NOT_ALLOWED, **details)


def actual_headers(request: Request, rules: Sequence[Rule] | None) -> dict[str, str]:
    """The Access-Control headers on any other answer: none without Origin or without a rule that fits."""
    origin = request.headers.get("origin")
    if origin is None or rules is None:
        return {}
    asked = _asked_headers(request)
    method = request.headers.get("access-control-request-method", request.method)  # as recorded; browsers send none
    for rule in rules:
        allowed_origin = rule.origin_for(origin)
        if allowed_origin is not None and method in rule.methods and rule.takes_headers(asked):
            return _headers(rule, allowed_origin)
    return {}


def _asked_headers(request: Request) -> list[str]:
    asked = request.headers.get("access-control-request-headers", "")
    return [name.strip().lower() for name in asked.split(",") if name.strip()]


def _headers(rule: Rule, allowed_origin: str) -> dict[str, str]:
    headers = {
        "Access-Control-Allow-Origin": allowed_origin,
        "Access-Control-Allow-Methods": ", ".join(rule.methods),
        "Vary": _VARY,
    }
    if rule.exposed:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.exposed)
    if rule.max_age is not None:
        headers["Access-Control-Max-Age"] = rule.max_age
    if allowed_origin != "*":
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers


def _fits(pattern: str, value: str) -> bool:
    """Whole-text match; one `*` stands for any number of characters, also none."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None
