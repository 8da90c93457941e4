"""``spotal embed``: turn images or texts into a pool of embeddings, by a given model or an encoder trained on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import Terminal, bar, options, output, print_json, progress, say, seldom, warn
from spotal.cli.options import AsJson, Delimiter, Encoding, RayAddress
from spotal.errors import InputError
from spotal.terminal import duration

if TYPE_CHECKING:
    from spotal.embed import Embedded, Items, TorchEmbedder

__all__ = ["embed"]

LISTED = 20
"""Largest number of unreadable items that are named on the terminal."""


@options(items="SOURCE")
def embed(
    source: Annotated[
        str,
        typer.Argument(
            help="Items to embed: a folder of images; a table of images or texts (.parquet, .arrow, .csv or .jsonl) or "
            "a folder of such tables; or the name of a dataset.",
            metavar="SOURCE",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for the embeddings; those already in it are kept."),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Model that computes the embeddings. Default: auto, the best small pretrained encoder that is "
            "available. Or: a TorchScript or state file; the folder or hub name of a Hugging Face model; timm:NAME; "
            "module:function, which returns a torch module; or a folder written by --train.",
            metavar="PATH|NAME",
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            help="Train an encoder on the images themselves, without labels. METHOD: simclr.", metavar="METHOD"
        ),
    ] = None,
    dim: Annotated[int, typer.Option(help="With --train: length of an embedding, at most 128.")] = 64,
    epochs: Annotated[int, typer.Option(help="With --train: number of passes over the images.")] = 20,
    random_state: Annotated[
        int,
        typer.Option(
            "--random-state", "--seed", help="With --train: random seed; the same number gives the same encoder."
        ),
    ] = 0,
    backbone: Annotated[
        str,
        typer.Option(
            help="With --train: network to train, small or resnet18. resnet18 is for a GPU; a CPU gets a smaller one."
        ),
    ] = "small",
    column: Annotated[
        str | None,
        typer.Option(help="Column of a table that holds the images or texts. Default: the first usual name."),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(help="Column of a table that holds the ids. Default: 'id', if there is one, or row numbers."),
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Height and width of images in pixels. Default: the model's own.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="Number type of the stored embeddings: float16 or float32.")] = "float16",
    device: Annotated[str, typer.Option(help="Device: auto, cpu or cuda (in mixed precision).")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Number of items that the model processes at once.")] = 64,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode images. Default: one per core, at most 8.")
    ] = None,
    shard_rows: Annotated[
        int, typer.Option(min=1, help="Items per file. If the command is killed, at most this many are embedded again.")
    ] = 8_192,
    engine: Annotated[str, typer.Option(help="Where models run: local (this process) or ray (a cluster).")] = "local",
    ray_address: RayAddress = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at an item that cannot be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn images or texts into embeddings for spotal select.

    Write files of embeddings with the items' ids, and pool.json, which names the model. If the command is stopped, the
    same command continues. If items are added later, the same command embeds only the new items.
    """
    console = output(as_json)
    if model is not None and train is not None:
        raise InputError(
            "model", must="not be given both", remedy="--train simclr needs no model", subject="--model and --train"
        )
    if train not in (None, "simclr"):
        raise InputError("train", must="be simclr", found=repr(train))
    from spotal.embed import embed_items, open_items
    from spotal.embed.run import open_folder
    from spotal.tables import Dialect

    start = time.perf_counter()
    if engine == "ray":  # workers have a current folder of their own
        source, model = _absolute(source), model and _absolute(model)
        out = out.resolve()
    dialect = Dialect(encoding, delimiter)
    items = open_items(source, column=column, id_column=id_column, dialect=dialect, strict=strict)
    open_folder(out)
    if train is None and model in (None, "auto"):
        encoder = _automatic(console, items.takes, out, device)
        model = encoder if encoder is None or isinstance(encoder, str) else encoder.path
    else:
        encoder = model
    if encoder is not None:
        from spotal.embed import open_embedder

        embedder = open_embedder(encoder, items, out, device=device, image_size=image_size)
    else:
        embedder = _train(items, out, dim, epochs, random_state, backbone, device, image_size)
    kind = "images" if items.takes == "images" else "texts"
    with _actors(engine, ray_address, model or str(out)) as run, _rate(f"embedding {kind}", kind) as watch:
        begun = time.perf_counter()
        done = embed_items(
            items, embedder, out, dtype=dtype, batch_size=batch_size, workers=workers, shard_rows=shard_rows,
            strict=strict, progress=watch, run=run,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
    summary = _summary(done, embedder, items, out, seconds, time.perf_counter() - start)
    if as_json:
        print_json(summary)
        return
    _list_skipped(done, len(items.ids), out)
    rate = f", {done.n_embedded / seconds:,.0f} per second" if done.n_embedded else ""
    say(
        console,
        f"Embedded {done.n_embedded:,} {kind} by {embedder.name} on {embedder.device} in {duration(seconds)}{rate}",
    )
    say(
        console,
        f"{out} holds {done.manifest.rows:,} rows of {done.manifest.dim} numbers ({dtype}) in "
        f"{len(done.manifest.shards):,} file{'s' * (len(done.manifest.shards) > 1)}",
        "bold",
    )
    say(console, f"Next: spotal select {out} --budget {min(100, done.manifest.rows)}")


def _automatic(console: Terminal, takes: str, out: Path, device: str) -> TorchEmbedder | str | None:
    """Return the encoder for "auto": the one the pool has, or a pretrained one, or None to train one on the images."""
    from spotal.embed import choose_model, model_before

    before = model_before(out)
    if before is not None:
        return before
    choice = choose_model(takes, device=device, tell=lambda what: say(console, f"{what[:1].upper()}{what[1:]}"))
    if choice.embedder is not None:
        say(console, f"Model: {choice.sentence}")
        return choice.embedder
    if takes == "text":
        raise InputError("model", f"auto: {choice.sentence}", f"run {choice.command}, or name a model")
    warn(
        f"{choice.sentence}; an encoder is trained on these images instead, which takes minutes and is less accurate "
        f"than a pretrained one; to get one: {choice.command}"
    )
    return None


def _absolute(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).exists() else name


@contextmanager
def _actors(engine: str, ray_address: str | None, model: str) -> Iterator[Any]:
    """Start the actors that embed on a cluster; None for this process."""
    if engine not in ("local", "ray"):
        raise InputError("engine", must="be local or ray", found=repr(engine))
    if engine == "local":
        if ray_address is not None:
            raise InputError("ray_address", f"{ray_address} is for --engine ray", "leave it out")
        yield None
        return
    from spotal.embed.ray import RayActors
    from spotal.engine.ray import RayEngine

    with RayEngine(ray_address) as cluster:
        yield RayActors(cluster, model)


def _train(
    items: Items,
    out: Path,
    dim: int,
    epochs: int,
    random_state: int,
    backbone: str,
    device: str,
    image_size: int | None,
) -> TorchEmbedder:
    from spotal.embed import train_embedder

    tell = seldom()
    with progress() as bars:
        reading = bars.add_task("reading images to train on", total=None)
        training = bars.add_task("training an encoder, epochs", total=epochs, visible=False)

        def epoch(done: int, loss: float) -> None:
            tell(lambda: f"epoch {done:,} of {epochs:,}, loss {loss:.3f}")
            bars.update(reading, visible=False)
            bars.update(
                training, completed=done, visible=True, description=f"training an encoder (loss {loss:.3f}), epochs"
            )

        return train_embedder(
            items, out, dim=dim, epochs=epochs, random_state=random_state, backbone=backbone, device=device,
            image_size=image_size, on_load=lambda done, total: bars.update(reading, completed=done, total=total),
            on_epoch=epoch,
        )  # fmt: skip


@contextmanager
def _rate(description: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the rate and the remaining time; without a terminal, print one line per minute."""
    tell, begun = seldom(), time.monotonic()

    def line(done: int, total: int) -> str:
        rate = done / (time.monotonic() - begun)
        return f"{done:,} of {total:,} {unit}, {rate:,.0f} per second, about {duration((total - done) / rate)} left"

    with progress() as bars:
        show = bar(bars, description)

        def report(done: int, total: int) -> None:
            show(done, total)
            tell(lambda: line(done, total))

        yield report


def _list_skipped(done: Embedded, total: int, out: Path) -> None:
    if not done.skipped:
        return
    for item in done.skipped[:LISTED]:
        warn(item.reason)
    more = f", {LISTED} of them named above" if len(done.skipped) > LISTED else ""
    warn(f"skipped {len(done.skipped):,} of {total:,}{more}; {out / 'pool.json'} lists all")


def _summary(
    done: Embedded, embedder: TorchEmbedder, items: Items, out: Path, seconds: float, whole: float
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "out": str(out),
        "model": embedder.name,
        "recipe_hash": done.manifest.recipe_hash,
        "device": str(embedder.device),
        "n_items": len(items.ids),
        "n_embedded": done.n_embedded,
        "n_rows": done.manifest.rows,
        "dim": done.manifest.dim,
        "dtype": done.manifest.dtype,
        "n_shards": len(done.manifest.shards),
        "skipped": [asdict(item) for item in done.skipped],
        "seconds": whole,
        "items_per_second": done.n_embedded / seconds,
    }
