"""Which items a register request makes, and which it blocks: uniqueness, tags, limits, slugs and access modes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from v7s3.sandbox.items import Dataset, Item, Slot, Storage, normal_path, slots_of
from v7s3.sandbox.validation import Problem, check_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class RefusedError(Exception):
    """A request V7 refuses as a whole: status, code, and where it is wrong."""

    def __init__(self, status: int, code: str, problems: list[Problem]) -> None:
        super().__init__(f"{status} {code}: {problems}")
        self.status = status
        self.code = code
        self.problems = problems

    def body(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for where, complaint in self.problems:
            fields.setdefault(where or "request", []).append(complaint)
        return {"errors": {"code": self.code, **fields}}


class Registry:
    """The team's datasets, storages and items. One request at a time, as if each were a transaction."""

    def __init__(self, datasets: dict[str, Dataset], storages: dict[str, Storage]) -> None:
        self.datasets = datasets
        self.storages = storages
        self.items: dict[str, Item] = {}
        self.tags: set[str] = set()
        self.item_limit: int | None = None
        self.quota: int | None = None
        self.poison: Callable[[dict[str, Any]], bool] | str | None = None
        self._places: dict[tuple[int, str, str], str] = {}
        self._lock = threading.Lock()
        self._serial = 0

    def register(self, document: dict[str, Any], *, readonly: bool) -> tuple[list[Item], list[dict[str, Any]]]:
        """The new items and the blocked ones (as V7's answer shows them). Raises RefusedError for the whole request."""
        dataset, storage = self._look_up(document, readonly=readonly)
        problems = check_request(document, readonly=readonly)
        if problems:
            raise RefusedError(422, "INVALID_REQUEST", problems)
        self._check_poison(document["items"])
        made: list[Item] = []
        blocked: list[dict[str, Any]] = []
        with self._lock:
            if self.quota is not None and len(self.items) >= self.quota:
                raise RefusedError(429, "INSUFFICIENT_REMAINING_STORAGE", [("storage", "the team has no storage left")])
            for sent in document["items"]:
                reason = self._obstacle(sent, dataset)
                if reason:
                    blocked.append(_blocked(sent, reason))
                else:
                    made.append(self._make(sent, dataset, storage))
        return made, blocked

    def forget(self, items: Iterable[Item]) -> None:
        """Delete items; their names are free again."""
        with self._lock:
            for item in items:
                if self.items.pop(item.ident, None) is not None:
                    del self._places[item.dataset.ident, item.path, item.name]

    def _look_up(self, document: dict[str, Any], *, readonly: bool) -> tuple[Dataset, Storage]:
        slugs = document.get("dataset_slug"), document.get("storage_slug")
        dataset = self.datasets.get(slugs[0]) if isinstance(slugs[0], str) else None
        storage = self.storages.get(slugs[1]) if isinstance(slugs[1], str) else None
        if isinstance(slugs[0], str) and dataset is None:
            raise RefusedError(404, "NOT_FOUND", [("dataset_slug", "dataset not found")])
        if isinstance(slugs[1], str) and storage is None:
            raise RefusedError(404, "NOT_FOUND", [("storage_slug", "storage not found")])
        if dataset is None or storage is None:
            raise RefusedError(422, "INVALID_REQUEST", check_request(document, readonly=readonly))
        if storage.readonly != readonly:
            mode = "read-only" if storage.readonly else "read-write"
            other = "register_existing_readonly" if storage.readonly else "register_existing"
            raise RefusedError(422, "INVALID_REQUEST", [("storage_slug", f"the storage is {mode}: use {other}")])
        return dataset, storage

    def _check_poison(self, items: list[dict[str, Any]]) -> None:
        poison = self.poison
        if poison is None:
            return
        for index, item in enumerate(items):
            keys = [str(slot["storage_key"]) for slot in slots_of(item)]
            if any(poison in key for key in keys) if isinstance(poison, str) else poison(item):
                raise RefusedError(
                    422, "INVALID_REQUEST", [(f"items[{index}].name", f"{item['name']!r} is not acceptable")]
                )

    def _obstacle(self, sent: dict[str, Any], dataset: Dataset) -> str | None:
        """The reason for which one item is blocked while its neighbours are registered."""
        if (dataset.ident, normal_path(sent["path"]), sent["name"]) in self._places:
            return "ALREADY_EXISTS"
        tags = [*(sent.get("tags") or []), *(tag for slot in slots_of(sent) for tag in slot.get("tags") or [])]
        if not self.tags.issuperset(tags):
            return "UNKNOWN_TAGS"
        if self.item_limit is not None and len(self.items) >= self.item_limit:
            return "ITEM_COUNT_LIMIT_EXCEEDED"
        return None

    def _make(self, sent: dict[str, Any], dataset: Dataset, storage: Storage) -> Item:
        item = Item(
            ident=self._next_id(),
            dataset=dataset,
            storage=storage,
            path=normal_path(sent["path"]),
            name=sent["name"],
            slots=[Slot(self._next_id(), self._next_id(), slot) for slot in slots_of(sent)],
            layout=sent.get("layout"),
            tags=sent.get("tags"),
            inserted_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        self.items[item.ident] = item
        self._places[dataset.ident, item.path, item.name] = item.ident
        return item

    def _next_id(self) -> str:
        """A UUID that sorts in the order of creation."""
        self._serial += 1
        return f"018f0000-0000-7000-8000-{self._serial:012x}"


def _blocked(sent: dict[str, Any], reason: str) -> dict[str, Any]:
    slots = [
        {
            "slot_name": slot["slot_name"],
            "file_name": slot.get("file_name") or sent["name"],
            "type": slot.get("type"),
            "reason": reason,
        }
        for slot in slots_of(sent)
    ]
    return {"id": None, "name": sent["name"], "path": normal_path(sent["path"]), "slots": slots}
