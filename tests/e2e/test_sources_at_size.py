"""One bucket of ten thousand keys, nearly all of them nasty, through every source: each key once, the same everywhere."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest

from told_by_s3 import announce, make_queue, messages, put_inventory
from v7s3.sandbox import SandboxDarwin, SandboxS3

SHAPES = [
    "plain/{n:05}.jpg",
    "with blanks/a b {n:05}.jpg",
    "plus+plus/{n:05}+1.png",
    "percent%20/100%{n:05}%2F.jpg",
    "slashes//{n:05}//x.jpg",
    "/leading/{n:05}.jpg",
    "dots/../{n:05}/./x.jpg",
    "日本/é/e\u0301/{n:05} 🙂.jpg",
    'quotes "and", commas;/{n:05}\t\'.jpg',
    "back\\slash/[{n:05}]*?&=#.mp4",
    "trailing blank /{n:05} .jpg",
]
WITH_NEWLINES = [f"new\nline/{n:05}\r\n.jpg" for n in range(400)]
KEYS = [*WITH_NEWLINES, *(SHAPES[n % len(SHAPES)].format(n=n) for n in range(9_600))]
MORE = [f"one more, for lists in lines/{n:05}.jpg" for n in range(400)]  # a key with a newline is no line


@pytest.fixture(scope="module")
def crowded():
    """The S3 that holds them all; no test of this file changes the bucket."""
    with SandboxS3() as server:
        server.make_bucket("acme-frames")
        server.make_bucket("acme-inventory")
        server.put_many("acme-frames", ((key, 10) for key in KEYS))
        yield server
        assert server.errors == []


@pytest.fixture
def registered(v7s3, crowded, tmp_path, monkeypatch):
    """Register from a source into a dataset of its own; returns what V7 has then, and what the ledger has."""

    def run(*arguments, stdin=b""):
        ledger = ["--ledger", tmp_path / "ledger.sqlite"]
        with SandboxDarwin(bucket="acme-frames") as darwin:
            for name, value in {**crowded.environment(), **darwin.environment()}.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            code, out, _ = v7s3("register", *arguments, *ledger, "--rate", "0", "--format", "json")
            outcomes = json.loads(out)["outcomes"]
            assert (code, outcomes["registered"], sum(outcomes.values())) == (0, 10_000, 10_000)
            items = sorted(
                (slot.storage_key, item.path, item.name, slot.file_name, slot.kind)
                for item in darwin.items
                for slot in item.slots
            )
            code, out, _ = v7s3("ledger", "export", *ledger)
            assert (code, darwin.errors) == (0, [])
        rows = [row for row in map(json.loads, out.splitlines()) if "key" in row]
        return items, sorted((row["key"], row["path"], row["name"], row["state"], row["etag"]) for row in rows)

    return run


@pytest.fixture(scope="module")
def remembered():
    return {}


@pytest.fixture
def as_listed(registered, remembered, tmp_path):
    """What the listing gives; asked for once."""
    if not remembered:
        remembered["listing"] = registered("s3://acme-frames")
        (tmp_path / "ledger.sqlite").unlink()
    return remembered["listing"]


def test_a_listing_gives_each_key_once_and_none_its_neighbours_place(as_listed):
    items, rows = as_listed
    assert [key for key, *_ in items] == sorted(KEYS)
    assert [row[:4] for row in rows] == [(key, path, name, "registered") for key, path, name, *_ in items]
    assert len({(path, name) for _, path, name, *_ in items}) == 10_000
    places = {key: (path, name, kind) for key, path, name, _, kind in items}
    assert places["with blanks/a b 00001.jpg"] == ("/with blanks", "a b 00001.jpg", "image")
    assert places["percent%20/100%00003%2F.jpg"] == ("/percent%20", "100%00003%2F.jpg", "image")
    assert places["slashes//00004//x.jpg"] == ("/slashes/%2F/00004/%2F", "x.jpg", "image")
    assert places["/leading/00005.jpg"] == ("/%2F/leading", "00005.jpg", "image")
    assert places["dots/../00006/./x.jpg"] == ("/dots/%2E%2E/00006/%2E", "x.jpg", "image")
    assert places["日本/é/e\u0301/00007 🙂.jpg"] == ("/日本/é/e\u0301", "00007 🙂.jpg", "image")
    assert places["back\\slash/[00009]*?&=#.mp4"] == ("/back\\slash", "[00009]*?&=#.mp4", "video")


# --- what S3 wrote down ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("file_format", ["CSV", "Parquet", "ORC"])
def test_an_inventory_gives_what_the_listing_gives(registered, as_listed, crowded, file_format):
    assert registered("--inventory", put_inventory(crowded, KEYS, file_format)) == as_listed


def test_a_queue_gives_what_the_listing_gives_in_whatever_order_and_however_often(registered, as_listed, crowded):
    url = make_queue(crowded)
    announced = [*KEYS, *KEYS[::20]]  # S3 announces some twice
    random.Random(7).shuffle(announced)
    announce(crowded, url, announced, per_message=50)  # moto takes the square of their number to hand messages out
    assert registered("--sqs", url, "--drain") == as_listed
    assert messages(url) == []


# --- lists of keys --------------------------------------------------------------------------------------------------
def without_etags(found):
    items, rows = found
    return items, [row[:4] for row in rows]


def test_keys_from_standard_input_separated_by_nul_give_what_the_listing_gives(registered, as_listed):
    found = registered("--keys-from", "-", "--no-check-keys", stdin="\0".join(KEYS).encode())
    assert without_etags(found) == without_etags(as_listed)


def test_keys_from_standard_input_in_lines_give_what_the_listing_gives(registered, as_listed):
    lines = [*KEYS[len(WITH_NEWLINES) :], *MORE]
    items, rows = registered("--keys-from", "-", "--no-check-keys", stdin="\n".join(lines).encode())
    assert [key for key, *_ in items] == [key for key, *_ in rows] == sorted(lines)
    assert set(items) >= {one for one in as_listed[0] if "\n" not in one[0]}


def test_a_csv_manifest_gives_what_the_listing_gives(registered, as_listed, tmp_path):
    path = tmp_path / "manifest.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["storage_key"], *([key] for key in KEYS)])
    assert without_etags(registered("--manifest", path, "--no-check-keys")) == without_etags(as_listed)


def test_a_jsonl_manifest_gives_what_the_listing_gives(registered, as_listed, tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(json.dumps({"storage_key": key}) for key in KEYS), encoding="utf-8")
    assert without_etags(registered("--manifest", path, "--no-check-keys", "--strict")) == without_etags(as_listed)
