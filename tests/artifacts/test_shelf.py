"""The writer of artifacts against S3 servers that know conditional writes, ignore them, or refuse them."""

from __future__ import annotations

from contextlib import suppress

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from v7s3.artifacts.original import Original
from v7s3.artifacts.shelf import CACHE_CONTROL, Conditions, ForeignObjectError, Shelf, WriteDeniedError
from v7s3.errors import ConflictError, NotFoundError
from v7s3.items.objects import StorageObject
from v7s3.sandbox import SandboxS3

BUCKET = "acme-frames"
FOLDER = "v7s3/raw/1.jpg/e1~v1/"
NAME = "sections/high/000000000.png"
KEY = FOLDER + NAME


@pytest.fixture(scope="module")
def s3():
    with SandboxS3() as server:
        server.make_bucket(BUCKET)
        yield server
        assert server.errors == []


@pytest.fixture(autouse=True)
def _empty(s3):
    for key in s3.keys(BUCKET):
        s3.client().delete_object(Bucket=BUCKET, Key=key)


class Body:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self, *_args, **_kwargs):
        yield self.data


def client_of(s3, server: str):
    """A client whose server knows conditions, ignores them, or has not implemented them."""
    client = boto3.Session().client(  # the default session would keep an earlier test's credentials
        "s3", endpoint_url=s3.url, region_name="us-east-1"
    )

    def ignore(request, **_):
        del request.headers["If-None-Match"]

    def refuse(request, **_):
        if "If-None-Match" in request.headers:
            xml = b"<Error><Code>NotImplemented</Code><Message>A header implies functionality</Message></Error>"
            return AWSResponse(request.url, 501, {"content-type": "application/xml"}, Body(xml))
        return None

    if server == "ignores":
        client.meta.events.register("before-sign.s3.PutObject", ignore)
    if server == "refuses":
        client.meta.events.register("before-send.s3.PutObject", refuse)
    return client


def shelf_of(s3, server="knows", folder=FOLDER):
    return Shelf(client_of(s3, server), BUCKET, folder, Conditions())


@pytest.fixture(params=["knows", "ignores", "refuses"])
def shelf(request, s3):
    return shelf_of(s3, request.param)


def body(s3, key=KEY):
    return s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()


@pytest.mark.parametrize(
    "name, content_type, encoding",
    [
        ("thumbnail.jpg", "image/jpeg", None),
        ("segments/high/000000000.ts", "video/mp2t", None),
        ("segments/high/index.m3u8", "application/vnd.apple.mpegurl", None),
        ("frames_manifest.txt", "text/plain; charset=utf-8", None),
        ("sections/high/000000000.png", "image/png", None),
        ("audio_peaks.gz", "application/octet-stream", "gzip"),
        ("metadata.json", "application/json", None),
    ],
)
def test_every_artifact_says_what_it_is_and_whose(s3, name, content_type, encoding):
    shelf_of(s3).put(name, b"x", {"v7s3-size": "1"})
    answer = s3.client().head_object(Bucket=BUCKET, Key=FOLDER + name)
    assert (answer["ContentType"], answer.get("ContentEncoding")) == (content_type, encoding)
    assert (answer["CacheControl"], answer["Metadata"]) == (CACHE_CONTROL, {"v7s3": "1", "v7s3-size": "1"})


@pytest.mark.parametrize("first", [True, False])
def test_what_somebody_else_put_there_stays(shelf, s3, first):
    if not first:
        shelf.put("thumbnail.jpg", b"other")
    s3.put(BUCKET, KEY, b"theirs")
    with pytest.raises(ForeignObjectError, match="was not made by v7s3, and is not overwritten"):
        shelf.put(NAME, b"ours")
    assert body(s3) == b"theirs"


def test_what_a_killed_run_left_is_replaced(shelf, s3):
    first = shelf.put(NAME, b"half")
    second = shelf.put(NAME, b"whole")
    assert body(s3) == b"whole"
    assert first != second == s3.client().head_object(Bucket=BUCKET, Key=KEY)["ETag"].strip('"')


@pytest.mark.parametrize("is_first", [True, False], ids=["first of the run", "later"])
@pytest.mark.parametrize("is_there", [False, True], ids=["nothing there", "ours there"])
@pytest.mark.parametrize("moment", range(4))
def test_what_somebody_else_puts_there_meanwhile_stays(s3, is_there, is_first, moment):
    """Before any of our requests; a server that keeps to conditions leaves no moment for it to be lost."""
    earlier = shelf_of(s3)
    earlier.put(NAME if is_there else "other.jpg", b"half")
    client, sent = client_of(s3, "knows"), []

    def intervene(**_):
        sent.append(1)
        if len(sent) == moment + 1:
            s3.put(BUCKET, KEY, b"theirs")

    client.meta.events.register("before-send.s3", intervene)
    shelf = Shelf(client, BUCKET, FOLDER, Conditions() if is_first else earlier._conditions)
    with suppress(ForeignObjectError):
        shelf.put(NAME, b"ours")
    assert body(s3) == (b"theirs" if len(sent) > moment else b"ours")


def test_what_another_run_removes_meanwhile_is_written_again(s3):
    shelf = shelf_of(s3)
    shelf.put(NAME, b"half")
    client = client_of(s3, "knows")
    gone = iter([True])

    def remove(request, **_):
        if "If-Match" in request.headers and next(gone, False):
            s3.client().delete_object(Bucket=BUCKET, Key=KEY)

    client.meta.events.register("before-send.s3.PutObject", remove)
    Shelf(client, BUCKET, FOLDER, shelf._conditions).put(NAME, b"whole")
    assert body(s3) == b"whole"


def test_a_new_object_costs_one_request_once_the_server_is_known(s3):
    shelf = shelf_of(s3)
    shelf.put("thumbnail.jpg", b"first")
    before = s3.requests.total()
    shelf.put(NAME, b"second")
    assert s3.requests.total() == before + 1


def test_marks_tell_ours_from_others(s3):
    shelf = shelf_of(s3)
    assert shelf.mark_of(NAME) is None
    etag = shelf.put(NAME, b"x", {"v7s3-size": "1,2"})
    assert shelf.mark_of(NAME) == (etag, {"v7s3": "1", "v7s3-size": "1,2"})
    s3.put(BUCKET, FOLDER + "thumbnail.jpg", b"theirs")
    with pytest.raises(ForeignObjectError):
        shelf.mark_of("thumbnail.jpg")


def test_what_may_not_be_looked_at_is_not_taken_for_absent(s3, monkeypatch):
    """Else an object of somebody else, encrypted with a key of theirs, would be overwritten."""
    s3.put(BUCKET, KEY, b"theirs")
    monkeypatch.setattr(s3, "deny", {"s3:GetObject"})
    for name, value in s3.environment("operator").items():
        monkeypatch.setenv(name, value)
    shelf = shelf_of(s3)
    with pytest.raises(WriteDeniedError, match="does not allow s3:GetObject"):
        shelf.put(NAME, b"ours")
    assert body(s3) == b"theirs"


# --- the other direction --------------------------------------------------------------------------------------------
def original(s3, key="raw/1.jpg", etag=None, size=10):
    if etag is None:
        etag = s3.client().head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    return Original(client_of(s3, "knows"), BUCKET, StorageObject(key, size, etag)).open(first=4)


def test_an_original_is_read_by_ranges(s3):
    s3.put(BUCKET, "raw/1.jpg", b"0123456789")
    with original(s3) as file:
        file.seek(3)
        assert (file.read(3), file.bytes_read) == (b"345", 4)


def test_an_original_that_changes_or_goes_on_the_way_is_noticed(s3):
    s3.put(BUCKET, "raw/1.jpg", b"0123456789")
    with original(s3, etag="another") as file, pytest.raises(ConflictError):
        file.read(3)
    with original(s3, "raw/none.jpg", etag="another") as file, pytest.raises(NotFoundError):
        file.read(3)
