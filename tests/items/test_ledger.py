"""The ledger: what is settled stays settled, for one dataset, for one writer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import ConflictError, UsageError
from v7s3.items.ledger import Ledger, RunRecord, Target
from v7s3.items.objects import StorageObject
from v7s3.items.outcome import Outcome

TARGET = Target("http://127.0.0.1:1", "acme", "signs")
NASTY = [" a+b%20#.jpg", "é.jpg", "e\u0301.jpg", "日本/🙂.png", "//x", "/./y", "a\tb\nc", "x" * 1024]


def registered(key: str, etag: str = "e1", **changes: str) -> Outcome:
    folder, _, name = key.rpartition("/")
    return Outcome("registered", (key,), (etag,), f"/{folder}", name)._replace(**changes)


def test_settled_keys_are_known_byte_for_byte_after_reopening(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, TARGET) as ledger:
        ledger.begin_run("s3://b/")
        ledger.settle("store", [registered(key, item_id=f"id-{n}") for n, key in enumerate(NASTY)])
    with Ledger(path, TARGET) as ledger:
        known = ledger.standings("store", [*NASTY, "unknown"])
        assert set(known) == set(NASTY)
        assert known[NASTY[0]].item_id == "id-0"
        assert known[NASTY[0]].state == "registered"
        assert ledger.standings("another store", NASTY) == {}


def test_a_page_of_far_apart_keys_is_answered_like_a_dense_one(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        ledger.settle("s", [registered(f"{n:06d}.jpg") for n in range(5000)])
        dense = [f"{n:06d}.jpg" for n in range(1000, 2000)]
        sparse = [f"{n:06d}.jpg" for n in range(0, 6000, 600)][::-1]
        assert set(ledger.standings("s", dense)) == set(dense)
        assert set(ledger.standings("s", sparse)) == {key for key in sparse if key < "005000"}


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=30), st.data())
def test_standings_are_exactly_the_settled_ones_among_those_asked_for(keys, data):
    settled = data.draw(st.sets(st.sampled_from(sorted(keys)))) if keys else set()
    with Ledger(None, TARGET) as ledger:
        ledger.settle("s", [registered(key) for key in settled])
        assert set(ledger.standings("s", sorted(keys))) == settled


ETAGS = st.sampled_from(["e1", "e2", ""])


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), ETAGS, min_size=1, max_size=30),
    st.data(),
)
def test_a_page_is_left_with_all_that_is_not_in_v7_with_this_etag(listed, data):
    """The fast half of a rescan says what the slow half says, whatever is in a key."""
    states = st.sampled_from(["registered", "exists", "blocked", "refused", "failed"])
    some = data.draw(st.dictionaries(st.sampled_from(sorted(listed)), st.tuples(states, ETAGS)))
    page = [StorageObject(key, 1, etag) for key, etag in sorted(listed.items(), key=lambda pair: pair[0].encode())]
    with Ledger(None, TARGET) as ledger:
        ledger.settle("s", [registered(key, etag, state=state) for key, (state, etag) in some.items()])
        rest, counts = ledger.without_unchanged("s", page)
        known = ledger.standings("s", [one.key for one in rest])
    unchanged = {one.key for one in page} - {one.key for one in rest}
    assert all(some[key] in (("registered", listed[key]), ("exists", listed[key])) for key in unchanged)
    assert sum(counts.values()) == len(unchanged)
    # What was left although nothing changed is only what shares a page with keys that hold the separators.
    left = [
        key for key, found in known.items() if found.state in ("registered", "exists") and found.etag == listed[key]
    ]
    assert not left or any("\0" in key or "\1" in key for key in some)


def test_a_group_is_settled_whole(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        group = Outcome("registered", ("a/1", "a/2"), ("x", "y"), "/", "a", item_id="uuid")
        ledger.settle("s", [group])
        known = ledger.standings("s", ["a/1", "a/2"])
        assert [known[key].etag for key in ("a/1", "a/2")] == ["x", "y"]
        assert {standing.item_id for standing in known.values()} == {"uuid"}


def test_a_failed_transaction_leaves_nothing_behind(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        broken = Outcome("registered", ("a", "b"), ("only one etag",), "/", "x")
        with pytest.raises(ValueError, match="zip"):
            ledger.settle("s", [registered("first"), broken])
        assert ledger.standings("s", ["first", "a", "b"]) == {}


def test_holder_of_names_the_other_key_at_the_same_place(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        ledger.settle("s", [registered("a/1.jpg", path="/", name="1.jpg")])
        assert ledger.holder_of("s", Outcome("exists", ("b/1.jpg",), ("",), "/", "1.jpg")).key == "a/1.jpg"
        assert ledger.holder_of("s", Outcome("exists", ("a/1.jpg",), ("",), "/", "1.jpg")) is None
        assert ledger.holder_of("other", Outcome("exists", ("a/1.jpg",), ("",), "/", "1.jpg")).key == "a/1.jpg"
        assert ledger.holder_of("s", Outcome("exists", ("b/1.jpg",), ("",), "/b", "1.jpg")) is None


def test_the_place_of_an_item_does_not_depend_on_outer_slashes_of_its_path(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        ledger.settle("s", [registered("k", path="/a/", name="x"), registered("l", path="/", name="a/x2")])
        assert [row.key for row in ledger.rows_at([("a", "x")])["a", "x"]] == ["k"]
        assert ledger.holder_of("s", Outcome("exists", ("other",), ("",), "a/", "x")).key == "k"
        assert ledger.holder_of("s", Outcome("exists", ("other",), ("",), "/a", "x2")) is None


SLASHED = st.text("ab/", max_size=5)
PLACED = st.lists(st.tuples(SLASHED.filter(bool), SLASHED, SLASHED), max_size=8, unique_by=lambda one: one[0])


@given(PLACED)
def test_every_item_keeps_its_place_whether_it_is_the_key_s_own_or_not(placed):
    outcomes = [Outcome("registered", (key,), ("",), path, name) for key, path, name in placed]
    expected = {key: (path and "/" + path.strip("/"), name) for key, path, name in placed}
    with Ledger(None, TARGET) as ledger, Ledger(None, TARGET) as copy:
        ledger.settle("s", outcomes)
        known = ledger.standings("s", sorted(expected))
        copy.merge(ledger.rows())
        for rows in (ledger.rows(), copy.rows()):
            assert {row.key: (row.standing.path, row.standing.name) for row in rows} == expected
        assert {key: (one.path, one.name) for key, one in known.items()} == expected
        at = ledger.rows_at([(path, name) for path, name in expected.values() if path])
        assert {(path, name): sorted(row.key for row in rows) for (path, name), rows in at.items()} == {
            (path.strip("/"), name): sorted(key for key, place in expected.items() if place == (path, name))
            for path, name in expected.values()
            if path
        }
        for one in outcomes:
            others = [key for key, place in expected.items() if place == expected[one.keys[0]] and key != one.keys[0]]
            holder = ledger.holder_of("s", one)
            assert not one.path or (holder.key in others if others else holder is None)


def test_a_key_whose_answer_was_lost_may_hold_a_place_but_one_that_v7_has_goes_before_it():
    with Ledger(None, TARGET) as ledger:
        ledger.settle("s", [registered("a/1.jpg", path="/")._replace(state="failed")])
        third = Outcome("exists", ("c/1.jpg",), ("",), "/", "1.jpg")
        assert ledger.holder_of("s", third).key == "a/1.jpg"
        ledger.settle("s", [registered("b/1.jpg", path="/")])
        assert ledger.holder_of("s", third).key == "b/1.jpg"
        ledger.settle("s", [registered("b/1.jpg", path="/")._replace(state="blocked")])
        assert ledger.holder_of("s", third).standing.state == "failed"


def test_forgetting_takes_the_keys_of_one_item_and_not_who_was_at_its_place_before():
    with Ledger(None, TARGET) as ledger:
        ledger.settle("s", [registered("b/1.jpg", path="/", item_id="b")])
        ledger.settle("s", [registered("a/1.jpg", path="/")._replace(state="blocked")])
        ledger.settle("t", [registered("b/1.jpg", path="/")._replace(state="blocked")])
        group = Outcome("registered", ("g/1", "g/2"), ("", ""), "/", "g", item_id="g")
        ledger.settle("s", [group])
        assert ledger.forget("s", ["a/1.jpg"]) == 1
        assert ledger.forget("t", ["b/1.jpg"]) == 1
        assert ledger.forget("s", ["g/2"]) == 2
        assert [(row.storage, row.key) for row in ledger.rows()] == [("s", "b/1.jpg")]


def test_runs_before_a_key_was_forgotten_and_runs_of_the_future_are_no_last_run():
    with Ledger(None, TARGET) as ledger:
        ledger.begin_run("s3://b")
        ledger.finish_run()
        ledger.settle("s", [registered("a")])
        started = ledger.last_finished_start("s3://b")
        assert started is not None
        ledger.merge([RunRecord(9, "2931-01-01T00:00:00.000Z", "2931-01-01T01:00:00.000Z", "s3://b")])
        assert ledger.last_finished_start("s3://b") == started
        assert ledger.forget("s", ["unknown"]) == 0
        assert ledger.last_finished_start("s3://b") == started
        assert ledger.forget("s", ["a"]) == 1
        assert ledger.last_finished_start("s3://b") is None


def test_a_database_of_somebody_else_stays_as_it_is(tmp_path):
    path = tmp_path / "notes.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE note (text TEXT)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"notes\.db is not a ledger of v7s3"):
        Ledger(path, TARGET)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["notes.db"]


def test_a_place_that_is_the_key_s_own_is_found_in_every_storage_and_not_written(tmp_path):
    keys = [f"raw/2026/{n:04d}.jpg" for n in range(2000)]
    with Ledger(tmp_path / "own", TARGET) as ledger, Ledger(tmp_path / "other", TARGET) as other:
        ledger.settle("s", [registered(key) for key in keys])
        ledger.settle("t", [registered(keys[0])])
        other.settle("s", [registered(key, path="/elsewhere/2026") for key in keys])
        assert ledger.holder_of("u", registered(keys[0])).key == keys[0]
        assert [row.storage for row in ledger.rows_at([("raw/2026", "0000.jpg")])["raw/2026", "0000.jpg"]] == ["s", "t"]
        assert ledger.count_items() == len(keys)
    assert (tmp_path / "own").stat().st_size < 0.5 * (tmp_path / "other").stat().st_size


def test_a_ledger_of_an_older_version_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "l"
    with Ledger(path, TARGET) as ledger:
        ledger.settle("s", [registered("a")])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
        before = list(database.iterdump())
    for read_only in (False, True):
        with pytest.raises(UsageError, match=r"another version of v7s3 \(schema 1\)") as refused:
            Ledger(path, TARGET, read_only=read_only)
        assert "v7s3 ledger export" in refused.value.hint
    assert list(database.iterdump()) == before
    database.close()


def test_what_was_refused_before_it_had_a_place_is_nowhere_in_the_dataset(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        ledger.settle("s", [Outcome("refused", ("a/x",), ("",), "", "x", "collision")])
        assert ledger.rows_at([("/", "x")]) == {}


def test_a_second_run_on_the_same_ledger_is_refused_and_the_first_goes_on(tmp_path):
    path = tmp_path / "l"
    with Ledger(path, TARGET) as ledger:
        with pytest.raises(ConflictError, match="another run"):
            Ledger(path, TARGET)
        ledger.settle("s", [registered("a")])
    with Ledger(path, TARGET) as ledger:
        assert ledger.count() == {"registered": 1}


def test_a_reader_is_not_kept_out_and_cannot_write(tmp_path):
    path = tmp_path / "l"
    with Ledger(path, TARGET) as writer, Ledger(path, TARGET, read_only=True) as reader:
        writer.settle("s", [registered("a")])
        assert [row.key for row in reader.rows()] == ["a"]
        with pytest.raises(UsageError, match="cannot be used"):
            reader.settle("s", [registered("b")])


def test_the_lock_goes_with_the_process_that_held_it(tmp_path):
    path = tmp_path / "l"
    code = (
        "import os, sys; from pathlib import Path; from v7s3.items.ledger import Ledger, Target\n"
        "ledger = Ledger(Path(sys.argv[1]), Target('http://127.0.0.1:1', 'acme', 'signs')); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    with Ledger(path, TARGET) as ledger:
        assert ledger.count() == {}


def test_a_ledger_of_another_dataset_is_refused(tmp_path):
    path = tmp_path / "l"
    Ledger(path, TARGET).close()
    with pytest.raises(ConflictError, match="belongs to dataset 'signs', not 'other'"):
        Ledger(path, Target(TARGET.darwin_url, "acme", "other"))


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read" * 50, b"{}"])
def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_was(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="file"):
        Ledger(path, TARGET)
    assert path.read_bytes() == content


def test_a_missing_ledger_is_not_made_by_a_reader(tmp_path):
    with pytest.raises(UsageError, match="there is no ledger"):
        Ledger(tmp_path / "none", TARGET, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_last_finished_start_forgets_runs_that_were_cut_off(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        assert ledger.last_finished_start("s3://b/") is None
        ledger.begin_run("s3://b/")
        assert ledger.last_finished_start("s3://b/") is None
        ledger.finish_run()
        assert ledger.last_finished_start("s3://b/") is not None
        assert ledger.last_finished_start("s3://other/") is None


def test_rows_come_in_the_order_of_storage_and_key_and_can_be_limited_to_a_prefix():
    with Ledger(None, TARGET) as ledger:
        ledger.settle("t", [registered("a/1.jpg")])
        ledger.settle("s", [registered(key) for key in ("b/2.jpg", "b/1.jpg", "a/9.jpg", "b0.jpg")])
        assert [(row.storage, row.key) for row in ledger.rows()] == [
            ("s", "a/9.jpg"),
            ("s", "b/1.jpg"),
            ("s", "b/2.jpg"),
            ("s", "b0.jpg"),
            ("t", "a/1.jpg"),
        ]
        assert [row.key for row in ledger.rows(storage="s", prefix="b/")] == ["b/1.jpg", "b/2.jpg"]
        assert list(ledger.rows(storage="unknown")) == []
        assert ledger.storages() == ["s", "t"]


def test_items_are_counted_and_found_by_their_place():
    with Ledger(None, TARGET) as ledger:
        ledger.begin_run("x")
        group = Outcome("registered", ("a/1", "a/2"), ("x", "y"), "/g", "a", item_id="uuid")
        ledger.settle("s", [group, registered("b", path="/g"), registered("c", state="blocked")])
        second = ledger.begin_run("x")
        ledger.settle("s", [registered("d", state="exists")])
        assert (ledger.count_items(), ledger.count_items(since_run=second)) == (3, 1)
        found = ledger.rows_at([("g/", "a"), ("/g", "b"), ("/g", "none")])
        assert {place: [row.key for row in rows] for place, rows in found.items()} == {
            ("g", "a"): ["a/1", "a/2"],
            ("g", "b"): ["b"],
        }


def test_forgetting_one_key_forgets_its_whole_item():
    with Ledger(None, TARGET) as ledger:
        group = Outcome("registered", ("a/1", "a/2"), ("x", "y"), "/", "a", item_id="uuid")
        refused = [Outcome("refused", (key,), ("",), "", key, "x") for key in ("r1", "r2")]
        ledger.settle("s", [group, registered("b"), *refused])
        assert ledger.forget("s", ["a/2", "r1", "unknown"]) == 3
        assert [row.key for row in ledger.rows()] == ["b", "r2"]
        assert ledger.forget("no such storage", ["b"]) == 0


def test_a_key_that_is_no_text_is_not_kept_and_does_not_hide_the_others(tmp_path):
    with Ledger(tmp_path / "l", TARGET) as ledger:
        ledger.settle("s", [registered("a"), registered("half\ud83d", state="refused"), registered("b")])
        assert set(ledger.standings("s", ["a", "half\ud83d", "b"])) == {"a", "b"}
        assert ledger.standings("s", ["half\ud83d"]) == {}
        page = [StorageObject("a", etag="e1"), StorageObject("half\ud83d", etag="e1")]
        assert ledger.without_unchanged("s", page) == (page, {})


@pytest.mark.parametrize(
    "read",
    [
        lambda ledger: ledger.standings("s", [f"{n:05d}" for n in range(5000)]),
        lambda ledger: list(ledger.rows()),
        lambda ledger: ledger.count(),
        lambda ledger: ledger.count_items(),
    ],
)
def test_a_damaged_file_is_named_whatever_reads_it_first(tmp_path, read):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, TARGET) as ledger:
        ledger.settle("s", [registered(f"{n:05d}") for n in range(5000)])
    content = bytearray(path.read_bytes())
    for page in range(4096 * 8, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"ledger\.sqlite is damaged") as error, Ledger(path, TARGET) as ledger:
        read(ledger)
    assert "v7s3 ledger rebuild" in error.value.hint
