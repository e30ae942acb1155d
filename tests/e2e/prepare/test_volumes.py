"""DICOM and NIfTI the whole way: prepared, registered, and every slice shown by V7, from a bucket it may only read."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from artifacts.bucket import BUCKET
from artifacts.scans import dicom, nifti

GREYS = [0, 51, 102, 153, 204, 255]  # of the slices, in their order


def series(kind: str) -> bytes:
    """Slices of one grey each."""
    slices = np.stack([np.full((30, 40), grey) for grey in GREYS])
    return dicom(slices) if kind == "dcm" else nifti(slices.transpose(2, 1, 0).astype(np.float32))


@pytest.fixture
def shown(darwin):
    """What the app shows of the only item's only slot: the picture at `what`, asked for with V7's own rights."""

    def get(what: str) -> Image.Image:
        (item,) = darwin.items
        files = f"{darwin.url}/api/v2/teams/{darwin.team}/files/{item.slots[0].ident}"
        headers = {"Authorization": f"ApiKey {darwin.api_key}"}
        answer = httpx.get(f"{files}/{what}", headers=headers, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return Image.open(io.BytesIO(answer.content))

    return get


@pytest.mark.parametrize(("name", "kind"), [("ct.dcm", "dcm"), ("mr.nii.gz", "nii")])
def test_every_slice_of_a_volume_is_shown_in_its_place(name, kind, prepare, v7s3, s3, darwin, items, shown, tmp_path):
    s3.put(BUCKET, f"raw/{name}", series(kind))
    s3.put(BUCKET, "raw/report.pdf", b"%PDF-1.7")
    code, out, err = prepare()
    assert code == 5, err
    assert "1 made · 0 present · 1 refused" in out
    assert "1 × PDF: V7's schema for read-only documents is not public; use a read-write storage" in out
    assert "1 × experimental: V7 documents read-only volumes by example only" in out

    code, out, _ = v7s3("register", "--items", tmp_path / "items.jsonl", "--storage", darwin.readonly_storage)
    assert code == 0, out
    darwin.settle()
    assert darwin.problems() == []
    assert [(item["type"], len(item["sections"])) for item in items().values()] == [("dicom", len(GREYS))]
    pictures = [shown(f"sections/{number}") for number in range(1, len(GREYS) + 1)]
    assert [picture.size for picture in pictures] == [(40, 30)] * len(GREYS)
    assert [picture.getextrema() for picture in pictures] == [(grey, grey) for grey in GREYS]
    assert shown("thumbnail").getextrema() == (GREYS[3], GREYS[3])


@pytest.mark.parametrize(("name", "kind"), [("ct.dcm", "dcm"), ("mr.nii.gz", "nii")])
def test_a_volume_is_made_once(name, kind, prepare, s3, items):
    s3.put(BUCKET, f"raw/{name}", series(kind))
    prepare()
    first = items()
    code, out, _ = prepare()
    assert code == 0
    assert "0 made · 1 present · 0 refused" in out
    assert "experimental" in out
    assert items() == first


def test_a_volume_that_is_cut_off_is_refused_and_leaves_no_item(prepare, s3, items):
    s3.put(BUCKET, "raw/cut.dcm", series("dcm")[:2000])
    code, out, _ = prepare()
    assert code == 5
    assert "the volume cannot be read" in out
    assert items() == {}


def test_a_dry_run_announces_volumes(prepare, s3):
    s3.put(BUCKET, "raw/ct.dcm", dicom(np.zeros((50, 100, 100))))
    code, out, _ = prepare("s3://acme-frames/raw/", "--dry-run")
    assert code == 0
    assert "1 volume, 1.0 MB" in out
    assert "would read 1.0 MB, write about 1.0 MB below v7s3/" in out
