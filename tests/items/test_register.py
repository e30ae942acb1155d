"""The pipeline against a Darwin of a few lines: whatever it answers, no item is lost and none is counted twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import CredentialsError, InterruptedRunError, RefusedError, ServiceError, StoppedError
from v7s3.items.batch import Batch
from v7s3.items.ledger import Ledger, Target
from v7s3.items.objects import StorageObject
from v7s3.items.payload import RegisterRequest, RegisterResponse
from v7s3.items.planning import Planned, plan
from v7s3.items.register import Sender, register

TARGET = Target("http://127.0.0.1:1", "acme", "signs")


def planned(*keys: str) -> list[Planned]:
    plans = list(plan(StorageObject(key, 1, f"etag-{key}") for key in keys))
    assert all(isinstance(one, Planned) for one in plans)
    return plans


def settle(items: list[Planned], response: RegisterResponse):
    return Batch.of(items, dataset_slug="signs", storage_slug="s").outcomes(response)


def answer(items=(), blocked=(), reason="ALREADY_EXISTS"):
    return RegisterResponse.model_validate(
        {
            "items": [{"id": f"id-{name}", "name": name, "path": path} for path, name in items],
            "blocked_items": [
                {"name": name, "path": path, "slots": [{"slot_name": "0", "reason": reason}]} for path, name in blocked
            ],
        }
    )


class Dataset:
    """Holds names once, refuses poison, and loses or fails answers as the script of a test says."""

    def __init__(self, script=(), poison=frozenset(), largest=100):
        self.names: Counter[str] = Counter()
        self.script, self.poison, self.largest = list(script), poison, largest
        self.requests = 0

    def __call__(self, batch):
        self.requests += 1
        fault = self.script.pop(0) if self.script else "ok"
        if fault == "dropped before":
            raise ServiceError("no answer")
        if len(batch) > self.largest:
            raise RefusedError("413", words="too large", too_large=True)
        if any(one.name in self.poison for one in batch):
            raise RefusedError("422", words="unexpected field")
        new = [one for one in batch if one.name not in self.names]
        old = [one for one in batch if one.name in self.names]
        self.names.update(one.name for one in new)
        if fault == "dropped after":
            raise ServiceError("no answer")
        place = [(one.path, one.name) for one in new]
        return answer(place, [(one.path, one.name) for one in old])


def run(batch_of, dataset, ledger, *, batch_size=3, workers=0, stopping=None, linger=0.0):
    def send(body):
        request = RegisterRequest.model_validate_json(body)
        assert (request.dataset_slug, request.storage_slug) == ("signs", "s")
        response = dataset(request.items)
        return lambda: response

    sender = Sender(send, stopping or Event())
    executor = ThreadPoolExecutor(workers) if workers else None
    outcomes = []
    try:
        stream = register(
            batch_of,
            sender=sender,
            ledger=ledger,
            dataset="signs",
            storage="s",
            batch_size=batch_size,
            executor=executor,
            window=max(workers, 1),
            linger=linger,
        )
        for settled in stream:
            outcomes.extend(settled)
    finally:
        if executor:
            executor.shutdown()
    return outcomes


# --- reading the answer ---------------------------------------------------------------------------------------------
def test_an_item_is_what_the_body_says_of_it():
    batch = planned("a/1.jpg", "a/2.jpg", "a/3.jpg", "a/4.jpg")
    response = answer([("/a", "1.jpg")], [("/a", "2.jpg")])
    response.blocked_items.extend(answer(blocked=[("/a", "3.jpg")], reason="UNKNOWN_TAGS").blocked_items)
    states = [(outcome.state, outcome.reason) for outcome in settle(batch, response)]
    assert states == [
        ("registered", ""),
        ("exists", ""),
        ("blocked", "UNKNOWN_TAGS"),
        ("failed", "V7's answer does not mention this item"),
    ]


def test_items_of_one_name_in_two_folders_are_told_apart():
    batch = planned("a/1.jpg", "b/1.jpg")
    first, second = settle(batch, answer([("/b", "1.jpg")], [("/a", "1.jpg")]))
    assert (first.state, second.state) == ("exists", "registered")


@pytest.mark.parametrize(("sent", "echoed"), [("e\u0301", "\u00e9"), ("\u00e9", "e\u0301")])
def test_a_name_echoed_in_another_normal_form_is_still_the_name(sent, echoed):
    batch = planned(f"{sent}/{sent}.jpg", "a.jpg", f"{sent}/2.jpg")
    response = answer([(f"/{echoed}", f"{echoed}.jpg"), ("/", "a.jpg")], [(f"/{echoed}", "2.jpg")], "UNKNOWN_TAGS")
    assert [outcome.state for outcome in settle(batch, response)] == ["registered", "registered", "blocked"]


def test_two_names_that_differ_in_their_normal_form_alone_are_not_taken_for_each_other():
    batch = planned("e\u0301.jpg", "\u00e9.jpg")
    assert [one.state for one in settle(batch, answer([("/", "\u00e9.jpg")]))] == ["failed", "registered"]


def test_a_path_echoed_without_its_slashes_is_still_the_path():
    batch = planned("a/b/1.jpg")
    assert settle(batch, answer([("a/b/", "1.jpg")]))[0].state == "registered"


def test_an_answer_without_paths_is_understood_only_while_names_differ():
    lean = RegisterResponse.model_validate({"items": [{"id": "1", "name": "1.jpg"}, {"id": "2", "name": "2.jpg"}]})
    assert [one.state for one in settle(planned("a/1.jpg", "b/2.jpg"), lean)] == ["registered", "registered"]
    assert [one.state for one in settle(planned("a/1.jpg", "b/1.jpg"), lean)] == ["failed", "failed"]


def test_a_name_answered_without_its_path_is_understood_where_only_one_item_has_it():
    lean = RegisterResponse.model_validate({"items": [{"name": "1.jpg"}, {"name": "2.jpg", "path": "/elsewhere"}]})
    batch = planned("a/1.jpg", "a/2.jpg", "b/2.jpg")
    assert [one.state for one in settle(batch, lean)] == ["registered", "failed", "failed"]


def test_a_name_blocked_without_its_path_is_blocked_whatever_else_the_answer_says_of_it():
    response = answer([("/a", "1.jpg")])
    response.blocked_items.extend(RegisterResponse.model_validate({"blocked_items": [{"name": "1.jpg"}]}).blocked_items)
    assert [one.state for one in settle(planned("a/1.jpg"), response)] == ["blocked"]


def test_two_items_at_one_place_are_not_both_registered_by_an_answer_without_paths():
    lean = RegisterResponse.model_validate({"items": [{"name": "1.jpg"}]})
    assert [one.state for one in settle(planned("a/1.jpg") * 2, lean)] == ["failed", "failed"]


def test_an_item_that_is_both_registered_and_blocked_is_blocked():
    batch = planned("1.jpg")
    both = answer([("/", "1.jpg")], [("/", "1.jpg")], reason="UNEXPECTED_ERROR")
    assert settle(batch, both)[0].state == "blocked"


def test_one_slot_that_failed_for_another_reason_makes_it_no_exists():
    response = RegisterResponse.model_validate(
        {
            "items": [],
            "blocked_items": [
                {"name": "1.jpg", "path": "/", "slots": [{"reason": "ALREADY_EXISTS"}, {"reason": "UNKNOWN_TAGS"}]}
            ],
        }
    )
    (outcome,) = settle(planned("1.jpg"), response)
    assert (outcome.state, outcome.reason) == ("blocked", "ALREADY_EXISTS, UNKNOWN_TAGS")


# --- the whole pipeline ---------------------------------------------------------------------------------------------
FAULTS = st.lists(st.sampled_from(["ok", "ok", "ok", "dropped before", "dropped after"]), max_size=30)
KEYS = [f"{n:02d}.jpg" for n in range(20)]


@given(FAULTS, st.sets(st.sampled_from(KEYS), max_size=4), st.integers(1, 7), st.sampled_from([2, 100]))
def test_every_item_ends_in_one_outcome_and_runs_repeated_until_done_lose_and_double_nothing(
    script, poison, batch_size, largest
):
    dataset = Dataset(script, poison, largest)
    final: dict[str, str] = {}
    with Ledger(None, TARGET) as ledger:
        for _ in range(40):
            left = [key for key in KEYS if final.get(key) in (None, "failed")]
            if not left:
                break
            try:
                outcomes = run(planned(*left), dataset, ledger, batch_size=batch_size)
            except StoppedError:
                outcomes = []
            counted = Counter(key for outcome in outcomes for key in outcome.keys)
            assert set(counted.values()) <= {1}
            known = ledger.standings("s", KEYS)
            final |= {key: standing.state for key, standing in known.items()}
    assert {key for key, state in final.items() if state == "refused"} == poison
    assert {key for key, state in final.items() if state in ("registered", "exists")} == set(KEYS) - poison
    assert dataset.names == Counter(set(KEYS) - poison)


def test_with_threads_it_is_the_same():
    dataset = Dataset(poison={"07.jpg"})
    with Ledger(None, TARGET) as ledger:
        outcomes = run(planned(*KEYS), dataset, ledger, workers=4)
    assert sorted(key for outcome in outcomes for key in outcome.keys) == KEYS
    assert [one.keys for one in outcomes if one.state == "refused"] == [("07.jpg",)]


def test_an_error_that_ends_the_run_is_raised_after_the_others_are_settled():
    calls = []

    def send(batch):
        calls.append(batch)
        if len(calls) == 3:
            raise CredentialsError("401")
        return answer([(one.path, one.name) for one in batch])

    with Ledger(None, TARGET) as ledger:
        with pytest.raises(CredentialsError):
            run(planned(*KEYS), send, ledger)
        assert ledger.count() == {"registered": 6}
    assert len(calls) == 3


def test_once_stopping_nothing_more_is_drawn_or_sent():
    stopping, drawn = Event(), []

    def source():
        for one in planned(*KEYS):
            drawn.append(one)
            yield one

    def send(batch):
        stopping.set()
        return answer([(one.path, one.name) for one in batch])

    with Ledger(None, TARGET) as ledger:
        outcomes = run(source(), send, ledger, stopping=stopping)
    assert (len(drawn), len(outcomes)) == (3, 3)


def test_an_answer_that_ends_the_run_says_so_while_the_source_is_still_being_read():
    stopping = Event()

    def source():
        yield from planned(*KEYS[:3])
        assert stopping.wait(30)  # no answer is looked at before this returns
        raise InterruptedRunError("stopped while the source was being read")

    def send(_batch):
        raise CredentialsError("401")

    with Ledger(None, TARGET) as ledger, pytest.raises(CredentialsError, match="401"):
        run(source(), send, ledger, workers=2, stopping=stopping)


def test_what_is_in_flight_when_the_source_is_stopped_is_settled():
    asked, stopping = Event(), Event()

    def source():
        yield from planned(*KEYS[:3])
        assert asked.wait(30)
        stopping.set()
        raise InterruptedRunError("stopped while the source was being read")

    def send(batch):
        asked.set()
        assert stopping.wait(30)
        return answer([(one.path, one.name) for one in batch])

    with Ledger(None, TARGET) as ledger:
        with pytest.raises(InterruptedRunError):
            run(source(), send, ledger, workers=2, stopping=stopping)
        assert ledger.count() == {"registered": 3}


def test_a_size_that_was_too_large_is_not_tried_again():
    dataset = Dataset(largest=5)
    with Ledger(None, TARGET) as ledger:
        run(planned(*KEYS), dataset, ledger, batch_size=10)
    assert dataset.requests == 1 + 2 + 2  # one refused, its halves, and two of five each


def test_a_cause_that_is_not_the_items_stops_the_run():
    def send(batch):
        raise RefusedError("422", words="wrong endpoint")

    many = planned(*(f"{n:03d}.jpg" for n in range(100)))
    with Ledger(None, TARGET) as ledger, pytest.raises(StoppedError, match=r"25 items in a row.*wrong endpoint"):
        run(many, send, ledger, batch_size=50)


def test_three_requests_that_fail_in_a_row_stop_the_run():
    with Ledger(None, TARGET) as ledger:
        with pytest.raises(StoppedError, match="3 requests in a row failed"):
            run(planned(*KEYS), Dataset(["dropped before"] * 9), ledger)
        assert ledger.count() == {"failed": 9}


def test_what_turns_out_to_be_no_answer_leaves_its_items_failed_and_three_in_a_row_stop_the_run():
    def login_page():
        raise ServiceError("V7 answered 200, but not with what it documents")

    sender = Sender(lambda _batch: login_page, Event())
    for number in range(3):
        unread = sender(Batch.of(planned(f"{number}.jpg"), dataset_slug="signs", storage_slug="s"))
        assert unread.outcomes == []
        answered = sender.read(unread)
        assert [outcome.state for outcome in answered.outcomes] == ["failed"]
    assert isinstance(answered.stop, StoppedError)
    assert sender.stopping.is_set()


def test_exists_under_another_key_of_ours_is_blocked_and_names_it():
    first, second = planned("a/1.jpg"), planned("b/1.jpg")
    flat = [Planned(one.item.model_copy(update={"path": "/"}), one.objects) for one in (*first, *second)]
    dataset = Dataset()
    with Ledger(None, TARGET) as ledger:
        assert run(flat[:1], dataset, ledger)[0].state == "registered"
        (outcome,) = run(flat[1:], dataset, ledger)
        assert (outcome.state, outcome.reason) == (
            "blocked",
            "ALREADY_EXISTS: the name is taken by the key a/1.jpg",
        )
        assert run(flat[:1], dataset, ledger)[0].state == "exists"


def test_exists_is_not_said_of_a_key_whose_place_another_one_gets_in_the_same_transaction():
    flat = [Planned(one.item.model_copy(update={"path": "/"}), one.objects) for one in planned("a/1.jpg", "b/1.jpg")]
    first_is_in, second_is_answered = Event(), Event()

    def send(batch):
        (one,) = batch
        if one.storage_key == "a/1.jpg":
            first_is_in.set()
            assert second_is_answered.wait(30)
            return answer([("/", "1.jpg")])
        assert first_is_in.wait(30)
        second_is_answered.set()
        return answer([], [("/", "1.jpg")])

    with Ledger(None, TARGET) as ledger:
        outcomes = run(flat, send, ledger, batch_size=1, workers=4, linger=60)  # both answers come first
        assert {one.keys[0]: one.state for one in outcomes} == {"a/1.jpg": "registered", "b/1.jpg": "blocked"}
        assert ledger.standings("s", ["b/1.jpg"])["b/1.jpg"].state == "blocked"


def test_of_two_keys_at_one_place_that_both_exist_already_only_one_is_said_to():
    flat = [Planned(one.item.model_copy(update={"path": "/"}), one.objects) for one in planned("a/1.jpg", "b/1.jpg")]
    with Ledger(None, TARGET) as ledger:
        outcomes = run(flat, lambda _items: answer([], [("/", "1.jpg")]), ledger, batch_size=2)
        assert [one.state for one in outcomes] == ["exists", "blocked"]
        assert outcomes[1].reason == "ALREADY_EXISTS: the name may be taken by the key a/1.jpg"
        assert ledger.count() == {"exists": 1, "blocked": 1}


def test_failures_are_in_a_row_by_when_answers_came_not_by_when_they_are_read():
    failing = [True, False, True, False, True]

    def send(_body):
        if failing.pop(0):
            raise ServiceError("no answer")
        return lambda: pytest.fail("is not read in this test")

    sender = Sender(send, Event())
    batches = [Batch.of(planned(f"{n}.jpg"), dataset_slug="signs", storage_slug="s") for n in range(5)]
    assert [sender(batch).stop for batch in batches] == [None] * 5


def test_exists_is_not_said_of_a_key_while_another_one_s_answer_at_its_place_is_lost():
    first, second = planned("a/1.jpg"), planned("b/1.jpg")
    flat = [Planned(one.item.model_copy(update={"path": "/"}), one.objects) for one in (*first, *second)]
    dataset = Dataset(["dropped after"])
    with Ledger(None, TARGET) as ledger:
        assert run(flat[:1], dataset, ledger)[0].state == "failed"
        (outcome,) = run(flat[1:], dataset, ledger)
        assert outcome.state == "blocked"
        assert outcome.reason.endswith("may be taken by the key a/1.jpg, the answer to which was lost")
        assert run(flat[:1], dataset, ledger)[0].state == "exists"


def test_answers_that_mention_nothing_stop_the_run():
    many = planned(*(f"{n:03d}.jpg" for n in range(100)))
    with Ledger(None, TARGET) as ledger, pytest.raises(StoppedError, match="without mentioning any of the items"):
        run(many, lambda _batch: answer(), ledger, batch_size=10)
