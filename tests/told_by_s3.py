"""What S3 itself tells of a bucket, put into the sandbox as S3 does: inventories, and a queue of event notifications."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from urllib.parse import quote_plus

import pyarrow as pa
from moto.sqs.models import sqs_backends
from pyarrow import orc, parquet


def etag_of(s3, bucket, key):
    """The object's ETag; a made-up one when there is no such object."""
    found = s3.store.key(bucket, key)
    return "e1" if found is None else found.etag.strip('"')


# --- inventories ----------------------------------------------------------------------------------------------------
_SCHEMAS = {
    "CSV": "Bucket, Key, Size, ETag",
    "Parquet": "message s3.inventory { required binary bucket (UTF8); … }",
    "ORC": "struct<bucket:string,key:string,size:bigint,e_tag:string>",
}


def put_inventory(s3, keys, file_format="CSV", source="acme-frames", to="acme-inventory"):
    """Two data files of these keys, each in an order of its own, and a manifest. Returns the manifest's URL."""
    files = []
    for number in range(2):
        half = [(key, etag_of(s3, source, key)) for key in reversed(keys[number::2])]
        body = _WRITERS[file_format](source, half)
        key = f"{source}/{file_format}/data/{number}"
        s3.put(to, key, body)
        files.append({"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
    manifest = {
        "sourceBucket": source,
        "destinationBucket": f"arn:aws:s3:::{to}",
        "version": "2016-11-30",
        "creationTimestamp": "1777600800000",
        "fileFormat": file_format,
        "fileSchema": _SCHEMAS[file_format],
        "files": files,
    }
    key = f"{source}/{file_format}/2026-05-01T02-00Z/manifest.json"
    s3.put(to, key, json.dumps(manifest).encode())
    return f"s3://{to}/{key}"


def _csv(source, half):
    lines = (f'"{source}","{quote_plus(key, safe="/*")}","10","{etag}"\n' for key, etag in half)
    return gzip.compress("".join(lines).encode())


def _parquet(source, half):
    out = io.BytesIO()
    parquet.write_table(_table(source, half), out)
    return out.getvalue()


def _orc(source, half):
    out = io.BytesIO()
    orc.write_table(_table(source, half), out)
    return out.getvalue()


def _table(source, half):
    return pa.table(
        {
            "bucket": [source] * len(half),
            "key": [key for key, _ in half],
            "size": [10] * len(half),
            "e_tag": [etag for _, etag in half],
        }
    )


_WRITERS = {"CSV": _csv, "Parquet": _parquet, "ORC": _orc}


# --- queues ---------------------------------------------------------------------------------------------------------
def make_queue(s3, name="v7-ingest"):
    """The URL of a new queue."""
    return s3.client(service="sqs").create_queue(QueueName=name)["QueueUrl"]


def announce(s3, url, keys, per_message=10, bucket="acme-frames"):
    """Put messages into the queue as S3 would, several records each; as many objects as keys, in their order."""
    records = [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-05-01T10:00:00.000Z",
            "s3": {
                "bucket": {"name": bucket},
                "object": {
                    "key": quote_plus(key, safe="/"),
                    "size": 10,
                    "eTag": etag_of(s3, bucket, key),
                    "sequencer": f"{n:016X}",
                },
            },
        }
        for n, key in enumerate(keys)
    ]
    arn = f"arn:aws:sqs:us-east-1:{s3.account}:{url.rpartition('/')[2]}"
    for n in range(0, len(records), per_message):
        s3.store.send_message(arn, json.dumps({"Records": records[n : n + per_message]}))


def messages(url):
    """What the queue holds, also what is hidden because somebody works on it."""
    name = url.rpartition("/")[2]
    (queue,) = [
        queue
        for regions in sqs_backends.values()
        for backend in regions.values()
        for queue in backend.queues.values()
        if queue.name == name
    ]
    return queue._messages


def let_time_pass(url):
    """As if the time of all hidden messages had run out."""
    for message in messages(url):
        message.change_visibility(0)
