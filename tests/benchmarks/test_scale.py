"""The page on scale: what was measured beside what was foretold, and who stopped where."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import scale, scale_page

ORIGIN = {"commit": "0" * 40, "date": "2026-01-01 00:00 UTC", "machine": {"cpu": "any", "cores": 2}}


def cost(seconds, **more):
    return {"seconds": seconds, "cpu_seconds": 2 * seconds, "repeats": 5, "anonymous_bytes": 3e6, **more}


def page(folder, monkeypatch, **parts):
    for name, part in parts.items():
        scale.save(name, {"origin": ORIGIN, "load": [0, 0, 0], **part}, folder / "results")
    monkeypatch.setattr(scale_page, "PAGE", folder / "page.md")
    monkeypatch.setattr(scale_page, "IMAGES", folder / "images")
    scale_page.write(folder / "results")
    return (folder / "page.md").read_text()


def test_ratios_and_forecasts(tmp_path, monkeypatch):
    more = {"threads": 2, "projection": cost(0.5), "projection_after": cost(0.4), "uniformity": 0.005}
    cold = [
        cost(seconds, budget=budget, forecast_seconds=3.0, cell_mass_cv=0.2, **more)
        for budget, seconds in ((10_000, 4.0), (100, 2.0))
    ]
    kmeans = [cost(120.0, budget=10_000, rows=100_000), {"stopped": "longer than 9 s"}]
    scaling = [cost(n / 10**6, rows=n, budget=1_000, anonymous_total=9e6) for n in (10**6, 10**5)]
    text = page(tmp_path, monkeypatch, cold={"results": cold}, kmeans={"results": kmeans}, scaling={"results": scaling})
    assert "grows 2.00 times" in text
    assert "| 100 | 5 | 2 | 4 | 0.5, 0.4 | 4.0 | 4.0 | 3 MB | 0.0050 | 0.20 |" in text
    assert "| 10,000 | 120 | 240 | 100,000 rows | 30 / 30 |" in text
    assert "| 1,000,000 x 512 in memory | 100 | 3 | 2 | 1.50 |" in text
    assert "the slope of log time on log N is 1.00" in text
    assert "## Peers\n\nNot measured." in text
    assert (tmp_path / "images" / "performance-scaling.png").exists()


def test_peers_go_on_to_larger_pools_until_they_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "FOLDER", tmp_path)

    def apart(function, name, n, budget, *, cap, memory):
        if name == "FADS" and n > 10:
            return {"stopped": "more than 1 GB"}
        return cost(8.0 if name == "spotal SPOT" and n > 100 else 0.5, name=name, rows=n, budget=budget)

    monkeypatch.setattr(scale, "apart", apart)
    found = scale.peers(["spotal SPOT", "FADS"], 5.0, 1e9, [10, 100, 1_000, 10_000], 3)
    seen = [(row["name"], row["rows"], row.get("stopped")) for row in found["results"]]
    assert seen == [
        ("spotal SPOT", 10, None),
        ("spotal SPOT", 100, None),
        ("spotal SPOT", 1_000, "longer than 5 s"),
        ("FADS", 10, None),
        ("FADS", 100, "more than 1 GB"),
    ]
    text = page(tmp_path, monkeypatch, peers=found)
    assert "stopped after 5 s or at 1 GB" in text
    assert "| FADS | 100 | more than 1 GB |  |  |" in text
    assert (tmp_path / "images" / "performance-peers.png").exists()
