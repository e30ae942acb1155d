"""Completion through the protocol that shells speak: a variable says which shell asks, others what was typed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from v7s3.cli.app import COMMANDS
from v7s3.sandbox import SandboxDarwin, SandboxS3

BASH_WORDS = ("COMP_WORDS", "COMP_CWORD")


@pytest.fixture
def complete(folder):
    """What a shell is answered for words of which the last is being typed."""

    def run(*words: str, shell: str = "bash") -> list[str]:
        typed = " ".join(("v7s3", *words))
        environment = {
            **os.environ,
            "_V7S3_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": "\n".join(("v7s3", *words)),
            "COMP_CWORD": str(len(words)),
            "V7S3_COMPLETE_SECONDS": os.environ.get("V7S3_COMPLETE_SECONDS", "60"),  # a busy machine is no defect
            "_TYPER_COMPLETE_ARGS": typed,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        done = subprocess.run(
            [sys.executable, "-m", "v7s3"], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stderr == ""
        return done.stdout.split("\n")[:-1] if shell == "bash" else [done.stdout]

    return run


@pytest.fixture(scope="module")
def servers():
    with SandboxS3() as s3:
        for bucket in ("acme-frames", "acme-scans", "other"):
            s3.make_bucket(bucket)
        for key in ("raw/2025/1.jpg", "raw/2026/1.jpg", "readme.txt"):
            s3.put("acme-frames", key, b"x")
        with SandboxDarwin(s3=s3, bucket="acme-frames", datasets=["road-signs", "road-trip", "scans"]) as darwin:
            yield s3, darwin


@pytest.fixture
def environment(servers, monkeypatch):
    for name, value in {**servers[0].environment(), **servers[1].environment()}.items():
        monkeypatch.setenv(name, value)
    for name in ("V7_TEAM", "V7_DATASET", "V7_STORAGE"):
        monkeypatch.delenv(name)


def test_commands_come_from_the_table(complete):
    assert complete("") == list(COMMANDS)
    assert complete("po") == ["policy"]
    assert complete("policy", "w") == ["write"]
    assert complete("nosuch", "--x") == [""]


def test_help_texts_reach_the_shells_that_show_them(complete):
    assert '"cors":"Check, write or apply' in complete("co", shell="zsh")[0]
    assert "cors\tCheck, write or apply" in complete("co", shell="fish")[0]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("register", "--team", ""), ["acme"]),
        (("register", "--dataset", "road-"), ["road-signs", "road-trip"]),
        (("register", "--dataset=sc"), ["scans"]),
        (("register", "--storage", ""), ["acme-frames", "acme-ro"]),
        (("activation", "status", "--storage", "acme-r"), ["acme-ro"]),
        (("register", "s3"), ["s3://acme-frames", "s3://acme-scans", "s3://other"]),
        (("policy", "check", "s3://acme-s"), ["s3://acme-scans"]),
        (("cors", "apply", "s3://acme-frames/"), ["s3://acme-frames/raw/"]),
        (
            ("activation", "write", "s3://acme-frames/raw/20"),
            ["s3://acme-frames/raw/2025/", "s3://acme-frames/raw/2026/"],
        ),
    ],
)
def test_values_are_live(complete, environment, words, values):
    assert complete(*words) == values


def test_bash_gets_back_only_what_stands_after_its_last_colon(complete, environment):
    assert complete("policy", "check", "s3", ":", "//acme-s") == ["//acme-scans"]
    assert complete("register", "s3", ":", "//acme-frames/raw/2025") == ["//acme-frames/raw/2025/"]
    assert complete("register", "s3", ":", "//acme-frames/raw", "--dataset", "sc") == ["scans"]


def test_teams_are_those_that_darwin_py_has_keys_for(complete, folder, environment, servers, monkeypatch):
    monkeypatch.delenv("V7_API_KEY")
    monkeypatch.setenv("HOME", str(folder))
    (folder / ".darwin").mkdir()
    key = servers[1].api_key
    (folder / ".darwin" / "config.yaml").write_text(
        f"teams: {{acme: {{api_key: {key}}}, acme-lab: {{api_key: {key}}}, globex: {{api_key: {key}}}}}\n"
    )
    assert complete("register", "--team", "ac") == ["acme", "acme-lab"]
    assert complete("register", "--team", "acme", "--dataset", "sc") == ["scans"]


def test_aws_profiles_come_from_awss_files(complete, folder, monkeypatch):
    (folder / "config").write_text("[profile labeling]\nregion = eu-west-1\n[profile other]\n[default]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    assert complete("policy", "check", "--profile", "l") == ["labeling"]


def test_profiles_of_the_settings_and_what_they_set_are_known(complete, folder, environment, servers, monkeypatch):
    url = servers[1].url
    monkeypatch.delenv("DARWIN_BASE_URL")
    (folder / "v7s3.toml").write_text(f'[profile.staging]\ndarwin-url = "{url}"\n[profile.production]\n')
    assert complete("--use", "") == ["production", "staging"]
    assert complete("--use", "staging", "register", "--dataset", "sc") == ["scans"]


@pytest.mark.parametrize(
    "words", [("register", "--team", ""), ("register", "--dataset", ""), ("register", "s3://"), ("--use", "")]
)
def test_what_cannot_be_had_is_not_offered_and_nothing_is_said(complete, folder, monkeypatch, words):
    (folder / "v7s3.toml").write_text("not toml")
    monkeypatch.setenv("V7S3_COMPLETE_SECONDS", "2")
    monkeypatch.setenv("V7_API_KEY", "abcdefg.0123456789abcdef0123456789abcdef")
    for variable in ("AWS_ENDPOINT_URL", "DARWIN_BASE_URL"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert complete(*words) == [""]
