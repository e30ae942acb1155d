"""`v7s3 prepare --dry-run`: what would be read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from v7s3.artifacts.estimate import PROBED, THUMBNAIL, VideoEstimate, probe
from v7s3.artifacts.making import Unmade
from v7s3.artifacts.original import Original
from v7s3.cli.progress import size_in_words
from v7s3.cli.register_summary import counted
from v7s3.errors import V7S3Error
from v7s3.items.planning import summary as kept_and_skipped
from v7s3.render import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from mypy_boto3_s3.client import S3Client

    from v7s3.artifacts.estimate import Written
    from v7s3.artifacts.making import Task, Workshop
    from v7s3.artifacts.prepare import Tally
    from v7s3.cli.prepare_summary import Counts, Reasons

_NOUNS = {"image": "image", "video": "video", "dicom": "volume"}


@dataclass(frozen=True, slots=True)
class Estimate:
    prefix: str
    tally: Tally
    refusals: Reasons
    video: Written
    probed: int
    is_png: bool

    @property
    def read(self) -> int:
        return self.tally.sizes.total()

    @property
    def written(self) -> int:
        frames = self.video.as_png if self.is_png else self.video.as_jpeg
        slices = self.tally.sizes["dicom"]  # half as deep as their source, but compressed less than some are
        return self._thumbnails + frames + self.video.previews + self.video.hls + slices

    @property
    def _thumbnails(self) -> int:
        return THUMBNAIL * self.tally.kinds.total()

    def text(self) -> str:
        tally, video = self.tally, self.video
        lines = [kept_and_skipped(tally.kinds.total() + self.tally.refused, tally.skipped)]
        lines += [f"  {counted(tally.kinds[k], _NOUNS[k])}, {size_in_words(tally.sizes[k])}" for k in tally.kinds]
        lines += [f"{self.tally.refused:,} refused:", *self.refusals.lines()] if self.tally.refused else []
        lines.append(
            f"would read {size_in_words(self.read)}, write about {size_in_words(self.written)} below {self.prefix}"
        )
        if tally.kinds["video"]:
            chosen = ("PNG", "JPEG (--quality 2)") if self.is_png else ("JPEG", "PNG (--quality 1)")
            sizes = (video.as_png, video.as_jpeg) if self.is_png else (video.as_jpeg, video.as_png)
            lines.append(
                f"  about {video.frames:,} frames: {size_in_words(sizes[0])} as {chosen[0]}, "
                f"{size_in_words(sizes[1])} as {chosen[1]}; previews {size_in_words(video.previews)}, "
                f"HLS up to {size_in_words(video.hls)}"
            )
            lines.append(f"  from the headers of {self.probed:,} of {counted(tally.kinds['video'], 'video')}")
        lines.append("What was made by an earlier run is not made again. Nothing was written.")
        return "\n".join(map(one_line, lines))

    def document(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "artifacts_prefix": self.prefix,
            "kinds": {kind: {"objects": tally.kinds[kind], "bytes": tally.sizes[kind]} for kind in tally.kinds},
            "skipped": {"total": tally.skipped.total(), "reasons": dict(tally.skipped.most_common())},
            "refused": tally.refused,
            "refusals": self.refusals.documents(),
            "bytes_read": self.read,
            "bytes_written": self.written,
            "video": {**self.video._asdict(), "probed": self.probed},
        }


def estimated(client: S3Client, workshop: Workshop, tasks: Iterable[Task | Unmade], counts: Counts) -> Estimate:
    """Reads the headers of up to `PROBED` videos; a video that does not open is left out of the guess."""
    options = workshop.recipe.video
    video = VideoEstimate(options)
    for one in tasks:
        if isinstance(one, Unmade):
            counts.refusals.add(one.reason, one.key)
        elif one.kind == "video" and len(video.probes) < PROBED:
            _probe(client, workshop.bucket, one, video)
    scaled = video.scaled(counts.tally.sizes["video"])
    return Estimate(
        workshop.prefix, counts.tally, counts.refusals, scaled, len(video.probes), is_png=options.quality == 1
    )


def _probe(client: S3Client, bucket: str, task: Task, video: VideoEstimate) -> None:
    try:
        with Original(client, bucket, task.source).open(first=256 * 1024) as file:
            found = probe(cast("BinaryIO", file), video.options)
    except V7S3Error:  # the run itself will say what is wrong with it
        return
    if found is not None:
        video.add(found, task.source.size)
