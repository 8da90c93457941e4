"""Embedding of items into a pool's folder, shard by shard."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.embed.decoding import Ready, item_id, loader
from spotal.embed.items import Items
from spotal.embed.models.load import ENCODER
from spotal.embed.torch_model import TorchEmbedder
from spotal.errors import DataFileError, InputError, ModelError, OutputError, ResourceError, SpotalWarning
from spotal.images import note_of_depth
from spotal.numeric.arrays import blocks
from spotal.numeric.checks import check_count
from spotal.numeric.processors import processors
from spotal.pool.manifest import MANIFEST, Manifest, ShardEntry, SkippedEntry, is_pool, read_manifest, read_shards
from spotal.selection.provenance import content_hash, versions
from spotal.storage.files import FOLDER, atomic_path, is_part, save_array, unwritable
from spotal.storage.locks import try_lock
from spotal.tables import read_table
from spotal.tables.columns import column, ids_of

__all__ = ["DTYPES", "Done", "Embedded", "Work", "embed_items", "open_folder"]

DTYPES = ("float16", "float32")
_OURS = re.compile(rf"\.(shard-\d{{5,}}\.(npy|parquet)|{re.escape(MANIFEST)}|{re.escape(ENCODER)})\.")
"""Start of the names of unfinished files in a pool's folder."""
SHARD_ROWS = 8_192
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """Result of :func:`embed_items`: the new manifest, the number of embedded items, and the unreadable items."""

    manifest: Manifest
    n_embedded: int
    skipped: tuple[SkippedEntry, ...]


def embed_items(
    items: Items,
    embedder: TorchEmbedder,
    out: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    batch_size: int = 64,
    workers: int | None = None,
    shard_rows: int = SHARD_ROWS,
    strict: bool = False,
    progress: Callable[[int, int], object] | None = None,
    run: Run | None = None,
) -> Embedded:
    """Embed the items that a pool's folder does not have yet.

    Each shard is written atomically and then listed in the manifest. After an interruption, the next run continues
    with the first missing shard; on the same machine the final bytes are the same. Missing or truncated shards are
    made again.

    Parameters
    ----------
    items : Items
    embedder : TorchEmbedder, for the kind of the items
    out : path of a folder that is new, empty, or written by this function with the same model
    dtype : {"float16", "float32"}, of the stored embeddings
    batch_size : int
    workers : int or None, processes that read and decode; 0 for none, None for one per core, at most 8
    shard_rows : int, items in a shard
    strict : bool, whether an item that cannot be read is an error; if False, it is listed in the manifest
    progress : function or None, called after each batch with the number of items done and the total
    run : function that embeds shards; None for this process, :class:`spotal.embed.ray.RayActors` for a cluster

    Returns
    -------
    Embedded

    Raises
    ------
    InputError
        The folder was written with another model, dtype or source, or an argument is out of range.
    DataFileError
        No item can be read, or ``strict`` and one item cannot be read.
    ModelError
        The model fails.
    OutputError
        The folder cannot be written, is in use by another run, or has other files.
    ResourceError
        The device has too little memory, or the system ended a worker.

    Warns
    -----
    SpotalWarning
        Embedded items are no longer in the source, their files have another size, or images with more than 8 bits per
        value were scaled to 8 bits.

    Notes
    -----
    Memory holds one shard, a few batches for each worker, and the ids.

    Examples
    --------
    >>> import tempfile, torch
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from spotal.embed import TorchEmbedder, embed_items, open_items
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos = Path(folder, "photos")
    ...     photos.mkdir()
    ...     Image.new("RGB", (8, 8)).save(photos / "a.png")
    ...     done = embed_items(open_items(photos), TorchEmbedder(network, image_size=8), Path(folder, "pool"))
    >>> done.n_embedded
    1
    """
    batch_size = check_count(batch_size, "batch_size", 1)
    workers = None if workers is None else check_count(workers, "workers")
    shard_rows = check_count(shard_rows, "shard_rows", 1)
    if dtype not in DTYPES:
        raise InputError("dtype", must=f"be one of {', '.join(DTYPES)}", found=repr(dtype))
    folder = Path(out)
    open_folder(folder)
    lock = try_lock(folder / ".lock")
    if lock is None:
        raise OutputError(f"{folder} is in use by another run of spotal embed; wait for its end")
    with lock:
        manifest = _begin(folder, items, embedder, dtype)
        manifest, sizes = _embedded(folder, manifest)
        todo = _missing(items, folder, sizes)
        listed = {item.id for item in manifest.skipped}
        workers = min(8, processors()) if workers is None else workers
        scaled: list[str] = []
        work = Work(folder, items, dtype, batch_size, shard_rows, workers, strict)
        for done in (run or here)(work, embedder, todo, _free_names(folder, manifest), progress or (lambda *_: None)):
            shards = (*manifest.shards, done.shard) if done.shard is not None else manifest.shards
            manifest = replace(
                manifest,
                dim=_width({done.dim, manifest.dim} - {0}, embedder),
                skipped=tuple(sorted((*manifest.skipped, *done.skipped), key=lambda x: (str(type(x.id)), x.id))),
                shards=tuple(sorted(shards, key=lambda shard: shard.file)),
            )
            manifest.write(folder)
            _log.info("%s has %d rows in %d shards", folder, manifest.rows, len(manifest.shards))
            scaled += done.scaled
        note_of_depth(scaled, "the source")
        new = tuple(item for item in manifest.skipped if item.id not in listed)
        if not manifest.rows:
            raise DataFileError(
                f"{len(manifest.skipped)} of {len(items.ids)} items cannot be read ({manifest.skipped[0].reason}); "
                "repair them or check --column"
            )
        return Embedded(manifest, len(todo) - len(new), new)


@dataclass(frozen=True)
class Work:
    """The items to embed, the folder to write to, and the options."""

    folder: Path
    items: Items
    dtype: str
    batch_size: int
    shard_rows: int
    workers: int
    strict: bool

    def load(self, embedder: TorchEmbedder, rows: NDArray[np.int64]) -> Iterator[Ready]:
        """Load the rows as batches for the model; no batch has rows of two shards."""
        return iter(loader(self.items, embedder, rows, self.batch_size, self.shard_rows, self.workers))

    def shard(
        self,
        embedder: TorchEmbedder,
        rows: NDArray[np.int64],
        loaded: Iterator[Ready],
        names: Iterator[str],
        tell: Callable[[int], object],
    ) -> Done:
        """Embed the rows of a shard and write it under the next name, unless no row can be read."""
        embedded: list[int] = []
        vectors: list[NDArray[Any]] = []
        skipped: list[SkippedEntry] = []
        scaled: list[str] = []
        for batch in blocks(len(rows), self.batch_size):
            ready = next(loaded)
            scaled += ready.scaled
            for row, reason in ready.failed:
                if self.strict:
                    raise DataFileError(f"{reason}, and --strict was asked for")
                size = None if self.items.sizes is None else self.items.sizes[row]
                skipped.append(SkippedEntry(item_id(self.items, row), reason, size))
            if ready.rows:
                embedded += ready.rows
                vectors.append(_cast(embedder.forward(ready.batch, len(ready.rows), mixed=True), self.dtype))
            tell(len(rows[batch]))
        dim = _width({part.shape[1] for part in vectors}, embedder)
        shard = None
        if embedded:
            shard = _write(self.folder, next(names), np.concatenate(vectors), self.items, embedded)
        return Done(shard, tuple(skipped), dim, tuple(scaled))


@dataclass(frozen=True)
class Done:
    """Result for one shard.

    shard : None if no item could be read
    skipped : items that could not be read
    dim : width of the rows, 0 without a shard
    scaled : an entry for each image with more than 8 bits a value
    """

    shard: ShardEntry | None
    skipped: tuple[SkippedEntry, ...]
    dim: int
    scaled: tuple[str, ...] = ()


Run = Callable[[Work, TorchEmbedder, NDArray[np.int64], Iterator[str], Callable[[int, int], object]], Iterator[Done]]
"""A function that embeds rows, shard by shard. Its arguments are the work, the embedder, the rows, the names of new
shards, and a function to call with the number of items done and the total."""


def here(
    work: Work,
    embedder: TorchEmbedder,
    todo: NDArray[np.int64],
    names: Iterator[str],
    progress: Callable[[int, int], object],
) -> Iterator[Done]:
    """Embed in this process, one shard after another."""
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(done, len(todo))

    loaded = work.load(embedder, todo)
    try:
        for part in blocks(len(todo), work.shard_rows):
            yield work.shard(embedder, todo[part], loaded, names, tell)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ResourceError(
            "a process that decodes was ended from outside, as systems do that run out of memory; lower --workers or "
            "--batch-size"
        ) from None


def open_folder(folder: Path) -> None:
    """Make a pool's folder, and remove unfinished files of an interrupted run. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = [path.name for path in folder.iterdir() if not path.name.startswith(".") and path.name != ENCODER]
        if names and not is_pool(folder):
            raise OutputError(
                f"{folder} holds other things ({', '.join(sorted(names)[:3])}); give a new folder for the pool"
            )
        if any(path.is_symlink() for path in (folder / "ids", folder / MANIFEST)):
            raise OutputError(f"{folder} has a link among the files of the pool; give a new folder")
        for part in [*folder.glob(".*.part"), *folder.glob("ids/.*.part")]:
            if is_part(part.name) and _OURS.match(part.name) and not part.is_symlink():
                part.unlink()
    except OutputError:
        raise
    except OSError as error:
        raise unwritable(folder, error, FOLDER) from None


def _begin(folder: Path, items: Items, embedder: TorchEmbedder, dtype: str) -> Manifest:
    """Return the folder's manifest, checked against the arguments, or a new one."""
    recipe = embedder.recipe
    if not is_pool(folder):
        manifest = Manifest(0, dtype, embedder.name, recipe, content_hash(recipe), items.source, versions())
        manifest.write(folder)
        return manifest
    manifest = read_manifest(folder)
    if manifest.recipe_hash != content_hash(recipe):
        raise InputError(
            "out",
            f"{folder} was embedded by {manifest.model} (recipe {manifest.recipe_hash}), found {embedder.name} "
            f"(recipe {content_hash(recipe)})",
            "give the same model, or a new folder",
        )
    if manifest.dtype != dtype:
        raise InputError("out", f"{folder} holds {manifest.dtype}, found dtype {dtype}", "give a new folder")
    _same_source(folder, manifest.source, items.source)
    sizes = dict(zip(map(str, items.ids), items.sizes, strict=True)) if items.sizes else {}
    # unreadable files that have changed are tried again
    skipped = tuple(item for item in manifest.skipped if sizes.get(str(item.id), item.bytes) == item.bytes)
    return replace(manifest, skipped=skipped, source=items.source, versions=versions())


def _same_source(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Check that ids mean the same items as in the earlier run. Raises InputError."""
    said = f"{folder} was embedded from"
    if before.get("kind") != now.get("kind"):
        raise InputError("out", f"{said} a {before.get('kind')}, found a {now.get('kind')}", "give a new folder")
    fixed = ("name", "column", "id_column") if now["kind"] != "folder" else ()
    key = next((key for key in fixed if key in now and before.get(key) != now[key]), None)
    if key is not None:
        problem = f"{said} the {key.replace('_', ' ')} {before.get(key)!r}, found {now[key]!r}"
        raise InputError("out", problem, "give a new folder")
    if now["kind"] == "table" and now["id_column"] is None:
        short = next((file for file, rows in before["rows"].items() if now["rows"].get(file, rows) < rows), None)
        if short is not None:
            problem = f"has fewer rows in {short} than when it was embedded, so that row numbers no longer hold"
            raise InputError("source", problem, "name a column of ids and a new folder")


def _embedded(folder: Path, manifest: Manifest) -> tuple[Manifest, dict[Any, int | None]]:
    """Return the manifest without damaged shards, and the file size of each item in it by id."""
    sizes: dict[Any, int | None] = {item.id: item.bytes for item in manifest.skipped}
    whole: list[ShardEntry] = []
    for shard in manifest.shards:
        try:
            read_shards(folder, replace(manifest, shards=(shard,)))
            table = read_table(folder / shard.ids).arrow
            values = ids_of(column(table, "id", "ids", folder / shard.ids), f"ids of {folder / shard.ids}")
        except (DataFileError, InputError):
            continue
        ids = values if isinstance(values, list) else values.tolist()
        bytes_ = table["bytes"].to_pylist() if "bytes" in table.column_names else [None] * len(ids)
        sizes |= dict(zip(ids, bytes_, strict=True))
        whole.append(shard)
    return replace(manifest, shards=tuple(whole)), sizes


def _missing(items: Items, folder: Path, before: dict[Any, int | None]) -> NDArray[np.int64]:
    """Return the rows of new items; warn of earlier items that have changed or are gone."""
    ids = items.ids if isinstance(items.ids, list) else items.ids.tolist()
    todo = np.asarray([row for row, key in enumerate(ids) if key not in before], np.int64)
    if len(before) + len(todo) > len(ids):
        gone = sorted(set(before) - set(ids), key=lambda key: (isinstance(key, str), key))
        warnings.warn(
            f"{len(gone):,} items of {folder} are gone from the source (first {gone[0]!r}) and stay in the pool; embed "
            "to a new folder to leave them out",
            SpotalWarning,
            stacklevel=3,
        )
    sizes = items.sizes or []
    changed = [key for key, size in zip(ids, sizes, strict=bool(sizes)) if before.get(key, size) not in (size, None)]
    if changed:
        warnings.warn(
            f"{len(changed):,} files have another size than when they were embedded (first {changed[0]!r}) and keep "
            "their embeddings; embed to a new folder to renew them",
            SpotalWarning,
            stacklevel=3,
        )
    return todo


def _free_names(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield names of new shards that overwrite neither a listed shard nor a file of the user."""
    taken = {shard.file for shard in manifest.shards}
    for number in count():
        name = f"shard-{number:05}"
        # spotal writes the ids of a shard first: an array without ids is not from an interrupted run
        foreign = (folder / f"{name}.npy").exists() and not (folder / "ids" / f"{name}.parquet").exists()
        if f"{name}.npy" not in taken and not foreign:
            yield name


def _write(folder: Path, name: str, matrix: NDArray[Any], items: Items, rows: list[int]) -> ShardEntry:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [item_id(items, row) for row in rows]
    large = any(isinstance(key, int) and key >= 1 << 63 for key in ids)  # then all ids are unsigned
    columns: dict[str, Any] = {"id": pa.array(ids, pa.uint64()) if large else ids}
    if items.sizes is not None:
        columns["bytes"] = [items.sizes[row] for row in rows]
    digest = hashlib.blake2b(matrix.data, digest_size=16).hexdigest()
    shard = ShardEntry(f"{name}.npy", f"ids/{name}.parquet", len(rows), digest)
    with atomic_path(folder / shard.ids) as part:
        pq.write_table(pa.table(columns), part)
    with atomic_path(folder / shard.file) as part:
        save_array(part, matrix)
    return shard


def _cast(vectors: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    largest = float(np.abs(vectors).max(initial=0))
    if dtype == "float16" and largest > float(np.finfo(np.float16).max):
        raise InputError("dtype", must=f"be float32 for this model, whose embeddings reach {largest:.3g}")
    return vectors.astype(dtype)


def _width(widths: set[int], embedder: TorchEmbedder) -> int:
    if len(widths) > 1:
        raise ModelError(f"model {embedder.path} must give vectors of one width, found {sorted(widths)}")
    return widths.pop() if widths else 0
