"""Writer of docs/evidence/published-method.md and its pictures; every number comes from the JSON results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.evidence import defaults, plots
from benchmarks.evidence.loop_section import section as loop_section
from benchmarks.evidence.tables import distinct, interval, mean_se, number, pick, table

Result = dict[str, Any]

GOAL_SLOPE, GOAL_RATIO = -0.85, 0.1


def write(results: Path, docs: Path) -> Path:
    """Write the document from the available results; return its path."""
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    parts = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    text = [
        "# Evidence that it is SPOT",
        "<!-- Written by `python -m benchmarks.evidence`; do not edit. -->",
        "The paper claims that optimal transport to the cube makes an uneven pool uniform, and that a space-filling "
        "design there gives a subset that converges faster than a random one and covers the pool. This page measures "
        "each claim with the code of this repository, at the commit that each section names. Every number is written "
        "by `python -m benchmarks.evidence` from the JSON files in `benchmarks/evidence/results`; that command repeats "
        "everything but the rounds.",
        *defaults.notes(part["origin"] for name, part in parts.items() if name != "uniformity"),
    ]
    for part, make in (("uniformity", _uniformity), ("convergence", _convergence), ("coverage", _coverage)):
        if part in parts:
            text += make(parts[part], images)
    if "loop" in parts:
        text += loop_section(parts["loop"], images, _origin(parts["loop"]["origin"]))
    path = docs / "published-method.md"
    draft = path.with_suffix(".tmp")
    draft.write_text("\n\n".join(part for part in text if part) + "\n")
    draft.replace(path)
    return path


def _origin(origin: Result) -> str:
    machine = origin.get("machine", {})
    seeds = origin.get("seeds", [])
    versions = ", ".join(f"{name} {version}" for name, version in origin.get("versions", {}).items())
    changed = " with uncommitted changes" if origin.get("source_changed") else ""
    took = f"; {origin['seconds']:.0f} s on {origin['workers']} processes" if "seconds" in origin else ""
    return (
        f"*Commit `{origin.get('commit', 'unknown')[:12]}`{changed}, {origin.get('date', '')}; "
        f"seeds {min(seeds)} to {max(seeds)}; {machine.get('cpu', '')}, {machine.get('cores', '')} cores, "
        f"{machine.get('memory_gib', '')} GiB; {versions}{took}.*"
    )


def _mean(records: list[Result], key: str) -> float:
    return mean_se([record[key] for record in records])[0]


def _uniformity(result: Result, images: Path) -> list[str]:
    records, settings = result["records"], result["settings"]
    uniform = {row["dim"]: row for row in result["uniform"]}
    rows, costs = [], []
    for cloud in distinct(records, "cloud"):
        for name in distinct(records, "transport"):
            own = pick(records, cloud=cloud, transport=name)
            base = uniform[own[0]["dim"]]
            cells = [f"{cloud}, d = {own[0]['dim']}" if name == records[0]["transport"] else "", name]
            keys = ("discrepancy", "discrepancy_new", "ks", "ks_new")
            rows.append([*cells, *(f"{_mean(own, key) / base[key]['mean']:.2f}" for key in keys)])
            costs.append(
                [
                    cells[0],
                    name,
                    number(_mean(own, "cost")),
                    f"{_mean([{'r': r['cost'] / r['least_to_cube']} for r in own], 'r'):.3f}",
                    f"{_mean([{'r': r['cost'] / max(r['least_to_image'], 1e-300)} for r in own], 'r'):.3f}",
                    number(_mean(own, "seconds"), 2),
                    f"{_mean(own, 'iterations'):.0f}" if _mean(own, "iterations") else "",
                ]
            )
    base_rows = [
        [
            f"d = {dim}",
            *(
                f"{number(row[key]['mean'])} ± {number(row[key]['sd'], 2)}"
                for key in ("discrepancy", "discrepancy_new", "ks", "ks_new")
            ),
            number(row["discrepancy_sobol"]),
        ]
        for dim, row in uniform.items()
    ]
    n, held = settings["fitted"], settings["held"]
    picture = plots.maps(result["pictures"], images / "evidence-maps.png")
    return [
        "## Uniformity",
        _origin(result["origin"]),
        f"Each transport is fitted to {n:,} points and carries them and {held:,} new points of the same cloud. The "
        "table gives mixture discrepancy (squared, as scipy has it) and the mean Kolmogorov-Smirnov distance along "
        f"{settings['directions']} random directions, both **as multiples of what independent uniform points of the "
        "same number show**. On the fitted points, below 1 is more even than random. On new points 1 is as good as a "
        "map can be: they are a random sample, and stay one. Exact transport sends the fitted points onto a Sobol net; "
        "its new points show how far a nearest-neighbor extension carries that: in eight dimensions it is "
        "far worse than the smooth maps, and these too are overfitted at this number of points. "
        "Digits and Fashion-MNIST are reduced to whitened principal components first.",
        table(["cloud", "transport", "discrepancy, fitted", "new", "KS, fitted", "new"], rows),
        f"Uniform points themselves, mean ± standard deviation over {result['uniform'][0]['repeats']} draws:",
        table(
            ["", f"discrepancy, n = {n:,}", f"n = {held:,}", f"KS, n = {n:,}", f"n = {held:,}", f"Sobol, n = {n:,}"],
            base_rows,
        ),
        "The cost of each map is the mean of |x - T(x)|^2, the cloud being shifted to the cube's center and scaled, "
        "all axes alike, to its total variance (neither changes which map is optimal, and both would hide the ratio). "
        f"It is compared with `ot.emd2` on the same {n:,} points: to a Sobol net of the cube, and to the map's own "
        "image, which says how far the map is from the best way to reach the image that it reaches. A ratio to the "
        "cube can be below 1: where the image does not fill it (Sinkhorn draws it to the center), and, from three "
        "dimensions on, because matching two finite clouds also pays for their grain, which a smooth map does not.",
        table(["cloud", "transport", "cost", "/ emd2 to cube", "/ emd2 to image", "fit, s", "iterations"], costs),
        f"![Pools before and after transport](images/{picture})",
    ]


def _convergence(result: Result, images: Path) -> list[str]:
    settings, checks = result["settings"], result["checks"]
    rows = result["all"]
    picture = plots.convergence(rows, settings["sizes"], images / "evidence-convergence.png")
    text = [
        defaults.heading("Convergence", result["origin"]),
        _origin(result["origin"]),
        "The pool is X = G(U) with U uniform on the cube and G known in closed form: a mixture of a heavy and a light "
        "lump on each axis, bent by a triangular shear. The functions are Genz's five families without the "
        f"discontinuous one, pulled back by the inverse of G, {settings['draws']} random members of each for every "
        "seed. The error is that of their mean over the picks against their mean over the pool of "
        f"{settings['pool']:,} rows, in standard deviations of the function; RMSE over functions and seeds; slope of "
        "log RMSE on log n by least squares; intervals from a bootstrap over seeds. Weighted means use the "
        "selection's `cell_mass`. Check: "
        f"pool means lie {checks['z_rms']:.2f} standard errors (root mean square) from the closed-form integrals; the "
        f"inverse of G is exact to {checks['inverse_error']:.0e}.",
        f"![RMSE against number of picks](images/{picture})",
        "In the picture, names are followed by the slope; bands are 95 % intervals.",
    ]
    for dim in distinct(rows, "dim"):
        own = pick(rows, dim=dim)
        smooth = {row["method"]: row for row in pick(result["analytic"], dim=dim)}
        reference = own[0]["reference"]
        text.append(f"### d = {dim}")
        head = [
            "picks",
            f"slope, {settings['sizes'][0]} to {settings['sizes'][-1]:,}",
            "analytic families only",
            f"slope to {reference:,}",
            f"RMSE at {reference:,}",
            f"random's / it at {reference:,}",
        ]
        at = settings["sizes"].index(reference)
        text.append(
            table(
                head,
                [
                    [
                        row["method"],
                        f"{row['slope']:.2f} {interval(row['slope_interval'])}",
                        f"{smooth[row['method']]['slope']:.2f}",
                        f"{row['slope_to_reference']:.2f} {interval(row['slope_to_reference_interval'])}",
                        number(row["rmse"][at]),
                        f"{1 / row['ratio']:.1f} {interval([1 / bound for bound in row['ratio_interval'][::-1]], 1)}",
                    ]
                    for row in own
                ],
            )
        )
    text += _goal(rows)
    fits = [
        [f"d = {f['dim']}", f["transport"], number(f["seconds"], 2), f"{f['iterations']:.0f}", number(f["uniformity"])]
        for f in result["fits"]
    ]
    return [
        *text,
        "The fits behind these, means over seeds (KS along directions that were not fitted):",
        table(["", "transport", "seconds", "iterations", "KS"], fits),
        '"sliced" is the library\'s default transport and "PP" that of `SPOT.paper()`. They fit the pool at hand, '
        "sampling error included: that, not the population's map, is what a subset of a finite pool needs. "
        '"loose" is the same with `min_iter=0`, which stops at the sampling error: what that leaves is a floor under '
        "the error in two dimensions, where the picks follow the cube while the carried pool still differs from it. "
        "The true map has the same floor, because the pool is itself a sample.",
        "Where SPOT loses: the gain shrinks with dimension, as theory says it must. A row of the pool lies at a "
        "distance of about N^(-1/d) from a design point, and near the faces of the cube always on the inner side: in "
        "eight dimensions this bias outweighs the noise of random picks as soon as there are some hundreds, even with "
        "the true map, and weighting by nearest-pick cells makes it worse, since such cells are widest for the picks "
        "near the faces. A closer fit helps in two and four dimensions and costs a little "
        "in eight.",
        OF_CELLS if defaults.is_older(result["origin"]) else "",
        "For averages draw the picks ([Estimates](../guides/estimates.md)), or use `SPOT.paper()` in few dimensions.",
    ]


OF_CELLS = (
    "The default of then (cells) took a row near the mean of each cell. That covers a pool and serves learning, but it "
    "is a biased sample for averages: unweighted, it follows Lloyd's density instead of the pool's, which weights "
    "repair in two dimensions only; in four it is no better than random, in eight much worse."
)


def _goal(rows: list[Result]) -> list[str]:
    """The methods that reach the goal for two dimensions."""
    own = [row for row in pick(rows, dim=2) if row["method"] != "random" and "true map" not in row["method"]]
    met = {row["method"]: row["slope"] <= GOAL_SLOPE and row["ratio"] <= GOAL_RATIO for row in own}
    named = {truth: "; ".join(method for method, reached in met.items() if reached == truth) for truth in (True, False)}
    if not own:
        return []
    return [
        f"The goal in two dimensions was a slope of {GOAL_SLOPE} and, at {own[0]['reference']:,} picks, an error of "
        f"at most {GOAL_RATIO:g} of random's. Met by: {named[True] or 'none'}. Missed by: {named[False] or 'none'}."
    ]


def _coverage(result: Result, images: Path) -> list[str]:
    records = result["records"]
    methods = distinct(records, "method")
    measures = {"fill": "fill distance", "mean_gap": "mean distance", "w2": "W2", "w2_weighted": "W2, weighted"}
    rows_of_digits = min(record["rows"] for record in records)
    text = [
        defaults.heading("Coverage", result["origin"]),
        _origin(result["origin"]),
        f"Pools of {result['settings']['pool']:,} rows (digits {rows_of_digits:,}), distances in units of the pool's "
        "root-mean-square radius, in the space of the embeddings (digits: 64 pixels; Fashion-MNIST: 32 principal "
        "components of the pixels). Fill distance is the largest distance from a row to its nearest pick; W2 is exact, "
        "between the pool and the picks, of equal mass or weighted by the mass that each stands for. Mean over seeds; "
        "less is better; the best of each line is bold. The last column of a group of lines is the share of groups "
        "(mixture components, classes) that have a pick.",
    ]
    panels: dict[str, Any] = {}
    for n in distinct(records, "n"):
        rows = []
        for cloud in distinct(records, "cloud"):
            own = pick(records, cloud=cloud, n=n)
            for key, label in measures.items():
                values = {m: mean_se([r[key] for r in pick(own, method=m)]) for m in methods}
                best = min(values.values())[0]
                rows.append(
                    [
                        cloud if key == "fill" else "",
                        label,
                        *(f"**{v:.3f}**" if v == best else f"{v:.3f}" for v, _ in values.values()),
                    ]
                )
                base = pick(own, method=methods[0])
                if key in ("fill", "w2", "w2_weighted"):
                    ratios = {
                        m: mean_se([a[key] / b[key] for a, b in zip(pick(own, method=m), base, strict=True)])
                        for m in methods[1:]
                    }
                    panels.setdefault(f"{label}, n = {n}", {})[cloud] = ratios
            if own[0]["groups"] > 1:
                rows.append(
                    [
                        "",
                        f"share of {own[0]['groups']} groups",
                        *(f"{_mean(pick(own, method=m), 'groups_hit'):.2f}" for m in methods),
                    ]
                )
        text += [f"### n = {n}", table(["pool", "measure", *methods], rows)]
    seconds = [["", *(number(_mean(pick(records, method=m), "seconds"), 2) for m in methods)]]
    last = distinct(records, "n")[-1]
    shown = {title: rows for title, rows in panels.items() if title.endswith(f"n = {last}")}
    picture = plots.dots(shown, "ratio to random", images / "evidence-coverage.png")
    return [
        *text,
        f"![Coverage relative to random](images/{picture})",
        "Seconds a selection:",
        table(["", *methods], seconds),
        "k-center minimizes fill distance and is best there, at the price of picks that do not look like the pool (W2 "
        "of equal mass). k-means minimizes the mean squared distance, which is W2 weighted, and leads it. SPOT as "
        "published gives picks that look like the pool without weights, clearly so in two and three dimensions and "
        "hardly in the pictures, of which it sees only the leading components; it reaches few rare groups, as its "
        "picks follow the mass, and weighted it is hardly ahead of random picks in the pictures. The default refines "
        "its cells in the embedding space: "
        "it leads W2 of equal mass or is near the lead, and comes close to k-means in the measure that k-means "
        "minimizes. It loses to k-center and k-means in fill distance.",
    ]
