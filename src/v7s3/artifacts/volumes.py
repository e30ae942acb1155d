"""DICOM and NIfTI as sections[]: one PNG a slice (v7-facts §5.3). Experimental: V7 documents this by example only.

Slices are 8-bit grey: V7's viewers would want 16, but what its read-only schema does with them is not public.
"""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pydicom
from nibabel.funcs import squeeze_image
from nibabel.nifti1 import Nifti1Image
from nibabel.orientations import io_orientation
from PIL import Image
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from v7s3.artifacts.box import fitted
from v7s3.artifacts.refusal import Refusal
from v7s3.errors import V7S3Error

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

    from v7s3.artifacts.renditions import Put

MAX_BYTES = 2_000_000_000  # of a decoded volume: it is held in memory
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
    """Make all artifacts of a volume, giving each to `put(name, data)`. V7S3Errors of `file` and `put` pass through."""
    try:
        read = _nifti if name.lower().endswith((".nii", ".nii.gz")) else _dicom
        pictures = read(file)
    except V7S3Error:
        raise
    except Exception as error:  # noqa: BLE001  # decoders raise anything over hostile bytes, and every one is a refusal
        return Refusal(f"the volume cannot be read: {type(error).__name__}: {error}")
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
    if rows * columns * frames * 4 > MAX_BYTES:
        return Refusal(f"{frames} slices of {columns}x{rows} are over the limit of {MAX_BYTES / 1e9:.0f} GB")
    file.seek(0)
    dataset = pydicom.dcmread(file)
    pixels = dataset.pixel_array  # pydicom has turned YCbCr into RGB
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        coloured = apply_color_lut(pixels, dataset)
        return Pictures(_high_bytes(coloured, 8 * coloured.itemsize).reshape(frames, rows, columns, 3), None)
    if int(dataset.get("SamplesPerPixel", 1)) == 3:
        return Pictures(_high_bytes(pixels, int(dataset.BitsStored)).reshape(frames, rows, columns, 3), None)
    shown = np.asarray(apply_voi_lut(apply_modality_lut(pixels, dataset), dataset), np.float32)
    grey = _stretched(shown, _ends(dataset, pixels, shown)).reshape(frames, rows, columns)
    return Pictures(255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey, None)


def _high_bytes(colours: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Colours of 8 or more bits as 8."""
    return cast("NDArray[np.uint8]", (colours >> max(0, bits - 8)).astype(np.uint8))


def _ends(dataset: Any, pixels: NDArray[Any], shown: NDArray[np.float32]) -> tuple[float, float]:
    """What is black and what is white: as the file's window or table says, else its darkest and brightest value beside
    the padding around a round field of view."""
    if "VOILUTSequence" in dataset:
        return 0.0, 2.0 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1
    if "WindowCenter" in dataset and "WindowWidth" in dataset:
        with np.errstate(over="ignore"):  # a sigmoid, far from its centre
            low, high = apply_voi_lut(np.array([-1e12, 1e12]), dataset)
        return float(low), float(high)
    if (padding := dataset.get("PixelPaddingValue")) is not None and (seen := pixels != padding).any():
        return _range_of(shown[seen])
    return _range_of(shown)


def _nifti(file: BinaryIO) -> Pictures | Refusal:
    """Axial slices, turned as radiologists look at them: the patient's right on the left."""
    image: Any = squeeze_image(
        Nifti1Image.from_stream(_uncompressed(file))
    )  # one moment in time is no fourth dimension
    if len(image.shape) != 3 or image.get_data_dtype().fields:
        return Refusal(f"NIfTI of shape {image.shape}: only volumes of three dimensions and one value have slices")
    if float(np.prod(image.shape, dtype=np.float64)) * 4 > MAX_BYTES:
        return Refusal(f"a volume of {image.shape} is over the limit of {MAX_BYTES / 1e9:.0f} GB")
    values = np.asarray(
        image.as_reoriented(io_orientation(image.affine)).dataobj, np.float32
    )  # x to the right, y to the front, z up
    slices = np.ascontiguousarray(np.transpose(values, (2, 1, 0))[:, ::-1, ::-1])
    return Pictures(_stretched(slices, _range_of(slices)), _monai_metadata(image))


def _uncompressed(file: BinaryIO) -> io.IOBase:
    magic = file.read(2)
    file.seek(0)
    if magic == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=file)
    return cast("io.IOBase", file)


def _stretched(values: NDArray[np.float32], ends: tuple[float, float]) -> NDArray[np.uint8]:
    """The whole volume from one black to one white, so that slices can be compared; NaN is black."""
    low, high = ends
    scaled = (np.clip(np.nan_to_num(values, nan=low), low, high) - low) * (255.0 / max(high - low, 1e-30))
    stretched: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
    return stretched


def _range_of(values: NDArray[np.float32]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


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
