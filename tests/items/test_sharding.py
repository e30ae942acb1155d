"""`--shard N/COUNT`: the parts of a whole are disjoint, complete and always the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import UsageError
from v7s3.items.objects import StorageObject
from v7s3.items.planning import Planned, PlanOptions, Refused, Skipped, plan
from v7s3.items.sharding import Shard

keys = st.lists(st.text(alphabet="ab/.é\udce9 j\n", min_size=1, max_size=12).map(lambda key: f"{key}.jpg"), unique=True)


def shards(count):
    return [Shard(number, count) for number in range(1, count + 1)]


@given(keys, st.integers(1, 7))
def test_every_plan_is_in_exactly_one_shard(found, count):
    plans = list(plan([StorageObject(key, 5) for key in found]))
    parts = [list(shard.of(plans)) for shard in shards(count)]
    assert sorted(map(repr, plans)) == sorted(repr(one) for part in parts for one in part)


@given(keys, st.integers(1, 7), st.sampled_from([PlanOptions(), PlanOptions(folders="flatten"), PlanOptions(limit=3)]))
def test_what_is_planned_of_one_part_is_what_the_whole_has_of_it(found, count, options):
    objects = [StorageObject(key, size) for size, key in enumerate([*found, *(f"{key}.txt" for key in found)])]
    whole = list(plan(objects, options))
    parts = [list(shard.plan(objects, options)) for shard in shards(count)]
    assert sorted(map(repr, whole)) == sorted(repr(one) for part in parts for one in part)
    for shard, part in zip(shards(count), parts, strict=True):
        assert [one for one in part if isinstance(one, Planned)] == [
            one for one in shard.of(whole) if isinstance(one, Planned)
        ]


def test_what_the_source_refused_is_told_by_one_part():
    refused = Refused((), "row", "line 7 is broken", 7)
    assert [one for shard in shards(3) for one in shard.plan([refused], PlanOptions())] == [refused]


@given(keys, keys, st.integers(1, 7))
def test_a_key_stays_in_its_shard_whatever_else_the_bucket_holds(found, others, count):
    objects = [StorageObject(key, 5) for key in found]
    more = [StorageObject(key, 5) for key in others if key not in found]
    for shard in shards(count):
        alone = {one.item.storage_key for one in shard.of(plan(objects)) if isinstance(one, Planned)}
        among = {one.item.storage_key for one in shard.of(plan([*more, *objects])) if isinstance(one, Planned)}
        assert alone == among & set(found)


def test_a_group_stays_in_its_shard_when_it_gets_another_object():
    (one,) = plan([StorageObject("a/1.jpg", 5)])
    grown = Planned(one.item, (StorageObject("a/0.jpg", 5), *one.objects))
    assert [list(shard.of([one])) != [] for shard in shards(16)] == [
        list(shard.of([grown])) != [] for shard in shards(16)
    ]


def test_what_is_no_item_is_told_by_one_shard_too():
    values = [
        Skipped("a.txt", "unsupported type"),
        Refused((), "row", "line 7 is broken", 7),
        Refused(("k",), "x", "y"),
    ]
    assert sorted(map(repr, values)) == sorted(repr(one) for shard in shards(3) for one in shard.of(values))


def test_the_division_never_changes():
    found = [f"raw/{number}.jpg" for number in range(12)]
    parts = [[int(key[4:-4]) for key in found if shard.has(key)] for shard in shards(3)]
    assert parts == [[6, 9, 10], [0, 4], [1, 2, 3, 5, 7, 8, 11]]


def test_shards_are_of_about_the_same_size():
    sizes = [sum(shard.has(f"photos/{i:06d}.jpg") for i in range(8000)) for shard in shards(4)]
    assert all(1850 < size < 2150 for size in sizes)


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/2/3", "1 / 2", "1/" + "9" * 5000, "9" * 5000 + "/1"]
)
def test_what_is_no_part_of_a_whole_is_refused(text):
    with pytest.raises(UsageError, match="--shard"):
        Shard.parse(text)
