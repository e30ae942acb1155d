"""`v7s3 status`: what became, at V7, of the items that were registered."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from v7s3.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Show what became of registered items: in processing, complete, or failed and why.

\b
Examples:
  v7s3 status --team acme --dataset scans
  v7s3 status … --wait --timeout 2h              until V7 has processed everything
  v7s3 status … --since last                     what the last run registered
  v7s3 status … --report status.jsonl            one line an item, with V7's own error

Only items that this ledger has as registered are counted. Run numbers for --since: `v7s3 ledger show`.

\b
V7: a key that may view datasets. AWS permissions: none.
Exit codes: 0 nothing failed, 5 V7 could not process some items, 7 still in processing when --timeout was over.
"""


@app.command(help=_HELP)
def status(
    *,
    team: options.Team = "",
    dataset: options.Dataset = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until nothing is in processing any more.")] = False,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long to wait: 90s, 30m, 12h.")] = "1h",
    since: Annotated[str, typer.Option(metavar="RUN|last", help="Only what this run and later ones registered.")] = "",
    report: Annotated[Path | None, typer.Option(help="JSONL, one line for each item.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger; else one a dataset in the state directory.")] = None,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")] = "text",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    from v7s3.cli.durations import seconds
    from v7s3.cli.output import note, result, result_json
    from v7s3.cli.session import dataset_ledger, find_dataset, open_darwin
    from v7s3.cli.status_watch import Watch, chosen_run
    from v7s3.items.ledger import Target

    patience = seconds("--timeout", timeout) if wait else 0.0
    darwin, team = open_darwin(darwin_url, api_key_file, team)
    with darwin, ExitStack() as stack:
        found = find_dataset(darwin, team, dataset)
        known = stack.enter_context(dataset_ledger(ledger, Target(darwin.base_url, team, found.slug)))
        watch = Watch(darwin, team, found, known, since_run=chosen_run(known, since), report=report)
        seen = watch.wait(patience, (lambda _line: None) if quiet else note) if wait else watch.look()
        result_json(seen.document()) if form == "json" else result(seen.text(verbose=verbose))
        if seen.still_waiting:
            raise seen.stopped()
        return seen.tally.exit_code()
