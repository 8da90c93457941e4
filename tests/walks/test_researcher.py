"""A researcher who compares strategies on data of his own: a template, a check, a run that is stopped, a report."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from tests.walks.steps import Terminal, written

GUIDE = "docs/guides/comparing.md"
STRATEGIES = ["random", "spot", "margin"]
ROWS, ROUNDS, SEEDS, BATCH = 240, 2, 3, 10


@pytest.fixture
def flowers(tmp_path):
    """Features of three classes in an .npy file with labels.csv beside it."""
    rng = np.random.default_rng(0)
    label = rng.choice(3, ROWS, p=[0.6, 0.3, 0.1])
    np.save(tmp_path / "rows.npy", (2 * rng.normal(size=(3, 8))[label] + rng.normal(size=(ROWS, 8))).astype(np.float32))
    lines = ["label", *(("iris", "lily", "rose")[k] for k in label)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")


def test_strategies_are_compared_on_data_of_ones_own(flowers, browser, tmp_path):
    run = Terminal(tmp_path)
    assert "smoke" in run(written(GUIDE, "spotal bench --list"))
    text = run(written(GUIDE, "spotal bench --template > flowers.toml").partition(" >")[0])
    for key, value in (
        ("dataset", '"rows.npy"'),
        ("batch_size", BATCH),
        ("rounds", ROUNDS),
        ("seeds", SEEDS),
        ("strategies", json.dumps(STRATEGIES)),
    ):
        text, count = re.subn(rf"^{key} = \S.*?(?=\s+#|$)", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
        assert count == 1, key
    text = text.replace('kind = "pixels-pca"', 'kind = "none"')
    (tmp_path / "flowers.toml").write_text(text)

    said = run(written(GUIDE, "spotal bench flowers.toml --dry-run"))
    assert not (tmp_path / "flowers-run").exists(), said
    command = written(GUIDE, "spotal bench flowers.toml --out flowers-run")
    run(f"{command} --strategies random")  # stopped here, and gone on with
    run(command)
    with closing(sqlite3.connect(tmp_path / "flowers-run" / "results.sqlite")) as store:
        jobs = [json.loads(about) for (about,) in store.execute("SELECT about FROM jobs")]
    assert sorted((job["strategy"], job["seed"]) for job in jobs) == sorted(
        (name, seed) for name in STRATEGIES for seed in {job["seed"] for job in jobs}
    )
    assert len(jobs) == len(STRATEGIES) * SEEDS

    run(written(GUIDE, "spotal report flowers-run"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    (report,) = (tmp_path / "flowers-run").glob("*.html")
    page.goto(report.as_uri())
    words = page.inner_text("body")
    assert all(name in words for name in STRATEGIES)
    assert page.locator("svg, img").count()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
    assert errors == []
