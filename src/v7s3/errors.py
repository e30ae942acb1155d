"""Every error v7s3 raises on purpose, and the exit code each one ends in.

    V7S3Error                      70   (a bug, unless a subclass says otherwise)
    ├── UsageError                  2   wrong option, unreadable or malformed input
    ├── CredentialsError            3   AWS or V7 does not know us, or does not let us
    │   └── DeniedError             3   AWS knows us, but one permission is missing
    ├── NotFoundError               4   bucket, team, dataset or storage does not exist
    ├── RefusedError                5   the other side refused this one request for what it says (413, 422)
    ├── ConflictError               6   the document changed since it was read; another run holds the ledger
    ├── StoppedError                7   stopped on purpose, resumable: quota, expiry, too many failures
    │   └── InterruptedRunError   130   Ctrl-C while a request waited for its turn; it was not sent
    └── ServiceError                7   the other side cannot be reached or answers nonsense; nothing is lost

Exit codes that are not errors: 0 done, 1 a check found problems, 5 finished with some items not registered,
130 interrupted.

Every error says what happened and to which thing (`message`) and what to do next (`hint`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_CODES: dict[int, str] = {
    0: "done; nothing at or above the fail level",
    1: "a check found problems",
    2: "usage or configuration",
    3: "credentials or permission (AWS or V7)",
    4: "bucket, team, dataset or storage not found",
    5: "finished, but some items were blocked, refused or failed (report written)",
    6: "refused: the document changed since it was read, or a conflict",
    7: "stopped, resumable: quota, rate budget, expiring credentials, too many failures, the server cannot be reached",
    70: "a bug in v7s3",
    130: "interrupted; the ledger is consistent",
}


class V7S3Error(Exception):
    """Base of all errors meant for the person at the keyboard.

    `message` names what happened and to which thing; `hint` is the next step, "" when there is none. `lines` are the
    lines of the message, the others being its `details`: a key may have line breaks of its own.
    """

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        self.lines = (message, *details)
        self.message = "\n".join(self.lines)
        super().__init__(self.message)
        self.hint = hint


class UsageError(V7S3Error):
    exit_code = 2
    code = "usage"


class CredentialsError(V7S3Error):
    exit_code = 3
    code = "credentials"


class DeniedError(CredentialsError):
    """`permission` is the IAM action that was denied, as far as the request tells ("s3:GetBucketPolicy")."""

    def __init__(self, message: str, *, hint: str = "", permission: str = "") -> None:
        super().__init__(message, hint=hint)
        self.permission = permission


class NotFoundError(V7S3Error):
    exit_code = 4
    code = "not-found"


class RefusedError(V7S3Error):
    """`words` is what the other side gave as its reason, unadorned: the same fault has the same words.

    `too_large` when the request was refused for its size, so that half of it may well pass.
    """

    exit_code = 5
    code = "refused"

    def __init__(self, message: str, *, hint: str = "", words: str = "", too_large: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.words = words or message
        self.too_large = too_large


class ConflictError(V7S3Error):
    exit_code = 6
    code = "conflict"


class StoppedError(V7S3Error):
    exit_code = 7
    code = "stopped"


class InterruptedRunError(StoppedError):
    exit_code = 130
    code = "interrupted"


class ServiceError(V7S3Error):
    exit_code = 7
    code = "service"
