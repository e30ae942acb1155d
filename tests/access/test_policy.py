"""PolicyDocument: what it reads, what it refuses and where, and that it writes what it read."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.access.policy import Condition, Entry, PolicyDocument, Principal, Statement
from v7s3.errors import UsageError

V7 = "arn:aws:iam::258327614892:role/external_s3"
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": V7}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}


def document(**changes):
    statement = {name: value for name, value in {**STATEMENT, **changes}.items() if value is not ...}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_the_documented_policy_is_read_element_by_element():
    policy = PolicyDocument.parse(
        {
            "Version": "2012-10-17",
            "Id": "PolicyForExternalAccess",
            "Statement": [
                {
                    "Sid": "DarwinAccess",
                    **STATEMENT,
                    "Action": ["s3:GetObject", "s3:PutObject"],
                    "Condition": {
                        "Bool": {"aws:SecureTransport": True},
                        "NumericLessThan": {"s3:TlsVersion": [1.2, 3]},
                    },
                }
            ],
        }
    )
    assert policy == PolicyDocument(
        statements=(
            Statement(
                index=0,
                effect="Allow",
                sid="DarwinAccess",
                principal=Principal((Entry("AWS", V7),)),
                actions=("s3:GetObject", "s3:PutObject"),
                resources=("arn:aws:s3:::b/*",),
                conditions=(
                    Condition("Bool", "aws:SecureTransport", ("true",)),
                    Condition("NumericLessThan", "s3:TlsVersion", ("1.2", "3")),
                ),
            ),
        ),
        version="2012-10-17",
        id="PolicyForExternalAccess",
    )
    assert policy.has_variables
    assert policy.statements[0].label == "statement 1 (DarwinAccess)"
    assert policy.statements[0].pointer == "/Statement/0"


def test_negated_elements_stand_beside_their_positive_ones():
    (statement,) = PolicyDocument.parse(
        {
            "Statement": {
                "Effect": "Deny",
                "NotPrincipal": {"AWS": ["1", "2"], "Service": "s3.amazonaws.com"},
                "NotAction": "s3:Get*",
                "NotResource": ["a", "b"],
            }
        }
    ).statements
    assert statement.not_principal == Principal(
        (Entry("AWS", "1"), Entry("AWS", "2"), Entry("Service", "s3.amazonaws.com"))
    )
    assert (statement.not_actions, statement.not_resources) == (("s3:Get*",), ("a", "b"))
    assert (statement.principal, statement.actions, statement.resources) == (None, None, None)


def test_json_text_and_bytes_are_read_like_the_object():
    assert (
        PolicyDocument.parse(json.dumps(document()))
        == PolicyDocument.parse(json.dumps(document()).encode())
        == PolicyDocument.parse("\ufeff" + json.dumps(document()))
        == PolicyDocument.parse(("\ufeff" + json.dumps(document())).encode())
        == PolicyDocument.parse(document())
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "not valid JSON, line 1, column 1: Expecting value"),
        ('{"Version": "2012-10-17",\n "Statement": [],}', "not valid JSON, line 2, column 1"),
        ("[]", "a policy is a JSON object, found []"),
        ([document()], "a policy is a JSON object, found [{"),
        (None, "a policy is a JSON object, found null"),
        (b"\xff", "not valid JSON, byte 0 is not UTF-8"),
        ("[" * 100_000, "not valid JSON"),
        ('{"Statement": [], "Statement": []}', '"Statement" stands twice in one object'),
        ('{"Statement": NaN}', "not valid JSON: NaN"),
        ({}, "Missing required field Statement"),
        ({"Statement": [], "version": "2012-10-17"}, "malformed at /version: no such element; known here: Version, Id"),
        ({"Statement": [], "Version": "2012-10-18"}, "at /Version: must be one of 2008-10-17 and 2012-10-17, found"),
        ({"Statement": [], "Version": 2012}, "at /Version: must be text, found 2012"),
        ({"Statement": ["x"]}, 'at /Statement/0: a statement is a JSON object, found "x"'),
        ({"Statement": "x"}, "at /Statement/0"),
        (document(Effect=...), "at /Statement/0/Effect: Missing required field Effect"),
        (document(Effect="allow"), 'at /Statement/0/Effect: Invalid effect: "allow"'),
        (document(Effect=["Allow"]), 'at /Statement/0/Effect: Invalid effect: ["Allow"]'),
        (document(Action=...), "at /Statement/0: Missing required field Action"),
        (document(Resource=...), "at /Statement/0: Missing required field Resource"),
        (document(NotAction="s3:*"), "at /Statement/0: Action and NotAction exclude each other"),
        (document(NotResource="*"), "at /Statement/0: Resource and NotResource exclude each other"),
        (document(NotPrincipal="*"), "at /Statement/0: Principal and NotPrincipal exclude each other"),
        (document(Action=1), "at /Statement/0/Action: must be text or a list of texts, found 1"),
        (document(Resource=[None]), "at /Statement/0/Resource: must be text or a list of texts, found null"),
        (document(Principal=V7), 'at /Statement/0/Principal: must be "*" or an object such as {"AWS": "arn:…"}, found'),
        (document(Principal={"AWS": {}}), "at /Statement/0/Principal/AWS: must be text or a list of texts, found {}"),
        (document(Sid=1), "at /Statement/0/Sid: must be text, found 1"),
        (document(Conditions={}), "at /Statement/0/Conditions: no such element"),
        (document(Condition=[]), "at /Statement/0/Condition: must be an object, found []"),
        (
            document(Condition={"Bool": "x"}),
            'at /Statement/0/Condition/Bool: must be an object of condition keys, found "x"',
        ),
        (
            document(Condition={"Bool": {"aws:RequestTag/a~b": None}}),
            "at /Statement/0/Condition/Bool/aws:RequestTag~1a~0b: must be text, a number, a boolean or a list of these",
        ),
    ],
)
def test_what_is_no_policy_is_refused_with_what_and_where(source, message):
    with pytest.raises(UsageError) as caught:
        PolicyDocument.parse(source)
    assert message in caught.value.message
    assert "v7s3 policy check" in caught.value.hint


def test_what_a_policy_means_is_not_judged_when_it_is_read():
    odd = document(
        Principal={"Nobody": "x"}, Action="s3:HeadObject", Resource="bucket", Condition={"Sometimes": {"k": []}}
    )
    (statement,) = PolicyDocument.parse(odd).statements
    assert statement.conditions == (Condition("Sometimes", "k", ()),)
    assert str(statement.conditions[0]) == "Sometimes k (no value)"


texts = st.text(max_size=5)
lists = texts | st.lists(texts, max_size=3)
principals = st.just("*") | st.dictionaries(st.sampled_from(["AWS", "Service", "Federated"]), lists, max_size=2)
conditions = st.dictionaries(
    texts, st.dictionaries(texts, lists | st.booleans() | st.integers(), max_size=2), max_size=2
)
statements = st.builds(
    lambda effect, principal, negated, action, resource, sid, condition: {
        "Effect": effect,
        ("NotPrincipal" if negated else "Principal"): principal,
        ("NotAction" if negated else "Action"): action,
        ("NotResource" if negated else "Resource"): resource,
        **({"Sid": sid} if sid else {}),
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    principals,
    st.booleans(),
    lists,
    lists,
    texts,
    conditions,
)


@given(st.lists(statements, max_size=3), st.sampled_from([None, "2008-10-17", "2012-10-17"]))
def test_what_is_written_is_read_as_the_same_policy(found, version):
    policy = PolicyDocument.parse({**({"Version": version} if version else {}), "Statement": found})
    assert PolicyDocument.parse(policy.dump()) == policy
    assert PolicyDocument.parse(json.dumps(policy.dump())) == policy


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Action", "Principal", "AWS", "Condition"]) | texts, inner
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_policy_or_a_usage_error(value):
    with contextlib.suppress(UsageError):
        assert isinstance(PolicyDocument.parse(json.dumps(value)), PolicyDocument)
