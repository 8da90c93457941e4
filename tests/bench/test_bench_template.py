"""A protocol to begin with, data checked before the first job, arrays with labels beside them, pictures as files."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spotal.bench import protocol_library
from spotal.bench.protocol import from_table
from spotal.datasets import load


@pytest.fixture
def spotal(tmp_path, monkeypatch):
    from spotal.cli.main import app

    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def rows(tmp_path):
    """60 rows of three classes in rows.npy and labels.csv."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    np.save(tmp_path / "rows.npy", (3 * np.eye(3)[y] + rng.normal(size=(60, 3))).astype(np.float32))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label"], *([f"class {k}"] for k in y)])
    return tmp_path / "rows.npy"


SMALL = """dataset = "rows.npy"
batch_size = 4
rounds = 2
seeds = 2
strategies = ["random", "coreset"]
learner = {kind = "linear-probe"}
"""


def test_the_template_is_a_protocol_as_it_is(spotal):
    printed = spotal("bench", "--template")
    assert printed.exit_code == 0
    found = from_table("my", tomllib.loads(printed.stdout))
    assert found.dataset == "digits"
    Path("my.toml").write_text(printed.stdout, encoding="utf-8")
    planned = spotal("bench", "my.toml", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "20" in planned.stdout  # 4 strategies, 5 seeds
    commented = "\n".join(line.removeprefix("# ") if "=" in line else line for line in printed.stdout.splitlines()[6:])
    assert "classes" in tomllib.loads(commented)
    assert protocol_library.template() == printed.stdout


def test_an_array_with_labels_beside_it_is_a_data_set(rows):
    data = load(rows)
    assert data.class_names == ("class 0", "class 1", "class 2")
    assert (len(data.X), len(data.X_test), data.X.shape[1]) == (48, 12, 3)
    order = np.load(rows)
    for X, y in ((data.X, data.y), (data.X_test, data.y_test)):
        place = [int(np.flatnonzero((order == row).all(1))[0]) for row in X]
        np.testing.assert_array_equal(np.asarray(place) % 3, y)
    lines = rows.with_name("labels.csv").read_text().splitlines()
    parts = ["label,split", *(f"{line},{'test' if k < 10 else 'train'}" for k, line in enumerate(lines[1:]))]
    rows.with_name("labels.csv").write_text("\n".join(parts))
    np.testing.assert_array_equal(load(rows).X_test, order[:10])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.with_name("labels.csv").unlink(), "rows.npy has no labels; put labels.csv beside it"),
        (lambda rows: rows.with_name("labels.csv").write_text("label\na\nb\n"), "has 60 rows and labels.csv has 2"),
        (lambda rows: rows.with_name("labels.csv").write_text("name\n" + "a\n" * 60), "no column 'label' or 'class'"),
        (lambda rows: rows.write_bytes(b"nothing"), "rows.npy"),
        (lambda rows: rows.unlink(), "rows.npy"),
        (
            lambda rows: rows.with_name("p.toml").write_text(SMALL.replace("rounds = 2", "rounds = 20")),
            "ask for 84 labels, found a pool of 48 rows",
        ),
        (lambda rows: rows.with_name("p.toml").write_text("classes = [0, 7]\n" + SMALL), "must be 0 to 2"),
        (
            lambda rows: rows.with_name("p.toml").write_text(SMALL.replace("linear-probe", "small-cnn")),
            "'small-cnn' takes images, found features of shape (48, 3)",
        ),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_data_are_checked_before_the_first_job(spotal, rows, tmp_path, change, told, dry):
    (tmp_path / "p.toml").write_text(SMALL, encoding="utf-8")
    change(rows)
    result = spotal("bench", "p.toml", "--out", "run", *["--dry-run"] * dry)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stdout == ""


def test_pictures_are_files_of_two_kinds_the_same_each_time(spotal, rows, tmp_path):
    (tmp_path / "p.toml").write_text(SMALL, encoding="utf-8")
    done = spotal("bench", "p.toml", "--out", "run", "--workers", 1)
    assert done.exit_code == 0, done.output
    shown = spotal("report", "run", "--plots", "plots")
    assert shown.exit_code == 0, shown.output
    found = {path.name: path.read_bytes() for path in Path("plots").iterdir()}
    assert {"p.svg", "p.pdf"} <= set(found)
    assert found["p.svg"].startswith(b"<?xml")
    assert found["p.pdf"].startswith(b"%PDF")
    assert f"Pictures: {len(found)} files" in shown.stdout
    assert spotal("report", "run", "--plots", "again").exit_code == 0
    assert {path.name: path.read_bytes() for path in Path("again").iterdir()} == found
    rows.unlink()  # a run that is done needs its data no more
    assert spotal("bench", "p.toml", "--out", "run", "--dry-run").exit_code == 0


def test_a_picture_that_spotal_did_not_write_is_not_replaced(spotal, rows, tmp_path):
    (tmp_path / "p.toml").write_text(SMALL, encoding="utf-8")
    assert spotal("bench", "p.toml", "--out", "run", "--workers", 1).exit_code == 0
    assert spotal("report", "run", "--plots", "plots").exit_code == 0
    again = spotal("report", "run", "--plots", "plots")
    assert again.exit_code == 0, again.output
    for name in ("p.svg", "p.pdf"):
        own = tmp_path / f"own {name}" / name
        own.parent.mkdir()
        own.write_bytes(b"a picture of one's own")
        told = spotal("report", "run", "--plots", own.parent)
        assert told.exit_code == 2
        assert "is there already and spotal did not write it; name another folder by --plots" in told.stderr
        assert [path.name for path in own.parent.iterdir()] == [name]
        assert own.read_bytes() == b"a picture of one's own"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--template", "my.toml"), "write: spotal bench --template > my.toml"),
        (("p.toml", "--redo", "coresets"), "--redo must name strategies of the protocols, random, coreset"),
        (("p.toml", "--strategies", ","), "--strategies must name at least one strategy"),
        (("one.toml",), "dataset has rows of one class only in one.csv"),
        (("none.toml",), "labels.csv must have a column"),
    ],
)
def test_what_is_asked_of_bench_and_cannot_be_done_is_refused(spotal, rows, tmp_path, words, told):
    (tmp_path / "p.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "one.toml").write_text(SMALL.replace("rows.npy", "one.csv"), encoding="utf-8")
    (tmp_path / "none.toml").write_text(SMALL.replace("rows.npy", ""), encoding="utf-8")
    (tmp_path / "one.csv").write_text("a,b,label\n" + "".join(f"{k},{k % 7},gull\n" for k in range(60)))
    result = spotal("bench", *words, "--out", "run")
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ")
    assert told in result.stderr
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("*.html"))
