"""What V7's support is asked to switch on, and whether what V7 has on record is that.

V7's guide asks for an e-mail with the bucket's region and name, an optional prefix that V7 may write under, and the
team's name; no API makes a storage (v7-facts §9.2, §2). What V7 made of it is told by its list of storages (§9.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from v7s3.errors import ServiceError, UsageError
from v7s3.report import Check, Finding, Report, Rule, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from v7s3.darwin import Storage
    from v7s3.transport import Clock

Access = Literal["read-write", "read-only"]

SUPPORT = "support@v7labs.com"
_GUIDE = "V7's guide 'Connect into an external storage on S3', Activation"
_STORAGES = "GET /api/teams/TEAM/storage"
_STATUS = "v7s3 activation status s3://BUCKET --wait"

FIRST_PAUSE = 30.0  # seconds between two looks at V7's list; grows by half each time
LONGEST_PAUSE = 600.0

ABSENT = Rule(
    ident="ACT001",
    title="V7 has no storage for this bucket",
    severity="error",
    why="V7's support switches an external storage on by hand; until then nothing can be registered from the bucket",
    fix="send V7 the e-mail that `v7s3 activation write` prints, then `v7s3 activation status --wait`",
    verify=_STATUS,
    source=_GUIDE,
)
OTHER_BUCKET = Rule(
    ident="ACT002",
    title="The storage is of another bucket",
    severity="error",
    why="V7 looks for every storage_key in the bucket it has on record; with this storage it would find other objects",
    fix="choose another --storage, or have V7's support correct the bucket",
    verify=_STATUS,
    source="v7-facts §9.1",
)
OTHER_REGION = Rule(
    ident="ACT003",
    title="V7 has another region on record than the bucket is in",
    severity="error",
    why="URLs signed for another region are refused by S3, so V7 cannot read and browsers cannot load the objects",
    fix="have V7's support correct the region",
    verify=_STATUS,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html",
)
OTHER_PREFIX = Rule(
    ident="ACT004",
    title="V7 writes under another prefix than was asked for",
    severity="error",
    why="V7 puts thumbnails and frames under its prefix: a bucket policy for the other one does not let it, and v7s3 "
    "would not know which objects are V7's own",
    fix="have V7's support correct the prefix, or allow s3:PutObject under the one V7 has: `v7s3 policy apply`",
    verify=_STATUS,
    source=_GUIDE,
)
OTHER_ACCESS = Rule(
    ident="ACT005",
    title="The storage is read-only where read-write was asked for, or the other way round",
    severity="error",
    why="the two kinds are registered at different endpoints with different fields: for a read-only storage you bring "
    "thumbnails and frames yourself (`v7s3 prepare`), for a read-write one V7 makes them and must be let write",
    fix="have V7's support correct it, or go on with what V7 has",
    verify=_STATUS,
    source="docs.v7labs.com/docs/registering-items-from-external-storage",
)
OTHER_PROVIDER = Rule(
    ident="ACT006",
    title="The storage is not on S3",
    severity="error",
    why="its provider is another cloud, so it is not the bucket that was asked for, whatever its name",
    fix="choose another --storage, or have V7's support correct the provider",
    verify=_STATUS,
    source="v7-facts §9.1",
)
WHOLE_BUCKET = Rule(
    ident="ACT007",
    title="V7 may write anywhere in the bucket",
    severity="warning",
    why="without a prefix V7's thumbnails and frames mix with your objects, and a later `v7s3 register` of the whole "
    "bucket cannot tell them apart",
    fix="give the e-mail a prefix: --write-prefix darwin/",
    verify=_STATUS,
    source=_GUIDE,
)
RULES = (ABSENT, OTHER_BUCKET, OTHER_REGION, OTHER_PREFIX, OTHER_ACCESS, OTHER_PROVIDER, WHOLE_BUCKET)


@dataclass(frozen=True, slots=True)
class Activation:
    """What is asked for. In `status`, None (or "" for the region) is what was not said and is not compared."""

    bucket: str
    team: str
    region: str = ""
    prefix: str | None = None  # where V7 writes; "" is the whole bucket
    access: Access | None = None
    storage: str = ""  # its name in V7


@dataclass(frozen=True, slots=True)
class Email:
    subject: str
    body: str
    to: str = SUPPORT

    @property
    def text(self) -> str:
        return f"To: {self.to}\nSubject: {self.subject}\n\n{self.body}"

    @property
    def mailto(self) -> str:
        """RFC 6068: lines end in CRLF, and everything but letters, digits and -._~ is percent-encoded."""
        body = self.body.replace("\n", "\r\n")
        return f"mailto:{self.to}?subject={quote(self.subject, safe='')}&body={quote(body, safe='')}"


def email(asked: Activation) -> Email:
    """The e-mail to V7's support, with everything the guide asks for."""
    lines = [
        ("S3 region", asked.region),
        ("S3 bucket name", asked.bucket),
        *([("Prefix for V7's own files", f"{asked.prefix}/")] if asked.prefix else []),
        ("Access", "read-only" if asked.access == "read-only" else "read and write"),
        *([("Name of the storage", asked.storage)] if asked.storage else []),
        ("Team", asked.team),
    ]
    width = max(len(name) for name, _ in lines) + 1
    table = "\n".join(f"  {name + ':':<{width}} {value}" for name, value in lines)
    body = (
        "Hello,\n\n"
        "please turn on external storage on AWS S3 for our team:\n\n"
        f"{table}\n\n"
        "Please tell us the name of the storage when it is ready.\n\n"
        "Thank you"
    )
    return Email(f"External S3 storage for team {asked.team}: {asked.bucket}", body)


def write_prefix(text: str) -> str:
    """A prefix without slashes at its ends: "/darwin/" in the guide's words is "darwin". Raises UsageError."""
    prefix = text.strip().strip("/")
    if any(character.isspace() or character in "*?$" for character in prefix) or "//" in prefix:
        raise UsageError(
            f"the prefix {text!r} has characters that mean something else in policies and e-mails",
            hint="use letters, digits, hyphens and single slashes, such as --write-prefix darwin/",
        )
    return prefix


# --- what V7 has on record ------------------------------------------------------------------------------------------
def recorded(asked: Activation, storages: Sequence[Storage]) -> Storage | None:
    """The storage that was probably made for this: by name when one was given, else the nearest one of the bucket."""
    if asked.storage:
        return next((one for one in storages if one.name == asked.storage), None)
    of_bucket = [one for one in storages if one.bucket == asked.bucket]
    return min(of_bucket, key=lambda one: len(_differences(asked, one)), default=None)


def compare(asked: Activation, storages: Sequence[Storage]) -> Report:
    """What V7 has on record for the bucket against what was asked for, as a report."""
    subject = f"s3://{asked.bucket}"
    heading = f"{subject} as team {asked.team} has it in V7"
    storage = recorded(asked, storages)
    unsaid = [one.name for one in storages if not one.bucket and one.provider in ("", "aws")]
    if storage is None and unsaid and not asked.storage:
        return _not_known(asked, unsaid, heading)
    if storage is None:
        known = ", ".join(f"{one.name} ({one.bucket or 'bucket unknown'})" for one in storages) or "none"
        what = f"no storage {asked.storage!r}" if asked.storage else "no storage of this bucket"
        finding = ABSENT.finding(f"team {asked.team} has {what}; it has: {known}")
        return Report(subject, (_check("storage", what, [finding]),), heading, (ABSENT.fix,))
    checks = tuple(_checks(asked, storage))
    if any(check.findings for check in checks):
        return Report(subject, checks, heading, (f"write to {SUPPORT} and name the differences",))
    return Report(
        subject, checks, heading, (f"v7s3 register {subject} --team {asked.team} --storage {storage.name} --dataset …",)
    )


def _not_known(asked: Activation, unsaid: Sequence[str], heading: str) -> Report:
    """Any of the storages `unsaid`, of which V7 does not say the bucket, may be the bucket's."""
    subject = f"s3://{asked.bucket}"
    named = ", ".join(unsaid)
    why = f"V7 does not say the bucket of {named}, and has no other storage of this bucket; name it with --storage"
    again = f"v7s3 activation status {subject} --team {asked.team} --storage {unsaid[0] if len(unsaid) == 1 else '…'}"
    return Report(subject, (Check("storage", "skip", why, call=_STORAGES),), heading, (again,))


def _checks(asked: Activation, storage: Storage) -> Iterator[Check]:
    default = ", the team's default" if storage.default else ""
    found = _differences(asked, storage)
    provider = [found["provider"]] if "provider" in found else []
    yield _check("storage", f"{storage.name}{default}", provider)
    kind = "read-only" if storage.readonly else "read-write"
    for aspect, has, wanted in (
        ("bucket", storage.bucket, asked.bucket),
        ("region", storage.region, asked.region),
        ("access", kind, asked.access),
    ):
        if not has:
            yield Check(aspect, "skip", "V7 does not say", call=_STORAGES)
        elif not wanted:
            yield Check(aspect, "skip", f"{has}; not compared, because nothing was asked for", call=_STORAGES)
        else:
            yield _check(aspect, has, [found[aspect]] if aspect in found else [])
    written = _shown(storage.prefix)
    if storage.readonly:
        yield Check("prefix", "skip", "V7 does not write to a read-only storage", call=_STORAGES)
    elif asked.prefix is None:
        yield Check("prefix", "skip", f"{written}; not compared, because nothing was asked for", call=_STORAGES)
    else:
        yield _check("prefix", written, [found["prefix"]] if "prefix" in found else [])


def _differences(asked: Activation, storage: Storage) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    kind: Access = "read-only" if storage.readonly else "read-write"
    if storage.provider not in ("", "aws"):
        found["provider"] = OTHER_PROVIDER.finding(f"{storage.name} is on {storage.provider!r}")
    if storage.bucket and storage.bucket != asked.bucket:
        found["bucket"] = OTHER_BUCKET.finding(f"V7 has {storage.bucket!r}, asked for was {asked.bucket!r}")
    if storage.region and asked.region and storage.region != asked.region:
        found["region"] = OTHER_REGION.finding(f"V7 has {storage.region!r}, the bucket is in {asked.region!r}")
    if asked.access is not None and kind != asked.access:
        found["access"] = OTHER_ACCESS.finding(f"V7 has {kind}, asked for was {asked.access}")
    if asked.prefix is not None and not storage.readonly and storage.prefix.strip("/") != asked.prefix:
        found["prefix"] = OTHER_PREFIX.finding(
            f"V7 writes to {_shown(storage.prefix)}, asked for was {_shown(asked.prefix)}"
        )
    return found


def _shown(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else "the whole bucket"


def _check(ident: str, summary: str, findings: list[Finding]) -> Check:
    return Check(ident, status_of(findings), summary, tuple(findings), call=_STORAGES)


# --- waiting --------------------------------------------------------------------------------------------------------
def wait_for_storage(
    asked: Activation,
    look: Callable[[], list[Storage]],
    clock: Clock,
    timeout: float,
    say: Callable[[str], None],
) -> list[Storage]:
    """Look at V7's list, less and less often, until the storage is there or `timeout` seconds are over.

    Returns the last list. `say` gets a line a minute. When V7 cannot be reached the wait goes on; any other error
    ends it.
    """
    began = clock.now()
    pause = FIRST_PAUSE
    storages: list[Storage] = []
    while True:
        trouble = ""
        try:
            storages = look()
        except ServiceError as error:
            trouble = f" ({error.message})"
        if recorded(asked, storages) is not None:
            return storages
        next_look = min(clock.now() + pause, began + timeout)
        if clock.now() >= began + timeout:
            return storages
        while (left := next_look - clock.now()) > 0:
            waited = clock.now() - began
            say(f"{_minutes(waited)} waited, not there yet{trouble}; next look in {_minutes(left)}")
            clock.wait(min(left, 60.0))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
