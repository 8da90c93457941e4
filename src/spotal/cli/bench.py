"""``spotal bench``: compare strategies on protocols, and show the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import Terminal, grid, output, print_json, say, seldom, warn
from spotal.cli.options import AsJson
from spotal.errors import InputError, like
from spotal.terminal import duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from spotal.bench.jobs import Job
    from spotal.bench.protocol import Protocol

__all__ = ["bench", "report_run"]

SOME_FAILED = 1
"""Exit status if some jobs failed; all others are done."""
TERMINAL = ("strategy", "mean of curve", "to random", "p", "labels saved", "final")
"""Columns of the table on the terminal; the page has more."""


def bench(
    protocols: Annotated[
        list[str] | None,
        typer.Argument(
            help="Experiments to run: names of built-in protocols (see --list), patterns such as 'stress-*', .toml "
            "files, or development or reporting for all protocols of that role.",
            metavar="[PROTOCOL]...",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; an existing run is continued.")] = Path(
        "spotal-bench"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes with one thread each. Default: one per core.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Number of seeds. Default: the protocol's.")] = None,
    strategies: Annotated[
        str | None,
        typer.Option(help="Strategies, separated by commas. Default: the protocol's.", metavar="NAME,NAME,..."),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List protocols and strategies, and exit.")] = False,
    template: Annotated[
        bool, typer.Option("--template", help="Print an example protocol with every key explained, and exit.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only check the data, and print what would be done and how long it may take."),
    ] = False,
    redo: Annotated[
        str | None,
        typer.Option(
            help="Run these strategies again, for example after a change of their code.", metavar="NAME,NAME,..."
        ),
    ] = None,
    kept: Annotated[
        Path | None,
        typer.Option(
            help="Folder of small result files, one per protocol. Jobs that are finished there are not run again, and "
            "the jobs of this run are added."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for the features of trained encoders. Default: spotal's cache.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Folder to read features of trained encoders from, before the cache.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare strategies in experiments with known labels. A protocol describes one experiment.

    All strategies get the same pools, first labels and networks, with several seeds. A run can be stopped at any time;
    the same command continues it. The results are the same, bit for bit, as without the stop.
    """
    console = output(as_json)
    if listing:
        _list(console, as_json)
        return
    if template:
        if protocols:
            raise InputError(
                "template",
                f"prints a protocol and writes no file, found {protocols[0]}",
                f"write: spotal bench --template > {protocols[0]}",
            )
        from spotal.bench import protocol_library

        typer.echo(protocol_library.template(), nl=False)
        return
    chosen = _protocols(protocols or [], seeds, _names(strategies, "strategies"))
    from spotal.bench.jobs import plan
    from spotal.bench.store import FILE, Store
    from spotal.bench.workers import run
    from spotal.numeric.processors import processors

    jobs = plan(chosen)
    count = min(workers or processors(), len(jobs))
    if dry_run and not (out / FILE).exists():  # do not create the store
        _check(jobs, {}, dry_run)
        _dry(console, as_json, jobs, {}, None, count)
        return
    again = _names(redo, "redo") or []
    labels = list(dict.fromkeys(job.strategy.label for job in jobs))
    unknown = next((name for name in again if name not in labels), None)
    if unknown is not None:
        raise InputError(
            "redo", must=f"name strategies of the protocols, {', '.join(labels)}", found=unknown,
            remedy=like(unknown, labels),
        )  # fmt: skip
    with Store(out) as store:
        if again and not dry_run:
            store.forget([job for job in jobs if job.strategy.label in again])
        if kept is not None and kept.is_dir() and not dry_run:
            from spotal.bench.result_archive import adopt

            taken = adopt(store, chosen, kept, without=again)
            if taken:
                say(console, f"Took {taken:,} finished jobs from {kept}")
        _check(jobs, store.counts(), dry_run)
        if dry_run:
            _dry(console, as_json, jobs, store.counts(), store, count)
            return
        say(console, _headline(jobs, store.counts(), count))
        with _bars(store, jobs, count) as watch:
            outcome = run(chosen, out, cache=_cache(cache, features), workers=count, watch=watch)
        if kept is not None:
            from spotal.bench.result_archive import keep

            keep(store, chosen, kept)
        digest = store.digest()
    done = len(jobs) - len(outcome.failures)
    if as_json:
        print_json(
            {"out": str(out), "jobs": len(jobs), "done": done, "failures": outcome.failures, "digest": digest,
             "seconds": outcome.seconds}
        )  # fmt: skip
    else:
        say(
            console,
            f"Finished {done:,} of {len(jobs):,} jobs in {duration(outcome.seconds)}; results in {out / FILE}",
            "bold",
        )
        say(console, f"Next: spotal report {out}")
    for job, error in list(outcome.failures.items())[:10]:
        warn(f"{job} failed: {error}")
    if outcome.failures:
        raise typer.Exit(SOME_FAILED)


def report_run(
    run: Path, page: Path, markdown: Path | None, as_json: bool, *, named: bool, pictures: Path | None = None
) -> None:
    """Write the page of a run with a JSON file of its numbers, and Markdown tables and pictures on request."""
    from spotal.bench.page import write_page
    from spotal.bench.results import read
    from spotal.bench.store import Store
    from spotal.bench.summary import summarize
    from spotal.storage.files import atomic_path
    from spotal.storage.outputs import check_output, check_unnamed

    console = output(as_json)
    numbers = page.with_name("summary.json")
    with Store(run, create=False) as store:
        check_output(page, [store.path, numbers])
        check_output(numbers, [store.path])
        check_unnamed(numbers, "name a page in another folder by --out")
        if not named:
            check_unnamed(page, "name a file by --out")
        if markdown is not None:
            check_output(markdown, [store.path, numbers, page], "markdown")
        cells = read(store)
        if not cells:
            raise InputError("run", f"{run} has no finished job yet", f"run spotal bench with --out {run} to its end")
        summary = summarize(cells, store)
    import json

    with atomic_path(numbers) as part:
        part.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        write_page(cells, summary, page)  # both files or none
    if markdown is not None:
        from spotal.bench.markdown import write_markdown

        write_markdown(cells, summary, markdown)
    drawn = []
    if pictures is not None:
        from spotal.bench.picture_files import write_pictures

        drawn = write_pictures(summary, pictures)
    if as_json:
        print_json({**summary, "report": str(page)} | ({"plots": list(map(str, drawn))} if drawn else {}))
        return
    for cell in summary["cells"]:
        console.print(_cell_table(cell))
        if cell["missing"]:
            say(console, f"  {cell['missing']} jobs of {cell['name']} are not finished", "yellow")
    say(console, f"Report: {page.resolve()}")
    say(console, f"Numbers: {numbers.resolve()}")
    if pictures is not None:
        say(console, f"Pictures: {len(drawn)} files in {pictures.resolve()}")
    if markdown is not None:
        say(console, f"Tables: {markdown.resolve()}")


def _protocols(wanted: list[str], seeds: int | None, strategies: list[str] | None) -> list[Protocol]:
    import fnmatch

    from spotal.bench import protocol_library

    if not wanted:
        raise InputError(
            "protocols", must="be given", remedy="spotal bench --list shows the built-in ones; smoke takes seconds"
        )
    names: list[str] = []
    for name in wanted:
        is_role = name in ("development", "reporting")
        matches = protocol_library.of_role(name) if is_role else fnmatch.filter(protocol_library.names(), name)
        names += matches or [name]
    protocols = [protocol_library.load(name) for name in dict.fromkeys(names)]
    stems = [protocol.name for protocol in protocols]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise InputError("protocols", must="have different names", found=f"{twice!r} twice", remedy="rename one file")
    return [protocol.limited(seeds, strategies) for protocol in protocols]


def _check(jobs: list[Job], counts: dict[str, int], dry_run: bool) -> None:
    """Check the data of unfinished jobs. Missing features are an error, or a warning in a dry run."""
    from spotal.bench import pretrained
    from spotal.bench.checking import check_data, missing

    unfinished = {job.protocol.name: job.protocol for job in jobs if counts.get(job.id, 0) < job.n_rounds}
    protocols = list(unfinished.values())
    for name in missing(protocols):
        if not dry_run:
            pretrained.read(name)  # the error names the file's place
        warn(f"the features {name} are not on this machine; docs/adding.md says where they come from")
    check_data(protocols)


def _names(text: str | None, option: str) -> list[str] | None:
    names = None if text is None else [name.strip() for name in text.split(",") if name.strip()]
    if names == []:
        raise InputError(option, must="name at least one strategy", found=repr(text), remedy="or leave it out")
    return names


def _cache(folder: Path | None, features: Path | None) -> Any:
    from spotal.bench.cache import Cache
    from spotal.datasets.download import cache_dir

    if features is not None and not features.is_dir():
        raise InputError("features", must="be a folder", found=features, remedy="leave it out to train encoders")
    return Cache(cache_dir() / "bench" if folder is None else folder, [] if features is None else [features])


def _list(console: Console, as_json: bool) -> None:
    from spotal.bench import data, protocol_library
    from spotal.strategies import names

    ready = [protocol_library.load(name) for name in protocol_library.names()]
    if as_json:
        print_json({
            "protocols": [{"name": p.name, "role": p.role, "title": p.title, "seeds": p.seeds, "labels": p.asked[-1]}
                          for p in ready],
            "strategies": names(), "datasets": list(data.names()),
        })  # fmt: skip
        return
    for role in ("development", "reporting"):
        rows = ((p.name, str(p.asked[-1]), str(p.seeds), p.title) for p in ready if p.role == role)
        head = ("name", "labels", "seeds", "what")
        console.print(grid(head, rows, title=f"Protocols for {role}", left=(0, 3), wraps=True))
    say(console, f"Strategies: {', '.join(names())}")
    say(console, f"Datasets: {', '.join(data.names())}, or a path")


def _headline(jobs: list[Job], counts: dict[str, int], workers: int) -> str:
    done = sum(min(counts.get(job.id, 0), job.n_rounds) for job in jobs)
    total = sum(job.n_rounds for job in jobs)
    begun = f"; {done:,} of {total:,} rounds are done already" if done else ""
    return f"{len(jobs):,} jobs of {total:,} rounds on {workers} {'core' if workers == 1 else 'cores'}{begun}"


def _dry(console: Console, as_json: bool, jobs: list[Job], counts: dict[str, int], store: Any, workers: int) -> None:
    """Print the remaining work of each protocol and a forecast of the time."""
    from spotal.bench.estimate import Estimator, default_seconds

    estimator = None if store is None else Estimator(store, jobs)
    lines: dict[str, dict[str, float]] = {}
    for job in jobs:
        line = lines.setdefault(job.protocol.name, {"jobs": 0, "rounds_left": 0, "core_seconds": 0.0})
        rounds = max(0, job.n_rounds - counts.get(job.id, 0))
        seconds = default_seconds(job) if estimator is None else estimator.round_seconds(job)
        line["jobs"] += 1
        line["rounds_left"] += rounds
        line["core_seconds"] += rounds * seconds
    total = sum(line["core_seconds"] for line in lines.values())
    if as_json:
        print_json({"protocols": lines, "core_seconds": total, "workers": workers, "seconds": total / workers})
        return
    rows = (
        (name, f"{line['jobs']:,.0f}", f"{line['rounds_left']:,.0f}", duration(line["core_seconds"]))
        for name, line in lines.items()
    )
    console.print(grid(("protocol", "jobs", "rounds left", "core time"), rows, wraps=True))
    basis = "measured times of finished rounds" if counts else "typical times, as nothing is measured yet"
    cores = "core" if workers == 1 else "cores"
    say(console, f"About {duration(total / workers)} on {workers} {cores}, estimated from {basis}")


@contextmanager
def _bars(store: Any, jobs: list[Job], workers: int) -> Iterator[Callable[[dict[str, int]], None]]:
    """Show a bar for each protocol and one for all; without a terminal, print one line per minute."""
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from spotal.bench.estimate import Estimator

    tell, terminal = seldom(), Terminal(stderr=True)
    estimator, learned = Estimator(store, jobs), time.monotonic()
    total = sum(job.n_rounds for job in jobs)

    def remaining(counts: dict[str, int]) -> str:
        nonlocal learned
        if time.monotonic() - learned > 10:
            estimator.learn()
            learned = time.monotonic()
        return f"about {duration(estimator.remaining(counts, workers))} left"

    def line(counts: dict[str, int]) -> str:
        return f"{sum(counts.get(job.id, 0) for job in jobs):,} of {total:,} rounds, {remaining(counts)}"

    if not terminal.is_terminal:
        yield lambda counts: tell(lambda: line(counts))
        return
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[remaining]}", markup=False),
    )  # fmt: skip
    own: dict[str, list[Job]] = {}
    for job in jobs:
        own.setdefault(job.protocol.name, []).append(job)
    with Progress(*columns, console=terminal, transient=True) as bars:
        rows = {
            name: bars.add_task(name, total=sum(job.n_rounds for job in some), remaining="")
            for name, some in own.items()
        }
        every = bars.add_task("rounds", total=total, remaining="")

        def watch(counts: dict[str, int]) -> None:
            for name, some in own.items():
                bars.update(rows[name], completed=sum(counts.get(job.id, 0) for job in some))
            bars.update(every, completed=sum(counts.get(job.id, 0) for job in jobs), remaining=remaining(counts))

        watch(store.counts())
        yield watch


def _cell_table(cell: dict[str, Any]) -> Table:
    from spotal.bench.tables import HEAD, rows

    shown = [HEAD.index(name) for name in TERMINAL]
    texts = ([row[k].partition(" [")[0] for k in shown] for row in rows(cell))  # without intervals
    return grid(TERMINAL, texts, title=cell["title"])
