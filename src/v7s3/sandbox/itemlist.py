"""Listing items: V7's filters, sorting and cursor paging."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from v7s3.sandbox.items import Item, normal_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from v7s3.sandbox.serving import Request

_LARGEST_PAGE = 500

_FILTERS: dict[str, Callable[[Item, list[str]], bool]] = {
    "dataset_ids": lambda item, values: "all" in values or str(item.dataset.ident) in values,
    "item_ids": lambda item, values: item.ident in values,
    "item_names": lambda item, values: item.name in values,
    "item_paths": lambda item, values: item.path in map(normal_path, values),
    "statuses": lambda item, values: item.status in values,
    "processing_statuses": lambda item, values: item.processing_status in values,
    "slot_types": lambda item, values: any(slot.kind in values for slot in item.slots),
    "item_name_contains": lambda item, values: any(value in item.name for value in values),
    "item_name_prefix": lambda item, values: any(item.name.startswith(value) for value in values),
    "item_path_prefix": lambda item, values: any(item.path.startswith(normal_path(value)) for value in values),
}


def _by_age(item: Item) -> str:
    return item.ident


_ORDERS: dict[str, Callable[[Item], str]] = {
    "name": lambda item: item.name,
    "path": lambda item: item.path,
    "inserted_at": _by_age,
}


def matching_filters(items: Sequence[Item], filters: Mapping[str, Any]) -> list[Item]:
    """The items that pass every filter of a body; a filter is one value or a list. Unknown filters match nothing, so
    that a misspelt one never deletes too much."""
    wanted = {name: _texts(value) for name, value in filters.items() if name != "select_all"}
    return [item for item in items if all(_passes(item, name, values) for name, values in wanted.items())]


def matching(items: Sequence[Item], request: Request) -> list[Item]:
    """The items a query asks for: `item_names[]=a&item_names[]=b`, `dataset_ids=1,2`."""
    wanted: dict[str, list[str]] = {}
    for name, value in request.pairs:
        base = name.removesuffix("[]")
        if base in _FILTERS:
            wanted.setdefault(base, []).extend(value.split(",") if base == "dataset_ids" else [value])
    return [item for item in items if all(_passes(item, name, values) for name, values in wanted.items())]


def list_items(items: Sequence[Item], request: Request) -> dict[str, Any]:
    """One page: `page[size]` items behind the cursor `page[from]` (the id of the last item of the page before)."""
    found = matching(items, request)
    total = len(found)
    for name, value in request.pairs:
        if name.startswith("sort["):
            found.sort(key=_ORDERS.get(name[5:-1], _by_age), reverse=value == "desc")
    cursor = request.parameter("page[from]")
    start = next((index + 1 for index, item in enumerate(found) if item.ident == cursor), 0)
    size = max(1, min(int(request.parameter("page[size]", "50") or 50), _LARGEST_PAGE))
    shown = found[start : start + size]
    more = start + size < total
    page = {"count": len(shown), "next": shown[-1].ident if more else None, "previous": cursor or None}
    return {"items": [item.as_json() for item in shown], "page": page}


def folders(items: Sequence[Item]) -> list[dict[str, Any]]:
    counts = Counter((item.path, item.dataset.ident) for item in items)
    return [
        {"path": path, "dataset_id": dataset, "filtered_item_count": count, "unfiltered_item_count": count}
        for (path, dataset), count in sorted(counts.items())
    ]


def _passes(item: Item, name: str, values: list[str]) -> bool:
    check = _FILTERS.get(name)
    return check is not None and check(item, values)


def _texts(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value])]
