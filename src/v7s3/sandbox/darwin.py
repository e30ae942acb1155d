"""The sandbox's V7 Darwin: registration, storages, datasets, items and their processing, over HTTP.

    with SandboxS3() as s3, SandboxDarwin(s3=s3, bucket="frames") as darwin:
        …                            # darwin.url, darwin.api_key, darwin.team, darwin.dataset, darwin.storage
        darwin.settle()              # processing done
        assert darwin.keys() == [...]

Written from V7's public documentation and SDK (the facts are in the repository's notes), apart from the product's own
models. The page at `/` shows the items with their pictures, loaded from S3 by URLs signed with V7's key.

Control, for a Darwin in another process: `GET /__sandbox` tells the truth (items, keys, requests, faults), `POST
/__sandbox` with `{"faults": {…}, "poison": "…", "hold": true}` sets switches, `DELETE /__sandbox` forgets all items.
"""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self

from v7s3.sandbox import itemlist, page
from v7s3.sandbox.faults import DarwinFaults
from v7s3.sandbox.items import Dataset, Item, Storage
from v7s3.sandbox.processing import Objects, Processor
from v7s3.sandbox.registration import RefusedError, Registry
from v7s3.sandbox.serving import DroppedError, Request, Response, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from v7s3.sandbox.s3 import SandboxS3

# The shape of V7's keys: seven characters, a dot, thirty-two characters.
API_KEY = "sandbox.0123456789abcdefghijklmnopqrstuv"
READ_ONLY_KEY = "reader0.0123456789abcdefghijklmnopqrstuv"


@dataclass(frozen=True)
class _Route:
    """One endpoint: how it is counted in `requests`, its method and path, and what answers it."""

    name: str
    method: str
    path: re.Pattern[str]
    answer: Callable[..., Response]


class SandboxDarwin:
    """A local Darwin on 127.0.0.1 with one team. The first dataset and the first storage are the defaults.

    s3              where V7's role finds the objects: a SandboxS3 or an endpoint URL; None: nothing is processed, every
                    item is complete at once
    storages        default: `acme-frames` (read-write, prefix `darwin`) and `acme-ro` (read-only), both on `bucket`
    tags            the tag classes the team has; others end as UNKNOWN_TAGS
    item_limit      items the team may have; beyond it ITEM_COUNT_LIMIT_EXCEEDED
    quota           registrations after which every request is 429 INSUFFICIENT_REMAINING_STORAGE
    poison          a predicate on items (or a text within a storage key) for which the whole request is 422
    """

    def __init__(
        self,
        *,
        s3: SandboxS3 | str | None = None,
        bucket: str = "acme-frames",
        team: str = "acme",
        datasets: Iterable[str] = ("road-signs",),
        storages: Iterable[Storage] | None = None,
        tags: Iterable[str] = ("daylight", "night"),
        item_limit: int | None = None,
        quota: int | None = None,
        poison: Callable[[dict[str, Any]], bool] | str | None = None,
        max_body: int = 30_000_000,
        processing_delay: float = 0,
        faults: DarwinFaults | None = None,
        port: int = 0,
    ) -> None:
        default = (
            Storage("acme-frames", bucket, default=True),
            Storage("acme-ro", bucket, prefix="", readonly=True),
        )
        self.team = team
        self.bucket = bucket
        self.api_key = API_KEY
        self.read_only_key = READ_ONLY_KEY
        self.faults = faults or DarwinFaults()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.max_body = max_body
        self._s3 = s3
        known = {slug: Dataset(1000 + number, slug) for number, slug in enumerate(datasets)}
        self.registry = Registry(known, {one.name: one for one in (default if storages is None else storages)})
        self.registry.tags = set(tags)
        self.registry.item_limit = item_limit
        self.registry.quota = quota
        self.registry.poison = poison
        self._processor = Processor(self._objects, processing_delay)
        self._server = Server(self._answer, port)
        self._lock = threading.Lock()
        self._routes = self._make_routes()

    # --- life -------------------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        self._processor.start()
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._processor.stop()

    # --- the truth, for tests ---------------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return self._server.url

    @property
    def errors(self) -> list[BaseException]:
        """Bugs of the sandbox itself; a test may assert that there are none."""
        return self._server.errors

    @property
    def dataset(self) -> str:
        return next(iter(self.registry.datasets))

    @property
    def storage(self) -> str:
        return next(iter(self.registry.storages))

    @property
    def readonly_storage(self) -> str:
        return next(storage.name for storage in self.registry.storages.values() if storage.readonly)

    @property
    def storages(self) -> dict[str, Storage]:
        """The team's storages by name; may be changed in place."""
        return self.registry.storages

    @property
    def items(self) -> list[Item]:
        """All items in the order of their registration."""
        return list(self.registry.items.values())

    def keys(self) -> list[str]:
        """The storage key of every slot of every item, sorted; a key registered twice stands there twice."""
        return sorted(slot.storage_key for item in self.items for slot in item.slots)

    def places(self) -> list[str]:
        """path/name of every item, sorted."""
        return sorted(f"{item.path.rstrip('/')}/{item.name}" for item in self.items)

    def problems(self) -> list[str]:
        """What read-only items name and V7's role cannot read."""
        return [problem for item in self.items for problem in item.problems]

    def count(self, route: str, status: int | None = None) -> int:
        """Requests to `register`, `storages`, `datasets`, `token_info`, `items`, `item`, `delete`, `file`; a dropped
        connection has the status 0."""
        return sum(n for (name, code), n in self.requests.items() if name == route and status in (None, code))

    def settle(self, timeout: float = 30) -> None:
        """Wait until everything registered so far is processed."""
        if not self._processor.settle(timeout):
            raise TimeoutError(f"the sandbox's Darwin still processes after {timeout} s")

    def hold(self) -> None:
        """Let registered items stay in processing until `release`."""
        self._processor.hold()

    def release(self) -> None:
        self._processor.release()

    def environment(self) -> dict[str, str]:
        """The environment that points v7s3 here."""
        return {
            "DARWIN_BASE_URL": self.url,
            "V7_API_KEY": self.api_key,
            "V7_TEAM": self.team,
            "V7_DATASET": self.dataset,
            "V7_STORAGE": self.storage,
        }

    # --- one request ------------------------------------------------------------------------------------------------
    def _make_routes(self) -> list[_Route]:
        team = r"/api/v2/teams/(?P<team>[^/]+)"
        table: list[tuple[str, str, str, Callable[..., Response]]] = [
            ("register", "POST", rf"{team}/items/register_existing(?P<readonly>_readonly)?", self._register),
            ("storages", "GET", r"/api/teams/(?P<team>[^/]+)/storage", self._list_storages),
            ("datasets", "GET", r"/api/datasets", self._list_datasets),
            ("token_info", "GET", r"/api/users/token_info", self._token_info),
            ("items", "GET", rf"{team}/items", self._list_items),
            ("list_ids", "GET", rf"{team}/items/(?:list_)?ids", self._list_ids),
            ("folders", "GET", rf"{team}/items/folders", self._list_folders),
            ("item", "GET", rf"{team}/items/(?P<ident>[0-9a-f-]{{36}})", self._one_item),
            ("delete", "DELETE", rf"{team}/items", self._delete_items),
            (
                "file",
                "GET",
                rf"{team}/files/(?P<ident>[0-9a-f-]{{36}})/(?P<what>[a-z]+)(?:/(?P<number>\d+))?",
                self._file,
            ),
        ]
        return [_Route(name, method, re.compile(path + "/?"), answer) for name, method, path, answer in table]

    def _answer(self, request: Request) -> Response:
        if request.path == "/":
            return page.show(self.items, self._objects, request.parameter("dataset"))
        if request.path == "/__sandbox":
            return self._control(request)
        for route in self._routes:
            match = route.path.fullmatch(request.path)
            if match is not None and route.method == request.method:
                return self._answer_route(route, request, match.groupdict())
        return _error(404, "NOT_FOUND", f"there is no {request.method} {request.path}")

    def _answer_route(self, route: _Route, request: Request, names: dict[str, str | None]) -> Response:
        fate = self.faults.next() if route.name == "register" or self.faults.everywhere else "ok"
        if self.faults.latency_ms:
            time.sleep(self.faults.latency_ms / 1000)
        if fate == "drop-before":
            return self._dropped(route)
        response = self._struck(fate) or self._authorised(route, request, names)
        if fate == "drop-after":
            return self._dropped(route)
        with self._lock:
            self.requests[route.name, response.status] += 1
        return response

    def _dropped(self, route: _Route) -> Response:
        with self._lock:
            self.requests[route.name, 0] += 1
        raise DroppedError

    def _struck(self, fate: str) -> Response | None:
        """The answer a fault gives instead of the work."""
        if fate in ("ok", "drop-after"):
            return None
        if fate == "quota":
            return _error(429, "INSUFFICIENT_REMAINING_STORAGE", "the team has no storage left")
        if fate == "html" or (self.faults.html_errors and fate != "429"):
            status = 502 if fate == "html" else int(fate)
            return Response(status, b"<html><h1>Bad Gateway</h1></html>", {"Content-Type": "text/html"})
        if fate == "429":
            response = _error(429, "TOO_MANY_REQUESTS", "too many requests")
            return Response(429, response.body, {**response.headers, **self._retry_after()})
        return _error(int(fate), "INTERNAL", "something went wrong")

    def _retry_after(self) -> dict[str, str]:
        seconds = self.faults.seconds_to_wait()
        if self.faults.retry_after == "seconds":
            return {"Retry-After": str(seconds)}
        if self.faults.retry_after == "http-date":
            return {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)}
        return {}

    def _authorised(self, route: _Route, request: Request, names: dict[str, str | None]) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "ApiKey" or key not in (self.api_key, self.read_only_key):
            return _error(401, "NOT_AUTHENTICATED", "the API key is missing or unknown")
        if route.name in ("register", "delete") and key == self.read_only_key:
            return _error(403, "FORBIDDEN", "the API key lacks the permission to do this")
        if names.pop("team", self.team) != self.team:
            return _error(404, "NOT_FOUND", "team not found")
        if len(request.body) > self.max_body:
            return _error(413, "REQUEST_ENTITY_TOO_LARGE", "the request is too large")
        try:
            return route.answer(request, **names)
        except RefusedError as refused:
            return _json(refused.body(), refused.status)

    # --- endpoints ----------------------------------------------------------------------------------------------------
    def _register(self, request: Request, readonly: str | None) -> Response:
        registered, blocked = self.registry.register(_document(request), readonly=readonly is not None)
        for item in registered:
            self._begin(item)
        return _json({"items": [_as_registered(item) for item in registered], "blocked_items": blocked})

    def _begin(self, item: Item) -> None:
        """Read-only items never enter processing; without an S3 there is nothing to process."""
        if item.storage.readonly or self._s3 is None:
            item.processing_status = "complete"
        if self._s3 is not None:
            self._processor.add(item)

    def _list_storages(self, _request: Request) -> Response:
        return _json([storage.as_json() for storage in self.registry.storages.values()])

    def _list_datasets(self, _request: Request) -> Response:
        counts = Counter(item.dataset.slug for item in self.items)
        datasets = self.registry.datasets.values()
        return _json(
            [
                {
                    "id": dataset.ident,
                    "slug": dataset.slug,
                    "name": dataset.slug.replace("-", " "),
                    "team_slug": self.team,
                    "num_items": counts[dataset.slug],
                    "progress": 0.0,
                }
                for dataset in datasets
            ]
        )

    def _token_info(self, _request: Request) -> Response:
        return _json({"selected_team": {"id": 1, "slug": self.team, "name": self.team.title()}})

    def _list_items(self, request: Request) -> Response:
        return _json(itemlist.list_items(self.items, request))

    def _list_ids(self, request: Request) -> Response:
        return _json({"item_ids": [item.ident for item in itemlist.matching(self.items, request)]})

    def _list_folders(self, request: Request) -> Response:
        return _json({"folders": itemlist.folders(itemlist.matching(self.items, request))})

    def _one_item(self, _request: Request, ident: str) -> Response:
        item = self.registry.items.get(ident)
        return _json(item.as_json()) if item is not None else _error(404, "NOT_FOUND", "item not found")

    def _delete_items(self, request: Request) -> Response:
        filters = _document(request).get("filters")
        if not isinstance(filters, dict) or not filters.get("dataset_ids"):
            return _error(422, "INVALID_REQUEST", "filters.dataset_ids is required")
        found = itemlist.matching_filters(self.items, filters)
        self.registry.forget(found)
        return _json({"affected_item_count": len(found)})

    def _file(self, _request: Request, ident: str, what: str, number: str | None) -> Response:
        """Redirect to a signed URL, as the app's pictures are loaded: original, thumbnail, sections/N (from 1)."""
        for item in self.items:
            for slot in item.slots:
                if slot.ident == ident:
                    frames = slot.frame_keys()
                    keys = {"original": slot.storage_key, "thumbnail": slot.thumbnail_key()}
                    if what == "sections" and number is not None and 0 < int(number) <= len(frames):
                        keys["sections"] = frames[int(number) - 1]
                    objects = self._objects(item.storage)
                    key = keys.get(what)
                    if objects is not None and key is not None:
                        return Response(302, b"", {"Location": objects.signed(key)})
        return _error(404, "NOT_FOUND", "file not found")

    # --- the S3 behind it, and the control endpoint -------------------------------------------------------------------
    def _objects(self, storage: Storage) -> Objects | None:
        if self._s3 is None:
            return None
        url = self._s3 if isinstance(self._s3, str) else self._s3.url
        return Objects(url, storage.bucket, storage.region)

    def _control(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.registry.forget(self.items)
            return _json({})
        if request.method == "POST":
            switches = _document(request)
            if "faults" in switches:
                self.faults = DarwinFaults(**{**asdict(self.faults), **switches["faults"]})
            if "poison" in switches:
                self.registry.poison = switches["poison"]
            if "hold" in switches:
                (self.hold if switches["hold"] else self.release)()
        requests = [{"route": name, "status": code, "count": n} for (name, code), n in sorted(self.requests.items())]
        truth = {"requests": requests, "items": self.places(), "keys": self.keys(), "problems": self.problems()}
        return _json({**truth, "faults": asdict(self.faults)})


def _document(request: Request) -> dict[str, Any]:
    """The JSON object of a request, also of one that darwin-py has compressed."""
    compressed = "x-darwin-payload-compression-version" in request.headers
    try:
        document = json.loads(zlib.decompress(request.body) if compressed else request.body)
    except (ValueError, zlib.error):
        raise RefusedError(422, "INVALID_REQUEST", [("", "is not valid JSON")]) from None
    if not isinstance(document, dict):
        raise RefusedError(422, "INVALID_REQUEST", [("", "must be an object")])
    return document


def _as_registered(item: Item) -> dict[str, Any]:
    slots = [
        {
            "slot_name": slot.sent["slot_name"],
            "file_name": slot.file_name,
            "type": slot.kind,
            "as_frames": slot.sent.get("as_frames", False),
            "extract_views": slot.sent.get("extract_views", False),
            "size_bytes": slot.sent.get("size_bytes", 0),
            "upload_id": slot.upload_id,
            "metadata": slot.sent.get("metadata"),
        }
        for slot in item.slots
    ]
    return {
        "id": item.ident,
        "name": item.name,
        "path": item.path,
        "dataset_id": item.dataset.ident,
        "processing_status": item.processing_status,
        "slots": slots,
    }


def _json(document: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=utf-8"})


def _error(status: int, code: str, message: str) -> Response:
    return _json({"errors": {"code": code, "message": message}}, status)
