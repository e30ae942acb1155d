"""May V7 decrypt what is there, and encrypt what it writes? The keys' own policies, read as the bucket's is.

What counts is the key of each object: the bucket's default concerns new objects only, V7's among them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from v7s3.access.decision import AccessRequest
from v7s3.access.evaluate import evaluate
from v7s3.access.policy import PolicyDocument
from v7s3.access.profile import V7_ACCOUNT, V7_ROLE
from v7s3.doctor import rules
from v7s3.doctor.probe import Answer, Unknown
from v7s3.errors import UsageError
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from v7s3.access.decision import Decision
    from v7s3.doctor.contents import Head
    from v7s3.report import Finding, Rule

_KMS = ("aws:kms", "aws:kms:dsse")
DECRYPT, GENERATE = "kms:Decrypt", "kms:GenerateDataKey"


@dataclass(frozen=True, slots=True)
class Default:
    """The bucket's default encryption. `key_id` is as it was configured: an ARN, an id, an alias, or "" for aws/s3."""

    algorithm: str = "AES256"
    key_id: str = ""
    bucket_key: bool = False

    @property
    def is_kms(self) -> bool:
        return self.algorithm in _KMS


@dataclass(frozen=True, slots=True)
class KmsKey:
    """One KMS key. `granted` are the operations that grants give V7's role."""

    arn: str
    manager: str = "CUSTOMER"  # or "AWS"
    state: str = "Enabled"
    policy: str | Unknown = "{}"
    granted: frozenset[str] | Unknown = frozenset()


@dataclass(frozen=True, slots=True)
class Encryption:
    """Everything that was read. `keys` has each key by the name that the default or the objects use for it."""

    bucket: str
    region: str
    default: Default | Unknown
    heads: Sequence[Head] | Unknown
    keys: Mapping[str, KmsKey | Unknown] = field(default_factory=dict)
    v7_writes: bool = True
    write_prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Use:
    """One thing V7 does with a key: the action, the encryption context, and for what, in words."""

    key: str
    action: str
    context_arn: str
    purpose: str


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why V7 cannot make one use of a key."""

    rule: Rule
    key: KmsKey
    use: _Use
    reason: str


def judge_encryption(found: Encryption) -> Answer:
    """The default's key, then the keys of the sampled objects."""
    findings: list[Finding] = []
    unknown = [str(each) for each in (found.default, found.heads) if isinstance(each, Unknown)]
    if not isinstance(found.heads, Unknown):
        findings += [
            rules.CUSTOMER_KEYS.finding("S3 wants the uploader's key", at=Location(pointer=head.key))
            for head in found.heads
            if head.customer_key
        ]
    if isinstance(found.default, Default) and found.default.is_kms and "alias/" in found.default.key_id:
        findings += _alias(found, found.default)
    problems: dict[tuple[Rule, str], list[_Problem]] = {}
    for use in _uses(found):
        key = found.keys.get(use.key)
        if key is None or isinstance(key, Unknown):
            unknown.append(f"the KMS key {_short(use.key)} ({key or 'not looked up'})")
            continue
        problem = _problem(key, use, found.region)
        if isinstance(problem, Unknown):
            unknown.append(str(problem))
        elif problem is not None:
            problems.setdefault((problem.rule, key.arn), []).append(problem)
    findings += [_finding(rule, same, found) for (rule, _), same in problems.items()]
    praise = "" if findings or unknown else _praise(found)
    return Answer(_summary(found) + praise, tuple(findings), unknown="; ".join(dict.fromkeys(unknown)))


def keys_in_use(default: Default | Unknown, heads: Sequence[Head] | Unknown) -> tuple[str, ...]:
    """The names of the KMS keys to look up; `alias/aws/s3` stands for a default that names none."""
    names = [default.key_id or "alias/aws/s3"] if isinstance(default, Default) and default.is_kms else []
    if not isinstance(heads, Unknown):
        names += [head.key_id or "alias/aws/s3" for head in heads if head.algorithm in _KMS]
    return tuple(dict.fromkeys(names))


def _uses(found: Encryption) -> Iterator[_Use]:
    """What V7 does with which key. New objects come first: they are what matters from now on."""
    on_bucket = f"arn:aws:s3:::{found.bucket}"
    if isinstance(found.default, Default) and found.default.is_kms:
        name = found.default.key_id or "alias/aws/s3"
        written = on_bucket if found.default.bucket_key else f"{on_bucket}/{found.write_prefix}new-object"
        yield _Use(name, DECRYPT, written, "read new objects (the bucket's default key)")
        if found.v7_writes:
            yield _Use(name, GENERATE, written, "write thumbnails and frames (the bucket's default key)")
    if isinstance(found.heads, Unknown):
        return
    under_kms = [head for head in found.heads if head.algorithm in _KMS]
    counted = Counter(head.key_id for head in under_kms)
    for head in under_kms:
        context = on_bucket if head.bucket_key else f"{on_bucket}/{head.key}"
        purpose = f"read {counted[head.key_id]} of {len(found.heads)} objects looked at, such as {head.key}"
        yield _Use(head.key_id or "alias/aws/s3", DECRYPT, context, purpose)


def _problem(key: KmsKey, use: _Use, region: str) -> _Problem | Unknown | None:
    """What keeps V7 from this use of the key; None when nothing does."""
    if key.manager == "AWS" or key.state != "Enabled":
        rule = rules.AWS_MANAGED_KEY if key.manager == "AWS" else rules.KEY_OUT_OF_USE
        return _Problem(rule, key, use, "" if key.manager == "AWS" else f"its state is {key.state}")
    if isinstance(key.policy, Unknown):
        return Unknown(f"the policy of {_short(key.arn)} ({key.policy})")
    try:
        decision = _decide(key, key.policy, use, region)
    except UsageError as error:
        return Unknown(f"the policy of {_short(key.arn)} ({error.message})")
    granted = not isinstance(key.granted, Unknown) and use.action.removeprefix("kms:") in key.granted
    if decision.effect == "allowed" or (granted and not _is_refused(decision)):
        return None
    rule = rules.KEY_DENIES if decision.effect == "denied" else rules.KEY_DEPENDS
    grants = f"; its grants are not known ({key.granted})" if isinstance(key.granted, Unknown) else ""
    return _Problem(rule, key, use, f"{use.action} {decision.summary}{grants}")


def _is_refused(decision: Decision) -> bool:
    """Whether a Deny statement refuses, or may refuse, which no grant outweighs."""
    return any(result.effect == "Deny" for result in decision.because)


def _finding(rule: Rule, same: Sequence[_Problem], found: Encryption) -> Finding:
    """One finding for all that V7 cannot do for the same reason."""
    key = same[0].key
    purposes = list(dict.fromkeys(problem.use.purpose for problem in same))
    reasons = "; ".join(dict.fromkeys(problem.reason for problem in same if problem.reason))
    verb = "may not be able to" if rule is rules.KEY_DEPENDS else "cannot"
    listed = " or ".join(filter(None, (", ".join(purposes[:-1]), purposes[-1])))
    message = f"V7 {verb} {listed}" + (f": {reasons}" if reasons else "")
    return rule.finding(message, at=Location(name=_short(key.arn)), fix=_fix(rule, key, found))


def _fix(rule: Rule, key: KmsKey, found: Encryption) -> str:
    """The command for this key; "" for the rule's own words."""
    if rule is rules.AWS_MANAGED_KEY:
        return ""
    if rule is rules.KEY_OUT_OF_USE:
        enable = f"aws kms enable-key --key-id {key.arn}"
        return (
            f"aws kms cancel-key-deletion --key-id {key.arn} && {enable}" if key.state == "PendingDeletion" else enable
        )
    access = "" if found.v7_writes else " --access read-only"
    return f"v7s3 policy write s3://{found.bucket}{access} --kms {key.arn}\nand add the statement to the key's policy"


def _decide(key: KmsKey, text: str, use: _Use, region: str) -> Decision:
    """The key policy's answer to V7's role, which comes through S3 and names the object it is about."""
    context = {
        "kms:ViaService": f"s3.{region}.amazonaws.com",
        "kms:CallerAccount": V7_ACCOUNT,
        "kms:EncryptionContext:aws:s3:arn": use.context_arn,
        "kms:EncryptionContextKeys": ["aws:s3:arn"],
        "kms:GrantIsForAWSResource": None,
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": region,
    }
    return evaluate(PolicyDocument.parse(text), AccessRequest(V7_ROLE, use.action, key.arn, context))


def _alias(found: Encryption, default: Default) -> Iterator[Finding]:
    if not found.v7_writes or default.key_id.startswith("arn:"):
        return
    key = found.keys.get(default.key_id)
    arn = key.arn if isinstance(key, KmsKey) else "KEY_ARN"
    if isinstance(key, KmsKey) and key.manager == "AWS":
        return  # said once, as ENC001
    yield rules.DEFAULT_IS_ALIAS.finding(
        f"the default key is {default.key_id}", fix=f"set the default's KMSMasterKeyID to {arn}"
    )


# --- in words -------------------------------------------------------------------------------------------------------
def _summary(found: Encryption) -> str:
    parts = [f"default {_words(found.default)}"] if isinstance(found.default, Default) else []
    if not isinstance(found.heads, Unknown):
        kinds = Counter(_kind(head) for head in found.heads)
        counted = [f"{count} object{'' if count == 1 else 's'} {kind}" for kind, count in kinds.most_common()]
        parts.append(", ".join(counted) or "no objects yet")
    return "; ".join(parts)


def _praise(found: Encryption) -> str:
    return {0: "", 1: "; the key lets V7 in"}.get(len(found.keys), "; the keys let V7 in")


def _kind(head: Head) -> str:
    if head.customer_key:
        return "SSE-C"
    return {"AES256": "SSE-S3", "": "not encrypted"}.get(head.algorithm, f"SSE-KMS {_short(head.key_id)}".strip())


def _words(default: Default) -> str:
    return f"SSE-KMS {_short(default.key_id) or 'aws/s3'}" if default.is_kms else "SSE-S3"


def _short(name: str) -> str:
    return name.rpartition("key/")[2] if ":key/" in name else name
