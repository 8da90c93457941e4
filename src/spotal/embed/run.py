"""Embed items into a pool's folder, shard by shard: other processes decode while the model works."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from spotal.storage.files import atomic_path, is_part, save_array
from spotal.storage.locks import try_lock
from spotal.tables import read_table
from spotal.tables.columns import column, ids_of

__all__ = ["DTYPES", "Done", "Embedded", "Work", "embed_items", "open_folder"]

DTYPES = ("float16", "float32")
_OURS = re.compile(rf"\.(shard-\d{{5,}}\.(npy|parquet)|{re.escape(MANIFEST)}|{re.escape(ENCODER)})\.")
"""How the names of unfinished files in a pool's folder begin."""
SHARD_ROWS = 8_192
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """What a run did: the manifest at its end, items it embedded, and items that it could not read."""

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
    """Embed those items that a pool's folder does not have yet.

    A shard is written whole or not at all, then listed in the manifest; a run that was ended by force goes on after the
    last one, and on the same machine ends with the same bytes. Shards that are gone or cut short are made again.

    Parameters
    ----------
    items : Items
    embedder : TorchEmbedder, of what the items are
    out : path of a folder, new, empty, or written by this function with the same model
    dtype : {"float16", "float32"}, that embeddings are stored in
    batch_size : int
    workers : int or None
        Processes that read and decode; 0 for none, None for one a core, at most 8.
    shard_rows : int, items of a shard
    strict : bool, whether an item that cannot be read is an error; else it is left out and listed in the manifest
    progress : called with items done and items to do, after each batch
    run : function, what embeds shards; None for this process, see :class:`spotal.embed.ray.RayActors` for a cluster

    Returns
    -------
    Embedded

    Raises
    ------
    InputError
        The folder was written with another model or dtype or from another source, or an argument is out of range.
    DataFileError
        No item can be read; or, if strict, one cannot.
    ModelError
        The model fails.
    OutputError
        The folder cannot be written, is in use by another run, or holds other things.
    ResourceError
        The device has too little memory, or a worker was ended from outside.

    Warns
    -----
    SpotalWarning
        Items that were embedded before are gone from the source, or their files have another size. Images have more
        than 8 bits a value: how many, and how they were scaled.

    Notes
    -----
    Memory is that of a shard and of a few batches a worker, and of the ids.
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
        manifest, known = _known(folder, manifest)
        todo = _missing(items, folder, known)
        listed = {item.id for item in manifest.skipped}
        count = min(8, processors()) if workers is None else workers
        scaled: list[str] = []
        work = Work(folder, items, dtype, batch_size, shard_rows, count, strict)
        for done in (run or here)(work, embedder, todo, _free_names(folder, manifest), progress or _quiet):
            shards = (*manifest.shards, done.shard) if done.shard is not None else manifest.shards
            manifest = replace(
                manifest,
                dim=_width({done.dim, manifest.dim} - {0}, embedder),
                skipped=_in_order((*manifest.skipped, *done.skipped)),
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
    """How items are to be embedded, and where to."""

    folder: Path
    items: Items
    dtype: str
    batch_size: int
    shard_rows: int
    workers: int
    strict: bool

    def load(self, embedder: TorchEmbedder, rows: NDArray[np.int64]) -> Iterator[Ready]:
        """Those items as the model takes them, a batch at a time, none across two shards."""
        return iter(loader(self.items, embedder, rows, self.batch_size, self.shard_rows, self.workers))

    def shard(
        self,
        embedder: TorchEmbedder,
        rows: NDArray[np.int64],
        loaded: Iterator[Ready],
        names: Iterator[str],
        tell: Callable[[int], object],
    ) -> Done:
        """Embed a shard's rows and write it, under the next name, unless none can be read."""
        kept: list[int] = []
        vectors: list[NDArray[Any]] = []
        skipped: list[SkippedEntry] = []
        scaled: list[str] = []
        for batch in blocks(len(rows), self.batch_size):
            ready = next(loaded)
            scaled += ready.scaled
            for row, reason in ready.failed:
                if self.strict:
                    raise DataFileError(f"{reason}, and --strict was asked for")
                skipped.append(SkippedEntry(item_id(self.items, row), reason, _size(self.items, row)))
            if ready.rows:
                kept += ready.rows
                vectors.append(_cast(embedder.forward(ready.batch, len(ready.rows), mixed=True), self.dtype))
            tell(len(rows[batch]))
        dim = _width({part.shape[1] for part in vectors}, embedder)
        shard = _write(self.folder, next(names), np.concatenate(vectors), self.items, kept) if kept else None
        return Done(shard, tuple(skipped), dim, tuple(scaled))


@dataclass(frozen=True)
class Done:
    """A shard, None where no item of it could be read; the items left out; and the width of its rows, 0 for None.

    ``scaled`` has an entry for each image of more than 8 bits a value.
    """

    shard: ShardEntry | None
    skipped: tuple[SkippedEntry, ...]
    dim: int
    scaled: tuple[str, ...] = ()


Run = Callable[[Work, TorchEmbedder, NDArray[np.int64], Iterator[str], Callable[[int, int], object]], Iterator[Done]]
"""What embeds the rows to do, under these names, shard by shard, and tells of items done and in all."""


def here(
    work: Work,
    embedder: TorchEmbedder,
    todo: NDArray[np.int64],
    names: Iterator[str],
    progress: Callable[[int, int], object],
) -> Iterator[Done]:
    """Embed in this process, one shard after the other."""
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


def _quiet(done: int, total: int) -> None:
    pass


def open_folder(folder: Path) -> None:
    """Make a pool's folder, and remove unfinished files of its own that a killed run left. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = [path.name for path in folder.iterdir() if not path.name.startswith(".") and path.name != ENCODER]
        if found and not is_pool(folder):
            raise OutputError(
                f"{folder} holds other things ({', '.join(sorted(found)[:3])}); give a new folder for the pool"
            )
        if any(place.is_symlink() for place in (folder / "ids", folder / MANIFEST)):
            raise OutputError(f"{folder} has a link among the files of the pool; give a new folder")
        for left in [*folder.glob(".*.part"), *folder.glob("ids/.*.part")]:
            if is_part(left.name) and _OURS.match(left.name) and not left.is_symlink():
                left.unlink()
    except OutputError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{folder} cannot be written ({reason}); give a folder that you may write to") from None


def _begin(folder: Path, items: Items, embedder: TorchEmbedder, dtype: str) -> Manifest:
    """The folder's manifest, checked against what is asked, or a new one."""
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
    # those whose files have changed since are tried again
    skipped = tuple(item for item in manifest.skipped if sizes.get(str(item.id), item.bytes) == item.bytes)
    return replace(manifest, skipped=skipped, source=items.source, versions=versions())


def _same_source(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Row numbers mean something only in the table that they were taken from."""
    if before.get("kind") != now.get("kind"):
        raise InputError(
            "out", f"{folder} was embedded from a {before.get('kind')}, found a {now.get('kind')}", "give a new folder"
        )
    fixed = ("name", "column", "id_column") if now["kind"] != "folder" else ()
    changed = next((key for key in fixed if key in now and before.get(key) != now[key]), None)
    if changed is not None:
        raise InputError(
            "out",
            f"{folder} was embedded from the {changed.replace('_', ' ')} {before.get(changed)!r}, "
            f"found {now[changed]!r}",
            "give a new folder",
        )
    if now["kind"] == "table" and now["id_column"] is None:
        short = next((file for file, rows in before["rows"].items() if now["rows"].get(file, rows) < rows), None)
        if short is not None:
            raise InputError(
                "source",
                f"has fewer rows in {short} than when it was embedded, so that row numbers no longer hold",
                "name a column of ids and a new folder",
            )


def _known(folder: Path, manifest: Manifest) -> tuple[Manifest, dict[Any, int | None]]:
    """Ids that the manifest knows and the sizes of their files, and the manifest without shards that are damaged."""
    known: dict[Any, int | None] = {item.id: item.bytes for item in manifest.skipped}
    whole: list[ShardEntry] = []
    for shard in manifest.shards:
        try:
            read_shards(folder, replace(manifest, shards=(shard,)))
            table = read_table(folder / shard.ids).arrow
            found = ids_of(column(table, "id", "ids", folder / shard.ids), f"ids of {folder / shard.ids}")
        except (DataFileError, InputError):
            continue
        ids = found if isinstance(found, list) else found.tolist()
        sizes = table["bytes"].to_pylist() if "bytes" in table.column_names else [None] * len(ids)
        known |= dict(zip(ids, sizes, strict=True))
        whole.append(shard)
    return replace(manifest, shards=tuple(whole)), known


def _missing(items: Items, folder: Path, known: dict[Any, int | None]) -> NDArray[np.int64]:
    """Rows of the items that are not known; warns of those known that have changed or are gone."""
    ids = items.ids if isinstance(items.ids, list) else items.ids.tolist()
    todo = np.asarray([row for row, key in enumerate(ids) if key not in known], np.int64)
    if len(known) + len(todo) > len(ids):
        gone = sorted(set(known) - set(ids), key=lambda one: (isinstance(one, str), one))
        warnings.warn(
            f"{len(gone):,} items of {folder} are gone from the source (first {gone[0]!r}) and stay in the pool; embed "
            "to a new folder to leave them out",
            SpotalWarning,
            stacklevel=3,
        )
    sizes = items.sizes or []
    changed = [key for key, size in zip(ids, sizes, strict=bool(sizes)) if known.get(key, size) not in (size, None)]
    if changed:
        warnings.warn(
            f"{len(changed):,} files have another size than when they were embedded (first {changed[0]!r}) and keep "
            "their embeddings; embed to a new folder to renew them",
            SpotalWarning,
            stacklevel=3,
        )
    return todo


def _free_names(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Names of new shards: never one of the manifest, nor of an array that stands there without ids beside it.

    A run writes a shard's ids before its array, so an unlisted array with ids is what a killed run left.
    """
    taken = {shard.file for shard in manifest.shards}
    number = 0
    while True:
        name = f"shard-{number:05}"
        foreign = (folder / f"{name}.npy").exists() and not (folder / "ids" / f"{name}.parquet").exists()
        if f"{name}.npy" not in taken and not foreign:
            yield name
        number += 1


def _write(folder: Path, name: str, matrix: NDArray[Any], items: Items, rows: list[int]) -> ShardEntry:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [item_id(items, row) for row in rows]
    large = any(isinstance(one, int) and one >= 1 << 63 for one in ids)  # such ids are unsigned, all of them
    columns: dict[str, Any] = {"id": pa.array(ids, pa.uint64()) if large else ids}
    if items.sizes is not None:
        columns["bytes"] = [items.sizes[row] for row in rows]
    shard = ShardEntry(
        f"{name}.npy", f"ids/{name}.parquet", len(rows), hashlib.blake2b(matrix.data, digest_size=16).hexdigest()
    )
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


def _size(items: Items, row: int) -> int | None:
    return None if items.sizes is None else items.sizes[row]


def _in_order(skipped: Sequence[SkippedEntry]) -> tuple[SkippedEntry, ...]:
    return tuple(sorted(skipped, key=lambda item: (str(type(item.id)), item.id)))
