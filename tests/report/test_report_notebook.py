"""What selections and loops show of themselves in a notebook."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.linear_model import LogisticRegression
from tests.raising import raises_input

import spotal
from spotal import ActiveLearner

N = 60
X = np.random.default_rng(0).normal(size=(N, 12))
Y = np.where(X[:, 0] > 0, "<b>up</b>", "down")
IMAGES = np.random.default_rng(1).integers(0, 255, (N, 8, 8, 1)).astype(np.uint8)


def loop(data=X, rounds=3, **options):
    active = ActiveLearner(data, LogisticRegression(max_iter=300), oracle=Y, batch_size=5, random_state=0, **options)
    active.run(rounds)
    return active


def rows_of(html):
    return re.findall(r"<tr>(.*?)</tr>", html.replace(' style="text-align:left"', ""))


def test_a_selection_in_short():
    picks = spotal.select(X, 30, random_state=0)
    assert re.fullmatch(r"<Selection: 30 picks of 60 rows by 'spot'; indices \[(\d+, ){8}\.\.\.\]>", repr(picks))
    html = picks._repr_html_()
    assert "30 picks of 60 rows by &#x27;spot&#x27; (the first 24 are shown)" in html
    lines = rows_of(html)
    assert len(lines) == 25
    assert f"<td>{picks.indices[0]}</td><td>{X[picks.indices[0], 0]:.4g}</td>" in lines[1]
    assert spotal.Selection([])._repr_html_()


def test_a_selection_shows_items():
    picks = spotal.select(X, 4, random_state=0)
    assert picks.with_items(IMAGES)._repr_html_().count("data:image/png;base64") == 4
    texts = [f"<i>{row}</i> " + 300 * "x" for row in range(N)]
    shown = picks.with_items(texts)
    assert f"&lt;i&gt;{picks.indices[0]}&lt;/i&gt; x" in shown._repr_html_()
    assert len(shown._repr_html_()) < 2_000
    assert "&lt;i&gt;" not in picks._repr_html_()
    assert shown.plot() is not None


def test_a_selection_shows_files_of_images(tmp_path):
    paths = []
    for row in range(N):
        Image.fromarray(IMAGES[row, ..., 0]).save(tmp_path / f"{row}.png")
        paths.append(str(tmp_path / f"{row}.png"))
    picks = spotal.select(X, 4, random_state=0)
    assert picks.with_items(paths)._repr_html_().count("data:image/png;base64") == 4


def test_a_selection_of_a_frame_shows_its_rows():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X[:, :2], columns=["width", "height"], index=[f"item {row}" for row in range(N)])
    picks = spotal.select(frame, 4, random_state=0)
    head, first, *_ = rows_of(picks._repr_html_())
    assert head == "<th>row</th><th>width</th><th>height</th>"
    assert first.startswith(f"<td>item {picks.indices[0]}</td>")


@pytest.mark.parametrize("kind", ["map", "coverage"])
def test_pictures_of_a_selection(kind):
    picks = spotal.select(X, 4, labeled=[1, 2, 3], random_state=0)
    figure = picks.plot(kind)
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    (axes,) = figure.axes
    if kind == "map":
        sizes = sorted(len(dots.get_offsets()) for dots in axes.collections)
        assert sizes == [3, 4, N]
    else:
        chance, own = (line.get_xdata() for line in axes.lines)
        assert own.mean() < chance.mean()
        gaps = np.sqrt(((X[:, None] - X[np.r_[[1, 2, 3], picks.indices]]) ** 2).sum(2)).min(1)
        np.testing.assert_allclose(own, np.sort(gaps), atol=1e-6)
    assert spotal.Selection(picks.indices, cells=picks.cells).plot(kind, pool=X) is not None


def test_pictures_that_cannot_be_drawn():
    picks = spotal.select(X, 4, random_state=0)
    with raises_input("kind", "'mop'"):
        picks.plot("mop")
    with raises_input("pool", "None"):
        spotal.Selection([1, 2], cells=[0, 0, 1]).plot()
    with raises_input("kind", "nothing to draw"):
        loop().plot()
    with raises_input("kind", "nothing to draw"):
        loop(rounds=0).plot("map")
    with raises_input("metric", "'acuracy'"):
        loop(X_test=X, y_test=Y).plot(metric="acuracy")


def test_a_loop_in_short():
    active = loop(X_test=X, y_test=Y)
    last = active.rounds_[-1].metrics["accuracy"]
    assert repr(active) == (
        f"<ActiveLearner: 15 of 60 rows labeled in 3 rounds by 'spot'; accuracy {last:.3f} with 10 labels>"
    )
    html = active._repr_html_()
    lines = rows_of(html)
    assert [line.count("<td>") for line in lines[1:4]] == [6, 6, 6]
    assert f"<td>2</td><td>10</td><td>5</td><td>{last:.3f}</td>" in lines[3]
    assert "<b>up" not in html
    assert "&lt;b&gt;up&lt;/b&gt;" in html
    assert loop(rounds=0)._repr_html_().startswith("<div><p><b>ActiveLearner</b>: 0 of 60 rows labeled")


def test_a_loop_over_images_shows_them_with_their_labels():
    active = loop(IMAGES)
    html = active._repr_html_()
    assert html.count("data:image/png;base64") == 5
    assert html.count("<figcaption") == 5
    for kind in ("map", "coverage"):
        assert active.plot(kind)._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(("metric", "scale"), [("accuracy", 100), ("log_loss", 1)])
def test_the_curve_of_a_loop(metric, scale):
    active = loop(rounds=4, X_test=X, y_test=Y)
    (axes,) = active.plot("curve", metric=metric).axes
    (line,) = axes.lines
    assert line.get_xdata().tolist() == [5, 10, 15]
    assert line.get_ydata().tolist() == [scale * done.metrics[metric] for done in active.rounds_[1:]]


def test_the_table_of_a_loop_has_what_got_no_label_too():
    pytest.importorskip("pandas")
    active = ActiveLearner(
        X, LogisticRegression(), oracle=lambda rows: [None if row % 2 else Y[row] for row in rows], batch_size=10,
        random_state=0,
    )  # fmt: skip
    active.run(2)
    table = active.to_frame()
    assert table["row"].tolist() == np.concatenate([done.picks for done in active.rounds_]).tolist()
    assert table["label"].isna().tolist() == (table["row"] % 2 == 1).tolist()
    assert table["round"].tolist() == [0] * 10 + [1] * 10


def test_a_selection_of_no_row_and_a_pool_of_other_rows_are_not_drawn():
    nothing = spotal.select(X, 0, random_state=0)
    assert nothing.plot("map").axes
    with raises_input("kind", "no row is picked or labeled"):
        nothing.plot("coverage")
    picks = spotal.select(X, 3, random_state=0)
    with raises_input("pool", 50):
        picks.plot("map", pool=X[:50])
    with raises_input("pool", 1):
        spotal.Selection(picks.indices, cells=picks.cells).plot("map", pool=X[:1])
