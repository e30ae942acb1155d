"""The reasoning behind one decision, for people and for programs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from v7s3.access.actions import intended_action, is_api_name, matching_actions
from v7s3.access.evaluate import AccessRequest, evaluate
from v7s3.access.logic import Truth
from v7s3.access.policy import PolicyDocument
from v7s3.access.principals import Caller
from v7s3.cli.policy_input import in_words
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from v7s3.access.evaluate import Decision, ElementResult, StatementResult

_ONE_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_APPLIES = {Truth.TRUE: "applies", Truth.FALSE: "does not apply", Truth.UNKNOWN: "may apply"}
_ELEMENT = {Truth.TRUE: "yes", Truth.FALSE: "no", Truth.UNKNOWN: "open"}
_COLOURS = {"allowed": "32", "denied": "31", "depends": "33"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A request, what was known about it, and what the policy says."""

    request: AccessRequest
    context: dict[str, str | list[str] | None]
    decision: Decision

    @classmethod
    def of(
        cls,
        policy: str | bytes | None,
        principal: str,
        action: str,
        resource: str,
        context: dict[str, str | list[str] | None],
    ) -> Explanation:
        """Evaluate. Raises UsageError when the policy is malformed, or for what nobody can ask of S3."""
        if not _ONE_ACTION.fullmatch(action):
            raise UsageError(f"{action!r} is not one action", hint="ask for one at a time, such as s3:GetObject")
        if Caller.parse(principal).kind == "other":
            raise UsageError(
                f"{principal!r} is nobody who can ask", hint="give the ARN of a role, session or user, or * for anybody"
            )
        request = AccessRequest(principal, action, resource, context)
        document = PolicyDocument.parse(policy) if policy is not None else None
        return cls(request, context, evaluate(document, request))

    def text(self, *, verbose: bool, only_decision: bool, colour: bool) -> str:
        """The decision, the request, and each statement with its elements.

        Statements about somebody else are one line unless `verbose`.
        """
        decision = self.decision
        code = _COLOURS[decision.effect]
        first = f"\x1b[{code}m{decision.summary}\x1b[0m" if colour else decision.summary
        if only_decision:
            return first
        lines = [first, "", *self._question()]
        for result in decision.trace:
            lines += ["", *_statement(result, verbose=verbose)]
        if decision.allowed_when is not None and decision.denied_when is not None:
            lines += ["", f"allowed when  {_example(decision.allowed_when)}"]
            lines += [f"denied when   {_example(decision.denied_when)}"]
        return "\n".join(lines)

    def _question(self) -> list[str]:
        asked = self.request
        lines = [f"principal  {asked.principal}", f"action     {asked.action}", f"resource   {asked.resource}"]
        return [*lines, f"context    {in_words(self.context)}"] if self.context else lines

    def document(self) -> dict[str, Any]:
        """The published JSON of `explain`."""
        decision = self.decision
        return {
            "effect": decision.effect,
            "summary": decision.summary,
            "request": {
                "principal": self.request.principal,
                "action": self.request.action,
                "resource": self.request.resource,
                "context": self.context,
            },
            "because": [result.index for result in decision.because],
            "statements": [_published(result) for result in decision.trace],
            "unknown_keys": list(decision.unknown_keys),
            "unknown_conditions": list(decision.unknown_conditions),
            "allowed_when": dict(decision.allowed_when) if decision.allowed_when is not None else None,
            "denied_when": dict(decision.denied_when) if decision.denied_when is not None else None,
        }


def remark_on_action(action: str) -> str:
    """That S3 has no such action, and which one will have been meant; "" when there is one, or it is not S3's."""
    service, _, name = action.partition(":")
    if service.lower() != "s3" or not _ONE_ACTION.fullmatch(action) or matching_actions(name):
        return ""
    meant = intended_action(name)
    if is_api_name(name):
        return f"{action} is a request and no action; the action that S3 checks for it is s3:{meant}"
    return f"S3 has no action {action}" + (f"; did you mean s3:{meant}?" if meant else "")


def _statement(result: StatementResult, *, verbose: bool) -> list[str]:
    line = f"{result.label}: {result.effect}, {_APPLIES[result.truth]}"
    stranger = next((each for each in result.elements_that_are(Truth.FALSE) if each.name.endswith("Principal")), None)
    if stranger is not None and not verbose:
        return [f"{line} ({stranger.name}: {stranger.reason})"]
    return [line, *(_element(element) for element in result.elements)]


def _element(element: ElementResult) -> str:
    shown = element.reason if element.text in element.reason else f"{element.text}: {element.reason}"
    return f"  {_ELEMENT[element.truth]:<5} {element.name:<12} {shown}".rstrip()


def _example(example: Any) -> str:
    parts = (f"{key} is {'absent' if value is None else value}" for key, value in example.items())
    return ", ".join(parts) or "always"


def _published(result: StatementResult) -> dict[str, Any]:
    return {
        "index": result.index,
        "sid": result.sid,
        "effect": result.effect,
        "applies": result.truth.value,
        "elements": [
            {
                "name": element.name,
                "holds": element.truth.value,
                "text": element.text,
                "reason": element.reason,
                "keys": list(element.keys),
            }
            for element in result.elements
        ],
    }
