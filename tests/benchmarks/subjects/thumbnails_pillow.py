"""Sizes and thumbnails with Pillow as its tutorial has them: decode, turn, scale, save.

thumbnails_pillow.py COUNT PHOTO…
"""

import io
import sys
from itertools import cycle, islice
from pathlib import Path

from PIL import Image, ImageOps

count, *paths = sys.argv[1:]
for path in islice(cycle(paths), int(count)):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(Path(path).read_bytes()))).convert("RGB")
    scale = min(356 / picture.width, 200 / picture.height)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    small.save(io.BytesIO(), "JPEG", quality=85)
