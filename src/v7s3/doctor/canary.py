"""One small picture through the whole chain and out again: the only proof that all parts work together.

    put → registered → processed → shown to a browser → removed

What the canary made, it removes, also after a failure or Ctrl-C. What V7 wrote beside it stays and is named: v7s3
deletes nothing that it did not make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from v7s3.access.cors_answer import shares_with
from v7s3.aws_errors import error_code, translated
from v7s3.cors_probe import Browser
from v7s3.doctor import rules
from v7s3.doctor.png import gradient
from v7s3.doctor.probe import Answer, Call, attempt
from v7s3.errors import ConflictError, NotFoundError, V7S3Error
from v7s3.items.payload import FlatItem, ReadOnlyImage, RegisterRequest
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from v7s3.access.cors_answer import Answer as Received
    from v7s3.darwin import Darwin, ListedItem, Storage
    from v7s3.doctor.aws import Aws
    from v7s3.items.payload import Item
    from v7s3.report import Check, Finding, Rule

FOLDER = "/v7s3-canary"  # of the item in the dataset
_SIZE = 64  # pixels, width and height
_THUMBNAIL = 32
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two looks at the item

# Which checks may explain what V7 met, the likeliest first.
_READING = ("policy", "public-access", "encryption", "requester-pays", "tags", "ownership", "storage", "bucket")
_WRITING = ("policy", "public-access", "encryption", "uploads", "requester-pays", "storage")
_SHOWING = ("cors", "cors-live", "policy", "encryption", "requester-pays", "public-access")
_REGISTERING = ("v7-key", "dataset", "storage")
_NOT_SHARED = ("cors", "cors-live")

CALLS = (
    Call("head_object", "s3:GetObject"),
    Call("put_object", "s3:PutObject"),
    Call("POST items/register_existing"),
    Call("GET items"),
    Call("GET picture and thumbnail"),
    Call("DELETE items"),
    Call("delete_object", "s3:DeleteObject"),
    Call("list_objects_v2", "s3:ListBucket"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be written: objects in the bucket, an item in the dataset."""

    bucket: str
    key: str
    thumbnail_key: str  # "" where V7 makes its own
    storage: Storage
    team: str
    dataset: str

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def objects(self) -> dict[str, bytes]:
        """Key -> body."""
        thumbnail = {self.thumbnail_key: gradient(_THUMBNAIL, _THUMBNAIL)} if self.thumbnail_key else {}
        return {self.key: gradient(_SIZE, _SIZE), **thumbnail}

    def words(self) -> list[str]:
        """What the person is told before anything is written."""
        lines = [f"put      s3://{self.bucket}/{key}   {len(body)} bytes, PNG" for key, body in self.objects.items()]
        lines.append(f"register {FOLDER}/{self.name}   in dataset {self.dataset} of team {self.team}")
        lines.append("wait     until V7 has processed it, then load its picture and thumbnail as a browser does")
        lines.append("remove   the item and what was put")
        if not self.storage.readonly:
            lines.append(f"What V7 itself writes below {self.storage.prefix.strip('/') or 'the bucket'}/ stays.")
        return lines


def make_plan(bucket: str, prefix: str, storage: Storage, team: str, dataset: str, now: datetime, token: str) -> Plan:
    """`token` makes the name unique; `prefix` is where the objects are that are to be registered."""
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    stem = f"{folder}v7s3-canary-{now:%Y%m%dT%H%M%SZ}-{token}"
    return Plan(bucket, f"{stem}.png", f"{stem}-thumbnail.png" if storage.readonly else "", storage, team, dataset)


class _FailedError(V7S3Error):
    """The chain broke: the rule, and which checks may explain it."""

    def __init__(self, rule: Rule, message: str, suspects: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.rule = rule
        self.suspects = suspects


@dataclass
class Canary:
    """One flight. `checks` are those made before: they explain a failure. `say` gets a line a step."""

    plan: Plan
    aws: Aws
    darwin: Darwin
    checks: Sequence[Check]
    origins: Sequence[str]
    timeout: float
    say: Callable[[str], None]
    _put: list[str] = field(default_factory=list, init=False)
    _item_id: str = field(default="", init=False)
    _registering: bool = field(default=False, init=False)
    _written: list[str] = field(default_factory=list, init=False)

    def fly(self) -> Answer:
        """The answer of the check `canary`. KeyboardInterrupt is raised again after everything was removed."""
        findings: list[Finding] = []
        notes: list[str] = []
        try:
            self._put_objects()
            item = self._wait_until_processed(self._register())
            notes += self._show(item)
        except _FailedError as error:
            findings.append(self._finding(error))
        finally:
            self._written = self._written_by_v7()
            findings += self._remove()
        stays = f"; V7 wrote, and keeps: {', '.join(self._written)}" if self._written else ""
        if findings:
            return Answer(f"the canary did not come through{stays}", tuple(findings), tuple(notes))
        shown = "put, registered, processed, shown to a browser" if not notes else "put, registered and processed"
        unknown = "; ".join(notes)
        return Answer(f"{shown} and removed{stays}", (), (), unknown)

    # --- the chain --------------------------------------------------------------------------------------------------
    def _put_objects(self) -> None:
        for key, body in self.plan.objects.items():
            self.say(f"put s3://{self.plan.bucket}/{key}")
            try:
                self._put_new(key, body)
            except V7S3Error as error:
                raise _FailedError(rules.NOT_PUT, error.message, ("identity", "bucket")) from error

    def _put_new(self, key: str, body: bytes) -> None:
        """Never over anything: S3 is asked first, and told to refuse should the key be taken meanwhile."""
        where: dict[str, Any] = {"Bucket": self.plan.bucket, "Key": key}
        with translated(f"s3://{self.plan.bucket}/{key}"):
            absent = self._is_absent(where)
            self._put.append(key)  # before: an upload whose answer is lost is removed as well
            try:
                self.aws.s3.put_object(**where, Body=body, ContentType="image/png", IfNoneMatch="*")
            except ClientError as error:
                # boto3 repeats an upload whose answer was lost, and then meets the object that it has put itself.
                if not (absent and error_code(error) == "PreconditionFailed"):
                    self._put.remove(key)
                raise

    def _is_absent(self, where: Mapping[str, Any]) -> bool:
        """Whether S3 says so; False when it does not say. Raises ConflictError for a key that is taken."""
        try:
            self.aws.s3.head_object(**where)
        except ClientError as error:
            if error_code(error) not in ("404", "403"):
                raise
            return error_code(error) == "404"
        raise ConflictError(f"s3://{where['Bucket']}/{where['Key']} exists already", hint="run it again")

    def _register(self) -> str:
        """The id of the item."""
        self.say(f"register {FOLDER}/{self.plan.name}")
        request = RegisterRequest(
            items=[self._item()], dataset_slug=self.plan.dataset, storage_slug=self.plan.storage.name
        )
        self._registering = True
        try:
            answer = self.darwin.register(self.plan.team, request, request.access)
        except V7S3Error as error:
            raise _FailedError(rules.NOT_REGISTERED, error.message, _REGISTERING) from error
        if answer.blocked_items:
            reasons = ", ".join(answer.blocked_items[0].reasons)
            raise _FailedError(rules.NOT_REGISTERED, f"V7 blocked the item: {reasons}", _REGISTERING)
        if not answer.items or not answer.items[0].id:
            raise _FailedError(rules.NOT_REGISTERED, "V7 names no item in its answer")
        self._item_id = answer.items[0].id
        return self._item_id

    def _item(self) -> Item:
        if not self.plan.thumbnail_key:
            return FlatItem(name=self.plan.name, path=FOLDER, storage_key=self.plan.key, type="image")
        return ReadOnlyImage(
            name=self.plan.name,
            path=FOLDER,
            storage_key=self.plan.key,
            storage_thumbnail_key=self.plan.thumbnail_key,
            type="image",
            width=_SIZE,
            height=_SIZE,
        )

    def _wait_until_processed(self, item_id: str) -> ListedItem:
        clock, pause = self.darwin.clock, _FIRST_PAUSE
        began = clock.now()
        self.say("wait until V7 has processed it")
        while True:
            item = self._look(item_id)
            if item.processing_status == "complete":
                return item
            if item.processing_status in ("error", "cancelled"):
                raise _processing_failed(item)
            left = began + self.timeout - clock.now()
            if left <= 0:
                status = item.processing_status or "not said"
                message = f"after {self.timeout:g} s V7 is not done with it (its status: {status})"
                raise _FailedError(rules.NOT_PROCESSED, message, _WRITING)
            clock.wait(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _look(self, item_id: str) -> ListedItem:
        try:
            return self.darwin.item(self.plan.team, item_id)
        except V7S3Error as error:
            raise _FailedError(rules.NOT_PROCESSED, error.message, _REGISTERING) from error

    def _show(self, item: ListedItem) -> list[str]:
        """Load picture and thumbnail as a page on each origin does; returns what could not be tried, in words."""
        slot_id = str(item.slots[0].get("id", "")) if item.slots else ""
        if not slot_id:
            return ["its picture was not loaded, because V7 names no slot"]
        missing = []
        kinds: tuple[Literal["original", "thumbnail"], ...] = ("original", "thumbnail")
        with Browser() as browser:
            for what in kinds:
                self.say(f"load the {what}")
                try:
                    address = self.darwin.file_url(self.plan.team, slot_id, what)
                except V7S3Error as error:
                    missing.append(f"the {what} was not loaded: {error.message}")
                    continue
                for origin in self.origins:
                    _judge_picture(browser, address, what, origin, self._bytes_of(what))
        return missing

    def _bytes_of(self, what: Literal["original", "thumbnail"]) -> bytes | None:
        """The file that was put; None for a thumbnail that V7 made."""
        return self.plan.objects.get(self.plan.key if what == "original" else self.plan.thumbnail_key)

    # --- removing ---------------------------------------------------------------------------------------------------
    def _written_by_v7(self) -> list[str]:
        """The keys V7 wrote beside the canary, as far as their names tell (v7-facts §9.5)."""
        if self.plan.storage.readonly or not self._item_id:
            return []
        prefix = f"{self.plan.storage.prefix.strip('/')}/{self.plan.key}".lstrip("/") + "/"
        listed = attempt(lambda: _listed(self.aws, self.plan.bucket, prefix))
        return listed if isinstance(listed, list) else [f"objects below {prefix} (their names: {listed})"]

    def _remove(self) -> list[Finding]:
        """Remove the item and the objects; what stays is a finding each."""
        left: list[Finding] = []
        if not self._put and not self._registering:
            return left
        self.say("remove the item and what was put")
        if self._registering:
            try:
                self._remove_item()
            except V7S3Error as error:
                left.append(
                    rules.NOT_REMOVED.finding(
                        f"the item {FOLDER}/{self.plan.name} is still in dataset {self.plan.dataset}: {error.message}",
                        fix=f"delete {FOLDER}/{self.plan.name} in V7",
                    )
                )
        for key in self._put:
            url = f"s3://{self.plan.bucket}/{key}"
            try:
                with translated(url):
                    self.aws.s3.delete_object(Bucket=self.plan.bucket, Key=key)
            except V7S3Error as error:
                left.append(rules.NOT_REMOVED.finding(f"{url} is still there: {error.message}", fix=f"aws s3 rm {url}"))
        for finding in left:
            self.say(finding.message)  # the report is not printed after Ctrl-C
        return left

    def _remove_item(self) -> None:
        """By its id, or by its name when the answer to the registration was lost."""
        team = self.plan.team
        dataset = next((one for one in self.darwin.datasets() if one.slug == self.plan.dataset), None)
        if dataset is None:
            if self._item_id:
                raise NotFoundError("its dataset is not in V7's list")
            return
        ids = [self._item_id] if self._item_id else self._same_name(dataset.id)
        self.darwin.delete_items(team, dataset.id, ids)

    def _same_name(self, dataset_id: int) -> list[str]:
        found = self.darwin.items(self.plan.team, dataset_id, {"item_names": [self.plan.name]})
        return [item.id for item in found if item.name == self.plan.name]

    # --- in words ---------------------------------------------------------------------------------------------------
    def _finding(self, error: _FailedError) -> Finding:
        """The failure, and the checks of this run that explain it."""
        bad = [check.ident for check in self.checks if check.status in ("fail", "error", "warn")]
        named = [ident for ident in error.suspects if ident in bad]
        if named:
            advice = f"see {', '.join(named)} above"
        elif error.rule is rules.NOT_PUT:
            advice = ""
        else:
            advice = "no check above explains it: give this message to V7's support"
        message = f"{error.message}; {advice}" if advice else error.message
        return error.rule.finding(message, at=Location(pointer=f"s3://{self.plan.bucket}/{self.plan.key}"))


def _processing_failed(item: ListedItem) -> _FailedError:
    """V7's own account of what went wrong (v7-facts §10)."""
    problem: Mapping[str, Any] = next(
        (upload["processing_error"] for upload in item.uploads if upload.get("processing_error")), {}
    )
    said = str(problem.get("message") or f"its status is {item.processing_status}")
    status = problem.get("http_status_code")
    code = f" (HTTP {status})" if status else ""
    suspects = _WRITING if problem.get("stage") == "upload" else _READING
    return _FailedError(rules.NOT_PROCESSED, f"V7 says: {said}{code}", suspects)


def _judge_picture(browser: Browser, address: str, what: str, origin: str, put: bytes | None) -> None:
    """Raises _FailedError unless a page on `origin` is shown the file at `address`: `put`, where that is known."""
    try:
        answer = browser.get(address, origin)
    except V7S3Error as error:
        raise _FailedError(rules.NOT_SHOWN, f"the {what}: {error.message}", _SHOWING) from error
    if answer.status not in (200, 206):
        words = f"the {what} is answered {answer.status} {answer.code}".rstrip()
        raise _FailedError(rules.NOT_SHOWN, words, _SHOWING)
    if answer.is_web_page or (put is not None and not _begins(answer, put)):
        instead = "a web page" if answer.is_web_page else "another file"
        words = f"{instead} arrives in place of the {what}: a login, a proxy or a filter answers for S3"
        raise _FailedError(rules.NOT_SHOWN, words, ("cors-live",))
    if not shares_with(answer, origin):
        words = f"the {what} arrives, but without CORS headers for {origin}"
        raise _FailedError(rules.NOT_SHOWN, words, _NOT_SHARED)


def _begins(answer: Received, put: bytes) -> bool:
    """Whether the answer is the beginning of `put`, and of a file of its length where a length is told."""
    length = answer.headers.get("content-range", "").rpartition("/")[2]
    same_length = not length.isdecimal() or int(length) == len(put)
    return bool(answer.content) and put.startswith(answer.content) and same_length


def _listed(aws: Aws, bucket: str, prefix: str) -> list[str]:
    with translated(f"s3://{bucket}/{prefix}"):
        answer = aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=100)
    return [f"s3://{bucket}/{each['Key']}" for each in answer.get("Contents", [])]
