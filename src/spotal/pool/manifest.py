"""The folder that ``spotal embed`` writes: shards of embeddings with their ids, and a manifest that lists them.

    POOL/pool.json              the manifest
    POOL/shard-00000.npy        float16 or float32 (m, d)
    POOL/ids/shard-00000.parquet   column ``id``, int64 or text, and ``bytes`` where each item is a file of its own

The manifest is written last. Files that it does not list are left over from an interrupted run.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.storage.files import atomic_path
from spotal.tables import read_table, reading
from spotal.tables.arrays import read_npy
from spotal.tables.columns import Ids, column, ids_of
from spotal.tables.json_lines import parse_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "MANIFEST", "Manifest", "ShardEntry", "SkippedEntry", "id_cells", "is_pool", "read_ids", "read_manifest",
    "read_shards",
]  # fmt: skip

MANIFEST = "pool.json"
FORMAT = "spotal pool 1"


@dataclass(frozen=True)
class ShardEntry:
    """A shard: the file of its rows, the file of its ids, the number of rows, and the BLAKE2 hash of the array."""

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
    """An item that could not be read, the reason, and the size of its file if it is a file."""

    id: str | int
    reason: str
    bytes: int | None


@dataclass(frozen=True)
class Manifest:
    """Content and origin of a pool's folder.

    Attributes
    ----------
    dim : int; dtype : {"float16", "float32"}
    model : str, name of the model
    recipe : dict, everything that determines the vector of an item; recipe_hash : str
    source : dict, description of the source of the items
    versions : dict, package versions of the last run
    shards, skipped : sorted by file, and by id
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
        """Number of rows in all shards."""
        return sum(shard.rows for shard in self.shards)

    def write(self, folder: Path) -> None:
        """Write or replace the manifest of a folder."""
        document = {"format": FORMAT, "rows": self.rows} | asdict(self)
        with atomic_path(folder / MANIFEST) as part:
            part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _typed(instance: Any, kinds: dict[str, type]) -> None:
    """Raise ValueError unless the fields have these types."""
    for name, kind in kinds.items():
        if type(getattr(instance, name)) is not kind:
            raise ValueError(f"{name} must be {kind.__name__}, found {getattr(instance, name)!r:.40}")


def is_pool(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that ``spotal embed`` wrote."""
    return Path(path, MANIFEST).is_file()


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """Return the manifest of a pool's folder. Raises DataFileError if it is missing or corrupt."""
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
    """Return the arrays of the shards, memory-mapped. Raises DataFileError for another shape or dtype."""
    arrays = []
    for shard in manifest.shards:
        path, shape = Path(folder, shard.file), (shard.rows, manifest.dim)
        array = read_npy(path)
        if (array.shape, str(array.dtype)) != (shape, manifest.dtype):
            raise DataFileError(
                f"{path} must hold {manifest.dtype} {shape}, found {array.dtype} {array.shape}; "
                "delete it and run spotal embed again"
            )
        arrays.append(array)
    return arrays


def read_ids(folder: str | os.PathLike[str], manifest: Manifest) -> Ids:
    """Return the ids of all rows, int64 (n,) or a list of str. Raises DataFileError if ids repeat or are missing."""
    import pyarrow as pa

    chunks = [chunk for shard in manifest.shards for chunk in id_cells(Path(folder, shard.ids), shard.rows).chunks]
    return ids_of(pa.chunked_array(chunks), f"ids in {folder}")


def id_cells(path: Path, rows: int) -> pa.ChunkedArray:
    """Return the column of ids in the file beside a shard of ``rows`` rows. Raises DataFileError."""
    values = column(read_table(path).arrow, "id", "ids", path)
    if len(values) != rows:
        problem = f"found {len(values)}; delete it and run spotal embed again"
        raise DataFileError(f"{path} must hold {rows} ids, {problem}")
    return values
