"""What V7 may do by one policy and may no longer by another, in words for the person who is about to change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.access.decision import AccessRequest
from v7s3.access.evaluate import evaluate
from v7s3.access.profile import V7_ROLE
from v7s3.access.variables import ARN_PARTS

if TYPE_CHECKING:
    from v7s3.access.policy import PolicyDocument

_VERBS = {"s3:GetObject": "read", "s3:PutObject": "write", "s3:ListBucket": "list"}


def losses(before: PolicyDocument, after: PolicyDocument | None) -> dict[str, str]:
    """A sentence for each action that V7 may take `before`, and `after` not on all of the same objects any more.

    `V7 may write acme-frames/* now, and would only acme-frames/raw/*`. None is a bucket without a policy.
    """
    found = {}
    for action, verb in _VERBS.items():
        lost = [resource for resource in _allowed(before, action) if not _allows(after, action, resource)]
        if lost:
            kept = _allowed(after, action)
            rest = f"and would only {_shown(kept)}" if kept else "and could no longer afterwards"
            found[action] = f"V7 may {verb} {_shown(lost)} now, {rest}"
    return found


def _allowed(policy: PolicyDocument | None, action: str) -> list[str]:
    """The resources that an Allow statement names and on all of which V7 may do this."""
    statements = policy.statements if policy is not None else ()
    named = dict.fromkeys(text for each in statements if each.effect == "Allow" for text in each.resources or ())
    return [text for text in named if _suits(text, action) and _allows(policy, action, text)]


def _suits(resource: str, action: str) -> bool:
    """Whether the resource is one that this action is about, a bucket or its objects; what is no ARN is neither."""
    if not resource.startswith("arn:") or resource.count(":") < ARN_PARTS - 1:
        return False
    return "/" not in resource if action == "s3:ListBucket" else "/" in resource or resource.endswith("*")


def _allows(policy: PolicyDocument | None, action: str, resource: str) -> bool:
    request = AccessRequest(V7_ROLE, action, resource, {"aws:SecureTransport": "true"})
    return evaluate(policy, request).effect == "allowed"


def _shown(resources: list[str]) -> str:
    return " and ".join(resource.rpartition(":")[2] for resource in resources)
