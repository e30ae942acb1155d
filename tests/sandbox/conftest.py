"""One S3 and one Darwin for a test, and proof that neither failed by itself."""

from __future__ import annotations

import pytest

from v7s3.sandbox import SandboxDarwin, SandboxS3


@pytest.fixture
def s3():
    with SandboxS3() as server:
        yield server
        assert server.errors == []


@pytest.fixture
def darwin(s3):
    with SandboxDarwin(s3=s3) as server:
        yield server
        assert server.errors == []
