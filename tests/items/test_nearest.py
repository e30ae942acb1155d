"""A key that does not exist is explained by the one that was meant."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.items.nearest import absent, loose_form

BUCKET = {
    "raw/may/1.jpg", "raw/may/2.JPG", "raw/a b.jpg", "raw/a+b.jpg", "raw/caf\u00e9.jpg", "raw/100%.jpg", "x/raw/9.jpg",
    "old/deep/raw/9.jpg", "raw/front.jpg",
}  # fmt: skip

MEANT = {
    "raw/may/1.JPG": ("wrong-case", "raw/may/1.jpg"),
    "RAW/MAY/1.jpg": ("wrong-case", "raw/may/1.jpg"),
    "/raw/may/1.jpg": ("wrong-form", "raw/may/1.jpg"),
    "s3://acme/raw/may/1.jpg": ("wrong-form", "raw/may/1.jpg"),
    "acme/raw/may/1.jpg": ("wrong-form", "raw/may/1.jpg"),
    "arn:aws:s3:::acme/raw/may/1.jpg": ("wrong-form", "raw/may/1.jpg"),
    "raw/a%20b.jpg": ("wrong-form", "raw/a b.jpg"),
    "raw/a%2Bb.jpg": ("wrong-form", "raw/a+b.jpg"),
    "raw/100%25.jpg": ("wrong-form", "raw/100%.jpg"),
    "raw/cafe\u0301.jpg": ("wrong-form", "raw/caf\u00e9.jpg"),
    "raw\\may\\1.jpg": ("wrong-form", "raw/may/1.jpg"),
    "raw//may/1.jpg": ("wrong-form", "raw/may/1.jpg"),
    "raw/may/1.jpg ": ("wrong-form", "raw/may/1.jpg"),
    '"raw/may/1.jpg"': ("wrong-form", "raw/may/1.jpg"),
    "may/1.jpg": ("wrong-prefix", "raw/may/1.jpg"),
    "y/raw/9.jpg": ("wrong-prefix", "x/raw/9.jpg"),
    "raw/fronts.jpg": ("missing", "raw/front.jpg"),
    "/RAW/a%20b.JPG": ("wrong-form", "raw/a b.jpg"),
    "something/else.png": ("missing", ""),
}


@pytest.mark.parametrize("key", MEANT, ids=ascii)
def test_the_likeliest_meaning_is_found(key):
    answer = absent(key, BUCKET, "acme")
    assert (answer.state, answer.nearest) == MEANT[key]
    assert answer.key == key
    assert answer.nearest in answer.why


def test_a_plus_for_a_blank_is_recognised_when_only_the_blank_exists():
    assert absent("raw/a+b.jpg", {"raw/a b.jpg"}).nearest == "raw/a b.jpg"


@given(st.text(max_size=20))
def test_forms_that_people_mistake_for_each_other_are_the_same_loosely(key):
    assert loose_form(key.upper()) == loose_form(key.upper().lower()) or key.upper().lower() != key.lower()
    assert loose_form("/" + key) == loose_form(key)
    assert loose_form(unicodedata.normalize("NFD", key)) == loose_form(unicodedata.normalize("NFC", key))


@given(st.text(min_size=1, max_size=20), st.sets(st.text(min_size=1, max_size=20), max_size=5))
def test_what_is_suggested_exists(key, existing):
    answer = absent(key, existing - {key}, "acme")
    assert answer.nearest in existing | {""}
    assert (answer.state != "missing") <= bool(answer.nearest)
