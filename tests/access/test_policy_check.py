"""`check_policy`: what keeps V7 out of a bucket, in findings that name the statement and say what to expect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.access.evaluate import AccessRequest, evaluate
from v7s3.access.policy import PolicyDocument
from v7s3.access.policy_check import PolicyQuestion, check_policy
from v7s3.access.profile import V7_ROLE, AccessProfile

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
BUCKET = "acme-scans"
ARN = f"arn:aws:s3:::{BUCKET}"
HTTPS = {"aws:SecureTransport": "true"}


def allow(**elements):
    return {
        "Sid": "DarwinAccess",
        "Effect": "Allow",
        "Principal": {"AWS": V7_ROLE},
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": f"{ARN}/*",
        **elements,
    }


def deny(**elements):
    return {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{ARN}/*", **elements}


def check(*statements, profile=None, context=HTTPS, restricts=None):
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
    question = PolicyQuestion(text, BUCKET, profile or AccessProfile(), context, restricts, "policy.json")
    return {check.ident: check for check in check_policy(question)}


def told(checks):
    """(check, status, ident, severity, pointer) of everything that is not in order."""
    return [
        (check.ident, check.status, finding.rule.ident, finding.severity, finding.location.pointer)
        for check in checks.values()
        for finding in check.findings
    ]


def test_a_principal_deleted_since_hurts_only_a_policy_that_is_to_be_stored():
    statements = [allow(), allow(Sid="old", Principal={"AWS": "AROAIOSFODNN7EXAMPLE2"})]
    assert ("policy", "fail", "POL022", "error", "/Statement/1/Principal/AWS") in told(check(*statements))
    live = PolicyQuestion(
        json.dumps({"Version": "2012-10-17", "Statement": statements}), BUCKET, AccessProfile(), HTTPS
    )
    checks = {check.ident: check for check in check_policy(live)}
    assert ("policy", "warn", "POL022", "warning", "/Statement/1/Principal/AWS") in told(checks)
    assert checks["policy-read"].status == "ok"


def test_the_guides_policy_is_all_in_order():
    checks = check(allow())
    assert told(checks) == []
    assert {check.status for check in checks.values()} == {"ok"}
    assert checks["policy-read"].summary == "s3:GetObject on acme-scans/* allowed: statement 1 (DarwinAccess) allows it"
    assert checks["policy-read"].notes == ("assumed: aws:SecureTransport is true",)


def test_a_bucket_without_a_policy_keeps_everybody_out():
    (only,) = check_policy(PolicyQuestion(None, BUCKET, AccessProfile.of("read-only", "raw", list_bucket=True)))
    (finding,) = only.findings
    assert (only.status, finding.rule.ident) == ("fail", "POL101")
    assert finding.fix == "v7s3 policy apply s3://acme-scans/raw --access read-only --list"


CASES = {
    "V7 not named": (
        [allow(Principal={"AWS": "arn:aws:iam::111122223333:role/ml"})],
        [("policy-read", "fail", "POL102", "error", ""), ("policy-write", "fail", "POL102", "error", "")],
    ),
    "no PutObject": (
        [allow(Action="s3:GetObject")],
        [("policy-write", "fail", "POL105", "error", "/Statement/0/Action")],
    ),
    "another prefix": (
        [allow(Resource=f"{ARN}/raw/*")],
        [
            ("policy-read", "fail", "POL107", "error", "/Statement/0/Resource"),
            ("policy-write", "fail", "POL107", "error", "/Statement/0/Resource"),
        ],
    ),
    "explicit Deny": (
        [allow(), deny(Action="s3:PutObject")],
        [("policy-write", "fail", "POL103", "error", "/Statement/1")],
    ),
    "only from a VPC": (
        [allow(), deny(Action="s3:GetObject", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}})],
        [("policy-read", "fail", "POL104", "error", "/Statement/1/Condition/StringNotEquals/aws:SourceVpce")],
    ),
    "allowed from addresses only": (
        [allow(Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})],
        [
            ("policy-read", "fail", "POL104", "error", "/Statement/0/Condition/IpAddress/aws:SourceIp"),
            ("policy-write", "fail", "POL104", "error", "/Statement/0/Condition/IpAddress/aws:SourceIp"),
        ],
    ),
    "uploads must be encrypted": (
        [allow(), deny(Action="s3:PutObject", Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}})],
        [("policy-write", "fail", "POL108", "error", "/Statement/1/Condition/Null/s3:x-amz-server-side-encryption")],
    ),
    "an encryption rule that blocks reads": (
        [allow(), deny(Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})],
        [
            (
                "policy-read",
                "fail",
                "POL109",
                "error",
                "/Statement/1/Condition/StringNotEquals/s3:x-amz-server-side-encryption",
            ),
            (
                "policy-write",
                "fail",
                "POL108",
                "error",
                "/Statement/1/Condition/StringNotEquals/s3:x-amz-server-side-encryption",
            ),
        ],
    ),
    "public beside V7": (
        [allow(), {**allow(Sid="Web", Principal="*", Resource=f"{ARN}/web/*"), "Action": "s3:GetObject"}],
        [
            ("policy-public", "warn", "POL110", "warning", "/Statement/1"),
            ("policy-scope", "warn", "POL111", "warning", "/Statement/1/Principal"),
        ],
    ),
    "everything allowed": (
        [allow(Action="s3:*")],
        [("policy-scope", "warn", "POL112", "warning", "/Statement/0/Action")],
    ),
    "everything allowed by a condition that V7 meets": (
        [allow(Principal="*", Action="s3:*", Condition={"StringEquals": {"aws:PrincipalAccount": "258327614892"}})],
        [("policy-scope", "warn", "POL112", "warning", "/Statement/0/Action")],
    ),
    "everything allowed by a condition that V7 may not meet": (
        [
            allow(),
            allow(Sid="Vpc", Principal="*", Action="s3:*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
        ],
        [],
    ),
    "one more read": (
        [allow(Action=["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"])],
        [("policy-scope", "ok", "POL112", "info", "/Statement/0/Action")],
    ),
    "the whole account": (
        [allow(Principal={"AWS": "258327614892"})],
        [("policy-scope", "ok", "POL111", "info", "/Statement/0/Principal")],
    ),
}


@pytest.mark.parametrize("statements, expected", CASES.values(), ids=CASES)
def test_what_keeps_v7_out_is_named_with_its_place(statements, expected):
    assert told(check(*statements)) == expected


def test_a_rule_about_the_network_says_what_to_expect_and_what_to_add():
    checks = check(allow(), deny(Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}))
    finding = checks["policy-read"].findings[0]
    assert finding.message == (
        "s3:GetObject: statement 2 (Guard) denies it depending on StringNotEquals aws:SourceVpce vpce-1a2b3c4d. "
        "V7 is not in your VPC, and neither are your annotators' browsers: expect denied."
    )
    assert finding.fix == (
        "put into statement 2 (Guard):\n"
        '"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}, '
        '"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::258327614892:role/external_s3"}}'
    )


@pytest.mark.parametrize("key", ["sts:ExternalId", "aws:SecureTransports"])
def test_a_key_that_no_call_of_s3_carries_is_not_asked_for(key):
    checks = check(allow(Condition={"StringEquals": {key: "x"}}))
    assert checks["policy-read"].status != "ok"
    assert "No call of S3 is known to carry it" in checks["policy-read"].findings[0].message


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d", "aws:SourceVpc": "vpc-1a2b3c4d"}}},
        {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}}},
        {
            "Condition": {
                "ArnNotEquals": {"aws:principalarn": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::1:root"]}
            }
        },
        {"Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}}, "Action": "s3:PutObject"},
        {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "Resource": f"{ARN}/raw/*"},
    ],
)
def test_the_exception_that_is_offered_lets_v7_in_and_nobody_else(condition):
    guard = deny(**condition)
    fixes = {finding.fix for check in check(allow(), guard).values() for finding in check.findings}
    (fix,) = fixes
    spared = {**guard, **json.loads("{" + fix.partition("\n")[2] + "}")}
    assert told(check(allow(), spared)) == []
    before, after = (PolicyDocument.parse({"Statement": [statement]}) for statement in (guard, spared))
    for stranger in ("arn:aws:iam::111122223333:role/x", "arn:aws:iam::258327614892:role/other"):
        for action in ("s3:GetObject", "s3:PutObject"):
            request = AccessRequest(stranger, action, f"{ARN}/raw/1.jpg", HTTPS)
            truths = [evaluate(policy, request).trace[0].truth for policy in (before, after)]
            assert truths[0] == truths[1]


OFFICE = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}


def fixes(checks):
    return {finding.fix for check in checks.values() for finding in check.findings}


@pytest.mark.parametrize("condition", [OFFICE, {"Bool": {"aws:SecureTransport": "false"}}])
def test_a_condition_of_our_own_statement_which_apply_keeps_is_to_be_taken_out(condition):
    said = json.dumps(condition)
    assert fixes(check(allow(Condition=condition))) == {
        f'take out of statement 1 (DarwinAccess), which is for V7\'s role alone:\n"Condition": {said}'
    }
    shared = check(allow(Condition=condition, Principal={"AWS": [V7_ROLE, "arn:aws:iam::111122223333:root"]}))
    (fix,) = fixes(shared)
    assert fix == (
        "give V7's role a statement of its own, as `v7s3 policy write` prints it, with another Sid than DarwinAccess,"
        f' whose condition is for others, too:\n"Condition": {said}'
    )


def test_a_condition_of_another_statement_is_mended_by_one_of_ours():
    command = "v7s3 policy write s3://acme-scans --merge policy.json"
    assert fixes(check(allow(Sid="Office", Condition=OFFICE))) == {command}


CANONICAL = {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}
CLOUDFRONT = allow(Sid="CloudFront", Principal=CANONICAL, Action="s3:GetObject")
HANGS_ON = (
    "depending on whether a canonical user id is that of V7's account, which V7 does not publish "
    "(79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be)."
)


def test_a_canonical_user_who_is_let_in_beside_v7_is_none_of_our_business():
    assert told(check(allow(), CLOUDFRONT)) == []
    beside = check(allow(Condition=OFFICE), CLOUDFRONT)
    assert {finding.location.name for check in beside.values() for finding in check.findings} == {"DarwinAccess"}


def test_a_canonical_user_is_named_as_what_it_hangs_on():
    checks = check(allow(), deny(Principal=CANONICAL))
    finding = checks["policy-read"].findings[0]
    assert (checks["policy-read"].status, finding.rule.ident) == ("fail", "POL104")
    assert finding.message == f"s3:GetObject: statement 2 (Guard) denies it {HANGS_ON}"
    assert "aws:PrincipalArn" in finding.fix
    alone = check(CLOUDFRONT)["policy-read"].findings[0]
    assert alone.message == f"s3:GetObject: statement 1 (CloudFront) allows it {HANGS_ON}"
    assert alone.fix == "v7s3 policy write s3://acme-scans --merge policy.json"


def test_a_statement_of_ours_is_never_advised_with_a_guess_where_v7_writes():
    live = PolicyQuestion(None, BUCKET, AccessProfile.of("read-write", "raw files"))
    command, explained = live.apply_command.splitlines()
    assert command == "v7s3 policy apply 's3://acme-scans/raw files' --write-prefix PREFIX"
    assert explained.startswith("PREFIX is where V7 writes")
    known = PolicyQuestion(None, BUCKET, AccessProfile.of("read-write", "raw", "raw"))
    assert known.apply_command == "v7s3 policy apply s3://acme-scans/raw"


def test_what_is_known_is_not_depended_on():
    statements = [allow(), deny(Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})]
    inside = check(*statements, context={**HTTPS, "aws:SourceIp": "203.0.113.7"})
    outside = check(*statements, context={**HTTPS, "aws:SourceIp": "198.51.100.1"})
    assert told(inside) == []
    assert {finding[2] for finding in told(outside)} == {"POL103"}


def test_block_public_access_is_never_forgotten():
    statements = [allow(), {**allow(Sid="Web", Principal="*"), "Action": "s3:GetObject"}]
    unknown, on, off = (check(*statements, restricts=state) for state in (None, True, False))
    assert unknown["policy-read"].status == "warn"
    assert unknown["policy-read"].summary.endswith("unless Block Public Access is on, see policy-public")
    assert on["policy-read"].status == on["policy-public"].status == "fail"
    assert on["policy-public"].findings[0].rule.ident == "POL114"
    assert off["policy-read"].status == "ok"
    assert off["policy-public"].findings[0].severity == "info"


def test_a_policy_that_s3_would_not_store_is_never_called_ok():
    checks = check(allow(), {**deny(Action="s3:GetObjct"), "Principal": {"AWS": "111122223333"}})
    assert checks["policy"].status == "fail"
    assert checks["policy-read"].status == "warn"
    assert checks["policy-read"].summary.endswith("once S3 stores the document")


def test_a_document_without_meaning_leaves_the_rest_unasked():
    checks = {each.ident: each for each in check_policy(PolicyQuestion('{"Version": ', BUCKET, AccessProfile()))}
    assert {ident: check.status for ident, check in checks.items()} == {
        "policy": "fail",
        "policy-read": "skip",
        "policy-write": "skip",
        "policy-public": "skip",
        "policy-scope": "skip",
    }


def test_prefixes_are_asked_for_by_themselves():
    profile = AccessProfile.of("read-write", "raw", "darwin", list_bucket=True)
    assert told(check(*profile.statements(BUCKET), profile=profile)) == []
    wide = check(allow(), profile=profile)
    assert told(wide) == [
        ("policy-list", "fail", "POL106", "error", "/Statement/0/Action"),
        ("policy-scope", "ok", "POL113", "info", "/Statement/0/Resource"),
    ]
    reading = AccessProfile.of("read-only", "raw")
    statement = {**allow(Action="s3:GetObject", NotResource=f"{ARN}/secret/*")}
    del statement["Resource"]
    assert told(check(statement, profile=reading)) == [("policy-scope", "ok", "POL113", "info", "/Statement/0")]


folders = st.sampled_from(["", "raw", "raw/ct", "darwin", "/darwin/"])


@given(st.sampled_from(["read-write", "read-only"]), folders, st.none() | folders, st.booleans())
def test_what_is_written_is_what_is_needed(access, prefix, write_prefix, list_bucket):
    profile = AccessProfile.of(access, prefix, None if access == "read-only" else write_prefix, list_bucket=list_bucket)
    checks = check(*profile.statements(BUCKET), profile=profile)
    assert told(checks) == []
    assert {check.status for check in checks.values()} == {"ok"}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.json")), ids=lambda path: path.stem)
def test_no_example_raises(path):
    for text in (path.read_bytes(), path.read_text()):
        checks = check_policy(PolicyQuestion(text, BUCKET, AccessProfile(), HTTPS))
        assert checks[0].ident == "policy"


@given(
    st.recursive(
        st.sampled_from(["*", "Allow", "Deny", V7_ROLE, "s3:*", f"{ARN}/*", "x", None, True, 1]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Statement",
                        "Effect",
                        "Principal",
                        "Action",
                        "Resource",
                        "Condition",
                        "AWS",
                        "StringEquals",
                        "Sid",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_no_policy_raises(value):
    check_policy(PolicyQuestion(json.dumps(value), BUCKET, AccessProfile(), HTTPS))
