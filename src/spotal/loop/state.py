"""State of a loop between two rounds, and its conversion to and from plain JSON types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.loop.events import Round
from spotal.numeric.arrays import check_rows
from spotal.numeric.classes import read_labels

__all__ = ["INITIAL", "NETWORK", "QUERY", "LoopState"]

_FORMAT = 1
INITIAL, NETWORK, QUERY = range(3)
"""Purposes of a seed; never renumber, seeds depend on them."""


@dataclass(frozen=True)
class LoopState:
    """State between two rounds, without the data and without the model, which every round trains again.

    labeled, skipped : int64, labeled rows in the order of labeling, and rows without a label
    labels : (m,) int64, float64, bool or str, labels of ``labeled``; int64 (m, classes) of 0 and 1 if rows may have
        several classes
    closed : whether the last round was the closing one
    """

    n_rows: int
    random_state: int
    labeled: NDArray[np.int64]
    labels: NDArray[Any]
    skipped: NDArray[np.int64]
    closed: bool
    rounds: list[Round]

    @classmethod
    def empty(cls, n_rows: int, random_state: int) -> LoopState:
        """Return the state before the first round."""
        none = np.empty(0, np.int64)
        return cls(n_rows, random_state, none, none, none, closed=False, rounds=[])

    def seed(self, purpose: int, number: int | None = None) -> int:
        """Return the seed of a purpose in the current round, or in round ``number``."""
        key = (len(self.rounds) if number is None else number, purpose)
        return int(np.random.SeedSequence(self.random_state, spawn_key=key).generate_state(1, np.uint32)[0])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "format": _FORMAT,
            "random_state": self.random_state,
            "n_rows": self.n_rows,
            "labeled": self.labeled.tolist(),
            "labels": self.labels.tolist(),
            "skipped": self.skipped.tolist(),
            "closed": self.closed,
            "rounds": [
                {
                    "number": done.number,
                    "n_labeled": done.n_labeled,
                    "picks": done.picks.tolist(),
                    "metrics": done.metrics,
                    "timings": done.timings,
                }
                for done in self.rounds
            ],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any], n_rows: int) -> LoopState:
        """Read a state of ``to_json``. Raises InputError if it is incomplete or belongs to other data."""
        try:
            if state["format"] != _FORMAT or state["n_rows"] != n_rows:
                raise InputError(
                    "state",
                    must=f"have format {_FORMAT} and {n_rows} rows",
                    found=f"{state['format']} and {state['n_rows']}",
                    remedy="give a state of this version and these data",
                )
            labeled, skipped = (np.array(state[k], np.int64) for k in ("labeled", "skipped"))
            labels, present = _labels(state["labels"])
            seed, closed = int(state["random_state"]), bool(state["closed"])
            rounds = [
                Round(r["number"], r["n_labeled"], np.array(r["picks"], np.int64), r["metrics"], r["timings"])
                for r in state["rounds"]
            ]
        except (KeyError, TypeError, OverflowError) as error:
            raise InputError(
                "state", must="be what state_dict gave", found=f"it broken at {error}", remedy="save it anew"
            ) from None
        check_rows(np.concatenate([labeled, skipped]), n_rows, "state's rows")
        if labels.shape[:1] != labeled.shape or not present.all():
            raise InputError(
                "state", must=f"hold one label for each of {len(labeled)} rows", remedy="give one of these data"
            )
        return cls(n_rows, seed, labeled, labels, skipped, closed, rounds)


def _labels(given: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return labels (m,), or 0 and 1 (m, classes), and a mask of those that are present."""
    if given and isinstance(given[0], list):
        try:
            matrix = np.array(given, np.int64)
        except ValueError as error:  # rows of different length, or no numbers
            raise TypeError(error) from None
        return matrix, np.ones(len(matrix), bool)
    return read_labels(given, "state's labels", minus_one=False)
