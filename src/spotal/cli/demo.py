"""``spotal demo``: compare SPOT with random picking on real images, and write a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import Terminal, bar, grid, output, print_json, progress, say, steps
from spotal.cli.options import Strict
from spotal.errors import InputError
from spotal.terminal import duration

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from spotal.bench.demo.material import Material
    from spotal.bench.jobs import Job
    from spotal.datasets import Dataset
    from spotal.loop.events import Event

__all__ = ["demo"]


def demo(
    data: Annotated[
        str,
        typer.Option(
            help="Images with known classes: digits, fashion-mnist or cifar10, or a folder of images with a sub-folder "
            "for each class.",
            metavar="NAME|FOLDER",
        ),
    ] = "digits",
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds after the first batch.")] = 6,
    budget: Annotated[int, typer.Option(min=1, help="Images to label in each round and in the first batch.")] = 15,
    out: Annotated[Path, typer.Option(help="Folder for report.html and curves.json.")] = Path("spotal-demo"),
    seeds: Annotated[int, typer.Option(min=1, help="Number of repetitions; more give narrower intervals.")] = 6,
    pool: Annotated[
        int | None, typer.Option(min=2, help="Images to choose from, drawn at random. Default: all, but at most 3000.")
    ] = None,
    imbalance: Annotated[
        float, typer.Option(min=1.0, help="Make the rarest class this many times smaller than the largest.")
    ] = 1.0,
    random_state: Annotated[int, typer.Option(min=0, help="Random seed; the same number gives the same results.")] = 0,
    model: Annotated[
        str,
        typer.Option(
            help="For a folder of images, the encoder that computes the features: auto (the best pretrained encoder "
            "that is available), built-in, or a model as in spotal embed. Named datasets train a small network "
            "instead.",
            metavar="MODEL",
        ),
    ] = "auto",
    strict: Strict = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all numbers as one JSON document on standard output.")
    ] = False,
) -> None:
    """Compare SPOT, spotal's method, with random picking on real images, and write a report.

    Both methods start from the same random batch. In each round, each method chooses images, and a model is trained on
    the labels so far. The comparison is repeated with several seeds. The command takes about a minute on two cores. The
    report shows accuracy curves, maps and the images that were picked.

    For a folder of photos, an encoder computes features once, and a linear model is trained on them. A forecast of the
    time is printed first.
    """
    from spotal.datasets import names
    from spotal.datasets.parquet_images import parquet_parts
    from spotal.images import suffixes
    from spotal.storage.outputs import Source, check_output, check_unnamed

    console = output(as_json)
    for name in ("report.html", "curves.json"):
        check_output(out / name, [Source(data, suffixes())])
        check_unnamed(out / name, "name another folder by --out")
    features, about = None, "a small network is trained on the images"
    if data not in names() and Path(data).is_dir() and not parquet_parts(Path(data))[0]:
        material = _gather(console, data, 2 * seeds * (rounds + 1), pool, model, strict)
        images, about = material.data, material.model
        features = material.features, material.features_test
    elif model != "auto":
        raise InputError("model", must="be left out unless the data are a folder of images", found=repr(model))
    else:
        with progress() as bars:
            images = _load(data, strict, bars)
    from spotal.bench.demo import DemoSettings, demo_protocol, run_demo
    from spotal.bench.demo.page import write_report

    settings = DemoSettings(rounds, budget, seeds, pool, imbalance, random_state)
    _, pools = demo_protocol(images, settings, features is not None)
    sizes = sorted({len(drawn.rows) for drawn in pools})
    times = f"{seeds} seed{'s' * (seeds > 1)}, {rounds} round{'s' * (rounds > 1)}"
    say(
        console,
        f"{images.name}: {' to '.join(f'{n:,}' for n in sizes[:: max(1, len(sizes) - 1)])} images to choose from, "
        f"{images.n_classes} classes; {times} of {budget} labels",
    )
    say(console, f"Model: {about}")
    with progress() as bars:
        watch = _Watch(bars, trainings=2 * seeds * (rounds + 1))
        results = run_demo(images, settings, observer=watch, features=features)
        watch.show("drawing the report")
        summary, page, numbers = write_report(results, out)
    if as_json:
        print_json({**summary, "report": str(page), "numbers": str(numbers)})
        return
    console.print(_table(summary))
    say(console, summary["headline"], "bold")
    say(console, f"Report: {page.resolve()}")
    say(console, f"Numbers: {numbers.resolve()}")


def _gather(console: Terminal, folder: str, trainings: int, pool: int | None, model: str, strict: bool) -> Material:
    """Print a forecast of the time, and compute the features of a folder of photos."""
    from spotal.bench.demo.material import Forecast, gather

    def foresee(forecast: Forecast) -> None:
        photos = f"{forecast.of:,} photos"
        if forecast.used < forecast.of:
            photos = f"{forecast.used:,} of {photos}"
        say(
            console,
            f"About {duration(forecast.features + forecast.trainings)}: {duration(forecast.features)} to read "
            f"{photos}, {duration(forecast.trainings)} to train and choose",
        )

    most = None if pool is None else pool + pool // 4  # a fifth of the photos are for the test
    with steps() as show:
        return gather(folder, trainings, model=model, most=most, strict=strict, foresee=foresee, progress=show)


def _load(name: str, strict: bool, bars: Progress) -> Dataset:
    from spotal.datasets import load

    data = load(name, strict=strict, progress=bar(bars, f"loading {name}"))
    if not data.is_images:
        raise InputError(
            "data", must="hold images", found=f"features in {name}", remedy="give a folder of images or a named dataset"
        )
    return data


class _Watch:
    """Two progress bars of a demo: all trainings, and the current step."""

    def __init__(self, bars: Progress, trainings: int) -> None:
        self.bars = bars
        self.whole = bars.add_task("trainings", total=trainings)
        self.now = bars.add_task("starting", total=None)
        self.labels = 0

    def __call__(self, job: Job, event: Event) -> None:
        from spotal.bench.demo.page import LABELS
        from spotal.loop.events import RoundStarted, Trained, TrainingProgress

        seed = 1 + job.seed - job.protocol.first_seed
        where = f"seed {seed}, {LABELS[job.strategy.label]}, {self.labels} labels"
        if isinstance(event, RoundStarted):
            self.labels = event.n_labeled
        elif isinstance(event, TrainingProgress):
            report = event.report
            self.bars.update(self.now, completed=report.epoch, total=report.epochs, description=f"{where}: training")
        elif isinstance(event, Trained):
            self.bars.advance(self.whole)
            self.show(f"{where}: embedding the pool and picking")

    def show(self, description: str) -> None:
        """Start a step of unknown length."""
        self.bars.remove_task(self.now)  # the total of a bar cannot be removed
        self.now = self.bars.add_task(description, total=None)


def _table(summary: dict[str, Any]) -> Table:
    from spotal.bench.demo.page import HEAD, table_rows

    seeds = summary["settings"]["seeds"]
    title = "Test accuracy, %" + (f", mean ± sd of {seeds} seeds" if seeds > 1 else ", one run")
    rows = ([cell.partition(" [")[0] for cell in row] for row in table_rows(summary))  # without intervals
    return grid(HEAD, rows, title=title, left=(), lined=True, wraps=True)
