"""The product's evaluators and the sandbox's, written apart from each other, agree on whatever Hypothesis thinks of.

Here every condition key is known, present or absent, so the product must never answer "depends".
"""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from v7s3.access import cors as product_cors
from v7s3.access.evaluate import AccessRequest, evaluate, is_public
from v7s3.access.policy import PolicyDocument
from v7s3.sandbox import access, cors
from v7s3.sandbox.s3xml import S3Error
from v7s3.sandbox.serving import Request

V7 = "arn:aws:iam::258327614892:role/external_s3"
OBJECT = "arn:aws:s3:::frames/raw/may/1.jpg"
CONTEXT = {
    "aws:SourceIp": "203.0.113.7",
    "aws:SecureTransport": "true",
    "aws:PrincipalArn": V7,
    "aws:PrincipalAccount": "258327614892",
    "aws:RequestedRegion": "eu-west-1",
    "s3:signatureAge": "1000",
    "aws:CurrentTime": "2026-06-01T00:00:00Z",
    "aws:SourceVpce": None,
    "aws:username": None,
    "aws:TagKeys": None,
}
TEXTS = ["203.0.113.7", "true", V7, "eu-west-1", "eu-*", "*", "?u-west-1", "arn:aws:iam::*:role/*", "EU-WEST-1", "${*}"]
VALUES = {
    "String": st.sampled_from([*TEXTS, "${aws:RequestedRegion}", "${aws:username, 'eu-west-1'}"]),
    "Arn": st.sampled_from([V7, "arn:aws:iam::*:role/*", "arn:aws:iam::258327614892:*", "arn:*:*:*:*:*"]),
    "Numeric": st.sampled_from(["999", "1000", "1000.0", "1001"]),
    "Date": st.sampled_from(["2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"]),
    "Bool": st.sampled_from(["true", "false"]),
    "Ip": st.sampled_from(["203.0.113.7", "203.0.113.0/24", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"]),
    "Null": st.sampled_from(["true", "false"]),
}
OPERATORS = {
    "String": ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"],
    "Arn": ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
    "Numeric": ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"],
    "Date": ["DateEquals", "DateLessThan", "DateGreaterThanEquals"],
    "Bool": ["Bool"],
    "Ip": ["IpAddress", "NotIpAddress"],
    "Null": ["Null"],
}
KEYS = {
    "String": ["aws:RequestedRegion", "AWS:requestedregion", "aws:username", "aws:PrincipalAccount"],
    "Arn": ["aws:PrincipalArn"],
    "Numeric": ["s3:signatureAge"],
    "Date": ["aws:CurrentTime"],
    "Bool": ["aws:SecureTransport"],
    "Ip": ["aws:SourceIp"],
    "Null": [*CONTEXT],
}


@st.composite
def conditions(draw):
    kind = draw(st.sampled_from(sorted(OPERATORS)))
    operator = draw(st.sampled_from(OPERATORS[kind]))
    if kind != "Null" and draw(st.booleans()):
        operator += "IfExists"
    values = draw(st.lists(VALUES[kind], min_size=1, max_size=1 if kind in ("Null", "Bool") else 3))
    return {operator: {draw(st.sampled_from(KEYS[kind])): values}}


@st.composite
def statements(draw):
    effect = draw(st.sampled_from(["Allow", "Deny"]))
    principals = ["*", {"AWS": V7}, {"AWS": ["258327614892", "111122223333"]}, {"AWS": "arn:aws:iam::1:role/x"}]
    statement = {"Effect": effect, "Principal": draw(st.sampled_from(principals))}
    actions = st.sampled_from(["s3:GetObject", "s3:*", "S3:get*", "s3:PutObject", "s3:Get?bject", "s3:GetObject*"])
    statement[draw(st.sampled_from(["Action", "NotAction"]))] = draw(st.lists(actions, min_size=1, max_size=2))
    names = ["*", "frames/*", "frames", "frames/raw/*", "frames/RAW/*", "frames/*/1.jpg", "frames/raw/??y/*", "*/raw/*"]
    resources = st.sampled_from([f"arn:aws:s3:::{name}" for name in names] + ["arn:aws:s3:::frames/${aws:username}/*"])
    statement[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(st.lists(resources, min_size=1, max_size=2))
    for condition in draw(st.lists(conditions(), max_size=2)):
        statement.setdefault("Condition", {}).update(condition)
    return statement


policies = st.builds(
    lambda version, listed: {"Version": version, "Statement": listed},
    st.sampled_from(["2012-10-17", "2008-10-17"]),
    st.lists(statements(), min_size=1, max_size=4),
)


@settings(max_examples=150, deadline=None)
@given(policies)
def test_both_evaluators_give_the_same_verdict(policy):
    decision = evaluate(PolicyDocument.parse(policy), AccessRequest(V7, "s3:GetObject", OBJECT, CONTEXT))
    known = {key.lower(): (value,) for key, value in CONTEXT.items() if value is not None}
    verdict = access.evaluate(policy, access.Call(V7, "258327614892", "s3:GetObject", OBJECT, known))
    assert decision.effect == ("allowed" if verdict == "allow" else "denied"), json.dumps(policy)


@settings(max_examples=60, deadline=None)
@given(policies)
def test_both_call_the_same_policies_public(policy):
    assert is_public(PolicyDocument.parse(policy)) == access.is_public(policy), json.dumps(policy)


origins = st.sampled_from(["https://a.example", "https://b.a.example", "http://a.example", "https://A.example", "null"])
patterns = st.sampled_from(["*", "https://*", "https://*.example", "*a.example", "https://a.example", "http*a.example"])
methods = st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"])
header_patterns = st.sampled_from(["*", "x-*", "Range", "*-date", "x-amz-*"])
asked_headers = st.lists(st.sampled_from(["range", "X-Amz-Date", "x-custom", "content-type"]), max_size=3, unique=True)
rules = st.fixed_dictionaries(
    {
        "AllowedOrigins": st.lists(patterns, min_size=1, max_size=2),
        "AllowedMethods": st.lists(methods, min_size=1, max_size=3, unique=True),
        "AllowedHeaders": st.lists(header_patterns, max_size=2),
    },
    optional={
        "ExposeHeaders": st.lists(st.sampled_from(["ETag", "x-amz-id-2"]), max_size=2),
        "MaxAgeSeconds": st.integers(0, 9),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(rules, min_size=1, max_size=3), origins, methods, asked_headers, st.booleans())
def test_both_answer_cross_origin_requests_alike(configured, origin, method, asked, is_preflight):
    configuration = product_cors.CORSConfiguration.parse({"CORSRules": configured})
    kind = "preflight" if is_preflight else "actual"
    asked = asked if is_preflight else []
    decision = product_cors.evaluate_cors(configuration, product_cors.CORSRequest(kind, origin, method, asked))
    theirs = tuple(_sandbox_rule(rule) for rule in configured)
    headers = {"origin": origin, "access-control-request-method": method}
    headers |= {"access-control-request-headers": ", ".join(asked)} if asked else {}
    if is_preflight:
        try:
            answered = cors.preflight(Request("OPTIONS", "/", "", headers), theirs, exists=True, is_object=True).headers
        except S3Error:
            answered = {}
    else:
        answered = cors.actual_headers(Request(method, "/", "", {"origin": origin}), theirs)
    assert decision.headers == dict(answered)
    assert decision.allowed == bool(answered)


def _sandbox_rule(rule):
    age = rule.get("MaxAgeSeconds")
    return cors.Rule(
        ident=None,
        origins=tuple(rule["AllowedOrigins"]),
        methods=tuple(rule["AllowedMethods"]),
        headers=tuple(rule["AllowedHeaders"]),
        exposed=tuple(rule.get("ExposeHeaders", ())),
        max_age=None if age is None else str(age),
    )
