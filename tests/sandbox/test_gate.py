"""V7's role gets in, or not, for the reasons it would on AWS."""

from __future__ import annotations

import json

import httpx
import pytest
from botocore.exceptions import ClientError

V7 = "arn:aws:iam::258327614892:role/external_s3"
NARROW = {
    "Sid": "V7",
    "Effect": "Allow",
    "Principal": {"AWS": V7},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::frames/*",
}
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::frames"}


@pytest.fixture
def v7(s3):
    s3.make_bucket("frames")
    s3.put("frames", "1.jpg", b"picture")
    return s3.client("v7")


def allow(s3, *statements):
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    s3.client().put_bucket_policy(Bucket="frames", Policy=json.dumps(policy))


def read(client, key="1.jpg", **more):
    try:
        return client.get_object(Bucket="frames", Key=key, **more)["Body"].read()
    except ClientError as error:
        return error.response["Error"]["Code"]


def why(s3):
    return s3.refusals[-1].partition(": ")[2]


def test_v7_needs_a_bucket_policy(s3, v7):
    assert read(v7) == "AccessDenied"
    assert why(s3) == "the bucket has no policy"
    allow(s3, NARROW)
    assert read(v7) == b"picture"


def test_reading_does_not_mean_writing(s3, v7):
    allow(s3, NARROW)
    with pytest.raises(ClientError, match="AccessDenied"):
        v7.put_object(Bucket="frames", Key="darwin/x.jpg", Body=b"1")
    assert why(s3) == "no statement allows s3:PutObject"
    s3.grant_v7("frames")
    v7.put_object(Bucket="frames", Key="darwin/x.jpg", Body=b"1")
    assert s3.keys("frames") == ["1.jpg", "darwin/x.jpg"]


def test_a_deny_for_others_leaves_v7_and_the_owner_alone(s3, v7):
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::frames/*"}
    allow(s3, NARROW, {**deny, "Condition": {"ArnNotEquals": {"aws:PrincipalArn": V7}}})
    assert read(v7) == b"picture"
    allow(s3, NARROW, {**deny, "Condition": {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}})
    assert read(v7) == "AccessDenied"
    assert why(s3) == "the bucket policy denies s3:GetObject"
    assert read(s3.client()) == b"picture"


def test_a_missing_object_is_denied_unless_v7_may_list(s3, v7):
    allow(s3, NARROW)
    assert read(v7, "nope") == "AccessDenied"
    assert why(s3) == "the object does not exist, and no statement allows s3:ListBucket"
    s3.grant_v7("frames", "s3:GetObject", "s3:ListBucket")
    assert read(v7, "nope") == "NoSuchKey"
    assert v7.list_objects_v2(Bucket="frames")["KeyCount"] == 1


def test_another_statement_that_is_public_shuts_v7_out(s3, v7):
    s3.client().delete_public_access_block(Bucket="frames")
    allow(s3, NARROW, OPEN)
    assert read(v7) == b"picture"
    blocks = {"RestrictPublicBuckets": True}
    s3.client().put_public_access_block(Bucket="frames", PublicAccessBlockConfiguration=blocks)
    assert read(v7) == "AccessDenied"
    assert why(s3) == "RestrictPublicBuckets is on and some statement makes the policy public"


def test_the_account_blocks_public_access_as_well(s3, v7):
    s3.client().delete_public_access_block(Bucket="frames")
    s3.account_blocks = {"RestrictPublicBuckets": True}
    allow(s3, NARROW, OPEN)
    assert read(v7) == "AccessDenied"


def test_a_public_policy_is_not_stored_while_blocked(s3, v7):
    with pytest.raises(ClientError, match=r"AccessDenied.*BlockPublicPolicy"):
        allow(s3, NARROW, OPEN)
    status = s3.client().get_bucket_policy_status
    allow(s3, NARROW)
    assert status(Bucket="frames")["PolicyStatus"]["IsPublic"] is False


def test_objects_of_another_account_are_not_the_owners_to_share(s3, v7):
    made = s3.configuration("frames")
    made.ownership, made.foreign["1.jpg"] = "ObjectWriter", "111122223333"
    allow(s3, NARROW)
    assert read(v7) == "AccessDenied"
    assert why(s3) == "the object belongs to account 111122223333: the bucket policy is void for it"
    made.ownership = "BucketOwnerEnforced"
    assert read(v7) == b"picture"


def test_a_stranger_who_writes_owns_what_he_wrote(s3, v7):
    writers = {**NARROW, "Principal": {"AWS": [V7, "111122223333"]}, "Action": ["s3:GetObject", "s3:PutObject"]}
    allow(s3, writers)
    s3.configuration("frames").ownership = "BucketOwnerPreferred"
    stranger = s3.client("stranger")
    stranger.put_object(Bucket="frames", Key="theirs", Body=b"1")
    stranger.put_object(Bucket="frames", Key="given", Body=b"2", ACL="bucket-owner-full-control")
    assert (read(v7, "theirs"), read(v7, "given")) == ("AccessDenied", b"2")
    owners = {
        one["Key"]: one["Owner"]["ID"]
        for one in s3.client().list_objects_v2(Bucket="frames", FetchOwner=True)["Contents"]
    }
    mine = s3.client().get_bucket_acl(Bucket="frames")["Owner"]["ID"]
    assert [owners[key] == mine for key in ("1.jpg", "given", "theirs")] == [True, True, False]


def key_policy(*actions):
    statement = {"Effect": "Allow", "Principal": {"AWS": V7}, "Action": list(actions), "Resource": "*"}
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [root, *([statement] if actions else [])]})


def test_the_policy_of_the_kms_key_decides(s3, v7):
    s3.grant_v7("frames")
    kms, client = s3.client(service="kms"), s3.client()
    key = kms.create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    client.put_object(Bucket="frames", Key="k", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert read(v7, "k") == "AccessDenied"
    assert why(s3) == f"the policy of key {key} does not allow kms:Decrypt"
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy("kms:Decrypt"))
    assert read(v7, "k") == b"secret"
    kms.disable_key(KeyId=key.rpartition("/")[2])
    assert read(v7, "k") == "KMS.DisabledException"


def test_the_aws_managed_key_is_closed_to_other_accounts(s3, v7):
    s3.grant_v7("frames")
    s3.client().put_object(Bucket="frames", Key="k", Body=b"secret", ServerSideEncryption="aws:kms")
    assert read(v7, "k") == "AccessDenied"
    assert "AWS-managed key aws/s3" in why(s3)
    arn = s3.client().head_object(Bucket="frames", Key="k")["SSEKMSKeyId"]
    assert s3.client(service="kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyManager"] == "AWS"


def test_a_write_under_default_encryption_needs_generate_data_key(s3, v7):
    s3.grant_v7("frames")
    kms = s3.client(service="kms")
    key = kms.create_key(Policy=key_policy("kms:Decrypt"))["KeyMetadata"]["Arn"]
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.client().put_bucket_encryption(Bucket="frames", ServerSideEncryptionConfiguration={"Rules": [default]})
    with pytest.raises(ClientError, match="AccessDenied"):
        v7.put_object(Bucket="frames", Key="darwin/t.jpg", Body=b"1")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy("kms:Decrypt", "kms:GenerateDataKey"))
    v7.put_object(Bucket="frames", Key="darwin/t.jpg", Body=b"1")


def test_requester_pays_wants_the_header(s3, v7):
    s3.grant_v7("frames")
    s3.client().put_bucket_request_payment(Bucket="frames", RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.client().get_bucket_request_payment(Bucket="frames")["Payer"] == "Requester"
    assert read(v7) == "AccessDenied"
    assert read(v7, RequestPayer="requester") == b"picture"


def test_an_archived_object_cannot_be_read_by_anybody(s3, v7):
    s3.grant_v7("frames")
    s3.put("frames", "old.jpg", b"1", storage_class="GLACIER")
    assert read(v7, "old.jpg") == read(s3.client(), "old.jpg") == "InvalidObjectState"
    assert v7.head_object(Bucket="frames", Key="old.jpg")["StorageClass"] == "GLACIER"


def test_nobody_gets_in_without_a_signature(s3, v7):
    allow(s3, NARROW)
    assert httpx.get(s3.object_url("frames", "1.jpg")).status_code == 403


def test_a_signed_url_is_for_one_method_one_key_and_a_while(s3, v7):
    s3.grant_v7("frames")
    url = s3.presign("frames", "1.jpg")
    assert httpx.get(url).content == b"picture"
    assert httpx.head(url).status_code == 403
    assert httpx.get(url.replace("1.jpg", "2.jpg")).status_code == 403
    expired = httpx.get(s3.presign("frames", "1.jpg", expires=0))
    assert (expired.status_code, "Request has expired" in expired.text) == (403, True)


def test_boto3s_signed_urls_are_understood(s3, v7):
    s3.grant_v7("frames")
    s3.put("frames", "a b+c/ü#.jpg", b"nasty")
    parameters = {"Bucket": "frames", "Key": "a b+c/ü#.jpg", "ResponseContentType": "image/x y"}
    answer = httpx.get(v7.generate_presigned_url("get_object", Params=parameters))
    assert (answer.content, answer.headers["content-type"]) == (b"nasty", "image/x y")


def test_the_operator_may_be_forbidden_single_actions(s3, v7):
    operator = s3.client("operator")
    assert operator.list_objects_v2(Bucket="frames")["KeyCount"] == 1
    s3.deny |= {"s3:ListBucket", "s3:GetBucket*", "kms:*"}
    for call, arguments in (
        (operator.list_objects_v2, {"Bucket": "frames"}),
        (operator.get_bucket_policy, {"Bucket": "frames"}),
        (operator.head_bucket, {"Bucket": "frames"}),
        (s3.client("operator", service="kms").list_keys, {}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**arguments)
        assert refused.value.response["Error"]["Code"] in ("AccessDenied", "403", "AccessDeniedException")
    assert read(operator) == b"picture"


@pytest.mark.parametrize(
    "access_key, secret, code",
    [
        ("nobody", "testing", "InvalidAccessKeyId"),
        ("testing", "wrong", "SignatureDoesNotMatch"),
        ("ASIAEXPIRED", "the-secret-of-an-old-session", "ExpiredToken"),
    ],
)
def test_bad_credentials_are_named(s3, access_key, secret, code, monkeypatch):
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3.url, region_name="us-east-1", aws_access_key_id=access_key, aws_secret_access_key=secret
    )
    with pytest.raises(ClientError) as refused:
        client.list_buckets()
    assert refused.value.response["Error"]["Code"] == code
