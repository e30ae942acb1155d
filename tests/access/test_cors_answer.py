"""An answer judged as a browser judges it (tests/cases/cors_fetch), and the findings that come of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from v7s3.access.cors import CORSConfiguration
from v7s3.access.cors_answer import Answer, Promise, judge_get, judge_preflight, lets_through, shares_with
from v7s3.access.cors_origins import origin_problem, stranger_to

DARWIN = "https://darwin.v7labs.com"
CASES = json.loads(
    (Path(__file__).parent.parent / "cases" / "cors_fetch" / "answers.json").read_text(encoding="utf-8")
)["cases"]
UNKNOWN = Promise(known=False)
GUIDE = Promise(True, CORSConfiguration.parse([{"AllowedMethods": ["GET"], "AllowedOrigins": [DARWIN]}]))
ECHO = {"access-control-allow-origin": DARWIN}
VARY = {"vary": "Accept-Encoding, origin"}
OBJECT = {"etag": '"5eb63bbbe01eeed093cb22bb8f5acdc3"'}  # what every S3 server sends with an object
LOGIN = "<!doctype html><html>login</html>"
HTML = {"content-type": "text/html; charset=utf-8"}


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
        (Answer(403, {}, error("CORSResponse", "CORS is not enabled for this bucket.")), "fail", ["COR040", "COR045"]),  # s3rver
        (Answer(403, {}, error("AccessDenied")), "fail", ["COR041", "COR045"]),  # radosgw
        (Answer(200, {"access-control-allow-origin": "*"}), "warn", ["COR045"]),
        (Answer(403, {}, "<html>a proxy says no</html>"), "error", []),
        (Answer(403, {}), "error", []),
        (Answer(200, {**ECHO, **VARY, **HTML}, LOGIN), "error", []),
        (Answer(200, {"access-control-allow-origin": "*"}, f"\n{LOGIN}"), "error", []),
        (Answer(200, HTML, "<p>log in"), "error", []),
        (Answer(200, {**ECHO, **VARY, **HTML}), "ok", []),  # a type alone makes no page
        (Answer(301, {"x-amz-bucket-region": "eu-west-1"}, error("PermanentRedirect")), "error", []),
        (Answer(302, {"location": "https://login.example/"}), "error", []),
        (Answer(307, {**ECHO, **VARY}, error("TemporaryRedirect")), "error", []),
        (Answer(400, {}, error("AuthorizationQueryParametersError")), "error", []),
        (Answer(400, {}, error("BadRequest")), "error", []),
        (Answer(407, {}), "error", []),
        (Answer(429, {}), "error", []),
        (Answer(503, {}, error("SlowDown")), "error", []),
    ],
)  # fmt: skip
def test_the_preflights_answer_is_told_apart(answer, status, idents):
    check = judge_preflight(answer, DARWIN, promise=GUIDE, fix="mend")
    assert (check.status, [finding.rule.ident for finding in check.findings]) == (status, idents)


@pytest.mark.parametrize(
    ("answer", "promise", "status", "idents"),
    [
        (Answer(206, {**OBJECT, **ECHO, **VARY}), GUIDE, "ok", []),
        (Answer(206, {"x-amz-request-id": "1", **ECHO, **VARY}), GUIDE, "ok", []),
        (Answer(200, {**OBJECT, **ECHO, "vary": "*"}), GUIDE, "ok", []),
        (Answer(416, {**ECHO, **VARY}, error("InvalidRange")), GUIDE, "ok", []),
        (Answer(206, {**OBJECT, "access-control-allow-origin": "*"}), UNKNOWN, "ok", []),
        (Answer(206, {**OBJECT, "access-control-allow-origin": "*"}), GUIDE, "warn", ["COR045"]),
        (Answer(206, {**OBJECT, **ECHO}), GUIDE, "warn", ["COR044"]),
        (Answer(206, {**OBJECT, **ECHO, "vary": "Accept"}), GUIDE, "warn", ["COR044"]),
        (Answer(206, OBJECT), GUIDE, "fail", ["COR042", "COR045"]),
        (Answer(206, OBJECT), UNKNOWN, "fail", ["COR042"]),
        (Answer(206, {**OBJECT, **HTML, "x-amz-request-id": "1", **ECHO, **VARY}, "<html>"), GUIDE, "ok", []),
        (Answer(200, {**OBJECT, **HTML, **ECHO, **VARY}, LOGIN), GUIDE, "error", []),
        (Answer(200, HTML, LOGIN), UNKNOWN, "error", []),
        (Answer(200, {**ECHO, **VARY}, "ok"), GUIDE, "error", []),
        (Answer(204, {**OBJECT, **ECHO, **VARY}), GUIDE, "error", []),
        (Answer(403, {**ECHO, **VARY}, error("AccessDenied")), GUIDE, "warn", ["COR043"]),
        (Answer(403, {}, error("AccessDenied")), GUIDE, "warn", ["COR043"]),
        (Answer(404, {}, error("NoSuchKey")), UNKNOWN, "error", []),
        (Answer(404, HTML, error("NoSuchKey")), UNKNOWN, "error", []),
        (Answer(400, {}, error("KMS.DisabledException")), UNKNOWN, "warn", ["COR043"]),
        (Answer(400, {}, error("AuthorizationQueryParametersError")), UNKNOWN, "error", []),
        (Answer(403, {}, "<html>a proxy says no</html>"), UNKNOWN, "error", []),
        (Answer(301, {}, error("PermanentRedirect")), UNKNOWN, "error", []),
        (Answer(302, {"location": "https://login.example/"}), UNKNOWN, "error", []),
        (Answer(407, {}), UNKNOWN, "error", []),
        (Answer(429, {}), UNKNOWN, "error", []),
        (Answer(500, {}, error("InternalError")), GUIDE, "error", []),
    ],
)
def test_the_gets_answer_is_told_apart(answer, promise, status, idents):
    check = judge_get(answer, DARWIN, "frames", "1.jpg", promise=promise, fix="mend")
    assert (check.status, [finding.rule.ident for finding in check.findings]) == (status, idents)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(503, {}, error("SlowDown")), "503 SlowDown; ask again later"),
        (Answer(429, {}), "429; ask again later"),
        (
            Answer(301, {"x-amz-bucket-region": "eu-west-1"}, error("PermanentRedirect", "use the endpoint")),
            "301 PermanentRedirect: the bucket is in eu-west-1; add --region eu-west-1, and leave --endpoint-url out on AWS",
        ),
        (
            Answer(302, {"location": "https://login.example/?next=1"}),
            "302 and sends on to login.example; S3 was not asked; check the network and --region",
        ),
        (Answer(407, {}), "407: a proxy asks who you are; see HTTPS_PROXY"),
        (
            Answer(200, HTML, LOGIN),
            "200 with a web page: a login, a proxy or a filter answers in S3's place; ask from another network",
        ),
        (
            Answer(400, {}, error("AuthorizationQueryParametersError", "the region 'us-east-1' is wrong")),
            "400 AuthorizationQueryParametersError: the region 'us-east-1' is wrong",
        ),
        (Answer(204, {}), "204, which S3 does not; check what stands between you and S3, and --endpoint-url"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_verdict_says_what_it_is_and_what_to_do(answer, words):
    check = judge_get(answer, DARWIN, "frames", "1.jpg", promise=UNKNOWN, fix="mend")
    assert (check.status, check.summary, check.findings) == ("error", f"the endpoint answered {words}", ())


@pytest.mark.parametrize(
    "origin", [DARWIN, "http://localhost:3000", "http://[::1]:8080", "null", "https://xn--a.example"]
)
def test_what_a_page_can_have_for_an_origin(origin):
    assert origin_problem(origin) == ""


@pytest.mark.parametrize(
    ("origin", "pattern"),
    [
        (DARWIN, DARWIN),
        (DARWIN, "https://*.v7labs.com"),
        (DARWIN, "https://d*.v7labs.com"),
        (DARWIN, "https://*darwin.v7labs.com"),
        (DARWIN, f"{DARWIN}:*"),
        (DARWIN, "https*.v7labs.com"),
        ("http://localhost:3000", "http://localhost:*"),
        ("http://localhost:3000", "*://localhost:3000"),
    ],
)
def test_a_pattern_that_stays_below_the_domain_lets_no_stranger_in(origin, pattern):
    assert stranger_to(origin, pattern) == ""


@pytest.mark.parametrize(
    ("origin", "pattern", "stranger"),
    [
        (DARWIN, "*", "https://evil.example"),
        (DARWIN, "https://*", "https://evil.example"),
        (DARWIN, "https://*.com", "https://evil.com"),
        (DARWIN, "https://d*.com", "https://d.evil.example.com"),
        (DARWIN, "https://dar*.com", "https://dar.evil.example.com"),
        (DARWIN, "https://*v7labs.com", "https://evilv7labs.com"),
        (DARWIN, f"{DARWIN}*", f"{DARWIN}.evil.example"),
        (DARWIN, "https://darwin.v7labs.*", "https://darwin.v7labs.evil"),
        (DARWIN, "https://darwin*", "https://darwin.evil.example"),
        (DARWIN, "http*://darwin.v7labs.com", "http://darwin.v7labs.com"),
        (DARWIN, "*://darwin.v7labs.com", "http://darwin.v7labs.com"),
        (DARWIN, "ht*//darwin.v7labs.com", "http://darwin.v7labs.com"),
        (DARWIN, "*.v7labs.com", "http://evil.v7labs.com"),
        (DARWIN, "*darwin.v7labs.com", "http://evildarwin.v7labs.com"),
        ("http://localhost:3000", "http://localhost*", "http://localhost.evil.example"),
    ],
)
def test_a_broad_pattern_is_known_by_a_stranger_it_lets_in(origin, pattern, stranger):
    assert stranger_to(origin, pattern) == stranger


@pytest.mark.parametrize(
    "origin",
    ["", "*", "https://*.v7labs.com", "darwin.v7labs.com", f"{DARWIN}/", f"{DARWIN}:443", "https://Darwin.v7labs.com",
     "https://", "://a", f" {DARWIN}", f"{DARWIN},https://a.example"],
)  # fmt: skip
def test_what_no_page_has_for_an_origin(origin):
    assert origin_problem(origin)
