"""The sandbox's S3 answers as Amazon's does."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

NASTY = ["a b+c/ü%#.jpg", "//double", "/leading", "trailing/", "😀.png", "e\u0301.jpg", "a%2Fb", "k" * 1024, "q?x=1&y"]


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_keys_are_opaque(s3):
    s3.make_bucket("frames")
    client = s3.client()
    for key in NASTY:
        client.put_object(Bucket="frames", Key=key, Body=key.encode())
    assert [client.get_object(Bucket="frames", Key=key)["Body"].read().decode() for key in NASTY] == NASTY
    listed = [entry["Key"] for entry in client.list_objects_v2(Bucket="frames")["Contents"]]
    assert listed == sorted(NASTY)


def test_a_listing_of_many_objects_is_paged_in_key_order(s3):
    s3.make_bucket("frames")
    names = [f"k/{number:05}.jpg" for number in range(2500)]
    assert s3.put_many("frames", [(name, 7) for name in reversed(names)]) == 2500
    pages = list(s3.client().get_paginator("list_objects_v2").paginate(Bucket="frames", Prefix="k/"))
    assert [len(page["Contents"]) for page in pages] == [1000, 1000, 500]
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == names


def test_servers_in_one_process_do_not_see_each_other(s3):
    from v7s3.sandbox import SandboxS3

    s3.make_bucket("frames")
    s3.put("frames", "mine", b"1")
    with SandboxS3() as other:
        assert code_of(other.client().head_bucket, Bucket="frames") == "404"
        other.make_bucket("frames")
        assert other.keys("frames") == []
    assert s3.keys("frames") == ["mine"]
    assert s3.client().get_object(Bucket="frames", Key="mine")["Body"].read() == b"1"
