"""Small DICOM and NIfTI files, made here."""

from __future__ import annotations

import gzip
import io

import numpy as np


def dicom(pixels: np.ndarray, **fields) -> bytes:
    """A file of (rows, columns) or (frames, rows, columns) 16-bit pixels."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one = Dataset()
    one.file_meta = meta
    one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    one.Rows, one.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        one.NumberOfFrames = pixels.shape[0]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
    one.PixelData = pixels.astype("<u2").tobytes()
    for name, value in fields.items():
        setattr(one, name, value)
    out = io.BytesIO()
    one.save_as(out, enforce_file_format=True)
    return out.getvalue()


def coloured(pixels: np.ndarray, interpretation: str, bits: int = 8) -> bytes:
    """A file of (rows, columns, 3) pixels of `bits` bits: "RGB", "YBR_FULL"."""
    deep = 16 if bits > 8 else 8
    return dicom(
        pixels[..., 0],
        SamplesPerPixel=3,
        PhotometricInterpretation=interpretation,
        PlanarConfiguration=0,
        BitsAllocated=deep,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelData=pixels.astype(f"<u{deep // 8}").tobytes(),
    )


def palette(pixels: np.ndarray, colours: dict[int, tuple[int, int, int]]) -> bytes:
    """A file of 8-bit numbers of `colours`, whose table has 16 bits."""
    table = np.zeros((256, 3), "<u2")
    for number, colour in colours.items():
        table[number] = [part * 257 for part in colour]
    fields: dict[str, object] = {}
    for channel, name in enumerate(("Red", "Green", "Blue")):
        fields[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        fields[f"{name}PaletteColorLookupTableData"] = table[:, channel].tobytes()
    small = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": pixels.astype("u1").tobytes()}
    return dicom(pixels, PhotometricInterpretation="PALETTE COLOR", **small, **fields)


def nifti(values: np.ndarray, *, affine=None, packed: bool = True) -> bytes:
    from nibabel.nifti1 import Nifti1Image

    data = Nifti1Image(values, np.eye(4) if affine is None else affine).to_bytes()
    return gzip.compress(data) if packed else data


def ramp(rows: int = 40, columns: int = 60) -> np.ndarray:
    return np.linspace(0, 4000, rows * columns).reshape(rows, columns)
