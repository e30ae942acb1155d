"""What S3 says when an object arrives: event notifications, plain, through SNS, or through EventBridge. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from v7s3.items.objects import StorageObject


class Created(NamedTuple):
    """An object that was written. `sequencer` orders the events of one key, see `is_later`; "" when there is none."""

    bucket: str
    object: StorageObject
    sequencer: str = ""


class NotAnEventError(ValueError):
    """A message that S3 did not write."""


def created_objects(body: str) -> list[Created]:
    """The objects a message tells of: none for a test event, a deletion and the like.

    Keys are decoded where S3 encodes them, as in a web form: in its own notifications, not in EventBridge's.

    Raises NotAnEventError for anything S3 did not write: such a message is not ours to delete.
    """
    document = _without_envelope(body)
    try:
        if "Records" in document:
            return [_from_notification(one) for one in _records(document) if _is_creation(one)]
        if document.get("source") == "aws.s3":
            return [_from_event_bridge(document)] if document["detail-type"] == "Object Created" else []
    except NotAnEventError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise NotAnEventError(f"an event without its parts ({type(error).__name__}: {error})") from error
    if document.get("Event") == "s3:TestEvent":
        return []
    raise NotAnEventError("no event of S3")


def is_later(one: str, other: str) -> bool:
    """Whether the event with this sequencer happened after the other: hexadecimal, the shorter padded at its end."""
    width = max(len(one), len(other))
    return one.ljust(width, "0").lower() > other.ljust(width, "0").lower()


def _without_envelope(body: str) -> dict[str, Any]:
    """The event itself; SNS puts it as text into the `Message` of its own document."""
    try:
        document = json.loads(body)
        if isinstance(document, dict) and document.get("Type") == "Notification":
            document = json.loads(document["Message"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnEventError(f"no JSON ({error})") from error
    except RecursionError:
        raise NotAnEventError("no JSON (it is nested too deeply)") from None
    if not isinstance(document, dict):
        raise NotAnEventError("no JSON object")
    return document


def _records(document: dict[str, Any]) -> list[Any]:
    records = document["Records"]
    if not isinstance(records, list):
        raise NotAnEventError("an event whose Records are no list")
    return records


def _is_creation(record: dict[str, Any]) -> bool:
    if not record["eventSource"].endswith(":s3"):  # aws:s3; other servers: minio:s3, ceph:s3
        raise ValueError(f"a record of {record['eventSource']}")
    event: str = record["eventName"]
    return event.removeprefix("s3:").startswith("ObjectCreated:")


def _from_notification(record: dict[str, Any]) -> Created:
    one = record["s3"]["object"]
    key = unquote_plus(one["key"], errors="surrogateescape")
    found = StorageObject(key, int(one.get("size", -1)), _text(one, "eTag", ""), _text(record, "eventTime", ""))
    return Created(_text(record["s3"]["bucket"], "name"), found, _text(one, "sequencer", ""))


def _from_event_bridge(event: dict[str, Any]) -> Created:
    detail = event["detail"]
    one = detail["object"]
    time = _text(event, "time", "")  # EventBridge leaves the milliseconds out
    if time.endswith("Z") and "." not in time:
        time = f"{time[:-1]}.000Z"
    found = StorageObject(_key(one), int(one.get("size", -1)), _text(one, "etag", ""), time)
    return Created(_text(detail["bucket"], "name"), found, _text(one, "sequencer", ""))


def _key(one: dict[str, Any]) -> str:
    """Opaque: it may be no text that UTF-8 can express, which others see to."""
    key = one["key"]
    if not isinstance(key, str):
        raise NotAnEventError("an event whose key is no text")
    return key


def _text(fields: dict[str, Any], name: str, default: str | None = None) -> str:
    """A field that is compared and stored. Raises KeyError when it is not there and must be, NotAnEventError when it
    cannot be text."""
    value: str = fields[name] if default is None else fields.get(name, default)
    try:
        value.encode()
    except (AttributeError, UnicodeEncodeError):
        raise NotAnEventError(f"an event whose {'bucket' if name == 'name' else name} is no text") from None
    return value
