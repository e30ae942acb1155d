"""What a probe is, what it answers, and the one way in which its failures become words.

A probe is a function that reads and judges. What it could not read is no answer: `skip` with the permission that is
missing, never `ok`. What failed for another reason is `error`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from v7s3.errors import DeniedError, V7S3Error
from v7s3.report import Check, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from v7s3.report import Finding, Status

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request a probe may make, as boto3 or V7 name it, and the IAM action it takes ("" when it takes none)."""

    operation: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe found out. `unknown` names what could not be read, "" when everything was."""

    summary: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def status(self) -> Status:
        found = status_of(self.findings)
        return "skip" if found == "ok" and self.unknown else found


@dataclass(frozen=True, slots=True)
class Probe(Generic[T]):
    """One question. `look` gets what can be read (`v7s3.doctor.reads.Reads`) and may block; it shares no state."""

    ident: str
    title: str
    look: Callable[[T], Answer]
    calls: tuple[Call, ...] = ()
    after: tuple[str, ...] = ()  # probes without whose success this question makes no sense

    @property
    def permissions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(call.permission for call in self.calls if call.permission))

    def check(
        self, status: Status, summary: str, notes: tuple[str, ...] = (), findings: tuple[Finding, ...] = ()
    ) -> Check:
        asked = ", ".join(dict.fromkeys(call.operation for call in self.calls))
        return Check(self.ident, status, summary, findings, notes, asked, ", ".join(self.permissions))


class UnansweredError(V7S3Error):
    """The question could not be put here: the server has no such request, or only another account may ask."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """In the place of a value that could not be read; `reason` completes "not known: …"."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def known(read: Callable[[], T]) -> T | Unknown:
    """The value, or why it is not known: for probes that have an answer without it."""
    try:
        return read()
    except (DeniedError, UnansweredError) as error:
        return Unknown(_why(error))


def attempt(read: Callable[[], T]) -> T | Unknown:
    """The value, or what went wrong, whatever it was: for what only adds to an answer."""
    try:
        return known(read)
    except V7S3Error as error:
        return Unknown(error.message)


def examine(probe: Probe[T], reads: T) -> Check:
    """Ask the probe's question. Never raises: a bug in one probe must not hide what the others found."""
    try:
        answer = probe.look(reads)
    except (DeniedError, UnansweredError) as error:
        return probe.check("skip", _why(error), (error.message,))
    except V7S3Error as error:
        return probe.check("error", error.message, (error.hint,) if error.hint else ())
    except Exception as error:  # noqa: BLE001  # see above
        return probe.check("error", f"a bug in v7s3, please report it: {type(error).__name__}: {error}")
    summary = answer.summary
    if answer.unknown:
        summary = f"{summary}; not known: {answer.unknown}" if summary else answer.unknown
    return probe.check(answer.status, summary, answer.notes, answer.findings)


def _why(error: DeniedError | UnansweredError) -> str:
    permission = getattr(error, "permission", "")
    return f"needs {permission}" if permission else error.message
