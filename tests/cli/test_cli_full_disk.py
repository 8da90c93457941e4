"""A disk that is full: every command that writes says so in a sentence, leaves what was there, and can go on later."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.full_disk import content, failed, room

import spotal as library
from spotal.bench.store import Store
from spotal.errors import OutputError
from spotal.pool import spool
from spotal.project import Project

OWN = "from torch import nn\nmake = lambda: nn.Conv2d(3, 600, 3, 2)\n"
PROTOCOL = """dataset = "digits"
batch_size = 5
rounds = 3
seeds = 2
test_size = 100
strategies = ["random", "margin"]
pool.size = 120
learner.kind = "linear-probe"
embedding = {kind = "pixels-pca", dim = 8}
initial = {kind = "random", count = 10}
"""


def test_picks(spotal, pool):
    older = "id,rank,row,cell_mass,strategy\n"
    Path("picks.csv").write_text(older)
    with room(200):
        result = spotal("select", pool["npy"], "--budget", 9)
    failed(result, "picks.csv cannot be written (file too large)")
    assert Path("picks.csv").read_text() == older
    assert not list(Path().glob(".*.part"))


def test_shards_go_on_where_they_stopped(spotal, images, monkeypatch):
    import torch

    Path("wide_model.py").write_text(OWN)
    words = ("embed", images, "--model", "wide_model:make", "--dtype", "float32", "--workers", 0, "--out")
    torch.manual_seed(0)
    assert spotal(*words, "whole").exit_code == 0
    torch.manual_seed(0)
    with room(20_000):
        result = spotal(*words, "pool")
    failed(result, "shard-00000.npy cannot be written (file too large)")
    assert not list(Path("pool").rglob("*.part"))
    torch.manual_seed(0)
    assert spotal(*words, "pool").exit_code == 0
    whole, pool = content("whole"), content("pool")
    assert {path.relative_to("whole"): held for path, held in whole.items()} == {
        path.relative_to("pool"): held for path, held in pool.items()
    }


def test_copies_of_a_store_s_shards_and_batches_of_a_loader(spotal, points, tmp_path):
    Path("parts").mkdir()
    np.save("parts/a.npy", points)
    with room(1_000):
        result = spotal("select", f"local://{tmp_path}/parts", "--budget", 3)
        with pytest.raises(OutputError, match=r"cannot take the pool's batches \(file too large"):
            spool([points] * 10)
        with pytest.raises(OutputError, match="cannot take the pool's batches"):
            library.select(iter([points] * 10), 3)
    failed(result, "cannot take a copy of", "file too large", "TMPDIR")


@pytest.fixture
def project(spotal, empty):
    """A project of 1,200 items with a round that is answered, and an answer to import for each item."""
    centers = 3 * np.eye(3, 5)[np.arange(1_200) % 3]
    np.save("vectors.npy", centers + np.random.default_rng(0).normal(size=(1_200, 5)))
    made = spotal("init", "p", "--pool", "vectors.npy", "--classes", "a,b,c", "--budget", 24, "--batch", 12)
    assert made.exit_code == 0, made.output
    assert spotal("next", "p").exit_code == 0
    with Project.open("p") as opened:
        for task in opened.rounds.batch():
            opened.labels.record(task.item.id, "abc"[int(task.item.id) % 3], annotator="ann", source="cli")
    Path("labels.csv").write_text("id,label\n" + "".join(f"{k},{'abc'[k % 3]}\n" for k in range(1_200)))


def answers():
    with closing(sqlite3.connect("p/.spotal/project.sqlite")) as connection:
        return connection.execute("SELECT * FROM events ORDER BY 1").fetchall()


def test_a_project_keeps_what_it_has_and_goes_on(spotal, project):
    known = answers()
    assert len(known) >= 12
    taking, train = ("import", "labels.csv", "p"), ("train", "p")
    predict, report = ("predict", "p", "--out", "found.csv"), ("report", "p")
    export = [("export", name, "p") for name in ("out.csv", "out.jsonl")]
    beginning = ("init", "q", "--pool", "vectors.npy", "--classes", "a,b,c")

    def refused(size, *commands):
        for words in commands:
            before = content()
            with room(size):
                result = spotal(*words)
            failed(result, "cannot be ")
            now = content()
            assert not [path for path in now if path.suffix == ".part"], words
            # a project that could not be begun is begun anew
            assert {path: now.get(path) for path in before if path.parts[0] != "q"} == {
                path: held for path, held in before.items() if path.parts[0] != "q"
            }, words

    # no room for the database's own files; room for them, but for nothing long
    refused(300, taking, train, predict, ("next", "p"), *export, report, beginning)
    assert spotal(*train).exit_code == 0
    refused(40_000, taking, predict, report, beginning)
    assert answers() == known
    assert not Path("found.csv").exists()
    assert spotal(*taking).exit_code == 0
    refused(40_000, *export)
    for words in (train, predict, *export, report, beginning):
        result = spotal(*words)
        assert result.exit_code == 0, (words, result.output)
    assert spotal("doctor", "p").exit_code == 0
    assert len(answers()) >= 1_200


def test_a_demo(spotal):
    words = ("demo", "--rounds", 1, "--budget", 5, "--pool", 60, "--seeds", 1, "--out", "out")
    Path("out").mkdir()
    older = {
        Path("out/report.html"): b'<meta name="generator" content="spotal">',
        Path("out/curves.json"): b'{"format": 1, "headline": ""}',
    }
    for path, held in older.items():
        path.write_bytes(held)
    # no room for the run; room for the run, but not for the report
    for size, name in ((300, "results.sqlite cannot be"), (300_000, "report.html cannot be written (file too large)")):
        with room(size):
            failed(spotal(*words), name)
        assert content("out") == older
    assert spotal(*words).exit_code == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_benchmark_goes_on_where_it_stopped(spotal, workers, capfd, monkeypatch):
    fork = multiprocessing.get_context("fork")  # workers that begin at once
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: fork)
    Path("tiny.toml").write_text(PROTOCOL)
    run = ("bench", "tiny.toml", "--cache", "cache", "--workers", workers, "--json", "--kept", "kept", "--out")
    report = ("report", "run", "--markdown", "bench.md")

    def refused(size, words, *said):
        with room(size):
            failed(spotal(*words), *said)
        assert not list(Path().rglob("*.part"))
        assert "Traceback" not in capfd.readouterr().err  # of a worker

    # no room for a database; for an empty one; for some rounds
    refused(300, (*run, "run"), "results.sqlite cannot be opened")
    refused(40_000, (*run, "run"), "results.sqlite cannot be ")
    refused(100_000, (*run, "run"), "results.sqlite cannot be written")
    with Store(Path("run")) as store:
        assert 0 < sum(store.counts().values()) < 12
    done = spotal(*run, "run")
    assert done.exit_code == 0, done.output
    whole = spotal(*run[:-3], "--out", "whole")
    assert json.loads(done.stdout)["digest"] == json.loads(whole.stdout)["digest"]
    older = {"report.html": '<meta name="generator" content="spotal">', "summary.json": '{"format": 1, "metric": ""}'}
    for name, text in older.items():
        Path("run", name).write_text(text)
    for size, name in ((300, "results.sqlite cannot be opened"), (40_000, "report.html cannot be written")):
        refused(size, report, name)
        assert {name: Path("run", name).read_text() for name in older} == older
    assert spotal(*report).exit_code == 0
