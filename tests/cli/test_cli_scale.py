"""``spotal select`` on shards: what it writes, what it refuses before reading, and how it stops."""

import json
from pathlib import Path

import numpy as np
import pytest

import spotal as library
from spotal.cli.scale import size_of
from spotal.engine import local, watching
from spotal.errors import InputError
from spotal.strategies import _large


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
    for source in (folder, f"{folder}/*.npy", f"file://{folder}"):
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
    assert "rows skipped, not finite: 1" in result.stdout
    kept = np.delete(np.arange(300), 103)
    expected = kept[library.select(rows[kept], 7, random_state=0).indices]
    assert [int(line["row"]) for line in picks()] == expected.tolist()


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
        (["--engine", "abacus"], "engine must be one of local, ray"),
        (["--ray-address", "auto"], "ray_address auto is for the engine 'ray'"),
        (["--device", "tpu"], "device must be one of"),
    ):
        result = spotal("select", folder, "--budget", 7, *options)
        assert result.exit_code == 2
        assert said in result.stderr
        assert not Path("picks.csv").exists()


@pytest.mark.parametrize("title", ["placing rows", "means", "assign"])
def test_an_interrupt_in_any_pass_leaves_nothing(spotal, shards, monkeypatch, title):
    folder, _ = shards
    monkeypatch.setattr(_large, "EXACT_WORK", 0 if title == "placing rows" else 1e18)

    run = local.run

    def interrupted(task, pool, *, threads=1):
        if getattr(task, "title", type(task).__name__.strip("_").lower()) == title:
            task.map = _interrupt
        return run(task, pool, threads=threads)

    monkeypatch.setattr(local, "run", interrupted)
    from spotal.engine import choice

    token = choice._engine.set(interrupted)
    before = sorted(Path().rglob("*"))
    try:
        result = spotal("select", folder, "--budget", 7)
    finally:
        choice._engine.reset(token)
    assert result.exit_code == 130
    assert sorted(Path().rglob("*")) == before


def _interrupt(batch):
    raise KeyboardInterrupt


def test_passes_are_watched(shards, monkeypatch):
    folder, _ = shards
    monkeypatch.setattr(_large, "EXACT_WORK", 0)
    told = []
    with watching(lambda *what: told.append(what)):
        library.select(folder, 7, random_state=0)
    assert told == [("placing rows", 0, 300), ("placing rows", 300, 300)]


@pytest.mark.parametrize(("text", "size"), [("5", 5), ("800MB", 800_000_000), ("1.5g", 1_500_000_000), ("2 GiB", 2e9)])
def test_sizes(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-3", "3 apples"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match="must be a size"):
        size_of(text)
