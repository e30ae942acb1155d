"""S3 Inventory as a source: what a bucket of any size held this morning, without listing it.

An inventory is a `manifest.json` that names data files with their MD5, in CSV, Parquet or ORC. One data file after
another is fetched to disk, verified, and only then read: memory stays flat, and no row of a damaged file is ever used.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import tempfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, get_args
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from v7s3.aws_errors import error_code, translated
from v7s3.bucket import BucketUrl
from v7s3.errors import ServiceError, StoppedError, UsageError
from v7s3.items.objects import StorageObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3.client import S3Client

FileFormat = Literal["CSV", "Parquet", "ORC"]

_PAGE = 1000  # objects yielded at once, as from a listing
_CHUNK = 1 << 20
_ATTEMPTS = 3  # to fetch a data file whole
_MANIFEST = "manifest.json"
_HINT = "give s3://…/YYYY-MM-DDTHH-MMZ/manifest.json as S3 Inventory wrote it"


class DataFile(NamedTuple):
    """One part of an inventory, in the same bucket as the manifest."""

    key: str
    size: int  # bytes
    md5: str  # in hexadecimal


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a manifest says. `created` is the moment the inventory tells of, in UTC; objects may have changed since."""

    source_bucket: str
    file_format: FileFormat
    columns: tuple[str, ...]  # of CSV files, which have no header: `column_name`s in their order
    files: tuple[DataFile, ...]
    created: datetime | None


def column_name(name: str) -> str:
    """One spelling for the columns of all three formats: `IsLatest` and `is_latest` are `islatest`."""
    return name.strip().replace("_", "").lower()


def read_manifest(text: bytes) -> Inventory:
    """The inventory a manifest.json describes. Raises UsageError when it is none."""
    try:
        document = json.loads(text)
        columns = document["fileSchema"].split(",") if document["fileFormat"] == "CSV" else ()
        inventory = Inventory(
            _text(document, "sourceBucket"),
            document["fileFormat"],
            tuple(map(column_name, columns)),
            tuple(DataFile(_text(one, "key"), one["size"], _text(one, "MD5checksum")) for one in _files(document)),
            _moment(document.get("creationTimestamp")),
        )
    except RecursionError:
        raise UsageError("this is no S3 Inventory manifest (it is nested too deeply)", hint=_HINT) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"this is no S3 Inventory manifest ({type(error).__name__}: {error})", hint=_HINT) from error
    if inventory.file_format not in get_args(FileFormat):
        raise UsageError(f"an inventory in {inventory.file_format!r} cannot be read", hint="CSV, Parquet and ORC can")
    if inventory.file_format == "CSV" and "key" not in inventory.columns:
        raise UsageError("the inventory has no column Key", hint=_HINT)
    return inventory


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    value.encode()  # half a surrogate pair is a ValueError: no request can name it
    return value


def _files(document: dict[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(document["files"], list):
        raise TypeError("files is no list")
    return document["files"]


def open_inventory(client: S3Client, url: BucketUrl) -> Inventory:
    """The inventory whose manifest.json is at `url`, verified by the manifest.checksum beside it where there is one.

    Raises UsageError for a URL or document that is no manifest, ServiceError for a damaged one, and what reading an
    object raises.
    """
    if not url.key.endswith(_MANIFEST):
        raise UsageError(f"{url} is no inventory manifest", hint=_HINT)
    with translated(str(url)):
        text = client.get_object(Bucket=url.bucket, Key=url.key)["Body"].read()
    expected = _checksum(client, url)
    if expected and expected != hashlib.md5(text, usedforsecurity=False).hexdigest():
        raise ServiceError(f"{url} is not what its manifest.checksum says", hint="it was edited, or copied half")
    return read_manifest(text)


def inventory_pages(
    client: S3Client, bucket: str, inventory: Inventory, prefix: str = ""
) -> Iterator[list[StorageObject]]:
    """The objects of an inventory whose keys begin with `prefix`, in pages of up to 1,000, none of them empty.

    `bucket` is where manifest and data files are. Of an inventory of all versions only the current ones are given, and
    no delete markers. A size, ETag, time or storage class the inventory has no column for stays unknown.

    Raises ServiceError for a data file that stays damaged however often it is fetched, UsageError when Parquet or ORC
    needs the extra `inventory`.
    """
    rows = _reader(inventory)
    for file in inventory.files:
        with _fetched(client, bucket, file) as data:
            objects = (one for one in rows(data, file.key) if one.key.startswith(prefix))
            while page := list(islice(objects, _PAGE)):
                yield page


def _reader(inventory: Inventory) -> Callable[[IO[bytes], str], Iterator[StorageObject]]:
    if inventory.file_format == "CSV":
        return lambda data, name: _csv_objects(data, name, inventory.columns)
    try:
        from v7s3 import inventory_arrow  # noqa: PLC0415  # an extra of a hundred megabytes
    except ImportError as error:
        raise UsageError(
            f"reading an inventory in {inventory.file_format} needs pyarrow: {error}",
            hint="`pip install 'v7s3[inventory]'`, or let S3 write the inventory as CSV",
        ) from error
    return inventory_arrow.parquet_objects if inventory.file_format == "Parquet" else inventory_arrow.orc_objects


def _checksum(client: S3Client, url: BucketUrl) -> str:
    """The MD5 S3 wrote beside the manifest; "" when it was not copied with it."""
    key = url.key.removesuffix(_MANIFEST) + "manifest.checksum"
    with translated(str(BucketUrl(url.bucket, key))):
        try:
            return client.get_object(Bucket=url.bucket, Key=key)["Body"].read().decode("ascii", "replace").strip()
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "AccessDenied"):  # 403 is S3's 404 for those who may not list
                return ""
            raise


def _fetched(client: S3Client, bucket: str, file: DataFile) -> IO[bytes]:
    """The data file on disk, whole and verified; it is deleted when it is closed."""
    subject = str(BucketUrl(bucket, file.key))
    for attempt in range(1, _ATTEMPTS + 1):
        data = _temporary_file()
        digest = hashlib.md5(usedforsecurity=False)
        with translated(subject):
            try:
                for chunk in client.get_object(Bucket=bucket, Key=file.key)["Body"].iter_chunks(_CHUNK):
                    digest.update(chunk)
                    data.write(chunk)
            except (HTTPClientError, IncompleteReadError):
                data.close()
                if attempt == _ATTEMPTS:
                    raise
                continue
        if digest.hexdigest() == file.md5.lower():
            data.seek(0)
            return data
        data.close()
    raise ServiceError(
        f"{subject} does not have the MD5 its manifest gives, after {_ATTEMPTS} attempts",
        hint="nothing of it was used; the next inventory S3 writes should be whole",
    )


def _temporary_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise StoppedError(
            f"no data file of the inventory can be kept while it is read: {error.strerror}",
            hint="point TMPDIR at a folder that can be written to, then run again",
        ) from error


def _csv_objects(data: IO[bytes], name: str, columns: tuple[str, ...]) -> Iterator[StorageObject]:
    """The rows of a gzipped CSV file. Its keys are encoded as in a web form (a blank is a plus)."""
    place = {column: index for index, column in enumerate(columns)}
    width = len(columns)
    key, latest, marker = place["key"], place.get("islatest"), place.get("isdeletemarker")
    size, etag, modified, storage_class = (
        place.get(column, width) for column in ("size", "etag", "lastmodifieddate", "storageclass")
    )
    try:
        with gzip.open(data, "rt", encoding="utf-8", newline="") as text:
            for line, row in enumerate(csv.reader(text), start=1):
                if len(row) != width:
                    raise ServiceError(f"{name}, row {line}: {len(row)} columns, where the manifest names {width}")
                if (latest is not None and row[latest] == "false") or (marker is not None and row[marker] == "true"):
                    continue
                row.append("")  # for the columns that are not there
                yield StorageObject(
                    unquote_plus(row[key], errors="surrogateescape"),
                    int(row[size]) if row[size].isdecimal() else -1,
                    row[etag].strip('"'),
                    row[modified],
                    row[storage_class],
                )
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        raise ServiceError(f"{name} is no gzipped CSV file: {error}") from error


def _moment(milliseconds: Any) -> datetime | None:
    """A time as manifests write it: text of milliseconds since 1970."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except OverflowError:
        raise ValueError("creationTimestamp is beyond all times") from None
