"""`v7s3 explain`: what one finding means, why it happens, how to mend it and how to see that it is mended."""

from __future__ import annotations

import shutil
import textwrap
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from v7s3.cli.options import OutputFormat
from v7s3.cli.output import result, result_json
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from v7s3.report import Rule

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Say what a finding means, how to mend it and how to see that it is mended.

\b
Examples:
  v7s3 explain POL102
  v7s3 explain enc002 cor030 --format json
  v7s3 explain --list

Asks nobody: every text comes with v7s3.
"""


@app.command(help=_HELP)
def explain(
    idents: Annotated[list[str], typer.Argument(metavar="ID...", show_default=False)] = [],
    list_all: Annotated[bool, typer.Option("--list", help="List every finding there is.")] = False,
    form: Annotated[OutputFormat, typer.Option("--format", help="How to print it.")] = OutputFormat.TEXT,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only how to mend it.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With --list: all of each finding.")] = False,
) -> None:
    from v7s3.catalogue import RULES

    if not idents and not list_all:
        raise UsageError("explain what?", hint="give an ID such as POL102, or --list")
    rules = [_rule(ident, RULES) for ident in idents] or list(RULES.values())
    if form is OutputFormat.JSON:
        result_json({"rules": [_document(rule) for rule in rules]})
    elif quiet:
        result("\n".join(f"{rule.ident}  {rule.fix}" for rule in rules))
    elif list_all and not verbose:
        result("\n".join(f"{rule.ident}  {rule.severity:<7}  {rule.title}" for rule in rules))
    else:
        result("\n\n".join(_text(rule) for rule in rules))


def _rule(ident: str, rules: Mapping[str, Rule]) -> Rule:
    found = rules.get(ident.strip().upper())
    if found is not None:
        return found
    near = get_close_matches(ident.strip().upper(), rules, n=1)
    hint = f"did you mean {near[0]} ({rules[near[0]].title})?" if near else "`v7s3 explain --list` lists all of them"
    raise UsageError(f"there is no finding {ident!r}", hint=hint)


def _document(rule: Rule) -> dict[str, str]:
    return {
        "id": rule.ident,
        "severity": rule.severity,
        "title": rule.title,
        "why": rule.why,
        "fix": rule.fix,
        "verify": rule.verify,
        "source": rule.source,
    }


def _text(rule: Rule) -> str:
    width = min(max(shutil.get_terminal_size().columns, 60), 120)
    parts = [f"{rule.ident}  {rule.title}  ({rule.severity})", ""]
    for name, text in (("why", rule.why), ("fix", rule.fix), ("verify", rule.verify), ("source", rule.source)):
        first = f"  {name:<8}"
        parts.append(
            textwrap.fill(
                text,
                width,
                initial_indent=first,
                subsequent_indent=" " * len(first),
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(parts)
