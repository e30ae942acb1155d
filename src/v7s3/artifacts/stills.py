"""Single frames as PNG and JPEG, with FFmpeg's encoders: they take decoded pictures as they are."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# A fifth of the time of the default level for the same size within 3 % (measured on noisy 1080p).
_PNG = {"compression_level": "1", "pred": "up"}


class StillEncoder:
    """One kind of still: `quality` 1 is PNG, 2 (best) to 31 are JPEG as in `ffmpeg -q`.

    Converting touches the frame and belongs into the thread that decodes; compressing, which takes the time, may run
    in any thread.
    """

    def __init__(self, quality: int) -> None:
        self.quality = quality
        self._scaler = VideoReformatter()

    @property
    def extension(self) -> str:
        return "png" if self.quality == 1 else "jpg"

    def convert(self, frame: VideoFrame, size: tuple[int, int] | None = None) -> VideoFrame:
        """The picture as `compress` takes it, scaled to `size` (width, height) when one is given."""
        width, height = size or (frame.width, frame.height)
        picture = self._scaler.reformat(
            frame,
            width,
            height,
            "rgb24" if self.quality == 1 else "yuvj420p",
            dst_colorspace=None if self.quality == 1 else Colorspace.ITU601,  # JPEG knows no other
            interpolation="BICUBIC",
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        picture.pict_type = PictureType.NONE
        return picture

    def compress(self, picture: VideoFrame) -> bytes:
        """A new encoder for each picture: it costs little, and one that is kept insists on the order of time."""
        encoder = av.CodecContext.create("png" if self.quality == 1 else "mjpeg", "w")
        encoder.width, encoder.height, encoder.time_base = picture.width, picture.height, Fraction(1, 25)
        encoder.thread_count = 1  # else the encoder keeps the picture back
        if self.quality == 1:
            encoder.pix_fmt, encoder.options = "rgb24", _PNG
        else:
            encoder.pix_fmt = "yuvj420p"
            encoder.qmin = encoder.qmax = self.quality
        return b"".join(bytes(packet) for packet in encoder.encode(picture))
