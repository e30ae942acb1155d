"""Principals that S3 would refuse, that are nobody any more, or that are nearly V7."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING

from v7s3.access import policy_rules as rules
from v7s3.access.places import did_you_mean, kind_in_words, quoted
from v7s3.access.profile import V7_ACCOUNT, V7_ROLE

if TYPE_CHECKING:
    from v7s3.access.jsontext import Node
    from v7s3.access.places import Findings

_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_DELETED = re.compile(r"A(?:ROA|IDA|GPA)[A-Z0-9]{12,}")
_ACCESS_KEY = re.compile(r"A[SK]IA[A-Z0-9]{12,}")
_PROVIDER = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:(?:saml|oidc)-provider/.+|[\w-]+(?:\.[\w-]+)+(?:/.*)?|\*", re.DOTALL
)
_CANONICAL = re.compile(r"[0-9a-f]{64}")
_IAM = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|cloudfront):(root|user/.+|role/.+)", re.DOTALL)
_STS = re.compile(r"arn:aws[a-z-]*:sts::(\d{12}):(assumed-role/[^/]+/.+|federated-user/.+)", re.DOTALL)
_ARN_LIKE = re.compile(r"arn:[^:]*:(?:iam|sts):[^:]*:([^:]*):(.*)", re.DOTALL)


def lint_principal(findings: Findings, node: Node) -> None:
    """Check the value of Principal or NotPrincipal."""
    if node.kind == "string":
        if node.value != "*":
            shown = quoted({"AWS": node.value})
            findings.add(rules.PRINCIPAL, f"the only plain text here is {quoted('*')}; write {shown}", node, fix=shown)
        return
    if node.kind != "object":
        message = f'Principal is "*" or an object such as {{"AWS": "arn:…"}}, found {kind_in_words(node)}'
        findings.add(rules.WRONG_TYPE, message, node)
        return
    if not node.members:
        findings.add(rules.MISSING_ELEMENT, "Principal names nobody", node)
    for member in node.members:
        if member.key not in _KINDS:
            meant = findings.suggest(_intended_kind, member.key)
            findings.add(
                rules.PRINCIPAL, f"there is no kind of principal {quoted(member.key)}{did_you_mean(meant)}", member
            )
        _lint_values(findings, member.value, member.key)


def _intended_kind(kind: str) -> str:
    lower = {known.lower(): known for known in _KINDS}
    near = get_close_matches(kind[:40].lower(), lower, n=1, cutoff=0.6)
    return lower[near[0]] if near else ""


def _lint_values(findings: Findings, node: Node, kind: str) -> None:
    if node.kind == "array" and not node.elements:
        findings.add(rules.MISSING_ELEMENT, f"the list of {kind} principals is empty", node)
    for value in node.elements if node.kind == "array" else (node,):
        if not isinstance(value.value, str):
            number = value.kind == "number"
            hint = "; an account id is text, put it in quotes" if number else ""
            findings.add(rules.WRONG_TYPE, f"a principal is text, found {kind_in_words(value)}{hint}", value)
        elif kind == "AWS":
            _lint_aws(findings, value, value.value)
        elif kind == "Federated" and _PROVIDER.fullmatch(value.value) is None:
            message = f"{quoted(value.value)} is no identity provider, neither a domain nor the ARN of one"
            findings.add(rules.PRINCIPAL, message, value)
        elif kind == "CanonicalUser" and _CANONICAL.fullmatch(value.value) is None:
            message = f"{quoted(value.value)} is no canonical user id (64 hexadecimal digits)"
            findings.add(rules.PRINCIPAL, message, value)
        elif kind == "Service" and re.fullmatch(r"[a-z0-9.-]+\.(?:amazonaws|aws|amazon)[a-z.]*", value.value) is None:
            message = f"{quoted(value.value)} is no service principal, which looks like logging.s3.amazonaws.com"
            findings.add(rules.PRINCIPAL, message, value)


def _lint_aws(findings: Findings, node: Node, value: str) -> None:
    if value in ("*", V7_ROLE):
        return
    if _DELETED.fullmatch(value):
        findings.add(rules.DELETED_PRINCIPAL, f"{value} is what AWS left of a principal that was deleted", node)
    elif near := _why_nearly_v7(value):
        also = findings.mentions(f'"{V7_ROLE}"')
        findings.add(rules.NEARLY_V7, f"{quoted(value)}: {near}", node, severity="warning" if also else None)
    elif problem := _why_refused(value):
        findings.add(rules.PRINCIPAL, f"{quoted(value)} {problem}", node)
    elif value.startswith(f"arn:aws:sts::{V7_ACCOUNT}:"):
        findings.add(rules.SESSION_PRINCIPAL, f"{quoted(value)} is a single session, not V7's role", node)


def _why_nearly_v7(value: str) -> str:  # noqa: PLR0911  # a case a line
    """How a principal misses V7's role by little; "" when it does not."""
    bare = value.strip()
    if bare == V7_ROLE:
        return "there is a blank around V7's role"
    match = _ARN_LIKE.fullmatch(bare)
    account, name = (match[1], match[2]) if match else (bare, "")
    if account == V7_ACCOUNT:
        if not name or name == "root" or bare.startswith("arn:aws:sts:") or re.search(r"[*?]", name):
            return ""  # the whole account, a session, or a wildcard: right or wrong for other reasons
        return f"V7's account has the role external_s3; {name.partition(':')[0]!r} is another principal"
    if name in ("role/external_s3", "user/external_s3"):
        return f"this is V7's role in account {account or '(none)'}; V7's account is {V7_ACCOUNT}"
    if re.fullmatch(r"\d{11,13}", account) and SequenceMatcher(None, account, V7_ACCOUNT).ratio() > 0.9:
        return f"V7's account is {V7_ACCOUNT}"
    if not match and 20 < len(bare) < 100 and SequenceMatcher(None, bare, V7_ROLE).ratio() > 0.9:
        return f"V7's role is {V7_ROLE}"
    return ""


_REFUSALS = (
    (re.compile(r"\A\s|\s\Z"), "has a blank around it"),
    (
        re.compile(r"[*?]"),
        "has a wildcard in it; only a lone * is one here, as the condition key aws:PrincipalArn takes",
    ),
    (re.compile(r"\A\d{4}-\d{4}-\d{4}\Z"), "is an account id with hyphens; leave them out"),
    (re.compile(r"\A\d+\Z"), "is no account id, which has 12 digits"),
    (_ACCESS_KEY, "is an access key, not a principal"),
    (_CANONICAL, 'is a canonical user id; it belongs under "CanonicalUser"'),
    (re.compile(r"\Aarn:[^:]*:iam:[^:]*:[^:]*:group/"), "is a group; groups are no principals, name users or roles"),
    (re.compile(r"\Aarn:[^:]*:iam:[^:]*:[^:]*:instance-profile/"), "is an instance profile; name the role in it"),
    (re.compile(r"\Aarn:[^:]*:iam:[^:]*:[^:]*:policy/"), "is a policy; name the role or user it is attached to"),
    (re.compile(r"\Aarn:[^:]*:iam::[^:]*:(?:saml|oidc)-provider/"), 'belongs under "Federated"'),
    (re.compile(r"\Aarn:[^:]*:iam:\d"), "lacks a colon: it is arn:aws:iam::ACCOUNT:role/NAME with two after iam"),
    (re.compile(r"amazonaws\.com"), 'is a service; it belongs under "Service"'),
)


def _why_refused(value: str) -> str:
    """Why S3 would refuse an AWS principal; "" when it would not, provided that the principal exists."""
    if re.fullmatch(r"\d{12}", value) or (_IAM.fullmatch(value) and not re.search(r"[*?]|\s\Z", value)):
        return ""
    if _STS.fullmatch(value) and not re.search(r"[*?]", value):
        return ""
    for pattern, problem in _REFUSALS:
        if pattern.search(value):
            return problem
    return "is no account, role or user: write arn:aws:iam::ACCOUNT:role/NAME"
