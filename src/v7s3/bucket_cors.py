"""A bucket's CORS configuration at S3: read, replace, delete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from v7s3.access.cors import CORSConfiguration
from v7s3.apply import Store
from v7s3.aws_errors import error_code, translated
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CORSConfigurationTypeDef


def read_rules(client: S3Client, bucket: str) -> list[dict[str, Any]] | None:
    """The rules as S3 gives them; None when the bucket has no CORS configuration.

    Raises NotFoundError when there is no such bucket, CredentialsError when s3:GetBucketCORS is denied.
    """
    with translated(f"s3://{bucket}"):
        try:
            answer = client.get_bucket_cors(Bucket=bucket)
        except ClientError as error:
            if error_code(error) == "NoSuchCORSConfiguration":
                return None
            raise
    return cast("list[dict[str, Any]]", answer.get("CORSRules", []))


def store(client: S3Client, bucket: str) -> Store:
    """The bucket's CORS configuration for `v7s3.apply`, as JSON text in the API's form."""

    def read() -> str | None:
        rules = read_rules(client, bucket)
        return None if rules is None else document(rules)

    def write(text: str | None) -> None:
        with translated(f"s3://{bucket}"):
            if text is None:
                client.delete_bucket_cors(Bucket=bucket)
                return
            configuration = cast("CORSConfigurationTypeDef", CORSConfiguration.parse(text).as_api())
            client.put_bucket_cors(Bucket=bucket, CORSConfiguration=configuration)

    return Store(read, write, same)


def document(rules: list[dict[str, Any]]) -> str:
    """Rules as the text that is compared, shown and backed up."""
    return json.dumps({"CORSRules": rules}, indent=2, ensure_ascii=False)


def same(one: str | None, other: str | None) -> bool:
    """Whether S3 would treat both alike. A text that is no configuration is like nothing but itself."""
    if one is None or other is None:
        return one is other
    try:
        return CORSConfiguration.parse(one) == CORSConfiguration.parse(other)
    except UsageError:
        return one == other
