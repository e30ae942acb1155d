"""An answer judged as a browser judges it (tests/cases/cors_fetch), and the findings that come of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from v7s3.access.cors import CORSConfiguration
from v7s3.access.cors_answer import Answer, Promise, judge_get, judge_preflight, lets_through, shares_with
from v7s3.access.cors_origins import origin_problem

DARWIN = "https://darwin.v7labs.com"
CASES = json.loads(
    (Path(__file__).parent.parent / "cases" / "cors_fetch" / "answers.json").read_text(encoding="utf-8")
)["cases"]
UNKNOWN = Promise(known=False)
GUIDE = Promise(True, CORSConfiguration.parse([{"AllowedMethods": ["GET"], "AllowedOrigins": [DARWIN]}]))
ECHO = {"access-control-allow-origin": DARWIN}
VARY = {"vary": "Accept-Encoding, origin"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_browser_decides_as_the_fetch_standard_says(case):
    answer = Answer(**case["answer"])
    if "shares" in case:
        assert shares_with(answer, case["origin"]) == case["shares"]
    else:
        assert lets_through(answer, case["origin"], case["method"], case["headers"]) == case["lets"]


def error(code, message=""):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"


@pytest.mark.parametrize(
    ("answer", "status", "idents"),
    [
        (Answer(200, {**ECHO, **VARY}), "ok", []),
        (Answer(200, {}), "fail", ["COR042", "COR045"]),
        (Answer(200, {"access-control-allow-origin": "https://a.example"}), "fail", ["COR042", "COR045"]),
        (Answer(403, {}, error("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")), "fail", ["COR040", "COR045"]),
        (Answer(403, {}, error("AccessForbidden", "CORSResponse: This CORS request is not allowed. This is usually")), "fail", ["COR041", "COR045"]),
        (Answer(403, {}, "<html>a proxy says no</html>"), "fail", ["COR041", "COR045"]),
        (Answer(400, {}, error("BadRequest")), "fail", ["COR041", "COR045"]),
        (Answer(200, {"access-control-allow-origin": "*"}), "warn", ["COR045"]),
        (Answer(503, {}, error("SlowDown")), "error", []),
    ],
)  # fmt: skip
def test_the_preflights_answer_is_told_apart(answer, status, idents):
    check = judge_preflight(answer, DARWIN, promise=GUIDE, fix="mend")
    assert (check.status, [finding.rule.ident for finding in check.findings]) == (status, idents)


@pytest.mark.parametrize(
    ("answer", "promise", "status", "idents"),
    [
        (Answer(206, {**ECHO, **VARY}), GUIDE, "ok", []),
        (Answer(200, {**ECHO, "vary": "*"}), GUIDE, "ok", []),
        (Answer(416, {**ECHO, **VARY}), GUIDE, "ok", []),
        (Answer(206, {"access-control-allow-origin": "*"}), UNKNOWN, "ok", []),
        (Answer(206, {"access-control-allow-origin": "*"}), GUIDE, "warn", ["COR045"]),
        (Answer(206, ECHO), GUIDE, "warn", ["COR044"]),
        (Answer(206, {**ECHO, "vary": "Accept"}), GUIDE, "warn", ["COR044"]),
        (Answer(206, {}), GUIDE, "fail", ["COR042", "COR045"]),
        (Answer(206, {}), UNKNOWN, "fail", ["COR042"]),
        (Answer(403, {**ECHO, **VARY}, error("AccessDenied")), GUIDE, "warn", ["COR043"]),
        (Answer(403, {}, error("AccessDenied")), GUIDE, "warn", ["COR043"]),
        (Answer(404, {}, error("NoSuchKey")), UNKNOWN, "warn", ["COR043"]),
        (Answer(301, {}, error("PermanentRedirect")), UNKNOWN, "warn", ["COR043"]),
        (Answer(500, {}, error("InternalError")), GUIDE, "error", []),
    ],
)
def test_the_gets_answer_is_told_apart(answer, promise, status, idents):
    check = judge_get(answer, DARWIN, "frames", "1.jpg", promise=promise, fix="mend")
    assert (check.status, [finding.rule.ident for finding in check.findings]) == (status, idents)


@pytest.mark.parametrize(
    "origin", [DARWIN, "http://localhost:3000", "http://[::1]:8080", "null", "https://xn--a.example"]
)
def test_what_a_page_can_have_for_an_origin(origin):
    assert origin_problem(origin) == ""


@pytest.mark.parametrize(
    "origin",
    ["", "*", "https://*.v7labs.com", "darwin.v7labs.com", f"{DARWIN}/", f"{DARWIN}:443", "https://Darwin.v7labs.com",
     "https://", "://a", f" {DARWIN}", f"{DARWIN},https://a.example"],
)  # fmt: skip
def test_what_no_page_has_for_an_origin(origin):
    assert origin_problem(origin)
