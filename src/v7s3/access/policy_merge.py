"""Our statements in somebody else's policy: added or updated, and every other byte as it was."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from v7s3.access import jsontext
from v7s3.access.jsontext import Document, Edit, Node, python_value
from v7s3.access.policy import PolicyDocument
from v7s3.access.policy_lint import lint_policy
from v7s3.access.profile import V7_ACCOUNT
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_ELEMENTS = (
    "Action",
    "Resource",
)  # of a statement that is ours already; what else stands in it was put there on purpose


class Merged(NamedTuple):
    """The policy with our statements in it, and what happened to each of their Sids."""

    text: str
    added: tuple[str, ...]
    updated: tuple[str, ...]


def merge_statements(
    text: str, statements: Iterable[dict[str, Any]], *, name: str = "the policy", where: str = "--policy-file FILE"
) -> Merged:
    """Put `statements` into the policy `text`: a statement of the same Sid is updated, others are appended.

    Of a statement that is ours already only Action and Resource change, and only when they mean something else: a
    Condition, or a second principal, was put there on purpose. It is replaced as a whole when it is about V7 alone and
    does not let it in: a Deny, V7's role misspelt, or negated elements. One of our Sid that would have to change, but
    that lets others in or keeps them out, is theirs: it stays to the byte, and ours is called DarwinAccess2.
    Raises UsageError when the text is no policy, or has faults that make the place for a statement a guess. `where` is
    how `v7s3 policy check` is told where the policy is.
    """
    document, listed = _listed(text, name, where)
    edits: list[Edit] = []
    added: list[dict[str, Any]] = []
    updated: list[str] = []
    for wanted in statements:
        statement, changes = _place(document, listed, wanted)
        if changes is None:
            added.append(statement)
        elif changes:
            updated.append(statement["Sid"])
            edits += changes
    edits += _appends(document, listed, added)
    sids = tuple(str(statement["Sid"]) for statement in added)
    return Merged(jsontext.apply_edits(text, edits), sids, tuple(updated))


def same_meaning(one: str | None, two: str | None) -> bool:
    """Whether two policies are the same to S3: layout, order within lists and one-element lists do not count."""
    if one is None or two is None:
        return one is two
    return one == two or _meaning(one) == _meaning(two)


def _meaning(text: str) -> Any:
    try:
        return _unordered(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _unordered(value: Any, key: str = "") -> Any:
    """The order of statements means nothing to S3 either, but moving them is a change to people."""
    if isinstance(value, dict):
        inner = {name: _unordered(each, name) for name, each in value.items()}
        if isinstance(inner.get("Statement"), dict):
            inner["Statement"] = [inner["Statement"]]
        return inner
    if isinstance(value, list):
        listed = [_unordered(each) for each in value]
        if key == "Statement":
            return listed
        listed.sort(key=lambda each: json.dumps(each, sort_keys=True))
        return listed[0] if len(listed) == 1 else listed
    return value


def _listed(text: str, name: str, where: str) -> tuple[Document, Node]:
    """The document and its Statement: a list, or a single statement."""
    document = jsontext.read(text)
    statements = document.root.get("Statement") if document.root else None
    faults = [finding for finding in lint_policy(text) if finding.rule.ident < "POL012"]
    blocking = next((fault for fault in faults if fault.severity == "error"), None)
    if document.problems or blocking or statements is None:
        line = f" (line {blocking.location.line})" if blocking else ""
        what = blocking.message if blocking else "it has no Statement"
        raise UsageError(
            f"{name} cannot be merged as it is: {what}{line}",
            hint=f"`v7s3 policy check {where}` shows everything that is wrong with it",
        )
    PolicyDocument.parse(python_value(document.root) if document.root else {})
    return document, statements


def _statements(listed: Node) -> tuple[Node, ...]:
    return listed.elements if listed.kind == "array" else (listed,)


def _text(node: Node | None) -> str:
    return node.value if node is not None and isinstance(node.value, str) else ""


def _place(document: Document, listed: Node, statement: dict[str, Any]) -> tuple[dict[str, Any], list[Edit] | None]:
    """The statement under the Sid it gets, and the edits of the one that has this Sid; None when there is none yet."""
    for number in count(1):
        ours = {**statement, "Sid": statement["Sid"] + (str(number) if number > 1 else "")}
        existing = next((node for node in _statements(listed) if _text(node.get("Sid")) == ours["Sid"]), None)
        if existing is None:
            return ours, None
        changes = list(_updates(document, existing, ours))
        if not changes or not _concerns_others(existing, statement["Principal"]["AWS"]):
            return ours, changes
    raise AssertionError  # a policy is finite


def _updates(document: Document, existing: Node, statement: dict[str, Any]) -> Iterable[Edit]:
    names = {member.key for member in existing.members}
    if (
        _text(existing.get("Effect")) != "Allow"
        or statement["Principal"]["AWS"] not in _aws_principals(existing)
        or names & {"NotAction", "NotResource"}
    ):
        yield jsontext.replace(document, existing, statement)
        return
    for name in _ELEMENTS:
        node = existing.get(name)
        if node is not None and _as_set(python_value(node)) != _as_set(statement[name]):
            yield jsontext.replace(document, node, statement[name])


def _concerns_others(existing: Node, role: str) -> bool:
    """Whether a change of this statement might change what somebody else may do.

    It does not when its only principal is V7's role, or can be nothing but V7's role misspelt: a principal of V7's
    account, or a role of that name. Everybody ("*"), a NotPrincipal and principals of other types are others.
    """
    principal = existing.get("Principal")
    if principal is None:
        return existing.get("NotPrincipal") is not None  # with neither it is about nobody
    listed = python_value(principal)
    named = listed.get("AWS") if isinstance(listed, dict) and len(listed) == 1 else None
    values = named if isinstance(named, list) else [named]
    return len(values) != 1 or not isinstance(values[0], str) or not _is_v7(values[0], role)


def _is_v7(principal: str, role: str) -> bool:
    """Whether the text is V7's role, or so near to it that under V7's Sid it means nobody else."""
    _, _, name = role.rpartition("/")
    return V7_ACCOUNT in principal.split(":") or principal.rpartition("/")[2].lower() == name.lower()


def _aws_principals(statement: Node) -> set[str]:
    principal = statement.get("Principal")
    value = python_value(principal) if principal is not None else {}
    return _as_set(value.get("AWS", [])) if isinstance(value, dict) else _as_set(value)


def _as_set(value: Any) -> set[str]:
    return set(value) if isinstance(value, list) else {value}


def _appends(document: Document, listed: Node, added: list[dict[str, Any]]) -> list[Edit]:
    if listed.kind == "array":
        return [jsontext.insert_element(document, listed, statement) for statement in added]
    if not added:
        return []
    values = "".join(f", {json.dumps(statement, ensure_ascii=False)}" for statement in added)
    return [Edit(listed.start, listed.start, "["), Edit(listed.end, listed.end, f"{values}]")]
