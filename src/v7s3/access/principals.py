"""Who is calling, and whether a Principal or NotPrincipal element means them.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html and
…/reference_policies_elements_notprincipal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from v7s3.access.context import ABSENT, PRESENT, Value
from v7s3.access.globs import Glob
from v7s3.access.logic import Truth
from v7s3.access.policy import Entry, Principal
from v7s3.access.profile import V7_ROLE

Kind = Literal["role", "session", "user", "root", "federated", "service", "anonymous", "other"]

_ARN = re.compile(r"arn:(?P<partition>[^:]+):(?P<service>iam|sts)::(?P<account>\d{12}):(?P<rest>.+)", re.DOTALL)
_ACCOUNT_ID = re.compile(r"\d{12}")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")

_KINDS: dict[tuple[str, str], Kind] = {
    ("iam", "root"): "root",
    ("iam", "role"): "role",
    ("iam", "user"): "user",
    ("sts", "assumed-role"): "session",
    ("sts", "federated-user"): "federated",
}
_TYPES: dict[Kind, str] = {
    "role": "AssumedRole",  # a role acts only through its sessions
    "session": "AssumedRole",
    "user": "User",
    "root": "Account",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}
_KNOWN_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_DOUBTFUL = {"CanonicalUser": "canonical user id", "Federated": "identity provider"}  # what an unknown truth hangs on


class Verdict(NamedTuple):
    truth: Truth
    text: str  # the text of the policy that matched or failed
    reason: str
    keys: tuple[str, ...] = ()  # what it hangs on when the truth is unknown


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request. `role` is the role's ARN for a role and for its sessions."""

    arn: str
    kind: Kind
    account: str = ""
    partition: str = ""
    name: str = ""
    role: str = ""

    @classmethod
    def parse(cls, text: str) -> Caller:
        """An IAM or STS ARN, an account id, a service's name, or "*" for no credentials; else of kind "other"."""
        if text in ("*", "anonymous"):
            return cls(text, "anonymous")
        if _SERVICE.fullmatch(text):
            return cls(text, "service")
        if _ACCOUNT_ID.fullmatch(text):
            text = f"arn:aws:iam::{text}:root"
        arn = _ARN.fullmatch(text)
        if arn is None:
            return cls(text, "other")
        account, partition = arn["account"], arn["partition"]
        what, _, path = arn["rest"].partition("/")
        name = path.rpartition("/")[2]
        kind = _KINDS.get((arn["service"], what), "other")
        if (kind == "root") != (not name) or (kind == "session" and "/" not in path):
            kind = "other"
        role = {"role": text, "session": f"arn:{partition}:iam::{account}:role/{path.partition('/')[0]}"}.get(kind, "")
        return cls(text, kind, account, partition, name, role)

    @property
    def root(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:root"

    def facts(self) -> dict[str, Value]:
        """Condition keys that follow from who the caller is, for a call that the caller makes directly.

        What is known of a value that is not known as a whole is in `forms`. Source:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        if self.kind == "service":
            return {"aws:PrincipalIsAWSService": ("true",), "aws:PrincipalServiceName": (self.arn,)}
        facts: dict[str, Value] = {
            "aws:PrincipalIsAWSService": ABSENT if self.kind == "anonymous" else ("false",),  # signed requests have it
            **dict.fromkeys(_OF_SERVICES, ABSENT),
        }
        if self.kind == "other":
            return facts
        facts["aws:PrincipalType"] = (_TYPES[self.kind],)
        if self.kind == "anonymous":
            facts |= dict.fromkeys(_OF_CREDENTIALS, ABSENT)
            return facts | {"aws:userid": ("anonymous",), "aws:PrincipalAccount": ("anonymous",)}
        facts |= {
            "aws:PrincipalArn": PRESENT if self.forms() else (self.role or self.arn,),
            "aws:PrincipalAccount": (self.account,),
            "aws:userid": PRESENT,
            "aws:username": (self.name,) if self.kind == "user" else ABSENT,
        }
        if self.kind in ("role", "session", "federated"):
            facts["aws:TokenIssueTime"] = PRESENT
        return facts

    def forms(self) -> dict[str, tuple[Glob, ...]]:
        """By key in lower case, what values the keys can have whose value is not known: those that a glob covers.

        A session's aws:PrincipalArn is the ARN of its role with the role's path, which the session's ARN does not tell.
        That V7's role has no path is known, and no other role of its account has its name.
        """
        if self.kind != "session" or self.role == V7_ROLE:
            return {}
        before, name = Glob.literal(self.role.removesuffix(_role_name(self))), Glob.literal(_role_name(self))
        return {"aws:principalarn": (before + name, before + Glob.parse("?*/") + name)}

    def never_has(self, key: str) -> bool:
        """Whether no request of this caller has this key, which is in lower case."""
        return self.kind == "anonymous" and key.startswith("aws:principaltag/")


# Only calls that an AWS service makes, for itself or on somebody's behalf, have these keys.
_OF_SERVICES = (
    *("aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:SourceArn", "aws:SourceAccount"),
    *("aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner"),
    *("aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"),
)

_OF_CREDENTIALS = (
    *("aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:username"),
    *("aws:TokenIssueTime", "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"),
)


def means(principal: Principal, caller: Caller) -> Verdict:
    """Whether a Principal element means the caller: one of its entries does."""
    verdicts = [_entry_means(entry, caller) for entry in principal.entries]
    for wanted in (Truth.TRUE, Truth.UNKNOWN):
        for verdict in verdicts:
            if verdict.truth is wanted:
                return verdict
    shown = ", ".join(entry.value for entry in principal.entries) or "(nobody)"
    reason = verdicts[0].reason if len(verdicts) == 1 else f"none of them is {caller.arn}"
    return Verdict(Truth.FALSE, shown, reason)


def _entry_means(entry: Entry, caller: Caller) -> Verdict:
    kind, value = entry
    if kind not in _KNOWN_KINDS:
        return Verdict(Truth.UNKNOWN, value, f"{kind} is no type of principal", (f"principal type {kind}",))
    if kind == "AWS" and value == "*":
        return Verdict(Truth.TRUE, value, "everybody")
    if caller.account and (reason := _may_mean(entry, caller)):
        return Verdict(Truth.UNKNOWN, value, reason, (_DOUBTFUL[kind],))
    if kind != ("Service" if caller.kind == "service" else "AWS"):
        return Verdict(Truth.FALSE, value, f"a principal of type {kind}, not {caller.arn}")
    reason = _names(value, caller)
    if reason:
        return Verdict(Truth.TRUE, value, reason)
    return _session_means(value, caller) or Verdict(Truth.FALSE, value, _why_not(value, caller))


def _may_mean(entry: Entry, caller: Caller) -> str:
    """What it hangs on whether a principal that is told by something else than an ARN is the caller; "" when it is not.

    A canonical user id stands for an AWS account, and does not tell which. Sessions that began with a web identity or
    SAML are also principals of their provider, and neither a role's ARN nor a session's tells how they began.
    """
    if entry.kind == "CanonicalUser":
        return f"whether this canonical user id is that of the account {caller.account} is not known"
    if entry.kind == "Federated" and caller.kind in ("role", "session"):
        return "whether the session began with this identity provider is not known"
    return ""


def _names(value: str, caller: Caller) -> str:
    """Why this text certainly means the caller; "" when it does not."""
    if value == caller.arn and caller.kind != "anonymous":
        return "the caller by name"
    if caller.account and value in (caller.account, caller.root):
        return f"the whole account {caller.account}"
    return "the role of this session" if caller.kind == "session" and value == caller.role else ""


def _session_means(value: str, caller: Caller) -> Verdict | None:
    """Where the ARNs of a role and of its session leave open whether they mean the same; None when they do not."""
    other = Caller.parse(value)
    if (other.account, other.partition) != (caller.account, caller.partition):
        return None
    if caller.kind == "session" and other.kind == "role" and other.name == _role_name(caller):
        # An ARN of a session does not tell the role's path.
        return Verdict(Truth.UNKNOWN, value, "the role of this session if its path is this one", ("path of the role",))
    if caller.kind == "role" and other.kind == "session" and _role_name(other) == caller.name:
        reason = "one session of the role; the name of the caller's session is not known"
        return Verdict(Truth.UNKNOWN, value, reason, ("sts:RoleSessionName",))
    return None


def _role_name(caller: Caller) -> str:
    return caller.role.rpartition("/")[2]


def _why_not(value: str, caller: Caller) -> str:
    if re.fullmatch(r"A(RO|ID)A[A-Z0-9]{4,}", value):
        return "the id of a principal that was deleted; a new one of the same name does not get it back"
    if "*" in value or "?" in value:
        return "wildcards inside of a principal match nobody, and S3 refuses them"
    return f"not {caller.arn}"


def means_all_but(not_principal: Principal, caller: Caller) -> Verdict:
    """Whether a NotPrincipal element means the caller: true when the caller is not listed and so not spared.

    AWS asks for the account beside the role ("otherwise the policy might deny access to the entire account"), and its
    blog for each session as well. Where its texts differ the answer is unknown.
    """
    values = [entry.value for entry in not_principal.entries if entry.kind == "AWS"]
    shown = ", ".join(entry.value for entry in not_principal.entries) or "(nobody)"
    odd = [entry.kind for entry in not_principal.entries if entry.kind not in _KNOWN_KINDS]
    if odd:
        return Verdict(Truth.UNKNOWN, shown, f"{odd[0]} is no type of principal", (f"principal type {odd[0]}",))
    if "*" in values:
        return Verdict(Truth.FALSE, "*", "everybody is listed")
    if Entry("Service", caller.arn) in not_principal.entries:
        return Verdict(Truth.FALSE, caller.arn, "the service is listed")
    account = next((value for value in values if caller.account and value in (caller.account, caller.root)), None)
    if account is None:
        return _not_spared(not_principal, caller, shown)
    needed = () if caller.kind == "root" else dict.fromkeys((caller.role, caller.arn))
    missing = [arn for arn in needed if arn and arn not in values]
    if missing:
        reason = f"the account is listed but {missing[0]} is not, and AWS's documents differ on what that means"
        return Verdict(Truth.UNKNOWN, shown, reason, ("NotPrincipal without " + missing[0],))
    return Verdict(Truth.FALSE, caller.arn, "the account and the caller are listed")


def _not_spared(not_principal: Principal, caller: Caller, shown: str) -> Verdict:
    """The answer of a NotPrincipal that does not list the caller's account, unless in words that do not tell."""
    for entry in not_principal.entries if caller.account else ():
        if reason := _may_mean(entry, caller):
            return Verdict(Truth.UNKNOWN, shown, reason, (_DOUBTFUL[entry.kind],))
    reason = f"the account of {caller.arn} is not listed" if caller.account else f"{caller.arn} is not listed"
    return Verdict(Truth.TRUE, shown, reason)
