"""Every case in tests/cases/policy: to add a test, drop a case into a file, or a file into the folder.

A file is {"about", "cases": [{"name", "policy", "source", and either "request" and "expected" or "public"}]}. A case may leave
out "policy" for the file's own. A policy may be given as a list of statements: Version 2012-10-17 is put around it, and each
statement that says nothing else allows V7's role s3:GetObject on arn:aws:s3:::bucket/*. A request may leave out everything
but what matters: V7's role gets bucket/key.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from v7s3.access.evaluate import AccessRequest, evaluate, is_public
from v7s3.access.policy import PolicyDocument

CASES = Path(__file__).parent.parent / "cases" / "policy"
V7 = "arn:aws:iam::258327614892:role/external_s3"
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": V7}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
REQUEST = {"principal": V7, "action": "s3:GetObject", "resource": "arn:aws:s3:::bucket/key"}


def cases(kind: str):
    contents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))}
    return [
        pytest.param({**content, **case}, id=f"{stem}: {case['name']}")
        for stem, content in contents.items()
        for case in content["cases"]
        if kind in case
    ]


def policy_of(case) -> PolicyDocument | None:
    given = case["policy"]
    if isinstance(given, list):
        given = {"Version": "2012-10-17", "Statement": [completed(statement) for statement in given]}
    return None if given is None else PolicyDocument.parse(given)


def completed(statement):
    said = {name.removeprefix("Not") for name in statement}
    return {**{name: value for name, value in STATEMENT.items() if name not in said}, **statement}


@pytest.mark.parametrize("case", cases("expected"))
def test_the_decision_is_the_one_that_the_case_expects(case):
    decision = evaluate(policy_of(case), AccessRequest(**{**REQUEST, **case.get("request", {})}))
    assert decision.effect == case["expected"], decision.summary
    if "hangs_on" in case:
        assert list(decision.unknown_keys) == case["hangs_on"]


@pytest.mark.parametrize("case", cases("public"))
def test_the_policy_is_public_or_not_as_the_case_expects(case):
    assert is_public(policy_of(case)) is case["public"]


def test_the_corpus_is_not_lost_on_the_way():
    """A glob that finds nothing would make every test above pass."""
    assert len(cases("expected")) > 1300
    assert len(cases("public")) > 150
