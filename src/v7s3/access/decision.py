"""The question and the answer: AccessRequest, Decision, and the trace in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from v7s3.access.context import given
from v7s3.access.variables import ARN_PARTS
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from v7s3.access.logic import Truth

Effect = Literal["allowed", "denied", "depends"]
Example = Mapping[str, str | list[str] | None]  # None = absent


@dataclass(frozen=True)
class AccessRequest:
    """One request: who, what, on which object or bucket, and what is known about it.

    `principal` is an IAM or STS ARN (`arn:aws:iam::258327614892:role/external_s3`), a service's name, or "*" for
    anonymous. `action` is an IAM action (`s3:GetObject`). `resource` is the ARN of an object or bucket; with a `*` at
    its end it asks for every key under that prefix. `context` has condition keys in any case: text or a list of texts;
    None is known to be absent; a key that is not listed is unknown. A context of None lists no key.
    Raises UsageError when the resource is no ARN or a context value no text.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, object] | None = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.resource.startswith("arn:") or self.resource.count(":") < ARN_PARTS - 1:
            raise UsageError(
                f"the resource {self.resource!r} is no ARN",
                hint="write arn:aws:s3:::BUCKET/KEY, or …/PREFIX/* for all below",
            )
        given(self.context)


@dataclass(frozen=True, slots=True)
class ElementResult:
    """One element of a statement, or one condition of it, held against the request."""

    name: str  # "Principal", "NotAction", "Condition", …
    truth: Truth
    text: str  # the text of the policy that matched or failed: a principal, a pattern, a condition
    reason: str  # why, in words
    keys: tuple[str, ...] = ()  # condition keys (or other facts) that an unknown truth hangs on


@dataclass(frozen=True, slots=True)
class StatementResult:
    """One statement held against the request: it applies when all of its elements are true."""

    index: int  # place in the document, from 0
    sid: str | None
    label: str  # "statement 2 (DenyInsecure)"
    effect: Literal["Allow", "Deny"]
    truth: Truth
    elements: tuple[ElementResult, ...]

    def elements_that_are(self, truth: Truth) -> tuple[ElementResult, ...]:
        return tuple(element for element in self.elements if element.truth is truth)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and the statements it comes from.

    `because` has the statements that decided: those that deny, those that allow, those that it depends on, or for an
    implicit denial every Allow statement with the element that failed. `trace` has every statement of the policy.
    For depends, `unknown_keys` and `unknown_conditions` are what it hangs on, and `allowed_when` and `denied_when` are
    examples: values of unknown keys under which the answer is the one or the other, both None when not both were found.
    The name `resource` in an example is one of the resources that were asked for.
    """

    effect: Effect
    summary: str
    because: tuple[StatementResult, ...] = ()
    trace: tuple[StatementResult, ...] = ()
    unknown_keys: tuple[str, ...] = ()
    unknown_conditions: tuple[str, ...] = ()
    allowed_when: Example | None = None
    denied_when: Example | None = None
