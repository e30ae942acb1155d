"""`v7s3 whoami`: who AWS and V7 take you for, and where every credential and setting comes from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from v7s3.cli import options

if TYPE_CHECKING:
    from v7s3.cli.whoami_sides import Side

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Show who you are to AWS and to V7, and where each credential and setting comes from.

\b
Examples:
  v7s3 whoami                          what every other command would use, here and now
  v7s3 --use staging whoami            … with a profile of v7s3.toml
  v7s3 whoami --format json | jq -e .v7.ok

\b
Secrets are masked. Nothing is changed. Needs no AWS permission (sts:GetCallerIdentity is everybody's); of V7 a key that
may list storages and datasets. That it may "Add data to datasets" no request tells but a registration.
Exit codes: 0 all is well, 1 something is missing, expired or wrong; the command that mends it is named.
"""


@app.command(help=_HELP)
def whoami(
    context: typer.Context,
    team: options.Team = "",
    dataset: options.Dataset = "",
    storage: options.Storage = "",
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Annotated[
        options.OutputFormat, typer.Option("--format", help="How to print it.")
    ] = options.OutputFormat.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    from v7s3.cli.output import result, result_json
    from v7s3.cli.whoami_sides import aws_side, settings_side, v7_side
    from v7s3.s3 import AwsSettings

    sides = [
        aws_side(AwsSettings(profile, region, endpoint_url)),
        v7_side(darwin_url, api_key_file, team, dataset, storage),
        settings_side(context),
    ]
    if form == "json":
        result_json({side.name: side.document() for side in sides})
    else:
        shown = [side for side in sides if side.problems or not quiet]
        result("\n".join(_text(side, verbose=verbose) for side in shown))
    return int(any(side.problems for side in sides))


def _text(side: Side, *, verbose: bool) -> str:
    from v7s3.cli.output import use_colour

    mark, code = ("[FAIL]", "31") if side.problems else ("[ok]", "32")
    shown = f"\x1b[{code}m{mark:<6}\x1b[0m" if use_colour(sys.stdout) else f"{mark:<6}"
    facts = [fact for fact in side.facts if verbose or not fact.detail]
    width = max((len(fact.value) for fact in facts if fact.source), default=0)
    lines = [f"{shown} {side.title}: {side.who}"]
    lines += [f"         {fact.name:<12} {fact.value:<{width}}  {fact.source}".rstrip() for fact in facts]
    for problem in side.problems:
        lines.append(f"         problem      {problem.message}")
        lines += [f"         mend         {problem.hint}"] if problem.hint else []
    return "\n".join(lines)
