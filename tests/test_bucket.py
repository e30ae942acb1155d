"""Bucket names and s3:// URLs, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.bucket import BucketUrl, bucket_name_problem
from v7s3.errors import UsageError

PLACES = {
    "s3://acme-scans": ("acme-scans", ""),
    "s3://acme-scans/": ("acme-scans", ""),
    "s3://acme-scans/raw/may": ("acme-scans", "raw/may"),
    "s3://acme-scans//lead": ("acme-scans", "/lead"),
    "s3://acme-scans/100%25 a+b?c#d&e": ("acme-scans", "100%25 a+b?c#d&e"),
    "s3://acme-scans/é\u0301🙂//../": ("acme-scans", "é\u0301🙂//../"),
    "s3://my.bucket.example/raw": ("my.bucket.example", "raw"),
}


@pytest.mark.parametrize("text", PLACES)
def test_an_s3_url_is_a_bucket_and_an_untouched_key(text):
    assert BucketUrl.parse(text) == BucketUrl(*PLACES[text])


@given(st.text())
def test_whatever_stands_behind_the_bucket_is_the_key(key):
    assert BucketUrl.parse(f"s3://acme-scans/{key}").key == key


INSTEAD = {
    "acme-scans/raw": "write s3://acme-scans/raw",
    "acme-scans": "write s3://acme-scans",
    "s3:acme-scans/raw": "write s3://acme-scans/raw",
    "s3:/acme-scans/raw": "write s3://acme-scans/raw",
    "S3://acme-scans/Raw": "write s3://acme-scans/Raw",
    "s3a://acme-scans/raw": "write s3://acme-scans/raw",
    "s3://Acme-Scans/Raw": "write s3://acme-scans/Raw",
    "arn:aws:s3:::acme-scans": "write s3://acme-scans",
    "arn:aws:s3:::acme-scans/raw/*": "write s3://acme-scans/raw/",
    "arn:aws-cn:s3:::acme-scans/raw": "write s3://acme-scans/raw",
    "https://acme-scans.s3.eu-west-1.amazonaws.com/raw/a%20b.jpg": "write s3://acme-scans/raw/a b.jpg",
    "https://acme-scans.s3.amazonaws.com": "write s3://acme-scans",
    "https://s3.eu-west-1.amazonaws.com/acme-scans/raw/": "write s3://acme-scans/raw/",
    "https://s3-eu-west-1.amazonaws.com/acme-scans/raw/": "write s3://acme-scans/raw/",
    "https://s3.console.aws.amazon.com/s3/buckets/acme-scans?region=eu-west-1&prefix=raw/may/&showversions=false": (
        "write s3://acme-scans/raw/may/"
    ),
    "https://eu-west-1.console.aws.amazon.com/s3/buckets/acme-scans?tab=objects": "write s3://acme-scans",
    "https://eu-west-1.console.aws.amazon.com/s3/object/acme-scans?prefix=raw/1.jpg": "write s3://acme-scans/raw/1.jpg",
    "https://eu-west-1.console.aws.amazon.com/s3/home": "write s3://BUCKET or s3://BUCKET/PREFIX",
    "https://example.com/picture.jpg": "write s3://BUCKET or s3://BUCKET/PREFIX",
    "s3://": "write s3://BUCKET or s3://BUCKET/PREFIX",
    "s3:///raw": "write s3://BUCKET or s3://BUCKET/PREFIX",
    "": "write s3://BUCKET or s3://BUCKET/PREFIX",
    "gs://acme-scans/raw": ("v7s3 connects Amazon S3 and servers that speak its API; write s3://BUCKET/PREFIX"),
    "arn:aws:s3:eu-west-1:111122223333:accesspoint/scans": (
        "give the bucket itself, s3://BUCKET/PREFIX: V7 knows buckets by their names, not access points"
    ),
    "s3://acme_scans/raw": "`aws s3 ls` lists the buckets of your account",
    "s3://scans-metadata-abc123-s3alias/raw": (
        "V7 knows buckets by their own names: give the bucket behind the access point"
    ),
}


@pytest.mark.parametrize("text", INSTEAD)
def test_anything_else_is_refused_with_what_to_write_instead(text):
    with pytest.raises(UsageError) as caught:
        BucketUrl.parse(text)
    assert caught.value.hint == INSTEAD[text]


@given(st.text(max_size=80))
def test_no_text_makes_the_parser_fail_in_any_other_way(text):
    try:
        url = BucketUrl.parse(text)
    except UsageError:
        return
    assert str(url) in (text, text.removesuffix("/"))


PROBLEMS = {
    "acme-scans": None,
    "a1b": None,
    "1" * 63: None,
    "ab": "invalid",
    "a" * 64: "invalid",
    "Acme": "invalid",
    "acme_scans": "invalid",
    "-acme": "invalid",
    "acme-": "invalid",
    "acme..scans": "invalid",
    "acme scans": "invalid",
    "acmé": "invalid",
    "192.168.5.4": "invalid",
    "xn--acme": "invalid",
    "sthree-acme": "invalid",
    "amzn-s3-demo-bucket": "invalid",
    "acme.scans": "dots",
    "acme--usw2-az1--x-s3": "directory",
    "scans-abc123-s3alias": "access-point",
    "scans--ol-s3": "access-point",
    "mfzwi23gnjvgw.mrap": "access-point",
    "scans--op-s3": "outposts",
    "acme--table-s3": "table",
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_bucket_name_tells_what_is_wrong_with_it(name):
    problem = bucket_name_problem(name)
    assert (problem.kind if problem else None) == PROBLEMS[name]
