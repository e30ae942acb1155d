"""The order of the probes, without a network: side by side, after what they depend on, and not for ever."""

from __future__ import annotations

import threading

import pytest

from v7s3.doctor.probe import Answer, Call, Probe, UnansweredError
from v7s3.doctor.probes import PROBES
from v7s3.doctor.run import Round
from v7s3.doctor.threads import Once, side_by_side
from v7s3.errors import DeniedError, ServiceError
from v7s3.report import Rule

RULE = Rule("XYZ001", "it is broken", "error", "because", "mend it")


def probe(ident, look, *after):
    return Probe(ident, "a question", look, (Call("ask", "s3:Ask"),), after)


def good(_):
    return Answer("fine")


def bad(_):
    return Answer("broken", (RULE.finding("broken"),))


def denied(_):
    raise DeniedError("no", permission="s3:Ask")


def unreachable(_):
    raise ServiceError("nobody answers", hint="look at the cable")


def buggy(_):
    raise KeyError("oops")


def results(*probes, **options):
    return {check.ident: (check.status, check.summary) for check in Round(probes, None, **options).run()}


def test_failures_become_words_and_stop_no_other():
    assert results(
        probe("good", good),
        probe("bad", bad),
        probe("denied", denied),
        probe("unreachable", unreachable),
        probe("buggy", buggy),
    ) == {
        "good": ("ok", "fine"),
        "bad": ("fail", "broken"),
        "denied": ("skip", "needs s3:Ask"),
        "unreachable": ("error", "nobody answers"),
        "buggy": ("error", "a bug in v7s3, please report it: KeyError: 'oops'"),
    }


@pytest.mark.parametrize("look", [bad, unreachable])
def test_what_depends_on_a_failure_is_not_asked_and_names_the_first_cause(look):
    found = results(probe("a", look), probe("b", buggy, "a"), probe("c", buggy, "b"), probe("d", good))
    assert found["b"] == ("skip", "not asked: a comes first")
    assert found["c"] == ("skip", "not asked: a comes first")
    assert found["d"] == ("ok", "fine")


def test_what_depends_on_a_denied_question_is_asked():
    assert results(probe("a", denied), probe("b", good, "a"))["b"] == ("ok", "fine")


def test_checks_are_reported_in_the_order_of_the_probes():
    released = threading.Event()

    def last(_):
        released.wait(30)
        return Answer("fine")

    def first(_):
        released.set()
        return Answer("fine")

    assert list(results(probe("a", last), probe("b", first))) == ["a", "b"]


def test_independent_probes_run_side_by_side():
    """Nobody gets past the barrier before all of them are there."""
    barrier = threading.Barrier(5, timeout=30)

    def meet(_):
        barrier.wait()
        return Answer("met")

    assert set(results(*(probe(str(n), meet) for n in range(5))).values()) == {("ok", "met")}


def test_one_that_never_answers_holds_up_no_other():
    forever = threading.Event()

    def hang(_):
        forever.wait()
        return Answer("")

    found = results(probe("hangs", hang), probe("good", good), probe("after", good, "hangs"), patience=0.05)
    forever.set()
    assert found["hangs"] == ("error", "no answer within 0.05 s")
    assert found["good"] == ("ok", "fine")
    assert found["after"] == ("skip", "not asked: hangs comes first")


def test_what_was_found_is_told_in_the_callers_thread_as_it_comes():
    told = []
    Round(
        [probe("a", good), probe("b", bad, "a")], None, done=lambda c: told.append((c.ident, threading.get_ident()))
    ).run()
    assert told == [("a", threading.get_ident()), ("b", threading.get_ident())]


def test_every_probe_comes_behind_what_it_depends_on():
    seen = set()
    for each in PROBES:
        assert seen.issuperset(each.after)
        seen.add(each.ident)
    assert len(seen) == len(PROBES)


# --- threads ----------------------------------------------------------------------------------------------------------
def test_a_value_is_read_once_and_its_failure_is_kept():
    calls = []

    def read():
        calls.append(1)
        raise ServiceError("gone")

    once = Once(read)
    for _ in range(2):
        with pytest.raises(ServiceError, match="gone"):
            once()
    assert (len(calls), once.read) == (1, None)


def test_waiting_for_a_value_has_an_end():
    released = threading.Event()
    once = Once(lambda: released.wait(30))
    with pytest.raises(UnansweredError, match=r"no answer within 0\.01 s"):
        once(0.01)
    released.set()
    assert once() is True
    assert once.read is True


def test_side_by_side_keeps_the_order():
    gate = threading.Event()

    def slow_first(n):
        if n == 0:
            gate.wait(30)
        if n == 3:
            gate.set()
        return n * n

    assert side_by_side(slow_first, range(5)) == [0, 1, 4, 9, 16]
