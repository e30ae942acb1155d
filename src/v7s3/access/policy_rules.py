"""Every finding about a bucket policy, POL001 to POL199: what it is, why it matters, how to mend it.

    POL001-POL019   the document: JSON, elements, size
    POL020-POL029   Principal
    POL030-POL039   Action
    POL040-POL049   Resource
    POL050-POL059   Condition
    POL101-POL119   the question itself: may V7 do what it needs to do

Messages in quotes are S3's own, as PutBucketPolicy answers them (all with the code MalformedPolicy).
"""

from __future__ import annotations

from v7s3.report import Rule

_GRAMMAR = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"
_PRINCIPAL = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
_OPERATORS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
_ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"
_BUCKET_POLICY = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html"
_EVALUATION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html"
_PUBLIC = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"
_V7 = "https://docs.v7labs.com/docs/aws-s3-configuration"
_LINT = "v7s3 policy check --policy-file FILE"
_CHECK = "v7s3 policy check s3://BUCKET"

# --- the document ---------------------------------------------------------------------------------------------------

NOT_JSON = Rule(
    "POL001",
    "the document is not valid JSON",
    "error",
    why='S3 refuses it ("This policy contains invalid Json", or "Policies must be valid JSON and the first byte must'
    " be '{'\"). A document that was copied from a web page, a PDF or a chat often carries quotes or blanks that only"
    " look right.",
    fix="correct the text at this place",
    verify=_LINT,
    source=_GRAMMAR,
)
DUPLICATE_KEY = Rule(
    "POL002",
    "the same key stands twice in one object",
    "error",
    why="Only one of the two can count, and JSON does not say which; what looks like two rules is one.",
    fix="keep one; several values belong into one list, several rules into several statements",
    verify=_LINT,
    source=_GRAMMAR,
)
TRAILING_COMMA = Rule(
    "POL003",
    "a comma stands before a closing bracket",
    "error",
    why='JSON does not allow it and S3 refuses the document ("This policy contains invalid Json").',
    fix="delete the comma",
    verify=_LINT,
    source=_GRAMMAR,
)
NOT_A_POLICY = Rule(
    "POL004",
    "the document is JSON, but no bucket policy",
    "error",
    why="A bucket policy is one object with the elements Version and Statement.",
    fix="`v7s3 policy write s3://BUCKET` prints a whole policy to start from",
    verify=_LINT,
    source=_GRAMMAR,
)
UNKNOWN_ELEMENT = Rule(
    "POL005",
    "an element that policies do not have",
    "error",
    why="S3 refuses the whole document. Names of elements are exact, upper and lower case included.",
    fix="correct the name or delete the element",
    verify=_LINT,
    source=_GRAMMAR,
)
MISSING_ELEMENT = Rule(
    "POL006",
    "a required element is missing or empty",
    "error",
    why='Every policy needs Statement, every statement Effect, Action and Resource. S3 says "Missing required field …"'
    ' or "Could not parse the policy: Statement is empty!".',
    fix="add it",
    verify=_LINT,
    source=_GRAMMAR,
)
WRONG_TYPE = Rule(
    "POL007",
    "a value of the wrong type",
    "error",
    why='S3 refuses the document. Elements take text or a list of texts; S3 says "Policy Member must be of type …" or'
    ' "This policy contains invalid Json".',
    fix="write the value in the form the message names",
    verify=_LINT,
    source=_GRAMMAR,
)
VERSION = Rule(
    "POL008",
    "Version is not 2012-10-17",
    "error",
    why="Version names the language of policies, not the age of this one. There are two: 2012-10-17 and 2008-10-17,"
    ' which is assumed when there is none and knows no variables. S3 refuses others: "The policy must contain a valid'
    ' version string".',
    fix='"Version": "2012-10-17"',
    verify=_LINT,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html",
)
EFFECT = Rule(
    "POL009",
    "Effect is neither Allow nor Deny",
    "error",
    why='S3 refuses the document: "Invalid effect: …". Upper and lower case count.',
    fix='"Effect": "Allow"',
    verify=_LINT,
    source=_GRAMMAR,
)
TOO_LARGE = Rule(
    "POL010",
    "the policy is larger than S3 stores",
    "error",
    why="S3 takes at most 20,480 bytes, white space between elements not counted.",
    fix="join statements that differ in one value, use wildcards, or move rules into access point policies",
    verify=_LINT,
    source=_BUCKET_POLICY,
)
BOTH_FORMS = Rule(
    "POL011",
    "an element and its negation stand in one statement",
    "error",
    why="Action and NotAction, Resource and NotResource, Principal and NotPrincipal exclude each other; S3 refuses the"
    " document.",
    fix="keep one of the two",
    verify=_LINT,
    source=_GRAMMAR,
)
DUPLICATE_SID = Rule(
    "POL012",
    "two statements have the same Sid",
    "warning",
    why="A Sid names its statement. AWS's policy validation calls doubles an error, and tools that update a policy by"
    " Sid would change only one of the two.",
    fix="give each statement its own Sid",
    verify=_LINT,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html",
)

# --- Principal ------------------------------------------------------------------------------------------------------

NO_PRINCIPAL = Rule(
    "POL020",
    "a statement names no Principal",
    "error",
    why="This is how policies for IAM users and roles look. A bucket policy says whom each statement is about; without"
    ' it S3 refuses the document ("Missing required field Principal").',
    fix='"Principal": {"AWS": "arn:aws:iam::258327614892:role/external_s3"}',
    verify=_LINT,
    source=_V7,
)
PRINCIPAL = Rule(
    "POL021",
    "a principal that S3 does not accept",
    "error",
    why='S3 refuses the document: "Invalid principal in policy". Principals are whole: an account, a role or a user;'
    " the only wildcard is a lone *, and groups are none.",
    fix="name an account, a role or a user by its full ARN",
    verify=_LINT,
    source=_PRINCIPAL,
)
DELETED_PRINCIPAL = Rule(
    "POL022",
    "a principal that was deleted",
    "error",
    why="When a role or user is deleted, AWS replaces its ARN by its id (AROA…, AIDA…). A new one of the same name has"
    " another id, so the statement applies to nobody; and S3 refuses the id when the policy is stored again.",
    fix="put the ARN of the role that exists now in its place, or delete the entry",
    verify=_LINT,
    source=_PRINCIPAL,
)
NOT_PRINCIPAL = Rule(
    "POL023",
    "NotPrincipal",
    "warning",
    why="With Allow S3 refuses it. With Deny it hits everybody but the listed, and a role is spared only when its"
    " account, the role and, by some of AWS's texts, each of its sessions are listed; one with a permissions boundary"
    " is never spared, and whether V7's has one nobody else can see.",
    fix='"Principal": "*" with "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "…"}} says the same safely',
    verify=_LINT,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html",
)
SESSION_PRINCIPAL = Rule(
    "POL024",
    "a principal that is one session of a role",
    "warning",
    why="An assumed-role ARN means the one session of that name, and nobody outside knows how V7 names its sessions.",
    fix="name the role: arn:aws:iam::258327614892:role/external_s3",
    verify=_LINT,
    source=_PRINCIPAL,
)
NEARLY_V7 = Rule(
    "POL025",
    "a principal that is nearly V7's role",
    "error",
    why="V7 reads buckets as exactly arn:aws:iam::258327614892:role/external_s3. A principal that does not exist makes"
    ' S3 refuse the document ("Invalid principal in policy"); one that does exist is somebody else.',
    fix='"AWS": "arn:aws:iam::258327614892:role/external_s3"',
    verify=_LINT,
    source=_V7,
)

# --- Action ---------------------------------------------------------------------------------------------------------

UNKNOWN_ACTION = Rule(
    "POL030",
    "an action that S3 does not have",
    "error",
    why='S3 refuses the document: "Policy has invalid action".',
    fix="use an action of the Service Authorization Reference",
    verify=_LINT,
    source=_ACTIONS,
)
API_NAME = Rule(
    "POL031",
    "the name of an API call where an action belongs",
    "error",
    why='Several API calls are checked as one action, so not every call has its own. S3 refuses the document: "Policy'
    ' has invalid action".',
    fix="use the action that S3 checks for this call",
    verify=_LINT,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html",
)
MALFORMED_ACTION = Rule(
    "POL032",
    "an action that is not written as `s3:Name`",
    "error",
    why='S3 refuses the document: "Policy has invalid action". An action is one service and one name, without blanks;'
    " several actions are a list of texts. A bucket policy knows the actions of S3 only.",
    fix='"Action": ["s3:GetObject", "s3:PutObject"]',
    verify=_LINT,
    source=_ACTIONS,
)
ACTION_WITHOUT_RESOURCE = Rule(
    "POL033",
    "an action that fits none of the statement's resources",
    "error",
    why='S3 refuses the whole document: "Action does not apply to any resource(s) in statement". Actions on objects'
    " need arn:aws:s3:::BUCKET/KEYS, actions on the bucket arn:aws:s3:::BUCKET.",
    fix="give the action a statement of its own with the resource that it needs",
    verify=_LINT,
    source=_ACTIONS,
)

# --- Resource -------------------------------------------------------------------------------------------------------

RESOURCE = Rule(
    "POL040",
    "a resource that is no ARN of a bucket or its objects",
    "error",
    why='S3 refuses the document: "Policy has invalid resource".',
    fix='"Resource": "arn:aws:s3:::BUCKET/*"',
    verify=_LINT,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html",
)
OTHER_BUCKET = Rule(
    "POL041",
    "a resource of another bucket",
    "error",
    why='A bucket\'s policy can only speak of that bucket; S3 refuses others: "Policy has invalid resource".',
    fix="put the name of this bucket into the ARN",
    verify=_LINT,
    source=_BUCKET_POLICY,
)
NO_OBJECTS = Rule(
    "POL042",
    "a resource without /* behind the bucket",
    "error",
    why="arn:aws:s3:::BUCKET is the bucket itself and none of its objects. S3 refuses a statement whose actions are"
    ' all about objects: "Action does not apply to any resource(s) in statement".',
    fix='"Resource": "arn:aws:s3:::BUCKET/*"',
    verify=_LINT,
    source=_V7,
)
SINGLE_KEY = Rule(
    "POL043",
    "a resource that is the one object of this name",
    "warning",
    why="Without a wildcard a resource is one key. A key that ends in a slash is the empty object some tools make for"
    " a folder, not what lies in it.",
    fix="put * behind the prefix",
    verify=_LINT,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html",
)
PLACEHOLDER = Rule(
    "POL044",
    "a placeholder from an example",
    "error",
    why='The sample was pasted without its name filled in; S3 refuses it: "Policy has invalid resource".',
    fix="put the name of the bucket in its place",
    verify=_LINT,
    source=_V7,
)
TWO_BUCKETS = Rule(
    "POL045",
    "resources of more than one bucket",
    "error",
    why='A bucket\'s policy can only speak of that bucket; S3 refuses others: "Policy has invalid resource".',
    fix="keep the resources of the bucket that this policy is for (`--bucket` says which)",
    verify=_LINT,
    source=_BUCKET_POLICY,
)
ODD_KEY = Rule(
    "POL046",
    "a resource whose key is probably not meant like this",
    "warning",
    why="S3 compares ARN and key character by character: nothing is decoded, and a slash more or less is another key.",
    fix="write the key as S3 lists it",
    verify=_LINT,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html",
)

# --- Condition ------------------------------------------------------------------------------------------------------

OPERATOR = Rule(
    "POL050",
    "a condition operator that does not exist",
    "error",
    why='S3 refuses the document: "Invalid Condition type : …". Names of operators are exact.',
    fix="use an operator of the reference",
    verify=_LINT,
    source=_OPERATORS,
)
CONDITION_KEY = Rule(
    "POL051",
    "a condition key that does not exist",
    "error",
    why='S3 refuses unknown keys of its own: "Policy has an invalid condition key". An unknown aws: key is never in a'
    " request, so the condition never holds, or, negated, always; the same goes for keys that only another service's"
    " calls carry, such as sts:ExternalId.",
    fix="use a key of the reference",
    verify=_LINT,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html",
)
KEY_WITHOUT_ACTION = Rule(
    "POL052",
    "a condition key that an action of the statement does not know",
    "error",
    why='S3 refuses the whole document: "Conditions do not apply to combination of actions and resources in'
    ' statement".',
    fix="give the action a statement of its own without this condition",
    verify=_LINT,
    source=_ACTIONS,
)
CONDITION_VALUE = Rule(
    "POL053",
    "a value that its condition operator cannot read",
    "error",
    why="S3 refuses malformed addresses, dates, numbers and booleans, or the condition can never hold.",
    fix="write the value in the form the operator takes",
    verify=_LINT,
    source=_OPERATORS,
)
OPERATOR_MISMATCH = Rule(
    "POL054",
    "an operator that does not suit its key",
    "warning",
    why="S3 stores it, but the comparison is not the one that was meant: text is compared character by character, a"
    " set operator asks for sets, and a * is a wildcard for the Like operators and ARNs only.",
    fix="use the operator that suits the key",
    verify=_LINT,
    source=_OPERATORS,
)
IDLE_VARIABLE = Rule(
    "POL055",
    "a policy variable that is plain text here",
    "warning",
    why='${…} is a variable only in policies that say "Version": "2012-10-17", in Resource and in text and ARN'
    " conditions; anywhere else the characters stand for themselves.",
    fix='"Version": "2012-10-17"',
    verify=_LINT,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
)
USELESS_CONDITION = Rule(
    "POL056",
    "a condition that can never hold, or always does",
    "warning",
    why="The request never has such a value, so the statement does nothing or hits everybody.",
    fix="correct the value",
    verify=_LINT,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
)

# --- may V7 do what it needs to do ----------------------------------------------------------------------------------

NO_POLICY = Rule(
    "POL101",
    "the bucket has no policy",
    "error",
    why="V7's role belongs to another AWS account. Without a policy on the bucket it may do nothing, whatever your own"
    " IAM policies say.",
    fix="v7s3 policy apply s3://BUCKET",
    verify=_CHECK,
    source=_V7,
)
NOT_ALLOWED = Rule(
    "POL102",
    "no statement allows V7's role to do this",
    "error",
    why="V7's role belongs to another AWS account: what no Allow statement of the bucket policy covers is denied.",
    fix="v7s3 policy apply s3://BUCKET",
    verify=_CHECK,
    source=_EVALUATION,
)
EXPLICIT_DENY = Rule(
    "POL103",
    "a Deny statement hits V7's role",
    "error",
    why="One matching Deny ends it: no Allow, here or anywhere, can overrule it.",
    fix='add to the Deny statement: "Condition": {"ArnNotEquals": {"aws:PrincipalArn":'
    ' "arn:aws:iam::258327614892:role/external_s3"}}',
    verify=_CHECK,
    source=_EVALUATION,
)
DEPENDS = Rule(
    "POL104",
    "whether V7's role is let in depends on something this document does not say",
    "error",
    why="The policy asks for a property of the request that nobody outside V7 knows, or that V7 cannot have.",
    fix='except V7\'s role from the Deny: "ArnNotEquals": {"aws:PrincipalArn":'
    ' "arn:aws:iam::258327614892:role/external_s3"}',
    verify=_CHECK,
    source=_EVALUATION,
)
NO_WRITE = Rule(
    "POL105",
    "V7 may read, but not write",
    "error",
    why="A read-write storage needs s3:PutObject: V7 writes thumbnails, tiles and video frames. Without it items stay"
    " in processing.",
    fix="v7s3 policy apply s3://BUCKET, or use --access read-only and register with your own thumbnails",
    verify=_CHECK,
    source=_V7,
)
NO_LIST = Rule(
    "POL106",
    "V7 may not list the bucket",
    "error",
    why="A MIRAX slide is many files; V7 finds them with s3:ListBucket, which needs the bucket's own ARN without /*.",
    fix="v7s3 policy apply s3://BUCKET --list",
    verify=f"{_CHECK} --list",
    source=_V7,
)
PARTLY_COVERED = Rule(
    "POL107",
    "only some of the keys are covered",
    "error",
    why="The statement allows, or denies, part of what V7 needs: some objects will load and others will not.",
    fix="v7s3 policy apply s3://BUCKET/PREFIX --write-prefix WHERE_V7_WRITES",
    verify=_CHECK,
    source=_EVALUATION,
)
UPLOAD_HEADERS = Rule(
    "POL108",
    "uploads are refused unless they carry certain headers",
    "error",
    why="V7's documentation does not say which headers its uploads carry. If they lack what this statement asks for,"
    " thumbnails and frames cannot be written, and items stay in processing.",
    fix="except V7's role from the Deny, and let the bucket's default encryption do the work",
    verify=_CHECK,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingServerSideEncryption.html",
)
HEADERS_BLOCK_READS = Rule(
    "POL109",
    "a rule about upload headers also blocks reads",
    "error",
    why="Only uploads carry these headers. A read has none, so a Deny that asks for one hits every read as well.",
    fix='"Action": "s3:PutObject" in the Deny statement',
    verify=_CHECK,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html",
)
PUBLIC = Rule(
    "POL110",
    "the policy is public",
    "warning",
    why="If Block Public Access has RestrictPublicBuckets on (new buckets have since April 2023), one public statement"
    " shuts out every other account, V7's included, although V7's own statement is right.",
    fix="restrict the public statement to principals or fixed values, or delete it",
    verify=_CHECK,
    source=_PUBLIC,
)
BROADER_PRINCIPAL = Rule(
    "POL111",
    "V7 is let in by a statement that is about more than V7",
    "warning",
    why="V7 is one role. A statement for everybody, or for V7's whole account, gives more than V7 asks for.",
    fix='"Principal": {"AWS": "arn:aws:iam::258327614892:role/external_s3"}',
    verify=_CHECK,
    source=_V7,
)
BROADER_ACTION = Rule(
    "POL112",
    "V7 is allowed more than it needs",
    "warning",
    why="V7 asks for s3:GetObject, and for s3:PutObject when it is to write. More actions add risk and no function.",
    fix='"Action": ["s3:GetObject", "s3:PutObject"]',
    verify=_CHECK,
    source=_V7,
)
BROADER_RESOURCE = Rule(
    "POL113",
    "V7 is allowed the whole bucket where a prefix would do",
    "info",
    why="V7 needs the objects that are registered and the prefix it writes to.",
    fix="v7s3 policy apply s3://BUCKET/PREFIX --write-prefix WHERE_V7_WRITES",
    verify=_CHECK,
    source=_V7,
)
CONFIRMED_PUBLIC = Rule(
    "POL114",
    "Block Public Access shuts V7 out",
    "error",
    why="RestrictPublicBuckets is on and the policy is public: only AWS services and the bucket's own account get in,"
    " although V7's own statement is right.",
    fix="restrict the public statement to principals or fixed values, or delete it",
    verify=_CHECK,
    source=_PUBLIC,
)

RULES: tuple[Rule, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
