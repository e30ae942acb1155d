"""Ctrl-C in a real process, while the other side keeps silent: one line, exit code 130, no traceback, at once."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys

import pytest

from v7s3.items.ledger import Ledger, Target

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

INTERRUPTED = '{"version": 1, "error": {"code": "interrupted", "message": "interrupted", "hint": ""}}'

COMMANDS = {
    "doctor": ("s3://acme-scans", "--team", "acme"),
    "policy check": ("s3://acme-scans",),
    "policy apply": ("s3://acme-scans", "--yes"),
    "policy explain": ("s3://acme-scans", "--action", "s3:GetObject"),
    "cors check": ("s3://acme-scans/1.jpg", "--live"),
    "cors apply": ("s3://acme-scans", "--yes"),
    "activation status": ("s3://acme-scans", "--team", "acme", "--storage", "acme-s3"),
    "register": ("s3://acme-scans", "--team", "acme", "--dataset", "scans", "--storage", "acme-s3"),
    "drift": ("s3://acme-scans", "--team", "acme", "--dataset", "scans", "--storage", "acme-s3"),
    "status": ("--team", "acme", "--dataset", "scans", "--ledger", "ledger.sqlite"),
    "ledger rebuild": ("s3://acme-scans", "--team", "acme", "--dataset", "scans", "--storage", "acme-s3"),
    "whoami": (),
}


@pytest.fixture
def silent(monkeypatch):
    """AWS and V7 as a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "DARWIN_BASE_URL": url,
            "V7_API_KEY": "abcdefg.0123456789abcdef0123456789abcdef",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def interrupted(silent, tmp_path):
    """Run a command until it has asked a server that never answers, press Ctrl-C, and return what it said."""

    def run(*arguments: str, twice: bool = False) -> tuple[int, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "v7s3", *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            asked, _, _ = select.select([silent], [], [], 60)
            assert asked, process.communicate(timeout=1)
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                process.send_signal(signal.SIGINT)
                if twice:
                    assert any(line.startswith("stopping: what is being made is finished") for line in process.stderr)
                    process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.returncode, out + err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_while_waiting_for_an_answer_says_one_line(interrupted, command, tmp_path):
    if command == "status":  # has nothing to ask without a ledger
        Ledger(tmp_path / "ledger.sqlite", Target(os.environ["DARWIN_BASE_URL"], "acme", "scans")).close()
    code, said = interrupted(*command.split(), *COMMANDS[command])
    assert code == 130
    assert said.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in said


@pytest.mark.parametrize(("form", "last"), [("text", "error: interrupted"), ("json", INTERRUPTED)])
def test_a_run_finishes_what_is_in_flight_and_a_second_ctrl_c_stops_it_at_once(interrupted, form, last):
    code, said = interrupted("prepare", "s3://acme-scans", "--output", "items.jsonl", "--format", form, twice=True)
    assert (code, said.splitlines()[-1]) == (130, last)
    assert "Traceback" not in said


def test_ctrl_c_is_json_when_json_was_asked_for(interrupted, tmp_path):
    assert interrupted("whoami", "--format", "json") == (130, INTERRUPTED + "\n")
    (tmp_path / "v7s3.toml").write_text('[policy.check]\nformat = "json"\n')
    assert interrupted("policy", "check", "s3://acme-scans") == (130, INTERRUPTED + "\n")


def test_a_reader_that_leaves_early_is_no_error():
    """As `v7s3 explain --list | head -1` does."""
    with subprocess.Popen(
        [sys.executable, "-m", "v7s3", "explain", "--list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == ("", 141)
