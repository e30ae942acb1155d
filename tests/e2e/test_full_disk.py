"""A report that cannot be written any further stops the run, with words and not as a bug; the same command goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

FULL = Path("/dev/full")
STOPPED = "error: /dev/full cannot be written: No space left on device\n  next: make room and run the same command"

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is always full")


def test_register_settles_what_was_sent_and_sends_the_rest_later(register, fill, darwin):
    keys = [f"raw/{number}.jpg" for number in range(30)]
    fill(*keys)
    code, _, err = register("s3://acme-frames/raw", "--batch-size", "10", "--workers", "1", "--report", FULL)
    assert (code, STOPPED in err) == (7, True), err
    assert register("s3://acme-frames/raw")[0] == 0
    assert sorted(darwin.keys()) == sorted(keys)
    assert len(darwin.places()) == len(set(darwin.places())) == 30


@pytest.mark.parametrize("command", ["status", "drift"])
def test_what_only_looks_stops_too(register, fill, v7s3, environment, command):
    fill("raw/1.jpg")
    assert register("s3://acme-frames/raw")[0] == 0
    source = ["s3://acme-frames/raw"] if command == "drift" else []
    code, _, err = v7s3(command, *source, "--report", FULL)
    assert (code, STOPPED in err) == (7, True), err
