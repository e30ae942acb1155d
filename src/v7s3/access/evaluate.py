"""Does a bucket policy let this request in? Allowed, denied, or depends on what cannot be known from here.

    deny  = OR over Deny  statements of (principal AND action AND resource AND conditions)
    allow = OR over Allow statements of the same
    deny true -> denied · allow false -> denied · deny false and allow true -> allowed · otherwise -> depends

All of it in three-valued logic (`logic.py`); what that leaves open is settled by cases where it can be (`cases.py`).

The caller is taken to be of another account than the bucket: what nothing allows is denied. Nothing is assumed that
does not follow from the request itself: whoever wants `aws:SecureTransport` to be true has to put it into the context.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from v7s3.access.action_keys import ALWAYS_PRESENT, never_carries
from v7s3.access.cases import Search, cases_of, combine, shown
from v7s3.access.context import ABSENT, PRESENT, UNKNOWN, Context, Value, given
from v7s3.access.decision import AccessRequest, Decision, Effect, ElementResult, Example, StatementResult
from v7s3.access.logic import Truth
from v7s3.access.principals import Caller
from v7s3.access.public import is_public
from v7s3.access.statements import Case, StatementReading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from v7s3.access.policy import PolicyDocument

__all__ = ["AccessRequest", "Decision", "ElementResult", "StatementResult", "context_of", "evaluate", "is_public"]


def evaluate(policy: PolicyDocument | None, request: AccessRequest) -> Decision:
    """What AWS would answer to the request with this bucket policy; None is a bucket without a policy."""
    if policy is None:
        return Decision("denied", "denied: there is no bucket policy, so nothing allows it")
    caller, context = Caller.parse(request.principal), context_of(request)
    readings = [
        StatementReading.read(statement, caller, request, context, with_variables=policy.has_variables)
        for statement in policy.statements
    ]
    cases = cases_of(readings, context, caller.forms())
    trace = tuple(reading.result(cases) for reading in readings)
    effect = combine(
        deny=(result.truth for result in trace if result.effect == "Deny"),
        allow=(result.truth for result in trace if result.effect == "Allow"),
    )
    if effect != "depends":
        return _decided(effect, trace)
    search = Search(readings, cases)
    outcome = search.outcome()
    if outcome != "depends":
        return _decided_by_cases(outcome, trace)
    names = {test.key: test.condition.key for reading in readings for test in reading.tests}
    return _open(trace, {effect: _example(case, names) for effect, case in search.found.items()})


def context_of(request: AccessRequest) -> Context:
    """What is known about the keys of a request: what it says, else what follows from its principal and action."""
    direct = request.resource.split(":")[3:5] == ["", ""]
    caller = Caller.parse(request.principal)
    return Context(
        dict.fromkeys(ALWAYS_PRESENT, PRESENT),
        caller.facts(),
        given(request.context),
        otherwise=partial(_unlisted, caller, request.action, direct=direct),
    )


def _unlisted(caller: Caller, action: str, key: str, *, direct: bool) -> Value:
    return ABSENT if caller.never_has(key) or never_carries(action, key, direct=direct) else UNKNOWN


# ------------------------------------------------------------------------------------------------------------ in words


def _decided(effect: Effect, trace: tuple[StatementResult, ...]) -> Decision:
    wanted = "Allow" if effect == "allowed" else "Deny"
    because = tuple(result for result in trace if result.effect == wanted and result.truth is Truth.TRUE)
    if because:
        verb = "allows" if effect == "allowed" else "denies"
        return Decision(effect, f"{effect}: {_labels(because)} {verb} it", because, trace)
    allows = tuple(result for result in trace if result.effect == "Allow")
    return Decision(effect, "denied: no statement allows it", allows, trace)


def _decided_by_cases(effect: Effect, trace: tuple[StatementResult, ...]) -> Decision:
    """The statements are open one by one, but together they leave no other outcome."""
    because = tuple(result for result in trace if result.truth is not Truth.FALSE)
    keys, _ = _hangs_on(because)
    return Decision(
        effect, f"{effect}: so {_labels(because)} decide together, whatever {' and '.join(keys)} may be", because, trace
    )


def _open(trace: tuple[StatementResult, ...], examples: Mapping[Effect, Example]) -> Decision:
    is_allowed = any(result.effect == "Allow" and result.truth is Truth.TRUE for result in trace)
    because = tuple(
        result for result in trace if result.truth is Truth.UNKNOWN and not (is_allowed and result.effect == "Allow")
    )
    keys, conditions = _hangs_on(because)
    return Decision(
        "depends",
        f"depends on {', '.join(keys)}: {_labels(because)}",
        because,
        trace,
        keys,
        conditions,
        allowed_when=examples.get("allowed") if "denied" in examples else None,
        denied_when=examples.get("denied") if "allowed" in examples else None,
    )


def _hangs_on(results: Sequence[StatementResult]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys and the texts of conditions (or of other elements) that these statements leave open."""
    elements = [element for result in results for element in result.elements_that_are(Truth.UNKNOWN)]
    keys = {key.lower(): key for element in reversed(elements) for key in reversed(element.keys or (element.name,))}
    return tuple(reversed(keys.values())), tuple(dict.fromkeys(element.text for element in elements))


def _labels(results: Sequence[StatementResult]) -> str:
    return ", ".join(result.label for result in results)


def _example(case: Case, names: Mapping[str, str]) -> Example:
    """The case with the keys as the policy writes them."""
    resource = {} if case.resource is None else {"resource": case.resource}
    return {**resource, **{names[key]: shown(value) for key, value in case.values.items()}}
