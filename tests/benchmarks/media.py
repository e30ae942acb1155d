"""Pictures and a video whose size and entropy are those of phones' and cameras'; made once, kept in ~/.cache.

media.py photos | clip     make them and print their paths
"""

from __future__ import annotations

import io
import math
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

CACHE = Path.home() / ".cache" / "v7s3-bench" / "media"
PHOTO = (4000, 3000)
SECONDS, FPS = 8, 30


def scenery(seed: int, size: tuple[int, int]) -> Image.Image:
    """Noise of every scale, as in leaves, clouds and walls, with grain over it."""
    random, (width, height) = np.random.default_rng(seed), size
    picture = np.full((height, width, 3), random.uniform(90, 150, 3), np.float32)
    for octave in range(2, 11):
        grid = random.normal(0, 60 / octave**1.2, (2**octave * height // width + 1, 2**octave, 3)).astype(np.float32)
        for channel in range(3):
            blurred = Image.fromarray(grid[..., 0] * 0.6 + grid[..., channel] * 0.4)
            picture[..., channel] += np.asarray(blurred.resize(size, Image.Resampling.BICUBIC))
    picture += random.normal(0, 5, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def photos(count: int) -> list[Path]:
    """12-megapixel JPEGs; every fifth lies on its side."""
    CACHE.mkdir(parents=True, exist_ok=True)
    paths = [CACHE / f"photo-{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            exif = Image.Exif()
            exif[274] = 6 if number % 5 == 0 else 1
            out = io.BytesIO()
            scenery(number, PHOTO).save(out, "JPEG", quality=90, exif=exif)
            path.write_bytes(out.getvalue())
    return paths


def clip() -> Path:
    """1080p30 with sound, panning over a picture, with fresh grain in every frame."""
    path = CACHE / "clip-1080p.mp4"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    ground, random = np.asarray(scenery(99, PHOTO), np.int16), np.random.default_rng(1)
    grains = [random.normal(0, 5, (1080, 1920, 1)).astype(np.int16) for _ in range(7)]
    with av.open(path.with_suffix(".part"), "w", format="mp4") as target:
        pictures = target.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "21"})
        pictures.width, pictures.height, pictures.pix_fmt = 1920, 1080, "yuv420p"
        voice = target.add_stream("aac", rate=44100, layout="mono")
        for number in range(SECONDS * FPS):
            x, y = int(1000 + 900 * math.sin(number / 210)), int(900 + 800 * math.cos(number / 150))
            shown = np.clip(ground[y : y + 1080, x : x + 1920] + grains[number % 7], 0, 255).astype(np.uint8)
            target.mux(pictures.encode(VideoFrame.from_ndarray(shown, format="rgb24")))
            samples = np.arange(number * 1470, (number + 1) * 1470) / 44100
            tone = (8000 * np.sin(2 * math.pi * 440 * samples)).astype(np.int16).reshape(1, -1)
            sound = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 44100, number * 1470, Fraction(1, 44100)
            target.mux(voice.encode(sound))
        target.mux(pictures.encode(None))
        target.mux(voice.encode(None))
    path.with_suffix(".part").rename(path)
    return path


if __name__ == "__main__":
    print(*(photos(8) if sys.argv[1] == "photos" else [clip()]), sep="\n")
