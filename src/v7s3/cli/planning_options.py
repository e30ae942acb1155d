"""Options that say which objects become which items; commands that plan alike spell them alike."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Access = Annotated[
    Literal["auto", "read-write", "read-only"],
    typer.Option("--access", help="Endpoint; auto asks V7's list of storages."),
]
Include = Annotated[list[str], typer.Option("--include", metavar="GLOB", help="Only keys that match; repeatable.")]
Exclude = Annotated[list[str], typer.Option("--exclude", metavar="GLOB", help="No keys that match; repeatable.")]
Ext = Annotated[list[str], typer.Option("--ext", metavar="EXT", help="Only these extensions; repeatable.")]
MinSize = Annotated[str, typer.Option("--min-size", metavar="SIZE", help="At least so many bytes (10k, 5M).")]
ModifiedSince = Annotated[
    str,
    typer.Option(
        "--modified-since", metavar="DATE|AGE|last-run", help="2026-05-01, 7d, or since the last finished run."
    ),
]
Shard = Annotated[
    str, typer.Option("--shard", metavar="N/COUNT", help="Only this part of the source, always the same.")
]
Path = Annotated[str, typer.Option("--path", help="Darwin folder to put everything under.")]
StripPrefix = Annotated[str, typer.Option("--strip-prefix", help="What to leave off the front of the key's folder.")]
Folders = Annotated[Literal["keep", "flatten"], typer.Option("--folders", help="Whether items keep the key's folders.")]
SlotsBy = Annotated[
    str,
    typer.Option("--slots-by", metavar="folder|REGEX", help="One item of several slots; groups `item` and `slot`."),
]
SlotsExpect = Annotated[
    list[str], typer.Option("--slots-expect", metavar="SLOTS", help="Refuse groups that lack one of these.")
]
Layout = Annotated[str, typer.Option("--layout", help="auto, grid, horizontal, vertical, simple or channels.")]
TagsFromObject = Annotated[
    bool, typer.Option("--tags-from-object", help="Also the objects' own S3 tags (s3:GetObjectTagging).")
]
CheckKeys = Annotated[
    bool | None,
    typer.Option(
        "--check-keys/--no-check-keys",
        help="Look whether keys exist (HeadObject): by default those of --keys-from and --manifest, where the bucket "
        "may be listed; with --inventory, --sqs and --items when asked for.",
        show_default=False,
    ),
]
Sqs = Annotated[
    str, typer.Option("--sqs", metavar="URL", help="Queue of S3 event notifications; listens until Ctrl-C.")
]
Rate = Annotated[
    str,
    typer.Option("--rate", metavar="N/min", help="Requests a minute; N/s a second, N/h an hour; 0 for no limit."),
]
Prepare = Annotated[
    bool,
    typer.Option(
        "--prepare", help="For read-only storages: make thumbnails and frames on the way; the next options say how."
    ),
]
