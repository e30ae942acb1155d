"""The boundary: help, version, usage errors and bugs each end in the right words and code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import every_command
from v7s3 import __version__
from v7s3.cli import app as app_module


def test_version(v7s3):
    assert v7s3("--version") == (0, f"v7s3 {__version__}\n", "")


def test_help_lists_every_command_with_its_own_first_line(v7s3):
    code, out, _ = v7s3("--help")
    assert code == 0
    for name, entry in app_module.COMMANDS.items():
        assert entry.help in " ".join(out.split())
        code, own, _ = v7s3(name, "--help")
        assert code == 0
        assert entry.help in " ".join(own.split())


def test_without_arguments_the_help_is_shown(v7s3):
    code, out, err = v7s3()
    assert code == 2
    assert (out + err).startswith("Usage: v7s3")


def test_unknown_command_is_a_usage_error(v7s3):
    code, out, err = v7s3("regster")
    assert (code, out) == (2, "")
    assert err.startswith("error: there is no command 'regster'")


def test_usage_errors_are_json_when_json_was_asked_for(v7s3):
    code, out, err = v7s3("regster", "--format", "json")
    assert (code, out) == (2, "")
    assert json.loads(err)["error"]["code"] == "usage"


ERRORS = {
    "usage": ("status", "--no-such-option"),
    "missing argument": ("prepare",),
    "nobody": ("register", "s3://acme-scans", "--team", "acme", "--dataset", "scans", "--storage", "acme-s3"),
    "no document": ("policy", "check", "--policy-file", "none.json"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_json_when_the_settings_say_so_and_not_when_the_flag_says_otherwise(v7s3, folder, name):
    tables = ["status", "prepare", "register", "policy.check"]
    (folder / "v7s3.toml").write_text("".join(f'[{table}]\nformat = "json"\n' for table in tables))
    code, out, err = v7s3(*ERRORS[name])
    assert out == ""
    assert code in (2, 3)
    assert json.loads(err)["error"]["message"]
    same, out, err = v7s3(*ERRORS[name], "--format", "text")
    assert (same, out, err[:7]) == (code, "", "error: ")


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_an_unknown_option_is_json_for_every_command_when_its_settings_ask_for_json(v7s3, folder, command):
    if "--format" not in v7s3(*command, "--help")[1]:
        pytest.skip("has one form")
    (folder / "v7s3.toml").write_text(f'[{".".join(command)}]\nformat = "json"\n')
    code, out, err = v7s3(*command, "--no-such-option")
    assert (code, out, json.loads(err)["error"]["code"]) == (2, "", "usage")


NO_TEXT = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["register", "s3://acme", "--dataset", NO_TEXT], "'--dataset' (env var: 'V7_DATASET')"),
        (["register", f"s3://acme/{NO_TEXT}"], "'[s3://BUCKET/PREFIX]'"),
        (["register", "s3://acme", "--include", "*.jpg", "--include", NO_TEXT], "'--include'"),
        (["ledger", "show", "--team", NO_TEXT], "'--team' (env var: 'V7_TEAM')"),
        (["activation", "status", "s3://acme", "--storage", NO_TEXT], "'--storage' (env var: 'V7_STORAGE')"),
        (["cors", "check", f"s3://acme/{NO_TEXT}"], "'[s3://BUCKET[/KEY]]'"),
    ],
)
def test_what_is_not_utf_8_is_refused_before_a_command_begins(v7s3, arguments, where):
    code, out, err = v7s3(*arguments)
    assert (code, out) == (2, "")
    assert f"Invalid value for {where}: " in err
    assert "is not UTF-8" in err


def test_a_variable_that_is_not_utf_8_is_refused_too(v7s3, monkeypatch):
    monkeypatch.setenv("V7_STORAGE", NO_TEXT)
    code, _, err = v7s3("register", "s3://acme")
    assert (code, "Invalid value for '--storage'" in err) == (2, True), err


def test_a_bug_is_reported_without_a_traceback(v7s3, monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("key abcdefg.0123456789abcdef0123456789abcdef")

    monkeypatch.setattr(app_module.LazyGroup, "get_command", broken)
    code, _, err = v7s3("anything")
    monkeypatch.setitem(app_module.COMMANDS, "anything", app_module.Entry("no.such", ""))
    code, _, err = v7s3("anything")
    assert code == 70
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "0123456789abcdef" not in err


@pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize(
    ("closing", "code"), [(">&-", 0), ("2>&-", 0), ("<&-", 0), (">&- 2>&-", 0), ("> /dev/full", 7)]
)
def test_streams_that_are_closed_or_full_are_no_bug(closing, code):
    if "/dev/full" in closing and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    run = ["sh", "-c", f'"$0" -m v7s3 policy write s3://acme-frames {closing}', sys.executable]
    done = subprocess.run(run, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, "bug" in done.stderr, "Traceback" in done.stderr) == (code, False, False)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_help_and_results_are_shown_on_terminals_of_another_encoding(tmp_path, encoding):
    (tmp_path / "policy.json").write_text('{"Statement": [{"Sid": "\u2192"}]}', encoding="utf-8")
    for command in (
        ["doctor", "--help"],
        ["policy", "check", "--policy-file", "policy.json", "--bucket", "acme-frames"],
    ):
        run = [sys.executable, "-m", "v7s3", *command]
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        done = subprocess.run(run, capture_output=True, check=False, env=environment, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (int(command[0] == "policy"), b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_error_that_cannot_be_told_keeps_its_exit_code():
    run = ["sh", "-c", '"$0" -m v7s3 policy check --policy-file missing 2> /dev/full', sys.executable]
    assert subprocess.run(run, capture_output=True, check=False).returncode == 2


def test_what_only_looks_like_a_key_is_data_in_a_result_and_hidden_in_a_message(v7s3, tmp_path):
    name = "picture.d41d8cd98f00b204e9800998ecf8427e"
    policy = {"Sid": name, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::a/b"}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    _, out, _ = v7s3("policy", "write", "s3://acme-frames", "--merge", file)
    assert json.loads(out)["Statement"][0] == policy
    _, out, err = v7s3("policy", "write", "s3://acme-frames", "--merge", tmp_path / name)
    assert name not in out + err


def test_a_document_to_paste_stays_as_it_is_though_a_key_in_it_looks_like_an_address(v7s3, tmp_path):
    arn = "arn:aws:s3:::acme-frames/mirror/http://bob:x@site.jpg"
    policy = {"Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": arn}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    _, out, _ = v7s3("policy", "write", "s3://acme-frames", "--merge", file)
    assert json.loads(out)["Statement"][0] == policy


def test_passwords_of_addresses_are_in_no_output(v7s3, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    address = "http://user:hunter2@127.0.0.1:9"
    for command in (("policy", "check"), ("doctor", "--only", "bucket"), ("cors", "check")):
        code, out, err = v7s3(*command, "s3://acme-frames", "--endpoint-url", address)
        assert code != 0
        assert "***@127.0.0.1:9" in out + err
        assert "hunter2" not in out + err


@pytest.mark.parametrize("command", [("policy", "check"), ("cors", "check"), ("policy", "apply", "--dry-run")])
def test_a_server_that_cannot_be_reached_ends_with_a_code_that_the_help_explains(v7s3, monkeypatch, command):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    code, out, _ = v7s3(*command, "s3://acme-frames", "--endpoint-url", "http://127.0.0.1:9")
    assert (code, out) == (7, "")
    (line,) = [line for line in v7s3("--help")[1].splitlines() if line.strip().startswith("7  ")]
    assert "the server cannot be reached" in line
