"""Views of a selection and of a loop in a notebook: tables, pictures, the picked items."""

from __future__ import annotations

from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spotal.errors import InputError, like
from spotal.numeric.arrays import to_numpy
from spotal.pool import Pool, PoolLike, as_pool
from spotal.pool.frames import is_frame
from spotal.pool.rows import as_rows, take
from spotal.pool.sparse import is_sparse
from spotal.pool.texts import are_texts
from spotal.report.covering import distances
from spotal.report.gallery import MOST_SIDE, thumbnail
from spotal.report.plots import LIGHT, png
from spotal.report.pool_map import covered, curve, draw_map, pool_map

if TYPE_CHECKING:
    import pandas as pd

    from spotal.loop import ActiveLearner
    from spotal.selection import Selection

__all__ = ["loop_frame", "loop_html", "loop_plot", "selection_frame", "selection_html", "selection_plot"]

MOST_ITEMS = 24
"""Maximum number of picks shown; the frame has all."""
MOST_CELLS = 8
"""Maximum number of columns shown of a row."""
MOST_TEXT = 160
"""Maximum number of characters shown of a text."""
MOST_ROUNDS = 12
"""Maximum number of rounds shown, the last ones."""


def selection_frame(selection: Selection) -> pd.DataFrame:
    """Return the picks as a DataFrame, see :meth:`spotal.Selection.to_frame`."""
    columns = {"row": selection.indices, "share": selection.cell_mass}
    return _pandas("Selection.to_frame").DataFrame(columns, index=_index(selection.index, selection.indices))


def selection_html(selection: Selection) -> str:
    """Return a selection as HTML: a sentence, and the picked items or their rows."""
    items, pool, _ = selection.shown
    text = escape(repr(selection).removeprefix("<Selection: ").removesuffix(">").partition(";")[0])
    rows = selection.indices[:MOST_ITEMS]
    shown: Any = None
    if items is not None:
        shown = take(as_rows(items, "items")[0], rows)
    elif pool is not None and len(rows):
        shown = to_numpy(pool.rows(rows))
    names = [str(name) for name in selection.index[:MOST_ITEMS]]
    more = f" (the first {MOST_ITEMS} are shown)" if len(selection) > MOST_ITEMS else ""
    return f"<div><p><b>Selection</b>: {text}{more}</p>{_items(shown, names, None)}</div>"


def selection_plot(selection: Selection, kind: str, pool: PoolLike | None) -> Figure:
    """Return a picture of the picks, see :meth:`spotal.Selection.plot`."""
    _, own, labeled = selection.shown
    _check_kind(kind, ("map", "coverage"))
    source = own if pool is None else as_pool(pool)
    if source is None:
        raise InputError("pool", must="be given for a selection that has none", found="None")
    least = len(own) if own is not None else 1 + int(selection.indices.max(initial=-1))
    if len(source) < least or (own is not None and len(source) != least):
        raise InputError("pool", must=f"be the selection's pool, with {least:,} rows", found=f"{len(source):,}")
    if kind == "coverage" and not len(selection) + len(labeled):
        raise InputError("kind", "'coverage' has nothing to draw: no row is picked or labeled", "take 'map'")
    return _pool_plot(kind, source, selection.indices, labeled)


def loop_frame(loop: ActiveLearner) -> pd.DataFrame:
    """Return the labeled rows as a DataFrame, see :meth:`spotal.ActiveLearner.to_frame`."""
    label = dict(zip(loop.labeled_.tolist(), loop.labels_.tolist(), strict=True))
    asked = [(row, label.get(row), done.number) for done in loop.rounds_ for row in done.picks.tolist()]
    seen = {row for row, _, _ in asked}
    asked = [(row, given, -1) for row, given in label.items() if row not in seen] + asked
    rows = np.array([row for row, _, _ in asked], np.int64)
    columns = {"row": rows, "label": [given for _, given, _ in asked], "round": [number for _, _, number in asked]}
    index = rows if loop.index is None else loop.index[rows]
    return _pandas("ActiveLearner.to_frame").DataFrame(columns, index=_index(index, rows))


def loop_html(loop: ActiveLearner) -> str:
    """Return a loop as HTML: a sentence, its last rounds, and the last picks with their labels."""
    text = escape(repr(loop).removeprefix("<ActiveLearner: ").removesuffix(">"))
    parts = [f"<p><b>ActiveLearner</b>: {text}</p>"]
    if loop.rounds_:
        measures = [name for name in ("accuracy", "balanced_accuracy", "log_loss") if loop.rounds_[-1].metrics]
        head = ["round", "labels", "asked", *[name.replace("_", " ") for name in measures]]
        body = [
            [
                str(done.number), str(done.n_labeled), str(len(done.picks)),
                *[f"{done.metrics[name]:.3f}" if name in done.metrics else "" for name in measures],
            ]
            for done in loop.rounds_[-MOST_ROUNDS:]
        ]  # fmt: skip
        parts.append(_table(head, body))
    last = next((done for done in reversed(loop.rounds_) if len(done.picks)), None)
    if last is not None:
        rows = last.picks[:MOST_ITEMS]
        label = dict(zip(loop.labeled_.tolist(), loop.labels_.tolist(), strict=True))
        names = [str(row) if loop.index is None else str(loop.index[row]) for row in rows]
        labels = [str(label.get(row, "no label")) for row in rows.tolist()]
        more = f", the first {MOST_ITEMS} are shown" if len(last.picks) > MOST_ITEMS else ""
        parts.append(f"<p>Labeled in round {last.number}{more}:</p>{_items(take(loop.X, rows), names, labels)}")
    return f"<div>{''.join(parts)}</div>"


def loop_plot(loop: ActiveLearner, kind: str, metric: str) -> Figure:
    """Return a picture of a loop, see :meth:`spotal.ActiveLearner.plot`."""
    _check_kind(kind, ("curve", "map", "coverage"))
    if kind == "curve":
        return _curve(loop, metric)
    last = next((done.picks for done in reversed(loop.rounds_) if len(done.picks)), None)
    if last is None:
        raise InputError("kind", f"{kind!r} has nothing to draw yet", "run a round first")
    points = loop.compared
    if points is None:
        from spotal.learner.cold import cold_embeddings

        points = cold_embeddings(loop.X, 0)
    asked = np.concatenate([done.picks for done in loop.rounds_])
    if kind == "map":
        return _pool_plot(kind, as_pool(points), last, np.setdiff1d(asked, last))
    return _pool_plot(kind, as_pool(points), asked, np.empty(0, np.int64))


class Picture(Figure):
    """A figure that a notebook shows with any backend."""

    def _repr_png_(self) -> bytes:
        return png(self, transparent=False)


def _curve(loop: ActiveLearner, metric: str) -> Figure:
    measured = [done for done in loop.rounds_ if done.metrics]
    if not measured:
        raise InputError("kind", "'curve' has nothing to draw", "give X_test and y_test, and run two rounds")
    if metric not in measured[0].metrics:
        names = list(measured[0].metrics)
        raise InputError("metric", must=f"be one of {', '.join(names)}", found=repr(metric), remedy=like(metric, names))
    percent = metric != "log_loss"
    values = [done.metrics[metric] * (100 if percent else 1) for done in measured]
    name = f"test {metric.replace('_', ' ')}" + ", %" * percent
    return _picture(curve([done.n_labeled for done in measured], values, name, LIGHT))


def _pool_plot(kind: str, pool: Pool, picks: NDArray[np.int64], labeled: NDArray[np.int64]) -> Figure:
    if kind == "map":
        figure = _picture(draw_map(pool_map(pool, picks, labeled), LIGHT))
        title = f"{len(picks)} picks (orange)" + f", {len(labeled)} labeled before (crosses)" * bool(len(labeled))
        figure.axes[0].set_title(title, color=LIGHT.ink, fontsize=10)
        return figure
    return _picture(covered(distances(pool, picks, labeled), LIGHT))


def _picture(figure: Figure) -> Figure:
    """Set a white background, for notebooks of any color."""
    figure.__class__ = Picture
    figure.set_facecolor("white")
    return figure


def _items(shown: Any, names: list[str], labels: list[str] | None) -> str:
    """Thumbnails, or a table with a line for each item."""
    if shown is None or not len(names):
        return ""
    if is_sparse(shown):
        shown = [f"{row.nnz} numbers that are not 0" for row in shown]
    under = names if labels is None else labels
    if isinstance(shown, np.ndarray) and shown.ndim == 4:
        return _thumbnails(list(shown), names, under)
    if are_texts(shown) and all(_is_image(text) for text in shown):
        return _thumbnails([_opened(path) for path in shown], names, under)
    head, lines = ["row"], [[name] for name in names]
    if labels is not None:
        head.append("label")
        lines = [[*line, label] for line, label in zip(lines, labels, strict=True)]
    if is_frame(shown):
        head += [str(name) for name in shown.columns][:MOST_CELLS]
        cells = [list(row)[:MOST_CELLS] for row in shown.to_numpy()]
    elif isinstance(shown, np.ndarray) and shown.ndim == 2:
        head += [str(k) for k in range(min(MOST_CELLS, shown.shape[1]))]
        cells = [list(row)[:MOST_CELLS] for row in shown]
        if shown.shape[1] > MOST_CELLS:
            head, cells = [*head, ""], [[*row, "…"] for row in cells]
    else:
        head, cells = [*head, "text"], [[one] for one in shown]
    return _table(head, [[*line, *map(_cell, row)] for line, row in zip(lines, cells, strict=True)])


def _thumbnails(images: list[Any], names: list[str], under: list[str]) -> str:
    cells = "".join(
        f'<figure style="margin:0 6px 6px 0;display:inline-block;text-align:center" title="row {escape(name)}">'
        f'<img src="{thumbnail(np.asarray(image))}" alt="row {escape(name)}" '
        f'style="height:72px;image-rendering:pixelated;display:block;margin:auto">'
        f'<figcaption style="font-size:12px">{escape(text)}</figcaption></figure>'
        for image, name, text in zip(images, names, under, strict=True)
    )
    return f"<div>{cells}</div>"


def _is_image(text: str) -> bool:
    return text.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"))


def _opened(path: str) -> NDArray[np.uint8]:
    from spotal.images.decoding import decode

    return decode(Path(path), path, None, None, MOST_SIDE)


def _table(head: list[str], body: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    cells = ["".join(f'<td style="text-align:left">{escape(text)}</td>' for text in line) for line in body]
    lines = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _check_kind(kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        raise InputError("kind", must=f"be one of {', '.join(kinds)}", found=repr(kind), remedy=like(kind, kinds))


def _index(names: Any, rows: NDArray[np.int64]) -> Any:
    """Names of rows as an index, or None if the names are the row numbers."""
    return names if names is not rows else None


def _pandas(what: str) -> Any:
    try:
        return import_module("pandas")
    except ImportError:
        raise ImportError(f"{what} needs pandas, which is not installed: pip install pandas") from None
