"""Small odd videos, made here with PyAV. Every frame shows its own number, so tests can tell which frame they see."""

from __future__ import annotations

import io
import math
from fractions import Fraction

import av
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw

BITS = 10
SIZE = (160, 120)


def numbered(number: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture of `number`: its bits as black and white bars in the upper half, a gradient below; red top left."""
    width, height = size
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for bit in range(BITS):
        colour = "white" if number >> bit & 1 else "black"
        draw.rectangle([bit * width // BITS, height // 8, (bit + 1) * width // BITS - 1, height // 2], fill=colour)
    draw.rectangle([0, 0, width // 4, height // 8 - 1], fill="red")
    return image


def number_in(image: Image.Image) -> int:
    """The number a picture shows, in whatever size."""
    grey = image.convert("L")
    width, height = grey.size
    middles = [(int((bit + 0.5) * width / BITS), int(height * 0.3)) for bit in range(BITS)]
    return sum((grey.getpixel(middle) > 127) << bit for bit, middle in enumerate(middles))


def clip(
    frames: int = 50,
    *,
    fps: Fraction | int = 25,
    container: str = "mp4",
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    times: list[float] | None = None,
    sound: int = 0,
    channels: str = "mono",
    rotation: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> bytes:
    """A video of numbered frames; `times` (seconds) makes its rate variable, `sound` is a sample rate."""
    out = io.BytesIO()
    with av.open(out, "w", format=container, options=container_options or {}) as target:
        pictures = target.add_stream(codec, rate=fps, options=options or {})
        pictures.width, pictures.height, pictures.pix_fmt = *size, pix_fmt
        base = Fraction(1, 1000) if times else 1 / Fraction(fps)
        pictures.codec_context.time_base = base
        if aspect:
            pictures.codec_context.sample_aspect_ratio = aspect
        if rotation:
            pictures.set_display_rotation(rotation)
        voice = (
            target.add_stream("aac" if container != "avi" else "mp2", rate=sound, layout=channels) if sound else None
        )
        for number in range(frames):
            frame = VideoFrame.from_image(numbered(number, size))
            frame.pts = round(times[number] * 1000) if times else number
            frame.time_base = base
            target.mux(pictures.encode(frame))
            if voice is not None:
                for tone in tones(number, sound, channels, 1 / Fraction(fps)):
                    target.mux(voice.encode(tone))
        target.mux(pictures.encode(None))
        if voice is not None:
            target.mux(voice.encode(None))
    return out.getvalue()


def tones(number: int, rate: int, channels: str, length: Fraction):
    """The samples that belong to a frame: 440 Hz, growing louder and quiet again every second."""
    first, last = int(number * rate * length), int((number + 1) * rate * length)
    values = b"".join(
        int(20000 * abs(math.sin(math.pi * one / rate)) * math.sin(2 * math.pi * 440 * one / rate)).to_bytes(
            2, "little", signed=True
        )
        for one in range(first, last)
    )
    count = {"mono": 1, "stereo": 2, "5.1": 6}[channels]
    frame = av.AudioFrame(format="s16", layout=channels, samples=last - first)
    interleaved = b"".join(values[at : at + 2] * count for at in range(0, len(values), 2))
    frame.planes[0].update(interleaved + bytes(frame.planes[0].buffer_size - len(interleaved)))
    frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
    yield frame
