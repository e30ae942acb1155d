"""`v7s3 policy` as it is typed: offline on files, and against the sandbox's S3 over HTTP."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
import typer
import yaml

from v7s3.sandbox import SandboxS3

ROLE = "arn:aws:iam::258327614892:role/external_s3"
GUIDE = {
    "Version": "2012-10-17",
    "Id": "PolicyForExternalAccess",
    "Statement": [
        {
            "Sid": "DarwinAccess",
            "Effect": "Allow",
            "Principal": {"AWS": ROLE},
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": "arn:aws:s3:::frames/*",
        }
    ],
}
OURS = GUIDE["Statement"][0]
THEIRS = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::frames/*",
}
OFFICE = {
    "Sid": "Office",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::frames/*",
    "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
}
PUBLIC = {**THEIRS, "Sid": "Web", "Principal": "*"}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def written(content, name="policy.json"):
        Path(name).write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
        return name

    return written


# --- check, offline -------------------------------------------------------------------------------------------------


def test_check_of_the_guides_policy(v7s3, file):
    code, out, err = v7s3("policy", "check", "--policy-file", file(GUIDE), "--bucket", "frames")
    assert out == (
        "arn:aws:iam::258327614892:role/external_s3, read-write on frames; assumed: aws:SecureTransport=true\n"
        "\n"
        "[ok]    policy         S3 would store this document\n"
        "[ok]    policy-read    s3:GetObject on frames/* allowed: statement 1 (DarwinAccess) allows it\n"
        "[ok]    policy-write   s3:PutObject on frames/* allowed: statement 1 (DarwinAccess) allows it\n"
        "[ok]    policy-public  no statement is public\n"
        "[ok]    policy-scope   V7 is allowed no more than it needs\n"
        "\n"
        "All checks passed.\n"
    )
    assert (code, err) == (0, "")


def test_check_names_what_is_wrong_with_line_why_and_fix(v7s3, file):
    broken = {**OURS, "Action": ["s3:GetObjct", "s3:PutObject"]}
    code, out, _ = v7s3("policy", "check", "--policy-file", file(policy(broken)))
    assert code == 1
    assert out == (
        "arn:aws:iam::258327614892:role/external_s3, read-write on frames; assumed: aws:SecureTransport=true\n"
        "\n"
        "[FAIL]  policy         1 finding\n"
        "    POL030  error: policy.json:11:9 /Statement/0/Action/0 (DarwinAccess): S3 has no action "
        '"s3:GetObjct"; did you mean "s3:GetObject"?\n'
        '          why   S3 refuses the document: "Policy has invalid action".\n'
        '          fix   "s3:GetObject"\n'
        "[FAIL]  policy-read    s3:GetObject on frames/* denied: no statement allows it\n"
        "    POL102  error: policy.json:10:7 /Statement/0/Action (DarwinAccess): s3:GetObject on frames/*: statement 1 "
        "(DarwinAccess) is for V7's role, but does not apply (Action: s3:GetObject is not listed)\n"
        "          why   V7's role belongs to another AWS account: what no Allow statement of the bucket policy covers is"
        " denied.\n"
        "          fix   v7s3 policy write s3://frames --merge policy.json\n"
        "[warn]  policy-write   s3:PutObject on frames/* allowed: statement 1 (DarwinAccess) allows it, once S3 stores the"
        " document\n"
        "[ok]    policy-public  no statement is public\n"
        "[ok]    policy-scope   V7 is allowed no more than it needs\n"
        "\n"
        "2 failures, 1 warning.\n"
        "Next: v7s3 policy write s3://frames --merge policy.json\n"
    )


def test_check_annotates_the_file_for_github(v7s3, file):
    arguments = ("policy", "check", "--policy-file", file(policy(OURS, OFFICE)), "--access", "read-only")
    code, out, _ = v7s3(*arguments, "--format", "github")
    assert code == 1
    first, second, *checks = out.splitlines()
    assert first.startswith(
        "::error title=POL104 whether V7's role is let in depends on something this document does not say,"
        "file=policy.json,line=24,col=11::/Statement/1/Condition/NotIpAddress/aws:SourceIp (Office): s3:GetObject:"
    )
    assert second.startswith(
        "::warning title=POL112 V7 is allowed more than it needs,file=policy.json,line=10,col=7::/Statement/0/Action"
    )
    assert [line.split(":")[0] for line in checks] == [
        "ok    policy",
        "fail  policy-read",
        "ok    policy-public",
        "warn  policy-scope",
    ]


def test_check_in_json_and_markdown(v7s3, file):
    name = file("")
    code, out, _ = v7s3("policy", "check", "--policy-file", name, "--bucket", "frames", "--format", "json")
    document = json.loads(out)
    assert (code, document["version"], document["subject"]) == (1, 1, "policy.json")
    assert document["checks"][0]["findings"][0]["location"] == {
        "document": "policy.json",
        "pointer": "",
        "name": "",
        "line": 1,
        "column": 1,
    }
    _, out, _ = v7s3("policy", "check", "--policy-file", name, "--bucket", "frames", "--format", "markdown")
    assert out.startswith("### v7s3: `policy.json`\n")


def test_check_reads_standard_input(v7s3, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(GUIDE).encode())))
    assert v7s3("policy", "check", "--policy-file", "-")[0] == 0


def test_check_takes_what_is_known_about_the_request(v7s3, file):
    arguments = ("policy", "check", "--policy-file", file(policy(OURS, OFFICE)))
    assert v7s3(*arguments)[0] == 1
    code, out, _ = v7s3(*arguments, "--context", "aws:SourceIp=192.0.2.7")
    assert code == 0
    assert "assumed: aws:SecureTransport=true, aws:SourceIp=192.0.2.7" in out
    assert v7s3(*arguments, "--absent", "aws:sourceip")[0] == 1


def test_https_is_an_assumption_that_can_be_taken_back(v7s3, file):
    only_tls = {**OURS, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    arguments = ("policy", "check", "--policy-file", file(policy(only_tls)))
    assert v7s3(*arguments)[0] == 0
    assert v7s3(*arguments, "--context", "aws:securetransport=false")[0] == 1


def test_a_policy_with_a_date_is_held_against_the_clock(v7s3, file):
    def until(date):
        return policy({**OURS, "Condition": {"DateLessThan": {"aws:CurrentTime": date}}})

    assert v7s3("policy", "check", "--policy-file", file(until("2999-01-01T00:00:00Z")))[0] == 0
    assert v7s3("policy", "check", "--policy-file", file(until("2001-01-01T00:00:00Z")))[0] == 1


def test_the_fail_level_decides_about_warnings(v7s3, file):
    arguments = ("policy", "check", "--policy-file", file(policy({**OURS, "Action": "s3:*"})))
    assert v7s3(*arguments)[0] == 0
    assert v7s3(*arguments, "--fail-level", "warning")[0] == 1


@pytest.mark.parametrize("form", ["text", "json", "github", "markdown", "junit"])
def test_every_format_calls_failed_what_ends_with_exit_code_1(v7s3, file, form):
    arguments = ("policy", "check", "--policy-file", file(GUIDE), "--prefix", "raw", "--format", form)
    code, out, _ = v7s3(*arguments)
    assert (code, "FAIL" in out, '"fail"' in out, "fail  policy-scope" in out, "<failure" in out) == (0, *[False] * 4)
    code, out, _ = v7s3(*arguments, "--fail-level", "info")
    failed = {
        "text": "[FAIL]  policy-scope",
        "json": '"status": "fail"',
        "github": "fail  policy-scope",
        "markdown": "| policy-scope | **FAIL** |",
        "junit": '<failure message="V7 is allowed more than it needs" type="POL113">',
    }
    assert (code, failed[form] in out, "All checks passed" in out) == (1, True, False)


@pytest.mark.parametrize("form", ["text", "json", "github", "markdown", "junit"])
def test_a_file_is_mended_in_the_file_and_not_in_the_bucket(v7s3, file, form):
    name = file(policy(THEIRS), "our policy.json")
    _, out, _ = v7s3("policy", "check", "--policy-file", name, "--bucket", "frames", "--list", "--format", form)
    assert "v7s3 policy write s3://frames --merge 'our policy.json' --list" in out
    assert "policy apply" not in out


def test_what_is_read_from_standard_input_is_mended_from_there(v7s3, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(policy(THEIRS)).encode())))
    _, out, _ = v7s3("policy", "check", "--policy-file", "-", "--bucket", "frames", "--access", "read-only")
    assert out.endswith("Next: v7s3 policy write s3://frames --merge - --access read-only\n")


def test_where_v7_writes_is_not_guessed_in_what_is_advised(v7s3, file):
    asked = ("policy", "check", "--policy-file", file(GUIDE), "--prefix", "raw")
    code, out, _ = v7s3(*asked)
    assert code == 0
    assert "read-write on frames; assumed: V7 writes to raw/, aws:SecureTransport=true\n" in out
    assert "statement 1 (DarwinAccess) covers the whole bucket, not only raw/ and where V7 writes\n" in out
    assert (
        "          fix   v7s3 policy write s3://frames/raw --merge policy.json --write-prefix PREFIX\n"
        "                PREFIX is where V7 writes, its storage's prefix:"
    ) in out
    _, out, _ = v7s3(*asked, "--write-prefix", "darwin")
    assert "fix   v7s3 policy write s3://frames/raw --merge policy.json --write-prefix darwin/\n" in out
    assert "V7 writes to" not in out


def test_a_document_that_names_no_bucket_is_still_linted(v7s3, file):
    code, out, _ = v7s3("policy", "check", "--policy-file", file("{"))
    assert code == 1
    assert "[skip]  policy-read  not asked: it does not name one bucket; give it with --bucket" in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["check"], "which policy?"),
        (["check", "--policy-file", "missing.json"], "missing.json cannot be read: No such file or directory"),
        (["check", "s3://frames", "--bucket", "other"], "the bucket is 'frames' in the URL and 'other' in --bucket"),
        (["check", "s3://frames/a", "--prefix", "b"], "the prefix is 'a' in the URL and 'b' in --prefix"),
        (["check", "--policy-file", "p", "--context", "x"], "--context x has no value"),
        (["write"], "which bucket?"),
        (["write", "s3://Frames"], "'Frames' has upper-case letters; bucket names are lower-case"),
        (["write", "--bucket", "a"], "'a' has not between 3 and 63 characters, as bucket names must"),
        (
            ["write", "s3://acme.scans"],
            "'acme.scans' holds a dot, so that https://BUCKET.s3.amazonaws.com fails its certificate check",
        ),
        (["write", "s3://frames/a*"], "the prefix 'a*' holds a wildcard or a variable"),
        (
            ["write", "s3://frames", "--access", "read-only", "--write-prefix", "darwin"],
            "a write prefix makes no sense with read-only access",
        ),
        (["write", "--kms", "alias/scans"], "--kms alias/scans: an alias is looked up in the caller's own account"),
        (["write", "--kms", "alias/aws/s3"], "--kms alias/aws/s3: the policy of the AWS-managed key aws/s3 cannot"),
        (["explain", "--policy-file", "p"], "which resource?"),
        (["explain", "--policy-file", "p", "--resource", "frames"], "the resource 'frames' is no ARN"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(v7s3, file, arguments, message):
    file(policy(), "p")
    code, out, err = v7s3("policy", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert "\n  next: " in err


# --- write ----------------------------------------------------------------------------------------------------------


def test_write_prints_the_guides_policy(v7s3):
    code, out, err = v7s3("policy", "write", "s3://your-s3-bucket-name")
    assert (code, err) == (0, "")
    assert out == (
        "{\n"
        '  "Version": "2012-10-17",\n'
        '  "Id": "PolicyForExternalAccess",\n'
        '  "Statement": [\n'
        "    {\n"
        '      "Sid": "DarwinAccess",\n'
        '      "Effect": "Allow",\n'
        '      "Principal": {\n'
        '        "AWS": "arn:aws:iam::258327614892:role/external_s3"\n'
        "      },\n"
        '      "Action": ["s3:GetObject", "s3:PutObject"],\n'
        '      "Resource": "arn:aws:s3:::your-s3-bucket-name/*"\n'
        "    }\n"
        "  ]\n"
        "}\n"
    )


def test_write_read_only_is_the_guides_single_action(v7s3):
    _, out, _ = v7s3("policy", "write", "--bucket", "frames", "--access", "read-only")
    assert json.loads(out) == {**GUIDE, "Statement": [{**OURS, "Action": "s3:GetObject"}]}


def test_write_narrows_to_prefixes_and_lists_in_a_statement_of_its_own(v7s3):
    _, out, _ = v7s3("policy", "write", "s3://frames/raw", "--write-prefix", "/darwin/", "--list")
    assert [(each["Sid"], each["Action"], each["Resource"]) for each in json.loads(out)["Statement"]] == [
        ("DarwinAccess", "s3:GetObject", ["arn:aws:s3:::frames/raw/*", "arn:aws:s3:::frames/darwin/*"]),
        ("DarwinWriteAccess", "s3:PutObject", "arn:aws:s3:::frames/darwin/*"),
        ("DarwinListAccess", "s3:ListBucket", "arn:aws:s3:::frames"),
    ]


def test_write_for_terraform(v7s3):
    _, out, _ = v7s3("policy", "write", "s3://frames", "--format", "terraform")
    assert out == (
        'resource "aws_s3_bucket_policy" "v7_darwin" {\n'
        '  bucket = "frames"\n'
        "  policy = jsonencode({\n"
        '    Version   = "2012-10-17"\n'
        '    Id        = "PolicyForExternalAccess"\n'
        "    Statement = [\n"
        "      {\n"
        '        Sid       = "DarwinAccess"\n'
        '        Effect    = "Allow"\n'
        "        Principal = {\n"
        '          AWS = "arn:aws:iam::258327614892:role/external_s3"\n'
        "        }\n"
        '        Action    = ["s3:GetObject", "s3:PutObject"]\n'
        '        Resource  = "arn:aws:s3:::frames/*"\n'
        "      },\n"
        "    ]\n"
        "  })\n"
        "}\n"
    )


def test_terraform_takes_policy_variables_and_keys_as_text(v7s3, file):
    statement = {
        **THEIRS,
        "Resource": "arn:aws:s3:::frames/${aws:username}/*",
        "Condition": {"StringLike": {"aws:PrincipalTag/team": ["%{x}", 'a"b']}},
    }
    _, out, _ = v7s3("policy", "write", "s3://frames", "--merge", file(policy(statement)), "--format", "terraform")
    assert 'Resource  = "arn:aws:s3:::frames/$${aws:username}/*"' in out
    assert '"aws:PrincipalTag/team" = ["%%{x}", "a\\"b"]' in out


def test_write_for_cloudformation(v7s3):
    _, out, _ = v7s3("policy", "write", "s3://frames", "--format", "cloudformation")
    assert out == (
        "Resources:\n"
        "  V7DarwinBucketPolicy:\n"
        "    Type: AWS::S3::BucketPolicy\n"
        "    Properties:\n"
        '      Bucket: "frames"\n'
        "      PolicyDocument:\n"
        '        Version: "2012-10-17"\n'
        '        Id: "PolicyForExternalAccess"\n'
        "        Statement:\n"
        '          - Sid: "DarwinAccess"\n'
        '            Effect: "Allow"\n'
        "            Principal:\n"
        '              AWS: "arn:aws:iam::258327614892:role/external_s3"\n'
        "            Action:\n"
        '              - "s3:GetObject"\n'
        '              - "s3:PutObject"\n'
        '            Resource: "arn:aws:s3:::frames/*"\n'
    )


def test_cloudformation_holds_the_very_document(v7s3, file):
    name = file(policy(OFFICE, {**THEIRS, "Sid": "a: b # c", "Condition": {}}))
    _, out, _ = v7s3("policy", "write", "s3://frames", "--merge", name, "--format", "cloudformation")
    document = yaml.safe_load(out)["Resources"]["V7DarwinBucketPolicy"]["Properties"]["PolicyDocument"]
    _, out, _ = v7s3("policy", "write", "s3://frames", "--merge", name)
    assert document == json.loads(out)


def test_write_merges_byte_for_byte(v7s3, file):
    text = '{"Version":"2012-10-17",\n  "Statement" : [ \n' + json.dumps(OFFICE) + "\n] }\n"
    _, out, _ = v7s3("policy", "write", "s3://frames", "--merge", file(text))
    assert out == text.replace("\n] }", f",\n{json.dumps(OURS)}\n] }}")
    assert v7s3("policy", "write", "s3://frames", "--merge", file(out))[1] == out


def test_write_refuses_to_merge_into_a_broken_document(v7s3, file):
    code, out, err = v7s3("policy", "write", "s3://frames", "--merge", file('{"Statement": [],}'))
    assert (code, out) == (2, "")
    assert err.startswith("error: policy.json cannot be merged as it is: ")
    assert "\n  next: `v7s3 policy check --policy-file policy.json` shows" in err


def test_write_warns_of_a_merged_policy_that_s3_would_refuse(v7s3, file):
    deleted = {**OFFICE, "Principal": {"AWS": "AROAIOSFODNN7EXAMPLE2"}}
    code, out, err = v7s3("policy", "write", "s3://frames", "--merge", file(policy(deleted)))
    assert (code, json.loads(out)["Statement"][-1]["Sid"]) == (0, "DarwinAccess")
    assert err.startswith("warning: S3 would refuse this: POL022 AROAIOSFODNN7EXAMPLE2 is what AWS left of a principal")
    assert "\n  next: put the ARN of the role that exists now in its place" in err


def test_a_file_that_cannot_be_merged_is_named_so_that_a_shell_takes_it(v7s3, file):
    _, _, err = v7s3("policy", "write", "s3://frames", "--merge", file("{", "our policy.json"))
    assert "`v7s3 policy check --policy-file 'our policy.json'` shows" in err


def test_write_warns_of_what_v7_would_lose(v7s3, file):
    code, out, err = v7s3("policy", "write", "s3://frames/raw", "--merge", file(GUIDE))
    assert (code, json.loads(out)["Statement"][0]["Resource"]) == (0, "arn:aws:s3:::frames/raw/*")
    assert err.splitlines() == LOST
    assert v7s3("policy", "write", "s3://frames", "--merge", file(GUIDE))[2] == ""


LOST = [
    "warning: V7 may read frames/* now, and would only frames/raw/*",
    "warning: V7 may write frames/* now, and would only frames/raw/*",
    "  if V7's storage has another prefix, say it with --write-prefix: it is not looked up",
]


def test_write_prints_the_statement_for_a_key(v7s3):
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    code, out, err = v7s3("policy", "write", "--kms", key)
    assert code == 0
    assert json.loads(out) == {
        "Sid": "DarwinKeyAccess",
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
    }
    assert f"aws kms get-key-policy --key-id {key}" in err
    _, out, _ = v7s3("policy", "write", "--kms", key, "--access", "read-only", "--format", "cloudformation")
    assert yaml.safe_load(out)[0]["Action"] == "kms:Decrypt"


# --- explain --------------------------------------------------------------------------------------------------------


def test_explain_shows_every_statement_with_its_elements(v7s3, file):
    arguments = ("--policy-file", file(policy(OURS, THEIRS, OFFICE)), "--resource", "s3://frames/raw/1.jpg")
    code, out, err = v7s3("policy", "explain", *arguments)
    assert (code, err) == (1, "")
    assert out == (
        "depends on aws:SourceIp: statement 3 (Office)\n"
        "\n"
        "principal  arn:aws:iam::258327614892:role/external_s3\n"
        "action     s3:GetObject\n"
        "resource   arn:aws:s3:::frames/raw/1.jpg\n"
        "context    aws:SecureTransport=true\n"
        "\n"
        "statement 1 (DarwinAccess): Allow, applies\n"
        "  yes   Principal    arn:aws:iam::258327614892:role/external_s3: the caller by name\n"
        "  yes   Action       s3:GetObject is listed\n"
        "  yes   Resource     arn:aws:s3:::frames/*: arn:aws:s3:::frames/raw/1.jpg is covered\n"
        "\n"
        "statement 2 (Theirs): Allow, does not apply (Principal: not arn:aws:iam::258327614892:role/external_s3)\n"
        "\n"
        "statement 3 (Office): Deny, may apply\n"
        "  yes   Principal    *: everybody\n"
        "  yes   Action       s3:*: s3:GetObject is listed\n"
        "  yes   Resource     arn:aws:s3:::frames/*: arn:aws:s3:::frames/raw/1.jpg is covered\n"
        "  open  Condition    NotIpAddress aws:SourceIp 192.0.2.0/24: aws:SourceIp is not known\n"
        "\n"
        "allowed when  aws:SourceIp is 192.0.2.0\n"
        "denied when   aws:SourceIp is 203.0.113.1\n"
    )


def test_explain_serves_any_principal_and_action(v7s3, file):
    arguments = ("--policy-file", file(policy(OURS, THEIRS)), "--principal", "arn:aws:iam::111122223333:role/ml")
    code, out, _ = v7s3("policy", "explain", *arguments, "-q")
    assert (code, out) == (0, "allowed: statement 2 (Theirs) allows it\n")
    assert v7s3("policy", "explain", *arguments, "--action", "s3:PutObject", "-q")[0] == 1


@pytest.mark.parametrize(
    ("action", "remark"),
    [
        ("s3:GetObjct", "warning: S3 has no action s3:GetObjct; did you mean s3:GetObject?\n"),
        ("s3:Nothing", "warning: S3 has no action s3:Nothing\n"),
        (
            "s3:HeadObject",
            "warning: s3:HeadObject is a request and no action; the action that S3 checks for it is s3:GetObject\n",
        ),
        ("S3:getobject", ""),
        ("kms:Decrypt", ""),
    ],
)
def test_explain_says_that_there_is_no_such_action(v7s3, file, action, remark):
    _, out, err = v7s3("policy", "explain", "--policy-file", file(policy(OURS)), "--action", action, "-q")
    assert (err, out.partition(":")[0]) == (remark, "allowed" if action == "S3:getobject" else "denied")


def test_explain_in_json(v7s3, file):
    arguments = (
        "--policy-file",
        file(policy(OURS)),
        "--action",
        "s3:DeleteObject",
        "--context",
        "aws:SourceIp=1.2.3.4",
    )
    code, out, _ = v7s3("policy", "explain", *arguments, "--format", "json")
    document = json.loads(out)
    assert code == 1
    assert document["effect"] == "denied"
    assert document["request"] == {
        "principal": ROLE,
        "action": "s3:DeleteObject",
        "resource": "arn:aws:s3:::frames/*",
        "context": {"aws:SecureTransport": "true", "aws:SourceIp": "1.2.3.4"},
    }
    (statement,) = document["statements"]
    assert (statement["sid"], statement["applies"]) == ("DarwinAccess", "false")
    assert [(each["name"], each["holds"]) for each in statement["elements"]] == [
        ("Principal", "true"),
        ("Action", "false"),
        ("Resource", "true"),
    ]


# --- a live bucket ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with SandboxS3() as running:
        running.make_bucket("frames")
        yield running
        assert running.errors == []


@pytest.fixture
def s3(server, monkeypatch):
    """The running server as new: no policy, nothing denied, nothing counted."""
    as_user(monkeypatch, server, "owner")
    server.client().delete_bucket_policy(Bucket="frames")
    server.client().delete_bucket_tagging(Bucket="frames")
    server.client().delete_public_access_block(Bucket="frames")
    server.deny.clear()
    server.requests.clear()
    return server


def as_user(monkeypatch, server, identity):
    for name, value in server.environment(identity).items():
        monkeypatch.setenv(name, value)


def put(server, document):
    server.client().put_bucket_policy(Bucket="frames", Policy=json.dumps(document))


def stored(server):
    return json.loads(server.client().get_bucket_policy(Bucket="frames")["Policy"])


def writes(server):
    return server.requests["owner", "s3:PutBucketPolicy"] + server.requests["operator", "s3:PutBucketPolicy"]


def backup_in(err):
    return Path(next(line for line in err.splitlines() if line.startswith("backup: ")).removeprefix("backup: "))


def test_check_of_a_live_bucket(v7s3, s3):
    code, out, _ = v7s3("policy", "check", "s3://frames")
    assert code == 1
    assert "[FAIL]  policy  frames has no bucket policy" in out
    assert out.endswith("Next: v7s3 policy apply s3://frames\n")
    put(s3, GUIDE)
    assert v7s3("policy", "check", "s3://frames")[0] == 0
    assert v7s3("policy", "explain", "s3://frames", "-q")[1] == "allowed: statement 1 (DarwinAccess) allows it\n"


def test_check_without_the_right_to_read_the_policy_is_no_verdict(v7s3, s3, monkeypatch):
    as_user(monkeypatch, s3, "operator")
    s3.deny.add("s3:GetBucketPolicy")
    code, out, err = v7s3("policy", "check", "s3://frames")
    assert (code, out) == (3, "")
    assert "s3:GetBucketPolicy" in err


def test_a_bucket_that_does_not_exist_is_not_found(v7s3, s3):
    assert v7s3("policy", "check", "s3://no-such-bucket")[0] == 4


def test_check_sees_block_public_access(v7s3, s3):
    put(s3, policy(OURS, PUBLIC))
    assert v7s3("policy", "check", "s3://frames")[0] == 0  # not known to be on: a warning
    block(s3, RestrictPublicBuckets=True)
    code, out, _ = v7s3("policy", "check", "s3://frames")
    assert code == 1
    assert "POL114  error: /Statement/1 (Web): statement 2 (Web) is public" in out


def block(server, **settings):
    whole = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)
    server.client().put_public_access_block(Bucket="frames", PublicAccessBlockConfiguration={**whole, **settings})


def test_apply_to_a_bucket_without_a_policy(v7s3, s3):
    code, out, err = v7s3("policy", "apply", "s3://frames", "--yes")
    assert code == 0
    assert stored(s3) == GUIDE
    assert out.splitlines()[:3] == [
        "--- bucket policy of frames, as it is",
        "+++ bucket policy of frames, as it will be",
        "@@ -0,0 +1,18 @@",
    ]
    assert "Written and read back: the bucket policy of frames.\n" in out
    assert out.endswith("All checks passed.\n")
    backup = backup_in(err)
    assert backup.read_text() == "null"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_apply_leaves_everybody_elses_statements(v7s3, s3):
    put(s3, policy(THEIRS))
    code, out, _ = v7s3("policy", "apply", "s3://frames", "--yes")
    assert code == 0
    assert stored(s3) == policy(THEIRS, OURS)
    assert [line for line in out.splitlines() if line.startswith("-")] == ["--- bucket policy of frames, as it is"]


def test_applying_again_writes_nothing(v7s3, s3):
    v7s3("policy", "apply", "s3://frames", "--yes")
    s3.requests.clear()
    code, out, err = v7s3("policy", "apply", "s3://frames")
    assert code == 0
    assert out.startswith("The bucket policy of frames is as it should be; nothing to do.\n")
    assert "backup" not in err
    assert writes(s3) == 0


@pytest.mark.parametrize(
    "beside",
    [
        THEIRS,
        {**THEIRS, "Sid": "DarwinAccess"},
        {**OURS, "Principal": {"AWS": "arn:aws:iam::258327614892:root"}},
        {**OURS, "Resource": "arn:aws:s3:::frames/raw/*"},
    ],
)
def test_a_policy_that_lets_v7_in_by_other_words_is_enough(v7s3, s3, beside):
    put(s3, policy({**OURS, "Sid": "Ours"}, beside))
    s3.requests.clear()
    assert v7s3("policy", "apply", "s3://frames")[0] == 0
    assert writes(s3) == 0


def test_a_dry_run_shows_the_difference_and_writes_nothing(v7s3, s3, tmp_path):
    put(s3, policy(THEIRS))
    s3.requests.clear()
    code, out, err = v7s3("policy", "apply", "s3://frames", "--dry-run")
    assert code == 0
    assert '+      "Sid": "DarwinAccess",' in out
    assert "Dry run: nothing was written." in out
    assert "backup" not in err
    assert writes(s3) == 0


def test_without_a_terminal_apply_wants_to_be_told(v7s3, s3):
    code, _, err = v7s3("policy", "apply", "s3://frames")
    assert code == 2
    assert "`--yes` writes without asking" in err
    assert v7s3("policy", "apply", "s3://frames", "--format", "json")[0] == 2
    assert writes(s3) == 0


def asked(monkeypatch, answer):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", answer)


def test_saying_no_writes_nothing(v7s3, s3, monkeypatch):
    asked(monkeypatch, lambda *_, **__: False)
    code, _, err = v7s3("policy", "apply", "s3://frames")
    assert code == 130
    assert "nothing was written" in err
    assert writes(s3) == 0


def test_a_change_while_the_question_stands_ends_in_6(v7s3, s3, monkeypatch):
    def answer_while_somebody_else_writes(*_, **__):
        put(s3, policy(OFFICE))
        return True

    put(s3, policy(THEIRS))
    asked(monkeypatch, answer_while_somebody_else_writes)
    code, _, err = v7s3("policy", "apply", "s3://frames")
    assert code == 6
    assert "the bucket policy of frames changed since it was read; nothing was written" in err
    assert stored(s3) == policy(OFFICE)


def test_a_write_that_is_refused_leaves_the_backup_and_says_so(v7s3, s3, monkeypatch):
    put(s3, policy(THEIRS))
    as_user(monkeypatch, s3, "operator")
    s3.deny.add("s3:PutBucketPolicy")
    code, _, err = v7s3("policy", "apply", "s3://frames", "--yes")
    assert code == 3
    backup = backup_in(err)
    assert json.loads(backup.read_text()) == policy(THEIRS)
    assert f"`--restore {backup}` puts it back" in err
    assert stored(s3) == policy(THEIRS)


def test_a_read_that_is_refused_writes_nothing(v7s3, s3, monkeypatch):
    as_user(monkeypatch, s3, "operator")
    s3.deny.add("s3:GetBucketPolicy")
    assert v7s3("policy", "apply", "s3://frames", "--yes")[0] == 3
    assert writes(s3) == 0


@pytest.mark.parametrize("before", [None, policy(THEIRS)])
def test_restore_puts_back_what_there_was(v7s3, s3, before):
    if before is not None:
        put(s3, before)
    backup = backup_in(v7s3("policy", "apply", "s3://frames", "--yes")[2])
    code, _, err = v7s3("policy", "apply", "s3://frames", "--yes", "--restore", backup)
    assert code == 0
    assert json.loads(backup_in(err).read_text())["Statement"][-1] == OURS
    if before is None:
        with pytest.raises(s3.client().exceptions.ClientError, match="NoSuchBucketPolicy"):
            stored(s3)
    else:
        assert stored(s3) == before
    assert v7s3("policy", "apply", "s3://frames", "--restore", backup)[0] == 0


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--action", "s3:*", "is not one action"),
        ("--action", "GetObject", "is not one action"),
        ("--action", "", "is not one action"),
        ("--principal", "bob", "is nobody who can ask"),
        ("--principal", "", "is nobody who can ask"),
        ("--absent", "", "names no key"),
    ],
)
def test_a_question_that_nobody_can_ask_gets_no_verdict(v7s3, file, option, value, words):
    code, out, err = v7s3("policy", "explain", "--policy-file", file(policy(OURS)), option, value)
    assert (code, out) == (2, "")
    assert words in err


def test_a_star_inside_a_key_is_no_question_about_many(v7s3, file):
    asked = ("policy", "explain", "--policy-file", file(policy(OURS)), "--resource")
    _, _, err = v7s3(*asked, "s3://frames/*.jpg")
    assert err.startswith("warning: only a * at the end asks for every key; within s3://frames/*.jpg it is")
    assert v7s3(*asked, "s3://frames/raw/*")[2] == ""


def test_restoring_what_is_no_policy_is_refused(v7s3, s3, file):
    code, _, err = v7s3("policy", "apply", "s3://frames", "--yes", "--restore", file({"CORSRules": []}))
    assert code == 2
    assert "S3 would refuse the new policy: POL004" in err
    assert writes(s3) == 0


def test_apply_says_when_v7_is_still_kept_out(v7s3, s3):
    put(s3, policy(OFFICE))
    code, out, _ = v7s3("policy", "apply", "s3://frames", "--yes")
    assert code == 1
    assert stored(s3) == policy(OFFICE, OURS)
    assert "POL104" in out


def test_apply_narrows_a_statement_that_is_ours(v7s3, s3):
    put(s3, GUIDE)
    code, _, _ = v7s3("policy", "apply", "s3://frames", "--access", "read-only", "--yes")
    assert code == 0
    assert stored(s3)["Statement"] == [{**OURS, "Action": "s3:GetObject"}]


def test_a_denial_with_our_sid_is_not_enough_whatever_stands_beside_it(v7s3, s3):
    put(s3, policy({**OURS, "Sid": "Ours"}, {**OURS, "Effect": "Deny"}))
    assert v7s3("policy", "apply", "s3://frames", "--yes")[0] == 0
    assert stored(s3) == policy({**OURS, "Sid": "Ours"}, OURS)


def test_apply_says_beforehand_what_v7_would_lose(v7s3, s3):
    put(s3, policy(OURS, {**OURS, "Sid": "List", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::frames"}))
    _, _, err = v7s3("policy", "apply", "s3://frames/raw", "--dry-run")
    assert err.splitlines() == LOST
    _, _, err = v7s3("policy", "apply", "s3://frames/raw", "--write-prefix", "darwin", "--dry-run")
    assert err.splitlines() == [
        "warning: V7 may read frames/* now, and would only frames/raw/* and frames/darwin/*",
        "warning: V7 may write frames/* now, and would only frames/darwin/*",
    ]
    _, _, err = v7s3("policy", "apply", "s3://frames", "--access", "read-only", "--dry-run")
    assert err == "warning: V7 may write frames/* now, and could no longer afterwards\n"
    assert v7s3("policy", "apply", "s3://frames", "--dry-run")[2] == ""


def test_apply_says_beforehand_what_v7_would_lose_by_what_is_restored(v7s3, s3, file):
    put(s3, policy(THEIRS))
    backup = backup_in(v7s3("policy", "apply", "s3://frames", "--yes")[2])
    _, _, err = v7s3("policy", "apply", "s3://frames", "--dry-run", "--restore", backup)
    assert err == (
        "warning: V7 may read frames/* now, and could no longer afterwards\n"
        "warning: V7 may write frames/* now, and could no longer afterwards\n"
    )


def test_apply_says_beforehand_that_block_public_access_will_refuse(v7s3, s3):
    put(s3, policy(PUBLIC))
    block(s3, BlockPublicPolicy=True)
    _, _, err = v7s3("policy", "apply", "s3://frames", "--dry-run")
    assert "warning: S3 will refuse this: Block Public Access (BlockPublicPolicy) is on, and statement 1 (Web)" in err


@pytest.mark.parametrize(
    "tag, owner",
    [
        ({"Key": "ManagedBy", "Value": "Terraform"}, "Terraform (tag ManagedBy=Terraform)"),
        ({"Key": "team", "Value": "imaging"}, None),
    ],
)
def test_apply_warns_when_a_tool_owns_the_bucket(v7s3, s3, tag, owner):
    s3.client().put_bucket_tagging(Bucket="frames", Tagging={"TagSet": [tag]})
    _, _, err = v7s3("policy", "apply", "s3://frames", "--dry-run")
    warned = f"warning: the bucket is managed by {owner}: its next run may undo this change" in err
    assert warned == (owner is not None)


def test_apply_in_json(v7s3, s3):
    code, out, err = v7s3("policy", "apply", "s3://frames", "--yes", "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert (document["version"], document["bucket"], document["outcome"]) == (1, "frames", "written")
    assert document["backup"] == str(backup_in(err))
    assert document["before"] is None
    assert json.loads(document["after"]) == GUIDE
    assert {check["status"] for check in document["check"]["checks"]} == {"ok"}
