"""The S3 actions and condition keys that exist, and which of them go together.

Facts from the Service Authorization Reference for Amazon S3, as of autumn 2026:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
Names compare without regard to case, as S3 compares them.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from v7s3.access.action_keys import CARRIED_BY, types_of
from v7s3.access.globs import matches

ResourceType = Literal["object", "bucket", "other"]

# Actions on objects; their resource is `arn:aws:s3:::BUCKET/KEY`.
_OBJECT_ACTIONS = """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation DeleteObjectTagging
    DeleteObjectVersion DeleteObjectVersionAnnotation DeleteObjectVersionTagging GetObject GetObjectAcl
    GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent
    GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation GetObjectVersionAnnotationForReplication
    GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent
    InitiateReplication ListMultipartUploadParts ListObjectAnnotations ListObjectVersionAnnotations
    ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectAnnotation PutObjectLegalHold PutObjectRetention
    PutObjectTagging PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging ReplicateDelete
    ReplicateObject ReplicateObjectAnnotation ReplicateTags RestoreObject UpdateObjectEncryption
"""

# Actions on a bucket; their resource is `arn:aws:s3:::BUCKET`.
_BUCKET_ACTIONS = """
    AllowVendedLogDeliveryForResource CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
    DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration
    GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging
    GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment
    GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration
    GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket
    ListBucketMultipartUploads ListBucketVersions ListTagsForResource PauseReplication PutAccelerateConfiguration
    PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock
    PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
    PutReplicationConfiguration TagResource UntagResource UpdateBucketMetadataAnnotationTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
"""

# Actions on accounts, access points, jobs, access grants and storage lenses: no bucket policy can grant them.
_OTHER_ACTIONS = """
    AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance CreateAccessGrantsLocation
    CreateAccessPoint CreateAccessPointForObjectLambda CreateJob CreateMultiRegionAccessPoint CreateStorageLensGroup
    DeleteAccessGrant DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy DeleteAccessGrantsLocation
    DeleteAccessPoint DeleteAccessPointForObjectLambda DeleteAccessPointPolicy
    DeleteAccessPointPolicyForObjectLambda DeleteJobTagging DeleteMultiRegionAccessPoint
    DeleteStorageLensConfiguration DeleteStorageLensConfigurationTagging DeleteStorageLensGroup DescribeJob
    DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter GetAccessGrant
    GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix GetAccessGrantsInstanceResourcePolicy
    GetAccessGrantsLocation GetAccessPoint GetAccessPointConfigurationForObjectLambda GetAccessPointForObjectLambda
    GetAccessPointPolicy GetAccessPointPolicyForObjectLambda GetAccessPointPolicyStatus
    GetAccessPointPolicyStatusForObjectLambda GetAccountPublicAccessBlock GetDataAccess GetJobTagging
    GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy GetMultiRegionAccessPointPolicyStatus
    GetMultiRegionAccessPointRoutes GetStorageLensConfiguration GetStorageLensConfigurationTagging
    GetStorageLensDashboard GetStorageLensGroup ListAccessGrants ListAccessGrantsInstances ListAccessGrantsLocations
    ListAccessPoints ListAccessPointsForObjectLambda ListAllMyBuckets ListCallerAccessGrants ListJobs
    ListMultiRegionAccessPoints ListStorageLensConfigurations ListStorageLensGroups
    PutAccessGrantsInstanceResourcePolicy PutAccessPointConfigurationForObjectLambda PutAccessPointPolicy
    PutAccessPointPolicyForObjectLambda PutAccessPointPublicAccessBlock PutAccountPublicAccessBlock PutJobTagging
    PutMultiRegionAccessPointPolicy PutStorageLensConfiguration PutStorageLensConfigurationTagging
    SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation UpdateJobPriority UpdateJobStatus
    UpdateStorageLensGroup
"""

ACTIONS: dict[str, ResourceType] = {
    **dict.fromkeys(_OBJECT_ACTIONS.split(), "object"),
    **dict.fromkeys(_BUCKET_ACTIONS.split(), "bucket"),
    **dict.fromkeys(_OTHER_ACTIONS.split(), "other"),
}

# Names of the API (and of S3 work-alikes) that people take for actions, with the action that S3 checks instead.
API_NAMES: dict[str, str] = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "GetBucket": "ListBucket",
    "ListObject": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "ListBuckets": "ListAllMyBuckets",
    "GetService": "ListAllMyBuckets",
    "PostObject": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "InitiateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "DeleteMultipleObjects": "DeleteObject",
    "SelectObjectContent": "GetObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "CreateBucketMetadataConfiguration": "CreateBucketMetadataTableConfiguration",
    "GetBucketMetadataConfiguration": "GetBucketMetadataTableConfiguration",
    "DeleteBucketMetadataConfiguration": "DeleteBucketMetadataTableConfiguration",
}

# Keys of S3 itself; one that ends in "/" takes a tag's name behind it.
_S3_KEYS = """
    AccessGrantScope AccessGrantsInstanceArn AccessGrantsLocationScope AccessPointNetworkOrigin AccessPointTag/
    BucketTag/ DataAccessPointAccount DataAccessPointArn DataAccessPointTag/ ExistingJobOperation ExistingJobPriority
    ExistingObjectTag/ InventoryAccessibleOptionalFields JobSuspendedCause LocationConstraint ObjectCreationOperation
    RequestJobOperation RequestJobPriority RequestObjectTag/ RequestObjectTagKeys ResourceAccount TlsVersion VersionId
    annotation-prefix authType delimiter deliverySourceArn destinationRegion if-match if-none-match
    isReplicationPauseRequest logType max-annotation-results max-keys object-lock-event-hold
    object-lock-event-hold-duration-days object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days
    object-lock-retain-until-date prefix resourceArnBeingAuthorized signatureAge signatureversion x-amz-acl
    x-amz-bucket-namespace x-amz-content-sha256 x-amz-copy-source x-amz-grant-full-control x-amz-grant-read
    x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-metadata-directive
    x-amz-object-annotation-directive x-amz-object-if-match x-amz-object-ownership x-amz-server-side-encryption
    x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-customer-algorithm x-amz-storage-class
    x-amz-website-redirect-location
"""

# AWS's global condition keys:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_GLOBAL_KEYS = """
    AssumedRoot CalledVia CalledViaAWSMCP CalledViaFirst CalledViaLast ChatbotSourceArn CurrentTime
    Ec2InstanceSourceVpc Ec2InstanceSourcePrivateIPv4 EpochTime FederatedProvider IsMcpServiceAction
    MultiFactorAuthAge MultiFactorAuthPresent PrincipalAccount PrincipalArn PrincipalIsAWSService PrincipalOrgID
    PrincipalOrgPaths PrincipalServiceName PrincipalServiceNamesList PrincipalType RequestedRegion ResourceAccount
    ResourceOrgID ResourceOrgPaths SecureTransport SignInSessionArn SourceAccount SourceArn SourceIdentity SourceIp
    SourceOrgID SourceOrgPaths SourceOwner SourceVpc SourceVpcArn SourceVpce TagKeys TokenIssueTime UserAgent
    ViaAWSMCPService ViaAWSService VpcSourceIp VpceAccount VpceOrgID VpceOrgPaths referer userid username
"""

_KEYS = (
    *(f"s3:{name}" for name in _S3_KEYS.split()),
    *(f"aws:{name}" for name in _GLOBAL_KEYS.split()),
    *("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/"),
    *("ec2:SourceInstanceARN", "ec2:RoleDelivery", "lambda:SourceFunctionArn"),
)

KeyType = Literal["text", "arn", "ip", "date", "number", "bool"]

_TYPES: dict[str, KeyType] = {"Bool": "bool", "Numeric": "number", "Date": "date", "IpAddress": "ip", "Arn": "arn"}
# What `action_keys.types_of` does not tell: it needs only the types that it can sample.
_MORE_TYPES: dict[str, frozenset[KeyType]] = {
    **dict.fromkeys(("aws:AssumedRoot", "aws:IsMcpServiceAction", "s3:ObjectCreationOperation"), frozenset({"bool"})),
    "s3:isReplicationPauseRequest": frozenset({"bool"}),
    **dict.fromkeys(("s3:ExistingJobPriority", "s3:RequestJobPriority", "ec2:RoleDelivery"), frozenset({"number"})),
    **dict.fromkeys(("aws:ChatbotSourceArn", "aws:SignInSessionArn"), frozenset({"arn"})),
    **dict.fromkeys(("ec2:SourceInstanceARN", "lambda:SourceFunctionArn"), frozenset({"arn"})),
    "s3:x-amz-server-side-encryption-aws-kms-key-id": frozenset({"arn", "text"}),
}

_BY_LOWER_NAME = {name.lower(): name for name in ACTIONS}
_API_BY_LOWER_NAME = {name.lower(): action for name, action in API_NAMES.items()}
_KEY_BY_LOWER_NAME = {name.lower(): name for name in _KEYS}
_KNOWN_FAMILIES = ("aws", "s3")  # services that publish all of their keys; others are not judged
_OF_OTHER_CALLS = ("iam", "kms", "sts")  # services whose keys only their own calls carry: AssumeRole, Decrypt …


@lru_cache(maxsize=1024)
def matching_actions(pattern: str) -> tuple[str, ...]:
    """The S3 actions that the pattern, without its `s3:`, stands for: `Get*Acl`, `getobject`, `*`."""
    if not re.search(r"[*?]", pattern):
        name = _BY_LOWER_NAME.get(pattern.lower())
        return (name,) if name else ()
    return tuple(name for lower, name in _BY_LOWER_NAME.items() if matches(pattern.lower(), lower))


def intended_action(name: str) -> str:
    """The action that somebody who wrote `name` (no action, without its `s3:`) will have meant; "" without a guess."""
    api = _API_BY_LOWER_NAME.get(name.lower())
    if api:
        return api
    near = get_close_matches(name[:100].lower(), _BY_LOWER_NAME, n=1, cutoff=0.75)
    return _BY_LOWER_NAME[near[0]] if near else ""


def is_api_name(name: str) -> bool:
    """Whether `name` is an operation of S3's API, or of its work-alikes, and no action."""
    return name.lower() in _API_BY_LOWER_NAME


def known_key(key: str) -> str:
    """The table's spelling of a condition key (`aws:PrincipalTag/` for tags); "" when AWS has no such key."""
    lower = key.lower()
    if lower in _KEY_BY_LOWER_NAME:
        return _KEY_BY_LOWER_NAME[lower] if not lower.endswith("/") else ""
    family, slash, tag = lower.partition("/")
    return _KEY_BY_LOWER_NAME.get(f"{family}/", "") if slash and tag else ""


def is_judged(key: str) -> bool:
    """Whether all keys of this key's service are in the table, so that an unknown one does not exist."""
    return key.partition(":")[0].lower() in _KNOWN_FAMILIES


def is_of_other_calls(key: str) -> bool:
    """Whether only calls of another service carry this key, so that no call of S3 does (`sts:ExternalId`)."""
    return key.partition(":")[0].lower() in _OF_OTHER_CALLS


def intended_key(key: str) -> str:
    """The condition key that somebody who wrote `key` will have meant; "" without a guess."""
    lower = key[:100].lower()
    for family in _KNOWN_FAMILIES:
        if f"{family}:{lower}" in _KEY_BY_LOWER_NAME:
            return _KEY_BY_LOWER_NAME[f"{family}:{lower}"]
    near = get_close_matches(lower, _KEY_BY_LOWER_NAME, n=1, cutoff=0.8)
    return _KEY_BY_LOWER_NAME[near[0]] if near else ""


def key_types(known: str) -> frozenset[KeyType]:
    """What the values of a key of the table are; the epoch is a date and a number."""
    if known in _MORE_TYPES:
        return _MORE_TYPES[known]
    return frozenset(_TYPES[found] for found in types_of(known)) or frozenset({"text"})


def actions_of_key(known: str) -> frozenset[str]:
    """The actions that know a key of the table; empty when all of them do."""
    return frozenset(CARRIED_BY.get(known.lower(), ()))
