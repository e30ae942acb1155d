"""Artifacts without a source, looked for while somebody else cleans up, too."""

from __future__ import annotations

import boto3
import pytest

from artifacts.bucket import BUCKET, artifacts
from v7s3.artifacts import clean
from v7s3.artifacts.clean import remove, stale_artifacts
from v7s3.artifacts.keys import folder_of, in_metadata
from v7s3.artifacts.shelf import SOURCE, Conditions, Shelf
from v7s3.listing import list_objects
from v7s3.sandbox import SandboxS3

PREFIX = "v7s3/"
LONG = f"raw/{'é' * 400}.jpg"


@pytest.fixture
def s3():
    with SandboxS3() as server:
        server.make_bucket(BUCKET)
        yield server
        assert server.errors == []


def vanish(s3):
    for key in artifacts(s3):
        s3.client().delete_object(Bucket=BUCKET, Key=key)


def client_that_comes_late(s3):
    """A client before whose first HeadObject of an artifact all artifacts vanish."""
    client = boto3.Session().client("s3", endpoint_url=s3.url, region_name="us-east-1")

    def late(request, **_):
        if request.url.endswith("thumbnail.jpg"):
            vanish(s3)

    client.meta.events.register("before-send.s3.HeadObject", late)
    return client


@pytest.fixture
def long_folder(s3):
    folder = folder_of(PREFIX, LONG, "e1", "i1")
    Shelf(s3.client(), BUCKET, folder, Conditions(), {SOURCE: in_metadata(LONG)}).put("thumbnail.jpg", b"x")
    return folder


def test_artifacts_that_vanish_before_their_folder_is_listed_are_not_stale(s3, long_folder, monkeypatch):
    def listed(client, bucket, prefix):
        if prefix == long_folder:
            vanish(s3)
        return list_objects(client, bucket, prefix)

    monkeypatch.setattr(clean, "list_objects", listed)
    assert list(stale_artifacts(s3.client(), BUCKET, PREFIX, "")) == []


def test_artifacts_that_vanish_before_they_are_asked_for_their_source_are_not_stale(s3, long_folder):
    assert list(stale_artifacts(client_that_comes_late(s3), BUCKET, PREFIX, "")) == []


def test_artifacts_that_vanish_while_they_are_removed_are_not_counted(s3, long_folder):
    (stale,) = stale_artifacts(s3.client(), BUCKET, PREFIX, "")
    assert (stale.source, stale.etag, stale.folder, stale.objects) == (LONG, "e1", long_folder, 1)
    assert remove(client_that_comes_late(s3), BUCKET, PREFIX, stale) == 0


def test_a_source_that_came_back_keeps_its_artifacts(s3, long_folder):
    (stale,) = stale_artifacts(s3.client(), BUCKET, PREFIX, "")
    s3.put(BUCKET, LONG, b"x")
    etag = s3.client().head_object(Bucket=BUCKET, Key=LONG)["ETag"].strip('"')
    assert remove(s3.client(), BUCKET, PREFIX, stale._replace(etag=etag)) == 0
    assert remove(s3.client(), BUCKET, PREFIX, stale) == 1
