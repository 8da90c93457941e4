"""The table of docs/guides/estimates.md: bias, spread, error bar and coverage of means estimated from picks.

    python -m benchmarks.estimate > table.md

About 10 minutes on two cores. Repeats bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from spotal.strategies import SPOT, get

LABELS, REPEATS = 60, 60
STRATEGIES = {"random": get("random"), "SPOT, drawn": SPOT(representative="random"), "SPOT, centers": SPOT()}


def main() -> None:
    """Print the table."""
    print("| pool | quantity | truth | picks | bias | spread | error bar | error bar, random | coverage |")
    print("|---|---|---|---|---|---|---|---|---|")
    for pool, points, quantities, context in [_smooth(), *_digits()]:
        for name, strategy in STRATEGIES.items():
            given = {} if name == "random" else context
            chosen = [strategy.query(points, LABELS, random_state=seed, **given) for seed in range(REPEATS)]
            for quantity, values in quantities.items():
                print(f"| {pool} | {quantity} | {_line(name, chosen, values)} |", flush=True)


def _line(name: str, chosen: list[Any], values: np.ndarray) -> str:
    truth = values.mean()
    estimates = [one.estimate(values[one.indices]) for one in chosen]
    error = np.array([one.mean for one in estimates]) - truth
    own, random = (
        np.sqrt(np.mean([getattr(one, of) ** 2 for one in estimates])) for of in ("standard_error", "random_error")
    )
    holds = np.mean([one.low <= truth <= one.high for one in estimates])
    bias = f"{error.mean():+.4f} ± {error.std(ddof=1) / np.sqrt(REPEATS):.4f}"
    return f"{truth:.3f} | {name} | {bias} | {error.std(ddof=1):.4f} | {own:.4f} | {random:.4f} | {100 * holds:.0f} %"


def _smooth() -> tuple[str, np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    x = np.random.default_rng(0).normal(size=(2_000, 4))
    x[:, 1] += x[:, 0] ** 2
    bump = np.exp(-((x - 0.5) ** 2).sum(1) / 4)
    return "bent cloud", x, {"plane": x[:, 0] + x[:, 1] / 2, "bump": bump, "wave": np.sin(2 * x[:, 0])}, {}


def _digits() -> list[tuple[str, np.ndarray, dict[str, np.ndarray], dict[str, Any]]]:
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = data.data[order] / 16, data.target[order]
    model = LogisticRegression(max_iter=1_000).fit(x[:60], y[:60])
    x, y = x[60:], y[60:]
    odds = model.predict_proba(x)
    quantities = {"share of 0": y == 0, "share of 8": y == 8, "accuracy": odds.argmax(1) == y}
    numbers = {name: values.astype(float) for name, values in quantities.items()}
    return [("digits", x, numbers, {}), ("digits, more mass for uncertain rows", x, numbers, {"probabilities": odds})]


if __name__ == "__main__":
    main()
