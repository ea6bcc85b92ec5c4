"""Images with their rows in three formats: Parquet, imagefolder and WebDataset.

All are what `datasets` of Hugging Face loads without a script; the same items give the same bytes with one version of
pyarrow. Nothing here knows a hidden score: rows hold None in its place.

- Parquet: image (struct of bytes and path, marked as an image for `datasets`) and one typed column for each other;
- imagefolder: the files in a folder per split, with metadata.parquet (typed: in text, a split without MOS would have
  another type than one with);
- WebDataset: tar files of 000000.png, 000000.json, ...; keys are numbers because names may hold dots.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from generation.release.contents import Item
from generation.release.ledger import recipe
from generation.release.rows import SPLITS

FORMATS = ("parquet", "imagefolder", "webdataset")
ROW_GROUP = 100  # images that are in memory at a time, and that a reader has to fetch for one
FOLDERS = {"parquet": "data", "imagefolder": "imagefolder", "webdataset": "webdataset"}
TYPES = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "truth": pa.bool_()}
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
# Part of every recipe: raise it when the bytes that are written for the same rows change.
EDITION = 1


@dataclass(frozen=True)
class Part:
    """A file of the release: where it goes, a digest of what goes in, how it is written."""

    path: str
    recipe: str
    write: Callable[[IO[bytes]], None]


def parts_of(name: str, items: Sequence[Item], columns: Mapping[str, str], shard_size: int) -> Iterator[Part]:
    """The files of one format; `columns` {name: kind} are those of the rows, a shard holds about shard_size bytes."""
    for split in SPLITS:
        chosen = [item for item in items if item.split == split]
        if not chosen:
            continue
        if name == "imagefolder":
            yield from _folder_parts(split, chosen, columns)
            continue
        shards = list(_shards(chosen, shard_size))
        for number, shard in enumerate(shards):
            rows = [item.row for item in shard]
            if name == "parquet":
                path = f"data/{split}-{number:05d}-of-{len(shards):05d}.parquet"
                mark = recipe(EDITION, name, pa.__version__, dict(columns), rows)
                yield Part(path, mark, partial(_write_parquet, items=shard, columns=columns))
            else:
                path = f"webdataset/{split}-{number:05d}.tar"
                yield Part(path, recipe(EDITION, name, rows), partial(_write_tar, items=shard))


def rows_part(path: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Part:
    """A Parquet file of rows without images; `columns` {name: kind}."""

    def write(stream: IO[bytes]) -> None:
        table = pa.Table.from_pylist([dict(row) for row in rows], _schema(columns))
        pq.write_table(table, stream, compression="zstd")

    return Part(path, recipe(EDITION, pa.__version__, dict(columns), [dict(row) for row in rows]), write)


def _shards(items: Sequence[Item], limit: int) -> Iterator[list[Item]]:
    """Runs of items of at most `limit` bytes; a larger image is a shard of its own."""
    shard: list[Item] = []
    size = 0
    for item in items:
        if shard and size + item.size > limit:
            yield shard
            shard, size = [], 0
        shard.append(item)
        size += item.size
    yield shard


def _schema(columns: Mapping[str, str], *, image: bool = False) -> pa.Schema:
    """Typed columns, with what `datasets` wants to know of them in the metadata."""
    fields = [pa.field(name, TYPES[kind]) for name, kind in columns.items()]
    dtypes = {"text": "string", "whole": "int64", "number": "float64", "truth": "bool"}
    features: dict[str, Any] = {name: {"dtype": dtypes[kind], "_type": "Value"} for name, kind in columns.items()}
    if image:
        fields.insert(0, pa.field("image", IMAGE))
        features = {"image": {"_type": "Image"}, **features}
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": features}})})


def _write_parquet(stream: IO[bytes], *, items: Sequence[Item], columns: Mapping[str, str]) -> None:
    schema = _schema(columns, image=True)
    paths = ["image.path", *columns]
    options: dict[str, Any] = {
        # Images are compressed already, and no statistic or dictionary of their bytes is of use.
        "compression": {"image.bytes": "none", **dict.fromkeys(paths, "zstd")},
        "use_dictionary": [name for name, kind in columns.items() if kind == "text"],
        "write_statistics": paths,
        "write_page_index": True,
    }
    with pq.ParquetWriter(stream, schema, **options) as writer:
        for start in range(0, len(items), ROW_GROUP):
            group = items[start : start + ROW_GROUP]
            rows = [{"image": {"bytes": item.read(), "path": item.name}, **item.row} for item in group]
            writer.write_table(pa.Table.from_pylist(rows, schema), row_group_size=ROW_GROUP)


def _write_tar(stream: IO[bytes], *, items: Sequence[Item]) -> None:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, item in enumerate(items):
            text = json.dumps(item.row, ensure_ascii=False, separators=(",", ":"))
            for name, content in ((item.ending, item.read()), ("json", text.encode())):
                member = tarfile.TarInfo(f"{number:06d}.{name}")  # owner 0, time 0, mode 644
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def _folder_parts(split: str, items: Sequence[Item], columns: Mapping[str, str]) -> Iterator[Part]:
    for item in items:
        yield Part(f"imagefolder/{split}/{item.name}", recipe(item.row["sha256"]), partial(_copy, item=item))
    rows = [{"file_name": item.name, **item.row} for item in items]
    yield rows_part(f"imagefolder/{split}/metadata.parquet", rows, {"file_name": "text", **columns})


def _copy(stream: IO[bytes], *, item: Item) -> None:
    stream.write(item.read())
