"""A healthy bucket that V7 knows as a storage, and `v7s3 doctor` pointed at both."""

from __future__ import annotations

import re

import pytest

from v7s3.sandbox import SandboxDarwin, SandboxS3, Storage

BUCKET = "acme-scans"
REGION = "eu-west-1"
STORAGE = Storage("acme-scans", BUCKET, prefix="darwin", region=REGION)


@pytest.fixture
def bucket(s3):
    """Everything as it should be; each scenario breaks one thing."""
    s3.make_bucket(BUCKET, REGION)
    s3.grant_v7(BUCKET)
    s3.allow_origin(BUCKET, "https://darwin.v7labs.com")
    for number in range(3):
        s3.put(BUCKET, f"raw/{number}.jpg", b"jpeg")
    return s3.configuration(BUCKET)


@pytest.fixture
def darwin(s3):
    with SandboxDarwin(s3=s3, bucket=BUCKET, storages=[STORAGE], datasets=["scans"]) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def environment(s3, darwin, monkeypatch):
    for name, value in {**s3.environment("operator"), **darwin.environment()}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def owner(s3):
    """The owner's S3 client in the bucket's region."""
    return s3.client("owner", "s3", REGION)


@pytest.fixture
def kms(s3):
    return s3.client("owner", "kms", REGION)


@pytest.fixture
def doctor(v7s3, bucket, environment, s3):
    """Run `v7s3 doctor` on the bucket; what differs from run to run is replaced by a word in angle brackets."""

    def run(*arguments: object, target: str = f"s3://{BUCKET}/raw"):
        code, out, err = v7s3("doctor", target, *arguments)
        return code, steady(out, s3), steady(err, s3)

    return run


def steady(text: str, s3: SandboxS3) -> str:
    text = text.replace(s3.account, "<account>").replace(s3.url, "<s3>")
    text = re.sub(r"v7s3 \d+\.\d+\.\w+", "v7s3 <version>", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<key>", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "<now>", text)
