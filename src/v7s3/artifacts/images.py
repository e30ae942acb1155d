"""What a read-only image needs beside the original: its size and a thumbnail (v7-facts §5.1).

**Which width and height?** Browsers turn a picture by its EXIF orientation before anybody draws on it, so `width` and
`height` are those of the picture *as displayed*, like the thumbnail's; what the file stores is told beside it
(`stored_width`, `stored_height`, `orientation`). V7 does not document the point (user-pains 21).

Pillow shrinks JPEGs while it decodes them (`draft`), which is where the speed comes from: an eighth in each direction
costs a fifth of the full decode.
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from contextlib import nullcontext
from functools import cache
from pathlib import PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from v7s3.artifacts.box import BOX, fitted
from v7s3.artifacts.limits import MAX_PIXELS
from v7s3.artifacts.refusal import Refusal, words_of
from v7s3.errors import V7S3Error

if TYPE_CHECKING:
    from typing import BinaryIO

QUALITY = 85  # of the thumbnail JPEG
_LARGE = 20_000_000  # pixels to decode, at up to 8 bytes each: more in one picture, and it waits for its turn

# What each name ending promises, in Pillow's words. An ending that is not here promises nothing.
PROMISED: dict[str, tuple[str, ...]] = {
    ".jpg": ("JPEG", "MPO"),
    ".jpeg": ("JPEG", "MPO"),
    ".jfif": ("JPEG", "MPO"),
    ".png": ("PNG",),
    ".gif": ("GIF",),
    ".webp": ("WEBP",),
    ".bmp": ("BMP", "DIB"),
    ".tif": ("TIFF",),
    ".tiff": ("TIFF",),
    ".qtiff": ("TIFF",),
    ".svs": ("TIFF",),
    ".heic": ("HEIF",),
    ".heif": ("HEIF",),
    ".avif": ("AVIF", "HEIF"),
}
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "HEIF", "AVIF")  # decoders that are let near the bytes
_TURNED_BY_THE_DECODER = ("TIFF", "HEIF")  # `Image.size` is the displayed size and load() turns the pixels
_BROWSERS_DO_NOT_SHOW = ("TIFF", "HEIF")
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PHOTOMETRIC, _IMAGE_DESCRIPTION, _NEW_SUBFILE_TYPE = 262, 270, 254  # TIFF tags
_WHITE_IS_ZERO = 0
_PAGES_LOOKED_AT = 64  # of a TIFF, for one that is a smaller copy of the first
_turn = Lock()  # of a large picture: several at once, in each of several workers, are more than a machine's memory


class Size(NamedTuple):
    """What the header says; all lengths in pixels."""

    width: int  # as displayed
    height: int
    stored_width: int
    stored_height: int
    orientation: int  # EXIF's, 1 to 8
    format: str  # Pillow's name: "JPEG", "PNG", "TIFF" …

    def to_text(self) -> str:
        """In a form that fits an object's metadata."""
        return ",".join(map(str, self))

    @classmethod
    def from_text(cls, text: str) -> Size:
        width, height, stored_width, stored_height, orientation, kind = text.split(",")
        return cls(int(width), int(height), int(stored_width), int(stored_height), int(orientation), kind)


class Picture(NamedTuple):
    size: Size
    thumbnail: bytes  # JPEG, upright, inside 356x200
    has_more: bool = False  # further pages of a TIFF, frames of an animation

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person who registers the picture should know."""
        size, notes = self.size, []
        if size.orientation != 1:
            stored = f"{size.stored_width}x{size.stored_height}"
            notes.append(
                f"EXIF orientation {size.orientation}: stored {stored}, displayed and sent {size.width}x{size.height}"
            )
        if self.has_more:
            notes.append(f"{size.format} with several pages or frames: the thumbnail shows the first")
        if size.format in _BROWSERS_DO_NOT_SHOW:
            notes.append(f"most browsers do not show {size.format}, and V7 shows read-only originals in the browser")
        return tuple(notes)


def picture_of(file: BinaryIO, name: str, *, max_pixels: int = MAX_PIXELS) -> Picture | Refusal:
    """Size and thumbnail of an image. `name` decides only whether the file is what it says it is.

    MemoryError and V7S3Errors of `file` (S3 failed) pass through; whatever else a decoder raises over the bytes becomes
    a Refusal.
    """
    opened = _opened(file, name, max_pixels)
    if isinstance(opened, Refusal):
        return opened
    image, size = opened
    try:
        thumbnail = thumbnail_of(image, size.orientation)
        # an MPO's further pictures are previews and depth maps
        return Picture(size, thumbnail, size.format != "MPO" and bool(getattr(image, "is_animated", False)))
    except (V7S3Error, MemoryError):  # MemoryError: another time there may be enough
        raise
    except Exception as error:  # noqa: BLE001  # decoders raise anything over hostile bytes, and every one is a refusal
        return Refusal(_cannot_decode(error))


def thumbnail_of(image: Image.Image, orientation: int = 1) -> bytes:
    """A JPEG inside `BOX`, never larger than the picture; transparency is laid on white."""
    turned_already = image.format in _TURNED_BY_THE_DECODER
    box = BOX if orientation not in _SIDEWAYS or turned_already else BOX[::-1]
    if isinstance(image, TiffImageFile):
        _seek_smaller_copy(image, box)
    target = fitted(image.size, box)
    image.draft(None, target)
    with _turn if image.width * image.height > _LARGE else nullcontext():
        small = _for_resizing(image).resize(target, Image.Resampling.HAMMING, reducing_gap=3.0)
    if orientation in _UPRIGHT and not turned_already:
        small = small.transpose(_UPRIGHT[orientation])
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "L") else None
    out = io.BytesIO()
    _on_white(_eight_bit(small, image)).save(out, "JPEG", quality=QUALITY, icc_profile=profile)
    return out.getvalue()


@cache
def _decoders_ready() -> None:
    """Once in each process. What Pillow has to say about a damaged file is said in the refusal."""
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # `max_pixels` stands in its place, as a refusal instead of a warning


def _opened(file: BinaryIO, name: str, max_pixels: int) -> tuple[Image.Image, Size] | Refusal:
    _decoders_ready()
    try:
        image = Image.open(file, formats=FORMATS)
        promised = PROMISED.get(PurePosixPath(name).suffix.lower(), (*FORMATS, "MPO"))
        if image.format not in promised:
            return Refusal(f"mislabelled: the name says {promised[0]}, the bytes are {image.format}")
        if image.width * image.height > max_pixels:
            return _too_large(image.size, max_pixels)
        return image, _read_size(image)
    except (V7S3Error, MemoryError):  # MemoryError: another time there may be enough
        raise
    except Exception as error:  # noqa: BLE001  # as in picture_of
        file.seek(0)
        return Refusal(_not_an_image(file.read(512), name, error))


def _too_large(size: tuple[int, int], max_pixels: int) -> Refusal:
    wide, high = size
    return Refusal(
        f"{wide}x{high} are {wide * high / 1e6:,.0f} megapixels, over the limit of {max_pixels / 1e6:,.0f}: "
        "a decompression bomb, or an image for a higher --max-megapixels"
    )


def _read_size(image: Image.Image) -> Size:
    kind = image.format or ""
    if kind == "HEIF":
        orientation = 1  # libheif has turned it; an orientation in its EXIF is not to be applied again
    elif kind == "TIFF":
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    else:
        # Only where browsers look: Pillow's getexif believes XMP, too, and PNG's decodes the whole picture first.
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    orientation = orientation if orientation in _UPRIGHT else 1
    one, other = image.size, image.size[::-1] if orientation in _SIDEWAYS else image.size
    displayed, stored = (one, other) if kind in _TURNED_BY_THE_DECODER else (other, one)
    return Size(*displayed, *stored, orientation, kind)


def _not_an_image(head: bytes, name: str, error: Exception) -> str:
    """Why Pillow does not open it, from its first bytes."""
    if not head:
        return "the object is empty"
    if head.lstrip()[:1] in (b"<", b"{"):
        return f"mislabelled: the bytes are text ({head.lstrip()[:20].decode('ascii', 'replace')!r}…), not an image"
    promised = PROMISED.get(PurePosixPath(name).suffix.lower(), ())
    if not isinstance(error, UnidentifiedImageError):
        return f"the header cannot be read: {words_of(error)}"
    return f"the bytes are not {promised[0] if promised else 'an image'}, or no decoder here reads this kind of it"


def _cannot_decode(error: Exception) -> str:
    words = words_of(error)
    if isinstance(error, EOFError) or "truncated" in words or "end of file" in words.lower():
        return f"the file ends before the picture does (truncated): {words}"
    return f"the picture cannot be decoded: {words}"


def _seek_smaller_copy(image: TiffImageFile, box: tuple[int, int]) -> None:
    """Go to the smallest page that is a reduced copy of the first and still fills `box`; else stay at the first.
    Pages behind a damaged one are not looked at.

    Pyramids mark such pages with NewSubfileType 1; Aperio's slides do not, but say who wrote them.
    """
    full, best, best_width = image.size, 0, image.width
    aperio = str(image.tag_v2.get(_IMAGE_DESCRIPTION, "")).startswith("Aperio")
    for number in range(1, _PAGES_LOOKED_AT):
        try:
            image.seek(number)
        except (V7S3Error, MemoryError):
            raise
        except Exception:  # noqa: BLE001  # no more pages (EOFError), or whatever a decoder raises over hostile bytes
            break
        wide, high = image.size
        reduced = aperio or image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & 1
        same_shape = abs(wide / high - full[0] / full[1]) < 0.01 * full[0] / full[1]
        fills = wide >= fitted(full, box)[0]
        if reduced and same_shape and fills and wide < best_width:
            best, best_width = number, wide
    image.seek(best)


def _for_resizing(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be averaged: no palette, no bits, no odd byte order."""
    if image.mode.startswith("I;"):
        transparent = image.info.get("transparency")
        return image.convert("I") if transparent is None else _faded_grey(image.convert("I"), int(transparent))
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("1", "LAB", "HSV"):
        return image.convert("L" if image.mode == "1" else "RGB")
    return image


def _faded_grey(image: Image.Image, transparent: int) -> Image.Image:
    """16-bit grey of a PNG, one of its values transparent, as browsers show it."""
    grey = image.point([value >> 8 for value in range(65536)], "L")
    opaque = image.point([255 * (value != transparent) for value in range(65536)], "L")
    return Image.merge("RGBA", (grey, grey, grey, opaque))


def _eight_bit(image: Image.Image, source: Image.Image) -> Image.Image:
    """16-bit and floating grey as 8 bits: PNG as browsers show it (the high byte), the rest stretched to its range,
    because 12-bit microscopy in a 16-bit TIFF would be black."""
    if not image.mode.startswith(("I", "F")):
        return image
    grey = image.convert("F")
    black, white = (0.0, 65535.0) if source.format == "PNG" else _finite_range(grey)
    if isinstance(source, TiffImageFile) and source.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        black, white = white, black  # which Pillow does itself for 8 bits, and only for those
    scale = 255.0 / (white - black) if white != black else 0.0
    return grey.point(lambda value: value * scale - black * scale).convert("L")


def _finite_range(grey: Image.Image) -> tuple[float, float]:
    """The least and the greatest value of a floating picture beside the NaN and infinity that stand for no data."""
    values = [value for value in memoryview(grey.tobytes()).cast("f") if math.isfinite(value)] or [0.0]
    return min(values), max(values)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image if image.mode in ("RGB", "L") else image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
