"""What is to be made, in few words: a part of the artifacts' keys, so that other options make other artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from v7s3.artifacts.video_options import FAST, VideoOptions

Kind = Literal["image", "video", "dicom"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The options of a run that its artifacts depend on."""

    video: VideoOptions = field(default_factory=VideoOptions)

    def name(self, kind: Kind) -> str:
        """`i1`, `d1`, or `v1` with what differs from the defaults: `v1-fps2-q5`. The number counts ways of making."""
        return "v1" + "".join(f"-{word}" for word in self._words()) if kind == "video" else f"{kind[0]}1"

    def _words(self) -> list[str]:
        video = self.video
        words = {
            f"fps{video.fps:g}": video.fps != 0,
            f"s{video.segment_length:g}": video.segment_length != 2 and not video.sections,
            f"q{video.quality}": video.quality != 1,
            "noprev": not video.preview_frames,
            "sections": video.sections,
            video.preset: video.preset != FAST and not video.sections,
        }
        return [word for word, differs in words.items() if differs]
