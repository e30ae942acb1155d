"""`lint_policy`: what S3 would refuse to store, and what it would store although it cannot be meant.

To add a test, drop a file into examples/policies: good ones have no finding; the name of a bad one begins with the idents of
all its findings.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v7s3.access import policy_rules
from v7s3.access.rules import lint_policy

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
GOOD = sorted((EXAMPLES / "good").glob("*.json"))
BAD = sorted((EXAMPLES / "bad").glob("*.json"))
BUCKET = "acme-scans"
LINTED = {rule.ident for rule in policy_rules.RULES if rule.ident < "POL100"}


def name_of(path):
    return path.stem


@pytest.mark.parametrize("path", GOOD, ids=name_of)
def test_a_policy_that_s3_stores_has_no_finding(path):
    assert lint_policy(path.read_text(), BUCKET) == []
    assert lint_policy(path.read_bytes()) == []


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_a_bad_policy_has_the_findings_in_its_name(path):
    findings = lint_policy(path.read_text(), BUCKET, document=path.name)
    assert {finding.rule.ident for finding in findings} == set(path.name.partition("-")[0].split("+"))
    for finding in findings:
        assert finding.location.document == path.name
        assert finding.location.line
        assert finding.location.column


def test_every_rule_of_the_linter_has_an_example():
    shown = {ident for path in BAD for ident in path.name.partition("-")[0].split("+")}
    assert LINTED - shown == {policy_rules.TWO_BUCKETS.ident}  # which appears only when the bucket is not known


def test_every_finding_has_its_place():
    path = EXAMPLES / "bad" / "POL003+POL009+POL025+POL030+POL042-everything.json"
    findings = lint_policy(path.read_text(), BUCKET)
    assert [
        (f.rule.ident, f.location.line, f.location.column, f.location.pointer, f.location.name) for f in findings
    ] == [
        ("POL009", 7, 17, "/Statement/0/Effect", "DarwinAccess"),
        ("POL025", 9, 16, "/Statement/0/Principal/AWS", "DarwinAccess"),
        ("POL030", 12, 9, "/Statement/0/Action/0", "DarwinAccess"),
        ("POL042", 15, 19, "/Statement/0/Resource", "DarwinAccess"),
        ("POL003", 15, 44, "/Statement/0", "DarwinAccess"),
    ]


def policy(**elements):
    statement = {
        "Sid": "S",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::258327614892:role/external_s3"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        **elements,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    "elements, message, fix",
    [
        ({"Action": "s3:HeadObject"}, 'HeadObject is an API call, which S3 checks as "s3:GetObject"', '"s3:GetObject"'),
        ({"Action": "s3:GetObjets"}, 'S3 has no action "s3:GetObjets"; did you mean "s3:GetObject"?', '"s3:GetObject"'),
        (
            {"Resource": "arn:aws:s3:::s3://acme-scans/raw"},
            '"arn:aws:s3:::s3://acme-scans/raw" has an S3 URL in it; only the name belongs there',
            '"Resource": "arn:aws:s3:::acme-scans/raw*"',
        ),
        (
            {"Resource": "arn:aws:s3:::acme-scans"},
            '"arn:aws:s3:::acme-scans" is the bucket itself; its objects are "arn:aws:s3:::acme-scans/*"',
            '"Resource": "arn:aws:s3:::acme-scans/*"',
        ),
        (
            {"Resource": "arn:aws:s3:::acme-images/*"},
            '"acme-images" is not this bucket, "acme-scans"',
            '"arn:aws:s3:::acme-scans/*"',
        ),
    ],
)
def test_messages_name_what_was_meant(elements, message, fix):
    (finding,) = lint_policy(policy(**elements), BUCKET)
    assert (finding.message, finding.fix) == (message, fix)


@pytest.mark.parametrize(
    "name, severities",
    [("your-s3-bucket-name", ["info"]), ("amzn-s3-demo-bucket", ["info"]), ("YOUR_BUCKET_NAME", ["error"])],
)
def test_the_guide_as_printed_is_wrong_only_where_no_bucket_can_have_the_name(name, severities):
    text = policy(Resource=f"arn:aws:s3:::{name}/*")
    assert [finding.severity for finding in lint_policy(text)] == severities
    assert {finding.rule.ident for finding in lint_policy(text)} == {"POL044"}
    assert [finding.rule.ident for finding in lint_policy(text, BUCKET)] == ["POL041"]


@pytest.mark.parametrize("times, severity", [(1, "warning"), (2, "error")])
def test_a_policy_that_is_too_large_only_by_its_lists_of_one_may_be_stored(times, severity):
    def statement(number):
        return {
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]},
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/{number:04}/*"],
        }

    enough = 20_480 // len(json.dumps(statement(0), separators=(",", ":"))) + 1
    statements = [statement(number) for number in range(times * enough)]
    (finding,) = lint_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}), BUCKET)
    assert (finding.rule.ident, finding.severity) == ("POL010", severity)


@pytest.mark.parametrize("bucket", ["arn:aws:s3:::acme-scans", "arn:aws:s3:::acme-scans/*", "s3://acme-scans/raw", ""])
def test_the_bucket_may_be_given_as_people_have_it(bucket):
    assert lint_policy(policy(), bucket) == []


def test_a_fix_keeps_the_variables_of_a_resource():
    (finding,) = lint_policy(policy(Resource="arn:aws:s3:::acme-scans//${aws:PrincipalTag/team}/*"), BUCKET)
    assert finding.fix == '"arn:aws:s3:::acme-scans/${aws:PrincipalTag/team}/*"'


def test_a_policy_that_was_parsed_already_is_read_as_its_json():
    text = policy(Action="s3:HeadObject")
    assert lint_policy(json.loads(text), BUCKET) == lint_policy(json.dumps(json.loads(text), indent=2), BUCKET)
    endless: list[object] = []
    endless.append(endless)
    for value in (None, 1, [], endless, object(), bytearray(b"{}"), {("a",): 1}):
        assert "error" in {finding.severity for finding in lint_policy(value)}


def test_a_pattern_that_no_bucket_name_matches_is_no_resource():
    assert [finding.rule.ident for finding in lint_policy(policy(Resource="arn:aws:s3:::acme_*/*"))] == ["POL040"]
    assert lint_policy(policy(Resource="arn:aws:s3:::acme-*/*")) == []


def test_two_buckets_in_one_policy_cannot_both_be_this_one():
    text = policy(Resource=["arn:aws:s3:::acme-scans/*", "arn:aws:s3:::acme-images/*"])
    assert [finding.rule.ident for finding in lint_policy(text)] == ["POL045"]


def test_the_limit_of_size_ignores_indentation():
    path = EXAMPLES / "good" / "guide-read-write.json"
    assert lint_policy(path.read_text().replace("\n", "\n" + " " * 2000), BUCKET) == []


def test_a_document_beyond_reading_is_only_called_too_large():
    assert [finding.rule.ident for finding in lint_policy("[" * 3_000_000)] == ["POL010"]


@pytest.mark.timeout(60)  # seconds when linear, hours when not
@pytest.mark.parametrize("element", ["Action", "Resource", "Principal", "Condition", "Sid"])
def test_a_megabyte_of_typos_is_read_in_seconds(element):
    many = {
        "Action": {"Action": [f"s3:GetObject{number}" for number in range(40_000)]},
        "Resource": {"Resource": ["arn:aws:s3:::" + "*a" * 20] * 15_000},
        "Principal": {"Principal": {"AWS": ["arn:aws:iam::258327614892:role/x"] * 20_000}},
        "Condition": {"Condition": {f"StringEqual{number}": {"aws:Sourceip": "x"} for number in range(15_000)}},
        "Sid": {"Sid": "x" * 900_000},
    }[element]
    lint_policy(policy(**many), BUCKET)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    (
        *("Version", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource"),
        *("NotResource", "Condition", "AWS", "StringEquals", "IpAddress", "ForAnyValue:StringLike", "aws:SourceIp"),
        *("s3:prefix", "Null", "x"),
    )
)
texts = st.sampled_from(
    (
        *("*", "Allow", "Deny", "2012-10-17", "s3:*", "s3:Get*", "s3:ListBucket", "arn:aws:s3:::acme-scans/*", "arn:"),
        *("arn:aws:s3:::b", "${aws:username}", "258327614892", "arn:aws:iam::1:role/*", "10.0.0.0/8", "\ud800"),
    )
)
policy_like = st.recursive(
    texts | json_values,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=30,
)


@given(st.text() | st.binary())
def test_no_text_raises(text):
    lint_policy(text, BUCKET)


@settings(max_examples=300)
@given(policy_like, st.none() | st.just(BUCKET))
def test_no_json_raises(value, bucket):
    for finding in lint_policy(json.dumps(value), bucket):
        assert finding.message


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(GOOD + BAD), st.data())
def test_no_mutilated_policy_raises(path, data):
    text = path.read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    lint_policy(text[:start] + data.draw(st.text(max_size=3)) + text[end:], BUCKET)
