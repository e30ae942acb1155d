"""Every odd video becomes frames, segments and a manifest that agree, or a refusal that says why."""

from __future__ import annotations

import gzip
import io
import random
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from PIL import Image

from artifacts.clips import SIZE, clip, number_in, tones
from v7s3.artifacts.ranged import RangedReader
from v7s3.artifacts.refusal import Refusal
from v7s3.artifacts.video import Video, extract
from v7s3.artifacts.video_options import VideoOptions
from v7s3.errors import ServiceError

random.seed(1)
UNEVEN = [0.0]
for _ in range(59):
    UNEVEN.append(round(UNEVEN[-1] + random.choice([0.02, 0.033, 0.1, 0.25]), 3))
FAST_VP9 = {"deadline": "realtime", "cpu-used": "8"}

CLIPS = {
    "plain": {},
    "longer than a segment": {"frames": 130, "fps": 30},
    "ntsc": {"fps": Fraction(30000, 1001), "frames": 100},
    "sound": {"sound": 44100, "channels": "stereo", "frames": 130},
    "surround": {"sound": 48000, "channels": "5.1"},
    "low sound": {"sound": 8000},
    "variable rate": {"frames": 60, "times": UNEVEN},
    "variable rate in Matroska": {"frames": 60, "times": UNEVEN, "container": "matroska"},
    "odd size": {"size": (161, 121), "codec": "libvpx-vp9", "container": "webm", "options": FAST_VP9},
    "odd size without subsampling": {"size": (161, 121), "pix_fmt": "yuv444p"},
    "no B-frames": {"options": {"bf": "0"}},
    "many B-frames": {"options": {"bf": "8", "b_strategy": "0"}},
    "one frame": {"frames": 1},
    "two frames": {"frames": 2},
    "transport stream": {"container": "mpegts", "sound": 48000},
    "AVI": {"container": "avi", "codec": "mpeg4", "sound": 44100},
    "AVI with reordered frames": {"container": "avi"},
    "raw H.264": {"container": "h264"},
    "no duration": {"container": "matroska", "container_options": {"live": "1"}},
    "ten bits": {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=none"}},
    "grey": {"codec": "ffv1", "container": "matroska", "pix_fmt": "gray"},
    "RGB": {"codec": "ffv1", "container": "matroska", "pix_fmt": "bgr0"},
    "full range": {"codec": "mjpeg", "container": "avi", "pix_fmt": "yuvj420p"},
    "fragments": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "one frame a second": {"fps": 1, "frames": 20},
}


def made(blob: bytes, **options) -> tuple[Video, dict[str, bytes]]:
    put: dict[str, bytes] = {}
    video = extract(io.BytesIO(blob), put.__setitem__, VideoOptions(**options))
    assert isinstance(video, Video), video
    return video, put


def refusal(blob: bytes) -> str:
    video = extract(io.BytesIO(blob), lambda _name, _data: None, VideoOptions())
    assert isinstance(video, Refusal), video
    return video.reason


def picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def below(put: dict[str, bytes], folder: str, ending: str = "") -> list[bytes]:
    return [put[name] for name in sorted(put) if name.startswith(folder) and name.endswith(ending)]


def frames_in(segment: bytes) -> int:
    with av.open(io.BytesIO(segment), "r", format="mpegts") as container:
        return sum(1 for _ in container.decode(video=0))


def manifest_of(put: dict[str, bytes]) -> list[list[str]]:
    return [line.split(":") for line in put["frames_manifest.txt"].decode().split("\n")]


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("fps", [0, 7])
def test_manifest_frames_and_segments_agree(name, fps):
    video, put = made(clip(**CLIPS[name]), fps=fps)
    lines = manifest_of(put)
    assert len(lines) == video.total_frames == CLIPS[name].get("frames", 50)
    for quality in ("high", "low"):
        segments = below(put, f"segments/{quality}/", ".ts")
        counts = [frames_in(segment) for segment in segments]
        assert counts == [sum(line[1] == str(number) for line in lines) for number in range(len(segments))]
        assert put[f"segments/{quality}/index.m3u8"].decode().count("#EXTINF") == len(segments)
    shown = [number for number, line in enumerate(lines) if line[2] == "1"]
    assert video.visible_frames == len(shown)
    for folder in ("sections/high/", "sections/low/"):
        stills = [picture(still) for still in below(put, folder)]
        assert [number_in(still) for still in stills] == shown
        assert {still.size for still in stills} == {CLIPS[name].get("size", SIZE)}
    assert number_in(picture(put["thumbnail.jpg"])) == video.total_frames // 2
    assert (video.width, video.height) == CLIPS[name].get("size", SIZE)


def test_times_in_the_manifest_are_those_of_the_frames():
    _, put = made(clip(frames=60, times=UNEVEN))
    assert [float(line[3]) for line in manifest_of(put)] == pytest.approx(UNEVEN, abs=1e-6)


def test_a_variable_rate_is_told():
    assert made(clip(frames=60, times=UNEVEN))[0].notes == (
        "the frame rate is variable: times are in the manifest, not number / fps",
    )
    assert made(clip())[0].notes == ()


def test_pixels_that_are_not_square_are_told():
    (note,) = made(clip(2, aspect=Fraction(2)))[0].notes
    assert note == "pixels are not square (2:1): frames and HLS are as stored, not stretched as players show it"


def test_interlaced_pictures_are_told():
    (note,) = made(clip(2, options={"x264-params": "interlaced=1"}))[0].notes
    assert note == "interlaced: frames and HLS show both fields at once, as combs where something moves"


def test_the_artifacts_have_the_names_v7_looks_for():
    _, put = made(clip(frames=70, fps=30, sound=44100), fps=10)
    assert sorted(put) == sorted(
        [
            "audio_peaks.gz",
            "frames_manifest.txt",
            "thumbnail.jpg",
            *(f"segments/{quality}/{name}" for quality in ("high", "low") for name in ("index.m3u8", "000000000.ts", "000000001.ts")),
            *(f"sections/high/{number:09d}.png" for number in range(24)),
            *(f"sections/low/{number:09d}.jpg" for number in range(24)),
        ]
    )  # fmt: skip


def test_frames_can_be_jpeg_and_previews_left_out():
    video, put = made(clip(frames=5), quality=2, preview_frames=False)
    assert sorted(name for name in put if name.startswith("sections")) == [
        f"sections/high/{number:09d}.jpg" for number in range(5)
    ]
    assert (video.extension, video.has_previews) == ("jpg", False)
    assert picture(put["sections/high/000000000.jpg"]).format == "JPEG"


def test_sections_are_frames_and_a_thumbnail():
    video, put = made(clip(frames=4, sound=44100), sections=True)
    assert video.playlist is None
    assert not video.has_peaks
    assert sorted(put) == [
        *(f"sections/high/{number:09d}.png" for number in range(4)),
        *(f"sections/low/{number:09d}.jpg" for number in range(4)),
        "thumbnail.jpg",
    ]


@pytest.mark.parametrize(("rotation", "red"), [(90, "bottom left"), (180, "bottom right"), (-90, "top right")])
def test_rotated_pictures_are_upright_and_so_is_their_size(rotation, red):
    video, put = made(clip(frames=16, rotation=rotation))
    size = SIZE if rotation == 180 else SIZE[::-1]
    assert (video.width, video.height) == size
    with av.open(io.BytesIO(put["segments/high/000000000.ts"]), "r") as segment:
        frame = next(segment.decode(video=0))
        views = [frame.to_image(), picture(put["sections/high/000000000.png"]), picture(put["thumbnail.jpg"])]
    for view in views:
        wide, high = view.size
        x = wide - 6 if "right" in red else 5
        y = high - 6 if "bottom" in red else 5
        seen = view.convert("RGB").getpixel((x, y))
        assert seen[0] > 150, (red, seen)
        assert max(seen[1:]) < 100, (red, seen)
    assert views[0].size == views[1].size == size
    assert any("turned by" in note for note in video.notes)


def test_pictures_are_the_sources():
    source = clip(frames=3, options={"crf": "1"}, pix_fmt="yuv444p")
    _, put = made(source)
    with av.open(io.BytesIO(source)) as container:
        wanted = next(container.decode(video=0)).to_image()
    seen = picture(put["sections/high/000000000.png"])
    assert max(abs(a - b) for a, b in zip(wanted.tobytes(), seen.tobytes(), strict=True)) <= 2


@pytest.mark.parametrize("name", ["ten bits", "odd size without subsampling", "RGB", "full range"])
def test_segments_are_what_browsers_play(name):
    _, put = made(clip(**CLIPS[name]))
    with av.open(io.BytesIO(put["segments/high/000000000.ts"]), "r") as segment:
        stream = segment.streams.video[0]
        assert (stream.codec_context.name, stream.format.name) == ("h264", "yuv420p")
        assert stream.width % 2 == stream.height % 2 == 0


@pytest.mark.parametrize(
    "options",
    [{}, {"options": {"tune": "zerolatency"}, "container_options": {"chunk_duration": "1000000"}}],
    ids=["interleaved", "a second of sound before the first picture"],
)
def test_segments_carry_the_sound_of_their_time(options):
    video, put = made(clip(frames=130, fps=25, sound=44100, **options))
    assert video.playlist is not None
    at, heard = 0.0, []
    for quality in ("high", "low"):
        at = 0.0
        heard = []
        for segment, duration in zip(below(put, f"segments/{quality}/", ".ts"), video.playlist.durations, strict=True):
            with av.open(io.BytesIO(segment), "r") as container:
                pictures = [frame.time for frame in container.decode(video=0)]
            with av.open(io.BytesIO(segment), "r") as container:
                sound = [frame.time for frame in container.decode(audio=0)]
            heard += sound
            assert min(sound) == pytest.approx(min(pictures), abs=0.06)
            assert max(sound) == pytest.approx(max(pictures), abs=0.08)
            at += duration
        gaps = {round(later - earlier, 4) for earlier, later in pairwise(heard)}
        assert gaps == {0.0232}, "the sound has no holes and no overlaps between segments"
    assert at == pytest.approx(5.2)


def test_peaks_are_a_byte_for_each_millisecond():
    _, put = made(clip(frames=50, sound=44100))
    peaks = gzip.decompress(put["audio_peaks.gz"])
    assert len(peaks) == pytest.approx(2000, abs=60)
    loud, quiet = peaks[450:550], peaks[995:1005]
    assert max(loud) - min(loud) > 40 > max(quiet) - min(quiet)


# --- damaged and foreign --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "options",
    [
        {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
        {"container": "matroska"},
        {"container": "mpegts"},
        {"container": "avi", "codec": "mpeg4"},
    ],
    ids=["mp4", "matroska", "mpegts", "avi"],
)
def test_a_file_that_ends_early_gives_what_it_has(options):
    whole = clip(frames=60, **options)
    video, put = made(whole[: len(whole) * 2 // 3])
    assert 20 < video.total_frames < 60
    assert len(manifest_of(put)) == sum(map(frames_in, below(put, "segments/high/", ".ts"))) == video.total_frames
    assert len(below(put, "sections/high/")) == video.visible_frames


def test_damage_in_the_middle_is_told_and_survived():
    blob = bytearray(clip(frames=60, options={"crf": "1"}))
    third = len(blob) // 3
    blob[third : third + 3000] = b"\xff" * 3000
    video, put = made(bytes(blob))
    assert any("damaged in" in note for note in video.notes)
    assert len(manifest_of(put)) == sum(map(frames_in, below(put, "segments/high/", ".ts"))) == video.total_frames


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "the object is empty"),
        (b"<html>not found</html>", "no video container is recognised: mislabelled, or cut off before its index"),
        (bytes(5000), "no video container is recognised: mislabelled, or cut off before its index"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no video container is recognised: mislabelled, or cut off before its index"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no video container is recognised: mislabelled, or cut off before its index"),
        (clip(frames=20)[:2500], "no video container is recognised: mislabelled, or cut off before its index"),
    ],
    ids=["empty", "text", "zeros", "playlist", "concat", "no index"],
)  # fmt: skip
def test_what_is_no_video_is_refused(blob, reason):
    assert refusal(blob) == reason


def test_sound_alone_is_refused():
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        voice = target.add_stream("aac", rate=44100, layout="mono")
        for tone in tones(0, 44100, "mono", Fraction(1)):
            target.mux(voice.encode(tone))
        target.mux(voice.encode(None))
    assert refusal(out.getvalue()) == "there are no pictures in the file"


@pytest.mark.parametrize("at", range(5))
def test_a_fault_of_s3_is_not_taken_for_the_end_of_the_file(at):
    blob = clip(frames=60, options={"crf": "1"}, sound=44100)
    calls = iter(range(1000))

    def fetch(start: int, length: int) -> bytes:
        if next(calls) == at:
            raise ServiceError("S3 is away")
        return blob[start : start + length]

    with RangedReader(fetch, len(blob), first=1000) as file, pytest.raises(ServiceError, match="S3 is away"):
        extract(file, lambda _name, _data: None, VideoOptions())


def test_a_fault_while_putting_ends_the_video():
    def put(name: str, data: bytes) -> None:
        if name.endswith("7.png"):
            raise ServiceError("S3 is away")

    with pytest.raises(ServiceError, match="S3 is away"):
        extract(io.BytesIO(clip()), put, VideoOptions())


def test_the_source_is_read_once():
    blob = clip(frames=100, options={"crf": "1"}, sound=44100)
    with RangedReader(lambda start, length: blob[start : start + length], len(blob), first=8000) as file:
        extract(file, lambda _name, _data: None, VideoOptions())
        assert file.bytes_read < 1.2 * len(blob)
