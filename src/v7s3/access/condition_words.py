"""What a condition that cannot be decided means for V7, in words, by the key that it hangs on.

Source of each sentence: the table "What is known for V7's role" that the project keeps of AWS's condition keys, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.access.actions import is_of_other_calls, known_key

if TYPE_CHECKING:
    from collections.abc import Iterable

_NETWORK = "V7 is not in your VPC, and neither are your annotators' browsers: expect denied."
_ORGANISATION = "V7's account is not in your AWS organisation: expect denied."
_MFA = "V7 is a server and has no MFA device: expect denied."
_BROWSER = "V7's servers and your annotators' browsers send different ones: expect some of them denied."
_SIGNATURE = (
    "Annotators' browsers come with presigned URLs (REST-QUERY-STRING, UNSIGNED-PAYLOAD): a rule that asks for anything"
    " else shuts them out."
)
_UPLOAD = "V7 does not document which headers its uploads carry: expect denied unless the condition asks for none."
_OWN_ACCOUNT = "It is the account that owns the bucket; say which with --context aws:ResourceAccount=ID."

# beginnings of condition keys in lower case, the more particular first
_WORDS: tuple[tuple[str, str], ...] = (
    ("aws:sourcevpc", _NETWORK),
    ("aws:vpc", _NETWORK),
    (
        "aws:sourceip",
        "V7 publishes no addresses for its S3 access, and annotators' browsers come from their own: expect denied.",
    ),
    ("aws:principalorg", _ORGANISATION),
    ("aws:principaltag/", "Nobody outside V7 knows the tags of its role: expect them to be missing."),
    ("aws:userid", "The id of V7's role is not in its ARN and is not published; name the role's ARN instead."),
    ("aws:multifactorauth", _MFA),
    ("aws:referer", _BROWSER),
    ("aws:useragent", _BROWSER),
    ("aws:requestedregion", "It is the bucket's region; say which with --context aws:RequestedRegion=REGION."),
    ("aws:resourceaccount", _OWN_ACCOUNT),
    ("s3:resourceaccount", _OWN_ACCOUNT),
    ("aws:resourceorg", "It is your own organisation; say which with --context."),
    ("aws:resourcetag/", "It depends on the tags of the bucket, and on whether the bucket uses tags for access."),
    ("s3:buckettag/", "It depends on the tags of the bucket, and on whether the bucket uses tags for access."),
    (
        "s3:existingobjecttag/",
        "It depends on the tags of each object (`aws s3api get-object-tagging`): untagged ones have no value.",
    ),
    ("s3:requestobjecttag", "V7 sends no tags with its uploads, as far as is known."),
    ("aws:currenttime", "It depends on the time of the request."),
    ("aws:epochtime", "It depends on the time of the request."),
    ("aws:tokenissuetime", "It depends on when V7's session began."),
    ("aws:securetransport", "V7 uses HTTPS; --context aws:SecureTransport=true says so."),
    ("s3:tlsversion", "Every current client has 1.2 or newer; --context s3:TlsVersion=1.2 says so."),
    ("s3:authtype", _SIGNATURE),
    ("s3:signature", _SIGNATURE),
    ("s3:x-amz-content-sha256", _SIGNATURE),
    ("s3:x-amz-", _UPLOAD),
    ("s3:object-lock-", _UPLOAD),
    ("s3:if-", _UPLOAD),
    ("s3:objectcreationoperation", _UPLOAD),
    ("s3:prefix", "It depends on which part of the bucket V7 lists."),
    ("s3:delimiter", "It depends on how V7 lists the bucket."),
    ("s3:max-keys", "It depends on how V7 lists the bucket."),
    ("aws:viaawsservice", "V7 calls S3 itself, as far as is known."),
)
_UNKNOWN = "Nobody outside V7 knows its value; if you do, say it with --context KEY=VALUE."


def expectation(keys: Iterable[str]) -> str:
    """What to expect of V7's requests when a decision hangs on these condition keys; one sentence a topic."""
    sentences = (_sentence(key.lower()) for key in keys)
    return " ".join(dict.fromkeys(sentences))


def _sentence(key: str) -> str:
    if is_of_other_calls(key) or (key.startswith("aws:") and not known_key(key)):
        return "No call of S3 is known to carry it: expect it to be missing from every request."
    return next((words for beginning, words in _WORDS if key.startswith(beginning)), _UNKNOWN)
