"""`v7s3 activation`: the e-mail that V7's support needs, and what V7 has made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from v7s3.cli import options
from v7s3.cli.durations import seconds
from v7s3.errors import UsageError, V7S3Error

if TYPE_CHECKING:
    from v7s3.activation import Access, Activation
    from v7s3.bucket import BucketUrl
    from v7s3.s3 import AwsSettings

app = typer.Typer(
    help="Write the e-mail that V7's support needs, and see what V7 has on record.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Bucket = Annotated[str, typer.Argument(metavar="s3://BUCKET", help="The bucket.", show_default=False)]
WritePrefix = Annotated[
    str | None, typer.Option("--write-prefix", metavar="PREFIX", help="Where V7 may write, often darwin/.")
]


@app.command()
def write(
    target: Bucket,
    *,
    team: options.Team = "",
    storage: options.Storage = "",
    write_prefix: WritePrefix = None,
    access: Annotated[
        Literal["read-write", "read-only"], typer.Option(help="Whether V7 writes thumbnails and frames itself.")
    ] = "read-write",
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Annotated[Literal["text", "mailto", "json"], typer.Option("--format", help="How to print it.")] = "text",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Print the e-mail that asks V7's support to turn the bucket on.

    \b
    Examples:
      v7s3 activation write s3://acme-scans --team acme --write-prefix darwin/
      v7s3 activation write s3://acme-scans --team acme --access read-only
      open "$(v7s3 activation write s3://acme-scans --team acme --format mailto)"     in your mail program

    \b
    Nothing is sent. The bucket is asked for its region unless --region says it; without --team the API key is asked.
    Permission: s3:ListBucket, for the region. Exit codes: 3 no credentials or no key, 4 no such bucket.
    """
    from v7s3.activation import Activation, email
    from v7s3.cli.output import note, result, result_json

    url = _bucket(target)
    asked = Activation(
        bucket=url.bucket,
        team=team or _team_of_key(darwin_url, api_key_file),
        region=region or _region(url, _settings(profile, region, endpoint_url)),
        prefix=_prefix(write_prefix, access),
        access=access,
        storage=storage,
    )
    message = email(asked)
    if form == "json":
        result_json(
            {
                "to": message.to,
                "subject": message.subject,
                "body": message.body,
                "mailto": message.mailto,
                "asked": _document(asked),
            }
        )
    else:
        result(message.mailto if form == "mailto" else message.text)
    if verbose and not quiet:
        note(f"region: {'--region' if region else 'asked the bucket (HeadBucket, needs s3:ListBucket)'}")
        note(f"team: {'--team or V7_TEAM' if team else 'asked V7 whose the API key is'}")
    if not quiet:
        _advise(asked, url, _settings(profile, region, endpoint_url))


def _warn_unless_ready(asked: Activation, settings: AwsSettings) -> None:
    """Activation of a bucket that V7 cannot read ends in items without pictures, so it is said before."""
    from v7s3.cli.doctor_run import look_at_bucket
    from v7s3.cli.output import note
    from v7s3.doctor.reads import Asked

    asks = Asked(asked.bucket, team=asked.team, access=asked.access, write_prefix=asked.prefix)
    try:
        checks = look_at_bucket(asks, settings)
    except V7S3Error as error:
        note(f"warning: the bucket was not looked at: {error.message}")
        return
    for check in checks:
        if check.status in ("fail", "error"):
            note(f"warning: {check.ident}: {check.summary}")
        elif check.status == "warn":  # its summary may be all that is in order
            for finding in check.findings:
                note(f"warning: {check.ident}: {finding.message} ({finding.rule.ident})")
    if unread := [check.ident for check in checks if check.status == "skip"]:
        note(f"warning: not looked at: {', '.join(unread)}")


def _advise(asked: Activation, url: BucketUrl, settings: AwsSettings) -> None:
    """What to think of before the e-mail is sent, and what to do after."""
    import shlex

    from v7s3.activation import WHOLE_BUCKET
    from v7s3.cli.output import note

    if asked.access == "read-write" and not asked.prefix:
        note(f"warning: {WHOLE_BUCKET.title} ({WHOLE_BUCKET.ident}): {WHOLE_BUCKET.why}; {WHOLE_BUCKET.fix}")
    if url.key:
        note(f"note: V7 is asked for the whole bucket, not only {url.key!r}; --write-prefix says where it may write")
    _warn_unless_ready(asked, settings)
    again = _said_again(asked)
    doctor = shlex.join(["v7s3", "doctor", str(url), *again])
    status_again = ["v7s3", "activation", "status", f"s3://{url.bucket}", "--team", asked.team, *again, "--wait"]
    note(f"next: make sure that the bucket is ready (`{doctor}`), send it, then")
    note(f"      {shlex.join(status_again)}")


def _said_again(asked: Activation) -> list[str]:
    """The options that ask other commands about what the e-mail asks for."""
    return [
        *(["--storage", asked.storage] if asked.storage else []),
        *(["--write-prefix", f"{asked.prefix}/"] if asked.prefix else []),
        *(["--access", "read-only"] if asked.access == "read-only" else []),
    ]


@app.command()
def status(
    target: Bucket,
    *,
    team: options.Team = "",
    storage: options.Storage = "",
    write_prefix: WritePrefix = None,
    access: Annotated[
        Literal["read-write", "read-only"] | None, typer.Option(help="What was asked for.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until V7 has turned the storage on.")] = False,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long to wait: 90s, 30m, 12h, 3d.")] = "24h",
    darwin_url: options.DarwinUrl = options.DARWIN_URL,
    api_key_file: options.ApiKeyFile = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: options.ReportForm = options.ReportFormat.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Show what V7 has on record for the bucket, and name what differs from what was asked for.

    \b
    Examples:
      v7s3 activation status s3://acme-scans --team acme
      v7s3 activation status s3://acme-scans --team acme --write-prefix darwin/ --access read-write
      v7s3 activation status s3://acme-scans --team acme --wait --timeout 3d && v7s3 register …

    \b
    Exit codes: 0 as asked for, 1 something differs, 4 V7 has no storage for the bucket (with --wait: in time).
    """
    from v7s3.activation import Activation, compare, recorded, wait_for_storage
    from v7s3.activation import write_prefix as normal_prefix
    from v7s3.cli.output import note
    from v7s3.cli.reporting import show_report
    from v7s3.cli.session import open_darwin

    url = _bucket(target)
    patience = seconds("--timeout", timeout) if wait else 0.0
    darwin, team = open_darwin(darwin_url, api_key_file, team)
    with darwin:
        asked = Activation(
            bucket=url.bucket,
            team=team,
            region=region or _region_if_known(url, _settings(profile, region, endpoint_url)),
            prefix=None if write_prefix is None else normal_prefix(write_prefix),
            access=access,
            storage=storage,
        )
        storages = darwin.storages(team)
        if wait and recorded(asked, storages) is None:
            say = (lambda _line: None) if quiet else note
            storages = wait_for_storage(asked, lambda: darwin.storages(team), darwin.clock, patience, say)
    report = compare(asked, storages)
    show_report(report, form.value, verbose=verbose)
    if recorded(asked, storages) is None:
        return 4
    return report.exit_code()


def _bucket(target: str) -> BucketUrl:
    """The bucket, unless V7 cannot serve it. Raises UsageError."""
    from v7s3.bucket import BucketUrl, bucket_name_problem

    url = BucketUrl.parse(target)
    problem = bucket_name_problem(url.bucket)
    if problem is not None:
        raise UsageError(f"{url.bucket!r} {problem.message}", hint=problem.hint)
    return url


def _prefix(text: str | None, access: Access) -> str:
    from v7s3.activation import write_prefix

    if text is None:
        return ""
    if access == "read-only":
        raise UsageError("V7 writes nothing to a read-only storage", hint="leave --write-prefix or --access out")
    return write_prefix(text)


def _settings(profile: str | None, region: str | None, endpoint_url: str | None) -> AwsSettings:
    from v7s3.s3 import AwsSettings

    return AwsSettings(profile, region, endpoint_url)


def _region(url: BucketUrl, settings: AwsSettings) -> str:
    """The bucket's own region. Raises NotFoundError, CredentialsError, ServiceError."""
    from v7s3.s3 import connect, translated

    client = connect(settings, url.bucket)
    with translated(f"s3://{url.bucket}"):
        answer = client.head_bucket(Bucket=url.bucket)
    found = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    return str(found or client.meta.region_name)


def _region_if_known(url: BucketUrl, settings: AwsSettings) -> str:
    """As `_region`, but "" when it cannot be learned: what V7 has on record can be shown without AWS."""
    from v7s3.cli.output import note

    try:
        return _region(url, settings)
    except V7S3Error as error:
        note(f"note: the region is not compared: {error.message}")
        return ""


def _team_of_key(darwin_url: str, api_key_file: Path | None) -> str:
    from v7s3.cli.session import open_darwin

    try:
        darwin, team = open_darwin(darwin_url, api_key_file, "")
    except V7S3Error as error:
        raise UsageError(f"which team is it for? ({error.message})", hint="give --team") from error
    darwin.close()
    return team


def _document(asked: Activation) -> dict[str, str | None]:
    return {
        "bucket": asked.bucket,
        "region": asked.region,
        "prefix": asked.prefix,
        "access": asked.access,
        "storage": asked.storage or None,
        "team": asked.team,
    }
