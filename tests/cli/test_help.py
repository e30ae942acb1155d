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
