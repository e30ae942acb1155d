"""What is too large to be made. Apart from the decoders, so that a command can be read without loading them."""

from __future__ import annotations

# Of an image. More is refused unfetched: decompression bombs begin here, and decoding takes up to 8 bytes a pixel, so
# 1.4 GB (measured: RGBA in PNG, 4 for the picture and 4 for its copy with the transparency applied). Of pictures over
# `images._LARGE` a process decodes one at a time, so this is about what a worker needs.
MAX_PIXELS = 180_000_000
