"""The page on scale: what was measured beside what was foretold, and who stopped where."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pytest
from benchmarks.apart import apart

from benchmarks import kernel, scale, scale_page

PATHS = "all rows", "sample"
ORIGIN = {"commit": "0" * 40, "date": "2026-01-01 00:00 UTC", "machine": {"cpu": "any", "cores": 2}}


def cost(seconds, **more):
    return {"seconds": seconds, "cpu_seconds": 2 * seconds, "repeats": 5, "anonymous_bytes": 3e6, **more}


def page(folder, **parts):
    for name, part in parts.items():
        scale.save(name, {"origin": ORIGIN, "load": [0, 0, 0], **part}, folder / "results")
    scale_page.write(folder / "results", folder / "page.md", folder / "images")
    return (folder / "page.md").read_text()


def test_ratios_and_forecasts(tmp_path):
    more = {"threads": 2, "projection": cost(0.5), "projection_after": cost(0.4)}
    cold = [
        cost(seconds, budget=budget, forecast_seconds=3.0, complete_seconds=seconds, cell_mass_cv=0.2, **more)
        for budget, seconds in ((10_000, 4.0), (100, 2.0))
    ]
    kmeans = [cost(120.0, budget=10_000, rows=100_000, iterations=3), {"stopped": "longer than 9 s"}]
    scaling = [cost(n / 10**6, rows=n, budget=1_000, anonymous_total=9e6) for n in (10**6, 10**5)]
    text = page(tmp_path, cold={"results": cold}, kmeans={"results": kmeans}, scaling={"results": scaling})
    assert "grows 2.00 times" in text
    assert "| 100 | 5 | 2 | 4 | 0.5, 0.4 | 4.0 | 4.0 | 3 MB | 0.20 |" in text
    assert "| 10,000 | 120 | 240 | 3 iterations on 100,000 rows | 30 / 30 |" in text
    assert "| 1,000,000 x 512 in memory | 100 | 3 | 2 | 1.50 |" in text
    assert "the slope of log time on log N is 1.00" in text
    assert "## Peers\n\nNot measured." in text
    assert (tmp_path / "images" / "performance-scaling.png").exists()


def test_peers_go_on_to_larger_pools_until_they_stop(tmp_path, monkeypatch):

    def apart(module, function, name, n, budget, *, cap, memory):
        if name == "FADS" and n > 10:
            return {"stopped": "more than 1 GB"}
        return cost(8.0 if name == "spotal SPOT" and n > 100 else 0.5, name=name, rows=n, budget=budget)

    monkeypatch.setattr(scale, "apart", apart)
    found = {"results": list(scale.peers(["spotal SPOT", "FADS"], 5.0, 1e9, [10, 100, 1_000, 10_000], 3))}
    seen = [(row["name"], row["rows"], row.get("stopped")) for row in found["results"]]
    assert seen == [
        ("spotal SPOT", 10, None),
        ("spotal SPOT", 100, None),
        ("spotal SPOT", 1_000, "longer than 5 s"),
        ("FADS", 10, None),
        ("FADS", 100, "more than 1 GB"),
    ]
    text = page(tmp_path, peers=found)
    assert "stopped after 5 s or at 1 GB" in text
    assert "| FADS | 100 | more than 1 GB |  |  |" in text
    assert (tmp_path / "images" / "performance-peers.png").exists()


def test_a_size_that_growth_puts_out_of_reach_is_not_tried(tmp_path, monkeypatch):
    def apart(module, function, name, n, budget, *, cap, memory):
        quadratic = {"spotal SPOT": (n * n * 1e-4, n), "FADS": (n * 1e-4, n * n * 1e3)}[name]
        return cost(quadratic[0], name=name, rows=n, budget=budget) | {"anonymous_bytes": quadratic[1]}

    monkeypatch.setattr(scale, "apart", apart)
    rows = list(scale.peers(["spotal SPOT", "FADS"], 50.0, 8e9, [10, 100, 1_000, 10_000], 3))
    assert [row["rows"] for row in rows] == [10, 100, 1_000, 10, 100, 1_000, 10_000]
    assert rows[2]["stopped"] == "longer than 50 s: 100 s by its growth"
    assert rows[-1]["stopped"] == "more than 8 GB: 100 GB by its growth"
    assert "| spotal SPOT | 1,000 | longer than 50 s: 100 s by its growth |" in page(tmp_path, peers={"results": rows})


def test_every_measurement_is_kept_as_soon_as_it_is_there(tmp_path, monkeypatch):
    scale.save("scaling", {"results": [cost(1.0, rows=10), cost(9.0, rows=20)]}, tmp_path)

    def apart(module, function, n, **caps):
        if n == 30:
            raise KeyboardInterrupt
        return cost(2.0, rows=n)

    monkeypatch.setattr(scale, "apart", apart)
    monkeypatch.setattr(sys, "argv", ["scale", "scaling", "--sizes", "20", "30"])
    with pytest.raises(KeyboardInterrupt):
        scale.main(tmp_path)
    assert [(row["rows"], row["seconds"]) for row in scale._earlier("scaling", tmp_path)] == [(10, 1.0), (20, 2.0)]


def test_a_sample_is_compared_with_all_rows(tmp_path):
    found = scale.one_quality(2)
    assert "| budget | all rows | sample | difference | distance |" in page(tmp_path, quality=found)
    of_all, of_sample = (np.mean([r["squared_distance"] for r in found["rows"] if r["path"] == path]) for path in PATHS)
    assert of_all != of_sample
    assert of_sample < 1.2 * of_all


@pytest.mark.parametrize("commit", ["0" * 40, "2ff52316e499"])
def test_headings_say_what_was_measured_with_an_older_default(tmp_path, monkeypatch, commit):
    monkeypatch.setitem(ORIGIN, "commit", commit)
    text = page(tmp_path, scaling={"results": [cost(1.0, rows=10**5, budget=9, anonymous_total=9e6)]})
    older = commit != "0" * 40
    assert ("## Streaming (an older default)" in text) == older
    assert ("**Sections marked" in text) == older


@pytest.mark.parametrize(
    ("body", "cap", "reason"),
    [
        ("time.sleep(60)", 1.0, "longer than 1 s"),
        ("held = bytearray(300 << 20); time.sleep(60)", 60.0, "more than 0.2 GB"),
        ("os.kill(os.getpid(), 9)", 60.0, "ended by signal 9"),
        ("raise ValueError('no such peer')", 60.0, "ValueError: no such peer"),
    ],
)
def test_a_measurement_that_ends_early_says_why(tmp_path, monkeypatch, body, cap, reason):
    (tmp_path / "one_job.py").write_text(f"import os, time\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert apart("one_job", "any", cap=cap, memory=2e8) == {"stopped": reason}


def test_the_kernel_is_compared_with_the_fastest(tmp_path):
    ways = [("reference", 3.0), ("numba", 1.2), ("C++", 1.0)]
    rows = [cost(s, name=name, rows=8, dim=9, frames=60, difference=[1e-15, 1e-11, 0.5]) for name, s in ways]
    rows.append({"name": "torch.compile, in blocks", "rows": 8, "dim": 9, "frames": 60, "stopped": "no compiler"})
    text = page(tmp_path, kernel={"threads": 2, "results": rows})
    assert "| 9 | numba (used) | 1.2 | 2.4 | 1.20 | 1e-15, 1e-11, 5e-01 |" in text
    assert "numba's loops take 1.20 times" in text
    assert "| 9 | torch.compile, in blocks | no compiler |  |  |  |" in text


def test_every_way_to_carry_gives_the_reference(monkeypatch):
    monkeypatch.delitem(kernel.WAYS, "torch.compile, in blocks")  # takes long to compile
    rows = kernel.compare(scale.pool(3_000, 12), [3], 1)
    done = {row["name"]: row["difference"] for row in rows if "stopped" not in row}
    assert {"reference", "torch, in blocks", "numba"} <= set(done)
    assert max(median for median, *_ in done.values()) < 1e-9
