"""``spotal embed``: images or texts to a pool of embeddings, by a model or by an encoder trained on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import Terminal, duration, options, output, print_json, progress, say, warn
from spotal.cli.dialect import Delimiter, Encoding, dialect_of
from spotal.errors import InputError

if TYPE_CHECKING:
    from spotal.embed import Embedded, Items, TorchEmbedder

__all__ = ["embed"]

EVERY = 60
"""Seconds between two lines on how far it is, where standard error is no terminal."""
LISTED = 20
"""Items that cannot be read of which each is told on the terminal."""


@options(items="SOURCE")
def embed(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder of images; a table of images or text, .parquet, .arrow, .csv or .jsonl, or a folder of "
            "them; or the name of a dataset.",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the pool; what is in it already stays.", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="auto, the best small pretrained encoder that can be had here, also where neither this nor --train is "
            "given; TorchScript or state file; folder or hub name of a Hugging Face model of images or text; "
            "timm:NAME; module:function that gives a torch module; or a folder that --train wrote.",
            metavar="PATH|NAME",
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(help="Train an encoder on the images themselves, without labels: simclr.", metavar="METHOD"),
    ] = None,
    dim: Annotated[int, typer.Option(help="With --train: numbers of an embedding, at most 128.")] = 64,
    epochs: Annotated[int, typer.Option(help="With --train: passes over the images.")] = 20,
    random_state: Annotated[
        int, typer.Option("--random-state", "--seed", help="With --train: the same number gives the same encoder.")
    ] = 0,
    backbone: Annotated[
        str, typer.Option(help="With --train: small, or resnet18, which is meant for a GPU and is smaller without one.")
    ] = "small",
    column: Annotated[
        str | None, typer.Option(help="Column of images or text of a table; the first of the usual names by default.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Column with the ids of a table; 'id' where there is one, else row numbers.")
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Height and width of images; the model's own by default.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="Type that embeddings are stored in: float16 or float32.")] = "float16",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda; on cuda in mixed precision.")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Items that the model sees at a time.")] = 64,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode; one a core by default, at most 8.")
    ] = None,
    shard_rows: Annotated[int, typer.Option(min=1, help="Items of a shard, and so what a kill can cost.")] = 8_192,
    engine: Annotated[str, typer.Option(help="Where models run: local, this process; or ray, a cluster.")] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="With --engine ray: a running cluster; by default one is started here.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at an item that cannot be read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Embed images or texts into a pool for spotal select.

    The folder gets shards of embeddings with the items' ids, and pool.json, which says by what they were made. A run
    that was stopped, by Ctrl-C or by force, goes on with the same command; later, only new items are embedded.
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

    start = time.perf_counter()
    if engine == "ray":  # workers have a current folder of their own
        source, model = _absolute(source), model and _absolute(model)
        out = out.resolve()
    dialect = dialect_of(encoding, delimiter)
    items = open_items(source, column=column, id_column=id_column, dialect=dialect, strict=strict)
    open_folder(out)
    if train is None and model in (None, "auto"):
        found = _automatic(console, items.takes, out, device)
        model, train = (None, "simclr") if found is None else (found if isinstance(found, str) else found.path, None)
    else:
        found = model
    if found is not None:
        from spotal.embed import open_embedder

        embedder = open_embedder(found, items, out, device=device, image_size=image_size)
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
    rate = f", {done.n_embedded / seconds:,.0f} a second" if done.n_embedded else ""
    say(
        console,
        f"Embedded {done.n_embedded:,} {kind} by {embedder.name} on {embedder.device} in {duration(seconds)}{rate}",
    )
    say(
        console,
        f"{out} holds {done.manifest.rows:,} rows of {done.manifest.dim} numbers, {dtype}, in "
        f"{len(done.manifest.shards):,} shard{'s' * (len(done.manifest.shards) > 1)}",
        "bold",
    )
    say(console, f"Next: spotal select {out} --budget {min(100, done.manifest.rows)}")


def _automatic(console: Terminal, takes: str, out: Path, device: str) -> TorchEmbedder | str | None:
    """What "auto" stands for: what the pool began with, a pretrained encoder, or None to train one on the images."""
    from spotal.embed import choose_model, model_before

    before = model_before(out)
    if before is not None:
        return before
    found = choose_model(takes, device=device, tell=lambda what: say(console, f"{what[:1].upper()}{what[1:]}"))
    if found.embedder is not None:
        say(console, f"Model: {found.sentence}")
        return found.embedder
    if takes == "text":
        raise InputError("model", f"auto: {found.sentence}", f"{found.command} mends it, or name a model")
    warn(
        f"{found.sentence}; an encoder is trained on these images instead, which takes minutes and finds less than a "
        f"pretrained one; to mend it: {found.command}"
    )
    return None


def _absolute(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).exists() else name


@contextmanager
def _actors(engine: str, ray_address: str | None, model: str) -> Iterator[Any]:
    """What embeds on a cluster; None for this process."""
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

    terminal, said = Terminal(stderr=True), time.monotonic()
    with progress() as bars:
        reading = bars.add_task("reading images to train on", total=None)
        training = bars.add_task("training an encoder, epochs", total=epochs, visible=False)

        def epoch(done: int, loss: float) -> None:
            nonlocal said
            if not terminal.is_terminal and time.monotonic() - said > EVERY:
                said = time.monotonic()
                say(terminal, f"epoch {done:,} of {epochs:,}, loss {loss:.3f}")
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
    """A bar with the rate and the time left; a line a minute where nobody watches."""
    terminal = Terminal(stderr=True)
    if terminal.is_terminal:
        with progress() as bars:
            task = bars.add_task(description, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
        return
    begun = said = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            rate = done / (said - begun)
            say(
                terminal,
                f"{done:,} of {total:,} {unit}, {rate:,.0f} a second, about {duration((total - done) / rate)} left",
            )

    yield tell


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
