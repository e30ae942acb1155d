"""v7s3's extractor on one video, two frames a second.

video_v7s3.py VIDEO FOLDER QUALITY PRESET
"""

import json
import sys
from pathlib import Path

from v7s3.artifacts.video import extract
from v7s3.artifacts.video_options import VideoOptions

source, folder, quality, preset = sys.argv[1:]
written = {}


def put(name: str, data: bytes) -> None:
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    written[name] = len(data)


with Path(source).open("rb") as file:
    video = extract(file, put, VideoOptions(fps=2, quality=int(quality), preset=preset))
size = sum(count for name, count in written.items() if name.startswith("segments/high/") and name.endswith(".ts"))
print(json.dumps({"frames": video.total_frames, "visible": video.visible_frames, "hls_mb": size / 1e6}))
