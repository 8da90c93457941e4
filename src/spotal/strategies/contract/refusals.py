"""Checks of refusals: bad arrays and budgets raise one sentence that names the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.errors import BudgetError, InputError
from spotal.strategies.base import Strategy
from spotal.strategies.contract.asking import BUDGET, LABELED, N, ask, case, cloud, odds, require, same, satisfies

__all__ = ["REFUSAL_CHECKS"]


def _bad_rows(value: float, rows: Any) -> NDArray[np.float64]:
    """Return a pool with a bad value in one column of some rows."""
    pool = cloud()
    pool[rows, 2] = value
    return pool


ONE_OFF = odds()
ONE_OFF[9] *= 1.5
NEGATIVE = odds()
NEGATIVE[9] = [-0.5, 1, 0.5]
HOLLOW = odds()
HOLLOW[9, 0] = np.nan

REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "NaN": ({"pool": _bad_rows(np.nan, [7, 21])}, ["pool", "NaN", "7", "21"]),
    "infinity": ({"pool": _bad_rows(-np.inf, [13])}, ["pool", "infinity", "13"]),
    "many NaN": ({"pool": _bad_rows(np.nan, slice(2, 40))}, ["pool", "2, 3, 4, 5, 6", "33 more"]),
    "NaN in a tensor": ({"pool": torch.from_numpy(_bad_rows(np.nan, [7]))}, ["pool", "NaN", "7"]),
    "NaN in float16": ({"pool": _bad_rows(np.nan, [7]).astype(np.float16)}, ["pool", "NaN", "7"]),
    "NaN among objects": ({"pool": _bad_rows(np.nan, [7]).astype(object)}, ["pool", "NaN", "7"]),
    "beyond float32": ({"pool": _bad_rows(1e200, [4])}, ["pool", "1e+200", "row 4", "scale"]),
    "1-D": ({"pool": np.zeros(5)}, ["pool", "2-D", "1-D", "(5,)"]),
    "3-D": ({"pool": np.zeros((5, 2, 2))}, ["pool", "2-D", "3-D", "(5, 2, 2)"]),
    "number": ({"pool": 3.0}, ["pool", "2-D", "0-D"]),
    "no rows": ({"pool": np.zeros((0, 3)), "budget": 0}, ["pool", "0 rows"]),
    "no columns": ({"pool": np.zeros((3, 0))}, ["pool", "0 feature"]),
    "strings": ({"pool": np.array([["a", "b"], ["c", "d"]])}, ["pool", "numbers", "<U1"]),
    "objects": ({"pool": np.array([[1, "b"], [3, {}]], dtype=object)}, ["pool", "numbers", "objects"]),
    "complex": ({"pool": cloud() + 1j}, ["pool", "complex"]),
    "dates": ({"pool": np.zeros((4, 2), "datetime64[s]")}, ["pool", "numbers", "datetime64"]),
    "ragged": ({"pool": [[1, 2], [3]]}, ["pool", "equal length"]),
    "sparse tensor": ({"pool": torch.eye(4).to_sparse()}, ["pool", "sparse", "to_dense"]),
    "None": ({"pool": None}, ["pool", "2-D"]),
    "labeled too great": ({"labeled": [0, N]}, ["labeled", f"0..{N - 1}", str(N)]),
    "labeled negative": ({"labeled": [0, -1]}, ["labeled", "-1"]),
    "labeled twice": ({"labeled": [4, 9, 4]}, ["labeled", "row 4", "more than once"]),
    "labeled floats": ({"labeled": [0.0, 1.0]}, ["labeled", "integer", "float64"]),
    "labeled mask": ({"labeled": np.ones(N - 1, bool)}, ["labeled", f"({N},)", f"({N - 1},)"]),
    "labeled strings": ({"labeled": ["a"]}, ["labeled", "integer"]),
    "labeled 2-D": ({"labeled": [[0, 1]]}, ["labeled", "1-D", "(1, 2)"]),
    "labeled ragged": ({"labeled": [[0], [1, 2]]}, ["labeled", "equal length"]),
    "labels too few": ({"labeled": [0, 1], "labels": [0]}, ["labels", "(2,)", "(1,)"]),
    "labels without rows": ({"labels": [0, 1]}, ["labels", f"({N},)", "(2,)"]),
    "labels infinite": ({"labeled": [0, 1], "labels": [np.inf, 1]}, ["labels", "infinity"]),
    "labels mixed": ({"labeled": [0, 1], "labels": ["cat", 1]}, ["labels", "one type", "int and str"]),
    "labels missing": ({"labeled": [0, 1], "labels": [1, None]}, ["labels", "row 1"]),
    "probabilities too few": ({"probabilities": odds(n=N - 1)}, ["probabilities", f"({N}, classes)", f"({N - 1}, 3)"]),
    "probabilities 1-D": ({"probabilities": np.ones(N)}, ["probabilities", f"({N},)"]),
    "no classes": ({"probabilities": np.ones((N, 0))}, ["probabilities", f"({N}, 0)"]),
    "probabilities above one": ({"probabilities": ONE_OFF}, ["probabilities", "1.5", "row 9", "softmax"]),
    "probabilities negative": ({"probabilities": NEGATIVE}, ["probabilities", "-0.5", "row 9"]),
    "probabilities NaN": ({"probabilities": HOLLOW}, ["probabilities", "nan", "row 9"]),
    "probabilities strings": ({"probabilities": np.full((N, 2), "a")}, ["probabilities", "numbers"]),
    "probabilities ragged": ({"probabilities": [[1.0]] * (N - 1) + [[0.5, 0.5]]}, ["probabilities", "equal length"]),
    "mass too short": ({"mass": np.ones(N - 1)}, ["mass", f"({N},)", f"({N - 1},)"]),
    "mass 2-D": ({"mass": np.ones((N, 1))}, ["mass", f"({N}, 1)"]),
    "mass negative": ({"mass": np.r_[np.ones(N - 1), -2]}, ["mass", "negative", "-2", str(N - 1)]),
    "mass zero": ({"mass": np.zeros(N)}, ["mass", "all zero"]),
    "mass NaN": ({"mass": np.r_[np.nan, np.ones(N - 1)]}, ["mass", "finite", "nan", "row 0"]),
    "mass infinite": ({"mass": np.r_[np.inf, np.ones(N - 1)]}, ["mass", "finite", "inf", "row 0"]),
    "mass strings": ({"mass": ["a"] * N}, ["mass", "numbers"]),
    "mass objects": ({"mass": np.array([{}] * N)}, ["mass", "numbers"]),
    "random_state": ({"random_state": "seed"}, ["random_state", "seed"]),
    "negative random_state": ({"random_state": -3}, ["random_state", "-3"]),
}


BUDGETS: list[tuple[Any, str]] = [
    (N - len(LABELED) + 1, f"at most {N - len(LABELED)}"),
    (10**30, "at most"),
    (-1, "negative"),
    (np.int8(-1), "negative"),
    (2.0, "float"),
    (np.float64(2), "float64"),
    (True, "bool"),
    (np.True_, "bool"),
    ("3", "str"),
    (None, "NoneType"),
]


def refusal(strategy: Strategy, pool: object, budget: object, **options: Any) -> InputError:
    """Return the error of a query that must be refused."""
    try:
        ask(strategy, pool, budget, **options)
    except InputError as error:
        require("\n" not in str(error), f"one sentence expected, found {str(error)!r}")
        return error
    raise AssertionError("an InputError expected, found a selection")


def bad_input_is_refused_in_one_sentence(strategy: Strategy) -> None:
    """Bad arguments raise an InputError of one sentence that names the argument and what was found."""
    for name, (arguments, words) in REFUSED.items():
        given = {"pool": cloud(), "budget": 1, "probabilities": odds(strategy), **arguments}
        with case(name):
            error = refusal(strategy, given.pop("pool"), given.pop("budget"), **given)
            missing = [word for word in words if word not in str(error)]
            require(not missing, f"{missing} expected in {str(error)!r}")
            require(not isinstance(error, BudgetError), "an InputError that is no BudgetError expected")


def bad_budgets_are_refused(strategy: Strategy) -> None:
    """Negative, fractional, boolean and too large budgets raise a BudgetError."""
    for budget, word in BUDGETS:
        with case(repr(budget)):
            error = refusal(strategy, cloud(), budget, labeled=LABELED)
            require(isinstance(error, BudgetError), f"a BudgetError expected, found {type(error).__name__}")
            require("budget" in str(error) and word in str(error), f"{word!r} expected in {str(error)!r}")
    with case("all labeled"):
        error = refusal(strategy, cloud(), 1, labeled=np.arange(N))
        require(isinstance(error, BudgetError) and "at most 0" in str(error), "a BudgetError with 'at most 0' expected")


def missing_probabilities_are_refused(strategy: Strategy) -> None:
    """A strategy that needs probabilities refuses a query without them."""
    if strategy.needs_probabilities:
        error = refusal(strategy, cloud(), 1, probabilities=None)
        text = f"probabilities are needed by strategy {strategy.name!r}"
        require(text in str(error), f"{text!r} expected in {str(error)!r}")


def rows_with_several_classes_are_taken_or_refused(strategy: Strategy) -> None:
    """Rows with several classes, or none, are accepted as 0 and 1 (m, classes), or refused."""
    p = np.random.default_rng(2).random((N, 3))
    options = {"labeled": LABELED, "labels": [[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]], "probabilities": p}
    if not strategy.multilabel:
        error = refusal(strategy, cloud(), BUDGET, **options)
        text = "labels must be one class a row"
        require(text in str(error), f"{text!r} expected in {str(error)!r}")
        return
    chosen = ask(strategy, cloud(), **options)
    satisfies(chosen, N, BUDGET, LABELED)
    same(ask(strategy, cloud(), **options).indices, chosen.indices, "picks with the same seed")
    cold = {"labeled": [], "labels": np.zeros((0, 3), np.int64), "probabilities": p}
    satisfies(ask(strategy, cloud(), **cold), N, BUDGET)
    for name, wrong, word in (
        ("above one", {"probabilities": p + 0.5}, "within 0 and 1"),
        ("other columns", {"probabilities": p[:, :2]}, f"({N}, 3)"),
        ("not 0 and 1", {"labels": np.full((4, 3), 2)}, "0 and 1"),
        ("too few", {"labels": np.ones((3, 3), np.int64)}, "(4, classes)"),
    ):
        with case(name):
            error = refusal(strategy, cloud(), BUDGET, **(options | wrong))
            require(word in str(error), f"{word!r} expected in {str(error)!r}")


REFUSAL_CHECKS = (
    bad_input_is_refused_in_one_sentence,
    bad_budgets_are_refused,
    missing_probabilities_are_refused,
    rows_with_several_classes_are_taken_or_refused,
)
