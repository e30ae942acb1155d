"""Which keys a sample takes, against a listing held in memory."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.doctor.sample import ROUNDS, WIDTH, explore, spaced


class Listing:
    """Sorted keys, and how often somebody jumped into them."""

    def __init__(self, keys):
        self.keys = sorted(keys)
        self.jumps = []

    def following(self, places):
        self.jumps += places
        found = [bisect_right(self.keys, place) for place in places]
        return [self.keys[index] if index < len(self.keys) else None for index in found]

    def explored(self, prefix, page=1000):
        return explore(prefix, self.keys[0], self.keys[page - 1], self.following)


@pytest.mark.parametrize(
    "keys",
    [
        [f"raw/{n:06d}.jpg" for n in range(20_000)],
        [f"raw/2026-{n // 2000 + 1:02d}/scan-{n:07d}.dcm" for n in range(20_000)],
        [f"raw/{n * 2654435761 % 2**32:08x}.png" for n in range(20_000)],
        [f"raw/patient {chr(97 + n % 26)}/{n}.tif" for n in range(20_000)],
        [f"raw/station-{n % 7}/camera-{n % 11:02d}/2026/11/{n:09d}.jpg" for n in range(20_000)],
    ],
    ids=["numbers", "folders", "hashes", "names", "deep"],
)
def test_jumps_reach_every_fifth_of_a_prefix(keys):
    listing = Listing(keys)
    found = listing.explored("raw/")
    fifths = {listing.keys.index(key) * 5 // len(keys) for key in found}
    assert fifths == {0, 1, 2, 3, 4}
    assert len(found) >= 10
    assert len(listing.jumps) <= ROUNDS * WIDTH
    assert len(listing.jumps) == len(set(listing.jumps))


@given(st.lists(st.text(max_size=6), min_size=2, max_size=60, unique=True))
def test_what_is_found_lies_behind_the_first_page(keys):
    listing = Listing("p/" + key for key in keys)
    found = listing.explored("p/", page=1)
    assert found == sorted(set(found))
    assert set(found) <= set(listing.keys[1:])
    assert all(
        place > listing.keys[0] and not any("\ud800" <= c <= "\udfff" for c in place[-1]) for place in listing.jumps
    )


@given(st.lists(st.integers(), unique=True, max_size=50), st.integers(1, 20))
def test_a_spaced_choice_has_both_ends_and_keeps_the_order(values, wanted):
    chosen = spaced(values, wanted)
    assert len(chosen) == min(wanted, len(values))
    assert [value for value in values if value in set(chosen)] == list(chosen)
    if len(values) >= 2 and wanted >= 2:
        assert (chosen[0], chosen[-1]) == (values[0], values[-1])
