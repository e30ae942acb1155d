"""A run that is told to stop: the source ends within a page, and nobody takes what came of it for the whole."""

from __future__ import annotations

from itertools import chain
from threading import Event

import pytest

from v7s3.errors import InterruptedRunError
from v7s3.items.grouping import grouping, plan_groups
from v7s3.items.ledger import Ledger, Target
from v7s3.items.objects import StorageObject
from v7s3.items.planning import Planned, PlanOptions, plan
from v7s3.items.run import Run

PAGES = [[StorageObject(f"{folder}/{n}.jpg", 1) for n in range(3)] for folder in "abcd"]


@pytest.fixture
def stopping():
    return Event()


@pytest.fixture
def run(stopping):
    with Ledger(None, Target("http://127.0.0.1:1", "acme", "signs")) as ledger:
        yield Run(ledger, "s", None, stopping, retry_failed=False)


def stopped_after(count, stopping, pages=PAGES):
    """The pages of a source that is closed as listings are; the run is told to stop while it reads one of them."""
    for number, page in enumerate(pages, start=1):
        if number == count:
            stopping.set()
        yield page


WHOLE = {
    "as they come": lambda run, pages: plan(run.unsettled_pages(pages)),
    "flattened": lambda run, pages: plan(run.unsettled_pages(pages), PlanOptions(folders="flatten")),
    "in groups": lambda run, pages: run.unsettled_items(
        plan_groups(chain.from_iterable(pages), PlanOptions(), grouping("folder"))
    ),
}


@pytest.mark.parametrize("way", WHOLE)
def test_without_a_stop_the_source_comes_to_its_end(run, way):
    list(run.accepted(WHOLE[way](run, run.until_stopped(PAGES))))
    assert run.tally.exhausted


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("way", WHOLE)
def test_a_source_that_was_stopped_is_not_exhausted_and_nothing_is_planned_from_a_part_of_it(run, stopping, way, count):
    source = stopped_after(count, stopping)
    planned = []
    with pytest.raises(InterruptedRunError):
        planned.extend(run.accepted(WHOLE[way](run, run.until_stopped(source))))
    assert not run.tally.exhausted
    assert run.tally.outcomes.total() == 0
    assert next(source, None) is None  # closed: a listing's workers are told so
    if way != "as they come":
        assert planned == []


def test_a_source_that_ends_because_of_the_stop_is_not_taken_for_the_whole(run, stopping):
    """Ctrl-C ends `find … | v7s3 register --keys-from -` on both sides of the pipe."""

    def source():
        yield PAGES[0]
        stopping.set()

    with pytest.raises(InterruptedRunError):
        list(run.until_stopped(source()))


def test_items_are_looked_at_again_after_they_were_sorted(run, stopping, monkeypatch):
    """What was read as a whole comes at once, however much it is."""
    monkeypatch.setattr("v7s3.items.run._LOOKED_UP", 2)
    items = plan_groups(chain.from_iterable(PAGES), PlanOptions(), grouping("folder"))
    looked_at = run.unsettled_items(items)
    assert next(looked_at).item.path == "/"
    stopping.set()
    next(looked_at)  # of the same chunk
    with pytest.raises(InterruptedRunError):
        next(looked_at)


def test_a_step_that_ends_early_on_a_stop_leaves_the_source_unfinished(run, stopping):
    def half():
        yield from plan(PAGES[0])
        stopping.set()

    assert all(isinstance(one, Planned) for one in run.accepted(half()))
    assert not run.tally.exhausted
