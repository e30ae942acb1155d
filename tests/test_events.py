"""S3's messages about new objects, in every envelope they come in."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.events import Created, NotAnEventError, created_objects, is_later
from v7s3.items.objects import StorageObject

TIME = "2026-05-01T10:00:00.000Z"


def record(key, *, name="ObjectCreated:Put", source="aws:s3", encoded=None, **more):
    one = {
        "key": quote_plus(key) if encoded is None else encoded,
        "size": 12,
        "eTag": "e1",
        "sequencer": "0A1B",
        **more,
    }
    return {
        "eventVersion": "2.1", "eventSource": source, "awsRegion": "eu-west-1", "eventTime": TIME, "eventName": name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "acme", "arn": "arn:aws:s3:::acme"}, "object": one},
    }  # fmt: skip


def notification(*records):
    return json.dumps({"Records": list(records)})


def sns(message):
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:…", "Message": message})


def event_bridge(key, kind="Object Created"):
    return json.dumps(
        {
            "version": "0", "id": "1", "detail-type": kind, "source": "aws.s3", "time": "2026-05-01T10:00:00Z",
            "detail": {
                "version": "0", "bucket": {"name": "acme"}, "reason": "PutObject",
                "object": {"key": key, "size": 12, "etag": "e1", "sequencer": "0A1B"},
            },
        }
    )  # fmt: skip


def created(key):
    return Created("acme", StorageObject(key, 12, "e1", TIME), "0A1B")


keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(keys)
def test_a_key_is_decoded_as_a_web_form_in_notifications_and_not_at_all_from_event_bridge(key):
    assert created_objects(notification(record(key))) == [created(key)]
    assert created_objects(sns(notification(record(key)))) == [created(key)]
    assert created_objects(event_bridge(key)) == [created(key)]


def test_a_blank_comes_as_a_plus_and_a_plus_encoded():
    assert created_objects(notification(record("", encoded="a+b%2Bc%2520")))[0].object.key == "a b+c%20"


def test_other_servers_name_themselves_and_prefix_their_events():
    body = notification(record("a", name="s3:ObjectCreated:Put", source="minio:s3"))
    assert created_objects(body) == [created("a")]


NOTHING_NEW = [
    notification(record("a", name="ObjectRemoved:Delete")),
    notification(record("a", name="ObjectTagging:Put")),
    notification(),
    event_bridge("a", "Object Deleted"),
    json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": TIME, "Bucket": "acme"}),
    sns(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": TIME, "Bucket": "acme"})),
]


@pytest.mark.parametrize("body", NOTHING_NEW)
def test_what_tells_of_no_new_object_is_understood_and_empty(body):
    assert created_objects(body) == []


NOT_OURS = [
    "hello", "[]", "null", "{}", '{"Records": 1}', '{"Records": [{}]}', '{"Records": [1]}',
    notification({"eventSource": "aws:dynamodb", "eventName": "INSERT"}),
    sns("hello"), json.dumps({"Type": "Notification"}),
    json.dumps({"source": "aws.s3"}), json.dumps({"source": "aws.ec2", "detail-type": "Object Created"}),
    notification({**record("a"), "s3": {"object": {"key": "a"}}}),
    "[" * 200_000, sns("[" * 200_000), '{"Records": {}}', '{"Records": ""}',
    *(notification(record("a", **{name: value})) for name in ("eTag", "sequencer") for value in (None, 5, "\ud800")),
    notification({**record("a"), "eventTime": None}), notification(record("a", size=1e999)),
    notification({**record("a"), "s3": {"bucket": {"name": ["acme"]}, "object": {"key": "a"}}}),
    event_bridge("a").replace('"a"', "null"), event_bridge("a").replace('"a"', "[]"),
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_OURS)
def test_a_message_s3_did_not_write_is_told_apart(body):
    with pytest.raises(NotAnEventError):
        created_objects(body)


@given(st.text())
def test_no_message_fails_in_any_other_way(body):
    with pytest.raises(NotAnEventError):
        created_objects(body)


def test_sequencers_compare_as_aws_says():
    assert is_later("0055AED6DCD90281E6", "0055AED6DCD90281E5")
    assert is_later("0055AED6DCD90281E501", "0055AED6DCD90281E5")
    assert not is_later("0055AED6DCD90281E500", "0055AED6DCD90281E5")
    assert not is_later("0A", "0a")
    assert is_later("1", "0FFF")
