"""What becomes of registered items: V7's role really reads and writes, and says what it could not."""

from __future__ import annotations

import httpx
import pytest

TEAM = "/api/v2/teams/acme"


@pytest.fixture
def bucket(s3, darwin):
    s3.make_bucket(darwin.bucket)
    s3.put(darwin.bucket, "raw/1 ä.jpg", b"picture")
    s3.grant_v7(darwin.bucket)
    return darwin.bucket


def image(key="raw/1 ä.jpg", **more):
    return {"path": "/", "name": key.rpartition("/")[2], "storage_key": key, **more}


def only_item(api):
    (one,) = api("GET", f"{TEAM}/items")[1]["items"]
    return one


def test_an_item_is_complete_once_v7_has_read_it_and_written_its_thumbnail(bucket, s3, register, api, darwin):
    darwin.hold()
    register(image())
    waiting = only_item(api)
    assert (waiting["status"], waiting["slots"]) == ("processing", [])
    assert waiting["uploads"][0]["processing_status"] == "processing"
    darwin.release()
    darwin.settle()
    done = only_item(api)
    assert (done["status"], done["processing_status"], done["uploads"]) == ("new", "complete", [])
    assert (done["slots"][0]["size_bytes"], done["slots"][0]["is_external"]) == (7, True)
    upload = done["slots"][0]["upload_id"]
    assert f"darwin/raw/1 ä.jpg/uploads/{upload}/thumbnails/000000000.jpg" in s3.keys(bucket)


@pytest.mark.parametrize(
    "key, kind, status, stage",
    [("raw/nope.jpg", "FILE_DOWNLOAD_FAILED", 403, "download"), ("raw/empty.jpg", "INVALID_FILE", 200, "decode")],
)
def test_an_error_names_stage_key_and_status(bucket, s3, register, api, darwin, key, kind, status, stage):  # fixtures
    s3.put(bucket, "raw/empty.jpg", b"")
    register(image(key))
    darwin.settle()
    failed = only_item(api)
    assert (failed["status"], failed["processing_status"], failed["slots"]) == ("error", "error", [])
    error = failed["uploads"][0]["processing_error"]
    expected = (kind, status, stage, key)
    assert (
        tuple(error[name] for name in ("processing_error_type", "http_status_code", "stage", "storage_key")) == expected
    )


def test_without_put_object_processing_ends_in_an_error(bucket, s3, register, api, darwin):
    s3.grant_v7(bucket, "s3:GetObject")
    register(image())
    darwin.settle()
    error = only_item(api)["uploads"][0]["processing_error"]
    assert (error["processing_error_type"], error["stage"], error["message"]) == (
        "FILE_UPLOAD_FAILED",
        "upload",
        "upload failed: access denied",
    )
    assert error["storage_key"].startswith("darwin/raw/1 ä.jpg/uploads/")
    assert "AccessDenied" in error["raw_error"]


def test_a_wrong_region_in_v7s_settings_shows(bucket, register, api, darwin):
    from dataclasses import replace

    darwin.storages["acme-frames"] = replace(darwin.storages["acme-frames"], region="eu-west-1")
    register(image())
    darwin.settle()
    error = only_item(api)["uploads"][0]["processing_error"]
    assert "the region 'eu-west-1' is wrong; expecting 'us-east-1'" in error["raw_error"]


def compact(**more):
    playlist = {"bitrate": 1.0, "index": "#EXTM3U\n#EXTINF:2.0,\nv/s/0.ts\n#EXT-X-ENDLIST\n"}
    return {
        "path": "/",
        "name": "d.mp4",
        "slots": [
            {
                "slot_name": "0",
                "file_name": "d.mp4",
                "type": "video",
                "storage_key": "v/d.mp4",
                "width": 64,
                "height": 36,
                "native_fps": 2.0,
                "visible_frames": 2,
                "total_frames": 3,
                "storage_thumbnail_key": "v/t.jpg",
                "storage_frames_manifest_key": "v/m.txt",
                "storage_sections_key_prefix": "v/high",
                "hls_segments": {"high_quality": playlist, "low_quality": playlist},
                **more,
            }
        ],
    }


def put_video(s3, bucket, manifest=b"0:0:1:0.0\n1:0:0:0.5\n2:0:1:1.0"):
    for key in ("v/d.mp4", "v/t.jpg", "v/high/000000000.png", "v/high/000000001.png", "v/s/0.ts"):
        s3.put(bucket, key, b"x")
    s3.put(bucket, "v/m.txt", manifest)


def test_read_only_items_are_complete_at_once_and_their_objects_are_checked(bucket, s3, register, api, darwin):
    put_video(s3, bucket)
    register(compact(), storage="acme-ro", readonly=True)
    assert only_item(api)["processing_status"] == "complete"
    assert only_item(api)["slots"][0]["total_sections"] == 2
    darwin.settle()
    assert darwin.problems() == []
    assert not [key for key in s3.keys(bucket) if "uploads" in key]


def test_missing_frames_and_segments_are_told(bucket, s3, register, darwin):
    put_video(s3, bucket)
    register(compact(visible_frames=3, storage_thumbnail_key="v/nope.jpg"), storage="acme-ro", readonly=True)
    darwin.settle()
    assert darwin.problems() == ["v/nope.jpg: HTTP 403", "v/high/000000002.png: HTTP 403"]


def test_a_manifest_that_disagrees_is_told(bucket, s3, register, darwin):
    put_video(s3, bucket, manifest=b"0:0:1:0.0\n1:1:0:0.5")
    s3.put(bucket, "v/a.gz", b"x")
    register(compact(storage_audio_peaks_key="v/a.gz"), storage="acme-ro", readonly=True)
    darwin.settle()
    assert darwin.problems() == [
        "v/m.txt: 2 lines for 3 total_frames",
        "v/m.txt: 1 visible lines for 2 visible_frames",
        "v/m.txt: 2 segments, the playlist has 1",
        "v/a.gz: Content-Encoding is not gzip",
    ]


def test_files_of_an_item_are_reached_by_redirects_to_signed_urls(bucket, register, api, darwin):
    register(image())
    darwin.settle()
    slot = only_item(api)["slots"][0]["id"]
    headers = {"Authorization": f"ApiKey {darwin.api_key}"}
    for what in ("original", "thumbnail"):
        moved = httpx.get(f"{darwin.url}{TEAM}/files/{slot}/{what}", headers=headers)
        assert moved.status_code == 302
        assert httpx.get(moved.headers["location"]).content == b"picture"
    assert httpx.get(f"{darwin.url}{TEAM}/files/{slot}/sections/1", headers=headers).status_code == 404
