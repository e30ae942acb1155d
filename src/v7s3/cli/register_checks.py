"""Do the objects of a list exist? Asked before they are sent, because V7 would only say 403 of a misspelt key."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from v7s3.cli.output import note
from v7s3.errors import InterruptedRunError, UsageError, V7S3Error
from v7s3.items.objects import StorageObject
from v7s3.items.planning import MISSING, Plan, Planned, Refused
from v7s3.keycheck import head_keys
from v7s3.listing import list_objects
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3.client import S3Client

    from v7s3.cli.register_job import Destination, Job
    from v7s3.items.nearest import AbsentKey

_CHUNK = 500  # keys asked for at a time


def open_key_check(job: Job, destination: Destination, stopping: threading.Event) -> KeyCheck | None:
    """For keys that people wrote down. Without --check-keys they are checked when the bucket is known and may be
    listed; else a note says that they are not, and why. Raises what keeps --check-keys from checking."""
    if job.check_keys is False:
        return None
    try:
        if not destination.bucket:
            raise UsageError("V7 was not asked which bucket it is", hint="leave out --access, then V7 is asked")
        client = connect(AwsSettings(job.profile, job.region, job.endpoint_url), destination.bucket)
        next(list_objects(client, destination.bucket), None)  # only who may list learns that a key does not exist
    except V7S3Error as error:
        if job.check_keys:
            raise
        note(f"warning: the keys are sent without a look whether they exist: {error.message}")
        return None
    return KeyCheck(client, destination.bucket, stopping, refuse_unreadable=job.check_keys is True)


def asked_key_check(job: Job, destination: Destination, stopping: threading.Event) -> KeyCheck | None:
    """For keys that S3 wrote down: they existed then, so that a request for each is only worth it when asked for."""
    return open_key_check(job, destination, stopping) if job.check_keys else None


class KeyCheck:
    """HeadObject for each key. One that is not there is refused, with the nearest key that is.

    With `refuse_unreadable` also those that S3 answers 403 for; else they are sent, and counted in a warning. Both
    methods raise InterruptedRunError once `stopping` is set.
    """

    def __init__(self, client: S3Client, bucket: str, stopping: threading.Event, *, refuse_unreadable: bool) -> None:
        self._client = client
        self._bucket = bucket
        self._stopping = stopping
        self._refuse_unreadable = refuse_unreadable
        self._unreadable = 0

    def objects(self, values: Iterable[StorageObject | Refused]) -> Iterator[StorageObject | Refused]:
        """The objects with their sizes, ETags and times, in the order given; refused ones stay refused."""
        source = iter(values)
        while chunk := list(islice(source, _CHUNK)):
            found = self._look(one.key for one in chunk if isinstance(one, StorageObject))
            for one in chunk:
                yield one if isinstance(one, Refused) else self._judged(one, found)
        self._say()

    def plans(self, plans: Iterable[Plan]) -> Iterator[Plan]:
        """As `objects`, for items: one of which an object is missing is refused as a whole."""
        source = iter(plans)
        while chunk := list(islice(source, _CHUNK)):
            found = self._look(part.key for one in chunk if isinstance(one, Planned) for part in one.objects)
            for one in chunk:
                yield self._judged_item(one, found) if isinstance(one, Planned) else one
        self._say()

    def _look(self, keys: Iterable[str]) -> dict[str, StorageObject | AbsentKey]:
        answers = head_keys(self._client, self._bucket, dict.fromkeys(keys), stop=self._stopping)
        found = {answer.key: answer for answer in answers}
        if self._stopping.is_set():  # not all of them were asked for
            raise InterruptedRunError("stopped while keys were looked up", hint="run the same command to go on")
        return found

    def _judged(self, one: StorageObject, found: dict[str, StorageObject | AbsentKey]) -> StorageObject | Refused:
        answer = found[one.key]
        if isinstance(answer, StorageObject):
            return answer
        if answer.state == "no-access" and not self._refuse_unreadable:
            self._unreadable += 1
            return one
        return Refused((one.key,), MISSING, f"{one.key} {answer.why}")

    def _judged_item(self, one: Planned, found: dict[str, StorageObject | AbsentKey]) -> Plan:
        objects = [self._judged(part, found) for part in one.objects]
        missing = [answer for answer in objects if isinstance(answer, Refused)]
        if missing:
            keys = tuple(part.key for part in one.objects)
            return Refused(keys, MISSING, "; ".join(answer.detail for answer in missing))
        return one._replace(objects=tuple(answer for answer in objects if isinstance(answer, StorageObject)))

    def _say(self) -> None:
        if self._unreadable:
            note(f"warning: {self._unreadable:,} keys could not be checked (403) and were sent as they are")
