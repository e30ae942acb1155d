"""`-q`: only results, findings and errors. What is in order goes, the count at the end stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from v7s3.render import render
from v7s3.report import Check, Report

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICY = ("policy", "check", "--bucket", "acme-scans", "--policy-file")
CORS = ("cors", "check", "--cors-file")


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (POLICY, "policies/good/guide-read-only.json"),
        (CORS, "cors/good/api.json"),
        (("doctor", "s3://acme-scans", "--offline", "--policy-file"), "policies/good/guide-read-only.json"),
    ],
)
def test_checks_that_passed_and_have_nothing_to_say_are_left_out(v7s3, command, file):
    code, loud, _ = v7s3(*command, EXAMPLES / file)
    same, quiet, _ = v7s3(*command, EXAMPLES / file, "-q")
    assert same == code
    assert "[ok]" in loud
    assert "[ok]" not in quiet
    kept = [line.split() for line in loud.splitlines() if line and not line.startswith("[ok]")]
    assert [line.split() for line in quiet.splitlines() if line] == kept


def test_an_ok_with_a_finding_stays(v7s3):
    _, quiet, _ = v7s3(*POLICY, EXAMPLES / "policies/good/mirax.json", "-q")
    assert [line.split()[1] for line in quiet.splitlines() if line.startswith("[ok]")] == ["policy-scope"]
    assert "POL112  note: " in quiet


def test_what_was_skipped_or_failed_stays():
    checks = [Check(status, status, "…") for status in ("ok", "warn", "fail", "skip", "error")]
    lines = render(Report("s", tuple(checks)), "text", quiet=True).splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["[warn]", "[FAIL]", "[skip]", "[error]"]
    assert lines[-1] == "1 failure, 1 warning, 1 could not run, 1 not checked."
    assert render(Report("s", (checks[0],)), "text", quiet=True) == "All checks passed."


def test_machines_are_told_everything(v7s3):
    for form in ("json", "junit", "markdown"):
        loud, quiet = (
            v7s3(*POLICY, EXAMPLES / "policies/good/mirax.json", "--format", form, *flags) for flags in ((), ("-q",))
        )
        assert loud == quiet
