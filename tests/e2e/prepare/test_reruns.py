"""What a second run asks of S3, and what it does not take for granted."""

from __future__ import annotations

import json

import pytest

from artifacts.bucket import BUCKET, artifacts, picture
from artifacts.clips import clip

MANY = 30


@pytest.fixture
def requests(s3):
    """Requests by action that a call makes."""

    def of(run) -> tuple[dict[str, int], object]:
        before = s3.requests.copy()
        result = run()
        return {action: count for (_, action), count in (s3.requests - before).items()}, result

    return of


@pytest.fixture
def prepared(prepare, s3, items):
    """A bucket with artifacts, and its items."""
    for number in range(MANY):
        s3.put(BUCKET, f"raw/{number:02}.jpg", picture(80, 60))
    s3.put(BUCKET, "raw/a.mp4", clip(4))
    code, _, err = prepare()
    assert code == 0, err
    return items()


def test_unchanged_objects_cost_two_listings(prepared, prepare, items, requests):
    asked, (code, out, _) = requests(prepare)
    assert code == 0
    assert f"0 made · {MANY + 1} present · 0 refused" in out
    assert "read 0 B, wrote 0 B" in out
    assert items() == prepared
    assert asked.pop("s3:ListBucket") <= 3  # the bucket's region, the bucket, the artifacts
    assert asked == {}


def test_only_what_is_missing_changed_or_replaced_is_asked_for(prepared, prepare, s3, items, requests):
    client = s3.client()
    s3.put(BUCKET, "raw/01.jpg", picture(81, 60))
    client.delete_object(Bucket=BUCKET, Key=prepared["raw/02.jpg"]["storage_thumbnail_key"])
    s3.put(BUCKET, prepared["raw/03.jpg"]["storage_thumbnail_key"], b"somebody else's")
    asked, (code, out, _) = requests(prepare)
    assert code == 5
    assert f"2 made · {MANY - 2} present · 1 refused" in out
    assert "was not made by v7s3, and is not overwritten" in out
    assert asked["s3:PutObject"] <= 4  # two, and one to see whether the server keeps to conditions
    assert asked["s3:GetObject"] <= 10  # marks and originals of three objects
    assert set(prepared) - set(items()) == {"raw/03.jpg"}
    assert items()["raw/01.jpg"]["width"] == 81


@pytest.mark.parametrize("name", ["sections/high/000000002.png", "segments/low/000000000.ts", "metadata.json"])
def test_a_video_that_lost_an_artifact_is_made_again(prepared, prepare, s3, items, name):
    whole = artifacts(s3)
    (lost,) = (key for key in whole if key.endswith(name))
    s3.client().delete_object(Bucket=BUCKET, Key=lost)
    code, out, _ = prepare()
    assert code == 0
    assert f"1 made · {MANY} present · 0 refused" in out
    assert (artifacts(s3), items()) == (whole, prepared)
    assert f"0 made · {MANY + 1} present" in prepare()[1]


def test_other_names_and_tags_need_no_more(prepared, prepare, items, requests):
    asked, (_, out, _) = requests(lambda: prepare("s3://acme-frames/raw/", "--path", "/x", "--tag", "night"))
    assert f"0 made · {MANY + 1} present" in out
    assert set(asked) == {"s3:ListBucket"}
    assert {(item["path"], *item["tags"]) for item in items().values()} == {("/x/raw", "night")}


def test_another_machine_asks_each_object_once_and_remembers(prepared, prepare, items, requests, tmp_path):
    arguments = ("s3://acme-frames/raw/", "--ledger", tmp_path / "other.sqlite")
    asked, (code, out, _) = requests(lambda: prepare(*arguments))
    assert (code, items()) == (0, prepared)
    assert f"0 made · {MANY + 1} present" in out
    assert MANY <= asked["s3:GetObject"] <= MANY + 3
    asked, _ = requests(lambda: prepare(*arguments))
    assert set(asked) == {"s3:ListBucket"}
    assert items() == prepared


def test_a_ledger_that_cannot_be_read_costs_requests_only(prepared, prepare, items, tmp_path):
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database" * 100)
    code, _, err = prepare("s3://acme-frames/raw/", "--ledger", broken)
    assert (code, items()) == (0, prepared)
    assert f"warning: the next run will ask for each object's artifacts again: {broken}: file is not a database" in err


def test_notes_of_an_earlier_run_are_told_again(prepare, s3, tmp_path):
    from artifacts.pictures import turned

    s3.put(BUCKET, "raw/tall.jpg", turned("JPEG", 6))
    told = [prepare()[1] for _ in range(2)]
    assert all("1 × EXIF orientation 6: stored 800x600, displayed and sent 600x800" in out for out in told)


def test_a_bucket_without_anything_to_make_keeps_memory_flat(prepare, s3, tmp_path):
    """Refusals pass as they come; they do not wait for a picture to be made."""
    for number in range(5):
        s3.put(BUCKET, f"raw/{number}.pdf", b"%PDF-1.7")
    code, _, _ = prepare("s3://acme-frames/raw/", "--report", tmp_path / "report.jsonl")
    assert code == 5
    states = [json.loads(line)["state"] for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert states == ["refused"] * 5
