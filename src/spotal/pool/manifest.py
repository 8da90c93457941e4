"""The folder that ``spotal embed`` writes: shards of embeddings with their ids, and a manifest that lists them.

    POOL/pool.json              the manifest
    POOL/shard-00000.npy        float16 or float32 (m, d)
    POOL/ids/shard-00000.parquet   column ``id``, int64 or text, and ``bytes`` where each item is a file of its own

A shard counts once the manifest lists it, which is written last; anything else in the folder is left over.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.storage.files import atomic_path
from spotal.tables import read_table, reading
from spotal.tables.arrays import read_npy
from spotal.tables.columns import Ids, column, ids_of
from spotal.tables.json_lines import parse_json

__all__ = ["MANIFEST", "Manifest", "ShardEntry", "SkippedEntry", "is_pool", "read_ids", "read_manifest", "read_shards"]

MANIFEST = "pool.json"
FORMAT = "spotal pool 1"


@dataclass(frozen=True)
class ShardEntry:
    """Rows of a pool: their file, the file of their ids, how many, and the BLAKE2 hash of the first file's array."""

    file: str
    ids: str
    rows: int
    blake2b: str

    def __post_init__(self) -> None:
        _typed(self, {"file": str, "ids": str, "rows": int, "blake2b": str})
        if self.rows < 0 or any("\0" in name or ".." in Path(name).parts for name in (self.file, self.ids)):
            raise ValueError(f"a shard cannot be {self!r:.60}")


@dataclass(frozen=True)
class SkippedEntry:
    """An item that could not be read, why, and the size of its file where it has one."""

    id: str | int
    reason: str
    bytes: int | None


@dataclass(frozen=True)
class Manifest:
    """What a pool's folder holds, and how it was made.

    Attributes
    ----------
    dim : int; dtype : {"float16", "float32"}
    model : str, its name
    recipe : dict, all that embeddings depend on besides the items; recipe_hash : str
    source : dict, where the items come from
    versions : dict, of the packages that wrote last
    shards, skipped : in the order of their files, and of the items
    """

    dim: int
    dtype: str
    model: str
    recipe: dict[str, Any]
    recipe_hash: str
    source: dict[str, Any]
    versions: dict[str, str]
    shards: tuple[ShardEntry, ...] = ()
    skipped: tuple[SkippedEntry, ...] = field(default=())

    def __post_init__(self) -> None:
        kinds = {"dim": int, "dtype": str, "model": str, "recipe": dict, "recipe_hash": str, "source": dict}
        _typed(self, {**kinds, "versions": dict})

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest."""
        document = {"format": FORMAT, "rows": self.rows} | asdict(self)
        with atomic_path(folder / MANIFEST) as part:
            part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _typed(instance: Any, kinds: dict[str, type]) -> None:
    """Raise ValueError unless the fields are of these types: a manifest may have been written by anybody."""
    for name, kind in kinds.items():
        if type(getattr(instance, name)) is not kind:
            raise ValueError(f"{name} must be {kind.__name__}, found {getattr(instance, name)!r:.40}")


def is_pool(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder that ``spotal embed`` wrote."""
    return Path(path, MANIFEST).is_file()


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """The manifest of a pool's folder. Raises DataFileError where it is missing or corrupt."""
    path = Path(folder, MANIFEST)
    with reading(path):
        content = path.read_bytes()
    try:
        document = parse_json(content, f"{path} is no JSON")
        if document.pop("format") != FORMAT:
            raise ValueError("another format")
        document.pop("rows")
        document["shards"] = tuple(ShardEntry(**shard) for shard in document["shards"])
        document["skipped"] = tuple(SkippedEntry(**item) for item in document["skipped"])
        return Manifest(**document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFileError(
            f"{path} is no manifest of a pool ({' '.join(str(error).split())[:100]}); run spotal embed to a new folder"
        ) from None


def read_shards(folder: str | os.PathLike[str], manifest: Manifest) -> list[NDArray[Any]]:
    """The shards' arrays, memory-mapped and checked for shape and dtype. Raises DataFileError, naming the file."""
    arrays = []
    for shard in manifest.shards:
        array = read_npy(Path(folder, shard.file))
        expected = (shard.rows, manifest.dim), manifest.dtype
        if (array.shape, str(array.dtype)) != expected:
            raise DataFileError(
                f"{Path(folder, shard.file)} must hold {expected[1]} {expected[0]}, found {array.dtype} {array.shape}; "
                "delete it and run spotal embed again"
            )
        arrays.append(array)
    return arrays


def read_ids(folder: str | os.PathLike[str], manifest: Manifest) -> Ids:
    """Ids of all rows, in order: int64 (n,) or a list of str. Raises DataFileError where they repeat or are missing."""
    import pyarrow as pa

    columns: list[Any] = []
    for shard in manifest.shards:
        path = Path(folder, shard.ids)
        values = column(read_table(path).arrow, "id", "ids", path)
        if len(values) != shard.rows:
            raise DataFileError(
                f"{Path(folder, shard.ids)} must hold {shard.rows} ids, found {len(values)}; delete it and run spotal "
                "embed again"
            )
        columns += values.chunks
    return ids_of(pa.chunked_array(columns), f"ids in {folder}")
