"""Does a resource policy let one fully known request in? The sandbox's own evaluator, small and two-valued.

It shares nothing with `v7s3.access.evaluate`, so that each can catch the other's mistakes. Here every condition key of
the request is known, so there is no "depends": a key that is not in `Call.context` is absent.
Rules: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and the pages it links.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from v7s3.sandbox.s3xml import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# A policy's pattern and how its plain parts become a regular expression -> the expression, None when it cannot match.
_Expand: TypeAlias = "Callable[..., str | None]"
_Compare: TypeAlias = "Callable[[str, str, _Expand], bool]"
_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")


@dataclass(frozen=True)
class Call:
    """One request: who, what, on what, and every condition key that has a value (names in lower case)."""

    arn: str
    account: str
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def evaluate(policy: Mapping[str, Any], call: Call) -> str:
    """ "deny", "allow" or "neutral" (no statement speaks of this request)."""
    effects = {statement.get("Effect") for statement in statements(policy) if _hits(statement, policy, call)}
    if "Deny" in effects:
        return "deny"
    return "allow" if "Allow" in effects else "neutral"


def statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = policy.get("Statement", [])
    return [statement for statement in many(found) if isinstance(statement, dict)]


def many(value: Any) -> list[Any]:
    """IAM writes one thing either bare or as a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _hits(statement: dict[str, Any], policy: Mapping[str, Any], call: Call) -> bool:
    expand = _expander(call) if policy.get("Version") == "2012-10-17" else _verbatim
    return (
        _principal_hits(statement, call)
        and _action_hits(statement, call)
        and _resource_hits(statement, call, expand)
        and all(_condition_holds(*condition, call, expand) for condition in conditions(statement))
    )


# --- principal, action, resource ------------------------------------------------------------------------------------
def _principal_hits(statement: dict[str, Any], call: Call) -> bool:
    if "NotPrincipal" in statement:
        named = principals(statement["NotPrincipal"])
        account = {call.account, f"arn:aws:iam::{call.account}:root"}
        return not ("*" in named or (call.arn in named and account & set(named)))
    named = principals(statement.get("Principal"))
    return bool({"*", call.arn, call.account, f"arn:aws:iam::{call.account}:root"} & set(named))


def principals(element: Any) -> list[str]:
    """The AWS principals an element names; services and federated users never stand for V7's role."""
    if element == "*":
        return ["*"]
    return [str(name) for name in many(element.get("AWS"))] if isinstance(element, dict) else []


def _action_hits(statement: dict[str, Any], call: Call) -> bool:
    def named(element: str) -> bool:
        return any(glob(str(pattern).lower(), call.action.lower()) for pattern in many(statement.get(element)))

    return not named("NotAction") if "NotAction" in statement else named("Action")


def _resource_hits(statement: dict[str, Any], call: Call, expand: _Expand) -> bool:
    def named(element: str) -> bool:
        patterns = (expand(str(pattern)) for pattern in many(statement.get(element)))
        return any(p is not None and re.fullmatch(p, call.resource, re.DOTALL) for p in patterns)

    return not named("NotResource") if "NotResource" in statement else named("Resource")


def glob_pattern(pattern: str) -> str:
    """A regular expression for an IAM glob."""
    collapsed = re.sub(r"\*+", "*", pattern)
    return "".join(".*?" if c == "*" else "." if c == "?" else re.escape(c) for c in collapsed)


def glob(pattern: str, value: str) -> bool:
    return re.fullmatch(glob_pattern(pattern), value, re.DOTALL) is not None


def _verbatim(pattern: str, regex: Callable[[str], str] = glob_pattern) -> str | None:
    """A pattern of a policy before 2012-10-17, where `${…}` is plain text."""
    return regex(pattern)


def _expander(call: Call) -> _Expand:
    """Policy variables become literal text; the whole is None when one has neither value nor default."""

    def expand(pattern: str, regex: Callable[[str], str] = glob_pattern) -> str | None:
        parts, end = [], 0
        for match in _VARIABLE.finditer(pattern):
            values = (match[1],) if match[1] in "*?$" else call.context.get(match[1].lower())
            value = values[0] if values else match[2]
            if value is None:
                return None
            parts += [regex(pattern[end : match.start()]), re.escape(value)]
            end = match.end()
        return "".join([*parts, regex(pattern[end:])])

    return expand


# --- conditions -----------------------------------------------------------------------------------------------------
def conditions(statement: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """(operator, key, values) of a statement, all of which must hold."""
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, values in keys.items():
            yield operator, key, [_as_text(value) for value in many(values)]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _condition_holds(operator: str, key: str, wanted: list[str], call: Call, expand: _Expand) -> bool:
    quantifier, _, name = operator.rpartition(":")
    actual = call.context.get(key.lower())
    if name == "Null":
        return (actual is None) == (wanted[:1] == ["true"])
    if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    negated, compare = _operator(name)
    if actual is None:
        return if_exists or negated or quantifier == "ForAllValues"

    def holds(value: str) -> bool:
        return any(compare(value, pattern, expand) for pattern in wanted) != negated

    return (any if quantifier == "ForAnyValue" else all)(holds(value) for value in actual)


def _operator(name: str) -> tuple[bool, _Compare]:
    """(negated, comparison of a request's value with one of the policy's). Unknown operators never match."""
    positive = name.replace("Not", "", 1)
    return positive != name, _OPERATORS.get(positive, lambda value, wanted, expand: False)  # noqa: ARG005  # never


def _like(value: str, wanted: str, expand: _Expand) -> bool:
    pattern = expand(wanted)
    return pattern is not None and re.fullmatch(pattern, value, re.DOTALL) is not None


def _same(value: str, wanted: str, expand: _Expand) -> bool:
    literal = expand(wanted, re.escape)
    return literal is not None and re.fullmatch(literal, value, re.DOTALL) is not None


def _arn_like(value: str, wanted: str, expand: _Expand) -> bool:
    have, want = value.split(":", 5), wanted.split(":", 5)
    if "${" in wanted:  # the names of variables hold colons
        return _like(value, wanted, expand)
    return len(have) == len(want) and all(_like(one, other, expand) for one, other in zip(have, want, strict=True))


def _in_network(value: str, wanted: str, _expand: _Expand) -> bool:
    try:
        address, network = ipaddress.ip_address(value), ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _moment(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> _Compare:
    def ordered(value: str, wanted: str, _expand: _Expand) -> bool:
        try:
            return compare(read(value), read(wanted))
        except ValueError:
            return False

    return ordered


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}
_OPERATORS: dict[str, _Compare] = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": lambda value, wanted, expand: _same(value.lower(), wanted.lower(), expand),
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda value, wanted, _expand: value.lower() == wanted.lower(),
    "IpAddress": _in_network,
    **{f"Numeric{name}": _ordered(float, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _ordered(_moment, compare) for name, compare in _COMPARISONS.items()},
}


# --- public policies ------------------------------------------------------------------------------------------------
# Keys that make an Allow for everybody non-public when their values are fixed:
# docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_NARROWING = (
    "aws:principalorgid",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
)


def is_public(policy: Mapping[str, Any]) -> bool:
    """Whether Block Public Access regards the policy as public: some Allow is for everybody and not narrowed."""
    return any(
        statement.get("Effect") == "Allow"
        and "*" in principals(statement.get("Principal"))
        and not _narrowed(statement)
        for statement in statements(policy)
    )


def _narrowed(statement: dict[str, Any]) -> bool:
    for operator, key, values in conditions(statement):
        if operator.endswith("IfExists") or ":" in operator or "Not" in operator:
            continue
        if key.lower() == "aws:sourceip" and operator == "IpAddress" and all(map(_small_network, values)):
            return True
        fixed = not any("*" in value or "?" in value or "${" in value for value in values)
        if key.lower() == "aws:userid":
            fixed = all(re.fullmatch(r"[A-Z0-9]+:\*|[^*?$]+", value) for value in values)
        if key.lower() in _NARROWING and operator.startswith(("String", "Arn")) and fixed and values:
            return True
    return False


def _small_network(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= (8 if network.version == 4 else 32)


# --- what S3 refuses to store ---------------------------------------------------------------------------------------
_OBJECT_ACTION = re.compile(
    r"s3:(get|put|delete|restore|replicate)object.*|s3:abortmultipartupload|s3:listmultipartuploadparts"
)
_BUCKET_ACTION = re.compile(r"s3:listbucket.*|s3:(get|put|delete)bucket.*|s3:(get|put)lifecycleconfiguration")


def read_policy(text: bytes, bucket: str) -> dict[str, Any]:
    """The document of a PutBucketPolicy for `bucket`. Raises S3Error MalformedPolicy with S3's words."""
    if not text.lstrip().startswith(b"{") or text[:1].isspace():
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    try:
        policy = json.loads(text)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    if len(json.dumps(policy, separators=(",", ":"), ensure_ascii=False).encode()) > 20480:
        raise S3Error(400, "PolicyTooLarge", "Policy exceeds the maximum allowed document size.")
    if "Statement" not in policy:
        raise _malformed("Missing required field Statement")
    if policy.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise _malformed("The policy must contain a valid version string")
    if not many(policy["Statement"]):
        raise _malformed("Could not parse the policy: Statement is empty!")
    for statement in many(policy["Statement"]):
        _check_statement(statement, bucket)
    return dict(policy)


def _check_statement(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict):
        raise _malformed("This policy contains invalid Json")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed(f"Invalid effect: {statement.get('Effect')}")
    if not {"Principal", "NotPrincipal"} & statement.keys():
        raise _malformed("Missing required field Principal")
    if "NotPrincipal" in statement and statement["Effect"] == "Allow":
        raise _malformed("Allow with NotPrincipal is not allowed")
    named = principals(statement.get("Principal", statement.get("NotPrincipal")))
    if any("*" in name and name != "*" for name in named):
        raise _malformed("Invalid principal in policy")
    actions = [str(action) for action in many(statement.get("Action", statement.get("NotAction")))]
    if not actions:
        raise _malformed("Missing required field Action")
    if not all(action == "*" or action.lower().startswith("s3:") for action in actions):
        raise _malformed("Policy has invalid action")
    resources = [str(resource) for resource in many(statement.get("Resource", statement.get("NotResource")))]
    if not resources:
        raise _malformed("Missing required field Resource")
    if not all(_belongs(resource, bucket) for resource in resources):
        raise _malformed("Policy has invalid resource")
    if "Resource" in statement and "Action" in statement:
        _check_fit(actions, resources)


def _belongs(resource: str, bucket: str) -> bool:
    if resource == "*":
        return True
    name = re.fullmatch(r"arn:[a-z*-]+:s3:::([^/]+)(/.*)?", resource, re.DOTALL)
    return name is not None and glob(name[1], bucket)


def _check_fit(actions: list[str], resources: list[str]) -> None:
    """Every action must fit one of the statement's resources, or S3 refuses the whole policy (S3-Uploads#239)."""
    objects = any("/" in resource or resource.endswith("*") for resource in resources)
    buckets = any("/" not in resource for resource in resources)
    for action in map(str.lower, actions):
        if (_OBJECT_ACTION.fullmatch(action) and not objects) or (_BUCKET_ACTION.fullmatch(action) and not buckets):
            raise _malformed("Action does not apply to any resource(s) in statement")


def _malformed(message: str) -> S3Error:
    return S3Error(400, "MalformedPolicy", message)
