"""From an item that V7 could not process to its cause: `v7s3 status` names a command, and the command finds it."""

from __future__ import annotations

import re
import shlex

import pytest

from doctor import scenarios
from doctor.conftest import BUCKET, REGION
from doctor.scenarios import World


@pytest.fixture
def world(s3, bucket, darwin, owner, kms, environment, monkeypatch):
    return World(s3, bucket, darwin, owner, kms, monkeypatch)


def a_missing_object(world):
    """Registered, then deleted; S3 says 403 to those who may not list."""
    world.owner.delete_object(Bucket=BUCKET, Key="raw/1.jpg")


def a_missing_object_and_v7_may_list(world):
    world.s3.grant_v7(BUCKET, "s3:GetObject", "s3:PutObject", "s3:ListBucket")
    world.owner.delete_object(Bucket=BUCKET, Key="raw/1.jpg")


def an_empty_object(world):
    world.s3.put(BUCKET, "raw/1.jpg", b"")


def objects_under_a_key_without_v7(world):
    key = world.make_key()
    world.owner.put_object(
        Bucket=BUCKET, Key="raw/1.jpg", Body=b"jpeg", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )


# Each scenario, the words of the hint, and the finding of the command that is named.
CAUSES = [
    (scenarios.no_policy, "may not read", "POL"),
    (scenarios.policy_without_the_objects, "may not read", "POL"),
    (scenarios.policy_for_a_mistyped_role, "may not read", "POL"),
    (scenarios.policy_for_another_prefix, "may not read", "POL"),
    (scenarios.policy_without_writing, "may not write", "POL"),
    (scenarios.denied_outside_the_office, "may not read", "POL"),
    (scenarios.uploads_must_name_their_encryption, "may not write", "POL"),
    (scenarios.malware_tag_is_missing, "may not read", "POL"),
    (scenarios.a_public_statement_shuts_v7_out, "may not read", "PAB"),
    (scenarios.the_account_blocks_what_the_bucket_allows, "may not read", "PAB"),
    (scenarios.foreign_objects, "may not read", "OWN"),
    (objects_under_a_key_without_v7, "may not read", "ENC"),
    (scenarios.a_key_that_lets_v7_read_only, "may not write", "ENC"),
    (scenarios.a_disabled_key, "KMS key", "ENC"),
    (scenarios.requester_pays, "may not read", "BKT"),
    (a_missing_object, "does not exist", "OBJ"),
    (a_missing_object_and_v7_may_list, "does not exist", "OBJ"),
    (an_empty_object, "not read it", "OBJ"),
]


@pytest.fixture
def registered(v7s3, world, darwin):
    """Register the three objects while nothing is wrong, and let V7 process them after `change`."""
    world.monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)

    def run(change, *options):
        darwin.hold()
        code, _, err = v7s3("register", f"s3://{BUCKET}/raw", *options)
        assert code == 0, err
        change(world)
        darwin.release()
        darwin.settle()

    return run


def named_command(text):
    (command,) = re.findall(r"^    why:  v7s3 (.+)$", text, re.MULTILINE)
    return shlex.split(command)


@pytest.mark.parametrize(("scenario", "hint", "finding"), CAUSES, ids=lambda one: getattr(one, "__name__", None))
def test_the_command_that_status_names_finds_the_cause(scenario, hint, finding, v7s3, registered):
    registered(scenario)
    code, out, _ = v7s3("status")
    assert (code, hint in out) == (5, True), out
    code, said, _ = v7s3(*named_command(out), "--fail-level", "info")
    assert code == 1, said
    assert re.search(rf"\b{finding}\d", said), said


def test_a_bucket_that_v7_does_not_find_is_looked_for_where_v7_looks(v7s3, world, registered):
    world.record(bucket="acme-frames")
    registered(lambda _world: None, "--storage", "acme-scans", "--access", "read-write")  # V7 is not asked
    code, out, _ = v7s3("status")
    assert (code, "V7 has another region or bucket on record" in out) == (5, True), out
    command = named_command(out)
    assert command[:2] == ["doctor", "s3://acme-frames/raw/0.jpg"]
    code, said, _ = v7s3(*command)
    assert (code, "BKT004" in said) == (4, True), said
