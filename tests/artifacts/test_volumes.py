"""DICOM and NIfTI become sections, one a slice."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from artifacts.scans import coloured, dicom, nifti, palette, ramp
from v7s3.artifacts.refusal import Refusal
from v7s3.artifacts.slots import volume_slot
from v7s3.artifacts.volumes import Volume, extract
from v7s3.items.objects import StorageObject
from v7s3.items.payload import as_item


def made(blob: bytes, name: str) -> tuple[Volume, dict[str, bytes]]:
    put: dict[str, bytes] = {}
    volume = extract(io.BytesIO(blob), name, put.__setitem__)
    assert isinstance(volume, Volume), volume
    return volume, put


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


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


@pytest.mark.parametrize(
    "fields",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowCenter": 1000, "WindowWidth": None},
        {"WindowCenter": 1000, "WindowWidth": 0},
        {"WindowCenter": ["", 1000], "WindowWidth": ["", 200]},
        {"VOILUTSequence": []},
    ],
    ids=["empty", "half empty", "no width", "first empty", "no table"],
)
def test_a_window_that_says_nothing_is_taken_for_none(fields):
    _, put = made(dicom(ramp(), **fields), "ct.dcm")
    assert put == made(dicom(ramp()), "ct.dcm")[1]


def test_an_empty_table_leaves_the_window():
    window = {"WindowCenter": 1000, "WindowWidth": 200}
    assert made(dicom(ramp(), VOILUTSequence=[], **window), "ct.dcm") == made(dicom(ramp(), **window), "ct.dcm")


def test_a_window_over_falling_values_is_no_flat_grey():
    fields = {"RescaleSlope": -1, "RescaleIntercept": 4000, "WindowCenter": 2000, "WindowWidth": 4000}
    _, put = made(dicom(ramp(), **fields), "ct.dcm")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (int(seen[0, 0]), int(seen[-1, -1])) == pytest.approx((255, 0), abs=1)


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 1000, "WindowWidth": 200}], ids=["range", "window"])
def test_grey_slices_take_the_memory_that_the_limit_counts(window):
    """NumPy's memory, which tracemalloc sees: the pixels twice while they are read, a byte for each afterwards."""
    blob = dicom(np.broadcast_to(np.linspace(0, 4000, 256 * 256).reshape(256, 256), (40, 256, 256)), **window)
    tracemalloc.start()
    extract(io.BytesIO(blob), "ct.dcm", lambda _name, _data: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 4 * 40 * 256 * 256, "twice what is counted, because these slices are small"


def test_inverted_grey_is_shown_upright():
    _, put = made(dicom(ramp(), PhotometricInterpretation="MONOCHROME1"), "x.dcm")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (seen[0, 0], seen[-1, -1]) == (255, 0)


def test_a_window_that_the_pixels_do_not_fill_leaves_them_as_dark_as_they_are():
    """CT of soft tissue seen in a wide window is grey, not black and white."""
    _, put = made(dicom(np.linspace(900, 1100, 2400).reshape(40, 60), WindowCenter=1000, WindowWidth=2000), "ct.dcm")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (int(seen.min()), int(seen.max())) == (115, 140)


def test_the_padding_around_a_round_field_of_view_does_not_take_the_contrast():
    pixels = ramp() + 30_000
    pixels[0, :] = 0
    _, put = made(dicom(pixels, PixelPaddingValue=0), "ct.dcm")
    seen = pixels_of(put["sections/high/000000000.png"])
    assert (seen[0, 0], seen[-1, -1]) == (0, 255)
    assert int(seen[1, 0]) < 10


COLOURS = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (200, 100, 50)]])
YBR = np.array([[(76, 85, 255), (150, 44, 21)], [(29, 255, 107), (124, 86, 182)]])  # of COLOURS (PS3.3 C.7.6.3.1.2)


@pytest.mark.parametrize(
    "blob",
    [
        coloured(COLOURS, "RGB"),
        coloured(COLOURS * 257, "RGB", bits=16),
        coloured(YBR, "YBR_FULL"),
        palette(
            np.array([[3, 7], [0, 255]]), dict(zip((3, 7, 0, 255), map(tuple, COLOURS.reshape(4, 3)), strict=True))
        ),
    ],
    ids=["RGB", "RGB of 16 bits", "YCbCr", "palette"],
)
def test_colours_are_those_of_the_file(blob):
    _, put = made(blob, "us.dcm")
    assert pixels_of(put["sections/high/000000000.png"]).tolist() == pytest.approx(COLOURS, abs=2)


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


def test_one_moment_in_time_is_a_volume():
    assert made(nifti(np.ones((4, 4, 3, 1), np.float32)), "mr.nii.gz")[0].slices == 3


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
        (
            nifti(np.zeros((1, 1, 1), np.float32), packed=False)[:42]
            + (30_000).to_bytes(2, "little") * 3
            + nifti(np.zeros((1, 1, 1), np.float32), packed=False)[48:],
            "a.nii",
            "needs more memory than the limit of 2 GB",
        ),
        (
            dicom(ramp(), NumberOfFrames=10**6),
            "a.dcm",
            "1000000 slices of 60x40 need more memory than the limit of 2 GB",
        ),
    ],
    ids=[
        "no DICOM",
        "no NIfTI",
        "four dimensions",
        "cut off",
        "too large a NIfTI",
        "too large",
    ],  # gzip's bytes hold the time
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
