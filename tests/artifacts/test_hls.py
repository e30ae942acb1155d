"""Which frame is shown, where segments end, and what manifest and playlist say."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v7s3.artifacts.hls import CLOCK, GOP, Timeline, bitrate, even, low_size, playlist, step_of


def run(frames: int, *, native: float = 30, fps: float = 0, length: float = 2) -> tuple[Timeline, list]:
    timeline = Timeline(step_of(native, fps), length)
    return timeline, [timeline.place(number / native) for number in range(frames)]


@pytest.mark.parametrize(
    ("native", "fps", "step"),
    [(30, 0, 1.0), (30, 2, 15.0), (30, 60, 1.0), (29.97, 7, 4.2814), (24000 / 1001, 5, 4.7952)],
)
def test_the_step_is_native_over_wanted_rounded_to_four_places(native, fps, step):
    assert step_of(native, fps) == step


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(1, 120), st.floats(0.1, 130))
def test_the_frames_shown_are_those_of_ffmpegs_select_filter(frames, native, fps):
    timeline, placed = run(frames, native=native, fps=fps)
    step = step_of(native, fps)
    selected = [n for n in range(frames) if step <= 1 or int(int((n + 1) / step) * step) == n]
    shown = [one.number for one in placed if one.shown_as is not None]
    assert [one.shown_as for one in placed if one.shown_as is not None] == list(range(len(shown)))
    assert shown[0] == 0
    # The two rules differ in floating point for single frames at some steps; V7's manifest rule is the one that counts.
    assert len(set(shown) ^ set(selected)) <= max(2, frames // 20)
    assert timeline.shown == len(shown)


@settings(deadline=None)
@given(
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=200),
    st.floats(0.5, 10),
)
def test_manifest_segments_and_playlist_agree_for_any_clock(gaps, length):
    timeline, now = Timeline(1.0, length), 0.0
    for gap in gaps:
        timeline.place(now)
        now += gap
    lines = [line.split(":") for line in timeline.manifest().split("\n")]
    assert len(lines) == len(gaps) == sum(timeline.counts)
    assert [int(line[1]) for line in lines] == [
        number for number, count in enumerate(timeline.counts) for _ in range(count)
    ]
    assert [int(line[0]) for line in lines] == [at for count in timeline.counts for at in range(count)]
    assert all(earlier < later for earlier, later in pairwise(timeline.times))
    assert all(count % GOP == 0 for count in timeline.counts[:-1])
    durations = timeline.durations(3000)
    assert sum(durations) * CLOCK == pytest.approx(timeline.times[-1] - timeline.times[0] + 3000)
    assert all(duration > 0 for duration in durations)


@pytest.mark.parametrize(
    ("native", "counts"), [(30, [60, 60, 30]), (25, [60, 45, 45]), (10, [30, 15, 15, 30, 15, 15, 30]), (1, [15] * 10)]
)
def test_segments_end_at_the_first_fifteenth_frame_after_a_multiple_of_their_length(native, counts):
    timeline, _ = run(150, native=native)
    assert timeline.counts == counts


def test_the_manifest_is_as_v7_reads_it():
    timeline, _ = run(4, native=30000 / 1001, fps=10)
    assert timeline.manifest() == "0:0:1:0.0\n1:0:0:0.033367\n2:0:1:0.066733\n3:0:0:0.1001"


def test_a_clock_that_stands_still_is_moved_on():
    timeline = Timeline(1.0, 2.0)
    for seconds in (0.0, 0.0, 0.0, 0.04):
        timeline.place(seconds)
    assert timeline.times == [0, 1, 2, 3600]


def test_the_playlist_is_a_complete_hls_recording():
    assert playlist([2.0, 2.002, 0.5], "v7s3/a.mp4/segments/high/") == (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXTINF:2.000000,\nv7s3/a.mp4/segments/high/000000000.ts\n"
        "#EXTINF:2.002000,\nv7s3/a.mp4/segments/high/000000001.ts\n"
        "#EXTINF:0.500000,\nv7s3/a.mp4/segments/high/000000002.ts\n"
        "#EXT-X-ENDLIST\n"
    )


def test_the_bitrate_is_the_mean_over_the_segments():
    assert bitrate([1000, 500], [2.0, 0.5]) == (4000 + 8000) / 2


@pytest.mark.parametrize(
    ("size", "low"),
    [
        ((1920, 1080), (1280, 720)),
        ((3840, 2160), (1920, 1080)),
        ((1280, 720), (1280, 720)),
        ((161, 121), (162, 122)),
        ((1080, 1920), (540, 960)),
        ((1, 1), (2, 2)),
    ],
)
def test_the_low_rendition_has_half_the_height_but_720_lines(size, low):
    assert low_size(*size) == low


@settings(deadline=None)
@given(st.floats(0.1, 10_000))
def test_even_lengths_are_even_and_near(length):
    assert even(length) % 2 == 0
    assert abs(even(length) - length) <= 1 or even(length) == 2
