"""`--help` of every command: it renders, begins with what it does and examples, and names codes or permissions."""

from __future__ import annotations

import re

import pytest
import typer

from commands import every_command
from v7s3.cli.app import app as root


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_help_begins_with_examples_of_the_command_itself(command, v7s3):
    code, out, err = v7s3(*command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: v7s3 {' '.join(command)} [OPTIONS]")
    examples = out.partition("  Examples:\n")[2].partition("\n\n")[0]
    assert f"v7s3 {' '.join(command)}" in examples or f"{' '.join(command)} " in examples
    assert out.index("Examples:") < out.index("\nOptions:")


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_help_names_exit_codes_or_permissions_of_what_can_fail(command, v7s3):
    _, out, _ = v7s3(*command, "--help")
    words = out.partition("\nOptions:")[0]
    asks = any(flag in out for flag in ("--profile", "--api-key-file"))
    assert not asks or re.search(r"exit codes?|needs s3:|permission", words, re.IGNORECASE), words


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_option_has_a_help_text(command):
    group = typer.main.get_command(root)
    found = group.get_command(None, command[0])
    leaf = found.commands[command[1]] if command[1:] else found
    assert [option.name for option in leaf.params if option.param_type_name == "option" and not option.help] == []


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_completion_is_installed_for_v7s3_and_not_for_one_command(command, v7s3):
    assert "--install-completion" not in v7s3(*command, "--help")[1]
    assert "--install-completion" in v7s3("--help")[1]


GROUPS = sorted({command[0] for command in every_command() if command[1:]})


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_begins_with_examples_and_names_its_commands_in_whole_sentences(group, v7s3, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = v7s3(group, "--help")
    assert (code, err) == (0, "")
    examples = out.partition("  Examples:\n")[2].partition("\n\n")[0].splitlines()
    known = {command[1] for command in every_command() if command[0] == group}
    named = [line.partition(f"v7s3 {group} ")[2].split()[0] for line in examples]
    assert named
    assert set(named) <= known
    commands = out.partition("\nCommands:\n")[2]
    assert "..." not in commands
    for name in known:
        own = v7s3(group, name, "--help")[1].partition("\n\n")[2].partition("\n\n")[0]
        assert " ".join(own.split()) in " ".join(commands.split())


def test_commands_that_can_fail_name_their_exit_codes(v7s3):
    silent = [c for c in every_command() if not re.search(r"exit\s+codes?", v7s3(*c, "--help")[1], re.IGNORECASE)]
    assert silent == [("cors", "write"), ("explain",)]


def test_the_help_names_forgetting_and_the_units_of_a_rate(v7s3):
    assert "forget keys" in v7s3("--help")[1]
    assert "N/s a second, N/h an hour" in " ".join(v7s3("register", "--help")[1].split())
