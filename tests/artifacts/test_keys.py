"""Artifact keys: readable, injective, short enough, never outside the prefix."""

from __future__ import annotations

import string
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from v7s3.artifacts.keys import (
    artifact_of,
    escape,
    folder_of,
    from_metadata,
    in_metadata,
    is_long,
    listing_prefix,
    unescape,
)
from v7s3.artifacts.recipe import Recipe
from v7s3.artifacts.video_options import VideoOptions

PREFIX = "v7s3/"
LONGEST_NAME = "sections/high/000000000.png"
LONGEST_RECIPE = "v1-fps29.9701-s59.9-q31-noprev-superfast"
SAFE = set(string.ascii_letters + string.digits + "-_./~")
ETAG = "9b2cf535f27731c974343645a3985328"

awkward = st.text(alphabet=st.sampled_from("a/.~_-%+ 2E!é日🙂\\\n"), min_size=1, max_size=12)
anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
keys = st.one_of(awkward, anything, anything.map(lambda text: text * 8)).filter(lambda key: len(key.encode()) <= 1024)
etags = st.from_regex(r"[0-9a-f]{32}(-[1-9][0-9]{0,4})?", fullmatch=True)
recipes = st.sampled_from(["i1", "d1", "v1", "v1-fps2-q5", LONGEST_RECIPE])


def test_the_path_can_be_read():
    assert folder_of(PREFIX, "raw/may/1 (2).jpg", ETAG, "i1") == f"v7s3/raw/may/1~20~282~29.jpg/{ETAG}~i1/"


@given(keys, etags, recipes, keys, etags, recipes)
@example("a", "b", "i1", "a/b~i1", "b", "i1")
@example("x~20", "e", "i1", "x ", "e", "i1")
@example("a//b", "e", "i1", "a/~/b", "e", "i1")
@example("a/", "e", "i1", "a", "e", "i1")
@example("../a", "e", "i1", "a", "e", "i1")
@example("~long/abc", "e", "i1", "%" * 1024, "e", "i1")
def test_different_objects_have_different_folders(key, etag, recipe, other_key, other_etag, other_recipe):
    assume((key, etag, recipe) != (other_key, other_etag, other_recipe))
    one, other = folder_of(PREFIX, key, etag, recipe), folder_of(PREFIX, other_key, other_etag, other_recipe)
    assert not one.startswith(other)


@given(keys, etags, recipes)
@example("日" * 341, f"{ETAG}-10000", LONGEST_RECIPE)
@example("%" * 1024, f"{ETAG}-10000", LONGEST_RECIPE)
@example("a" * 746, f"{ETAG}-10000", LONGEST_RECIPE)
def test_every_artifact_key_is_safe_short_and_below_the_prefix(key, etag, recipe):
    prefix = "p" * 149 + "/"
    artifact = folder_of(prefix, key, etag, recipe) + LONGEST_NAME
    assert len(artifact.encode()) <= 1024
    assert set(artifact) <= SAFE
    assert artifact.startswith(prefix)
    assert artifact != key
    assert str(PurePosixPath(artifact)) == artifact  # nothing that a client would tidy away


@given(keys, etags, recipes)
def test_what_an_artifact_was_made_from_stands_in_its_key(key, etag, recipe):
    folder = folder_of(PREFIX, key, etag, recipe)
    found = artifact_of(PREFIX, folder + LONGEST_NAME)
    assert found is not None
    assert (found.etag, found.folder, found.name) == (etag, folder, LONGEST_NAME)
    assert found.source == (None if is_long(PREFIX, key) else key)


@given(keys)
@example("日" * 341)
def test_what_does_not_stand_in_the_key_fits_the_metadata(key):
    text = in_metadata(key)
    assert from_metadata(text) == key
    assert text.isascii()
    assert len(text) < 1500  # of 2 KB for all of an object's metadata


@pytest.mark.parametrize(
    "foreign",
    [
        "v7s3/notes.txt",
        "v7s3/a.jpg/thumbnail.jpg",
        f"v7s3/a.jpg/{ETAG}~i1/notes.txt",
        f"v7s3/a.jpg/{ETAG}~i1/sections/high/1.png",
        f"other/a.jpg/{ETAG}~i1/thumbnail.jpg",
        f"v7s3/{ETAG}~i1/thumbnail.jpg",
    ],
)
def test_keys_of_other_people_are_no_artifacts(foreign):
    assert artifact_of(PREFIX, foreign) is None


@given(keys)
def test_escaping_can_be_undone(key):
    assert unescape(escape(key)) == key


@given(keys, st.integers(0, 1024))
def test_one_listing_finds_all_that_belongs_below_a_prefix(key, length):
    folder = folder_of(PREFIX, key, ETAG, "i1")
    assume("~long/" not in folder)
    assert folder.startswith(listing_prefix(PREFIX, key[:length]))


def test_a_recipe_names_what_differs_from_the_defaults():
    assert Recipe().name("image") == "i1"
    assert Recipe().name("video") == "v1"
    options = VideoOptions(fps=29.9701, segment_length=59.9, quality=31, preview_frames=False, preset="superfast")
    assert Recipe(options).name("video") == LONGEST_RECIPE
    assert Recipe(VideoOptions(threads=3)).name("video") == "v1"


def test_options_that_sections_do_not_depend_on_do_not_change_their_recipe():
    options = VideoOptions(segment_length=4, preset="slow", sections=True)
    assert Recipe(options).name("video") == "v1-sections"
