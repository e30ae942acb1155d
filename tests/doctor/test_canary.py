"""The canary on the sandbox: it comes through, and with each fault switched on it fails and names the right check."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from PIL import Image

from doctor import scenarios
from doctor.conftest import BUCKET
from doctor.scenarios import World
from v7s3.darwin import Darwin
from v7s3.doctor.png import gradient
from v7s3.sandbox.serving import Response, Server


@pytest.fixture
def world(s3, bucket, darwin, owner, kms, environment, monkeypatch):
    return World(s3, bucket, darwin, owner, kms, monkeypatch)


@pytest.fixture
def canary(doctor, s3, darwin):
    """Run the canary; asserts that nothing it made is left. Returns (exit code, its lines of the report, stderr)."""

    def run(*arguments):
        before = set(s3.keys(BUCKET))
        code, out, err = doctor("--canary", "--yes", "--canary-timeout", "5", *arguments)
        assert darwin.items == []
        left = set(s3.keys(BUCKET)) - before
        assert all(key.startswith("darwin/") for key in left)
        said = out[out.index("canary  ") - 8 :] if "canary  " in out else ""
        return code, unnamed(said.partition("\n\n")[0]), unnamed(err)

    return run


def unnamed(text):
    text = re.sub(r"\d+ bytes", "<size> bytes", text)
    return re.sub(
        r"canary-\d{8}T\d{6}Z-[0-9a-f]{8}",
        "canary-<name>",
        re.sub(r"uploads/[0-9a-f-]{36}|uploads/<key>", "uploads/<upload>", text),
    )


def test_it_comes_through_and_is_removed(world, canary):
    code, said, err = canary()
    assert said == (
        "[ok]    canary          put, registered, processed, shown to a browser and removed; V7 wrote, and keeps: "
        "s3://acme-scans/darwin/raw/v7s3-canary-<name>.png/uploads/<upload>/thumbnails/000000000.jpg"
    )
    assert code == 0
    assert err == (
        "The canary will\n"
        "  put      s3://acme-scans/raw/v7s3-canary-<name>.png   <size> bytes, PNG\n"
        "  register /v7s3-canary/v7s3-canary-<name>.png   in dataset scans of team acme\n"
        "  wait     until V7 has processed it, then load its picture and thumbnail as a browser does\n"
        "  remove   the item and what was put\n"
        "  What V7 itself writes below darwin/ stays.\n"
        "canary: put s3://acme-scans/raw/v7s3-canary-<name>.png\n"
        "canary: register /v7s3-canary/v7s3-canary-<name>.png\n"
        "canary: wait until V7 has processed it\n"
        "canary: load the original\n"
        "canary: load the thumbnail\n"
        "canary: remove the item and what was put\n"
    )


def test_it_comes_through_a_read_only_storage_with_a_thumbnail_of_its_own(world, canary, darwin, s3):
    storage = darwin.storages["acme-scans"]
    darwin.storages["acme-scans"] = replace(storage, readonly=True)
    before = s3.keys(BUCKET)
    code, said, err = canary()
    assert said == "[ok]    canary          put, registered, processed, shown to a browser and removed"
    assert "put      s3://acme-scans/raw/v7s3-canary-<name>-thumbnail.png" in err
    assert (code, s3.keys(BUCKET)) == (0, before)


FAULTS = [
    (scenarios.no_policy, "CAN003", "V7 says: download failed: access denied (HTTP 403); see policy above"),
    (scenarios.policy_without_writing, "CAN003", "V7 says: upload failed: access denied (HTTP 403); see policy above"),
    (
        scenarios.denied_outside_the_office,
        "CAN003",
        "V7 says: download failed: access denied (HTTP 403); see policy above",
    ),
    (
        scenarios.a_public_statement_shuts_v7_out,
        "CAN003",
        "V7 says: download failed: access denied (HTTP 403); see policy, public-access above",
    ),
    (scenarios.a_key_without_v7, "CAN003", "V7 says: download failed: access denied (HTTP 403); see encryption above"),
    (scenarios.the_key_of_aws, "CAN003", "V7 says: download failed: access denied (HTTP 403); see encryption above"),
    (
        scenarios.requester_pays,
        "CAN003",
        "V7 says: download failed: access denied (HTTP 403); see requester-pays above",
    ),
    (
        scenarios.another_region_on_record,
        "CAN003",
        "V7 says: download failed: HTTP 400 (HTTP 400); see storage above",
    ),
    (
        scenarios.no_cors,
        "CAN004",
        "the original arrives, but without CORS headers for https://darwin.v7labs.com; see cors, cors-live above",
    ),
]


@pytest.mark.parametrize(("fault", "rule", "message"), FAULTS, ids=[row[0].__name__ for row in FAULTS])
def test_it_fails_and_names_the_check_that_explains_it(fault, rule, message, world, canary):
    fault(world)
    code, said, _ = canary()
    assert code == 1
    assert f"    {rule}  error: s3://acme-scans/raw/v7s3-canary-<name>.png: {message}\n" in said


LOGIN = Response(
    200,
    b"<!doctype html><html>login</html>",
    {"Content-Type": "text/html", "Access-Control-Allow-Origin": "*"},
)
OTHER = Response(206, b"\x89", {"Content-Range": "bytes 0-0/7", "Access-Control-Allow-Origin": "*"})


@pytest.mark.parametrize(
    ("what", "answer", "instead"),
    [
        ("original", LOGIN, "a web page"),
        ("thumbnail", LOGIN, "a web page"),
        ("original", OTHER, "another file"),
        ("original", Response(200, b"", {"Access-Control-Allow-Origin": "*"}), "another file"),
    ],
)
def test_what_is_loaded_must_be_the_picture(world, canary, monkeypatch, what, answer, instead):
    file_url = Darwin.file_url
    server = Server(lambda _request: answer)
    server.start()

    def led_astray(self, team, slot, kind):
        return server.url if kind == what else file_url(self, team, slot, kind)

    monkeypatch.setattr(Darwin, "file_url", led_astray)
    code, said, _ = canary()
    server.stop()
    assert code == 1
    assert f"{instead} arrives in place of the {what}: a login, a proxy or a filter answers for S3" in said


def test_an_operator_who_may_not_write_is_told_so(world, canary, s3):
    s3.deny |= {"s3:PutObject"}
    code, said, _ = canary()
    assert code == 1
    assert "CAN001  error: s3://acme-scans/raw/v7s3-canary-<name>.png: AWS does not allow s3:PutObject" in said
    assert s3.requests["operator", "s3:DeleteObject"] == 0


def test_what_cannot_be_removed_is_named(world, doctor, s3, darwin):
    s3.deny |= {"s3:DeleteObject"}
    code, out, err = doctor("--canary", "--yes", "--only", "v7-key")
    key = next(key for key in s3.keys(BUCKET) if key.startswith("raw/v7s3-canary"))
    assert f"          fix   aws s3 rm s3://acme-scans/{key}\n" in out
    assert f"canary: s3://acme-scans/{key} is still there: AWS does not allow s3:DeleteObject" in err
    assert (code, darwin.items) == (0, [])  # a warning


def test_a_wrong_dataset_is_named(world, canary):
    code, said, _ = canary("--dataset", "scan")
    assert code == 1
    assert "CAN002  error:" in said
    assert "see dataset above" in said


def test_it_gives_up_when_v7_does_not_get_done(world, canary, darwin):
    darwin.hold()
    code, said, _ = canary("--canary-timeout", "1")
    assert code == 1
    assert "after 1 s V7 is not done with it (its status: processing); no check above explains it" in said
    darwin.release()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--canary"], 2, "--yes"),
        (["--canary", "--yes", "--dataset", ""], 2, "give --dataset"),
        (["--canary", "--yes", "--storage", "acme-scan"], 4, "acme-scans"),
    ],
)
def test_nothing_is_written_before_it_is_agreed_to(world, doctor, s3, arguments, code, words):
    before = s3.keys(BUCKET)
    got, out, err = doctor(*arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert s3.keys(BUCKET) == before
    assert s3.requests["operator", "s3:PutObject"] == 0


def test_without_a_v7_key_it_is_not_begun(world, doctor, s3, monkeypatch):
    monkeypatch.delenv("V7_API_KEY")
    code, out, err = doctor("--canary", "--yes")
    assert (code, out) == (3, "")
    assert "there is no V7 API key" in err


def test_a_dry_run_says_what_would_be_written(world, doctor, s3):
    code, _, err = doctor("--canary", "--dry-run")
    assert code == 0
    assert err.endswith("Dry run: nothing is written.\n")
    assert s3.requests["operator", "s3:PutObject"] == 0


def test_ctrl_c_removes_everything_as_well(world, doctor, s3, darwin):
    darwin.hold()
    before = s3.keys(BUCKET)
    command = [sys.executable, "-m", "v7s3", "doctor", "s3://acme-scans/raw", "--canary", "--yes", "--only", "v7-key"]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not darwin.items:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "canary: wait until V7 has processed it\ncanary: remove the item and what was put\n" in err
    assert (s3.keys(BUCKET), darwin.items) == (before, [])
    darwin.release()


def test_the_picture_is_one():
    picture = Image.open(io.BytesIO(gradient(64, 48)))
    picture.load()
    assert (picture.format, picture.size, picture.mode) == ("PNG", (64, 48), "RGB")
    assert (
        len(set(picture.get_flattened_data() if hasattr(picture, "get_flattened_data") else picture.getdata())) > 1000
    )
