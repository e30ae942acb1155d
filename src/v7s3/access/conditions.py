"""Condition operators: one operator applied to one key of a request.

A test is read once (`ConditionTest.read`) and then asked about any value of its key: the one in the request, or each of
the representative values when it is not known. `representatives` finds finitely many values of a key such that every
value there can be behaves like one of them in all tests of the policy.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
…/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from v7s3.access.action_keys import holds_several_values, types_of
from v7s3.access.context import ABSENT, UNKNOWN, Context, Presence, Texts, Value
from v7s3.access.globs import Glob, Wild, regions
from v7s3.access.logic import Truth, all_of, any_of, in_every_case
from v7s3.access.operands import Family, Operand, has_type, read_operand, samples
from v7s3.access.variables import EXACT, IGNORING_CASE, WITH_WILDCARDS, Pattern, arn_pattern, pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from v7s3.access.policy import Condition


class Operator(NamedTuple):
    """`ForAnyValue:StringNotLikeIfExists`, taken apart."""

    base: str  # the comparison: "StringLike", "NumericLessThan"
    family: Family
    negated: bool = False
    for_all: bool = False
    for_any: bool = False
    if_exists: bool = False


# operator -> the comparison it makes, its family, and whether it asks for the opposite
_OPERATORS: dict[str, tuple[str, Family, bool]] = {
    "StringEquals": ("StringEquals", "String", False),
    "StringNotEquals": ("StringEquals", "String", True),
    "StringEqualsIgnoreCase": ("StringEqualsIgnoreCase", "String", False),
    "StringNotEqualsIgnoreCase": ("StringEqualsIgnoreCase", "String", True),
    "StringLike": ("StringLike", "String", False),
    "StringNotLike": ("StringLike", "String", True),
    "ArnEquals": ("ArnLike", "Arn", False),
    "ArnLike": ("ArnLike", "Arn", False),
    "ArnNotEquals": ("ArnLike", "Arn", True),
    "ArnNotLike": ("ArnLike", "Arn", True),
    "NumericEquals": ("Equals", "Numeric", False),
    "NumericNotEquals": ("Equals", "Numeric", True),
    "NumericLessThan": ("LessThan", "Numeric", False),
    "NumericLessThanEquals": ("LessThanEquals", "Numeric", False),
    "NumericGreaterThan": ("GreaterThan", "Numeric", False),
    "NumericGreaterThanEquals": ("GreaterThanEquals", "Numeric", False),
    "DateEquals": ("Equals", "Date", False),
    "DateNotEquals": ("Equals", "Date", True),
    "DateLessThan": ("LessThan", "Date", False),
    "DateLessThanEquals": ("LessThanEquals", "Date", False),
    "DateGreaterThan": ("GreaterThan", "Date", False),
    "DateGreaterThanEquals": ("GreaterThanEquals", "Date", False),
    "Bool": ("Equals", "Bool", False),
    "BinaryEquals": ("Equals", "Binary", False),
    "IpAddress": ("Within", "IpAddress", False),
    "NotIpAddress": ("Within", "IpAddress", True),
    "Null": ("Null", "Null", False),
}
_BY_LOWER_CASE = {name.lower(): entry for name, entry in _OPERATORS.items()}
_WRITTEN = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<base>[a-z]+?)(?P<if>IfExists)?", re.IGNORECASE)


def read_operator(text: str) -> Operator | None:
    """The operator written `text`, in any case; None when AWS has no such operator."""
    parts = _WRITTEN.fullmatch(text)
    known = parts and _BY_LOWER_CASE.get(parts["base"].lower())
    if not parts or not known:
        return None
    base, family, negated = known
    chosen = (parts["set"] or "").lower()
    operator = Operator(
        base, family, negated, chosen == "forallvalues", chosen == "foranyvalue", if_exists=parts["if"] is not None
    )
    has_modifier = operator.for_all or operator.for_any or operator.if_exists
    return None if family == "Null" and has_modifier else operator


@dataclass(frozen=True, eq=False)
class ConditionTest:
    """One condition line, read. `problem` says why it cannot be evaluated; it is then unknown whatever the value."""

    condition: Condition
    operator: Operator
    operands: tuple[Operand, ...] = ()
    problem: str = ""

    @classmethod
    def read(cls, condition: Condition, context: Context, *, with_variables: bool) -> ConditionTest:
        operator = read_operator(condition.operator)
        if operator is None:
            return cls(condition, _NO_OPERATOR, problem=f"{condition.operator} is no condition operator")
        if not condition.values:
            return cls(condition, operator, problem="the list of values is empty")
        operands = []
        for value in condition.values:
            operand = _read_operand(operator, value, context, with_variables=with_variables)
            if operand is None:
                return cls(condition, operator, problem=f"{value!r} is no value for {condition.operator}")
            operands.append(operand)
        return cls(condition, operator, tuple(operands))

    @property
    def key(self) -> str:
        return self.condition.key.lower()

    @property
    def variable_keys(self) -> tuple[str, ...]:
        """The keys of variables in the values that have no known value."""
        return tuple(key for operand in self.operands if isinstance(operand, Pattern) for key in operand.keys)

    def holds(self, value: Value) -> Truth:
        """Whether the condition holds when its key has this value."""
        if self.operator.family == "Null":
            return self._null(value)
        if value is ABSENT and not self.problem:
            return Truth.of(self._holds_when_absent())
        if isinstance(value, Presence) or self.problem:
            return Truth.UNKNOWN
        verdicts = [self._verdict(text) for text in value]
        if self.operator.for_any:
            return any_of(verdicts)
        if self.operator.for_all:
            # AWS once wrote that an empty text counts as no value at all, for which this operator is true.
            return any_of([all_of(verdicts), *([] if any(value) else [Truth.UNKNOWN])])
        # Several values without a set operator: AWS does not say what that means, unless they agree.
        return in_every_case(verdicts)

    def single(self, text: str) -> Truth:
        """What one value contributes; all that `holds` makes of several values follows from these."""
        if self.problem:
            return Truth.UNKNOWN
        return Truth.TRUE if self.operator.family == "Null" else self._verdict(text)

    def _null(self, value: Value) -> Truth:
        if self.problem:
            return Truth.UNKNOWN
        cases = ["true"] if value is ABSENT else ["true", "false"] if value is UNKNOWN else ["false"]
        return in_every_case(any_of(operand.covers(case) for operand in self.operands) for case in cases)

    def _holds_when_absent(self) -> bool:
        operator = self.operator
        return operator.for_all or operator.if_exists or (operator.negated and not operator.for_any)

    def _verdict(self, text: str) -> Truth:
        """One value of the request against the values of the policy: OR of them, or NOR for a negated operator."""
        matched = any_of(operand.covers(text) for operand in self.operands)
        if not self.operator.negated:
            return matched
        if not has_type(self.operator.family, text):
            return Truth.UNKNOWN  # what cannot be compared is not equal, but AWS does not say that it is unequal
        return ~matched


_NO_OPERATOR = Operator("", "String")
_READINGS = {"StringEquals": EXACT, "StringEqualsIgnoreCase": IGNORING_CASE, "StringLike": WITH_WILDCARDS}


def _read_operand(operator: Operator, value: str, context: Context, *, with_variables: bool) -> Operand | None:
    match operator.family:
        case "String":
            return pattern(value, _READINGS[operator.base], context, with_variables=with_variables)
        case "Arn":
            return arn_pattern(value, context, with_variables=with_variables)
    return read_operand(operator.family, operator.base, value)


# ------------------------------------------------------------------------------------- keys with unknown values

_ANY_ARN = Glob((*(Wild.RUN_IN_PART, ":") * 5, Wild.RUN))
_ANY_TEXT = Glob((Wild.ONE, Wild.RUN))
_MANY = 200  # values of one key; more are not gone through


def representatives(
    key: str, tests: Sequence[ConditionTest], value: Value, forms: Sequence[Glob] = ()
) -> tuple[Value, ...] | None:
    """Values such that every value the key can have behaves like one of them in all of these tests of the key.

    `value` is PRESENT or UNKNOWN; only for the latter is "absent" among them. With `forms` the value is one text that
    one of these globs covers. None when there are too many.
    """
    texts = _texts_of(forms, tests) if forms else _sample_texts(key, tests)
    if texts is None:
        return None
    several = holds_several_values(key) or any(test.operator.for_all or test.operator.for_any for test in tests)
    several = several and not forms
    values = _different(tests, texts, several=several)
    if len(values) > _MANY:
        return None
    return (*values, ABSENT) if value is UNKNOWN else tuple(values)


def _different(tests: Sequence[ConditionTest], texts: Sequence[str], *, several: bool) -> list[Texts]:
    """One value for each way to come out of the tests; with `several` also combinations of texts, where they differ."""
    contributions = {text: tuple(frozenset([test.single(text)]) for test in tests) for text in texts}
    found: dict[tuple[frozenset[Truth], ...], Texts] = {}
    for text, contribution in contributions.items():
        found.setdefault(contribution, (text,))
    singles = dict(found)
    waiting = list(found.items()) if several else []
    for contribution, value in waiting:  # grows while it is walked
        for other, single in singles.items():
            both = tuple(map(frozenset.union, contribution, other))
            if both not in found and len(found) <= _MANY:
                found[both] = value + single
                waiting.append((both, value + single))
    return list(found.values())


def _sample_texts(key: str, tests: Sequence[ConditionTest]) -> list[str] | None:
    families = {test.operator.family for test in tests if not test.problem} - {"Null"}
    if "Bool" in types_of(key):
        return ["true", "false"]
    if families <= {"String", "Arn"}:
        globs = _globs_in(tests)
        if "Arn" in types_of(key):
            return regions(globs, within=_ANY_ARN)
        found = regions([*globs, _ANY_ARN] if "Arn" in families else globs, within=_ANY_TEXT)
        return found and [*found, ""]
    if len(families) > 1:
        return None  # one key compared as text and as a number
    (family,) = families
    typed = samples(family, [operand for test in tests for operand in test.operands])
    return typed if family in types_of(key) else [*typed, "?"]


def _globs_in(tests: Sequence[ConditionTest]) -> list[Glob]:
    operands = [operand for test in tests for operand in test.operands if isinstance(operand, Pattern)]
    return [glob for operand in operands for glob in operand.globs]


def _texts_of(forms: Sequence[Glob], tests: Sequence[ConditionTest]) -> list[str] | None:
    """As `_sample_texts`, among the texts that the forms cover. All other operands say the same of each of them."""
    found = [regions(_globs_in(tests), within=form) for form in forms]
    return [text for texts in found for text in texts or ()] if None not in found else None
