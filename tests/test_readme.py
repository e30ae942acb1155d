"""Every block of the README is true: commands are run, their output is compared, data is parsed.

console   lines that begin with "$ " are run by a shell; what follows is their whole output, where "…" stands for
          anything. All of them share one working directory, one bucket and one dataset, from top to bottom.
sh        run by .ci/run, line for line
yaml, json, toml, python   parsed
text      prose
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from commands import every_command
from v7s3.sandbox import SandboxDarwin, SandboxS3

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(README[: match.start()].count("\n") + 2, match[1], match[2]) for match in BLOCK.finditer(README)]
LANGUAGES = {"console", "sh", "yaml", "json", "toml", "python", "text", "hcl"}


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a console block and the output shown for each."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def matches(shown: str, real: str) -> bool:
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, real.strip(), re.DOTALL) is not None


def test_every_block_says_what_it_is():
    assert [(line, language) for line, language, _ in BLOCKS if language not in LANGUAGES] == []


@pytest.mark.parametrize(
    ("line", "language", "text"),
    [pytest.param(*block, id=f"line{block[0]}") for block in BLOCKS if block[1] not in ("console", "text", "hcl")],
)
def test_a_block_of_data_parses_and_a_block_of_commands_is_run_by_ci(line, language, text):
    if language == "sh":
        ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        assert [command for command in text.splitlines() if command not in ci.splitlines()] == []
    else:
        {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load, "python": ast.parse}[language](text)


def mentioned() -> Iterator[list[str]]:
    """The words of every `v7s3 …` in the text and in the console blocks, without the name of the program."""
    for code, typed in re.findall(r"`(v7s3 [^`]+)`|^\$ (.*)$", README, re.MULTILINE):
        for part in (code or typed).split("|"):
            _, program, arguments = part.partition("v7s3 ")
            if program:
                yield arguments.split()


def test_every_command_and_option_that_is_named_is_one_that_there_is(v7s3):
    helps = {" ".join(command): v7s3(*command, "--help")[1] for command in every_command()}
    root = v7s3("--help")[1]
    wrong = []
    for words in mentioned():
        named = next((name for name in (" ".join(words[:2]), words[0]) if name in helps), "")
        known = helps[named] if named else root
        if not named and not words[0].startswith("-"):
            wrong.append(words)
        wrong += [words for word in words if re.match(r"--\w", word) and not re.search(rf"{word}[ ,\n]", known)]
    assert wrong == []
    known = root + "".join(helps.values())
    alone = {option for code in re.findall(r"`(--[^`]+)`", README) for option in re.findall(r"--[\w-]+", code)}
    assert [option for option in sorted(alone) if not re.search(rf"{option}[ ,\n]", known)] == []


def test_the_commands_of_the_readme_are_those_of_the_help(v7s3, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    shown = README.partition("\nCommands:\n")[2].partition("\n```")[0]
    assert shown.strip() == v7s3("--help")[1].partition("\nCommands:\n")[2].strip()
    for name, said in re.findall(r"^  (\w+) +(\S.*)$", shown.partition("\n\n")[0], re.MULTILINE):
        assert said in " ".join(v7s3(name, "--help")[1].split())


def test_every_picture_and_file_is_there_and_the_terminal_shows_what_the_demo_ends_with():
    targets = [name for name in re.findall(r"\[[^]]*\]\(([^)]+)\)", README) if not name.startswith("https://")]
    assert [name for name in targets if not (ROOT / name).exists()] == []
    svg = (ROOT / "examples" / "screenshots" / "demo.svg").read_text(encoding="utf-8")
    assert "Darwin holds 7 items, each once." in svg.replace("&#160;", " ")
    assert "@font-face" not in svg


@pytest.fixture
def journey(tmp_path, monkeypatch):
    """The README's bucket and Darwin, the `v7s3` of this environment on the PATH, an empty working directory."""
    with SandboxS3() as s3:
        s3.make_bucket("acme-frames")
        for number in range(1, 13):
            s3.put("acme-frames", f"raw/may/stop_{number:02d}.jpg", b"x" * 100)
        s3.put("acme-frames", "raw/may/notes.txt", b"x")
        with SandboxDarwin(s3=s3, bucket="acme-frames") as darwin:
            environment = {**s3.environment(), **darwin.environment(), "COLUMNS": "110"}
            for name in ("V7_TEAM", "V7_DATASET", "V7_STORAGE"):
                del environment[name]
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
            monkeypatch.chdir(tmp_path)
            yield


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the README's commands are written for a POSIX shell")
def test_every_command_prints_what_the_readme_shows(journey):
    wrong = []
    for line, _, text in (block for block in BLOCKS if block[1] == "console"):
        for command, shown in steps(text):
            done = subprocess.run(
                command, shell=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
            )
            real = done.stdout + done.stderr
            if not matches(shown, real):
                wrong.append(f"README.md:{line}: $ {command}\n{real}")
    assert not wrong, "\n\n".join(wrong)
