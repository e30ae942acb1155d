"""What others write - V7, a proxy in its place, a queue, an export - is never a bug of ours, and betrays no key."""

from __future__ import annotations

import json
import os

import pytest

from v7s3.sandbox.serving import Response

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def answering(darwin, monkeypatch):
    """Have `answer(request)` answer registrations in Darwin's place, as a proxy or a login page may."""
    usual = darwin._answer_route

    def answer_by(answer):
        def answered(route, request, names):
            return answer(request) if route.name == "register" else usual(route, request, names)

        monkeypatch.setattr(darwin, "_answer_route", answered)

    return answer_by


# --- the API key ----------------------------------------------------------------------------------------------------
def told(request):
    return request.headers["authorization"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: Response(422, json.dumps({"errors": {"request": ["x" * 447 + told(request)]}}).encode(), JSON),
        lambda request: Response(502, f"<html>{'y' * 153} {told(request)}</html>".encode(), HTML),
        lambda request: Response(503, b"{}", JSON | {"X-Request-Id": told(request)}),
    ],
    ids=["across the cut of JSON", "across the cut of a page", "as the request id"],
)
def test_a_key_that_is_told_back_reaches_neither_a_stream_nor_a_report_nor_the_ledger(
    register, v7s3, fill, answering, answer, tmp_path
):
    fill("a.jpg")
    answering(answer)
    report, ledger = tmp_path / "r.jsonl", tmp_path / "l.sqlite"
    code, out, err = register("s3://acme-frames", "--attempts", "1", "--report", report, "--ledger", ledger)
    assert code == 5, err
    _, exported, _ = v7s3("ledger", "export", "--ledger", ledger)
    assert "***" in exported
    part = os.environ["V7_API_KEY"][:8]
    for text in (out, err, report.read_text(), exported, ledger.read_bytes().decode("latin-1")):
        assert part not in text


# --- V7's answers ---------------------------------------------------------------------------------------------------
BLOCKED = rb'{"items": [], "blocked_items": [{"name": "a.jpg", "path": "/", "slots": [{"reason": "bad \ud83d"}]}]}'


@pytest.mark.parametrize(
    "status, body, said",
    [
        (422, rb'{"errors": {"code": "bad \ud83d"}}', "1 refused: bad \ufffd   (a.jpg)"),
        (200, BLOCKED, "1 blocked: bad \ufffd   (a.jpg)"),
        (422, b"[" * 200_000, "1 refused: [[["),
        (200, b"[" * 200_000, "1 failed: V7 answered 200 to a request to register items in team 'acme', but not with"),
    ],
)
def test_an_answer_that_is_hardly_json_is_told_and_remembered(register, v7s3, fill, answering, status, body, said):
    fill("a.jpg")
    answering(lambda request: Response(status, body, JSON))
    for _ in range(2):
        code, out, err = register("s3://acme-frames")
        assert (code, err.count("error:")) == (5, 0), err
        assert said in out
    assert "a.jpg" in v7s3("ledger", "export")[1]


# --- keys -----------------------------------------------------------------------------------------------------------
SPOOFED = "a\n::error::spoofed.jpg"
CLEARS = "b\x1b[2Jclear.jpg"
ADDRESS = "mirror/http://bob:x@site.jpg"  # what is left of a password elsewhere
KEYS = [SPOOFED, CLEARS, "c\u202egpj.jpg", "d\r\x9b.jpg", ADDRESS]


def is_safe(text):
    spoofed = [line for line in text.splitlines() if line.lstrip().startswith("::error::")]
    return not spoofed and set("\x1b\r\x9b\u202e").isdisjoint(text)


@pytest.fixture
def refused(register, darwin, tmp_path):
    """A run in which V7 refuses items of such keys; returns what it said."""
    darwin.registry.poison = lambda item: True
    (tmp_path / "keys").write_bytes(b"".join(key.encode() + b"\0" for key in KEYS))
    return register("--keys-from", tmp_path / "keys", "--no-check-keys", "-v", "--report", tmp_path / "r.jsonl")


def test_control_characters_of_keys_reach_neither_a_terminal_nor_the_log_of_a_job(refused, v7s3, tmp_path):
    code, out, err = refused
    assert code == 5, err
    assert r"a\n::error::spoofed.jpg" in out
    assert r"refused: b\x1b[2Jclear.jpg: " in err  # of -v
    commands = [
        ("register", "--keys-from", tmp_path / "keys", "--no-check-keys", "--no-ledger", "--dry-run"),
        ("register", "--keys-from", tmp_path / "keys"),  # none of them is there
        ("drift", "s3://acme-frames"),
        ("status", "-v"),
        ("ledger", "show"),
        ("ledger", "forget", "--keys-from", tmp_path / "unknown"),
        ("register", "--items", tmp_path / "items.jsonl"),
        ("doctor", f"s3://acme-frames/{SPOOFED}", "--only", "bucket,objects"),
        ("policy", "check", f"s3://acme-frames/{SPOOFED}", "--format", "github"),
        ("policy", "check", f"s3://acme-frames/{CLEARS}", "-v"),
        ("drift", f"s3://acme-frames/{CLEARS}"),
    ]
    (tmp_path / "unknown").write_bytes(b"".join(b"x" + key.encode() + b"\0" for key in KEYS))
    item = {"name": "n.jpg", "storage_key": SPOOFED}
    (tmp_path / "items.jsonl").write_text(f"{json.dumps(item)}\n" * 2)
    for text in (out, err, *(text for command in commands for text in v7s3(*command)[1:])):
        assert is_safe(text), text


def test_reports_and_documents_have_keys_byte_for_byte(refused, register, tmp_path):
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line["storage_keys"] for line in lines] == [[key] for key in KEYS]
    document = json.loads(register("--keys-from", tmp_path / "keys", "--no-check-keys", "--format", "json")[1])
    assert sorted(key for reason in document["reasons"] for key in reason["examples"]) == sorted(KEYS)


def test_a_key_of_v7_that_an_object_is_called_by_is_in_no_report(register, fill, tmp_path):
    secret = os.environ["V7_API_KEY"]
    fill(f"mirror/http://bob:x@{secret}.jpg", f"http://bob:x@site/{secret}/a.jpg")
    _, out, err = register("s3://acme-frames", "--report", tmp_path / "r.jsonl", "--format", "json")
    report = (tmp_path / "r.jsonl").read_text()
    assert secret not in out + err + report
    assert [json.loads(line)["storage_keys"] for line in report.splitlines()] == [
        ["http://bob:x@site/***/a.jpg"],
        ["mirror/http://bob:x@***.jpg"],
    ]
