"""What V7 says about the key, the dataset and the storage; read once, used by several probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.doctor.probe import UnansweredError
from v7s3.doctor.threads import Once

if TYPE_CHECKING:
    from v7s3.darwin import Darwin, Dataset, Storage


class V7:
    """V7 under one key. `darwin` is None when there is no key, and `why` says so; `source` is where the key is from."""

    def __init__(self, darwin: Darwin | None, *, team: str = "", source: str = "", why: str = "") -> None:
        self._darwin = darwin
        self._asked_team = team
        self.source = source
        self.why = why
        self.own_team = Once(self._own_team)
        self.datasets = Once(self._datasets)
        self.storages = Once(self._storages)

    @property
    def darwin(self) -> Darwin:
        """Raises UnansweredError without a key."""
        if self._darwin is None:
            raise UnansweredError(self.why)
        return self._darwin

    @property
    def team(self) -> str:
        """The team that was asked for, else the key's own."""
        return self._asked_team or self.own_team()

    def close(self) -> None:
        if self._darwin is not None:
            self._darwin.close()

    def _own_team(self) -> str:
        return self.darwin.token_info().selected_team.slug

    def _datasets(self) -> list[Dataset]:
        return self.darwin.datasets()

    def _storages(self) -> list[Storage]:
        return self.darwin.storages(self.team)
