"""`v7s3 register --prepare`: artifacts on the way to V7."""

from __future__ import annotations

import json

import pytest

from artifacts.bucket import BUCKET, artifacts, picture
from artifacts.clips import clip
from artifacts.pictures import saved, scene


@pytest.fixture
def register(v7s3, environment, darwin):
    def run(*arguments: object):
        return v7s3("register", *arguments, "--storage", darwin.readonly_storage, "--prepare")

    return run


def test_one_command_prepares_and_registers(register, s3, darwin, tmp_path):
    for number in range(3):
        s3.put(BUCKET, f"raw/{number}.jpg", picture(80, 60))
    s3.put(BUCKET, "raw/tall.heic", saved(scene(80, 60), "JPEG"))
    s3.put(BUCKET, "raw/notes.txt", b"x")
    code, out, err = register("s3://acme-frames/raw", "--tag", "night", "--report", tmp_path / "report.jsonl")
    assert code == 5, err
    assert "listed 5: kept 3, skipped 1: 1 unsupported type" in out
    assert "3 registered · 0 exists · 0 blocked · 1 refused · 0 failed" in out
    assert "mislabelled: the name says HEIF, the bytes are JPEG" in out
    darwin.settle()
    assert darwin.problems() == []
    assert darwin.keys() == ["raw/0.jpg", "raw/1.jpg", "raw/2.jpg"]
    states = [json.loads(line)["state"] for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert sorted(states) == ["refused", "registered", "registered", "registered"]

    puts = s3.requests["owner", "s3:PutObject"]
    code, out, _ = register("s3://acme-frames/raw")
    assert code == 5
    assert "settled by earlier runs: 3 registered" in out
    assert s3.requests["owner", "s3:PutObject"] == puts


def test_a_dry_run_makes_nothing(register, s3, darwin):
    s3.put(BUCKET, "raw/1.jpg", picture(80, 60))
    code, out, _ = register("s3://acme-frames/raw", "--dry-run")
    assert code == 0
    assert "would register 1 item" in out
    assert artifacts(s3) == []
    assert darwin.items == []


def test_prepare_is_for_read_only_storages(v7s3, environment, s3, darwin):
    code, _, err = v7s3("register", "s3://acme-frames/raw", "--storage", darwin.storage, "--prepare")
    assert code == 2
    assert "is read-write: V7 makes its own thumbnails and frames there" in err
    code, _, err = v7s3("register", "s3://acme-frames/raw", "--storage", darwin.readonly_storage)
    assert code == 2
    assert "add --prepare" in err


@pytest.mark.parametrize("option", [["--slots-by", "folder"], ["--as-frames"], ["--access", "read-write"]])
def test_what_does_not_go_with_prepare_is_said(register, option):
    code, _, err = register("s3://acme-frames/raw", *option)
    assert code == 2
    assert f"{' '.join(option) if option[0] == '--access' else option[0]} cannot be used with --prepare" in err


def test_frames_are_made_as_prepare_makes_them(register, prepare, s3, darwin):
    """The same options mean the same artifacts: what one command made, the other finds."""
    s3.put(BUCKET, "raw/a.mp4", clip(50))
    options = ["--quality", "4", "--segment-length", "1", "--no-preview-frames"]
    code, out, err = register("s3://acme-frames/raw", *options)
    assert code == 0, err
    darwin.settle()
    assert darwin.problems() == []
    sent = darwin.items[0].slots[0].sent
    assert sent["storage_sections_key_extension"] == "jpg"
    assert "storage_low_quality_sections_key_prefix" not in sent
    assert sent["hls_segments"]["high_quality"]["index"].count("#EXTINF:") == 2
    _, out, _ = prepare("s3://acme-frames/raw", *options)
    assert "0 made · 1 present · 0 refused" in out


def test_videos_are_registered_as_sections_when_asked(register, s3, darwin):
    s3.put(BUCKET, "raw/a.mp4", clip(10))
    code, _, err = register("s3://acme-frames/raw", "--video-sections")
    assert code == 0, err
    darwin.settle()
    assert darwin.problems() == []
    assert len(darwin.items[0].slots[0].sent["sections"]) == 10


@pytest.mark.parametrize(
    "option",
    [
        ["--quality", "1"],
        ["--segment-length", "2"],
        ["--preview-frames"],
        ["--no-preview-frames"],
        ["--video-sections"],
    ],
)
def test_what_is_for_prepare_alone_is_refused_without_it(v7s3, environment, darwin, option):
    code, _, err = v7s3("register", "s3://acme-frames/raw", "--storage", darwin.storage, *option)
    assert code == 2
    assert f"{option[0]} cannot be used without --prepare: nothing is made of the objects" in err
