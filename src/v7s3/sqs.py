"""Objects as they arrive: S3's event notifications, taken from an SQS queue and deleted only once they are settled.

SQS delivers at least once and in any order. A message is hidden from others while it is worked on, and its time is
extended until then; what is not settled becomes visible again and is delivered once more, here or, in the end, to the
dead-letter queue.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, OrderedDict, defaultdict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from v7s3.aws_errors import translated
from v7s3.errors import UsageError, V7S3Error
from v7s3.events import Created, NotAnEventError, created_objects, is_later
from v7s3.s3 import AwsSettings, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from mypy_boto3_sqs.client import SQSClient

    from v7s3.items.objects import StorageObject

_BATCH = 10  # messages SQS takes or gives in one request
_HIDDEN = 120  # seconds a message stays hidden; extended while it is worked on
_REMEMBERED = 100_000  # keys whose last event is remembered; the ledger knows the others


def connect_queue(settings: AwsSettings, url: str) -> SQSClient:
    """A client for the queue at `url`, in the region the URL names; at the URL's own server when that is not AWS.

    Raises UsageError when it is no queue URL.
    """
    if arn := re.fullmatch(r"arn:aws:sqs:([\w-]+):(\d+):([\w.-]+)", url):
        raise UsageError(f"{url} is a queue's ARN", hint=f"write https://sqs.{arn[1]}.amazonaws.com/{arn[2]}/{arn[3]}")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
        raise UsageError(
            f"{url!r} is no queue URL", hint="`aws sqs list-queues` shows them: https://sqs.REGION.amazonaws.com/…"
        )
    aws = re.fullmatch(r"sqs(?:-fips)?\.([\w-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)", parts.hostname)
    if aws is None:
        return connect(replace(settings, endpoint_url=f"{parts.scheme}://{parts.netloc}"), service="sqs")
    return connect(replace(settings, region=aws[1], endpoint_url=None), service="sqs")


class ObjectQueue:
    """The objects of one bucket that a queue tells of. Use it as a context manager:

        with ObjectQueue(client, url, bucket) as queue:
            for objects in queue.rounds(drain=True):
                settled = register(objects)
                queue.settle(settled)

    `left` counts the messages that stay in the queue, by reason: they are not S3's, or tell of another bucket; one that
    is delivered again counts again. `say` hears of the first of each reason.
    """

    def __init__(
        self,
        client: SQSClient,
        url: str,
        bucket: str,
        *,
        hidden: int = _HIDDEN,
        say: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._client, self._url, self._bucket, self._hidden, self._say = client, url, bucket, hidden, say
        self.left: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open: dict[str, set[str]] = {}  # receipt -> its keys that are not settled yet
        self._receipts: defaultdict[str, set[str]] = defaultdict(set)  # key -> receipts that wait for it
        self._newest: dict[str, Created] = {}  # of this round, by key
        self._settled: OrderedDict[str, str] = OrderedDict()  # key -> sequencer of its last settled event
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep_hidden, name="v7s3-sqs", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._keeper.join()

    def rounds(
        self, *, drain: bool, most: int = 1000, wait: int = 20, stop: threading.Event | None = None
    ) -> Iterator[list[StorageObject]]:
        """Objects, each key once a round, some `most` at a time or as many as there are; no round is empty.

        With `drain` it ends when the queue is empty; in any case when `stop` is set. `wait` is how long an idle queue
        is listened to in one request (seconds, 1 to 20). What was not settled when the next round is asked for is left
        to SQS to deliver again.

        Raises NotFoundError (no such queue), CredentialsError, ServiceError.
        """
        while stop is None or not stop.is_set():
            self._forget_round()
            patience = 1 if drain else wait
            while len(self._newest) < most and self._receive(patience):
                patience = 1  # more of the same burst, or nothing
            if self._newest:
                yield [one.object for one in self._newest.values()]
            elif drain:
                return

    def settle(self, keys: Iterable[str]) -> None:
        """These keys of the round need no further work: delete the messages that told of nothing else."""
        done = []
        with self._lock:
            for key in keys:
                if key in self._newest:
                    self._remember(self._newest[key])
                for receipt in self._receipts.pop(key, ()):
                    waiting = self._open.get(receipt)
                    if waiting is not None:
                        waiting.discard(key)
                        if not waiting:
                            del self._open[receipt]
                            done.append(receipt)
        self._delete(done)

    def _forget_round(self) -> None:
        with self._lock:
            self._open.clear()
            self._receipts.clear()
            self._newest.clear()

    def _remember(self, event: Created) -> None:
        self._settled[event.object.key] = event.sequencer
        self._settled.move_to_end(event.object.key)
        if len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)

    def _receive(self, wait: int) -> bool:
        """Take what the queue has; False when it has nothing."""
        with translated(self._url):
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=wait, VisibilityTimeout=self._hidden
            )
        messages = answer.get("Messages", [])
        self._delete([message["ReceiptHandle"] for message in messages if self._take(message)])
        return bool(messages)

    def _take(self, message: Any) -> bool:
        """Note what a message tells of; True when there is nothing to do about it and it can go."""
        try:
            events = created_objects(message["Body"])
        except NotAnEventError as error:
            return self._leave(str(error))
        if other := {event.bucket for event in events} - {self._bucket}:
            return self._leave(f"of another bucket ({', '.join(sorted(other))})")
        with self._lock:
            events = [event for event in events if self._is_news(event)]
            for event in events:
                known = self._newest.get(event.object.key)
                if known is None or is_later(event.sequencer, known.sequencer):
                    self._newest[event.object.key] = event
                self._receipts[event.object.key].add(message["ReceiptHandle"])
            if events:
                self._open[message["ReceiptHandle"]] = {event.object.key for event in events}
        return not events

    def _leave(self, reason: str) -> bool:
        if not self.left[reason]:
            self._say(reason)
        self.left[reason] += 1
        return False

    def _is_news(self, event: Created) -> bool:
        settled = self._settled.get(event.object.key)
        return settled is None or not event.sequencer or is_later(event.sequencer, settled)

    def _delete(self, receipts: list[str]) -> None:
        """What cannot be deleted is delivered again, and found settled then."""
        for batch in _in_batches(receipts):
            entries: Any = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            with translated(self._url):
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _keep_hidden(self) -> None:
        """Extend the time of all open messages, until stopped."""
        while not self._stop.wait(self._hidden / 3):
            with self._lock:
                receipts = list(self._open)
            for batch in _in_batches(receipts):
                entries: Any = [
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": self._hidden}
                    for number, receipt in enumerate(batch)
                ]
                try:
                    with translated(self._url):
                        self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
                except V7S3Error:  # the main thread will meet the same and say so; here it only costs a second delivery
                    break


def _in_batches(receipts: list[str]) -> Iterator[list[str]]:
    left = iter(receipts)
    while batch := list(islice(left, _BATCH)):
        yield batch
