"""Where v7s3 keeps what must outlive a run: ledgers and backups, in the user's state directory."""

from __future__ import annotations

from pathlib import Path


def state_directory() -> Path:
    """`$XDG_STATE_HOME/v7s3` or the system's equivalent; not made here."""
    from platformdirs import user_state_path

    return Path(user_state_path("v7s3", appauthor=False))


def ledger_directory() -> Path:
    return state_directory() / "ledgers"


def artifacts_ledger(bucket: str) -> Path:
    return state_directory() / "artifacts" / f"{bucket}.sqlite"


def backup_directory() -> Path:
    return state_directory() / "backups"
