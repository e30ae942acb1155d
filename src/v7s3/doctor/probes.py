"""The probes, in the order in which they are reported: what is read, and who judges it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from v7s3.access import cors_rules
from v7s3.access.cors_answer import Promise
from v7s3.access.cors_check import bucket_check
from v7s3.access.cors_write import mending_command
from v7s3.access.decision import AccessRequest
from v7s3.access.evaluate import evaluate
from v7s3.access.policy import PolicyDocument
from v7s3.access.policy_check import PolicyQuestion, check_policy
from v7s3.access.profile import V7_ROLE
from v7s3.activation import WHOLE_BUCKET, Activation, compare, recorded
from v7s3.cors_probe import Target, live_checks
from v7s3.doctor import rules
from v7s3.doctor.contents import Tagged, is_archived, judge_absence, judge_archive, judge_objects, judge_tags
from v7s3.doctor.encryption import Encryption, judge_encryption
from v7s3.doctor.naming import judge_name, judge_region
from v7s3.doctor.ownership import judge_ownership
from v7s3.doctor.probe import Answer, Call, Probe, UnansweredError, Unknown, attempt, known
from v7s3.doctor.public import PublicAccess, judge_public_access
from v7s3.doctor.threads import side_by_side
from v7s3.doctor.uploads import judge_uploads
from v7s3.errors import CredentialsError, NotFoundError, ServiceError, UsageError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from v7s3.access.cors import CORSConfiguration
    from v7s3.access.profile import AccessProfile
    from v7s3.doctor.reads import Reads
    from v7s3.report import Check, Finding

_SOON = timedelta(minutes=15)
_TAG = re.compile(r"s3:existingobjecttag/([^\"\s,\]}]+)", re.IGNORECASE)
_STORAGES = "GET /api/teams/TEAM/storage"
_LIVE_OBJECTS = 2
_PRESIGNED = 300  # seconds


# --- who asks, and about what ---------------------------------------------------------------------------------------
def look_identity(reads: Reads) -> Answer:
    try:
        caller = reads.caller()
    except CredentialsError as error:
        return Answer(error.message, (rules.NO_AWS.finding(error.message, fix=error.hint),))
    except V7S3Error as error:  # a server without STS; what it says of the bucket is still worth asking
        raise UnansweredError(error.message) from error
    summary = f"{caller.account} as {caller.arn.rpartition(':')[2]} ({caller.source})"
    if caller.expires is None:
        return Answer(summary)
    left = caller.expires - datetime.now(UTC)
    if left > _SOON:
        return Answer(summary)
    minutes = max(int(left.total_seconds() // 60), 0)
    return Answer(summary, (rules.ENDS_SOON.finding(f"they end in {minutes} min"),))


def look_name(reads: Reads) -> Answer:
    return judge_name(reads.asked.bucket)


def look_bucket(reads: Reads) -> Answer:
    try:
        bucket = reads.bucket()
    except NotFoundError as error:
        return Answer(error.message, (rules.NO_BUCKET.finding(error.message, fix=error.hint),))
    where = bucket.region or "a region that is not named"
    findings = list(judge_region(bucket.region))
    if bucket.refused:
        return Answer(f"exists in {where}", tuple(findings), unknown=f"whose it is ({bucket.refused})")
    if bucket.is_ours is False:
        findings.append(rules.OTHER_ACCOUNT.finding("HeadBucket with your account as the expected owner is refused"))
    unknown = "whose it is" if bucket.is_ours is None else ""
    return Answer(f"exists in {where}", tuple(findings), unknown=unknown)


# --- the policy and what stands beside it ---------------------------------------------------------------------------
def look_policy(reads: Reads) -> Answer:
    text = reads.policy()
    sample = known(reads.sample)
    slides = not isinstance(sample, Unknown) and any(each.key.lower().endswith(".mrxs") for each in sample.objects)
    profile, source = reads.profile(list_bucket=slides)
    return judge_policy(reads.asked.bucket, text, profile, source, policy_context(text or "", reads))


def judge_policy(
    bucket: str,
    text: str | bytes | None,
    profile: AccessProfile,
    source: str,
    context: Mapping[str, str],
    document: str = "",
) -> Answer:
    """The checks of `v7s3 policy check` as one answer; whether the policy is public is another probe's question."""
    question = PolicyQuestion(text, bucket, profile, context, restricts_public=False, document=document)
    checks = [check for check in check_policy(question) if check.ident != "policy-public"]
    found = [finding for check in checks for finding in check.findings]
    findings = tuple(finding for finding in dict.fromkeys(found) if finding.severity != "info")
    remarks = tuple(f"{each.rule.ident}: {each.message}" for each in found if each.severity == "info")
    failed = [check.summary for check in checks if check.status == "fail" and (text is None or check.ident != "policy")]
    if not failed and any(check.status == "fail" for check in checks):
        failed = ["S3 would not store this document"]
    unread = [check.summary for check in checks if check.status == "skip"]
    summary = "; ".join(failed) or _may(bucket, profile)
    assumed = f" ({profile.access} {source.partition(',')[0]})" if source.startswith("assumed") else ""
    return Answer(summary + assumed, findings, (f"access: {source}", *remarks), "; ".join(unread if not failed else ()))


def _may(bucket: str, profile: AccessProfile) -> str:
    """`V7's role may GetObject on raw/* and darwin/*, PutObject on darwin/*`."""
    places: dict[str, list[str]] = {}
    for need in profile.needs(bucket):
        key = need.resource.removeprefix(f"arn:aws:s3:::{bucket}").removeprefix("/") or "the bucket"
        places.setdefault(need.action.removeprefix("s3:"), []).append(key)
    parts = (f"{action} on {' and '.join(keys)}" for action, keys in places.items())
    return f"V7's role may {', '.join(parts)}"


def policy_context(text: str, reads: Reads) -> dict[str, str]:
    """Condition keys that are known: HTTPS, and the time, the region and the account when the policy asks for them."""
    now = datetime.now(UTC)
    facts = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": reads.region,
    }
    bucket, caller = reads.bucket.read, reads.caller.read
    if bucket is not None and bucket.is_ours and caller is not None:
        facts |= {"aws:ResourceAccount": caller.account, "s3:ResourceAccount": caller.account}
    asked = {key: value for key, value in facts.items() if key.lower() in text.lower()}
    return {"aws:SecureTransport": "true", **asked}


def look_public_access(reads: Reads) -> Answer:
    return judge_public_access(
        PublicAccess(
            known(reads.policy), known(reads.policy_is_public), known(reads.bucket_blocks), known(reads.account_blocks)
        )
    )


def look_ownership(reads: Reads) -> Answer:
    setting = known(reads.ownership)
    profile, _ = reads.profile()
    sample = known(reads.sample)
    objects = (
        sample
        if isinstance(sample, Unknown)
        else [
            each for each in sample.objects if not (profile.write_prefix and each.key.startswith(profile.write_prefix))
        ]
    )
    return judge_ownership(setting, known(reads.owner), objects, v7_writes=profile.access == "read-write")


def look_encryption(reads: Reads) -> Answer:
    profile, _ = reads.profile()
    found = Encryption(
        reads.asked.bucket,
        reads.region,
        known(reads.encryption),
        known(reads.heads),
        reads.keys(),
        profile.access == "read-write",
        profile.write_prefix,
    )
    return _complete(judge_encryption(found), reads)


def _complete(answer: Answer, reads: Reads) -> Answer:
    """The answer, with the objects that could not be read named as such."""
    unread = known(reads.unread)
    if isinstance(unread, Unknown) or not unread:
        return answer  # when none could be read, the answer says so itself
    return replace(answer, unknown="; ".join(part for part in (answer.unknown, unread) if part))


def look_requester_pays(reads: Reads) -> Answer:
    payer = reads.payer()
    if payer == "BucketOwner":
        return Answer("the bucket's owner pays")
    return Answer("whoever asks pays", (rules.REQUESTER_PAYS.finding(f"Payer is {payer}"),))


def look_uploads(reads: Reads) -> Answer:
    profile, _ = reads.profile()
    if profile.access == "read-only":
        return Answer("V7 does not write to a read-only storage")
    return judge_uploads(reads.retention())


# --- the objects ----------------------------------------------------------------------------------------------------
def look_objects(reads: Reads) -> Answer:
    sample = reads.sample()
    if sample.objects:
        return _complete(judge_objects(sample, known(reads.heads)), reads)
    near, deleted = reads.near() if reads.asked.key else ([], False)
    return judge_absence(reads.asked.key, near, deleted=deleted)


def look_archive(reads: Reads) -> Answer:
    return _complete(judge_archive(known(reads.heads), known(reads.lifecycle), reads.asked.key), reads)


def look_tags(reads: Reads) -> Answer:
    text = reads.policy() or ""
    names = tuple(dict.fromkeys(_TAG.findall(text)))
    if not names:
        return Answer("no statement of the policy looks at object tags")
    policy, context = PolicyDocument.parse(text), policy_context(text, reads)

    def decided(each: Tagged) -> Tagged:
        arn = f"arn:aws:s3:::{reads.asked.bucket}/{each.key}"
        tags = {f"s3:ExistingObjectTag/{name}": each.tags.get(name) for name in names}
        decision = evaluate(policy, AccessRequest(V7_ROLE, "s3:GetObject", arn, {**context, **tags}))
        return Tagged(each.key, each.tags, decision.effect)

    return judge_tags([decided(each) for each in reads.tagged()], names)


# --- the browser ----------------------------------------------------------------------------------------------------
def look_cors(reads: Reads) -> Answer:
    cors = reads.cors()
    check = bucket_check(cors, reads.asked.origins, _cors_fix(reads, cors))
    return Answer(check.summary, check.findings, check.notes)


def _cors_fix(reads: Reads, cors: CORSConfiguration | None) -> str:
    return mending_command(f"v7s3 cors apply s3://{reads.asked.bucket}", cors, reads.asked.origins)


def look_cors_live(reads: Reads) -> Answer:
    """What a browser does: a preflight, and a GET of one byte by presigned URL, with the page's origin."""
    cors = attempt(reads.cors)
    promise = Promise(False) if isinstance(cors, Unknown) else Promise(True, cors)
    targets = _targets(reads)
    fix = _cors_fix(reads, promise.configuration)
    return _judge_live(side_by_side(lambda target: live_checks(target, reads.asked.origins, promise, fix), targets))


def _targets(reads: Reads) -> list[Target]:
    """Objects that their owner can read; without any, the bucket alone."""
    heads = attempt(reads.heads)
    found = [] if isinstance(heads, Unknown) else heads
    readable = [head.key for head in found if head.size and not head.customer_key and not is_archived(head)]
    why = f"no object was loaded ({heads})" if isinstance(heads, Unknown) else "there is no object to load"
    client = reads.aws.s3 if readable else reads.aws.anonymous
    bucket = reads.asked.bucket
    targets = []
    for key in readable[:: max(len(readable) - 1, 1)][:_LIVE_OBJECTS] or ["v7s3-cors-preflight"]:
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_PRESIGNED)
        targets.append(Target(bucket, key if readable else "", url.partition("?")[0], url if readable else None, why))
    return targets


def _judge_live(answers: Sequence[Sequence[Check]]) -> Answer:
    """From the checks of each object. An operator who may not read one proves nothing about V7: no finding here."""
    checks = [check for of_object in answers for check in of_object]
    if all(check.status == "error" for check in checks):
        raise ServiceError(checks[0].summary, hint=checks[0].notes[0] if checks[0].notes else "")
    unserved = [
        finding for check in checks for finding in check.findings if finding.rule is cors_rules.LIVE_NO_PERMISSION
    ]
    findings: list[Finding] = list(
        dict.fromkeys(
            finding
            for check in checks
            for finding in check.findings
            if finding.rule is not cors_rules.LIVE_NO_PERMISSION
        )
    )
    unknown = [check.summary for check in checks if check.status in ("skip", "error")]
    if unserved:
        unknown.append(f"you are refused the object ({unserved[0].message}), which says nothing about V7")
    answered = [check.summary for check in checks if check.ident == "preflight" and check.status != "error"][:1]
    shown = sum(all(_shows(check) for check in of_object) for of_object in answers)
    loaded = [f"a browser is shown {shown} of {len(answers)} objects tried"] if shown else []
    notes = tuple(dict.fromkeys(note for check in checks for note in check.notes))
    return Answer("; ".join([*answered, *loaded]), tuple(findings), notes, "; ".join(dict.fromkeys(unknown)))


def _shows(check: Check) -> bool:
    """Whether it does not speak against the object being shown. A GET that was refused is a warning, and does."""
    if check.ident != "get":
        return True
    refused = any(finding.rule is cors_rules.LIVE_NO_PERMISSION for finding in check.findings)
    return check.status in ("ok", "warn") and not refused


# --- V7 -------------------------------------------------------------------------------------------------------------
def look_v7_key(reads: Reads) -> Answer:
    try:
        own = reads.v7.own_team()
    except CredentialsError as error:
        return Answer("V7 refuses the key", (rules.V7_REFUSES.finding(error.message, fix=error.hint),))
    summary = f"valid, team {own} ({reads.v7.source})"
    asked = reads.asked.team
    if asked and asked != own:
        message = f"the key is of team {own!r}, asked for was {asked!r}"
        return Answer(summary, (rules.OTHER_TEAM.finding(message, fix=f"--team {own}, or a key of team {asked}"),))
    return Answer(summary)


def look_dataset(reads: Reads) -> Answer:
    wanted, team = reads.asked.dataset, reads.v7.team
    slugs = [one.slug for one in reads.v7.datasets() if one.team_slug in ("", team)]
    known_ones = ", ".join(slugs[:20]) or "none"
    if not wanted:
        return Answer("", notes=(f"datasets of {team}: {known_ones}",), unknown="no --dataset was given")
    if wanted in slugs:
        return Answer(f"{wanted} exists")
    return Answer(f"no dataset {wanted}", (rules.NO_DATASET.finding(f"team {team} has: {known_ones}"),))


def look_storage(reads: Reads) -> Answer:
    """V7's record against what was asked for, as `v7s3 activation status` compares them."""
    asked = reads.asked
    storages = reads.v7.storages()
    bucket = attempt(reads.bucket)
    region = "" if isinstance(bucket, Unknown) else bucket.region
    activation = Activation(asked.bucket, reads.v7.team, region, asked.write_prefix, asked.access, asked.storage)
    report = compare(activation, storages)
    storage = recorded(activation, storages)
    if storage is None:
        (check,) = report.checks
        return Answer("", unknown=check.summary) if check.status == "skip" else Answer(check.summary, check.findings)
    findings = list(report.findings)
    if not storage.readonly and not storage.prefix.strip("/"):
        findings.append(WHOLE_BUCKET.finding(f"the storage {storage.name} has no prefix"))
    kind = (
        "read-only" if storage.readonly else f"read-write, writes to {storage.prefix.strip('/') or 'the whole bucket'}"
    )
    unsaid = [name for name, value in (("bucket", storage.bucket), ("region", storage.region)) if not value]
    unknown = f"V7 does not say its {' and '.join(unsaid)}" if unsaid else ""
    where = ", ".join(part for part in (storage.bucket, storage.region, kind) if part)
    return Answer(f"{storage.name}: {where}", tuple(findings), unknown=unknown)


# --- what cannot be seen --------------------------------------------------------------------------------------------
def look_organisation(_reads: Reads) -> Answer:
    return Answer(
        "",
        notes=(
            "SCPs, RCPs and declarative policies of your organisation can deny V7",
            "its management account sees them: organizations:ListPolicies and organizations:DescribePolicy",
            "policies of VPC endpoints concern your own network's requests, not V7's",
        ),
        unknown="SCPs, RCPs and VPC endpoint policies are not visible from here",
    )


def look_v7_side(_reads: Reads) -> Answer:
    return Answer(
        "",
        notes=(
            "V7's role needs rights of its own for this bucket and key: if all else is green, ask V7's support",
            "presigned URLs fail when they or their session have ended, clocks are wrong, or a proxy encodes twice",
            "the answer's code tells: ExpiredToken, RequestTimeTooSkewed and SignatureDoesNotMatch are no rights",
            "V7 uses the plain host of the bucket, never s3-accelerate, an access point or a website endpoint",
            "server access logs and CloudTrail data events show whether V7's requests arrive, and for which keys",
        ),
        unknown="V7's own rights and its presigned URLs are seen by V7 alone; `--canary` tries them",
    )


# --- the list -------------------------------------------------------------------------------------------------------
_LIST = Call("list_objects_v2", "s3:ListBucket")
_HEAD = Call("head_object", "s3:GetObject")
_AWS = ("identity", "name", "bucket")

PROBES: tuple[Probe[Reads], ...] = (
    Probe("identity", "who you are at AWS, and until when", look_identity, (Call("sts get_caller_identity"),)),
    Probe("name", "whether V7 can use a bucket of this name and kind", look_name),
    Probe(
        "bucket", "that the bucket exists, where, and whose it is", look_bucket,
        (Call("head_bucket", "s3:ListBucket"),), after=("name",),
    ),
    Probe(
        "policy", "what the bucket policy lets V7's role do", look_policy,
        (Call("get_bucket_policy", "s3:GetBucketPolicy"), _LIST), after=_AWS,
    ),
    Probe(
        "public-access", "Block Public Access together with a public policy", look_public_access,
        (
            Call("get_bucket_policy_status", "s3:GetBucketPolicyStatus"),
            Call("get_public_access_block", "s3:GetBucketPublicAccessBlock"),
            Call("s3control get_public_access_block", "s3:GetAccountPublicAccessBlock"),
            Call("get_bucket_policy", "s3:GetBucketPolicy"),
        ), after=_AWS,
    ),
    Probe(
        "ownership", "objects that belong to other accounts", look_ownership,
        (
            Call("get_bucket_ownership_controls", "s3:GetBucketOwnershipControls"),
            Call("get_bucket_acl", "s3:GetBucketAcl"),
            _LIST,
        ), after=_AWS,
    ),
    Probe(
        "encryption", "KMS keys of the bucket and its objects, and their policies", look_encryption,
        (
            Call("get_bucket_encryption", "s3:GetEncryptionConfiguration"),
            _LIST,
            _HEAD,
            Call("kms describe_key", "kms:DescribeKey"),
            Call("kms get_key_policy", "kms:GetKeyPolicy"),
            Call("kms list_grants", "kms:ListGrants"),
        ), after=_AWS,
    ),
    Probe(
        "requester-pays", "who pays for requests", look_requester_pays,
        (Call("get_bucket_request_payment", "s3:GetBucketRequestPayment"),), after=_AWS,
    ),
    Probe(
        "archive", "archived objects, and lifecycle rules that will archive or delete", look_archive,
        (_LIST, _HEAD, Call("get_bucket_lifecycle_configuration", "s3:GetLifecycleConfiguration")), after=_AWS,
    ),
    Probe(
        "objects", "missing, empty and oddly typed objects", look_objects,
        (_LIST, _HEAD, Call("list_object_versions", "s3:ListBucketVersions")), after=_AWS,
    ),
    Probe(
        "tags", "object tags that the policy asks for", look_tags,
        (Call("get_bucket_policy", "s3:GetBucketPolicy"), _LIST, Call("get_object_tagging", "s3:GetObjectTagging")),
        after=_AWS,
    ),
    Probe(
        "uploads", "what stops V7's writes: Object Lock", look_uploads,
        (Call("get_object_lock_configuration", "s3:GetBucketObjectLockConfiguration"),), after=_AWS,
    ),
    Probe("cors", "the CORS rules", look_cors, (Call("get_bucket_cors", "s3:GetBucketCORS"),), after=_AWS),
    Probe(
        "cors-live", "what S3 answers a browser", look_cors_live,
        (Call("OPTIONS object"), Call("GET object, presigned, first byte", "s3:GetObject"), _LIST, _HEAD),
        after=("name", "bucket"),
    ),
    Probe("v7-key", "the V7 API key and its team", look_v7_key, (Call("GET /api/users/token_info"),)),
    Probe("dataset", "that the dataset exists", look_dataset, (Call("GET /api/datasets"),), after=("v7-key",)),
    Probe("storage", "V7's record of the bucket", look_storage, (Call(_STORAGES),), after=("v7-key",)),
    Probe("organisation", "policies of the organisation (cannot be seen)", look_organisation),
    Probe("v7-side", "V7's own side (cannot be seen)", look_v7_side),
)  # fmt: skip


def probe_named(ident: str) -> Probe[Any]:
    """Raises UsageError with the nearest name for one that does not exist."""
    from difflib import get_close_matches  # noqa: PLC0415  # only for mistakes

    for probe in PROBES:
        if probe.ident == ident:
            return probe
    near = get_close_matches(ident, [probe.ident for probe in PROBES], n=1)
    hint = f"did you mean {near[0]}?" if near else "`v7s3 doctor --list-checks` lists them"
    raise UsageError(f"there is no check {ident!r}", hint=hint)
