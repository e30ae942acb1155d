"""The COR rules: what can be wrong with a CORS configuration, and what to do about it.

`v7s3 explain COR031` prints one of them. `cors_lint` finds what is wrong with a document on its own, `cors_check`
what keeps a given origin out, `v7s3.cors_probe` what a real endpoint answers.
"""

from __future__ import annotations

from v7s3.report import Rule

_API = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html"
_RULE = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html"
_ELEMENTS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html"
_EVALUATION = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html"
_TROUBLE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors-troubleshooting.html"
_FETCH = "https://fetch.spec.whatwg.org/#http-cors-protocol"
_GUIDE = "https://docs.v7labs.com/docs/aws-s3-configuration"

_OFFLINE = "v7s3 cors check --cors-file FILE"
_LIVE = "v7s3 cors check s3://BUCKET/KEY --live"

# --- the document ---------------------------------------------------------------------------------------------------

NOT_JSON = Rule(
    "COR001", "the CORS configuration is not JSON", "error",
    why="The S3 console and the API read strict JSON and refuse the whole document at the first fault.",
    fix="mend the place that is named; `v7s3 cors write` prints a document that works",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
DUPLICATE_KEY = Rule(
    "COR002", "a key stands twice", "error",
    why="Readers of JSON keep the last of two equal keys without a word, so half of what is written is lost.",
    fix="merge the two into one list, or make two rules of them",
    verify=_OFFLINE, source=_RULE,
)  # fmt: skip
NOT_CORS = Rule(
    "COR003", "this is not a CORS configuration", "error",
    why='The console takes a list of rules, [{…}]; put-bucket-cors takes {"CORSRules": [{…}]}; nothing else is read.',
    fix="v7s3 cors write",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
OLD_XML = Rule(
    "COR004", "the XML form, which the console no longer takes", "info",
    why="The REST API speaks this XML and older guides show it, but the console takes JSON only.",
    fix="v7s3 cors write --merge FILE --format console",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
WRONG_TYPE = Rule(
    "COR005", "a value has the wrong type", "error",
    why="Methods, origins and headers are lists of texts, MaxAgeSeconds is a number; S3 refuses anything else.",
    fix='write it as the guide does: "AllowedMethods": ["GET"]',
    verify=_OFFLINE, source=_RULE,
)  # fmt: skip
UNKNOWN_KEY = Rule(
    "COR006", "a key S3 does not know", "error",
    why="A rule has ID, AllowedHeaders, AllowedMethods, AllowedOrigins, ExposeHeaders and MaxAgeSeconds. A document "
    "with any other key is refused as a whole. XML, CloudFormation and Terraform spell some of them differently.",
    fix="rename or delete it",
    verify=_OFFLINE, source=_RULE,
)  # fmt: skip
EMPTY_RULE = Rule(
    "COR007", "a rule without origins or without methods", "error",
    why="Every rule needs at least one origin and one method; S3 refuses the document as MalformedXML.",
    fix="add the missing list, or delete the rule",
    verify=_OFFLINE, source=_RULE,
)  # fmt: skip
NO_RULES = Rule(
    "COR008", "there are no rules", "error",
    why="S3 does not store an empty configuration: the API refuses it, and the console takes it for a deletion. "
    "Without a rule no browser may read the bucket from another site.",
    fix="v7s3 cors write",
    verify=_OFFLINE, source=_API,
)  # fmt: skip
UNKNOWN_METHOD = Rule(
    "COR009", "a method S3 does not allow in a rule", "error",
    why="S3 knows GET, PUT, HEAD, POST and DELETE, in upper case. OPTIONS is the preflight itself and never listed. "
    "S3 refuses the document: Found unsupported HTTP method in CORS config.",
    fix="keep GET, which is all that V7 needs",
    verify=_OFFLINE, source=_RULE,
)  # fmt: skip
TWO_WILDCARDS = Rule(
    "COR010", "more than one * in a pattern", "error",
    why='S3 refuses the document: AllowedOrigin "…" can not have more than one wildcard.',
    fix="keep one *, or write the origin out",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
BAD_EXPOSE = Rule(
    "COR011", "ExposeHeaders holds something that is no header name", "error",
    why="S3 wants whole header names here: a * or a blank makes it refuse the document.",
    fix="list the headers one by one; V7 needs none of them",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
TOO_MANY_RULES = Rule(
    "COR012", "more than 100 rules", "error",
    why="S3 stores at most 100 rules and refuses the document.",
    fix="put origins that share their methods and headers into one rule",
    verify=_OFFLINE, source=_API,
)  # fmt: skip
TOO_LARGE = Rule(
    "COR013", "larger than 64 KB", "error",
    why="The document S3 stores, its XML, is limited to 64 KB.",
    fix="replace lists of origins by a pattern with one *, or drop rules that are no longer used",
    verify=_OFFLINE, source=_API,
)  # fmt: skip
BAD_ID = Rule(
    "COR014", "an ID that does not tell rules apart", "warning",
    why="An ID has at most 255 characters and names one rule; tools that find their rule by ID change the wrong one.",
    fix="give each rule an ID of its own, or none",
    verify=_OFFLINE, source=_RULE,
)  # fmt: skip
MAX_AGE = Rule(
    "COR015", "a MaxAgeSeconds no browser keeps to", "info",
    why="Browsers cap how long they remember a preflight: Chromium after two hours, Firefox after a day.",
    fix='"MaxAgeSeconds": 3000',
    verify=_OFFLINE, source=_FETCH,
)  # fmt: skip
UNSENT_ORIGIN = Rule(
    "COR020", "an origin no browser sends", "warning",
    why="S3 stores any text, but compares it with the Origin header letter by letter, and a browser writes that as "
    "scheme://host[:port]: lower case, no slash at the end, no path, no default port.",
    fix="write it as the browser's address bar has it, up to the host: https://darwin.v7labs.com",
    verify=_OFFLINE, source="https://fetch.spec.whatwg.org/#origin-header",
)  # fmt: skip
UNASKED_HEADER = Rule(
    "COR021", "a header no browser asks for", "warning",
    why="AllowedHeaders are compared with the single names in Access-Control-Request-Headers, which are request "
    "headers a script sets. Anything else in the list is stored and never used.",
    fix='"AllowedHeaders": ["*"], as V7\'s guide has it',
    verify=_OFFLINE, source=_FETCH,
)  # fmt: skip
NEEDLESS_EXPOSE = Rule(
    "COR022", "ExposeHeaders lists what needs no listing", "info",
    why="Browsers show a page Cache-Control, Content-Language, Content-Length, Content-Type, Expires, Last-Modified "
    "and Pragma anyway, and Set-Cookie never.",
    fix="delete it",
    verify=_OFFLINE, source="https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name",
)  # fmt: skip
NEVER_USED = Rule(
    "COR023", "a rule that is never used", "warning",
    why="S3 takes the first rule that matches, and an earlier rule matches everything this one does.",
    fix="delete it, or move it in front of the earlier one",
    verify=_OFFLINE, source=_EVALUATION,
)  # fmt: skip

# --- an origin that must be let in ----------------------------------------------------------------------------------

NO_CONFIGURATION = Rule(
    "COR030", "the bucket has no CORS configuration", "error",
    why="Annotators' browsers load pictures from the bucket by presigned URL while the page is on darwin.v7labs.com. "
    "Without CORS the browser throws every picture away, although S3 delivers it.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_LIVE, source=_GUIDE,
)  # fmt: skip
NOT_ALLOWED = Rule(
    "COR031", "no rule lets the origin in", "error",
    why="S3 compares scheme, host and port letter by letter. Without a match it serves the picture without CORS "
    "headers and the browser throws it away.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_LIVE, source=_EVALUATION,
)  # fmt: skip
NO_GET = Rule(
    "COR032", "the origin may come, but not GET", "error",
    why="One and the same rule must have the origin and GET. HEAD, PUT or POST do not stand for it.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_LIVE, source=_EVALUATION,
)  # fmt: skip
SLIP = Rule(
    "COR033", "an origin that looks like a slip", "warning",
    why="It is almost the origin that must be let in, and S3 does not take almost.",
    fix="https://darwin.v7labs.com",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
STAR_ANSWER = Rule(
    "COR034", "every site is let in", "warning",
    why="With * any page may read what a leaked presigned URL points to, and a page that sends credentials is "
    "refused: S3 answers * without Access-Control-Allow-Credentials.",
    fix='"AllowedOrigins": ["https://darwin.v7labs.com"]',
    verify=_OFFLINE, source=_FETCH,
)  # fmt: skip
BROAD_PATTERN = Rule(
    "COR035", "the pattern lets other sites in as well", "warning",
    why="The * in an origin stands for anything, other people's domains included.",
    fix='"AllowedOrigins": ["https://darwin.v7labs.com"]',
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip
HEADERS_REFUSED = Rule(
    "COR036", "requests with headers of their own are refused", "warning",
    why="Pictures load without a preflight. A page that adds a header to its request asks first, and S3 refuses with "
    'a 403 when AllowedHeaders does not cover it. V7\'s guide has "AllowedHeaders": ["*"].',
    fix='"AllowedHeaders": ["*"]',
    verify=_LIVE, source=_EVALUATION,
)  # fmt: skip
EARLIER_RULE = Rule(
    "COR037", "an earlier rule answers instead", "warning",
    why="S3 takes the first rule that matches origin and method. What the later rule says has no effect on this "
    "origin's GET.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_OFFLINE, source=_EVALUATION,
)  # fmt: skip
WRITES_FROM_ANYWHERE = Rule(
    "COR038", "every site may write", "warning",
    why="With * beside PUT, POST or DELETE any page can use a presigned upload or a signed-in user's rights.",
    fix="give the writing methods a rule of their own with the origins that need them",
    verify=_OFFLINE, source=_ELEMENTS,
)  # fmt: skip

# --- what the endpoint answers --------------------------------------------------------------------------------------

LIVE_NOT_ENABLED = Rule(
    "COR040", "S3 says that CORS is not enabled", "error",
    why="The bucket has no CORS configuration, or a change has not reached all of S3 yet, which takes a few minutes.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_LIVE, source=_TROUBLE,
)  # fmt: skip
LIVE_NOT_ALLOWED = Rule(
    "COR041", "S3 refuses the preflight", "error",
    why="The bucket has a CORS configuration, but no rule of it matches this origin, method and headers.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_LIVE, source=_TROUBLE,
)  # fmt: skip
LIVE_NO_HEADERS = Rule(
    "COR042", "the answer does not let the browser show the picture", "error",
    why="A browser shows a cross-origin picture on a canvas only when Access-Control-Allow-Origin in the answer is * "
    "or exactly the page's origin.",
    fix="v7s3 cors apply s3://BUCKET",
    verify=_LIVE, source="https://fetch.spec.whatwg.org/#concept-cors-check",
)  # fmt: skip
LIVE_NO_PERMISSION = Rule(
    "COR043", "the object was refused, which is not a CORS fault", "warning",
    why="CORS never makes a GET fail: a 403 means that the key does not exist, or that these credentials may not "
    "read it (bucket policy, IAM, KMS).",
    fix="v7s3 policy check s3://BUCKET",
    verify="v7s3 doctor s3://BUCKET", source=_TROUBLE,
)  # fmt: skip
LIVE_NO_VARY = Rule(
    "COR044", "the answer has no Vary: Origin", "warning",
    why="A browser or proxy that stored the answer to another site, or to a plain <img>, may hand it to the "
    "annotator's page, where it is refused: pictures that load sometimes.",
    fix="let whatever stands before S3 (CDN, proxy, another S3 server) send Vary: Origin",
    verify=_LIVE, source="https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
)  # fmt: skip
DISAGREEMENT = Rule(
    "COR045", "the endpoint answers otherwise than the configuration says", "warning",
    why="A change is still on its way, a CDN or proxy answers in S3's place, the server is not AWS and reads the "
    "rules differently, or v7s3 is wrong. The live answer is the one that counts.",
    fix="wait five minutes and ask again; if it stays, look at what stands between you and the bucket",
    verify=_LIVE, source=_EVALUATION,
)  # fmt: skip

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
