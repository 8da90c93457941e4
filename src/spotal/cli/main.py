"""The command ``spotal``. Each command imports heavy packages when it runs, so that ``--help`` is quick."""

from __future__ import annotations

import io
import os
import sys
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
app.command(
    epilog="Examples: [bold]spotal demo[/bold], [bold]spotal demo --data my-images/ --rounds 4 --budget 20[/bold], "
    "[bold]spotal demo --imbalance 20 --seeds 10[/bold]",
)(demo)
app.command(
    epilog="Examples: [bold]spotal select embeddings.npy --budget 100[/bold], [bold]spotal select table.parquet -n 50 "
    "--labeled done.csv --id-column name[/bold], [bold]spotal select photos/ -n 20 --model resnet.pt[/bold]",
)(select)
app.command(
    epilog="Examples: [bold]spotal embed photos/ --model facebook/dinov2-small --out pool[/bold], [bold]spotal embed "
    "reviews.csv --column text --model ./minilm --out pool[/bold], [bold]spotal embed fashion-mnist --train simclr "
    "--out pool[/bold]",
)(embed)
app.command(
    epilog="Examples: [bold]spotal estimate picks.csv --values right.csv[/bold], [bold]spotal estimate picks.csv "
    "--values labels.csv --prevalence cat[/bold]",
)(estimate)

app.command(
    epilog="Examples: [bold]spotal bench --list[/bold], [bold]spotal bench smoke[/bold], [bold]spotal bench reporting "
    "--dry-run[/bold]",
)(bench)
app.command(epilog="Examples: [bold]spotal report spotal-bench[/bold], [bold]spotal report my-project[/bold]")(report)

project = "A labeling project"
app.command(
    rich_help_panel=project,
    epilog="Examples: [bold]spotal init birds --images photos/ --classes gull,tern,other --budget 500[/bold], "
    "[bold]spotal init mails --texts mails.csv --classes-file names.txt --model google-bert/bert-base-uncased[/bold]",
)(init)
app.command("next", rich_help_panel=project, epilog="Example: [bold]spotal next birds[/bold]")(next_)
app.command(
    rich_help_panel=project,
    epilog="Examples: [bold]spotal label[/bold], [bold]spotal label birds --port 8000[/bold], [bold]spotal label birds "
    "--host 0.0.0.0[/bold]",
)(label)
app.command(
    rich_help_panel=project,
    epilog="Examples: [bold]spotal push birds[/bold], [bold]spotal push birds --url http://localhost:8080 "
    "--project 12[/bold]",
)(push)
app.command(
    rich_help_panel=project, epilog="Examples: [bold]spotal pull birds[/bold], [bold]spotal pull birds --watch[/bold]"
)(pull)
app.command(rich_help_panel=project, epilog="Example: [bold]spotal serve --label-studio birds[/bold]")(serve)
app.command(rich_help_panel=project, epilog="Example: [bold]spotal train birds[/bold]")(train)
app.command(rich_help_panel=project, epilog="Example: [bold]spotal predict birds --out birds.parquet[/bold]")(predict)
app.command(rich_help_panel=project, epilog="Example: [bold]spotal status birds[/bold]")(status)
app.command(
    "import",
    rich_help_panel=project,
    epilog="Examples: [bold]spotal import labels.csv[/bold], [bold]spotal import export.json my-project[/bold], "
    "[bold]spotal import sorted-photos/ --add-classes[/bold]",
)(import_labels)
app.command(
    rich_help_panel=project,
    epilog="Examples: [bold]spotal undo birds --dry-run[/bold], [bold]spotal undo birds[/bold], "
    "[bold]spotal undo birds --import 3[/bold]",
)(undo)
app.command(
    "export",
    rich_help_panel=project,
    epilog="Examples: [bold]spotal export labels.csv[/bold], [bold]spotal export tasks.json -f label-studio[/bold], "
    "[bold]spotal export dataset/ -f hugging-face[/bold]",
)(export_labels)
app.command(
    rich_help_panel=project,
    epilog="Examples: [bold]spotal doctor[/bold], [bold]spotal doctor my-project --repair[/bold]",
)(doctor)

for registered in app.registered_commands:
    registered.cls = Command


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            help="Print the version and exit.",
            callback=lambda value: _print_version(value),
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
