"""The boto3 edge: clients, where their credentials come from, and what their errors mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.parsers import ResponseParserError

from v7s3 import __version__
from v7s3.aws_errors import bucket_region, error_code, permission_for, translated
from v7s3.bucket import BucketNameProblem, BucketUrl, bucket_name_problem

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from mypy_boto3_kms.client import KMSClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3control.client import S3ControlClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sts.client import STSClient

__all__ = [
    "AwsSettings",
    "BucketNameProblem",
    "BucketUrl",
    "CredentialsSource",
    "bucket_name_problem",
    "connect",
    "credentials_source",
    "error_code",
    "open_session",
    "permission_for",
    "translated",
]

Service = Literal["s3", "s3control", "sts", "kms", "sqs"]

# What AWS's own S3 endpoints end in, one per partition (botocore/data/partitions.json).
_AWS_SUFFIXES = (
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
)
_DEFAULT_REGION = "us-east-1"  # where S3 answers for every bucket, if only to say where it really is
_POOL = 64  # connections kept open: as many as any part of v7s3 has workers


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """What the options --profile, --region and --endpoint-url say; everything else is boto3's own configuration."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


def open_session(settings: AwsSettings) -> boto3.Session:
    """A boto3 session with its whole credential chain: environment, profiles, SSO, web identity, containers, EC2."""
    with translated("AWS"):
        return boto3.Session(profile_name=settings.profile, region_name=settings.region)


@overload
def connect(
    settings: AwsSettings,
    bucket: str | None = None,
    service: Literal["s3"] = "s3",
    *,
    anonymous: bool = False,
    session: boto3.Session | None = None,
) -> S3Client: ...
@overload
def connect(
    settings: AwsSettings,
    bucket: str | None = None,
    *,
    service: Literal["s3control"],
    session: boto3.Session | None = None,
) -> S3ControlClient: ...
@overload
def connect(
    settings: AwsSettings,
    bucket: str | None = None,
    *,
    service: Literal["sts"],
    session: boto3.Session | None = None,
) -> STSClient: ...
@overload
def connect(
    settings: AwsSettings,
    bucket: str | None = None,
    *,
    service: Literal["kms"],
    session: boto3.Session | None = None,
) -> KMSClient: ...
@overload
def connect(
    settings: AwsSettings,
    bucket: str | None = None,
    *,
    service: Literal["sqs"],
    session: boto3.Session | None = None,
) -> SQSClient: ...


def connect(
    settings: AwsSettings,
    bucket: str | None = None,
    service: Service = "s3",
    *,
    anonymous: bool = False,
    session: boto3.Session | None = None,
) -> Any:
    """A client of `service`, in the region of `bucket` when one is named.

    A bucket has one region and knows it best: what it says goes before --region and the profile's. It is asked with one
    HeadBucket, whose answer names the region even when it is 301 or 403; servers that are not AWS are not asked.
    Whether the bucket exists is left to the first real request. Make clients in the main thread: boto3 clients may
    be shared by threads, sessions may not. An `anonymous` client signs nothing and needs no credentials. Clients of one
    `session` (by `open_session`) share its credentials and are made ten times faster than the first.

    Raises CredentialsError when there are no credentials, UsageError for a profile or region that does not exist,
    ServiceError when AWS cannot be reached.
    """
    session = session or open_session(settings)
    with translated(f"s3://{bucket}" if bucket else service):
        region = settings.region or session.region_name or _DEFAULT_REGION
        if bucket is not None:
            client = _client(session, "s3", region, settings, anonymous=anonymous)
            found = _region_of(client, bucket) if _is_aws(client.meta.endpoint_url) else ""
            if service == "s3" and found in ("", region):
                return client
            region = found or region
        return _client(session, service, region, settings, anonymous=anonymous)


def _client(
    session: boto3.Session, service: Service, region: str, settings: AwsSettings, *, anonymous: bool = False
) -> Any:
    core = session._session  # noqa: SLF001  # boto3 has no public way to ask for a configured value
    options: dict[str, Any] = {
        "user_agent_extra": f"v7s3/{__version__}",
        "max_pool_connections": _POOL,
        "connect_timeout": 10,
        "read_timeout": 60,
    }
    if anonymous:
        options["signature_version"] = UNSIGNED
    elif service == "s3" and "signature_version" not in (core.get_scoped_config().get("s3") or {}):
        # Presigned URLs too: boto3 would sign those with version 2, which S3 refuses for KMS and for newer buckets.
        options["signature_version"] = "s3v4"
    if core.get_config_variable("max_attempts") is None:  # else AWS_MAX_ATTEMPTS or the profile decides
        options["retries"] = {"mode": "standard", "total_max_attempts": 6}
    config = Config(**options)
    client = session.client(service, region_name=region, endpoint_url=settings.endpoint_url, config=config)
    chosen_style = (core.get_scoped_config().get("s3") or {}).get("addressing_style")
    if service == "s3" and chosen_style is None and not _is_aws(client.meta.endpoint_url):
        # MinIO, radosgw and test servers have no wildcard DNS: the bucket goes into the path.
        config = config.merge(Config(s3={"addressing_style": "path"}))
        client = session.client(service, region_name=region, endpoint_url=settings.endpoint_url, config=config)
    client.meta.events.register("before-parse", _refuse_a_web_page)
    client.meta.events.register_first("before-endpoint-resolution.s3", _where_requests_go)
    if service == "s3control" and not _is_aws(client.meta.endpoint_url):
        # AWS names the account in the host; these servers read it from the header that is sent anyway.
        client.meta.events.register("before-sign.s3-control", _account_out_of_host)
    return client


def _where_requests_go(context: dict[str, Any], **_: object) -> None:
    """A presigned URL names the host of the client's own requests, in the bucket's region.

    botocore signs for s3.amazonaws.com instead, which knows no region opened after March 2019 and answers a new bucket
    of the older ones with 307: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    context["use_global_endpoint"] = False


def _refuse_a_web_page(response_dict: dict[str, Any], **_: object) -> None:
    """A login page comes with 200; parsed as S3's XML it would be a bucket without rules, or one whose owner pays."""
    body = response_dict["body"]
    if response_dict["status_code"] < 300 and isinstance(body, bytes):
        begins = body[:100].lstrip().lower()
        if begins.startswith((b"<!doctype html", b"<html")):
            raise ResponseParserError("a web page")


def _account_out_of_host(request: AWSRequest, **_: object) -> None:
    account = request.headers["x-amz-account-id"]
    request.url = str(request.url).replace(f"//{account}.", "//", 1)


def _is_aws(endpoint_url: str) -> bool:
    """Whether this is a public S3 endpoint of AWS, rather than a VPC endpoint's own name or another server."""
    host = urlsplit(endpoint_url).hostname or ""
    return host.endswith(_AWS_SUFFIXES) and ".vpce." not in host


def _region_of(client: S3Client, bucket: str) -> str:
    """The region the bucket says it is in; "" when it does not say (404, expired credentials)."""
    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        return bucket_region(error)
    return str(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", ""))


@dataclass(frozen=True, slots=True)
class CredentialsSource:
    """Where AWS credentials came from, in words, and when they end (None: they do not, or it is not known)."""

    words: str
    expires: datetime | None = None
    access_key: str = ""  # its ID, which is no secret


_SOURCES = {
    "env": "environment variables",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the AWS config file",
    "assume-role": "an assumed role",
    "assume-role-with-web-identity": "a web identity (IRSA, OIDC)",
    "sso": "AWS SSO",
    "login": "`aws login`",
    "custom-process": "a credential process",
    "container-role": "the container's role",
    "iam-role": "the EC2 instance's role",
    "explicit": "this program",
}


def credentials_source(session: boto3.Session) -> CredentialsSource:
    """Where the session's credentials come from. Raises CredentialsError when it has none."""
    with translated("AWS"):
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        words = _SOURCES.get(credentials.method, credentials.method)
        access_key = credentials.get_frozen_credentials().access_key or ""
    if session.profile_name != "default" and credentials.method != "env":
        words += f", profile {session.profile_name}"
    expires = getattr(credentials, "_expiry_time", None)  # botocore keeps it to itself
    return CredentialsSource(words, expires if isinstance(expires, datetime) else None, access_key)
