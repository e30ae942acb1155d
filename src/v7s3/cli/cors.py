"""`v7s3 cors`: will the annotator's browser be allowed to load the objects?"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from v7s3.access.profile import CORS_RULE_ID, V7_ORIGIN
from v7s3.cli import options  # noqa: TC001  # Typer reads the annotations when it runs
from v7s3.cli.options import DocumentReportFormat, FailLevel, OutputFormat
from v7s3.errors import CredentialsError, UsageError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3.client import S3Client

    from v7s3.access.cors import CORSConfiguration, CORSRule
    from v7s3.access.cors_answer import Promise
    from v7s3.bucket import BucketUrl
    from v7s3.cli.applying import Applied
    from v7s3.report import Check, Report
    from v7s3.s3 import AwsSettings

_ATTEMPTS = 12  # preflights after an apply, before it is called not yet visible
_PAUSE = 5.0  # seconds between them

app = typer.Typer(
    help="Check, write or apply the CORS rule that lets annotators' browsers load the objects.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


DocumentFormat = Literal["console", "api", "terraform", "cloudformation", "xml"]
Origins = Annotated[
    list[str],
    typer.Option("--origin", metavar="ORIGIN", help="Origin of the page that loads the objects; may be repeated."),
]
MaxAge = Annotated[
    int | None,
    typer.Option(
        "--max-age",
        min=0,
        max=2**31 - 1,  # a 32-bit integer in AWS's SDKs
        metavar="SECONDS",
        help="Seconds a browser may remember a preflight (MaxAgeSeconds).",
    ),
]
Bucket = Annotated[str, typer.Argument(metavar="s3://BUCKET", help="The bucket.", show_default=False)]


@app.command()
def check(
    target: Annotated[
        str | None, typer.Argument(metavar="[s3://BUCKET[/KEY]]", help="The bucket, and an object to ask for.")
    ] = None,
    *,
    cors_file: Annotated[
        str | None, typer.Option("--cors-file", metavar="FILE|-", help="Check this CORS configuration instead.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the endpoint as a browser does, too.")] = False,
    show_curl: Annotated[bool, typer.Option("--show-curl", help="Print the live requests as curl lines.")] = False,
    origins: Origins = [V7_ORIGIN],
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: options.DocumentReportForm = DocumentReportFormat.TEXT,
    fail_level: options.FailAt = FailLevel.ERROR,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Will pages on https://darwin.v7labs.com be shown the bucket's objects?

    \b
    Examples:
      v7s3 cors check s3://acme-scans                       the configuration of the bucket
      v7s3 cors check s3://acme-scans/raw/1.jpg --live      … and what a browser is answered
      v7s3 cors check --cors-file cors.json                 a file, offline: JSON of the console or the API, or XML
      aws s3api get-bucket-cors --bucket b | v7s3 cors check --cors-file -

    \b
    --live sends an unsigned preflight, which needs no credentials, and a presigned GET of one byte of KEY, or of the
    first object below KEY/ or in the bucket. Needs s3:GetBucketCORS, s3:ListBucket unless KEY is given, s3:GetObject.
    Exit codes: 0 they are shown, 1 some are not, 3 AWS does not let you look, 4 no such bucket.
    """
    from v7s3.cli.output import note, result
    from v7s3.cli.reporting import require_file, show_report

    if form is DocumentReportFormat.SARIF:
        require_file(cors_file, "--cors-file")
    url = _bucket_url(target) if target else None
    _require_origins(origins)
    if url is None and (live or show_curl or cors_file is None):
        raise UsageError("there is no bucket to look at", hint="name it as s3://BUCKET, or a file with --cors-file")
    settings = _settings(profile, region, endpoint_url) if url else None
    report, curl = _check(url, cors_file, origins, settings, live=live, show_curl=show_curl)
    show_report(report, form.value, verbose=verbose and not quiet, fail_level=fail_level.value)
    for line in curl:
        (result if form is DocumentReportFormat.TEXT else note)(line)
    return report.exit_code(fail_level.value)


@app.command()
def write(
    target: Annotated[
        str | None, typer.Argument(metavar="[s3://BUCKET]", help="The bucket that terraform and cloudformation name.")
    ] = None,
    *,
    form: Annotated[
        DocumentFormat | None,
        typer.Option("--format", help="Which tool's spelling; console, or that of the --merge file."),
    ] = None,
    merge: Annotated[
        str | None, typer.Option("--merge", metavar="FILE|-", help="Add the rule to this file's rules.")
    ] = None,
    max_age: MaxAge = None,
    origins: Origins = [V7_ORIGIN],
) -> None:
    """Print the CORS rule of V7's guide: GET from https://darwin.v7labs.com.

    \b
    Examples:
      v7s3 cors write                                 to paste into the S3 console: Permissions > CORS
      v7s3 cors write --format api > cors.json
      aws s3api put-bucket-cors --bucket acme-scans --cors-configuration file://cors.json
      v7s3 cors write --merge cors.json               your rules, byte by byte as they are, and ours
      v7s3 cors write s3://acme-scans --format terraform

    Nothing that exists is widened: the rule is one of its own, with the ID v7-darwin when it is merged.
    """
    from v7s3.cli.output import result_document

    _require_origins(origins)
    result_document(_written(target, form, merge, origins, max_age))


@app.command()
def apply(
    target: Bucket,
    *,
    origins: Origins = [V7_ORIGIN],
    max_age: MaxAge = None,
    restore: Annotated[
        Path | None,
        typer.Option("--restore", metavar="FILE", help="Put back a backup of an earlier apply.", show_default=False),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Afterwards ask S3 until the rule has effect, for a minute.")
    ] = True,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    form: Annotated[OutputFormat, typer.Option("--format", help="How to print what was done.")] = OutputFormat.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Give the bucket the rule v7-darwin; every other rule stays as it is.

    \b
    Examples:
      v7s3 cors apply s3://acme-scans --dry-run       the difference, nothing else
      v7s3 cors apply s3://acme-scans                 shows the difference, backs up, asks
      v7s3 cors apply s3://acme-scans --restore BACKUP.json

    \b
    The rule goes where S3, which takes the first rule that matches, takes it. Run again it changes nothing. Stops with
    exit code 6 when somebody changes the configuration meanwhile. Needs s3:GetBucketCORS and s3:PutBucketCORS.
    """
    from v7s3.access.cors_write import darwin_rule
    from v7s3.cli.output import result, result_json
    from v7s3.render import render
    from v7s3.render.json import document

    url = _bucket_url(target)
    _require_origins(origins)
    settings = _settings(profile, region, endpoint_url)
    as_json = form is OutputFormat.JSON
    ours = darwin_rule(origins, max_age, CORS_RULE_ID)
    applied = _apply(url.bucket, settings, restore, ours, yes=yes, dry_run=dry_run, as_json=as_json)
    if applied.outcome == "dry-run" or restore is not None:
        report = _report(f"s3://{url.bucket}", [])
    else:
        checks = _seen_by_a_browser(url, settings, origins, wait=wait and applied.outcome == "written")
        report = _report(f"s3://{url.bucket}", checks)
    if as_json:
        live = {key: value for key, value in document(report).items() if key != "version"}
        result_json({**applied.document(), "live": live})
    elif report.checks and not (quiet and report.exit_code() == 0):
        result(render(report, "text", verbose=verbose))
    return report.exit_code()


class Access(NamedTuple):
    """A client for the bucket; None when there can be none, and why."""

    client: S3Client | None
    why_none: str = ""


# --- check ----------------------------------------------------------------------------------------------------------


def _check(
    url: BucketUrl | None,
    cors_file: str | None,
    origins: Sequence[str],
    settings: AwsSettings | None,
    *,
    live: bool,
    show_curl: bool,
) -> tuple[Report, list[str]]:
    """The report, and the curl lines when they are asked for. Without a bucket nothing of AWS is even imported."""
    if url is None or settings is None:
        assert cors_file is not None
        checked, _ = _check_file(cors_file, origins, f"v7s3 cors write --merge {shlex.quote(cors_file)}")
        return _report(cors_file, [checked]), []
    command = f"v7s3 cors apply s3://{url.bucket}"
    asks = live or show_curl
    access = _access(settings, url.bucket, needed=not asks) if asks or cors_file is None else Access(None)
    if cors_file is not None:
        first, promise = _check_file(cors_file, origins, command)
    else:
        first, promise = _check_bucket(access, url.bucket, origins, command, needed=not live)
    checks, curl = [first], []
    if asks:
        from v7s3.access.cors_write import mending_command
        from v7s3.cors_probe import curl_lines, find_target, live_checks

        fix = mending_command(command, promise.configuration, origins)
        target = find_target(settings, url.bucket, url.key, access.client, access.why_none)
        checks += live_checks(target, origins, promise, fix) if live else []
        curl = curl_lines(target, origins, settings) if show_curl else []
    return _report(f"s3://{url.bucket}", checks), curl


def _check_file(cors_file: str, origins: Sequence[str], command: str) -> tuple[Check, Promise]:
    """The check of a file, and what it promises; `command` mends it, once it names the origins."""
    from v7s3.access.cors_answer import Promise
    from v7s3.access.cors_check import document_check
    from v7s3.access.cors_source import read_source
    from v7s3.access.cors_write import mending_command
    from v7s3.cli.documents import name_of, read_bytes

    source = read_source(read_bytes(cors_file), name_of(cors_file))
    known = source.configuration is not None
    fix = mending_command(command, source.configuration, origins)
    return document_check(source, origins, fix), Promise(known, source.configuration)


def _check_bucket(
    access: Access, bucket: str, origins: Sequence[str], command: str, *, needed: bool
) -> tuple[Check, Promise]:
    """As `_check_file`, of the bucket's own. Unless it is `needed`, not being allowed to read it is a skip."""
    from v7s3.access.cors import CORSConfiguration
    from v7s3.access.cors_answer import Promise
    from v7s3.access.cors_check import bucket_check
    from v7s3.access.cors_write import mending_command
    from v7s3.bucket_cors import read_rules
    from v7s3.report import Check

    permission = "s3:GetBucketCORS"
    if access.client is None:
        reason = f"the configuration was not read: {access.why_none}"
        return Check("cors", "skip", reason, call="get_bucket_cors", permission=permission), Promise(known=False)
    try:
        rules = read_rules(access.client, bucket)
    except CredentialsError as error:
        if needed:
            raise
        reason = f"the configuration was not read: {error.message}"
        return Check("cors", "skip", reason, call="get_bucket_cors", permission=permission), Promise(known=False)
    configuration = None if rules is None else CORSConfiguration.parse(rules)
    fix = mending_command(command, configuration, origins)
    return bucket_check(configuration, origins, fix), Promise(known=True, configuration=configuration)


def _report(subject: str, checks: Sequence[Check]) -> Report:
    from v7s3.report import Report

    steps = {
        finding.fix.splitlines()[0] for check in checks for finding in check.findings if finding.severity == "error"
    }
    commands = sorted(step for step in steps if step.startswith("v7s3 "))
    return Report(subject, tuple(checks), next_steps=tuple(commands))


# --- write ----------------------------------------------------------------------------------------------------------


def _written(
    target: str | None, form: DocumentFormat | None, merge: str | None, origins: Sequence[str], max_age: int | None
) -> str:
    from v7s3.access.cors import CORSConfiguration
    from v7s3.access.cors_lint import lint_cors
    from v7s3.access.cors_write import darwin_rule, merge_text, spell
    from v7s3.cli.documents import name_of, read_text, warn_of_refusal
    from v7s3.cli.output import note

    ours = darwin_rule(origins, max_age)
    bucket = _bucket_url(target).bucket if target else "BUCKET"
    if merge is None:
        return spell(CORSConfiguration((ours,)), form or "console", bucket)
    given = read_text(merge)
    text = merge_text(given, ours, name_of(merge), where=f"--cors-file {shlex.quote(merge)}")
    _warn_of_origins_taken(CORSConfiguration.parse(given), origins)
    warn_of_refusal(lint_cors(text))
    if text == given:
        note(f"{name_of(merge)} lets {' and '.join(origins)} in already; nothing was added")
    if form is None:
        return text.removesuffix("\n")
    return spell(CORSConfiguration.parse(text), form, bucket)


# --- apply ----------------------------------------------------------------------------------------------------------


def _apply(
    bucket: str,
    settings: AwsSettings,
    restore: Path | None,
    ours: CORSRule,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> Applied:
    """Read, plan and settle. Raises ConflictError when the configuration changed meanwhile."""
    import json

    from v7s3.access.cors import CORSConfiguration
    from v7s3.access.cors_write import merged, understood
    from v7s3.apply import load_backup, make_plan
    from v7s3.bucket_cors import document, store
    from v7s3.bucket_policy import owner_in_tags
    from v7s3.cli.applying import settle
    from v7s3.cli.output import note
    from v7s3.s3 import connect

    client = connect(settings, bucket)
    at_s3 = store(client, bucket)
    before = at_s3.read()
    if restore is not None:
        after = load_backup(restore, "cors", bucket)
        if after is not None:  # what it would lose by being read is refused before anybody is asked
            source = understood(
                after, str(restore), where=f"--cors-file {shlex.quote(str(restore))}", purpose="restored"
            )
            if not (source.configuration and source.configuration.CORSRules):
                raise UsageError(
                    f"{restore} cannot be restored as it is: it holds no rules, and S3 stores no empty configuration",
                    hint=f"to have none, delete it: aws s3api delete-bucket-cors --bucket {bucket}",
                )
    else:
        rules = json.loads(before)["CORSRules"] if before else []
        after = document(merged(rules, ours))
        _warn_of_origins_taken(CORSConfiguration.parse(rules), ours.AllowedOrigins)
    plan = make_plan("cors", bucket, before, after, at_s3)
    if plan.changes and (owner := owner_in_tags(client, bucket)):
        note(f"warning: the bucket is managed by {owner}: its next run may undo this change")
        note("  `v7s3 cors write --format terraform` or `--format cloudformation` prints the rule for its source")
    return settle(plan, at_s3, yes=yes, dry_run=dry_run, as_json=as_json)


def _warn_of_origins_taken(configuration: CORSConfiguration, origins: Sequence[str]) -> None:
    """Our rule is replaced and not widened: say whom it will no longer let in."""
    from v7s3.access.cors_origins import origin_problem
    from v7s3.access.cors_write import origins_taken
    from v7s3.cli.output import note

    taken = origins_taken(configuration, origins)
    if not taken:
        return
    note(f"warning: the rule {CORS_RULE_ID} will no longer let {' and '.join(taken)} in")
    options = " ".join(f"--origin {shlex.quote(origin)}" for origin in taken if not origin_problem(origin))
    if options:
        note(f"  to keep what it lets in, add {options}")


def _seen_by_a_browser(url: BucketUrl, settings: AwsSettings, origins: Sequence[str], *, wait: bool) -> list[Check]:
    """The check `preflight` for each origin, after S3 was given time to spread the change."""
    import time

    from v7s3.access.cors_answer import Promise
    from v7s3.access.cors_write import mending_command
    from v7s3.cors_probe import find_target, preflight_checks, wait_until_let_in
    from v7s3.report import Check

    again = mending_command(f"v7s3 cors check s3://{url.bucket} --live", None, origins)
    try:
        target = find_target(settings, url.bucket, url.key)
        if wait:
            wait_until_let_in(target, origins, attempts=_ATTEMPTS, seconds=_PAUSE, pause=time.sleep)
        return preflight_checks(target, origins, Promise(known=False), again)
    except V7S3Error as error:  # what was written stays written, whatever becomes of the question
        return [Check("preflight", "error", error.message, notes=(f"ask again: {again}",))]


# --- reading the command line -----------------------------------------------------------------------------------------


def _bucket_url(target: str) -> BucketUrl:
    from v7s3.bucket import BucketUrl

    return BucketUrl.parse(target)


def _settings(profile: str | None, region: str | None, endpoint_url: str | None) -> AwsSettings:
    from v7s3.s3 import AwsSettings

    return AwsSettings(profile, region, endpoint_url)


def _access(settings: AwsSettings, bucket: str, *, needed: bool) -> Access:
    """A connected client. Unless it is `needed`, having no credentials is no error."""
    from v7s3.s3 import connect, open_session, translated

    try:
        with translated("AWS"):
            if open_session(settings).get_credentials() is None and not needed:
                return Access(None, "there are no AWS credentials")
        return Access(connect(settings, bucket))
    except CredentialsError as error:
        if needed:
            raise
        return Access(None, error.message)


def _require_origins(origins: Sequence[str]) -> None:
    from v7s3.access.cors_origins import origin_problem

    for origin in origins:
        if problem := origin_problem(origin):
            raise UsageError(f"--origin {origin}: {problem}", hint="for V7 Darwin it is https://darwin.v7labs.com")
