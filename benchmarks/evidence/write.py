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
        "# Evidence for the published method",
        "<!-- Written by `python -m benchmarks.evidence`; do not edit. -->",
        "The paper makes two claims. Optimal transport to the unit cube makes an uneven pool uniform. A space-filling "
        "design in the cube gives a subset whose means converge faster than those of random picks, and which covers "
        "the pool. This page measures each claim with the code of this repository, at the commit named in each "
        "section. `python -m benchmarks.evidence` writes every number from the JSON files in "
        "`benchmarks/evidence/results`. The same command measures everything again.",
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
        f"Each transport is fitted to {n:,} points. Then it maps these points and {held:,} new points of the same "
        "cloud to the cube. The table gives the mixture discrepancy (squared, as in scipy) and the mean "
        f"Kolmogorov-Smirnov (KS) distance along {settings['directions']} random directions. Both are **divided by "
        "the value for the same number of independent uniform points**. On the fitted points, a value below 1 means "
        "that they are more even than random points. On new points, 1 is the best possible value: they are a random "
        "sample, and a map cannot change that. Exact transport maps the fitted points to a Sobol net, and each new "
        "point by its nearest fitted point. In eight dimensions this is far worse than the smooth maps. The smooth "
        "maps are also overfitted with so few points. Digits and Fashion-MNIST are first reduced to whitened "
        "principal components.",
        table(["cloud", "transport", "discrepancy, fitted", "new", "KS, fitted", "new"], rows),
        "The values for independent uniform points, mean ± standard deviation over "
        f"{result['uniform'][0]['repeats']} draws:",
        table(
            ["", f"discrepancy, n = {n:,}", f"n = {held:,}", f"KS, n = {n:,}", f"n = {held:,}", f"Sobol, n = {n:,}"],
            base_rows,
        ),
        "The cost of each map is the mean of |x - T(x)|^2. Before this, the cloud is moved to the center of the cube "
        "and scaled, by one factor for all axes, to the total variance of the cube. This does not change which map is "
        "optimal; without it, shift and scale would dominate the cost. The table divides the cost by two optimal "
        f"costs (`ot.emd2`) for the same {n:,} points. The first is the cost to a Sobol net of the cube. The second "
        "is the cost to the image of the map; it shows how close the map is to the cheapest map with the same image. "
        "The first ratio can be below 1 for two reasons. The image may not fill the cube (Sinkhorn contracts it to "
        "the center). And from three dimensions on, matching two finite sets of points has an additional cost, which "
        "a smooth map does not have.",
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
        "The pool is X = G(U). U is uniform on the cube, and G has a closed form: a mixture of a heavy and a light "
        "component on each axis, bent by a triangular shear. The functions come from five of Genz's families (all but "
        f"the discontinuous one), composed with the inverse of G: {settings['draws']} random members of each family "
        "for every seed. The error is the mean of a function over the picks minus its mean over the pool of "
        f"{settings['pool']:,} rows, in standard deviations of the function. RMSE is the root mean square of the "
        "errors over functions and seeds. The slope is that of log RMSE on log n by least squares. Intervals are from "
        "a bootstrap over seeds. Weighted means use the `cell_mass` of the selection. As a check, the pool means "
        f"differ from the closed-form integrals by {checks['z_rms']:.2f} standard errors (root mean square), and the "
        f"inverse of G is exact to {checks['inverse_error']:.0e}.",
        f"![RMSE against number of picks](images/{picture})",
        "In the picture, the number after each name is the slope. Bands are 95 % intervals.",
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
            f"random / this at {reference:,}",
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
        "The fits of the transports, means over seeds (KS distance along directions that were not fitted):",
        table(["", "transport", "seconds", "iterations", "KS"], fits),
        '"sliced" is the default transport of the library, "PP" the transport of `SPOT.paper()`. Both fit the given '
        "pool, including its sampling error. A subset of a finite pool needs this map, not that of the population. "
        '"loose" is the same transport with `min_iter=0`, which stops at the sampling error. In two dimensions the '
        "remaining error limits the accuracy: the picks follow the cube, and the mapped pool still differs from "
        "the cube. The true map has the same limit, because the pool is a sample.",
        "In eight dimensions SPOT is worse than random picks. Its advantage shrinks with the dimension, as theory "
        "predicts. The row nearest to a design point lies at a distance of about N^(-1/d). Near the faces of the cube "
        "it always lies on the inner side, which is a bias. In eight dimensions, from some hundred picks on, this "
        "bias is larger than the noise of random picks, even with the true map. Weights by nearest-pick cells "
        "increase the bias, because these cells are widest for the picks near the faces. A closer fit helps in two "
        "and four dimensions, and is slightly worse in eight.",
        OF_CELLS if defaults.is_older(result["origin"]) else "",
        "To estimate averages, draw the picks at random ([Estimates](../guides/estimates.md)), or use `SPOT.paper()` "
        "in few dimensions.",
    ]


OF_CELLS = (
    "The older default (cells) selected a row near the mean of each cell. Such picks cover the pool, which is useful "
    "for learning. But they are a biased sample for averages: without weights they follow the density of Lloyd's "
    "algorithm, and not that of the pool. Weights correct this in two dimensions only. In four dimensions the result "
    "is no better than random, in eight much worse."
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
        f"at most {GOAL_RATIO:g} times that of random picks. Reached by: {named[True] or 'none'}. Not reached by: "
        f"{named[False] or 'none'}."
    ]


def _coverage(result: Result, images: Path) -> list[str]:
    records = result["records"]
    methods = distinct(records, "method")
    measures = {"fill": "fill distance", "mean_gap": "mean distance", "w2": "W2", "w2_weighted": "W2, weighted"}
    rows_of_digits = min(record["rows"] for record in records)
    text = [
        defaults.heading("Coverage", result["origin"]),
        _origin(result["origin"]),
        f"Pools of {result['settings']['pool']:,} rows (digits {rows_of_digits:,}). Distances are in units of the "
        "pool's root-mean-square radius, in the space of the embeddings (digits: 64 pixels; Fashion-MNIST: 32 "
        "principal components of the pixels). The fill distance is the largest distance from a row to its nearest "
        "pick. W2 is the exact Wasserstein distance between the pool and the picks. The picks have equal mass, or "
        "each pick has the mass of its cell (weighted). All values are means over seeds; lower is better, and the "
        "best of each line is bold. The last line of each pool with groups is the share of groups (mixture "
        "components, classes) that have a pick; there, higher is better.",
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
        "Seconds per selection:",
        table(["", *methods], seconds),
        "- k-center minimizes the fill distance and has the best one. Its picks do not have the distribution of the "
        "pool (W2 with equal mass).\n"
        "- k-means minimizes the mean squared distance, which is the square of the weighted W2. It has the best "
        "weighted W2.\n"
        "- The picks of SPOT as published have a distribution close to that of the pool without weights. This is clear "
        "in two and three dimensions, and hardly visible for the images, where SPOT uses only the leading components. "
        "It reaches few rare groups, because its picks follow the mass. With weights, for the images, it is hardly "
        "better than random picks.\n"
        "- The default refines its cells in the embedding space. It has the best W2 with equal mass, or nearly so. In "
        "the measure that k-means minimizes, it is close to k-means. Its fill distance is worse than those of "
        "k-center and k-means.",
    ]
