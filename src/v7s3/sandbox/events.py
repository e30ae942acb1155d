"""S3's event notifications to SQS queues, in Amazon's shape: keys encoded as in a form, a sequencer for each event.

moto's own events lack the sequencer, without which a reader cannot tell an old event from a new one.
Shape: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from v7s3.sandbox import s3xml
from v7s3.sandbox.access import glob

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from v7s3.sandbox.serving import Response

_sequence = itertools.count(0x0055AED6DCD90281)


@dataclass(frozen=True)
class Happening:
    """What happened to one object; `size` and `etag` are unknown for removals."""

    name: str
    bucket: str
    region: str
    key: str
    size: int | None
    etag: str | None


@dataclass(frozen=True)
class Queue:
    """One QueueConfiguration of a bucket."""

    ident: str
    arn: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def wants(self, happening: Happening) -> bool:
        named = any(glob(event.removeprefix("s3:"), happening.name) for event in self.events)
        return named and happening.key.startswith(self.prefix) and happening.key.endswith(self.suffix)


def read_queues(body: bytes) -> tuple[Queue, ...]:
    """The queues of a PutBucketNotificationConfiguration; topics, functions and EventBridge are not served."""
    tree = s3xml.parse(body, "NotificationConfiguration")
    return tuple(_read_queue(node, number) for number, node in enumerate(tree.findall("QueueConfiguration")))


def _read_queue(node: ET.Element, number: int) -> Queue:
    rules = {
        rule.findtext("Name", "").lower(): rule.findtext("Value", "")
        for rule in node.iterfind("Filter/S3Key/FilterRule")
    }
    events = tuple(event.text or "" for event in node.findall("Event"))
    arn = node.findtext("Queue", "")
    return Queue(
        node.findtext("Id") or f"queue-{number}", arn, events, rules.get("prefix", ""), rules.get("suffix", "")
    )


def write_queues(queues: tuple[Queue, ...]) -> Response:
    parts = []
    for queue in queues:
        fields = [("Id", queue.ident), ("Queue", queue.arn), *(("Event", event) for event in queue.events)]
        parts.append("<QueueConfiguration>" + "".join(f"<{tag}>{s3xml.text(value)}</{tag}>" for tag, value in fields))
        rules = [("prefix", queue.prefix), ("suffix", queue.suffix)]
        filters = "".join(
            f"<FilterRule><Name>{name}</Name><Value>{s3xml.text(value)}</Value></FilterRule>"
            for name, value in rules
            if value
        )
        parts.append(f"<Filter><S3Key>{filters}</S3Key></Filter>" if filters else "")
        parts.append("</QueueConfiguration>")
    name = "NotificationConfiguration"
    return s3xml.document(f'<{name} xmlns="{s3xml.NAMESPACE}">{"".join(parts)}</{name}>')


def message(queue: Queue, happening: Happening) -> str:
    """The body of the SQS message for one event."""
    details = {"size": happening.size, "eTag": happening.etag} if happening.size is not None else {}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happening.region,
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": happening.name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": queue.ident,
            "bucket": {"name": happening.bucket, "arn": f"arn:aws:s3:::{happening.bucket}"},
            "object": {"key": quote_plus(happening.key, safe="/"), **details, "sequencer": f"{next(_sequence):016X}"},
        },
    }
    return json.dumps({"Records": [record]})


def test_message(bucket: str) -> str:
    """What S3 sends when a notification is configured: no event, and readers must bear it."""
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "Bucket": bucket,
            "RequestId": "V7S3TESTEVENT",
            "HostId": "v7s3-sandbox",
        }
    )
