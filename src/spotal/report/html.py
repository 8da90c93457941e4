"""The report as one HTML page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import base64
import json
import os
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from matplotlib.figure import Figure

from spotal.report import plots
from spotal.report.comparison import Comparison
from spotal.report.gallery import gallery
from spotal.report.maps import QueryMap, query_map
from spotal.report.summary import label_of, summarize
from spotal.storage.files import atomic_path
from spotal.strategies import SPOT, TransportedDesign, get

__all__ = ["page", "write_report"]


def write_report(comparison: Comparison, folder: str | os.PathLike[str]) -> tuple[dict[str, Any], Path, Path]:
    """Write ``report.html`` and ``curves.json`` into a folder, which is made if it is missing.

    Returns
    -------
    summary : dict, what ``curves.json`` holds: :func:`spotal.report.summarize`
    page, numbers : Path, of the two files

    Raises
    ------
    OutputError
        The folder cannot be made or written to. Files that were there are then as they were.
    """
    summary = summarize(comparison)
    place = Path(folder)
    html = page(comparison, summary)
    with atomic_path(place / "curves.json") as numbers:
        numbers.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        with atomic_path(place / "report.html") as part:  # both or none
            part.write_text(html, encoding="utf-8")
    return summary, place / "report.html", place / "curves.json"


def page(comparison: Comparison, summary: dict[str, Any]) -> str:
    """The whole page."""
    settings, data = comparison.settings, comparison.data
    own, base = summary["difference"]["of"], summary["difference"]["to"]
    template = Template(files("spotal.report").joinpath("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(f"spotal: {label_of(own)} against {base} on {data.name}"),
        headline=escape(summary["headline"]),
        verdict=escape(summary["verdict"]),
        verdict_class=summary["verdict"].replace(" ", "-"),
        question=escape(_question(comparison)),
        curves=_themed(plots.curves, summary, "Learning curves: test accuracy by number of labels"),
        difference=_themed(plots.difference, summary, "Paired difference in test accuracy by number of labels"),
        curves_caption=escape(_curves_caption(settings.seeds)),
        table=_table(summary),
        map=_map(comparison),
        gallery_own=gallery(data, comparison.of(own)[0]),
        gallery_base=gallery(data, comparison.of(base)[0]),
        own=escape(label_of(own)),
        base=escape(label_of(base)),
        provenance=_provenance(summary),
    )


def _question(comparison: Comparison) -> str:
    settings, data = comparison.settings, comparison.data
    names = [label_of(name) for name in reversed(settings.strategies)]
    sizes = sorted({len(run.rows) for run in comparison.runs})
    pool = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    tail = f", the rarest class made {settings.imbalance:g} times rarer than the largest" * (settings.imbalance != 1)
    seeds = "This is one run."
    if settings.seeds > 1:
        seeds = f"All of it is done under {settings.seeds} seeds; in each, both start from the same random images."
    learner = "a linear probe on the images' features" if comparison.on_features else "the same small network"
    return (
        f"{' and '.join(names)} picking each choose {settings.budget} images to label, {settings.rounds} times, from "
        f"{pool} images of {data.name} in {data.n_classes} classes{tail}. After each time {learner} is "
        f"trained from nothing and tested on {comparison.n_test:,} other images. {seeds}"
    )


def _curves_caption(seeds: int) -> str:
    if seeds == 1:
        return "One run; more seeds (--seeds) are needed to tell a difference from chance."
    return (
        f"First picture: mean of {seeds} seeds (thick), single seeds (thin), and the 95 % Student interval of the mean "
        "(band). Second: the difference seed by seed (dots), its mean and 95 % interval; the first point is the shared "
        "random batch. A difference whose interval holds zero may be chance."
    )


def _image(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _themed(draw: Any, content: Any, alt: str, *, raster: bool = False) -> str:
    """The picture for light pages, and for dark ones where the reader's device asks for them."""

    def source(theme: plots.Theme) -> str:
        figure: Figure = draw(content, theme)
        return _image(plots.png(figure), "png") if raster else _image(plots.svg(figure), "svg+xml")

    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{source(plots.DARK)}">'
        f'<img src="{source(plots.LIGHT)}" alt="{escape(alt)}"></picture>'
    )


def _table(summary: dict[str, Any]) -> str:
    names = list(summary["curves"])
    gap = summary["difference"]["by_labels"]
    own, base = summary["difference"]["of"], summary["difference"]["to"]
    head = "".join(f"<th>{escape(label_of(name))}</th>" for name in names)
    rows = []
    for k, labels in enumerate(summary["labels"]):
        cells = []
        best = max(summary["curves"][name]["accuracy"]["mean"][k] for name in names)
        for name in names:
            curve = summary["curves"][name]["accuracy"]
            text = mean_sd(curve["mean"][k], curve["sd"][k], len(curve["runs"]))
            cells.append(f"<td{' class=best' if k and curve['mean'][k] == best else ''}>{text}</td>")
        low, high = gap["low"][k], gap["high"][k]
        spread = "" if low is None or k == 0 else f" <small>[{100 * low:+.1f}, {100 * high:+.1f}]</small>"
        rows.append(f"<tr><th>{labels}</th>{''.join(cells)}<td>{100 * gap['mean'][k]:+.1f}{spread}</td></tr>")
    return (
        f"<table><thead><tr><th>labels</th>{head}<th>{escape(label_of(own))} less {escape(base)}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def mean_sd(mean: float, sd: float, runs: int) -> str:
    """Percentages with one decimal: the mean, and the deviation where there is more than one run."""
    return f"{100 * mean:.1f}" + (f" ± {100 * sd:.1f}" if runs > 1 else "")


def _map(comparison: Comparison) -> str:
    """Both maps and what they show; nothing where no SPOT took part."""
    for name in reversed(comparison.settings.strategies):
        strategy, run = get(name), comparison.of(name)[0]
        if isinstance(strategy, (SPOT, TransportedDesign)) and run.request is not None:
            picture = query_map(strategy, run.request)
            return (
                f'<div class="pair"><figure>{_themed(plots.map_before, picture, "Pool before transport", raster=True)}'
                f"<figcaption>Before: the network's embeddings</figcaption></figure>"
                f"<figure>{_themed(plots.map_after, picture, 'Pool after transport', raster=True)}"
                f"<figcaption>After: the hypercube</figcaption></figure></div>"
                f'<p class="note">{escape(_map_caption(picture, run.queried[0].number))}</p>'
            )
    return "<p>No strategy here transports the pool.</p>"


def _map_caption(picture: QueryMap, number: int) -> str:
    drawn = "" if len(picture.before) == picture.n else f" ({len(picture.before):,} of {picture.n:,} are drawn)"
    shown = "all coordinates" if picture.dim <= 2 else f"the first two of {picture.dim} coordinates"
    text = (
        f"Round {number} of the first seed. Gray dots are unlabeled images{drawn}, crosses are images labeled before, "
        f"orange dots the {len(picture.picks)} picked in this round. Both pictures show {shown}. Before: principal "
        "components of the embeddings. After: where transport to the uniform hypercube carries them, so that distance "
        "means mass. "
    )
    if len(picture.design):
        return text + "Rings are the points of the design."
    return text + (
        "The cube is fitted for this picture alone: SPOT measures distance in units of mass on the graph of nearest "
        "neighbors, in all coordinates, and prefers images that the network is unsure of."
    )


def _provenance(summary: dict[str, Any]) -> str:
    """Settings, parameters and versions in lists that can be folded."""
    data = summary["data"]
    counts = dict(zip(data["class_names"], data["class_counts"][0], strict=True))
    about = {
        "name": data["name"],
        "height, width, channels": data["shape"],
        "images in the pool": data["pool_sizes"] if len(set(data["pool_sizes"])) > 1 else data["pool_sizes"][0],
        "test images": data["test_size"],
        "images by class in the first seed's pool": counts,
    }
    blocks = {
        "Data": about,
        "Settings and seeds": summary["settings"],
        f"Parameters of {label_of(summary['difference']['of'])}": summary["parameters"],
        "Diagnostics of its last query, first seed": {k: float(f"{v:.4g}") for k, v in summary["diagnostics"].items()},
        "Time": {
            "seconds in all": round(summary["seconds"], 1),
            **{f"seconds a query, {label_of(k)}": float(f"{v:.3g}") for k, v in summary["query_seconds"].items()},
        },
        "Versions": summary["versions"],
    }
    return "\n".join(
        f"<h4>{escape(title)}</h4><dl>"
        + "".join(
            f"<dt>{escape(str(key).replace('_', ' '))}</dt><dd>{escape(_plain(value))}</dd>"
            for key, value in block.items()
        )
        + "</dl>"
        for title, block in blocks.items()
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "not set" if value is None else str(value)
