"""`v7s3 explain` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys

from v7s3.catalogue import RULES


def test_one_finding_is_explained_offline(v7s3):
    code, out, err = v7s3("explain", "pab001")
    assert out == (
        "PAB001  Block Public Access shuts V7 out  (error)\n"
        "\n"
        "  why     RestrictPublicBuckets is on and one statement makes the whole policy public: S3 then lets\n"
        "          in only AWS services and the bucket's own account, although the statement for V7's role is\n"
        "          right\n"
        "  fix     restrict the public statement to principals or fixed values, or delete it\n"
        "  verify  v7s3 doctor s3://BUCKET/PREFIX --only public-access\n"
        "  source  https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html\n"
    )
    assert (code, err) == (0, "")


def test_several_findings_as_json(v7s3):
    code, out, _ = v7s3("explain", "ENC002", "COR030", "--format", "json")
    document = json.loads(out)
    assert (code, document["version"]) == (0, 1)
    assert [rule["id"] for rule in document["rules"]] == ["ENC002", "COR030"]
    assert all(rule[name] for rule in document["rules"] for name in ("title", "why", "fix", "verify", "source"))


def test_quietly_only_the_fix_is_said(v7s3):
    code, out, _ = v7s3("explain", "POL003", "-q")
    assert (code, out) == (0, "POL003  delete the comma\n")


def test_the_list_has_every_finding_on_a_line(v7s3):
    code, out, _ = v7s3("explain", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(RULES)


def test_an_unknown_finding_is_answered_with_the_nearest(v7s3):
    code, out, err = v7s3("explain", "POL1O2")
    assert (code, out) == (2, "")
    assert err.startswith("error: there is no finding 'POL1O2'\n  next: did you mean POL1")


def test_what_is_no_finding_at_all_is_answered_with_the_list(v7s3):
    code, _, err = v7s3("explain", "?")
    assert code == 2
    assert "v7s3 explain --list" in err


def test_nothing_asked_is_answered_with_what_to_give(v7s3):
    code, _, err = v7s3("explain")
    assert (code, err) == (2, "error: explain what?\n  next: give an ID such as POL102, or --list\n")


def test_explaining_loads_no_network_library():
    script = "import sys; from v7s3.cli.app import main; main(['explain', '--list']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert not any(f"'{name}'" in loaded for name in ("boto3", "httpx", "pydantic", "rich"))
