"""What to say before a policy is changed, without a network."""

from __future__ import annotations

from contextlib import suppress

from v7s3.access.policy import PolicyDocument
from v7s3.access.policy_losses import losses
from v7s3.cli.output import note
from v7s3.errors import UsageError


def warn_of_losses(before: str | None, after: str | None, *, guesses_write_prefix: bool) -> None:
    """Say what V7 may do by the policy `before` and no longer `after`; None is a bucket without a policy.

    With `guesses_write_prefix` nobody said where V7 writes, so the way to say it is told. A document that cannot be
    read gives no warning: others say what is wrong with it.
    """
    with suppress(UsageError):
        lost = losses(PolicyDocument.parse(before), PolicyDocument.parse(after) if after else None) if before else {}
        for sentence in lost.values():
            note(f"warning: {sentence}")
        if guesses_write_prefix and "s3:PutObject" in lost:
            note("  if V7's storage has another prefix, say it with --write-prefix: it is not looked up")
