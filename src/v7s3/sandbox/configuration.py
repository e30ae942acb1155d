"""The sub-resources of a bucket that the sandbox answers itself, because moto's answers differ from Amazon's.

Policy (moto stores malformed ones and applies every Deny to everybody), CORS, Block Public Access (moto never blocks),
ownership and encryption (moto has no defaults), requester pays (moto does not tell the payer), notifications.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from v7s3.sandbox import cors, events, s3xml
from v7s3.sandbox.access import is_public, read_policy
from v7s3.sandbox.s3xml import S3Error
from v7s3.sandbox.serving import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_EMPTY = Response(200)
_GONE = Response(204)


@dataclass
class Configuration:
    """What a bucket is set to. The defaults are those of buckets made since April 2023: nothing public, ACLs off."""

    bucket: str
    policy: bytes | None = None
    cors: tuple[cors.Rule, ...] | None = None
    payer: str = "BucketOwner"
    blocks: dict[str, bool] | None = field(default_factory=lambda: dict.fromkeys(_BLOCKS, True))
    ownership: str | None = "BucketOwnerEnforced"
    # key -> account that owns the object, for objects another account has put
    foreign: dict[str, str] = field(default_factory=dict)
    queues: tuple[events.Queue, ...] = ()

    def document(self) -> dict[str, Any]:
        """The policy, {} when there is none."""
        return dict(json.loads(self.policy)) if self.policy is not None else {}

    def blocked(self, setting: str, account_blocks: dict[str, bool]) -> bool:
        """Block Public Access: the stricter of bucket and account wins."""
        return bool((self.blocks or {}).get(setting) or account_blocks.get(setting))


def read_blocks(body: bytes) -> dict[str, bool]:
    tree = s3xml.parse(body, "PublicAccessBlockConfiguration")
    return {name: tree.findtext(name, "false").strip().lower() == "true" for name in _BLOCKS}


def write_blocks(blocks: dict[str, bool] | None) -> Response:
    if blocks is None:
        raise S3Error(
            404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"
        )
    fields = [(name, str(blocks.get(name, False)).lower()) for name in _BLOCKS]
    return s3xml.document(s3xml.element("PublicAccessBlockConfiguration", fields))


def answer(request: Request, bucket: Configuration, account_blocks: dict[str, bool]) -> Response | None:
    """The answer when the request is for one of the sub-resources kept here, None otherwise."""
    for name, methods in _HANDLERS.items():
        if request.asks(name) and request.method in methods:
            return methods[request.method](request, bucket, account_blocks)
    return None


# --- policy -----------------------------------------------------------------------------------------------------------
def _get_policy(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    if bucket.policy is None:
        raise _no_policy(bucket)
    return Response(200, bucket.policy, {"Content-Type": "application/json"})


def _put_policy(request: Request, bucket: Configuration, blocks: dict[str, bool]) -> Response:
    policy = read_policy(request.body, bucket.bucket)
    if is_public(policy) and bucket.blocked("BlockPublicPolicy", blocks):
        raise S3Error(
            403,
            "AccessDenied",
            "User is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"arn:aws:s3:::{bucket.bucket}" because public policies are prevented by the BlockPublicPolicy setting in '
            "S3 Block Public Access.",
        )
    bucket.policy = request.body
    return _GONE


def _delete_policy(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.policy = None
    return _GONE


def _policy_status(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    if bucket.policy is None:
        raise _no_policy(bucket)
    public = str(is_public(bucket.document())).lower()
    return s3xml.document(s3xml.element("PolicyStatus", [("IsPublic", public)]))


def _no_policy(bucket: Configuration) -> S3Error:
    return S3Error(404, "NoSuchBucketPolicy", "The bucket policy does not exist", BucketName=bucket.bucket)


# --- CORS -------------------------------------------------------------------------------------------------------------
def _get_cors(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    if bucket.cors is None:
        raise S3Error(404, "NoSuchCORSConfiguration", "The CORS configuration does not exist", BucketName=bucket.bucket)
    return cors.write_rules(bucket.cors)


def _put_cors(request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.cors = cors.read_rules(request.body)
    return _EMPTY


def _delete_cors(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.cors = None
    return _GONE


# --- Block Public Access, ownership, requester pays ------------------------------------------------------------------
def _get_blocks(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    return write_blocks(bucket.blocks)


def _put_blocks(request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.blocks = read_blocks(request.body)
    return _EMPTY


def _delete_blocks(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.blocks = None
    return _GONE


def _get_ownership(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    if bucket.ownership is None:
        raise S3Error(
            404,
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
            BucketName=bucket.bucket,
        )
    rule = f"<Rule><ObjectOwnership>{bucket.ownership}</ObjectOwnership></Rule>"
    return s3xml.document(f'<OwnershipControls xmlns="{s3xml.NAMESPACE}">{rule}</OwnershipControls>')


def _put_ownership(request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.ownership = s3xml.parse(request.body, "OwnershipControls").findtext("Rule/ObjectOwnership")
    return _EMPTY


def _delete_ownership(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.ownership = None
    return _GONE


def _get_payer(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    return s3xml.document(s3xml.element("RequestPaymentConfiguration", [("Payer", bucket.payer)]))


def _put_payer(request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.payer = s3xml.parse(request.body, "RequestPaymentConfiguration").findtext("Payer", "BucketOwner")
    return _EMPTY


def _get_notification(_request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    return events.write_queues(bucket.queues)


def _put_notification(request: Request, bucket: Configuration, _blocks: dict[str, bool]) -> Response:
    bucket.queues = events.read_queues(request.body)
    return _EMPTY


_HANDLERS: dict[str, dict[str, Callable[[Request, Configuration, dict[str, bool]], Response]]] = {
    "policy": {"GET": _get_policy, "PUT": _put_policy, "DELETE": _delete_policy},
    "policyStatus": {"GET": _policy_status},
    "cors": {"GET": _get_cors, "PUT": _put_cors, "DELETE": _delete_cors},
    "publicAccessBlock": {"GET": _get_blocks, "PUT": _put_blocks, "DELETE": _delete_blocks},
    "ownershipControls": {"GET": _get_ownership, "PUT": _put_ownership, "DELETE": _delete_ownership},
    "requestPayment": {"GET": _get_payer, "PUT": _put_payer},
    "notification": {"GET": _get_notification, "PUT": _put_notification},
}
