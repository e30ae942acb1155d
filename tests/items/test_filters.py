from __future__ import annotations

from datetime import UTC, datetime

import pytest

from v7s3.errors import UsageError
from v7s3.items.filters import Selection, select
from v7s3.items.objects import StorageObject

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def dropped_by(key="raw/may/1.JPG", size=1000, modified="2026-05-09T00:00:00.000Z", **options) -> str | None:
    return select(**options, now=NOW).against(StorageObject(key, size, last_modified=modified))


def test_no_filter_keeps_everything():
    assert select() == Selection()
    assert not select()
    assert dropped_by() is None


@pytest.mark.parametrize(
    "pattern, matches",
    [
        ("raw/*", True), ("raw/**", True), ("*.JPG", True), ("*.jpg", False), ("raw/*.JPG", True), ("raw/???/*", True),
        ("[a-r]aw/*", True), ("may/*", False), ("raw", False), ("*/[!1].JPG", False), ("raw/may/1.JPG", True), ("", None),
    ],
)  # fmt: skip
def test_globs_match_whole_keys_and_stars_cross_slashes(pattern, matches):
    if matches is None:
        for option in ("include", "exclude"):
            with pytest.raises(UsageError, match=f"--{option} is empty"):
                select(**{option: [pattern]})
        return
    assert (dropped_by(include=[pattern]) is None) == matches
    assert (dropped_by(exclude=[pattern]) is None) != matches


def test_one_include_is_enough_and_one_exclude_too_much():
    assert dropped_by(include=["x/*", "raw/*"]) is None
    assert dropped_by(include=["x/*"]) == "not matched by --include"
    assert dropped_by(include=["raw/*"], exclude=["x", "*.JPG"]) == "matched by --exclude"


def test_patterns_survive_newlines_and_odd_characters_in_keys():
    assert dropped_by("a\nb+(c).jpg", include=["*b+(c).jpg"]) is None


@pytest.mark.parametrize("ext, kept", [(["jpg"], True), ([".JPG"], True), (["png,jpg"], True), (["png", "pdf"], False)])
def test_extensions_ignore_case_and_dot(ext, kept):
    assert dropped_by(ext=ext) == (None if kept else "other extension than --ext")


def test_an_extension_is_a_whole_one():
    assert dropped_by("a/xjpg", ext=["jpg"]) == "other extension than --ext"
    assert dropped_by("a.nii.gz", ext=["nii.gz"]) is None


@pytest.mark.parametrize("ext", [[""], ["."], ["jpg,"]])
def test_an_empty_extension_is_a_usage_error(ext):
    with pytest.raises(UsageError, match="--ext is empty"):
        select(ext=ext)


@pytest.mark.parametrize(
    "text, size", [("500", 500), ("1k", 1024), ("1.5 KiB", 1536), ("2MB", 2 << 20), ("1g", 1 << 30), ("1T", 1 << 40)]
)
def test_sizes_are_bytes_or_powers_of_1024(text, size):
    assert select(min_size=text).min_size == size
    assert dropped_by(size=size, min_size=text) is None
    assert dropped_by(size=size - 1, min_size=text) == "smaller than --min-size"
    assert dropped_by(size=-1, min_size=text) == "size not known to --min-size"


@pytest.mark.parametrize("text", ["big", "-5", "1x", "k", "9" * 400])
def test_other_sizes_are_usage_errors(text):
    with pytest.raises(UsageError, match="is not a size"):
        select(min_size=text)


@pytest.mark.parametrize(
    "text, since",
    [
        ("2026-05-01", "2026-05-01T00:00:00.000Z"),
        ("2026-05-01T18:00:00+02:00", "2026-05-01T16:00:00.000Z"),
        ("2026-05-01T18:00:00Z", "2026-05-01T18:00:00.000Z"),
        ("30m", "2026-05-10T11:30:00.000Z"),
        ("12h", "2026-05-10T00:00:00.000Z"),
        ("7d", "2026-05-03T12:00:00.000Z"),
        ("2W", "2026-04-26T12:00:00.000Z"),
    ],
)
def test_times_are_dates_or_ages(text, since):
    assert select(modified_since=text, now=NOW).modified_since == since
    assert dropped_by(modified=since, modified_since=text) is None
    assert dropped_by(modified="2026-04-01T00:00:00.000Z", modified_since=text) == "older than --modified-since"
    assert dropped_by(modified="", modified_since=text) == "time not known to --modified-since"


@pytest.mark.parametrize("text", ["yesterday", "7", "7 days", "2026-13-01", "9999999d", "0001-01-01T00:00+14:00"])
def test_other_times_are_usage_errors(text):
    with pytest.raises(UsageError, match="neither a date nor an age"):
        select(modified_since=text, now=NOW)
