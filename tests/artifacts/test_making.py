"""One object on a worker: what is done when it is not what was listed."""

from __future__ import annotations

import json

import pytest

from artifacts.bucket import BUCKET, artifacts, picture
from artifacts.clips import clip
from artifacts.scans import dicom, ramp
from v7s3.artifacts import images, making, video, volumes
from v7s3.artifacts.making import Made, Task, Unmade, Workshop, make
from v7s3.items.objects import StorageObject
from v7s3.s3 import AwsSettings
from v7s3.sandbox import SandboxS3


@pytest.fixture(scope="module")
def s3():
    with SandboxS3() as server:
        server.make_bucket(BUCKET)
        yield server
        assert server.errors == []


@pytest.fixture
def workshop(s3):
    return Workshop(AwsSettings(endpoint_url=s3.url, region="us-east-1"), BUCKET, "v7s3/")


def test_an_object_that_was_replaced_since_it_was_listed_is_made_as_it_is(s3, workshop):
    s3.put(BUCKET, "raw/1.jpg", picture(80, 60))
    etag = s3.client().head_object(Bucket=BUCKET, Key="raw/1.jpg")["ETag"].strip('"')
    listed = StorageObject("raw/1.jpg", 5, "0123456789abcdef")
    made = make(workshop, Task("image", listed, "/raw", "1.jpg"))
    assert isinstance(made, Made), made
    assert artifacts(s3) == [f"v7s3/raw/1.jpg/{etag}~i1/thumbnail.jpg"]


def test_an_object_that_is_gone_since_it_was_listed_is_refused(workshop):
    made = make(workshop, Task("image", StorageObject("raw/none.jpg", 5, "e"), "/raw", "none.jpg"))
    assert made == Unmade("raw/none.jpg", f"s3://{BUCKET}/raw/none.jpg: there is no such object", 5)


def put(s3, kind: str, key: str, body: bytes) -> Task:
    s3.put(BUCKET, key, body)
    return Task(kind, StorageObject(key, -1, ""), "/raw", key.rpartition("/")[2])


@pytest.mark.parametrize("kind", ["image", "video", "dicom"])
@pytest.mark.parametrize("times", [1, 3])
def test_what_found_no_memory_is_tried_again(s3, workshop, monkeypatch, kind, times):
    """Other workers may have needed it; it is not the file's fault."""
    module, name, blob = {
        "image": (images, "thumbnail_of", picture(80, 60)),
        "video": (video, "_extract", clip(2)),
        "dicom": (volumes, "_dicom", dicom(ramp())),
    }[kind]
    working, failures = getattr(module, name), iter(range(times))

    def short(*arguments):
        if next(failures, None) is not None:
            raise MemoryError
        return working(*arguments)

    monkeypatch.setattr(making, "_PAUSE", 0)
    monkeypatch.setattr(module, name, short)
    made = make(workshop, put(s3, kind, f"raw/{times}.{kind}", blob))
    if times == 1:
        assert isinstance(made, Made), made
    else:
        assert isinstance(made, Unmade), made
        assert made.reason == "given up after 3 attempts: not enough memory"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-5],
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: text.replace('"slot"', '"place"'),
        lambda _: "[]",
        lambda _: '{"version": 1, "slot": "x", "notes": []}',
        lambda _: "[" * 200_000,
    ],
    ids=["cut off", "another version", "no slot", "a list", "a slot of text", "nested without end"],
)
def test_metadata_of_another_form_is_made_again(s3, workshop, damage):
    task = put(s3, "video", "raw/a.mp4", clip(2))
    made, client = make(workshop, task), s3.client()
    assert isinstance(made, Made)
    key = made.folder + "metadata.json"
    text = client.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    client.put_object(Bucket=BUCKET, Key=key, Body=damage(text).encode(), Metadata={"v7s3": "1"})
    again = make(workshop, task)
    assert isinstance(again, Made), again
    assert (again.fresh, again.line) == (True, made.line)
    assert json.loads(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()) == json.loads(text)
    assert not make(workshop, task).fresh
