"""Writer of docs/evidence/performance.md and its plots, from the results of ``benchmarks.scale``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.everyday_page import everyday
from benchmarks.evidence import defaults

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence" / "performance.md"
IMAGES = PAGE.parent / "images"


def write(folder: Path, page: Path = PAGE, images: Path = IMAGES) -> None:
    """Write the page and its pictures; the page names parts that were not measured."""
    parts = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    sections = (_head, _cold, _scaling, _forecast, _round, everyday, _kernel, _peers, _quality, _origins)
    for part, plot in (("scaling", _plot_scaling), ("peers", _plot_peers)):
        if _by_size(parts.get(part, {})):
            plot(parts[part], images)
    page.write_text("\n\n".join(text for text in (section(parts) for section in sections) if text) + "\n")


def _table(names: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" + "---:|" * (len(names) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _s(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _mb(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def _head(parts: dict[str, Any]) -> str:
    text = """# Performance

<!-- Written by `python -m benchmarks.scale write`; do not edit. -->

The cost of a selection for pools of different sizes, measured on one machine by `python -m benchmarks.scale`. **s** is
wall-clock time in seconds. **CPU s** is processor time in seconds, summed over all threads. The last section gives the
load average at the end of each part. Other processes increase the wall-clock time, but hardly the processor time. So
the tables give ratios of both. The pools are mixtures of 200 Gaussians. "Memory" is the anonymous memory that the
selection adds. It does not include the pool and what the process used before.

`SPOT()` works on a sample of the pool, which it draws in one pass:
[Larger than a machine](../guides/cluster.md#the-sample)."""
    return "\n\n".join([text, *defaults.notes(part["origin"] for part in parts.values())])


def _title(title: str, parts: dict[str, Any], name: str) -> str:
    """A section's heading, with a mark if its part was measured with an older default."""
    return defaults.heading(title, parts.get(name, {}).get("origin", {}))


def _cold(parts: dict[str, Any]) -> str:
    done = [row for row in parts.get("cold", {}).get("results", []) if "stopped" not in row]
    if not done:
        return "## One million rows\n\nNot measured."
    spot = {row["budget"]: row for row in sorted(done, key=lambda row: row["budget"])}
    rows = []
    for row in spot.values():
        base = row["projection"]
        wall, work = row["seconds"] / base["seconds"], row["cpu_seconds"] / base["cpu_seconds"]
        cells = [f"{row['budget']:,}", str(row["repeats"]), _s(row["seconds"]), _s(row["cpu_seconds"])]
        passes = f"{_s(base['seconds'])}, {_s(row['projection_after']['seconds'])}"
        memory = _mb(row["anonymous_bytes"])
        rows.append([*cells, passes, f"{wall:.1f}", f"{work:.1f}", memory, f"{row['cell_mass_cv']:.2f}"])
    names = ["budget", "runs", "s", "CPU s", "X @ P, s", "/ X @ P", "CPU / X @ P", "memory", "CV"]
    text = (
        f"{_title('One million rows', parts, 'cold')}\n\n"
        f"A pool of 1,000,000 x 512 float32 numbers in memory, {done[0]['threads']} threads, no labels. For "
        "comparison, one projection `X @ P` (512 -> 8) by torch is measured before and after the selection. Ratios use "
        "the "
        "projection before. CV: coefficient of variation of the masses of the picks' cells.\n\n" + _table(names, rows)
    )
    for row in parts["cold"]["results"]:
        if "stopped" in row:
            text += f"\n\nA budget of {row['budget']:,} was stopped: {row['stopped']}."
    if 100 in spot and 10_000 in spot:
        text += (
            "\n\nFrom a budget of 100 to 10,000 the time grows "
            f"{spot[10_000]['seconds'] / spot[100]['seconds']:.2f} times ("
            f"{spot[10_000]['cpu_seconds'] / spot[100]['cpu_seconds']:.2f} times in CPU time). The aim was 2 times."
        )
    center = parts.get("kcenter", {})
    how = f"{center.get('steps')} steps on {center.get('rows', 0):,} rows"
    rivals = [("greedy k-center", row | {"how": how}) for row in center.get("results", [])]
    rivals += [("faiss k-means (20 iterations) + medoids", row) for row in parts.get("kmeans", {}).get("results", [])]
    rows = []
    for name, row in rivals:
        mine = spot.get(row.get("budget", 0))
        if "stopped" in row or mine is None:
            rows.append([name, f"{row.get('budget', 0):,}", row.get("stopped", ""), "", "", ""])
            continue
        how = row.get("how") or _tried(row)
        ratios = [f"{row[k] / mine[k]:.0f}" for k in ("seconds", "cpu_seconds")]
        rows.append([name, f"{row['budget']:,}", _s(row["seconds"]), _s(row["cpu_seconds"]), how, " / ".join(ratios)])
    if rows:
        names = ["on the same pool", "budget", "s", "CPU s", "measured on", "/ SPOT (clock / CPU)"]
        text += "\n\n" + _table(names, rows)
    return text


def _tried(row: dict[str, Any]) -> str:
    """The extent of a k-means run."""
    some = row.get("iterations", 20)
    return "all" if (some, row["rows"]) == (20, 10**6) else f"{some} iterations on {row['rows']:,} rows"


def _by_size(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Finished measurements, ordered by size of the pool."""
    return sorted((row for row in part.get("results", []) if "stopped" not in row), key=lambda row: row["rows"])


def _scaling(parts: dict[str, Any]) -> str:
    rows = _by_size(parts.get("scaling", {}))
    if not rows:
        return "## Streaming\n\nNot measured."
    large = [row for row in rows if row["rows"] >= 10**5]
    slopes = ""
    if len(large) > 1:
        x = np.log([row["rows"] for row in large])
        wall, work = (np.polyfit(x, np.log([row[k] for row in large]), 1)[0] for k in ("seconds", "cpu_seconds"))
        slopes = (
            f" From 100,000 rows on, SPOT uses a sample. There the slope of log time on log N is {wall:.2f} "
            f"({work:.2f} in CPU time)."
        )
    table = _table(
        ["rows", "runs", "s", "CPU s", "memory", "total"],
        [
            [
                f"{row['rows']:,}",
                str(row["repeats"]),
                _s(row["seconds"]),
                _s(row["cpu_seconds"]),
                _mb(row["anonymous_bytes"]),
                _mb(row["anonymous_total"]),
            ]
            for row in rows
        ],
    )
    return (
        f"{_title('Streaming', parts, 'scaling')}\n\n"
        "Pools of 128 numbers per row in a .npy file, read in batches. The budget is 1,000, or a tenth of the rows if "
        f'that is less.{slopes} "Total" is the peak of all anonymous memory of the process.\n\n{table}\n\n'
        "![Time and memory by number of rows](images/performance-scaling.png)"
    )


def _forecast(parts: dict[str, Any]) -> str:
    """Forecasts and measured times."""
    measured = {part: parts.get(part, {}).get("results", []) for part in ("cold", "scaling")}
    measured = {part: [row for row in rows if "complete_seconds" in row] for part, rows in measured.items()}
    cold = [("1,000,000 x 512 in memory", row) for row in sorted(measured["cold"], key=lambda row: row["budget"])]
    streamed = [
        (f"{row['rows']:,} x 128 in a file", row) for row in sorted(measured["scaling"], key=lambda row: row["rows"])
    ]
    rows = [
        [
            name,
            f"{row['budget']:,}",
            _s(row["forecast_seconds"]),
            _s(row["complete_seconds"]),
            f"{row['forecast_seconds'] / row['complete_seconds']:.2f}",
        ]
        for name, row in cold + streamed
    ]
    if not rows:
        return ""
    return (
        f"{_title('Forecasts', parts, 'cold')}\n\n"
        "The forecast is that of `spotal select --plan`, made in the same process before the run. The run is measured "
        "once, in wall-clock time. It includes the selection and a pass that assigns each row to its nearest pick. The "
        "sections above do not include this pass. The aim is a ratio between 1 / 1.5 and 1.5.\n\n"
        + _table(["pool", "budget", "forecast, s", "s", "ratio"], rows)
    )


def _round(parts: dict[str, Any]) -> str:
    rows = []
    for result in sorted(parts.get("round", {}).get("results", []), key=lambda result: result["rows"]):
        size = f"{result['rows']:,}"
        if "stopped" in result:
            rows.append([size, result["stopped"], "", "", "", ""])
            continue
        for name, key in (
            ("cold", "cold"),
            ("with probabilities", "without_labels"),
            ("with probabilities and 1,000 labeled rows", "round"),
        ):
            cost = result[key]
            cells = [_s(cost[k]) for k in ("seconds", "cpu_seconds")]
            ratios = [f"{cost[k] / result['cold'][k]:.2f}" for k in ("seconds", "cpu_seconds")]
            rows.append([size, name, *cells, *ratios])
    if not rows:
        return "## A round of the loop\n\nNot measured."
    return (
        f"{_title('A round of the loop', parts, 'round')}\n\n"
        'Pools of 512 numbers per row in memory, budget 1,000, probabilities of ten classes. "Cold" is a selection '
        "without labels and probabilities. The aim is that a selection with both takes at most twice as long as a cold "
        "one.\n\n" + _table(["rows", "", "s", "CPU s", "/ cold", "CPU / cold"], rows)
    )


OURS = "numba"


def _kernel(parts: dict[str, Any]) -> str:
    part = parts.get("kernel", {})
    if "results" not in part:
        return "## The kernel\n\nNot measured."
    rows, behind = [], []
    for dim in dict.fromkeys(row["dim"] for row in part["results"]):
        mine = [row for row in part["results"] if row["dim"] == dim]
        best = {k: min(row[k] for row in mine if "stopped" not in row) for k in ("seconds", "cpu_seconds")}
        for row in mine:
            about = [str(dim), row["name"] + (" (used)" if row["name"] == OURS else "")]
            if "stopped" in row:
                rows.append([*about, row["stopped"], "", "", ""])
                continue
            cells = [_s(row["seconds"]), _s(row["cpu_seconds"]), f"{row['seconds'] / best['seconds']:.2f}"]
            rows.append([*about, *cells, ", ".join(f"{value:.0e}" for value in row["difference"])])
            behind += [row["cpu_seconds"] / best["cpu_seconds"]] if row["name"] == OURS else []
    one = part["results"][0]
    ratios = " and ".join(f"{ratio:.2f}" for ratio in behind)
    return (
        f"## The kernel\n\nA sliced map of {one['frames']} frames is applied to {one['rows']:,} points, in double "
        f"precision, with {part['threads']} threads. Five implementations are compared:\n\n"
        "- *reference*: `FrameMap.forward`, with which the tests compare; it applies each frame to all points;\n"
        "- *torch, in blocks*: the same on blocks of 8,192 points, which stay in the cache;\n"
        "- *torch.compile, in blocks*: the same, compiled by `torch.compile`;\n"
        "- *numba*: loops in numba (`spotal.numeric.kernels.apply_frame`);\n"
        "- *C++*: g++ -O3 -march=native, compiled for one dimension; it applies all frames to one block at a time.\n\n"
        "The last column is the difference from the reference: median, 99th percentile and maximum over the points. In "
        "the row of the reference it is the change of the result when the last bit of the points changes. The maximum "
        "is large in the corners of the cube, where the slopes of many maps are multiplied.\n\n"
        + _table(["d", "", "s", "CPU s", "/ fastest", "difference"], rows)
        + f"\n\nnumba's loops take {ratios} times the processor time of the fastest. spotal uses them as long as this "
        "ratio is below 1.5: they are as short as the reference, and they need no C++ compiler on the user's machine. "
        "On CUDA, spotal runs the reference. A fused Triton kernel was not tried, because no GPU was available."
    )


def _peers(parts: dict[str, Any]) -> str:
    part = parts.get("peers")
    if not part:
        return "## Peers\n\nNot measured."
    rows = [
        [
            row["name"],
            f"{row['rows']:,}",
            row.get("stopped") or _s(row["seconds"]),
            "" if "stopped" in row else _s(row["cpu_seconds"]),
            _mb(row["anonymous_bytes"]) if "anonymous_bytes" in row else "",
        ]
        for row in part["results"]
    ]
    return (
        f"{_title('Peers', parts, 'peers')}\n\n"
        "Each method selects 100 rows, without labels, from pools of 128 numbers per row. Each selection runs in its "
        f"own process. It is stopped after {_caps(part, 'cap_seconds', 1)} s or at {_caps(part, 'cap_bytes', 1e9)} GB; "
        "the method is then not run on larger pools. A size is also skipped if the growth so far predicts more than "
        "1.5 times "
        'one of these limits; the table then gives the prediction ("by its growth"). If the last row of a method has a '
        "time, larger pools were not run for lack of time. Each process first selects from a small pool, so that "
        "compilation is not measured; but coreax compiles again for each size. FADS is the package of its authors.\n\n"
        + _table(["", "rows", "s", "CPU s", "memory"], rows)
        + "\n\n![Time of each method by number of rows, and where it is stopped](images/performance-peers.png)"
    )


def _caps(part: dict[str, Any], name: str, unit: float) -> str:
    """The caps in ascending order."""
    return " to ".join(f"{value / unit:,.0f}" for value in sorted({row[name] for row in part["results"]}))


def _quality(parts: dict[str, Any]) -> str:
    records = parts.get("quality", {}).get("rows")
    if not records:
        return "## Quality of the fast method\n\nNot measured."
    whole, part = dict.fromkeys(row["path"] for row in records)
    rows = []
    for fast in [row for row in records if row["path"] == part]:
        slow = next(row for row in records if row["path"] == whole and row["budget"] == fast["budget"])
        gap = np.array(fast["accuracy"]) - slow["accuracy"]
        cells = [f"{np.mean(row['accuracy']):.4f}" for row in (slow, fast)]
        error = gap.std(ddof=1) / math.sqrt(len(gap))
        away = np.mean(fast["squared_distance"]) / np.mean(slow["squared_distance"])
        rows.append([str(fast["budget"]), *cells, f"{gap.mean():+.4f} ± {error:.4f}", f"{away:.3f}"])
    return (
        f"{_title('Quality of the fast method', parts, 'quality')}\n\n"
        f'Large pools are processed by a faster method ("{part}") than small pools ("{whole}"). Here both are run on '
        "the same small pool, handwritten digits. The table gives the accuracy of logistic regression trained on the "
        f"picks, over {len(gap)} seeds, and the difference ± its standard error. The last column is the mean squared "
        "distance of "
        f'rows to their nearest picks with "{part}", divided by the same with "{whole}".\n\n'
        + _table(["budget", whole, part, "difference", "distance"], rows)
    )


def _origins(parts: dict[str, Any]) -> str:
    rows = []
    for name, part in parts.items():
        made = part["origin"]
        load = "/".join(f"{value:.0f}" for value in part["load"])
        machine = made["machine"]
        rows.append([name, made["commit"][:12], made["date"], f"{machine['cpu']}, {machine['cores']} cores", load])
    if not rows:
        return ""
    return "## Origin of the numbers\n\n" + _table(["part", "commit", "date", "machine", "load, 1/5/15 min"], rows)


def _plot_scaling(part: dict[str, Any], images: Path) -> None:
    from matplotlib.figure import Figure

    rows = _by_size(part)

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    time, memory = figure.subplots(1, 2)
    n = [row["rows"] for row in rows]
    time.loglog(n, [row["seconds"] for row in rows], "o-", label="clock")
    time.loglog(n, [row["cpu_seconds"] for row in rows], "s--", label="CPU")
    time.set(xlabel="rows", ylabel="seconds", title="time")
    time.legend(frameon=False)
    memory.semilogx(n, [row["anonymous_total"] / 1e6 for row in rows], "o-")
    memory.set(xlabel="rows", ylabel="MB", title="peak of anonymous memory", ylim=(0, None))
    images.mkdir(exist_ok=True)
    figure.savefig(images / "performance-scaling.png", dpi=120)


def _plot_peers(part: dict[str, Any], images: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(row["name"] for row in part["results"]):
        rows = [row for row in part["results"] if row["name"] == name]
        done = [row for row in rows if "stopped" not in row]
        own = name.startswith("spotal")
        line = axes.loglog(
            [row["rows"] for row in done], [row["seconds"] for row in done], "o-", label=name, lw=2.5 if own else 1
        )
        for row in rows:
            if "stopped" in row:
                axes.plot([row["rows"]], [row["cap_seconds"]], "x", color=line[0].get_color(), ms=9)
    for cap in {row["cap_seconds"] for row in part["results"]}:
        axes.axhline(cap, color="0.7", lw=0.8)
    axes.set(xlabel="rows", ylabel="seconds", title="selection of 100 rows (x: stopped)")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    images.mkdir(exist_ok=True)
    figure.savefig(images / "performance-peers.png", dpi=120)
