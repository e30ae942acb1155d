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
