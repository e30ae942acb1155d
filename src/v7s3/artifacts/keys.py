"""Where artifacts lie: `v7s3/<source key>/<ETag>~<recipe>/thumbnail.jpg`. Pure.

The source's key is readable and can be got back, so that `--clean` can tell whose artifact an object is. A changed
object has another ETag and other options another recipe: what has been registered is never overwritten by something
else, and may be cached for ever.

Bytes other than letters, digits, `.`, `_`, `-` and `/` are written `~XX`: only those are never encoded, decoded or
taken for their own by proxies, playlists and signatures. A dot that would make a segment `.` or `..` is written so,
too, and an empty segment is `~`. Keys that would get too long for S3 lie under `~long/` by their digest;
their artifacts tell the key in their metadata.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import NamedTuple

from v7s3.errors import UsageError

DEFAULT_PREFIX = "v7s3/"
_LONGEST = 1024 - 128  # bytes of prefix and escaped key; ETag, recipe and the name below them take the rest
_LONGEST_PREFIX = 512
LONG = "~long/"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_ESCAPED = re.compile(rb"~([0-9A-F]{2})")
# Everything this program puts into a folder, and nothing else that might lie there.
_ARTIFACT = re.compile(
    r"(?P<source>.+)/(?P<etag>[^/]*)~(?P<recipe>[a-z][^/~]*)/"
    r"(?P<name>thumbnail\.jpg|metadata\.json|frames_manifest\.txt|audio_peaks\.gz"
    r"|segments/(?:high|low)/(?:index\.m3u8|\d{9}\.ts)|sections/(?:high|low)/\d{9}\.(?:png|jpg))"
)


class Artifact(NamedTuple):
    """What an artifact's key says."""

    source: str | None  # the key it was made from; None for one that was too long to be a part of this one
    etag: str
    recipe: str
    folder: str  # up to and with the slash before `name`
    name: str  # "thumbnail.jpg", "sections/high/000000000.png"


def prefix_of(text: str) -> str:
    """`--artifacts-prefix` as a folder of keys: "v7s3" is "v7s3/". Raises UsageError for one that is unsafe in URLs."""
    folder = text.strip("/")
    if not folder or escape(folder) != folder:
        raise UsageError(
            f"--artifacts-prefix {text!r} is no folder for artifacts",
            hint="give one of letters, digits, '.', '_', '-' and '/', like v7s3/",
        )
    if len(folder) >= _LONGEST_PREFIX:
        raise UsageError(f"--artifacts-prefix has more than {_LONGEST_PREFIX} characters", hint="give a shorter one")
    return f"{folder}/"


def folder_of(prefix: str, key: str, etag: str, recipe: str) -> str:
    """The folder of one source's artifacts, with a slash at its end. `recipe` says what is made, and how."""
    escaped = escape(key)
    if is_long(prefix, key):
        escaped = LONG + sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{prefix}{escaped}/{escape(etag).replace('/', '~2F')}~{recipe}/"


def is_long(prefix: str, key: str) -> bool:
    """Whether artifacts lie by the digest of `key` instead of by its name."""
    return len(prefix) + len(escape(key)) > _LONGEST


def in_metadata(key: str) -> str:
    """A key of up to 1,024 bytes as an object's metadata can carry it: within 2 KB of US-ASCII."""
    return b64encode(key.encode("utf-8", "surrogatepass")).decode()


def from_metadata(text: str) -> str:
    return b64decode(text).decode("utf-8", "surrogatepass")


def artifact_of(prefix: str, key: str) -> Artifact | None:
    """Read an artifact's key; None when this program would not have written it."""
    found = _ARTIFACT.fullmatch(key, len(prefix)) if key.startswith(prefix) else None
    if found is None:
        return None
    source = None if found["source"].startswith(LONG) else unescape(found["source"])
    return Artifact(source, unescape(found["etag"]), found["recipe"], key[: -len(found["name"])], found["name"])


def listing_prefix(prefix: str, source_prefix: str) -> str:
    """What the artifacts of all keys beginning with `source_prefix` begin with; those of others may, too."""
    folder, slash, _ = source_prefix.rpartition("/")
    return prefix + (escape(folder) + slash if folder else "")


def escape(text: str) -> str:
    """Reversible; the result has plain characters and `~` only, and no segment of it is empty, `.` or `..`."""
    if not text:
        return ""
    return "/".join(_escaped(segment) for segment in text.encode("utf-8", "surrogatepass").split(b"/"))


def unescape(text: str) -> str:
    segments = (segment if segment != "~" else "" for segment in text.split("/"))
    plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), "/".join(segments).encode())
    return plain.decode("utf-8", "surrogatepass")


def _escaped(segment: bytes) -> str:
    if not segment:
        return "~"
    if segment in (b".", b".."):
        return "~2E" + "." * (len(segment) - 1)
    return "".join(chr(byte) if byte in _PLAIN else f"~{byte:02X}" for byte in segment)
