"""map_bounded and map_gathered: lazy, bounded, lose nothing."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.concurrency import map_bounded, map_gathered


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as executor:
        yield executor


def square(number: int) -> int:
    return number * number


@given(st.lists(st.integers()), st.integers(1, 9), st.booleans())
def test_every_input_gives_one_result_whatever_the_window_and_with_or_without_a_pool(numbers, window, pooled):
    with ThreadPoolExecutor(3) as executor:
        results = list(map_bounded(executor if pooled else None, square, numbers, window))
    assert sorted(results) == sorted(map(square, numbers))


def test_runs_unchanged_on_processes():
    with ProcessPoolExecutor(2) as executor:
        assert sorted(map_bounded(executor, square, range(5), 3)) == [0, 1, 4, 9, 16]


def test_without_a_pool_each_input_is_drawn_when_its_result_is_wanted():
    drawn = count()
    results = map_bounded(None, square, drawn, 8)
    assert [next(results), next(results)] == [0, 1]
    assert next(drawn) == 2


def test_at_most_a_window_of_inputs_is_drawn_ahead_of_the_results_taken(pool):
    drawn: list[int] = []

    def inputs():
        for number in range(50):
            drawn.append(number)
            yield number

    taken = 0
    for _ in map_bounded(pool, square, inputs(), 8):
        taken += 1
        assert len(drawn) - taken < 8
    assert taken == 50


def test_inputs_are_drawn_in_the_callers_thread(pool):
    threads: set[threading.Thread] = set()

    def inputs():
        for number in range(9):
            threads.add(threading.current_thread())
            yield number

    list(map_bounded(pool, square, inputs(), 3))
    assert threads == {threading.current_thread()}


def test_results_come_as_they_finish_not_as_they_were_asked_for(pool):
    release = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert release.wait(30)
        return number

    results = map_bounded(pool, work, range(3), 3)
    assert {next(results), next(results)} == {1, 2}
    release.set()
    assert list(results) == [0]


def test_a_finished_result_does_not_wait_until_the_window_is_full(pool):
    first_done = threading.Event()

    def inputs():
        yield 0
        assert first_done.wait(30)
        yield 1
        pytest.fail("the first result was not handed on")

    def work(number: int) -> int:
        first_done.set()
        return number

    results = map_bounded(pool, work, inputs(), 100)
    assert next(results) in (0, 1)
    results.close()


# --- results in lists -----------------------------------------------------------------------------------------------
@given(st.lists(st.integers()), st.integers(1, 9), st.booleans(), st.sampled_from([0, 0.001]))
def test_gathered_every_input_still_gives_one_result(numbers, window, pooled, linger):
    with ThreadPoolExecutor(3) as executor:
        lists = list(map_gathered(executor if pooled else None, square, numbers, window, linger=linger))
    assert sorted(result for one in lists for result in one) == sorted(map(square, numbers))
    assert all(len(one) <= window for one in lists)


def test_a_result_waits_for_others_until_half_of_the_window_has_finished():
    with ThreadPoolExecutor(8) as executor:
        lists = list(map_gathered(executor, square, range(20), 8, linger=60))
    assert all(len(one) >= 4 for one in lists)
    assert sum(map(len, lists)) == 20


def test_nothing_waits_for_others_when_no_others_are_under_way(pool):
    assert list(map_gathered(pool, square, [3], 100, linger=60)) == [[9]]


def test_a_result_waits_no_longer_than_it_may(pool):
    release = threading.Event()

    def work(number: int) -> int:
        assert number or release.wait(30)
        return number

    results = map_gathered(pool, work, range(6), 6, linger=0.01)
    assert 0 not in next(results)
    release.set()
    assert 0 in [result for one in results for result in one]


# --- errors, and the end --------------------------------------------------------------------------------------------
class AtOnce(Executor):
    """An executor whose calls are over when they are submitted, so that nothing depends on which thread is slow."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except ValueError as error:
            future.set_exception(error)
        return future


def failing_at_one(number: int) -> int:
    if number == 1:
        raise ValueError("number one")
    return number


def test_an_error_in_one_call_is_raised_after_the_results_of_the_others(pool):
    all_begun = threading.Barrier(4)

    def work(number: int) -> int:
        all_begun.wait(30)
        return failing_at_one(number)

    results = map_bounded(pool, work, range(4), 4)
    seen = []
    with pytest.raises(ValueError, match="number one"):
        seen.extend(iter(results.__next__, None))
    assert sorted(seen) == [0, 2, 3]


def test_after_an_error_nothing_more_is_drawn():
    inputs = iter(range(100))
    with pytest.raises(ValueError, match="number one"):
        list(map_bounded(AtOnce(), failing_at_one, inputs, 1))
    assert next(inputs) == 2


def test_an_error_of_the_inputs_is_raised_after_the_results_of_what_was_drawn(pool):
    def inputs():
        yield 1
        yield 2
        raise OSError("listing broke")

    seen = []
    with pytest.raises(OSError, match="listing broke"):
        seen.extend(iter(map_bounded(pool, square, inputs(), 8).__next__, None))
    assert sorted(seen) == [1, 4]


def test_after_stop_nothing_is_drawn_and_what_is_in_flight_is_still_yielded():
    stop, begun, release = threading.Event(), threading.Semaphore(0), threading.Event()
    drawn: list[int] = []

    def inputs():
        for number in range(100):
            drawn.append(number)
            yield number

    def work(number: int) -> int:
        begun.release()
        assert release.wait(30)
        return number

    def interrupt() -> None:
        for _ in range(2):
            assert begun.acquire(timeout=30)
        stop.set()
        release.set()

    with ThreadPoolExecutor(2) as executor:
        signal = threading.Thread(target=interrupt)
        signal.start()
        seen = list(map_bounded(executor, work, inputs(), 6, stop))
        signal.join()
    assert {0, 1} <= set(seen)
    assert len(drawn) <= 7


def test_stop_set_beforehand_draws_nothing(pool):
    stop = threading.Event()
    stop.set()
    for executor in (None, pool):
        assert list(map_bounded(executor, square, iter(lambda: pytest.fail("drawn"), None), 3, stop)) == []


def test_closing_waits_for_what_is_in_flight(pool):
    finished: list[int] = []

    def work(number: int) -> int:
        finished.append(number)
        return number

    results = map_bounded(pool, work, count(), 4)
    next(results)
    results.close()
    settled = list(finished)
    assert len(settled) <= 5
    assert finished == settled


def test_an_impossible_window_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        map_bounded(None, square, [], 0)
