"""``spotal estimate``: a pool's mean from what was found out about the picks of ``spotal select``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, print_json, say, warn
from spotal.errors import DataFileError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.selection import Estimate

__all__ = ["estimate"]


def estimate(
    picks: Annotated[Path, typer.Argument(help="What 'spotal select' wrote.", metavar="PICKS.csv", show_default=False)],
    values: Annotated[
        Path,
        typer.Option(
            help="A number for each pick: .csv with a column 'id' or 'row' beside a column 'value', in any order; or "
            ".npy or .txt in the order of the picks.",
            show_default=False,
        ),
    ],
    prevalence: Annotated[
        str | None,
        typer.Option(
            help="Estimate the share of this class: a pick counts 1 where the column 'label' of --values says so.",
            metavar="CLASS",
        ),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the interval.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Estimate the unlabeled pool's mean of a quantity that is known of the picks, with an error bar.

    Without bias where picks were drawn at random: by select --draw, or by --strategy random without --mass. Values may
    be 1 where a model is right and 0 where it is wrong, for its accuracy.
    """
    from spotal.selection.estimate import estimate_mean

    console = output(as_json)
    keys, sampling = _read_picks(picks)
    found = estimate_mean(_read_values(values, keys, prevalence), sampling, confidence)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(console, found, "mean" if prevalence is None else f"share of {prevalence}")


def _read_picks(path: Path) -> tuple[dict[str, list[str]], Any]:
    """Ids and rows as text, in the order of the picks, and how they were sampled."""
    import numpy as np

    from spotal._formulas import unescape_formula
    from spotal.pool._tables import column, numbers, read_table
    from spotal.selection.estimate import Sampling

    table = read_table(path)
    missing = [name for name in ("id", "row", "weight", "stratum", "probability") if name not in table.column_names]
    if missing:
        raise DataFileError(f"{path} has no column {missing[0]!r}; give the file that 'spotal select' wrote, uncut")
    listed = {name: column(table, name, name, path).to_pylist() for name in ("id", "row")}
    keys = {name: [unescape_formula(str(key)) for key in found] for name, found in listed.items()}
    known = table["probability"].null_count == 0
    weight, stratum = (
        numbers(column(table, name, name, path), f"{path}, column {name!r},") for name in ("weight", "stratum")
    )
    probability = numbers(table["probability"], f"{path}, column 'probability',") if known else None
    if abs(weight.sum() - 1) > 1e-6:
        raise DataFileError(
            f"{path} has weights that sum to {weight.sum():g}, not 1; give all the picks that were chosen"
        )
    return keys, Sampling(weight, np.asarray(stratum, np.int64), probability)


def _read_values(path: Path, keys: dict[str, list[str]], prevalence: str | None) -> Any:
    """The picks' values in their order."""
    from spotal._formulas import unescape_formula
    from spotal.pool._tables import column, features, listed, numbers, read_npy, read_table, refuse_guesses
    from spotal.pool.files import read_lines

    if path.suffix.lower() != ".csv":
        if prevalence is not None:
            raise InputError(
                f"--prevalence needs labels by id, found {path}; give a .csv with the columns id and label"
            )
        if path.suffix.lower() == ".npy":
            return read_npy(path)
        try:
            return [float(line) for line in read_lines(path)]
        except ValueError as error:
            if isinstance(error, DataFileError):
                raise
            raise DataFileError(f"{path} must hold one number a line ({error}); repair it") from None
    table = read_table(path)
    key = next((name for name in ("id", "row") if name in table.column_names), None)
    if key is None:
        raise DataFileError(f"{path} must have a column 'id' or 'row' that says which pick a value belongs to; add one")
    if prevalence is not None:
        refuse_guesses(table, path)
        said = column(table, "label", "--prevalence", path).to_pylist()
        found = [float(str(label) == prevalence) for label in said]
        if not any(found):
            warn(f"no label in {path} is {prevalence!r}; it has {listed(sorted({str(label) for label in said}))}")
    elif "value" in table.column_names:
        found = numbers(column(table, "value", "value", path), f"{path}, column 'value',").tolist()
    else:
        matrix = features(table, path, ("row", "rank"))
        if matrix.shape[1] != 1:
            raise DataFileError(
                f"{path} must have a column 'value' or one column of numbers, found {matrix.shape[1]}; call the one to "
                "use 'value'"
            )
        found = matrix[:, 0].tolist()
    names = [unescape_formula(str(name)) for name in column(table, key, key, path).to_pylist()]
    value_of = dict(zip(names, found, strict=True))
    if len(value_of) < len(names):
        again = next(name for place, name in enumerate(names) if name in names[:place])
        raise DataFileError(f"{path} has {key} {again!r} more than once; give one value for each pick")
    missing = [name for name in keys[key] if name not in value_of]
    if missing:
        raise InputError(
            f"--values must hold a value for each of the {len(keys[key])} picks, found none for {len(missing)}, first "
            f"{key} {missing[0]!r}; label them all: those that happen to have a value are no sample of the pool"
        )
    return [value_of[name] for name in keys[key]]


def _print(console: Console, found: Estimate, what: str) -> None:
    say(
        console,
        f"{what} {found.mean:.4g}, {found.confidence:.4g} confidence interval {found.low:.4g} to {found.high:.4g}",
        "bold",
    )
    say(
        console,
        f"  from {found.n:,} picks, standard error {found.standard_error:.2g}; of as many random labels it would "
        f"be about {found.random_error:.2g}",
    )
    size = "all" if found.effective_size == float("inf") else f"about {found.effective_size:,.0f}"
    say(console, f"  effective sample size: {size} random labels")
    if not found.unbiased:
        say(
            console,
            "  these picks were chosen, not drawn: the mean is biased, and the interval does not show it; choose by "
            "select --draw for one without bias",
            "yellow",
        )
