from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import UsageError
from v7s3.items.grouping import LayoutName, arranged, grouping, natural, plan_groups
from v7s3.items.objects import StorageObject
from v7s3.items.planning import (
    COLLISION,
    INCOMPLETE,
    INVALID,
    NO_FOLDER,
    NOT_GROUPED,
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

CAMERAS = r"^(?P<item>.*/\d+)_(?P<slot>[^/]*)\.jpg$"


def stored(*keys: str) -> list[StorageObject]:
    return [StorageObject(key, 10) for key in keys]


def groups_of(keys, by="folder", layout="auto", expected=(), **options):
    return list(plan_groups(stored(*keys), PlanOptions(**options), grouping(by, layout, expected)))


def slots_of(plans) -> dict[str, list[tuple[str, str]]]:
    assert all(isinstance(one, Planned) for one in plans), plans
    return {
        f"{one.item.path} {one.item.name}": [(slot.slot_name, slot.storage_key) for slot in one.item.slots]
        for one in plans
    }


def test_a_folder_is_an_item_also_when_its_sub_folder_interleaves():
    keys = ["a/1.jpg", "a/b/1.jpg", "a/b/2.jpg", "a/z.jpg"]
    assert slots_of(groups_of(keys)) == {
        "/ a": [("1", "a/1.jpg"), ("z", "a/z.jpg")],
        "/a b": [("1", "a/b/1.jpg"), ("2", "a/b/2.jpg")],
    }


def test_a_group_is_sent_as_v7_spells_it():
    (one,) = groups_of(["scans/7/front.jpg", "scans/7/rear.mp4"], fps=2, tags=tagging(["night"]), path="/x")
    assert one.item.model_dump(exclude_none=True) == {
        "name": "7",
        "path": "/x/scans",
        "tags": ["night"],
        "slots": [
            {"slot_name": "front", "file_name": "front.jpg", "storage_key": "scans/7/front.jpg", "type": "image"},
            {
                "slot_name": "rear",
                "file_name": "rear.mp4",
                "storage_key": "scans/7/rear.mp4",
                "type": "video",
                "fps": 2,
            },
        ],
        "layout": {"version": 3, "slots_grid": [[["front"]], [["rear"]]]},
    }
    assert one.objects == tuple(stored("scans/7/front.jpg", "scans/7/rear.mp4"))


def test_a_pattern_gathers_members_from_anywhere():
    keys = ["front/7.jpg", "front/8.jpg", "rear/7.jpg", "rear/8.jpg"]
    assert slots_of(groups_of(keys, r"^(?P<slot>\w+)/(?P<item>\d+)\.jpg$")) == {
        "/ 7": [("front", "front/7.jpg"), ("rear", "rear/7.jpg")],
        "/ 8": [("front", "front/8.jpg"), ("rear", "rear/8.jpg")],
    }


def test_the_item_of_a_pattern_is_placed_as_a_key_is():
    assert list(slots_of(groups_of(["raw/may/7_front.jpg"], CAMERAS, strip_prefix="raw", path="/d"))) == ["/d/may 7"]
    assert list(slots_of(groups_of(["a//7_x.jpg"], CAMERAS))) == ["/a/%2F 7"]


def test_slots_stand_in_their_natural_order():
    keys = [f"s/img{number}.png" for number in (10, 9, 1, 2, 11)]
    assert [name for name, _ in slots_of(groups_of(keys))["/ s"]] == ["img1", "img2", "img9", "img10", "img11"]
    assert sorted(["b", "A", "a10", "a9", "a09", "B", "1", "a"], key=natural) == [
        "1",
        "A",
        "a",
        "a09",
        "a9",
        "a10",
        "B",
        "b",
    ]


def test_file_names_that_differ_by_extension_only_name_their_slots_in_full():
    assert [name for name, _ in slots_of(groups_of(["s/a.jpg", "s/a.png"]))["/ s"]] == ["a.jpg", "a.png"]


def test_objects_of_no_group_are_skipped_with_their_reason():
    assert groups_of(["a.jpg", "s/readme.txt"]) == [Skipped("a.jpg", NO_FOLDER), Skipped("s/readme.txt", UNSUPPORTED)]
    assert groups_of(["s/a.jpg", "s/7_.jpg"], CAMERAS) == [
        Skipped("s/a.jpg", NOT_GROUPED),
        Skipped("s/7_.jpg", NOT_GROUPED),
    ]


def test_a_repeated_key_is_one_member():
    assert [type(one) for one in groups_of(["s/a.jpg", "s/a.jpg"])] == [Skipped, Planned]
    assert groups_of(["s/a.jpg", "s/a.jpg"])[0] == Skipped("s/a.jpg", REPEATED)


def test_more_than_sixteen_slots_are_refused_without_holding_them():
    sixteen = [f"s/{number:03}.dcm" for number in range(16)]
    assert len(slots_of(groups_of(sixteen))["/ s"]) == 16
    (one,) = groups_of([f"s/{number:03}.dcm" for number in range(400)])
    assert (one.reason, one.detail) == (TOO_MANY_SLOTS, "/s would have 400 slots, s/000.dcm and others")
    assert one.keys == tuple(f"s/{number:03}.dcm" for number in range(17))


def test_two_objects_for_one_slot_are_refused():
    by = r"(?P<item>s)/(?P<slot>\w)\d*\.jpg"
    assert groups_of(["s/a1.jpg", "s/a2.jpg", "s/b1.jpg"], by) == [
        Refused(
            ("s/a1.jpg", "s/a2.jpg", "s/b1.jpg"), SLOT_TWICE, "s/a1.jpg and s/a2.jpg would both be the slot a of /s"
        )
    ]


def test_incomplete_groups_are_reported_not_sent():
    plans = groups_of(["1/front.jpg", "1/rear.jpg", "2/front.jpg"], expected=["front,rear"])
    assert slots_of(plans[:1]) == {"/ 1": [("front", "1/front.jpg"), ("rear", "1/rear.jpg")]}
    assert plans[1:] == [Refused(("2/front.jpg",), INCOMPLETE, "/2 has front, but not rear")]


def test_groups_that_would_be_one_item_are_all_refused():
    assert groups_of(["a/s/1.jpg", "b/s/2.jpg"], folders="flatten") == [
        Refused(
            ("a/s/1.jpg",), COLLISION, "a/s/1.jpg and b/s/2.jpg belong to different groups, but would be one item /s"
        ),
        Refused(
            ("b/s/2.jpg",), COLLISION, "b/s/2.jpg and a/s/1.jpg belong to different groups, but would be one item /s"
        ),
    ]


def test_tags_of_all_members_meet_in_the_item():
    (one,) = groups_of(["s/a.jpg", "s/b.jpg"], tags=tagging(["x"], "[^/]$|(a)|(b)"))
    assert one.item.tags == ["x", "a", "b"]
    (one,) = groups_of(["s/a.jpg", "s/b.jpg"], tags=tagging([], r"(?P<file>\w)\.jpg"))
    assert one == Refused(("s/a.jpg", "s/b.jpg"), INVALID, "/s: the tag file would be both 'a' and 'b'")


def test_limit_counts_groups():
    assert list(slots_of(groups_of(["1/a.jpg", "2/a.jpg", "3/a.jpg"], limit=2))) == ["/ 1", "/ 2"]


# V7's own table (darwin-py's SLOTS_GRID_MAP), as the slots' numbers of each column.
GRIDS = {
    1: ["0"], 2: ["0", "1"], 3: ["0", "1", "2"], 4: ["0 2", "1 3"], 5: ["0 3", "1 4", "2"], 6: ["0 3", "1 4", "2 5"],
    7: ["0 3 6", "1 4", "2 5"], 8: ["0 3 6", "1 4 7", "2 5"], 9: ["0 3 6", "1 4 7", "2 5 8"],
    10: ["0 4 8", "1 5 9", "2 6", "3 7"], 11: ["0 4 8", "1 5 9", "2 6 10", "3 7"],
    12: ["0 4 8", "1 5 9", "2 6 10", "3 7 11"], 13: ["0 4 8 12", "1 5 9", "2 6 10", "3 7 11"],
    14: ["0 4 8 12", "1 5 9 13", "2 6 10", "3 7 11"], 15: ["0 4 8 12", "1 5 9 13", "2 6 10 14", "3 7 11"],
    16: ["0 4 8 12", "1 5 9 13", "2 6 10 14", "3 7 11 15"],
}  # fmt: skip


@pytest.mark.parametrize("count", GRIDS)
def test_grids_are_those_of_v7s_own_client(count):
    names = [str(number) for number in range(count)]
    expected = [[[name] for name in column.split()] for column in GRIDS[count]]
    assert arranged("grid", names) == {"version": 3, "slots_grid": expected}
    assert arranged("auto", names) == (arranged("grid", names) if count > 1 else None)


def test_other_layouts_arrange_slots_in_order():
    grids = {
        name: arranged(name, ["a", "b"])["slots_grid"] for name in ("horizontal", "vertical", "simple", "channels")
    }
    assert grids == {
        "horizontal": [[["a"]], [["b"]]],
        "vertical": [[["a"], ["b"]]],
        "simple": [[["a"]]],
        "channels": [[["a", "b"]]],
    }


def test_channels_of_anything_but_images_are_refused():
    (one,) = groups_of(["s/a.jpg", "s/b.mp4"], layout="channels")
    assert one.reason == INVALID
    assert one.detail == "/s: layout: stacks slots as channels that are not images (v7-facts §4.4)"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("(",), "no regular expression"),
        (("(?P<item>x)",), "no group named slot"),
        (("x",), "no group named item and none named slot"),
        (("folder", "mosaic"), "no layout"),
        (("folder", "auto", ["front,"]), "--slots-expect is empty"),
    ],
)
def test_options_that_describe_no_grouping_are_usage_errors(arguments, message):
    with pytest.raises(UsageError, match=message):
        grouping(*arguments)


_keys = st.builds(
    "{}/{}_{}.{}".format,
    st.sampled_from(["a", "a/b", "b", "", "a/7"]),
    st.integers(0, 3),
    st.sampled_from(["front", "rear", "r10", "r9", ""]),
    st.sampled_from(["jpg", "jpg", "png", "txt"]),
)


@given(st.data(), st.lists(_keys, max_size=40))
def test_the_order_of_arrival_never_changes_the_result(data, keys):
    by = data.draw(st.sampled_from(["folder", CAMERAS, r"(?P<item>\d)_(?P<slot>\w+)"]))
    layout: LayoutName = data.draw(st.sampled_from(["auto", "vertical"]))
    folders = data.draw(st.sampled_from(["keep", "flatten"]))
    shuffled = data.draw(st.permutations(keys))
    one, other = (groups_of(order, by, layout, ["front"], folders=folders) for order in (keys, shuffled))
    assert sorted(map(repr, one)) == sorted(map(repr, other))
    sent, other_sent = ([plan for plan in plans if isinstance(plan, Planned)] for plans in (one, other))
    assert sent == other_sent  # in the same order, too
    assert sum(len(plan.keys) for plan in groups_of(keys, by) if isinstance(plan, Refused)) + sum(
        len(plan.objects) if isinstance(plan, Planned) else 1
        for plan in groups_of(keys, by)
        if not isinstance(plan, Refused)
    ) == len(keys)
