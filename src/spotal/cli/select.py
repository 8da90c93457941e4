"""``spotal select``: which rows of a pool to label next, from files to a file."""

from __future__ import annotations

import csv
import glob
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import KeepFormulas, options, output, print_json, progress, say
from spotal.cli.dialect import Delimiter, Encoding, dialect_of
from spotal.errors import BudgetError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.cli.request import Request
    from spotal.selection import Selection
    from spotal.strategies import Strategy

__all__ = ["select"]

DEFAULT = Path("picks.csv")
COLUMNS = ("id", "rank", "row", "cell_mass", "strategy", "weight", "stratum", "probability")


@options(mass_column="--mass", cost_column="--cost", group_column="--groups")
def select(
    pool: Annotated[
        str,
        typer.Argument(
            help="Embeddings as .npy, .npz, .csv or .parquet, one row an item; a folder, glob or URI of .npy, "
            ".parquet, .arrow, .feather, .zarr or .lance shards; or a folder of images.",
            metavar="POOL",
            show_default=False,
        ),
    ],
    budget: Annotated[
        float, typer.Option("--budget", "-n", help="Rows to choose; with --cost, money to spend.", show_default=False)
    ],
    labeled: Annotated[
        Path | None,
        typer.Option(
            help="Rows that have labels already: .npy, .txt or .csv of ids, or of row numbers from 0 where the pool "
            "has no ids. A column 'label' of a .csv counts."
        ),
    ] = None,
    mass: Annotated[
        str | None,
        typer.Option(
            help="Extra weight of each row: a file .npy, .txt or .csv, or the name of a column of the pool.",
            metavar="FILE|COLUMN",
        ),
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(
            help="Price of each row's label, positive: a file .npy, .txt or .csv, or the name of a column of the pool.",
            metavar="FILE|COLUMN",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="Group of each row (image of a box, video of a frame, patient): a file .npy, .txt or .csv, or the "
            "name of a column of the pool.",
            metavar="FILE|COLUMN",
        ),
    ] = None,
    max_per_group: Annotated[
        int | None, typer.Option(help="Most labels in a group, labeled rows among them.", metavar="K")
    ] = None,
    draw: Annotated[
        bool,
        typer.Option(
            "--draw",
            help="Draw one of the rows that each pick stands for in its place, so that 'spotal estimate' has no bias; "
            "for strategy spot.",
        ),
    ] = False,
    strategy: Annotated[
        str,
        typer.Option(
            help="spot, spot-paper, random, coreset, or margin and entropy, which need --probabilities; a name that is "
            "unknown lists all."
        ),
    ] = "spot",
    id_column: Annotated[
        str | None, typer.Option(help="Column with the ids of a table, or array of a .npz; 'id' where there is one.")
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=f"File for the picks; {DEFAULT} by default.", show_default=False)
    ] = None,
    random_state: Annotated[int, typer.Option(help="The same number gives the same picks.")] = 0,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Network that embeds a folder of images: TorchScript, a state file or a Hugging Face folder."
        ),
    ] = None,
    probabilities: Annotated[
        Path | None,
        typer.Option(help="Class probabilities of every row: .npy, .npz, .csv or .parquet, (rows, classes)."),
    ] = None,
    skip_bad_rows: Annotated[
        bool,
        typer.Option("--skip-bad-rows", help="Leave out rows of shards that hold NaN or infinity, and count them."),
    ] = False,
    device: Annotated[str, typer.Option(help="Where shards are worked on: auto, cpu or cuda.")] = "auto",
    engine: Annotated[
        str, typer.Option(help="What runs passes over the pool: local, this process; or ray, a cluster.")
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="With --engine ray: a running cluster; by default one is started here.")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="Memory to keep to, by reading fewer rows at a time: 800MB, 4GB.", metavar="SIZE")
    ] = None,
    only_plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would take: passes, bytes, memory, seconds; choose nothing.")
    ] = False,
    keep_formulas: KeepFormulas = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at an image that cannot be read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Choose the rows of a pool to label next.

    Writes a .csv with a line for each pick, most useful first: its id, its rank from 1, its row number from 0, the
    share of the unlabeled pool's mass that it stands for, the strategy, and what 'spotal estimate' reads: weight,
    stratum and, where picks are drawn at random, probability.
    """
    from spotal.cli.request import embed_request, read_request
    from spotal.cli.scale import passes_shown, planned
    from spotal.engine import using
    from spotal.numeric.sizes import size_of
    from spotal.pool.device import check_device
    from spotal.strategies import get
    from spotal.strategies.memory import within

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
            remedy="give a file of the model's, one row an item, or a strategy that needs no model, such as spot",
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
            dialect_of(encoding, delimiter),
            strict,
        )
        bars.remove_task(reading)
        if request.features is None and (only_plan or most is not None):
            raise InputError(
                "plan", "need embeddings, found a folder of images", "embed it first", subject="--plan and --max-memory"
            )
        if only_plan:
            found = planned(request, int(budget), most, method)
            print_json(asdict(found)) if as_json else say(console, str(found))
            return
        chosen = embed_request(request, budget, model, strict, bars)
        bars.add_task(f"choosing {f'for {budget:g}' if cost else budget} of {len(chosen.rows):,} rows", total=None)
        with passes_shown(bars):
            selection = _choose(chosen, method, budget, max_per_group, random_state, most)
        _write(out, selection, chosen, strategy, keep_formulas)
        seconds = time.perf_counter() - start
        bars.add_task("measuring how well they cover the pool", total=None)
        summary = _summary(selection, chosen, strategy, seconds, out, budget, most)
    if as_json:
        print_json({**summary, "picks": _lines(selection, chosen, strategy), "provenance": selection.provenance})
    else:
        _print(console, summary)


def _check_out(out: Path, is_named: bool, pool: str, *others: Path | str | None) -> None:
    """Check that the picks can be written, and that they replace nothing that is read."""
    from spotal.images import suffixes
    from spotal.pool.formats import SHARD_SUFFIXES
    from spotal.pool.manifest import MANIFEST
    from spotal.storage.outputs import Source, check_output, check_unnamed

    text = pool.removeprefix("file://")
    found = [text, *glob.glob(text)] if "://" not in text else []
    endings = (*suffixes(), *SHARD_SUFFIXES, MANIFEST) if any(map(os.path.isdir, found)) else ()
    check_output(out, [*(Source(path, endings) for path in found), *others])
    if not is_named:
        check_unnamed(out, "name a file by --out")


def _whole(budget: float) -> int:
    if not budget.is_integer():
        raise BudgetError(
            "budget", must="be an integer, the rows to choose", found=f"{budget:g}", remedy="money needs --cost"
        )
    return int(budget)


def _choose(
    request: Request,
    method: Strategy,
    budget: float,
    max_per_group: int | None,
    random_state: int,
    max_memory: int | None,
) -> Selection:
    from spotal.strategies.select import select as choose

    return choose(
        request.features,
        budget,
        method,
        labeled=request.labeled,
        labels=request.labels,
        probabilities=request.probabilities,
        mass=request.mass,
        cost=request.cost,
        groups=request.groups,
        max_per_group=max_per_group,
        random_state=random_state,
        max_memory=max_memory,
    )


def _lines(selection: Selection, request: Request, strategy: str) -> list[dict[str, Any]]:
    ids, sampling = request.file.ids, selection.sampling
    lines = []
    for place, (pick, share) in enumerate(zip(selection.indices, selection.cell_mass, strict=True)):
        row = int(request.rows[pick])
        name = row if ids is None else ids[row] if isinstance(ids, list) else int(ids[row])
        known = sampling.probability
        sampled = {
            "weight": float(sampling.weight[place]),
            "stratum": int(sampling.stratum[place]),
            "probability": None if known is None else float(known[place]),
        }
        line: dict[str, Any] = {
            "id": name,
            "rank": place + 1,
            "row": row,
            "cell_mass": float(share),
            "strategy": strategy,
        }
        lines.append(line | sampled)
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
    selection: Selection,
    request: Request,
    strategy: str,
    seconds: float,
    out: Path,
    budget: float,
    most: int | None,
) -> dict[str, Any]:
    """What is printed, and the head of the JSON; coverage where it can be measured within ``most`` bytes."""
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
        note = ", a weak descriptor that needs no model: see --model" if summary["embedder"] == PIXELS else ""
        say(console, f"  embedded by {summary['embedder']}{note}")
    if summary["n_skipped"]:
        what = "images skipped because they cannot be read" if summary["embedder"] else "rows skipped, not finite"
        say(console, f"  {what}: {summary['n_skipped']:,}", "yellow")
    diagnostics, covered = summary["diagnostics"], summary["fill_distance"]
    if "cost" in diagnostics:
        say(console, f"  for {diagnostics['cost']:,.10g} of {summary['budget']:,.10g}")
    if "pick_discrepancy" in diagnostics:
        say(
            console,
            f"  mixture discrepancy in the {diagnostics['dim']:.0f}-dimensional cube: picks "
            f"{diagnostics['pick_discrepancy']:.4g}, design {diagnostics['design_discrepancy']:.4g} (0 is even)",
        )
    if covered is not None:
        rows = "" if covered["rows"] == summary["n_rows"] else f", on a sample of {covered['rows']:,} rows"
        say(
            console,
            f"  farthest row from a pick{' or label' * bool(summary['n_labeled'])}: {covered['picks']:.4g}; from as "
            f"many random picks: {covered['random']:.4g} (mean of {covered['draws']}{rows}; less is better)",
        )
    say(console, f"Wrote {summary['out']}", "bold")
