"""``spotal select`` on shards: what it writes, what it refuses before reading, and how it stops."""

import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec
import lance
import numpy as np
import pyarrow as pa
import pytest
import zarr
from pyarrow import parquet

import spotal as library
from spotal.engine import watching


@pytest.fixture
def shards(tmp_path):
    rows = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, part in enumerate(np.split(rows, (100, 180))):
        np.save(folder / f"s{number}.npy", part)
    return folder, rows


def test_a_folder_a_glob_and_a_uri_give_the_library_s_picks(spotal, shards, picks):
    folder, rows = shards
    expected = library.select(rows, 7, random_state=0).indices.tolist()
    zarr.save_array("x.zarr", rows)
    lance.write_dataset(pa.table({"embedding": list(rows)}), "x.lance")
    parquet.write_table(pa.table({"embedding": list(rows)}), "x.parquet")
    with fsspec.open("memory://pools/x.parquet", "wb") as file:
        file.write(Path("x.parquet").read_bytes())
    others = ("x.zarr", "x.lance", "memory://pools/x.parquet", "memory://pools/*.parquet")
    for source in (folder, f"{folder}/*.npy", f"file://{folder}", *others):
        result = spotal("select", source, "--budget", 7)
        assert result.exit_code == 0, result.output
        assert [int(line["row"]) for line in picks()] == expected


def test_bad_rows_are_an_error_or_are_counted(spotal, shards, picks):
    folder, rows = shards
    broken = rows[100:180].copy()
    broken[3] = np.nan
    np.save(folder / "s1.npy", broken)
    result = spotal("select", folder, "--budget", 7)
    assert result.exit_code == 2
    assert "3 of" in result.stderr
    assert "s1.npy" in result.stderr
    assert not Path("picks.csv").exists()
    result = spotal("select", folder, "--budget", 7, "--skip-bad-rows")
    assert "rows skipped, they hold NaN or infinity: 1" in result.stdout
    kept = np.delete(np.arange(300), 103)
    expected = kept[library.select(rows[kept], 7, random_state=0).indices]
    assert [int(line["row"]) for line in picks()] == expected.tolist()


def test_ids_that_repeat_across_shards(refused, empty):
    for name, ids in (("a", [1, 2, 3]), ("b", [4, 3])):
        rows = np.random.default_rng(0).normal(size=(len(ids), 4))
        parquet.write_table(pa.table({"id": ids, "embedding": list(rows)}), f"{name}.parquet")
    assert "ids must not repeat, found 3 in a.parquet and in b.parquet" in refused("select", "*.parquet", "-n", 2)


def test_a_plan_says_what_it_takes_and_chooses_nothing(spotal, shards):
    folder, _ = shards
    result = spotal("select", folder, "--budget", 7, "--plan")
    assert result.exit_code == 0, result.output
    assert "7 of 300 rows of 6 numbers" in result.stdout
    assert not Path("picks.csv").exists()
    plan = json.loads(spotal("select", folder, "--budget", 7, "--plan", "--json").stdout)
    assert plan["rows"] == 300
    assert plan["seconds"] > 0


def test_what_needs_too_much_memory_or_an_engine_there_is_not(spotal, shards):
    folder, _ = shards
    for options, said in (
        (["--max-memory", "5MB"], "too little"),
        (["--max-memory", "much"], "--max-memory must be a size"),
        (["--max-memory", "5MB", "--skip-bad-rows"], "too little"),
        (["--max-memory", "5GB", "--strategy", "coreset"], "are for --strategy spot, found 'coreset'"),
        (["--engine", "ray", "--strategy", "coreset"], "engine must be 'local' for strategy 'coreset'"),
        (["--engine", "abacus"], "engine must be one of local, ray"),
        (["--ray-address", "auto"], "--ray-address auto is for the engine 'ray'"),
        (["--device", "tpu"], "device must be one of"),
    ):
        result = spotal("select", folder, "--budget", 7, *options)
        assert result.exit_code == 2
        assert said in result.stderr
        assert not Path("picks.csv").exists()


INTERRUPTED = """
import os, signal, sys, time
import fsspec, torch
from spotal.cli import main
from spotal.engine import local, watch

def stop():
    open("begun", "w").close()
    time.sleep(600)

def run(title):
    class Watch(watch.Watch):
        def advance(self, rows):
            super().advance(rows)
            if self.title == title:
                stop()
    local.Watch = Watch
    sys.argv = ["spotal", "select", f"local://{os.getcwd()}/shards", "-n", "7", "--labeled", "labeled.txt"]
    main.main()

for title in sys.argv[1:]:
    child = os.fork()
    if not child:
        os.setpgrp()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run(title)
    while not os.path.exists("begun"):
        assert os.waitpid(child, os.WNOHANG)[0] == 0, title
        time.sleep(0.01)
    os.unlink("begun")
    os.killpg(child, signal.SIGINT)
    print(title, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), os.listdir(os.environ["TMPDIR"]), sep=",")
"""


def test_an_interrupt_in_any_pass_leaves_nothing(empty):
    Path("shards").mkdir()
    for number in range(2):  # more rows than picks are chosen from
        np.save(f"shards/{number}.npy", np.random.default_rng(number).normal(size=(3_000, 4)))
    Path("labeled.txt").write_text("3\n4\n")
    Path("tmp").mkdir()
    titles = ["reading the pool", "assigning rows"]
    known = {"PYTHONPATH": str(Path(library.__file__).parents[1]), "TMPDIR": str(empty / "tmp")}
    before = sorted(empty.rglob("*"))
    words = [sys.executable, "-c", INTERRUPTED, *titles]
    done = subprocess.run(words, env=os.environ | known, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{title},130,[]" for title in titles], done.stderr
    assert done.stderr.splitlines() == ["Interrupted."] * len(titles)
    assert sorted(empty.rglob("*")) == before


def test_passes_are_watched(shards):
    folder, _ = shards
    told = []
    with watching(lambda *what: told.append(what)):
        library.select(folder, 2, library.SPOT(sample_size=100), random_state=0)
    assert told == [("reading the pool", 0, 300), ("reading the pool", 300, 300)]
