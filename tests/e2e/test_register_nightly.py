"""`v7s3 register` night after night: what is settled costs a listing, what is new is found, and tags come along."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

LONG_AGO = datetime.now(UTC) - timedelta(days=30)


def document(register, *arguments):
    code, out, err = register(*arguments, "--format", "json", "--rate", "0")
    return code, json.loads(out), err


# --- rescans --------------------------------------------------------------------------------------------------------
def test_ten_thousand_keys_are_registered_once_and_the_next_night_only_the_new_ones(register, s3, bucket, darwin):
    keys = [f"cam{n % 7}/{n:05d}.jpg" for n in range(10_000)]
    s3.put_many(bucket, ((key, 10) for key in keys))
    code, first, _ = document(register, "s3://acme-frames")
    assert (code, first["outcomes"]["registered"]) == (0, 10_000)
    new = [f"cam3/{n:05d}-new.jpg" for n in range(7)]
    s3.put_many(bucket, ((key, 10) for key in new))
    code, second, _ = document(register, "s3://acme-frames")
    assert (code, second["listed"], second["outcomes"]["registered"]) == (0, 10_007, 7)
    assert second["earlier"] == {"registered": 10_000, "exists": 0, "blocked": 0, "refused": 0, "failed": 0}
    assert darwin.keys() == sorted(keys + new)


@pytest.mark.parametrize("started", ["0", "0001-01-01T00:00:00.000Z"])
def test_a_ledger_with_a_time_that_is_none_has_everything_looked_at(register, fill, tmp_path, started):
    fill("a.jpg")
    path = tmp_path / "l.sqlite"
    register("s3://acme-frames", "--ledger", path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE run SET started = ?", (started,))
    code, out, err = register("s3://acme-frames", "--ledger", path, "--modified-since", "last-run")
    assert (code, "settled by earlier runs: 1 registered" in out) == (0, True), err
    assert f"the ledger has '{started}' for the time of the last run" in err


def test_a_rescan_with_and_without_a_report_counts_the_same(register, s3, bucket, darwin, tmp_path):
    s3.put_many(bucket, ((f"{n:04d}.jpg", 10) for n in range(1500)))
    darwin.registry.poison = lambda item: item["name"] == "0700.jpg"
    document(register, "s3://acme-frames")
    s3.put(bucket, "0100.jpg", b"changed")
    code, fast, _ = document(register, "s3://acme-frames")
    _, slow, _ = document(register, "s3://acme-frames", "--report", tmp_path / "r.jsonl")
    names = ("listed", "kept", "outcomes", "earlier", "changed", "reasons")
    assert {name: fast[name] for name in names} == {name: slow[name] for name in names}
    assert (code, fast["changed"], fast["earlier"]["registered"], fast["earlier"]["refused"]) == (5, 1, 1499, 1)


@pytest.fixture
def statements(monkeypatch):
    """What sqlite is asked in this process."""
    asked = []

    class Traced(sqlite3.Connection):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.set_trace_callback(asked.append)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Traced))
    return asked


def test_a_rescan_asks_the_ledger_for_pages_not_for_their_keys(register, s3, bucket, darwin, statements):
    s3.put_many(bucket, ((f"{n:04d}.jpg", 10) for n in range(3_000)))
    assert register(f"s3://{bucket}", "--rate", "0", "-q")[0] == 0
    statements.clear()
    assert register(f"s3://{bucket}", "--rate", "0", "-q")[0] == 0
    about_keys = [one for one in statements if one.startswith("SELECT") and "FROM settled" in one]
    assert about_keys
    assert all("group_concat" in one for one in about_keys)


# --- --modified-since last-run --------------------------------------------------------------------------------------
def test_last_run_looks_at_everything_until_a_run_has_come_to_its_end(register, s3, bucket, darwin):
    s3.put_many(bucket, ((f"{n}.jpg", 10) for n in range(5)), modified=LONG_AGO)
    last_run = ["s3://acme-frames", "--modified-since", "last-run"]
    _, limited, err = document(register, *last_run, "--limit", "2")
    assert limited["outcomes"]["registered"] == 2
    assert (
        "no run over s3://acme-frames (storage acme-frames, prefix darwin) has come to its end yet: looking at" in err
    )
    _, rest, err = document(register, *last_run)
    assert rest["outcomes"]["registered"] == 3
    assert "looking at everything" in err
    s3.put(bucket, "new.jpg", b"x")
    _, third, err = document(register, *last_run)
    assert third["skipped"]["reasons"] == {"older than --modified-since": 5}
    assert third["outcomes"]["registered"] == 1
    assert "a day before the last finished run" in err
    assert len(darwin.keys()) == 6


def test_last_run_does_not_pass_over_what_other_filters_left_out_or_what_failed(register, s3, bucket, darwin):
    s3.put_many(bucket, ((name, 10) for name in ("a.jpg", "b.png")), modified=LONG_AGO)
    last_run = ["s3://acme-frames", "--modified-since", "last-run"]
    document(register, *last_run, "--ext", "jpg")
    assert darwin.keys() == ["a.jpg"]
    darwin.faults.p_fail = 1
    assert document(register, *last_run, "--attempts", "1")[1]["outcomes"]["failed"] == 1
    darwin.faults.p_fail = 0
    document(register, *last_run)
    assert darwin.keys() == ["a.jpg", "b.png"]


@pytest.mark.parametrize(
    "options",
    [["--slots-by", r"raw/(?P<item>rig/\d+)/(?P<slot>\w+)\.jpg"], ["--artifacts-prefix", "raw/single"]],
    ids=" ".join,
)
def test_last_run_does_not_pass_over_what_groups_or_another_prefix_left_out(register, s3, bucket, darwin, options):
    keys = ["raw/rig/1/a.jpg", "raw/rig/1/b.jpg", "raw/single/1.jpg"]
    s3.put_many(bucket, ((name, 10) for name in keys), modified=LONG_AGO)
    assert register("s3://acme-frames/raw", *options)[0] == 0
    assert darwin.keys() == keys[:2]
    assert register("s3://acme-frames/raw", "--modified-since", "last-run")[0] == 0
    assert darwin.keys() == keys


def test_last_run_does_not_pass_over_what_is_still_to_be_settled(register, s3, bucket, darwin):
    s3.put_many(bucket, ((name, 10) for name in ("a/1.jpg", "b/1.jpg", "c.jpg")), modified=LONG_AGO)
    last_run = ["s3://acme-frames", "--modified-since", "last-run", "--folders", "flatten"]
    for _ in range(2):
        code, found, _ = document(register, *last_run)
        assert (code, found["outcomes"]["refused"]) == (5, 2)
    code, found, _ = document(register, *last_run[:3])  # kept apart by their folders
    assert (code, found["outcomes"]["registered"]) == (0, 2)
    assert darwin.keys() == ["a/1.jpg", "b/1.jpg", "c.jpg"]
    assert "a day before the last finished run" in document(register, *last_run)[2]


def test_last_run_looks_at_what_was_forgotten(register, v7s3, s3, bucket, darwin, tmp_path):
    s3.put_many(bucket, ((name, 10) for name in ("a.jpg", "b.jpg")), modified=LONG_AGO)
    last_run = ["s3://acme-frames", "--modified-since", "last-run"]
    document(register, *last_run)
    listed = tmp_path / "keys.txt"
    listed.write_text("a.jpg\n")
    assert v7s3("ledger", "forget", "--keys-from", listed)[0] == 0
    export, imported, merged = (tmp_path / name for name in ("export.jsonl", "imported.sqlite", "merged.sqlite"))
    assert v7s3("ledger", "export", "-o", export)[0] == 0
    assert v7s3("ledger", "import", export, "--ledger", imported)[0] == 0
    assert v7s3("ledger", "merge", imported, "--into", merged)[0] == 0
    for ledger in ([], ["--ledger", imported], ["--ledger", merged]):
        _, found, err = document(register, *last_run, *ledger)
        assert "looking at everything" in err
        assert found["outcomes"]["exists"] == 1


def test_what_is_forgotten_by_a_clock_that_was_set_back_is_looked_at(register, v7s3, s3, bucket, darwin, monkeypatch):
    s3.put_many(bucket, [("a.jpg", 10)], modified=LONG_AGO)
    last_run = ["s3://acme-frames", "--modified-since", "last-run"]
    document(register, *last_run)
    with monkeypatch.context() as clock:
        clock.setattr("v7s3.items.ledger._now", lambda: "2026-01-01T00:00:00.000Z")
        clock.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a.jpg\n")))
        assert v7s3("ledger", "forget", "--keys-from", "-")[0] == 0
    assert document(register, *last_run)[1]["outcomes"]["exists"] == 1


def test_last_run_is_the_last_run_of_the_same_part(register, s3, bucket, darwin):
    s3.put_many(bucket, ((f"{n}.jpg", 10) for n in range(20)), modified=LONG_AGO)
    first, second = (["s3://acme-frames", "--modified-since", "last-run", "--shard", f"{n}/2"] for n in (1, 2))
    assert "looking at everything" in document(register, *first)[2]
    _, again, err = document(register, *first)
    assert "a day before the last finished run" in err
    assert again["skipped"]["reasons"] == {"older than --modified-since": 20}
    assert "looking at everything" in document(register, *second)[2]
    assert len(darwin.keys()) == 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["s3://acme-frames", "--slots-by", "folder"], "--slots-by contradict"),
        (["s3://acme-frames", "--retry-failed"], "--retry-failed contradict"),
        (["--keys-from", "keys.txt"], "needs a listing"),
    ],
)
def test_last_run_is_refused_where_older_objects_are_needed(register, bucket, arguments, words):
    code, out, err = register(*arguments, "--modified-since", "last-run")
    assert (code, out) == (2, "")
    assert words in err


# --- --tags-from-object ---------------------------------------------------------------------------------------------
def tag(s3, bucket, key, **tags):
    s3.client().put_object_tagging(
        Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
    )


def test_the_tags_of_objects_become_tags_of_items(register, fill, s3, bucket, darwin):
    fill("a.jpg", "b.jpg", "c.jpg")
    tag(s3, bucket, "a.jpg", night="")
    tag(s3, bucket, "b.jpg", night="late", daylight="")
    code, _, err = register("s3://acme-frames", "--tags-from-object")
    assert (code, err.count("error")) == (0, 0)
    assert {item.name: item.tags for item in darwin.items} == {
        "a.jpg": ["night"],
        "b.jpg": {"night": "late", "daylight": ""},
        "c.jpg": None,
    }


def test_tags_that_contradict_are_refused_and_the_others_go_on(register, fill, s3, bucket, darwin):
    fill("a.jpg", "b.jpg")
    tag(s3, bucket, "a.jpg", night="late")
    code, out, _ = register("s3://acme-frames", "--tags-from-object", "--tag", "daylight")
    assert code == 5
    assert darwin.keys() == ["b.jpg"]
    assert "1 refused: tags: some of its tags have a text and some have none   (a.jpg)" in out


def test_only_new_objects_are_asked_for_their_tags(register, fill, s3, darwin, monkeypatch):
    fill("a.jpg")
    assert register("s3://acme-frames", "--tags-from-object")[0] == 0
    for name, value in s3.environment("operator").items():
        monkeypatch.setenv(name, value)
    s3.deny = ["s3:GetObjectTagging"]
    assert register("s3://acme-frames", "--tags-from-object")[0] == 0
    fill("b.jpg")
    code, _, err = register("s3://acme-frames", "--tags-from-object")
    assert code == 3
    assert "s3:GetObjectTagging" in err
    assert "s3://acme-frames/b.jpg" in err
    assert darwin.keys() == ["a.jpg"]
