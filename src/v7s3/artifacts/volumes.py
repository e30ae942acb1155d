"""DICOM and NIfTI as sections[]: one PNG a slice (v7-facts §5.3). Experimental: V7 documents this by example only.

Slices are 8-bit grey: V7's viewers would want 16, but what its read-only schema does with them is not public.
"""

from __future__ import annotations

import gzip
import io
import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pydicom
from nibabel.funcs import squeeze_image
from nibabel.nifti1 import Nifti1Image
from nibabel.orientations import io_orientation
from PIL import Image
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import iter_pixels

from v7s3.artifacts.box import fitted
from v7s3.artifacts.refusal import Refusal, words_of
from v7s3.errors import V7S3Error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from v7s3.artifacts.renditions import Put

MAX_BYTES = 2_000_000_000  # of memory that a volume may take: all of it is held at once
_PREVIEW_QUALITY = 80
EXPERIMENTAL = "experimental: V7 documents read-only volumes by example only; try one before you register many"


class Volume(NamedTuple):
    """What was made, beside the objects that were put; the names are those of a video's sections."""

    width: int
    height: int
    slices: int
    metadata: dict[str, Any] | None  # of a NIfTI, as V7's examples have it
    extension: str = "png"
    has_previews: bool = True
    notes: tuple[str, ...] = (EXPERIMENTAL,)


class Pictures(NamedTuple):
    """Slices as 8-bit pictures, and what V7 wants to know of the volume."""

    slices: NDArray[np.uint8]  # (slices, height, width) or (slices, height, width, 3)
    metadata: dict[str, Any] | None


def extract(file: BinaryIO, name: str, put: Put) -> Volume | Refusal:
    """Make all artifacts of a volume, giving each to `put(name, data)`. MemoryError and V7S3Errors of `file` and
    `put` pass through."""
    try:
        read = _nifti if name.lower().endswith((".nii", ".nii.gz")) else _dicom
        pictures = read(file)
    except (V7S3Error, MemoryError):  # MemoryError: another time there may be enough
        raise
    except Exception as error:  # noqa: BLE001  # decoders raise anything over hostile bytes, and every one is a refusal
        return Refusal(f"the volume cannot be read: {words_of(error)}")
    if isinstance(pictures, Refusal):
        return pictures
    count, height, width = pictures.slices.shape[:3]
    for number, picture in enumerate(map(Image.fromarray, pictures.slices)):
        put(f"sections/high/{number:09d}.png", _encoded(picture, "PNG", compress_level=1))
        put(f"sections/low/{number:09d}.jpg", _encoded(picture, "JPEG", quality=_PREVIEW_QUALITY))
    middle = Image.fromarray(pictures.slices[count // 2])
    put("thumbnail.jpg", _encoded(middle.resize(fitted(middle.size)), "JPEG", quality=85))
    return Volume(width, height, count, pictures.metadata)


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _dicom(file: BinaryIO) -> Pictures | Refusal:
    """A single slice or a multi-frame file, windowed as it asks to be shown."""
    dataset = pydicom.dcmread(file, stop_before_pixels=True)
    rows, columns, frames = (int(dataset.get(word, 1) or 1) for word in ("Rows", "Columns", "NumberOfFrames"))
    samples = int(dataset.get("SamplesPerPixel", 1) or 1)
    stored = samples * max(1, int(dataset.get("BitsAllocated", 16) or 16) // 8)
    is_grey = samples == 1 and dataset.get("PhotometricInterpretation") != "PALETTE COLOR"
    # Reading takes the pixels' room twice; after that it is theirs and that of the pictures.
    room = rows * columns * frames * (stored + max(stored, 1 if is_grey else 3))
    if room > MAX_BYTES:
        return Refusal(
            f"{frames} slices of {columns}x{rows} need more memory than the limit of {MAX_BYTES / 1e9:.0f} GB"
        )
    file.seek(0)
    dataset = pydicom.dcmread(file)
    if is_grey:
        return Pictures(_grey(dataset, dataset.pixel_array.reshape(frames, rows, columns)), None)
    return Pictures(_stacked(_colours(dataset), (frames, rows, columns, 3)), None)


def _colours(dataset: Any) -> Iterator[NDArray[np.uint8]]:
    """Slices in RGB; colours of more than 8 bits as 8."""
    for one in iter_pixels(dataset):  # pydicom has turned YCbCr into RGB
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            coloured = apply_color_lut(one, dataset)
            bits = 8 * coloured.itemsize
        else:
            coloured, bits = one, int(dataset.BitsStored)
        yield (coloured >> max(0, bits - 8)).astype(np.uint8)


def _grey(dataset: Any, slices: NDArray[Any]) -> NDArray[np.uint8]:
    """From black to white as the file's window or table says, else from the darkest value of all slices to the
    brightest, beside the padding around a round field of view."""
    window, padding = _window(dataset), dataset.get("PixelPaddingValue")
    plain = (apply_modality_lut(one, dataset) for one in slices)
    if window is None:
        seen = (apply_modality_lut(one, dataset)[... if padding is None else one != padding] for one in slices)
        grey = _stacked(_stretched(plain, _range_of(seen)), slices.shape)
    else:
        grey = _stacked(_stretched((apply_voi_lut(one, dataset) for one in plain), window), slices.shape)
    return np.subtract(255, grey, out=grey) if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def _window(dataset: Any) -> tuple[float, float] | None:
    """The values of black and of white once the file's table or window is applied; None when it has none that can be:
    archives leave elements empty, and a window of no width shows nothing."""
    table = (dataset.get("VOILUTSequence") or [{}])[0]
    if None not in (table.get("LUTDescriptor"), table.get("LUTData")):
        return 0.0, 2.0 ** int(table.LUTDescriptor[2]) - 1
    if None in (dataset.get("WindowCenter"), dataset.get("WindowWidth")):
        return None
    try:
        with np.errstate(over="ignore"):  # a sigmoid, far from its centre
            low, high = apply_voi_lut(np.array([-1e12, 1e12]), dataset)
    except (TypeError, ValueError):
        return None
    return float(low), float(high)


def _nifti(file: BinaryIO) -> Pictures | Refusal:
    """Axial slices, turned as radiologists look at them: the patient's right on the left."""
    image: Any = Nifti1Image.from_stream(_uncompressed(file))
    if len(image.shape) < 3 or math.prod(image.shape[3:]) != 1 or image.get_data_dtype().fields:
        return Refusal(f"NIfTI of shape {image.shape}: only volumes of three dimensions and one value have slices")
    is_scaled = (image.dataobj.slope, image.dataobj.inter) != (1, 0)  # which makes float64 of it
    room = math.prod(image.shape) * (8 if is_scaled else image.get_data_dtype().itemsize)
    if 2 * room > MAX_BYTES:  # as measured
        return Refusal(f"a volume of {image.shape} needs more memory than the limit of {MAX_BYTES / 1e9:.0f} GB")
    image = squeeze_image(image)  # one moment in time is no fourth dimension
    # x to the right, y to the front, z up
    values = np.asanyarray(image.as_reoriented(io_orientation(image.affine)).dataobj)
    slices = np.transpose(values, (2, 1, 0))[:, ::-1, ::-1]
    return Pictures(_stacked(_stretched(slices, _range_of(slices)), slices.shape), _monai_metadata(image))


def _uncompressed(file: BinaryIO) -> io.IOBase:
    magic = file.read(2)
    file.seek(0)
    if magic == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=file)
    return cast("io.IOBase", file)


def _stretched(slices: Iterable[NDArray[Any]], ends: tuple[float, float]) -> Iterator[NDArray[np.uint8]]:
    """All slices from one black to one white, so that they can be compared; NaN is black, which may be above white."""
    black, white = ends
    lowest, highest = sorted(ends)
    scale = 255.0 / math.copysign(max(abs(white - black), 1e-30), white - black)
    for one in slices:
        values = np.nan_to_num(np.asarray(one, np.float32), nan=black)
        yield np.rint((np.clip(values, lowest, highest) - black) * scale).astype(np.uint8)


def _stacked(slices: Iterable[NDArray[np.uint8]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """One after the other, because each takes several times its room on the way."""
    stacked = np.empty(shape, np.uint8)
    for number, one in enumerate(slices):
        stacked[number] = one
    return stacked


def _range_of(slices: Iterable[NDArray[Any]]) -> tuple[float, float]:
    """The least and the greatest finite value; zeros when there is none."""
    low, high = math.inf, -math.inf
    for one in slices:
        values = np.asarray(one, np.float32)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _monai_metadata(image: Any) -> dict[str, Any]:
    """Field by field as in V7's own end-to-end data (v7-facts §5.3)."""
    affine = image.affine
    return {
        "handler": "MONAI",
        "shape": [1, *(int(length) for length in image.shape)],
        "affine": str(affine.tolist()),
        "original_affine": [[str(value) for value in row] for row in affine.tolist()],
        "pixdim": str(tuple(float(value) for value in image.header["pixdim"][1:4])),
        "colorspace": "RG16",
        "plane_map": {"0": "AXIAL"},
        "primary_plane": "AXIAL",
    }
