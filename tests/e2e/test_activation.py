"""`v7s3 activation` against a local S3 and a local Darwin."""

from __future__ import annotations

import json

import pytest

from v7s3.sandbox import Storage


@pytest.fixture
def status(v7s3, environment):
    def run(*arguments: object):
        return v7s3("activation", "status", *arguments)

    return run


def test_write_prints_the_email_and_what_comes_next(v7s3, environment):
    code, out, err = v7s3(
        "activation",
        "write",
        "s3://acme-frames",
        "--write-prefix",
        "/darwin/",
        "--region",
        "eu-west-1",
        "--storage",
        "",
    )
    assert code == 0
    assert out.startswith("To: support@v7labs.com\nSubject: External S3 storage for team acme: acme-frames\n")
    for line in ("eu-west-1", "acme-frames", "darwin/", "read and write"):
        assert line in out
    assert err == (
        "warning: policy: acme-frames has no bucket policy\n"
        "warning: cors: the bucket has no CORS configuration\n"
        "next: make sure that the bucket is ready (`v7s3 doctor s3://acme-frames --write-prefix darwin/`), send it, then\n"
        "      v7s3 activation status s3://acme-frames --team acme --write-prefix darwin/ --wait\n"
    )


def test_write_carries_what_was_asked_for_into_what_comes_next(v7s3, environment, s3):
    arguments = (
        "activation",
        "write",
        "s3://acme-frames",
        "--region",
        "r",
        "--access",
        "read-only",
        "--storage",
        "a b",
    )
    _, _, err = v7s3(*arguments)
    assert err.splitlines()[-1] == (
        "      v7s3 activation status s3://acme-frames --team acme --storage 'a b' --access read-only --wait"
    )
    assert "`v7s3 doctor s3://acme-frames --storage 'a b' --access read-only`" in err


def test_write_names_the_problem_and_not_what_is_in_order(v7s3, environment, s3):
    v7s3("policy", "apply", "s3://acme-frames", "--yes")
    _, _, err = v7s3("activation", "write", "s3://acme-frames", "--region", "r", "--access", "read-only")
    assert "V7's role may" not in err
    assert "warning: policy: statement 1 (DarwinAccess) also allows s3:PutObject (POL112)\n" in err


def test_write_asks_the_bucket_for_its_region(v7s3, s3, environment):
    s3.make_bucket("acme-elsewhere", region="eu-central-1")
    code, out, _ = v7s3("activation", "write", "s3://acme-elsewhere", "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert document["version"] == 1
    assert document["asked"]["region"] == "eu-central-1"


def test_write_asks_the_key_for_its_team(v7s3, environment, monkeypatch):
    monkeypatch.delenv("V7_TEAM")
    code, out, err = v7s3("activation", "write", "s3://acme-frames", "--region", "eu-west-1", "-v")
    assert code == 0
    assert "for team acme" in out
    assert "team: asked V7 whose the API key is\n" in err


def test_write_without_team_and_key_asks_for_the_team(v7s3, environment, monkeypatch):
    monkeypatch.delenv("V7_TEAM")
    monkeypatch.delenv("V7_API_KEY")
    code, out, err = v7s3("activation", "write", "s3://acme-frames", "--region", "eu-west-1")
    assert (code, out) == (2, "")
    assert err == "error: which team is it for? (there is no V7 API key)\n  next: give --team\n"


def test_write_as_a_link(v7s3, environment):
    code, out, _ = v7s3("activation", "write", "s3://acme-frames", "--region", "eu-west-1", "--format", "mailto")
    assert code == 0
    assert out.startswith("mailto:support@v7labs.com?subject=External%20S3%20storage")
    assert out.count("\n") == 1


def test_write_warns_when_v7_may_write_anywhere(v7s3, environment):
    _, _, err = v7s3("activation", "write", "s3://acme-frames", "--region", "eu-west-1")
    assert "warning: V7 may write anywhere in the bucket (ACT007)" in err
    _, _, err = v7s3("activation", "write", "s3://acme-frames", "--region", "eu-west-1", "--access", "read-only")
    assert "ACT007" not in err
    _, _, err = v7s3("activation", "write", "s3://acme-frames", "--region", "eu-west-1", "-q")
    assert err == ""


@pytest.mark.parametrize("command", ["write", "status"])
def test_a_bucket_with_dots_is_refused_with_the_reason(v7s3, environment, command):
    code, out, err = v7s3("activation", command, "s3://images.acme.com")
    assert (code, out) == (2, "")
    assert "holds a dot" in err
    assert "V7 does not support it" in err


def test_a_bucket_that_does_not_exist_is_not_asked_for(v7s3, environment):
    code, out, err = v7s3("activation", "write", "s3://acme-missing")
    assert (code, out) == (4, "")
    assert "s3://acme-missing" in err


def test_a_write_prefix_for_a_read_only_storage_is_refused(v7s3, environment):
    code, _, err = v7s3(
        "activation", "write", "s3://acme-frames", "--access", "read-only", "--write-prefix", "x", "--region", "r"
    )
    assert code == 2
    assert "V7 writes nothing to a read-only storage" in err


def test_status_of_a_storage_that_is_as_asked_for(status):
    code, out, err = status(
        "s3://acme-frames", "--storage", "acme-frames", "--write-prefix", "darwin/", "--access", "read-write"
    )
    assert (code, err) == (0, "")
    assert out == (
        "s3://acme-frames as team acme has it in V7\n"
        "\n"
        "[ok]    storage  acme-frames, the team's default\n"
        "[ok]    bucket   acme-frames\n"
        "[ok]    region   us-east-1\n"
        "[ok]    access   read-write\n"
        "[ok]    prefix   darwin/\n"
        "\n"
        "All checks passed.\n"
        "Next: v7s3 register s3://acme-frames --team acme --storage acme-frames --dataset …\n"
    )


def test_status_names_every_difference(status, darwin):
    darwin.storages["acme-frames"] = Storage("acme-frames", "acme-frames", prefix="data", region="eu-west-1")
    code, out, _ = status(
        "s3://acme-frames", "--storage", "acme-frames", "--write-prefix", "darwin", "--format", "json"
    )
    assert code == 1
    findings = [finding["id"] for check in json.loads(out)["checks"] for finding in check["findings"]]
    assert findings == ["ACT003", "ACT004"]


def test_status_without_aws_shows_what_v7_has_and_compares_no_region(status, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    code, out, err = status("s3://acme-frames", "--storage", "acme-frames")
    assert code == 0
    assert "[skip]  region   us-east-1; not compared" in out
    assert err.startswith("note: the region is not compared: s3://acme-frames: cannot reach")


def test_status_of_a_bucket_that_v7_does_not_know_ends_in_4(status, darwin):
    darwin.storages.clear()
    code, out, _ = status("s3://acme-frames", "--storage", "")
    assert code == 4
    assert "ACT001  error: team acme has no storage of this bucket; it has: none" in out
    assert "v7s3 activation write" in out


def test_a_wait_whose_time_is_over_ends_in_4(status, darwin):
    darwin.storages.clear()
    code, out, _ = status("s3://acme-frames", "--storage", "", "--wait", "--timeout", "0s")
    assert code == 4
    assert "ACT001" in out


def test_a_wait_for_what_is_there_is_over_at_once(status):
    code, _, err = status("s3://acme-frames", "--storage", "acme-frames", "--wait")
    assert (code, err) == (0, "")


def test_a_timeout_that_is_no_time_is_a_usage_error(status):
    code, _, err = status("s3://acme-frames", "--wait", "--timeout", "tomorrow")
    assert code == 2
    assert "--timeout 'tomorrow' is not a time" in err


def test_a_wrong_key_is_named(status, monkeypatch):
    monkeypatch.setenv("V7_API_KEY", "wrong")
    code, out, err = status("s3://acme-frames")
    assert (code, out) == (3, "")
    assert "V7 does not let this API key list the storages of team 'acme': 401 NOT_AUTHENTICATED" in err
