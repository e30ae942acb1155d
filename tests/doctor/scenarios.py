"""One function for each cause that the sandbox can show: it breaks a bucket that was in order.

`EXIT_CODES` says how `v7s3 doctor` ends; what it prints stands in `expected/NAME.txt`.
"""

from __future__ import annotations

import dataclasses
import json

BUCKET = "acme-scans"
ROLE = "arn:aws:iam::258327614892:role/external_s3"
OURS = {
    "Sid": "DarwinAccess",
    "Effect": "Allow",
    "Principal": {"AWS": ROLE},
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
WEB = {**OURS, "Sid": "Web", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/web/*"}


@dataclasses.dataclass
class World:
    """What a scenario may change."""

    s3: object
    bucket: object  # the sandbox's Configuration of the bucket
    darwin: object
    owner: object  # boto3 clients of the owner
    kms: object
    monkeypatch: object

    def set_policy(self, *statements):
        self.bucket.policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()

    def make_key(self, **statement):
        """A customer-managed key whose policy has its account and, when given, one statement more."""
        own = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.s3.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = {"Version": "2012-10-17", "Statement": [own, statement] if statement else [own]}
        return self.kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]

    def encrypt_by_default(self, **default):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", **default}}
        self.owner.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def record(self, **changes):
        """Change V7's record of the storage."""
        storage = self.darwin.storages.pop("acme-scans")
        changed = dataclasses.replace(storage, **changes)
        self.darwin.storages[changed.name] = changed


# --- who asks, and about what ---------------------------------------------------------------------------------------
def in_order(world):
    """Nothing is wrong."""


def expired_credentials(world):
    for name, value in world.s3.environment("expired").items():
        world.monkeypatch.setenv(name, value)


def no_credentials(world):
    world.monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    world.monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


def another_account(world):
    for name, value in world.s3.environment("stranger").items():
        world.monkeypatch.setenv(name, value)


def few_permissions(world):
    world.s3.deny |= {"s3:*", "kms:*"}


def only_bucket_settings(world):
    world.s3.deny |= {"s3:GetObject", "s3:List*", "s3:GetAccountPublicAccessBlock"}


# --- the policy -----------------------------------------------------------------------------------------------------
def no_policy(world):
    world.bucket.policy = None


def policy_without_the_objects(world):
    world.set_policy({**OURS, "Resource": f"arn:aws:s3:::{BUCKET}"})


def policy_for_another_prefix(world):
    world.set_policy({**OURS, "Resource": [f"arn:aws:s3:::{BUCKET}/raw-data/*", f"arn:aws:s3:::{BUCKET}/darwin/*"]})


def policy_for_a_mistyped_role(world):
    world.set_policy({**OURS, "Principal": {"AWS": "arn:aws:iam::258327614892:role/external-s3"}})


def policy_without_writing(world):
    world.set_policy({**OURS, "Action": "s3:GetObject"})


def denied_outside_the_office(world):
    office = {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    world.set_policy(
        OURS,
        {
            "Sid": "Office",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": office,
        },
    )


def uploads_must_name_their_encryption(world):
    world.set_policy(
        OURS,
        {
            "Sid": "Encrypted",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}},
        },
    )


def slides_without_listing(world):
    world.s3.put(BUCKET, "raw/slide.mrxs", b"mirax")


def malware_tag_is_missing(world):
    world.set_policy(
        OURS,
        {
            "Sid": "Scanned",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/raw/*",
            "Condition": {"StringNotEquals": {"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"}},
        },
    )
    tags = [{"Key": "GuardDutyMalwareScanStatus", "Value": "NO_THREATS_FOUND"}]
    world.owner.put_object_tagging(Bucket=BUCKET, Key="raw/1.jpg", Tagging={"TagSet": tags})


# --- Block Public Access, ownership ---------------------------------------------------------------------------------
def a_public_statement_shuts_v7_out(world):
    world.set_policy(OURS, WEB)


def the_account_blocks_what_the_bucket_allows(world):
    world.set_policy(OURS, WEB)
    world.bucket.blocks = None
    world.s3.account_blocks = {"RestrictPublicBuckets": True}


def public_and_nothing_blocks(world):
    world.set_policy(OURS, WEB)
    world.bucket.blocks = None


def public_and_the_account_is_unknown(world):
    public_and_nothing_blocks(world)
    world.s3.deny |= {"s3:GetAccountPublicAccessBlock"}


def foreign_objects(world):
    world.bucket.ownership = "ObjectWriter"
    world.bucket.foreign["raw/1.jpg"] = "111122223333"


# --- encryption -----------------------------------------------------------------------------------------------------
def a_key_without_v7(world):
    key = world.make_key()
    world.encrypt_by_default(KMSMasterKeyID=key)
    world.owner.put_object(
        Bucket=BUCKET, Key="raw/2.jpg", Body=b"jpeg", ServerSideEncryption="aws:kms", SSEKMSKeyId=key,
        ContentType="image/jpeg",
    )  # fmt: skip


def a_key_that_lets_v7_read_only(world):
    key = world.make_key(Effect="Allow", Principal={"AWS": ROLE}, Action="kms:Decrypt", Resource="*")
    world.encrypt_by_default(KMSMasterKeyID=key)


def a_key_that_lets_v7_in(world):
    condition = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    key = world.make_key(Effect="Allow", Principal={"AWS": ROLE}, Action=actions, Resource="*", Condition=condition)
    world.encrypt_by_default(KMSMasterKeyID=key)


def the_key_of_aws(world):
    world.owner.put_object(
        Bucket=BUCKET, Key="raw/2.jpg", Body=b"jpeg", ServerSideEncryption="aws:kms", ContentType="image/jpeg"
    )
    world.encrypt_by_default()


def a_disabled_key(world):
    key = world.make_key()
    world.encrypt_by_default(KMSMasterKeyID=key)
    world.kms.disable_key(KeyId=key.rpartition("/")[2])


def a_key_whose_policy_is_unreadable(world):
    a_key_without_v7(world)
    world.s3.deny |= {"kms:GetKeyPolicy"}


# --- the objects ----------------------------------------------------------------------------------------------------
def requester_pays(world):
    world.bucket.payer = "Requester"


def archived_objects(world):
    world.s3.put(BUCKET, "raw/0.jpg", b"jpeg", storage_class="GLACIER")
    world.s3.put(BUCKET, "raw/1.jpg", b"jpeg", storage_class="GLACIER_IR")


def a_lifecycle_that_archives_and_deletes(world):
    move = {
        "ID": "cold", "Status": "Enabled", "Filter": {"Prefix": "raw/"},
        "Transitions": [{"Days": 90, "StorageClass": "DEEP_ARCHIVE"}],
    }  # fmt: skip
    end = {"ID": "end", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 365}}
    off = {"ID": "off", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    other = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}}
    world.owner.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [move, end, off, other]}
    )


def odd_objects(world):
    world.s3.put(BUCKET, "raw/", b"")
    world.s3.put(BUCKET, "raw/empty.jpg", b"")
    world.s3.put(BUCKET, "raw/page.png", b"png", content_type="text/html")
    world.owner.put_object(
        Bucket=BUCKET, Key="raw/packed.dcm", Body=b"gz", ContentType="application/dicom", ContentEncoding="gzip"
    )


def nothing_below_the_prefix(world):
    for number in range(3):
        world.owner.delete_object(Bucket=BUCKET, Key=f"raw/{number}.jpg")
    world.s3.put(BUCKET, "RAW/0.jpg", b"jpeg")


def deleted_objects(world):
    world.owner.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        world.owner.delete_object(Bucket=BUCKET, Key=f"raw/{number}.jpg")


# --- CORS -----------------------------------------------------------------------------------------------------------
def no_cors(world):
    world.bucket.cors = None


def cors_for_another_origin(world):
    world.s3.allow_origin(BUCKET, "https://app.example.com")


def cors_for_everybody(world):
    world.s3.allow_origin(BUCKET, "*")


# --- V7 -------------------------------------------------------------------------------------------------------------
def no_v7_key(world):
    world.monkeypatch.delenv("V7_API_KEY")


def wrong_v7_key(world):
    world.monkeypatch.setenv("V7_API_KEY", "unknown.0123456789abcdefghijklmnopqrstuv")


def wrong_team(world):
    world.monkeypatch.setenv("V7_TEAM", "acne")


def wrong_dataset(world):
    world.monkeypatch.setenv("V7_DATASET", "scan")


def wrong_storage(world):
    world.monkeypatch.setenv("V7_STORAGE", "acme-scan")


def another_region_on_record(world):
    world.record(region="us-east-1")


def another_bucket_on_record(world):
    world.record(bucket="acme-frames")


def v7_writes_anywhere(world):
    world.record(prefix="")


def read_only_storage(world):
    world.record(readonly=True)


def three_faults(world):
    """A policy that does not let V7 write, a key that does not let it in, and no CORS."""
    policy_without_writing(world)
    a_key_without_v7(world)
    no_cors(world)


EXIT_CODES = {
    in_order: 0,
    expired_credentials: 3,
    no_credentials: 3,
    another_account: 0,
    few_permissions: 0,
    only_bucket_settings: 0,
    no_policy: 1,
    policy_without_the_objects: 1,
    policy_for_another_prefix: 1,
    policy_for_a_mistyped_role: 1,
    policy_without_writing: 1,
    denied_outside_the_office: 1,
    uploads_must_name_their_encryption: 1,
    slides_without_listing: 1,
    malware_tag_is_missing: 1,
    a_public_statement_shuts_v7_out: 1,
    the_account_blocks_what_the_bucket_allows: 1,
    public_and_nothing_blocks: 0,
    public_and_the_account_is_unknown: 1,
    foreign_objects: 1,
    a_key_without_v7: 1,
    a_key_that_lets_v7_read_only: 1,
    a_key_that_lets_v7_in: 0,
    the_key_of_aws: 1,
    a_disabled_key: 1,
    a_key_whose_policy_is_unreadable: 0,
    requester_pays: 1,
    archived_objects: 1,
    a_lifecycle_that_archives_and_deletes: 0,
    odd_objects: 0,
    nothing_below_the_prefix: 1,
    deleted_objects: 1,
    no_cors: 1,
    cors_for_another_origin: 1,
    cors_for_everybody: 0,
    no_v7_key: 0,
    wrong_v7_key: 1,
    wrong_team: 1,
    wrong_dataset: 1,
    wrong_storage: 1,
    another_region_on_record: 1,
    another_bucket_on_record: 1,
    v7_writes_anywhere: 0,
    read_only_storage: 0,
    three_faults: 1,
}
