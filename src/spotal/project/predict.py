"""Predictions to a file: a label for every item of a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spotal.errors import ModelError, OutputError
from spotal.project.learning import Progress
from spotal.project.predictions import read_predictions
from spotal.project.training import train
from spotal.storage.files import atomic_path
from spotal.tables.formulas import escape_formula

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["Written", "write_predictions"]


@dataclass(frozen=True)
class Written:
    """Counts of items in a file of predictions: by_people + by_model + without = items."""

    items: int
    by_people: int
    by_model: int
    without: int


def write_predictions(
    project: Project, path: Path, on_progress: Progress | None = None, *, escape_formulas: bool = True
) -> Written:
    """Write a row for each item that is not missing, by ascending number. Trains first if something has changed.

    Columns: ``id``; ``row``, the present row in a table or array, from 0; ``label``, by people if they decided, else by
    the model; ``by``, "person" or "model"; ``predicted`` and ``confidence``, the model's most likely class and its
    probability; and ``probability of C`` for each class C. A cell without a value is empty; for example an item that
    people answered with "none of these" has no label.

    If items may have several classes, ``label`` and ``predicted`` are class names joined by ``|``
    (:mod:`spotal.project.class_sets`), empty for none. ``confidence`` is then the mean over classes of the probability
    of the prediction, which is the class or its absence.

    Parameters
    ----------
    path : Path, .csv or .parquet
    escape_formulas : bool, whether a quote is put before .csv texts that a spreadsheet would run as a formula

    Raises
    ------
    OutputError
        The file has another ending or cannot be written.
    ModelError
        There are labels of fewer than two classes.
    DataFileError, InputError, ProjectBusyError
        As :func:`spotal.project.train`.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise OutputError(f"{path} must end in .csv or .parquet; give another name")
    model = train(project, on_progress)
    predictions = read_predictions(project, model.number)
    if predictions is None:
        raise ModelError("there is no model to predict by: labels of two classes are needed; label a batch first")
    standings = project.labels.standings()
    items = [item for item in project.items if not item.missing]
    probabilities = predictions.of(np.asarray([item.number for item in items], np.int64))
    columns: dict[str, list[Any]] = {name: [] for name in ("id", "label", "by", "predicted", "confidence")}
    for item, row in zip(items, probabilities, strict=True):
        is_predicted = not np.isnan(row[0])
        guess = (predictions.guess(item.number) or (None,))[0] if is_predicted else None
        standing = standings.get(item.id)
        decided = standing is not None and standing.state in ("labeled", "none_of_these")
        label = standing.label if standing is not None and decided else guess
        by = "person" if decided else "model" if is_predicted else None
        confidence = float(predictions.confidence[item.number]) if is_predicted else None
        for name, value in zip(columns, (item.id, label, by, guess, confidence), strict=True):
            columns[name].append(
                escape_formula(value) if isinstance(value, str) and kind == ".csv" and escape_formulas else value
            )
    if project.settings.data.kind != "image":
        columns = {"id": columns["id"], "row": [item.row for item in items], **columns}
    types = {"confidence": pa.float32(), "row": pa.int64()}
    table = {name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()}
    for k, name in enumerate(predictions.classes):
        table[f"probability of {name}"] = pa.array(probabilities[:, k], from_pandas=True)
    write: Any = pyarrow.csv.write_csv if kind == ".csv" else pyarrow.parquet.write_table
    with atomic_path(path) as part:
        write(pa.table(table), part)
    pairs = zip(columns["label"], columns["by"], strict=True)
    people = sum(by == "person" and (label is not None or predictions.many) for label, by in pairs)
    modeled = columns["by"].count("model")
    return Written(len(items), people, modeled, len(items) - people - modeled)
