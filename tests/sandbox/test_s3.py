"""The sandbox's S3 answers as Amazon's does."""

from __future__ import annotations

import io
import json

import httpx
import pytest
from botocore.exceptions import ClientError

from v7s3.sandbox.identity import presign

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


def test_a_new_bucket_has_the_defaults_of_today(s3):
    s3.client().create_bucket(Bucket="frames")
    client = s3.client()
    assert client.get_public_access_block(Bucket="frames")["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    ownership = client.get_bucket_ownership_controls(Bucket="frames")["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = client.get_bucket_encryption(Bucket="frames")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert client.get_bucket_request_payment(Bucket="frames")["Payer"] == "BucketOwner"
    assert code_of(client.get_bucket_policy, Bucket="frames") == "NoSuchBucketPolicy"
    assert code_of(client.get_bucket_cors, Bucket="frames") == "NoSuchCORSConfiguration"
    client.put_object(Bucket="frames", Key="1", Body=b"1")
    assert client.head_object(Bucket="frames", Key="1")["ServerSideEncryption"] == "AES256"


def test_an_old_bucket_has_the_defaults_of_its_day(s3):
    s3.make_bucket("frames", legacy=True)
    client = s3.client()
    assert code_of(client.get_public_access_block, Bucket="frames") == "NoSuchPublicAccessBlockConfiguration"
    ownership = client.get_bucket_ownership_controls(Bucket="frames")["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "ObjectWriter"}]


def test_settings_go_with_their_bucket(s3):
    client = s3.client()
    client.create_bucket(Bucket="frames")
    s3.grant_v7("frames")
    s3.allow_origin("frames", "*")
    client.delete_bucket(Bucket="frames")
    assert code_of(client.get_bucket_policy, Bucket="frames") == "NoSuchBucket"
    client.create_bucket(Bucket="frames")
    assert code_of(client.get_bucket_policy, Bucket="frames") == "NoSuchBucketPolicy"


def test_a_request_for_the_wrong_region_is_told_the_right_one(s3):
    s3.make_bucket("frames", region="eu-west-1")
    s3.put("frames", "1", b"1")
    client = s3.client(region="us-east-1")
    assert client.get_bucket_location(Bucket="frames")["LocationConstraint"] == "eu-west-1"
    assert client.head_bucket(Bucket="frames")["BucketRegion"] == "eu-west-1"  # boto3 follows the hint
    assert client.get_object(Bucket="frames", Key="1")["Body"].read() == b"1"
    wrong = presign(s3.identities["owner"], "GET", s3.object_url("frames", "1"), "us-east-1")
    refused = httpx.get(wrong)
    assert (refused.status_code, refused.headers["x-amz-bucket-region"]) == (400, "eu-west-1")
    assert "<Region>eu-west-1</Region>" in refused.text


@pytest.mark.parametrize(
    "arguments, keys, prefixes",
    [
        ({}, ["a", "a/1", "a/2/3", "b", "b/", "c+d"], []),
        ({"Prefix": "a/"}, ["a/1", "a/2/3"], []),
        ({"Delimiter": "/"}, ["a", "b", "c+d"], ["a/", "b/"]),
        ({"Delimiter": "/", "Prefix": "a/"}, ["a/1"], ["a/2/"]),
        ({"StartAfter": "a/2/3"}, ["b", "b/", "c+d"], []),
        ({"StartAfter": "aa", "MaxKeys": 1}, ["b"], []),
        ({"MaxKeys": 0}, [], []),
        ({"Prefix": "nope"}, [], []),
    ],
)
def test_listing_by_prefix_and_delimiter(s3, arguments, keys, prefixes):
    s3.make_bucket("frames")
    s3.put_many("frames", [(key, 1) for key in ["b/", "a/2/3", "a", "c+d", "a/1", "b"]])
    page = s3.client().list_objects_v2(Bucket="frames", **arguments)
    assert [one["Key"] for one in page.get("Contents", [])] == keys
    assert [one["Prefix"] for one in page.get("CommonPrefixes", [])] == prefixes
    assert page["KeyCount"] == len(keys) + len(prefixes)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
def test_pages_of_folders_and_objects_join_without_loss(s3, operation, size):
    s3.make_bucket("frames")
    s3.put_many("frames", [(key, 1) for key in ["a/1", "a/2", "b", "c/1", "c0", "d/1", "e"]])
    pages = (
        s3.client()
        .get_paginator(operation)
        .paginate(Bucket="frames", Delimiter="/", PaginationConfig={"PageSize": size})
    )
    seen = [
        one.get("Key") or one.get("Prefix")
        for page in pages
        for one in [*page.get("Contents", []), *page.get("CommonPrefixes", [])]
    ]
    assert sorted(seen) == ["a/", "b", "c/", "c0", "d/", "e"]


def test_deleted_objects_are_not_listed_also_under_versioning(s3):
    s3.make_bucket("frames")
    client = s3.client()
    client.put_bucket_versioning(Bucket="frames", VersioningConfiguration={"Status": "Enabled"})
    for key in ("1", "2", "3"):
        client.put_object(Bucket="frames", Key=key, Body=b"1")
    client.delete_object(Bucket="frames", Key="1")
    client.delete_objects(Bucket="frames", Delete={"Objects": [{"Key": "2"}]})
    assert s3.keys("frames") == ["3"]
    assert code_of(client.get_object, Bucket="frames", Key="1") == "NoSuchKey"


def test_big_objects_go_up_in_parts_and_down_in_ranges(s3):
    from boto3.s3.transfer import TransferConfig

    s3.make_bucket("frames")
    body = bytes(range(256)) * 25_000
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.client().upload_fileobj(io.BytesIO(body), "frames", "big", Config=parts)
    read = s3.client().get_object(Bucket="frames", Key="big", Range="bytes=1000-1003")
    assert (read["Body"].read(), read["ContentRange"]) == (body[1000:1004], f"bytes 1000-1003/{len(body)}")
    assert s3.client().get_object(Bucket="frames", Key="big")["Body"].read() == body


def test_identities_are_who_they_say(s3):
    arn = s3.client(service="sts").get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{s3.account}:user/owner"
    assert s3.client("v7", service="sts").get_caller_identity()["Account"] == "258327614892"


def test_the_account_has_a_public_access_block_of_its_own(s3):
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    def ask(method, body=""):
        request = AWSRequest(method, f"{s3.url}/v20180820/configuration/publicAccessBlock", data=body)
        S3SigV4Auth(Credentials("testing", "testing"), "s3", "us-east-1").add_auth(request)
        return httpx.request(method, request.url, headers=dict(request.headers), content=body)

    assert ask("GET").status_code == 404
    block = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
    assert ask("PUT", block).status_code == 200
    assert "<RestrictPublicBuckets>true" in ask("GET").text
    assert s3.account_blocks["RestrictPublicBuckets"] is True


def test_events_reach_their_queue_in_amazons_shape(s3):
    s3.make_bucket("frames", region="eu-west-1")
    sqs, client = s3.client(service="sqs", region="eu-west-1"), s3.client(region="eu-west-1")
    url = sqs.create_queue(QueueName="uploads")["QueueUrl"]
    queue = {
        "QueueArn": f"arn:aws:sqs:eu-west-1:{s3.account}:uploads",
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "raw/"}]}},
    }
    client.put_bucket_notification_configuration(
        Bucket="frames", NotificationConfiguration={"QueueConfigurations": [queue]}
    )
    client.put_object(Bucket="frames", Key="raw/a b+ü.jpg", Body=b"12")
    client.put_object(Bucket="frames", Key="darwin/t.jpg", Body=b"1")
    client.copy_object(Bucket="frames", Key="raw/copy.jpg", CopySource={"Bucket": "frames", "Key": "raw/a b+ü.jpg"})
    client.delete_object(Bucket="frames", Key="raw/copy.jpg")
    bodies = [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert bodies[0]["Event"] == "s3:TestEvent"
    records = [body["Records"][0] for body in bodies[1:]]
    assert [(one["eventName"], one["s3"]["object"]["key"]) for one in records] == [
        ("ObjectCreated:Put", "raw/a+b%2B%C3%BC.jpg"),
        ("ObjectCreated:Copy", "raw/copy.jpg"),
        ("ObjectRemoved:Delete", "raw/copy.jpg"),
    ]
    assert [one["s3"]["object"].get("size") for one in records] == [2, 2, None]
    sequencers = [one["s3"]["object"]["sequencer"] for one in records]
    assert sequencers == sorted(set(sequencers))
