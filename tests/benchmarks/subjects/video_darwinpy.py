"""darwin-py's extractor on one video, two frames a second. Needs ffmpeg on PATH.

video_darwinpy.py VIDEO FOLDER QUALITY
"""

import json
import sys
from pathlib import Path

from darwin.extractor import video

video.console.quiet = True
source, folder, quality = sys.argv[1:]
payload = video.extract_artifacts(source, folder, "prefix", fps=2, primary_frames_quality=int(quality))
size = sum(path.stat().st_size for path in Path(folder).glob("segments/high/*.ts"))
facts = payload["registration_payload"]
print(json.dumps({"frames": facts["total_frames"], "visible": facts["visible_frames"], "hls_mb": size / 1e6}))
