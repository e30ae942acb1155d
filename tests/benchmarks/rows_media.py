"""Thumbnails beside Pillow's full decode, videos beside darwin-py's extractor."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from measure import HERE, MeasurementError, Sample, in_turn, median, once, ratio, scratch, server, subject
from rows_register import darwin_py
from table import Line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PHOTOS = 600
_ROUNDS = 3  # at most: a round takes minutes
_SCALE = 5  # Pillow makes a fifth of them: its cost is linear
QUALITIES = {1: "PNG frames", 5: "JPEG frames"}


def thumbnails(rounds: int) -> list[Line]:
    """Sizes and thumbnails of 12-megapixel JPEGs: S3 to S3 against Pillow's full decode of local files, three rounds."""
    paths = _made("photos")
    with server("media_s3.py", str(PHOTOS), "1") as s3, server("media_s3.py", str(PHOTOS), "2") as s3_of_two:
        samples = in_turn(
            {
                "Pillow, full decode": lambda: _pillow(paths),
                "v7s3 prepare, one worker": lambda: _prepare(s3, workers=1),
                "v7s3 prepare, two workers": lambda: _prepare(s3_of_two, workers=2),
            },
            rounds=min(rounds, _ROUNDS),
            warm_up=False,
        )
    pillow, one, two = samples.values()
    theirs = [sample.cpu * _SCALE for sample in pillow]
    per_core = ratio(theirs, [sample.cpu for sample in one])
    faster = ratio([sample.wall for sample in one], [sample.wall for sample in two])
    return [
        Line(
            f"{PHOTOS} thumbnails and sizes, 12 MP JPEG, S3 to S3, start-up included: CPU",
            f"Pillow, full decode, from disk, {PHOTOS // _SCALE} times {_SCALE}",
            f"1/{per_core:.1f} of {median(theirs):.0f} s; {median([sample.peak for sample in one]):.0f} MB a worker",
            "≥ 4.5×",
            per_core >= 4.5,
        ),
        Line(
            "the same, two workers and the S3 on two cores: wall",
            "one worker and the S3 on one core",
            f"{faster:.2f}× faster than {median([sample.wall for sample in one]):.0f} s",
            "1.8×",
            faster >= 1.8,
        ),
    ]


def _made(what: str) -> list[str]:
    """Paths of media, made by another process: the most memory this one ever had is told of its children too."""
    done = subprocess.run([sys.executable, HERE / "media.py", what], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _pillow(paths: Sequence[str]) -> Sample:
    with scratch() as home:
        return once([sys.executable, subject("thumbnails_pillow"), str(PHOTOS // _SCALE), *paths], home=home)


def _prepare(s3: str, *, workers: int) -> Sample:
    """A core for each worker. Every run writes to a prefix of its own, so that it finds nothing made."""
    _prepare.runs = getattr(_prepare, "runs", 0) + 1
    with scratch() as home:
        command = [sys.executable, subject("prepare_v7s3"), str(workers), "s3://photos/raw", "--endpoint-url", s3, "-q"]
        where = ["--artifacts-prefix", f"run{_prepare.runs}/", "--output", str(home / "items.jsonl")]
        sample = once([*command, *where, "--workers", str(workers)], home=home)
        if len((home / "items.jsonl").read_text().splitlines()) != PHOTOS:
            raise MeasurementError("not every photo became an item")
    return sample


def video(rounds: int) -> list[Line]:
    """8 s of 1080p, compact schema, two frames a second, against darwin-py's extractor, three rounds."""
    python = darwin_py()
    if python is None or shutil.which("ffmpeg") is None:
        return [Line("video", "darwin-py SKIPPED: it needs ffmpeg", "")]
    return [line for quality, name in QUALITIES.items() for line in _video(python, quality, name, rounds)]


def _video(python: str, quality: int, name: str, rounds: int) -> list[Line]:
    (clip,) = _made("clip")
    with scratch() as kept:
        commands = {
            "darwin-py": [python, subject("video_darwinpy"), clip],
            "fast": [sys.executable, subject("video_v7s3"), clip],
            "medium": [sys.executable, subject("video_v7s3"), clip],
        }

        def run(name: str) -> Sample:
            folder = kept / name
            shutil.rmtree(folder, ignore_errors=True)
            preset = [] if name == "darwin-py" else [name]
            return once([*commands[name], str(folder), str(quality), *preset], home=kept)

        each = {one: (lambda one=one: run(one)) for one in commands}
        samples = in_turn(each, rounds=min(rounds, _ROUNDS), warm_up=False)
        similar = {one: _ssim(kept / one, clip) for one in commands}
    theirs = samples.pop("darwin-py")
    targets = {"fast": 3.5, "medium": 1.5}
    lines = []
    for preset, ours in samples.items():
        if {(s.said["frames"], s.said["visible"]) for s in (*ours, *theirs)} != {(240, 16)}:
            raise MeasurementError("the frames of the clip were not all seen")
        less = ratio([sample.cpu for sample in theirs], [sample.cpu for sample in ours])
        peak = median([sample.peak for sample in ours])
        sizes = [median([sample.said["hls_mb"] for sample in group]) for group in (ours, theirs)]
        lines.append(
            Line(
                f"video, 8 s of 1080p, {name}, x264 {preset}: CPU",
                "darwin-py's extractor",
                f"1/{less:.2f} of {median([sample.cpu for sample in theirs]):.0f} s; {peak:.0f} MB; HLS "
                f"{sizes[0]:.1f} MB, SSIM {similar[preset]:.3f} against {sizes[1]:.1f} MB, {similar['darwin-py']:.3f}",
                f"≥ {targets[preset]}×, ≤ 400 MB",
                less >= targets[preset] and peak <= 400,
            )
        )
    return lines


def _ssim(folder: Path, clip: str) -> float:
    """How alike the segments are to the source, picture by picture."""
    numbered = "settb=1/30,setpts=N"
    words = ["ffmpeg", "-nostdin", "-i", str(folder / "segments/high/index.m3u8"), "-i", clip]
    compare = ["-lavfi", f"[0:v]{numbered}[a];[1:v]{numbered}[b];[a][b]ssim", "-f", "null", "-"]
    done = subprocess.run([*words, *compare], capture_output=True, text=True, check=True)
    return float(re.findall(r"All:(\S+)", done.stderr)[0])
