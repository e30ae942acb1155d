"""Block Public Access and a public policy, taken together: one public statement can shut V7 out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from v7s3.access.policy import PolicyDocument
from v7s3.access.public import public_statements
from v7s3.doctor import rules
from v7s3.doctor.probe import Answer, Unknown
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

RESTRICTS = "RestrictPublicBuckets"


@dataclass(frozen=True, slots=True)
class PublicAccess:
    """What could be read. `policy` and the settings are None where the bucket or account has none.

    `is_public` is S3's own verdict.
    """

    policy: str | Unknown | None
    is_public: bool | Unknown
    of_bucket: Mapping[str, bool] | Unknown | None
    of_account: Mapping[str, bool] | Unknown | None


def judge_public_access(found: PublicAccess) -> Answer:
    """S3's verdict goes before the policy's text; the strictest of bucket and account counts."""
    statements = _public_labels(found.policy)
    if isinstance(found.is_public, Unknown) and isinstance(statements, Unknown):
        return Answer("", unknown=found.is_public.reason)
    public = bool(statements) if isinstance(found.is_public, Unknown) else found.is_public
    notes: tuple[str, ...] = (_setting("bucket", found.of_bucket), _setting("account", found.of_account))
    if not public:
        if isinstance(statements, tuple) and statements:
            notes = (*notes, f"S3 does not call the policy public; v7s3 would, for {' and '.join(statements)}")
        return Answer("the policy is not public, so Block Public Access does not concern V7", notes=notes)
    who = "S3 calls the policy public"
    if isinstance(statements, tuple) and statements:
        who = f"{' and '.join(statements)} {'makes' if len(statements) == 1 else 'make'} the policy public"
    return _judge_public(found, who, notes)


def _judge_public(found: PublicAccess, who: str, notes: tuple[str, ...]) -> Answer:
    levels = {"the bucket": found.of_bucket, "the account": found.of_account}
    on = [level for level, settings in levels.items() if _restricts(settings)]
    unread = [level for level, settings in levels.items() if isinstance(settings, Unknown)]
    if on:
        finding = rules.SHUT_OUT.finding(f"{who}, and {RESTRICTS} is on for {' and '.join(on)}")
        return Answer("a public statement shuts V7 out", (finding,), notes)
    if unread:
        reasons = "; ".join(str(settings) for settings in levels.values() if isinstance(settings, Unknown))
        finding = rules.PERHAPS_SHUT_OUT.finding(f"{who}; the settings of {' and '.join(unread)} are not known")
        return Answer("the policy is public", (finding,), notes, unknown=f"whether V7 is shut out ({reasons})")
    finding = rules.PUBLIC.finding(f"{who}; {RESTRICTS} is off for the bucket and the account")
    return Answer("the policy is public, and nothing restricts it", (finding,), notes)


def _public_labels(policy: str | Unknown | None) -> tuple[str, ...] | Unknown:
    """The statements that are public, by our reading; Unknown when there is no policy that could be read."""
    if isinstance(policy, Unknown):
        return policy
    if policy is None:
        return ()
    try:
        return tuple(statement.label for statement in public_statements(PolicyDocument.parse(policy)))
    except UsageError as error:
        return Unknown(error.message)


def _restricts(settings: Mapping[str, bool] | Unknown | None) -> bool:
    return not isinstance(settings, Unknown) and bool(settings) and bool((settings or {}).get(RESTRICTS))


def _setting(level: str, settings: Mapping[str, bool] | Unknown | None) -> str:
    if isinstance(settings, Unknown):
        return f"{level}: not known ({settings})"
    on = [name for name, value in (settings or {}).items() if value]
    return f"{level}: {', '.join(on) or 'nothing is blocked'}"
