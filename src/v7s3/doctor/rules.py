"""What the doctor finds: the bucket, Block Public Access, ownership, encryption, objects, keys and the canary.

    BKT  the bucket itself          ENC  encryption
    PAB  Block Public Access        OBJ  the objects in it
    OWN  ownership of objects       KEY  credentials and slugs
    CAN  the canary

Findings about the policy are POL, about CORS COR, about V7's record ACT.
"""

from __future__ import annotations

from v7s3.report import Rule

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
_403 = f"{_S3}/troubleshoot-403-errors.html"
_V7 = "https://docs.v7labs.com/docs/aws-s3-configuration"
_DOCTOR = "v7s3 doctor s3://BUCKET/PREFIX"

# --- the bucket -----------------------------------------------------------------------------------------------------

BAD_NAME = Rule(
    "BKT001", "this is no bucket name", "error",
    why="S3 has rules for names, and no bucket can have this one: it is mistyped, or something else was pasted",
    fix="`aws s3 ls` lists the buckets of your account",
    verify=f"{_DOCTOR} --offline", source=f"{_S3}/bucketnamingrules.html",
)  # fmt: skip
DOTS = Rule(
    "BKT002", "the bucket's name has a dot", "error",
    why="V7 and browsers reach a bucket as https://BUCKET.s3.REGION.amazonaws.com, and the certificate of that host "
    "covers one level of names only; V7's guide says that such buckets do not work",
    fix="make a bucket without dots in its name and copy the objects: aws s3 sync s3://OLD s3://NEW",
    verify=f"{_DOCTOR} --offline", source=_V7,
)  # fmt: skip
UNSUPPORTED = Rule(
    "BKT003", "a kind of bucket that V7 cannot use", "error",
    why="Directory buckets, access points, S3 on Outposts and table buckets have names of their own kinds and another "
    "API, other policies or other hosts; V7 asks a general purpose bucket by its name",
    fix="give the general purpose bucket behind it, or copy the objects into one",
    verify=f"{_DOCTOR} --offline", source=f"{_S3}/access-bucket-intro.html",
)  # fmt: skip
NO_BUCKET = Rule(
    "BKT004", "there is no such bucket", "error",
    why="S3 knows no bucket of this name in any account; names are shared by all of AWS, so it is mistyped or deleted",
    fix="check the spelling: aws s3 ls",
    verify=_DOCTOR, source=f"{_S3}/troubleshoot-403-errors.html",
)  # fmt: skip
OTHER_ACCOUNT = Rule(
    "BKT005", "the bucket belongs to another AWS account than you", "warning",
    why="Only the owner's account can read and change its policy, CORS and encryption; what you are refused says "
    "nothing about V7, and what you may do says nothing either",
    fix="run this with credentials of the account that owns the bucket: --profile OWNER",
    verify=_DOCTOR, source=f"{_S3}/bucket-owner-condition.html",
)  # fmt: skip
OPT_IN_REGION = Rule(
    "BKT006", "the region has to be switched on in V7's account too", "warning",
    why="AWS has regions that every account must enable for itself; an account that has not cannot sign requests for "
    "them. Whether V7's has, only V7 knows",
    fix="ask V7's support whether their AWS account has this region enabled, or use a bucket in another region",
    verify="v7s3 doctor s3://BUCKET --canary --dataset DATASET",
    source="https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html",
)  # fmt: skip
OTHER_PARTITION = Rule(
    "BKT007", "the bucket is in a part of AWS that V7's role cannot enter", "error",
    why="China and GovCloud are partitions of their own: no role of the rest of AWS can be let in there, whatever a "
    "policy says",
    fix="copy the objects into a bucket in a commercial region",
    verify=_DOCTOR, source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
)  # fmt: skip
REQUESTER_PAYS = Rule(
    "BKT008", "the bucket is Requester Pays", "error",
    why="S3 answers 403 to every request that does not say x-amz-request-payer, and V7 is not known to send it; a "
    "browser with a presigned URL never does",
    fix="aws s3api put-bucket-request-payment --bucket BUCKET --request-payment-configuration Payer=BucketOwner",
    verify=f"{_DOCTOR} --only requester-pays", source=f"{_S3}/RequesterPaysBuckets.html",
)  # fmt: skip
OBJECT_LOCK = Rule(
    "BKT009", "Object Lock retains every upload", "warning",
    why="With a default retention S3 refuses uploads that carry no checksum (Content-MD5 or x-amz-checksum-…), and V7 "
    "does not document whether its uploads carry one. What V7 writes cannot be deleted before the retention ends",
    fix="let V7 write elsewhere, or register from a read-only storage with your own thumbnails (`v7s3 prepare`)",
    verify="v7s3 doctor s3://BUCKET --canary --dataset DATASET", source=f"{_S3}/object-lock-managing.html",
)  # fmt: skip

# --- Block Public Access --------------------------------------------------------------------------------------------

SHUT_OUT = Rule(
    "PAB001", "Block Public Access shuts V7 out", "error",
    why="RestrictPublicBuckets is on and one statement makes the whole policy public: S3 then lets in only AWS "
    "services and the bucket's own account, although the statement for V7's role is right",
    fix="restrict the public statement to principals or fixed values, or delete it",
    verify=f"{_DOCTOR} --only public-access", source=f"{_S3}/access-control-block-public-access.html",
)  # fmt: skip
PUBLIC = Rule(
    "PAB002", "the policy is public, and only Block Public Access being off lets V7 in", "warning",
    why="Anybody may use what the public statement allows. As soon as somebody turns RestrictPublicBuckets on for the "
    "bucket, the account or the organisation, V7 is shut out as well",
    fix="restrict the public statement to principals or fixed values, or delete it",
    verify=f"{_DOCTOR} --only public-access", source=f"{_S3}/access-control-block-public-access.html",
)  # fmt: skip
PERHAPS_SHUT_OUT = Rule(
    "PAB003", "the policy is public, and not all settings of Block Public Access could be read", "error",
    why="The strictest of bucket, account and organisation wins. If one of those that could not be read has "
    "RestrictPublicBuckets on, V7 is shut out",
    fix="restrict the public statement to principals or fixed values, or delete it",
    verify=f"{_DOCTOR} --only public-access", source=f"{_S3}/access-control-block-public-access.html",
)  # fmt: skip

# --- ownership ------------------------------------------------------------------------------------------------------

FOREIGN = Rule(
    "OWN001", "objects belong to another account, so the bucket policy does not let V7 read them", "error",
    why="An Allow in a bucket policy covers only objects that the bucket's own account owns. With ACLs on, whoever "
    "uploads an object owns it unless they give it away",
    fix="aws s3api put-bucket-ownership-controls --bucket BUCKET --ownership-controls "
    "'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'",
    verify=f"{_DOCTOR} --only ownership", source=f"{_S3}/about-object-ownership.html",
)  # fmt: skip
V7_WILL_OWN = Rule(
    "OWN002", "what V7 writes will belong to V7", "warning",
    why="ACLs are on for this bucket, so the account that uploads owns the object unless the upload gives it to the "
    "bucket's owner, which V7 does not document: you could then not read or copy V7's thumbnails and frames",
    fix="aws s3api put-bucket-ownership-controls --bucket BUCKET --ownership-controls "
    "'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'",
    verify=f"{_DOCTOR} --only ownership", source=f"{_S3}/about-object-ownership.html",
)  # fmt: skip

# --- encryption -----------------------------------------------------------------------------------------------------

AWS_MANAGED_KEY = Rule(
    "ENC001", "encrypted with the AWS-managed key aws/s3, which no other account can use", "error",
    why="The policy of aws/s3 cannot be edited and lets in nobody but its own account. V7 gets a plain AccessDenied, "
    "although the bucket policy allows it; no setting can change that, only another encryption",
    fix="set the bucket's default to SSE-S3 or to a key of your own, then re-encrypt: aws s3 cp s3://BUCKET/ "
    "s3://BUCKET/ --recursive --sse AES256",
    verify=f"{_DOCTOR} --only encryption",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk",
)  # fmt: skip
KEY_DENIES = Rule(
    "ENC002", "the KMS key does not let V7 use it", "error",
    why="Objects under SSE-KMS need two permissions: the bucket's and the key's. Without the key's V7 gets "
    "AccessDenied, in the same words as without the bucket's",
    fix="v7s3 policy write s3://BUCKET --kms KEY_ARN, and paste it into the key's policy",
    verify=f"{_DOCTOR} --only encryption", source="https://repost.aws/knowledge-center/cross-account-access-denied-error-s3",
)  # fmt: skip
KEY_OUT_OF_USE = Rule(
    "ENC003", "the KMS key is switched off", "error",
    why="A disabled key, or one that waits for its deletion, decrypts for nobody; once it is deleted its objects are "
    "lost for good",
    fix="aws kms enable-key --key-id KEY (after `aws kms cancel-key-deletion` when it waits for deletion)",
    verify=f"{_DOCTOR} --only encryption",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html",
)  # fmt: skip
CUSTOMER_KEYS = Rule(
    "ENC004", "encrypted with keys that only the uploader has (SSE-C)", "error",
    why="S3 gives such an object only to who sends its key along; V7 and browsers cannot",
    fix="copy the objects with SSE-S3 or a KMS key in place of it",
    verify=f"{_DOCTOR} --only encryption", source=f"{_S3}/ServerSideEncryptionCustomerKeys.html",
)  # fmt: skip
KEY_DEPENDS = Rule(
    "ENC005", "whether the KMS key lets V7 use it depends on what cannot be known from here", "error",
    why="The key's policy asks for something that V7 does not publish, such as an address or an organisation",
    fix="let V7's role in without that condition: v7s3 policy write s3://BUCKET --kms KEY_ARN",
    verify=f"{_DOCTOR} --only encryption",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html",
)  # fmt: skip
DEFAULT_IS_ALIAS = Rule(
    "ENC006", "the bucket's default key is an alias, which means another key to V7", "error",
    why="An alias without an account is looked up in the account of whoever uploads: V7's uploads would ask for a key "
    "of that name in V7's account, which is not there",
    fix="set the default to the key's ARN: aws s3api put-bucket-encryption",
    verify=f"{_DOCTOR} --only encryption", source=f"{_S3}/UsingKMSEncryption.html",
)  # fmt: skip

# --- objects --------------------------------------------------------------------------------------------------------

ARCHIVED = Rule(
    "OBJ001", "archived, so it cannot be read", "error",
    why="Objects in GLACIER, DEEP_ARCHIVE and the archive tiers of INTELLIGENT_TIERING answer 403 InvalidObjectState "
    "until they are restored (GLACIER_IR is read at once)",
    fix="aws s3api restore-object --bucket BUCKET --key KEY --restore-request Days=30",
    verify=f"{_DOCTOR} --only archive", source=f"{_S3}/archived-objects.html",
)  # fmt: skip
WILL_BE_ARCHIVED = Rule(
    "OBJ002", "a lifecycle rule will archive these objects", "warning",
    why="From that day V7 can no longer read the originals; what it shows from its own thumbnails still appears, so "
    "nobody notices before an annotator opens an item",
    fix="except the prefix from the rule, or let it move to GLACIER_IR, which is read at once",
    verify=f"{_DOCTOR} --only archive", source=f"{_S3}/object-lifecycle-mgmt.html",
)  # fmt: skip
WILL_BE_DELETED = Rule(
    "OBJ003", "a lifecycle rule will delete these objects", "warning",
    why="V7 keeps no copy of the originals: an item whose object is gone cannot be shown any more",
    fix="except the prefix from the rule while it is annotated",
    verify=f"{_DOCTOR} --only archive", source=f"{_S3}/lifecycle-expire-general-considerations.html",
)  # fmt: skip
NOTHING_THERE = Rule(
    "OBJ004", "there is no object of this name", "error",
    why="V7 is told 403 for a key that does not exist, because it may not list the bucket: a wrong key looks like a "
    "wrong permission. Keys are case-sensitive, begin without a slash, and hold %20 and + as they are",
    fix="aws s3 ls s3://BUCKET/ shows what is there",
    verify=_DOCTOR, source="https://docs.v7labs.com/docs/external-storage-troubleshooting",
)  # fmt: skip
DELETED = Rule(
    "OBJ005", "deleted: the newest version is a delete marker", "error",
    why="In a bucket with versions a deletion hides the object behind a marker; V7 asks for the newest version",
    fix="delete the marker: aws s3api delete-object --bucket BUCKET --key KEY --version-id MARKER",
    verify=_DOCTOR, source=f"{_S3}/DeleteMarker.html",
)  # fmt: skip
EMPTY = Rule(
    "OBJ006", "an object without content", "warning",
    why="An upload broke off, or a program made the name and nothing else; V7 cannot decode nothing",
    fix="upload it again, or leave it out: `v7s3 register` skips empty objects",
    verify=f"{_DOCTOR} --only objects", source=_403,
)  # fmt: skip
WRONG_TYPE = Rule(
    "OBJ007", "the Content-Type contradicts the name", "warning",
    why="S3 gives a browser the Content-Type that was stored with the upload, and a browser may refuse to show a "
    "picture that calls itself text",
    fix="aws s3 cp s3://BUCKET/KEY s3://BUCKET/KEY --metadata-directive REPLACE --content-type TYPE",
    verify=f"{_DOCTOR} --only objects",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html",
)  # fmt: skip
ENCODED = Rule(
    "OBJ008", "the object is stored compressed", "warning",
    why="A Content-Encoding means that the bytes are not the file: browsers unpack it, servers that read the object "
    "directly often do not",
    fix="store the file as it is, without Content-Encoding",
    verify=f"{_DOCTOR} --only objects", source=f"{_S3}/UsingMetadata.html",
)  # fmt: skip
TAGS_KEEP_OUT = Rule(
    "OBJ009", "the policy asks for an object tag that these objects do not have", "error",
    why="A statement looks at s3:ExistingObjectTag, as malware scanning does (GuardDuty sets "
    "GuardDutyMalwareScanStatus). Objects without the tag, or not scanned yet, are refused",
    fix="tag the objects, or except V7's role from the statement: v7s3 policy explain s3://BUCKET",
    verify=f"{_DOCTOR} --only tags",
    source="https://docs.aws.amazon.com/guardduty/latest/ug/tag-based-access-s3-malware-protection.html",
)  # fmt: skip

# --- credentials and slugs ------------------------------------------------------------------------------------------

NO_AWS = Rule(
    "KEY001", "AWS does not know who you are", "error",
    why="There are no AWS credentials, or AWS refuses them: nothing about the bucket can be read. This says nothing "
    "about V7, which comes with its own",
    fix="`aws sts get-caller-identity` shows who you are; `aws configure list` where the credentials come from",
    verify="aws sts get-caller-identity",
    source="https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
)  # fmt: skip
ENDS_SOON = Rule(
    "KEY002", "the AWS credentials end soon", "warning",
    why="A session token ends at a fixed time, and a registration that lasts longer stops there (it can be resumed)",
    fix="log in again before you start: aws sso login",
    verify="aws sts get-caller-identity",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html",
)  # fmt: skip
V7_REFUSES = Rule(
    "KEY003", "V7 refuses the API key", "error",
    why="The key is incomplete, revoked, of another team, or lacks the permission that the request needs",
    fix="make a key in V7 under Settings → API keys with the permission 'Add data to datasets': export V7_API_KEY=…",
    verify=f"{_DOCTOR} --only v7-key", source="https://docs.v7labs.com/docs/api-key-and-team-slug",
)  # fmt: skip
OTHER_TEAM = Rule(
    "KEY004", "the API key is of another team", "error",
    why="A key opens one team. Its slug is what stands in the address of the team's pages in V7",
    fix="use that team's slug as --team, or a key of the team that you mean",
    verify=f"{_DOCTOR} --only v7-key", source="https://docs.v7labs.com/docs/api-key-and-team-slug",
)  # fmt: skip
NO_DATASET = Rule(
    "KEY005", "the team has no such dataset", "error",
    why="Registration wants the dataset's slug, which is not always its name: lower case, hyphens for blanks",
    fix="choose one that exists: --dataset SLUG",
    verify=f"{_DOCTOR} --only dataset",
    source="https://docs.v7labs.com/docs/registering-items-from-external-storage",
)  # fmt: skip

# --- the canary -----------------------------------------------------------------------------------------------------

NOT_PUT = Rule(
    "CAN001", "the canary's picture could not be put into the bucket", "error",
    why="The canary begins with an upload under your own credentials, so this is about you and not about V7",
    fix="allow s3:PutObject and s3:DeleteObject on the prefix: v7s3 doctor --permissions --command canary",
    verify="v7s3 doctor s3://BUCKET --canary --dataset DATASET", source=_403,
)  # fmt: skip
NOT_REGISTERED = Rule(
    "CAN002", "V7 did not register the canary", "error",
    why="The request was refused, or the item blocked, before V7 looked at the object",
    fix="v7s3 doctor s3://BUCKET --only v7-key,dataset,storage",
    verify="v7s3 doctor s3://BUCKET --canary --dataset DATASET",
    source="https://docs.v7labs.com/docs/registering-items-from-external-storage",
)  # fmt: skip
NOT_PROCESSED = Rule(
    "CAN003", "V7 could not process the canary", "error",
    why="The picture is in the bucket and in order: what V7 met with it, it will meet with every other object",
    fix="mend what the checks above name, then run the canary again",
    verify="v7s3 doctor s3://BUCKET --canary --dataset DATASET",
    source="https://docs.v7labs.com/docs/external-storage-troubleshooting",
)  # fmt: skip
NOT_SHOWN = Rule(
    "CAN004", "a browser would not show the canary", "error",
    why="V7 processed it, but the picture or its thumbnail does not reach a page on V7's origin",
    fix="v7s3 cors check s3://BUCKET --live",
    verify="v7s3 doctor s3://BUCKET --canary --dataset DATASET",
    source="https://docs.v7labs.com/docs/external-storage-troubleshooting",
)  # fmt: skip
NOT_REMOVED = Rule(
    "CAN005", "the canary could not be removed", "warning",
    why="What it made is still there, in the bucket or in V7",
    fix="remove what is named by hand",
    verify="aws s3 ls s3://BUCKET/PREFIX/", source=f"{_S3}/DeletingObjects.html",
)  # fmt: skip

RULES: tuple[Rule, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
