"""Walks tests/cases/cors_lint: a text, and every finding it must produce: ident, severity, line, column, pointer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.access import cors_rules
from v7s3.access.cors import CORSConfiguration
from v7s3.access.cors_lint import lint_cors
from v7s3.errors import UsageError

CASES = json.loads(
    (Path(__file__).parent.parent / "cases" / "cors_lint" / "documents.json").read_text(encoding="utf-8")
)["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_lint_names_every_fault_and_its_place(case):
    found = [
        [one.rule.ident, one.severity, one.location.line, one.location.column, one.location.pointer]
        for one in lint_cors(case["text"])
    ]
    assert found == case["found"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_bytes_are_read_like_text(case):
    assert lint_cors(case["text"].encode()) == lint_cors(case["text"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "CORSRules",
                    "CORSConfiguration",
                    "ID",
                    "AllowedOrigins",
                    "AllowedMethods",
                    "AllowedHeaders",
                    "ExposeHeaders",
                    "MaxAgeSeconds",
                    "allowedorigins",
                    "a/b",
                    "",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.text() | st.binary() | json_values.map(json.dumps))
def test_lint_never_raises(text):
    for finding in lint_cors(text):
        assert finding.rule in cors_rules.RULES


@given(st.text().map(lambda inside: f"<CORSConfiguration><CORSRule>{inside}</CORSRule></CORSConfiguration>"))
def test_lint_never_raises_on_xml(text):
    lint_cors(text)


@pytest.mark.parametrize("seconds", ["--5", "- 5", "9" * 5000, "-", "1_0", "³", "5.0"])
def test_a_max_age_that_is_no_number_is_named(seconds):
    xml = (
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
        f"<MaxAgeSeconds>{seconds}</MaxAgeSeconds></CORSRule></CORSConfiguration>"
    )
    assert [one.rule.ident for one in lint_cors(xml) if one.severity == "error"] == ["COR005"]
    with pytest.raises(UsageError, match="not a whole number"):
        CORSConfiguration.parse(xml)


def test_a_number_longer_than_python_reads_is_named():
    text = f'[{{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "MaxAgeSeconds": {"9" * 5000}}}]'
    assert [one for one in lint_cors(text) if one.severity == "error"]
    with pytest.raises(UsageError, match="a number that is too long"):
        CORSConfiguration.parse(text)


def test_a_configuration_that_was_parsed_already_is_read_as_its_json():
    rules = [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]
    for value in (rules, {"CORSRules": rules}):
        assert lint_cors(value) == lint_cors(json.dumps(value, indent=2))
    for value in (None, 1, [], {}, object(), bytearray(b"x")):
        assert "error" in {finding.severity for finding in lint_cors(value)}


def test_a_finding_names_the_document_and_the_rule():
    text = '[{"ID": "mine", "AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]'
    (finding,) = lint_cors(text, "cors.json")
    assert (finding.location.document, finding.location.name) == ("cors.json", "mine")


def test_messages_stay_readable_however_long_the_value():
    origin = "https://" + "x" * 50_000 + "/"
    findings = lint_cors(json.dumps([{"ID": "i" * 300, "AllowedMethods": ["M" * 900], "AllowedOrigins": [origin]}]))
    assert len(findings) == 3
    assert all(len(one.message) < 200 and len(one.location.name) <= 60 for one in findings)


def test_idents_are_unique_and_every_rule_says_why_and_how():
    assert len({rule.ident for rule in cors_rules.RULES}) == len(cors_rules.RULES)
    for rule in cors_rules.RULES:
        assert rule.ident.startswith("COR")
        assert rule.why.endswith(".")
        assert rule.fix
        assert rule.verify
        assert rule.source.startswith("https://")
