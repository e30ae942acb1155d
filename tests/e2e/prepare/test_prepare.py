"""`v7s3 prepare` from the shell's side: what is in a read-only bucket afterwards, and what V7 makes of it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys

import psutil
import pytest
from PIL import Image

from artifacts.bucket import BUCKET, artifacts, picture
from artifacts.clips import clip
from artifacts.pictures import png_of_size, turned


# --- the whole way --------------------------------------------------------------------------------------------------
def test_a_read_only_bucket_is_prepared_registered_and_shown(prepare, v7s3, s3, darwin, items, tmp_path):
    for number in range(5):
        s3.put(BUCKET, f"raw/may/{number}.jpg", picture())
    s3.put(BUCKET, "raw/tall.jpg", turned("JPEG", 6))
    s3.put(BUCKET, "raw/a b+c%20é.png", picture(kind="PNG"))
    code, out, err = prepare()
    assert code == 0, err
    assert "7 made · 0 present · 0 refused" in out
    assert "1 × EXIF orientation 6: stored 800x600, displayed and sent 600x800" in out

    code, out, _ = v7s3("register", "--items", tmp_path / "items.jsonl", "--storage", darwin.readonly_storage)
    assert code == 0, out
    assert "7 registered" in out
    darwin.settle()
    assert darwin.problems() == []
    assert (items()["raw/tall.jpg"]["width"], items()["raw/tall.jpg"]["height"]) == (600, 800)


def test_a_thumbnail_is_a_small_cacheable_jpeg(prepare, s3, items):
    s3.put(BUCKET, "raw/1.png", picture(kind="PNG"))
    prepare()
    item = items()["raw/1.png"]
    answer = s3.client().get_object(Bucket=BUCKET, Key=item["storage_thumbnail_key"])
    assert answer["ContentType"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer["Body"].read())).size == (267, 200)
    assert (item["type"], item["width"], item["height"]) == ("image", 800, 600)
    assert (item["path"], item["name"]) == ("/raw", "1.png")


def test_a_second_run_makes_only_what_is_missing_or_changed(prepare, s3, items):
    for number in range(4):
        s3.put(BUCKET, f"raw/{number}.jpg", picture())
    prepare()
    first = items()
    s3.put(BUCKET, "raw/1.jpg", picture(400, 300))
    s3.client().delete_object(Bucket=BUCKET, Key=artifacts(s3, "v7s3/raw/2.jpg")[0])
    code, out, _ = prepare()
    assert code == 0
    assert "2 made · 2 present · 0 refused" in out
    second = items()
    assert second["raw/1.jpg"]["width"] == 400
    assert {key for key in first if first[key] != second[key]} == {"raw/1.jpg"}


def test_other_planning_options_need_no_new_artifacts(prepare, s3, items):
    s3.put(BUCKET, "raw/may/1.jpg", picture())
    prepare()
    before = artifacts(s3)
    code, out, _ = prepare("s3://acme-frames/raw/", "--strip-prefix", "raw", "--path", "/x", "--tag", "night")
    assert code == 0
    assert "0 made · 1 present" in out
    item = items()["raw/may/1.jpg"]
    assert (item["path"], item["tags"]) == ("/x/may", ["night"])
    assert artifacts(s3) == before


def test_bad_objects_are_refused_with_the_reason_and_the_others_are_prepared(prepare, s3, items, tmp_path):
    s3.put(BUCKET, "raw/good.jpg", picture())
    s3.put(BUCKET, "raw/cut.jpg", picture()[:4000])
    s3.put(BUCKET, "raw/bomb.png", png_of_size(50_000, 50_000))
    s3.put(BUCKET, "raw/text.jpg", b"<html>not found</html>")
    s3.put(BUCKET, "raw/report.pdf", b"%PDF-1.7")
    code, out, _ = prepare("s3://acme-frames/raw/", "--report", tmp_path / "report.jsonl")
    assert code == 5
    assert list(items()) == ["raw/good.jpg"]
    assert "1 made · 0 present · 4 refused" in out
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    reasons = {line["storage_key"]: line["reason"] or line["state"] for line in lines}
    assert reasons["raw/good.jpg"] == "made"
    assert "truncated" in reasons["raw/cut.jpg"]
    assert "decompression bomb" in reasons["raw/bomb.png"]
    assert "the bytes are text" in reasons["raw/text.jpg"]
    assert "PDF: V7's schema for read-only documents is not public" in reasons["raw/report.pdf"]


def test_an_object_that_v7s3_did_not_make_is_never_overwritten(prepare, s3):
    s3.put(BUCKET, "raw/1.jpg", picture())
    prepare()
    thumbnail = next(key for key in artifacts(s3) if key.endswith("thumbnail.jpg"))
    for key in artifacts(s3):
        s3.client().delete_object(Bucket=BUCKET, Key=key)
    s3.put(BUCKET, thumbnail, b"mine")
    code, out, _ = prepare()
    assert code == 5
    assert f"{thumbnail} was not made by v7s3, and is not overwritten" in out
    assert s3.client().get_object(Bucket=BUCKET, Key=thumbnail)["Body"].read() == b"mine"
    assert artifacts(s3) == [thumbnail]


def test_artifacts_are_not_taken_for_originals(prepare, s3, items):
    s3.put(BUCKET, "raw/1.jpg", picture())
    prepare("s3://acme-frames")
    code, out, _ = prepare("s3://acme-frames")
    assert code == 0
    assert "kept 1, skipped 1: 1 artifact of v7s3" in out
    assert list(items()) == ["raw/1.jpg"]


def test_originals_below_the_artifacts_prefix_are_a_usage_error(prepare, s3):
    code, _, err = prepare("s3://acme-frames/v7s3/raw/")
    assert code == 2
    assert "is where artifacts lie" in err


def test_shards_together_are_the_whole(prepare, s3, items, tmp_path):
    keys = {f"raw/{number}.jpg" for number in range(9)}
    for key in keys:
        s3.put(BUCKET, key, picture(80, 60))
    found = []
    for part in (1, 2, 3):
        code, _, _ = prepare("s3://acme-frames/raw/", "--shard", f"{part}/3", output=tmp_path / f"{part}.jsonl")
        assert code == 0
        found += items(tmp_path / f"{part}.jsonl")
    assert len(found) == len(keys)
    assert set(found) == keys


def test_a_run_without_rights_stops_and_says_so(prepare, s3, tmp_path, monkeypatch):
    for number in range(15):
        s3.put(BUCKET, f"raw/{number:02}.jpg", picture(80, 60))
    s3.deny.add("s3:PutObject")
    for name, value in s3.environment("operator").items():
        monkeypatch.setenv(name, value)
    code, _, err = prepare("s3://acme-frames/raw/", "--workers", "2")
    assert code == 3
    assert "AWS does not allow s3:PutObject on s3://acme-frames/v7s3/raw/" in err
    assert not (tmp_path / "items.jsonl").exists()
    assert s3.requests["operator", "s3:PutObject"] <= 8  # not once for each object


def test_json_is_one_document(prepare, s3):
    s3.put(BUCKET, "raw/1.jpg", picture())
    s3.put(BUCKET, "raw/2.jpg", b"nothing")
    code, out, _ = prepare("s3://acme-frames/raw/", "--format", "json")
    document = json.loads(out)
    assert code == 5
    assert document["outcomes"] == {"made": 1, "present": 0, "refused": 1}
    assert document["refusals"][0]["storage_keys"] == ["raw/2.jpg"]
    assert document["bytes_read"] > 0


def test_processes_do_the_same(prepare, s3, items):
    for number in range(4):
        s3.put(BUCKET, f"raw/{number}.jpg", picture(80, 60))
    code, out, _ = prepare("s3://acme-frames/raw/", "--executor", "processes", "--workers", "2")
    assert code == 0, out
    assert len(items()) == 4


# --- trouble --------------------------------------------------------------------------------------------------------
def test_a_killed_run_leaves_nothing_behind_and_the_next_one_has_every_item_once(prepare, s3, items, tmp_path):
    keys = [f"raw/{number:02}.jpg" for number in range(24)]
    for key in keys:
        s3.put(BUCKET, key, picture(80, 60))
    s3.faults.latency_ms = 100
    command = [sys.executable, "-m", "v7s3", "prepare", "s3://acme-frames/raw/", "--workers", "2"]
    run = subprocess.Popen([*command, "--output", tmp_path / "items.jsonl"], stderr=subprocess.DEVNULL)
    while not artifacts(s3):
        with pytest.raises(subprocess.TimeoutExpired):  # it is still at work
            run.wait(0.05)
    workers = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert not (tmp_path / "items.jsonl").exists()
    s3.faults.latency_ms = 0

    code, _, _ = prepare()
    assert code == 0
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    assert (len(lines), sorted(items())) == (len(keys), keys)
    assert [path.name for path in tmp_path.iterdir()] == ["items.jsonl"]


def test_a_busy_s3_costs_no_object(prepare, s3, items):
    for number in range(6):
        s3.put(BUCKET, f"raw/{number}.jpg", picture(80, 60))
    s3.faults.slow_down_every, s3.faults.drop_every = 5, 7
    code, out, _ = prepare()
    assert code == 0, out
    assert len(items()) == 6


# --- video, volumes -------------------------------------------------------------------------------------------------
def test_a_video_is_prepared_registered_and_agrees_with_its_manifest(prepare, v7s3, s3, darwin, items, tmp_path):
    s3.put(BUCKET, "raw/drive one.mp4", clip(40, sound=8000))
    code, out, _ = prepare("s3://acme-frames/raw/", "--quality", "4", "--fps", "5")
    assert code == 0, out
    v7s3("register", "--items", tmp_path / "items.jsonl", "--storage", darwin.readonly_storage)
    darwin.settle()
    assert darwin.problems() == []
    item = items()["raw/drive one.mp4"]
    assert (item["total_frames"], item["visible_frames"], item["native_fps"]) == (40, 8, 25.0)
    peaks = s3.client().head_object(Bucket=BUCKET, Key=item["storage_audio_peaks_key"])
    assert peaks["ContentEncoding"] == "gzip"

    code, out, _ = prepare("s3://acme-frames/raw/", "--quality", "4", "--fps", "5")
    assert "0 made · 1 present · 0 refused" in out
    assert items()["raw/drive one.mp4"] == item


def test_videos_as_sections_take_another_place(prepare, v7s3, s3, darwin, items, tmp_path):
    s3.put(BUCKET, "raw/a.mp4", clip(10))
    prepare()
    before = set(artifacts(s3))
    code, out, _ = prepare("s3://acme-frames/raw/", "--video-sections", "--no-preview-frames")
    assert code == 0, out
    assert before < set(artifacts(s3))
    assert len(items()["raw/a.mp4"]["sections"]) == 10
    v7s3("register", "--items", tmp_path / "items.jsonl", "--storage", darwin.readonly_storage)
    darwin.settle()
    assert darwin.problems() == []


# --- before and after -----------------------------------------------------------------------------------------------
def test_a_dry_run_estimates_and_writes_nothing(prepare, s3, tmp_path):
    s3.put(BUCKET, "raw/1.jpg", picture())
    s3.put(BUCKET, "raw/a.mp4", clip(50))
    s3.put(BUCKET, "raw/b.pdf", b"%PDF-1.7")
    code, out, _ = prepare("s3://acme-frames/raw/", "--dry-run")
    assert code == 0
    assert "1 refused" in out
    assert "about 50 frames:" in out
    assert "as PNG" in out
    assert "as JPEG" in out
    assert artifacts(s3) == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def stale(prepare, s3):
    """One source gone, one replaced, one as it was, one beside the prefix; and an object that somebody else put there."""
    for key in ("raw/gone.jpg", "raw/replaced.jpg", "raw/same.jpg", "raw2/gone.jpg"):
        s3.put(BUCKET, key, picture(80, 60))
    prepare("s3://acme-frames")
    s3.client().delete_object(Bucket=BUCKET, Key="raw/gone.jpg")
    s3.client().delete_object(Bucket=BUCKET, Key="raw2/gone.jpg")
    s3.put(BUCKET, "raw/replaced.jpg", picture(81, 60))
    (thumbnail,) = artifacts(s3, "v7s3/raw/gone.jpg/")
    s3.put(BUCKET, thumbnail.replace("thumbnail.jpg", "frames_manifest.txt"), b"theirs")
    return artifacts(s3)


def test_clean_lists_what_lost_its_source(v7s3, s3, stale):
    code, out, _ = v7s3("prepare", "s3://acme-frames/raw/", "--clean")
    assert code == 0
    assert "v7s3/raw/gone.jpg/" in out
    assert "the source is gone" in out
    assert "v7s3/raw/replaced.jpg/" in out
    assert "the source was replaced" in out
    assert "same.jpg" not in out
    assert "raw2" not in out
    assert artifacts(s3) == stale


def test_clean_removes_only_what_is_ours_and_stale(v7s3, s3, stale):
    code, _, _ = v7s3("prepare", "s3://acme-frames/raw/", "--clean", "--yes")
    assert code == 0
    left = artifacts(s3)
    assert [key.rpartition("/")[2] for key in left] == ["frames_manifest.txt", "thumbnail.jpg", "thumbnail.jpg"]
    assert [key.split("/")[1:3] for key in left] == [["raw", "gone.jpg"], ["raw", "same.jpg"], ["raw2", "gone.jpg"]]


@pytest.fixture
def long_keys(prepare, s3):
    """Sources whose keys are too long to be part of an artifact's: one gone, one there, one gone beside the prefix."""
    gone, same, beside = (f"{folder}/{'é' * 400}{name}.jpg" for folder, name in (("raw", 1), ("raw", 2), ("raw2", 3)))
    for key in (gone, same, beside):
        s3.put(BUCKET, key, picture(80, 60))
    assert prepare("s3://acme-frames")[0] == 0
    for key in (gone, beside):
        s3.client().delete_object(Bucket=BUCKET, Key=key)
    return gone, same, beside


def test_artifacts_of_overlong_keys_are_cleaned_like_others(v7s3, s3, long_keys):
    before = artifacts(s3)
    code, out, _ = v7s3("prepare", "s3://acme-frames/raw/", "--clean", "--format", "json")
    assert code == 0
    assert [stale["source"] for stale in json.loads(out)["stale"]] == [long_keys[0]]
    code, _, _ = v7s3("prepare", "s3://acme-frames/raw/", "--clean", "--yes")
    assert code == 0
    assert len(artifacts(s3)) == len(before) - 1
    code, out, _ = v7s3("prepare", "s3://acme-frames", "--clean", "--yes", "--format", "json")
    assert [stale["source"] for stale in json.loads(out)["stale"]] == [long_keys[2]]
    assert len(artifacts(s3)) == 1


def test_a_mistyped_prefix_leaves_the_items_of_the_last_run_alone(prepare, s3, items, tmp_path):
    s3.put(BUCKET, "raw/1.jpg", picture())
    assert prepare()[0] == 0
    before = items()
    code, _, err = prepare("s3://acme-frames/rwa/")
    assert code == 0
    assert "warning: s3://acme-frames/rwa/ holds nothing; prefixes and keys are case-sensitive" in err
    assert items() == before
    assert not (tmp_path / "items.jsonl.partial").exists()


def test_a_directory_is_no_output(prepare, s3, tmp_path):
    s3.put(BUCKET, "raw/1.jpg", picture())
    code, out, err = prepare(output=tmp_path)
    assert (code, out) == (2, "")
    assert f"{tmp_path} is a directory" in err
    assert not tmp_path.with_name(f"{tmp_path.name}.partial").exists()
    assert artifacts(s3) == []


def test_a_bucket_that_is_not_there_is_all_that_is_said(prepare, tmp_path):
    code, out, err = prepare("s3://no-such-bucket/raw")
    assert (code, out) == (4, "")
    assert "s3://no-such-bucket/raw: there is no such bucket" in err
    assert not (tmp_path / "items.jsonl.partial").exists()
