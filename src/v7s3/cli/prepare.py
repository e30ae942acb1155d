"""`v7s3 prepare`: what a read-only bucket needs beside its originals, made from S3 to S3."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from v7s3.artifacts.limits import MAX_PIXELS
from v7s3.cli import options
from v7s3.cli import prepare_options as make

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Make thumbnails, frames and sizes for a bucket that V7 may only read, from S3 to S3.

\b
Examples:
  v7s3 prepare s3://acme-scans/raw --dry-run              what would be read and written, PNG against JPEG
  v7s3 prepare s3://acme-scans/raw --output items.jsonl   make it, write the items
  v7s3 register --items items.jsonl …                     register them
  v7s3 prepare s3://acme-clips --fps 2 --quality 2 …      two frames a second, as JPEG
  v7s3 prepare s3://acme-scans --shard 3/16 …             the third of sixteen machines
  v7s3 prepare s3://acme-scans --clean                    artifacts whose source is gone; --yes removes them

Artifacts go under v7s3/ (--artifacts-prefix), at a path made of the source's key and ETag; nothing else is ever
written, and no object that v7s3 did not make is overwritten. Stop it at any time: the same command makes only what is
missing. PDF and whole-slide images are refused; DICOM and NIfTI are experimental.

\b
AWS permissions: s3:ListBucket, s3:GetObject; s3:PutObject (and, to clean, s3:DeleteObject) on the artifacts' prefix.
Exit codes: 0 every object has its artifacts, 5 some were refused, 7 stopped and resumable, 130 interrupted.
"""


@app.command(help=_HELP)
def prepare(
    source: Annotated[str, typer.Argument(metavar="s3://BUCKET/PREFIX", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE|-", help="Items, one a line.")] = "items.jsonl",
    artifacts_prefix: options.ArtifactsPrefix = "v7s3/",
    fps: Annotated[float, typer.Option(min=0, help="Frames a second that V7 shows; 0 for all.")] = 0,
    segment_length: Annotated[float, make.SEGMENT_LENGTH] = 2,
    quality: Annotated[int, make.FRAMES_QUALITY] = 1,
    preview_frames: Annotated[bool, make.PREVIEW_FRAMES] = True,
    video_sections: Annotated[bool, make.VIDEO_SECTIONS] = False,
    x264_preset: Annotated[
        Literal["fast", "ultrafast", "superfast", "veryfast", "faster", "medium", "slow", "slower", "veryslow"],
        typer.Option(help="Time for the HLS encoder; fast is v7s3's own, medium what darwin-py takes."),
    ] = "fast",
    max_megapixels: Annotated[float, typer.Option(min=0.001, help="Refuse larger images.")] = MAX_PIXELS // 1_000_000,
    include: Annotated[list[str], typer.Option(metavar="GLOB", help="Only keys that match; repeatable.")] = [],
    exclude: Annotated[list[str], typer.Option(metavar="GLOB", help="No keys that match; repeatable.")] = [],
    ext: Annotated[list[str], typer.Option(metavar="EXT", help="Only these extensions; repeatable.")] = [],
    min_size: Annotated[str, typer.Option(metavar="SIZE", help="At least so many bytes (10k, 5M).")] = "",
    modified_since: Annotated[str, typer.Option(metavar="DATE|AGE", help="2026-05-01, or 7d.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items.")] = None,
    path: Annotated[str, typer.Option(help="Darwin folder to put everything under.")] = "/",
    strip_prefix: Annotated[str, typer.Option(help="What to leave off the front of the key's folder.")] = "",
    folders: Annotated[Literal["keep", "flatten"], typer.Option(help="Whether items keep the key's folders.")] = "keep",
    tag: Annotated[list[str], typer.Option(metavar="CLASS[=TEXT]", help="Tag every item; repeatable.")] = [],
    tag_from: Annotated[str, typer.Option(metavar="REGEX", help="Tags from the key: what the groups match.")] = "",
    executor: Annotated[Literal["processes", "threads", "dask"], typer.Option(help="Who does the work.")] = "processes",
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Processes or threads; else one a core.")] = None,
    dask_scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="tcp://10.0.0.1:8786, for dask.")] = "",
    shard: Annotated[str, typer.Option(metavar="N/COUNT", help="Only this part of the keys, always the same.")] = "1/1",
    report: Annotated[Path | None, typer.Option(help="JSONL, one line an object, written as the run goes.")] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="What was made; else one a bucket in your state directory.")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="List artifacts whose source is gone or replaced.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --clean: remove them.")] = False,
    dry_run: options.DryRun = False,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the summary.")] = "text",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    given = dict(locals())  # every option, name for name as `PrepareJob` has them
    from v7s3.cli.prepare_job import PrepareJob, run

    return run(PrepareJob(**given))
