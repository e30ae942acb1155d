"""`v7s3 doctor`: every reason why V7 would not see the bucket, in one run. What it does is in `doctor_job`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from v7s3.cli import options
from v7s3.cli.options import FailLevel, ReportFormat

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Find every reason why V7 would not see a bucket, and say what to do next.

\b
Examples:
  v7s3 doctor s3://acme-scans/raw --team acme --dataset scans
  v7s3 doctor s3://acme-scans --only policy,cors -v              some checks, with details
  v7s3 doctor s3://acme-scans --format markdown >> "$GITHUB_STEP_SUMMARY"
  v7s3 doctor s3://acme-scans --offline --policy-file policy.json
  v7s3 doctor s3://acme-scans --permissions                      the IAM policy that you need for it
  v7s3 doctor s3://acme-scans/raw --canary --dataset scans       one picture through the whole chain

Nothing is changed, unless --canary is asked for. A check that you are not allowed to make is "skip (needs s3:…)",
never ok, and stops no other.

\b
Exit codes: 0 nothing at or above the fail level, 1 something is wrong, 3 AWS does not know you, 4 no such bucket.
"""

Access = Annotated[
    Literal["read-write", "read-only"] | None,
    typer.Option(help="What the storage should be; else what V7 says.", show_default=False),
]
Origins = Annotated[list[str], typer.Option("--origin", help="Origin of the page that loads the objects; repeatable.")]


@app.command(help=_HELP)
def doctor(
    target: Annotated[str, typer.Argument(metavar="s3://BUCKET[/PREFIX]", show_default=False)] = "",
    team: options.Team = "",
    storage: options.Storage = "",
    dataset: options.Dataset = "",
    access: Access = None,
    write_prefix: Annotated[str | None, typer.Option(help="Where V7 should write; else what V7 says.")] = None,
    sample: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Objects to look at.")] = 20,
    only: Annotated[list[str], typer.Option(metavar="ID", help="This check; repeatable, or a,b.")] = [],
    skip: Annotated[list[str], typer.Option(metavar="ID", help="Not this check; repeatable, or a,b.")] = [],
    list_checks: Annotated[bool, typer.Option("--list-checks", help="List the checks, and what they ask.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: the name, and the files below.")] = False,
    policy_file: Annotated[str, typer.Option(metavar="FILE|-", help="With --offline: the bucket policy.")] = "",
    cors_file: Annotated[str, typer.Option(metavar="FILE|-", help="With --offline: the CORS rules.")] = "",
    permissions: Annotated[bool, typer.Option("--permissions", help="Print the least IAM policy, as JSON.")] = False,
    command: Annotated[str, typer.Option(metavar="NAME", help="With --permissions: for this command.")] = "doctor",
    bundle: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what support needs, redacted.")] = None,
    with_keys: Annotated[bool, typer.Option("--with-keys", help="Leave objects' names in the bundle.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="Register one small picture, and remove it.")] = False,
    canary_timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Until V7 is done with it.")] = 300,
    origins: Origins = ["https://darwin.v7labs.com"],
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Patience with each check.")] = 30,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: options.ReportForm = ReportFormat.TEXT,
    fail_level: options.FailAt = FailLevel.ERROR,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    given = dict(locals())  # every option, name for name as `Job` has them
    from v7s3.cli.doctor_job import Job, run

    return run(Job(**given))
