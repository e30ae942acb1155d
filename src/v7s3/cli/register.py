"""`v7s3 register`: the objects of a bucket become items of a V7 dataset, each exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from v7s3.cli import options
from v7s3.cli import planning_options as plan
from v7s3.cli import prepare_options as make

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Register the objects of a bucket as items of a V7 dataset, each exactly once.

\b
Examples:
  v7s3 register s3://acme-scans/raw --team acme --dataset scans --storage acme-s3
  v7s3 register s3://acme-scans/raw … --dry-run              the plan; nothing is sent
  v7s3 register s3://acme-scans/raw … --strip-prefix raw/    /2026/1.jpg instead of /raw/2026/1.jpg
  find … -print0 | v7s3 register --keys-from - …             just these keys
  v7s3 register s3://acme-rig --slots-by folder …            one item a folder, its files as slots
  v7s3 register --items items.jsonl …                        payload items, e.g. of `v7s3 prepare`
  v7s3 register s3://acme-scans/raw … --prepare              `v7s3 prepare` on the way, for read-only storages
  v7s3 register --inventory s3://acme-inv/…/manifest.json …  millions of keys without a listing
  v7s3 register --sqs https://sqs.…/v7-ingest --drain …      what S3 announced since the last time

Stop it at any time: the same command goes on where it stopped. Items that V7 blocked or refused are not sent again
without --retry-failed. An object whose ETag changed since is reported as changed, not sent.

\b
AWS permissions: s3:ListBucket; s3:GetObject to look at the keys of --keys-from and --manifest.
V7: a key with "Add data to datasets".
Exit codes: 0 all items are in V7, 5 some are not, 7 stopped and resumable, 130 interrupted.
"""


@app.command(help=_HELP)
def register(
    source: Annotated[str, typer.Argument(metavar="[s3://BUCKET/PREFIX]", show_default=False)] = "",
    keys_from: Annotated[str, typer.Option(metavar="FILE|-", help="Storage keys, one a line or NUL-separated.")] = "",
    manifest: Annotated[str, typer.Option(metavar="FILE|-", help="CSV or JSONL: storage_key, name, path, type…")] = "",
    items: Annotated[str, typer.Option(metavar="FILE|-", help="Payload items, JSON or JSONL.")] = "",
    inventory: Annotated[str, typer.Option(metavar="s3://…", help="manifest.json of an S3 Inventory.")] = "",
    sqs: plan.Sqs = "",
    drain: Annotated[bool, typer.Option("--drain", help="With --sqs: end when the queue is empty.")] = False,
    check_keys: plan.CheckKeys = None,
    team: options.Team = "",
    dataset: options.Dataset = "",
    storage: options.Storage = "",
    access: plan.Access = "auto",
    include: plan.Include = [],
    exclude: plan.Exclude = [],
    ext: plan.Ext = [],
    min_size: plan.MinSize = "",
    modified_since: plan.ModifiedSince = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items.")] = None,
    shard: plan.Shard = "1/1",
    path: plan.Path = "/",
    strip_prefix: plan.StripPrefix = "",
    folders: plan.Folders = "keep",
    fps: Annotated[str, typer.Option(metavar="FPS|native", help="Frames a second for videos.")] = "",
    as_frames: Annotated[bool, typer.Option("--as-frames", help="Split videos into frames.")] = False,
    extract_views: Annotated[bool, typer.Option("--extract-views", help="Make the three views of volumes.")] = False,
    tag: Annotated[list[str], typer.Option(metavar="CLASS[=TEXT]", help="Tag every item; repeatable.")] = [],
    tag_from: Annotated[str, typer.Option(metavar="REGEX", help="Tags from the key: what the groups match.")] = "",
    tags_from_object: plan.TagsFromObject = False,
    slots_by: plan.SlotsBy = "",
    slots_expect: plan.SlotsExpect = [],
    layout: plan.Layout = "auto",
    strict: Annotated[bool, typer.Option("--strict", help="Send nothing when a row of the manifest is bad.")] = False,
    rate: plan.Rate = "100/min",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Requests under way at once.")] = 16,
    batch_size: Annotated[int, typer.Option(min=1, max=100, help="Items a request.")] = 100,
    attempts: Annotated[int, typer.Option(min=1, max=100, help="Tries before a request counts as failed.")] = 10,
    report: Annotated[Path | None, typer.Option(help="JSONL, one line an item, written as the run goes.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger; else one a dataset in the state directory.")] = None,
    no_ledger: Annotated[bool, typer.Option("--no-ledger", help="Remember nothing.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Send blocked and refused items again.")] = False,
    prepare: plan.Prepare = False,
    quality: Annotated[int | None, make.FRAMES_QUALITY] = None,
    segment_length: Annotated[float | None, make.SEGMENT_LENGTH] = None,
    preview_frames: Annotated[bool | None, make.PREVIEW_FRAMES] = None,
    video_sections: Annotated[bool, make.VIDEO_SECTIONS] = False,
    artifacts_prefix: options.ArtifactsPrefix = "v7s3/",
    wait: Annotated[bool, typer.Option("--wait", help="Then wait until V7 has processed what was registered.")] = False,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long --wait waits: 90s, 30m, 12h.")] = "1h",
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
    return _run(dict(locals()))  # every option, name for name as `Job` has them


def _run(given: dict[str, Any]) -> int:
    from v7s3.cli.register_job import Job, run

    return run(Job(**given))
