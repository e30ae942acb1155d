"""The laws of drift and of exports: every key has one verdict, every view may be empty, and text loses nothing."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from v7s3.items import transfer
from v7s3.items.comparison import Comparison, DriftTally, drift
from v7s3.items.ledger import Forgotten, Ledger, RunRecord, Target
from v7s3.items.objects import StorageObject
from v7s3.items.outcome import STATES, Outcome
from v7s3.items.planning import plan

TARGET = Target("http://127.0.0.1:1", "acme", "signs")
KEYS = [f"{folder}/{n}.jpg" for folder in "ab" for n in range(4)]
SOME = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["e1", "e2"]))


def settled(ledger, keys, ids):
    for key, etag in keys.items():
        folder, _, name = key.rpartition("/")
        item_id = ids.get(key, f"id-{key}")
        ledger.settle("s", [Outcome("registered", (key,), (etag,), f"/{folder}", name, item_id=item_id)])


IDS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["", "another"]))


@given(SOME, SOME, st.sets(st.sampled_from(KEYS)), IDS)
def test_each_key_has_the_verdict_that_follows_from_the_three_views(bucket, known, in_v7, ids):
    tally = DriftTally()
    with Ledger(None, TARGET) as ledger, Comparison() as views:
        settled(ledger, known, ids)
        for key in in_v7:
            folder, _, name = key.rpartition("/")
            views.add_item(f"id-{key}", folder, name, 1)
        views.add_settled(ledger.rows())
        page = [StorageObject(key, 1, etag) for key, etag in sorted(bucket.items())]
        views.add_planned(plan(list(views.unsettled(page, ledger, "s"))), tally)
        found = [one for place in views.places() for one in drift(place)]
    verdicts = {one.key or f"{one.path[1:]}/{one.name}": one.verdict for one in found}
    assert len(found) == len(verdicts)

    def expected(key):
        if key in bucket and key in in_v7:
            return "o" if key not in known or ids.get(key) else "=" if known[key] == bucket[key] else "*"
        if key in in_v7:
            return "-" if key in known and not ids.get(key) else "?"
        return "+" if key in bucket else None

    assert verdicts == {key: verdict for key in KEYS if (verdict := expected(key))}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["s", "t"]), TEXT), st.tuples(st.sampled_from(STATES), TEXT), max_size=9
)


def filled(rows):
    ledger = Ledger(None, TARGET)
    for (storage, key), (state, name) in rows.items():
        ledger.settle(storage, [Outcome(state, (key,), ("e",), f"/{name}", name, "why", "")])
    return ledger


def text_of(ledger):
    return [line.encode() for line in transfer.exported(ledger)]


MOMENT = st.datetimes(datetime(1970, 1, 1)).map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z")  # noqa: DTZ001  # hypothesis wants it so
RUN = st.tuples(MOMENT, st.none() | MOMENT, TEXT)


@given(ROWS, st.lists(RUN, max_size=3, unique_by=lambda run: (run[0], run[2])), st.lists(MOMENT, max_size=1))
def test_an_export_imported_and_exported_is_the_same_text(rows, runs, forgotten):
    with filled(rows) as ledger, Ledger(None, TARGET) as other:
        ledger.merge([*(RunRecord(0, *run) for run in runs), *map(Forgotten, forgotten)])
        text = text_of(ledger)
        assert transfer.check(text, "x", TARGET) == len(rows)
        assert other.merge(transfer.entries(text, TARGET)) == len(rows)
        assert text_of(other) == text
        assert other.merge(transfer.entries(text, TARGET)) == 0
        assert text_of(other) == text


@given(ROWS, ROWS)
def test_a_merge_never_moves_a_key_away_from_v7_and_loses_none(ours, theirs):
    with filled(ours) as ledger, filled(theirs) as other:
        ledger.merge(transfer.entries(text_of(other), TARGET))
        merged = {(row.storage, row.key): row.standing.state for row in ledger.rows()}
    assert set(merged) == set(ours) | set(theirs)
    for key, state in merged.items():
        states = [rows[key][0] for rows in (ours, theirs) if key in rows]
        assert state == min(states, key=STATES.index)
