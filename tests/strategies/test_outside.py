"""A strategy written outside of the package, from the page on it alone: its code is what runs here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import spotal
from spotal.bench.plugin import load_class
from spotal.strategies.contract import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "strategy.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def farthest(tmp_path_factory):
    """The class, from a file of its own."""
    path = tmp_path_factory.mktemp("outside") / "mine.py"
    path.write_text(CODE[0], encoding="utf-8")
    return load_class(f"{path}:Farthest")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_the_published_contract(farthest, check):
    check(farthest())


def test_it_does_what_it_says(farthest):
    pool = np.random.default_rng(0).normal(size=(60, 4))
    far = np.argsort(-np.linalg.norm(pool - pool.mean(0), axis=1))
    picks = spotal.select(pool, 5, strategy=farthest(), random_state=0)
    assert picks.indices.tolist() == far[:5].tolist()
    assert picks.provenance["strategy"] == "farthest"
    assert picks.provenance["parameters"] == {"power": 1.0}


def test_the_page_runs_as_written(capsys):
    names = {}
    for part in CODE:
        exec(compile(part, str(PAGE), "exec"), names)
    assert len(names["picks"].indices) == 10
    assert names["picks"].provenance["parameters"] == {"power": 0.5}
    assert [done.selection.provenance["strategy"] for done in names["active"].rounds_ if done.selection] == ["farthest"]
