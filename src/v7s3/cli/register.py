"""`v7s3 register`: the objects of a bucket become items of a V7 dataset, each exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from v7s3.cli import options

app = typer.Typer(rich_markup_mode=None)

_HELP = """Register the objects of a bucket as items of a V7 dataset, each exactly once.

\b
Examples:
  v7s3 register s3://acme-scans/raw --team acme --dataset scans --storage acme-s3
  v7s3 register s3://acme-scans/raw … --dry-run              the plan; nothing is sent
  v7s3 register s3://acme-scans/raw … --strip-prefix raw/    /2026/1.jpg instead of /raw/2026/1.jpg
  find … -print0 | v7s3 register --keys-from - …             just these keys
  v7s3 register s3://acme-rig --slots-by folder …            one item a folder, its files as slots
  v7s3 register --items items.jsonl …                        payload items, e.g. of `v7s3 prepare`

Stop it at any time: the same command goes on where it stopped. Items that V7 blocked or refused are not sent again
without --retry-failed. An object whose ETag changed since is reported as changed, not sent.

\b
AWS permissions: s3:ListBucket. V7: a key with "Add data to datasets".
Exit codes: 0 all items are in V7, 5 some are not, 7 stopped and resumable, 130 interrupted.
"""


@app.command(help=_HELP)
def register(
    source: Annotated[str, typer.Argument(metavar="[s3://BUCKET/PREFIX]", show_default=False)] = "",
    keys_from: Annotated[str, typer.Option(metavar="FILE|-", help="Storage keys, one a line or NUL-separated.")] = "",
    manifest: Annotated[str, typer.Option(metavar="FILE|-", help="CSV or JSONL: storage_key, name, path, type…")] = "",
    items: Annotated[str, typer.Option(metavar="FILE|-", help="Payload items, JSON or JSONL.")] = "",
    team: options.Team = "",
    dataset: options.Dataset = "",
    storage: options.Storage = "",
    access: Annotated[
        Literal["auto", "read-write", "read-only"], typer.Option(help="Endpoint; auto asks V7's list of storages.")
    ] = "auto",
    include: Annotated[list[str], typer.Option(metavar="GLOB", help="Only keys that match; repeatable.")] = [],
    exclude: Annotated[list[str], typer.Option(metavar="GLOB", help="No keys that match; repeatable.")] = [],
    ext: Annotated[list[str], typer.Option(metavar="EXT", help="Only these extensions; repeatable.")] = [],
    min_size: Annotated[str, typer.Option(metavar="SIZE", help="At least so many bytes (10k, 5M).")] = "",
    modified_since: Annotated[
        str, typer.Option(metavar="DATE|AGE|last-run", help="2026-05-01, 7d, or since the last finished run.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items.")] = None,
    path: Annotated[str, typer.Option(help="Darwin folder to put everything under.")] = "/",
    strip_prefix: Annotated[str, typer.Option(help="What to leave off the front of the key's folder.")] = "",
    folders: Annotated[Literal["keep", "flatten"], typer.Option(help="Whether items keep the key's folders.")] = "keep",
    fps: Annotated[str, typer.Option(metavar="FPS|native", help="Frames a second for videos.")] = "",
    as_frames: Annotated[bool, typer.Option("--as-frames", help="Split videos into frames.")] = False,
    extract_views: Annotated[bool, typer.Option("--extract-views", help="Make the three views of volumes.")] = False,
    tag: Annotated[list[str], typer.Option(metavar="CLASS[=TEXT]", help="Tag every item; repeatable.")] = [],
    tag_from: Annotated[str, typer.Option(metavar="REGEX", help="Tags from the key: what the groups match.")] = "",
    tags_from_object: Annotated[
        bool, typer.Option("--tags-from-object", help="Also the objects' own S3 tags (s3:GetObjectTagging).")
    ] = False,
    slots_by: Annotated[
        str, typer.Option(metavar="folder|REGEX", help="One item of several slots; groups `item` and `slot`.")
    ] = "",
    slots_expect: Annotated[
        list[str], typer.Option(metavar="SLOTS", help="Refuse groups that lack one of these.")
    ] = [],
    layout: Annotated[str, typer.Option(help="auto, grid, horizontal, vertical, simple or channels.")] = "auto",
    strict: Annotated[bool, typer.Option("--strict", help="Send nothing when a row of the manifest is bad.")] = False,
    rate: Annotated[str, typer.Option(metavar="N/min", help="Requests a minute; 0 for no limit.")] = "100/min",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Requests under way at once.")] = 8,
    batch_size: Annotated[int, typer.Option(min=1, max=100, help="Items a request.")] = 100,
    attempts: Annotated[int, typer.Option(min=1, max=100, help="Tries before a request counts as failed.")] = 10,
    report: Annotated[Path | None, typer.Option(help="JSONL, one line an item, written as the run goes.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger; else one a dataset in the state directory.")] = None,
    no_ledger: Annotated[bool, typer.Option("--no-ledger", help="Remember nothing.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Send blocked and refused items again.")] = False,
    dry_run: options.DryRun = False,
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the summary.")] = "text",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    given = dict(locals())  # every option, name for name as `Job` has them
    from v7s3.cli.register_job import Job, run

    return run(Job(**given))
