"""Walks tests/cases/cors/*.json. To add a case, add it to a file; to add a subject, add a file.

A file is one `configuration` (null: the bucket has none) and requests to it. `answers` holds the whole answer of each
rule, by its index, with {origin} where S3 echoes; a case names the `rule` that wins, or null and the `status` of the
refusal. What a case says itself (`headers_answered`) is added to its rule's answer. Every file names its source.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from v7s3.access.cors import (
    NO_METHOD,
    NO_ORIGIN,
    NOT_ALLOWED,
    NOT_ENABLED,
    CORSConfiguration,
    CORSRequest,
    evaluate_cors,
)

CASES = Path(__file__).parent.parent / "cases" / "cors"
MESSAGES = {
    "not enabled": (403, NOT_ENABLED),
    "not allowed": (403, NOT_ALLOWED),
    "no origin": (400, NO_ORIGIN),
    "no method": (400, NO_METHOD),
}


def cases():
    for path in sorted(CASES.glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        for case in file["cases"]:
            yield pytest.param(file, case, id=f"{path.stem}: {case['name']}")


def expected_headers(file, case):
    if case["rule"] is None:
        return {}
    answer = dict(file["answers"][str(case["rule"])])
    if answered := case.get("headers_answered"):
        answer["Access-Control-Allow-Headers"] = answered
    return {name: value.replace("{origin}", case["origin"]) for name, value in answer.items()}


@pytest.mark.parametrize(("file", "case"), list(cases()))
def test_s3_answers_as_recorded(file, case):
    document = file["configuration"]
    configuration = None if document is None else CORSConfiguration.parse(document)
    request = CORSRequest(case["kind"], case["origin"], case["method"], case.get("headers", ()))

    decision = evaluate_cors(configuration, request)

    assert (decision.rule and decision.rule.index) == case["rule"]
    assert decision.allowed == (case["rule"] is not None)
    assert decision.headers == expected_headers(file, case)
    if case["kind"] == "actual":
        assert (decision.status, decision.message) == (None, "")
    elif case["rule"] is None:
        assert (decision.status, decision.message) == MESSAGES[case["refusal"]]
    else:
        assert (decision.status, decision.message) == (200, "")


def test_every_file_of_cases_names_its_source():
    for path in CASES.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["source"].strip(), path


def test_there_are_cases():
    assert sum(1 for _ in cases()) >= 150
