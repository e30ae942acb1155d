"""Parts of a bucket: stable, disjoint, and together the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import UsageError
from v7s3.items.sharding import Shard


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 64))
def test_every_key_is_in_exactly_one_part(key, count):
    assert sum(Shard(number, count).has(key) for number in range(1, count + 1)) == 1


def test_the_division_never_changes():
    keys = [f"raw/{number}.jpg" for number in range(12)]
    parts = [[int(key[4:-4]) for key in keys if Shard(part, 3).has(key)] for part in (1, 2, 3)]
    assert parts == [[6, 9, 10], [0, 4], [1, 2, 3, 5, 7, 8, 11]]


def test_parts_are_of_about_the_same_size():
    sizes = [sum(Shard(part, 4).has(f"raw/2026/{number:06d}.jpg") for number in range(4000)) for part in (1, 2, 3, 4)]
    assert all(900 < size < 1100 for size in sizes)


def test_options_are_read():
    assert Shard.parse("3/16") == Shard(3, 16)
    assert Shard.parse("1/1") == Shard()


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "-1/4", "a/b", "1/0", "1/2/3"])
def test_nonsense_is_refused(text):
    with pytest.raises(UsageError, match="is no part of a whole"):
        Shard.parse(text)
