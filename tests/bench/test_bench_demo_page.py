"""The page stands alone, says what the numbers say, and its map is the query's own."""

import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from spotal.bench.demo import DemoSettings, run_demo
from spotal.bench.demo.page import write_report
from spotal.bench.demo.query_map import query_map
from spotal.datasets import load
from spotal.design.merit import discrepancy
from spotal.strategies import TransportedDesign


class Page(HTMLParser):
    """What the tests look at."""

    VOID = ("meta", "img", "source", "br", "link")

    def __init__(self, text):
        super().__init__()
        self.links, self.images, self.captions, self.cells, self.tags = [], [], [], [], []
        self.open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.links += [named[key] for key in ("src", "srcset", "href", "action", "data") if key in named]
        if tag == "img":
            self.images.append(named)
        if tag == "tr":
            self.cells.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "figcaption":
            self.captions.append(text)
        if self.open and self.open[-1] in ("td", "th") and "tr" in self.open:
            self.cells[-1].append(text.strip())


@pytest.fixture(scope="module")
def found():
    torch.set_num_threads(1)
    return run_demo(load("digits"), DemoSettings(rounds=2, budget=8, seeds=2, pool=150, steps=20))


@pytest.fixture(scope="module")
def written(found, tmp_path_factory):
    return write_report(found, tmp_path_factory.mktemp("report") / "new")


@pytest.fixture(scope="module")
def page(written):
    return Page(written[1].read_text())


def test_needs_nothing_from_elsewhere(page, written):
    text = written[1].read_text()
    assert page.open == []
    assert len(page.links) > 50
    assert all(link.startswith("data:image/") for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for outside in ("http://", "https://", "url(", "@import", "$"):
        assert outside not in text


def test_every_picture_can_be_decoded(page):
    for link in page.links:
        kind, _, content = link.partition(";base64,")
        raw = base64.b64decode(content, validate=True)
        if kind == "data:image/png":
            Image.open(io.BytesIO(raw)).verify()
        else:
            assert b"<svg" in raw[:1000]
            assert b"<image" not in raw
            assert b'href="http' not in raw


def test_table_and_headline_are_those_of_the_json(page, written):
    summary, path, numbers = written
    assert json.loads(numbers.read_text()) == summary
    assert summary["headline"].replace("'", "&#x27;") in path.read_text()
    for k, labels in enumerate(summary["labels"]):
        row = next(cells for cells in page.cells if cells and cells[0] == str(labels))
        for cell, name in zip(row[1:3], ("random", "spot"), strict=True):
            curve = summary["curves"][name]["accuracy"]
            assert cell == f"{100 * curve['mean'][k]:.1f} ± {100 * curve['sd'][k]:.1f}"


def test_galleries_show_every_pick_with_its_class(page, found):
    digits = [text for text in page.captions if text in set("0123456789")]
    expected = [
        str(found.pools[0].labels[row])
        for name in ("spot", "random")
        for done in found.rounds[name, 0]
        for row in done["picks"]
    ]
    assert digits == expected


def test_states_versions_and_parameters(written):
    summary, path, _ = written
    text = path.read_text()
    for words in (summary["versions"]["torch"], summary["versions"]["spotal"], "space filling", "random state"):
        assert words in text


def test_class_names_are_escaped(found, tmp_path):
    from dataclasses import replace

    named = replace(found.data, class_names=("<b>&", *found.data.class_names[1:]))
    text = write_report(replace(found, data=named), tmp_path)[1].read_text()
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text


def test_folder_that_cannot_be_written(found, tmp_path):
    from spotal.errors import OutputError

    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(found, tmp_path / "file" / "out")


def test_map_of_a_query_without_a_cube_is_fitted_for_the_picture(found):
    request = found.query
    picture = query_map(request)
    assert picture.n == len(picture.before) == len(picture.after) == 150
    assert picture.dim == TransportedDesign().layout(request.pool, request.budget, **request.context).dim
    assert len(picture.picks) == 8
    assert len(picture.design) == 0
    assert picture.picks.tolist() == found.rounds["spot", 0][1]["picks"]  # the query of the run, bit for bit
    assert np.array_equal(np.sort(picture.labeled), np.sort(request.context["labeled"]))
    assert ((picture.after >= 0) & (picture.after <= 1)).all()
    # the transport spreads the mass more evenly: each quarter of the square has about a quarter of it
    quarter = (picture.after > 0.5) @ [1, 2]
    assert np.bincount(quarter, minlength=4) / 150 == pytest.approx([0.25] * 4, abs=0.12)


def test_map_of_a_query_with_a_cube_is_its_own_and_gives_the_figures_again(found):
    request = found.query
    flat = TransportedDesign(n_components=2)
    selection = flat.query(request.pool, request.budget, **request.context)
    picture = query_map(type(request)(flat, request.pool, request.budget, request.context, selection))
    assert discrepancy(picture.design) == pytest.approx(selection.diagnostics["design_discrepancy"])
    assert discrepancy(picture.after[picture.picks]) == pytest.approx(selection.diagnostics["pick_discrepancy"])
