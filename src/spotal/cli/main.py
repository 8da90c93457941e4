"""The command ``spotal``. Each command imports heavy packages when it runs, so that ``--help`` is quick."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from spotal import __version__
from spotal.cli.bench import bench
from spotal.cli.command import Command
from spotal.cli.console import Commands
from spotal.cli.demo import demo
from spotal.cli.doctor import doctor
from spotal.cli.embed import embed
from spotal.cli.estimate import estimate
from spotal.cli.exchange import export_labels, import_labels
from spotal.cli.init import init
from spotal.cli.label import label
from spotal.cli.next import next_
from spotal.cli.predict import predict
from spotal.cli.report import report
from spotal.cli.select import select
from spotal.cli.status import status
from spotal.cli.studio import pull, push, serve
from spotal.cli.train import train
from spotal.cli.undo import undo

__all__ = ["app", "main"]

app = typer.Typer(
    name="spotal",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Choose which images, texts or rows of a table to label next, so that few labels are enough.",
    epilog="Start with: [bold]spotal demo[/bold], or [bold]spotal select embeddings.npy --budget 100[/bold]. "
    "docs/glossary.md explains the terms.",
)


def _add(function: Callable[..., None], name: str, *examples: str, panel: str | None = None) -> None:
    lines = ", ".join(f"[bold]spotal {name} {example}[/bold]".replace(" [/", "[/") for example in examples)
    epilog = f"Example{'s' * (len(examples) > 1)}: {lines}"
    app.command(name, cls=Command, rich_help_panel=panel, epilog=epilog)(function)


_add(demo, "demo", "", "--data my-images/ --rounds 4 --budget 20", "--imbalance 20 --seeds 10")
_add(
    select, "select", "embeddings.npy --budget 100", "table.parquet -n 50 --labeled done.csv --id-column name",
    "photos/ -n 20 --model resnet.pt",
)  # fmt: skip
_add(
    embed, "embed", "photos/ --model facebook/dinov2-small --out pool",
    "reviews.csv --column text --model ./minilm --out pool", "fashion-mnist --train simclr --out pool",
)  # fmt: skip
_add(estimate, "estimate", "picks.csv --values right.csv", "picks.csv --values labels.csv --prevalence cat")
_add(bench, "bench", "--list", "smoke", "reporting --dry-run")
_add(report, "report", "spotal-bench", "my-project")

_add_project = partial(_add, panel="A labeling project")
_add_project(
    init, "init", "birds --images photos/ --classes gull,tern,other --budget 500",
    "mails --texts mails.csv --classes-file names.txt --model google-bert/bert-base-uncased",
)  # fmt: skip
_add_project(next_, "next", "birds")
_add_project(label, "label", "", "birds --port 8000", "birds --host 0.0.0.0")
_add_project(push, "push", "birds", "birds --url http://localhost:8080 --project 12")
_add_project(pull, "pull", "birds", "birds --watch")
_add_project(serve, "serve", "--label-studio birds")
_add_project(train, "train", "birds")
_add_project(predict, "predict", "birds --out birds.parquet")
_add_project(status, "status", "birds")
_add_project(import_labels, "import", "labels.csv", "export.json my-project", "sorted-photos/ --add-classes")
_add_project(undo, "undo", "birds --dry-run", "birds", "birds --import 3")
_add_project(export_labels, "export", "labels.csv", "tasks.json -f label-studio", "dataset/ -f hugging-face")
_add_project(doctor, "doctor", "", "my-project --repair")


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, help="Print the version and exit.", callback=lambda value: _print_version(value)
        ),
    ] = False,
) -> None:
    pass


def _print_version(version: bool) -> None:
    if version:
        typer.echo(f"spotal {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line. Exit with 0 when done, 2 and one sentence on bad input, 130 on Ctrl-C."""
    # idle threads sleep instead of spinning, which is several times faster on a busy machine; torch reads this once
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # do not fail on characters that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    app()
