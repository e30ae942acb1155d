"""The edge to V7: what is sent, what is understood, and what each failure is called."""

from __future__ import annotations

import inspect
import json
import logging
import ssl
import traceback

import httpx
import pytest
from pydantic import SecretStr

from v7s3.darwin import FAULTS, Darwin, Limits, Storage, checked_base_url
from v7s3.errors import (
    CredentialsError,
    NotFoundError,
    RefusedError,
    ServiceError,
    StoppedError,
    UsageError,
    V7S3Error,
)
from v7s3.items.payload import RegisterRequest
from v7s3.transport import Clock

KEY = "AbCdEf1.0123456789abcdefGHIJKLMNOP-rstuv"
URL = "https://darwin.test"

STORAGES = [
    {"name": "acme-frames", "prefix": None, "readonly": False, "provider": "aws", "default": True, "bucket": "b"}
]
DATASETS = [
    {"id": 7, "slug": "road-signs", "name": "Road signs", "team_slug": "acme", "progress": 0.5},
    {"id": 8, "slug": "drives", "name": "Drives", "team_slug": "acme"},
    {"id": 9, "slug": "other-teams", "name": "Other", "team_slug": "other"},
]
REQUEST = RegisterRequest.model_validate(
    {
        "dataset_slug": "road-signs",
        "storage_slug": "acme-frames",
        "items": [{"path": "/", "name": "a.jpg", "type": "image", "storage_key": "raw/a.jpg"}],
    }
)
REGISTER = "/api/v2/teams/acme/items/register_existing"
LISTS = {
    "/api/teams/acme/storage": httpx.Response(200, json=STORAGES),
    "/api/datasets/": httpx.Response(200, json=DATASETS),
    "/api/users/token_info": httpx.Response(200, json={"selected_team": {"slug": "acme", "name": "Acme"}, "id": 1}),
}


class NoWaiting(Clock):
    """A clock on which every wait is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += max(seconds, 0)


class V7:
    """Answers by path and remembers what it was asked."""

    def __init__(self, **answers: httpx.Response | Exception) -> None:
        self.answers: dict[str, httpx.Response | Exception] = dict(LISTS)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.get(request.url.path, httpx.Response(404, json={"errors": {"code": "NOT_FOUND"}}))
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)


@pytest.fixture
def v7():
    return V7()


@pytest.fixture
def darwin(v7):
    with Darwin(URL, SecretStr(KEY), transport=httpx.MockTransport(v7), clock=NoWaiting()) as client:
        yield client


def refusing(v7, status, *, text=None, headers=None, **body):
    content = {"text": text} if text is not None else {"json": body}
    v7.answers[REGISTER] = httpx.Response(status, headers=headers, **content)


def register_error(darwin) -> V7S3Error:
    with pytest.raises(V7S3Error) as caught:
        darwin.register("acme", REQUEST, "read-write")
    return caught.value


# --- what is sent and understood ------------------------------------------------------------------------------------
@pytest.mark.parametrize("access, path", [("read-write", REGISTER), ("read-only", f"{REGISTER}_readonly")])
def test_register_posts_the_request_to_the_endpoint_of_the_access(v7, darwin, access, path):
    v7.answers[path] = httpx.Response(200, json={"items": [], "blocked_items": [{"name": "a.jpg", "path": "/"}]})
    response = darwin.register("acme", REQUEST, access)
    assert [item.name for item in response.blocked_items] == ["a.jpg"]
    (request,) = v7.requests
    assert (request.method, request.url) == ("POST", URL + path)
    assert json.loads(request.content) == json.loads(REQUEST.to_json())
    assert request.headers["Authorization"] == f"ApiKey {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("v7s3/")


def test_storages_are_read_tolerantly(v7, darwin):
    v7.answers["/api/teams/acme/storage"] = httpx.Response(
        200, json=[*STORAGES, {"name": "ro", "readonly": True, "bucket": None, "region": "eu-west-1", "new_field": [1]}]
    )
    assert darwin.storages("acme") == [
        Storage(name="acme-frames", readonly=False, provider="aws", default=True, bucket="b"),
        Storage(name="ro", readonly=True, region="eu-west-1"),
    ]


def test_datasets_and_the_keys_team(darwin):
    assert [(one.id, one.slug) for one in darwin.datasets()] == [(7, "road-signs"), (8, "drives"), (9, "other-teams")]
    assert darwin.token_info().selected_team.slug == "acme"


def test_slugs_are_escaped_in_the_address(v7, darwin):
    with pytest.raises(NotFoundError):
        darwin.storages("a/b ?#é")
    assert v7.requests[0].url.raw_path == b"/api/teams/a%2Fb%20%3F%23%C3%A9/storage"


def paging(v7, pages: dict[str | None, tuple[list[str], str | None]]):
    def answer(request: httpx.Request) -> httpx.Response:
        v7.requests.append(request)
        ids, following = pages[request.url.params.get("page[from]")]
        items = [{"id": one, "name": one, "path": "/", "processing_status": "complete"} for one in ids]
        return httpx.Response(200, json={"items": items, "page": {"next": following, "previous": None, "count": 9}})

    return Darwin(URL, SecretStr(KEY), transport=httpx.MockTransport(answer), clock=NoWaiting())


def test_items_follow_the_cursor_and_carry_the_filters(v7):
    darwin = paging(v7, {None: (["1", "2"], "2"), "2": (["3"], None)})
    listed = darwin.items("acme", 7, {"item_names": ["a.jpg", "b&c.jpg"]}, page_size=2)
    assert [item.id for item in listed] == ["1", "2", "3"]
    filters = [("dataset_ids[]", "7"), ("item_names[]", "a.jpg"), ("item_names[]", "b&c.jpg"), ("page[size]", "2")]
    assert v7.requests[0].url.path == "/api/v2/teams/acme/items"
    assert v7.requests[0].url.params.multi_items() == filters
    assert v7.requests[1].url.params.multi_items() == [*filters, ("page[from]", "2")]


def test_items_are_listed_lazily(v7):
    darwin = paging(v7, {None: (["1", "2"], "2"), "2": (["3"], None)})
    assert next(darwin.items("acme", 7)).id == "1"
    assert len(v7.requests) == 1


def test_a_cursor_that_comes_back_ends_the_listing_with_an_error(v7):
    darwin = paging(v7, {None: (["1"], "x"), "x": (["2"], "y"), "y": (["3"], "x")})
    with pytest.raises(ServiceError, match="runs in a circle at x"):
        list(darwin.items("acme", 7))


def test_one_item_with_its_uploads(v7, darwin):
    v7.answers["/api/v2/teams/acme/items/018f"] = httpx.Response(
        200, json={"id": "018f", "name": "a", "uploads": [{"processing_status": "error"}], "slots": []}
    )
    assert darwin.item("acme", "018f").uploads == [{"processing_status": "error"}]


def test_deleting_names_dataset_and_items_and_accepts_an_empty_answer(v7, darwin):
    v7.answers["/api/v2/teams/acme/items"] = httpx.Response(204)
    darwin.delete_items("acme", 7, ["x", "y"])
    (request,) = v7.requests
    assert request.method == "DELETE"
    assert json.loads(request.content) == {"filters": {"dataset_ids": [7], "item_ids": ["x", "y"]}}


def test_deleting_nothing_asks_nothing_because_an_empty_filter_is_the_whole_dataset(v7, darwin):
    darwin.delete_items("acme", 7, [])
    assert v7.requests == []


# --- failures -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_say_which_permission_to_check_and_are_not_repeated(v7, darwin, status):
    refusing(v7, status, errors={"code": "NOT_AUTHENTICATED", "message": "Bad key"}, headers={"X-Request-Id": "F1"})
    error = register_error(darwin)
    assert isinstance(error, CredentialsError)
    assert error.message == (
        f"V7 does not let this API key register items in team 'acme': {status} NOT_AUTHENTICATED: Bad key (request id F1)"
    )
    assert "'Add data to datasets'" in error.hint
    assert len(v7.requests) == 1


def test_422_has_v7s_own_words_apart(v7, darwin):
    refusing(v7, 422, errors={"items": [{"fps": ["is invalid"]}]}, headers={"X-Request-Id": "F2"})
    error = register_error(darwin)
    assert isinstance(error, RefusedError)
    assert error.words == '{"items": [{"fps": ["is invalid"]}]}'
    assert (
        error.message == f"V7 refuses the request to register items in team 'acme': 422 {error.words} (request id F2)"
    )
    assert not error.too_large
    assert len(v7.requests) == 1


def test_413_is_marked_as_too_large(v7, darwin):
    refusing(v7, 413, text="<html><head><title>413 Request Entity Too Large</title></head><body>…")
    error = register_error(darwin)
    assert isinstance(error, RefusedError)
    assert error.too_large
    assert error.words == "too large: 413 Request Entity Too Large"


@pytest.mark.parametrize(
    "body, words",
    [
        ('{"errors": {"code": "INVALID_REQUEST"}}', "INVALID_REQUEST"),
        ('{"errors": {"code": "X", "message": "y", "http": {"status": 422}}}', "X: y"),
        ('{"errors": {"code": "X", "message": "X"}}', "X"),
        ('{"errors": {"code": "X", "detail": {"a": 1}}}', '{"code": "X", "detail": {"a": 1}}'),
        ('{"errors": ["a", "b"]}', '["a", "b"]'),
        ('{"error": "plain é"}', '{"error": "plain é"}'),
        ("null", "null"),
        ("", "(nothing)"),
        ("<p>Bad\n  gateway</p>", "Bad gateway"),
        ("x" * 900, "x" * 200),
        (r'{"errors": {"code": "bad \ud83d"}}', "bad \ufffd"),
        (r'{"errors": ["\ud83d\ude00 \ude00"]}', '["\U0001f600 \ufffd"]'),
        ("[" * 200_000, "[" * 200),
        (json.dumps({"errors": ["x" * 900]}), '["' + "x" * 498 + "…"),
    ],
)
def test_v7s_words_are_repeated_in_full_or_at_bounded_length(v7, darwin, body, words):
    refusing(v7, 422, text=body)
    assert register_error(darwin).words == words


@pytest.mark.parametrize("charset", ["hex", "base64", "idna", "undefined", "utf-7", "none-such", "latin-1"])
def test_a_page_is_read_in_whatever_charset_it_says_it_is(v7, darwin, charset):
    body = b"<html>no \xff+2D0-"
    v7.answers[REGISTER] = httpx.Response(422, content=body, headers={"Content-Type": f"text/html; charset={charset}"})
    words = register_error(darwin).words
    assert words.startswith("no ")
    assert words.encode()


def test_an_answer_is_read_with_half_a_surrogate_pair_and_with_deep_metadata_in_it(v7, darwin):
    blocked = rb'{"name": "a.jpg", "path": "/", "slots": [{"reason": "bad \ud83d"}]}'
    deep = b'{"metadata": ' + b"[" * 240 + b"]" * 240 + b"}"
    v7.answers[REGISTER] = httpx.Response(
        200, content=b'{"items": [], "blocked_items": [%s], "x": %s}' % (blocked, deep)
    )
    (item,) = darwin.register("acme", REQUEST, "read-write").blocked_items
    assert item.reasons == ("bad \ufffd",)


def test_a_quota_stops_the_run_at_once(v7, darwin):
    refusing(v7, 429, errors={"code": "INSUFFICIENT_REMAINING_STORAGE", "message": "Plan is full"})
    error = register_error(darwin)
    assert isinstance(error, StoppedError)
    assert "INSUFFICIENT_REMAINING_STORAGE: Plan is full" in error.message
    assert len(v7.requests) == 1


def test_429_for_ever_stops_the_run_after_a_while(v7, darwin):
    refusing(v7, 429, errors={"code": "TOO_MANY_REQUESTS"})
    error = register_error(darwin)
    assert isinstance(error, StoppedError)
    assert "refused for a long time" in error.message
    assert darwin.clock.now() > 800
    assert darwin.traffic.refused == len(v7.requests) < 40


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_is_tried_ten_times(v7, darwin, status):
    refusing(v7, status, text="<h1>upstream</h1>")
    error = register_error(darwin)
    assert isinstance(error, ServiceError)
    assert error.message == f"V7 could not register items in team 'acme': {status} upstream"
    assert len(v7.requests) == 10


def test_a_redirect_is_not_followed_because_the_key_would_go_along(v7, darwin):
    refusing(v7, 302, text="", headers={"Location": "https://elsewhere.test/login"})
    error = register_error(darwin)
    assert isinstance(error, ServiceError)
    assert "(redirects to https://elsewhere.test/login)" in error.message
    assert "--darwin-url" in error.hint
    assert len(v7.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<html><title>Sign in</title></html>",
        "",
        "{}",
        "[]",
        '{"items": {}}',
        '{"items": [{"id": "1"}]}',
        "null",
        "[" * 200_000,
        r'{"items": "\ud83d"}',
    ],
)
def test_200_with_another_body_than_documented_is_no_success(v7, darwin, body):
    refusing(v7, 200, text=body)
    error = register_error(darwin)
    assert isinstance(error, ServiceError)
    assert "answered 200 to a request to register items in team 'acme', but not with what it documents" in error.message


# --- what a 404 means -----------------------------------------------------------------------------------------------
def request_for(dataset: str, storage: str) -> RegisterRequest:
    return REQUEST.model_copy(update={"dataset_slug": dataset, "storage_slug": storage})


def not_found(darwin, team="acme", dataset="road-signs", storage="acme-frames") -> NotFoundError:
    with pytest.raises(NotFoundError) as caught:
        darwin.register(team, request_for(dataset, storage), "read-write")
    return caught.value


def test_404_names_the_unknown_dataset_and_those_that_exist(darwin):
    error = not_found(darwin, dataset="road-sign")
    assert error.message == "team 'acme' has no dataset 'road-sign'"
    assert error.hint == "did you mean --dataset road-signs? its datasets: road-signs, drives"


def test_404_names_the_unknown_storage_and_those_that_exist(darwin):
    error = not_found(darwin, storage="zzz")
    assert (error.message, error.hint) == ("team 'acme' has no storage 'zzz'", "its storages: acme-frames")


def test_404_names_both_when_both_are_unknown(v7, darwin):
    v7.answers["/api/teams/acme/storage"] = httpx.Response(200, json=[])
    error = not_found(darwin, dataset="x", storage="y")
    assert error.message == "team 'acme' has no dataset 'x' and no storage 'y'"
    assert error.hint == "its datasets: road-signs, drives; it has no storages that this key can see"


def test_404_names_the_team_of_the_key_when_the_team_is_unknown(darwin):
    error = not_found(darwin, team="acmee")
    assert error.message == "this API key has no team 'acmee'"
    assert error.hint == "the key is of team 'acme': --team acme, or use another key"


def test_404_with_all_slugs_known_says_no_more_than_v7(darwin):
    error = not_found(darwin)
    assert error.message == "V7 does not find what it takes to register items in team 'acme': 404 NOT_FOUND"
    assert error.hint == "team, dataset and storage exist; V7 says no more"


@pytest.mark.parametrize("path", ["/api/teams/acme/storage", "/api/datasets/"])
def test_404_without_readable_lists_says_which_slugs_to_check(v7, darwin, path):
    v7.answers[path] = httpx.Response(403)
    assert not_found(darwin).hint == (
        "check --team acme, --dataset road-signs and --storage acme-frames: they are slugs"
    )


# --- foreign exceptions ---------------------------------------------------------------------------------------------
def request_errors() -> set[type[httpx.RequestError]]:
    classes = {one for _, one in inspect.getmembers(httpx, inspect.isclass) if issubclass(one, httpx.RequestError)}
    return {one for one in classes if not any(other is not one and issubclass(other, one) for other in classes)}


def test_every_exception_that_httpx_raises_about_a_request_has_its_words():
    assert set(FAULTS) == request_errors()


@pytest.mark.parametrize("kind", sorted(request_errors(), key=lambda one: one.__name__))
def test_every_exception_of_httpx_becomes_a_service_error_with_a_next_step(v7, darwin, kind):
    v7.answers[REGISTER] = kind(f"detail {KEY}")
    error = register_error(darwin)
    assert isinstance(error, ServiceError)
    assert error.message == f"{URL} {FAULTS[kind][0]} (detail ***)"
    assert error.hint


def test_an_untrusted_certificate_is_named_and_not_tried_again(v7, darwin):
    fault = httpx.ConnectError("certificate verify failed: self-signed certificate")
    fault.__cause__ = ssl.SSLCertVerificationError(1, "self-signed certificate")
    v7.answers[REGISTER] = fault
    error = register_error(darwin)
    assert error.message == (f"the TLS connection to {URL} failed: certificate verify failed: self-signed certificate")
    assert "SSL_CERT_FILE" in error.hint
    assert len(v7.requests) == 1


# --- addresses ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "given, taken",
    [
        ("https://darwin.v7labs.com", "https://darwin.v7labs.com"),
        (" https://darwin.v7labs.com/\n", "https://darwin.v7labs.com"),
        ("https://Darwin.example:8443/", "https://darwin.example:8443"),
        ("http://127.0.0.1:8800", "http://127.0.0.1:8800"),
        ("http://localhost:8800/", "http://localhost:8800"),
        ("http://[::1]:8800", "http://[::1]:8800"),
    ],
)
def test_base_urls_that_are_taken(given, taken):
    assert checked_base_url(given) == taken


@pytest.mark.parametrize(
    "given, message",
    [
        ("http://darwin.v7labs.com", "unencrypted"),
        ("http://127.0.0.1.evil.test", "unencrypted"),
        ("darwin.v7labs.com", "must begin with https://"),
        ("ftp://darwin.v7labs.com", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://darwin.v7labs.com/api/v2", "must end after the host"),
        ("https://darwin.v7labs.com?x=1", "must end after the host"),
        ("https://darwin.v7labs.com#x", "must end after the host"),
        ("https://user:geheim@darwin.v7labs.com", "user name or password"),
        ("https://x:port", "is not a URL"),
    ],
)
def test_base_urls_that_are_refused(given, message):
    with pytest.raises(UsageError, match=message) as caught:
        checked_base_url(given)
    assert "geheim" not in str(caught.value)
    assert caught.value.hint


def test_the_environments_proxy_is_used_for_https_only(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:geheim@proxy.test")
    monkeypatch.setenv("NO_PROXY", "direct.test")
    for url in ("http://localhost:1", "https://localhost:1", "https://direct.test"):
        Darwin(url, SecretStr(KEY)).close()
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        Darwin("https://darwin.test", SecretStr(KEY))
    assert "geheim" not in caught.value.message + caught.value.hint


def test_an_unreadable_certificate_bundle_is_a_usage_error(monkeypatch, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        Darwin("https://darwin.test", SecretStr(KEY))


# --- the secret -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [200, 401, 404, 413, 422, 429, 500])
def test_the_key_is_in_no_message_repr_log_or_traceback(v7, darwin, caplog, status):
    caplog.set_level(logging.DEBUG)
    refusing(v7, status, text=f"you sent ApiKey {KEY}", headers={"X-Echo": KEY})
    error = register_error(darwin)
    frames = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert KEY not in error.message + error.hint + str(error) + repr(error)
    assert KEY not in caplog.text
    assert KEY not in repr(vars(darwin)) + repr(v7.requests[0]) + repr(v7.requests[0].headers)
    assert KEY not in frames


def test_the_limits_are_v7s_documented_ones():
    assert (Limits().register_per_minute, Limits().other_per_minute) == (100, 1000)


def test_a_key_that_v7_repeats_in_its_answer_or_its_redirect_goes_no_further(v7, darwin):
    """The ledger keeps V7's reasons, and its export knows of no key to hide."""
    blocked = [{"name": "a.jpg", "path": "/", "slots": [{"slot_name": "0", "reason": f"no access for {KEY}"}]}]
    v7.answers[REGISTER] = httpx.Response(200, json={"items": [], "blocked_items": blocked})
    (item,) = darwin.register("acme", REQUEST, "read-write").blocked_items
    assert item.reasons == ("no access for ***",)
    v7.answers[REGISTER] = httpx.Response(302, headers={"Location": f"https://x.test/?k={KEY}"})
    with pytest.raises(ServiceError) as error:
        darwin.register("acme", REQUEST, "read-write")
    assert "k=***" in error.value.message


@pytest.mark.parametrize("key", [KEY, 'AbCdEf1.quote"back\\slash'])
@pytest.mark.parametrize(
    "page", ["<p>{}</p>", "<title>{}</title>", '{{"errors": {{"code": "{}"}}}}', '{{"errors": ["{}"]}}']
)
def test_of_a_key_that_the_cut_of_a_long_answer_goes_through_nothing_is_left(v7, key, page):
    in_page = json.dumps(key)[1:-1] if page.startswith("{") else key
    with Darwin(URL, SecretStr(key), transport=httpx.MockTransport(v7), clock=NoWaiting()) as darwin:
        for length in [*range(150, 200), *range(440, 500)]:
            refusing(v7, 422, text=page.format("x" * length + in_page))
            error = register_error(darwin)
            assert isinstance(error, RefusedError)
            assert key[:6] not in error.message + error.words


def test_a_key_as_request_id_is_not_told(v7, darwin):
    refusing(v7, 422, errors={"code": "X"}, headers={"X-Request-Id": f"ApiKey {KEY}"})
    assert register_error(darwin).message.endswith("422 X (request id ApiKey ***)")
    refusing(v7, 422, errors={"code": "X"}, headers={"X-Request-Id": "x" * 190 + KEY})
    assert register_error(darwin).message.endswith("(request id " + "x" * 190 + "***)")
