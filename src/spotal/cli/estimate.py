"""``spotal estimate``: estimate the mean of a pool from values of the picks of ``spotal select``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, print_json, say, warn
from spotal.cli.options import AsJson, Delimiter, Encoding
from spotal.errors import DataFileError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.selection import Estimate
    from spotal.tables import Dialect

__all__ = ["estimate"]


def estimate(
    picks: Annotated[Path, typer.Argument(help="File written by 'spotal select'.", metavar="PICKS.csv")],
    values: Annotated[
        Path,
        typer.Option(
            help="File with a number for each pick: a .csv with the columns 'id' (or 'row') and 'value', in any order; "
            "or a .npy or .txt in the order of the picks.",
        ),
    ],
    prevalence: Annotated[
        str | None,
        typer.Option(
            help="Estimate the share of this class instead. --values then needs a column 'label'.", metavar="CLASS"
        ),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence level of the interval.")] = 0.95,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the mean of a value over all unlabeled rows from its values at the picks, with an interval.

    The estimate has no bias if the picks were drawn at random: by 'spotal select --draw', or by --strategy random
    without --mass. To estimate a model's accuracy, give 1 for each pick where the model is right and 0 where it is
    wrong.
    """
    from spotal.selection.estimate import estimate_mean
    from spotal.tables import Dialect

    console = output(as_json)
    dialect = Dialect(encoding, delimiter)
    keys, sampling = _read_picks(picks, dialect)
    result = estimate_mean(_read_values(values, keys, prevalence, dialect), sampling, confidence)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(console, result, "mean" if prevalence is None else f"share of {prevalence}")


def _read_picks(path: Path, dialect: Dialect) -> tuple[dict[str, list[str]], Any]:
    """Read the picks' ids and rows as text, and their sampling weights."""
    import numpy as np

    from spotal.selection.estimate import Sampling
    from spotal.tables import read_table
    from spotal.tables.formulas import unescape_formula
    from spotal.tables.opening import repeated

    table = read_table(path, dialect)
    missing = [name for name in ("id", "row", "weight", "stratum", "probability") if name not in table.names]
    if missing:
        raise DataFileError(f"{path} has no column {missing[0]!r}; give the whole file that 'spotal select' wrote")
    keys = {name: list(map(unescape_formula, table.texts(name, name))) for name in ("id", "row")}
    for name, entries in keys.items():
        for entry in repeated(entries):
            raise DataFileError(f"{path} has {name} {entry!r} more than once; give each pick once")
    weight, stratum = (table.numbers(name, name) for name in ("weight", "stratum"))
    probability = table.numbers("probability", "probability") if any(table.cells("probability")) else None
    if abs(weight.sum() - 1) > 1e-6:
        raise DataFileError(
            f"{path} has weights that sum to {weight.sum():g}, not 1; give all the picks that were chosen"
        )
    return keys, Sampling(weight, np.asarray(stratum, np.int64), probability)


def _read_values(path: Path, keys: dict[str, list[str]], prevalence: str | None, dialect: Dialect) -> Any:
    """Read the picks' values, in the order of the picks."""
    from spotal.pool.files import read_entries
    from spotal.tables import TABLES, listed, read_table
    from spotal.tables.arrays import read_npy
    from spotal.tables.formulas import unescape_formula
    from spotal.tables.guesses import refuse_guesses
    from spotal.tables.opening import repeated

    if path.suffix.lower() not in TABLES:
        if prevalence is not None:
            raise InputError(
                "prevalence", f"needs labels by id, found {path}", "give a .csv with the columns id and label"
            )
        if path.suffix.lower() == ".npy":
            return read_npy(path)
        try:
            return [float(line) for line in read_entries(path, dialect)]
        except ValueError as error:
            if isinstance(error, DataFileError):
                raise
            raise DataFileError(f"{path} must hold one number per line ({error}); repair it") from None
    table = read_table(path, dialect)
    key = next((name for name in ("id", "row") if name in table.names), None)
    if key is None:
        raise DataFileError(f"{path} must have a column 'id' or 'row' that names the pick of each value; add one")
    if prevalence is not None:
        refuse_guesses(table)
        labels = table.texts("label", "prevalence")
        values = [float(label == prevalence) for label in labels]
        if not any(values):
            warn(f"no label in {path} is {prevalence!r}; it has {listed(sorted(set(labels)))}")
    elif "value" in table.names:
        values = table.numbers("value", "value").tolist()
    else:
        matrix = table.features(("row", "rank"))
        if matrix.shape[1] != 1:
            raise DataFileError(
                f"{path} must have a column 'value' or one column of numbers, found {matrix.shape[1]}; name the one to "
                "use 'value'"
            )
        values = matrix[:, 0].tolist()
    names = list(map(unescape_formula, table.texts(key, key)))
    value_of = dict(zip(names, values, strict=True))
    for name in repeated(names):
        raise DataFileError(f"{path} has {key} {name!r} more than once; give one value for each pick")
    missing = [name for name in keys[key] if name not in value_of]
    if missing:
        raise InputError(
            "values",
            must=f"hold a value for each of the {len(keys[key])} picks",
            found=f"none for {len(missing)}, first {key} {missing[0]!r}",
            remedy="give a value for each: an estimate from only some of the picks would be wrong",
        )
    return [value_of[name] for name in keys[key]]


def _print(console: Console, result: Estimate, quantity: str) -> None:
    say(
        console,
        f"{quantity} {result.mean:.4g}, {result.confidence:.4g} confidence interval {result.low:.4g} to "
        f"{result.high:.4g}",
        "bold",
    )
    say(
        console,
        f"  from {result.n:,} picks, standard error {result.standard_error:.2g}; about {result.random_error:.2g} with "
        "the same number of random labels",
    )
    size = "all" if result.effective_size == float("inf") else f"about {result.effective_size:,.0f}"
    say(console, f"  effective sample size: {size} random labels")
    if not result.unbiased:
        say(
            console,
            "  these picks were not drawn at random: the mean is biased, and the interval does not show the bias; "
            "choose them by 'spotal select --draw'",
            "yellow",
        )
