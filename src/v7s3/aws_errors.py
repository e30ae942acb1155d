"""Every failure boto3 can raise, as the error a person reads: a table of S3's error codes, one of botocore's classes.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and `botocore.exceptions`.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import botocore.exceptions as aws
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from v7s3.errors import (
    ConflictError,
    CredentialsError,
    DeniedError,
    NotFoundError,
    RefusedError,
    ServiceError,
    UsageError,
    V7S3Error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Translation(NamedTuple):
    """What a foreign error becomes.

    Both texts may name {subject} (the thing it happened to), {operation} and {permission} (the API call and what it
    needs), {code} and {detail} (the other side's own words), {region} (where the bucket is) and {endpoint}.
    """

    error: type[V7S3Error]
    message: str
    hint: str = ""


_LOGIN = "log in again (`aws sso login`, `aws login`, or fetch a new session token), then run the same command"
_WHO = "`aws sts get-caller-identity` shows who you are"
_NEW_KEYS = "`aws configure list` shows where the credentials come from; mend them there"
_REGION = "give --region {region}, or no --region: the bucket is then asked for its own"
_LATER = "nothing is lost: run the same command again in a few minutes"
_CONFIG = "mend it in ~/.aws/config (or AWS_CONFIG_FILE), or choose another --profile"

_DENIED = Translation(
    DeniedError,
    "AWS does not allow {permission} on {subject}: {detail}",
    f"allow {{permission}} for the identity you run as; {_WHO}",
)
_EXPIRED = Translation(CredentialsError, "the AWS session token has expired: {detail}", _LOGIN)
_UNKNOWN_KEY = Translation(
    CredentialsError,
    "AWS does not know the access key it was given: {detail}",
    f"the key was deleted, mistyped, or belongs to another S3 service (then give --endpoint-url); {_NEW_KEYS}",
)
_NO_BUCKET = Translation(
    NotFoundError, "{subject}: there is no such bucket", "check the spelling; `aws s3 ls` lists your account's buckets"
)
_NO_KEY = Translation(
    NotFoundError, "{subject}: there is no such object", "keys are case-sensitive and begin without a slash"
)
_ELSEWHERE = Translation(UsageError, "{subject} is in region {region}, but was asked for in another", _REGION)
_BUSY = Translation(ServiceError, "S3 asks to slow down and would not take {operation} on {subject}: {detail}", _LATER)
_BROKEN = Translation(ServiceError, "S3 failed to answer {operation} on {subject}: {code} {detail}", _LATER)
_CLOCK = Translation(
    CredentialsError,
    "the clock of this machine is wrong, so AWS refuses its signatures: {detail}",
    "set the clock (for example `timedatectl set-ntp true`) and run the same command again",
)
_ABSENT = Translation(NotFoundError, "{subject}: not found (404)", "check bucket, key and the account you run as")
_MALFORMED = Translation(UsageError, "S3 refuses {operation} on {subject}: {code}: {detail}")
_CHANGED = Translation(
    ConflictError, "{subject} was changed by somebody else at the same moment: {detail}", "look again, then repeat"
)
_NO_QUEUE = Translation(
    NotFoundError, "{subject}: there is no such queue", "check the queue URL, its region and its account"
)
_KMS_STATE = Translation(
    CredentialsError,
    "the KMS key of {subject} cannot be used: {code}: {detail}",
    "enable the key again (`aws kms describe-key` shows its state) or re-encrypt the objects",
)

CODES: dict[str, Translation] = {
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "403", "Forbidden", "UnauthorizedOperation"), _DENIED),
    **dict.fromkeys(("AWS.SimpleQueueService.AccessDenied", "KMS.AccessDeniedException"), _DENIED),
    "AllAccessDisabled": Translation(
        CredentialsError,
        "AWS has disabled all access to {subject}: {detail}",
        "the name is somebody else's or reserved by AWS (a pasted placeholder?); check the bucket's name",
    ),
    "AccountProblem": Translation(
        CredentialsError, "AWS has suspended the account of {subject}: {detail}", "ask AWS support"
    ),
    "NotSignedUp": Translation(CredentialsError, "the AWS account is not signed up for S3: {detail}", _WHO),
    "OptInRequired": Translation(
        CredentialsError, "the region of {subject} is not enabled in this account: {detail}", "enable the region"
    ),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), _EXPIRED),
    **dict.fromkeys(("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"), _UNKNOWN_KEY),
    "InvalidToken": Translation(
        CredentialsError,
        "the AWS session token is malformed or of another partition or region: {detail}",
        f"AWS_SESSION_TOKEN must belong to the same credentials as the access key; {_NEW_KEYS}",
    ),
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "XAmzContentSHA256Mismatch"),
        Translation(
            CredentialsError,
            "AWS refuses the signature: the secret key does not belong to the access key, or a proxy changes requests",
            _NEW_KEYS,
        ),
    ),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestInTheFuture"), _CLOCK),
    "MissingSecurityHeader": _UNKNOWN_KEY,
    "InvalidSecurity": _UNKNOWN_KEY,
    "InvalidPayer": Translation(CredentialsError, "the owner of {subject} has no access at present: {detail}", ""),
    **dict.fromkeys(("NoSuchBucket", "NoSuchBucketException"), _NO_BUCKET),
    "NoSuchKey": _NO_KEY,
    "NoSuchVersion": _NO_KEY,
    "NoSuchUpload": _NO_KEY,
    **dict.fromkeys(("404", "NotFound", "NotFoundException", "NoSuchEntity"), _ABSENT),
    **dict.fromkeys(("PermanentRedirect", "TemporaryRedirect", "Redirect", "301", "307"), _ELSEWHERE),
    **dict.fromkeys(
        ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion", "IncorrectEndpoint"),
        _ELSEWHERE,
    ),
    **dict.fromkeys(("SlowDown", "503", "Throttling", "ThrottlingException", "RequestLimitExceeded", "429"), _BUSY),
    **dict.fromkeys(("TooManyRequestsException", "RequestThrottled", "BandwidthLimitExceeded"), _BUSY),
    **dict.fromkeys(("InternalError", "500", "502", "504", "ServiceUnavailable", "InternalFailure"), _BROKEN),
    **dict.fromkeys(("RequestTimeout", "RequestTimeoutException", "OperationAborted"), _BROKEN),
    **dict.fromkeys(
        ("MethodNotAllowed", "405"),
        Translation(
            CredentialsError,
            "S3 does not let this account do {operation} on {subject} (405)",
            f"bucket settings can only be changed from the account that owns the bucket; {_WHO}",
        ),
    ),
    **dict.fromkeys(
        ("NotImplemented", "501"),
        Translation(
            ServiceError, "this S3 server has no {operation}: {detail}", "it is not AWS and lacks this part of the API"
        ),
    ),
    "InvalidObjectState": Translation(
        RefusedError,
        "{subject} is archived and cannot be read",
        "restore it first: `aws s3api restore-object --bucket BUCKET --key KEY --restore-request Days=7`",
    ),
    "ObjectNotInActiveTierError": Translation(
        RefusedError,
        "{subject} is in an archive tier and cannot be read",
        "restore it first (`aws s3api restore-object`)",
    ),
    **dict.fromkeys(("PreconditionFailed", "412", "ConditionalRequestConflict", "409"), _CHANGED),
    "BucketAlreadyOwnedByYou": Translation(ConflictError, "{subject} exists already and is yours"),
    "BucketAlreadyExists": Translation(
        ConflictError, "{subject} exists already and belongs to somebody else", "bucket names are shared by all of AWS"
    ),
    **dict.fromkeys(("InvalidBucketName", "InvalidURI", "InvalidRequest", "InvalidArgument"), _MALFORMED),
    **dict.fromkeys(
        ("MalformedXML", "MalformedPolicy", "InvalidPolicyDocument", "InvalidTag", "BadRequest"), _MALFORMED
    ),
    **dict.fromkeys(("KeyTooLongError", "EntityTooLarge", "InvalidRange", "ValidationError", "416"), _MALFORMED),
    "400": Translation(
        CredentialsError,
        "S3 refuses {operation} on {subject} without saying why (400)",
        f"most often the session token has expired, or the object is encrypted with a key of its own (SSE-C); {_WHO}",
    ),
    "NoSuchBucketPolicy": Translation(NotFoundError, "{subject} has no bucket policy"),
    "NoSuchCORSConfiguration": Translation(NotFoundError, "{subject} has no CORS configuration"),
    "NoSuchConfiguration": Translation(NotFoundError, "{subject} has no such configuration"),
    "NoSuchPublicAccessBlockConfiguration": Translation(
        NotFoundError, "{subject} has no public access block of its own"
    ),
    "OwnershipControlsNotFoundError": Translation(NotFoundError, "{subject} has no ownership controls"),
    "ServerSideEncryptionConfigurationNotFoundError": Translation(NotFoundError, "{subject} has no default encryption"),
    "NoSuchTagSet": Translation(NotFoundError, "{subject} has no tags"),
    "AccessControlListNotSupported": Translation(RefusedError, "{subject} does not take ACLs: {detail}"),
    **dict.fromkeys(("KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"), _KMS_STATE),
    **dict.fromkeys(("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"), _NO_QUEUE),
    "AWS.SimpleQueueService.QueueDeletedRecently": _NO_QUEUE,
    "ReceiptHandleIsInvalid": _MALFORMED,
}
_NO_CODE = Translation(
    ServiceError,
    "{subject}: {operation} is refused in words that are not S3's: {detail}",
    "a proxy or a login page may have answered: check the network, HTTPS_PROXY and --endpoint-url",
)
_OTHER_CODE = Translation(ServiceError, "S3 refuses {operation} on {subject}: {code}: {detail}")

_UNREACHABLE = Translation(
    ServiceError,
    "{subject}: cannot reach {endpoint}: {detail}",
    "check the network, a proxy (HTTPS_PROXY) and --endpoint-url; then run the same command again",
)
_CUT = Translation(ServiceError, "{subject}: the connection to {endpoint} broke off: {detail}", _LATER)
_BAD_CONFIG = Translation(UsageError, "the AWS configuration cannot be used: {detail}", _CONFIG)
_BAD_CALL = Translation(UsageError, "{subject}: {detail}", "check the names that were given")
_SSO = Translation(CredentialsError, "the AWS login has expired or was never made: {detail}", _LOGIN)
_NO_SOURCE = Translation(CredentialsError, "AWS credentials could not be fetched: {detail}", _NEW_KEYS)
_CORRUPT = Translation(ServiceError, "{subject}: the bytes that arrived are not those that were sent: {detail}", _LATER)

EXCEPTIONS: dict[type[Exception], Translation] = {
    aws.NoCredentialsError: Translation(
        CredentialsError,
        "no AWS credentials were found",
        "`aws configure` or `aws sso login` makes some; --profile NAME or AWS_PROFILE chooses among them",
    ),
    aws.PartialCredentialsError: Translation(
        CredentialsError,
        "AWS credentials are incomplete: {detail}",
        "an access key needs its secret key (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together)",
    ),
    aws.ProfileNotFound: Translation(
        UsageError, "{detail}", "`aws configure list-profiles` lists the profiles there are"
    ),
    aws.NoAuthTokenError: _SSO,
    aws.SSOError: _SSO,
    aws.TokenRetrievalError: _SSO,
    aws.LoginError: _SSO,
    aws.CredentialRetrievalError: _NO_SOURCE,
    aws.MetadataRetrievalError: _NO_SOURCE,
    aws.UnknownCredentialError: _NO_SOURCE,
    aws.UnknownTokenProviderError: _NO_SOURCE,
    aws.RefreshWithMFAUnsupportedError: Translation(
        CredentialsError, "the AWS session ended and needs a new MFA code", _LOGIN
    ),
    aws.MissingDependencyException: Translation(
        UsageError, "AWS credentials of this kind need one more package: {detail}", "`pip install 'botocore[crt]'`"
    ),
    aws.ConfigNotFound: _BAD_CONFIG,
    aws.ConfigParseError: _BAD_CONFIG,
    aws.InvalidConfigError: _BAD_CONFIG,
    aws.InvalidRetryConfigurationError: _BAD_CONFIG,
    aws.InvalidRetryModeError: _BAD_CONFIG,
    aws.InvalidDefaultsMode: _BAD_CONFIG,
    aws.InvalidChecksumConfigError: _BAD_CONFIG,
    aws.InvalidS3AddressingStyleError: _BAD_CONFIG,
    aws.InvalidS3UsEast1RegionalEndpointConfigError: _BAD_CONFIG,
    aws.InvalidSTSRegionalEndpointsConfigError: _BAD_CONFIG,
    aws.InvalidIMDSEndpointError: _BAD_CONFIG,
    aws.InvalidIMDSEndpointModeError: _BAD_CONFIG,
    aws.InvalidProxiesConfigError: _BAD_CONFIG,
    aws.InvalidEndpointConfigurationError: _BAD_CONFIG,
    aws.InvalidEndpointDiscoveryConfigurationError: _BAD_CONFIG,
    aws.UnsupportedS3ConfigurationError: _BAD_CONFIG,
    aws.UnsupportedS3ControlConfigurationError: _BAD_CONFIG,
    aws.UnknownSignatureVersionError: _BAD_CONFIG,
    aws.UnsupportedSignatureVersionError: _BAD_CONFIG,
    aws.BaseEndpointResolverError: Translation(
        UsageError, "there is no AWS endpoint for this: {detail}", "check --region and --endpoint-url"
    ),
    aws.EndpointProviderError: Translation(
        UsageError, "there is no AWS endpoint for this: {detail}", "check --region and --endpoint-url"
    ),
    aws.ServiceNotInRegionError: Translation(UsageError, "{detail}", "check --region"),
    aws.UnknownRegionError: Translation(UsageError, "{detail}", "check --region"),
    aws.InvalidRegionError: Translation(UsageError, "{detail}", "write --region as in eu-west-1"),
    aws.ValidationError: _BAD_CALL,
    aws.ParamValidationError: _BAD_CALL,
    aws.InvalidDNSNameError: _BAD_CALL,
    aws.InvalidHostLabelError: _BAD_CALL,
    aws.UnsupportedOutpostResourceError: _BAD_CALL,
    aws.UnsupportedS3AccesspointConfigurationError: _BAD_CALL,
    aws.UnsupportedS3ArnError: _BAD_CALL,
    aws.UnsupportedS3ControlArnError: _BAD_CALL,
    aws.SSLError: Translation(
        ServiceError,
        "{subject}: TLS to {endpoint} was refused: {detail}",
        "behind a company proxy point AWS_CA_BUNDLE at its certificates; a server without TLS wants http:// in "
        "--endpoint-url",
    ),
    aws.ProxyConnectionError: Translation(
        ServiceError, "{subject}: the proxy does not answer: {detail}", "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    ),
    aws.EndpointConnectionError: _UNREACHABLE,
    aws.ConnectTimeoutError: _UNREACHABLE,
    aws.ConnectionError: _UNREACHABLE,
    aws.HTTPClientError: _CUT,
    aws.IncompleteReadError: _CUT,
    aws.CapacityNotAvailableError: _CUT,
    aws.ChecksumError: _CORRUPT,
    aws.FlexibleChecksumError: _CORRUPT,
    aws.PaginationError: Translation(ServiceError, "{subject}: the listing goes in circles: {detail}", ""),
    aws.MD5UnavailableError: Translation(
        ServiceError, "this Python has no MD5 (FIPS mode?), which this server's API needs", "use a Python with MD5"
    ),
    Boto3Error: Translation(ServiceError, "{subject}: {detail}", _LATER),
    ResponseParserError: Translation(ServiceError, "{subject}: what answered is not S3", _NO_CODE.hint),
}

# What each API call needs where it is not `s3:` and its own name.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_PERMISSIONS: dict[str, str] = {
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListBuckets": "s3:ListAllMyBuckets",
    "HeadObject": "s3:GetObject",
    "SelectObjectContent": "s3:GetObject",
    "CopyObject": "s3:GetObject and s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketCors": "s3:GetBucketCORS",
    "PutBucketCors": "s3:PutBucketCORS",
    "DeleteBucketCors": "s3:PutBucketCORS",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "GetBucketInventoryConfiguration": "s3:GetInventoryConfiguration",
    "ListBucketInventoryConfigurations": "s3:GetInventoryConfiguration",
    "GetBucketReplication": "s3:GetReplicationConfiguration",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    **dict.fromkeys(("DescribeKey", "GetKeyPolicy", "ListGrants", "ListAliases", "Decrypt"), "kms:{operation}"),
    **dict.fromkeys(("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"), "sqs:{operation}"),
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "ChangeMessageVisibility": "sqs:ChangeMessageVisibility",
    **dict.fromkeys(("GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"), "sts:{operation}"),
}


def permission_for(operation: str) -> str:
    """The IAM action that lets one make this API call ("ListObjectsV2" → "s3:ListBucket")."""
    return _PERMISSIONS.get(operation, "s3:{operation}").format(operation=operation)


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turn whatever boto3 raises inside into a V7S3Error that names `subject` ("s3://acme-scans/raw").

    Errors that only a mistake in v7s3 itself can cause pass through: they are bugs and end in exit code 70.
    """
    try:
        yield
    except ClientError as error:
        raise _from_code(error, subject) from error
    except KeyError as error:
        if not _raised_by_botocore(error):
            raise
        raise _from_exception(error, EXCEPTIONS[ResponseParserError], subject) from error
    except (BotoCoreError, Boto3Error, ResponseParserError) as error:
        translation = _nearest(type(error))
        if translation is None:
            raise
        raise _from_exception(error, translation, subject) from error
    except ValueError as error:
        if not str(error).startswith("Invalid endpoint"):  # botocore has no class of its own for it
            raise
        hint = "--endpoint-url or AWS_ENDPOINT_URL: http:// or https://, and a host"
        raise UsageError("the address of the S3 server is not a URL", hint=hint) from None


def _raised_by_botocore(error: KeyError) -> bool:
    """Whether its parser missed the one element it expects: XML, but not the answer to the request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "botocore.parsers"


def error_code(error: ClientError) -> str:
    """S3's name for what went wrong ("NoSuchBucket"); for answers without a body, the HTTP status as text."""
    return str(error.response.get("Error", {}).get("Code", ""))


def bucket_region(error: ClientError) -> str:
    """The region an error says the bucket is in; "" when it does not say."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    details = error.response.get("Error", {})
    return str(headers.get("x-amz-bucket-region") or details.get("Region") or details.get("BucketRegion") or "")


def _from_code(error: ClientError, subject: str) -> V7S3Error:
    code = error_code(error)
    translation = CODES.get(code, _OTHER_CODE) if code else _NO_CODE
    operation = error.operation_name
    texts = {
        "subject": subject,
        "operation": operation,
        "permission": permission_for(operation),
        "code": code,
        "detail": _detail(error.response.get("Error", {}).get("Message", "")),
        "region": bucket_region(error) or "(which S3 does not name)",
        "endpoint": "S3",
    }
    if translation is _ELSEWHERE and not bucket_region(error):
        translation = translation._replace(hint="`aws s3api head-bucket --bucket BUCKET` shows its region")
    return _filled(translation, texts)


def _from_exception(error: Exception, translation: Translation, subject: str) -> V7S3Error:
    fields: dict[str, object] = getattr(error, "kwargs", {})
    endpoint = str(fields.get("endpoint_url", "")).partition("?")[0] or "AWS"
    texts = {
        "subject": subject,
        "operation": "the request",
        "permission": "",
        "code": type(error).__name__,
        "detail": _detail(str(fields.get("error", "")) if "endpoint_url" in fields else str(error)),
        "region": "",
        "endpoint": endpoint,
    }
    return _filled(translation, texts)


def _nearest(kind: type[BaseException]) -> Translation | None:
    for ancestor in kind.__mro__:
        if ancestor in EXCEPTIONS:
            return EXCEPTIONS[ancestor]
    return None


def _filled(translation: Translation, texts: dict[str, str]) -> V7S3Error:
    message, hint = translation.message.format(**texts).rstrip(": "), translation.hint.format(**texts)
    if issubclass(translation.error, DeniedError):
        return translation.error(message, hint=hint, permission=texts["permission"])
    return translation.error(message, hint=hint)


# Query parameters of presigned URLs that open the door for whoever reads them, and anything shaped like a secret access
# key (40 characters of mixed case and digits) or a session token (very long base64).
_SIGNED_PART = re.compile(
    r"(?i)((?:x-amz-(?:signature|security-token|credential)|signature|awsaccesskeyid)=)[^&\s\"'<>]+"
)
_SECRET_KEY = re.compile(
    r"(?<![A-Za-z0-9/+=_.-])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*\d)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-])"
)
_TOKEN = re.compile(r"[A-Za-z0-9/+=]{120,}")
_PYTHON_OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>: |\w+\([^()]*\): ")


def _detail(text: str) -> str:
    """The other side's words on one line, without anything that could sign a request."""
    text = _PYTHON_OBJECT.sub("", " ".join(text.split()))
    text = _SIGNED_PART.sub(r"\1***", text)
    return _TOKEN.sub("***", _SECRET_KEY.sub("***", text))[:600]
