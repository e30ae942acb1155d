"""`v7s3 doctor`'s options: which checks, how they are printed, what else it prints or writes."""

from __future__ import annotations

import io
import json
import os
import socket
import stat

import pytest

from doctor.conftest import BUCKET
from doctor.scenarios import OURS, World, three_faults
from v7s3.access.policy import PolicyDocument
from v7s3.doctor.probes import PROBES
from v7s3.doctor.sample import ROUNDS, WIDTH
from v7s3.sandbox import SandboxS3
from v7s3.sandbox.s3xml import S3Error


@pytest.fixture
def world(s3, bucket, darwin, owner, kms, environment, monkeypatch):
    return World(s3, bucket, darwin, owner, kms, monkeypatch)


def idents(out):
    return [check["id"] for check in json.loads(out)["checks"]]


# --- which checks ---------------------------------------------------------------------------------------------------
def test_only_makes_the_named_checks_and_what_they_depend_on(doctor, s3):
    code, out, _ = doctor("--only", "cors", "--only", "requester-pays", "--format", "json")
    assert (code, idents(out)) == (0, ["identity", "name", "bucket", "requester-pays", "cors"])
    assert s3.requests["operator", "s3:GetBucketPolicy"] == 0


def test_skip_leaves_checks_out_and_asks_what_depended_on_them(doctor, s3):
    code, out, _ = doctor("--skip", "identity,organisation,v7-side", "--format", "json")
    assert code == 0
    assert idents(out) == [p.ident for p in PROBES if p.ident not in ("identity", "organisation", "v7-side")]
    assert {check["status"] for check in json.loads(out)["checks"]} == {"ok"}


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_an_unknown_check_is_answered_with_the_nearest(doctor, option):
    code, out, err = doctor(option, "encrypton")
    assert (code, out) == (2, "")
    assert err == "error: there is no check 'encrypton'\n  next: did you mean encryption?\n"


def test_the_checks_are_listed_with_what_they_ask(v7s3):
    code, out, _ = v7s3("doctor", "--list-checks")
    assert code == 0
    assert "requester-pays  who pays for requests\n" in out
    assert "                  get_bucket_request_payment  (s3:GetBucketRequestPayment)\n" in out
    listed = json.loads(v7s3("doctor", "--list-checks", "--format", "json")[1])
    assert [check["id"] for check in listed["checks"]] == [probe.ident for probe in PROBES]


# --- the browser ------------------------------------------------------------------------------------------------------
DARWIN, APP = "https://darwin.v7labs.com", "https://app.example.com"


def line_of(check, out):
    return next(line for line in out.splitlines() if line[8:].startswith(f"{check} "))


def test_objects_are_counted_that_every_page_is_shown(doctor, s3):
    s3.allow_origin(BUCKET, DARWIN, APP)
    code, out, _ = doctor("--only", "cors-live", "--origin", DARWIN, "--origin", APP)
    assert code == 0
    assert line_of("cors-live", out).endswith(f"S3 lets {DARWIN} GET (200); a browser is shown 2 of 2 objects tried")


@pytest.mark.parametrize(
    ("refused", "shown"), [(("0", "2"), ""), (("2",), "; a browser is shown 1 of 2 objects tried")]
)
def test_an_object_that_was_refused_is_not_called_shown(doctor, monkeypatch, refused, shown):
    signed = SandboxS3._signed

    def refuse_browsers(self, request, bucket, key):
        if "origin" in request.headers and key in [f"raw/{name}.jpg" for name in refused]:
            raise S3Error(403, "AccessDenied", "not authorized to perform: kms:Decrypt")
        return signed(self, request, bucket, key)

    monkeypatch.setattr(SandboxS3, "_signed", refuse_browsers)
    code, out, _ = doctor("--only", "cors-live")
    assert code == 0
    assert line_of("cors-live", out) == (
        f"[skip]  cors-live  S3 lets {DARWIN} GET (200){shown}; not known: you are refused the object "
        "(GET is answered 403 AccessDenied (the CORS headers are right)), which says nothing about V7"
    )


def test_the_fix_names_every_page_that_was_asked_about_and_those_that_are_let_in(doctor, s3):
    s3.allow_origin(BUCKET, DARWIN)  # under our rule's name
    code, out, _ = doctor("--only", "cors,cors-live", "--origin", "https://staging.v7labs.com")
    fix = f"v7s3 cors apply s3://acme-scans --origin {DARWIN} --origin https://staging.v7labs.com"
    assert (code, out.count(f"fix   {fix}\n"), out.count("fix   v7s3 cors apply ")) == (1, 4, 4)
    assert f"Next: {fix}\n" in out


def test_the_fix_of_a_file_names_it_and_every_page(v7s3, folder):
    (folder / "my cors.json").write_text('[{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://x.example"]}]')
    options = ("--offline", "--cors-file", "my cors.json", "--only", "cors", "--origin", "https://staging.v7labs.com")
    code, out, _ = v7s3("doctor", "s3://acme-scans", *options)
    assert code == 1
    assert "fix   v7s3 cors write --merge 'my cors.json' --origin https://staging.v7labs.com\n" in out


def test_the_fix_of_a_file_that_was_piped_in_reads_it_from_a_pipe_too(v7s3, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[]")))
    code, out, _ = v7s3("doctor", "s3://acme-scans", "--offline", "--cors-file", "-", "--only", "cors")
    assert (code, "fix   v7s3 cors write --merge -\n" in out) == (1, True)


@pytest.mark.parametrize(("variable", "value"), [("AWS_CA_BUNDLE", "/nope"), ("ALL_PROXY", "socks://127.0.0.1:9")])
def test_an_environment_that_no_browser_could_use_is_no_bug_of_ours(doctor, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    _, out, _ = doctor("--only", "cors,cors-live")
    assert line_of("cors", out).startswith("[ok]")
    assert line_of("cors-live", out).startswith("[error]")
    assert "a bug in v7s3" not in out


# --- the objects ------------------------------------------------------------------------------------------------------
def test_tags_of_no_objects_are_not_known(doctor, world, owner):
    world.set_policy(
        {**OURS, "Condition": {"StringEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}},
    )
    for number in range(3):
        owner.delete_object(Bucket=BUCKET, Key=f"raw/{number}.jpg")
    _, out, _ = doctor("--only", "tags", target=f"s3://{BUCKET}")
    assert line_of("tags", out) == (
        "[skip]  tags      the policy looks at Scan; not known: whether objects have it: there is none to look at"
    )


# --- V7 ---------------------------------------------------------------------------------------------------------------
def test_a_storage_without_a_bucket_is_not_called_another_one(doctor, world):
    world.record(bucket="")
    code, out, _ = doctor("--only", "storage", "--storage", "")
    assert code == 0
    assert line_of("storage", out).startswith("[skip]  storage  V7 does not say the bucket of acme-scans")


# --- buckets that cannot be used --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("s3://acme.scans", "BKT002"),
        ("s3://acme--euw1-az1--x-s3/raw", "BKT003"),
        ("s3://acme-alias-s3alias", "BKT003"),
        ("s3://Acme_Scans", "BKT001"),
    ],
)
def test_a_name_that_v7_cannot_use_is_found_without_asking(doctor, s3, target, rule):
    code, out, _ = doctor("--offline", target=target)
    assert code == 1
    assert f"    {rule}  error: " in out
    assert s3.requests.total() == 0
    code, out, _ = doctor(target=target)
    assert code == 1
    assert "[skip]  policy          not asked: name comes first\n" in out


def test_a_bucket_that_does_not_exist_ends_in_4(doctor):
    code, out, _ = doctor(target="s3://acme-scams")
    assert code == 4
    assert "[FAIL]  bucket          s3://acme-scams: not found (404)\n    BKT004  error: " in out
    assert "[skip]  policy          not asked: bucket comes first\n" in out
    assert "[skip]  cors-live       not asked: bucket comes first\n" in out


@pytest.mark.parametrize(("target", "words"), [("", "which bucket?"), ("acme-scans", "write s3://acme-scans")])
def test_what_is_no_bucket_is_answered_with_what_to_write(doctor, target, words):
    code, out, err = doctor(target=target)
    assert (code, out) == (2, "")
    assert words in err


# --- servers that are not there -----------------------------------------------------------------------------------------
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_an_s3_that_cannot_be_reached_holds_v7_up_in_nothing(doctor):
    code, out, _ = doctor("--endpoint-url", closed_port())
    assert code == 1
    assert "[skip]  identity        AWS: cannot reach " in out
    assert "[error] bucket          s3://acme-scans: cannot reach " in out
    assert "[skip]  policy          not asked: bucket comes first\n" in out
    assert "[ok]    storage         acme-scans: acme-scans, eu-west-1, read-write, writes to darwin\n" in out
    assert "a bug in v7s3" not in out


def test_a_v7_that_cannot_be_reached_holds_aws_up_in_nothing(doctor):
    code, out, _ = doctor("--darwin-url", closed_port(), "--skip", "dataset,storage")
    assert code == 1
    assert "[error] v7-key          http://127.0.0.1:" in out
    assert "PutObject on raw/* (read-write assumed)\n" in out
    assert "[ok]    cors-live       S3 lets https://darwin.v7labs.com GET (200)" in out


# --- offline ----------------------------------------------------------------------------------------------------------
def test_offline_it_reads_the_files_and_asks_nobody(doctor, s3, darwin, tmp_path):
    policy, cors = tmp_path / "policy.json", tmp_path / "cors.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [{**OURS, "Action": "s3:GetObject"}]}))
    cors.write_text('[{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://darwin.v7labs.com"]}]')
    code, out, _ = doctor("--offline", "--policy-file", policy, "--cors-file", cors, "--format", "json")
    assert code == 1
    status = {check["id"]: check["status"] for check in json.loads(out)["checks"]}
    assert {ident for ident, value in status.items() if value != "skip"} == {"name", "policy", "public-access", "cors"}
    assert (status["policy"], status["public-access"]) == ("fail", "ok")
    assert s3.requests.total() + darwin.requests.total() == 0


@pytest.mark.parametrize("more", [("--canary", "--yes"), ("--bundle", "bundle.json")])
def test_what_needs_the_network_is_not_left_out_in_silence(doctor, more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = doctor("--offline", *more)
    assert (code, out, "need the network" in err) == (2, "", True)


def test_a_wrong_secret_key_is_said_once(doctor, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    code, out, err = doctor()
    assert code == 3
    assert "[FAIL]  identity        AWS refuses the signature" in out
    assert "[error]" not in out
    assert "wJalr" not in out + err


def test_no_permission_is_asked_for_where_nobody_answered(doctor, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    _, out, _ = doctor("--endpoint-url", "http://127.0.0.1:9")
    assert "[error] bucket" in out
    assert "--permissions" not in out


def test_files_are_for_offline(doctor, tmp_path):
    code, _, err = doctor("--policy-file", tmp_path / "policy.json")
    assert (code, "--offline" in err) == (2, True)


# --- formats ----------------------------------------------------------------------------------------------------------
def test_warnings_count_when_they_are_asked_to(doctor, s3):
    s3.allow_origin(BUCKET, "*")
    assert doctor()[0] == 0
    assert doctor("--fail-level", "warning")[0] == 1


def test_github_gets_annotations_and_the_summary_page(world, doctor, monkeypatch, tmp_path):
    three_faults(world)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    code, out, _ = doctor("--format", "github")
    assert code == 1
    assert [line.partition("title=")[2][:6] for line in out.splitlines() if line.startswith("::error ")] == [
        *("POL105", "ENC002", "COR030", "COR040", "COR042")
    ]
    assert "| encryption | **FAIL** |" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_markdown_is_a_table_with_what_to_do(world, doctor):
    three_faults(world)
    _, out, _ = doctor("--format", "markdown")
    assert out.startswith("### v7s3: `s3://acme-scans/raw`\n\nv7s3 <version> · AWS <account> as user/operator ")
    assert "| cors | **FAIL** | the bucket has no CORS configuration |\n" in out
    assert "- v7s3 cors apply s3://acme-scans\n" in out


def test_v_shows_calls_permissions_and_what_cannot_be_seen(doctor):
    _, out, _ = doctor("-v")
    assert "          asked get_bucket_cors (needs s3:GetBucketCORS)\n" in out
    assert "          access: V7's storage acme-scans\n" in out
    assert "          V7's role needs rights of its own for this bucket and key: if all else is green, " in out


# --- permissions ------------------------------------------------------------------------------------------------------
def test_permissions_are_a_policy_that_has_what_every_check_needs(v7s3):
    code, out, _ = v7s3("doctor", "s3://acme-scans/raw/", "--permissions")
    policy = PolicyDocument.parse(
        {**json.loads(out), "Statement": [{**s, "Principal": "*"} for s in json.loads(out)["Statement"]]}
    )
    granted = {action for statement in policy.statements for action in statement.actions}
    assert (code, granted) == (0, {action for probe in PROBES for action in probe.permissions})
    assert {resource for statement in policy.statements for resource in statement.resources} == {
        *("arn:aws:s3:::acme-scans", "arn:aws:s3:::acme-scans/raw/*", "*")
    }


def test_permissions_of_another_command(v7s3):
    code, out, _ = v7s3("doctor", "s3://acme-scans", "--permissions", "--command", "cors apply")
    assert (code, json.loads(out)["Statement"]) == (
        0,
        [
            {
                "Sid": "V7s3Bucket",
                "Effect": "Allow",
                "Action": ["s3:GetBucketCORS", "s3:GetBucketTagging", "s3:PutBucketCORS"],
                "Resource": "arn:aws:s3:::acme-scans",
            }
        ],
    )


def test_permissions_of_a_command_that_does_not_exist(v7s3):
    code, _, err = v7s3("doctor", "s3://acme-scans", "--permissions", "--command", "registers")
    assert (code, err) == (
        2,
        "error: no permissions are known for 'registers'\n  next: did you mean --command 'register'?\n",
    )


def test_an_operator_with_these_permissions_is_denied_nothing(doctor, s3):
    """What the checks ask beyond their own list of permissions would be refused here."""
    listed = {action for probe in PROBES for action in probe.permissions}
    doctor()
    asked = {action for who, action in s3.requests if who == "operator"}
    assert asked - listed == {"sts:GetCallerIdentity"}


# --- secrets, bundle --------------------------------------------------------------------------------------------------
def test_the_bundle_has_findings_and_request_ids_and_no_names_of_objects(world, doctor, tmp_path, s3):
    three_faults(world)
    path = tmp_path / "bundle.json"
    path.write_text("old")
    code, _, err = doctor("--bundle", path)
    text = path.read_text(encoding="utf-8")
    bundle = json.loads(text)
    assert (code, err) == (1, f"bundle: {path}, without names of objects\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "raw/2.jpg" not in text
    assert ".jpg" not in text
    assert "such as object-3: kms:Decrypt denied" in text
    assert bundle["version"] == 1
    assert {"v7s3", "python", "platform", "packages", "heading", "report", "requests"} <= bundle.keys()
    # Not in the bundle: the two GETs of a browser, and the question that S3 sent to another region.
    assert len(bundle["requests"]) == sum(n for (who, _), n in s3.requests.items() if who == "operator") - 3
    assert all(each["request_id"] for each in bundle["requests"])


def test_the_bundle_keeps_names_when_it_is_asked_to(world, doctor, tmp_path):
    three_faults(world)
    doctor("--bundle", tmp_path / "bundle.json", "--with-keys")
    assert "such as raw/2.jpg" in (tmp_path / "bundle.json").read_text(encoding="utf-8")


def test_secrets_appear_nowhere(world, doctor, tmp_path, s3):
    three_faults(world)
    path = tmp_path / "bundle.json"
    printed = ""
    for form in ("text", "json", "github", "markdown", "junit"):
        _, out, err = doctor("--format", form, "-v", "--bundle", path, "--with-keys")
        printed += out + err + path.read_text(encoding="utf-8")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in printed
    assert os.environ["V7_API_KEY"].partition(".")[2] not in printed
    assert "X-Amz-Signature" not in printed


# --- how much is asked ------------------------------------------------------------------------------------------------
def test_a_bucket_of_many_objects_is_sampled_beyond_its_first_page(doctor, s3, owner):
    s3.put_many(BUCKET, ((f"raw/{n:05d}.jpg", 10) for n in range(5000)))
    for number in range(2000, 5000):
        s3.store.key(BUCKET, f"raw/{number:05d}.jpg")._storage_class = "GLACIER"
    code, out, _ = doctor("--only", "archive,objects", "--sample", "10")
    assert code == 1
    assert "objects looked at are archived" in out
    assert "10 of many objects looked at" in out
    assert s3.requests["operator", "s3:GetObject"] == 10
    assert s3.requests["operator", "s3:ListBucket"] <= 4 + ROUNDS * WIDTH


def test_what_v7_and_v7s3_wrote_is_no_sample_of_what_people_upload(doctor, s3):
    s3.put_many(BUCKET, ((f"darwin/{n:03}.png", 10) for n in range(200)))
    s3.put_many(BUCKET, ((f"v7s3/{n:03}.jpg", 10) for n in range(200)))
    _, out, _ = doctor("--only", "objects", target=f"s3://{BUCKET}")
    assert line_of("objects", out).endswith("3 of 3 objects looked at, none of them odd")
    _, out, _ = doctor("--only", "objects", target=f"s3://{BUCKET}/darwin/")
    assert "20 of 200 objects looked at" in out


def test_each_question_is_put_once(doctor, s3):
    doctor()
    asked = {action: count for (who, action), count in s3.requests.items() if who == "operator"}
    assert asked.pop("s3:GetObject") == 5  # three HeadObject, two GETs of a browser
    assert asked.pop("s3:ListBucket") == 4  # HeadBucket, sent on to its region, with its owner; one listing
    assert set(asked.values()) == {1}
