"""What V7 needs from a bucket: the requests to allow, the statements that allow them, the origin that loads objects.

The one place to edit when V7's requirements change. Source: V7's guide "Connect into an external storage on AWS S3"
(principal, actions, Id and Sid) and docs.v7labs.com/docs/aws-s3-configuration (ListBucket for MIRAX slides).
The guide says nothing of KMS; the key's actions are AWS's for reading and writing SSE-KMS objects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from v7s3.errors import UsageError

V7_ACCOUNT = "258327614892"
V7_ROLE = f"arn:aws:iam::{V7_ACCOUNT}:role/external_s3"
V7_ORIGIN = "https://darwin.v7labs.com"  # of the page on which annotators look at the objects: it GETs them
CORS_RULE_ID = "v7-darwin"  # ours among the rules of a CORS configuration
POLICY_VERSION = "2012-10-17"
POLICY_ID = "PolicyForExternalAccess"

# Ours among the statements of a policy. The first is the guide's and is always there.
ACCESS_SID = "DarwinAccess"
WRITE_SID = "DarwinWriteAccess"  # when V7 writes elsewhere than it reads
LIST_SID = "DarwinListAccess"  # MIRAX; must not share a statement with actions on objects
KEY_SID = "DarwinKeyAccess"  # in a KMS key policy

Access = Literal["read-write", "read-only"]


class Need(NamedTuple):
    """One request that V7 makes. `resource` ends in `*` when every key below a prefix is meant."""

    action: str
    resource: str
    purpose: str  # completes "V7 needs it to …"


@dataclass(frozen=True, slots=True)
class AccessProfile:
    """How a team uses its bucket.

    `prefix` is what V7 reads, `write_prefix` where it writes (the storage's prefix in V7's settings); "" is the whole
    bucket, anything else ends in "/". `guesses_write_prefix` is set when nobody said where V7 writes, and it need not
    be where it reads. Use `AccessProfile.of` for what a person typed.
    """

    access: Access = "read-write"
    prefix: str = ""
    write_prefix: str = ""
    list_bucket: bool = False
    guesses_write_prefix: bool = False

    @classmethod
    def of(
        cls, access: str, prefix: str = "", write_prefix: str | None = None, *, list_bucket: bool = False
    ) -> AccessProfile:
        """A profile from options. Without `write_prefix` V7 is taken to write where it reads.

        Raises UsageError for an unknown access and for a prefix that would mean something else in an ARN.
        """
        if access not in ("read-write", "read-only"):
            raise UsageError(f"there is no access {access!r}", hint="it is read-write or read-only")
        if access == "read-only" and write_prefix is not None:
            raise UsageError("a write prefix makes no sense with read-only access", hint="leave --write-prefix out")
        folder = folder_of(prefix)
        return cls(
            access="read-only" if access == "read-only" else "read-write",
            prefix=folder,
            write_prefix="" if access == "read-only" else folder if write_prefix is None else folder_of(write_prefix),
            list_bucket=list_bucket,
            guesses_write_prefix=access == "read-write" and write_prefix is None and folder != "",
        )

    @property
    def reads(self) -> tuple[str, ...]:
        """The prefixes V7 reads: what is registered, and what it wrote itself when that lies elsewhere."""
        if self.access == "read-only" or self.write_prefix.startswith(self.prefix):
            return (self.prefix,)
        if self.prefix.startswith(self.write_prefix):
            return (self.write_prefix,)
        return (self.prefix, self.write_prefix)

    def needs(self, bucket: str) -> tuple[Need, ...]:
        """The requests to allow on `bucket`, the most important first."""
        needed = [
            Need(
                "s3:GetObject",
                _objects(bucket, prefix),
                "read what is registered" if self.prefix.startswith(prefix) else "read back what it wrote",
            )
            for prefix in self.reads
        ]
        if self.access == "read-write":
            written = _objects(bucket, self.write_prefix)
            needed.append(Need("s3:PutObject", written, "write thumbnails, tiles and video frames"))
        if self.list_bucket:
            needed.append(Need("s3:ListBucket", _bucket(bucket), "find the files of a MIRAX slide"))
        return tuple(needed)

    def statements(self, bucket: str) -> list[dict[str, Any]]:
        """The statements that allow exactly that, laid out as the guide lays them out."""
        read = [_objects(bucket, prefix) for prefix in self.reads]
        written = [_objects(bucket, self.write_prefix)]
        if self.access == "read-only":
            statements = [_allow(ACCESS_SID, "s3:GetObject", read)]
        elif read == written:
            statements = [_allow(ACCESS_SID, ["s3:GetObject", "s3:PutObject"], read)]
        else:
            statements = [_allow(ACCESS_SID, "s3:GetObject", read), _allow(WRITE_SID, "s3:PutObject", written)]
        if self.list_bucket:
            statements.append(_allow(LIST_SID, "s3:ListBucket", [_bucket(bucket)]))
        return statements

    def policy(self, bucket: str) -> dict[str, Any]:
        """A whole bucket policy: the guide's document."""
        return {"Version": POLICY_VERSION, "Id": POLICY_ID, "Statement": self.statements(bucket)}

    def key_statement(self) -> dict[str, Any]:
        """The statement for the policy of a customer-managed KMS key; in a key policy `*` is that key."""
        actions = ["kms:Decrypt", "kms:GenerateDataKey"] if self.access == "read-write" else "kms:Decrypt"
        return _allow(KEY_SID, actions, ["*"])


def folder_of(prefix: str) -> str:
    """A prefix as S3 keys have it: without a slash in front, with one at its end; "" for the whole bucket.

    Raises UsageError for characters that are wildcards or variables in a policy.
    """
    folder = prefix.strip().strip("/")
    if not folder:
        return ""
    if re.search(r"[*?]|\$\{", folder):
        raise UsageError(
            f"the prefix {prefix!r} holds a wildcard or a variable", hint="give the plain beginning of the keys"
        )
    if len(folder.encode("utf-8", "surrogatepass")) > 1023:
        raise UsageError("the prefix is longer than a key can be (1,024 bytes)")
    return f"{folder}/"


def key_problem(key: str) -> str:
    """Why a KMS key's policy cannot let V7 in, judged by its ARN alone; "" when it can."""
    if re.fullmatch(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", key):
        return ""
    if key.endswith(("alias/aws/s3", "aws/s3")):
        return "the policy of the AWS-managed key aws/s3 cannot be edited, so no other account can use it"
    if "alias/" in key:
        return "an alias is looked up in the caller's own account; give the ARN of the key behind it"
    return "this is no ARN of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID"


def _objects(bucket: str, prefix: str) -> str:
    return f"arn:aws:s3:::{bucket}/{prefix}*"


def _bucket(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _allow(sid: str, actions: str | list[str], resources: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": V7_ROLE},
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else resources,
    }
