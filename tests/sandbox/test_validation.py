"""What the register endpoints of the sandbox's Darwin take and refuse: the matrix of v7-facts §4 and §5."""

from __future__ import annotations

import copy

import pytest

from v7s3.sandbox.validation import check_request

IMAGE = {"path": "/", "name": "stop.jpg", "type": "image", "storage_key": "raw/stop.jpg"}
SLOT = {"slot_name": "0", "file_name": "l.png", "type": "image", "storage_key": "p/l.png"}
PAIR = {
    "path": "/",
    "name": "pair",
    "layout": {"version": 3, "slots_grid": [[["0"]], [["1"]]]},
    "slots": [SLOT, {**SLOT, "slot_name": "1", "storage_key": "p/r.png"}],
}
RO_IMAGE = {**SLOT, "storage_thumbnail_key": "t/l.jpg", "width": 1280, "height": 720}
PLAYLIST = {"index": "#EXTM3U\nv/0.ts\n#EXT-X-ENDLIST\n", "bitrate": 900000.0}
RO_VIDEO = {
    "slot_name": "d.mp4",
    "file_name": "d.mp4",
    "type": "video",
    "storage_key": "v/d.mp4",
    "width": 640,
    "height": 360,
    "native_fps": 25.0,
    "visible_frames": 50,
    "total_frames": 50,
    "storage_thumbnail_key": "v/t.jpg",
    "storage_frames_manifest_key": "v/frames_manifest.txt",
    "storage_sections_key_prefix": "v/high",
    "hls_segments": {"high_quality": PLAYLIST, "low_quality": {**PLAYLIST, "bitrate": None}},
}
SECTION = {"section_index": 1, "width": 512, "height": 512, "storage_hq_key": "ct/1.png", "storage_lq_key": "ct/1.jpg"}
RO_SEQUENCE = {
    "slot_name": "0",
    "file_name": "ct.dcm",
    "type": "dicom",
    "storage_key": "ct/ct.dcm",
    "storage_thumbnail_key": "ct/t.jpg",
    "sections": [SECTION, {**SECTION, "section_index": 2}],
}
GUIDE_VIDEO = {  # the read-only video of V7's own guide, flat
    "path": "/",
    "as_frames": False,
    "fps": 2,
    "sections": [SECTION],
    "name": "my-video.mp4",
    "storage_key": "storage_path.jpg",
    "storage_thumbnail_key": "thumbnail_key.jpg",
    "type": "video",
}


def problems(*items, readonly=False, **more):
    document = {"dataset_slug": "d", "storage_slug": "s", "items": list(items), **more}
    return check_request(document, readonly=readonly)


def item(slot):
    return {"path": "/", "name": "x", "slots": [slot]}


def without(value, name):
    return {key: one for key, one in value.items() if key != name}


@pytest.mark.parametrize(
    "one",
    [
        IMAGE,
        without(IMAGE, "type"),
        {**IMAGE, "path": "a/b", "file_name": "x.jpg", "tags": ["daylight"]},
        {**IMAGE, "tags": {"Weather": "rain"}},
        {**IMAGE, "type": "video", "fps": 5, "as_frames": "false"},
        {**IMAGE, "type": "video", "fps": "native", "as_frames": True},
        {**IMAGE, "type": "dicom", "extract_views": "true"},
        {**IMAGE, "type": "pdf"},
        PAIR,
        {**PAIR, "layout": {"version": 1, "type": "grid", "slots": ["0", "1"]}},
        {**PAIR, "layout": {"version": 2, "type": "horizontal", "slots": ["1"], "layout_shape": [2, 1]}},
        item(without(SLOT, "slot_name")),
        item({**SLOT, "metadata": {"a": 1}, "tags": ["x"]}),
    ],
)
def test_the_read_write_endpoint_takes(one):
    assert problems(one) == []


@pytest.mark.parametrize(
    "one",
    [
        item(RO_IMAGE),
        {"path": "/", "name": "x", **without(without(RO_IMAGE, "slot_name"), "file_name")},
        item({**RO_IMAGE, "size_bytes": 0}),
        item(RO_VIDEO),
        item(
            {**RO_VIDEO, "storage_sections_key_extension": "jpg", "storage_audio_peaks_key": "v/a.gz", "size_bytes": 9}
        ),
        item(RO_SEQUENCE),
        item({**RO_SEQUENCE, "type": "video", "fps": 2, "as_frames": False, "tags": ["x"], "metadata": {}}),
        GUIDE_VIDEO,
    ],
)
def test_the_read_only_endpoint_takes(one):
    assert problems(one, readonly=True) == []


@pytest.mark.parametrize(
    "one, where, complaint",
    [
        ({**IMAGE, "unexpected": 1}, "items[0].unexpected", "is not expected"),
        ({**IMAGE, "storage_name": "s"}, "items[0].storage_name", "is not expected"),
        ({**IMAGE, "width": 1}, "items[0].width", "is not expected"),
        (without(IMAGE, "path"), "items[0].path", "is required"),
        (without(IMAGE, "name"), "items[0].name", "is required"),
        (without(IMAGE, "storage_key"), "items[0].storage_key", "is required"),
        ({**IMAGE, "name": ""}, "items[0].name", "must be a non-empty string"),
        ({**IMAGE, "name": "a/b.jpg"}, "items[0].name", "must not contain a slash"),
        ({**IMAGE, "path": 7}, "items[0].path", "must be a string"),
        ({**IMAGE, "type": "nifti"}, "items[0].type", "must be one of image, video, pdf, dicom"),
        ({**IMAGE, "fps": -1}, "items[0].fps", 'must be a number ≥ 0 or "native"'),
        ({**IMAGE, "fps": True}, "items[0].fps", 'must be a number ≥ 0 or "native"'),
        ({**IMAGE, "as_frames": "no"}, "items[0].as_frames", "must be a boolean"),
        ({**IMAGE, "tags": "daylight"}, "items[0].tags", "must be a list of class names or an object of texts"),
        ({**IMAGE, "tags": [1]}, "items[0].tags", "must be a list of class names or an object of texts"),
        (7, "items[0]", "must be an object"),
        ({**PAIR, "slots": []}, "items[0].slots", "must be a non-empty list"),
        ({**PAIR, "storage_key": "x"}, "items[0].storage_key", "is not expected"),
        ({**PAIR, "slots": [SLOT, SLOT], "layout": {"version": 1, "type": "grid", "slots": ["0"]}}, "items[0].slots", "slot_name must be unique"),
        (item(without(SLOT, "file_name")), "items[0].slots[0].file_name", "is required"),
        (item({**SLOT, "path": "/"}), "items[0].slots[0].path", "is not expected"),
        (item("x"), "items[0].slots[0]", "must be an object"),
        ({**PAIR, "layout": {"version": 4}}, "items[0].layout", "version must be 1, 2 or 3"),
        ({**PAIR, "layout": {"version": 3, "slots_grid": [["0"]]}}, "items[0].layout", "does not fit version 3"),
        ({**PAIR, "layout": {"version": 1, "type": "circle", "slots": []}}, "items[0].layout", "does not fit version 1"),
        ({**PAIR, "layout": {"version": 1, "type": "grid", "slots": ["7"]}}, "items[0].layout", "names slots that do not exist: 7"),
    ],
)  # fmt: skip
def test_the_read_write_endpoint_refuses(one, where, complaint):
    assert problems(one) == [(where, complaint)]


@pytest.mark.parametrize(
    "slot, where, complaint",
    [
        (without(RO_IMAGE, "width"), "width", "is required"),
        (without(RO_IMAGE, "storage_thumbnail_key"), "storage_thumbnail_key", "is required"),
        ({**RO_IMAGE, "height": 0}, "height", "must be a positive integer"),
        ({**RO_IMAGE, "height": 7.5}, "height", "must be a positive integer"),
        ({**RO_IMAGE, "fps": 1}, "fps", "is not expected"),
        (without(RO_IMAGE, "slot_name"), "slot_name", "is required"),
        ({**RO_IMAGE, "type": "pdf"}, "type", "must be one of image"),
        ({**RO_VIDEO, "fps": 5}, "fps", "is not expected"),
        ({**RO_VIDEO, "as_frames": False}, "as_frames", "is not expected"),
        ({**RO_VIDEO, "total_size_bytes": 9}, "total_size_bytes", "is not expected"),
        (without(RO_VIDEO, "native_fps"), "native_fps", "is required"),
        (without(RO_VIDEO, "storage_frames_manifest_key"), "storage_frames_manifest_key", "is required"),
        ({**RO_VIDEO, "native_fps": "25"}, "native_fps", "must be a positive number"),
        ({**RO_VIDEO, "hls_segments": {"high_quality": PLAYLIST}}, "hls_segments", "must hold high_quality and low_quality"),
        ({**RO_SEQUENCE, "sections": []}, "sections", "must be a non-empty list"),
        ({**RO_SEQUENCE, "sections": [{**SECTION, "section_index": 0}]}, "sections[0].section_index", "must be a positive integer"),
        ({**RO_SEQUENCE, "sections": [SECTION, SECTION]}, "sections", "section_index must be unique"),
        ({**RO_SEQUENCE, "sections": [without(SECTION, "storage_hq_key")]}, "sections[0].storage_hq_key", "is required"),
        ({**RO_SEQUENCE, "sections": [{**SECTION, "key": "x"}]}, "sections[0].key", "is not expected"),
    ],
)  # fmt: skip
def test_the_read_only_endpoint_refuses(slot, where, complaint):
    assert problems(item(slot), readonly=True) == [(f"items[0].slots[0].{where}", complaint)]


def test_fields_of_the_other_access_mode_are_refused():
    assert ("items[0].slots[0].storage_thumbnail_key", "is not expected") in problems(item(RO_IMAGE))
    assert ("items[0].storage_thumbnail_key", "is required") in problems(IMAGE, readonly=True)


def test_a_request_holds_at_most_a_hundred_items_and_an_item_sixteen_slots():
    assert problems(*[IMAGE] * 100) == []
    assert problems(*[IMAGE] * 101) == [("items", "must hold at most 100 items")]
    slots = [{**SLOT, "slot_name": str(number)} for number in range(17)]
    assert problems({"path": "/", "name": "x", "slots": slots[:16]}) == []
    assert problems({"path": "/", "name": "x", "slots": slots}) == [("items[0].slots", "must hold at most 16 slots")]


def test_the_top_level_is_strict():
    assert problems(IMAGE, storage_name="s") == [("storage_name", "is not expected")]
    assert check_request([], readonly=False) == [("", "must be an object")]
    assert check_request({"items": []}, readonly=False) == [
        ("dataset_slug", "is required"),
        ("storage_slug", "is required"),
        ("items", "must be a non-empty list"),
    ]


def test_checking_changes_nothing():
    before = copy.deepcopy(RO_VIDEO)
    problems(item(RO_VIDEO), readonly=True)
    assert before == RO_VIDEO
