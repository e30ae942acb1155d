"""A bucket that V7 may only read, a Darwin that looks at what its items name, and `v7s3 prepare` between them."""

from __future__ import annotations

import json

import pytest

from artifacts.bucket import BUCKET
from v7s3.sandbox import SandboxDarwin, SandboxS3


@pytest.fixture
def s3():
    with SandboxS3() as server:
        server.make_bucket(BUCKET)
        server.grant_v7(BUCKET, "s3:GetObject")
        yield server
        assert server.errors == []


@pytest.fixture
def darwin(s3):
    with SandboxDarwin(s3=s3, bucket=BUCKET) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def prepare(v7s3, environment, tmp_path):
    """Run `v7s3 prepare` with these arguments, in threads unless they say otherwise."""

    def run(source="s3://acme-frames/raw/", *arguments: object, output=tmp_path / "items.jsonl"):
        given = ["prepare", source, "--output", output, *arguments]
        return v7s3(*given, *([] if "--executor" in arguments else ["--executor", "threads"]))

    return run


@pytest.fixture
def items(tmp_path):
    def read(path=tmp_path / "items.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines()
        return {item["slots"][0]["storage_key"]: item | item["slots"][0] for item in map(json.loads, lines)}

    return read
