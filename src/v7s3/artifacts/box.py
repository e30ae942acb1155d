"""The box V7's thumbnails fit in (v7-facts §7.3)."""

from __future__ import annotations

BOX = (356, 200)  # pixels, width and height


def fitted(size: tuple[int, int], box: tuple[int, int] = BOX, *, enlarge: bool = False) -> tuple[int, int]:
    """The largest size of the same shape inside `box`; only with `enlarge` larger than `size`."""
    ratio = min(box[0] / size[0], box[1] / size[1])
    if not enlarge:
        ratio = min(ratio, 1.0)
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))
