from __future__ import annotations

import json
from pathlib import Path

import pytest

from v7s3.items.payload import (
    MAX_DEPTH,
    FlatItem,
    InvalidItemError,
    RegisterRequest,
    RegisterResponse,
    access_of,
    as_item,
    halves,
    storage_keys,
)

CASES = Path(__file__).parent.parent / "cases" / "payload"


def cases(folder: str):
    files = sorted((CASES / folder).glob("*.json"))
    assert files, "no cases found"
    return [pytest.param(json.loads(file.read_text(encoding="utf-8")), id=file.stem) for file in files]


@pytest.mark.parametrize("case", cases("valid"))
def test_every_documented_payload_is_read_and_sent_as_it_is(case):
    request = RegisterRequest.model_validate(case["payload"])
    assert json.loads(request.to_json()) == case.get("sent", case["payload"])
    assert request.access == case["access"]
    for item, data in zip(request.items, case["payload"]["items"], strict=True):
        assert as_item(data) == item
        assert as_item(data, case["access"]) == item


@pytest.mark.parametrize("case", cases("valid"))
def test_every_item_is_refused_by_the_other_endpoint(case):
    other = {"read-write": "read-only", "read-only": "read-write"}[case["access"]]
    for data in case["payload"]["items"]:
        with pytest.raises(InvalidItemError, match="read-only storage"):
            as_item(data, other)


@pytest.mark.parametrize("case", cases("invalid"))
def test_every_problem_of_an_item_is_named_with_its_field(case):
    with pytest.raises(InvalidItemError) as caught:
        as_item(case["item"], case.get("access"))
    assert [str(problem) for problem in caught.value.problems] == case["problems"]


@pytest.mark.parametrize("data", [None, 5, "a.jpg", []])
def test_what_is_no_object_is_no_item(data):
    with pytest.raises(InvalidItemError, match="an item must be a JSON object"):
        as_item(data)


def test_a_request_holds_one_to_a_hundred_items_of_one_endpoint():
    flat = FlatItem(name="1.jpg", storage_key="1.jpg")
    read_only = as_item({"name": "2", "storage_key": "2", "storage_thumbnail_key": "t", "width": 1, "height": 1})
    RegisterRequest(items=[flat] * 100, dataset_slug="d", storage_slug="s")
    for items in ([], [flat] * 101, [flat, read_only]):
        with pytest.raises(ValueError, match="items"):
            RegisterRequest(items=items, dataset_slug="d", storage_slug="s")


def test_storage_keys_are_the_originals_only():
    item = as_item({"name": "2", "storage_key": "2", "storage_thumbnail_key": "t", "width": 1, "height": 1})
    assert storage_keys(item) == ("2",)
    slots = [{"slot_name": name, "file_name": name, "storage_key": f"k/{name}"} for name in "ba"]
    assert storage_keys(as_item({"name": "n", "slots": slots})) == ("k/b", "k/a")
    assert access_of(item) == "read-only"


def nested(depth: int, inner="é"):
    """Metadata of so many objects and lists in each other."""
    for number in range(depth):
        inner = {"é": inner} if number % 2 or number == depth - 1 else [inner]
    return inner


READ_ONLY = {"storage_key": "a", "storage_thumbnail_key": "t", "width": 1, "height": 1}


@pytest.mark.parametrize(
    "item",
    [
        READ_ONLY,
        {"slots": [{"slot_name": "0", "file_name": "a", "storage_key": "a"}]},
        {"slots": [READ_ONLY | {"slot_name": "0", "file_name": "a"}]},
    ],
    ids=["flat", "slots", "read-only slots"],
)
def test_what_is_read_can_be_written_and_halved_and_what_is_deeper_is_refused(item):
    def with_metadata(depth):
        metadata = {"metadata": nested(depth)}
        slots = [slot | metadata for slot in item.get("slots", [])]
        return {"name": "a", "path": "/"} | (item | {"slots": slots} if slots else item | metadata)

    deepest = with_metadata(MAX_DEPTH)
    request = RegisterRequest(items=[as_item(deepest)] * 2, dataset_slug="d", storage_slug="s")
    first, second = halves(request.to_json(), 1)
    assert json.loads(first) == json.loads(second) == {"items": [deepest], "dataset_slug": "d", "storage_slug": "s"}
    assert request.model_copy(update={"items": request.items[:1]}).to_json() == first
    with pytest.raises(InvalidItemError, match="metadata: must not have more than 250 objects and lists in each other"):
        as_item(with_metadata(MAX_DEPTH + 1))


def test_nulls_are_not_sent_but_kept_inside_metadata():
    slot = {"file_name": "a", "storage_key": "a", "fps": None, "metadata": {"spacing": None}}
    request = RegisterRequest.model_validate(
        {"items": [{"name": "n", "tags": None, "slots": [slot]}], "dataset_slug": "d", "storage_slug": "s"}
    )
    assert json.loads(request.to_json())["items"] == [
        {"name": "n", "path": "/", "slots": [{"file_name": "a", "storage_key": "a", "metadata": {"spacing": None}}]}
    ]


def test_an_answer_may_grow_fields_and_leave_out_blocked_items():
    answer = RegisterResponse.model_validate(
        {"items": [{"id": "1", "name": "a", "path": "dir/", "slots": [], "new": {}}], "request_id": 5}
    )
    assert [(item.path, item.name) for item in answer.items] == [("/dir", "a")]
    assert answer.blocked_items == []


def test_the_reasons_of_a_blocked_item_come_from_all_its_slots():
    blocked = {
        "name": "a",
        "path": "/",
        "slots": [{"slot_name": "0"}, {"reason": "X"}, {"reason": "Y"}, {"reason": "X"}],
    }
    answer = RegisterResponse.model_validate({"items": [], "blocked_items": [blocked, {"name": "b", "slots": []}]})
    assert [item.reasons for item in answer.blocked_items] == [("X", "Y"), ("unknown",)]


@pytest.mark.parametrize("body", [{}, {"items": None}, [], "ok", {"errors": {}}, {"items": [5]}])
def test_another_document_is_not_taken_for_an_answer(body):
    with pytest.raises(ValueError, match="RegisterResponse"):
        RegisterResponse.model_validate(body)
