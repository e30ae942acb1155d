"""Opening V7 Darwin from the options that all commands share: the key is found, hidden, and the storage looked up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from v7s3.apikey import find_api_key
from v7s3.cli.output import keep_secret, note
from v7s3.darwin import Darwin, Limits
from v7s3.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from v7s3.darwin import Storage


def open_darwin(
    url: str,
    key_file: Path | None,
    team: str,
    *,
    limits: Limits | None = None,
    stop: threading.Event | None = None,
) -> tuple[Darwin, str]:
    """A client, and the team to use: the one asked for, else the one the key belongs to.

    Raises CredentialsError when there is no key, UsageError for an unusable URL or file.
    """
    key = find_api_key(os.environ, key_file, team)
    keep_secret(key.secret.get_secret_value())
    for warning in key.warnings:
        note(f"warning: {warning}")
    darwin = Darwin(url, key.secret, limits=limits, stop=stop)
    return darwin, team or key.team or darwin.token_info().selected_team.slug


def find_storage(darwin: Darwin, team: str, name: str, bucket: str = "") -> Storage:
    """The team's storage of that name; without a name the only one, or the only one that is `bucket`.

    Raises NotFoundError when there is none of that name, UsageError when a name is needed to choose.
    """
    storages = darwin.storages(team)
    known = ", ".join(storage.name for storage in storages) or "none"
    if name:
        for storage in storages:
            if storage.name == name:
                return storage
        raise NotFoundError(
            f"team {team!r} has no storage {name!r}", hint=f"its storages: {known}; `v7s3 activation` makes one"
        )
    of_bucket = [storage for storage in storages if bucket and storage.bucket == bucket]
    for candidates in (storages, of_bucket):
        if len(candidates) == 1:
            return candidates[0]
    raise UsageError("which storage of V7 is the bucket?", hint=f"give --storage; team {team!r} has: {known}")
