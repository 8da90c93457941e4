"""A disk that is full: every command that writes says so in a sentence, leaves what was there, and can go on later."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

import spotal as library
from spotal.errors import OutputError
from spotal.pool import spool
from spotal.project import Project
from spotal.project.lock import FILE, HOLDER

resource = pytest.importorskip("resource", reason="the system cannot limit files")
OWN = "from torch import nn\nmake = lambda: nn.Conv2d(3, 600, 3, 2)\n"


@contextmanager
def room(size):
    """No file may grow beyond ``size`` bytes: the system refuses to write more, as where a disk is full."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def failed(result, *said):
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for words in said:
        assert words in last


def content(folder="."):
    """What is there, but for locks, who has them, and what SQLite keeps beside its file."""
    passed = (FILE, HOLDER, ".lock", "-wal", "-shm", ".pyc")
    return {
        path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file() and not path.name.endswith(passed)
    }


def test_picks(spotal, pool):
    Path("picks.csv").write_text("older")
    with room(200):
        result = spotal("select", pool["npy"], "--budget", 9)
    failed(result, "picks.csv cannot be written (file too large)")
    assert Path("picks.csv").read_text() == "older"
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
    with closing(sqlite3.connect("p/project.sqlite")) as connection:
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
