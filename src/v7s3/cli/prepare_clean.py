"""`v7s3 prepare --clean`: artifacts whose source is gone or was replaced, listed, and with --yes removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from v7s3.artifacts.clean import remove, stale_artifacts
from v7s3.cli import output
from v7s3.cli.progress import size_in_words
from v7s3.cli.register_summary import counted
from v7s3.render import one_line

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from v7s3.bucket import BucketUrl
    from v7s3.cli.prepare_job import PrepareJob


def run_clean(job: PrepareJob, client: S3Client, url: BucketUrl, prefix: str) -> int:
    """Exit code 0: there is nothing wrong with artifacts that are not needed any more."""
    removes = job.yes and not job.dry_run
    documents: list[dict[str, Any]] = []
    objects = size = removed = 0
    for stale in stale_artifacts(client, url.bucket, prefix, url.key):
        gone = remove(client, url.bucket, prefix, stale) if removes else 0
        objects, size, removed = objects + stale.objects, size + stale.size, removed + gone
        if job.form == "json":
            documents.append({**stale._asdict(), "removed": gone})
        elif not job.quiet:
            word = "removed" if gone else "kept" if removes else "stale"
            what = f"{counted(stale.objects, 'object')}, {size_in_words(stale.size)}"
            output.result(one_line(f"{word}  {stale.folder}  {what}: {stale.reason}"))
    if job.form == "json":
        output.result_json({"stale": documents, "objects": objects, "bytes": size, "removed": removed})
    elif not objects:
        output.result(f"every artifact below {prefix} has its source")
    elif removes:
        output.result(f"{removed:,} of {objects:,} objects removed ({size_in_words(size)})")
    else:
        output.result(f"{counted(objects, 'object')}, {size_in_words(size)}: `--clean --yes` removes them")
    return 0
