"""Everything in examples/ is exercised: the files for CI here, the others by the tests that this file names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import pytest
import yaml

from v7s3.sandbox import SandboxDarwin, SandboxS3

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
CI = EXAMPLES / "ci"
ACTION = ROOT / ".github" / "actions" / "v7s3"
BUCKET = "acme-frames"

# Which test reads which files; the test has to name the file or its folder.
EXERCISED = {
    "policies/**/*": "access/test_policy_lint.py",
    "cors/good/*": "access/test_cors_examples.py",
    "cors/bad/*": "access/test_cors_examples.py",
    "cors/pictures-load.png": "e2e/test_cors_browser.py",
    "screenshots/demo.svg": "test_readme.py",
    "media/*/*": "cli/test_demo.py",
    "media/README.md": "test_examples.py",
    "arrivals/*": "test_arrivals_example.py",
    "ci/*": "test_examples.py",
}

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="shell scripts for runners and servers, which are not Windows"
)


def test_no_example_is_without_a_test():
    claimed = {path: test for glob, test in EXERCISED.items() for path in EXAMPLES.glob(glob)}
    assert [path for path in EXAMPLES.rglob("*") if path.is_file() and path not in claimed] == []
    for path, test in claimed.items():
        text = (ROOT / "tests" / test).read_text(encoding="utf-8")
        assert path.name in text or path.relative_to(EXAMPLES).parts[0] in text, f"{test} does not read {path}"


def test_the_source_of_every_sample_is_named():
    text = (EXAMPLES / "media" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (EXAMPLES / "media").glob("*/*") if path.name not in text] == []


def test_the_policies_that_are_for_v7_pass_when_asked_as_their_page_says(v7s3, monkeypatch):
    text = (EXAMPLES / "policies" / "README.md").read_text(encoding="utf-8")
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("v7s3 policy check ")]
    monkeypatch.chdir(EXAMPLES / "policies")
    assert [v7s3(*command)[0] for command in commands] == [0, 0, 0, 0]


def test_a_session_longer_than_a_role_allows_by_default_is_explained():
    for path in CI.glob("github-*.yml"):
        text = path.read_text(encoding="utf-8")
        seconds = [int(found) for found in re.findall(r"role-duration-seconds: (\d+)", text)]
        for duration in seconds:
            assert duration <= 3600 or f"--max-session-duration {duration}" in text


def test_no_example_for_ci_is_without_its_own_test():
    tests = Path(__file__).read_text(encoding="utf-8") + (Path(__file__).parent / "test_workflows.py").read_text()
    families = {"github-check.yml": "github-*.yml", "github-nightly.yml": "github-*.yml"}
    assert [path.name for path in CI.iterdir() if families.get(path.name, path.name) not in tests] == []


def test_terraform_parses():
    import hcl2

    for path in EXAMPLES.rglob("*.tf"):
        assert hcl2.loads(path.read_text(encoding="utf-8"))["resource"]


@pytest.mark.slow
def test_the_lambda_template_is_valid():
    from cfnlint import lint

    assert [str(problem) for problem in lint((CI / "lambda-drain.yaml").read_text())] == []


# --- run against the sandbox ----------------------------------------------------------------------------------------
@pytest.fixture
def servers():
    with SandboxS3() as s3:
        s3.make_bucket(BUCKET)
        for number in range(3):
            s3.put(BUCKET, f"raw/{number}.jpg", b"x")
        with SandboxDarwin(bucket=BUCKET) as darwin:
            yield s3, darwin


@pytest.fixture
def shell(servers, tmp_path):
    """Run a script as a runner or a server would, with v7s3 on the PATH and the sandbox in the environment."""
    s3, darwin = servers

    def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AWS_EC2_METADATA_DISABLED": "true",
            "RUNNER_TEMP": str(tmp_path),
            **s3.environment(),
            **darwin.environment(),
            **environment,
        }
        return subprocess.run(
            ["bash", str(script), *arguments],
            env=variables,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def inputs_of(workflow: str) -> dict[str, str]:
    """What an example gives to the action, and what the action takes it to be when it is not given."""
    declared = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))["inputs"]
    jobs = yaml.safe_load((CI / workflow).read_text(encoding="utf-8"))["jobs"]
    [given] = [step["with"] for job in jobs.values() for step in job["steps"] if step["uses"].endswith("actions/v7s3")]
    assert given.keys() <= declared.keys()
    assert {name for name, one in declared.items() if one.get("required")} <= given.keys()
    return {name: one.get("default", "") for name, one in declared.items()} | given


def environment_of(inputs: dict[str, str]) -> dict[str, str]:
    """The variables that action.yml makes of the inputs."""
    steps = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    [run] = [step for step in steps if step.get("id") == "run"]
    return {name: inputs[value[len("${{ inputs.") : -len(" }}")]] for name, value in run["env"].items()}


@posix
def test_the_check_on_pull_requests_annotates_and_fails(shell, tmp_path):
    (tmp_path / "infrastructure").mkdir()
    shutil.copy(EXAMPLES / "policies" / "bad" / "POL030-typo.json", tmp_path / "infrastructure" / "policy.json")
    shutil.copy(min((EXAMPLES / "cors" / "good").glob("*.json")), tmp_path / "infrastructure" / "cors.json")
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    done = shell(ACTION / "run.sh", **environment_of(inputs_of("github-check.yml")), **files)
    assert done.returncode == 1, done.stderr
    assert "file=infrastructure/policy.json,line=12" in done.stdout
    assert "cors" in done.stdout
    summary = (tmp_path / "summary.md").read_text()
    assert summary.count("### v7s3: `infrastructure/") == 2
    assert (tmp_path / "output").read_text() == f"exit-code=1\nreport={tmp_path}/v7s3-report\n"
    assert "POL030" in (tmp_path / "v7s3-report" / "output.txt").read_text()


@posix
def test_the_doctor_annotates_once_a_rule_and_has_its_table_in_the_job_summary(shell, tmp_path):
    given = {"COMMAND": "doctor", "BUCKET": f"s3://{BUCKET}/raw", "ARGUMENTS": "--skip=v7-side\n--skip=organisation"}
    done = shell(ACTION / "run.sh", **given, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert done.returncode == 1, done.stderr
    rules = re.findall(r"^::error title=(\w+)", done.stdout, re.MULTILINE)
    assert rules[:2] == ["POL101", "COR030"]
    assert len(rules) == len(set(rules))
    summary = (tmp_path / "summary.md").read_text()
    assert summary.count("### v7s3") == 1
    assert "| policy | **FAIL** |" in summary
    assert "v7-side" not in done.stdout


@posix
def test_the_nightly_sync_registers_once_and_keeps_its_ledger_and_report(shell, servers, tmp_path):
    darwin = servers[1]
    given = inputs_of("github-nightly.yml") | {
        "bucket": f"s3://{BUCKET}/raw",
        "team": darwin.team,
        "dataset": darwin.dataset,
        "storage": darwin.storage,
        "api-key": darwin.api_key,
    }
    summary = tmp_path / "summary.md"
    for night in (1, 2):
        done = shell(ACTION / "run.sh", **environment_of(given), GITHUB_STEP_SUMMARY=str(summary), V7_API_KEY="")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(f"::add-mask::{darwin.api_key}\n")
        assert darwin.api_key not in done.stdout.partition("\n")[2] + done.stderr
        assert summary.read_text().count("### v7s3 sync") == night
    assert len(darwin.places()) == len(set(darwin.places())) == 3
    assert (tmp_path / "v7s3-ledger" / "ledger.sqlite").exists()
    assert len((tmp_path / "v7s3-report" / "report.jsonl").read_text().splitlines()) == 3


@posix
@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"COMMAND": "check"}, 2, "nothing to check"),
        ({"COMMAND": "delete"}, 2, "command is check, doctor, register or sync"),
        ({"COMMAND": "doctor", "BUCKET": "s3://no-such-bucket"}, 4, "::error title=BKT"),
        ({"COMMAND": "register", "BUCKET": "s3://no-such-bucket"}, 2, ""),
        ({"COMMAND": "check", "BUCKET": "s3://no-such-bucket"}, 4, ""),
    ],
)
def test_the_action_passes_exit_codes_on(shell, environment, code, said):
    done = shell(ACTION / "run.sh", **environment)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr


@posix
def test_the_line_for_cron_is_silent_until_somebody_has_to_look(shell, servers, tmp_path):
    darwin = servers[1]
    script = CI / "nightly.sh"
    if shutil.which("flock") is None:
        pytest.skip("flock is not installed (macOS)")
    for _ in range(2):
        done = shell(script, f"s3://{BUCKET}/raw")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(darwin.places()) == 3
    done = shell(script, "s3://no-such-bucket")
    assert done.returncode == 2
    assert done.stdout.startswith("v7s3 register ended with exit code 2; ")
    assert "error: V7's storage 'acme-frames' is the bucket 'acme-frames', not 'no-such-bucket'" in done.stdout
    away = {"DARWIN_BASE_URL": "http://127.0.0.1:9"}
    assert (shell(script, f"s3://{BUCKET}/raw", "--attempts=1", **away).stdout) == ""
    assert shell(script, f"s3://{BUCKET}/raw", "--attempts=1", V7S3_TELL_STOPS="1", **away).returncode == 7


@posix
def test_the_scripts_of_the_gitlab_job_make_a_test_report(shell, tmp_path):
    (tmp_path / "infrastructure").mkdir()
    shutil.copy(EXAMPLES / "policies" / "bad" / "POL030-typo.json", tmp_path / "infrastructure" / "policy.json")
    shutil.copy(min((EXAMPLES / "cors" / "good").glob("*.json")), tmp_path / "infrastructure" / "cors.json")
    jobs = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))
    (tmp_path / "bucket.sh").write_text("\n".join(["set -e", *jobs["bucket"]["script"]]))
    done = shell(tmp_path / "bucket.sh")
    assert done.returncode == 1, done.stderr
    assert 'failures="2"' in (tmp_path / "policy.xml").read_text()
    assert "<testsuite" in (tmp_path / "cors.xml").read_text()
    (tmp_path / "nightly.sh").write_text("\n".join(["set -e", *jobs["nightly"]["script"]]))
    project = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_TOKEN": "t",
        "V7_BUCKET": f"s3://{BUCKET}/raw",
    }
    done = shell(tmp_path / "nightly.sh", **project)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "ledger.sqlite").exists()


# --- Lambda ---------------------------------------------------------------------------------------------------------
class _Template(yaml.SafeLoader):
    """CloudFormation's YAML: `!Ref Name` is read as Name."""


_Template.add_multi_constructor("!", lambda _, __, node: node.value)


@pytest.fixture
def secrets(servers):
    """A Secrets Manager that has one secret, the V7 key."""
    answer = json.dumps({"SecretString": servers[1].api_key}).encode()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def event(key: str) -> str:
    """What S3 puts into the queue."""
    about = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1, "eTag": "e", "sequencer": "0A"}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": about}]})


def test_the_lambda_registers_what_the_queue_has_and_keeps_its_ledger(servers, secrets, monkeypatch, tmp_path):
    s3, darwin = servers
    s3.make_bucket("acme-state")
    for name, value in {**s3.environment(), **darwin.environment()}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("V7_API_KEY")
    queue = boto3.client("sqs").create_queue(QueueName="arrivals")["QueueUrl"]
    template = yaml.load((CI / "lambda-drain.yaml").read_text(), _Template)
    function = template["Resources"]["Drain"]["Properties"]
    own = {"QUEUE_URL": queue, "STATE_BUCKET": "acme-state", "API_KEY_SECRET": "arn:…"}
    assert own.keys() | {"V7_TEAM", "V7_DATASET", "V7_STORAGE"} == function["Environment"]["Variables"].keys()
    for name, value in {**own, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets}.items():
        monkeypatch.setenv(name, value)
    code = function["Code"]["ZipFile"].replace("/tmp/ledger.sqlite", str(tmp_path / "ledger.sqlite"))
    assert len(code) < 4096  # what CloudFormation takes
    for keys in (["raw/0.jpg", "raw/1.jpg"], ["raw/1.jpg", "raw/2.jpg"]):
        for key in keys:
            boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=event(key))
        module: dict[str, object] = {}
        exec(code, module)
        assert module["handler"]({}, None) == {"exit_code": 0}
        (tmp_path / "ledger.sqlite").unlink()  # as Lambda's /tmp is gone
    assert sorted(darwin.keys()) == ["raw/0.jpg", "raw/1.jpg", "raw/2.jpg"]
