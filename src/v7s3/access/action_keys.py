"""Condition keys: which calls carry them, which hold several values, and what type they have.

A key that an action never carries is *known to be absent*: a Deny of `s3:*` with StringNotEquals on an upload header
hits every GetObject. The table is the Service Authorization Reference, reduced to keys that only some actions carry:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from typing import Literal

_LIST = ("ListBucket", "ListBucketVersions")
_ACL = ("PutObject", "PutObjectAcl", "PutObjectVersionAcl", "PutBucketAcl", "CreateBucket", "BypassGovernanceRetention")
_UPLOAD = ("PutObject", "BypassGovernanceRetention")
_ENCRYPTION = ("PutObject", "ReplicateObject", "UpdateObjectEncryption", "BypassGovernanceRetention")
_RETENTION = ("PutObject", "PutObjectRetention")
_OBJECT_TAGS = ("PutObject", "PutObjectTagging", "PutObjectVersionTagging", "BypassGovernanceRetention")
_ANNOTATIONS = ("ListObjectAnnotations", "ListObjectVersionAnnotations")
_ANNOTATED = (
    *("PutObjectAnnotation", "PutObjectVersionAnnotation", "DeleteObjectAnnotation", "DeleteObjectVersionAnnotation"),
)
_LOG_DELIVERY = ("AllowVendedLogDeliveryForResource",)
_VERSIONED = (
    *("DeleteObjectVersion", "DeleteObjectVersionTagging", "GetObjectVersion", "GetObjectVersionAcl"),
    *("DeleteObjectVersionAnnotation", "GetObjectVersionAnnotation", "ListObjectVersionAnnotations"),
    "PutObjectVersionAnnotation",
    *("GetObjectVersionAttributes", "GetObjectVersionTagging", "GetObjectVersionTorrent", "PutObjectVersionAcl"),
    *("PutObjectVersionTagging", "GetObjectVersionForReplication"),
)
_TAGGED = (
    *(
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectTagging",
        "GetObjectVersion",
        "GetObjectVersionAcl",
    ),
    *("GetObjectVersionAttributes", "GetObjectVersionTagging", "PutObjectAcl", "PutObjectTagging"),
    *("PutObjectVersionAcl", "PutObjectVersionTagging", "DeleteObjectTagging", "DeleteObjectVersionTagging"),
    *("GetObjectAnnotation", "GetObjectVersionAnnotation", *_ANNOTATIONS, *_ANNOTATED),
)
_CREATION = ("CreateBucket", "CreateAccessPoint")

# key -> the actions that carry it; a key that ends in "/" stands for all tag keys below it
CARRIED_BY: dict[str, tuple[str, ...]] = {
    "s3:prefix": _LIST,
    "s3:delimiter": _LIST,
    "s3:max-keys": _LIST,
    "s3:versionid": _VERSIONED,
    "s3:existingobjecttag/": _TAGGED,
    "s3:requestobjecttag/": _OBJECT_TAGS,
    "s3:requestobjecttagkeys": _OBJECT_TAGS,
    "s3:x-amz-acl": (*_ACL, "CreateAccessPoint"),
    "s3:x-amz-grant-full-control": _ACL,
    "s3:x-amz-grant-read": _ACL,
    "s3:x-amz-grant-read-acp": _ACL,
    "s3:x-amz-grant-write": _ACL,
    "s3:x-amz-grant-write-acp": _ACL,
    "s3:x-amz-server-side-encryption": _ENCRYPTION,
    "s3:x-amz-server-side-encryption-aws-kms-key-id": _ENCRYPTION,
    "s3:x-amz-server-side-encryption-customer-algorithm": _ENCRYPTION,
    "s3:x-amz-storage-class": (*_UPLOAD, "PutObjectAcl", "PutObjectVersionAcl"),
    "s3:x-amz-copy-source": _UPLOAD,
    "s3:x-amz-metadata-directive": _UPLOAD,
    "s3:x-amz-website-redirect-location": _UPLOAD,
    "s3:x-amz-object-ownership": ("CreateBucket",),
    "s3:x-amz-bucket-namespace": ("CreateBucket",),
    "s3:x-amz-object-annotation-directive": ("PutObject",),
    "s3:x-amz-object-if-match": _ANNOTATED,
    "s3:annotation-prefix": _ANNOTATIONS,
    "s3:max-annotation-results": _ANNOTATIONS,
    "s3:deliverysourcearn": _LOG_DELIVERY,
    "s3:logtype": _LOG_DELIVERY,
    "s3:resourcearnbeingauthorized": _LOG_DELIVERY,
    "s3:isreplicationpauserequest": ("PutReplicationConfiguration",),
    "s3:destinationregion": ("PauseReplication",),
    "s3:object-lock-event-hold": _RETENTION,
    "s3:object-lock-event-hold-duration-days": _RETENTION,
    "s3:object-lock-mode": _RETENTION,
    "s3:object-lock-retain-until-date": _RETENTION,
    "s3:object-lock-remaining-retention-days": _RETENTION,
    "s3:object-lock-legal-hold": ("PutObject", "PutObjectLegalHold"),
    "s3:if-match": ("PutObject", "DeleteObject"),
    "s3:if-none-match": ("PutObject",),
    "s3:objectcreationoperation": ("PutObject",),
    "s3:locationconstraint": _CREATION,
    "s3:inventoryaccessibleoptionalfields": ("PutInventoryConfiguration",),
}

# Only calls through an access point or with an access grant have these; to call a bucket by its name is a direct call.
INDIRECT = (
    *("s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:accesspointnetworkorigin", "s3:accesspointtag/"),
    "s3:accessgrantsinstancearn",
)

# Present in every call, whatever the value.
ALWAYS_PRESENT = (
    *("aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:RequestedRegion", "aws:ViaAWSService"),
    *("aws:ResourceAccount", "s3:ResourceAccount"),
)

_SEVERAL_VALUES = frozenset(
    {
        *("aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths"),
        *("aws:sourceorgpaths", "aws:vpceorgpaths", "aws:tagkeys", "s3:requestobjecttagkeys"),
        "s3:inventoryaccessibleoptionalfields",
    }
)

KeyType = Literal["Bool", "Numeric", "Date", "IpAddress", "Arn"]
_TYPES: dict[str, tuple[KeyType, ...]] = {
    "aws:securetransport": ("Bool",),
    "aws:multifactorauthpresent": ("Bool",),
    "aws:principalisawsservice": ("Bool",),
    "aws:viaawsservice": ("Bool",),
    "aws:viaawsmcpservice": ("Bool",),
    "aws:multifactorauthage": ("Numeric",),
    "s3:max-keys": ("Numeric",),
    "s3:signatureage": ("Numeric",),
    "s3:tlsversion": ("Numeric",),
    "s3:max-annotation-results": ("Numeric",),
    "s3:object-lock-event-hold-duration-days": ("Numeric",),
    "s3:object-lock-remaining-retention-days": ("Numeric",),
    "aws:currenttime": ("Date",),
    "aws:epochtime": ("Date", "Numeric"),
    "aws:tokenissuetime": ("Date",),
    "s3:object-lock-retain-until-date": ("Date",),
    "aws:sourceip": ("IpAddress",),
    "aws:vpcsourceip": ("IpAddress",),
    "aws:ec2instancesourceprivateipv4": ("IpAddress",),
    "aws:principalarn": ("Arn",),
    "aws:sourcearn": ("Arn",),
    "aws:sourcevpcarn": ("Arn",),
    "s3:dataaccesspointarn": ("Arn",),
    "s3:accessgrantsinstancearn": ("Arn",),
    "s3:deliverysourcearn": ("Arn",),
    "s3:resourcearnbeingauthorized": ("Arn",),
}


def never_carries(action: str, key: str, *, direct: bool) -> bool:
    """Whether a call of this S3 action never has this key. False when that is not known.

    A `direct` call names a bucket, not an access point.
    """
    service, _, name = action.partition(":")
    if service.lower() != "s3":
        return False
    family, slash, _ = key.lower().partition("/")
    carriers = () if direct and family + slash in INDIRECT else CARRIED_BY.get(family + slash)
    return carriers is not None and name.lower() not in {carrier.lower() for carrier in carriers}


def holds_several_values(key: str) -> bool:
    return key.lower() in _SEVERAL_VALUES


def types_of(key: str) -> tuple[KeyType, ...]:
    """The types that the key's value always has; empty when it is text or not known here."""
    return _TYPES.get(key.lower(), ())
