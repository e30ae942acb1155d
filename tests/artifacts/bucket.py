"""The bucket that `prepare` is tested on, and what lies in it."""

from __future__ import annotations

from artifacts.pictures import saved, scene

BUCKET = "acme-frames"


def picture(width=800, height=600, kind="JPEG"):
    return saved(scene(width, height), kind)


def artifacts(s3, prefix="v7s3/"):
    return [key for key in s3.keys(BUCKET) if key.startswith(prefix)]
