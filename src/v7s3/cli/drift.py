"""`v7s3 drift`: where a bucket and a dataset have come apart. It reports; it changes nothing on either side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from v7s3.cli import options
from v7s3.cli import planning_options as plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Show what is in the bucket and not in V7, gone from it, changed, or registered by others.

\b
Examples:
  v7s3 drift s3://acme-scans/raw --team acme --dataset scans
  v7s3 drift s3://acme-scans/raw … --report drift.jsonl      one line a key, with a one-character verdict
  v7s3 drift s3://acme-scans/raw … --strip-prefix raw/       the planning options of `register`, as they were used
  v7s3 drift s3://acme-scans/raw … --shard 3/16              one part, against that part's ledger

\b
Verdicts, bucket against V7:
  =  in both                        *  its ETag changed since it was registered
  +  in the bucket, not in V7       o  in V7, but not registered by this ledger
  -  in V7, gone from the bucket    ?  in V7, of no key of this prefix

V7's listing has no storage keys: items are compared by path and name, through the ledger and through planning.
Parts that were registered with --shard are compared one by one, or all at once after `v7s3 ledger merge`.
Nothing is changed, neither here nor there.

\b
AWS permissions: s3:ListBucket. V7: a key that may view datasets.
Exit codes: 0 no drift, 1 drift was found (+ - * o) or the source holds nothing.
"""


@app.command(help=_HELP)
def drift(
    source: Annotated[str, typer.Argument(metavar="s3://BUCKET/PREFIX", show_default=False)],
    *,
    team: options.Team = "",
    dataset: options.Dataset = "",
    storage: options.Storage = "",
    include: plan.Include = [],
    exclude: plan.Exclude = [],
    ext: plan.Ext = [],
    min_size: plan.MinSize = "",
    path: plan.Path = "/",
    strip_prefix: plan.StripPrefix = "",
    folders: plan.Folders = "keep",
    slots_by: plan.SlotsBy = "",
    shard: plan.Shard = "1/1",
    artifacts_prefix: options.ArtifactsPrefix = "v7s3/",
    report: Annotated[Path | None, typer.Option(help="JSONL, one line for each key, with its verdict.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger; else one a dataset in the state directory.")] = None,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")] = "text",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    from v7s3.cli.compare import Planning, dataset_places
    from v7s3.cli.drift_summary import document, text
    from v7s3.cli.linefiles import report_lines
    from v7s3.cli.output import note, result, result_json
    from v7s3.items.comparison import DriftTally, report_line
    from v7s3.items.comparison import drift as verdicts

    tally = DriftTally()
    planning = Planning(include, exclude, ext, min_size, path, strip_prefix, folders, slots_by, shard, artifacts_prefix)
    with (
        dataset_places(
            source,
            (team, dataset, storage),
            planning,
            tally,
            (darwin_url, api_key_file),
            (profile, region, endpoint_url),
            ledger,
            say=(lambda _line: None) if quiet else note,
        ) as views,
        report_lines(report, report_line, ledger=ledger or views.ledger.path) as write,
    ):
        for place in views.places:
            for one in verdicts(place):
                tally.add(one)
                write(one)
    result_json(document(views, tally)) if form == "json" else result(text(views, tally, verbose=verbose, quiet=quiet))
    return tally.exit_code()
