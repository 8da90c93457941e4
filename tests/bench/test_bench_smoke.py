"""The shipped protocol ``smoke`` through the real command, its statistics against plain arithmetic on its rounds."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from contextlib import closing

import pytest
from tests.forks import COMMAND, run

ASKED = [20, 30, 40, 50, 60]
T_975 = {2: 4.302653}  # Student's t, two-sided .05, from a table, by degrees of freedom
Q_05 = {4: 2.569}  # Nemenyi's q for four strategies: Demsar 2006, table 5


def spotal(*words):
    done = run(COMMAND, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run with its page, numbers and tables."""
    folder = tmp_path_factory.mktemp("smoke")
    spotal("bench", "smoke", "--workers", 2, "--out", folder / "run", "--cache", folder / "cache")
    spotal("report", folder / "run", "--markdown", folder / "docs" / "benchmarks.md")
    return folder


@pytest.fixture(scope="module")
def raw(folder):
    """Balanced accuracy after each batch, straight from the store: strategy to one list a seed."""
    found: dict[str, dict[int, list[float]]] = {}
    with closing(sqlite3.connect(folder / "run" / "results.sqlite")) as store:
        for job, about in store.execute("SELECT job, about FROM jobs").fetchall():
            rows = store.execute("SELECT asked, metrics FROM rounds WHERE job = ? ORDER BY round", [job]).fetchall()
            measured = [(asked, json.loads(text)["balanced_accuracy"]) for asked, text in rows if text != "{}"]
            assert [asked for asked, _ in measured] == ASKED
            known = json.loads(about)
            found.setdefault(known["strategy"], {})[known["seed"]] = [value for _, value in measured]
    return {name: [seeds[seed] for seed in sorted(seeds)] for name, seeds in found.items()}


@pytest.fixture(scope="module")
def summary(folder):
    return json.loads((folder / "run" / "summary.json").read_text())


@pytest.fixture(scope="module")
def shown(summary):
    """What the summary says of each strategy."""
    (cell,) = summary["cells"]
    assert (cell["asked"], cell["missing"]) == (ASKED, 0)
    return cell["strategies"]


def mean(values):
    return sum(values) / len(values)


def area(curve):
    steps = range(len(ASKED) - 1)
    return sum((ASKED[k + 1] - ASKED[k]) * (curve[k] + curve[k + 1]) / 2 for k in steps) / (ASKED[-1] - ASKED[0])


def paired(own, base):
    """Mean difference, half its 95 % interval, p value: on two degrees of freedom t's distribution is elementary."""
    gaps = [a - b for a, b in zip(own, base, strict=True)]
    middle, n = mean(gaps), len(gaps)
    error = math.sqrt(sum((gap - middle) ** 2 for gap in gaps) / (n - 1) / n)
    t = abs(middle) / error
    return middle, T_975[n - 1] * error, 1 - t / math.sqrt(t * t + 2)


def reaches(curve, level):
    """Labels at which a curve first comes to a level."""
    for k, value in enumerate(curve):
        if value >= level:
            if k == 0:
                return ASKED[0]
            before = curve[k - 1]
            return ASKED[k - 1] + (ASKED[k] - ASKED[k - 1]) * (level - before) / (value - before)
    return None


def test_every_strategy_ran_from_the_same_first_labels(raw):
    assert set(raw) == {"random", "margin", "coreset", "spot"}
    assert {len(curves) for curves in raw.values()} == {3}
    assert len({tuple(curve[0] for curve in curves) for curves in raw.values()}) == 1
    assert len({tuple(map(tuple, curves)) for curves in raw.values()}) == 4


def test_means_and_areas(raw, shown):
    for name, curves in raw.items():
        own = shown[name]
        assert own["curve"]["mean"] == pytest.approx([mean(column) for column in zip(*curves, strict=True)])
        areas = [area(curve) for curve in curves]
        assert own["area"]["runs"] == pytest.approx(areas)
        assert own["area"]["mean"] == pytest.approx(mean(areas))
        assert own["final"]["balanced_accuracy"] == pytest.approx(mean([curve[-1] for curve in curves]))
        # whole seeds are drawn: with three the least and greatest mean of a draw are single seeds
        assert min(areas) - 1e-12 <= own["area"]["low"] <= own["area"]["high"] <= max(areas) + 1e-12


def test_paired_intervals_and_holm(raw, shown):
    areas = {name: [area(curve) for curve in curves] for name, curves in raw.items()}
    found = {name: paired(areas[name], areas["random"]) for name in areas if name != "random"}
    for name, (middle, half, p) in found.items():
        against = shown[name]["against"]
        assert against["n"] == 3
        assert against["mean"] == pytest.approx(middle)
        assert (against["low"], against["high"]) == pytest.approx((middle - half, middle + half), rel=1e-5)
        assert against["t"] == pytest.approx(p)
    adjusted, least = {}, 0.0
    for k, name in enumerate(sorted(found, key=lambda name: found[name][2])):
        least = max(least, min(1.0, (len(found) - k) * found[name][2]))
        adjusted[name] = least
    assert {name: shown[name]["against"]["t_holm"] for name in found} == pytest.approx(adjusted)
    assert shown["random"]["against"] is None


def test_labels_saved(raw, shown):
    curves = {name: [mean(column) for column in zip(*seeds, strict=True)] for name, seeds in raw.items()}
    level = curves["random"][-1]
    for name in ("margin", "coreset", "spot"):
        needed = reaches(curves[name], level)
        expected = None if needed is None else pytest.approx(1 - needed / reaches(curves["random"], level))
        assert shown[name]["saving"] == expected


def test_ranks_and_their_critical_difference(raw, summary):
    names = list(raw)
    ranks = dict.fromkeys(names, 0.0)
    for seed in range(3):
        values = {name: area(raw[name][seed]) for name in names}
        for name in names:
            better = sum(values[other] > values[name] for other in names)
            equal = sum(values[other] == values[name] for other in names)
            ranks[name] += (better + (equal + 1) / 2) / 3
    assert summary["ranks"]["mean"] == pytest.approx(ranks)
    assert summary["ranks"]["critical"] == pytest.approx(Q_05[4] * math.sqrt(4 * 5 / (6 * 3)), rel=1e-3)


def test_penalties_are_of_the_first_second_and_fourth_query(raw, summary):
    names, matrix = summary["penalty"]["strategies"], summary["penalty"]["matrix"]
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            wins = 0
            for k in (1, 2, 4) if one != other else ():
                middle, half, _ = paired([c[k] for c in raw[one]], [c[k] for c in raw[other]])
                wins += middle > half
            assert matrix[i][j] == pytest.approx(wins / 3)


def test_the_tables_and_the_page_show_these_numbers(folder, shown):
    text = (folder / "docs" / "benchmarks.md").read_text()
    for name, own in shown.items():
        (row,) = re.findall(rf"^\| {name} \| ([\d.]+) \[.*$", text, re.MULTILINE)
        assert row == f"{100 * own['area']['mean']:.1f}"
    assert (folder / "run" / "report.html").stat().st_size > 10_000
