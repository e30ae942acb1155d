"""Laws of the evaluator, and reading what people paste."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.access.cors import (
    NOT_ALLOWED,
    CORSConfiguration,
    CORSRequest,
    CORSRule,
    RuleMismatch,
    RuleName,
    evaluate_cors,
    matches_pattern,
)
from v7s3.errors import UsageError

DARWIN = "https://darwin.v7labs.com"

hosts = st.sampled_from(["darwin.v7labs.com", "v7labs.com", "a.example", "a.b.example", "localhost"])
origins = st.builds("{}://{}{}".format, st.sampled_from(["http", "https"]), hosts, st.sampled_from(["", ":8080"]))
patterns = origins | st.sampled_from(
    ["*", "https://*", "https://*.v7labs.com", "*.example", "http://a*", "", "a*b*c", "https://darwin.v7labs.com*"]
)
header_names = st.sampled_from(["range", "Range", "x-amz-date", "X-Amz-Meta-A", "content-type", "authorization"])
header_patterns = header_names | st.sampled_from(["*", "x-amz-*", "X-*", "*-type", "x-*-*"])
methods = st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"])
rules = st.builds(
    CORSRule,
    AllowedMethods=st.lists(methods, max_size=3).map(tuple),
    AllowedOrigins=st.lists(patterns, max_size=3).map(tuple),
    AllowedHeaders=st.lists(header_patterns, max_size=3).map(tuple),
    ExposeHeaders=st.lists(st.sampled_from(["ETag", "x-amz-id-2"]), max_size=2).map(tuple),
    MaxAgeSeconds=st.none() | st.integers(0, 9999),
    ID=st.none() | st.sampled_from(["a", "b"]),
)
configurations = st.lists(rules, max_size=5).map(lambda some: CORSConfiguration(tuple(some)))
requests = st.builds(
    CORSRequest,
    kind=st.sampled_from(["preflight", "actual"]),
    origin=origins,
    method=methods,
    headers=st.lists(header_names, max_size=3),
)


@given(configurations, rules, requests)
def test_a_rule_behind_the_matching_one_changes_nothing(configuration, another, request):
    before = evaluate_cors(configuration, request)
    after = evaluate_cors(CORSConfiguration((*configuration.CORSRules, another)), request)
    if before.allowed:
        assert after == before


@given(configurations, requests)
def test_what_is_allowed_is_allowed_by_the_named_rule_alone(configuration, request):
    decision = evaluate_cors(configuration, request)
    if decision.allowed:
        alone = CORSConfiguration((configuration.CORSRules[decision.rule.index],))
        assert evaluate_cors(alone, request).headers == decision.headers
        earlier = CORSConfiguration(configuration.CORSRules[: decision.rule.index])
        assert not evaluate_cors(earlier, request).allowed


@given(configurations, requests)
def test_a_refusal_says_of_every_rule_why(configuration, request):
    decision = evaluate_cors(configuration, request)
    if not decision.allowed:
        assert decision.headers == {}
        assert [miss.rule.index for miss in decision.mismatches] == list(range(len(configuration.CORSRules)))
        assert all(miss.reasons for miss in decision.mismatches)


@given(configurations, requests)
def test_a_preflight_without_asked_headers_decides_like_the_actual_request(configuration, request):
    preflight = evaluate_cors(configuration, CORSRequest("preflight", request.origin, request.method))
    actual = evaluate_cors(configuration, CORSRequest("actual", request.origin, request.method, request.headers))
    assert (preflight.allowed, preflight.rule, preflight.headers) == (actual.allowed, actual.rule, actual.headers)


@given(configurations, requests)
def test_a_browser_accepts_exactly_what_is_allowed(configuration, request):
    """The Fetch standard's CORS check, for requests without credentials."""
    decision = evaluate_cors(configuration, request)
    answered = decision.headers.get("Access-Control-Allow-Origin")
    assert decision.allowed == (answered in ("*", request.origin))
    assert ("Access-Control-Allow-Credentials" in decision.headers) == (answered == request.origin)
    if decision.allowed and request.kind == "preflight":
        allowed = decision.headers.get("Access-Control-Allow-Headers", "").split(", ")
        assert all(name.lower() in allowed for name in request.headers)
        assert request.method in decision.headers["Access-Control-Allow-Methods"].split(", ")


@given(st.text(alphabet="ab*/:.", max_size=8), st.text(alphabet="ab/:.", max_size=8))
def test_a_pattern_matches_as_the_regular_expression_it_stands_for(pattern, value):
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert matches_pattern(pattern, value) == (
        pattern.count("*") <= 1 and re.fullmatch(expression, value, re.DOTALL) is not None
    )


@given(configurations)
def test_every_spelling_reads_as_the_same_configuration(configuration):
    from v7s3.access.cors_write import spell

    for form in ("console", "api", "xml"):
        assert CORSConfiguration.parse(spell(configuration, form)) == configuration
    assert CORSConfiguration.parse(configuration.as_api()) == configuration
    assert CORSConfiguration.parse(configuration.as_api()["CORSRules"]) == configuration


def test_the_decision_names_the_rule_and_why_the_others_do_not_match():
    configuration = CORSConfiguration.parse(
        [
            {"ID": "uploads", "AllowedMethods": ["PUT"], "AllowedOrigins": [DARWIN]},
            {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example"], "AllowedHeaders": ["x-*"]},
            {"ID": "v7-darwin", "AllowedMethods": ["GET"], "AllowedOrigins": [DARWIN], "AllowedHeaders": ["*"]},
        ]
    )
    asked = CORSRequest("preflight", DARWIN, "GET", ["Range"])

    decision = evaluate_cors(configuration, asked)

    assert decision.rule == RuleName(2, "v7-darwin")
    assert decision.mismatches == (
        RuleMismatch(
            RuleName(0, "uploads"),
            ('AllowedMethods ["PUT"] does not contain GET', "AllowedHeaders [] does not cover range"),
        ),
        RuleMismatch(
            RuleName(1, None),
            (
                f'AllowedOrigins ["https://*.example"] does not match {DARWIN}',
                'AllowedHeaders ["x-*"] does not cover range',
            ),
        ),
    )


def test_a_refused_preflight_says_what_s3_says():
    decision = evaluate_cors(
        CORSConfiguration.parse([{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://a.example"]}]),
        CORSRequest("preflight", DARWIN, "GET"),
    )
    assert (decision.status, decision.message) == (403, NOT_ALLOWED)


@pytest.mark.parametrize("kind", ["Preflight", "simple", "", None])
def test_a_request_of_no_known_kind_is_not_answered(kind):
    with pytest.raises(UsageError, match="is no kind of request"):
        CORSRequest(kind, DARWIN, "GET")


@pytest.mark.parametrize("headers", [["A", "b"], ("a, B",), "A,b", "a ,, b,", ["", "a", "b"]])
def test_asked_headers_may_come_one_by_one_or_as_the_header(headers):
    assert CORSRequest("preflight", DARWIN, "GET", headers).asked_headers == ("a", "b")


@pytest.mark.parametrize(
    "document",
    [
        "", "{", "5", "null", '"x"', "{}", '{"CORSRules": 1}', "[1]", '[{"AllowedMethods": "GET"}]',
        '[{"AllowedOrigins": [1]}]', '[{"MaxAgeSeconds": "1"}]', '[{"MaxAgeSeconds": true}]', '[{"ID": 1}]',
        "<a/>", "<a", b"\xff", "[" * 100_000, "<!DOCTYPE a><CORSConfiguration/>",
        "<CORSConfiguration><CORSRule><MaxAgeSeconds>x</MaxAgeSeconds></CORSRule></CORSConfiguration>",
        {"Statement": []}, None, 7,
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_refused_in_words(document):
    with pytest.raises(UsageError):
        CORSConfiguration.parse(document)


def test_null_and_unknown_members_do_not_keep_a_configuration_from_being_read():
    read = CORSConfiguration.parse('\ufeff[{"AllowedMethods": ["GET"], "AllowedHeaders": null, "x": 1}]')
    assert read == CORSConfiguration((CORSRule(AllowedMethods=("GET",)),))
