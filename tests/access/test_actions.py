"""The table of S3's actions and condition keys, held against the SDK and against the evaluator's own table."""

from __future__ import annotations

import botocore.session
import pytest

from v7s3.access.action_keys import CARRIED_BY, INDIRECT
from v7s3.access.actions import (
    ACTIONS,
    API_NAMES,
    actions_of_key,
    intended_action,
    intended_key,
    is_api_name,
    key_types,
    known_key,
    matching_actions,
)

# Operations that a bucket policy cannot speak of: directory buckets, Object Lambda, and what has no action of its own.
NOT_OF_BUCKETS = {
    *("CreateSession", "ListDirectoryBuckets", "RenameObject", "WriteGetObjectResponse"),
}


def test_every_operation_of_the_sdk_is_an_action_or_known_to_be_none():
    operations = set(botocore.session.get_session().get_service_model("s3").operation_names)
    unknown = {name for name in operations if not matching_actions(name) and not is_api_name(name)}
    assert unknown == NOT_OF_BUCKETS & operations


def test_an_api_name_is_no_action_and_stands_for_one():
    assert not {name.lower() for name in API_NAMES} & {name.lower() for name in ACTIONS}
    assert set(API_NAMES.values()) <= set(ACTIONS)


def test_the_evaluators_keys_and_actions_exist():
    for key, actions in CARRIED_BY.items():
        assert known_key(f"{key}NAME" if key.endswith("/") else key), key
        assert set(actions) <= set(ACTIONS), key
    assert all(known_key(f"{key}NAME" if key.endswith("/") else key) for key in INDIRECT)


@pytest.mark.parametrize(
    "pattern, count",
    [
        ("GetObject", 1),
        ("getobject", 1),
        ("*", len(ACTIONS)),
        ("Get*Acl", 3),
        ("Put?bject", 1),
        ("Nothing*", 0),
        ("", 0),
    ],
)
def test_patterns_stand_for_actions(pattern, count):
    assert len(matching_actions(pattern)) == count


@pytest.mark.parametrize(
    "written, meant",
    [
        ("GetObjct", "GetObject"),
        ("GetObjects", "GetObject"),
        ("PutObjects", "PutObject"),
        ("headobject", "GetObject"),
        ("ListObjectsV2", "ListBucket"),
        ("ListBuckets", "ListAllMyBuckets"),
        ("Frobnicate", ""),
        ("x" * 100_000, ""),
    ],
)
def test_what_was_meant_is_guessed(written, meant):
    assert intended_action(written) == meant


@pytest.mark.parametrize(
    "written, known, meant",
    [
        ("AWS:sourceip", "aws:SourceIp", ""),
        ("s3:ExistingObjectTag/a/b", "s3:ExistingObjectTag/", ""),
        ("s3:ExistingObjectTag/", "", "s3:ExistingObjectTag/"),
        ("SourceIp", "", "aws:SourceIp"),
        ("aws:SourceVPCEndpoint", "", "aws:SourceVpce"),
        ("s3:x-amz-server-side-encryption-kms-key-id", "", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ],
)
def test_condition_keys_are_known_in_any_case(written, known, meant):
    assert known_key(written) == known
    assert known or intended_key(written) == meant


def test_keys_have_types_and_actions():
    assert key_types("aws:EpochTime") == {"date", "number"}
    assert key_types("aws:SourceArn") == {"arn"}
    assert key_types("aws:SecureTransport") == {"bool"}
    assert key_types("s3:prefix") == {"text"}
    assert actions_of_key("s3:prefix") == {"ListBucket", "ListBucketVersions"}
    assert actions_of_key("aws:SourceIp") == set()


@pytest.mark.parametrize(
    ("key", "types"),
    [
        ("aws:ViaAWSMCPService", {"bool"}),
        ("aws:CalledViaAWSMCP", {"text"}),
        ("aws:SignInSessionArn", {"arn"}),
        ("aws:Ec2InstanceSourcePrivateIPv4", {"ip"}),
        ("aws:Ec2InstanceSourceVpc", {"text"}),
    ],
)
def test_a_global_key_is_known_with_its_type(key, types):
    assert known_key(key.lower()) == key
    assert key_types(key) == types
