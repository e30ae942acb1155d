"""A bucket, a Darwin that knows it as a storage, and the command line pointed at both."""

from __future__ import annotations

import pytest

from v7s3.sandbox import SandboxDarwin

BUCKET = "acme-frames"


@pytest.fixture
def bucket(s3):
    s3.make_bucket(BUCKET)
    return BUCKET


@pytest.fixture
def fill(s3, bucket):
    """Put objects with these keys into the bucket."""

    def put(*keys: str) -> None:
        for key in keys:
            s3.put(bucket, key, b"" if key.endswith("/") else b"x")

    return put


@pytest.fixture
def darwin(bucket):
    """A Darwin that does not look at the objects: registration alone is what these tests are about."""
    with SandboxDarwin(bucket=bucket) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def environment(s3, darwin, monkeypatch):
    for name, value in {**s3.environment(), **darwin.environment()}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def register(v7s3, environment):
    """Run `v7s3 register` with these arguments; returns (exit code, stdout, stderr)."""

    def run(*arguments: object):
        return v7s3("register", *arguments)

    return run
