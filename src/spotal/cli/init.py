"""``spotal init``: make a labeling project."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spotal.cli.console import print_json, progress, steps
from spotal.cli.init_summary import print_summary
from spotal.cli.options import AsJson, Delimiter, Encoding
from spotal.errors import InputError

if TYPE_CHECKING:
    from spotal.project import Data
    from spotal.tables import Dialect

__all__ = ["init"]

NAMES = ("auto", "built-in", "small-cnn", "resnet18")
"""Names of models, even if a file with such a name exists."""


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the project, new or empty.", metavar="DIR")],
    images: Annotated[Path | None, typer.Option(help="Folder of images, sub-folders included.")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Table of texts (.csv, .parquet or .jsonl), one row or line per item.")
    ] = None,
    pool: Annotated[
        Path | None, typer.Option(help="Your own embeddings (.npy, .npz, .csv or .parquet), one row per item.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Names of the classes, separated by commas. Put a name with a comma in double quotes."),
    ] = None,
    classes_file: Annotated[Path | None, typer.Option(help="File with the name of one class per line.")] = None,
    many: Annotated[bool, typer.Option("--many", help="An item can have several classes, or none.")] = False,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Total number of answers; each item needs --overlap of them. With --cost, the amount of money for "
            "them."
        ),
    ] = None,
    batch: Annotated[
        float, typer.Option(help="Number of items in a round. With --cost, the amount of money for a round.")
    ] = 20,
    model: Annotated[
        str,
        typer.Option(
            help="Model to train. auto: the best pretrained encoder that is available, otherwise built-in. built-in: "
            "simple features that need no pretrained model. small-cnn or resnet18: a network trained from scratch. "
            "The name or folder of a pretrained model: its features stay fixed; put fine-tune: before it to train it "
            "too. module:function: your own model.",
            metavar="MODEL",
        ),
    ] = "auto",
    strategy: Annotated[str, typer.Option(help="Method of choosing items; an unknown name lists all.")] = "spot",
    overlap: Annotated[int, typer.Option(min=1, help="Number of people who label each item.")] = 1,
    audit_share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of each round that is drawn at random to measure accuracy; 0 for none. Default: enough to "
            "measure the accuracy to about 10 percentage points, between 0.05 and 0.25; 0.1 without --budget.",
        ),
    ] = None,
    cost: Annotated[
        Path | None,
        typer.Option(
            help="Price of one answer about each item: a table (.csv, .parquet, ...) with the columns id and cost."
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            help="Group of each item, such as the patient, or the video of a frame: a table with the columns id and "
            "group."
        ),
    ] = None,
    max_per_group: Annotated[
        int | None, typer.Option(min=1, help="Largest number of items to pick in a group.", metavar="K")
    ] = None,
    stop: Annotated[
        str, typer.Option(help="Rule for stopping: none, or accuracy, flat, stable or coverage, which need --target.")
    ] = "none",
    target: Annotated[float | None, typer.Option(help="Value at which the rule for stopping is met.")] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Column of a table that holds the ids. Default: 'id', if there is one.")
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column of a table that holds the texts.")] = "text",
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    random_state: Annotated[int, typer.Option(min=0, help="Random seed; the same number gives the same picks.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a labeling project: a folder that stores items, labels and models.

    Your data stay where they are. The options are written to spotal.toml in the folder, where you can change them at
    any time.
    """
    from spotal.project import Audit, LimitSettings, Project, Settings, Stop
    from spotal.project.advice.audit_size import suited
    from spotal.project.copies import find_copies
    from spotal.project.findings import describe_empty
    from spotal.project.learning import recipe_for, resolve
    from spotal.project.sources import stored_path
    from spotal.tables import Dialect

    dialect = Dialect(encoding, delimiter)
    settings = Settings(
        _data(folder, images, texts, pool, id_column, text_column, dialect),
        _classes(classes, classes_file, dialect),
        many=many,
        budget=budget,
        batch_size=batch,
        overlap=overlap,
        model=_model(model),
        strategy=strategy,
        random_state=random_state,
        audit=Audit() if audit_share is None else Audit(Audit().held_back if audit_share else 0.0, audit_share),
        limits=LimitSettings(
            None if cost is None else stored_path(cost, folder),
            None if groups is None else stored_path(groups, folder),
            max_per_group,
        ),
        stop=Stop(stop, target),
    )
    with progress() as bars:
        looking = bars.add_task("looking at the model", total=None)
        _check_strategy(strategy, many)
        settings, chosen = resolve(settings, lambda what: bars.update(looking, description=what))
        recipe = recipe_for(settings, folder)
        if chosen is None:
            recipe.check()  # before anything is written
        bars.add_task("looking through the data", total=None)
        project = Project.create(folder, settings, suited if audit_share is None else None)
    with project, steps() as show:
        copies = find_copies(project, show)
        project.items.hold_together(copies.together())
        counts, settings = project.counts(), project.settings
        notes = list(describe_empty(project.arrived))
        endings = Counter(Path(item.id).suffix.lower() or "without an ending" for item in project.items)
    if as_json:
        print_json(
            {
                "folder": str(project.folder),
                "items": counts.items,
                "held_back": counts.held_back,
                "copies": copies.n_equal,
                "nearly_alike": copies.n_alike,
                "model": settings.model,
                "audit": {"share": settings.audit.share, "held_back": counts.held_back},
                "pretrained": None if chosen is None else chosen.model is not None,
            }
        )
        return
    if copies.summary():
        notes.append(copies.summary())
    print_summary(folder, settings, counts, endings, notes, recipe.name, chosen)


def _data(
    folder: Path,
    images: Path | None,
    texts: Path | None,
    pool: Path | None,
    id_column: str | None,
    text_column: str,
    dialect: Dialect,
) -> Data:
    from spotal.project import Data
    from spotal.project.sources import stored_path
    from spotal.tables import found_dialect

    given = [
        (kind, path) for kind, path in (("image", images), ("text", texts), ("embedding", pool)) if path is not None
    ]
    if len(given) != 1:
        raise InputError(
            "images",
            must="be given",
            found=len(given) or "none",
            remedy="name one",
            subject="one of --images, --texts and --pool",
        )
    kind, path = given[0]
    if kind != "image":
        dialect = found_dialect(path, dialect)
    return Data(stored_path(path, folder), kind, id_column, text_column, dialect.encoding, dialect.delimiter)


def _check_strategy(name: str, many: bool) -> None:
    from spotal.project import Settings
    from spotal.strategies import get, names

    if name == Settings.strategy:  # the default passes all checks; loading strategies is slow
        return
    if many and name in names() and not get(name).multilabel:
        able = ", ".join(one for one in names() if get(one).multilabel)
        raise InputError("strategy", f"{name} cannot take items of several classes", f"take one of {able}")
    if name in names() and get(name).needs_draws:
        raise InputError(
            "strategy", f"{name} needs several predictions per item, but a project's model gives one", "take entropy"
        )


def _model(name: str) -> str:
    """Make the path in a model's name absolute."""
    word = name.removeprefix("fine-tune:")
    path = Path(os.path.expanduser(word))
    return name.removesuffix(word) + os.path.abspath(path) if word not in NAMES and path.exists() else name


def _classes(names: str | None, file: Path | None, dialect: Dialect) -> tuple[str, ...]:
    from spotal.tables import read_lines

    if (names is None) == (file is None):
        raise InputError(
            "classes",
            must="be given, and not both",
            remedy="for example --classes cat,dog",
            subject="one of --classes and --classes-file",
        )
    if names is not None:
        try:
            row = next(csv.reader([names], skipinitialspace=True, strict=True), [])
        except csv.Error:
            raise InputError(
                "classes",
                must="be names separated by commas",
                found=repr(names),
                remedy="put a name with a comma in double quotes, or give --classes-file",
            ) from None
        return tuple(name.strip() for name in row if name.strip())
    assert file is not None
    return tuple(read_lines(file, dialect))
