"""What docs/guides/comparing.md and strategy.md say works as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np

from spotal.bench.cache import Cache
from spotal.bench.protocol import from_table
from spotal.bench.workers import run

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
TEXT = (GUIDES / "strategy.md").read_text() + (GUIDES / "comparing.md").read_text()


def test_the_strategy_in_one_file_runs(table, tmp_path):
    (tmp_path / "mine.py").write_text(re.search(r"```python\n(.*?)```", TEXT, re.S)[1])
    protocol = from_table("p", {**table, "seeds": 1, "strategies": ["random", "mine.py:Farthest"]}, tmp_path)
    outcome = run([protocol], tmp_path / "run", cache=Cache(tmp_path / "cache"))
    assert outcome.failures == {}
    picks = protocol.strategies[1].make().query([[0.0], [1.0], [9.0], [4.0]], 2).indices
    assert np.array_equal(picks, [2, 0])  # the mean is 3.5


def test_the_protocol_and_the_labels_of_settings_are_valid():
    parts = [tomllib.loads(part) for part in re.findall(r"```toml\n(.*?)```", TEXT, re.S)]
    (whole,) = (part for part in parts if "batch_size" in part)
    protocol = from_table("flowers", whole)
    assert protocol.asked[-1] == 500
    open_list = {key: value for key, value in whole.items() if key != "without"}
    (settings,) = (part["strategies"] for part in parts if isinstance(part.get("strategies"), list))
    labels = from_table("flowers", {**open_list, "strategies": settings})
    assert [choice.label for choice in labels.strategies] == ["random", "spot", "spot-wide"]
    assert all(set(part) <= set(whole) for part in parts)
