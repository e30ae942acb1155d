"""`v7s3 register` killed again and again, at whatever moment: the same command goes on, and in the end each key is once.

A moment is the number of items V7 has when the signal is sent; the program may then be reading, sending, waiting for an
answer or writing it down.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from told_by_s3 import announce, let_time_pass, make_queue, messages, put_inventory

KEYS = [f"cam {n % 7}/{n:05d}+é.jpg" for n in range(800)]
GROUPED = [f"{side}/{n:04d}.jpg" for side in ("front", "rear", "top") for n in range(500)]
SEEDS = [1]  # more of them find no more, and take half a minute each on a busy machine


def moments(seed, items):
    """Three moments of a run over so many items, the first of them early."""
    draw = random.Random(seed)
    return sorted([draw.randint(1, 20), *draw.sample(range(20, items - 100), 2)])


def stop_at(moment, darwin, arguments, stop=signal.SIGKILL):
    """Run `register` until the dataset has so many items, then stop it. Returns its exit code and all it said."""
    command = [sys.executable, "-m", "v7s3", "register", *map(str, arguments)]
    command += ["--batch-size", "10", "--workers", "4", "--rate", "0"]
    darwin.faults.latency_ms = 30
    process = subprocess.Popen(
        command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while len(darwin.items) < moment:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(stop)
    said, _ = process.communicate(timeout=60)
    darwin.faults.latency_ms = 0
    return process.returncode, said


@pytest.fixture
def finished(v7s3, environment):
    """Run the same command to its end; returns the keys the ledger then has as being in V7."""

    def run(*arguments):
        code, _, err = v7s3("register", *arguments, "--rate", "0")
        assert code == 0, err
        _, out, _ = v7s3("ledger", "export")
        rows = [row for row in map(json.loads, out.splitlines()) if "key" in row]
        return sorted(row["key"] for row in rows if row["state"] in ("registered", "exists"))

    return run


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_over_an_inventory(finished, s3, bucket, darwin, seed):
    s3.make_bucket("acme-inventory")
    arguments = ["--inventory", put_inventory(s3, KEYS)]
    for moment in moments(seed, len(KEYS)):
        assert stop_at(moment, darwin, arguments)[0] == -signal.SIGKILL
    assert len(darwin.items) < len(KEYS)
    assert finished(*arguments) == darwin.keys() == sorted(KEYS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_over_groups_leaves_no_item_with_a_part_of_its_slots(finished, s3, bucket, darwin, seed):
    s3.put_many(bucket, ((key, 10) for key in GROUPED))
    arguments = ["s3://acme-frames", "--slots-by", r"(?P<slot>\w+)/(?P<item>\d+)\.jpg"]
    for moment in moments(seed, 500):
        assert stop_at(moment, darwin, arguments)[0] == -signal.SIGKILL
    assert len(darwin.items) < 500
    assert finished(*arguments) == darwin.keys() == sorted(GROUPED)
    assert [len(item.slots) for item in darwin.items] == [3] * 500


@pytest.mark.parametrize("seed", SEEDS)
def test_a_listener_leaves_every_message_whose_keys_are_not_settled(finished, s3, bucket, darwin, seed):
    queue = make_queue(s3)
    announce(s3, queue, [*KEYS, *KEYS[:50]])
    for moment in moments(seed, len(KEYS)):
        assert stop_at(moment, darwin, ["--sqs", queue])[0] == -signal.SIGKILL
        assert messages(queue)
        let_time_pass(queue)
    assert finished("--sqs", queue, "--drain") == darwin.keys() == sorted(KEYS)
    assert messages(queue) == []


def test_a_listener_that_is_interrupted_settles_what_is_under_way(finished, s3, bucket, darwin):
    queue = make_queue(s3)
    announce(s3, queue, KEYS)
    code, said = stop_at(100, darwin, ["--sqs", queue], signal.SIGINT)
    assert code == 130, said
    assert messages(queue)
    let_time_pass(queue)
    assert finished("--sqs", queue, "--drain") == darwin.keys() == sorted(KEYS)
    assert messages(queue) == []
