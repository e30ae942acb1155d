"""What can be read about a bucket: each question is put once, whoever asks, and its denial is remembered too.

Every method of `Reads` may block and raises V7S3Error: DeniedError when a permission is missing, UnansweredError when
the server has no such request or only the bucket's own account may ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from v7s3.access.cors import CORSConfiguration
from v7s3.access.profile import V7_ORIGIN, V7_ROLE, AccessProfile
from v7s3.aws_errors import bucket_region, error_code, translated
from v7s3.doctor.contents import Head, LifecycleRule, Listed, Sample, Tagged, variants_of
from v7s3.doctor.encryption import Default, KmsKey, keys_in_use
from v7s3.doctor.probe import UnansweredError, Unknown, attempt, known
from v7s3.doctor.sample import explore, spaced
from v7s3.doctor.threads import Once, side_by_side
from v7s3.errors import CredentialsError, DeniedError, NotFoundError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from v7s3.access.profile import Access
    from v7s3.darwin import Storage
    from v7s3.doctor.aws import Aws
    from v7s3.doctor.v7 import V7

_NEIGHBOURS = 3  # keys taken where a jump lands
_FOR_V7 = 12.0  # seconds that questions to AWS wait for V7's record
_NOT_OFFERED = ("NotImplemented", "501", "XNotImplemented", "UnsupportedOperation")
_OWNER_ONLY = ("MethodNotAllowed", "405")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person wants to know. `access` and `write_prefix` are what they say of the storage; None: V7's word."""

    bucket: str
    key: str = ""  # the beginning of the keys, or one key, as it was typed
    team: str = ""
    storage: str = ""
    dataset: str = ""
    access: Access | None = None
    write_prefix: str | None = None
    sample: int = 20
    origins: tuple[str, ...] = (V7_ORIGIN,)

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs this, and where the credentials come from."""

    account: str
    arn: str
    source: str
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class Existing:
    """A bucket that exists. `refused` says what HeadBucket would need ("" when it was answered).

    `is_ours` is None when that cannot be told.
    """

    region: str
    refused: str = ""
    is_ours: bool | None = None


class Reads:
    """Everything the probes ask about `asked`, from AWS and from V7."""

    def __init__(self, asked: Asked, aws: Aws, v7: V7) -> None:
        self.asked = asked
        self.aws = aws
        self.v7 = v7
        self.keys_seen: set[str] = set()  # what the support bundle must not name
        self.caller = Once(self._caller)
        self.bucket = Once(self._bucket)
        self.policy = Once(self._policy)
        self.policy_is_public = Once(self._policy_is_public)
        self.bucket_blocks = Once(self._bucket_blocks)
        self.account_blocks = Once(self._account_blocks)
        self.ownership = Once(self._ownership)
        self.owner = Once(self._owner)
        self.encryption = Once(self._encryption)
        self.sample = Once(self._sample)
        self.heads = Once(self._heads)
        self.payer = Once(self._payer)
        self.lifecycle = Once(self._lifecycle)
        self.retention = Once(self._retention)
        self.cors = Once(self._cors)

    # --- who asks, and about what -----------------------------------------------------------------------------------
    def _caller(self) -> Caller:
        source = self.aws.credentials()
        answer = self._ask(self.aws.sts.get_caller_identity, "AWS")
        return Caller(answer["Account"], answer["Arn"], source.words, source.expires)

    def _bucket(self) -> Existing:
        """Raises NotFoundError when there is no such bucket; anybody, also without credentials, may learn that."""
        if isinstance(attempt(self.aws.credentials), Unknown):
            return self._seen_by_nobody()
        with translated(f"s3://{self.asked.bucket}"):
            try:
                answer = self.aws.s3.head_bucket(Bucket=self.asked.bucket)
            except ClientError as error:
                if self._is_stranger():  # AWS has not looked at the bucket
                    return self._seen_by_nobody()
                if error_code(error) != "403":
                    raise
                return Existing(bucket_region(error), "needs s3:ListBucket")
        region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region") or self.aws.s3.meta.region_name
        return Existing(str(region), is_ours=self._is_ours())

    def _seen_by_nobody(self) -> Existing:
        """What S3 tells anybody: 404, or 403 and the region."""
        with translated(f"s3://{self.asked.bucket}"):
            try:
                answer = self.aws.anonymous.head_bucket(Bucket=self.asked.bucket)
            except ClientError as error:
                if error_code(error) != "403":
                    raise
                return Existing(bucket_region(error), "needs AWS credentials")
        return Existing(str(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", "")))

    def _is_stranger(self) -> bool:
        try:
            self.caller()
        except CredentialsError:
            return True
        except V7S3Error:
            return False  # a server without STS, or one that does not answer
        return False

    def _is_ours(self) -> bool | None:
        caller = attempt(self.caller)
        if isinstance(caller, Unknown):
            return None
        with translated(f"s3://{self.asked.bucket}"):
            try:
                self.aws.s3.head_bucket(Bucket=self.asked.bucket, ExpectedBucketOwner=caller.account)
            except ClientError as error:
                return False if error_code(error) == "403" else None
        return True

    @property
    def region(self) -> str:
        """The bucket's region as far as it is known."""
        found = self.bucket.read
        return (found.region if found is not None else "") or str(self.aws.s3.meta.region_name)

    def storage(self) -> Storage:
        """V7's record: the storage of that name, else the one of this bucket, else the only one."""
        storages, asked = self.v7.storages(_FOR_V7), self.asked
        if asked.storage:
            fitting = [one for one in storages if one.name == asked.storage]
        else:
            fitting = [one for one in storages if one.bucket == asked.bucket]
        if not fitting:
            raise NotFoundError(f"V7 has no storage {asked.storage or 'of this bucket'}")
        return fitting[0]

    def profile(self, *, list_bucket: bool = False) -> tuple[AccessProfile, str]:
        """What V7 needs here, and in words where that is known from."""
        asked = self.asked
        access, written, source = asked.access, asked.write_prefix, "as given on the command line"
        if access is None or (written is None and access == "read-write"):
            try:
                storage = self.storage()
            except V7S3Error as error:
                source = f"assumed, because V7's record is not known: {error.message}"
            else:
                access = access or ("read-only" if storage.readonly else "read-write")
                written = storage.prefix if written is None else written
                source = f"V7's storage {storage.name}"
        access = access or "read-write"
        written = None if access == "read-only" else written
        return AccessProfile.of(access, self.folder(), written, list_bucket=list_bucket), source

    def folder(self) -> str:
        """The prefix that was asked about; for one object the folder it lies in."""
        key = self.asked.key
        sample = known(self.sample)
        is_object = isinstance(sample, Sample) and any(each.key == key for each in sample.objects)
        return key.rpartition("/")[0] if is_object and not key.endswith("/") else key

    # --- the policy and what stands beside it -----------------------------------------------------------------------
    def _policy(self) -> str | None:
        answer = self._configured(self.aws.s3.get_bucket_policy, "NoSuchBucketPolicy")
        return None if answer is None else str(answer["Policy"])

    def _policy_is_public(self) -> bool:
        answer = self._configured(self.aws.s3.get_bucket_policy_status, "NoSuchBucketPolicy")
        return False if answer is None else bool(answer["PolicyStatus"]["IsPublic"])

    def _bucket_blocks(self) -> Mapping[str, bool] | None:
        answer = self._configured(self.aws.s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration")
        return None if answer is None else answer["PublicAccessBlockConfiguration"]

    def _account_blocks(self) -> Mapping[str, bool] | None:
        """Of the account that asks; they are the bucket's when the bucket is its own."""
        account = self.caller().account
        if self.bucket().is_ours is False:
            raise UnansweredError("the bucket is another account's")
        try:
            answer = self._ask(
                lambda: self.aws.control.get_public_access_block(AccountId=account),
                "the account",
                absent=("NoSuchPublicAccessBlockConfiguration",),
            )
        except DeniedError as error:
            raise DeniedError(error.message, permission="s3:GetAccountPublicAccessBlock") from error
        return None if answer is None else answer["PublicAccessBlockConfiguration"]

    def _ownership(self) -> str:
        answer = self._configured(self.aws.s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError")
        if answer is None:
            return "ObjectWriter"  # buckets from before the setting
        return str(answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"])

    def _owner(self) -> str:
        answer = self._configured(self.aws.s3.get_bucket_acl)
        return str(answer["Owner"]["ID"])

    def _cors(self) -> CORSConfiguration | None:
        answer = self._configured(self.aws.s3.get_bucket_cors, "NoSuchCORSConfiguration")
        return None if answer is None else CORSConfiguration.parse(answer.get("CORSRules", []))

    def _payer(self) -> str:
        answer = self._configured(self.aws.s3.get_bucket_request_payment)
        return str(answer.get("Payer", "BucketOwner"))

    def _retention(self) -> Mapping[str, object] | None:
        answer = self._configured(
            self.aws.s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError", "404"
        )
        if answer is None:
            return None
        rule = answer.get("ObjectLockConfiguration", {}).get("Rule", {})
        return dict(rule.get("DefaultRetention", {}))

    def _lifecycle(self) -> tuple[LifecycleRule, ...]:
        answer = self._configured(self.aws.s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", "404")
        found = [] if answer is None else answer.get("Rules", [])
        return tuple(_lifecycle_rule(rule) for rule in found if rule.get("Status") == "Enabled")

    # --- encryption -------------------------------------------------------------------------------------------------
    def _encryption(self) -> Default:
        answer = self._configured(self.aws.s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError")
        if answer is None:
            return Default()
        rule = answer["ServerSideEncryptionConfiguration"]["Rules"][0]
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        return Default(
            str(default.get("SSEAlgorithm", "AES256")),
            str(default.get("KMSMasterKeyID", "")),
            bool(rule.get("BucketKeyEnabled", False)),
        )

    def keys(self) -> dict[str, KmsKey | Unknown]:
        """Each KMS key that the default or the sampled objects use, by the name they use for it."""
        names = keys_in_use(known(self.encryption), known(self.heads))
        return dict(side_by_side(lambda name: (name, known(lambda: self._key(name))), names))

    def _key(self, name: str) -> KmsKey:
        kms = self.aws.kms
        described = self._ask(lambda: kms.describe_key(KeyId=name), f"the KMS key {name}")["KeyMetadata"]
        arn, manager = str(described["Arn"]), str(described.get("KeyManager", "CUSTOMER"))
        if manager == "AWS":
            return KmsKey(arn, manager, str(described.get("KeyState", "Enabled")))
        policy = known(
            lambda: str(
                self._ask(lambda: kms.get_key_policy(KeyId=arn, PolicyName="default"), f"the KMS key {arn}")["Policy"]
            )
        )
        return KmsKey(arn, manager, str(described["KeyState"]), policy, known(lambda: self._granted(arn)))

    def _granted(self, arn: str) -> frozenset[str]:
        """The operations that grants give V7's role."""
        pages = self.aws.kms.get_paginator("list_grants")
        answer = self._ask(lambda: list(pages.paginate(KeyId=arn)), f"the KMS key {arn}")
        grants = [grant for page in answer for grant in page["Grants"] if grant.get("GranteePrincipal") == V7_ROLE]
        return frozenset(operation for grant in grants for operation in grant.get("Operations", ()))

    # --- objects ----------------------------------------------------------------------------------------------------
    def _sample(self) -> Sample:
        """Up to `asked.sample` objects below the prefix, or the one object of that name."""
        key, wanted = self.asked.key, self.asked.sample
        prefix = key if not key or key.endswith("/") else f"{key}/"
        first, complete = self._page(prefix)
        if not first and key and not key.endswith("/"):
            exact = [each for each in self._page(key, limit=1)[0] if each.key == key]
            return Sample(tuple(exact), len(exact))
        if complete:
            originals = self._originals(first)
            return Sample(spaced(originals, wanted), len(originals))
        return Sample(self._spread(prefix, first, wanted), None)

    def _originals(self, listed: Sequence[Listed]) -> Sequence[Listed]:
        """Without what V7 and v7s3 wrote, which nobody uploads or mends; all, where there is nothing else."""
        storage = attempt(self.storage)
        written = self.asked.write_prefix or ("" if isinstance(storage, Unknown) else storage.prefix)
        folders = [f"{folder}/" for folder in (written.strip("/"), "v7s3") if folder]
        generated = tuple(folder for folder in folders if not self.asked.key.startswith(folder))
        return [each for each in listed if not each.key.startswith(generated)] or listed

    def _spread(self, prefix: str, first: list[Listed], wanted: int) -> tuple[Listed, ...]:
        """Some of the first page, and what lies beyond it."""
        found = {first[0].key: first[0]}

        def after(place: str) -> str | None:
            page, _ = self._page(prefix, after=place, limit=_NEIGHBOURS)
            found.update({each.key: each for each in page})
            return page[0].key if page else None

        explore(prefix, first[0].key, first[-1].key, lambda places: side_by_side(after, places))
        missing = max(wanted - len(found), 1)
        found.update({each.key: each for each in spaced(self._originals(first), missing)})
        return spaced(self._originals([found[key] for key in sorted(found)]), wanted)

    def _page(self, prefix: str, *, after: str = "", limit: int = 1000) -> tuple[list[Listed], bool]:
        """One page of a listing, with owners; and whether it is the last."""
        where: dict[str, Any] = {"StartAfter": after} if after else {}
        answer = self._ask(
            lambda: self.aws.s3.list_objects_v2(
                Bucket=self.asked.bucket, Prefix=prefix, MaxKeys=limit, FetchOwner=True, **where
            ),
            self.asked.url,
        )
        entries = answer.get("Contents", [])
        found = [
            Listed(each["Key"], each["Size"], each.get("StorageClass", "STANDARD"), each.get("Owner", {}).get("ID", ""))
            for each in entries
        ]
        self.keys_seen.update(each.key for each in found)
        return found, not answer["IsTruncated"]

    def _heads(self) -> tuple[Head, ...]:
        """HeadObject of the sampled objects. Raises DeniedError when none of them may be read."""
        files = [each.key for each in self.sample().objects if not each.key.endswith("/")]
        answers = side_by_side(lambda key: known(lambda: self._head(key)), files)
        found = tuple(head for head in answers if isinstance(head, Head))
        if answers and not found:
            raise DeniedError("no object may be read", permission="s3:GetObject")
        return found

    def unread(self) -> str:
        """In words, how many of the sampled objects `heads` could not read; "" when it read all of them."""
        files = [each for each in self.sample().objects if not each.key.endswith("/")]
        missing = len(files) - len(self.heads())
        return f"{missing} of {len(files)} objects looked at (needs s3:GetObject)" if missing else ""

    def _head(self, key: str) -> Head:
        with translated(f"s3://{self.asked.bucket}/{key}"):
            try:
                answer = self.aws.s3.head_object(Bucket=self.asked.bucket, Key=key)
            except ClientError as error:
                if error_code(error) == "400":  # the one refusal of a readable object without its key
                    return Head(key, customer_key=True)
                raise
        return Head(
            key,
            answer["ContentLength"],
            answer.get("ContentType", ""),
            answer.get("ContentEncoding", ""),
            answer.get("StorageClass", "STANDARD"),
            answer.get("ArchiveStatus", ""),
            'ongoing-request="false"' in answer.get("Restore", ""),
            answer.get("ServerSideEncryption", ""),
            answer.get("SSEKMSKeyId", ""),
            bool(answer.get("BucketKeyEnabled", False)),
            "SSECustomerAlgorithm" in answer,
        )

    def near(self) -> tuple[list[str], bool]:
        """For a key that is not there: keys under other spellings of it, and whether it was deleted."""
        key = self.asked.key
        found = [page[0].key for spelling in variants_of(key) if (page := self._page(spelling, limit=1)[0])]
        return found, known(self._is_deleted) is True

    def _is_deleted(self) -> bool:
        answer = self._ask(
            lambda: self.aws.s3.list_object_versions(Bucket=self.asked.bucket, Prefix=self.asked.key, MaxKeys=10),
            self.asked.url,
        )
        return any(marker.get("IsLatest") for marker in answer.get("DeleteMarkers", []))

    def tagged(self) -> list[Tagged]:
        """The sampled objects with their tags."""
        files = [each.key for each in self.sample().objects if not each.key.endswith("/")]
        return side_by_side(self._tagged, files)

    def _tagged(self, key: str) -> Tagged:
        answer = self._ask(
            lambda: self.aws.s3.get_object_tagging(Bucket=self.asked.bucket, Key=key), f"s3://{self.asked.bucket}/{key}"
        )
        return Tagged(key, {tag["Key"]: tag["Value"] for tag in answer["TagSet"]})

    # --- one request ------------------------------------------------------------------------------------------------
    def _configured(self, get: Callable[..., Any], *absent: str) -> Any:
        """A configuration of the bucket, None when S3 answers with one of the codes `absent`."""
        return self._ask(lambda: get(Bucket=self.asked.bucket), f"s3://{self.asked.bucket}", absent=absent)

    def _ask(self, request: Callable[[], Any], subject: str, *, absent: tuple[str, ...] = ()) -> Any:
        with translated(subject):
            try:
                return request()
            except ClientError as error:
                code = error_code(error)
                if code in absent:
                    return None
                if code in _NOT_OFFERED:
                    raise UnansweredError(f"this S3 server has no {error.operation_name}") from error
                if code in _OWNER_ONLY:
                    raise UnansweredError("only the account that owns the bucket may ask") from error
                raise


def _lifecycle_rule(rule: Mapping[str, Any]) -> LifecycleRule:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html"""
    filters = rule.get("Filter", {})
    joined = filters.get("And", filters)
    prefix = joined.get("Prefix", rule.get("Prefix", ""))
    narrowed = any(name in joined for name in ("Tag", "Tags", "ObjectSizeGreaterThan", "ObjectSizeLessThan"))
    expiration = rule.get("Expiration", {})
    moves = tuple((each.get("StorageClass", ""), _when(each)) for each in rule.get("Transitions", ()))
    expires = _when(expiration) if "Days" in expiration or "Date" in expiration else ""
    return LifecycleRule(rule.get("ID", ""), prefix, moves, expires, narrowed)


def _when(step: Mapping[str, Any]) -> str:
    if "Date" in step:
        return f"on {step['Date']:%Y-%m-%d}"
    return f"{step.get('Days', 0)} days after they were made"
