"""The sandbox's S3 answers cross-origin requests as answers recorded on AWS show it."""

from __future__ import annotations

import httpx
import pytest
from botocore.exceptions import ClientError

APP = "https://darwin.v7labs.com"
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@pytest.fixture
def bucket(s3):
    s3.make_bucket("frames")
    s3.put("frames", "1.jpg", b"picture")
    return "frames"


def rule(origins=(APP,), methods=("GET",), headers=(), **more):
    lists = {"AllowedOrigins": list(origins), "AllowedMethods": list(methods), "AllowedHeaders": list(headers)}
    return {**lists, **more}


def put(s3, *rules):
    s3.client().put_bucket_cors(Bucket="frames", CORSConfiguration={"CORSRules": list(rules)})


def cors_headers(response):
    names = [name for name in response.headers if name.startswith("access-control") or name == "vary"]
    return {name: response.headers[name] for name in names}


def preflight(s3, origin=APP, method="GET", headers=None, key="/1.jpg"):
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    sent |= {"Access-Control-Request-Headers": headers} if headers else {}
    return httpx.options(f"{s3.url}/frames{key}", headers={k: v for k, v in sent.items() if v is not None})


def get(s3, origin=APP, method="GET", **headers):
    url = s3.presign("frames", "1.jpg", method, identity="owner")
    return httpx.request(method, url, headers={"Origin": origin, **headers})


def message(response):
    return response.text.partition("<Message>")[2].partition("</Message>")[0]


def test_without_a_configuration_a_preflight_is_refused_and_a_get_has_no_headers(s3, bucket):
    refused = preflight(s3)
    assert refused.status_code == 403
    assert "<Code>AccessForbidden</Code>" in refused.text
    assert message(refused) == "CORSResponse: CORS is not enabled for this bucket."
    assert "<Method>GET</Method><ResourceType>OBJECT</ResourceType>" in refused.text
    answer = get(s3)
    assert (answer.status_code, answer.content, cors_headers(answer)) == (200, b"picture", {})


def test_an_allowed_origin_is_echoed_with_credentials(s3, bucket):
    put(s3, rule(methods=("GET", "PUT"), headers=("*",), ExposeHeaders=["ETag", "x-amz-id-2"], MaxAgeSeconds=3000))
    expected = {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, x-amz-id-2",
        "access-control-max-age": "3000",
        "vary": VARY,
    }
    assert cors_headers(get(s3)) == expected
    answer = preflight(s3, headers="X-Custom,range")
    assert answer.status_code == 200
    assert cors_headers(answer) == {**expected, "access-control-allow-headers": "x-custom, range"}


def test_a_plain_star_is_answered_with_a_star_and_without_credentials(s3, bucket):
    put(s3, rule(origins=("*",)))
    assert cors_headers(get(s3, origin="https://anything.example")) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET",
        "vary": VARY,
    }


@pytest.mark.parametrize(
    "pattern, origin, allowed",
    [
        (APP, APP, True),
        (APP, APP + "/", False),
        (APP, APP + ":443", False),
        (APP, APP + ".evil.example", False),
        (APP, "https://DARWIN.v7labs.com", False),
        (APP, "http://darwin.v7labs.com", False),
        ("https://*.v7labs.com", APP, True),
        ("https://*.v7labs.com", "https://v7labs.com", False),
        ("https://darwin*.v7labs.com", APP, True),
        ("http*://darwin.v7labs.com", APP, True),
        ("", "", True),
    ],
)
def test_origins_are_compared_as_whole_texts(s3, bucket, pattern, origin, allowed):
    put(s3, rule(origins=(pattern,)))
    assert bool(cors_headers(get(s3, origin=origin))) is allowed
    assert preflight(s3, origin=origin).status_code == (200 if allowed else 403)


def test_methods_are_compared_literally(s3, bucket):
    put(s3, rule(methods=("GET",)))
    assert cors_headers(get(s3, method="HEAD")) == {}
    assert preflight(s3, method="PUT").status_code == 403
    assert message(preflight(s3, method="get")) == "Invalid Access-Control-Request-Method: get"
    assert message(preflight(s3, method=None)) == "Invalid Access-Control-Request-Method: null"


@pytest.mark.parametrize(
    "allowed, asked, status",
    [
        ((), "range", 403),
        (("*",), "range, X-Any", 200),
        (("Range",), "RANGE", 200),
        (("x-amz-*",), "x-amz-date, x-amz-acl", 200),
        (("x-amz-*",), "x-amz-date, range", 403),
        (("*-amz-date",), "x-amz-date", 200),
    ],
)
def test_every_asked_header_must_be_allowed(s3, bucket, allowed, asked, status):
    put(s3, rule(headers=allowed))
    assert preflight(s3, headers=asked).status_code == status


def test_the_first_rule_that_matches_everything_wins(s3, bucket):
    put(
        s3,
        rule(methods=("PUT",), MaxAgeSeconds=1),
        rule(headers=("range",), MaxAgeSeconds=2),
        rule(headers=("*",), MaxAgeSeconds=3),
        rule(origins=("*",), MaxAgeSeconds=4),
    )
    assert cors_headers(get(s3))["access-control-max-age"] == "2"
    assert cors_headers(preflight(s3, headers="x-other"))["access-control-max-age"] == "3"
    assert cors_headers(preflight(s3, origin="https://other.example"))["access-control-max-age"] == "4"


def test_a_preflight_needs_an_origin_and_a_bucket(s3, bucket):
    no_origin = preflight(s3, origin=None)
    assert (no_origin.status_code, message(no_origin)) == (
        400,
        "Insufficient information. Origin request header needed.",
    )
    missing = httpx.options(f"{s3.url}/nowhere/x", headers={"Origin": APP, "Access-Control-Request-Method": "GET"})
    assert (missing.status_code, message(missing)) == (403, "CORSResponse: Bucket not found")


def test_a_refused_get_carries_the_headers_too(s3, bucket):
    put(s3, rule())
    answer = httpx.get(s3.presign("frames", "1.jpg"), headers={"Origin": APP})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (403, APP)


@pytest.mark.parametrize(
    "bad, code, words",
    [
        (rule(methods=("OPTIONS",)), "InvalidRequest", "Unsupported method is OPTIONS"),
        (rule(methods=("get",)), "InvalidRequest", "Unsupported method is get"),
        (rule(origins=("https://*.v7*.com",)), "InvalidRequest", "can not have more than one wildcard"),
        (rule(headers=("x-*-*",)), "InvalidRequest", "can not have more than one wildcard"),
        (rule(ExposeHeaders=["x-*"]), "InvalidRequest", "wildcard"),
        (rule(origins=()), "MalformedXML", "did not validate"),
        (rule(methods=()), "MalformedXML", "did not validate"),
    ],
)
def test_s3_refuses_to_store_a_rule(s3, bucket, bad, code, words):
    with pytest.raises(ClientError) as refused:
        put(s3, bad)
    assert refused.value.response["Error"]["Code"] == code
    assert words in refused.value.response["Error"]["Message"]


def test_a_hundred_rules_are_enough(s3, bucket):
    put(s3, *[rule()] * 100)
    with pytest.raises(ClientError, match="allowed limit of 100 rules"):
        put(s3, *[rule()] * 101)


def test_a_configuration_reads_back_as_it_was_put(s3, bucket):
    full = rule(headers=("Range",), ID="v7-darwin", ExposeHeaders=["ETag"], MaxAgeSeconds=60)
    put(s3, full)
    assert s3.client().get_bucket_cors(Bucket="frames")["CORSRules"] == [full]
    s3.client().delete_bucket_cors(Bucket="frames")
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.client().get_bucket_cors(Bucket="frames")
