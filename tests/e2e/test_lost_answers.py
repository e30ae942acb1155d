"""Requests that reached V7 and whose answers did not reach us: what V7 may have is neither sent again as something else, nor
taken for something else that is there.
"""

from __future__ import annotations

import json

import pytest

from v7s3.sandbox.faults import DarwinFaults

RIG = [f"rig/1/{name}.jpg" for name in "abc"]
FLAT = ("--folders", "flatten")


@pytest.fixture
def lose(register, darwin):
    """Register with these arguments; the answer is lost."""

    def run(*arguments):
        darwin.faults = DarwinFaults(script=["drop-after"])
        code, out, _ = register(*arguments, "--attempts", "1")
        assert (code, "1 failed" in out) == (5, True)

    return run


@pytest.fixture
def only(tmp_path):
    """The arguments for a list of one key."""

    def arguments(key):
        path = tmp_path / f"{key.replace('/', '-')}.txt"
        path.write_text(f"{key}\n")
        return ("--keys-from", path, *FLAT)

    return arguments


def states(v7s3, *arguments):
    lines = map(json.loads, v7s3("ledger", "export", *arguments)[1].splitlines())
    return {line["key"]: line["state"] for line in lines if "key" in line}


def test_the_same_item_is_sent_again_and_found_to_be_there(register, v7s3, fill, darwin, lose):
    fill(*RIG)
    lose("s3://acme-frames", "--slots-by", "folder")
    assert register("s3://acme-frames", "--slots-by", "folder")[0] == 0
    assert states(v7s3) == dict.fromkeys(RIG, "exists")
    assert darwin.keys() == RIG


def test_a_group_that_has_grown_is_not_taken_for_the_one_that_is_there(register, v7s3, fill, darwin, lose):
    fill(*RIG[:2])
    lose("s3://acme-frames", "--slots-by", "folder")
    fill(RIG[2])
    sent = darwin.count("register")
    for _ in range(2):
        code, out, _ = register("s3://acme-frames", "--slots-by", "folder")
        assert code == 5
        assert "1 refused: V7 may have rig/1/a.jpg already, as /rig/1: it was sent by an earlier run" in out
        assert "or look in V7 and `v7s3 ledger forget` them" in out
    assert darwin.count("register") == sent
    assert states(v7s3) == {RIG[0]: "failed", RIG[1]: "failed", RIG[2]: "refused"}


SINGLE, GROUPED = ("--limit", "1"), ("--slots-by", "folder")


@pytest.mark.parametrize(
    ("first", "second"),
    [(SINGLE, ["--strip-prefix", "rig/"]), (SINGLE, ["--path", "/x"]), (SINGLE, GROUPED), (GROUPED, [])],
)
def test_what_v7_may_have_is_not_registered_at_another_place(register, fill, darwin, lose, first, second):
    fill(*RIG)
    lose("s3://acme-frames", *first)
    code, out, _ = register("s3://acme-frames", *second)
    assert (code, "V7 may have rig/1/a.jpg already" in out) == (5, True)
    assert register("s3://acme-frames", *first)[0] == 0
    assert len(darwin.keys()) == len(set(darwin.keys()))


def test_a_refusal_of_ours_does_not_take_away_what_is_known_of_a_lost_answer(register, v7s3, fill, darwin, lose, only):
    fill("a/x.jpg", "b/x.jpg")
    lose(*only("a/x.jpg"))
    assert "2 refused: collision" in register("s3://acme-frames", *FLAT)[1]
    code, out, _ = register(*only("b/x.jpg"))
    assert (code, "the name may be taken by the key a/x.jpg, the answer to which was lost" in out) == (5, True)
    assert states(v7s3) == {"a/x.jpg": "failed", "b/x.jpg": "blocked"}
    assert darwin.keys() == ["a/x.jpg"]


def test_of_two_answers_lost_at_one_place_neither_key_is_said_to_be_there(register, v7s3, fill, darwin, lose, only):
    fill("a/x.jpg", "b/x.jpg", "c/x.jpg")
    lose(*only("a/x.jpg"))
    lose(*only("b/x.jpg"))
    for key, other in (("a/x.jpg", "b/x.jpg"), ("b/x.jpg", "a/x.jpg")):
        code, out, _ = register(*only(key))
        assert (code, f"the name is taken by this key or by the key {other}" in out) == (5, True)
    for _ in range(2):
        assert register(*only("a/x.jpg"), "--retry-failed")[0] == 5
    assert register(*only("c/x.jpg"))[0] == 5
    assert states(v7s3) == dict.fromkeys(("a/x.jpg", "b/x.jpg", "c/x.jpg"), "blocked")
    assert darwin.keys() == ["a/x.jpg"]


def test_forgetting_one_of_two_leaves_the_other_known(register, v7s3, fill, darwin, lose, only):
    fill("a/x.jpg", "b/x.jpg", "c/x.jpg")
    lose(*only("a/x.jpg"))
    lose(*only("b/x.jpg"))
    code, out, _ = v7s3("ledger", "forget", *only("b/x.jpg")[:2])
    assert (code, out) == (0, "forgot 1 key (1 was named): `v7s3 register` sends them again\n")
    assert register(*only("c/x.jpg"))[0] == 5
    assert states(v7s3) == {"a/x.jpg": "failed", "c/x.jpg": "blocked"}


def test_a_lost_answer_is_not_merged_away(register, v7s3, fill, darwin, lose, only, tmp_path):
    fill("a/x.jpg", "b/x.jpg")
    lost, other = tmp_path / "lost.sqlite", tmp_path / "other.sqlite"
    lose(*only("a/x.jpg"), "--ledger", lost)
    assert "2 refused: collision" in register("s3://acme-frames", *FLAT, "--ledger", other)[1]
    for first, second in ((lost, other), (other, lost)):
        into = tmp_path / f"{first.stem}-first.sqlite"
        assert v7s3("ledger", "merge", first, second, "--into", into)[0] == 0
        assert states(v7s3, "--ledger", into) == {"a/x.jpg": "failed", "b/x.jpg": "refused"}
