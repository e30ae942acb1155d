"""A report that cannot be written any further stops the run, with words and not as a bug; the same command goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from told_by_s3 import put_inventory

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


LIMIT = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from v7s3.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


def run_with_files_up_to(limit, *arguments, piped=None):
    """Run v7s3 in a process whose files may have `limit` bytes and no more."""
    command = [sys.executable, "-c", LIMIT.format(limit=limit), *arguments]
    return subprocess.run(command, input=piped, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("limit", [0, 60_000])
def test_a_ledger_that_cannot_grow_is_no_ledger_of_another_run(register, fill, darwin, tmp_path, limit):
    """Files of the process may be so long and no longer: what a full disk does, in the same words of sqlite."""
    keys = [f"raw/{number:04}.jpg" for number in range(600)]
    fill(*keys)
    ledger = tmp_path / "l.sqlite"
    arguments = ["register", "s3://acme-frames/raw", "--ledger", ledger, "--rate", "0"]
    done = run_with_files_up_to(limit, *arguments)
    assert done.returncode == 7, done.stderr
    assert f"{ledger} cannot be written" in done.stderr
    assert "another run" not in done.stderr
    code, _, err = register("s3://acme-frames/raw", "--ledger", ledger, "--rate", "0")
    assert code == 0, err
    assert sorted(darwin.keys()) == keys


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["drift", "s3://acme-frames"], "cannot sort the objects on disk: "),
        (["register", "--items", "items.jsonl", "--dry-run"], "cannot sort the objects on disk: "),
        (["ledger", "import", "-"], "cannot keep a copy of what is read from a pipe: "),
        (["register", "--inventory", "INVENTORY", "--no-ledger"], "no data file of the inventory can be kept "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_machine_without_a_folder_for_temporary_files_is_told_so(
    register, s3, fill, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    fill("raw/1.jpg")
    assert register("s3://acme-frames")[0] == 0
    Path("items.jsonl").write_text('{"name": "1.jpg", "storage_key": "raw/2.jpg"}\n')
    if "INVENTORY" in arguments:
        s3.make_bucket("acme-inventory")
        arguments = [put_inventory(s3, ["raw/1.jpg"]) if word == "INVENTORY" else word for word in arguments]
    done = run_with_files_up_to(0, *arguments, piped="{}\n" * 3000)
    assert done.returncode == 7, done.stderr
    assert f"error: {words}" in done.stderr
    assert "No usable temporary directory found in" in done.stderr
    assert "point TMPDIR at a" in done.stderr


def test_a_pipe_that_does_not_fit_on_the_disk_is_told_so(environment):
    done = run_with_files_up_to(5000, "ledger", "import", "-", piped="{}\n" * 3000)
    assert done.returncode == 7, done.stderr
    assert "error: cannot keep a copy of what is read from a pipe, in " in done.stderr
