"""From finished jobs to numbers, page, tables and commands."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from typer.testing import CliRunner

from spotal.bench.cache import Cache
from spotal.bench.compare import paired
from spotal.bench.curves import area
from spotal.bench.markdown import write_markdown
from spotal.bench.page import page
from spotal.bench.protocol import from_table
from spotal.bench.results import read
from spotal.bench.store import Store
from spotal.bench.summary import summarize
from spotal.bench.tables import HEAD, harness, rows
from spotal.bench.workers import run
from spotal.cli.main import app

FILE = """
title = "Tiny <b>digits</b>"
dataset = "digits"
batch_size = 5
rounds = 2
seeds = 3
test_size = 100
strategies = ["random", "margin", "coreset"]
pool = { size = 120 }
learner = { kind = "linear-probe" }
embedding = { kind = "pixels-pca", dim = 8 }
initial = { kind = "random", count = 10 }
"""

FAILS = """
from spotal.strategies import Strategy

class Fails(Strategy):
    name = "fails"
    def _choose(self, query):
        raise RuntimeError("out of ideas")
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished run of three strategies, and its protocol's file."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "tiny.toml").write_text(FILE)
    found = invoke("bench", str(folder / "tiny.toml"), "--out", str(folder / "run"), "--cache", str(folder / "cache"))
    assert found.exit_code == 0, found.output
    return folder


def invoke(*words):
    return CliRunner().invoke(app, ["--help"] if not words else [*words, *(["--workers", "1"] * (words[0] == "bench"))])


@pytest.fixture(scope="module")
def shown(finished):
    with Store(finished / "run", create=False) as store:
        cells = read(store)
        return cells, summarize(cells, store)


def test_the_summary_agrees_with_the_curves_that_it_is_of(shown):
    (cell,), summary = shown
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    (found,) = summary["cells"]
    assert (found["asked"], found["missing"]) == ([10, 15, 20], 0)
    values = {name: cell.values(name, "balanced_accuracy") for name in ("random", "margin", "coreset")}
    areas = {name: area([10, 15, 20], curves) for name, curves in values.items()}
    for name, curves in values.items():
        own = found["strategies"][name]
        assert own["seeds"] == [0, 1, 2]
        assert own["curve"]["mean"] == pytest.approx(curves.mean(0).tolist())
        assert own["area"]["mean"] == pytest.approx(areas[name].mean())
        assert own["area"]["low"] <= own["area"]["mean"] <= own["area"]["high"]
        assert own["final"]["balanced_accuracy"] == pytest.approx(curves[:, -1].mean())
        assert own["query_seconds"] > 0
    assert [own["area"]["mean"] for own in found["strategies"].values()] == sorted(
        (float(found.mean()) for found in areas.values()), reverse=True
    )
    margin = found["strategies"]["margin"]["against"]
    assert margin["t"] == pytest.approx(paired(areas["margin"], areas["random"]).t)
    both = sorted(found["strategies"][name]["against"]["t"] for name in ("margin", "coreset"))
    adjusted = sorted(found["strategies"][name]["against"]["t_holm"] for name in ("margin", "coreset"))
    assert adjusted[0] == pytest.approx(min(1, 2 * both[0]))
    assert found["strategies"]["random"]["against"] is None
    assert summary["ranks"]["n"] == 3
    assert summary["ranks"]["blocks"] == "pools"
    assert sum(summary["ranks"]["mean"].values()) == pytest.approx(6)
    assert summary["penalty"]["most"] == 1
    assert np.shape(summary["penalty"]["matrix"]) == (3, 3)
    assert summary["penalty"]["losses"] == sorted(summary["penalty"]["losses"])


def test_the_time_is_all_accounted_for(shown):
    time = shown[1]["time"]
    parts = sum(time[name] for name in ("train", "embed", "query", "measure", "harness"))
    assert parts == pytest.approx(time["wall"])
    assert 0 < time["harness_share"] < 1
    assert "selection" in harness(time)
    assert harness({}) == ""


def test_the_page_needs_nothing_else(shown):
    html = page(*shown)
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"""(src|href|srcset)\s*=\s*["'](?!data:)""", html)
    for outside in ("http://", "https://", "<script", "@import", "url("):
        assert outside not in html
    assert html.count('class="thumbs"') == 2 * 3  # the first and last query of each strategy
    assert "Tiny &lt;b&gt;digits&lt;/b&gt;" in html
    for word in ("margin", "coreset", "Average ranks", "Pairwise penalty matrix", shown[1]["digest"]):
        assert word in html


def test_markdown_has_the_same_tables_and_its_pictures(shown, tmp_path):
    written = write_markdown(*shown, tmp_path / "docs" / "benchmarks.md")
    text = written[-1].read_text()
    pictures = re.findall(r"!\[.*?\]\((images/.*?)\)", text)
    assert len(pictures) == 3
    assert all(name.startswith("images/benchmarks-") for name in pictures)  # another document leaves them alone
    assert text.startswith("# Benchmarks\n")
    for name in pictures:
        assert (tmp_path / "docs" / name).read_bytes().startswith(b"\x89PNG")
    table = rows(shown[1]["cells"][0])
    for row in table:
        assert f"| {' | '.join(row)} |" in text
    assert all(len(row) == len(HEAD) for row in table)
    assert shown[1]["digest"] in text
    assert not re.search("\n\n\n|[^\n]\n#", text)


def test_unfinished_runs_and_losses_are_shown_as_what_they_are(finished, tmp_path):
    protocol = from_table("tiny", _toml())
    cache = Cache(finished / "cache")
    run([protocol.limited(1)], tmp_path, cache=cache)
    with Store(tmp_path) as store:
        store.add_protocol(protocol)
        cells = read(store)
        summary = summarize(cells, store)
    assert summary["cells"][0]["missing"] == 6
    own = summary["cells"][0]["strategies"]["margin"]["against"]
    assert own["n"] == 1
    assert own["t_holm"] is None  # one seed is no test
    assert "6 jobs are not finished" in page(cells, summary)
    table = {row[0]: row for row in rows(summary["cells"][0])}
    assert re.fullmatch(r"[+-]\d+\.\d", table["margin"][2])
    if own["mean"] < 0:
        assert table["margin"][2].startswith("-")


def _toml():
    import tomllib

    return tomllib.loads(FILE)


def test_bench_lists_what_there_is():
    found = invoke("bench", "--list")
    assert found.exit_code == 0
    for word in ("smoke", "fashion-tail-cnn", "Strategies: ", "spot", "made-clusters"):
        assert word in found.output
    document = json.loads(invoke("bench", "--list", "--json").stdout)
    assert {"name", "role", "title", "seeds", "labels"} == set(document["protocols"][0])


def test_a_pattern_names_all_protocols_that_fit_it(tmp_path):
    found = invoke("bench", "stress-letter-*", "smoke", "--dry-run", "--json", "--out", str(tmp_path / "new"))
    assert set(json.loads(found.stdout)["protocols"]) == {
        "stress-letter-forest", "stress-letter-mlp", "stress-letter-tail-forest", "smoke"
    }  # fmt: skip


def test_a_dry_run_estimates_and_leaves_no_trace(finished, tmp_path):
    words = ["bench", str(finished / "tiny.toml"), "--dry-run", "--json", "--out"]
    document = json.loads(invoke(*words, str(tmp_path / "new")).stdout)
    assert document["protocols"]["tiny"] == {
        "jobs": 9,
        "rounds_left": 36,
        "core_seconds": pytest.approx(document["core_seconds"]),
    }
    assert document["seconds"] > 0
    assert not (tmp_path / "new").exists()
    done = json.loads(invoke(*words, str(finished / "run")).stdout)
    assert done["core_seconds"] == 0
    more = json.loads(invoke(*words, str(finished / "run"), "--seeds", "4").stdout)
    assert more["protocols"]["tiny"]["rounds_left"] == 12
    assert "jobs" in invoke("bench", "smoke", "--dry-run", "--out", str(tmp_path / "new")).output


def test_bench_goes_on_and_can_do_a_strategy_again(finished, tmp_path):
    words = ["bench", str(finished / "tiny.toml"), "--cache", str(finished / "cache"), "--json"]
    kept = ["--kept", str(tmp_path / "kept")]
    first = json.loads(invoke(*words, "--out", str(finished / "run"), *kept).stdout)
    assert (first["jobs"], first["done"], first["failures"]) == (9, 9, {})
    again = json.loads(invoke(*words, "--out", str(finished / "run"), "--redo", "margin").stdout)
    assert again["digest"] == first["digest"]
    (tmp_path / "kept").mkdir(exist_ok=True)
    found = invoke(*words[:-1], "--out", str(tmp_path / "other"), *kept)
    assert "Took 9 finished jobs" in found.output
    assert "36 of 36 rounds are done already" in found.output
    partly = invoke(*words[:-1], "--out", str(tmp_path / "third"), *kept, "--redo", "margin,coreset")
    assert "Took 3 finished jobs" in partly.output  # those to be done again are not taken from there


def test_report_writes_page_numbers_and_tables(finished, tmp_path):
    files = ["--markdown", str(tmp_path / "b.md"), "--out", str(tmp_path / "r.html")]
    found = invoke("report", str(finished / "run"), *files)
    assert found.exit_code == 0, found.output
    assert "margin" in found.output
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "summary.json").read_text())["format"] == 1
    assert (tmp_path / "b.md").is_file()
    document = json.loads(invoke("report", str(finished / "run"), "--json").stdout)
    assert document["report"].endswith("report.html")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bench"], "PROTOCOL must be given"),
        (["bench", "smok"], "did you mean 'smoke'"),
        (["bench", "smoke", "--strategies", "margn"], "did you mean 'margin'"),
        (["report", "nowhere"], "there is no such folder; name"),
    ],
)
def test_a_wrong_command_ends_with_one_sentence_and_two(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = invoke(*words)
    assert found.exit_code == 2
    assert message in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_jobs_that_fail_are_named_and_the_exit_status_says_so(tmp_path):
    (tmp_path / "mine.py").write_text(FAILS)
    (tmp_path / "bad.toml").write_text(FILE.replace('"margin", "coreset"', '"mine.py:Fails"'))
    found = invoke("bench", str(tmp_path / "bad.toml"), "--out", str(tmp_path / "run"), "--seeds", "1")
    assert found.exit_code == 1
    assert "bad, Fails, seed 0 failed: RuntimeError: out of ideas" in found.stderr
    assert "random" in invoke("report", str(tmp_path / "run")).stdout


def test_a_pool_that_cannot_be_drawn_is_said_before_the_first_job(tmp_path):
    (tmp_path / "bad.toml").write_text(FILE.replace("size = 120", 'size = 1250, balance = "balanced"'))
    found = invoke("bench", str(tmp_path / "bad.toml"), "--out", str(tmp_path / "run"), "--seeds", "1")
    assert found.exit_code == 2
    assert "pool size needs 125 rows of each class of digits" in found.stderr
    assert invoke("report", str(tmp_path / "run")).exit_code == 2


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("rounds", "metrics", "5"),
        ("rounds", "metrics", '{"other": 1}'),
        ("rounds", "metrics", "[" * 100_000),
        ("rounds", "picks", "{}"),
        ("rounds", "asked", "x"),
        ("costs", "seconds", "[1]"),
        ("costs", "seconds", '{"wall": "x"}'),
        ("protocols", "content", "null"),
        ("origins", "content", "9" * 5_000),
        ("origins", "content", b"\xff\xfe"),
    ],
)
def test_results_that_were_damaged_are_one_sentence(finished, tmp_path, table, column, value):
    copy = tmp_path / "run"
    shutil.copytree(finished / "run", copy)
    with closing(sqlite3.connect(copy / "results.sqlite", isolation_level=None)) as base:
        base.execute(f"UPDATE {table} SET {column} = ?", (value,))
    result = CliRunner().invoke(app, ["report", str(copy), "--out", str(tmp_path / "out.html")])
    assert result.exit_code in (0, 2), result.output
    if result.exit_code:
        assert result.stderr.startswith("Error: "), result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
