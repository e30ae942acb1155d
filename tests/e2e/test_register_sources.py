"""`v7s3 register` from inventories, queues and lists of keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from told_by_s3 import announce, let_time_pass, make_queue, messages, put_inventory

KEYS = [f"cam {n % 7}/{n:05d}+é.jpg" for n in range(1000)]


def document(register, *arguments):
    code, out, err = register(*arguments, "--format", "json", "--rate", "0")
    return code, json.loads(out), err


# --- S3 Inventory ---------------------------------------------------------------------------------------------------
@pytest.fixture
def inventory(s3, bucket):
    """Put an inventory of these keys beside the bucket; returns the URL of its manifest."""
    s3.make_bucket("acme-inventory")
    return lambda keys, source=bucket: put_inventory(s3, keys, source=source)


def test_the_next_inventory_costs_only_what_is_new_in_it(register, inventory, darwin):
    code, first, err = document(register, "--inventory", inventory(KEYS))
    assert (code, first["outcomes"]["registered"], first["listed"]) == (0, 1000, 1000)
    assert "the inventory is of 2026-05-01 02:00 UTC" in err
    _, second, _ = document(register, "--inventory", inventory([*KEYS, "new.jpg"]))
    assert (second["outcomes"]["registered"], second["earlier"]["registered"]) == (1, 1000)
    assert darwin.keys() == sorted([*KEYS, "new.jpg"])


def test_groups_come_from_an_inventory_too(register, inventory, darwin):
    url = inventory([f"rig/{n}/{side}.jpg" for n in range(50) for side in ("front", "rear")])
    code, first, _ = document(register, "--inventory", url, "--slots-by", "folder")
    assert (code, first["outcomes"]["registered"]) == (0, 50)
    assert len(darwin.keys()) == 100


@pytest.mark.parametrize("folders", ["keep", "flatten"])
def test_the_shards_of_an_inventory_are_the_whole_of_it(register, inventory, darwin, folders):
    url = inventory([*KEYS, *(f"notes {n}.txt" for n in range(20))])
    options = ("--inventory", url, "--folders", folders)
    shards = [document(register, *options, "--shard", f"{n}/3")[1] for n in (1, 2, 3)]
    assert sum(one["outcomes"]["registered"] for one in shards) == len(KEYS)
    assert sum(one["skipped"]["total"] for one in shards) == 20
    assert darwin.keys() == sorted(KEYS)


def test_an_inventory_of_another_bucket_is_refused(register, inventory, darwin, monkeypatch):
    url = inventory(["a.jpg"], source="someone-elses")
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    _, _, err = register("--inventory", url, "--dry-run")
    assert endpoint
    assert "'someone-elses'" in err


# --- SQS ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def queue(s3, bucket):
    """The URL of a queue that S3's events of the bucket go to."""
    url = make_queue(s3)
    arn = f"arn:aws:sqs:us-east-1:{s3.account}:v7-ingest"
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
    assert err.count("stays in the queue; the first message: no JSON") == 1  # a listener may not end for weeks
    assert "1 message stayed in the queue: no JSON" in err
    assert len(messages(queue)) == 1


def event(key, bucket="acme-frames", time="2026-05-01T10:00:00.000Z", **more):
    one = {"key": key, "size": 1, "eTag": "e1", "sequencer": "0055"} | more
    place = {"bucket": {"name": bucket}, "object": one}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": time, "s3": place}


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([event("b.jpg", eTag=None)], "an event whose eTag is no text"),
        ([event("b.jpg", eTag="\ud800")], "an event whose eTag is no text"),
        ([event("b.jpg", sequencer=None), event("b.jpg", sequencer=None)], "an event whose sequencer is no text"),
        ([event("b.jpg", time=None)], "an event whose eventTime is no text"),
        ([event("b.jpg", bucket=["acme-frames"])], "an event whose bucket is no text"),
        ("[" * 200_000, "no JSON (it is nested too deeply)"),
    ],
)
def test_a_message_that_cannot_be_stored_stays_and_its_neighbours_are_registered(
    register, s3, queue, darwin, records, told
):
    sqs = s3.client(service="sqs")
    for body in (records if isinstance(records, str) else json.dumps({"Records": records}), announcement("a.jpg")):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    code, _, err = register("--sqs", queue, "--drain", "--modified-since", "2020-01-01")
    assert (code, darwin.keys()) == (0, ["a.jpg"]), err
    assert f"1 message stayed in the queue: {told}" in err
    assert len(messages(queue)) == 1


def announcement(key):
    return json.dumps({"Records": [event(key)]})


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


def test_a_thousand_listed_keys_are_looked_for_and_registered(register, s3, bucket, darwin, tmp_path):
    s3.put_many(bucket, ((key, 10) for key in KEYS))
    listed = tmp_path / "keys.txt"
    listed.write_text("\n".join([*KEYS, *(f"gone/{n}.jpg" for n in range(20))]), encoding="utf-8")
    code, found, _ = document(register, "--keys-from", listed)
    assert (code, found["outcomes"]["registered"], found["outcomes"]["refused"]) == (5, 1000, 20)
    assert darwin.keys() == sorted(KEYS)


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


def test_what_vanished_since_the_inventory_is_found_when_asked_for(register, inventory, s3, bucket, darwin):
    s3.put_many(bucket, ((key, 10) for key in KEYS[:30]))
    url = inventory([*KEYS[:30], "gone 1.jpg"])
    code, found, _ = document(register, "--inventory", url, "--check-keys")
    assert (code, found["outcomes"]["registered"], found["outcomes"]["refused"]) == (5, 30, 1)
    assert darwin.keys() == sorted(KEYS[:30])
    assert document(register, "--inventory", url)[1]["outcomes"]["registered"] == 1  # not looked for by default


def test_a_group_that_lost_an_object_since_the_inventory_is_refused_whole(register, inventory, s3, bucket, darwin):
    members = [f"rig/{n}/{side}.jpg" for n in range(3) for side in ("front", "rear")]
    s3.put_many(bucket, ((key, 10) for key in members if key != "rig/1/rear.jpg"))
    code, out, _ = register("--inventory", inventory(members), "--slots-by", "folder", "--check-keys")
    assert code == 5
    assert "1 refused: rig/1/rear.jpg does not exist" in out
    assert darwin.keys() == [key for key in members if "/1/" not in key]


def test_what_vanished_since_it_was_announced_is_found_when_asked_for_and_its_message_goes(
    register, s3, bucket, queue, darwin
):
    s3.put_many(bucket, ((key, 10) for key in KEYS[:30]))
    announce(s3, queue, [*KEYS[:30], "gone 1.jpg"])
    code, found, _ = document(register, "--sqs", queue, "--drain", "--check-keys")
    assert (code, found["outcomes"]["registered"], found["outcomes"]["refused"]) == (5, 30, 1)
    assert darwin.keys() == sorted(KEYS[:30])
    assert messages(queue) == []
    announce(s3, queue, ["gone 1.jpg"])  # it comes back
    s3.put(bucket, "gone 1.jpg", b"x")
    assert document(register, "--sqs", queue, "--drain", "--check-keys")[1]["outcomes"]["registered"] == 1


def test_the_keys_of_payload_items_are_looked_for_when_asked_for(register, fill, darwin, tmp_path):
    fill("a.jpg")
    items = tmp_path / "items.jsonl"
    items.write_text("".join(json.dumps({"name": n, "path": "/", "storage_key": n}) + "\n" for n in ("a.jpg", "b.jpg")))
    assert register("--items", items, "--check-keys")[0] == 5
    assert darwin.keys() == ["a.jpg"]


def test_a_listing_needs_no_check_and_says_so(register, bucket):
    code, out, err = register("s3://acme-frames", "--check-keys")
    assert (code, out) == (2, "")
    assert "leave it out: what is listed exists" in err


def test_what_v7_has_stays_registered_in_the_ledger_whatever_a_list_says_of_it(register, v7s3, fill, darwin, tmp_path):
    fill("rig/1/front.jpg", "rig/1/rear.jpg", "rig/2/front.jpg", "a.jpg")
    assert register("s3://acme-frames")[0] == 0
    before = v7s3("ledger", "export")[1].partition('{"storage"')[2]
    rows = tmp_path / "rows.csv"
    rows.write_text("storage_key,name\na.jpg\n")
    code, out, _ = register("--manifest", rows)
    assert (code, "1 refused: line 2: has 1 cells, but the header 2   (a.jpg)\n    next: mend it and run" in out) == (
        5,
        True,
    )
    code, out, _ = register("s3://acme-frames/rig", "--slots-by", "folder", "--slots-expect", "front,rear")
    assert (code, "/rig/2 has front, but not rear   (rig/2/front.jpg)\n    next: upload what is missing" in out) == (
        5,
        True,
    )
    assert v7s3("ledger", "export")[1].partition('{"storage"')[2] == before
    sent = darwin.count("register")
    assert register("s3://acme-frames")[0] == 0
    assert darwin.count("register") == sent


# --- pipes ----------------------------------------------------------------------------------------------------------
PIPED = {
    "--keys-from": "a b.jpg\nc.jpg\n",
    "--manifest": "storage_key,name\na b.jpg,first\nc.jpg,second\n",
    "--items": '{"name": "a", "path": "/", "storage_key": "a b.jpg"}\n{"name": "c", "path": "/", "storage_key": "c.jpg"}\n',
}


@pytest.mark.parametrize("strict", [[], ["--strict"]])
@pytest.mark.parametrize("option", PIPED)
def test_every_list_may_come_through_a_pipe(fill, environment, darwin, option, strict):
    fill("a b.jpg", "c.jpg")
    command = [sys.executable, "-m", "v7s3", "register", option, "-", *strict]
    done = subprocess.run(command, input=PIPED[option], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, darwin.keys()) == (0, ["a b.jpg", "c.jpg"]), done.stderr


@pytest.mark.parametrize(
    ("option", "text"), [("--manifest", "storage,name\n"), ("--items", "{"), ("--keys-from", "\ufeff".encode("utf-16"))]
)
def test_a_pipe_is_called_standard_input_where_its_text_is_at_fault(environment, option, text):
    command = [sys.executable, "-m", "v7s3", "register", option, "-"]
    given = text if isinstance(text, bytes) else text.encode()
    done = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
    assert (done.returncode, "standard input" in done.stderr.decode()) == (2, True), done.stderr
