"""Objects from a queue: each delivered until it is settled, and deleted only then. Against moto's SQS."""

from __future__ import annotations

import json
import threading
import uuid

import pytest

from test_events import event_bridge, notification, record, sns
from v7s3.errors import NotFoundError, UsageError
from v7s3.s3 import AwsSettings
from v7s3.sqs import ObjectQueue, connect_queue


@pytest.fixture
def client(moto_url):
    return connect_queue(AwsSettings(), f"{moto_url}/123456789012/any")


@pytest.fixture
def url(client):
    return client.create_queue(QueueName=f"arrivals-{uuid.uuid4().hex}")["QueueUrl"]


def send(client, url, *bodies):
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body)


def waiting(client, url):
    """Messages in the queue: visible ones, and those somebody works on."""
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]), int(answer["ApproximateNumberOfMessagesNotVisible"])


def make_visible(client, url, queue):
    """As if the time of all messages that are being worked on had run out."""
    for receipt in list(queue._open):
        client.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)


def test_a_queue_is_drained_and_each_message_deleted_once_its_key_is_settled(client, url):
    send(client, url, notification(record("a b.jpg")), sns(notification(record("c+d.jpg"))), event_bridge("e%20f.jpg"))
    with ObjectQueue(client, url, "acme") as queue:
        [objects] = [
            objects for objects in queue.rounds(drain=True) if queue.settle(one.key for one in objects) is None
        ]
    assert sorted(one.key for one in objects) == ["a b.jpg", "c+d.jpg", "e%20f.jpg"]
    assert waiting(client, url) == (0, 0)


def test_what_is_not_settled_stays_in_the_queue(client, url):
    send(client, url, notification(record("good")), notification(record("bad")))
    with ObjectQueue(client, url, "acme") as queue:
        for _ in queue.rounds(drain=True):
            queue.settle(["good"])
    assert waiting(client, url) == (0, 1)


def test_a_message_of_several_records_waits_for_all_of_them(client, url):
    send(client, url, notification(record("a"), record("b")))
    with ObjectQueue(client, url, "acme") as queue:
        next(queue.rounds(drain=True))
        queue.settle(["a"])
        assert waiting(client, url) == (0, 1)
        queue.settle(["b"])
        assert waiting(client, url) == (0, 0)


def test_what_was_not_settled_is_delivered_again(client, url):
    send(client, url, notification(record("a")))
    with ObjectQueue(client, url, "acme") as queue:
        rounds = queue.rounds(drain=True)
        [first] = next(rounds)
        make_visible(client, url, queue)
        [again] = next(rounds)
        assert first == again
        queue.settle([again.key])
        assert next(rounds, None) is None
    assert waiting(client, url) == (0, 0)


def test_of_several_events_of_a_key_the_latest_counts_whatever_their_order(client, url):
    for sequencer in ("0B", "0C", "0A", "0C"):
        send(client, url, notification(record("a", sequencer=sequencer, eTag=f"etag-{sequencer}")))
    with ObjectQueue(client, url, "acme") as queue:
        [objects] = [objects for objects in queue.rounds(drain=True) if queue.settle(["a"]) is None]
    assert [one.etag for one in objects] == ["etag-0C"]
    assert waiting(client, url) == (0, 0)


def test_a_repeated_or_older_event_of_a_settled_key_is_deleted_and_a_newer_one_is_not_missed(client, url):
    with ObjectQueue(client, url, "acme") as queue:
        rounds = queue.rounds(drain=True)
        send(client, url, notification(record("a", sequencer="0B")))
        next(rounds)
        queue.settle(["a"])
        send(client, url, notification(record("a", sequencer="0B")), notification(record("a", sequencer="0A")))
        send(client, url, notification(record("a", sequencer="0C", eTag="new")))
        [newer] = next(rounds)
        assert newer.etag == "new"
        assert waiting(client, url) == (0, 1)


def test_test_events_and_deletions_are_deleted_without_a_word(client, url):
    send(client, url, json.dumps({"Event": "s3:TestEvent"}), notification(record("a", name="ObjectRemoved:Delete")))
    with ObjectQueue(client, url, "acme") as queue:
        assert list(queue.rounds(drain=True)) == []
        assert not queue.left
    assert waiting(client, url) == (0, 0)


def test_messages_that_are_not_ours_are_counted_and_left_alone(client, url):
    send(client, url, "hello", event_bridge("a").replace("acme", "other"), notification(record("b")))
    with ObjectQueue(client, url, "acme") as queue:
        for objects in queue.rounds(drain=True):
            queue.settle(one.key for one in objects)
        assert sum(queue.left.values()) == 2
        assert queue.left["of another bucket (other)"] == 1
    assert waiting(client, url) == (0, 2)


def test_ten_thousand_events_come_in_rounds_of_about_a_thousand(client, url):
    names = [f"raw/{index:05d}.jpg" for index in range(10_000)]
    for start in range(0, len(names), 100):
        send(client, url, notification(*(record(name) for name in names[start : start + 100])))
    with ObjectQueue(client, url, "acme") as queue:
        got = []
        for objects in queue.rounds(drain=True):
            assert len(objects) <= 2000
            got += [one.key for one in objects]
            queue.settle(one.key for one in objects)
    assert sorted(got) == names
    assert waiting(client, url) == (0, 0)


def test_a_queue_that_is_not_drained_keeps_listening(client, url):
    with ObjectQueue(client, url, "acme") as queue:
        rounds = queue.rounds(drain=False, wait=1)
        send(client, url, notification(record("a")))
        assert [one.key for one in next(rounds)] == ["a"]
        queue.settle(["a"])
        threading.Timer(0.2, send, (client, url, notification(record("b")))).start()
        assert [one.key for one in next(rounds)] == ["b"]


def test_the_time_of_a_message_is_extended_while_it_is_worked_on(client, url):
    extended = threading.Event()

    def note(params, **_):
        extended.set()

    client.meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", note)
    send(client, url, notification(record("a")))
    with ObjectQueue(client, url, "acme", hidden=1) as queue:
        next(queue.rounds(drain=True))
        assert extended.wait(10)
        queue.settle(["a"])
    assert waiting(client, url) == (0, 0)


def test_a_queue_that_is_not_there_is_not_found(client, url):
    with ObjectQueue(client, url + "x", "acme") as queue, pytest.raises(NotFoundError, match="there is no such queue"):
        next(queue.rounds(drain=True))


REGIONS = {
    "https://sqs.eu-west-1.amazonaws.com/111122223333/arrivals": ("eu-west-1", "https://sqs.eu-west-1.amazonaws.com"),
    "https://sqs.cn-north-1.amazonaws.com.cn/1/a": ("cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn"),
    "http://localhost:4566/000000000000/a": ("us-east-1", "http://localhost:4566"),
}


@pytest.mark.parametrize("queue_url", REGIONS)
def test_the_url_of_a_queue_says_where_it_is(queue_url):
    client = connect_queue(AwsSettings(endpoint_url="http://127.0.0.1:9"), queue_url)
    assert (client.meta.region_name, client.meta.endpoint_url) == REGIONS[queue_url]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "arn:aws:sqs:eu-west-1:111122223333:arrivals",
            "write https://sqs.eu-west-1.amazonaws.com/111122223333/arrivals",
        ),
        ("arrivals", "list-queues"),
        ("https://sqs.eu-west-1.amazonaws.com", "list-queues"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text, hint):
    with pytest.raises(UsageError) as caught:
        connect_queue(AwsSettings(), text)
    assert hint in caught.value.hint
