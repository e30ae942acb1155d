"""Ctrl-C, or an error that ends the run, while `v7s3 register` still reads its source: it ends within about a page."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from array import array

import pytest

from v7s3.items.ledger import Ledger, Target
from v7s3.items.outcome import Outcome

SETTLED = [f"b/{n:06d}.jpg" for n in range(60_000)]


@pytest.fixture
def settled(s3, bucket, darwin, tmp_path):
    """A bucket of which every key was registered by an earlier run; returns the ledger that says so."""
    s3.put_many(bucket, ((key, 10) for key in SETTLED))
    path = tmp_path / "settled.sqlite"
    with Ledger(path, Target(darwin.url, "acme", "road-signs")) as ledger:
        outcomes = (Outcome("registered", (key,), ("",), "/b", key[2:]) for key in SETTLED)
        ledger.settle("acme-frames", outcomes)
    return path


def asked(s3):
    return s3.requests.total()


def interrupted(s3, after, arguments):
    """Run `register` until it has asked S3 so often, press Ctrl-C; returns its output and what it asked for since."""
    process = subprocess.Popen(
        [sys.executable, "-m", "v7s3", "register", *map(str, arguments)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        before = asked(s3)
        while asked(s3) < before + after:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        before = asked(s3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return out, asked(s3) - before


def finished_runs(ledger):
    with sqlite3.connect(ledger) as database:
        return database.execute("SELECT count(*) FROM run WHERE finished IS NOT NULL").fetchone()[0]


def unread(pipe):
    """How many bytes of a pipe its reader has not taken yet."""
    count = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def test_a_rescan_ends_with_the_pages_that_are_under_way_and_is_not_called_finished(s3, settled, darwin, environment):
    s3.faults.latency_ms = 500
    out, more = interrupted(s3, 3, ["s3://acme-frames", "--ledger", settled])
    assert more <= 24 + 2  # a request of each of the listing's workers; the whole takes 61 and more
    assert "listed " in out
    assert " so far: " in out
    assert finished_runs(settled) == 0


def test_a_list_whose_keys_are_looked_up_one_by_one_ends_with_those_under_way(
    s3, bucket, darwin, environment, tmp_path
):
    names = tmp_path / "names"
    names.write_text("".join(f"gone{n}/{n}.jpg\n" for n in range(600)))
    s3.faults.latency_ms = 100
    ledger = tmp_path / "l.sqlite"
    _, more = interrupted(s3, 40, ["--keys-from", names, "--ledger", ledger])
    assert more <= 16 * 8  # keys under way, and what is asked for the nearest of each; the whole takes 1,800 and more
    assert (darwin.items, finished_runs(ledger)) == ([], 0)


@pytest.mark.parametrize("option", ["--keys-from", "--manifest"])
@pytest.mark.parametrize("through", ["fifo", "standard input"])
def test_a_pipe_whose_writer_is_idle_is_not_waited_for(bucket, darwin, environment, tmp_path, option, through):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    name, stdin = (fifo, None) if through == "fifo" else ("-", subprocess.PIPE)
    ledger = tmp_path / "l.sqlite"
    command = ["register", option, name, "--rate", "0", "--no-check-keys", "--ledger", ledger]
    process = subprocess.Popen(
        [sys.executable, "-m", "v7s3", *map(str, command)],
        env=dict(os.environ),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, process.stdin or fifo.open("w") as writer:
        writer.write("storage_key\n" if option == "--manifest" else "")
        writer.write("".join(f"{n}.jpg\n" for n in range(20)) + "half a key")
        writer.flush()
        deadline = time.monotonic() + 60
        while unread(writer):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130  # and the writer is still there
        out, err = process.stdout.read(), process.stderr.read()
    assert "Traceback" not in err
    assert "interrupted; everything that was in flight is settled" in err
    assert (out.count("half a key"), darwin.items, finished_runs(ledger)) == (0, [], 0)


@pytest.mark.parametrize("whole", [["--slots-by", "folder"], ["--folders", "flatten"]], ids=lambda whole: whole[0])
def test_nothing_is_sent_of_a_source_that_was_not_read_to_its_end(s3, bucket, register, darwin, tmp_path, whole):
    """Half of a group would be an item without its other slots, and a collision would not be seen."""
    s3.put_many(bucket, ((f"{side}{n:06d}/{side}.jpg", 10) for side in "ab" for n in range(3000)))
    arguments = ["s3://acme-frames", *whole, "--ledger", tmp_path / "l.sqlite", "--report", tmp_path / "r.jsonl"]
    s3.faults.latency_ms = 500
    interrupted(s3, 3, arguments)
    assert (darwin.items, finished_runs(tmp_path / "l.sqlite")) == ([], 0)
    assert (tmp_path / "r.jsonl").read_text() == ""


def test_an_api_key_that_v7_does_not_know_ends_the_run_and_the_listing(s3, settled, bucket, register, darwin):
    s3.put(bucket, "a/1.jpg", b"x")  # the only key to be sent stands on the first of 61 pages
    darwin.faults.script = ["401"]
    s3.faults.latency_ms = 100
    before = asked(s3)
    code, out, err = register("s3://acme-frames", "--ledger", settled, "--batch-size", "1", "--limit", "70000")
    assert code == 3, err
    assert "Add data to datasets" in err
    assert " so far: " in out
    assert asked(s3) - before <= 10
