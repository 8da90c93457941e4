"""``spotal select``: choose the rows of a pool to label next, and write them to a file."""

from __future__ import annotations

import csv
import glob
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import options, output, print_json, progress, say
from spotal.cli.options import AsJson, Delimiter, Encoding, KeepFormulas, RayAddress, Strict
from spotal.errors import BudgetError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.cli.request import Request
    from spotal.selection import Selection

__all__ = ["select"]

DEFAULT = Path("picks.csv")
COLUMNS = ("id", "rank", "row", "cell_mass", "strategy", "weight", "stratum", "probability")


@options(mass_column="--mass", cost_column="--cost", group_column="--groups")
def select(
    pool: Annotated[
        str,
        typer.Argument(
            help="The pool: a file of embeddings with one row per item (.npy, .npz, .csv or .parquet); a "
            "folder, pattern or URI of many such files (.npy, .parquet, .arrow, .feather, .zarr or .lance); or a "
            "folder of images.",
            metavar="POOL",
        ),
    ],
    budget: Annotated[
        float,
        typer.Option(
            "--budget",
            "-n",
            help="Number of rows to choose, or amount of money if --cost is given.",
        ),
    ],
    labeled: Annotated[
        Path | None,
        typer.Option(
            help="File of the rows that have labels already (.npy, .txt or .csv): their ids, or row numbers from 0 if "
            "the pool has no ids. Labels are read from the column 'label' of a .csv."
        ),
    ] = None,
    mass: Annotated[
        str | None,
        typer.Option(
            help="Weight of each row, larger for rows that matter more: a file (.npy, .txt or .csv), or a column of "
            "the pool.",
            metavar="FILE|COLUMN",
        ),
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(
            help="Price of each row's label, a positive number: a file (.npy, .txt or .csv), or a column of the pool.",
            metavar="FILE|COLUMN",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="Group of each row, such as the patient, or the video of a frame: a file (.npy, .txt or .csv), or a "
            "column of the pool.",
            metavar="FILE|COLUMN",
        ),
    ] = None,
    max_per_group: Annotated[
        int | None, typer.Option(help="Largest number of labels in a group; labeled rows count.", metavar="K")
    ] = None,
    draw: Annotated[
        bool,
        typer.Option(
            "--draw",
            help="Replace each pick by a random one of the rows that it represents, so that 'spotal estimate' has no "
            "bias. Only for --strategy spot.",
        ),
    ] = False,
    strategy: Annotated[
        str,
        typer.Option(
            help="Method of choosing: spot, spot-paper, random, coreset, or margin and entropy, which need "
            "--probabilities. An unknown name lists all."
        ),
    ] = "spot",
    id_column: Annotated[
        str | None,
        typer.Option(help="Column of a table, or array of a .npz, that holds the ids. Default: 'id', if there is one."),
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help=f"File for the picks. Default: {DEFAULT}.")] = None,
    random_state: Annotated[int, typer.Option(help="Random seed; the same number gives the same picks.")] = 0,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Network that embeds a folder of images: a TorchScript file, a state file or a Hugging Face folder."
        ),
    ] = None,
    probabilities: Annotated[
        Path | None,
        typer.Option(
            help="File of a model's class probabilities, one row per item and one column per class (.npy, .npz, .csv "
            "or .parquet)."
        ),
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave out rows that hold NaN or infinity, and print how many.")
    ] = False,
    device: Annotated[str, typer.Option(help="Device for large pools: auto, cpu or cuda.")] = "auto",
    engine: Annotated[
        str, typer.Option(help="Where large pools are read: local (this process) or ray (a cluster).")
    ] = "local",
    ray_address: RayAddress = None,
    max_memory: Annotated[
        str | None,
        typer.Option(help="Memory limit, such as 800MB or 4GB. Fewer rows are read at a time.", metavar="SIZE"),
    ] = None,
    only_plan: Annotated[
        bool, typer.Option("--plan", help="Only print the time and memory that the selection would take.")
    ] = False,
    keep_formulas: KeepFormulas = False,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Choose the rows of a pool to label next. The pool is the set of all items that could be labeled.

    Write a .csv file with a line for each pick, most useful first. Its columns are the id, the rank from 1, the row
    number from 0, the share of the unlabeled rows that the pick represents (cell_mass), and the strategy. The columns
    weight, stratum and probability are for 'spotal estimate'.
    """
    from spotal.cli.request import embed_request, read_request
    from spotal.cli.scale import passes_shown, planned
    from spotal.engine import using
    from spotal.numeric.sizes import size_of
    from spotal.pool.device import check_device
    from spotal.strategies import get
    from spotal.strategies.memory import within
    from spotal.strategies.select import select as choose
    from spotal.tables import Dialect

    console = output(as_json)
    is_named, out = out is not None, out or DEFAULT
    if not only_plan:
        _check_out(out, is_named, pool, labeled, mass, cost, groups, model, probabilities)
    most = None if max_memory is None else size_of(max_memory, "max_memory")
    if draw and strategy != "spot":
        raise InputError("draw", f"is for --strategy spot, found {strategy!r}", "leave it out")
    method = get(strategy, representative="random") if draw else get(strategy)
    if method.needs_probabilities and probabilities is None:
        raise InputError(
            "probabilities",
            must=f"be given for --strategy {strategy}",
            found="none",
            remedy="give a file of the model's, one row per item, or a strategy that needs no model, such as spot",
        )
    method.check_engine(engine)
    check_device(device)
    if cost is None:
        budget = _whole(budget)
    elif only_plan or most is not None:
        raise InputError(
            "plan",
            "are for a budget of rows, found --cost too",
            "leave one of them out",
            subject="--plan and --max-memory",
        )
    if (only_plan or most is not None) and strategy != "spot":
        raise InputError(
            "plan", f"are for --strategy spot, found {strategy!r}", "leave them out", subject="--plan and --max-memory"
        )
    start = time.perf_counter()
    with progress() as bars, using(engine, ray_address):
        reading = bars.add_task(f"reading {Path(pool).name}", total=None)
        request = read_request(
            pool,
            labeled,
            mass,
            id_column,
            probabilities,
            skip_bad_rows,
            device,
            cost,
            groups,
            lambda opened: within(most, (len(opened), opened.dim), budget, method),
            Dialect(encoding, delimiter),
            strict,
        )
        bars.remove_task(reading)
        if request.features is None and (only_plan or most is not None):
            raise InputError(
                "plan", "need embeddings, found a folder of images", "embed it first", subject="--plan and --max-memory"
            )
        if only_plan:
            plan = planned(request, int(budget), most, method)
            print_json(asdict(plan)) if as_json else say(console, str(plan))
            return
        chosen = embed_request(request, budget, model, strict, bars)
        bars.add_task(f"choosing {f'for {budget:g}' if cost else budget} of {len(chosen.rows):,} rows", total=None)
        with passes_shown(bars):
            selection = choose(
                chosen.features, budget, method, labeled=chosen.labeled, labels=chosen.labels,
                probabilities=chosen.probabilities, mass=chosen.mass, cost=chosen.cost, groups=chosen.groups,
                max_per_group=max_per_group, random_state=random_state, max_memory=most,
            )  # fmt: skip
        _write(out, selection, chosen, strategy, keep_formulas)
        seconds = time.perf_counter() - start
        bars.add_task("measuring how well the picks cover the pool", total=None)
        summary = _summary(selection, chosen, strategy, seconds, out, budget, most)
    if as_json:
        print_json({**summary, "picks": _lines(selection, chosen, strategy), "provenance": selection.provenance})
    else:
        _print(console, summary)


def _check_out(out: Path, is_named: bool, pool: str, *others: Path | str | None) -> None:
    """Check that the file of picks can be written and replaces no input."""
    from spotal.images import suffixes
    from spotal.pool.formats import SHARD_SUFFIXES
    from spotal.pool.manifest import MANIFEST
    from spotal.storage.outputs import Source, check_output, check_unnamed

    text = pool.removeprefix("file://")
    inputs = [text, *glob.glob(text)] if "://" not in text else []
    endings = (*suffixes(), *SHARD_SUFFIXES, MANIFEST) if any(map(os.path.isdir, inputs)) else ()
    check_output(out, [*(Source(path, endings) for path in inputs), *others])
    if not is_named:
        check_unnamed(out, "name a file by --out")


def _whole(budget: float) -> int:
    if not budget.is_integer():
        raise BudgetError(
            "budget", must="be a whole number of rows", found=f"{budget:g}", remedy="an amount of money needs --cost"
        )
    return int(budget)


def _lines(selection: Selection, request: Request, strategy: str) -> list[dict[str, Any]]:
    ids, sampling = request.file.ids, selection.sampling
    lines = []
    for place, (pick, share) in enumerate(zip(selection.indices, selection.cell_mass, strict=True)):
        row = int(request.rows[pick])
        name = row if ids is None else ids[row] if isinstance(ids, list) else int(ids[row])
        probability = sampling.probability
        lines.append(
            {
                "id": name,
                "rank": place + 1,
                "row": row,
                "cell_mass": float(share),
                "strategy": strategy,
                "weight": float(sampling.weight[place]),
                "stratum": int(sampling.stratum[place]),
                "probability": None if probability is None else float(probability[place]),
            }
        )
    return lines


def _write(out: Path, selection: Selection, request: Request, strategy: str, keep_formulas: bool) -> None:
    from spotal.storage.files import atomic_path
    from spotal.tables.formulas import escape_formula

    with atomic_path(out) as part, part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for line in _lines(selection, request, strategy):
            name = line["id"]
            writer.writerow(
                line if keep_formulas else {**line, "id": escape_formula(name) if isinstance(name, str) else name}
            )


def _summary(
    selection: Selection, request: Request, strategy: str, seconds: float, out: Path, budget: float, most: int | None
) -> dict[str, Any]:
    """Return the figures to print. Coverage is measured only if ``most`` bytes are enough for it."""
    from spotal.cli.scale import MEASURED
    from spotal.pool import as_pool
    from spotal.report.covering import coverage
    from spotal.strategies.memory import COVERED, SelectionScale

    features = as_pool(request.features)
    n, dim = len(features), features.dim
    covered = None
    fits = most is None or SelectionScale.of(n, dim, int(budget)).covering() <= most
    if len(selection) and n <= MEASURED and fits:
        covered = coverage(features, selection.indices, request.labeled, most_rows=max(1, COVERED // dim))
    return {
        "out": str(out),
        "strategy": strategy,
        "n_picks": len(selection),
        "n_rows": int(n),
        "n_labeled": len(request.labeled),
        "n_skipped": request.skipped,
        "budget": budget,
        "dim": int(dim),
        "embedder": request.embedder,
        "seconds": seconds,
        "diagnostics": selection.diagnostics,
        "fill_distance": None if covered is None else asdict(covered),
    }


def _print(console: Console, summary: dict[str, Any]) -> None:
    from spotal.cli.request import PIXELS

    labeled = f", {summary['n_labeled']:,} of them labeled" if summary["n_labeled"] else ""
    say(
        console,
        f"Chose {summary['n_picks']:,} of {summary['n_rows']:,} rows{labeled}, {summary['dim']} numbers each, by "
        f"{summary['strategy']} in {summary['seconds']:.1f} s",
    )
    if summary["embedder"]:
        note = ", which is weak; a pretrained model is better, see --model" if summary["embedder"] == PIXELS else ""
        say(console, f"  embedded by {summary['embedder']}{note}")
    if summary["n_skipped"]:
        what = (
            "images skipped, they cannot be read" if summary["embedder"] else "rows skipped, they hold NaN or infinity"
        )
        say(console, f"  {what}: {summary['n_skipped']:,}", "yellow")
    diagnostics, covered = summary["diagnostics"], summary["fill_distance"]
    if "cost" in diagnostics:
        say(console, f"  for {diagnostics['cost']:,.10g} of {summary['budget']:,.10g}")
    if "pick_discrepancy" in diagnostics:
        say(
            console,
            f"  discrepancy in the {diagnostics['dim']:.0f}-dimensional cube: picks "
            f"{diagnostics['pick_discrepancy']:.4g}, design {diagnostics['design_discrepancy']:.4g} (0 is perfectly "
            "even)",
        )
    if covered is not None:
        rows = "" if covered["rows"] == summary["n_rows"] else f", on a sample of {covered['rows']:,} rows"
        say(
            console,
            f"  largest distance of a row to its nearest pick{' or label' * bool(summary['n_labeled'])}: "
            f"{covered['picks']:.4g}; with random picks: {covered['random']:.4g} (mean of {covered['draws']} "
            f"draws{rows}; smaller is better)",
        )
    say(console, f"Wrote {summary['out']}", "bold")
