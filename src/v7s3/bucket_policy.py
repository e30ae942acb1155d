"""A bucket's policy on S3, and the settings beside it that decide whether a policy can be stored and takes effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from v7s3.access.policy_merge import same_meaning
from v7s3.apply import Store
from v7s3.aws_errors import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_STACK_TAG = "aws:cloudformation:stack-name"
_REFUSED = ("AccessDenied", "AllAccessDisabled", "MethodNotAllowed", "NotImplemented")


def read_policy(client: S3Client, bucket: str) -> str | None:
    """The policy's text as S3 has it; None when the bucket has none.

    Raises what `translated` raises: CredentialsError without s3:GetBucketPolicy, NotFoundError without the bucket.
    """
    with translated(f"s3://{bucket}"):
        try:
            return client.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError as error:
            if error_code(error) == "NoSuchBucketPolicy":
                return None
            raise


def policy_store(client: S3Client, bucket: str) -> Store:
    """The policy as something that `v7s3.apply` can change."""

    def write(text: str | None) -> None:
        with translated(f"s3://{bucket}"):
            if text is None:
                client.delete_bucket_policy(Bucket=bucket)
            else:
                client.put_bucket_policy(Bucket=bucket, Policy=text)

    return Store(read=lambda: read_policy(client, bucket), write=write, same=same_meaning)


class PublicAccess(NamedTuple):
    """The bucket's own Block Public Access settings; None where they are not known.

    An account or organisation may be stricter, so False says little: only True is certain.
    """

    blocks_policy: bool | None  # a put of a public policy is refused
    restricts_buckets: bool | None  # other accounts are kept out of buckets with a public policy


def read_public_access(client: S3Client, bucket: str) -> PublicAccess:
    """The settings as far as they can be read: neither a denial nor their absence is an error here."""
    with translated(f"s3://{bucket}"):
        try:
            settings = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            code = error_code(error)
            if code == "NoSuchPublicAccessBlockConfiguration" or code in _REFUSED:
                return PublicAccess(None, None)
            raise
    return PublicAccess(settings.get("BlockPublicPolicy") or None, settings.get("RestrictPublicBuckets") or None)


def owner_in_tags(client: S3Client, bucket: str) -> str:
    """The tool that the bucket's tags say it is managed by: a change by hand would be undone. "" when none is named."""
    with translated(f"s3://{bucket}"):
        try:
            tags = client.get_bucket_tagging(Bucket=bucket).get("TagSet", [])
        except ClientError as error:
            if error_code(error) == "NoSuchTagSet" or error_code(error) in _REFUSED:
                return ""
            raise
    for tag in tags:
        if tag["Key"] == _STACK_TAG:
            return f"the CloudFormation stack {tag['Value']}"
        for tool in ("terraform", "opentofu", "pulumi", "cdk"):
            if tool in f"{tag['Key']}={tag['Value']}".lower():
                return f"{tool.capitalize()} (tag {tag['Key']}={tag['Value']})"
    return ""
