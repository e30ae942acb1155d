"""Settling by cases what three-valued logic leaves open.

Logic takes each open condition for itself, so "IP in the office, or IP not in the office" stays open. Here the unknown
keys take their representative values one after the other, and a question about every key under a prefix is put for one
key of each kind that the policy tells apart. Once one case is allowed and one is denied, the answer depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from v7s3.access.conditions import ConditionTest, representatives
from v7s3.access.context import Context, Presence, Value
from v7s3.access.globs import regions
from v7s3.access.logic import Truth, any_of
from v7s3.access.statements import NO_CASE, Case, Cases, StatementReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from v7s3.access.decision import Effect
    from v7s3.access.globs import Glob

_BUDGET = 2_000  # cases; a policy that needs more "depends"


def combine(deny: Iterable[Truth], allow: Iterable[Truth]) -> Effect:
    """The decision that follows from which Deny and which Allow statements apply."""
    denied, allowed = any_of(deny), any_of(allow)
    if denied is Truth.TRUE or allowed is Truth.FALSE:
        return "denied"
    return "allowed" if denied is Truth.FALSE and allowed is Truth.TRUE else "depends"


def cases_of(readings: Sequence[StatementReading], context: Context, forms: Mapping[str, tuple[Glob, ...]]) -> Cases:
    """Representative values of every unknown key that a statement which may concern the caller has a condition on.

    `forms` has by key, in lower case, the globs that cover all values the key can have.
    """
    tests: dict[str, list[ConditionTest]] = {}
    for reading in readings:
        for test in reading.tests if reading.concerns_caller else ():
            tests.setdefault(test.key, []).append(test)
    found: dict[str, tuple[Value, ...] | None] = {}
    for key, of_key in tests.items():
        value = context[key]
        if value in (Presence.PRESENT, Presence.UNKNOWN):
            found[key] = representatives(key, of_key, value, forms.get(key, ()))
    return Cases(found, context)


@dataclass
class Search:
    """Walks through the cases; `found` has the first case of each outcome."""

    readings: Sequence[StatementReading]
    cases: Cases
    found: dict[Effect, Case] = field(default_factory=dict)
    visited: int = 0

    def outcome(self) -> Effect:
        waiting = [iter([NO_CASE])]  # depth first: the cases that each case on the way splits into
        while waiting and not ("allowed" in self.found and "denied" in self.found):
            if self.visited == _BUDGET:
                self.found.setdefault("depends", NO_CASE)
                break
            case = next(waiting[-1], None)
            if case is None:
                waiting.pop()
            else:
                waiting.append(self._visit(case))
        return next(iter(self.found)) if len(self.found) == 1 else "depends"

    def _visit(self, case: Case) -> Iterator[Case]:
        """The smaller cases that this one splits into; none when it has an outcome, which is then noted."""
        self.visited += 1
        truths = [(reading, reading.applies(case, self.cases)) for reading in self.readings]
        effect = combine(
            deny=(truth for reading, truth in truths if reading.statement.effect == "Deny"),
            allow=(truth for reading, truth in truths if reading.statement.effect == "Allow"),
        )
        open_readings = [reading for reading, truth in truths if truth is Truth.UNKNOWN]
        smaller = None if effect != "depends" else self._split(case, open_readings)
        if smaller is None:
            self.found.setdefault(effect, case)
            return iter(())
        return smaller

    def _split(self, case: Case, open_readings: Sequence[StatementReading]) -> Iterator[Case] | None:
        """The same case with one more thing settled in each possible way; None when nothing is left to settle."""
        if case.resource is None and self._resources and any(r.covers(case) is Truth.UNKNOWN for r in open_readings):
            return (Case(case.values, resource) for resource in self._resources)
        for reading in open_readings:
            for key in reading.open_keys(case, self.cases):
                candidates = self.cases.candidates.get(key)
                if candidates is not None:
                    return (Case({**case.values, key: value}, case.resource) for value in candidates)
        return None

    @cached_property
    def _resources(self) -> list[str]:
        """One of each kind of resource that the statements tell apart among those asked for."""
        asked = next((reading.asked for reading in self.readings), None)
        if asked is None:
            return []
        concerned = [reading for reading in self.readings if reading.concerns_caller]
        return regions([glob for reading in concerned for glob in reading.globs], within=asked) or []


def shown(value: Value) -> str | list[str] | None:
    """A representative value as an AccessRequest's context would give it."""
    if isinstance(value, Presence):
        return None
    return value[0] if len(value) == 1 else list(value)
