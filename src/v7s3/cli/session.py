"""Opening V7 Darwin from the options that all commands share: the key is found, hidden, and the storage looked up."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from v7s3.apikey import find_api_key
from v7s3.cli.output import keep_secret, note
from v7s3.cli.paths import ledger_directory
from v7s3.darwin import Darwin, Limits, choices
from v7s3.errors import NotFoundError, UsageError, V7S3Error
from v7s3.items.ledger import Ledger, Target

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from v7s3.darwin import Dataset, Storage


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
    if name:
        for storage in storages:
            if storage.name == name:
                return storage
        raise NotFoundError(
            f"team {team!r} has no storage {name!r}",
            hint=choices("storage", name, [storage.name for storage in storages])
            + "; `v7s3 activation write` writes the e-mail that asks V7 for another",
        )
    of_bucket = [storage for storage in storages if bucket and storage.bucket == bucket]
    for candidates in (storages, of_bucket):
        if len(candidates) == 1:
            return candidates[0]
    known = ", ".join(storage.name for storage in storages) or "none"
    raise UsageError("which storage of V7 is the bucket?", hint=f"give --storage; team {team!r} has: {known}")


def find_dataset(darwin: Darwin, team: str, slug: str) -> Dataset:
    """The dataset of that slug. Raises NotFoundError, naming those there are, or that the key is of another team;
    UsageError without a slug."""
    if not slug:
        raise UsageError("which dataset?", hint="give --dataset or V7_DATASET: its slug")
    datasets = [one for one in darwin.datasets() if one.team_slug in ("", team)]
    for one in datasets:
        if one.slug == slug:
            return one
    own = team
    with suppress(V7S3Error):  # a key that may not even say whose it is: then the dataset is what is known to be wrong
        own = darwin.token_info().selected_team.slug
    if own != team:
        raise NotFoundError(
            f"this API key has no team {team!r}", hint=f"the key is of team {own!r}: --team {own}, or use another key"
        )
    raise NotFoundError(
        f"team {team!r} has no dataset {slug!r}", hint=choices("dataset", slug, [one.slug for one in datasets])
    )


def ledger_path(target: Target, shard: str = "") -> Path:
    """Where the ledger of a dataset lies when no --ledger names it; each part (--shard) has its own."""
    return ledger_directory() / target.file_name("" if shard == "1/1" else shard)


def shard_ledgers(target: Target) -> list[Path]:
    """The ledgers that `register --shard` left in the state directory."""
    whole = ledger_path(target)
    return sorted(whole.parent.glob(f"{whole.stem}--*-of-*{whole.suffix}"))


def dataset_ledger(path: Path | None, target: Target, *, read_only: bool = True) -> Ledger:
    """The ledger of a dataset, at `path` or in the state directory; it is never made here.

    Raises UsageError when there is none, ConflictError when it belongs to another dataset or another run holds it.
    """
    found = path or ledger_path(target)
    if path is None and not found.exists() and (parts := len(shard_ledgers(target))):
        raise UsageError(
            f"of {target.team}/{target.dataset} there are only the ledgers of {parts} parts (--shard)",
            hint="`v7s3 ledger merge` makes one of them; or name one with --ledger",
        )
    known = Ledger(found, target, read_only=True)
    if read_only:
        return known
    known.close()  # there is one: who opens a ledger to write would make it
    return Ledger(found, target)
