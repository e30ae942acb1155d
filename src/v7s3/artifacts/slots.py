"""Read-only slots in V7's wire names (v7-facts §5): what was made, as the payload says it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from v7s3.artifacts.images import Size
    from v7s3.artifacts.video import Video
    from v7s3.artifacts.volumes import Volume
    from v7s3.items.objects import StorageObject

SLOT_NAME = "0"  # of an item's only file, as V7's own examples have it


def image_slot(one: StorageObject, size: Size, folder: str) -> dict[str, Any]:
    return {
        **_original(one, "image"),
        "storage_thumbnail_key": f"{folder}thumbnail.jpg",
        "width": size.width,
        "height": size.height,
    }


def video_slot(one: StorageObject, video: Video, folder: str) -> dict[str, Any]:
    """The compact schema, or sections[] when there are no playlists. No `fps`, no `as_frames`: V7 refuses them."""
    if video.playlist is None:
        return _sequence(one, "video", folder, (video.width, video.height), video.visible_frames, video)
    playlists = {
        f"{quality}_quality": {
            "index": video.playlist.text(f"{folder}segments/{quality}/"),
            "bitrate": video.playlist.bitrates[quality],
        }
        for quality in ("high", "low")
    }
    slot = {
        **_original(one, "video"),
        "storage_thumbnail_key": f"{folder}thumbnail.jpg",
        "width": video.width,
        "height": video.height,
        "native_fps": video.native_fps,
        "visible_frames": video.visible_frames,
        "total_frames": video.total_frames,
        "hls_segments": playlists,
        "storage_frames_manifest_key": f"{folder}frames_manifest.txt",
        "storage_sections_key_prefix": f"{folder}sections/high",
        "storage_sections_key_extension": video.extension,
    }
    if video.has_previews:
        slot["storage_low_quality_sections_key_prefix"] = f"{folder}sections/low"
    if video.has_peaks:
        slot["storage_audio_peaks_key"] = f"{folder}audio_peaks.gz"
    return slot


def volume_slot(one: StorageObject, volume: Volume, folder: str) -> dict[str, Any]:
    slot = _sequence(one, "dicom", folder, (volume.width, volume.height), volume.slices, volume)
    return slot | ({"metadata": volume.metadata} if volume.metadata else {})


def _sequence(
    one: StorageObject, kind: str, folder: str, size: tuple[int, int], count: int, made: Video | Volume
) -> dict[str, Any]:
    """`section_index` counts from 1, files from 0 (v7-facts §12.4)."""
    sections = []
    for number in range(count):
        section = {
            "section_index": number + 1,
            "width": size[0],
            "height": size[1],
            "storage_hq_key": f"{folder}sections/high/{number:09d}.{made.extension}",
        }
        if made.has_previews:
            section["storage_lq_key"] = f"{folder}sections/low/{number:09d}.jpg"
        sections.append(section)
    return {**_original(one, kind), "storage_thumbnail_key": f"{folder}thumbnail.jpg", "sections": sections}


def _original(one: StorageObject, kind: str) -> dict[str, Any]:
    slot = {
        "slot_name": SLOT_NAME,
        "file_name": one.key.rpartition("/")[2],
        "type": kind,
        "storage_key": one.key,
    }
    return slot | ({"size_bytes": one.size} if one.size > 0 else {})
