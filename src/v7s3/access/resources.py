"""Which objects and buckets a Resource element covers, and which objects a request asks for.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.access.globs import Glob, Wild
from v7s3.access.variables import ARN_PARTS, Pattern, Plain, Variable, arn_pattern, pieces, split_arn

if TYPE_CHECKING:
    from v7s3.access.context import Context

_PARTITION = 1


def resource_pattern(text: str, context: Context, *, with_variables: bool) -> Pattern:
    """The pattern of one Resource or NotResource: only its partition and its last part may hold wildcards."""
    if text == "*":
        everything = Glob((Wild.RUN,))
        return Pattern(text, everything, everything)
    found = arn_pattern(text, context, with_variables=with_variables)
    if found is None:  # no ARN; S3 does not store it
        return Pattern(text, None, Glob.parse(text))
    head = split_arn(pieces(text, with_variables=with_variables))[: ARN_PARTS - 1]
    if any(isinstance(piece, Variable) for part in head for piece in part):
        return Pattern(text, None, Glob((Wild.RUN,)), ("a variable before the fifth colon",))
    doubtful = any(
        isinstance(piece, Plain) and ("*" in piece.text or "?" in piece.text)
        for number, part in enumerate(head)
        if number != _PARTITION
        for piece in part
    )
    return Pattern(text, None, found.upper, found.keys) if doubtful else found


def asked_for(resource: str) -> Glob | None:
    """The keys that a request for every key under a prefix asks for; None when the request is for one resource.

    `arn:aws:s3:::bucket/*` asks for every object, and an object's key is never empty.
    """
    if not resource.endswith("*"):
        return None
    prefix = resource[:-1]
    whole_bucket = prefix.endswith("/") and prefix.count("/") == 1
    return Glob.literal(prefix) + Glob((Wild.ONE, Wild.RUN) if whole_bucket else (Wild.RUN,))
