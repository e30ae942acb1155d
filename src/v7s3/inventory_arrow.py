"""The data files of an S3 Inventory in Parquet and ORC, by pyarrow (extra `inventory`). Their keys are not encoded.

Row groups and stripes hold a million rows and more; both are read piece by piece, never as a whole.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute, dataset, parquet

from v7s3.errors import ServiceError
from v7s3.items.objects import StorageObject

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = 10_000  # made into Python values at once
_BUFFER = 1 << 20  # bytes of a Parquet column that are read at once; without it, all of a row group
_COLUMNS = frozenset(
    {"key", "size", "e_tag", "last_modified_date", "storage_class", "is_latest", "is_delete_marker"},
)


def parquet_objects(data: IO[bytes], name: str) -> Iterator[StorageObject]:
    """Current objects of a Parquet file. Raises ServiceError when it is none."""
    try:
        file = parquet.ParquetFile(data, buffer_size=_BUFFER, pre_buffer=False)
        columns = _present(file.schema_arrow.names, name)
        for batch in file.iter_batches(batch_size=_ROWS, columns=columns, use_threads=False):
            yield from _objects(batch)
    except (pa.ArrowException, OSError) as error:
        raise ServiceError(f"{name} is no Parquet file: {error}") from error


def orc_objects(data: IO[bytes], name: str) -> Iterator[StorageObject]:
    """Current objects of an ORC file. Raises ServiceError when it is none."""
    try:
        file = dataset.OrcFileFormat().make_fragment(pa.PythonFile(data, mode="r"))
        columns = _present(file.physical_schema.names, name)
        one_by_one = {"batch_readahead": 0, "fragment_readahead": 0, "use_threads": False}
        for batch in file.to_batches(columns=columns, batch_size=_ROWS, **one_by_one):
            yield from _objects(batch)
    except (pa.ArrowException, OSError) as error:
        raise ServiceError(f"{name} is no ORC file: {error}") from error


def _present(names: list[str], file: str) -> list[str]:
    if "key" not in names:
        raise ServiceError(f"{file} has no column key")
    return [name for name in names if name in _COLUMNS]


def _objects(batch: Any) -> Iterator[StorageObject]:
    values = {name: batch.column(name) for name in batch.schema.names}
    unknown = [None] * batch.num_rows
    times = _as_s3_prints(values["last_modified_date"]) if "last_modified_date" in values else unknown
    keys, sizes, etags, classes, latest, markers = (
        values[name].to_pylist() if name in values else unknown
        for name in ("key", "size", "e_tag", "storage_class", "is_latest", "is_delete_marker")
    )
    rows = zip(keys, sizes, etags, times, classes, latest, markers, strict=True)
    for key, size, etag, time, storage_class, is_latest, is_marker in rows:
        if is_latest is not False and not is_marker:
            yield StorageObject(
                key, -1 if size is None else size, (etag or "").strip('"'), time or "", storage_class or ""
            )


def _as_s3_prints(column: Any) -> list[str | None]:
    milliseconds = column.cast(pa.timestamp("ms"), safe=False)
    texts: list[str | None] = compute.strftime(milliseconds, format="%Y-%m-%dT%H:%M:%SZ").to_pylist()
    return texts
