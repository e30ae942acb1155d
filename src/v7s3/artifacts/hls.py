"""The arithmetic of V7's read-only video: which frame is shown, which segment it is in, playlists and manifest.

Nothing here decodes or encodes. The rules are darwin-py's and FFmpeg's, so that V7's player accepts the result
(v7-facts §7.3, §7.4). All times are in ticks of 1/90000 s, the clock of MPEG transport streams.
"""

from __future__ import annotations

import math
from typing import NamedTuple

CLOCK = 90_000  # ticks a second
GOP = 15  # every 15th frame is a keyframe, so the two renditions can be cut at the same places


def step_of(native_fps: float, fps: float) -> float:
    """How many frames lie between two that are shown, at least 1.0; `fps` 0 shows all."""
    return round(max(native_fps / fps, 1.0), 4) if fps > 0 else 1.0


class Placed(NamedTuple):
    """Where one decoded frame goes."""

    number: int  # among all decoded frames, from 0
    ticks: int  # since the container's start, later than every frame before it
    segment: int  # from 0
    starts_segment: bool
    shown_as: int | None  # its number among the visible frames, None when it is not shown


class Timeline:
    """Places every decoded frame and remembers what manifest and playlists need: one short line a frame.

    A segment ends before the first keyframe at or after a multiple of the segment length since the first frame, as
    FFmpeg's HLS muxer decides it.
    """

    def __init__(self, step: float, segment_seconds: float) -> None:
        self._step = step
        self._segment_ticks = segment_seconds * CLOCK
        self.lines: list[str] = []
        self.shown = 0
        self.starts: list[int] = []  # ticks of each segment's first frame
        self.counts: list[int] = []  # frames in each segment
        self.times: list[int] = []  # ticks of every frame

    def place(self, seconds: float) -> Placed:
        """The next frame, `seconds` after the container's start. A clock that stands still is moved on by one tick."""
        number = len(self.times)
        ticks = round(seconds * CLOCK)
        if self.times and ticks <= self.times[-1]:
            ticks = self.times[-1] + 1
            seconds = ticks / CLOCK
        starts = number == 0 or (number % GOP == 0 and self._is_due(ticks))
        if starts:
            self.starts.append(ticks)
            self.counts.append(0)
        is_shown = number == int(self.shown * self._step)
        segment = len(self.starts) - 1
        self.lines.append(f"{self.counts[-1]}:{segment}:{int(is_shown)}:{round(seconds, 6)}")
        self.times.append(ticks)
        self.counts[-1] += 1
        self.shown += is_shown
        return Placed(number, ticks, segment, starts, self.shown - 1 if is_shown else None)

    def durations(self, last_frame: int) -> list[float]:
        """Seconds of each segment; the last frame is on screen for `last_frame` ticks."""
        ends = [*self.starts[1:], self.times[-1] + last_frame]
        return [(end - start) / CLOCK for start, end in zip(self.starts, ends, strict=True)]

    def manifest(self) -> str:
        """`frame_in_segment:segment:visible:seconds` for every frame; no newline at the end."""
        return "\n".join(self.lines)

    def varies(self) -> bool:
        """Whether the frame rate is variable: some interval is half as long again as another."""
        gaps = [later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False)]
        return bool(gaps) and max(gaps) > 1.5 * min(gaps) + CLOCK // 1000

    def _is_due(self, ticks: int) -> bool:
        return ticks - self.starts[0] >= self._segment_ticks * len(self.starts)


def segment_name(number: int) -> str:
    return f"{number:09d}.ts"


def playlist(durations: list[float], prefix: str = "") -> str:
    """An HLS playlist (RFC 8216, version 3) of segments named `prefix` + 000000000.ts and on."""
    head = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(max(durations) - 0.001))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    body = [f"#EXTINF:{seconds:.6f},\n{prefix}{segment_name(number)}" for number, seconds in enumerate(durations)]
    return "\n".join([*head, *body, "#EXT-X-ENDLIST", ""])


def bitrate(sizes: list[int], durations: list[float]) -> float:
    """Bits a second, the mean over the segments. Every segment lasts at least one tick."""
    rates = [size * 8 / seconds for size, seconds in zip(sizes, durations, strict=True)]
    return sum(rates) / len(rates)


def low_size(width: int, height: int) -> tuple[int, int]:
    """The low rendition: half the height but not under 720 lines, both even; the size itself up to 720 lines."""
    target = max(math.ceil(height / 4) * 2, 720) if height > 720 else height
    return even(width * target / height), even(target)


def even(length: float) -> int:
    """The nearest even length, upwards when it lies between: 4:2:0 pictures have no odd ones."""
    return max(2, 2 * math.floor(length / 2 + 0.5))
