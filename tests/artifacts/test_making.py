"""One object on a worker: what is done when it is not what was listed."""

from __future__ import annotations

import pytest

from artifacts.bucket import BUCKET, artifacts, picture
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
