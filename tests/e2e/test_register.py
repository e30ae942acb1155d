"""`v7s3 register` from the shell's side: a real bucket, a real Darwin, and what the dataset holds afterwards."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

NASTY = [
    "photos/a b.jpg",
    "photos/a+b.jpg",
    "photos/100%.jpg",
    "photos/%2Fslash.jpg",
    "photos/#1?x=y&z.jpg",
    "photos/<tag>'q'\".jpg",
    "photos/é.jpg",
    "photos/e\u0301.jpg",
    "photos/日本/🙂.png",
    "photos//double.jpg",
    "photos/./dot.jpg",
    "photos/../up.jpg",
    "photos/back\\slash.jpg",
    "photos/tail .JPG",
    "photos/" + "x" * 1013 + ".jpg",
]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def reported(path):
    """storage key -> state, from a report; a key that stands there twice is an error."""
    found = [(key, line["state"]) for line in lines(path) for key in line["storage_keys"]]
    assert len(found) == len(dict(found))
    return dict(found)


# --- the happy path -------------------------------------------------------------------------------------------------
def test_a_bucket_is_registered_once_and_a_second_run_sends_nothing(register, fill, darwin, tmp_path):
    fill(*(f"raw/may/{n:02d}.jpg" for n in range(12)), "raw/may/", "raw/notes.txt", "other/x.jpg")
    code, out, err = register("s3://acme-frames/raw", "--report", tmp_path / "report.jsonl")
    assert (code, err.count("error")) == (0, 0)
    assert darwin.keys() == sorted(f"raw/may/{n:02d}.jpg" for n in range(12))
    assert "listed 14: kept 12, skipped 2: 1 folder marker, 1 unsupported type" in out
    assert "12 registered · 0 exists · 0 blocked · 0 refused · 0 failed" in out
    assert set(reported(tmp_path / "report.jsonl").values()) == {"registered"}

    sent = darwin.count("register")
    code, out, _ = register("s3://acme-frames/raw", "--report", tmp_path / "report.jsonl")
    assert code == 0
    assert darwin.count("register") == sent
    assert "0 registered" in out
    assert "settled by earlier runs: 12 registered" in out
    assert len(reported(tmp_path / "report.jsonl")) == 12


def test_an_item_keeps_its_keys_folder_and_name(register, fill, darwin):
    fill("raw/may/1.JPG")
    register("s3://acme-frames/raw")
    (item,) = darwin.items
    assert (item.path, item.name) == ("/raw/may", "1.JPG")


def test_folders_can_be_changed(register, fill, darwin):
    fill("raw/may/1.jpg")
    register("s3://acme-frames/raw", "--strip-prefix", "raw/", "--path", "/2026")
    assert [(item.path, item.name) for item in darwin.items] == [("/2026/may", "1.jpg")]


def test_two_thousand_and_one_keys_arrive_in_requests_of_a_hundred(register, s3, darwin, bucket):
    s3.put_many(bucket, ((f"k/{n:05d}.jpg", 10) for n in range(2001)))
    code, _, _ = register("s3://acme-frames/k/", "--rate", "0")
    assert code == 0
    assert darwin.keys() == [f"k/{n:05d}.jpg" for n in range(2001)]
    assert darwin.count("register") == 21


def test_nasty_keys_survive_byte_for_byte(register, fill, darwin):
    fill(*NASTY)
    code, _, _ = register("s3://acme-frames/photos/")
    assert code == 0
    assert darwin.keys() == sorted(NASTY)
    assert len({(item.path, item.name) for item in darwin.items}) == len(NASTY)


def test_the_storages_own_write_back_prefix_and_archives_are_left_out(register, fill, s3, darwin, bucket):
    fill("a.jpg", "darwin/a.jpg/uploads/x/thumbnails/0.jpg", "darwin2/b.jpg")
    s3.put(bucket, "cold.jpg", b"x", storage_class="GLACIER")
    s3.put(bucket, "empty.jpg", b"")
    code, out, _ = register("s3://acme-frames")
    assert code == 0
    assert darwin.keys() == ["a.jpg", "darwin2/b.jpg"]
    assert "skipped 3" in out
    assert "restore" in out


def test_filters_choose(register, fill, darwin):
    fill("a/1.jpg", "a/2.png", "b/3.jpg", "b/tmp-4.jpg")
    code, _, _ = register("s3://acme-frames", "--ext", "jpg", "--exclude", "*/tmp-*", "--limit", "5")
    assert code == 0
    assert darwin.keys() == ["a/1.jpg", "b/3.jpg"]


def test_limit_stops_after_so_many_and_the_next_run_goes_on(register, fill, darwin):
    fill(*(f"{n}.jpg" for n in range(5)))
    register("s3://acme-frames", "--limit", "2")
    assert darwin.keys() == ["0.jpg", "1.jpg"]
    register("s3://acme-frames", "--limit", "2")
    assert darwin.keys() == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_dry_run_shows_the_plan_and_sends_and_keeps_nothing(register, fill, darwin, tmp_path):
    fill("raw/1.jpg", "raw/2.txt")
    code, out, _ = register("s3://acme-frames", "--dry-run", "--ledger", tmp_path / "l.sqlite")
    assert code == 0
    assert "+ /raw/1.jpg  ←  raw/1.jpg" in out
    assert "would register 1 item in 1 request" in out
    assert darwin.count("register") == 0
    assert not (tmp_path / "l.sqlite").exists()


def test_json_is_one_document_with_the_tallies(register, fill):
    fill("1.jpg", "2.txt")
    code, out, _ = register("s3://acme-frames", "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert document["version"] == 1
    assert document["outcomes"] == {"registered": 1, "exists": 0, "blocked": 0, "refused": 0, "failed": 0}
    assert document["skipped"] == {"total": 1, "reasons": {"unsupported type": 1}}


def test_an_object_that_changed_since_is_reported_and_not_sent_again(register, s3, darwin, bucket):
    s3.put(bucket, "a.jpg", b"one")
    register("s3://acme-frames")
    s3.put(bucket, "a.jpg", b"two")
    code, out, _ = register("s3://acme-frames")
    assert code == 0
    assert "1 changed since they were registered: a.jpg" in out
    assert len(darwin.items) == 1


def test_a_prefix_that_holds_nothing_is_said(register, fill):
    fill("raw/1.jpg")
    code, _, err = register("s3://acme-frames/RAW")
    assert code == 0
    assert "s3://acme-frames/RAW holds nothing; prefixes and keys are case-sensitive" in err


def test_the_storage_is_found_by_its_bucket_when_only_one_has_it(register, fill, darwin, monkeypatch):
    monkeypatch.delenv("V7_STORAGE")
    fill("1.jpg")
    code, _, err = register("s3://acme-frames")
    assert code == 2  # two storages are this bucket
    assert "acme-frames, acme-ro" in err
    darwin.storages["acme-ro"] = replace(darwin.storages["acme-ro"], bucket="another-bucket")
    assert register("s3://acme-frames")[0] == 0


# --- items that V7 does not take ------------------------------------------------------------------------------------
def test_collisions_are_found_before_sending_and_name_both_keys(register, fill, darwin, tmp_path):
    fill("a/1.jpg", "b/1.jpg", "b/2.jpg")
    code, _, _ = register("s3://acme-frames", "--folders", "flatten", "--report", tmp_path / "r.jsonl")
    assert code == 5
    assert darwin.keys() == ["b/2.jpg"]
    refused = [line for line in lines(tmp_path / "r.jsonl") if line["state"] == "refused"]
    assert sorted(line["storage_keys"][0] for line in refused) == ["a/1.jpg", "b/1.jpg"]
    assert all("a/1.jpg" in line["reason"] and "b/1.jpg" in line["reason"] for line in refused)
    code, _, _ = register("s3://acme-frames")  # with their folders they do not collide
    assert code == 0
    assert darwin.keys() == ["a/1.jpg", "b/1.jpg", "b/2.jpg"]


def test_a_name_taken_by_another_key_of_ours_is_not_success(register, fill, darwin):
    fill("a/1.jpg")
    register("s3://acme-frames", "--folders", "flatten")
    fill("b/1.jpg")
    code, out, _ = register("s3://acme-frames/b/", "--folders", "flatten")
    assert code == 5
    assert "taken by the key a/1.jpg" in out
    assert darwin.keys() == ["a/1.jpg"]


def test_blocked_items_are_not_success_until_retried(register, fill, darwin):
    fill("a.jpg", "b.jpg")
    code, out, _ = register("s3://acme-frames", "--tag", "dusk")
    assert code == 5
    assert "2 blocked: UNKNOWN_TAGS" in out
    assert darwin.keys() == []
    darwin.registry.tags.add("dusk")
    sent = darwin.count("register")
    code, out, _ = register("s3://acme-frames", "--tag", "dusk")
    assert (code, darwin.count("register")) == (5, sent)  # still not in V7, and not hidden
    code, _, _ = register("s3://acme-frames", "--tag", "dusk", "--retry-failed")
    assert code == 0
    assert darwin.keys() == ["a.jpg", "b.jpg"]


def test_a_poisoned_item_is_found_alone_and_named_in_v7s_words(register, fill, darwin, tmp_path):
    keys = [f"{n:03d}.jpg" for n in range(150)]
    fill(*keys)
    darwin.registry.poison = lambda item: item["name"] in ("007.jpg", "008.jpg", "149.jpg")
    code, _, _ = register("s3://acme-frames", "--report", tmp_path / "r.jsonl", "--rate", "0")
    assert code == 5
    states = reported(tmp_path / "r.jsonl")
    assert {key for key, state in states.items() if state == "refused"} == {"007.jpg", "008.jpg", "149.jpg"}
    assert darwin.keys() == sorted(set(keys) - {"007.jpg", "008.jpg", "149.jpg"})


def test_a_request_that_is_too_large_is_halved(register, fill, darwin):
    keys = [f"{n:03d}.jpg" for n in range(100)]
    fill(*keys)
    darwin.max_body = 3000
    code, _, _ = register("s3://acme-frames", "--rate", "0")
    assert code == 0
    assert darwin.keys() == keys


def test_items_known_to_v7_are_exists(register, fill, darwin):
    fill("a.jpg", "b.jpg")
    register("s3://acme-frames", "--no-ledger")
    code, out, _ = register("s3://acme-frames", "--no-ledger")
    assert code == 0
    assert "0 registered · 2 exists" in out
    assert len(darwin.items) == 2


# --- a bad network --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", ["p_drop_before", "p_drop_after", "p_fail"])
def test_a_fifth_of_the_answers_lost_loses_and_doubles_nothing(register, s3, bucket, darwin, fault, tmp_path):
    keys = [f"k/{n:04d}.jpg" for n in range(600)]
    s3.put_many(bucket, ((key, 10) for key in keys))
    setattr(darwin.faults, fault, 0.2)
    code, _, _ = register("s3://acme-frames", "--batch-size", "10", "--rate", "0", "--report", tmp_path / "r.jsonl")
    assert code == 0
    assert darwin.keys() == keys
    states = reported(tmp_path / "r.jsonl")
    assert sorted(states) == keys
    assert set(states.values()) <= {"registered", "exists"}


@pytest.mark.parametrize("retry_after", ["none", "seconds", "http-date"])
def test_a_server_that_refuses_often_still_gets_everything_once(register, s3, bucket, darwin, retry_after):
    keys = [f"k/{n:04d}.jpg" for n in range(80)]
    s3.put_many(bucket, ((key, 10) for key in keys))
    darwin.faults.rate_per_minute, darwin.faults.burst, darwin.faults.retry_after = 1200, 2, retry_after
    code, _, _ = register("s3://acme-frames", "--batch-size", "10", "--rate", "0")
    assert code == 0
    assert darwin.keys() == keys


def test_quota_stops_resumably(register, fill, darwin):
    fill(*(f"{n}.jpg" for n in range(6)))
    darwin.registry.quota = 4
    code, out, err = register("s3://acme-frames", "--batch-size", "2", "--workers", "1", "--rate", "0")
    assert code == 7
    assert "INSUFFICIENT_REMAINING_STORAGE" in err
    assert "4 registered" in out
    darwin.registry.quota = None
    code, _, _ = register("s3://acme-frames")
    assert code == 0
    assert darwin.keys() == [f"{n}.jpg" for n in range(6)]


def test_an_outage_stops_after_a_few_requests_and_nothing_is_lost(register, fill, darwin):
    fill(*(f"{n}.jpg" for n in range(10)))
    darwin.faults.p_fail = 1
    code, _, err = register("s3://acme-frames", "--batch-size", "1", "--rate", "0", "--attempts", "2")
    assert code == 7
    assert "in a row failed" in err
    darwin.faults.p_fail = 0
    code, _, _ = register("s3://acme-frames")
    assert code == 0
    assert len(darwin.keys()) == 10


# --- interruptions --------------------------------------------------------------------------------------------------
def start(*arguments, environment):
    return subprocess.Popen(
        [sys.executable, "-m", "v7s3", "register", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process):
    import time

    for _ in range(600):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it did not come that far")


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_run_cut_off_in_the_middle_is_finished_by_the_same_command(
    register, s3, bucket, darwin, environment, tmp_path, stop
):
    keys = [f"k/{n:04d}.jpg" for n in range(1000)]
    s3.put_many(bucket, ((key, 10) for key in keys))
    darwin.faults.latency_ms = 50
    report = tmp_path / "r.jsonl"
    arguments = [
        "s3://acme-frames",
        "--batch-size",
        "10",
        "--workers",
        "4",
        "--rate",
        "0",
        "--report",
        report,
    ]
    process = start(*arguments, environment=dict(os.environ))
    wait_for(lambda: len(darwin.keys()) >= 200, process)
    process.send_signal(stop)
    _, err = process.communicate(timeout=30)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGINT: 130}[stop], err
    before = len(darwin.keys())
    assert 200 <= before < 1000

    code, _, _ = register(*arguments)
    assert code == 0
    assert darwin.keys() == keys
    states = reported(report)
    assert sorted(states) == keys
    assert set(states.values()) <= {"registered", "exists"}
    if stop == signal.SIGINT:
        assert "same command" in err
        assert "exists" not in set(states.values())  # what was in flight was waited for


@pytest.mark.parametrize("gone", [["stderr"], ["stdout", "stderr"]], ids=" and ".join)
def test_ctrl_c_that_takes_the_readers_along_still_settles_what_is_in_flight(
    v7s3, s3, bucket, darwin, environment, tmp_path, gone
):
    """As in `v7s3 register … 2>&1 | tee log`: the signal reaches the whole pipeline, and tee leaves first."""
    s3.put_many(bucket, ((f"k/{n:04d}.jpg", 10) for n in range(400)))
    darwin.faults.latency_ms = 200
    ledger = ["--ledger", tmp_path / "l.sqlite"]
    arguments = ["s3://acme-frames", *ledger, "--batch-size", "5", "--workers", "4", "--rate", "0"]
    with start(*arguments, environment=dict(os.environ)) as process:
        wait_for(lambda: len(darwin.keys()) >= 20, process)
        for name in gone:
            getattr(process, name).close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    _, out, _ = v7s3("ledger", "show", *ledger, "--format", "json")
    assert json.loads(out)["states"]["registered"] == len(darwin.keys()) < 400


def test_two_runs_at_once_are_refused_and_the_first_goes_on(register, fill, darwin, environment, tmp_path):
    fill(*(f"{n}.jpg" for n in range(50)))
    darwin.faults.latency_ms = 300
    ledger = ["--ledger", tmp_path / "l.sqlite"]
    arguments = ["s3://acme-frames", *ledger, "--batch-size", "5", "--workers", "1", "--rate", "0"]
    process = start(*arguments, environment=dict(os.environ))
    wait_for(lambda: len(darwin.keys()) >= 5, process)
    code, _, err = register("s3://acme-frames", *ledger)
    assert code == 6
    assert "another run of v7s3 is using the ledger" in err
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(darwin.keys()) == 50


# --- bad input ------------------------------------------------------------------------------------------------------
def test_401_stops_at_once_and_says_what_to_check(register, fill, monkeypatch, darwin):
    fill("a.jpg")
    monkeypatch.setenv("V7_API_KEY", "wrongky.0123456789abcdef0123456789abcdef")
    code, _, err = register("s3://acme-frames")
    assert code == 3
    assert "Add data to datasets" in err
    assert "0123456789abcdef" not in err


def test_404_names_the_slug_and_those_that_exist(register, fill):
    fill("a.jpg")
    code, _, err = register("s3://acme-frames", "--dataset", "rode-signs")
    assert code == 4
    assert "no dataset 'rode-signs'" in err
    assert "road-signs" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["s3://no-such-bucket-here", "--access", "read-write"], 4, "no-such-bucket-here"),
        (["acme-frames/raw"], 2, "s3://"),
        ([], 2, "register what?"),
        (["--items", "nowhere.jsonl"], 2, "nowhere.jsonl"),
        (["s3://acme-frames", "--storage", "acme-s4"], 4, "acme-frames"),
        (["s3://acme-frames", "--rate", "fast"], 2, "100/min"),
        (["s3://acme-frames", "--include", ""], 2, "--include is empty"),
        (["s3://acme-frames", "--darwin-url", "http://example.com"], 2, "unencrypted"),
        (["s3://acme-frames", "--darwin-url", "http://127.0.0.1:9"], 7, "cannot be reached"),
    ],
)
def test_bad_input_is_one_clear_message(register, bucket, arguments, code, words, monkeypatch):
    if "http://127.0.0.1:9" in arguments:
        arguments = [*arguments, "--attempts", "1"]
    got, out, err = register(*arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert "next:" in err
    assert "Traceback" not in err


def test_a_bucket_that_is_not_the_storages_is_refused_before_anything_is_sent(register, s3, darwin, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    code, out, err = register("s3://another-bucket")
    assert (code, out) == (2, "")
    assert "V7's storage 'acme-frames' is the bucket 'acme-frames', not 'another-bucket'" in err


def test_another_bucket_than_the_storages_is_refused_unless_v7_is_not_to_be_asked(register, s3, darwin):
    s3.make_bucket("alias-of-it")
    s3.put("alias-of-it", "a.jpg", b"x")
    code, _, err = register("s3://alias-of-it", "--storage", "acme-frames")
    assert (code, darwin.keys()) == (2, [])
    assert "V7's storage 'acme-frames' is the bucket 'acme-frames', not 'alias-of-it'" in err
    assert register("s3://alias-of-it", "--storage", "acme-frames", "--access", "read-write")[0] == 0
    assert darwin.keys() == ["a.jpg"]


def test_the_key_appears_nowhere(register, fill, darwin, tmp_path, monkeypatch):
    fill("a.jpg", "b.jpg")
    darwin.registry.poison = lambda item: item["name"] == "b.jpg"
    report, ledger = tmp_path / "r.jsonl", tmp_path / "l.sqlite"
    code, out, err = register("s3://acme-frames", "-v", "--report", report, "--ledger", ledger)
    assert code == 5
    secret = os.environ["V7_API_KEY"]
    for text in (out, err, report.read_text(), "\n".join(sqlite3.connect(ledger).iterdump())):
        assert secret not in text
        assert secret.split(".")[1] not in text


# --- other sources --------------------------------------------------------------------------------------------------
def test_keys_come_from_a_list_separated_by_newlines_or_nul(register, fill, darwin, tmp_path):
    fill("a b.jpg", "é.jpg", "notes.txt")
    listed = tmp_path / "keys.txt"
    listed.write_bytes(b"a b.jpg\n\xc3\xa9.jpg\nnotes.txt\na b.jpg\n")
    code, out, _ = register("--keys-from", listed)
    assert code == 0
    assert darwin.keys() == ["a b.jpg", "é.jpg"]
    assert "1 listed twice" in out
    listed.write_bytes(b"\xc3\xa9.jpg\0with\nnewline.jpg\0")
    code, out, _ = register("--keys-from", listed, "--no-check-keys")  # the sandbox does not find a newline
    assert code == 0
    assert darwin.keys() == ["a b.jpg", "with\nnewline.jpg", "é.jpg"]


def test_a_list_whose_name_is_no_text_is_read_all_the_same(register, fill, darwin, tmp_path):
    fill("a.jpg")
    listed = tmp_path / os.fsdecode(b"caf\xe9.txt")
    listed.write_text("a.jpg\n")
    code, out, err = register("--keys-from", listed)
    assert (code, darwin.keys()) == (0, ["a.jpg"]), err
    assert "caf\\xe9.txt → acme/road-signs" in out


def test_keys_that_are_no_text_are_refused_and_the_others_go_on(register, fill, darwin, tmp_path):
    fill("good.jpg")
    listed = tmp_path / "keys.txt"
    listed.write_bytes(b"good.jpg\nbad\xff.jpg\n")
    code, out, _ = register("--keys-from", listed)
    assert code == 5
    assert darwin.keys() == ["good.jpg"]
    assert "is not UTF-8" in out


def test_a_manifest_names_items_and_a_bad_row_is_refused_with_its_line(register, fill, darwin, tmp_path):
    fill("raw/1.jpg", "raw/2.jpg", "raw/3.jpg")
    manifest = tmp_path / "m.csv"
    manifest.write_text(
        "storage_key,name,path,tags\nraw/1.jpg,one.jpg,/x,night\nraw/2.jpg,bad/name,/x,\nraw/3.jpg,,,\n"
    )
    code, out, _ = register("--manifest", manifest)
    assert code == 5
    assert darwin.places() == ["/raw/3.jpg", "/x/one.jpg"]
    assert "bad/name" in out or "name" in out
    code, _, err = register("--manifest", manifest, "--strict", "--no-ledger")
    assert code == 2
    assert "line 3" in err
    assert len(darwin.items) == 2


def test_items_go_as_they_are_and_a_bad_file_sends_nothing(register, bucket, darwin, tmp_path):
    items = tmp_path / "items.jsonl"
    good = {"name": "d.mp4", "path": "/v", "storage_key": "raw/d.mp4", "type": "video", "fps": 5, "tags": ["night"]}
    items.write_text(json.dumps(good) + "\n")
    assert register("--items", items)[0] == 0
    (item,) = darwin.items
    assert (item.path, item.name) == ("/v", "d.mp4")
    bad = [{**good, "name": "a/b"}, {**good, "name": "e.mp4", "storage_name": "x"}, good]
    items.write_text("".join(json.dumps(one) + "\n" for one in bad))
    code, out, err = register("--items", items, "--no-ledger")
    assert (code, out) == (2, "")
    assert "line 1" in err
    assert "line 2" in err
    assert "storage_slug" in err
    assert len(darwin.items) == 1


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ('{"m": ' * 260 + "{}" + "}" * 260, "must not have more than 250 objects and lists in each other"),
        ('{"m": 1e999}', "must not have a number that JSON has not"),
    ],
)
def test_an_item_that_cannot_be_written_is_refused_with_its_line_before_any_is_sent(
    register, bucket, darwin, tmp_path, metadata, words
):
    slot = (
        '{{"name": "{0}", "slots": [{{"slot_name": "0", "file_name": "a", "storage_key": "{0}", "metadata": {1}}}]}}\n'
    )
    items = tmp_path / "items.jsonl"
    items.write_text(slot.format("a.jpg", "{}") + slot.format("b.jpg", metadata))
    for options in ([], ["--dry-run"]):
        code, _, err = register("--items", items, *options)
        assert (code, darwin.keys()) == (2, []), err
        assert f"line 2: slots[0].metadata: {words}" in err


def test_items_that_v7_refuses_are_halved_however_deep_they_are(register, bucket, darwin, tmp_path):
    darwin.registry.poison = lambda item: item["name"] == "b.jpg"
    items = tmp_path / "items.jsonl"
    deep: dict = {}
    for _ in range(249):
        deep = {"m": deep}
    slots = [{"slot_name": "0", "file_name": "a", "metadata": deep}]
    lines = [{"name": key, "slots": [slots[0] | {"storage_key": key}]} for key in ("a.jpg", "b.jpg", "c.jpg")]
    items.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    code, out, err = register("--items", items)
    assert (code, darwin.keys()) == (5, ["a.jpg", "c.jpg"]), err
    assert "2 registered · 0 exists · 0 blocked · 1 refused" in out


def test_items_of_the_other_access_mode_are_refused_before_sending(register, bucket, darwin, tmp_path):
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps({"name": "a.jpg", "storage_key": "a.jpg"}))
    code, _, err = register("--items", items, "--storage", darwin.readonly_storage)
    assert code == 2
    assert "read-only" in err
    assert darwin.count("register") == 0


def test_read_only_items_go_to_the_read_only_endpoint(register, bucket, darwin, tmp_path):
    items = tmp_path / "items.jsonl"
    item = {"name": "a.jpg", "storage_key": "a.jpg", "storage_thumbnail_key": "t/a.jpg", "width": 4, "height": 3}
    items.write_text(json.dumps({**item, "type": "image"}))
    code, _, _ = register("--items", items, "--storage", darwin.readonly_storage)
    assert code == 0
    assert darwin.keys() == ["a.jpg"]


def test_a_bucket_cannot_be_registered_from_a_read_only_storage(register, fill, darwin):
    fill("a.jpg")
    code, _, err = register("s3://acme-frames", "--storage", darwin.readonly_storage)
    assert code == 2
    assert "v7s3 prepare" in err


# --- groups ---------------------------------------------------------------------------------------------------------
def test_a_folder_becomes_one_item_with_its_files_as_slots(register, fill, darwin):
    fill("rig/1/front.jpg", "rig/1/rear.jpg", "rig/2/front.jpg", "rig/2/rear.jpg")
    code, _, _ = register("s3://acme-frames/rig/", "--slots-by", "folder")
    assert code == 0
    assert len(darwin.items) == 2
    assert darwin.keys() == ["rig/1/front.jpg", "rig/1/rear.jpg", "rig/2/front.jpg", "rig/2/rear.jpg"]
    sent = darwin.count("register")
    assert register("s3://acme-frames/rig/", "--slots-by", "folder")[0] == 0
    assert darwin.count("register") == sent


def test_an_incomplete_group_is_reported_and_not_sent(register, fill, darwin):
    fill("rig/1/front.jpg", "rig/1/rear.jpg", "rig/2/front.jpg")
    by = r"rig/(?P<item>\d+)/(?P<slot>\w+)\.jpg"
    code, out, _ = register("s3://acme-frames/rig/", "--slots-by", by, "--slots-expect", "front,rear")
    assert code == 5
    assert len(darwin.items) == 1
    assert "rear" in out


def test_a_group_that_has_grown_is_reported_and_its_new_file_is_not_called_registered(register, fill, darwin, tmp_path):
    fill("rig/1/front.jpg", "rig/1/rear.jpg")
    register("s3://acme-frames/rig/", "--slots-by", "folder")
    fill("rig/1/top.jpg")
    code, out, _ = register("s3://acme-frames/rig/", "--slots-by", "folder", "--report", tmp_path / "r.jsonl")
    assert code == 5
    assert "is registered already" in out
    assert reported(tmp_path / "r.jsonl")["rig/1/top.jpg"] == "refused"
    assert len(darwin.items) == 1


def test_a_dry_run_for_a_dataset_that_v7_does_not_list_is_no_plan(register, fill, darwin):
    fill("a.jpg")
    code, out, err = register("s3://acme-frames", "--dataset", "road-sings", "--dry-run")
    assert (code, out) == (4, "")
    assert "road-sings" in err
    assert "road-signs" in err


@pytest.mark.parametrize("status", ["403", "404"])
def test_a_dry_run_that_may_not_list_datasets_is_a_plan_all_the_same(register, fill, darwin, status):
    fill("a.jpg")
    darwin.faults.everywhere = True
    darwin.faults.script = ["ok", status]  # the storages, the datasets
    code, out, err = register("s3://acme-frames", "--dry-run")
    assert (code, "would register 1 item" in out) == (0, True)
    assert "warning: whether there is a dataset 'road-signs' is not known" in err


def test_a_run_for_an_unknown_dataset_says_that_alone(register, fill, darwin):
    fill("a.jpg")
    code, out, err = register("s3://acme-frames", "--dataset", "road-sings")
    assert (code, out) == (4, "")
    assert "road-signs" in err


def test_three_hundred_wrong_keys_are_a_few_lines(register, fill, darwin, tmp_path):
    fill("a.jpg")
    listed = tmp_path / "keys.txt"
    listed.write_text("".join(f"{n}.jpg\n" for n in range(300)) + "a.jpg\n")
    code, out, _ = register("--keys-from", listed)
    assert code == 5
    assert "300 refused: not in the bucket\n    " in out
    assert len(out.splitlines()) < 12
    assert darwin.keys() == ["a.jpg"]


def test_whoever_names_a_folder_without_its_slash_is_told_what_else_begins_so(register, fill, darwin):
    fill("raw/1.jpg", "raw-private/2.jpg", "raw2.jpg")
    note = "note: raw2.jpg begins with raw, too; for the folder alone write s3://acme-frames/raw/\n"
    assert note in register("s3://acme-frames/raw", "--dry-run")[2]
    for prefix in ("raw/", "raw-", "ra", ""):
        assert "note:" not in register(f"s3://acme-frames/{prefix}", "--dry-run")[2]
