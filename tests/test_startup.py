"""What starting costs: the modules that each kind of start may not load. Times are in tests/benchmarks/startup.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

POLICY = Path(__file__).parents[1] / "examples" / "policies" / "bad" / "POL030-typo.json"

HEAVY = {
    "boto3",
    "botocore",
    "dask",
    "httpx",
    "moto",
    "numpy",
    "PIL",
    "platformdirs",
    "pydantic",
    "rich",
    "werkzeug",
    "yaml",
}
SLOW = {
    "asyncio",
    "concurrent.futures",
    "email",
    "http",
    "multiprocessing",
    "sqlite3",
    "ssl",
    "tomllib",
    "xml",
}

PROGRAM = """
import sys
from v7s3.cli.app import main
try:
    main(sys.argv[1:])
finally:
    print("\\x1e" + " ".join(sys.modules))
"""


def loaded_by(*arguments: str, **environment: str) -> set[str]:
    """The modules that are loaded when the command line has run; top packages and full names."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names = done.stdout.rpartition("\x1e")[2].split()
    return {name.split(".")[0] for name in names} | set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("nosuch",),
        ("policy", "--help"),
        ("register", "--help"),
        ("whoami", "--help"),
        ("cors", "write"),
        ("policy", "write", "s3://acme-scans"),
        ("policy", "check", "--policy-file", str(POLICY)),
        ("policy", "check", "--policy-file", str(POLICY), "--format", "github"),
    ],
)
def test_no_client_no_parser_and_no_painter_is_loaded(arguments):
    assert loaded_by(*arguments) & HEAVY == set()


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("policy", "check", "--policy-file", str(POLICY))])
def test_slow_parts_of_the_standard_library_are_not_loaded_either(arguments):
    assert loaded_by(*arguments) & SLOW == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("typed", ["v7s3 ", "v7s3 register --", "v7s3 policy check --access "])
def test_completing_words_loads_nothing_that_live_values_need(shell, typed):
    loaded = loaded_by(
        _V7S3_COMPLETE=f"complete_{shell}",
        COMP_WORDS=typed,
        COMP_CWORD=str(len(typed.split(" ")) - 1),
        _TYPER_COMPLETE_ARGS=typed,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert loaded & HEAVY == set()


def test_completing_a_command_loads_no_command():
    loaded = loaded_by(_V7S3_COMPLETE="complete_bash", COMP_WORDS="v7s3 p", COMP_CWORD="1")
    assert {name for name in loaded if name.startswith("v7s3.cli.")} <= {
        "v7s3.cli.app",
        "v7s3.cli.completion",
        "v7s3.cli.defaults",
        "v7s3.cli.output",
    }


def test_the_settings_file_costs_its_parser_only_when_there_is_one(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "tomllib" not in loaded_by("cors", "write")
    (tmp_path / "v7s3.toml").touch()
    assert "tomllib" in loaded_by("cors", "write")
