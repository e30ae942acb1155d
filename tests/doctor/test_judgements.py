"""From answers to findings, without a server: what the sandbox cannot show, and every way of not knowing."""

from __future__ import annotations

import json

import pytest

from v7s3.doctor.contents import (
    Head,
    LifecycleRule,
    Listed,
    Sample,
    judge_absence,
    judge_archive,
    judge_objects,
    variants_of,
)
from v7s3.doctor.encryption import Default, Encryption, KmsKey, judge_encryption, keys_in_use
from v7s3.doctor.naming import judge_region
from v7s3.doctor.ownership import judge_ownership
from v7s3.doctor.probe import Unknown
from v7s3.doctor.public import PublicAccess, judge_public_access
from v7s3.doctor.uploads import judge_uploads

ROLE = "arn:aws:iam::258327614892:role/external_s3"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DENIED = Unknown("needs s3:X")
V7 = {"AWS": ROLE}


def idents(answer):
    return [finding.rule.ident for finding in answer.findings]


def key_policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(**more):
    return {
        "Effect": "Allow",
        "Principal": V7,
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        **more,
    }


def encryption(key, default=None, heads=(), **more):
    default = Default("aws:kms", KEY) if default is None else default
    return judge_encryption(Encryption("acme", "eu-west-1", default, heads, {KEY: key}, **more))


# --- encryption -----------------------------------------------------------------------------------------------------
def test_a_key_that_lets_the_whole_account_of_v7_in_is_enough():
    policy = key_policy(allow(Principal={"AWS": "arn:aws:iam::258327614892:root"}))
    assert encryption(KmsKey(KEY, policy=policy)).status == "ok"


def test_a_grant_is_enough_and_a_deny_outweighs_it():
    granted = frozenset({"Decrypt", "GenerateDataKey"})
    assert encryption(KmsKey(KEY, policy=key_policy(), granted=granted)).status == "ok"
    deny = {**allow(), "Effect": "Deny"}
    assert idents(encryption(KmsKey(KEY, policy=key_policy(deny), granted=granted))) == ["ENC002"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}, "ok"),
        ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, "fail"),
        ({"StringEquals": {"kms:CallerAccount": "258327614892"}}, "ok"),
        ({"StringEquals": {"kms:CallerAccount": "111122223333"}}, "fail"),
        ({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::acme/*"}}, "ok"),
        ({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::other/*"}}, "fail"),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "fail"),
    ],
)
def test_conditions_of_a_key_policy_are_held_against_v7s_way_in(condition, status):
    assert encryption(KmsKey(KEY, policy=key_policy(allow(Condition=condition)))).status == status


def test_what_hangs_on_an_address_depends_and_is_never_ok():
    policy = key_policy(allow(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
    assert idents(encryption(KmsKey(KEY, policy=policy))) == ["ENC005"]


def test_with_bucket_keys_the_context_is_the_bucket():
    policy = key_policy(allow(Condition={"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::acme"}}))
    key = KmsKey(KEY, policy=policy)
    assert encryption(key, Default("aws:kms", KEY, bucket_key=True)).status == "ok"
    assert encryption(key, Default("aws:kms", KEY)).status == "fail"
    head = Head("raw/1.jpg", algorithm="aws:kms", key_id=KEY, bucket_key=True)
    assert encryption(key, Default(), [head]).status == "ok"


def test_a_read_only_storage_needs_decrypt_alone():
    key = KmsKey(KEY, policy=key_policy(allow(Action="kms:Decrypt")))
    assert encryption(key, v7_writes=False).status == "ok"
    assert idents(encryption(key)) == ["ENC002"]


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", "PendingImport", "Unavailable"])
def test_a_key_that_is_not_enabled_is_of_no_use(state):
    (finding,) = encryption(KmsKey(KEY, state=state, policy=key_policy(allow()))).findings
    assert (finding.rule.ident, f"its state is {state}" in finding.message) == ("ENC003", True)
    assert ("cancel-key-deletion" in finding.fix) == (state == "PendingDeletion")


def test_double_layer_encryption_is_kms_too():
    assert idents(encryption(KmsKey(KEY, policy=key_policy()), Default("aws:kms:dsse", KEY))) == ["ENC002"]


def test_an_alias_as_default_means_another_key_to_v7():
    default = Default("aws:kms", "alias/scans")
    keys = {"alias/scans": KmsKey(KEY, policy=key_policy(allow()))}
    answer = judge_encryption(Encryption("acme", "eu-west-1", default, (), keys))
    assert idents(answer) == ["ENC006"]
    assert answer.findings[0].fix == f"set the default's KMSMasterKeyID to {KEY}"


def test_objects_under_their_uploaders_keys_are_named():
    answer = encryption(KmsKey(KEY), Default(), [Head("raw/1.jpg", customer_key=True)])
    assert [(f.rule.ident, f.location.pointer) for f in answer.findings] == [("ENC004", "raw/1.jpg")]


@pytest.mark.parametrize(
    ("default", "heads", "keys"),
    [
        (DENIED, (), {}),
        (Default(), DENIED, {}),
        (Default("aws:kms", KEY), (), {KEY: DENIED}),
        (Default("aws:kms", KEY), (), {KEY: KmsKey(KEY, policy=DENIED)}),
        (Default("aws:kms", KEY), (), {KEY: KmsKey(KEY, policy="not json")}),
        (Default("aws:kms", KEY), (), {}),
    ],
)
def test_what_could_not_be_read_of_the_keys_is_never_ok(default, heads, keys):
    answer = judge_encryption(Encryption("acme", "eu-west-1", default, heads, keys))
    assert (answer.status, answer.findings) == ("skip", ())
    assert "lets V7 in" not in answer.summary


def test_unread_grants_are_named_in_the_finding():
    (finding,) = encryption(KmsKey(KEY, policy=key_policy(), granted=Unknown("needs kms:ListGrants"))).findings
    assert "its grants are not known (needs kms:ListGrants)" in finding.message


def test_the_keys_to_look_up_are_the_defaults_and_the_objects():
    heads = [Head("a", algorithm="aws:kms", key_id=KEY), Head("b", algorithm="AES256"), Head("c", algorithm="aws:kms")]
    assert keys_in_use(Default("aws:kms", "alias/x"), heads) == ("alias/x", KEY, "alias/aws/s3")
    assert keys_in_use(DENIED, DENIED) == ()


# --- Block Public Access --------------------------------------------------------------------------------------------
PUBLIC_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme/*"}
        ],
    }
)
ON = {"RestrictPublicBuckets": True}


@pytest.mark.parametrize(
    ("policy", "is_public", "of_bucket", "of_account", "status", "rules"),
    [
        (None, False, None, None, "ok", []),
        (None, False, ON, DENIED, "ok", []),
        (PUBLIC_POLICY, True, ON, None, "fail", ["PAB001"]),
        (PUBLIC_POLICY, True, None, ON, "fail", ["PAB001"]),
        (PUBLIC_POLICY, True, DENIED, ON, "fail", ["PAB001"]),
        (PUBLIC_POLICY, DENIED, ON, None, "fail", ["PAB001"]),
        (DENIED, True, ON, None, "fail", ["PAB001"]),
        (PUBLIC_POLICY, True, None, None, "warn", ["PAB002"]),
        (PUBLIC_POLICY, True, None, DENIED, "fail", ["PAB003"]),
        (PUBLIC_POLICY, DENIED, DENIED, DENIED, "fail", ["PAB003"]),
        (PUBLIC_POLICY, False, ON, ON, "ok", []),  # S3's own verdict goes before ours
        (DENIED, DENIED, ON, ON, "skip", []),
        ("{", DENIED, ON, ON, "skip", []),
    ],
)
def test_public_policies_and_blocks_are_taken_together(policy, is_public, of_bucket, of_account, status, rules):
    answer = judge_public_access(PublicAccess(policy, is_public, of_bucket, of_account))
    assert (answer.status, idents(answer)) == (status, rules)


# --- ownership ------------------------------------------------------------------------------------------------------
MINE, THEIRS = Listed("a.jpg", 1, owner="me"), Listed("b.jpg", 1, owner="them")


@pytest.mark.parametrize(
    ("setting", "owner", "sample", "writes", "status", "rules"),
    [
        ("BucketOwnerEnforced", DENIED, DENIED, True, "ok", []),
        ("ObjectWriter", "me", [MINE], False, "ok", []),
        ("ObjectWriter", "me", [MINE], True, "warn", ["OWN002"]),
        ("BucketOwnerPreferred", "me", [MINE, THEIRS], False, "fail", ["OWN001"]),
        ("ObjectWriter", DENIED, [MINE, THEIRS], False, "skip", []),
        ("ObjectWriter", "me", DENIED, False, "skip", []),
        (DENIED, "me", [MINE], False, "skip", []),
        ("ObjectWriter", "me", [MINE, Listed("c.jpg", 1)], False, "skip", []),
        (DENIED, "me", [THEIRS], True, "fail", ["OWN001"]),
    ],
)
def test_owners_are_compared_where_they_are_known(setting, owner, sample, writes, status, rules):
    answer = judge_ownership(setting, owner, sample, v7_writes=writes)
    assert (answer.status, idents(answer)) == (status, rules)


# --- objects --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("head", "rules"),
    [
        (Head("a.jpg", storage_class="DEEP_ARCHIVE"), ["OBJ001"]),
        (Head("a.jpg", storage_class="GLACIER", restored=True), []),
        (Head("a.jpg", storage_class="GLACIER_IR"), []),
        (Head("a.jpg", storage_class="INTELLIGENT_TIERING", archive_status="DEEP_ARCHIVE_ACCESS"), ["OBJ001"]),
        (Head("a.jpg", storage_class="INTELLIGENT_TIERING"), []),
    ],
)
def test_archived_is_what_cannot_be_read_at_once(head, rules):
    assert idents(judge_archive([head], (), "")) == rules


@pytest.mark.parametrize(
    ("rule", "rules"),
    [
        (LifecycleRule("r", "", (("GLACIER", "x"),)), ["OBJ002"]),
        (LifecycleRule("r", "raw/", (("DEEP_ARCHIVE", "x"),), "y"), ["OBJ002", "OBJ003"]),
        (LifecycleRule("r", "raw/2020/", expires="y"), ["OBJ003"]),
        (LifecycleRule("r", "", (("GLACIER_IR", "x"), ("STANDARD_IA", "x"))), []),
        (LifecycleRule("r", "logs/", (("GLACIER", "x"),), "y"), []),
    ],
)
def test_lifecycle_rules_count_when_they_touch_the_prefix(rule, rules):
    assert idents(judge_archive([], [rule], "raw/")) == rules


@pytest.mark.parametrize(
    ("head", "rules"),
    [
        (Head("a.JPG", content_type="image/jpeg; charset=binary"), []),
        (Head("a.jpg", content_type="binary/octet-stream"), []),
        (Head("a.png", content_type="image/jpeg"), ["OBJ007"]),
        (Head("a.mp4", content_type="text/plain", content_encoding="gzip"), ["OBJ007", "OBJ008"]),
        (Head("a.mp4", content_type="video/mp4", content_encoding="aws-chunked"), []),
        (Head("a.txt", content_type="image/png", content_encoding="gzip"), []),
    ],
)
def test_types_are_odd_when_they_contradict_the_name(head, rules):
    assert idents(judge_objects(Sample((Listed(head.key, 1),), 1), [head])) == rules


def test_a_missing_key_is_looked_for_under_other_spellings():
    assert variants_of("/raw/a%20b+c.JPG") == (
        "/raw/a b+c.JPG",
        "/raw/a b c.JPG",
        "raw/a%20b+c.JPG",
        "raw/a b+c.JPG",
        "/raw/a%20b+c.jpg",
        "/RAW/A%20B+C.JPG",
    )
    assert idents(judge_absence("", [], deleted=False)) == ["OBJ004"]
    assert judge_absence("", [], deleted=False).status == "warn"  # an empty bucket may be filled later
    assert idents(judge_absence("raw", [], deleted=True)) == ["OBJ005"]


# --- uploads, regions -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("retention", "rules"), [(None, []), ({}, []), ({"Mode": "COMPLIANCE", "Years": 1}, ["BKT009"])]
)
def test_a_default_retention_is_said(retention, rules):
    assert idents(judge_uploads(retention)) == rules


@pytest.mark.parametrize(
    ("region", "rules"),
    [
        ("eu-west-1", []),
        ("", []),
        ("eu-south-2", ["BKT006"]),
        ("cn-north-1", ["BKT007"]),
        ("us-gov-west-1", ["BKT007"]),
    ],
)
def test_regions_that_v7_may_not_reach(region, rules):
    assert [finding.rule.ident for finding in judge_region(region)] == rules
