"""Keys of a list are looked up in the bucket before anything is registered."""

from __future__ import annotations

from threading import Event

import pytest

from listing_server import ETAG, MODIFIED, Bucket, ListingServer, in_s3_order
from v7s3.items.nearest import AbsentKey
from v7s3.items.objects import StorageObject
from v7s3.keycheck import head_keys
from v7s3.s3 import AwsSettings, connect

HELD = [
    "raw/1.jpg", "raw/2.JPG", "raw/a b.jpg", "raw/100%25.jpg", "raw/日本.jpg", "raw/e\u0301.jpg", "a//b", "a/../b", "./a",
    "raw/+.jpg", "raw/?q=#.jpg", "x" * 1024,
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with ListingServer() as running:
        yield running


@pytest.fixture
def held(server):
    server.buckets["acme"] = Bucket(in_s3_order(HELD))
    return server.buckets["acme"]


@pytest.fixture
def client(server):
    return connect(AwsSettings(endpoint_url=server.url))


def asked_for(client, keys):
    return list(head_keys(client, "acme", keys, workers=4))


def test_existing_keys_become_objects_however_nasty_they_are(client, held):
    assert sorted(asked_for(client, HELD)) == sorted(
        StorageObject(key, len(key), ETAG, MODIFIED, "STANDARD") for key in HELD
    )


def test_absent_keys_come_with_the_key_that_was_meant(client, held):
    asked = [
        "raw/1.JPG",
        "raw/a%20b.jpg",
        "/raw/1.jpg",
        "s3://acme/raw/1.jpg",
        "raw/é.jpg",
        "nothing/here.png",
        "raw/1.jpg",
    ]
    found = asked_for(client, asked)
    assert {one.key: (one.state, one.nearest) for one in found if isinstance(one, AbsentKey)} == {
        "raw/1.JPG": ("wrong-case", "raw/1.jpg"),
        "raw/a%20b.jpg": ("wrong-form", "raw/a b.jpg"),
        "/raw/1.jpg": ("wrong-form", "raw/1.jpg"),
        "s3://acme/raw/1.jpg": ("wrong-form", "raw/1.jpg"),
        "raw/é.jpg": ("wrong-form", "raw/e\u0301.jpg"),
        "nothing/here.png": ("missing", ""),
    }
    assert [one.key for one in found if isinstance(one, StorageObject)] == ["raw/1.jpg"]


def test_a_key_that_may_not_be_read_is_told_from_one_that_is_missing(client, held):
    held.forbidden = {"raw/1.jpg"}
    [answer] = asked_for(client, ["raw/1.jpg"])
    assert answer.state == "no-access"
    assert "s3:GetObject" in answer.why


def test_without_the_right_to_list_keys_are_still_looked_up_one_by_one(client, held):
    held.faults = [(403, b"<Error><Code>AccessDenied</Code></Error>")] * 10
    assert {one.key: one.nearest for one in asked_for(client, ["/raw/1.jpg", "raw/1.JPG"])} == {
        "/raw/1.jpg": "raw/1.jpg",
        "raw/1.JPG": "",
    }


def test_keys_are_asked_for_lazily(client, held):
    drawn = []

    def keys():
        for key in HELD * 50:
            drawn.append(key)
            yield key

    answers = head_keys(client, "acme", keys(), workers=2)
    next(answers)
    assert len(drawn) <= 8
    answers.close()


def test_once_stopping_no_further_key_is_asked_for(client, held):
    stop = Event()
    answers = head_keys(client, "acme", HELD * 10, workers=2, stop=stop)
    next(answers)
    stop.set()
    assert len(list(answers)) <= 4  # what was under way
    assert held.requests <= 6
