"""`v7s3 cors` as it is typed, offline and against the sandbox's S3 over HTTP."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
import typer

from v7s3.sandbox import SandboxS3
from v7s3.sandbox.serving import Response

DARWIN = "https://darwin.v7labs.com"
GUIDE = {"AllowedHeaders": ["*"], "AllowedMethods": ["GET"], "AllowedOrigins": [DARWIN], "ExposeHeaders": []}
EVERYBODY = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
MINE = {"ID": "v7-darwin", "AllowedHeaders": ["*"], "AllowedMethods": ["GET"], "AllowedOrigins": [DARWIN]}


def environment_of(monkeypatch, server, identity="owner"):
    for name, value in server.environment(identity).items():
        monkeypatch.setenv(name, value)


class ForgetfulS3(SandboxS3):
    """An S3 whose hosts have not heard of a change yet: `forgets` makes every preflight find no configuration.

    `in_its_place`, by the request's method, is what a browser is answered by something that stands before it.
    """

    forgets = False

    def __init__(self):
        self.in_its_place = {}
        super().__init__()

    def _answer(self, request):
        if "origin" in request.headers and request.method in self.in_its_place:
            return self.in_its_place[request.method]
        if self.forgets and request.method == "OPTIONS":
            self.configuration("frames").cors = None
        return super()._answer(request)


@pytest.fixture(scope="module")
def server():
    with ForgetfulS3() as running:
        running.make_bucket("frames")
        running.put("frames", "raw/", b"")
        running.put("frames", "raw/1.jpg", b"picture")
        running.put("frames", "raw/empty.jpg", b"")
        running.make_bucket("empty")
        running.make_bucket("more")
        running.put("more", "a.jpg", b"x")
        running.put("more", "other/ä +%.jpg", b"x")
        yield running
        assert running.errors == []


@pytest.fixture
def s3(server, monkeypatch):
    """The running server as new: no configuration, nothing denied, nothing counted."""
    environment_of(monkeypatch, server)
    server.configuration("frames").cors = None
    server.forgets = False
    server.in_its_place.clear()
    server.deny.clear()
    server.requests.clear()
    return server


def put(server, *rules):
    server.client().put_bucket_cors(Bucket="frames", CORSConfiguration={"CORSRules": list(rules)})


def stored(server):
    return server.client().get_bucket_cors(Bucket="frames")["CORSRules"]


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def written(content, name="cors.json"):
        text = content if isinstance(content, str) else json.dumps(content, indent=2)
        Path(name).write_text(text, encoding="utf-8")
        return name

    return written


# --- check, offline -------------------------------------------------------------------------------------------------


def test_the_guides_rule_passes(v7s3, file):
    assert v7s3("cors", "check", "--cors-file", file([GUIDE])) == (
        0,
        f"[ok]    cors  the console's list, 1 rule: {DARWIN} may GET (rule 0)\n\nAll checks passed.\n",
        "",
    )


def test_a_slip_is_named_with_its_place_and_what_differs(v7s3, file):
    code, out, err = v7s3("cors", "check", "--cors-file", file([{**GUIDE, "AllowedOrigins": [f"{DARWIN}/"]}]))
    assert (code, err) == (1, "")
    assert out == (
        f"[FAIL]  cors  the console's list, 1 rule: {DARWIN} may not GET\n"
        f"    COR031  error: cors.json:10:7 /0/AllowedOrigins/0: {DARWIN} may not GET; nearest is"
        f" '{DARWIN}/': a slash at the end\n"
        "          why   S3 compares scheme, host and port letter by letter. Without a match it serves the picture"
        " without CORS headers and the browser throws it away.\n"
        "          fix   v7s3 cors write --merge cors.json\n"
        "\n"
        "1 failure.\n"
        "Next: v7s3 cors write --merge cors.json\n"
    )


def test_an_unreadable_document_fails_with_line_and_column(v7s3, file):
    code, out, _ = v7s3("cors", "check", "--cors-file", file('[\n  {"AllowedMethods": GET}\n]'))
    assert code == 1
    assert "[FAIL]  cors  not a CORS configuration: nothing could be checked\n" in out
    assert "COR001  error: cors.json:2:22: " in out


def test_standard_input_is_read(v7s3, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps({"CORSRules": [GUIDE]}).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    code, out, _ = v7s3("cors", "check", "--cors-file", "-")
    assert (code, out.splitlines()[0]) == (
        0,
        f'[ok]    cors  the API\'s {{"CORSRules": […]}}, 1 rule: {DARWIN} may GET (rule 0)',
    )


def test_every_origin_is_checked(v7s3, file):
    code, out, _ = v7s3(
        "cors", "check", "--cors-file", file([GUIDE]), "--origin", DARWIN, "--origin", "http://localhost:3000"
    )
    assert code == 1
    assert f"{DARWIN} may GET (rule 0), http://localhost:3000 may not GET" in out
    assert f"fix   v7s3 cors write --merge cors.json --origin {DARWIN} --origin http://localhost:3000\n" in out


def test_the_fix_of_a_file_names_it_as_the_shell_does_and_keeps_what_our_rule_lets_in(v7s3, file):
    name = file([MINE], "my cors.json")
    _, out, _ = v7s3("cors", "check", "--cors-file", name, "--origin", "https://app.example.com")
    fix = f"v7s3 cors write --merge 'my cors.json' --origin {DARWIN} --origin https://app.example.com"
    assert out.endswith(f"Next: {fix}\n")
    code, merged, err = v7s3(*shlex.split(fix)[1:])
    assert (code, err) == (0, "")
    assert json.loads(merged)[0]["AllowedOrigins"] == [DARWIN, "https://app.example.com"]


def test_a_warning_does_not_fail(v7s3, file):
    code, out, _ = v7s3("cors", "check", "--cors-file", file([EVERYBODY]))
    assert code == 0
    assert out.startswith("[warn]  cors  ")
    assert "COR034" in out
    assert "COR036" in out


def test_a_file_beside_a_bucket_needs_no_credentials(v7s3, file, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, _ = v7s3("cors", "check", "s3://frames", "--cors-file", file([{**GUIDE, "AllowedMethods": ["PUT"]}]))
    assert code == 1
    assert out.endswith("Next: v7s3 cors apply s3://frames\n")


@pytest.mark.parametrize("form", ["json", "github", "markdown"])
def test_the_other_formats_say_the_same(v7s3, file, form):
    code, out, _ = v7s3("cors", "check", "--cors-file", file([]), "--format", form)
    assert code == 1
    assert "COR008" in out
    assert "COR030" in out
    if form == "json":
        report = json.loads(out)
        assert report["version"] == 1
        assert report["checks"][0]["status"] == "fail"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no bucket to look at"),
        (("--live", "--cors-file", "x"), "there is no bucket to look at"),
        (("--cors-file", "absent.json"), "absent.json cannot be read"),
        (("--cors-file", "absent.json", "--origin", f"{DARWIN}/"), "--origin https://darwin.v7labs.com/: "),
        (("--cors-file", "absent.json", "--origin", "darwin.v7labs.com"), "scheme://host[:port]"),
        (("s3:/frames",), "s3:/frames"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(v7s3, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = v7s3("cors", "check", *arguments)
    assert (code, out) == (2, "")
    assert message in err


# --- check, live ----------------------------------------------------------------------------------------------------


def test_a_bucket_without_cors_fails_three_times_and_says_what_each_means(v7s3, s3):
    code, out, err = v7s3("cors", "check", "s3://frames", "--live")
    assert (code, err) == (1, "")
    lines = [line for line in out.splitlines() if not line.startswith("          ")]
    assert lines == [
        "[FAIL]  cors       the bucket has no CORS configuration",
        f"    COR030  error: pages on {DARWIN} are shown nothing",
        f"[FAIL]  preflight  S3 refuses {DARWIN} (403)",
        f"    COR040  error: ({DARWIN}): S3 answers 403: CORSResponse: CORS is not enabled for this bucket.",
        f"[FAIL]  get        a browser on {DARWIN} does not show raw/1.jpg (206)",
        (
            f"    COR042  error: s3://frames/raw/1.jpg ({DARWIN}): the object arrives, but Access-Control-Allow-Origin is"
            " missing"
        ),
        "",
        "3 failures.",
        "Next: v7s3 cors apply s3://frames",
    ]


def test_the_guides_rule_passes_live(v7s3, s3):
    put(s3, GUIDE)
    assert v7s3("cors", "check", "s3://frames/raw/1.jpg", "--live") == (
        0,
        (
            f"[ok]    cors       1 rule: {DARWIN} may GET (rule 0)\n"
            f"[ok]    preflight  S3 lets {DARWIN} GET (200)\n"
            f"[ok]    get        a browser on {DARWIN} shows raw/1.jpg (206)\n"
            "\n"
            "All checks passed.\n"
        ),
        "",
    )


def test_not_allowed_is_told_from_not_enabled(v7s3, s3):
    put(s3, {**GUIDE, "AllowedMethods": ["PUT"]})
    code, out, _ = v7s3("cors", "check", "s3://frames", "--live")
    assert code == 1
    assert "COR032" in out
    assert "COR041" in out
    assert "COR040" not in out


def test_no_permission_is_told_from_cors(v7s3, s3, monkeypatch):
    put(s3, GUIDE)
    s3.deny.add("s3:GetObject")
    environment_of(monkeypatch, s3, "operator")
    code, out, _ = v7s3("cors", "check", "s3://frames/raw/1.jpg", "--live")
    assert code == 0
    assert "[warn]  get        raw/1.jpg was not served (403), so nothing was shown" in out
    assert "COR043  warning: s3://frames/raw/1.jpg (https://darwin.v7labs.com): GET is answered 403 AccessDenied" in out
    assert "fix   v7s3 policy check s3://frames" in out


def test_a_key_that_does_not_exist_is_no_cors_fault(v7s3, s3):
    put(s3, GUIDE)
    code, out, _ = v7s3("cors", "check", "s3://frames/raw/2.jpg", "--live")
    assert code == 1
    assert "[error] get        there is no object s3://frames/raw/2.jpg" in out
    assert "case-sensitive" in out


def test_without_credentials_the_preflight_still_tells(v7s3, s3, monkeypatch):
    put(s3, GUIDE)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, _ = v7s3("cors", "check", "s3://frames", "--live")
    assert code == 0
    assert out == (
        "[skip]  cors       the configuration was not read: there are no AWS credentials\n"
        f"[ok]    preflight  S3 lets {DARWIN} GET (200)\n"
        "[skip]  get        a presigned GET needs AWS credentials: there are no AWS credentials\n"
        "\n"
        "2 not checked.\n"
    )
    assert v7s3("cors", "check", "s3://frames")[0] == 3


def test_a_configuration_that_may_not_be_read_is_skipped_live_and_an_error_else(v7s3, s3, monkeypatch):
    put(s3, GUIDE)
    s3.deny |= {"s3:GetBucketCORS", "s3:ListBucket"}
    environment_of(monkeypatch, s3, "operator")
    code, out, _ = v7s3("cors", "check", "s3://frames", "--live")
    assert code == 0
    assert "[skip]  cors       the configuration was not read: " in out
    assert "[ok]    preflight  " in out
    assert "[skip]  get        no object is known: " in out
    code, out, err = v7s3("cors", "check", "s3://frames")
    assert (code, out) == (3, "")
    assert "s3:GetBucketCORS" in err


def test_an_empty_bucket_has_nothing_to_get(v7s3, s3):
    _, out, _ = v7s3("cors", "check", "s3://empty", "--live")
    assert "[skip]  get        there is no object below s3://empty/ to ask for" in out


def test_an_empty_object_is_served_too(v7s3, s3):
    put(s3, GUIDE)
    code, out, _ = v7s3("cors", "check", "s3://frames/raw/empty.jpg", "--live")
    assert code == 0
    assert "shows raw/empty.jpg" in out


def test_a_prefix_is_asked_for_its_first_object(v7s3, s3):
    s3.client().put_bucket_cors(Bucket="more", CORSConfiguration={"CORSRules": [GUIDE]})
    assert "shows other/ä +%.jpg (206)" in v7s3("cors", "check", "s3://more/other/", "--live")[1]
    assert "shows a.jpg (206)" in v7s3("cors", "check", "s3://more", "--live")[1]


def test_only_the_first_byte_of_an_object_is_read(v7s3, s3):
    put(s3, GUIDE)
    v7s3("cors", "check", "s3://frames/raw/1.jpg", "--live")
    assert s3.requests["owner", "s3:GetObject"] == 1


def test_a_bucket_that_answers_otherwise_than_the_file_is_a_finding_of_its_own(v7s3, s3, file):
    put(s3, GUIDE)
    code, out, _ = v7s3("cors", "check", "s3://frames", "--live", "--cors-file", file([EVERYBODY]))
    assert code == 0
    assert "COR045  warning: (https://darwin.v7labs.com): preflight request: by the configuration rule 0" in out
    assert f"answers *, the endpoint answers {DARWIN}" in out
    put(s3, EVERYBODY)
    code, out, _ = v7s3(
        "cors", "check", "s3://frames", "--live", "--cors-file", file([{**GUIDE, "AllowedMethods": ["PUT"]}])
    )
    assert code == 1
    assert "by the configuration no rule lets the origin in, the endpoint answers *" in out


@pytest.mark.parametrize("credentials", [True, False])
def test_a_bucket_that_does_not_exist_ends_in_4(v7s3, s3, monkeypatch, credentials):
    if not credentials:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert v7s3("cors", "check", "s3://absent", "--live")[0] == 4


def test_an_endpoint_that_cannot_be_reached_is_an_error_and_never_ok(v7s3, s3, monkeypatch, file):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    code, out, _ = v7s3(
        "cors", "check", "s3://frames/k", "--live", "--cors-file", file([GUIDE]), "--endpoint-url", "http://127.0.0.1:9"
    )
    assert code == 1
    assert "[error] preflight  127.0.0.1:9 cannot be asked: ConnectError: " in out
    assert "[error] get        127.0.0.1:9 cannot be asked: ConnectError: " in out


PAGE = b"<!doctype html><html>login</html>"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Response(200, PAGE, {"Content-Type": "text/html", "Access-Control-Allow-Origin": "*"}),
            "200 with a web page: a login, a proxy or a filter answers in S3's place",
        ),
        (Response(403, b"<html>blocked</html>", {"Content-Type": "text/html"}), "403 with a web page"),
        (Response(302, b"", {"Location": "https://login.example/"}), "302 and sends on to login.example"),
        (Response(407, b"", {}), "407: a proxy asks who you are"),
        (Response(429, b"", {}), "429; ask again later"),
        (
            Response(301, b"<Error><Code>PermanentRedirect</Code></Error>", {"x-amz-bucket-region": "eu-west-1"}),
            "301 PermanentRedirect: the bucket is in eu-west-1; add --region eu-west-1",
        ),
    ],
)
def test_what_answers_in_the_place_of_s3_gives_no_verdict(v7s3, s3, answer, words):
    put(s3, GUIDE)
    s3.in_its_place |= {"OPTIONS": answer, "GET": answer}
    code, out, _ = v7s3("cors", "check", "s3://frames/raw/1.jpg", "--live")
    assert code == 1
    assert out.startswith("[ok]    cors ")
    assert f"[error] preflight  the endpoint answered {words}" in out
    assert f"[error] get        the endpoint answered {words}" in out
    assert "COR0" not in out
    assert "cors apply" not in out


def test_a_bucket_that_a_preflight_does_not_find_ends_in_4(v7s3, s3):
    put(s3, GUIDE)
    s3.in_its_place["OPTIONS"] = Response(404, b"<Error><Code>NoSuchBucket</Code></Error>")
    assert v7s3("cors", "check", "s3://frames/raw/1.jpg", "--live")[0] == 4


UNUSABLE = [
    ("AWS_CA_BUNDLE", "/nope", "the certificates of AWS_CA_BUNDLE cannot be read: "),
    ("ALL_PROXY", "socks://127.0.0.1:9", "the proxy in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) cannot be"),
    ("ALL_PROXY", "socks5h://127.0.0.1:9", "the proxy in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) cannot"),
]


@pytest.mark.parametrize(("variable", "value", "words"), UNUSABLE)
def test_an_environment_that_no_browser_could_use_does_not_hide_the_other_checks(
    v7s3, s3, monkeypatch, variable, value, words
):
    put(s3, GUIDE)
    monkeypatch.setenv(variable, value)
    code, out, err = v7s3("cors", "check", "s3://frames/raw/1.jpg", "--live")
    assert (code, err) == (1, "")
    assert out.startswith("[ok]    cors ")
    assert f"[error] preflight  {words}" in out
    assert f"[error] get        {words}" in out


@pytest.mark.parametrize(("variable", "value", "words"), UNUSABLE)
def test_what_was_written_is_said_although_no_browser_could_ask(v7s3, s3, monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    code, out, _ = v7s3("cors", "apply", "s3://frames", "--yes", "--format", "json")
    told = json.loads(out)
    assert (code, told["outcome"]) == (1, "written")
    assert [(check["status"], check["summary"].startswith(words)) for check in told["live"]["checks"]] == [
        ("error", True)
    ]
    assert stored(s3) == [MINE]


@pytest.mark.parametrize("more", [0, 1000])
def test_folder_markers_are_passed_over_and_what_lies_behind_one_page_is_not_denied(v7s3, s3, more):
    bucket = f"markers-{more}"
    s3.make_bucket(bucket)
    s3.put_many(bucket, [(f"a/{number:04}/", 0) for number in range(150 + more)])
    s3.put(bucket, "z.jpg", b"x")
    _, out, _ = v7s3("cors", "check", f"s3://{bucket}", "--live")
    assert ("does not show z.jpg" in out) == (not more)
    assert ("the first 1000 keys below s3://markers-1000/ are folder markers, not objects" in out) == bool(more)


def test_curl_lines_are_printed_without_a_signature(v7s3, s3):
    put(s3, GUIDE)
    code, out, _ = v7s3("cors", "check", "s3://frames", "--show-curl", "--endpoint-url", s3.url)
    assert code == 0
    assert out.splitlines()[-2:] == [
        f"curl -si -X OPTIONS -H 'Origin: {DARWIN}' -H 'Access-Control-Request-Method: GET' {s3.url}/frames/raw/1.jpg",
        (
            f"curl -s -D - -o /dev/null -r 0-0 -H 'Origin: {DARWIN}' "
            f'"$(aws s3 presign s3://frames/raw/1.jpg --expires-in 300 --endpoint-url {s3.url})"'
        ),
    ]
    assert "X-Amz-" not in out


def test_json_stays_json_beside_curl_lines(v7s3, s3):
    put(s3, GUIDE)
    _, out, err = v7s3("cors", "check", "s3://frames", "--live", "--show-curl", "--format", "json")
    assert json.loads(out)["summary"] == {"ok": 3}
    assert err.startswith("curl ")


# --- write ----------------------------------------------------------------------------------------------------------

CONSOLE = """[
    {
        "AllowedHeaders": [
            "*"
        ],
        "AllowedMethods": [
            "GET"
        ],
        "AllowedOrigins": [
            "https://darwin.v7labs.com"
        ],
        "ExposeHeaders": []
    }
]
"""

TERRAFORM = """# This resource owns the bucket's whole CORS configuration: a rule that is not in it is deleted.
resource "aws_s3_bucket_cors_configuration" "v7_darwin" {
  bucket = "frames"

  cors_rule {
    allowed_headers = ["*"]
    allowed_methods = ["GET"]
    allowed_origins = ["https://darwin.v7labs.com"]
    expose_headers  = []
  }
}
"""

CLOUDFORMATION = """# Among the Resources of the template that made the bucket.
Bucket:
  Type: AWS::S3::Bucket
  Properties:
    BucketName: "BUCKET"
    CorsConfiguration:
      CorsRules:
        - AllowedHeaders: ["*"]
          AllowedMethods: ["GET"]
          AllowedOrigins: ["https://darwin.v7labs.com"]
          ExposedHeaders: []
          MaxAge: 600
"""

XML = """<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <CORSRule>
    <AllowedHeader>*</AllowedHeader>
    <AllowedMethod>GET</AllowedMethod>
    <AllowedOrigin>https://darwin.v7labs.com</AllowedOrigin>
  </CORSRule>
</CORSConfiguration>
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), CONSOLE),
        (("--format", "console"), CONSOLE),
        (("s3://frames", "--format", "terraform"), TERRAFORM),
        (("--format", "cloudformation", "--max-age", "600"), CLOUDFORMATION),
        (("--format", "xml"), XML),
    ],
)
def test_write_prints_what_the_guide_shows(v7s3, arguments, expected):
    assert v7s3("cors", "write", *arguments) == (0, expected, "")


def test_write_in_the_apis_form_is_accepted_by_s3(v7s3, s3):
    _, out, _ = v7s3(
        "cors", "write", "--format", "api", "--max-age", "60", "--origin", DARWIN, "--origin", "http://a.b"
    )
    s3.client().put_bucket_cors(Bucket="frames", CORSConfiguration=json.loads(out))
    assert stored(s3) == [
        {
            "AllowedHeaders": ["*"],
            "AllowedMethods": ["GET"],
            "AllowedOrigins": [DARWIN, "http://a.b"],
            "MaxAgeSeconds": 60,
        }
    ]


def test_merge_keeps_the_files_own_form_and_bytes(v7s3, file):
    text = '{ "CORSRules" : [\n\t{"AllowedOrigins":["*"] , "AllowedMethods": ["PUT"]}\n] }'
    code, out, _ = v7s3("cors", "write", "--merge", file(text))
    assert code == 0
    assert out == text.replace(
        "]}\n]", ']},\n\t{"ID": "v7-darwin", "AllowedHeaders": ["*"], "AllowedMethods": ["GET"], '
        f'"AllowedOrigins": ["{DARWIN}"], "ExposeHeaders": []}}\n]'
    ) + "\n"  # fmt: skip


def test_merging_twice_adds_nothing(v7s3, file):
    text = json.dumps([GUIDE])
    assert v7s3("cors", "write", "--merge", file(text)) == (
        0,
        f"{text}\n",
        f"cors.json lets {DARWIN} in already; nothing was added\n",
    )


def test_merge_says_whom_our_rule_will_no_longer_let_in(v7s3, file):
    text = json.dumps([{**MINE, "AllowedOrigins": [DARWIN, "https://*.acme.example"]}])
    code, _, err = v7s3("cors", "write", "--merge", file(text), "--origin", "https://app.example.com")
    assert (code, err) == (
        0,
        (
            f"warning: the rule v7-darwin will no longer let {DARWIN} and https://*.acme.example in\n"
            f"  to keep what it lets in, add --origin {DARWIN}\n"
        ),
    )


def test_merge_can_change_the_form(v7s3, file):
    code, out, _ = v7s3("cors", "write", "--merge", file(XML, "old.xml"), "--format", "console")
    assert (code, out) == (0, CONSOLE)


def test_merge_refuses_a_file_it_does_not_understand(v7s3, file):
    code, out, err = v7s3("cors", "write", "--merge", file('[{"AllowedMethods": ["GET"],}]'))
    assert (code, out) == (2, "")
    assert "cors.json cannot be merged as it is: a comma before '}'; delete it (line 1)" in err
    assert "v7s3 cors check --cors-file cors.json" in err


def test_merge_warns_of_a_configuration_that_s3_would_refuse(v7s3, file):
    text = json.dumps([{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["https://a.example"]}])
    code, out, err = v7s3("cors", "write", "--merge", file(text))
    assert (code, len(json.loads(out))) == (0, 2)
    assert err.startswith(
        "warning: S3 would refuse this: COR009 S3 does not know the method 'PATCH' (line 1)\n  next: "
    )


# --- apply ----------------------------------------------------------------------------------------------------------


def test_apply_writes_reads_back_asks_a_browsers_question_and_is_idempotent(v7s3, s3):
    code, out, err = v7s3("cors", "apply", "s3://frames", "--yes")
    assert code == 0
    assert stored(s3) == [MINE]
    assert out.endswith(
        "Written and read back: the CORS configuration of frames.\n"
        f"[ok]    preflight  S3 lets {DARWIN} GET (200)\n"
        "\n"
        "All checks passed.\n"
    )
    assert err.startswith("backup: ")
    assert json.loads(Path(err.removeprefix("backup: ").strip()).read_text()) is None

    code, out, err = v7s3("cors", "apply", "s3://frames", "--yes")
    assert (code, err) == (0, "")
    assert out.startswith("The CORS configuration of frames is as it should be; nothing to do.\n")
    assert s3.requests["owner", "s3:PutBucketCORS"] == 1


def test_apply_leaves_other_rules_and_stands_where_it_takes_effect(v7s3, s3):
    uploads = {"ID": "uploads", "AllowedMethods": ["PUT"], "AllowedOrigins": [DARWIN], "MaxAgeSeconds": 9}
    put(s3, uploads, EVERYBODY)
    assert v7s3("cors", "apply", "s3://frames", "--yes")[0] == 0
    assert stored(s3) == [uploads, MINE, EVERYBODY]


def test_apply_changes_its_own_rule_when_asked_for_more(v7s3, s3):
    put(s3, MINE, EVERYBODY)
    v7s3("cors", "apply", "s3://frames", "--yes", "--max-age", "60", "--origin", DARWIN, "--origin", "http://a.b:1")
    assert stored(s3) == [{**MINE, "AllowedOrigins": [DARWIN, "http://a.b:1"], "MaxAgeSeconds": 60}, EVERYBODY]


def test_the_fix_that_is_offered_keeps_what_our_rule_lets_in(v7s3, s3):
    put(s3, MINE)
    _, out, _ = v7s3("cors", "check", "s3://frames", "--live", "--origin", "https://app.example.com")
    fix = f"v7s3 cors apply s3://frames --origin {DARWIN} --origin https://app.example.com"
    assert out.count(f"fix   {fix}\n") == 3
    assert out.endswith(f"Next: {fix}\n")
    code, _, err = v7s3(*fix.split()[1:], "--yes")
    assert (code, "warning" in err) == (0, False)
    assert stored(s3) == [{**MINE, "AllowedOrigins": [DARWIN, "https://app.example.com"]}]


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"], ["--yes", "--format", "json"]])
def test_apply_says_whom_our_rule_will_no_longer_let_in(v7s3, s3, more):
    put(s3, MINE)
    code, _, err = v7s3("cors", "apply", "s3://frames", "--origin", "https://app.example.com", *more)
    assert code == 0
    assert err.startswith(
        f"warning: the rule v7-darwin will no longer let {DARWIN} in\n"
        f"  to keep what it lets in, add --origin {DARWIN}\n"
    )


def test_apply_is_content_with_the_guides_rule_pasted_by_hand(v7s3, s3):
    put(s3, GUIDE)
    code, out, _ = v7s3("cors", "apply", "s3://frames", "--yes")
    assert code == 0
    assert "nothing to do" in out


def test_a_dry_run_writes_nothing(v7s3, s3):
    put(s3, EVERYBODY)
    code, out, err = v7s3("cors", "apply", "s3://frames", "--dry-run")
    assert (code, err) == (0, "")
    assert out.startswith(
        "--- CORS configuration of frames, as it is\n+++ CORS configuration of frames, as it will be\n"
    )
    assert out.endswith("Dry run: nothing was written.\n")
    assert stored(s3) == [EVERYBODY]


def test_a_stack_that_would_undo_the_change_is_named_first(v7s3, s3):
    tags = {"TagSet": [{"Key": "managed-by", "Value": "terraform"}]}
    s3.client().put_bucket_tagging(Bucket="more", Tagging=tags)
    code, _, err = v7s3("cors", "apply", "s3://more", "--dry-run", "--max-age", "1")
    assert code == 0
    assert "the bucket is managed by Terraform (tag managed-by=terraform): its next run may undo this change" in err


def test_nothing_is_written_without_consent(v7s3, s3):
    code, _, err = v7s3("cors", "apply", "s3://frames", "--format", "json")
    assert code == 2
    assert json.loads(err)["error"]["code"] == "usage"
    assert s3.requests["owner", "s3:PutBucketCORS"] == 0


def test_a_change_by_somebody_else_stops_the_write(v7s3, s3, monkeypatch):
    put(s3, EVERYBODY)

    def answer_while_somebody_else_writes(*_, **__):
        put(s3, {**EVERYBODY, "AllowedMethods": ["HEAD"]})
        return True

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", answer_while_somebody_else_writes)
    code, _, err = v7s3("cors", "apply", "s3://frames")
    assert code == 6
    assert "changed since it was read; nothing was written" in err
    assert stored(s3) == [{**EVERYBODY, "AllowedMethods": ["HEAD"]}]


@pytest.mark.parametrize("before", [(), (EVERYBODY,)])
def test_restore_puts_back_what_there_was(v7s3, s3, before):
    if before:
        put(s3, *before)
    _, _, err = v7s3("cors", "apply", "s3://frames", "--yes")
    backup = err.removeprefix("backup: ").strip()
    assert v7s3("cors", "apply", "s3://frames", "--yes", "--restore", backup)[0] == 0
    assert (stored(s3) if before else s3.configuration("frames").cors) == (list(before) or None)


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"]])
def test_restoring_what_is_no_cors_configuration_is_refused(v7s3, s3, tmp_path, more):
    put(s3, EVERYBODY)
    (tmp_path / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    code, out, err = v7s3("cors", "apply", "s3://frames", *more, "--restore", tmp_path / "policy.json")
    assert (code, out) == (2, "")
    assert "policy.json cannot be restored as it is: this is a bucket policy, not a CORS configuration" in err
    assert stored(s3) == [EVERYBODY]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([{**EVERYBODY, "ExposedHeaders": ["ETag"], "MaxAge": 5}], "S3's rules have no ExposedHeaders"),
        ([{"allowedMethods": ["GET"], "allowedOrigins": ["*"]}], "S3's rules have no allowedMethods"),
        ({"corsRules": [EVERYBODY]}, "corsRules is not the API's name of the list"),
        ({"CORSRules": None}, "CORSRules is null, not a list of rules"),
        (0, "the document is a number, not a list of rules"),
    ],
)
def test_what_a_restore_would_lose_is_refused_before_anything_is_done(v7s3, s3, file, content, fault):
    put(s3, GUIDE)
    code, out, err = v7s3("cors", "apply", "s3://frames", "--yes", "--restore", file(content, "my cors.json"))
    assert (code, out) == (2, "")
    assert f"my cors.json cannot be restored as it is: {fault}" in err
    assert "`v7s3 cors check --cors-file 'my cors.json'`" in err
    assert s3.requests["owner", "s3:PutBucketCORS"] == 1


@pytest.mark.parametrize("content", [[], {"CORSRules": []}])
def test_a_restore_of_no_rules_is_refused_before_anything_is_done(v7s3, s3, file, content):
    put(s3, GUIDE)
    code, out, err = v7s3("cors", "apply", "s3://frames", "--yes", "--restore", file(content, "none.json"))
    assert (code, out) == (2, "")
    assert "none.json cannot be restored as it is: it holds no rules" in err
    assert "aws s3api delete-bucket-cors --bucket frames" in err
    assert s3.requests["owner", "s3:PutBucketCORS"] == 1


def test_a_backup_that_an_editor_has_marked_is_restored(v7s3, s3, file):
    name = file("\ufeff" + json.dumps([EVERYBODY]))
    assert v7s3("cors", "apply", "s3://frames", "--yes", "--restore", name)[0] == 0
    assert stored(s3) == [EVERYBODY]


def test_the_backup_of_another_bucket_deletes_nothing(v7s3, s3, file):
    put(s3, EVERYBODY)
    name = file("null", "frames-cors-eu-cors-20260101T000000Z.json")
    assert v7s3("cors", "apply", "s3://frames", "--yes", "--restore", name)[0] == 2
    assert stored(s3) == [EVERYBODY]


def test_whoever_is_asked_sees_the_difference_also_when_the_result_is_json(v7s3, s3, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    code, out, err = v7s3("cors", "apply", "s3://frames", "--format", "json")
    assert (code, out) == (130, "")
    assert '+      "ID": "v7-darwin",' in err
    assert s3.configuration("frames").cors is None


def test_a_rule_that_does_not_take_effect_is_said(v7s3, s3, monkeypatch):
    monkeypatch.setattr("v7s3.cli.cors._PAUSE", 0.0)
    s3.forgets = True
    code, out, _ = v7s3("cors", "apply", "s3://frames", "--yes")
    assert code == 1
    assert "COR040" in out
    assert "v7s3 cors check s3://frames --live" in out


def test_apply_tells_a_script_what_it_did(v7s3, s3):
    code, out, _ = v7s3("cors", "apply", "s3://frames", "--yes", "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert (told["version"], told["bucket"], told["outcome"], told["before"]) == (1, "frames", "written", None)
    assert json.loads(told["after"]) == {"CORSRules": [MINE]}
    assert told["live"]["summary"] == {"ok": 1}
