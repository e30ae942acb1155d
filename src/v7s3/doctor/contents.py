"""The objects themselves: archived, empty, wrongly typed, tagged, or not there at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from v7s3.doctor import rules
from v7s3.doctor.probe import Answer, Unknown
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from v7s3.report import Finding

_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")

# Extensions V7 takes, and what their Content-Type may be; the first is the usual one.
_TYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("jpg", "jpeg", "jfif"), ("image/jpeg", "image/jpg", "image/pjpeg")),
    "png": ("image/png", "image/x-png"),
    "webp": ("image/webp",),
    "bmp": ("image/bmp", "image/x-ms-bmp", "image/x-bmp"),
    **dict.fromkeys(("tif", "tiff", "qtiff"), ("image/tiff", "image/x-tiff")),
    "mp4": ("video/mp4", "application/mp4"),
    "mov": ("video/quicktime", "video/mp4"),
    "avi": ("video/x-msvideo", "video/avi", "video/msvideo"),
    "mkv": ("video/x-matroska", "video/matroska"),
    "dcm": ("application/dicom", "application/dicom+octet-stream", "image/dicom"),
    "pdf": ("application/pdf",),
}
# What S3 and upload tools put when nobody says: it names no type, and browsers look at the bytes.
_NO_TYPE = ("", "binary/octet-stream", "application/octet-stream", "application/x-octet-stream")


@dataclass(frozen=True, slots=True)
class Listed:
    """One object as a listing shows it. `size` is in bytes, `owner` a canonical id ("" when not asked for)."""

    key: str
    size: int
    storage_class: str = "STANDARD"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What HeadObject says of one object. `key_id` is a KMS key's ARN; `customer_key` an object under SSE-C."""

    key: str
    size: int = 0
    content_type: str = ""
    content_encoding: str = ""
    storage_class: str = "STANDARD"
    archive_status: str = ""
    restored: bool = False
    algorithm: str = ""
    key_id: str = ""
    bucket_key: bool = False
    customer_key: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Objects spread over the prefix. `total` is how many there are, None when there are more than were counted."""

    objects: tuple[Listed, ...]
    total: int | None

    def __str__(self) -> str:
        return f"{len(self.objects)} of {self.total}" if self.total is not None else f"{len(self.objects)} of many"


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """An enabled rule. `moves` are (storage class, when in words), `expires` when in words ("" for never)."""

    name: str
    prefix: str
    moves: tuple[tuple[str, str], ...] = ()
    expires: str = ""
    narrowed: bool = False  # by tags or sizes: it may spare some of the objects


def is_archived(head: Head) -> bool:
    """Whether GetObject would answer InvalidObjectState."""
    return (head.storage_class in _ARCHIVES or bool(head.archive_status)) and not head.restored


# --- archive --------------------------------------------------------------------------------------------------------
def judge_archive(heads: Sequence[Head] | Unknown, lifecycle: Sequence[LifecycleRule] | Unknown, prefix: str) -> Answer:
    """Objects that are archived, and rules that will archive or delete what is below `prefix`."""
    findings: list[Finding] = []
    unknown = [str(each) for each in (heads, lifecycle) if isinstance(each, Unknown)]
    summary = []
    if not isinstance(heads, Unknown):
        archived = [head for head in heads if is_archived(head)]
        findings += [_archived(head) for head in archived]
        summary.append(f"{len(archived)} of {len(heads)} objects looked at are archived" if heads else "no objects")
    if not isinstance(lifecycle, Unknown):
        touching = [rule for rule in lifecycle if _touches(rule, prefix)]
        found = [finding for rule in touching for finding in _of_rule(rule)]
        findings += found
        summary.append("no lifecycle rule will archive or delete" if not found else "lifecycle rules will change that")
    return Answer("; ".join(summary), tuple(findings), unknown="; ".join(unknown))


def _archived(head: Head) -> Finding:
    where = head.archive_status or head.storage_class
    return rules.ARCHIVED.finding(f"it is in {where}", at=Location(pointer=head.key))


def _touches(rule: LifecycleRule, prefix: str) -> bool:
    return rule.prefix.startswith(prefix) or prefix.startswith(rule.prefix)


def _of_rule(rule: LifecycleRule) -> Iterator[Finding]:
    place = Location(name=rule.name)
    some = " that fit its tags or sizes" if rule.narrowed else ""
    what = f"objects below {rule.prefix!r}{some}" if rule.prefix else f"all objects{some}"
    for storage_class, when in rule.moves:
        if storage_class in _ARCHIVES:
            yield rules.WILL_BE_ARCHIVED.finding(f"{what} move to {storage_class} {when}", at=place)
    if rule.expires:
        yield rules.WILL_BE_DELETED.finding(f"{what} are deleted {rule.expires}", at=place)


# --- zero bytes, types ----------------------------------------------------------------------------------------------
def judge_objects(sample: Sample, heads: Sequence[Head] | Unknown) -> Answer:
    """Oddities of the sampled objects. Folder markers, which end in a slash, are none."""
    files = [each for each in sample.objects if not each.key.endswith("/")]
    findings = [
        rules.EMPTY.finding("it has no bytes", at=Location(pointer=each.key)) for each in files if each.size == 0
    ]
    unknown = ""
    if isinstance(heads, Unknown):
        unknown = f"their types ({heads})"
    else:
        findings += [finding for head in heads for finding in _of_head(head)]
    looked = f"{sample} objects looked at"
    return Answer(f"{looked}{'' if findings or unknown else ', none of them odd'}", tuple(findings), unknown=unknown)


def _of_head(head: Head) -> Iterator[Finding]:
    place = Location(pointer=head.key)
    content_type = head.content_type.partition(";")[0].strip().lower()
    usual = _TYPES.get(head.key.rpartition(".")[2].lower())
    if usual and content_type not in usual and content_type not in _NO_TYPE:
        fix = f"store it with --content-type {usual[0]}"
        yield rules.WRONG_TYPE.finding(f"its Content-Type is {content_type}", at=place, fix=fix)
    encoding = head.content_encoding.lower().replace("aws-chunked", "").strip(" ,")
    if usual and encoding not in ("", "identity"):
        yield rules.ENCODED.finding(f"its Content-Encoding is {encoding}", at=place)


# --- nothing there --------------------------------------------------------------------------------------------------
def variants_of(key: str) -> tuple[str, ...]:
    """Other spellings of a key or prefix that people mean: decoded, without a slash in front, with one at the end."""
    spellings = (
        unquote(key),
        unquote_plus(key),
        key.lstrip("/"),
        unquote(key).lstrip("/"),
        key.replace("\\", "/"),
        key.strip(),
        key.rstrip("/"),
        key.lower(),
        key.upper(),
    )
    return tuple(spelling for spelling in dict.fromkeys(spellings) if spelling not in ("", key))


def judge_absence(key: str, near: Sequence[str], *, deleted: bool) -> Answer:
    """What to say when nothing begins with `key`: whether it was deleted, and which spelling exists."""
    place = Location(pointer=key)
    if deleted:
        return Answer(f"{key} was deleted", (rules.DELETED.finding("a delete marker hides it", at=place),))
    if near:
        message = f"nothing begins with {key!r}; there is {near[0]!r}"
        return Answer(f"nothing begins with {key}", (rules.NOTHING_THERE.finding(message, at=place),))
    message = f"nothing begins with {key!r}" if key else "the bucket is empty"
    return Answer(message, (rules.NOTHING_THERE.finding(message, at=place, severity=None if key else "warning"),))


# --- tags -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Tagged:
    """One object, its tags, and what the policy decides for it: "allowed", "denied" or "depends"."""

    key: str
    tags: Mapping[str, str] = field(default_factory=dict)
    effect: str = "allowed"


def judge_tags(tagged: Sequence[Tagged], names: Sequence[str]) -> Answer:
    """`names` are the tag keys that the policy looks at."""
    asked = ", ".join(names)
    findings = tuple(
        rules.TAGS_KEEP_OUT.finding(
            "its tags: " + (", ".join(f"{name}={each.tags.get(name, '(none)')}" for name in names)),
            at=Location(pointer=each.key),
        )
        for each in tagged
        if each.effect == "denied"
    )
    open_ones = [each for each in tagged if each.effect == "depends"]
    unknown = f"{len(open_ones)} objects depend on more than their tags" if open_ones else ""
    if not tagged:
        return Answer(f"the policy looks at {asked}", unknown="whether objects have it: there is none to look at")
    return Answer(f"the policy looks at {asked}; {len(tagged)} objects looked at", findings, unknown=unknown)
