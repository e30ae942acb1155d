"""`v7s3 ledger`: look at what is remembered, carry it elsewhere, rebuild it, or forget keys of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from v7s3.cli import options
from v7s3.cli import planning_options as plan

app = typer.Typer(
    name="ledger",
    help="Show, export, import, merge or rebuild the record of what is registered; forget keys of it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

LedgerPath = Annotated[
    Path | None, typer.Option("--ledger", help="The ledger; else one a dataset in the state directory.")
]
Form = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")]


@app.command()
def show(
    *,
    team: options.Team = "",
    dataset: options.Dataset = "",
    ledger: LedgerPath = None,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    form: Form = "text",
    verbose: options.Verbose = False,
) -> int:
    """Show how many keys are in which state, and the runs.

    \b
    Examples:
      v7s3 ledger show --team acme --dataset scans
      v7s3 ledger show --team acme --dataset scans -v        all runs, not just the last ten

    Reads only the ledger; without --team the API key is asked whose it is. Exit code 6: it is another dataset's.
    """
    from v7s3.cli.ledger_run import opened_ledger, shown, shown_document
    from v7s3.cli.output import result, result_json

    with opened_ledger(ledger, team, dataset, darwin_url, api_key_file) as known:
        result_json(shown_document(known)) if form == "json" else result(shown(known, every_run=verbose))
    return 0


@app.command("export")
def export_(
    *,
    team: options.Team = "",
    dataset: options.Dataset = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; else stdout.")] = None,
    ledger: LedgerPath = None,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
) -> int:
    """Write the ledger as JSONL: one line a key.

    \b
    Examples:
      v7s3 ledger export --team acme --dataset scans -o ledger.jsonl

    Nothing is changed. Exit codes: 2 the file cannot be written, 6 the ledger is another dataset's.
    """
    from v7s3.cli.ledger_run import export, opened_ledger

    with opened_ledger(ledger, team, dataset, darwin_url, api_key_file) as known:
        export(known, output)
    return 0


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="FILE|-")],
    *,
    team: options.Team = "",
    dataset: options.Dataset = "",
    ledger: LedgerPath = None,
    dry_run: options.DryRun = False,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    form: Form = "text",
    quiet: options.Quiet = False,
) -> int:
    """Read an export into the ledger: what is better known there wins, what is known here stays.

    \b
    Examples:
      v7s3 ledger import ledger.jsonl --team acme --dataset scans

    The whole file is checked first; nothing is imported from a faulty one. Importing twice is importing once.
    Exit codes: 2 the file is faulty, 6 another run holds the ledger.
    """
    from v7s3.cli.ledger_run import import_file, ledger_target

    target = ledger_target(team, dataset, darwin_url, api_key_file)
    import_file(target, source, ledger, dry_run=dry_run).say(form, quiet=quiet)
    return 0


@app.command()
def merge(
    ledgers: Annotated[list[Path] | None, typer.Argument(metavar="[LEDGER]…", show_default=False)] = None,
    *,
    into: Annotated[
        Path | None, typer.Option("--into", "--ledger", help="The ledger to merge into; else the dataset's own.")
    ] = None,
    team: options.Team = "",
    dataset: options.Dataset = "",
    dry_run: options.DryRun = False,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    form: Form = "text",
    quiet: options.Quiet = False,
) -> int:
    """Make one ledger of several, as the parts of `register --shard` leave them.

    \b
    Examples:
      v7s3 ledger merge --team acme --dataset scans                the parts in the state directory
      v7s3 ledger merge part-*.sqlite --into scans.sqlite …        those that other machines sent here

    Each key is once in the result, in the state that is nearest to V7: registered before exists before blocked. The
    merged ledgers stay as they are; merging twice is merging once. `status --since` counts runs after the merge.
    Exit codes: 2 one of the files is not there or no ledger, 6 one is another dataset's, or another run holds the
    result.
    """
    from v7s3.cli.ledger_run import ledger_target, merge_ledgers

    target = ledger_target(team, dataset, darwin_url, api_key_file)
    merge_ledgers(target, ledgers or [], into, dry_run=dry_run).say(form, quiet=quiet)
    return 0


@app.command()
def rebuild(
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
    ledger: LedgerPath = None,
    dry_run: options.DryRun = False,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Form = "text",
    quiet: options.Quiet = False,
) -> int:
    """Rebuild a lost ledger from V7's items and the bucket: what V7 has at a key's place `exists`.

    \b
    Examples:
      v7s3 ledger rebuild s3://acme-scans/raw --team acme --dataset scans --strip-prefix raw/

    Give the planning options that were used to register. Nothing is sent, and no row that there is is changed.
    AWS permissions: s3:ListBucket. Exit codes: 4 no such bucket, dataset or storage, 6 another run holds the ledger.
    """
    from v7s3.cli.compare import Planning, dataset_places
    from v7s3.cli.ledger_run import rebuild_from
    from v7s3.cli.output import note
    from v7s3.items.comparison import DriftTally

    planning = Planning(include, exclude, ext, min_size, path, strip_prefix, folders, slots_by, shard, artifacts_prefix)
    names, aws = (team, dataset, storage), (profile, region, endpoint_url)
    say = (lambda _line: None) if quiet else note
    with dataset_places(
        source, names, planning, DriftTally(), (darwin_url, api_key_file), aws, ledger, say=say, writes=not dry_run
    ) as views:
        rebuild_from(views, dry_run=dry_run).say(form, quiet=quiet)
    return 0


@app.command()
def forget(
    keys_from: Annotated[str, typer.Option(metavar="FILE|-", help="Storage keys, one a line or NUL-separated.")],
    *,
    team: options.Team = "",
    dataset: options.Dataset = "",
    storage: options.Storage = "",
    ledger: LedgerPath = None,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    form: Form = "text",
    quiet: options.Quiet = False,
) -> int:
    """Forget keys, so that `register` sends them again; with each key its whole item.

    \b
    Examples:
      echo raw/1.jpg | v7s3 ledger forget --keys-from - --team acme --dataset scans --storage acme-s3

    Delete the items in V7 first: what V7 still has ends as `exists`.
    Exit codes: 2 nothing to forget is named or there is no ledger, 4 the ledger does not know some of the keys, or
    they are not UTF-8 (the others are forgotten), 6 another run holds the ledger.
    """
    from v7s3.cli.ledger_run import forget_keys, opened_ledger

    with opened_ledger(ledger, team, dataset, darwin_url, api_key_file, writes=True) as known:
        forget_keys(known, storage, keys_from).say(form, quiet=quiet)
    return 0
