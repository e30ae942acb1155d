"""May another account's role do this? Bucket policy, Block Public Access, ownership, keys of KMS, requester pays.

The refusals of S3 to another account are all the same bare "Access Denied"; which layer refused is kept in
`RefusalError.because` for the person who watches the sandbox.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from v7s3.sandbox.access import Call, evaluate, is_public
from v7s3.sandbox.s3xml import S3Error

if TYPE_CHECKING:
    from v7s3.sandbox.configuration import Configuration
    from v7s3.sandbox.identity import Identity
    from v7s3.sandbox.serving import Request
    from v7s3.sandbox.store import Store

# Headers of a PUT that are condition keys.
_HEADER_KEYS = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-acl",
    "x-amz-storage-class",
    "x-amz-copy-source",
)


class RefusalError(S3Error):
    """A 403 without a reason, as S3 sends it; `because` is for the sandbox's log only."""

    def __init__(self, because: str) -> None:
        super().__init__(403, "AccessDenied", "Access Denied")
        self.because = because


@dataclass(frozen=True)
class Attempt:
    """One signed request of `identity` against a bucket it does not own."""

    identity: Identity
    request: Request
    action: str
    key: str
    presigned: bool
    source_ip: str


@dataclass(frozen=True)
class Gate:
    """The layers around one bucket."""

    bucket: Configuration
    account_blocks: dict[str, bool]
    store: Store

    def check(self, attempt: Attempt) -> None:
        """Raise RefusalError (or the S3Error S3 would send) unless the attempt succeeds."""
        self._check_policy(attempt, attempt.action)
        if self.bucket.payer == "Requester" and attempt.request.headers.get("x-amz-request-payer") != "requester":
            raise RefusalError("the bucket is Requester Pays and the request does not offer to pay")
        if attempt.key and attempt.action.startswith("s3:GetObject"):
            self._check_read(attempt)
        if attempt.key and attempt.action == "s3:PutObject":
            self._check_write(attempt)

    def _check_policy(self, attempt: Attempt, action: str, prefix: str = "") -> None:
        policy = self.bucket.document()
        if not policy:
            raise RefusalError("the bucket has no policy")
        if self.bucket.blocked("RestrictPublicBuckets", self.account_blocks) and is_public(policy):
            raise RefusalError("RestrictPublicBuckets is on and some statement makes the policy public")
        on_object = attempt.key and action != "s3:ListBucket"
        resource = f"arn:aws:s3:::{self.bucket.bucket}" + (f"/{attempt.key}" if on_object else "")
        verdict = evaluate(policy, self._call(attempt, action, resource))
        if verdict != "allow":
            reason = f"the bucket policy denies {action}" if verdict == "deny" else f"no statement allows {action}"
            raise RefusalError(prefix + reason)

    def _check_read(self, attempt: Attempt) -> None:
        found = self.store.key(self.bucket.bucket, attempt.key)
        if found is None:
            self._check_policy(attempt, "s3:ListBucket", prefix="the object does not exist, and ")
            return
        owner = self.bucket.foreign.get(attempt.key)
        if owner is not None and self.bucket.ownership != "BucketOwnerEnforced":
            raise RefusalError(f"the object belongs to account {owner}: the bucket policy is void for it")
        if found.encryption == "aws:kms":
            self._check_kms(attempt, "kms:Decrypt", found.kms_key_id)

    def _check_write(self, attempt: Attempt) -> None:
        headers = attempt.request.headers
        algorithm = headers.get("x-amz-server-side-encryption")
        key_id = headers.get("x-amz-server-side-encryption-aws-kms-key-id")
        if algorithm is None:
            algorithm, key_id = self.store.default_encryption(self.bucket.bucket)
        if algorithm == "aws:kms":
            self._check_kms(attempt, "kms:GenerateDataKey", key_id)

    def _check_kms(self, attempt: Attempt, action: str, key_id: str | None) -> None:
        key = self.store.kms_key(key_id, self._region) if key_id else None
        if key is None or key.key_manager == "AWS":
            raise RefusalError(
                "the object is encrypted with the AWS-managed key aws/s3, which no other account can use"
            )
        if key.key_state != "Enabled":
            raise S3Error(400, "KMS.DisabledException", f"{key.arn} is {key.key_state.lower()}.")
        policy: dict[str, Any] = json.loads(key.policy)
        if evaluate(policy, self._call(attempt, action, key.arn)) != "allow":
            raise RefusalError(f"the policy of key {key.arn} does not allow {action}")

    @property
    def _region(self) -> str:
        return self.store.region(self.bucket.bucket) or ""

    def _call(self, attempt: Attempt, action: str, resource: str) -> Call:
        context = _context(attempt, action, self._region, self.store.account)
        if action.startswith("kms:"):
            context |= {
                "kms:viaservice": f"s3.{self._region}.amazonaws.com",
                "kms:calleraccount": attempt.identity.account,
                "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{self.bucket.bucket}/{attempt.key}",
            }
        known = {key: (value,) for key, value in context.items()}
        return Call(attempt.identity.arn or "", attempt.identity.account, action, resource, known)


def _context(attempt: Attempt, action: str, region: str, owner: str) -> dict[str, str]:
    """What V7's role carries; it comes over HTTPS, though the sandbox itself speaks HTTP."""
    now = datetime.now(UTC)
    headers = attempt.request.headers
    context = {
        "aws:principalarn": attempt.identity.arn or "",
        "aws:principalaccount": attempt.identity.account,
        "aws:principalisawsservice": "false",
        "aws:principaltype": "AssumedRole",
        "aws:userid": "AROAV7EXTERNALS3ROLE1:v7",
        "aws:viaawsservice": "false",
        "aws:sourceip": attempt.source_ip,
        "aws:securetransport": "true",
        "s3:tlsversion": "1.3",
        "aws:currenttime": now.isoformat(),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:tokenissuetime": now.isoformat(),
        "aws:requestedregion": region,
        "aws:resourceaccount": owner,
        "s3:resourceaccount": owner,
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:authtype": "REST-QUERY-STRING" if attempt.presigned else "REST-HEADER",
    }
    for name, key in (("referer", "aws:referer"), ("user-agent", "aws:useragent")):
        if name in headers:
            context[key] = headers[name]
    if action == "s3:PutObject":
        context |= {f"s3:{name}": headers[name] for name in _HEADER_KEYS if name in headers}
    if action == "s3:ListBucket" and not attempt.key:
        parameters = {name: attempt.request.parameter(name) for name in ("prefix", "delimiter", "max-keys")}
        context |= {f"s3:{name}": value for name, value in parameters.items() if value or name == "prefix"}
    return context
