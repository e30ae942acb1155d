"""How a video is made into artifacts. Apart from the decoder, so that a command can be read without loading it."""

from __future__ import annotations

from dataclasses import dataclass

FAST = "fast"  # this program's own settings of x264; see renditions.py


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """darwin-py's options of the same names, and how much time the encoders may take."""

    fps: float = 0.0  # frames a second that are shown; 0: all
    segment_length: float = 2.0  # seconds
    quality: int = 1  # of the frames: 1 PNG, 2 (best) to 31 JPEG
    preview_frames: bool = True
    sections: bool = False  # the sections[] schema: frames and thumbnail only
    preset: str = FAST  # or a preset of x264
    threads: int = 0  # of the decoder and of each encoder; 0: one for each core, up to 8
