"""Listings: every key once and unchanged, whatever the server, the network and the layout of the bucket do."""

from __future__ import annotations

import random
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listing_server import ETAG, MODIFIED, Bucket, ListingServer, in_s3_order, render
from v7s3.errors import CredentialsError, NotFoundError, ServiceError, UsageError
from v7s3.items.objects import StorageObject
from v7s3.listing import list_objects, list_parallel
from v7s3.listing import requests as listing_requests
from v7s3.listing.page import Page, UnreadablePageError, _scanned, read_page
from v7s3.listing.ranges import KeySpace
from v7s3.s3 import AwsSettings, connect

NASTY = [
    "a b", "a+b", "a%20b", "100%", "a%2Fb", "a&b", "a&amp;b", "<a>", "a'b\"c", "#a", "a?b=c", "é", "e\u0301", "日本/写真.jpg",
    "🙂", "/lead", "tail/", "a//b", "./a", "a/../b", "..", "tab\tin", "line\nin", "return\rin", "\x01\x1f", "\x7f", "~",
    "back\\slash", "trailing ", " leading", "*|^`{}[]", "x" * 1024, "ü" * 512, "\U0010ffff", "\ufffd", "\ud7ff", "\ue000",
]  # fmt: skip
IN_XML = [key for key in NASTY if not any(ord(character) < 32 for character in key)]

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
xml_keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda key: "\ufffe" not in key and "\uffff" not in key
)


# --- one page ---------------------------------------------------------------------------------------------------------
def expected(names, **changes):
    return [StorageObject(name, size, ETAG, MODIFIED, "STANDARD")._replace(**changes) for name, size in names]


@given(st.lists(st.tuples(keys, st.integers(0, 5 * 2**40))), st.text("aZ09+/=_-", max_size=30))
def test_a_page_as_s3_writes_it_is_read_without_a_parser(names, token):
    body = render("s3", names, token=token)
    assert read_page(body) == Page(expected(names), token)
    assert (_scanned(body.decode()) is not None) == bool(names)


@pytest.mark.parametrize("dialect", ["s3", "minio", "namespaced"])
@given(names=st.lists(st.tuples(keys, st.integers(0, 2**40)), max_size=5))
def test_other_servers_write_it_otherwise_and_mean_the_same(dialect, names):
    assert read_page(render(dialect, names, token="t&t")) == Page(expected(names), "t&t")


@given(st.lists(st.tuples(keys, st.integers(0, 2**40)), max_size=5))
def test_order_white_space_and_what_is_missing_do_not_matter(names):
    assert read_page(render("indented", names)) == Page(expected(names, storage_class=""))


@given(st.lists(st.tuples(xml_keys, st.integers(0, 2**40)), max_size=5))
def test_a_server_that_does_not_percent_encode_is_not_decoded(names):
    assert read_page(render("plain", names)) == Page(expected(names))


@pytest.mark.parametrize("key", NASTY, ids=ascii)
def test_every_nasty_key_comes_through_a_page(key):
    assert read_page(render("s3", [(key, 1), ("plain.jpg", 2)])).objects[0].key == key


def test_bytes_that_are_no_utf8_survive_as_they_are():
    key = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert read_page(render("s3", [(key, 1)])).objects[0].key == key


def test_an_entity_inside_a_percent_encoded_key_is_still_read_right():
    body = render("s3", [("a", 1)]).replace(b"<Key>a</Key>", b"<Key>a&amp;b+c</Key>")
    assert read_page(body).objects[0].key == "a&b c"


def test_the_time_is_always_written_as_s3_writes_it():
    for text in ("2026-05-01T10:00:00Z", "2026-05-01T12:00:00.000+02:00", "2026-05-01T10:00:00"):
        body = render("s3", [("a", 1)]).replace(MODIFIED.encode(), text.encode())
        assert read_page(body).objects[0].last_modified == MODIFIED


BROKEN = {
    "cut off": render("s3", [("a", 1), ("b", 2)])[:-40],
    "empty": b"",
    "a login page": b"<!DOCTYPE html><html><body>Please log in<br></body></html>",
    "another document": b"<?xml version='1.0'?><ListAllMyBucketsResult/>",
    "json": b'{"Contents": []}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_listing_is_never_an_empty_one(name):
    with pytest.raises(UnreadablePageError):
        read_page(BROKEN[name])


def test_a_page_that_names_fewer_keys_than_it_counts_is_an_error():
    with pytest.raises(ServiceError, match="counts 3 keys on a page of its listing and names 2"):
        read_page(render("s3", [("a", 1), ("b", 2)], key_count=3))


def test_a_page_cut_short_without_a_token_is_an_error():
    body = render("s3", [("a", 1)]).replace(b"<IsTruncated>false", b"<IsTruncated>true")
    with pytest.raises(ServiceError, match="without saying how to go on"):
        read_page(body)


# --- over the wire ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def server():
    with ListingServer() as running:
        yield running


@pytest.fixture
def client(server, _clients={}):  # noqa: B006  # boto3 takes a second to make one
    if server.url not in _clients:
        _clients[server.url] = connect(AwsSettings(endpoint_url=server.url))
    return _clients[server.url]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(listing_requests, "_pause_after", lambda _: 0.0)


def bucket(server, names, **options):
    server.buckets["acme"] = Bucket(in_s3_order(names), **options)
    return server.buckets["acme"]


def listed(pages):
    pages = list(pages)
    assert all(pages)
    return [one.key for page in pages for one in page]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2001])
@pytest.mark.parametrize("list_them", [list_objects, list_parallel])
def test_there_is_nothing_special_about_a_thousand(server, client, list_them, count):
    held = bucket(server, [f"{index:06d}.jpg" for index in range(count)])
    assert sorted(listed(list_them(client, "acme"))) == held.keys


@pytest.mark.parametrize("list_them", [list_objects, list_parallel])
def test_a_bucket_of_one_page_costs_one_request(server, client, list_them):
    held = bucket(server, [f"{index:06d}.jpg" for index in range(1000)])
    assert listed(list_them(client, "acme")) == held.keys
    assert held.requests == 1


@pytest.mark.parametrize("dialect", ["s3", "minio", "namespaced", "indented"])
def test_nasty_keys_are_listed_in_key_order_and_byte_for_byte(server, client, dialect):
    held = bucket(server, NASTY, page_size=3, dialect=dialect)
    assert listed(list_objects(client, "acme")) == held.keys


def test_nasty_keys_are_listed_by_a_server_without_encoding(server, client):
    held = bucket(server, IN_XML, page_size=3, dialect="plain")
    assert listed(list_objects(client, "acme")) == held.keys


@pytest.mark.parametrize("prefix", ["a", "a/", "a+b", "日本/", " ", "%", "nothing here"])
@pytest.mark.parametrize("list_them", [list_objects, list_parallel])
def test_a_prefix_is_taken_literally(server, client, list_them, prefix):
    held = bucket(server, [*NASTY, *(f"a/{index}" for index in range(40))], page_size=2)
    assert sorted(listed(list_them(client, "acme", prefix))) == sorted(
        key for key in held.keys if key.startswith(prefix)
    )


@pytest.mark.parametrize("deleted", [range(20), range(30, 60), range(100, 390), range(400), range(380, 400), range(7)])
@pytest.mark.parametrize("list_them", [list_objects, list_parallel])
def test_a_page_may_be_empty_and_not_the_last(server, client, list_them, deleted):
    """As where many objects were deleted: such a page leads on by its token alone."""
    held = bucket(server, [f"{index:03d}" for index in range(400)], page_size=7)
    held.deleted = {held.keys[index] for index in deleted}
    held.faults = [*[None] * 1000, *[(403, b"<Error><Code>AccessDenied</Code></Error>")] * 100]  # else it never ends
    got = listed(list_them(client, "acme"))
    assert sorted(got) == [key for key in held.keys if key not in held.deleted]


def test_moto_and_boto3_agree_with_us(moto_url):
    client = connect(AwsSettings(endpoint_url=moto_url))
    client.create_bucket(Bucket="acme-nasty")
    put = [key for key in IN_XML if key not in (".", "..") and not key.startswith("/")]
    for key in put:
        client.put_object(Bucket="acme-nasty", Key=key, Body=b"x")
    theirs = [
        StorageObject(
            one["Key"],
            one["Size"],
            one["ETag"].strip('"'),
            one["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            one["StorageClass"],
        )
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket="acme-nasty", PaginationConfig={"PageSize": 5}
        )
        for one in page["Contents"]
    ]
    ours = [one for page in list_objects(client, "acme-nasty") for one in page]
    assert [one.key for one in ours] == [one.key for one in theirs]
    assert [one._replace(last_modified="") for one in ours] == [one._replace(last_modified="") for one in theirs]


# --- faults -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fault", ["503", "drop", "cut", (500, b"<Error><Code>InternalError</Code></Error>"), (200, b"")]
)
@pytest.mark.parametrize("list_them", [list_objects, list_parallel])
def test_a_stumbling_server_is_asked_again(server, client, list_them, fault):
    held = bucket(server, [f"{index:03d}" for index in range(100)], page_size=7)
    held.faults = [fault, None, fault, fault, fault, None, None, fault]
    held.faults[0] = fault if fault != "drop" else None
    assert sorted(listed(list_them(client, "acme"))) == held.keys


@pytest.mark.parametrize("list_them", [list_objects, list_parallel])
def test_a_server_that_stays_busy_ends_the_listing_with_an_error_not_with_fewer_keys(server, client, list_them):
    held = bucket(server, [f"{index:03d}" for index in range(100)], page_size=7)
    held.faults = [None, None, *["503"] * 500]
    with pytest.raises(ServiceError, match="S3 asks to slow down"):
        listed(list_them(client, "acme"))


REFUSALS = [
    (403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>", CredentialsError, "s3:ListBucket"),
    (404, b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>", NotFoundError, "no such bucket"),
    (400, b"<Error><Code>ExpiredToken</Code><Message>no</Message></Error>", CredentialsError, "expired"),
    (
        301,
        b"<Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>",
        UsageError,
        "is in region eu-west-1",
    ),
    (403, b"", CredentialsError, "s3:ListBucket"),
    (418, b"<html>teapot</html>", ServiceError, "418"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=[str(row[3]) for row in REFUSALS])
def test_a_refusal_is_not_repeated_and_says_why(server, client, refusal):
    status, body, kind, words = refusal
    held = bucket(server, ["a"])
    held.faults = [(status, body)]
    with pytest.raises(kind, match=words):
        listed(list_objects(client, "acme", "raw/"))
    assert held.requests == 1


def test_the_same_page_twice_is_an_error_because_it_would_never_end(server, client):
    held = bucket(server, ["a", "b", "c"])
    held.faults = [(200, render("s3", [("a", 1)], token="one")), (200, render("s3", [("a", 1)], token="two"))]
    with pytest.raises(ServiceError, match="the same page of its listing twice"):
        listed(list_objects(client, "acme"))


def test_an_endless_token_is_an_error(server, client):
    held = bucket(server, ["a", "b", "c"])
    held.faults = [(200, render("s3", [(key, 1)], token="one")) for key in "abc"]
    with pytest.raises(ServiceError, match="the same page of its listing twice"):
        listed(list_objects(client, "acme"))


def test_a_token_is_sent_back_exactly_as_it_came(server, client):
    odd = "a+b/c=&d e%20"
    held = bucket(server, ["z"])
    held.faults = [(200, render("s3", [("a", 1)], token=odd))]
    asked = []
    answer = held.answer
    held.answer = lambda query: asked.append(query["continuation-token"]) or answer({})
    assert listed(list_objects(client, "acme")) == ["a", "z"]
    assert asked == [odd]


# --- many workers -----------------------------------------------------------------------------------------------------
def shaped(seed, count):
    """Keys of several shapes at once, as a bucket grows in years."""
    draw = random.Random(seed)
    cjk = "扫描图像数据"
    shapes = [
        lambda: f"photos/{draw.randrange(30):06d}/IMG_{draw.randrange(10**6):09d}.jpg",
        lambda: f"{draw.getrandbits(64):016x}.dcm",
        lambda: f"cam{draw.randrange(12)}/2026/{draw.randrange(1, 13):02d}/{draw.randrange(10**4)}.png",
        lambda: "".join(draw.choices(cjk, k=5)) + f"/{draw.randrange(100)}",
        lambda: "".join(chr(draw.randrange(0x1F300, 0x1F600)) for _ in range(4)),
        lambda: draw.choice(NASTY) + str(draw.randrange(1000)),
    ]
    chosen = draw.sample(shapes, draw.randrange(1, 4))
    return in_s3_order(draw.choice(chosen)() for _ in range(count))


def divided(keys, *, workers, page_size, seed, prefix=""):
    """Play the workers one answer at a time, in an order drawn from `seed`; returns keys and the requests it took."""
    draw = random.Random(seed)
    objects = [StorageObject(key) for key in keys if key.startswith(prefix)]
    order = [one.key.encode() for one in objects]

    def page_after(after):
        begin = next((index for index, raw in enumerate(order) if raw > after.encode()), len(order)) if after else 0
        return objects[begin : begin + page_size], begin + page_size < len(objects)

    first, more = page_after("")
    got, requests, busy = [one.key for one in first], 1, []
    if not more:
        return got, requests
    space = KeySpace(prefix, first)
    while not space.done:
        while len(busy) < workers and (mine := space.claim()) is not None:
            busy.append((mine, *page_after(mine.after)))
        mine, page, more = busy.pop(draw.randrange(len(busy)))
        requests += 1
        got += [one.key for one in space.arrived(mine, page, more=more)]
        if space.active(mine):
            busy.append((mine, *page_after(mine.after)))
    return got, requests


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(keys, max_size=60, unique=True),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 2**32),
    st.text(max_size=1).filter(lambda text: text.isascii()),
)
def test_whatever_the_keys_and_whoever_answers_first_each_key_comes_once(names, workers, page_size, seed, prefix):
    names = in_s3_order(names)
    got, _ = divided(names, workers=workers, page_size=page_size, seed=seed, prefix=prefix)
    assert in_s3_order(got) == [key for key in names if key.startswith(prefix)]
    assert len(got) == len(set(got))


@pytest.mark.parametrize("seed", range(20))
def test_buckets_that_grew_for_years_are_divided_without_loss(seed):
    names = shaped(seed, 1500)
    got, requests = divided(names, workers=8, page_size=5, seed=seed)
    assert in_s3_order(got) == names
    assert len(got) == len(names)
    assert requests <= 1.5 * len(names) / 5 + 30


@pytest.mark.parametrize("layout", ["photos/{0:06d}/IMG_{1:09d}.jpg", "IMG_{1:09d}.jpg", "深い/階層/{0}/{1:05d}.jpg"])
def test_idle_workers_find_work_in_any_layout(layout):
    names = in_s3_order(layout.format(index // 100, index) for index in range(20_000))
    space = KeySpace("", [StorageObject(key) for key in names[:100]])
    working = 0
    rounds = 0
    busy = []
    while not space.done:
        while len(busy) < 8 and (mine := space.claim()) is not None:
            busy.append(mine)
        rounds += 1
        working += len(busy)
        for mine in list(busy):
            begin = next((index for index, key in enumerate(names) if key > mine.after), len(names))
            space.arrived(
                mine, [StorageObject(key) for key in names[begin : begin + 100]], more=begin + 100 < len(names)
            )
            if not space.active(mine):
                busy.remove(mine)
    assert rounds <= 60  # one after another it would be 200; eight workers could do it in 25
    assert working <= 1.3 * 200


@pytest.mark.parametrize("seed", range(4))
def test_many_workers_list_over_http_what_one_lists(server, client, seed):
    held = bucket(server, shaped(seed, 400), page_size=4)
    held.faults = random.Random(seed).choices([None, None, None, None, "503", "cut"], k=60)
    held.faults[0] = None
    pages = list(list_parallel(client, "acme", workers=8))
    assert all([one.key for one in page] == in_s3_order(one.key for one in page) for page in pages)
    assert in_s3_order(listed(pages)) == held.keys
    assert len(listed(pages)) == len(held.keys)


def test_one_worker_lists_in_key_order(server, client):
    held = bucket(server, NASTY, page_size=2)
    assert listed(list_parallel(client, "acme", workers=1)) == held.keys


def test_a_server_with_an_order_of_its_own_is_refused_to_many_workers(server, client):
    held = bucket(server, [])
    held.keys = ["b", "a", "d", "c", "f", "e", "h", "g"]
    held.page_size = 4
    with pytest.raises(ServiceError, match="does not list its keys in the order"):
        listed(list_parallel(client, "acme"))


def listing_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("v7s3-list")]


def test_closing_the_listing_stops_the_workers(server, client):
    held = bucket(server, [f"{index:06d}" for index in range(600)], page_size=2)
    pages = list_parallel(client, "acme", workers=4)
    next(pages)
    next(pages)
    pages.close()
    assert not listing_threads()
    assert held.requests < 150


@pytest.mark.parametrize("waiting", [1, 4])
def test_more_workers_than_pages_may_wait_do_not_wait_for_ever(server, client, monkeypatch, waiting):
    monkeypatch.setattr("v7s3.listing.parallel._WAITING_PAGES", waiting)
    held = bucket(server, [f"{index // 40:02d}/{index:06d}" for index in range(2000)], page_size=5)
    got: list[str] = []

    def read():
        for page in list_parallel(client, "acme", workers=24):
            got.extend(one.key for one in page)
            time.sleep(0.001)  # so that the workers come to wait

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(60)
    assert not reader.is_alive()
    assert sorted(got) == held.keys


def test_a_slow_reader_makes_the_workers_wait(server, client, monkeypatch):
    monkeypatch.setattr("v7s3.listing.parallel._WAITING_PAGES", 5)
    held = bucket(server, [f"{index:06d}" for index in range(600)], page_size=3)
    pages = list_parallel(client, "acme", workers=4)
    got = [one.key for one in next(pages)] + [one.key for one in next(pages)]
    settled = -1
    while settled != held.requests:  # stopping too early could only hide a defect, never report one
        settled = held.requests
        threading.Event().wait(0.05)
    assert held.requests <= 2 + 5 + 4 + 30  # read, ready, one in each hand, and guesses that found nothing
    assert sorted([*got, *listed(pages)]) == held.keys


def test_a_failure_of_one_worker_reaches_the_reader_and_stops_the_others(server, client):
    held = bucket(server, [f"{index:06d}" for index in range(600)], page_size=2)
    held.faults = [*[None] * 20, (403, b"<Error><Code>AccessDenied</Code></Error>")]
    with pytest.raises(CredentialsError):
        listed(list_parallel(client, "acme", workers=4))
    assert not listing_threads()
    assert held.requests < 150


def test_credentials_that_were_refreshed_are_used_from_the_next_page_on(server, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    turns = tmp_path / "turns"
    turns.write_text("")
    process = tmp_path / "process.py"
    process.write_text(
        "import datetime, json, pathlib, sys\n"
        f"turns = pathlib.Path({str(turns)!r})\n"
        "turns.write_text(turns.read_text() + 'x')\n"
        "ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)\n"  # boto3 refreshes early
        "print(json.dumps({'Version': 1, 'AccessKeyId': 'TURN' + str(len(turns.read_text())), 'SecretAccessKey': 's',"
        " 'SessionToken': 't', 'Expiration': ends.isoformat()}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {process}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    held = bucket(server, ["a", "b", "c"], page_size=1)
    assert listed(list_objects(connect(AwsSettings(endpoint_url=server.url)), "acme")) == ["a", "b", "c"]
    used = [headers["Authorization"].partition("Credential=")[2].partition("/")[0] for headers in held.headers]
    assert len(set(used)) == 3
    assert all(headers["X-Amz-Security-Token"] == "t" for headers in held.headers)
