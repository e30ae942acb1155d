"""What a run would read and write, before it begins: counted from the listing, guessed from a few videos' headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import av

from v7s3.artifacts.decoding import Source, opened, pictures_of
from v7s3.artifacts.hls import step_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from v7s3.artifacts.video_options import VideoOptions

PROBED = 20  # videos whose headers are read; the rest is taken to be like them
THUMBNAIL = 12_000  # bytes
# Bytes a pixel, measured on detailed 1080p: the upper end of what people have.
PNG, PREVIEW, HLS = 1.65, 0.105, 0.035
_JPEG_AT_2 = 0.3


def jpeg(quality: int) -> float:
    """Bytes a pixel of a frame at `-q quality`; FFmpeg's scale halves with each doubling, roughly."""
    return _JPEG_AT_2 * 2 / max(2, quality)


class Probe(NamedTuple):
    """What a video's header promises."""

    frames: int
    visible: int
    pixels: int  # of one frame


def probe(file: BinaryIO, options: VideoOptions) -> Probe | None:
    """None for a file that does not open; only the header is read, where the container has one."""
    try:
        with opened(file) as container:
            stream = pictures_of(container)
            if stream is None:
                return None
            source = Source(file, container, stream)
            frames = max(1, source.expected_frames)
            visible = max(1, round(frames / step_of(source.native_fps, options.fps)))
            return Probe(frames, visible, stream.width * stream.height)
    except (av.FFmpegError, ValueError):
        return None


@dataclass(slots=True)
class VideoEstimate:
    """Sums over the probed videos, and how much there is beside them."""

    options: VideoOptions
    probes: list[Probe] = field(default_factory=list)
    probed_bytes: int = 0

    def add(self, found: Probe, size: int) -> None:
        self.probes.append(found)
        self.probed_bytes += size

    def scaled(self, total_bytes: int) -> Written:
        """The estimate for videos of `total_bytes` altogether."""
        factor = total_bytes / self.probed_bytes if self.probed_bytes else 0.0
        pixels = sum(one.visible * one.pixels for one in self.probes) * factor
        all_pixels = 0.0 if self.options.sections else sum(one.frames * one.pixels for one in self.probes) * factor
        return Written(
            frames=round(sum(one.visible for one in self.probes) * factor),
            as_png=round(pixels * PNG),
            as_jpeg=round(pixels * jpeg(max(2, self.options.quality))),
            previews=round(pixels * PREVIEW) if self.options.preview_frames else 0,
            hls=round(all_pixels * HLS * 1.05),
        )


class Written(NamedTuple):
    """Bytes, but for `frames`."""

    frames: int
    as_png: int
    as_jpeg: int
    previews: int
    hls: int
