from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import UsageError
from v7s3.items.filters import select
from v7s3.items.itemsfile import FaultyFileError
from v7s3.items.manifest import check_rows, plan_rows, read_rows
from v7s3.items.planning import (
    COLLISION,
    INVALID,
    REPEATED,
    SLOT_TWICE,
    TOO_MANY_SLOTS,
    UNSUPPORTED,
    Planned,
    PlanOptions,
    Refused,
    Skipped,
)
from v7s3.items.tagging import tagging


def plans_of(text: str | bytes, name: str = "-", layout="auto", **options) -> list:
    data = text.encode() if isinstance(text, str) else text
    return list(plan_rows(read_rows(io.BytesIO(data), name), PlanOptions(**options), layout))


def items_of(text: str | bytes, name: str = "-", **options) -> list[dict]:
    plans = plans_of(text, name, **options)
    assert all(isinstance(one, Planned) for one in plans), plans
    return [one.item.model_dump(exclude_none=True) for one in plans]


def refusals(text: str | bytes, **options) -> list[tuple[int | None, str]]:
    return [(one.line, one.detail) for one in plans_of(text, **options) if isinstance(one, Refused)]


def test_a_key_alone_is_planned_as_from_a_listing():
    assert items_of("storage_key\nraw/may/1.jpg\n", strip_prefix="raw", path="/d", tags=tagging(["x"])) == [
        {"name": "1.jpg", "path": "/d/may", "storage_key": "raw/may/1.jpg", "type": "image", "tags": ["x"]}
    ]


CSV = (
    "storage_key,path,name,type,fps,as_frames,tags\r\n"
    '"a, ""b"".mp4",/d,one.mp4,,2.5,TRUE,night;rain\r\n'
    "b,/d,two,video,native,false,weather=rain;time=night\r\n"
    '" c.jpg ",,,,,,"[""a;b""]"\r\n'
)
ITEMS = [
    {
        "name": "one.mp4", "path": "/d", "storage_key": 'a, "b".mp4', "type": "video", "fps": 2.5, "as_frames": True,
        "tags": ["night", "rain"],
    },
    {
        "name": "two", "path": "/d", "storage_key": "b", "type": "video", "fps": "native", "as_frames": False,
        "tags": {"weather": "rain", "time": "night"},
    },
]  # fmt: skip


def test_the_cells_of_a_row_count_more_than_key_and_options():
    quoted = [{"name": "c.jpg", "path": "/", "storage_key": "c.jpg", "type": "image", "tags": ["a;b"]}]
    text = CSV.replace(" c.jpg ", "c.jpg")
    assert items_of(text, fps=9, tags=tagging(["x"])) == quoted + ITEMS


def test_spaces_belong_to_the_key():
    assert refusals(CSV) == [(4, " c.jpg  has no extension V7 reads; say its type in the row")]


@pytest.mark.parametrize(
    "text, name",
    [
        (CSV.replace(" c.jpg ", "c.jpg").rsplit("\r\n", 2)[0], "m.csv"),
        ("\ufeff" + CSV.rsplit("\r\n", 2)[0], "-"),
        ("storage_key;path;name;type;fps;as_frames;tags\na, b.mp4;/d;one.mp4;;2.5;true;night\n", "excel.csv"),
        ("storage_key\tpath\tname\tfps\na, b.mp4\t/d\tone.mp4\t2.5\n", "m.tsv"),
        ('\n{"storage_key": "a, b.mp4", "path": "/d", "name": "one.mp4", "fps": 2.5, "tags": null}\n', "-"),
        ('{"storage_key": "a, b.mp4", "path": "/d", "name": "one.mp4", "fps": 2.5}', "m.jsonl"),
    ],
)
def test_csv_of_any_delimiter_and_jsonl_say_the_same(text, name):
    item = items_of(text, name)[0]
    assert (item["name"], item["path"], item["fps"]) == ("one.mp4", "/d", 2.5)


@pytest.mark.parametrize(
    "header, message",
    [
        ("key,name", "'key' is no column, did you mean storage_key"),
        ("storage_key,slot_name", "'slot_name' is no column, did you mean slot"),
        ("storage_key,name,name", "name stands twice"),
        ("name,path", "storage_key is missing"),
        ("raw/1.jpg", "storage_key is missing"),
        ("", "storage_key is missing"),
        ("[" * 200_000, "its first line is not CSV: field larger than"),
    ],
)
def test_a_header_that_is_none_stops_before_the_first_row(header, message):
    with pytest.raises(UsageError, match=message):
        plans_of(f"{header}\nraw/1.jpg,x\n")


def test_a_bad_row_is_refused_with_its_line_and_the_others_go_on():
    text = (
        b"storage_key,name,fps,tags,slot\n"
        b"1.jpg,a/b,,,\n"
        b'"2\n.jpg",two.jpg,-1,,\n'
        b"3.jpg,three.jpg\n"
        b"\xff.jpg,,,,\n"
        b"\n"
        b",x,,,\n"
        b"4.jpg,,,a;;b,\n"
        b"5.jpg,,,[1,\n"
        b"6.jpg,,,,front\n"
        b"s3://bucket/7.jpg,,,,\n"
        b"8.txt,,,,\n"
        b"9.jpg,,,,\n"
    )
    assert refusals(text) == [
        (2, "name: must not contain '/'; folders belong in path"),
        (3, 'fps: must be a number, not below 0, or "native"'),
        (5, "has 2 cells, but the header 5"),
        (6, "name: must be text that UTF-8 can express; storage_key: must be text that UTF-8 can express"),
        (8, "storage_key: is missing"),
        (9, "tags: one of them is empty"),
        (10, "tags: is not JSON: Expecting ',' delimiter (column 3)"),
        (11, "name: is missing: a row with a slot has to say which item it is in"),
        (12, "storage_key: must be the object's key alone, without s3:// and the bucket"),
        (13, "8.txt has no extension V7 reads; say its type in the row"),
    ]
    assert [one.item.name for one in plans_of(text) if isinstance(one, Planned)] == ["9.jpg"]


def test_a_bad_line_of_jsonl_is_refused_too():
    lines = [
        '{"storage_key": "1.jpg"',
        '{"storage_key": "1.jpg", "nam": "x"}',
        "[]",
        '{"storage_key": 5}',
        '{"storage_key": "1.jpg", "storage_key": "2.jpg"}',
        '{"storage_key": "1.jpg", "slot": 1}',
        '{"storage_key": "1.jpg", "as_frames": "yes", "extract_views": 1}',
    ]
    assert refusals("\n".join(lines)) == [
        (1, "is not JSON: Expecting ',' delimiter (column 24)"),
        (2, "'nam' is no column, did you mean name?"),
        (3, "must be a JSON object"),
        (4, "storage_key: is missing"),
        (5, "storage_key stands twice in its object"),
        (6, "slot: must be a name"),
        (7, "as_frames: must be a valid boolean; extract_views: must be a valid boolean"),
    ]


def test_an_open_quote_is_refused_where_it_begins():
    assert refusals('storage_key\n1.jpg\n"2.jpg\n3.jpg\n') == [(3, "is not CSV: unexpected end of data")]


def test_strict_raises_with_every_refusal_before_anything_is_sent():
    file = io.BytesIO(b"storage_key,name\n1.jpg,a/b\n2.jpg,x\n3.jpg,x\n")
    with pytest.raises(FaultyFileError) as caught:
        check_rows(file, "m.csv", PlanOptions())
    assert caught.value.message.splitlines() == [
        "m.csv: 3 errors, nothing was sent",
        "  line 2: name: must not contain '/'; folders belong in path",
        "  line 3: 2.jpg and 3.jpg (line 4) would both be the item /x",
        "  line 4: 3.jpg and 2.jpg (line 3) would both be the item /x",
    ]
    check_rows(io.BytesIO(b"storage_key\n1.jpg\n1.txt/\n"), "m.csv", PlanOptions())


def test_rows_with_slots_of_one_place_are_one_item():
    text = (
        "storage_key,path,name,slot,fps,file_name,tags\n"
        "r/7.mp4,/d,seven,s10,2,rear.mp4,a\n"
        "x.jpg,/d,x.jpg,,,,\n"
        "f/7.jpg,/d,seven,s9,,,b\n"
    )
    assert items_of(text) == [
        {
            "name": "seven",
            "path": "/d",
            "tags": ["b", "a"],
            "slots": [
                {"slot_name": "s9", "file_name": "7.jpg", "storage_key": "f/7.jpg", "type": "image"},
                {"slot_name": "s10", "file_name": "rear.mp4", "storage_key": "r/7.mp4", "type": "video", "fps": 2},
            ],
            "layout": {"version": 3, "slots_grid": [[["s9"]], [["s10"]]]},
        },
        {"name": "x.jpg", "path": "/d", "storage_key": "x.jpg", "type": "image"},
    ]


def test_rows_that_cannot_be_one_item_are_refused():
    head = "storage_key,path,name,slot\n"
    assert plans_of(f"{head}a.jpg,/,n,1\nb.jpg,/,n,1\n") == [
        Refused(("a.jpg", "b.jpg"), SLOT_TWICE, "a.jpg and b.jpg would both be the slot 1 of /n", 2)
    ]
    assert plans_of(f"{head}a.jpg,/,n,1\nb.jpg,/,n,\n") == [
        Refused(("a.jpg",), COLLISION, "a.jpg and b.jpg (line 3) would both be the item /n", 2),
        Refused(("b.jpg",), COLLISION, "b.jpg and a.jpg (line 2) would both be the item /n", 3),
    ]
    many = "".join(f"{number}.jpg,/,n,{number}\n" for number in range(20))
    assert [(one.reason, one.detail, one.line) for one in plans_of(head + many)] == [
        (TOO_MANY_SLOTS, "/n would have 20 slots, 0.jpg and others", 2)
    ]
    flat = "".join(f"{number:02}.jpg,/,n,\n" for number in range(20))
    assert [one.keys for one in plans_of(head + flat)] == [(f"{number:02}.jpg",) for number in range(20)]


def test_a_row_that_stands_twice_counts_once():
    assert plans_of("storage_key,fps\n1.mp4,2\n1.mp4,2\n")[0] == Skipped("1.mp4", REPEATED)
    assert [one.reason for one in plans_of("storage_key,fps\n1.mp4,2\n1.mp4,5\n")] == [COLLISION, COLLISION]


def test_filters_skip_rows_and_unsupported_types_are_refused():
    text = "storage_key\nraw/1.jpg\nold/1.jpg\nraw/\nraw/x.txt\n"
    plans = plans_of(text, selection=select(exclude=["old/*"]))
    assert [(type(one).__name__, getattr(one, "reason", "")) for one in plans] == [
        ("Skipped", "matched by --exclude"),
        ("Skipped", "folder marker"),
        ("Refused", UNSUPPORTED),
        ("Planned", ""),
    ]
    assert INVALID not in {one.reason for one in plans if isinstance(one, Refused)}


_rows = st.lists(
    st.tuples(
        st.sampled_from(["a.jpg", "b.jpg", "c.mp4", "d/a.jpg", "e.txt"]),
        st.sampled_from(["x", "y", "a.jpg"]),
        st.sampled_from(["", "1", "2", "10"]),
    ),
    max_size=12,
)


@given(_rows, st.data())
def test_the_order_of_rows_never_changes_the_items(rows, data):
    def items(order) -> list[str]:
        text = "storage_key,name,slot\n" + "".join(f"{','.join(row)}\n" for row in order)
        return [json.dumps(one.item.model_dump(mode="json")) for one in plans_of(text) if isinstance(one, Planned)]

    assert items(rows) == items(data.draw(st.permutations(rows)))


def test_a_key_of_two_items_is_refused_in_both_and_one_of_two_slots_of_an_item_is_not():
    text = "storage_key,name,slot\na.jpg,x,\nb.jpg,y,1\na.jpg,z,\nb.jpg,y,2\na.jpg,x,\n"
    assert sorted(map(repr, plans_of(text)[:3])) == sorted(
        map(
            repr,
            [
                Skipped("a.jpg", REPEATED),
                Refused(("a.jpg",), COLLISION, "a.jpg would be /x and, by line 4, /z", 2),
                Refused(("a.jpg",), COLLISION, "a.jpg would be /z and, by line 2, /x", 4),
            ],
        )
    )
    (item,) = plans_of(text)[3:]
    assert [slot.storage_key for slot in item.item.slots] == ["b.jpg", "b.jpg"]
