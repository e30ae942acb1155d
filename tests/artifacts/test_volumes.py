"""DICOM and NIfTI become sections, one a slice."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from v7s3.artifacts.refusal import Refusal
from v7s3.artifacts.slots import volume_slot
from v7s3.artifacts.volumes import Volume, extract
from v7s3.items.objects import StorageObject
from v7s3.items.payload import as_item


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


def nifti(values: np.ndarray, *, affine=None, packed: bool = True) -> bytes:
    from nibabel.nifti1 import Nifti1Image

    data = Nifti1Image(values, np.eye(4) if affine is None else affine).to_bytes()
    return gzip.compress(data) if packed else data


def made(blob: bytes, name: str) -> tuple[Volume, dict[str, bytes]]:
    put: dict[str, bytes] = {}
    volume = extract(io.BytesIO(blob), name, put.__setitem__)
    assert isinstance(volume, Volume), volume
    return volume, put


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def ramp(rows: int = 40, columns: int = 60) -> np.ndarray:
    return np.linspace(0, 4000, rows * columns).reshape(rows, columns)


def test_a_slice_is_a_section():
    volume, put = made(dicom(ramp()), "ct.dcm")
    assert (volume.width, volume.height, volume.slices) == (60, 40, 1)
    assert sorted(put) == ["sections/high/000000000.png", "sections/low/000000000.jpg", "thumbnail.jpg"]
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (seen[0, 0], seen[-1, -1]) == (0, 255)


def test_frames_of_one_file_are_sections_in_their_order():
    frames = np.stack([np.full((20, 30), value) for value in (100, 200, 300)])
    volume, put = made(dicom(frames), "ct.dcm")
    assert volume.slices == 3
    assert [int(pixels_of(put[f"sections/high/{n:09d}.png"]).mean()) for n in range(3)] == [0, 128, 255]


def test_the_window_of_the_file_is_applied():
    _, put = made(dicom(ramp(), WindowCenter=1000, WindowWidth=200), "ct.dcm")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (seen == 255).mean() > 0.7


def test_inverted_grey_is_shown_upright():
    _, put = made(dicom(ramp(), PhotometricInterpretation="MONOCHROME1"), "x.dcm")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (seen[0, 0], seen[-1, -1]) == (255, 0)


@pytest.mark.parametrize(("name", "packed"), [("mr.nii.gz", True), ("mr.nii", False)])
def test_a_nifti_volume_is_axial_sections_with_what_v7_wants_to_know(name, packed):
    values = np.zeros((8, 10, 5), np.float32)
    values[:, :, 3] = 7
    volume, put = made(nifti(values, packed=packed), name)
    assert (volume.width, volume.height, volume.slices) == (8, 10, 5)
    assert [int(pixels_of(put[f"sections/high/{n:09d}.png"]).max()) for n in range(5)] == [0, 0, 0, 255, 0]
    assert volume.metadata is not None
    assert volume.metadata["shape"] == [1, 8, 10, 5]
    assert volume.metadata["primary_plane"] == "AXIAL"


def test_a_nifti_volume_is_turned_as_radiologists_look_at_it():
    values = np.zeros((4, 4, 1), np.float32)
    values[3, 3, 0] = 1  # right and front of the patient
    _, put = made(nifti(values), "mr.nii.gz")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert seen[0, 0] == 255
    _, put = made(nifti(values, affine=np.diag([-1, 1, 1, 1.0])), "mr.nii.gz")
    assert pixels_of(put["sections/high/000000000.png"])[0, 3] == 255


@pytest.mark.parametrize(
    ("blob", "name", "reason"),
    [
        (b"not dicom", "a.dcm", "the volume cannot be read"),
        (b"not nifti", "a.nii", "the volume cannot be read"),
        (nifti(np.zeros((2, 2, 2, 2), np.float32)), "a.nii.gz", "only volumes of three dimensions"),
        (dicom(ramp())[:600], "a.dcm", "the volume cannot be read"),
    ],
    ids=["no DICOM", "no NIfTI", "four dimensions", "cut off"],  # gzip's bytes hold the time
)
def test_what_is_no_volume_is_refused(blob, name, reason):
    result = extract(io.BytesIO(blob), name, lambda _name, _data: None)
    assert isinstance(result, Refusal)
    assert reason in result.reason


@pytest.mark.parametrize("name", ["ct.dcm", "mr.nii.gz"])
def test_the_slot_is_one_that_the_payload_accepts(name):
    blob = dicom(ramp()) if name == "ct.dcm" else nifti(np.ones((3, 4, 5), np.float32))
    volume, _ = made(blob, name)
    slot = volume_slot(StorageObject(f"med/{name}", 10, "e"), volume, "v7s3/x/")
    as_item({"path": "/", "name": name, "slots": [slot]}, "read-only")
    assert [section["section_index"] for section in slot["sections"]] == list(range(1, volume.slices + 1))
    assert slot["type"] == "dicom"
