"""``spotal estimate``: a pool's mean from what was found out about the picks of ``spotal select``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, print_json, say, warn
from spotal.cli.dialect import Delimiter, Encoding, dialect_of
from spotal.errors import DataFileError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.selection import Estimate
    from spotal.tables import Dialect

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
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Estimate the unlabeled pool's mean of a quantity that is known of the picks, with an error bar.

    Without bias where picks were drawn at random: by select --draw, or by --strategy random without --mass. Values may
    be 1 where a model is right and 0 where it is wrong, for its accuracy.
    """
    from spotal.selection.estimate import estimate_mean

    console = output(as_json)
    dialect = dialect_of(encoding, delimiter)
    keys, sampling = _read_picks(picks, dialect)
    found = estimate_mean(_read_values(values, keys, prevalence, dialect), sampling, confidence)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(console, found, "mean" if prevalence is None else f"share of {prevalence}")


def _read_picks(path: Path, dialect: Dialect) -> tuple[dict[str, list[str]], Any]:
    """Ids and rows as text, in the order of the picks, and how they were sampled."""
    import numpy as np

    from spotal.selection.estimate import Sampling
    from spotal.tables import read_table
    from spotal.tables.formulas import unescape_formula

    table = read_table(path, dialect)
    missing = [name for name in ("id", "row", "weight", "stratum", "probability") if name not in table.names]
    if missing:
        raise DataFileError(f"{path} has no column {missing[0]!r}; give the file that 'spotal select' wrote, uncut")
    keys = {name: list(map(unescape_formula, table.texts(name, name))) for name in ("id", "row")}
    for name, entries in keys.items():
        if len(set(entries)) < len(entries):
            raise DataFileError(f"{path} has {name} {_again(entries)!r} more than once; give each pick once")
    weight, stratum = (table.numbers(name, name) for name in ("weight", "stratum"))
    probability = table.numbers("probability", "probability") if any(table.cells("probability")) else None
    if abs(weight.sum() - 1) > 1e-6:
        raise DataFileError(
            f"{path} has weights that sum to {weight.sum():g}, not 1; give all the picks that were chosen"
        )
    return keys, Sampling(weight, np.asarray(stratum, np.int64), probability)


def _again(entries: list[str]) -> str:
    seen: set[str] = set()
    return next(entry for entry in entries if entry in seen or seen.add(entry))  # type: ignore[func-returns-value]


def _read_values(path: Path, keys: dict[str, list[str]], prevalence: str | None, dialect: Dialect) -> Any:
    """The picks' values in their order."""
    from spotal.pool.files import read_entries
    from spotal.tables import TABLES, listed, read_table
    from spotal.tables.arrays import read_npy
    from spotal.tables.formulas import unescape_formula
    from spotal.tables.guesses import refuse_guesses

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
            raise DataFileError(f"{path} must hold one number a line ({error}); repair it") from None
    table = read_table(path, dialect)
    key = next((name for name in ("id", "row") if name in table.names), None)
    if key is None:
        raise DataFileError(f"{path} must have a column 'id' or 'row' that says which pick a value belongs to; add one")
    if prevalence is not None:
        refuse_guesses(table)
        said = table.texts("label", "prevalence")
        found = [float(label == prevalence) for label in said]
        if not any(found):
            warn(f"no label in {path} is {prevalence!r}; it has {listed(sorted(set(said)))}")
    elif "value" in table.names:
        found = table.numbers("value", "value").tolist()
    else:
        matrix = table.features(("row", "rank"))
        if matrix.shape[1] != 1:
            raise DataFileError(
                f"{path} must have a column 'value' or one column of numbers, found {matrix.shape[1]}; call the one to "
                "use 'value'"
            )
        found = matrix[:, 0].tolist()
    names = list(map(unescape_formula, table.texts(key, key)))
    value_of = dict(zip(names, found, strict=True))
    if len(value_of) < len(names):
        raise DataFileError(f"{path} has {key} {_again(names)!r} more than once; give one value for each pick")
    missing = [name for name in keys[key] if name not in value_of]
    if missing:
        raise InputError(
            "values",
            must=f"hold a value for each of the {len(keys[key])} picks",
            found=f"none for {len(missing)}, first {key} {missing[0]!r}",
            remedy="label them all: those that happen to have a value are no sample of the pool",
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
