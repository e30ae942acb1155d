"""The file over ranged reads is the file, and asks for little."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v7s3.artifacts.ranged import FIRST, KEPT, MOST, RangedReader
from v7s3.errors import ServiceError

BLOB = bytes(range(256)) * 4096  # 1 MiB


def reader(blob: bytes, *, ahead: bool = False, first: int = FIRST):
    asked: list[tuple[int, int]] = []

    def fetch(start: int, length: int) -> bytes:
        asked.append((start, length))
        return blob[start : start + length]

    return RangedReader(fetch, len(blob), ahead=ahead, first=first), asked


moves = st.lists(
    st.one_of(
        st.tuples(st.just("seek"), st.integers(0, len(BLOB) + 10)),
        st.tuples(st.just("read"), st.integers(-1, 300_000)),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(moves, st.booleans())
def test_it_reads_what_a_plain_file_reads(moves, ahead):
    plain = io.BytesIO(BLOB)
    ranged, _ = reader(BLOB, ahead=ahead, first=1000)
    with ranged:
        for name, number in moves:
            assert getattr(ranged, name)(number) == getattr(plain, name)(number)
            assert ranged.tell() == plain.tell()


def test_a_header_costs_one_small_request():
    ranged, asked = reader(BLOB)
    ranged.read(24)
    ranged.read(2000)
    assert asked == [(0, FIRST)]
    assert ranged.bytes_read == FIRST


@pytest.mark.parametrize("first", [len(BLOB) - 1, len(BLOB)])
def test_all_of_a_small_file_is_read_at_once_from_wherever(first):
    ranged, asked = reader(BLOB, first=first)
    assert ranged.read() == BLOB
    assert ranged.read() == b""
    ranged.seek(7)
    assert ranged.read() == BLOB[7:]
    assert len(asked) == 1 + (first < len(BLOB))


def test_reading_on_doubles_the_request_up_to_the_limit():
    blob = bytes(3 * MOST)
    ranged, asked = reader(blob)
    assert ranged.read() == blob
    lengths = [length for _, length in asked]
    assert lengths[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert max(lengths) == MOST
    assert sum(lengths) == len(blob)


def test_two_places_read_in_turn_are_each_fetched_once():
    ranged, asked = reader(BLOB)
    for step in range(20):
        for base in (0, 700_000):
            ranged.seek(base + step * 10_000)
            ranged.read(10_000)
    assert sum(length for _, length in asked) <= len(BLOB)
    assert len(asked) <= 2 * KEPT


def test_reading_ahead_asks_for_nothing_twice():
    ranged, asked = reader(BLOB, ahead=True)
    with ranged:
        assert ranged.read() == BLOB
    assert sorted(asked) == asked
    assert sum(length for _, length in asked) == len(BLOB)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_short_answer_is_an_error_that_stays_visible(ahead):
    ranged = RangedReader(lambda start, length: b"x" * (length if start == 0 else 1), 500_000, ahead=ahead)
    with pytest.raises(ServiceError, match="sent 1 bytes where"), ranged:
        ranged.read()
    assert isinstance(ranged.failure, ServiceError)
