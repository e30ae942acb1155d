"""Options that several commands share, so that one spelling and one help text serve all of them."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ReportFormat(StrEnum):
    """How a check prints its report."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    MARKDOWN = "markdown"
    JUNIT = "junit"


class DocumentReportFormat(StrEnum):
    """`ReportFormat` for checks that can read a file, whose lines SARIF names."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    SARIF = "sarif"


class OutputFormat(StrEnum):
    """How a command that does something prints what it did."""

    TEXT = "text"
    JSON = "json"


class FailLevel(StrEnum):
    """The least severity that ends a check with exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


# --- reports --------------------------------------------------------------------------------------------------------
ReportForm = Annotated[ReportFormat, typer.Option("--format", help="How to print the report.")]
DocumentReportForm = Annotated[
    DocumentReportFormat, typer.Option("--format", help="How to print the report; sarif only for files.")
]
FailAt = Annotated[FailLevel, typer.Option("--fail-level", help="What ends with exit code 1.")]


# --- V7 -------------------------------------------------------------------------------------------------------------
Team = Annotated[str, typer.Option("--team", envvar="V7_TEAM", help="V7 team slug.", show_default=False)]
Dataset = Annotated[str, typer.Option("--dataset", envvar="V7_DATASET", help="V7 dataset slug.", show_default=False)]
Storage = Annotated[
    str,
    typer.Option("--storage", envvar="V7_STORAGE", help="Name of the storage in V7's settings.", show_default=False),
]
DarwinUrl = Annotated[
    str, typer.Option("--darwin-url", envvar="DARWIN_BASE_URL", help="Where V7 Darwin is; https unless loopback.")
]


def _key_file(context: typer.Context, parameter: typer.CallbackParam, value: Path | None) -> Path | None:
    """None when V7_API_KEY goes before the file: a flag goes before the environment, and the key itself before a
    file that only the environment or v7s3.toml names."""
    source = context.get_parameter_source(parameter.name or "")
    typed = source is not None and source.name == "COMMANDLINE"
    return value if typed or "V7_API_KEY" not in os.environ else None


ApiKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        envvar="V7_API_KEY_FILE",
        callback=_key_file,
        help="File with the V7 API key; else V7_API_KEY.",
    ),
]
DARWIN_URL = "https://darwin.v7labs.com"

# --- AWS ------------------------------------------------------------------------------------------------------------
Profile = Annotated[str | None, typer.Option("--profile", help="AWS profile; else boto3's own credential chain.")]
Region = Annotated[str | None, typer.Option("--region", help="AWS region; else the bucket is asked.")]
EndpointUrl = Annotated[
    str | None, typer.Option("--endpoint-url", help="S3 endpoint, for servers other than AWS; else AWS_ENDPOINT_URL.")
]
ArtifactsPrefix = Annotated[
    str, typer.Option("--artifacts-prefix", metavar="PREFIX", help="Where in the bucket v7s3's artifacts lie.")
]

# --- manners --------------------------------------------------------------------------------------------------------
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; write and send nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results, findings and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Details of every check and request.")]
