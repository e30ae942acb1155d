"""Is a bucket policy public, as S3's Block Public Access sees it?

A policy is public unless every Allow statement is held to fixed values: of principals, or of one of a short list of
condition keys. One public statement makes the whole policy public, and with RestrictPublicBuckets on, the accounts that
other statements name lose their access too. Deny statements do not help, nor does a narrow Action or Resource.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html, "The meaning of
public". Where it is vague the answer is "public".
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from v7s3.access.conditions import read_operator
from v7s3.access.operands import read_network
from v7s3.access.variables import ARN_PARTS

if TYPE_CHECKING:
    from v7s3.access.policy import Condition, Entry, PolicyDocument, Statement

_FIXING_KEYS = frozenset(
    {
        *("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalservicename"),
        *("aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:userid"),
        *("s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointarn", "s3:dataaccesspointaccount"),
    }
)
_PRIVATE = [ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]  # RFC 1918
_WIDEST = {4: 8, 6: 32}  # shortest prefix of a range that is not "very broad", by version


def is_public(policy: PolicyDocument | None) -> bool:
    """Whether S3 would call this policy public; a bucket without a policy has none that could be."""
    return policy is not None and bool(public_statements(policy))


def public_statements(policy: PolicyDocument) -> tuple[Statement, ...]:
    """The statements that make the policy public."""
    return tuple(
        statement
        for statement in policy.statements
        if statement.effect == "Allow"
        and not _names_only_fixed_principals(statement)
        and not any(_fixes(condition) for condition in statement.conditions)
    )


def _names_only_fixed_principals(statement: Statement) -> bool:
    if statement.not_principal is not None:
        return False
    return statement.principal is None or all(map(_is_fixed_principal, statement.principal.entries))


def _is_fixed_principal(entry: Entry) -> bool:
    if entry.kind == "Federated":
        return ":saml-provider/" in entry.value  # anybody can have an account with a web identity provider
    return entry.kind in ("AWS", "Service", "CanonicalUser") and _is_fixed(entry.value)


def _fixes(condition: Condition) -> bool:
    """Whether the condition holds only for fixed values of a key that AWS lists."""
    operator = read_operator(condition.operator)
    if operator is None or operator.negated or operator.if_exists or operator.for_all or not condition.values:
        return False
    key = condition.key.lower()
    if key == "aws:sourceip":
        return operator.family == "IpAddress" and all(map(_is_narrow, condition.values))
    if key not in _FIXING_KEYS or operator.family not in ("String", "Arn"):
        return False
    return all(_is_fixed_access_point(v) if key == "s3:dataaccesspointarn" else _is_fixed(v) for v in condition.values)


def _is_fixed(value: str) -> bool:
    return not any(sign in value for sign in ("*", "?", "${"))


def _is_fixed_access_point(arn: str) -> bool:
    """The name of the access point may be a wildcard as long as everything before it is fixed."""
    parts = arn.split(":", ARN_PARTS - 1)
    return len(parts) == ARN_PARTS and all(map(_is_fixed, parts[:-1])) and bool(parts[4])


def _is_narrow(value: str) -> bool:
    network = read_network(value)
    if network is None:
        return False
    private = isinstance(network, ipaddress.IPv4Network) and any(network.subnet_of(each) for each in _PRIVATE)
    return private or network.prefixlen >= _WIDEST[network.version]
