"""S3's own tags of objects as tags of their items (`--tags-from-object`): one GetObjectTagging an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from v7s3.aws_errors import error_code, translated
from v7s3.bucket import BucketUrl
from v7s3.concurrency import map_bounded
from v7s3.items.planning import INVALID, MISSING, Plan, Planned, Refused
from v7s3.items.tagging import merged_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor

    from mypy_boto3_s3.client import S3Client

    from v7s3.items.tagging import Tags

WINDOW = 32  # requests under way, or answered and not yet taken


def with_object_tags(client: S3Client, bucket: str, plans: Iterable[Plan], executor: Executor | None) -> Iterator[Plan]:
    """The plans, each item with the tags of its objects added, in the order in which S3 answers.

    An item is refused when an object of it is gone, or when its tags contradict those it has already.

    Raises CredentialsError when s3:GetObjectTagging is not allowed, ServiceError when S3 cannot be reached.
    """

    def tagged(one: Plan) -> Plan:
        if not isinstance(one, Planned):
            return one
        try:
            tags = merged_tags([one.item.tags, *(object_tags(client, bucket, found.key) for found in one.objects)])
        except FileNotFoundError as error:
            return Refused(tuple(found.key for found in one.objects), MISSING, f"{error} is not in the bucket any more")
        except ValueError as error:
            return Refused(tuple(found.key for found in one.objects), INVALID, f"tags: {error}")
        return one._replace(item=one.item.model_copy(update={"tags": tags})) if tags else one

    return map_bounded(executor, tagged, plans, WINDOW)


def object_tags(client: S3Client, bucket: str, key: str) -> Tags | None:
    """The tags of one object: classes with texts, or classes alone when no tag has a value. Raises FileNotFoundError.

    AWS's own tags (`aws:…`) are none of the customer's.
    """
    with translated(str(BucketUrl(bucket, key))):
        try:
            answer = client.get_object_tagging(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                raise FileNotFoundError(key) from None
            raise
    tags = {tag["Key"]: tag["Value"] for tag in answer["TagSet"] if not tag["Key"].startswith("aws:")}
    return tags if any(tags.values()) else list(tags) or None
