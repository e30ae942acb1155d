"""Status of items from V7's listing: every item counted once, every failure with a cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.doctor.probes import PROBES
from v7s3.items import status
from v7s3.items.ledger import Ledger, Target
from v7s3.items.outcome import Outcome
from v7s3.items.status import FATES, ProcessingError, StatusTally, statuses

TARGET = Target("http://127.0.0.1:1", "acme", "signs")


@dataclass
class Listed:
    """An item as V7 lists it."""

    name: str
    path: str = "/"
    id: str = "uuid"
    status: str | None = "new"
    processing_status: str | None = "complete"
    uploads: list[dict[str, Any]] = field(default_factory=list)


def ledger_with(names):
    ledger = Ledger(None, TARGET)
    ledger.settle("s", [Outcome("registered", (f"raw/{name}",), ("e",), "/", name) for name in names])
    return ledger


NAMES = st.sets(st.sampled_from([f"{n}.jpg" for n in range(30)]))
STATES = st.sampled_from(["complete", "processing", "uploading", "error", "cancelled", "a new word", None])


@given(NAMES, st.dictionaries(st.sampled_from([f"{n}.jpg" for n in range(30)]), STATES))
def test_every_item_of_the_ledger_has_exactly_one_fate(ours, listed):
    tally = StatusTally()
    with ledger_with(ours) as ledger:
        items = [Listed(name, processing_status=state) for name, state in listed.items()]
        told = list(statuses(items, ledger, tally))
    assert tally.total == len(ours)
    assert {one.name for one in told} == ours & set(listed)
    assert tally.fates["gone"] == len(ours - set(listed))
    assert tally.others == len(set(listed) - ours)
    assert all(one.fate in FATES for one in told)
    assert (tally.exit_code() == 5) == any(listed.get(name) in ("error", "cancelled") for name in ours)


@given(st.lists(st.sampled_from([f"{n}.jpg" for n in range(30)])), st.integers(1, 3))
def test_what_v7_lists_again_counts_once_and_hides_nothing_that_is_gone(listed, times):
    tally, ours = StatusTally(), {f"{n}.jpg" for n in range(20)}
    with ledger_with(ours) as ledger:
        told = list(statuses([Listed(name) for name in listed * times], ledger, tally))
    assert sorted(one.name for one in told) == sorted(ours & set(listed))
    assert (tally.fates["complete"], tally.fates["gone"]) == (len(ours & set(listed)), len(ours - set(listed)))
    assert tally.others == len(set(listed) - ours)


def test_another_item_at_the_place_of_a_registered_one_is_not_it():
    tally, ledger = StatusTally(), Ledger(None, TARGET)
    with ledger:
        for name in ("a.jpg", "b.jpg"):
            ledger.settle("s", [Outcome("registered", (name,), ("e",), "/", name, item_id=f"id of {name}")])
        listed = [Listed("a.jpg", id="id of a.jpg"), Listed("b.jpg", id="another"), Listed("a.jpg", id="a third")]
        assert [one.item_id for one in statuses(listed, ledger, tally)] == ["id of a.jpg"]
    assert (tally.fates["complete"], tally.fates["gone"], tally.others) == (1, 1, 2)


@pytest.mark.parametrize(
    ("error", "words", "probes", "hint"),
    [
        ({"http_status_code": 403, "stage": "download"}, "(stage download, HTTP 403)", "policy", "may not read"),
        ({"http_status_code": 403, "stage": "upload"}, "(stage upload, HTTP 403)", "policy", "may not write"),
        (
            {"http_status_code": 403, "raw_error": "<Code>AccessDenied</Code>… kms:Decrypt …"},
            "HTTP 403",
            "encryption",
            "KMS",
        ),
        ({"http_status_code": 403, "raw_error": "InvalidObjectState"}, "HTTP 403", "archive", "archived"),
        ({"http_status_code": 404}, "HTTP 404", "objects", "does not exist"),
        ({"http_status_code": 301}, "HTTP 301", "bucket", "activation status"),
        ({"http_status_code": 503, "message": "slow down"}, "slow down (HTTP 503)", "", "busy"),
        ({"processing_error_type": "INVALID_FILE", "stage": "decode"}, "INVALID_FILE", "objects", "not read it"),
        ({"message": "boom"}, "boom", "name,bucket,policy", "support@v7labs.com"),
        (
            {"http_status_code": 400, "raw_error": "<Code>KMS.DisabledException</Code>"},
            "HTTP 400",
            "encryption",
            "KMS",
        ),
        (
            {"http_status_code": 400, "raw_error": "stored using a form of Server Side Encryption. The correct …"},
            "HTTP 400",
            "encryption",
            "KMS",
        ),
        (
            {"http_status_code": 400, "stage": "upload", "raw_error": "Content-MD5 … with Object Lock parameters"},
            "HTTP 400",
            "policy,uploads",
            "may not write",
        ),
        ({"http_status_code": 404, "stage": "upload"}, "HTTP 404", "bucket,storage", "on record"),
        ({"http_status_code": 400, "raw_error": "AuthorizationHeaderMalformed"}, "HTTP 400", "bucket", "on record"),
        (
            {"http_status_code": 403, "raw_error": "AccessDenied raw/kms:7.jpg", "storage_key": "raw/kms:7.jpg"},
            "HTTP 403",
            "policy",
            "may not read",
        ),
    ],
)
def test_each_failure_has_words_a_next_step_and_the_checks_that_find_its_cause(error, words, probes, hint):
    read = ProcessingError.read({"processing_error": error})
    assert words in read.words
    assert ",".join(read.cause.probes).startswith(probes)
    assert hint in read.cause.hint


def test_the_checks_a_cause_names_are_checks_of_the_doctor():
    causes = [value for value in vars(status).values() if isinstance(value, status.Cause)]
    named = {probe for cause in causes for probe in cause.probes}
    assert named
    assert named <= {probe.ident for probe in PROBES}


@pytest.mark.parametrize("error", [None, "a bare text", {"http_status_code": "403"}, {"message": None}, []])
def test_an_error_of_another_shape_is_still_a_failure(error):
    upload = {"processing_status": "error", "processing_error": error}
    tally = StatusTally()
    with ledger_with(["a.jpg"]) as ledger:
        (one,) = statuses([Listed("a.jpg", processing_status="error", uploads=[upload])], ledger, tally)
    assert (one.fate, tally.failures()[0].count) == ("failed", 1)
    assert tally.failures()[0].error.words


def test_a_group_is_one_item_with_all_its_keys():
    tally = StatusTally()
    with Ledger(None, TARGET) as ledger:
        ledger.settle("s", [Outcome("registered", ("rig/a.jpg", "rig/b.jpg"), ("", ""), "/", "rig")])
        (one,) = statuses([Listed("rig")], ledger, tally)
    assert (one.keys, tally.total) == (("rig/a.jpg", "rig/b.jpg"), 1)
