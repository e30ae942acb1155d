"""One statement held against one request: which elements are true, false or open, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from v7s3.access.conditions import ConditionTest
from v7s3.access.context import ABSENT, PRESENT, Context, Presence, Value
from v7s3.access.decision import AccessRequest, ElementResult, StatementResult
from v7s3.access.globs import Glob, matches, regions
from v7s3.access.logic import Truth, all_of, any_of, in_every_case
from v7s3.access.principals import Caller, Verdict, means, means_all_but
from v7s3.access.resources import asked_for, resource_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from v7s3.access.policy import Statement
    from v7s3.access.variables import Pattern


class Cases:
    """The representative values of the unknown keys; None for a key where finitely many do not represent all."""

    def __init__(self, candidates: Mapping[str, tuple[Value, ...] | None], context: Context) -> None:
        self.candidates = candidates
        self._context = context
        self._truths: dict[ConditionTest, Truth] = {}

    def holds(self, test: ConditionTest) -> Truth:
        """Whether a condition holds whichever case is the real one."""
        if test not in self._truths:
            values = self.candidates.get(test.key) or (self._context[test.key],)
            self._truths[test] = in_every_case(map(test.holds, values))
        return self._truths[test]


@dataclass(frozen=True)
class Case:
    """One way the open things may be: values of some unknown keys, and one of the resources that were asked for."""

    values: Mapping[str, Value]
    resource: str | None = None


NO_CASE = Case({})


@dataclass(frozen=True, eq=False)
class StatementReading:
    """A statement made ready for one request."""

    statement: Statement
    principal: Verdict
    action: Verdict
    resource: str
    asked: Glob | None  # the resources a question about a prefix asks for
    patterns: tuple[Pattern, ...]
    tests: tuple[ConditionTest, ...]
    context: Context

    @classmethod
    def read(
        cls, statement: Statement, caller: Caller, request: AccessRequest, context: Context, *, with_variables: bool
    ) -> StatementReading:
        resources = statement.not_resources if statement.resources is None else statement.resources
        return cls(
            statement=statement,
            principal=_principal(statement, caller),
            action=_action(statement, request.action),
            resource=request.resource,
            asked=asked_for(request.resource),
            patterns=tuple(resource_pattern(text, context, with_variables=with_variables) for text in resources or ()),
            tests=tuple(
                ConditionTest.read(condition, context, with_variables=with_variables)
                for condition in statement.conditions
            ),
            context=context,
        )

    @property
    def concerns_caller(self) -> bool:
        """False when the principal or the action already rule the statement out."""
        return Truth.FALSE not in (self.principal.truth, self.action.truth)

    def applies(self, case: Case, cases: Cases) -> Truth:
        return all_of(self._truths(case, cases))

    def _truths(self, case: Case, cases: Cases) -> Iterator[Truth]:
        yield self.principal.truth
        yield self.action.truth
        yield self.covers(case)
        for test in self.tests:
            yield self.holds(test, case, cases)

    def covers(self, case: Case) -> Truth:
        """Whether Resource covers the one resource of the case, or everything that the request asks for."""
        if self.asked is None:
            return self._covers(self.resource)
        if case.resource is not None:
            return self._covers(case.resource)
        return self._covers_all_asked

    @cached_property
    def _covers_all_asked(self) -> Truth:
        assert self.asked is not None
        samples = regions(self.globs, within=self.asked)
        return Truth.UNKNOWN if samples is None else in_every_case(map(self._covers, samples))

    def _covers(self, resource: str) -> Truth:
        covered = any_of(pattern.covers(resource) for pattern in self.patterns)
        if self.statement.not_resources is None:
            return covered
        return ~covered if self.patterns else Truth.UNKNOWN  # AWS does not say what an empty NotResource means

    @property
    def globs(self) -> list[Glob]:
        return [glob for pattern in self.patterns for glob in pattern.globs]

    def holds(self, test: ConditionTest, case: Case, cases: Cases) -> Truth:
        if test.key in case.values:
            return test.holds(case.values[test.key])
        return cases.holds(test) if self.concerns_caller else test.holds(self.context[test.key])

    def open_keys(self, case: Case, cases: Cases) -> Iterator[str]:
        """The keys of conditions that are open in this case."""
        for test in self.tests:
            if test.key not in case.values and self.holds(test, case, cases) is Truth.UNKNOWN:
                yield test.key

    # ------------------------------------------------------------------------------------------------------ in words

    def result(self, cases: Cases) -> StatementResult:
        statement = self.statement
        elements = (
            _element("Principal" if statement.not_principal is None else "NotPrincipal", self.principal),
            _element("Action" if statement.not_actions is None else "NotAction", self.action),
            self._resource_result(),
            *(self._condition_result(test, cases) for test in self.tests),
        )
        truth = all_of(element.truth for element in elements)
        return StatementResult(statement.index, statement.sid, statement.label, statement.effect, truth, elements)

    def _resource_result(self) -> ElementResult:
        truth = self.covers(NO_CASE)
        negated = self.statement.not_resources is not None
        touching = [pattern for pattern in self.patterns if self._touches(pattern)]
        keys = tuple(dict.fromkeys(key for pattern in touching for key in pattern.keys))
        if truth is not Truth.UNKNOWN:
            reason = f"{self._asked_in_words} {'is' if (truth is Truth.TRUE) != negated else 'is not'} covered"
            keys = ()
        elif self.asked is not None and not keys:
            reason = f"some keys under {self.resource[:-1]} are covered, others are not"
        else:
            reason = f"it cannot be told whether {self._asked_in_words} is covered"
        text = ", ".join(pattern.text for pattern in touching or self.patterns) or "(nothing)"
        return ElementResult("NotResource" if negated else "Resource", truth, text, reason, keys)

    @property
    def _asked_in_words(self) -> str:
        return self.resource if self.asked is None else f"every key under {self.resource[:-1]}"

    def _touches(self, pattern: Pattern) -> bool:
        if self.asked is None:
            return pattern.covers(self.resource) is not Truth.FALSE
        samples = regions(list(pattern.globs), within=self.asked)
        return samples is None or any(pattern.covers(sample) is not Truth.FALSE for sample in samples)

    def _condition_result(self, test: ConditionTest, cases: Cases) -> ElementResult:
        truth = self.holds(test, NO_CASE, cases)
        key, value = test.condition.key, self.context[test.key]
        if test.problem:
            reason = test.problem
        elif value is ABSENT:
            reason = f"{key} is absent"
        elif value is PRESENT:
            reason = f"{key} is present, its value is not known"
        elif isinstance(value, Presence):
            reason = f"{key} is not known" if truth is Truth.UNKNOWN else f"{key} is not known, and need not be"
        else:
            reason = f"{key} is {' and '.join(value)}"
        keys = (key, *test.variable_keys) if isinstance(value, Presence) and value is not ABSENT else test.variable_keys
        return ElementResult(
            "Condition", truth, str(test.condition), reason, (keys or (key,)) if truth is Truth.UNKNOWN else ()
        )


def _element(name: str, verdict: Verdict) -> ElementResult:
    return ElementResult(name, verdict.truth, verdict.text, verdict.reason, verdict.keys)


def _principal(statement: Statement, caller: Caller) -> Verdict:
    if statement.principal is not None:
        return means(statement.principal, caller)
    if statement.not_principal is None:
        reason = "a statement without Principal concerns nobody; policies of users and roles look like this"
        return Verdict(Truth.FALSE, "(none)", reason)
    verdict = means_all_but(statement.not_principal, caller)
    if statement.effect == "Allow" and verdict.truth is Truth.TRUE:
        return Verdict(Truth.UNKNOWN, verdict.text, "S3 refuses Allow with NotPrincipal", ("Allow with NotPrincipal",))
    return verdict


def _action(statement: Statement, action: str) -> Verdict:
    if statement.not_actions is None:
        found = _first_match(statement.actions or (), action)
        if found is not None:
            return Verdict(Truth.TRUE, found, f"{action} is listed")
        return Verdict(Truth.FALSE, ", ".join(statement.actions or ()) or "(nothing)", f"{action} is not listed")
    if not statement.not_actions:
        return Verdict(
            Truth.UNKNOWN, "(nothing)", "AWS does not say what an empty NotAction means", ("empty NotAction",)
        )
    found = _first_match(statement.not_actions, action)
    if found is not None:
        return Verdict(Truth.FALSE, found, f"{action} is excepted")
    return Verdict(Truth.TRUE, ", ".join(statement.not_actions), f"{action} is not excepted")


def _first_match(patterns: Sequence[str], action: str) -> str | None:
    return next((pattern for pattern in patterns if matches(pattern.lower(), action.lower())), None)
