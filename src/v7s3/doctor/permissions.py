"""The least that somebody who runs v7s3 has to be allowed, as an IAM policy for their user or role."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from v7s3.access.actions import ACTIONS
from v7s3.doctor.probes import PROBES
from v7s3.errors import UsageError

_POLICY_READ = ("s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock")

# The actions of each command; none for those that ask AWS for nothing.
NEEDED: dict[str, tuple[str, ...]] = {
    "doctor": tuple(dict.fromkeys(action for probe in PROBES for action in probe.permissions)),
    "canary": ("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    "policy check": _POLICY_READ,
    "policy apply": (*_POLICY_READ, "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketTagging"),
    "policy explain": _POLICY_READ,
    "cors check": ("s3:GetBucketCORS", "s3:ListBucket", "s3:GetObject"),
    "cors apply": ("s3:GetBucketCORS", "s3:PutBucketCORS", "s3:GetBucketTagging"),
    "activation write": ("s3:ListBucket",),
    "activation status": ("s3:ListBucket",),
    "register": ("s3:ListBucket", "s3:GetObject"),
    "prepare": ("s3:ListBucket", "s3:GetObject", "s3:PutObject"),
    "drift": ("s3:ListBucket",),
    "ledger rebuild": ("s3:ListBucket",),
    **dict.fromkeys(("status", "whoami", "explain", "demo", "policy write", "cors write"), ()),
    **dict.fromkeys((f"ledger {name}" for name in ("show", "export", "import", "merge", "forget")), ()),
}
# What a policy has no place for: which options some of the actions are for, and which need others.
REMARKS: dict[str, str] = {
    "register": "s3:GetObject is for the key checks of --keys-from, --manifest and --check-keys, and for --inventory; "
    "a listing does without. Not in it: s3:GetObjectTagging (--tags-from-object), s3:PutObject (--prepare), "
    "sqs:ReceiveMessage and sqs:DeleteMessage (--sqs)",
    "prepare": "--clean --yes also needs s3:DeleteObject on the artifacts' prefix",
}


def iam_policy(command: str, bucket: str, prefix: str) -> dict[str, Any]:
    """The policy for `command` ("register", "policy apply") on the objects below `prefix`.

    Raises UsageError for a command that is not known, or that asks AWS for nothing.
    """
    actions = NEEDED.get(command)
    if actions is None:
        near = get_close_matches(command, NEEDED, n=1)
        known = ", ".join(name for name, some in NEEDED.items() if some)
        hint = f"did you mean --command '{near[0]}'?" if near else f"those that ask AWS: {known}"
        raise UsageError(f"no permissions are known for {command!r}", hint=hint)
    if not actions:
        raise UsageError(f"`v7s3 {command}` asks AWS for nothing that has to be allowed", hint="it needs no IAM policy")
    below = "" if command == "prepare" else prefix  # prepare reads below the prefix and writes elsewhere
    resources = {
        "bucket": f"arn:aws:s3:::{bucket}",
        "object": f"arn:aws:s3:::{bucket}/{below}*",
        "other": "*",
    }
    groups: dict[str, list[str]] = {kind: [] for kind in resources}
    for action in actions:
        service, _, name = action.partition(":")
        groups[ACTIONS[name] if service == "s3" else "other"].append(action)
    statements = [
        {"Sid": f"V7s3{kind.title()}", "Effect": "Allow", "Action": sorted(group), "Resource": resources[kind]}
        for kind, group in groups.items()
        if group
    ]
    return {"Version": "2012-10-17", "Statement": statements}
