"""`v7s3 register --shard`: several machines, one bucket."""

from __future__ import annotations

import json
from collections import Counter

import pytest

KEYS = [f"k/{n:03d}.jpg" for n in range(40)]


def test_shards_register_every_key_once_and_each_remembers_its_own(register, fill, darwin):
    fill(*KEYS, "notes.txt")
    sent = []
    for number in (1, 2, 3):
        code, out, _ = register("s3://acme-frames", "--shard", f"{number}/3")
        assert code == 0
        assert f"s3://acme-frames --shard {number}/3" in out
        sent.append(len(darwin.keys()))
    assert 0 < sent[0] < sent[1] < sent[2] == len(KEYS)
    assert darwin.keys() == KEYS

    requests = darwin.count("register")
    for number in (1, 2, 3):
        assert register("s3://acme-frames", "--shard", f"{number}/3")[0] == 0
    assert darwin.count("register") == requests


def test_a_shard_that_is_none_is_refused_before_anything_is_asked(register, darwin):
    code, _, err = register("s3://acme-frames", "--shard", "4/3")
    assert (code, darwin.keys()) == (2, [])
    assert "the third of sixteen is 3/16" in err


def test_a_queue_is_not_sharded_because_messages_would_be_lost(register, darwin):
    code, _, err = register("--sqs", "https://sqs.eu-west-1.amazonaws.com/1/q", "--shard", "1/3")
    assert (code, darwin.keys()) == (2, [])
    assert "messages about objects of other parts would be lost" in err


def as_keys(path):
    path.write_text("\n".join(KEYS) + "\n")
    return "--keys-from", path


def as_manifest(path):
    path.write_text("storage_key\n" + "\n".join(KEYS) + "\n")
    return "--manifest", path


def as_items(path):
    path.write_text("".join(json.dumps({"name": key[2:], "path": "/k", "storage_key": key}) + "\n" for key in KEYS))
    return "--items", path


def as_groups(path):
    return (*as_keys(path), "--slots-by", r"(?P<item>k/\d\d)(?P<slot>\d)\.jpg")


@pytest.mark.parametrize(("source", "looks"), [(as_keys, 1), (as_manifest, 1), (as_items, 1), (as_groups, 3)])
def test_a_key_is_looked_for_by_the_shard_it_belongs_to(register, fill, s3, darwin, tmp_path, source, looks):
    """Groups are made of what is there, so that each shard has to look for all of it."""
    fill(*KEYS)
    arguments = source(tmp_path / "source")
    before = s3.requests.copy()
    for number in (1, 2, 3):
        assert register(*arguments, "--check-keys", "--shard", f"{number}/3")[0] == 0
    asked = Counter(action for (_, action), n in (s3.requests - before).items() for _ in range(n))
    assert asked["s3:GetObject"] == looks * len(KEYS)
    assert darwin.keys() == KEYS


def test_an_object_that_came_to_a_registered_group_is_told_of_by_one_shard(register, fill, darwin):
    fill(*(f"g{n}/a.jpg" for n in range(8)))
    parts = [("s3://acme-frames", "--slots-by", "folder", "--shard", f"{n}/2", "--format", "json") for n in (1, 2)]
    assert sum(json.loads(register(*part)[1])["outcomes"]["registered"] for part in parts) == 8
    fill(*(f"g{n}/b.jpg" for n in range(8)))
    assert sum(json.loads(register(*part)[1])["outcomes"]["refused"] for part in parts) == 8


@pytest.mark.parametrize("spelling", ["1/2", "01/2", "1/02"])
def test_a_part_has_one_ledger_however_it_is_spelled(register, fill, darwin, spelling):
    fill(*KEYS)
    assert register("s3://acme-frames", "--shard", "1/2")[0] == 0
    asked = darwin.count("register")
    assert register("s3://acme-frames", "--shard", spelling)[0] == 0
    assert darwin.count("register") == asked


def test_two_keys_of_one_item_are_refused_by_the_shard_of_the_item(register, fill, darwin):
    fill(*KEYS, *(f"other/{key}" for key in KEYS[:5]))
    refused = 0
    for number in (1, 2, 3):
        _, out, _ = register("s3://acme-frames", "--folders", "flatten", "--shard", f"{number}/3", "--format", "json")
        refused += json.loads(out)["outcomes"]["refused"]
    assert refused == 10
    assert darwin.keys() == KEYS[5:]
