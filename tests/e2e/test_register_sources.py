"""`v7s3 register` from inventories, queues and lists of keys: thousands of keys each, also when a run is killed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote_plus

import pytest
from moto.sqs.models import sqs_backends

KEYS = [f"cam {n % 7}/{n:05d}+é.jpg" for n in range(3000)]


def document(register, *arguments):
    code, out, err = register(*arguments, "--format", "json", "--rate", "0")
    return code, json.loads(out), err


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "v7s3", "register", *map(str, arguments)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_in_the_middle(darwin, arguments, enough, stop=signal.SIGKILL):
    """Run `register`, kill it when the dataset has `enough` items, and return what it had then."""
    darwin.faults.latency_ms = 30
    process = start(*arguments, "--batch-size", "10", "--workers", "4", "--rate", "0")
    for _ in range(5000):
        if len(darwin.items) >= enough:
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(stop)
    out, err = process.communicate(timeout=60)
    darwin.faults.latency_ms = 0
    return process.returncode, len(darwin.items), out + err


# --- S3 Inventory ---------------------------------------------------------------------------------------------------
@pytest.fixture
def inventory(s3, bucket):
    """Put an inventory of these keys beside the bucket; returns the URL of its manifest."""
    s3.make_bucket("acme-inventory")

    def put(keys, source=bucket):
        files = []
        for number in range(2):  # S3 writes several files, each in an order of its own
            rows = [f'"{source}","{quote_plus(key)}","10","e{key[:3].strip()}"' for key in keys[number::2]]
            body = gzip.compress("\n".join(reversed(rows)).encode())
            s3.put("acme-inventory", f"data/{number}.csv.gz", body)
            md5 = hashlib.md5(body).hexdigest()
            files.append({"key": f"data/{number}.csv.gz", "size": len(body), "MD5checksum": md5})
        manifest = {
            "sourceBucket": source,
            "destinationBucket": "arn:aws:s3:::acme-inventory",
            "version": "2016-11-30",
            "creationTimestamp": "1777600800000",
            "fileFormat": "CSV",
            "fileSchema": "Bucket, Key, Size, ETag",
            "files": files,
        }
        s3.put("acme-inventory", "daily/manifest.json", json.dumps(manifest).encode())
        return "s3://acme-inventory/daily/manifest.json"

    return put


def test_an_inventory_is_registered_whole_and_only_once(register, inventory, darwin):
    url = inventory(KEYS)
    code, first, err = document(register, "--inventory", url)
    assert (code, first["outcomes"]["registered"], first["listed"]) == (0, 3000, 3000)
    assert darwin.keys() == sorted(KEYS)
    assert "the inventory is of 2026-05-01 02:00 UTC" in err
    _, second, _ = document(register, "--inventory", inventory([*KEYS, "new.jpg"]))
    assert (second["outcomes"]["registered"], second["earlier"]["registered"]) == (1, 3000)


def test_groups_come_from_an_inventory_too(register, inventory, darwin):
    url = inventory([f"rig/{n}/{side}.jpg" for n in range(50) for side in ("front", "rear")])
    code, first, _ = document(register, "--inventory", url, "--slots-by", "folder")
    assert (code, first["outcomes"]["registered"]) == (0, 50)
    assert len(darwin.keys()) == 100


def test_an_inventory_of_another_bucket_is_refused(register, inventory, darwin, monkeypatch):
    url = inventory(["a.jpg"], source="someone-elses")
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    _, _, err = register("--inventory", url, "--dry-run")
    assert endpoint
    assert "'someone-elses'" in err


def test_a_run_over_an_inventory_that_was_killed_is_finished_by_the_same_command(register, inventory, darwin):
    arguments = ["--inventory", inventory(KEYS[:1000])]
    code, before, _ = killed_in_the_middle(darwin, arguments, 200)
    assert code == -9
    assert 200 <= before < 1000
    assert document(register, *arguments)[0] == 0
    assert darwin.keys() == sorted(KEYS[:1000])


# --- groups ---------------------------------------------------------------------------------------------------------
def test_a_run_over_groups_that_was_killed_is_finished_by_the_same_command(register, s3, bucket, darwin):
    keys = [f"{side}/{n:04d}.jpg" for n in range(600) for side in ("front", "rear", "top")]
    s3.put_many(bucket, ((key, 10) for key in keys))
    arguments = ["s3://acme-frames", "--slots-by", r"(?P<slot>\w+)/(?P<item>\d+)\.jpg"]
    code, before, _ = killed_in_the_middle(darwin, arguments, 100)
    assert code == -9
    assert 100 <= before < 600
    code, second, _ = document(register, *arguments)
    assert code == 0
    assert darwin.keys() == sorted(keys)
    assert len(darwin.items) == 600
    assert all(len(item.slots) == 3 for item in darwin.items)
    assert second["outcomes"]["registered"] + second["outcomes"]["exists"] + second["earlier"]["registered"] // 3 == 600


# --- SQS ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def queue(s3, bucket):
    """The URL of a queue that S3's events of the bucket go to."""
    client = s3.client(service="sqs")
    url = client.create_queue(QueueName="v7-ingest")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.client().put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    return url


@pytest.fixture
def upload(s3, bucket, queue):
    """Put objects into the bucket as a client does, so that S3 announces them."""

    def put(*keys):
        for key in keys:
            s3.client().put_object(Bucket=bucket, Key=key, Body=b"x")

    return put


def announce(s3, url, keys, per_message=10):
    """Put messages into the queue as S3 would, several records each."""
    records = [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-05-01T10:00:00.000Z",
            "s3": {
                "bucket": {"name": "acme-frames"},
                "object": {"key": quote_plus(key, safe="/"), "size": 10, "eTag": "e1", "sequencer": f"{n:016X}"},
            },
        }
        for n, key in enumerate(keys)
    ]
    bodies = [json.dumps({"Records": records[n : n + per_message]}) for n in range(0, len(records), per_message)]
    client = s3.client(service="sqs")
    for n in range(0, len(bodies), 10):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[n : n + 10])]
        client.send_message_batch(QueueUrl=url, Entries=entries)


def messages(url):
    """What the queue holds, also what is hidden because somebody works on it."""
    name = url.rpartition("/")[2]
    (queue,) = [
        queue
        for regions in sqs_backends.values()
        for backend in regions.values()
        for queue in backend.queues.values()
        if queue.name == name
    ]
    return queue._messages


def let_time_pass(url):
    """As if the time of all hidden messages had run out."""
    for message in messages(url):
        message.change_visibility(0)


def test_thousands_of_events_are_registered_and_their_messages_deleted(register, s3, queue, darwin):
    announce(s3, queue, [*KEYS, *KEYS[:100]])  # S3 announces some twice
    code, found, _ = document(register, "--sqs", queue, "--drain")
    assert code == 0
    assert found["outcomes"]["registered"] == 3000
    assert darwin.keys() == sorted(KEYS)
    assert messages(queue) == []


def test_what_s3_itself_announces_is_registered_and_what_v7_writes_back_is_not(register, upload, queue, darwin):
    upload("raw/a b+c.jpg", "notes.txt", "darwin/raw/a.jpg/uploads/1/thumbnails/0.jpg")
    code, out, _ = register("--sqs", queue, "--drain")
    assert code == 0
    assert darwin.keys() == ["raw/a b+c.jpg"]
    assert "1 unsupported type" in out
    assert "1 written by V7" in out
    assert messages(queue) == []  # also of those that are no items, and S3's test event


def test_a_message_stays_until_its_key_is_settled(register, upload, queue, darwin):
    upload("a.jpg", "b.jpg")
    darwin.faults.p_fail = 1
    assert register("--sqs", queue, "--drain", "--attempts", "1")[0] == 5
    assert len(messages(queue)) == 2
    darwin.faults.p_fail = 0
    let_time_pass(queue)
    assert register("--sqs", queue, "--drain")[0] == 0
    assert darwin.keys() == ["a.jpg", "b.jpg"]
    assert messages(queue) == []


def test_a_dry_run_leaves_all_messages(register, upload, queue, darwin):
    upload("a.jpg")
    code, out, _ = register("--sqs", queue, "--dry-run")
    assert (code, len(messages(queue)), darwin.keys()) == (0, 1, [])
    assert "would register 1 item" in out


def test_messages_that_s3_did_not_write_stay_and_are_told(register, upload, s3, queue, darwin):
    upload("a.jpg")
    s3.client(service="sqs").send_message(QueueUrl=queue, MessageBody="hello")
    code, _, err = register("--sqs", queue, "--drain")
    assert code == 0
    assert "1 messages stay in the queue: no JSON" in err
    assert len(messages(queue)) == 1


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_listener_that_was_stopped_has_lost_nothing(register, s3, queue, darwin, stop):
    announce(s3, queue, KEYS[:1000], per_message=3)
    code, before, said = killed_in_the_middle(darwin, ["--sqs", queue], 200, stop)
    assert code == {signal.SIGKILL: -9, signal.SIGINT: 130}[stop], said
    assert 200 <= before < 1000
    assert messages(queue)
    let_time_pass(queue)
    assert document(register, "--sqs", queue, "--drain")[0] == 0
    assert darwin.keys() == sorted(KEYS[:1000])
    assert messages(queue) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sqs", "URL", "--slots-by", "folder"], "tells of one object at a time"),
        (["--sqs", "arn:aws:sqs:eu-west-1:111122223333:q"], "is a queue's ARN"),
        (["s3://acme-frames", "--drain"], "--drain goes with --sqs"),
        (["s3://acme-frames", "--inventory", "s3://x/manifest.json"], "are different sources"),
    ],
)
def test_options_that_do_not_fit_are_refused(register, darwin, queue, arguments, words):
    code, out, err = register(*(queue if one == "URL" else one for one in arguments))
    assert (code, out) == (2, "")
    assert words in err


# --- keys that do not exist -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("named", ["--keys-from", "--manifest"])
def test_a_listed_key_that_does_not_exist_is_refused_with_the_nearest_one(register, fill, darwin, tmp_path, named):
    fill("raw/Photo 1.jpg", "raw/2.jpg")
    listed = tmp_path / "keys.csv"
    listed.write_text(("storage_key\n" if named == "--manifest" else "") + "raw/photo 1.jpg\nraw/2.jpg\n")
    code, out, _ = register(named, listed)
    assert code == 5
    assert darwin.keys() == ["raw/2.jpg"]
    assert "raw/photo 1.jpg is written otherwise in the bucket: 'raw/Photo 1.jpg' (case matters)" in out


def test_thousands_of_listed_keys_are_looked_for_and_registered(register, s3, bucket, darwin, tmp_path):
    keys = KEYS[:2000]
    s3.put_many(bucket, ((key, 10) for key in keys))
    listed = tmp_path / "keys.txt"
    listed.write_text("\n".join([*keys, *(f"gone/{n}.jpg" for n in range(20))]), encoding="utf-8")
    code, found, _ = document(register, "--keys-from", listed)
    assert (code, found["outcomes"]["registered"], found["outcomes"]["refused"]) == (5, 2000, 20)
    assert darwin.keys() == sorted(keys)


def test_keys_that_cannot_be_checked_are_sent_with_a_warning_unless_a_check_is_asked_for(
    register, fill, s3, darwin, tmp_path, monkeypatch
):
    fill("a.jpg")
    listed = tmp_path / "keys.txt"
    listed.write_text("a.jpg\n")
    for name, value in s3.environment("operator").items():
        monkeypatch.setenv(name, value)
    s3.deny = {"s3:ListBucket"}
    code, _, err = register("--keys-from", listed, "--check-keys")
    assert code == 3
    assert "s3:ListBucket" in err
    code, _, err = register("--keys-from", listed)
    assert code == 0
    assert "warning: the keys are sent without a look whether they exist" in err
    assert darwin.keys() == ["a.jpg"]


def test_no_check_keys_sends_them_as_they_are(register, bucket, darwin, tmp_path):
    listed = tmp_path / "keys.txt"
    listed.write_text("nowhere.jpg\n")
    assert register("--keys-from", listed, "--no-check-keys")[0] == 0
    assert darwin.keys() == ["nowhere.jpg"]
