"""S3 Inventories: what S3 wrote down this morning is read whole, verified and unchanged."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import tracemalloc
from urllib.parse import quote_plus

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from v7s3.bucket import BucketUrl
from v7s3.errors import CredentialsError, NotFoundError, ServiceError, UsageError
from v7s3.inventory import inventory_pages, open_inventory, read_manifest
from v7s3.items.objects import StorageObject
from v7s3.s3 import AwsSettings, connect

URL = BucketUrl.parse("s3://inventories/acme-scans/daily/2026-05-02T01-00Z/manifest.json")
ETAG = "9b2cf535f27731c974343645a3985328"
TIME = "2026-05-01T10:00:00.000Z"
NASTY = [
    "a b",
    "a+b",
    "100%25",
    'say "no"',
    "comma, semi;",
    "é",
    "e\u0301",
    "日本/🙂.jpg",
    "/lead",
    "a//b",
    "new\nline",
    "x" * 1024,
]
CSV_SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"


@pytest.fixture
def client(moto_url):
    client = connect(AwsSettings(endpoint_url=moto_url))
    client.create_bucket(Bucket="inventories")
    yield client
    for one in client.list_objects_v2(Bucket="inventories").get("Contents", ()):
        client.delete_object(Bucket="inventories", Key=one["Key"])
    client.delete_bucket(Bucket="inventories")


def objects(keys, start=0):
    return [StorageObject(key, index + 1, ETAG, TIME, "STANDARD") for index, key in enumerate(keys, start)]


def rows_of(found):
    """Current objects as an inventory of all versions has them, with an old version and a delete marker beside each."""
    for one in found:
        yield one, "v2", True, False
        yield one._replace(size=9), "v1", False, False
    yield StorageObject("deleted.jpg", -1, "", TIME, ""), "v3", True, True


def as_csv(found):
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for one, version, latest, marker in rows_of(found):
        size = "" if one.size < 0 else one.size
        key = quote_plus(one.key, safe="/*")
        row = ["acme-scans", key, version, latest, marker, size, one.last_modified, one.etag, one.storage_class]
        writer.writerow([str(cell).lower() if isinstance(cell, bool) else cell for cell in row])
    return gzip.compress(text.getvalue().encode())


def as_table(found, unit="ms"):
    rows = list(rows_of(found))
    moment = dt.datetime(2026, 5, 1, 10)  # noqa: DTZ001  # as inventories have it: UTC without saying so
    return pa.table(
        {
            "bucket": ["acme-scans"] * len(rows),
            "key": [one.key for one, *_ in rows],
            "version_id": [version for _, version, *_ in rows],
            "is_latest": [latest for *_, latest, _ in rows],
            "is_delete_marker": [marker for *_, marker in rows],
            "size": pa.array([None if one.size < 0 else one.size for one, *_ in rows], pa.int64()),
            "last_modified_date": pa.array([moment] * len(rows), pa.timestamp(unit)),
            "e_tag": [one.etag or None for one, *_ in rows],
            "storage_class": [one.storage_class or None for one, *_ in rows],
        }
    )


def as_parquet(found):
    out = io.BytesIO()
    parquet.write_table(as_table(found), out)
    return out.getvalue()


def as_orc(found):
    out = io.BytesIO()
    orc.write_table(as_table(found, "ns"), out)
    return out.getvalue()


WRITERS = {"CSV": as_csv, "Parquet": as_parquet, "ORC": as_orc}


def write(client, file_format, parts, *, checksum=True, **changes):
    """An inventory as S3 writes it, of several data files."""
    files = []
    for number, part in enumerate(parts):
        body = part if isinstance(part, bytes) else WRITERS[file_format](part)
        key = f"acme-scans/daily/data/{number}"
        client.put_object(Bucket="inventories", Key=key, Body=body)
        files.append({"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
    manifest = {
        "sourceBucket": "acme-scans",
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "creationTimestamp": "1777683600000",
        "fileFormat": file_format,
        "fileSchema": CSV_SCHEMA if file_format == "CSV" else "message s3.inventory { ... }",
        "files": files,
        **changes,
    }
    text = json.dumps(manifest).encode()
    client.put_object(Bucket="inventories", Key=URL.key, Body=text)
    if checksum:
        key = URL.key.replace("manifest.json", "manifest.checksum")
        client.put_object(Bucket="inventories", Key=key, Body=hashlib.md5(text).hexdigest())


def read(client, prefix=""):
    return [one for page in inventory_pages(client, "inventories", open_inventory(client, URL), prefix) for one in page]


@pytest.mark.parametrize("file_format", WRITERS)
def test_every_format_gives_the_current_objects_byte_for_byte(client, file_format):
    first, second = objects(NASTY[:6]), objects(NASTY[6:])
    write(client, file_format, [first, second])
    assert read(client) == first + second


@pytest.mark.parametrize("file_format", WRITERS)
def test_ten_thousand_objects_come_in_pages(client, file_format):
    held = objects(f"raw/{index:06d}.jpg" for index in range(10_000))
    write(client, file_format, [held])
    pages = list(inventory_pages(client, "inventories", open_inventory(client, URL)))
    assert [len(page) for page in pages] == [1000] * 10
    assert [one for page in pages for one in page] == held


def test_a_prefix_chooses_the_keys_that_begin_with_it(client):
    write(client, "CSV", [objects(["raw/1", "raw 2", "other"])])
    assert [one.key for one in read(client, "raw/")] == ["raw/1"]


def test_the_manifest_tells_of_which_bucket_and_which_moment(client):
    write(client, "CSV", [objects(["a"])])
    inventory = open_inventory(client, URL)
    assert inventory.source_bucket == "acme-scans"
    assert inventory.created == dt.datetime(2026, 5, 2, 1, tzinfo=dt.UTC)


def test_columns_may_be_fewer_and_in_any_order(client):
    body = gzip.compress(b'"12","a+b"\n"","c"\n')
    write(client, "CSV", [body], fileSchema="Size, Key")
    assert read(client) == [StorageObject("a b", 12), StorageObject("c", -1)]


def test_a_damaged_data_file_is_fetched_again_and_then_refused_before_any_row_is_used(client):
    write(client, "CSV", [objects(["a"]), objects(["b"])])
    client.put_object(Bucket="inventories", Key="acme-scans/daily/data/1", Body=as_csv(objects(["evil"])))
    pages = inventory_pages(client, "inventories", open_inventory(client, URL))
    assert [one.key for one in next(pages)] == ["a"]
    with pytest.raises(ServiceError, match="does not have the MD5 its manifest gives, after 3 attempts"):
        next(pages)


def test_a_manifest_that_was_edited_is_refused(client):
    write(client, "CSV", [objects(["a"])])
    text = client.get_object(Bucket="inventories", Key=URL.key)["Body"].read()
    client.put_object(Bucket="inventories", Key=URL.key, Body=text.replace(b"acme", b"evil"))
    with pytest.raises(ServiceError, match=r"is not what its manifest\.checksum says"):
        open_inventory(client, URL)


def test_a_manifest_copied_without_its_checksum_is_read(client):
    write(client, "CSV", [objects(["a"])], checksum=False)
    assert [one.key for one in read(client)] == ["a"]


def test_a_row_that_does_not_fit_the_schema_is_an_error_with_its_place(client):
    write(client, "CSV", [gzip.compress(b'"12","a"\n"13"\n')], fileSchema="Size, Key")
    with pytest.raises(ServiceError, match="data/0, row 2: 1 columns, where the manifest names 2"):
        read(client)


@pytest.mark.parametrize("file_format", WRITERS)
def test_a_data_file_of_another_format_is_an_error_not_an_empty_bucket(client, file_format):
    write(client, file_format, [b"something else entirely"])
    with pytest.raises(ServiceError, match=f"data/0 is no .*{file_format}"):
        read(client)


MANIFEST = b'{"sourceBucket": "a", "fileFormat": "ORC", "creationTimestamp": %s, "files": %s}'

NO_MANIFESTS = {
    "not json": b"<html>",
    "a list": b"[]",
    "fields missing": b'{"sourceBucket": "a"}',
    "another format": json.dumps({"sourceBucket": "a", "fileFormat": "XML", "fileSchema": "", "files": []}).encode(),
    "nested without end": b"[" * 200_000,
    "a time beyond all times": MANIFEST % (b'"%s"' % (b"9" * 30), b"[]"),
    "files that are none": MANIFEST % (b"null", b"{}"),
    "a file without a name": MANIFEST % (b"null", b'[{"key": 5, "size": 1, "MD5checksum": "a"}]'),
    "a file whose name is no text": MANIFEST % (b"null", rb'[{"key": "\ud800", "size": 1, "MD5checksum": "a"}]'),
    "a sum that is no text": MANIFEST % (b"null", b'[{"key": "a", "size": 1, "MD5checksum": 5}]'),
    "no key column": json.dumps(
        {"sourceBucket": "a", "fileFormat": "CSV", "fileSchema": "Bucket, Size", "files": []}
    ).encode(),
}


@pytest.mark.parametrize("name", NO_MANIFESTS)
def test_what_is_no_manifest_is_a_usage_error(name):
    with pytest.raises(UsageError) as caught:
        read_manifest(NO_MANIFESTS[name])
    assert caught.value.hint


def test_another_file_of_the_inventory_is_refused_with_the_one_to_give(client):
    with pytest.raises(UsageError) as caught:
        open_inventory(client, BucketUrl.parse("s3://inventories/acme-scans/daily/data/0.csv.gz"))
    assert "manifest.json" in caught.value.hint


def test_a_manifest_that_is_not_there_is_not_found(client):
    with pytest.raises(NotFoundError, match="there is no such object"):
        open_inventory(client, URL)


def test_without_pyarrow_csv_still_works_and_the_others_say_what_to_install(client, monkeypatch):
    import sys

    write(client, "Parquet", [objects(["a"])])
    monkeypatch.setitem(sys.modules, "v7s3.inventory_arrow", None)
    monkeypatch.delattr("v7s3.inventory_arrow", raising=False)
    with pytest.raises(UsageError) as caught:
        read(client)
    assert "v7s3[inventory]" in caught.value.hint


def test_memory_does_not_grow_with_the_number_of_rows(client):
    write(client, "CSV", [objects(f"raw/{index:09d}.jpg" for index in range(count)) for count in (2_000, 30_000)])
    inventory = open_inventory(client, URL)

    def peak(file):
        part = type(inventory)(inventory.source_bucket, "CSV", inventory.columns, (file,), None)
        tracemalloc.start()
        for _ in inventory_pages(client, "inventories", part):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    # The least of three: what other threads of this process do meanwhile, such as the server's, is traced too.
    few, many = (min(peak(file) for _ in range(3)) for file in inventory.files)
    assert many < 2 * few


def test_denied_access_to_the_inventory_is_a_credentials_error(client, monkeypatch):
    from botocore.exceptions import ClientError

    def denied(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    monkeypatch.setattr(client, "get_object", denied)
    with pytest.raises(CredentialsError, match="s3:GetObject"):
        open_inventory(client, URL)
