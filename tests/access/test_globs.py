"""Globs: matching, cutting the set of all texts into regions, and staying linear where backtracking explodes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v7s3.access.globs import Glob, matches, regions

patterns = st.text(alphabet="ab*?:", max_size=6)
texts = st.text(alphabet="abc:", max_size=7)


def by_regex(pattern: str, text: str) -> bool:
    return (
        re.fullmatch("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), text, re.DOTALL) is not None
    )


@given(patterns, texts)
def test_a_glob_covers_what_the_same_regular_expression_covers(pattern, text):
    assert matches(pattern, text) == by_regex(pattern, text)


@settings(max_examples=60, deadline=None)
@given(st.lists(patterns, max_size=4), patterns, texts)
def test_every_text_behaves_like_one_of_the_examples(globs, within, text):
    def behaviour(text: str) -> list[bool]:
        return [by_regex(glob, text) for glob in globs]

    examples = regions([Glob.parse(glob) for glob in globs], within=Glob.parse(within))
    assert examples is not None
    assert all(by_regex(within, example) for example in examples)
    assert len({tuple(behaviour(example)) for example in examples}) == len(examples)
    if by_regex(within, text):
        assert behaviour(text) in [behaviour(example) for example in examples]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*a" * 500 + "*b", "a" * 100_000, False),
        ("*a" * 500 + "*", "a" * 100_000, True),
        ("*" * 5000 + "b", "a" * 100_000, False),
        ("a" * 50_000 + "*", "a" * 100_000, True),
        ("?" * 2000, "a" * 2000, True),
        ("*" + "a" * 500 + "b*", "a" * 100_000, False),
    ],
    ids=["stars and letters", "stars at the end", "stars in a row", "a long head", "question marks", "a long run"],
)
def test_hazards_for_backtracking_are_ordinary_globs(pattern, text, expected):
    assert matches(pattern, text) is expected


def test_a_step_costs_the_same_whatever_came_before():
    """One character is one step of one int: no work is repeated, which a clock could only suggest."""
    steps = 0
    from v7s3.access import globs

    machine = globs._machine(Glob.parse("*a" * 50 + "*b"))
    step = machine.step

    def counted(state, character):
        nonlocal steps
        steps += 1
        return step(state, character)

    machine.step = counted
    try:
        assert not machine.matches("a" * 1000)
    finally:
        del machine.step
    assert steps == 1000


def test_regions_that_are_too_many_are_not_told_apart():
    assert regions([Glob.parse("*a" + "?" * 25)]) is None


def test_an_ignored_case_is_both_cases():
    glob = Glob.ignoring_case("aB1")
    assert [glob.matches(text) for text in ("ab1", "AB1", "aB1", "ab2", "ab")] == [True, True, True, False, False]


def test_a_part_of_an_arn_has_no_colon():
    part = Glob.parse("a*").within_part()
    assert part is not None
    assert part.matches("abc")
    assert not part.matches("a:c")
    assert Glob.literal("a:b").within_part() is None
