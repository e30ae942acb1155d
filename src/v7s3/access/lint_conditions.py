"""Conditions whose operator, key or value S3 would refuse, or that do not compare what was meant."""

from __future__ import annotations

import base64
import ipaddress
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from v7s3.access import policy_rules as rules
from v7s3.access.action_keys import holds_several_values
from v7s3.access.actions import (
    KeyType,
    actions_of_key,
    intended_key,
    is_judged,
    is_of_other_calls,
    key_types,
    known_key,
)
from v7s3.access.operands import read_network
from v7s3.access.places import did_you_mean, kind_in_words, quoted
from v7s3.access.profile import V7_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from v7s3.access.jsontext import Member, Node
    from v7s3.access.lint_actions import ActionPattern
    from v7s3.access.places import Findings

_FAMILIES: dict[KeyType, tuple[str, ...]] = {
    "text": (
        *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        *("StringLike", "StringNotLike", "BinaryEquals"),
    ),
    "number": (
        *("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals"),
        *("NumericGreaterThan", "NumericGreaterThanEquals"),
    ),
    "date": (
        *("DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals"),
        *("DateGreaterThan", "DateGreaterThanEquals"),
    ),
    "bool": ("Bool",),
    "ip": ("IpAddress", "NotIpAddress"),
    "arn": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
}
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}
_OPERATORS = (*_FAMILY_OF, "Null")
_SETS = ("ForAnyValue", "ForAllValues")
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_DATE = re.compile(
    r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)?)?|\d{1,18}", re.ASCII
)


class Operator(NamedTuple):
    """`ForAnyValue:StringLikeIfExists` in its parts."""

    set_operator: str  # "ForAnyValue", "ForAllValues" or ""
    name: str  # "StringLike"
    if_exists: bool

    @property
    def family(self) -> KeyType | None:
        """What it compares; None for Null."""
        return _FAMILY_OF.get(self.name)


def lint_conditions(
    findings: Findings, node: Node, actions: list[ActionPattern], effect: str, *, variables: bool
) -> None:
    """Check the value of Condition. `actions` are those of the statement, empty when NotAction says them."""
    judged: set[str] = set()
    for block in _members(findings, node, "Condition"):
        operator = _lint_operator(findings, block)
        for entry in _members(findings, block.value, block.key):
            key = _lint_key(findings, entry, operator, effect)
            if key and key not in judged:
                judged.add(key)
                _lint_actions_know_key(findings, entry, key, actions)
            values = _lint_values_are_scalars(findings, entry)
            if operator is not None:
                for value in values:
                    _lint_value(findings, value, operator, key, variables=variables)


def _members(findings: Findings, node: Node, what: str) -> tuple[Member, ...]:
    if node.kind != "object":
        findings.add(rules.WRONG_TYPE, f"{what} is an object, found {kind_in_words(node)}", node)
    elif not node.members:
        findings.add(rules.MISSING_ELEMENT, f"{what} is an empty object", node, severity="warning")
    return node.members


# --- operators ------------------------------------------------------------------------------------------------------


def _lint_operator(findings: Findings, block: Member) -> Operator | None:
    operator = _parse_operator(block.key)
    if operator is None:
        meant = findings.suggest(_intended_operator, block.key)
        findings.add(rules.OPERATOR, f"there is no condition operator {quoted(block.key)}{did_you_mean(meant)}", block)
    elif operator.name == "Null" and operator.if_exists:
        findings.add(rules.OPERATOR, "Null takes no IfExists: it asks itself whether the key exists", block)
    return operator


def _parse_operator(text: str) -> Operator | None:
    set_operator, colon, name = text.partition(":")
    if not colon:
        set_operator, name = "", text
    elif set_operator not in _SETS:
        return None
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    return Operator(set_operator, name, if_exists) if name in _OPERATORS else None


def _intended_operator(text: str) -> str:
    set_part, colon, name = text[:60].partition(":")
    if not colon:
        set_part, name = "", text[:60]
    suffix = "IfExists" if name.lower().endswith("ifexists") else ""
    stem = name[: len(name) - len(suffix)].lower()
    near = _nearest(stem, _OPERATORS)
    near_set = _nearest(set_part.lower(), _SETS) if colon else ""
    if not near or (colon and not near_set):
        return ""
    return f"{near_set}{colon}{near}{suffix}"


def _nearest(text: str, names: tuple[str, ...]) -> str:
    lower = {name.lower(): name for name in names}
    near = get_close_matches(text, lower, n=1, cutoff=0.7)
    return lower[near[0]] if near else ""


# --- keys -----------------------------------------------------------------------------------------------------------


def _lint_key(findings: Findings, entry: Member, operator: Operator | None, effect: str) -> str:
    """Check a condition key; returns the table's spelling, or "" for a key that is not in the table."""
    known = known_key(entry.key)
    if not known:
        _lint_unknown_key(findings, entry)
        return ""
    if operator is None or operator.name == "Null":
        return known
    types = key_types(known)
    if operator.family not in types:
        _lint_family(findings, entry, operator, types)
    many = holds_several_values(known)
    if many and not operator.set_operator:
        message = f"{entry.key} has several values; say ForAnyValue:{operator.name} or ForAllValues:{operator.name}"
        findings.add(rules.OPERATOR_MISMATCH, message, entry)
    elif not many and operator.set_operator == "ForAllValues" and effect == "Allow":
        message = f"{entry.key} has one value, and ForAllValues also holds when it has none: this allows too much"
        findings.add(rules.OPERATOR_MISMATCH, message, entry)
    return known


def _lint_unknown_key(findings: Findings, entry: Member) -> None:
    _, colon, name = entry.key.partition(":")
    if colon and name and not is_judged(entry.key):
        if is_of_other_calls(entry.key):
            message = f"no call of S3 carries {quoted(entry.key)}, and S3 may refuse the document for it"
            findings.add(rules.CONDITION_KEY, message, entry, severity="warning")
        return
    if known_key(f"{entry.key}/x"):
        named = f"{entry.key.rstrip('/')}/NAME"
        message = f"{quoted(entry.key)} lacks the name of the tag; write {quoted(named)}"
        findings.add(rules.CONDITION_KEY, message, entry)
        return
    meant = findings.suggest(intended_key, entry.key)
    # Keys that begin with aws: may come anew at any time, and S3 stores a policy with one that it does not know.
    refused = not entry.key.lower().startswith("aws:")
    message = f"there is no condition key {quoted(entry.key)}{did_you_mean(meant)}"
    findings.add(rules.CONDITION_KEY, message, entry, severity="error" if refused else "warning")


def _lint_family(findings: Findings, entry: Member, operator: Operator, types: frozenset[KeyType]) -> None:
    """Text operators compare any key as text: harmless for ARNs, numbers and booleans, wrong for address ranges."""
    if operator.family == "text" and "ip" not in types and "date" not in types:
        return
    wanted = " or ".join(_FAMILIES[kind][0] for kind in sorted(types))
    message = f"{operator.name} does not suit {entry.key}; {wanted} does"
    findings.add(rules.OPERATOR_MISMATCH, message, entry)


def _lint_actions_know_key(findings: Findings, entry: Member, key: str, actions: list[ActionPattern]) -> None:
    knowing = actions_of_key(key)
    if not knowing:
        return
    for pattern in actions:
        if knowing.isdisjoint(pattern.actions):
            message = f"{quoted(pattern.text)} does not know the key {entry.key}"
            findings.add(rules.KEY_WITHOUT_ACTION, message, entry)
            return


# --- values ---------------------------------------------------------------------------------------------------------


def _lint_values_are_scalars(findings: Findings, entry: Member) -> list[Node]:
    node = entry.value
    if node.kind == "array" and not node.elements:
        findings.add(rules.MISSING_ELEMENT, f"{entry.key} has an empty list of values", node, severity="warning")
    scalars = []
    for value in node.elements if node.kind == "array" else (node,):
        if value.kind in ("string", "number", "boolean"):
            scalars.append(value)
        else:
            message = f"a value is text, a number or a boolean, or a list of these; found {kind_in_words(value)}"
            findings.add(rules.WRONG_TYPE, message, value)
    return scalars


def _lint_value(findings: Findings, node: Node, operator: Operator, key: str, *, variables: bool) -> None:
    text = findings.document.source(node) if node.kind in ("number", "boolean") else str(node.value)
    if _VARIABLE.search(text):
        if operator.family not in ("text", "arn") or not variables:
            findings.add(rules.IDLE_VARIABLE, f"{quoted(text)} is not replaced here", node)
        return
    check = _VALUE_CHECKS["bool"] if operator.name == "Null" else _VALUE_CHECKS.get(operator.family or "text")
    if operator.name == "BinaryEquals":
        check = _why_not_binary
    if check is not None and (problem := check(text)):
        findings.add(rules.CONDITION_VALUE, f"{quoted(text)} {problem}", node)
        return
    if problem := _why_useless(text, operator, key):
        findings.add(rules.USELESS_CONDITION, f"{quoted(text)} {problem}", node)
    elif operator.name in _EXACT and re.search(r"[*?]", text):
        like = operator.name.replace("Equals", "Like").removesuffix("IgnoreCase")
        message = f"in {operator.name} the wildcard of {quoted(text)} is a plain character; {like} knows wildcards"
        findings.add(rules.OPERATOR_MISMATCH, message, node)


_EXACT = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")


def _why_not_ip(text: str) -> str:
    if read_network(text) is None:
        return "is no IP address or range in CIDR notation, such as 203.0.113.0/24"
    return ""


def _why_not_date(text: str) -> str:
    if _DATE.fullmatch(text):
        return ""
    return "is no date; write 2026-05-01T00:00:00Z, or seconds since 1970"


def _why_not_number(text: str) -> str:
    return "" if re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text, re.ASCII) else "is no number"


def _why_not_bool(text: str) -> str:
    return "" if text.lower() in ("true", "false") else 'is neither "true" nor "false"'


def _why_not_arn(text: str) -> str:
    if text == "*" or (text.count(":") >= 5 and re.match(r"arn|[*?]", text)):
        return ""
    return "is no ARN; each of its six parts between colons is compared by itself"


def _why_not_binary(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return "is not base64"
    return ""


_VALUE_CHECKS: dict[KeyType, Callable[[str], str]] = {
    "ip": _why_not_ip,
    "date": _why_not_date,
    "number": _why_not_number,
    "bool": _why_not_bool,
    "arn": _why_not_arn,
}


def _why_useless(text: str, operator: Operator, key: str) -> str:
    """Why no request ever has such a value; "" when one may."""
    if operator.name == "Null":
        return ""
    if key == "aws:PrincipalArn" and re.match(r"arn:aws[a-z-]*:sts::[^:]*:assumed-role/", text):
        return "is a session; aws:PrincipalArn is the ARN of the role, arn:aws:iam::ACCOUNT:role/NAME, for sessions too"
    if key == "aws:SourceIp" and operator.family == "ip" and _is_private(text):
        return "is a private address; S3 sees the public one, or none at all through a VPC endpoint"
    if operator.name in ("StringLike", "StringNotLike") and re.search(r"[*?]", text):
        return ""
    form = _FORMS.get(key)
    if form is not None and not form[0].fullmatch(text):
        return f"is not what {key} holds, which {form[1]}"
    return ""


_ACCOUNT_FORM = (re.compile(r"\d{12}"), f"is an account id of 12 digits such as {V7_ACCOUNT}")
_FORMS = {
    "aws:SourceVpc": (re.compile(r"vpc-[0-9a-zA-Z]+"), "begins with vpc- (aws:SourceVpce begins with vpce-)"),
    "aws:SourceVpce": (re.compile(r"vpce-[0-9a-zA-Z]+"), "begins with vpce- (aws:SourceVpc begins with vpc-)"),
    "aws:PrincipalOrgID": (re.compile(r"o-[0-9a-zA-Z]+"), "begins with o-"),
    "aws:ResourceOrgID": (re.compile(r"o-[0-9a-zA-Z]+"), "begins with o-"),
    "aws:PrincipalAccount": (re.compile(r"\d{12}|anonymous"), _ACCOUNT_FORM[1]),  # requests nobody signed have the word
    "aws:SourceAccount": _ACCOUNT_FORM,
    "aws:ResourceAccount": _ACCOUNT_FORM,
    "s3:ResourceAccount": _ACCOUNT_FORM,
}


def _is_private(text: str) -> bool:
    """RFC 1918 addresses only: documentation ranges are private to Python, too."""
    network = ipaddress.ip_network(text, strict=False)
    if network.version == 6:
        return False
    private = (ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
    return any(ipaddress.IPv4Network(network).subnet_of(ipaddress.IPv4Network(block)) for block in private)
