"""Disks that fill up, the bucket's and this machine's: refused or stopped with the reason, and mended by a second run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from artifacts.bucket import BUCKET, artifacts, picture
from artifacts.pictures import noise, saved

resource = pytest.importorskip("resource", reason="NO RLIMIT: the size of files cannot be limited here")

LARGEST = 4096  # bytes of a file while the disk is small: more than a small thumbnail, less than a detailed one
SERVER = """
import json
from v7s3.sandbox import SandboxS3
with SandboxS3() as server:
    print(json.dumps(server.environment()), flush=True)
    input()
"""


@pytest.fixture
def small_disk(monkeypatch):
    """A bucket whose server keeps objects on a disk (of its own process), and a function that limits its files."""
    keeps_on_disk = {**os.environ, "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], env=keeps_on_disk, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for name, value in json.loads(process.stdout.readline()).items():
            monkeypatch.setenv(name, value)
        client = boto3.Session().client("s3")
        client.create_bucket(Bucket=BUCKET)

        def limit(size: int) -> None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        yield client, limit
        process.communicate("\n")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="NO PRLIMIT: only Linux limits a process that runs")
def test_an_object_whose_artifacts_find_no_room_is_refused_and_the_next_run_makes_it(
    small_disk, v7s3, tmp_path, monkeypatch
):
    client, limit = small_disk
    for number in range(3):
        client.put_object(Bucket=BUCKET, Key=f"raw/{number}.jpg", Body=picture(80, 60))
    client.put_object(Bucket=BUCKET, Key="raw/detailed.jpg", Body=saved(noise(800, 600), "JPEG"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # boto3's own, of each request
    command = ["prepare", "s3://acme-frames/raw", "--output", tmp_path / "items.jsonl", "--executor", "threads"]

    limit(LARGEST)
    code, out, err = v7s3(*command)
    assert code == 5, err
    assert "3 made · 0 present · 1 refused" in out
    assert "1 × given up after 3 attempts: S3 failed to answer PutObject" in out
    assert "raw/detailed.jpg" in out
    assert len((tmp_path / "items.jsonl").read_text().splitlines()) == 3

    limit(resource.RLIM_INFINITY)
    code, out, _ = v7s3(*command)
    assert code == 0
    assert "1 made · 3 present · 0 refused" in out
    assert len((tmp_path / "items.jsonl").read_text().splitlines()) == 4


def prepared(limit: int, *arguments: object) -> subprocess.CompletedProcess:
    """`v7s3 prepare` in a process none of whose files, nor its workers', gets larger than `limit`."""
    return subprocess.run(
        [sys.executable, "-m", "v7s3", "prepare", "s3://acme-frames/raw", "--workers", "2", *map(str, arguments)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def detailed(s3, environment):
    for number in range(6):
        s3.put(BUCKET, f"raw/{number}.jpg", saved(noise(800, 600), "JPEG"))


def test_workers_need_no_disk(detailed, s3):
    """The artifacts here are larger than any file may be: they are never on this machine's disk."""
    done = prepared(LARGEST, "--output", "-")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6
    sizes = [s3.client().head_object(Bucket=BUCKET, Key=key)["ContentLength"] for key in artifacts(s3)]
    assert min(sizes) > LARGEST


def test_a_disk_without_room_for_the_items_stops_the_run_which_can_be_resumed(detailed, prepare, items, tmp_path):
    done = prepared(600, "--output", tmp_path / "items.jsonl")
    assert done.returncode == 7
    assert f"{tmp_path / 'items.jsonl.partial'} cannot be written: File too large" in done.stderr
    assert "make room and run the same command" in done.stderr
    assert not (tmp_path / "items.jsonl").exists()
    assert prepare()[0] == 0
    assert len(items()) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="NO /dev/full")
def test_a_disk_without_room_for_the_report_stops_the_run(detailed, prepare, items):
    code, _, err = prepare("s3://acme-frames/raw/", "--report", "/dev/full")
    assert code == 7
    assert "/dev/full cannot be written: No space left on device" in err
    assert prepare()[0] == 0
    assert len(items()) == 6
