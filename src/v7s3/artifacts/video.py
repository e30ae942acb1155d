"""What a read-only video needs beside the original, from one pass over the source (v7-facts §5.2, §5.3, §7).

Same artifacts, names, frame selection and payload as darwin-py's extractor, which runs ffmpeg about ten times; here
each frame is decoded once and goes to both HLS encoders, to the stills and into the manifest. What differs, on purpose:

* Pictures of rotated videos are upright *and* `width` and `height` are those of the upright picture.
* HLS is always 8-bit 4:2:0 with even sides, because browsers play nothing else; stills keep an odd size.
* Segments end where a multiple of 15 frames does, never at scene cuts, so both renditions have the same segments.
* HLS has no B-frames: a browser shows frame n at the time the manifest says, where darwin-py's are two frames late.
* Sound with more than two channels becomes stereo.

The thumbnail is frame number total // 2. The total is known only at the end, so the frames around the middle that the
header promises are kept as thumbnails; when the header was wrong, that one frame is decoded again.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import av
from av.audio.frame import AudioFrame

from v7s3.artifacts.box import fitted
from v7s3.artifacts.decoding import Decoded, Source, opened, pictures_of
from v7s3.artifacts.hls import CLOCK, Timeline, bitrate, even, low_size, playlist, step_of
from v7s3.artifacts.refusal import Refusal, words_of
from v7s3.artifacts.renditions import Kind, Rendition
from v7s3.artifacts.sound import Sound
from v7s3.artifacts.stills import StillEncoder
from v7s3.artifacts.work import Work
from v7s3.errors import V7S3Error

if TYPE_CHECKING:
    from typing import BinaryIO

    from av.container import InputContainer
    from av.video.frame import VideoFrame

    from v7s3.artifacts.renditions import Put, SoundPacket
    from v7s3.artifacts.video_options import VideoOptions

MAX_PIXELS = 70_000_000  # of one frame: 8K twice
_PICTURE_MEMORY = 50_000_000  # bytes of converted pictures that wait to be compressed and sent
_NEAR = 2  # frames kept on each side of the expected middle
_PREVIEW_QUALITY, _THUMBNAIL_QUALITY = 5, 3
_HDR = (16, 18)  # transfer characteristics: PQ and HLG


class Playlist(NamedTuple):
    durations: tuple[float, ...]  # seconds of each segment
    bitrates: dict[str, float]  # bits a second, of "high" and "low"

    def text(self, prefix: str = "") -> str:
        """The text of the playlist, its segments below `prefix`."""
        return playlist(list(self.durations), prefix)


class Video(NamedTuple):
    """What was made, beside the objects that were put."""

    width: int  # pixels, of the upright picture
    height: int
    native_fps: float
    total_frames: int
    visible_frames: int
    extension: str  # of the frames: "png" or "jpg"
    has_previews: bool
    has_peaks: bool
    playlist: Playlist | None  # None for sections
    notes: tuple[str, ...]


def extract(file: BinaryIO, put: Put, options: VideoOptions) -> Video | Refusal:
    """Make all artifacts of the video in `file` (seekable), giving each to `put(name, data)` when it is complete.

    Names are those of v7-facts §7.2. `put` is called from several threads. MemoryError and V7S3Errors of `file` and of
    `put` (S3 failed) pass through; whatever else a decoder raises becomes a Refusal. What was put before stays with the
    caller.
    """
    made: Video | Refusal
    try:
        container = _opened_or_refused(file)
        if isinstance(container, Refusal):
            made = container
        else:
            with container:
                made = _extract(file, container, put, options)
    except (V7S3Error, MemoryError):  # MemoryError: another time there may be enough
        raise
    except (av.FFmpegError, ArithmeticError, ValueError) as error:
        made = Refusal(f"the video cannot be read: {words_of(error)}")
    failure: V7S3Error | None = getattr(file, "failure", None)
    if failure is not None:  # FFmpeg took it for the end of the file
        raise failure
    return made


def _opened_or_refused(file: BinaryIO) -> InputContainer | Refusal:
    try:
        return opened(file)
    except av.FFmpegError:
        file.seek(0)
        if not file.read(1):
            return Refusal("the object is empty")
        return Refusal("no video container is recognised: mislabelled, or cut off before its index")


def _extract(file: BinaryIO, container: InputContainer, put: Put, options: VideoOptions) -> Video | Refusal:
    stream = pictures_of(container)
    if stream is None:
        return Refusal("there are no pictures in the file")
    pixels = stream.width * stream.height
    if pixels > MAX_PIXELS:
        return Refusal(
            f"pictures of {stream.width}x{stream.height} are over the limit of {MAX_PIXELS / 1e6:.0f} megapixels"
        )
    threads = options.threads or min(8, os.cpu_count() or 1)
    # Not "AUTO": decoders that work on several frames drop sound ones beside a damaged one.
    stream.thread_type, stream.codec_context.thread_count = "SLICE", threads
    window = max(2, min(16, _PICTURE_MEMORY // max(1, 3 * pixels)))
    with Work(min(window, threads + 4), window) as work:
        making = Making(Source(file, container, stream), options, threads, put, work)
        return making.run()


class Making:
    """One pass: takes decoded frames, makes everything of them, and says at the end what was made."""

    def __init__(self, source: Source, options: VideoOptions, threads: int, put: Put, work: Work) -> None:
        self._source, self._options, self._threads = source, options, threads
        self._put, self._work = put, work
        self._timeline = Timeline(step_of(source.native_fps, options.fps), options.segment_length)
        self._frames = StillEncoder(options.quality)
        self._previews = StillEncoder(_PREVIEW_QUALITY) if options.preview_frames else None
        self._thumbnails = StillEncoder(_THUMBNAIL_QUALITY)
        self._candidates: dict[int, VideoFrame] = {}  # converted thumbnails by the number of their frame
        self._size = (0, 0)
        self._last_duration = 0.0
        self._notes: list[str] = []
        self._sound = None if options.sections else self._new_sound()
        self._has_peaks = False
        self._renditions: list[Rendition] = []
        self._early: list[SoundPacket] = []  # that came out of the file before the first picture

    def run(self) -> Video | Refusal:
        for decoded in self._source.decoded(with_sound=self._sound is not None):
            if isinstance(decoded, AudioFrame):
                self._hear(decoded)
            else:
                self._see(decoded)
        if not self._timeline.times:
            return Refusal("no picture of the video can be decoded")
        self._hear(None)
        for rendition in self._renditions:
            rendition.close()
        self._work.finish()
        return self._finished()

    # --- on the way -------------------------------------------------------------------------------------------------
    def _see(self, decoded: Decoded) -> None:
        frame = decoded.frame
        if not self._timeline.times:
            self._begin(frame)
        placed = self._timeline.place(decoded.seconds)
        self._last_duration = decoded.duration
        if placed.shown_as is not None:
            self._put_still(f"sections/high/{placed.shown_as:09d}.{self._frames.extension}", self._frames, frame)
            if self._previews is not None:
                self._put_still(f"sections/low/{placed.shown_as:09d}.jpg", self._previews, frame)
        if placed.number == 0 or abs(placed.number - self._source.expected_frames // 2) <= _NEAR:
            self._candidates[placed.number] = self._as_thumbnail(frame)
        for rendition in self._renditions:
            rendition.encode(frame, placed.ticks, starts_segment=placed.starts_segment)

    def _begin(self, frame: VideoFrame) -> None:
        width, height = self._size = frame.width, frame.height
        if self._options.sections:
            return
        rate = Fraction(self._source.native_fps).limit_denominator(1001)
        encoder = self._sound.encoder if self._sound is not None else None
        preset, threads = self._options.preset, self._threads
        high = Kind("high", even(width), even(height), 23, rate, preset, threads)
        low = Kind("low", *low_size(width, height), 40, rate, preset, threads)
        self._renditions = [Rendition(kind, encoder, self._put_later) for kind in (high, low)]
        for rendition in self._renditions:
            rendition.hear(self._early)
        self._early = []

    def _hear(self, frame: AudioFrame | None) -> None:
        if self._sound is None:
            return
        try:
            packets = self._sound.take(frame, round(self._source.start * CLOCK))
        except (av.FFmpegError, ValueError) as error:
            self._notes.append(f"the sound ends where it cannot be decoded: {words_of(error)}")
            self._sound, self._early = None, []
            for rendition in self._renditions:
                rendition.hear_no_more()
            return
        self._has_peaks = self._has_peaks or frame is not None
        if not self._renditions:
            self._early += packets
        for rendition in self._renditions:
            rendition.hear(packets)

    def _put_still(self, name: str, encoder: StillEncoder, frame: VideoFrame) -> None:
        picture = encoder.convert(frame, self._size)
        self._work.add(lambda: self._put(name, encoder.compress(picture)))

    def _put_later(self, name: str, data: bytes) -> None:
        self._work.add(self._put, name, data)

    def _new_sound(self) -> Sound | None:
        audio = self._source.audio
        if audio is None:
            return None
        try:
            return Sound(audio.codec_context.sample_rate, audio.codec_context.channels)
        except (av.FFmpegError, ValueError) as error:
            self._notes.append(f"the sound is left out: {words_of(error)}")
            return None

    # --- at the end -------------------------------------------------------------------------------------------------
    def _finished(self) -> Video:
        timeline, lists = self._timeline, None
        self._put("thumbnail.jpg", self._thumbnails.compress(self._middle()))
        if not self._options.sections:
            lists = self._put_lists()
        return Video(
            *self._size,
            native_fps=self._source.native_fps,
            total_frames=len(timeline.times),
            visible_frames=timeline.shown,
            extension=self._frames.extension,
            has_previews=self._previews is not None,
            has_peaks=self._sound is not None and self._has_peaks,
            playlist=lists,
            notes=(*self._notes, *self._observations()),
        )

    def _put_lists(self) -> Playlist:
        if self._sound is not None and self._has_peaks:
            self._put("audio_peaks.gz", self._sound.peaks())
        self._put("frames_manifest.txt", self._timeline.manifest().encode())
        last = self._last_duration or 1 / self._source.native_fps
        durations = self._timeline.durations(max(1, round(last * CLOCK)))
        index = playlist(durations).encode()
        for rendition in self._renditions:
            self._put(f"segments/{rendition.kind.name}/index.m3u8", index)
        rates = {rendition.kind.name: bitrate(rendition.sizes, durations) for rendition in self._renditions}
        return Playlist(tuple(durations), rates)

    def _middle(self) -> VideoFrame:
        """The thumbnail of frame total // 2; of the first frame when the file cannot be read a second time."""
        middle = len(self._timeline.times) // 2
        if middle not in self._candidates:
            frame = self._source.frame_again(middle, self._timeline.times[middle] / CLOCK)
            if frame is not None:
                return self._as_thumbnail(frame)
        return self._candidates.get(middle) or self._candidates[0]

    def _as_thumbnail(self, frame: VideoFrame) -> VideoFrame:
        return self._thumbnails.convert(frame, fitted(self._size, enlarge=True))

    def _observations(self) -> list[str]:
        source, notes = self._source, []
        if source.turn:
            notes.append(f"turned by {source.turn} degrees, as the file asks")
        if self._timeline.varies():
            notes.append("the frame rate is variable: times are in the manifest, not number / fps")
        ratio = source.stream.sample_aspect_ratio or 1
        if ratio != 1:
            words = f"{ratio.numerator}:{ratio.denominator}"
            notes.append(
                f"pixels are not square ({words}): frames and HLS are as stored, not stretched as players show it"
            )
        if source.is_interlaced:
            notes.append("interlaced: frames and HLS show both fields at once, as combs where something moves")
        if source.faults:
            notes.append(f"damaged in {source.faults:,} places or cut off: some pictures are wrong or missing")
        if source.stream.codec_context.color_trc in _HDR:
            notes.append("HDR: frames and HLS have 8 bits and look flat, because no tone mapping is done")
        return notes
