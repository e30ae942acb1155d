"""The counts of a run and the words made from them."""

from __future__ import annotations

import json

from v7s3.items.ledger import Standing
from v7s3.items.outcome import Outcome
from v7s3.items.tally import Tally, hint_for, report_line


def outcome(state, key="a.jpg", reason=""):
    return Outcome(state, (key,), ("e",), "/", key, reason)


def test_exit_code_is_5_as_soon_as_one_item_is_not_in_v7():
    tally = Tally()
    tally.add(outcome("registered"))
    tally.add(outcome("exists"))
    assert tally.exit_code() == 0
    tally.add(outcome("blocked", reason="UNKNOWN_TAGS"))
    assert tally.exit_code() == 5


def test_what_an_earlier_run_left_behind_still_counts():
    tally = Tally()
    tally.add_earlier("a", "e", Standing("e", "registered", "", "/", "a", ""))
    assert tally.exit_code() == 0
    tally.add_earlier("b", "e", Standing("e", "blocked", "UNKNOWN_TAGS", "/", "b", ""))
    assert tally.exit_code() == 5
    assert [line.reason for line in tally.reasons()] == ["UNKNOWN_TAGS"]


def test_a_changed_etag_is_counted_only_when_both_are_known():
    tally = Tally()
    for today, then in (("new", "old"), ("same", "same"), ("", "old"), ("new", "")):
        tally.add_earlier("k", today, Standing(then, "registered", "", "/", "k", ""))
    assert (tally.changed, tally.changed_examples) == (1, ["k"])


def test_reasons_are_grouped_most_frequent_first_with_examples():
    tally = Tally()
    for n in range(5):
        tally.add(outcome("blocked", f"{n}.jpg", "UNKNOWN_TAGS"))
    tally.add(outcome("failed", "x.jpg", "timeout"))
    first, second = tally.reasons()
    assert (first.count, first.examples) == (5, ("0.jpg", "1.jpg", "2.jpg"))
    assert (second.state, second.reason, second.count) == ("failed", "timeout", 1)


def test_a_million_different_reasons_do_not_fill_the_memory():
    tally = Tally()
    for n in range(2000):
        tally.add(outcome("refused", reason=f"item {n} is bad"))
    assert len(tally.reasons()) == 1001
    assert sum(line.count for line in tally.reasons()) == 2000


def test_every_reason_that_is_not_success_has_a_next_step():
    for state in ("blocked", "refused", "failed"):
        assert hint_for(state, "something V7 invents tomorrow")
    assert "tag class" in hint_for("blocked", "UNKNOWN_TAGS")
    assert hint_for("registered", "") == ""


def test_a_report_line_is_json_with_keys_as_they_are():
    line = json.loads(report_line(outcome("blocked", "é +%20.jpg", "UNKNOWN_TAGS"), earlier=True))
    assert line["storage_keys"] == ["é +%20.jpg"]
    assert line["earlier"] is True
    assert line["hint"]


def test_reasons_of_one_kind_are_one_line_with_the_first_of_them():
    tally = Tally()
    for n in range(5):
        tally.add(outcome("refused", f"{n}.jpg", f"{n}.jpg does not exist"), kind="not in the bucket", hint="upload it")
        tally.add(outcome("blocked", f"{n}.jpg", f"ALREADY_EXISTS: the name is taken by the key {n}"))
    blocked, refused = tally.reasons()
    assert (refused.reason, refused.count, refused.hint) == ("not in the bucket", 5, "upload it")
    assert refused.details == tuple(f"{n}.jpg does not exist" for n in range(3))
    assert (blocked.reason, blocked.count, len(blocked.details)) == ("ALREADY_EXISTS", 5, 3)


def test_one_reason_of_its_kind_stands_for_itself():
    tally = Tally()
    tally.add(outcome("refused", "a.jpg", "a.jpg does not exist"), kind="not in the bucket")
    (only,) = tally.reasons()
    assert (only.reason, only.examples, only.details) == ("a.jpg does not exist", ("a.jpg",), ())


def test_a_refusal_of_ours_is_mended_by_the_same_command_and_one_of_v7_by_another():
    ours = json.loads(report_line(outcome("refused", reason="has 1 cells")._replace(path="")))
    v7s = json.loads(report_line(outcome("refused", reason="unexpected field")))
    assert "--retry-failed" not in ours["hint"]
    assert "--retry-failed" in v7s["hint"]
