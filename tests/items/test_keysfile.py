from __future__ import annotations

import io
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import UsageError
from v7s3.items.keysfile import read_keys
from v7s3.items.objects import StorageObject
from v7s3.items.planning import INVALID, Refused


def keys_in(data: bytes) -> list[str]:
    return [one.key for one in read_keys(io.BytesIO(data), "keys.txt")]


@pytest.mark.parametrize(
    "data, keys",
    [
        (b"", []),
        (b"a.jpg\nb.jpg\n", ["a.jpg", "b.jpg"]),
        (b"a.jpg\nb.jpg", ["a.jpg", "b.jpg"]),
        (b"a.jpg\r\nb.jpg\r\n", ["a.jpg", "b.jpg"]),
        (b"\n\n a b+%20#.jpg \n\n", [" a b+%20#.jpg "]),
        (b"\xef\xbb\xbfa.jpg\n", ["a.jpg"]),
        (b"a.jpg\0b\nc.jpg\0d\r\0", ["a.jpg", "b\nc.jpg", "d\r"]),
        (b"new\nline.jpg\0b.jpg\0", ["new\nline.jpg", "b.jpg"]),
        (b"/lead//slash.jpg\n", ["/lead//slash.jpg"]),
        (b"a.jpg\r\r\n", ["a.jpg\r"]),
    ],
)
def test_keys_are_taken_byte_for_byte(data, keys):
    assert keys_in(data) == keys


_key = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(_key.filter(lambda key: "\0" not in key), min_size=1))
def test_nul_separates_any_keys(keys):
    if not keys[0].startswith("\ufeff"):
        assert keys_in("\0".join([*keys, ""]).encode()) == keys


@given(st.lists(_key.filter(lambda key: not set("\0\r\n\ufeff") & set(key))))
def test_newlines_separate_keys_without_control_characters(keys):
    assert keys_in("\n".join(keys).encode()) == keys_in("\r\n".join(keys).encode()) == keys


def test_keys_that_cross_the_end_of_a_read_arrive_whole():
    keys = [f"{number:01000}.jpg" for number in range(200)]
    for separator in ("\n", "\0"):
        assert keys_in(separator.join([*keys, ""]).encode()) == keys


def test_a_record_that_is_no_key_is_refused_with_its_line():
    filler = b"x.jpg\n" * 20_000  # the separator is decided by then
    found = list(read_keys(io.BytesIO(b"a.jpg\n\xff.jpg\n\n" + filler + b"b\0c\n"), "keys.txt"))
    assert [found[0], found[1], found[-1]] == [
        StorageObject("a.jpg"),
        Refused(("\\xff.jpg",), INVALID, "is not UTF-8, as every key is", 2),
        Refused(("b\0c",), INVALID, "holds a NUL: separate all keys by NUL, or all by newlines", 20_004),
    ]


def test_utf_16_is_a_usage_error():
    with pytest.raises(UsageError, match=r"keys\.txt is UTF-16"):
        keys_in("a.jpg".encode("utf-16"))


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_keys_of_a_pipe_arrive_before_it_is_closed(separator):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sink:
        writer = threading.Thread(target=sink.write, args=(b"a.jpg" + separator + b"b.j",))
        writer.start()
        keys = read_keys(source, "-")
        assert next(keys) == StorageObject("a.jpg")
        writer.join()
        sink.write(b"pg" + separator)
        sink.close()
        assert list(keys) == [StorageObject("b.jpg")]
