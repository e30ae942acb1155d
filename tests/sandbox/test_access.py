"""The sandbox's own policy evaluator, against AWS's documentation."""

from __future__ import annotations

import json

import pytest

from v7s3.sandbox.access import Call, evaluate, is_public, read_policy
from v7s3.sandbox.s3xml import S3Error

V7 = "arn:aws:iam::258327614892:role/external_s3"
OBJECT = "arn:aws:s3:::frames/raw/1.jpg"
ALLOW = {"Effect": "Allow", "Principal": {"AWS": V7}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::frames/*"}
DENY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::frames/*"}
CONTEXT = {
    "aws:sourceip": ("203.0.113.7",),
    "aws:securetransport": ("true",),
    "aws:principalarn": (V7,),
    "aws:requestedregion": ("eu-west-1",),
    "s3:signatureage": ("1000",),
    "aws:currenttime": ("2026-06-01T00:00:00Z",),
}


def verdict(*statements, action="s3:GetObject", resource=OBJECT, version="2012-10-17"):
    policy = {"Version": version, "Statement": list(statements)}
    return evaluate(policy, Call(V7, "258327614892", action, resource, CONTEXT))


def when(operator, key, value):
    return {"Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    "change, expected",
    [
        ({}, "allow"),
        ({"Principal": "*"}, "allow"),
        ({"Principal": {"AWS": ["*"]}}, "allow"),
        ({"Principal": {"AWS": "258327614892"}}, "allow"),
        ({"Principal": {"AWS": "arn:aws:iam::258327614892:root"}}, "allow"),
        ({"Principal": {"AWS": "arn:aws:iam::258327614892:role/other"}}, "neutral"),
        ({"Principal": {"AWS": "arn:aws:iam::258327614892:role/*"}}, "neutral"),
        ({"Principal": {"Service": "s3.amazonaws.com"}}, "neutral"),
        ({"Action": "S3:getobject"}, "allow"),
        ({"Action": ["s3:PutObject", "s3:Get*"]}, "allow"),
        ({"Action": "s3:GetObject "}, "neutral"),
        ({"Action": "*"}, "allow"),
        ({"Resource": "arn:aws:s3:::frames"}, "neutral"),
        ({"Resource": "arn:aws:s3:::frames/RAW/*"}, "neutral"),
        ({"Resource": "arn:aws:s3:::frames/ra?/*.jpg"}, "allow"),
        ({"Resource": ["arn:aws:s3:::other/*", "arn:aws:s3:::*/raw/*"]}, "allow"),
        (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), "allow"),
        (when("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "2001:db8::/32"]), "neutral"),
        (when("NotIpAddress", "AWS:SOURCEIP", "10.0.0.0/8"), "allow"),
        (when("Bool", "aws:SecureTransport", True), "allow"),
        (when("StringEquals", "aws:SourceVpce", "vpce-1"), "neutral"),
        (when("StringNotEquals", "aws:SourceVpce", "vpce-1"), "allow"),
        (when("StringEqualsIfExists", "aws:SourceVpce", "vpce-1"), "allow"),
        (when("Null", "aws:SourceVpce", "true"), "allow"),
        (when("Null", "aws:SourceIp", True), "neutral"),
        (when("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:role/external_*"), "allow"),
        (when("StringEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/external_*"), "neutral"),
        (when("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/external_*"), "allow"),
        (when("ArnLike", "aws:PrincipalArn", "arn:aws:*:role/external_s3"), "neutral"),
        (when("NumericLessThan", "s3:signatureAge", 2000), "allow"),
        (when("NumericGreaterThanEquals", "s3:signatureAge", "1000.5"), "neutral"),
        (when("DateLessThan", "aws:CurrentTime", "2026-05-01T00:00:00Z"), "neutral"),
        (when("ForAnyValue:StringEquals", "aws:TagKeys", "a"), "neutral"),
        (when("ForAllValues:StringEquals", "aws:TagKeys", "a"), "allow"),
        (when("NoSuchOperator", "aws:SourceIp", "203.0.113.7"), "neutral"),
    ],
)
def test_one_allow_statement(change, expected):
    assert verdict({**ALLOW, **change}) == expected


@pytest.mark.parametrize(
    "deny, expected",
    [
        (DENY, "deny"),
        ({**DENY, "Action": "s3:PutObject"}, "allow"),
        ({**DENY, **when("Bool", "aws:SecureTransport", "false")}, "allow"),
        ({**DENY, **when("StringNotEquals", "aws:SourceVpce", "vpce-1")}, "deny"),
        ({**DENY, **when("StringNotEqualsIfExists", "aws:SourceVpce", "vpce-1")}, "deny"),
        ({**DENY, **when("ArnNotEquals", "aws:PrincipalArn", V7)}, "allow"),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": [V7, "258327614892"]}, "Action": "*", "Resource": "*"}, "allow"),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": V7}, "Action": "*", "Resource": "*"}, "deny"),
        ({"Effect": "Deny", "Principal": "*", "NotAction": "s3:GetObject", "Resource": "*"}, "allow"),
        ({"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::frames/raw/*"}, "allow"),
    ],
)
def test_a_deny_beside_the_allow(deny, expected):
    assert verdict(ALLOW, deny) == verdict(deny, ALLOW) == expected


def test_variables_are_literal_text_and_only_in_the_new_version():
    scoped = {**ALLOW, "Resource": "arn:aws:s3:::frames/${aws:RequestedRegion}/*"}
    object_there = "arn:aws:s3:::frames/eu-west-1/1.jpg"
    assert verdict(scoped, resource=object_there) == "allow"
    assert verdict(scoped, resource=object_there, version="2008-10-17") == "neutral"
    assert verdict({**ALLOW, "Resource": "arn:aws:s3:::frames/${aws:username}/*"}) == "neutral"
    assert verdict({**ALLOW, "Resource": "arn:aws:s3:::frames/${aws:username, 'raw'}/*"}) == "allow"


def test_many_stars_cost_no_time():
    assert verdict({**ALLOW, "Resource": "arn:aws:s3:::frames/" + "*a" * 12 + "*b"}) == "neutral"


@pytest.mark.parametrize(
    "change, public",
    [
        ({}, False),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": "*", **when("StringEquals", "aws:PrincipalOrgID", "o-1")}, False),
        ({"Principal": "*", **when("StringLike", "aws:PrincipalOrgID", "o-*")}, True),
        ({"Principal": "*", **when("IpAddress", "aws:SourceIp", "203.0.113.0/24")}, False),
        ({"Principal": "*", **when("IpAddress", "aws:SourceIp", "0.0.0.0/1")}, True),
        ({"Principal": "*", **when("Bool", "aws:SecureTransport", "true")}, True),
        ({"Principal": "*", **when("StringNotEquals", "aws:SourceVpc", "vpc-1")}, True),
        ({"Principal": "*", **when("StringEquals", "aws:SourceVpc", "vpc-1")}, False),
        ({"Principal": "*", "Effect": "Deny"}, False),
    ],
)
def test_what_block_public_access_calls_public(change, public):
    assert is_public({"Statement": {**ALLOW, **change}}) is public


@pytest.mark.parametrize(
    "document, message",
    [
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        (" {}", "Policies must be valid JSON and the first byte must be '{'"),
        ('{"Statement": [,]}', "This policy contains invalid Json"),
        ("{}", "Missing required field Statement"),
        ({"Statement": []}, "Could not parse the policy: Statement is empty!"),
        ({"Version": "2020-01-01", "Statement": [ALLOW]}, "The policy must contain a valid version string"),
        ({"Statement": {**ALLOW, "Effect": "allow"}}, "Invalid effect: allow"),
        ({"Statement": {**ALLOW, "Resource": "arn:aws:s3:::other/*"}}, "Policy has invalid resource"),
        ({"Statement": {**ALLOW, "Action": "GetObject"}}, "Policy has invalid action"),
        ({"Statement": {**ALLOW, "Principal": {"AWS": "arn:aws:iam::1:role/*"}}}, "Invalid principal in policy"),
        (
            {"Statement": {**ALLOW, "Action": ["s3:GetObject", "s3:ListBucket"]}},
            "Action does not apply to any resource(s) in statement",
        ),
        (
            {"Statement": {**ALLOW, "Resource": "arn:aws:s3:::frames"}},
            "Action does not apply to any resource(s) in statement",
        ),
    ],
)
def test_s3_refuses_to_store_a_policy(document, message):
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(S3Error) as refused:
        read_policy(text.encode(), "frames")
    assert (refused.value.code, refused.value.message) == ("MalformedPolicy", message)


def test_the_documented_policy_is_stored():
    policy = {"Version": "2012-10-17", "Statement": [{**ALLOW, "Action": ["s3:GetObject", "s3:PutObject"]}]}
    assert read_policy(json.dumps(policy, indent=4).encode(), "frames") == policy
