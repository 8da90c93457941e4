"""The models of a project: records of training, paths of files, and metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from spotal.errors import ProjectError
from spotal.project.predictions import is_rows
from spotal.project.queries import Part, columns, count_of
from spotal.project.records import Metric, Model
from spotal.project.schema import ItemRow, MetricRow, ModelRow

__all__ = ["Models"]

KINDS = ("weights", "embeddings", "predictions")
"""Kinds of files that a model may have."""
_MODELS = select(*columns(ModelRow, Model)).order_by(ModelRow.number)


class Models(Part):
    """The models so far. ``len`` is their count."""

    def __len__(self) -> int:
        return len(self.all())

    def add(
        self,
        name: str,
        *,
        n_labeled: int,
        events: int = 0,
        weights: str | os.PathLike[str] | None = None,
        embeddings: str | os.PathLike[str] | None = None,
        predictions: str | os.PathLike[str] | None = None,
        metrics: Iterable[Metric] = (),
        about: dict[str, Any] | None = None,
    ) -> Model:
        """Record a model. Its files must exist already, so that no record lacks them.

        Parameters
        ----------
        name : str; n_labeled : int, number of labels it was trained on, 0 if only an embedder
        events : int, :meth:`Labels.last_event` from before its labels were read
        weights, embeddings, predictions : path or None; relative to the project's folder
        metrics : iterable of Metric
        about : dict of JSON types

        Raises
        ------
        ProjectError
            A file does not exist.
        """
        files = {"weights": weights, "embeddings": embeddings, "predictions": predictions}
        paths = {key: self._checked(key, path) for key, path in files.items()}
        with self._database.write() as connection:
            number = count_of(connection, ModelRow)
            model = Model(number, datetime.now(UTC), name, n_labeled, events, **paths, about=about or {})
            values = {key: getattr(model, key) for key in Model.__dataclass_fields__}
            connection.execute(insert(ModelRow).values(**values))
            _measure(connection, number, metrics)
        return model

    def attach(self, number: int, **files: str | os.PathLike[str] | None) -> Model:
        """Record new paths of a model's ``weights``, ``embeddings`` or ``predictions``; None for no file.

        Raises ProjectError if there is no such model or file.
        """
        self.get(number)
        paths = {key: self._checked(key, path) for key, path in files.items()}
        with self._database.write() as connection:
            connection.execute(update(ModelRow).where(ModelRow.number == number).values(**paths))
        return self.get(number)

    def measure(self, number: int, metrics: Iterable[Metric]) -> None:
        """Record or replace metrics of a model by name. Raises ProjectError for an unknown model."""
        self.get(number)
        with self._database.write() as connection:
            _measure(connection, number, metrics)

    def all(self) -> list[Model]:
        """Return all models in order."""
        return [Model(*row) for row in self._rows(_MODELS)]

    def get(self, number: int) -> Model:
        """Return the model with this number. Raises ProjectError if there is none."""
        rows = self._rows(_MODELS.where(ModelRow.number == number))
        if not rows:
            raise ProjectError(f"model must be the number of a recorded one, found {number}; train one first")
        return Model(*rows[0])

    def last(self) -> Model | None:
        """Return the newest model, or None."""
        models = self.all()
        return models[-1] if models else None

    def metrics(self, number: int) -> dict[str, Metric]:
        """Return the metrics of a model, by name."""
        query = select(*columns(MetricRow, Metric)).where(MetricRow.model == number).order_by(MetricRow.name)
        return {row.name: Metric(*row) for row in self._rows(query)}

    def damaged(self) -> list[tuple[int, str, str]]:
        """Return the model number, kind and path of each file that is missing or is an unreadable array."""
        most = self._number(select(func.coalesce(func.max(ItemRow.number) + 1, 0)))
        damaged = []
        for model in self.all():
            for key in KINDS:
                path = getattr(model, key)
                if path is None:
                    continue
                width = len(model.about.get("classes", ())) if key == "predictions" else 0
                file = self.file(path)
                if not (file.exists() if key == "weights" else is_rows(file, most, width or None)):
                    damaged.append((model.number, key, path))
        return damaged

    def forget_damaged(self) -> bool:
        """Remove missing and damaged files from the records, so that they are made again. Return whether any were."""
        damaged = self.damaged()
        for number, key, _ in damaged:
            self.attach(number, **{key: None})
        return bool(damaged)

    def file(self, path: str) -> Path:
        """Return the full path of a model's file."""
        return self._project.folder / path

    def _checked(self, key: str, path: str | os.PathLike[str] | None) -> str | None:
        if path is None:
            return None
        if key not in KINDS:
            raise ProjectError(f"files must be weights, embeddings or predictions, found {key!r}")
        folder = self._project.folder
        full = (folder / path).resolve()
        if not full.exists():
            raise ProjectError(f"{key} must be an existing file, found {os.fspath(path)!r}; write it first")
        return full.relative_to(folder).as_posix() if full.is_relative_to(folder) else str(full)


def _measure(connection: Connection, number: int, metrics: Iterable[Metric]) -> None:
    for metric in metrics:
        figures = {"at": datetime.now(UTC), "value": metric.value, "low": metric.low, "high": metric.high}
        row = upsert(MetricRow).values(model=number, name=metric.name, **figures)
        connection.execute(row.on_conflict_do_update(index_elements=["model", "name"], set_=figures))
