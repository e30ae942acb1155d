"""HLS renditions: frames and sound go in, complete MPEG-TS segments come out. One libx264, and one muxer a segment.

Segments start at keyframes that were asked for, never at keyframes the encoder chose (scene cuts are off): both
renditions are cut at the same frames, and how many frames a segment has is known before it is encoded.
"""

from __future__ import annotations

import io
import math
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import av
from av.packet import Packet
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from v7s3.artifacts.hls import CLOCK, GOP, segment_name
from v7s3.artifacts.video_options import FAST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    Put = Callable[[str, bytes], object]

TICK = Fraction(1, CLOCK)
# No keyframes at scene cuts, see above; and no B-frames, because hls.js begins its clock at the first *decoding* time:
# with x264's usual two frames of reordering every frame is shown two frames late, as darwin-py's segments are.
# Looking further ahead than the next keyframe or so costs 60 MB and gains nothing.
_EXACT = "scenecut=0:bframes=0:rc-lookahead=10"
# "superfast" with the one analysis of the slower presets that pays for itself: which blocks later frames build on.
# At the same CRF it makes files about as large as x264's default ("medium", darwin-py's) in a fifth of the time.
_X264 = {FAST: {"preset": "superfast", "x264-params": f"mbtree=1:{_EXACT}"}}
_MUXER = {
    "avoid_negative_ts": "disabled",  # would shift the first segment and not the others
    "max_delay": "700000",  # microseconds between clock reference and picture, as the ffmpeg program sets it
    "mpegts_flags": "initial_discontinuity",  # packet counters begin anew in each segment
}
_STUFFING = b"\x47\x1f\xff\x10" + b"\xff" * 184  # a null packet of MPEG-TS
_SMALLEST = 46 * len(_STUFFING)  # FFmpeg does not recognise a transport stream of less than 8 KB
_HELD = 8  # segments that wait for their sound; a file that stores it further away has none from there on


class Kind(NamedTuple):
    """What a rendition is encoded to."""

    name: str  # "high" or "low": the folder below segments/
    width: int  # pixels, even
    height: int
    crf: int
    rate: Fraction  # frames a second, for the encoder's estimates
    preset: str  # FAST or one of x264's
    threads: int


class SoundPacket(NamedTuple):
    """A packet of AAC."""

    ticks: int
    duration: int
    data: bytes


@dataclass(slots=True)
class Segment:
    number: int
    start: int  # ticks of its first frame
    packets: list[Packet[Any]] = field(default_factory=list)


class Rendition:
    """Encodes frames and gives each finished segment to `put("segments/<name>/000000000.ts", data)`.

    With `sound`, the AAC encoder whose packets `hear` is given, segments wait for the sound of their time.
    Memory: the encoder's own frames and at most `_HELD` segments.
    """

    def __init__(self, kind: Kind, sound: AudioCodecContext | None, put: Put) -> None:
        self.kind = kind
        self.sizes: list[int] = []  # bytes of each finished segment
        self._sound, self._put = sound, put
        self._scaler = VideoReformatter()
        self._encoder: VideoCodecContext | None = None
        self._announced: deque[int] = deque()  # ticks of segments whose first packet has not come out yet
        self._segments: deque[Segment] = deque()
        self._heard: deque[SoundPacket] = deque()
        self._heard_until: float = math.inf if sound is None else -math.inf

    def encode(self, frame: VideoFrame, ticks: int, *, starts_segment: bool) -> None:
        """A frame of any size and format; `ticks` strictly increase."""
        scaled = self._scaled(frame)
        scaled.pts, scaled.time_base = ticks, TICK
        scaled.pict_type = PictureType.I if starts_segment else PictureType.NONE
        if starts_segment:
            self._announced.append(ticks)
        if self._encoder is None:
            self._encoder = self._new_encoder(scaled, frame)
        self._collect(self._encoder.encode(scaled))

    def hear(self, packets: Sequence[SoundPacket]) -> None:
        """Sound in the order of its time."""
        self._heard.extend(packets)
        if packets:
            self._heard_until = packets[-1].ticks + packets[-1].duration

    def hear_no_more(self) -> None:
        """The sound has ended; segments no longer wait for it."""
        self._heard_until = math.inf

    def close(self) -> None:
        """Finish the last segments."""
        self.hear_no_more()
        if self._encoder is not None:
            self._collect(self._encoder.encode(None))
            while self._segments:
                self._finish(math.inf)

    def _scaled(self, frame: VideoFrame) -> VideoFrame:
        """8 bits and 4:2:0, because browsers play no other H.264; the range that television uses."""
        return self._scaler.reformat(
            frame,
            self.kind.width,
            self.kind.height,
            "yuv420p",
            dst_colorspace=Colorspace.ITU601 if frame.format.is_rgb else None,
            interpolation="BICUBIC",
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _new_encoder(self, scaled: VideoFrame, original: VideoFrame) -> VideoCodecContext:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = self.kind.width, self.kind.height, "yuv420p"
        encoder.time_base, encoder.framerate, encoder.gop_size = TICK, self.kind.rate, GOP
        encoder.thread_count = self.kind.threads
        encoder.color_range, encoder.colorspace = scaled.color_range, scaled.colorspace
        encoder.color_primaries, encoder.color_trc = original.color_primaries, original.color_trc
        options = _X264.get(self.kind.preset, {"preset": self.kind.preset, "x264-params": _EXACT})
        encoder.options = {"crf": str(self.kind.crf), "forced-idr": "1", **options}
        return encoder

    def _collect(self, packets: list[Packet[Any]]) -> None:
        for packet in packets:
            assert packet.pts is not None
            assert packet.pts == packet.dts, "libx264 reordered frames, and a browser would show them late"
            if self._announced and packet.pts == self._announced[0]:
                assert packet.is_keyframe, "libx264 did not start the segment with a keyframe"
                start = self._announced.popleft()
                self._segments.append(Segment(len(self.sizes) + len(self._segments), start))
            self._segments[-1].packets.append(packet)
        while len(self._segments) > 1 and self._can_finish(self._segments[1].start):
            self._finish(self._segments[1].start)

    def _can_finish(self, end: int) -> bool:
        return self._heard_until >= end or len(self._segments) > _HELD

    def _finish(self, end: float) -> None:
        """Mux the oldest segment with the sound before `end`."""
        segment, sound = self._segments.popleft(), []
        while self._heard and self._heard[0].ticks < end:
            packet = self._heard.popleft()
            if packet.ticks >= 0:  # AAC begins 1,024 samples early, which would move the pictures' clock
                sound.append(packet)
        data = self._muxed(segment, sound)
        self.sizes.append(len(data))
        self._put(f"segments/{self.kind.name}/{segment_name(segment.number)}", data)

    def _muxed(self, segment: Segment, sound: list[SoundPacket]) -> bytes:
        out = io.BytesIO()
        with av.open(out, "w", format="mpegts", options=_MUXER) as container:
            pictures = container.add_mux_stream("h264", width=self.kind.width, height=self.kind.height)
            voices = _add_sound(container, self._sound) if self._sound is not None else None
            for packet in segment.packets:
                packet.stream, packet.time_base = pictures, TICK
                container.mux(packet)
            for heard in sound:
                if voices is not None:
                    packet = Packet(heard.data)
                    packet.stream, packet.time_base = voices, TICK
                    packet.pts = packet.dts = heard.ticks
                    packet.duration = heard.duration
                    container.mux(packet)
        data = out.getvalue()
        return data + _STUFFING * ((_SMALLEST - len(data)) // len(_STUFFING))  # nothing when it is larger


def _add_sound(container: av.container.OutputContainer, sound: AudioCodecContext) -> AudioStream:
    """A stream whose header says what `sound` encodes; its own encoder stays idle."""
    return container.add_stream("aac", rate=sound.sample_rate, layout=sound.layout.name)
