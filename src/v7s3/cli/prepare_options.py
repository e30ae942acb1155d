"""Options of what `prepare` and `register --prepare` make; both spell them alike."""

from __future__ import annotations

import typer

FRAMES_QUALITY = typer.Option("--quality", min=1, max=31, help="Of frames: 1 PNG, 2 (best) to 31 JPEG.")
SEGMENT_LENGTH = typer.Option("--segment-length", min=0.5, max=60, help="Seconds of an HLS segment.")
PREVIEW_FRAMES = typer.Option("--preview-frames/--no-preview-frames", help="Small JPEGs for scrubbing.")
VIDEO_SECTIONS = typer.Option("--video-sections", help="Videos as sections[]: frames only, no HLS.")
