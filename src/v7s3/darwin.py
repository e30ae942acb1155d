"""The edge to V7 Darwin: requests out, typed answers in, every failure one of v7s3's own errors.

Endpoints and shapes are V7's (v7-facts §1-3, §6, §9.1, §10). Answers may grow fields; only what is read here has to
have the right shape, and an answer that does not have it is a ServiceError, whatever its status says.
"""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from v7s3 import __version__
from v7s3.errors import (
    CredentialsError,
    NotFoundError,
    RefusedError,
    ServiceError,
    StoppedError,
    UsageError,
    V7S3Error,
)
from v7s3.items.payload import Access, RegisterRequest, RegisterResponse
from v7s3.transport import Clock, Gate, PacedTransport, RetryTransport, Traffic, TransportEach

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from pydantic import SecretStr

T = TypeVar("T")

REGISTER_PATHS: dict[Access, str] = {
    "read-write": "items/register_existing",
    "read-only": "items/register_existing_readonly",
}
_QUOTA = "INSUFFICIENT_REMAINING_STORAGE"  # a 429 that no waiting mends (v7-facts §3)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": f"v7s3/{__version__}"}
_HEADERS_WITH_BODY = {**_HEADERS, "Content-Type": "application/json"}
_LONGEST_WORDS = 500  # characters of V7's own words that are repeated
_LONGEST_TEXT = 200  # the same, of a page that is not JSON and of a request id


# --- what V7 answers ------------------------------------------------------------------------------------------------
class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


NullAsEmpty = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Storage(_Answer):
    """A storage integration of a team. `name` is what requests call `storage_slug`."""

    name: str
    readonly: bool
    prefix: NullAsEmpty = ""  # where V7 writes to; not a prefix of storage keys
    provider: NullAsEmpty = ""  # "aws", "gcp", "azure"
    default: bool = False
    bucket: NullAsEmpty = ""  # "" when V7 does not say
    region: NullAsEmpty = ""


class Dataset(_Answer):
    """A dataset: listing its items wants `id`, registering wants `slug`."""

    id: int
    slug: str
    name: NullAsEmpty = ""
    team_slug: NullAsEmpty = ""


class SelectedTeam(_Answer):
    slug: str


class TokenInfo(_Answer):
    """Whose key it is."""

    selected_team: SelectedTeam


class ListedItem(_Answer):
    """An item of a dataset. While V7 processes it, `slots` is empty and `uploads` says how far it is."""

    id: str
    name: str
    path: str = "/"
    dataset_id: int | None = None
    status: str | None = None
    processing_status: str | None = None
    slots: list[dict[str, Any]] = []
    uploads: list[dict[str, Any]] = []


class _Page(_Answer):
    next: str | None = None


class _ItemsPage(_Answer):
    items: list[ListedItem]
    page: _Page = _Page()


_STORAGES = TypeAdapter(list[Storage])
_DATASETS = TypeAdapter(list[Dataset])
_TOKEN_INFO = TypeAdapter(TokenInfo)
_ITEM = TypeAdapter(ListedItem)
_ITEMS_PAGE = TypeAdapter(_ItemsPage)
_REGISTERED = TypeAdapter(RegisterResponse)


# --- the client -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Limits:
    """How fast, how wide and how patient. The rates are V7's documented ones (v7-facts §3)."""

    register_per_minute: float = 100
    other_per_minute: float = 1000
    timeout: float = 60.0  # seconds without a sign of life
    attempts: int = 10  # for one request, when faults are in the way
    first_wait: float = 0.25  # seconds before the second attempt; doubles


class Darwin:
    """V7 Darwin's API under one key. One instance serves all threads; close it, or use it in a `with` statement.

    Every method raises: CredentialsError (401, 403), NotFoundError (404), RefusedError (400, 409, 413, 422),
    StoppedError (no quota left, or refused with 429 for too long), ServiceError (unreachable, 5xx after all attempts,
    nonsense), InterruptedRunError when `stop` was set while a request waited for its turn.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        *,
        limits: Limits | None = None,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`base_url` is https, or http on loopback, else UsageError. `transport` takes the place of the network."""
        limits = limits or Limits()
        self.base_url = checked_base_url(base_url)
        self.clock = clock or Clock(stop)
        self.traffic = Traffic()
        self._secret = api_key
        register = Gate(limits.register_per_minute, self.clock, self.traffic)
        other = Gate(limits.other_per_minute, self.clock, self.traffic)
        paced = PacedTransport(
            transport or _network(self.base_url),
            lambda request: register if request.url.path.endswith(tuple(REGISTER_PATHS.values())) else other,
            self.clock,
            is_permanent=lambda response: _code(response) == _QUOTA,
        )
        # The transports alone: httpx.Client would add redirects, cookies and .netrc, which V7 must not have, for a
        # third of the time of a request.
        self._transport = RetryTransport(
            paced,
            self.clock,
            self.traffic,
            is_hopeless=_is_hopeless,
            attempts=limits.attempts,
            first_wait=limits.first_wait,
        )
        self._timeout = httpx.Timeout(limits.timeout, connect=min(10.0, limits.timeout), pool=None).as_dict()
        self._url = lru_cache(maxsize=64)(lambda path: httpx.URL(self.base_url + path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def closed_for(self) -> float:
        """Seconds until V7 may be asked again after it refused for being asked too often; 0 when it did not."""
        return max(self.traffic.closed_until - self.clock.now(), 0.0)

    def register(self, team: str, request: RegisterRequest, access: Access) -> RegisterResponse:
        """Register the request's items. The answer is not success: `blocked_items` were not registered."""
        to = {"dataset_slug": request.dataset_slug, "storage_slug": request.storage_slug}
        return self.register_unread(team, request.to_json(), access, **to)()

    def register_unread(
        self, team: str, body: bytes, access: Access, *, dataset_slug: str, storage_slug: str
    ) -> Callable[[], RegisterResponse]:
        """As `register`, with a RegisterRequest in JSON; the answer is read when what this returns is called.

        That may be in another thread. Only then is it seen whether it is an answer at all: the call raises
        ServiceError.
        """
        purpose = f"register items in team {team!r}"
        try:
            response = self._exchange("POST", _team_path(team, REGISTER_PATHS[access]), purpose, content=body)
        except NotFoundError as error:
            raise self._unknown_slug(error, team, dataset_slug, storage_slug) from error
        return partial(self._read, response, _REGISTERED, purpose)

    def storages(self, team: str) -> list[Storage]:
        try:
            return self._call(
                "GET", f"/api/teams/{quote(team, safe='')}/storage", _STORAGES, f"list the storages of team {team!r}"
            )
        except NotFoundError as error:
            raise self._unknown_team(error, team) from error

    def datasets(self) -> list[Dataset]:
        """The datasets of the key's team."""
        return self._call("GET", "/api/datasets/", _DATASETS, "list the datasets")

    def token_info(self) -> TokenInfo:
        return self._call("GET", "/api/users/token_info", _TOKEN_INFO, "say whose it is")

    def items(
        self,
        team: str,
        dataset_id: int,
        filters: Mapping[str, Sequence[str]] | None = None,
        *,
        page_size: int = 500,
    ) -> Iterator[ListedItem]:
        """The items of a dataset, page by page. `filters` have V7's names without brackets, as `item_names`."""
        wanted = [(f"{name}[]", value) for name, values in (filters or {}).items() for value in values]
        fixed = (("dataset_ids[]", str(dataset_id)), *wanted, ("page[size]", str(page_size)))
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            query = fixed if cursor is None else (*fixed, ("page[from]", cursor))
            page = self._call(
                "GET", _team_path(team, "items"), _ITEMS_PAGE, f"list the items of team {team!r}", params=query
            )
            yield from page.items
            cursor = page.page.next
            if cursor is None:
                return
            if cursor in cursors:
                raise ServiceError(
                    f"V7's list of the items of dataset {dataset_id} runs in a circle at {cursor}",
                    hint="try again; should it persist, V7's support wants to know",
                )
            cursors.add(cursor)

    def item(self, team: str, item_id: str) -> ListedItem:
        path = _team_path(team, f"items/{quote(item_id, safe='')}")
        return self._call("GET", path, _ITEM, f"read the item {item_id}")

    def file_url(self, team: str, slot_id: str, what: Literal["original", "thumbnail"]) -> str:
        """Where V7 sends a browser for one file of an item: a signed address, as good as the file itself.

        The path is the one that Darwin JSON exports name in `source_files[].url` and `thumbnail_url`.
        """
        path = _team_path(team, f"files/{quote(slot_id, safe='')}/{what}")
        response = self._exchange("GET", path, f"show the {what} of {slot_id}", may_redirect=True)
        location = str(response.headers.get("Location", ""))
        if not location:
            raise ServiceError(f"V7 does not say where the {what} of {slot_id} is", hint="look at the item in V7")
        return location

    def delete_items(self, team: str, dataset_id: int, item_ids: Sequence[str]) -> None:
        """Delete items from V7. The objects in the bucket, and what V7 wrote beside them, stay."""
        if not item_ids:
            return  # an empty filter would select the whole dataset
        filters = {"dataset_ids": [dataset_id], "item_ids": list(item_ids)}
        self._exchange(
            "DELETE",
            _team_path(team, "items"),
            f"delete items of team {team!r}",
            content=json.dumps({"filters": filters}).encode(),
        )

    # --- one exchange ---
    def _call(self, method: str, path: str, answer: TypeAdapter[T], purpose: str, **options: Any) -> T:
        return self._read(self._exchange(method, path, purpose, **options), answer, purpose)

    def _read(self, response: httpx.Response, answer: TypeAdapter[T], purpose: str) -> T:
        try:
            return _validated(answer, self._scrubbed_bytes(response.content))
        except ValidationError as error:
            raise ServiceError(
                f"V7 answered {response.status_code} to a request to {purpose}, but not with what it documents"
                f"{_at(error)}: {self._words(response)}{self._request_id(response)}",
                hint="check --darwin-url, and whether a proxy or a login page answers in V7's place",
            ) from None

    def _exchange(
        self,
        method: str,
        path: str,
        purpose: str,
        *,
        content: bytes | None = None,
        params: tuple[tuple[str, str], ...] = (),
        may_redirect: bool = False,
    ) -> httpx.Response:
        request = httpx.Request(
            method,
            self._url(path),
            params=params or None,
            headers=_HEADERS if content is None else _HEADERS_WITH_BODY,
            content=content,
            extensions={"timeout": self._timeout},
        )
        request.headers["Authorization"] = f"ApiKey {self._secret.get_secret_value()}"  # in no variable
        try:
            response = self._transport.handle_request(request)
        except httpx.RequestError as error:
            raise self._fault(error) from error
        if not response.is_success and not (may_redirect and response.is_redirect):
            self._raise(response, purpose)
        return response

    def _fault(self, error: httpx.RequestError) -> ServiceError:
        if isinstance(_root_of(error), ssl.SSLError):
            return ServiceError(
                f"the TLS connection to {self.base_url} failed: {self._scrubbed(str(error))}",
                hint="behind a proxy that inspects TLS, set SSL_CERT_FILE to your organisation's CA bundle",
            )
        what, hint = FAULTS[type(error)]
        detail = f" ({self._scrubbed(str(error))})" if str(error) else ""
        return ServiceError(f"{self.base_url} {what}{detail}", hint=hint)

    def _raise(self, response: httpx.Response, purpose: str) -> NoReturn:
        """Raise the error of an answer that is none of 2xx, with V7's own words."""
        status, words = response.status_code, self._words(response)
        said = f"{status} {words}{self._request_id(response)}"
        match status:
            case 401 | 403:
                raise CredentialsError(
                    f"V7 does not let this API key {purpose}: {said}",
                    hint="check in V7 under Settings → API keys that the key is complete and of this team, and that it "
                    "has the permission 'Add data to datasets'",
                )
            case 404:
                raise NotFoundError(f"V7 does not find what it takes to {purpose}: {said}")
            case 413:
                raise RefusedError(
                    f"V7 calls the request to {purpose} too large: {said}",
                    hint="send fewer items at a time: --batch-size",
                    words=f"too large: {words}",
                    too_large=True,
                )
            case 400 | 409 | 422:
                raise RefusedError(f"V7 refuses the request to {purpose}: {said}", words=words)
            case 429 if _code(response) == _QUOTA:
                raise StoppedError(
                    f"V7 has no quota left: {said}",
                    hint="make room or have V7 raise the plan's limit, then run the same command again",
                )
            case 429:
                raise StoppedError(
                    f"V7 has refused for a long time to be asked this often: {said}",
                    hint="run the same command again later, or with a lower --rate",
                )
        to = f" (redirects to {self._scrubbed(response.headers.get('Location', '?'))})" if response.is_redirect else ""
        raise ServiceError(
            f"V7 could not {purpose}: {said}{to}",
            hint="try again later: nothing is lost" if status >= 500 else "check --darwin-url",
        )

    # --- what a 404 means ---
    def _unknown_slug(self, error: NotFoundError, team: str, dataset: str, storage: str) -> NotFoundError:
        """The same 404, naming the slug that V7 does not have where its lists can be read."""
        try:
            storages = [one.name for one in self.storages(team)]
            datasets = [one.slug for one in self.datasets() if one.team_slug in ("", team)]
        except NotFoundError as unknown_team:
            return unknown_team
        except V7S3Error:
            return NotFoundError(
                error.message, hint=f"check --team {team}, --dataset {dataset} and --storage {storage}: they are slugs"
            )
        unknown = [
            (kind, slug, known)
            for kind, slug, known in (("dataset", dataset, datasets), ("storage", storage, storages))
            if slug not in known
        ]
        if not unknown:
            return NotFoundError(error.message, hint="team, dataset and storage exist; V7 says no more")
        return NotFoundError(
            f"team {team!r} has " + " and ".join(f"no {kind} {slug!r}" for kind, slug, _ in unknown),
            hint="; ".join(choices(kind, slug, known) for kind, slug, known in unknown),
        )

    def _unknown_team(self, error: NotFoundError, team: str) -> NotFoundError:
        try:
            own = self.token_info().selected_team.slug
        except V7S3Error:
            return NotFoundError(error.message, hint=f"check --team {team}: it is the team's slug")
        if own == team:
            return error
        return NotFoundError(
            f"this API key has no team {team!r}", hint=f"the key is of team {own!r}: --team {own}, or use another key"
        )

    # --- V7's own words ---
    def _words(self, response: httpx.Response) -> str:
        """At bounded length. They are scrubbed before they are cut: of a key that a cut goes through, most is left."""
        errors = _errors_of(response)
        if errors is None:
            return self._scrubbed(_plain(_text(response)))[:_LONGEST_TEXT] or "(nothing)"
        text = self._scrubbed(_told(errors))
        return text if len(text) <= _LONGEST_WORDS else text[:_LONGEST_WORDS] + "…"

    def _request_id(self, response: httpx.Response) -> str:
        found = response.headers.get("x-request-id", "")
        return f" (request id {self._scrubbed(found)[:_LONGEST_TEXT]})" if found else ""

    def _scrubbed(self, text: str) -> str:
        """Without the key, also as JSON writes it: a key may have quotation marks in it."""
        text = text.replace(self._secret.get_secret_value(), "***")
        return text.replace(json.dumps(self._secret.get_secret_value())[1:-1], "***")

    def _scrubbed_bytes(self, body: bytes) -> bytes:
        """Before it is read, because the ledger keeps V7's reasons and `ledger export` knows no key to hide."""
        body = body.replace(self._secret.get_secret_value().encode(), b"***")
        return body.replace(json.dumps(self._secret.get_secret_value())[1:-1].encode(), b"***")


# --- addresses ------------------------------------------------------------------------------------------------------
def checked_base_url(text: str) -> str:
    """`text` as scheme://host[:port]. Raises UsageError, without repeating a password that may stand in it."""
    hint = "it is https://darwin.v7labs.com unless V7 told you another: a scheme and a host, nothing after it"
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        raise UsageError("the address of V7 Darwin is not a URL", hint=hint) from None
    if url.userinfo:
        raise UsageError("the address of V7 Darwin must not have a user name or password in it", hint=hint)
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"the address of V7 Darwin must begin with https://, not {text!r}", hint=hint)
    if url.path.strip("/") or url.query or url.fragment:
        raise UsageError(f"the address of V7 Darwin must end after the host: {text!r}", hint=hint)
    if url.scheme == "http" and not _is_loopback(url.host):
        raise UsageError(f"{text!r} would send the API key unencrypted", hint="use https://")
    return str(url).rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _network(base_url: str) -> httpx.BaseTransport:
    """A connection for each thread."""
    one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
    try:
        # Reading the certificates (SSL_CERT_FILE) takes longer than all else here: once, and not for http.
        verify = httpx.create_ssl_context() if base_url.startswith("https:") else False
        proxy = _proxy_for(httpx.URL(base_url))
        return TransportEach(lambda: httpx.HTTPTransport(verify=verify, limits=one, proxy=proxy))
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise UsageError(
            "the proxy in the environment (HTTPS_PROXY) cannot be used",
            hint="v7s3 speaks to http:// and https:// proxies",
        ) from error
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificates of SSL_CERT_FILE cannot be read: {error}", hint="it names a PEM file"
        ) from error


def _proxy_for(url: httpx.URL) -> str | None:
    """The environment's proxy; only for https, because loopback needs none."""
    if url.scheme != "https" or _is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _team_path(team: str, rest: str) -> str:
    return f"/api/v2/teams/{quote(team, safe='')}/{rest}"


# --- faults and words -----------------------------------------------------------------------------------------------
_CHECK_NETWORK = "check the network, --darwin-url and HTTPS_PROXY; nothing is lost, run the same command again"
_TRY_AGAIN = "nothing is lost: run the same command again"
_OUR_FAULT = "this looks like a bug in v7s3: please report it"

# Every exception that httpx raises about a request (`tests/test_darwin.py` proves it): what is said of it, and what
# to do. They arrive here after all attempts.
FAULTS: dict[type[httpx.RequestError], tuple[str, str]] = {
    httpx.ConnectTimeout: ("did not accept a connection in time", _CHECK_NETWORK),
    httpx.ReadTimeout: ("did not answer in time", _TRY_AGAIN),
    httpx.WriteTimeout: ("did not take the request in time", _TRY_AGAIN),
    httpx.PoolTimeout: ("was not asked: all connections were busy", _OUR_FAULT),
    httpx.ConnectError: ("cannot be reached", _CHECK_NETWORK),
    httpx.ReadError: ("broke the connection off", _TRY_AGAIN),
    httpx.WriteError: ("broke the connection off", _TRY_AGAIN),
    httpx.CloseError: ("broke the connection off", _TRY_AGAIN),
    httpx.ProxyError: ("cannot be reached through the proxy", "check HTTPS_PROXY and NO_PROXY"),
    httpx.UnsupportedProtocol: ("has an address that cannot be used", "check --darwin-url"),
    httpx.LocalProtocolError: ("was sent something that is not HTTP", _OUR_FAULT),
    httpx.RemoteProtocolError: ("broke the connection off or does not speak HTTP", _TRY_AGAIN),
    httpx.DecodingError: ("answered in an encoding that cannot be read", "a proxy may have mangled the answer"),
    httpx.TooManyRedirects: ("redirects in a circle", "check --darwin-url"),
}


def _root_of(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _is_hopeless(error: httpx.TransportError) -> bool:
    """A failure that the next attempt would meet again."""
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        return True
    return isinstance(_root_of(error), ssl.SSLCertVerificationError)


def _validated(answer: TypeAdapter[T], body: bytes) -> T:
    """Raises ValidationError. What pydantic does not take for JSON may be some: half a surrogate pair, two hundred
    levels of somebody's metadata."""
    try:
        return answer.validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise
        try:
            document = _document(body)
        except ValueError:
            raise error from None
    return answer.validate_python(document)


def _document(body: bytes) -> Any:
    """A JSON document as text that can be stored and printed. Raises ValueError when there is none to be read."""
    try:
        return json.loads(_whole(json.dumps(json.loads(body), ensure_ascii=False)))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole(text: str) -> str:
    """With the sign for a character that is lost in place of half a surrogate pair, which UTF-8 cannot express."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(response: httpx.Response) -> str:
    """A body that is not JSON, in the charset it names; in UTF-8 when Python knows none of this name that is text."""
    for charset in (response.charset_encoding or "", "utf-8"):
        with suppress(LookupError, ValueError):
            return _whole(response.content.decode(charset, "replace"))
    return ""


def _errors_of(response: httpx.Response) -> Any:
    """What V7 calls `errors` in a body, else the whole document; None when it is not JSON."""
    try:
        document = _document(response.content)
    except ValueError:
        return None
    return document.get("errors", document) if isinstance(document, dict) else document


def _code(response: httpx.Response) -> str:
    errors = _errors_of(response)
    code = errors.get("code") if isinstance(errors, dict) else None
    return code if isinstance(code, str) else ""


def _told(errors: Any) -> str:
    """What V7 calls `errors`, in its own words."""
    if (
        isinstance(errors, dict)
        and isinstance(errors.get("code"), str)
        and errors.keys() <= {"code", "message", "http"}
    ):
        return ": ".join(dict.fromkeys(str(errors[name]) for name in ("code", "message") if errors.get(name)))
    return json.dumps(errors, ensure_ascii=False)


def _plain(text: str) -> str:
    """The readable part of what is not JSON: a page's title, else its text in one line."""
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    readable = title[1] if title else re.sub(r"<[^>]*>", " ", text)
    return " ".join(readable.split())


def _at(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f" ({place}: {first['msg']})" if place else ""


def choices(kind: str, slug: str, known: Sequence[str]) -> str:
    """For a slug that is none of a team's `kind`s ("storage", "dataset"): the nearest, and those there are."""
    if not known:
        return f"it has no {kind}s that this key can see"
    near = get_close_matches(slug, known, n=1)
    listed = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return (f"did you mean --{kind} {near[0]}? " if near else "") + f"its {kind}s: {listed}"
