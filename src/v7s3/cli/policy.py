"""`v7s3 policy`: may V7's role read this bucket, and what would make it so?"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from v7s3.cli import options  # noqa: TC001  # Typer reads the annotations when it runs
from v7s3.cli.options import DocumentReportFormat, FailLevel, OutputFormat
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from v7s3.access.profile import AccessProfile
    from v7s3.cli.policy_input import Target
    from v7s3.report import Check, Report

    AtAws = tuple[str | None, str | None, str | None]  # --profile, --region, --endpoint-url

app = typer.Typer(
    name="policy",
    help="Check, write, apply or explain the bucket policy that lets V7's role in.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


class AccessOption(StrEnum):
    READ_WRITE = "read-write"
    READ_ONLY = "read-only"


class DocumentFormat(StrEnum):
    JSON = "json"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"


Url = Annotated[
    str | None,
    typer.Argument(metavar="[s3://BUCKET[/PREFIX]]", help="The bucket, and where V7 reads.", show_default=False),
]
PolicyFile = Annotated[
    str | None, typer.Option("--policy-file", help="A policy to read instead of the bucket's; - is standard input.")
]
Bucket = Annotated[str | None, typer.Option("--bucket", help="The bucket the policy is for.")]
Access = Annotated[AccessOption, typer.Option("--access", help="Whether V7 is to write thumbnails and frames.")]
Prefix = Annotated[str | None, typer.Option("--prefix", help="The beginning of the keys that V7 reads.")]
WritePrefix = Annotated[
    str | None,
    typer.Option(
        "--write-prefix",
        help="Where V7 writes: its storage's prefix. Not looked up; left out, V7 is taken to write where it reads.",
    ),
]
ListBucket = Annotated[bool, typer.Option("--list", help="V7 is to list the bucket, which MIRAX slides need.")]
ContextPairs = Annotated[
    list[str], typer.Option("--context", metavar="KEY=VALUE", help="A condition key of the request; repeatable.")
]
Absent = Annotated[
    list[str], typer.Option("--absent", metavar="KEY", help="A condition key the request does not have; repeatable.")
]


@app.command()
def check(
    target: Url = None,
    *,
    policy_file: PolicyFile = None,
    bucket: Bucket = None,
    access: Access = AccessOption.READ_WRITE,
    prefix: Prefix = None,
    write_prefix: WritePrefix = None,
    list_bucket: ListBucket = False,
    context: ContextPairs = [],
    absent: Absent = [],
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: options.DocumentReportForm = DocumentReportFormat.TEXT,
    fail_level: options.FailAt = FailLevel.ERROR,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """May V7's role read and write here, and if not, which statement is in the way?

    \b
    Examples:
      v7s3 policy check s3://acme-scans                          the policy of the bucket
      v7s3 policy check s3://acme-scans/raw --write-prefix darwin/
      v7s3 policy check --policy-file policy.json --bucket acme-scans     a file, offline
      v7s3 policy check --policy-file policy.json --format github         annotations on the file

    \b
    Exit code 1 when V7 is kept out, or when that depends on what a policy cannot say (its address, its headers):
    the text then says what to expect. The bucket's own policy needs s3:GetBucketPolicy.
    """
    from v7s3.cli.policy_input import find_target
    from v7s3.cli.reporting import require_file, show_report

    if form is DocumentReportFormat.SARIF:
        require_file(policy_file, "--policy-file")
    aim = find_target(target, bucket, prefix)
    at_aws = (profile, region, endpoint_url)
    report = _check(aim, policy_file, access, write_prefix, context, absent, at_aws, list_bucket=list_bucket)
    show_report(report, form.value, verbose=verbose and not quiet, fail_level=fail_level.value)
    return report.exit_code(fail_level.value)


@app.command()
def write(
    target: Url = None,
    *,
    bucket: Bucket = None,
    access: Access = AccessOption.READ_WRITE,
    prefix: Prefix = None,
    write_prefix: WritePrefix = None,
    list_bucket: ListBucket = False,
    merge: Annotated[
        str | None, typer.Option("--merge", metavar="FILE", help="Put our statements into this policy; - is stdin.")
    ] = None,
    kms: Annotated[
        str | None, typer.Option("--kms", metavar="KEY_ARN", help="Print the statement for this KMS key's policy.")
    ] = None,
    form: Annotated[DocumentFormat, typer.Option("--format", help="Which tool's spelling.")] = DocumentFormat.JSON,
) -> None:
    """Print the bucket policy of V7's guide, ready to paste: Permissions > Bucket policy.

    \b
    Examples:
      v7s3 policy write s3://acme-scans                          read and write, the whole bucket
      v7s3 policy write s3://acme-scans --access read-only
      v7s3 policy write s3://acme-scans/raw --write-prefix darwin/ --list
      v7s3 policy write s3://acme-scans --merge policy.json      your policy, byte by byte as it is, and ours
      v7s3 policy write s3://acme-scans --format terraform
      v7s3 policy write --kms arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab

    V7's statement has the Sid DarwinAccess; only statements of our own Sids are ever changed. Exit code 2 when the
    policy of --merge cannot be read.
    """
    from v7s3.cli.output import result_document
    from v7s3.cli.policy_input import find_target, make_profile

    aim = find_target(target, bucket, prefix)
    profile = make_profile(aim, access.value, write_prefix, list_bucket=list_bucket)
    result_document(_key_statement(kms, profile, form) if kms is not None else _written(aim, profile, merge, form))


@app.command()
def apply(
    target: Annotated[
        str, typer.Argument(metavar="s3://BUCKET[/PREFIX]", help="The bucket, and where V7 reads.", show_default=False)
    ],
    *,
    access: Access = AccessOption.READ_WRITE,
    prefix: Prefix = None,
    write_prefix: WritePrefix = None,
    list_bucket: ListBucket = False,
    restore: Annotated[
        Path | None, typer.Option("--restore", help="Put back a backup of an earlier apply.", show_default=False)
    ] = None,
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    form: Annotated[OutputFormat, typer.Option("--format", help="How to print what was done.")] = OutputFormat.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Give the bucket the statements V7 needs; every other statement stays as it is.

    \b
    Examples:
      v7s3 policy apply s3://acme-scans --dry-run     the difference, nothing else
      v7s3 policy apply s3://acme-scans               shows the difference, backs up, asks
      v7s3 policy apply s3://acme-scans --restore BACKUP.json

    \b
    Run again it changes nothing. Stops with exit code 6 when somebody changes the policy meanwhile. Exit code 1 when
    V7 is still kept out afterwards. Needs s3:GetBucketPolicy and s3:PutBucketPolicy.
    """
    from v7s3.cli.output import result, result_json
    from v7s3.cli.policy_apply import apply_policy
    from v7s3.cli.policy_input import find_target, make_profile, need_bucket
    from v7s3.render import render
    from v7s3.render.json import document
    from v7s3.s3 import AwsSettings

    aim = find_target(target, None, prefix)
    need_bucket(aim)
    needs = make_profile(aim, access.value, write_prefix, list_bucket=list_bucket)
    settings = AwsSettings(profile, region, endpoint_url)
    as_json = form is OutputFormat.JSON
    applied, report = apply_policy(aim, needs, settings, restore, yes=yes, dry_run=dry_run, as_json=as_json)
    if as_json:
        after = {key: value for key, value in document(report).items() if key != "version"}
        result_json({**applied.document(), "check": after})
    elif report.checks and not (quiet and report.exit_code() == 0):
        result(render(report, "text", verbose=verbose))
    return report.exit_code()


@app.command()
def explain(
    target: Url = None,
    *,
    policy_file: PolicyFile = None,
    principal: Annotated[
        str | None, typer.Option("--principal", help="Who asks: the ARN of a role or user, or *; else V7's role.")
    ] = None,
    action: Annotated[str, typer.Option("--action", help="The action that is asked for.")] = "s3:GetObject",
    resource: Annotated[
        str | None,
        typer.Option("--resource", help="An ARN or s3:// URL; …/* asks for every key below. Else every object."),
    ] = None,
    context: ContextPairs = [],
    absent: Absent = [],
    profile: options.Profile = None,
    region: options.Region = None,
    endpoint_url: options.EndpointUrl = None,
    form: Annotated[OutputFormat, typer.Option("--format", help="How to print the reasoning.")] = OutputFormat.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Show how a bucket policy decides one request, statement by statement. For any principal of another account.

    \b
    Examples:
      v7s3 policy explain s3://acme-scans --action s3:PutObject --resource 's3://acme-scans/darwin/*'
      v7s3 policy explain --policy-file policy.json --principal arn:aws:iam::111122223333:role/ml \\
          --action s3:GetObject --resource s3://acme-scans/raw/1.jpg --context aws:SourceIp=203.0.113.7

    \b
    Exit code 0 when it is allowed, 1 when it is denied or depends. aws:SecureTransport is taken to be true unless
    --context or --absent names it; keys that are not named are unknown, which is neither true nor false.
    """
    from v7s3.access.profile import V7_ROLE
    from v7s3.cli.output import note, result, result_json, use_colour
    from v7s3.cli.policy_explain import Explanation, remark_on_action
    from v7s3.cli.policy_input import find_target, known_context, resource_arn

    aim = find_target(target, None)
    found = _document(aim, policy_file, (profile, region, endpoint_url))
    asked = resource if resource is not None else _every_object(aim, found.text)
    if "*" in asked[:-1]:
        note(f"warning: only a * at the end asks for every key; within {asked} it is a character of one key")
    if remark := remark_on_action(action):
        note(f"warning: {remark}")
    explanation = Explanation.of(
        found.text,
        principal if principal is not None else V7_ROLE,
        action,
        resource_arn(asked),
        known_context(context, absent, found.text or "", found.facts),
    )
    if form is OutputFormat.JSON:
        result_json(explanation.document())
    else:
        result(explanation.text(verbose=verbose, only_decision=quiet, colour=use_colour(sys.stdout)))
    return 0 if explanation.decision.effect == "allowed" else 1


# --- check ----------------------------------------------------------------------------------------------------------


def _check(
    aim: Target,
    policy_file: str | None,
    access: AccessOption,
    write_prefix: str | None,
    context: list[str],
    absent: list[str],
    at_aws: AtAws,
    *,
    list_bucket: bool,
) -> Report:
    from v7s3.access.policy_check import PolicyQuestion, check_policy
    from v7s3.access.profile import V7_ROLE
    from v7s3.cli.documents import name_of
    from v7s3.cli.policy_input import in_words, known_context, make_profile, only_bucket_in
    from v7s3.report import Report

    needs = make_profile(aim, access.value, write_prefix, list_bucket=list_bucket)
    found = _document(aim, policy_file, at_aws)
    bucket = aim.bucket
    if bucket is None and isinstance(found.text, bytes):
        bucket = only_bucket_in(found.text)
    name = name_of(policy_file) if policy_file is not None else ""
    subject = name if policy_file is not None else f"s3://{bucket}"
    known = known_context(context, absent, found.text or "", found.facts)
    if bucket is None:
        checks = _without_bucket(found.text or b"", name)
    else:
        question = PolicyQuestion(found.text, bucket, needs, known, found.restricts_public, name)
        checks = check_policy(question)
    written = f"V7 writes to {needs.write_prefix}, " if needs.guesses_write_prefix else ""
    heading = f"{V7_ROLE}, {access.value}{f' on {bucket}' if bucket else ''}; assumed: {written}{in_words(known)}"
    return Report(subject, checks, heading, next_steps=_next_steps(checks))


class Found(NamedTuple):
    """A policy, None when the bucket has none, and what is known about the bucket beside it."""

    text: str | bytes | None
    facts: dict[str, str]  # condition keys that follow from the bucket
    restricts_public: bool | None = None


def _document(aim: Target, policy_file: str | None, at_aws: AtAws) -> Found:
    """The policy of the file, or of the bucket. A file is read without loading boto3."""
    from v7s3.cli.documents import read_bytes
    from v7s3.cli.policy_input import need_bucket

    if policy_file is not None:
        return Found(read_bytes(policy_file), {})
    if aim.bucket is None:
        raise UsageError("which policy?", hint="name the bucket as s3://BUCKET, or a file with --policy-file")
    from v7s3.bucket_policy import read_policy, read_public_access
    from v7s3.s3 import AwsSettings, connect

    need_bucket(aim)
    client: S3Client = connect(AwsSettings(*at_aws), aim.bucket)
    text = read_policy(client, aim.bucket)
    facts = {"aws:RequestedRegion": client.meta.region_name}
    return Found(text, facts, read_public_access(client, aim.bucket).restricts_buckets)


def _without_bucket(text: str | bytes, name: str) -> tuple[Check, ...]:
    """The document alone, when nobody said which bucket it is for and it does not tell either."""
    from v7s3.access.policy_lint import lint_policy
    from v7s3.report import Check, status_of

    findings = tuple(lint_policy(text, document=name))
    summary = "S3 would store this document" if not findings else f"{len(findings)} findings"
    reason = "not asked: it does not name one bucket; give it with --bucket"
    return (Check("policy", status_of(findings), summary, findings), Check("policy-read", "skip", reason))


def _next_steps(checks: tuple[Check, ...]) -> tuple[str, ...]:
    fixes = (finding.fix for check in checks for finding in check.findings if finding.severity == "error")
    return tuple(dict.fromkeys(fix.splitlines()[0] for fix in fixes if fix.startswith("v7s3 ")))


# --- write ----------------------------------------------------------------------------------------------------------


def _written(aim: Target, profile: AccessProfile, merge: str | None, form: DocumentFormat) -> str:
    import json
    import shlex

    from v7s3.access.policy_forms import spell_policy
    from v7s3.access.policy_lint import lint_policy
    from v7s3.access.policy_merge import merge_statements
    from v7s3.cli.documents import name_of, read_text, warn_of_refusal
    from v7s3.cli.policy_input import need_bucket
    from v7s3.cli.policy_warnings import warn_of_losses

    bucket = need_bucket(aim)
    policy, text = profile.policy(bucket), None
    if merge is not None:
        given, where = read_text(merge), f"--policy-file {shlex.quote(merge)}"
        text = merge_statements(given, profile.statements(bucket), name=name_of(merge), where=where).text
        warn_of_refusal(lint_policy(text, bucket))
        warn_of_losses(given, text, guesses_write_prefix=profile.guesses_write_prefix)
        policy = json.loads(text)
    spelled = spell_policy(policy, bucket, form.value)
    return text.removesuffix("\n") if text is not None and form is DocumentFormat.JSON else spelled


def _key_statement(key: str, profile: AccessProfile, form: DocumentFormat) -> str:
    from v7s3.access.policy_forms import spell_statement
    from v7s3.access.profile import key_problem
    from v7s3.cli.output import note

    if problem := key_problem(key):
        raise UsageError(f"--kms {key}: {problem}", hint="`aws kms list-keys` shows the ARNs of your keys")
    note(f"add this statement to the policy of {key}:")
    note(f"  aws kms get-key-policy --key-id {key} --policy-name default --query Policy --output text")
    return spell_statement(profile.key_statement(), form.value)


# --- explain --------------------------------------------------------------------------------------------------------


def _every_object(aim: Target, text: str | bytes | None) -> str:
    """All objects of the bucket, or below the prefix in its URL."""
    from v7s3.cli.policy_input import only_bucket_in

    found = only_bucket_in(text) if isinstance(text, bytes) else None
    bucket = aim.bucket if aim.bucket is not None else found
    if bucket is None:
        raise UsageError("which resource?", hint="give --resource, such as s3://BUCKET/KEY")
    return f"arn:aws:s3:::{bucket}/{aim.key}{'' if aim.key.endswith('*') else '*'}"
