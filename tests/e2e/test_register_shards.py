"""`v7s3 register --shard`: several machines, one bucket."""

from __future__ import annotations

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
