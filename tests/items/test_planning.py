from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.items.filters import select
from v7s3.items.objects import StorageObject
from v7s3.items.payload import FlatItem
from v7s3.items.planning import (
    ARCHIVED,
    ARTIFACT,
    COLLISION,
    EMPTY,
    FOLDER_MARKER,
    INVALID,
    REPEATED,
    TYPES,
    UNSUPPORTED,
    WRITTEN_BY_V7,
    Planned,
    PlanOptions,
    Refused,
    Skipped,
    batches,
    plan,
    suffix_of,
    summary,
)
from v7s3.items.tagging import tagging

UPLOAD = "uploads/0f8fad5b-d9cb-469f-a165-70867728950e"


def stored(*keys: str, size: int = 10, **more: str) -> list[StorageObject]:
    return [StorageObject(key, size, **more) for key in keys]


def items(keys: list[str], **options: object) -> list[dict]:
    plans = list(plan(stored(*keys), PlanOptions(**options)))
    assert all(isinstance(one, Planned) for one in plans), plans
    return [one.item.model_dump(exclude_none=True) for one in plans]


def places(keys: list[str], **options: object) -> list[tuple[str, str]]:
    return [(item["path"], item["name"]) for item in items(keys, **options)]


def test_an_item_keeps_the_whole_folder_of_its_key():
    assert items(["raw/may/1.jpg"]) == [
        {"name": "1.jpg", "path": "/raw/may", "storage_key": "raw/may/1.jpg", "type": "image"}
    ]


@pytest.mark.parametrize(
    "key, place",
    [
        ("1.jpg", ("/", "1.jpg")),
        ("/1.jpg", ("/%2F", "1.jpg")),
        ("a//1.jpg", ("/a/%2F", "1.jpg")),
        ("a/./1.jpg", ("/a/%2E", "1.jpg")),
        ("a/../1.jpg", ("/a/%2E%2E", "1.jpg")),
        ("a/%2F/1.jpg", ("/a/%252F", "1.jpg")),
        ("a/%252F/1.jpg", ("/a/%25252F", "1.jpg")),
        ("a/%20/1.jpg", ("/a/%20", "1.jpg")),
        ("a b+c%/é#🙂.jpg", ("/a b+c%", "é#🙂.jpg")),
        ("e\u0301/1.jpg", ("/e\u0301", "1.jpg")),
        (" / .jpg", ("/ ", " .jpg")),
    ],
)
def test_odd_keys_become_places_that_no_server_folds_together(key, place):
    assert places([key]) == [place]
    assert items([key])[0]["storage_key"] == key


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"strip_prefix": "raw/"}, ("/may", "1.jpg")),
        ({"strip_prefix": "raw"}, ("/may", "1.jpg")),
        ({"strip_prefix": "raw/may/"}, ("/", "1.jpg")),
        ({"strip_prefix": "ra"}, ("/raw/may", "1.jpg")),
        ({"path": "/dest"}, ("/dest/raw/may", "1.jpg")),
        ({"path": "dest/"}, ("/dest/raw/may", "1.jpg")),
        ({"path": "/dest", "strip_prefix": "raw/"}, ("/dest/may", "1.jpg")),
        ({"folders": "flatten"}, ("/", "1.jpg")),
        ({"folders": "flatten", "path": "/dest"}, ("/dest", "1.jpg")),
    ],
)
def test_options_move_the_item(options, expected):
    assert places(["raw/may/1.jpg"], **options) == [expected]


_segments = st.lists(st.sampled_from(["", ".", "..", "%2F", "%2E", "%2e", "%252F", "%2E%2E", "%25", "a", "A", " "]))
_folders = st.one_of(_segments.map("/".join), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))


@given(st.lists(_folders, min_size=2, max_size=20, unique=True), st.booleans())
def test_no_two_keys_share_a_place_even_at_a_server_that_tidies_paths(folders, deeper):
    keys = [f"{folder}/1.jpg" for folder in folders]
    tidied = Counter()
    for path, name in places(keys, path="/dest" if deeper else "/"):
        kept = [segment for segment in path.split("/") if segment not in ("", ".")]
        assert ".." not in kept
        tidied["/".join([*kept, name])] += 1
    assert set(tidied.values()) == {1}


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.JPG", "image"), ("a.jfif", "image"), ("a.webp", "image"), ("a.gif", "image"), ("a.svs", "image"),
        ("a.qtiff", "image"), ("a.TIFF", "image"), ("a.MP4", "video"), ("a.wmv", "video"), ("a.hevc", "video"),
        ("a.pdf", "pdf"), ("a.dcm", "dicom"), ("a.nii", "dicom"), ("a.NII.GZ", "dicom"), (".jpg", "image"),
    ],
)  # fmt: skip
def test_the_extension_decides_the_type(name, kind):
    assert items([name])[0]["type"] == kind


@pytest.mark.parametrize("name", ["a.ndpi", "a.mrxs", "a.NDPI"])
def test_types_that_v7_infers_better_are_left_out(name):
    assert "type" not in items([name])[0]


@pytest.mark.parametrize(
    "name", ["a.txt", "a.gz", "jpg", "nii.gz", "a.jpg/b", "a", "a.", "a.tar.gz", "a.json", "a.jpg.bak"]
)
def test_other_extensions_are_skipped(name):
    assert list(plan(stored(name))) == [Skipped(name, UNSUPPORTED)]


def test_no_double_extension_hides_behind_a_single_one():
    doubled = [suffix for suffix in TYPES if "." in suffix]
    assert doubled
    assert all(suffix.rpartition(".")[2] not in TYPES and suffix_of(f"x.{suffix}") == suffix for suffix in doubled)


@pytest.mark.parametrize(
    "one, options, reason",
    [
        (StorageObject("raw/", 0), {}, FOLDER_MARKER),
        (StorageObject("raw/", 5), {}, FOLDER_MARKER),
        (StorageObject("/", 0), {}, FOLDER_MARKER),
        (StorageObject("raw_$folder$", 0), {}, FOLDER_MARKER),
        (StorageObject("raw/1.jpg", 0), {}, EMPTY),
        (StorageObject("raw/1.txt", 0), {}, UNSUPPORTED),
        (StorageObject("raw/1.jpg", 5, storage_class="GLACIER"), {}, ARCHIVED),
        (StorageObject("raw/1.jpg", 5, storage_class="DEEP_ARCHIVE"), {}, ARCHIVED),
        (StorageObject("darwin/t.jpg", 5), {"write_back_prefix": "darwin"}, WRITTEN_BY_V7),
        (StorageObject("darwin/t.jpg", 5), {"write_back_prefix": "/darwin/"}, WRITTEN_BY_V7),
        (StorageObject("/darwin/t.jpg", 5), {"write_back_prefix": "darwin/"}, WRITTEN_BY_V7),
        (StorageObject(f"raw/1.jpg/{UPLOAD}/thumbnails/0.jpg", 5), {}, WRITTEN_BY_V7),
        (StorageObject(f"raw/1.jpg/{UPLOAD}/hq_sections/0.png", 5), {"write_back_prefix": ""}, WRITTEN_BY_V7),
        (StorageObject("v7s3/x/thumbnail.jpg", 5), {"artifacts_prefix": "v7s3/"}, ARTIFACT),
        (StorageObject("raw/1.jpg", 5), {"selection": select(exclude=["raw/*"])}, "matched by --exclude"),
    ],
)
def test_what_is_no_original_is_skipped_with_its_reason(one, options, reason):
    assert list(plan([one], PlanOptions(**options))) == [Skipped(one.key, reason)]


@pytest.mark.parametrize(
    "one, options",
    [
        (StorageObject("darwin2/1.jpg", 5), {"write_back_prefix": "darwin"}),
        (StorageObject("darwin.jpg", 5), {"write_back_prefix": "darwin"}),
        (StorageObject("raw/1.jpg", 5), {"write_back_prefix": "/"}),
        (StorageObject("raw/1.jpg", 5, storage_class="GLACIER_IR"), {}),
        (StorageObject("raw/1.jpg", -1), {}),
        (StorageObject("uploads/thumbnails/1.jpg", 5), {}),
    ],
)
def test_what_only_looks_generated_or_archived_is_kept(one, options):
    assert [type(each) for each in plan([one], PlanOptions(**options))] == [Planned]


def test_type_options_reach_only_their_types():
    options = PlanOptions(fps=5, as_frames=True, extract_views=True, tags=tagging(["night"]))
    planned = [one.item.model_dump(exclude_none=True) for one in plan(stored("a.mp4", "a.dcm", "a.png"), options)]
    assert planned == [
        {
            "name": "a.mp4",
            "path": "/",
            "storage_key": "a.mp4",
            "type": "video",
            "fps": 5,
            "as_frames": True,
            "tags": ["night"],
        },
        {
            "name": "a.dcm",
            "path": "/",
            "storage_key": "a.dcm",
            "type": "dicom",
            "extract_views": True,
            "tags": ["night"],
        },
        {"name": "a.png", "path": "/", "storage_key": "a.png", "type": "image", "tags": ["night"]},
    ]


def test_a_key_that_v7_could_not_take_is_refused_with_the_field():
    long = "a" * 1021 + ".jpg"
    assert list(plan(stored(long))) == [
        Refused((long,), INVALID, "storage_key: must not be longer than 1,024 bytes, which is all that S3 allows")
    ]
    assert isinstance(next(plan(stored("a" * 1020 + ".jpg"))), Planned)


def test_colliding_keys_are_all_refused_and_each_names_another():
    keys = ["b/1.jpg", "a/1.jpg", "a/2.jpg", "c/1.jpg", "c/readme.txt"]
    assert list(plan(stored(*keys), PlanOptions(folders="flatten", path="/x"))) == [
        Skipped("c/readme.txt", UNSUPPORTED),
        Refused(("a/1.jpg",), COLLISION, "a/1.jpg and b/1.jpg would both be the item /x/1.jpg"),
        Refused(("b/1.jpg",), COLLISION, "b/1.jpg and a/1.jpg would both be the item /x/1.jpg"),
        Refused(("c/1.jpg",), COLLISION, "c/1.jpg and a/1.jpg would both be the item /x/1.jpg"),
        Planned(FlatItem(name="2.jpg", path="/x", storage_key="a/2.jpg", type="image"), tuple(stored("a/2.jpg"))),
    ]


@pytest.mark.parametrize("prefix", ["raw/", "raw", "/"])
def test_a_prefix_that_only_some_keys_have_can_collide(prefix):
    folder = f"{prefix.rstrip('/')}/"
    plans = list(plan(stored("1.jpg", f"{folder}1.jpg"), PlanOptions(strip_prefix=prefix)))
    assert [one.reason for one in plans] == [COLLISION, COLLISION]
    assert isinstance(next(plan(stored(f"{folder}1.jpg"), PlanOptions(strip_prefix=prefix))), Planned)


def test_nothing_waits_when_no_collision_is_possible():
    def endless():
        yield from stored("raw/1.jpg")
        pytest.fail("read ahead")

    for options in (PlanOptions(), PlanOptions(path="/x"), PlanOptions(strip_prefix="raw", source_prefix="raw/")):
        assert isinstance(next(plan(endless(), options)), Planned)


def test_a_key_listed_twice_is_planned_once():
    plans = list(plan(stored("1.jpg", "2.jpg", "1.jpg"), PlanOptions(repeats=True)))
    assert [one.item.name for one in plans if isinstance(one, Planned)] == ["1.jpg", "2.jpg"]
    assert [one for one in plans if not isinstance(one, Planned)] == [Skipped("1.jpg", REPEATED)]


@given(st.permutations(["a/1.jpg", "b/1.jpg", "a/2.jpg", "c.jpg", "a/2.jpg", "x/c.jpg", "d.txt"]))
def test_the_order_of_arrival_does_not_change_what_is_planned(keys):
    expected = sorted(map(repr, plan(stored(*sorted(keys)), PlanOptions(folders="flatten", repeats=True))))
    assert sorted(map(repr, plan(stored(*keys), PlanOptions(folders="flatten", repeats=True)))) == expected


def test_limit_counts_items_and_stops_reading():
    def objects():
        yield from stored("a.txt", "1.jpg", "2.jpg")
        pytest.fail("read ahead")

    plans = list(plan(objects(), PlanOptions(limit=2)))
    assert [type(one) for one in plans] == [Skipped, Planned, Planned]


def test_batches_are_full_but_for_the_last():
    planned = list(plan(stored(*(f"{number}.jpg" for number in range(7)))))
    assert [len(batch) for batch in batches(planned, 3)] == [3, 3, 1]
    assert [one for batch in batches(planned, 3) for one in batch] == planned


def test_the_summary_counts_reasons_most_frequent_first():
    skipped = Counter({FOLDER_MARKER: 3, UNSUPPORTED: 30})
    assert summary(1204, skipped) == "kept 1,204, skipped 33: 30 unsupported type, 3 folder markers"
    assert summary(1, Counter({EMPTY: 1})) == "kept 1, skipped 1: 1 zero-byte object"
    assert summary(5, Counter()) == "kept 5, skipped none"
