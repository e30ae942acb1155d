"""Each format in the words of the program that reads it: GitHub, GitLab and Jenkins, code scanning, and people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import sarif_om

import npm
from v7s3.render import FORMATS, render
from v7s3.report import Check, Location, Report, Rule

TYPO = Rule("POL030", "an action that S3 does not have", "error", "S3 refuses the document", "write s3:GetObject")
WIDE = Rule("POL060", "more than needed", "warning", "V7 needs less", "narrow it", source="https://example.com/a, §2")
EXAMPLES = Path(__file__).parents[2] / "examples"


def report(*checks: Check) -> Report:
    return Report("policy.json", checks)


def failed(message: str = 'no "s3:GetObjct"', **where: object) -> Check:
    return Check("policy", "fail", "1 finding", (TYPO.finding(message, at=Location("policy.json", **where)),))


WARNED = Check("policy-scope", "warn", "more than it needs", (WIDE.finding("s3:* on *"),))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_the_check_and_the_rule(form):
    text = render(report(failed()), form)
    assert "POL030" in text
    assert "1 finding" in text or form == "sarif"


# --- JUnit ----------------------------------------------------------------------------------------------------------
def test_junit_whole():
    skipped = Check("policy-read", "skip", "no bucket named")
    broken = Check("cors", "error", "S3 answered 503")
    assert render(report(failed(line=3, column=7), WARNED, skipped, broken), "junit") == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<testsuites name="v7s3">\n'
        '  <testsuite name="policy.json" tests="4" failures="1" errors="1" skipped="1">\n'
        '    <testcase classname="v7s3 policy.json" name="policy" time="0" file="policy.json">\n'
        '      <failure message="1 finding" type="POL030">POL030 error: policy.json:3:7: no "s3:GetObjct"\n'
        "why: S3 refuses the document\n"
        "fix: write s3:GetObject</failure>\n"
        "    </testcase>\n"
        '    <testcase classname="v7s3 policy.json" name="policy-scope" time="0">\n'
        "      <system-out>POL060 warning: s3:* on *\nwhy: V7 needs less\nfix: narrow it</system-out>\n"
        "    </testcase>\n"
        '    <testcase classname="v7s3 policy.json" name="policy-read" time="0">\n'
        '      <skipped message="no bucket named" />\n'
        "    </testcase>\n"
        '    <testcase classname="v7s3 policy.json" name="cors" time="0">\n'
        '      <error message="S3 answered 503" type="could not run" />\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>"
    )


def test_junit_fails_what_ends_with_exit_code_1():
    for level, failures in (("error", "0"), ("warning", "1")):
        suite = ET.fromstring(render(report(WARNED), "junit", fail_level=level))[0]
        assert (suite.get("failures"), report(WARNED).exit_code(level)) == (failures, int(failures))


def test_junit_stays_xml_whatever_a_key_is_called():
    document = render(report(failed("raw/\x00\x1b[31m\ud800<&>.jpg")), "junit")
    assert "raw/�" in "".join(ET.fromstring(document).itertext())


# --- GitHub ---------------------------------------------------------------------------------------------------------
def test_github_shows_ten_of_a_level_and_the_last_one_says_that_there_are_more():
    rules = [Rule(f"X{number:03}", "title", "error", "why", "fix") for number in range(25)]
    many = Check("many", "fail", "25 findings", tuple(rule.finding("message") for rule in rules))
    lines = render(report(many, WARNED), "github").splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == 10
    assert errors[-1] == "::error title=16 more::the job summary has all of them"
    assert [line for line in lines if line.startswith("::warning")] == [
        "::warning title=POL060 more than needed::s3:* on *%0Afix: narrow it"
    ]


def test_github_gets_no_command_from_what_a_document_says():
    lines = render(report(failed("a\n::add-mask::b\r\n::error::c%0A")), "github").splitlines()
    assert [line for line in lines if "::error::c" in line or "add-mask" in line] == [
        (
            "::error title=POL030 an action that S3 does not have::a%0A::add-mask::b%0D%0A::error::c%250A"
            "%0Afix: write s3:GetObject"
        )
    ]


def test_the_table_goes_to_the_job_summary(v7s3, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    path = EXAMPLES / "policies" / "bad" / "POL030-typo.json"
    code, out, _ = v7s3("policy", "check", "--policy-file", path, "--format", "github")
    assert code == 1
    assert out.startswith("::error ")
    text = summary.read_text()
    assert text.startswith("before\n### v7s3: `")
    assert "| policy-read | **FAIL** |" in text
    assert "did you mean" in text


def test_a_summary_that_would_be_dropped_for_its_size_is_only_the_table(v7s3, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    path = EXAMPLES / "policies" / "bad" / "POL030-typo.json"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for used, shown in ((1024 * 1024 - 1000, True), (1024 * 1024 - 10, False)):
        summary.write_bytes(b"x" * used)
        v7s3("policy", "check", "--policy-file", path, "--format", "github")
        added = summary.read_bytes()[used:].decode()
        assert ("| policy | **FAIL** |" in added) is shown
        assert ("2 findings are too long for this page" in added) is shown
        assert "did you mean" not in added
        assert summary.stat().st_size <= 1024 * 1024


def test_a_summary_that_cannot_be_written_does_not_change_the_verdict(v7s3, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    path = EXAMPLES / "policies" / "bad" / "POL030-typo.json"
    code, _, err = v7s3("policy", "check", "--policy-file", path, "--format", "github")
    assert code == 1
    assert err.startswith("warning: the job summary ")


# --- SARIF ----------------------------------------------------------------------------------------------------------
# The classes of sarif-om are generated from the schema: their attributes are its properties, those without a default
# its required ones.
CLASSES = {
    "runs": "Run",
    "tool": "Tool",
    "driver": "ToolComponent",
    "rules": "ReportingDescriptor",
    "shortDescription": "MultiformatMessageString",
    "fullDescription": "MultiformatMessageString",
    "help": "MultiformatMessageString",
    "defaultConfiguration": "ReportingConfiguration",
    "invocations": "Invocation",
    "toolExecutionNotifications": "Notification",
    "results": "Result",
    "message": "Message",
    "locations": "Location",
    "physicalLocation": "PhysicalLocation",
    "artifactLocation": "ArtifactLocation",
    "region": "Region",
    "logicalLocations": "LogicalLocation",
}


def faults(value: object, name: str, at: str = "") -> list[str]:
    """Where an object of the document has a property that its class has not, or lacks one that it must have."""
    if isinstance(value, list):
        return [fault for number, one in enumerate(value) for fault in faults(one, name, f"{at}/{number}")]
    if not isinstance(value, dict):
        return []
    fields = getattr(sarif_om, name).__attrs_attrs__
    known = {field.metadata["schema_property_name"]: field for field in fields}
    required = {key for key, field in known.items() if repr(field.default) == "NOTHING"}
    wrong = [f"{at}/{key}" for key in (value.keys() - known.keys()) | (required - value.keys())]
    for key, one in value.items():
        inner = CLASSES.get(key)
        wrong += faults(one, inner, f"{at}/{key}") if inner else [f"{at}/{key}"] * isinstance(one, dict)
    return wrong


@pytest.fixture(scope="module")
def sarif_schema(tmp_path_factory):
    """The JSON schema of SARIF 2.1.0 (rtm.5), as Microsoft publishes it; no Python package carries it."""
    folder = npm.unpacked(
        "@microsoft/jest-sarif@1.0.0-beta.0",
        "sha512-A1fOhPd6Ic5iDk4F9YPw1qNB4XF+7+IviR7xl8r2F6QzQkx5cpY9LsGk2rExiFIEcBbjpVnSmwWGBukASkiQ9A==",
        tmp_path_factory.mktemp("sarif"),
    )
    schema = json.loads((folder / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


FOLDERS = ["policies/bad", "policies/good", "cors/bad", "cors/good"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_sarif_of_every_example_is_valid_by_its_schema(folder, sarif_schema, v7s3):
    kind = "policy" if "policies" in folder else "cors"
    for path in sorted((EXAMPLES / folder).iterdir()):
        _, out, _ = v7s3(kind, "check", f"--{kind}-file", path, "--format", "sarif")
        assert [fault.message for fault in sarif_schema.iter_errors(json.loads(out))] == [], path


def test_sarif_of_what_was_skipped_or_could_not_run_is_valid_by_its_schema(sarif_schema):
    checks = (Check("policy-read", "skip", "no bucket named"), Check("cors", "error", "unreadable"), WARNED, failed())
    document = json.loads(render(report(*checks), "sarif"))
    assert list(sarif_schema.iter_errors(document)) == []
    document["runs"][0]["results"][0]["level"] = "info"
    assert [fault.message for fault in sarif_schema.iter_errors(document)] == [
        "'info' is not one of ['none', 'note', 'warning', 'error']"
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_sarif_has_only_what_the_schema_has_and_all_that_it_requires(folder, v7s3):
    for path in sorted((EXAMPLES / folder).iterdir())[::4]:
        kind = "policy" if "policies" in folder else "cors"
        code, out, err = v7s3(kind, "check", f"--{kind}-file", path, "--format", "sarif")
        assert code in (0, 1), err
        document = json.loads(out)
        assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
        assert faults(document, "SarifLog") == []
        run = document["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("error", "warning", "note")
            place = result["locations"][0]["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            assert place["artifactLocation"]["uri"] == path.as_uri()


def test_sarif_names_files_of_the_checkout_by_relative_references(monkeypatch):
    document = json.loads(render(Report("in frastructure/ä.json", (WARNED,)), "sarif"))
    result = document["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "in%20frastructure/%C3%A4.json"
    assert document["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"] == "https://example.com/a"


def test_sarif_does_not_take_what_was_not_asked_for_no_problem():
    skip, error = Check("policy-read", "skip", "no bucket named"), Check("cors", "error", "unreadable")
    run = json.loads(render(report(skip, error), "sarif"))["runs"][0]
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {"level": "note", "message": {"text": "policy-read: no bucket named"}},
                {"level": "error", "message": {"text": "cors: unreadable"}},
            ],
        }
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("policy", "check", "s3://acme-scans"),
        ("policy", "check", "--policy-file", "-"),
        ("cors", "check", "s3://acme-scans"),
        ("cors", "check", "--cors-file", "-"),
    ],
)
def test_sarif_of_a_bucket_is_refused_before_anything_is_asked(v7s3, arguments):
    code, out, err = v7s3(*arguments, "--format", "sarif")
    assert (code, out) == (2, "")
    assert re.match(r"error: SARIF tells of lines in files", err)
