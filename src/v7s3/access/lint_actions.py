"""Actions that S3 does not have, and actions that fit none of their statement's resources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from v7s3.access import policy_rules as rules
from v7s3.access.actions import ACTIONS, ResourceType, intended_action, is_api_name, matching_actions
from v7s3.access.places import did_you_mean, quoted

if TYPE_CHECKING:
    from v7s3.access.jsontext import Node
    from v7s3.access.places import Findings


class ActionPattern(NamedTuple):
    """An action of a statement, and the actions of S3 that it stands for (never empty)."""

    node: Node
    text: str
    actions: tuple[str, ...]


class ResourceKinds(NamedTuple):
    """What a statement's resources are: buckets, objects, or both."""

    kinds: frozenset[ResourceType]
    nodes: list[Node]


def lint_actions(findings: Findings, nodes: list[Node]) -> list[ActionPattern]:
    """Check the texts of Action or NotAction; returns those that mean something to S3."""
    patterns = []
    for node in nodes:
        text = str(node.value)
        if text in ("*", "*:*"):
            patterns.append(ActionPattern(node, "*", matching_actions("*")))
            continue
        service, colon, name = text.partition(":")
        if problem := _why_malformed(text, service, colon, name):
            findings.add(rules.MALFORMED_ACTION, f"{quoted(text)} {problem}", node)
            continue
        actions = matching_actions(name)
        if actions:
            patterns.append(ActionPattern(node, text, actions))
        else:
            _lint_unknown(findings, node, name)
    return patterns


def _why_malformed(text: str, service: str, colon: str, name: str) -> str:  # noqa: PLR0911  # a case a line
    if "," in text:
        return "is several actions in one text; write a list of texts"
    if re.search(r"\s", text):
        stripped = re.sub(r"\s+", "", text)
        return f"holds a blank, so it matches nothing; write {quoted(stripped)}"
    if not colon:
        if matching_actions(text) or is_api_name(text):
            return f"lacks its service; write {quoted(f's3:{text}')}"
        return "is no action; actions are written like s3:GetObject"
    if service.lower() != "s3":
        return f"is an action of {quoted(service)}; a bucket policy knows those of s3 only"
    if not name:
        return "names no action; every action of S3 is s3:*"
    return ""


def _lint_unknown(findings: Findings, node: Node, name: str) -> None:
    if is_api_name(name):
        meant = quoted(f"s3:{intended_action(name)}")
        findings.add(rules.API_NAME, f"{name} is an API call, which S3 checks as {meant}", node, fix=meant)
    elif re.search(r"[*?]", name):
        findings.add(rules.UNKNOWN_ACTION, f"no action of S3 matches {quoted(node.value)}", node)
    else:
        guess = findings.suggest(intended_action, name)
        hint = did_you_mean(f"s3:{guess}" if guess else "")
        fix = quoted(f"s3:{guess}") if guess else ""
        findings.add(rules.UNKNOWN_ACTION, f"S3 has no action {quoted(node.value)}{hint}", node, fix=fix)


def lint_fit(findings: Findings, patterns: list[ActionPattern], resources: ResourceKinds) -> None:
    """Every action has to fit one of the resources, or S3 refuses the whole document."""
    if not resources.kinds:
        return
    misfits = [pattern for pattern in patterns if not _types(pattern) & resources.kinds]
    if patterns and len(misfits) == len(patterns) and all("object" in _types(pattern) for pattern in patterns):
        for node in resources.nodes:
            wanted = f"{str(node.value).rstrip('/')}/*"
            message = f"{quoted(node.value)} is the bucket itself; its objects are {quoted(wanted)}"
            findings.add(rules.NO_OBJECTS, message, node, fix=f'"Resource": {quoted(wanted)}')
        return
    for pattern in misfits:
        findings.add(rules.ACTION_WITHOUT_RESOURCE, _misfit(pattern, resources), pattern.node)


def _types(pattern: ActionPattern) -> set[ResourceType]:
    return {ACTIONS[action] for action in pattern.actions}


def _misfit(pattern: ActionPattern, resources: ResourceKinds) -> str:
    types = _types(pattern)
    if types == {"other"}:
        return f"{quoted(pattern.text)} is about neither buckets nor objects; it belongs into an IAM policy"
    if "object" in resources.kinds:
        return f"{quoted(pattern.text)} is about the bucket; its resource is arn:aws:s3:::BUCKET without /*"
    return f"{quoted(pattern.text)} is about objects; its resource is arn:aws:s3:::BUCKET/*"
