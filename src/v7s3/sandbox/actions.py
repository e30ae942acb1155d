"""Which IAM action a request needs (Service Authorization Reference for Amazon S3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from v7s3.sandbox.serving import Request

_BUCKET = {
    "policyStatus": "BucketPolicyStatus",
    "policy": "BucketPolicy",
    "cors": "BucketCORS",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "ownershipControls": "BucketOwnershipControls",
    "requestPayment": "BucketRequestPayment",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "versioning": "BucketVersioning",
    "acl": "BucketAcl",
    "tagging": "BucketTagging",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "inventory": "InventoryConfiguration",
    "object-lock": "BucketObjectLockConfiguration",
    "accelerate": "AccelerateConfiguration",
    "website": "BucketWebsite",
    "replication": "ReplicationConfiguration",
}
_DELETED_BY_PUT = {"cors", "publicAccessBlock", "ownershipControls", "encryption", "lifecycle", "tagging"}
_OBJECT = {
    "acl": "ObjectAcl",
    "tagging": "ObjectTagging",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
    "attributes": "ObjectAttributes",
}


def action_of(request: Request, bucket: str, key: str) -> str:
    """`s3:…` for an S3 request; a bucket "" stands for the list of buckets, a key "" for the bucket."""
    if not bucket:
        return "s3:ListAllMyBuckets"
    return _object_action(request) if key else _bucket_action(request)


def service_action(request: Request) -> str:
    """`kms:DescribeKey`, `sts:GetCallerIdentity` … for a request to another service than S3."""
    target = request.headers.get("x-amz-target", "")
    if target:
        service, _, operation = target.rpartition(".")
        return f"{'kms' if service == 'TrentService' else 'sqs' if service == 'AmazonSQS' else service}:{operation}"
    fields = dict(part.partition("=")[::2] for part in request.body.decode("utf-8", "replace").split("&"))
    service = request.headers.get("authorization", "////").split("/")[3]
    return f"{service}:{fields.get('Action') or request.parameter('Action')}"


def _bucket_action(request: Request) -> str:
    verb = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "DELETE": "Delete"}.get(request.method, "Put")
    for name, noun in _BUCKET.items():
        if request.asks(name):
            return f"s3:{'Put' if verb == 'Delete' and name in _DELETED_BY_PUT else verb}{noun}"
    if request.asks("versions"):
        return "s3:ListBucketVersions"
    if request.asks("uploads"):
        return "s3:ListBucketMultipartUploads"
    plain = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
    return f"s3:{plain.get(request.method, 'DeleteObject')}"


def _object_action(request: Request) -> str:
    if request.method == "POST":
        return "s3:RestoreObject" if request.asks("restore") else "s3:PutObject"
    verb = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "DELETE": "Delete"}.get(request.method, "Get")
    if request.asks("uploadId"):
        return {"Get": "s3:ListMultipartUploadParts", "Delete": "s3:AbortMultipartUpload"}.get(verb, "s3:PutObject")
    noun = next((noun for name, noun in _OBJECT.items() if request.asks(name)), "Object")
    return f"s3:{verb}{noun}{'Version' if request.asks('versionId') and verb != 'Put' else ''}"
