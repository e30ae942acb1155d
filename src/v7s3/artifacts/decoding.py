"""Reading a video: what its header says, every frame that can be decoded, upright."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import av
from av.filter import Graph
from av.stream import Disposition
from av.video.frame import VideoFrame

from v7s3.artifacts.hls import CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Containers of recordings. Playlists are not among them: they make FFmpeg open other files and addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,asf,flv,ogg,mxf,dv,ivf"
_BUFFER = 256 * 1024  # bytes asked of the file at a time
_UNCLOCKED_FPS = 25.0  # of a stream that says nothing about time, as FFmpeg assumes for raw H.264
_TURNS = {90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}


class Decoded(NamedTuple):
    """A picture and when it is shown: seconds since the container's start, for how many it stays (0: unknown)."""

    frame: VideoFrame
    seconds: float
    duration: float


def opened(file: BinaryIO) -> InputContainer:
    """Raises av.FFmpegError."""
    return av.open(file, "r", buffer_size=_BUFFER, options={"format_whitelist": FORMATS})


def pictures_of(container: InputContainer) -> VideoStream | None:
    """The first video stream that is not the cover of an album."""
    covers = Disposition.attached_pic
    return next((one for one in container.streams.video if not Disposition(one.disposition) & covers), None)


class Clock:
    """Chooses between a frame's presentation time and its packet's decoding time as FFmpeg does: some containers store
    only the latter and hand it out as both, which shows in times that go back."""

    def __init__(self, container: str) -> None:
        self._last_pts = self._last_dts = -(1 << 63)
        self._back_pts, self._back_dts = int(container == "avi"), 0  # AVI is known for it

    def ticks_of(self, frame: VideoFrame) -> int | None:
        if frame.dts is not None:
            self._back_dts += frame.dts <= self._last_dts
            self._last_dts = frame.dts
        if frame.pts is not None:
            self._back_pts += frame.pts <= self._last_pts
            self._last_pts = frame.pts
        return frame.pts if self._back_pts <= self._back_dts and frame.pts is not None else frame.dts


class Source:
    """An opened file and its first video and audio stream."""

    def __init__(self, file: BinaryIO, container: InputContainer, stream: VideoStream) -> None:
        self._file, self.container, self.stream = file, container, stream
        self.audio = container.streams.audio[0] if container.streams.audio else None
        self.start = (container.start_time or 0) / av.time_base  # seconds
        self.faults = 0  # packets and pictures that are damaged
        self.turn: int | None = None  # degrees clockwise that pictures are turned; None before the first of them
        self.is_interlaced = False  # whether any picture was
        self._index = container.streams.video.index(stream)
        self._base = stream.time_base or Fraction(1, CLOCK)
        self._graph: Graph | None = None
        self.native_fps = float(stream.average_rate or 0) or self._counted_fps()

    @property
    def expected_frames(self) -> int:
        """As the header promises; 0 when it does not."""
        seconds = float((self.stream.duration or 0) * self._base) or (self.container.duration or 0) / av.time_base
        return self.stream.frames or round(seconds * self.native_fps)

    def decoded(self, *, with_sound: bool) -> Iterator[Decoded | AudioFrame]:
        """Every frame that can be decoded. Damaged packets are skipped and counted, as the ffmpeg program does."""
        streams = [self.stream, self.audio] if with_sound and self.audio is not None else [self.stream]
        clock, last = Clock(self.container.format.name), -1 / self.native_fps
        for frame in self._frames(streams):
            if isinstance(frame, VideoFrame):
                self.faults += frame.is_corrupt
                self.is_interlaced = self.is_interlaced or frame.interlaced_frame
                seconds = self._seconds(clock.ticks_of(frame))
                last = last + 1 / self.native_fps if seconds is None else seconds
                yield Decoded(self._upright(frame), last, float((frame.duration or 0) * self._base))
            else:
                yield frame

    def frame_again(self, number: int, seconds: float) -> VideoFrame | None:
        """Decode one frame a second time: near its keyframe where the container finds it, else from the start."""
        try:
            self.container.seek(int((seconds + self.start) / self._base), stream=self.stream)
            frame = self._frame_at(seconds)
        except av.FFmpegError:  # raw streams cannot be sought in
            frame = None
        return frame or self._frame_number(number)

    def _frame_at(self, seconds: float) -> VideoFrame | None:
        clock = Clock(self.container.format.name)
        for frame in self.container.decode(self.stream):
            assert isinstance(frame, VideoFrame)
            at = self._seconds(clock.ticks_of(frame))
            if at is None or at > seconds - 1 / CLOCK:
                return self._upright(frame) if at is not None and at < seconds + 1 / CLOCK else None
        return None

    def _frame_number(self, number: int) -> VideoFrame | None:
        self._file.seek(0)
        with opened(self._file) as container:
            again = Source(self._file, container, container.streams.video[self._index])
            frames = (one.frame for one in again.decoded(with_sound=False) if isinstance(one, Decoded))
            return next(islice(frames, number, None), None)

    def _frames(self, streams: list[Any]) -> Iterator[VideoFrame | AudioFrame]:
        try:
            for packet in self.container.demux(streams):
                yield from self._tried(packet.decode)
        except av.FFmpegError:  # the file ends in the middle
            self.faults += 1
            for stream in streams:
                yield from self._tried(stream.decode)

    def _tried(self, decode: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        try:
            return decode()
        except av.FFmpegError:
            self.faults += 1
            return ()

    def _seconds(self, ticks: int | None) -> float | None:
        return None if ticks is None else float(ticks * self._base) - self.start

    def _upright(self, frame: VideoFrame) -> VideoFrame:
        """Turned as the display matrix of the first frame says."""
        if self.turn is None:
            self.turn = round(-frame.rotation / 90) % 4 * 90
        if self.turn == 0:
            return frame
        if self._graph is None:
            self._graph = _turning(frame, self.turn, self._base)
        self._graph.push(frame)
        turned = self._graph.pull()
        assert isinstance(turned, VideoFrame)
        return turned

    def _counted_fps(self) -> float:
        """Frames, by their packets, over the duration; two decimals."""
        count, first, last = 0, math.inf, -math.inf
        for packet in self.container.demux(self.stream):
            ticks = packet.pts if packet.pts is not None else packet.dts
            count += packet.size > 0
            if ticks is not None:
                first, last = min(first, ticks), max(last, ticks + (packet.duration or 0))
        self.container.seek(0)
        seconds = float((last - first) * self._base) if last > first else 0.0
        return round(count / seconds, 2) if seconds > 0 else _UNCLOCKED_FPS


def _turning(frame: VideoFrame, turn: int, base: Fraction) -> Graph:
    graph = Graph()
    steps = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)]
    steps += [graph.add(name, argument) for name, argument in _TURNS[turn]]
    graph.link_nodes(*steps, graph.add("buffersink")).configure()
    return graph
