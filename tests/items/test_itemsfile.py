from __future__ import annotations

import io
import json

import pytest

from v7s3.errors import UsageError
from v7s3.items.itemsfile import FaultyFileError, check_items, opened, opened_twice, planned_items
from v7s3.items.objects import StorageObject
from v7s3.items.payload import FlatItem
from v7s3.items.planning import Planned

A = {"name": "a.jpg", "path": "/", "storage_key": "a.jpg"}
B = {"name": "b.jpg", "path": "/x", "storage_key": "b.jpg"}
READ_ONLY = {**A, "storage_thumbnail_key": "t.jpg", "width": 4, "height": 3}


def names_in(text: str | bytes, name: str = "-", **options) -> list[str]:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    count = check_items(file, name, **options)
    names = [one.item.name for one in planned_items(file, name)]
    assert count == len(names)
    return names


def faults_in(text: str | bytes, name: str = "-", **options) -> list[str]:
    with pytest.raises(FaultyFileError) as caught:
        names_in(text, name, **options)
    assert caught.value.message.splitlines()[1:] == [f"  {fault}" for fault in caught.value.faults]
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([A, B]),
        json.dumps([A, B], indent=2),
        json.dumps({"items": [A, B]}),
        json.dumps({"dataset_slug": "d", "storage_slug": "s", "items": [A, B]}, indent=2),
        f"{json.dumps(A)}\n{json.dumps(B)}\n",
        f"{json.dumps(A)}\r\n\r\n{json.dumps(B)}",
        f'{{"items": [{json.dumps(A)}]}}\n[{json.dumps(B)}]\n',
        f'{{"items": [{json.dumps(A)},\n{json.dumps(B)}]}}\n',
        b"\xef\xbb\xbf" + json.dumps([A, B]).encode(),
        b"\xef\xbb\xbf" + f"{json.dumps(A)}\n{json.dumps(B)}\n".encode(),
    ],
    ids=str,
)
def test_items_come_from_every_form_in_the_order_of_the_file(text):
    assert names_in(text) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("text", ["", "\n \n", "[]", '{"items": []}'])
def test_no_items_are_no_fault(text):
    assert names_in(text) == []


def test_one_item_is_a_file_too():
    assert names_in(json.dumps(A, indent=2)) == ["a.jpg"]


def test_an_item_brings_its_objects():
    file = io.BytesIO(json.dumps(A).encode())
    assert list(planned_items(file, "-")) == [Planned(FlatItem(**A), (StorageObject("a.jpg"),))]


PRETTY = """\
{
  "dataset_slug": "other",
  "storage_name": "acme",
  "items": [
    {"name": "a", "path": "/", "storage_key": "k"},
    {
      "name": "a/b",
      "slots": [
        {"slot_name": "0", "file_name": "f",
         "storage_key": "s3://bucket/k",
         "fps": -3},
        {"slot_name": "1", "storage_key": "k"}
      ]
    },
    {"name": "a", "storage_key": "l"}
  ]
}
"""


def test_every_fault_of_a_json_file_has_its_line_and_field():
    assert faults_in(PRETTY, slugs={"dataset_slug": "mine", "storage_slug": "acme"}) == [
        "line 2: dataset_slug: is 'other', but this run is for 'mine'",
        "line 3: storage_name: is not a field that V7 knows here; did you mean storage_slug?",
        "line 7: items[1].name: must not contain '/'; folders belong in path",
        "line 10: items[1].slots[0].storage_key: must be the object's key alone, without s3:// and the bucket",
        'line 11: items[1].slots[0].fps: must be a number, not below 0, or "native"',
        "line 12: items[1].slots[1].file_name: is missing",
        "line 15: name: /a is already the item of line 5",
    ]


def test_every_fault_of_a_jsonl_file_has_its_line_and_field():
    text = b"\n".join(
        [
            json.dumps(A).encode(),
            b'{"name": "b", "storage_key": "k"',
            b'{"name": "b", "name": "c", "storage_key": "k"}',
            b'{"name": "d", "storage_key": "k", "fps": NaN}',
            b'{"name": "\xff", "storage_key": "k"}',
            rb'{"name": "\ud800", "storage_key": "k"}',
            b"7",
            b'{"items": [{"name": "e"}]}',
            json.dumps(A).encode(),
            b"[" * 5000,
        ]
    )
    deep = faults_in(text)
    assert deep[:-1] == [
        "line 2: is not JSON: Expecting ',' delimiter (column 33)",
        "line 3: name: stands twice in its object",
        "line 4: is not JSON that can be read: NaN is not a JSON number",
        "line 5: is not UTF-8",
        "line 6: has half of a surrogate pair, which is no character",
        "line 7: an item must be a JSON object",
        "line 8: items[0].storage_key: is missing",
        "line 9: name: /a.jpg is already the item of line 1",
        "line 9: storage_key: a.jpg is already an object of line 1",
    ]
    assert deep[-1].startswith("line 10: is not JSON")


def test_an_object_that_two_items_are_made_of_is_a_fault_and_one_that_an_item_shows_twice_is_none():
    twice = {"name": "c", "slots": [{"slot_name": n, "file_name": n, "storage_key": "k"} for n in "12"]}
    assert names_in(json.dumps(twice)) == ["c"]
    lines = [A, {"name": "b.jpg", "storage_key": "b.jpg"}, twice, A | {"name": "x.jpg"}]
    assert faults_in("\n".join(map(json.dumps, lines))) == ["line 4: storage_key: a.jpg is already an object of line 1"]


def test_a_broken_first_line_does_not_hide_the_others():
    assert faults_in(f'{{"name": \n{json.dumps(A)}\n{{"name": 5}}') == [
        "line 1: is not JSON: Expecting value (column 10)",
        "line 3: name: must be a valid string",
        "line 3: storage_key: is missing",
    ]


def test_fields_that_stand_twice_are_found_anywhere_in_a_json_file():
    assert faults_in('{"items": [\n{"name": "a",\n "storage_key": "k",\n "name": "b"}\n]}') == [
        "line 4: items[0].name: stands twice in its object"
    ]


def test_a_broken_json_file_names_the_place():
    assert faults_in('{\n"items": [\n{"name": "a",}\n]}') == [
        "line 3: is not JSON: Expecting property name enclosed in double quotes (column 14)"
    ]


def test_items_of_the_other_access_mode_are_faults():
    assert faults_in(json.dumps(A), access="read-only") == [
        f"line 1: {field}: is missing: every item of a read-only storage needs it"
        for field in ("height", "storage_thumbnail_key", "width")
    ]
    half = {field: value for field, value in READ_ONLY.items() if field != "width"}
    assert faults_in(json.dumps(half), access="read-write") == [
        f"line 1: {field}: is only for items of a read-only storage" for field in ("height", "storage_thumbnail_key")
    ]


def test_a_file_for_a_read_only_storage_is_refused_in_one_sentence():
    text = "\n".join(json.dumps(READ_ONLY | {"name": f"{n}.jpg", "storage_key": f"{n}.jpg"}) for n in range(9))
    with pytest.raises(
        UsageError, match=r"are for a read-only storage \(line 1\), and this one is read-write"
    ) as error:
        names_in(text, access="read-write")
    assert "--storage" in error.value.hint


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_named_with_a_way_out(encoding):
    text = "\ufeff" + json.dumps(A) if encoding == "utf-16-be" else json.dumps(A)
    with pytest.raises(UsageError, match="UTF-16, not UTF-8"):
        names_in(text.encode(encoding))


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path):
    for name in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(UsageError, match="cannot read"), opened(str(name)):
            pytest.fail("opened")


def test_a_pipe_can_be_read_twice(monkeypatch):
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Pipe(json.dumps(A).encode())))
    with opened_twice("-") as file:
        assert check_items(file, "-") == 1
        assert [one.item.name for one in planned_items(file, "-")] == ["a.jpg"]


def test_a_file_that_changes_after_its_check_stops_the_run():
    file = io.BytesIO(json.dumps(A).encode())
    check_items(file, "items.json")
    file.seek(0)
    file.write(b"[")
    with pytest.raises(FaultyFileError, match=r"items\.json: 1 error"):
        list(planned_items(file, "items.json"))
