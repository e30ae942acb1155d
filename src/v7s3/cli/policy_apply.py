"""`v7s3 policy apply`: what to write, what to say beforehand, and what V7 may do afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from v7s3.access.evaluate import AccessRequest, evaluate
from v7s3.access.jsontext import python_value, read
from v7s3.access.policy import PolicyDocument
from v7s3.access.policy_check import PolicyQuestion, check_policy
from v7s3.access.policy_forms import spell_json
from v7s3.access.policy_lint import lint_policy
from v7s3.access.policy_merge import merge_statements
from v7s3.access.policy_rules import DELETED_PRINCIPAL
from v7s3.access.profile import V7_ROLE
from v7s3.access.public import public_statements
from v7s3.apply import load_backup, make_plan
from v7s3.bucket_policy import owner_in_tags, policy_store, read_public_access
from v7s3.cli.applying import Applied, settle
from v7s3.cli.output import note
from v7s3.cli.policy_input import known_context, need_bucket
from v7s3.cli.policy_warnings import warn_of_losses
from v7s3.errors import UsageError
from v7s3.report import Report
from v7s3.s3 import connect

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client

    from v7s3.access.profile import AccessProfile
    from v7s3.apply import Plan
    from v7s3.bucket_policy import PublicAccess
    from v7s3.cli.policy_input import Target
    from v7s3.s3 import AwsSettings


def apply_policy(
    aim: Target,
    profile: AccessProfile,
    settings: AwsSettings,
    restore: Path | None,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> tuple[Applied, Report]:
    """Read, plan, warn, settle; then check what the bucket has (or, after a dry run, would have).

    Raises UsageError for a policy that cannot be merged or stored, and what `settle` raises. A restored policy is not
    checked: it was wanted as it is.
    """
    bucket = need_bucket(aim)
    client = connect(settings, bucket)
    store = policy_store(client, bucket)
    before = store.read()
    after = load_backup(restore, "policy", bucket) if restore is not None else wanted_policy(before, bucket, profile)
    plan = make_plan("policy", bucket, before, after, store)
    public_access = read_public_access(client, bucket)
    if plan.changes:
        _refuse_what_s3_refuses(plan)
        _warn(plan, client, public_access)
        guesses = restore is None and profile.guesses_write_prefix
        warn_of_losses(plan.before, plan.after, guesses_write_prefix=guesses)
    applied = settle(plan, store, yes=yes, dry_run=dry_run, as_json=as_json)
    if restore is not None:
        return applied, Report(f"s3://{bucket}", ())
    facts = {"aws:RequestedRegion": client.meta.region_name}
    context = known_context((), (), after or "", facts)
    question = PolicyQuestion(after, bucket, profile, context, public_access.restricts_buckets)
    return applied, Report(f"s3://{bucket}", check_policy(question))


def wanted_policy(before: str | None, bucket: str, profile: AccessProfile) -> str:
    """The policy with what V7 needs: the guide's, or the one there is with our statements put in.

    What already lets V7 do all it needs stays as it is, unless a statement with one of our Sids, without which it does
    not suffice, says something else.
    """
    if before is None:
        return spell_json(profile.policy(bucket))
    merged = merge_statements(
        before, profile.statements(bucket), name=f"the policy of {bucket}", where=f"s3://{bucket}"
    )
    policy = PolicyDocument.parse(before)
    others = tuple(each for each in policy.statements if each.sid not in merged.updated)
    suffices = all(_suffices(each, bucket, profile) for each in (policy, replace(policy, statements=others)))
    return before if suffices else merged.text


def _suffices(policy: PolicyDocument, bucket: str, profile: AccessProfile) -> bool:
    context = {"aws:SecureTransport": "true"}
    needs = profile.needs(bucket)
    requests = (AccessRequest(V7_ROLE, need.action, need.resource, context) for need in needs)
    return all(evaluate(policy, request).effect == "allowed" for request in requests)


def _refuse_what_s3_refuses(plan: Plan) -> None:
    """What was wrong before is S3's business; a new error is ours, and so is a principal deleted since S3 looked."""
    before = lint_policy(plan.before or "", plan.bucket)
    old = {finding.message for finding in before if finding.rule is not DELETED_PRINCIPAL}
    findings = lint_policy(plan.after, plan.bucket) if plan.after is not None else []
    new = [finding for finding in findings if finding.severity == "error" and finding.message not in old]
    if new:
        raise UsageError(
            f"S3 would refuse the new policy: {new[0].rule.ident} {new[0].message}",
            hint=f"nothing was written; {new[0].fix}",
        )


def _warn(plan: Plan, client: S3Client, public_access: PublicAccess) -> None:
    """What a person should know before saying yes."""
    owner = owner_in_tags(client, plan.bucket)
    if owner:
        note(f"warning: the bucket is managed by {owner}: its next run may undo this change")
        note("  `v7s3 policy write --format terraform` or `--format cloudformation` prints the policy for its source")
    value = python_value(root) if plan.after is not None and (root := read(plan.after).root) is not None else None
    if not isinstance(value, dict):
        return
    public = public_statements(PolicyDocument.parse(value))
    if public and public_access.blocks_policy:
        names = ", ".join(statement.label for statement in public)
        note(f"warning: S3 will refuse this: Block Public Access (BlockPublicPolicy) is on, and {names} is public")
