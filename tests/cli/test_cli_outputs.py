"""No command replaces a file that it reads, whatever name that goes by, nor a file that nobody named."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Project, next_batch


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})


def content(folder):
    """Every file but locks and what SQLite keeps beside its files, through no link."""
    return {
        path: path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and not path.name.startswith("lock") and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Projects of each kind with labels: their data, prices, groups and models are beside them."""
    root = tmp_path_factory.mktemp("outputs")
    before = os.getcwd()
    os.chdir(root)
    rng = np.random.default_rng(0)
    for k in range(12):
        place = Path("photos", "more" if k % 2 else ".", f"{k}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(place)
    Path("pool.csv").write_text("id,x,y\n" + "".join(f"t{k},{k},{k % 3}\n" for k in range(12)))
    Path("cost.csv").write_text("id,cost\n" + "".join(f"t{k},1\n" for k in range(12)))
    Path("groups.csv").write_text("id,group\n" + "".join(f"t{k},{k % 4}\n" for k in range(12)))
    Path("texts.jsonl").write_text(
        "".join(json.dumps({"id": f"t{k}", "text": f"text {k % 3}"}) + "\n" for k in range(12))
    )
    limits = ("--cost", "cost.csv", "--groups", "groups.csv", "--max-per-group", 9, "--budget", 30)
    for words in (
        ("init", "e", "--pool", "pool.csv", "--classes", "a,b", *limits, "--batch", 4, "--model", "my_model:make"),
        ("init", "i", "--images", "photos", "--classes", "a,b", "--batch", 4),
        ("init", "t", "--texts", "texts.jsonl", "--classes", "a,b", "--batch", 4),
    ):
        Path("my_model.py").write_text(
            "from sklearn.linear_model import LogisticRegression\n\ndef make():\n    return LogisticRegression()\n"
        )
        done = run(*words)
        assert done.exit_code == 0, done.output
    shutil.move("my_model.py", "e/my_model.py")
    for name in "eit":
        with Project.open(name) as project:
            next_batch(project)
            for k, task in enumerate(project.rounds.batch()):
                project.labels.record(task.item.id, "ab"[k % 2], annotator="ann")
    Path("e/link.csv").symlink_to("../pool.csv")
    os.link("pool.csv", "twin.csv")
    os.link("photos/0.png", "twin.png")
    yield root
    os.chdir(before)


READ = {
    "e": (
        "e/.spotal/project.sqlite",
        "e/.spotal/answers.jsonl",
        "e/.spotal/new.csv",
        "e/.spotal/lock",
        "e/spotal.toml",
        "e/../e/spotal.toml",
        "pool.csv",
        "twin.csv",
        "e/link.csv",
        "cost.csv",
        "groups.csv",
        "e/my_model.py",
    ),
    "i": ("i/.spotal/features/images-32.npy", "photos/0.png", "photos/more/1.png", "twin.png", "photos/new.png"),
    "t": ("texts.jsonl", "t/spotal.toml"),
}


@pytest.mark.parametrize(("name", "target"), [(name, target) for name, targets in READ.items() for target in targets])
def test_nothing_that_a_project_reads_is_replaced(made, name, target):
    before = content(made)
    for words in (
        ("export", target, name, "-f", "csv"),
        ("export", target, name, "-f", "jsonl"),
        ("report", name, "--out", target),
        ("predict", name, "--out", target),
        ("export", target, name, "-f", "hugging-face"),
    ):
        done = run(*words)
        if "hugging-face" in words and name == "e":
            assert done.exit_code == 2
            continue
        assert done.exit_code == 2, (words, done.output)
        assert "Traceback" not in done.output
        (line,) = done.stderr.strip().splitlines()
        assert any(part in line for part in ("must be another", "must lie outside", "is a link")), line
        assert content(made) == before, words


@pytest.mark.parametrize("target", ["photos", "photos/../photos", ".", "i", "i/.spotal"])
def test_a_folder_never_takes_the_place_of_what_is_read(made, target):
    before = content(made)
    done = run("export", target, "i", "-f", "hugging-face")
    assert done.exit_code == 2
    assert content(made) == before


def test_an_exported_folder_with_other_things_in_it_stays(made):
    target = made / "dataset"
    assert run("export", target, "i", "-f", "hugging-face").exit_code == 0
    assert run("export", target, "i", "-f", "hugging-face").exit_code == 0
    (target / "notes.md").write_text("mine")
    done = run("export", target, "i", "-f", "hugging-face")
    assert (done.exit_code, (target / "notes.md").read_text()) == (2, "mine")
    (made / "linked").symlink_to(target)
    (target / "notes.md").unlink()
    assert run("export", made / "linked", "i", "-f", "hugging-face").exit_code == 2
    assert (made / "linked").is_symlink()


@pytest.mark.parametrize("words", [("predict", "predictions.csv"), ("report", "report.html")])
def test_a_file_that_nobody_named_is_replaced_only_if_it_is_ours(made, words):
    command, name = words
    path = made / "t" / name
    path.write_text("<html>the user's</html>")
    done = run(command, "t")
    assert done.exit_code == 2
    assert f"{name} is there already and spotal did not write it; name a file by --out" in done.stderr
    assert path.read_text() == "<html>the user's</html>"
    path.unlink()
    for _ in range(2):
        assert run(command, "t").exit_code == 0
    assert run(command, "t", "--out", made / name).exit_code == 0


@pytest.mark.parametrize(
    ("target", "extra"),
    [
        ("shards/a.npy", ()),
        ("shards/new.parquet", ()),
        ("twin.npy", ()),
        ("labeled.txt", ("--labeled", "labeled.txt")),
        ("mass.npy", ("--mass", "mass.npy")),
    ],
)
def test_select_replaces_nothing_that_it_reads(tmp_path, monkeypatch, target, extra):
    monkeypatch.chdir(tmp_path)
    Path("shards").mkdir()
    for name in "ab":
        np.save(f"shards/{name}.npy", np.random.default_rng(ord(name)).normal(size=(20, 3)).astype(np.float32))
    os.link("shards/a.npy", "twin.npy")
    Path("labeled.txt").write_text("3\n")
    np.save("mass.npy", np.ones(40))
    before = content(tmp_path)
    for pool in ("shards", "shards/*.npy"):
        done = run("select", pool, "--budget", 3, "--out", target, *extra)
        if (pool, target) == ("shards/*.npy", "shards/new.parquet"):
            continue  # which the glob does not name
        assert done.exit_code == 2, done.output
        assert "--out must be another file than those that are read" in done.stderr
        assert content(tmp_path) == before


def test_picks_replace_only_picks_unless_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).normal(size=(20, 3)))
    for _ in range(2):
        assert run("select", "x.npy", "--budget", 3).exit_code == 0
    Path("picks.csv").write_text("mine")
    assert run("select", "x.npy", "--budget", 3).exit_code == 2
    assert Path("picks.csv").read_text() == "mine"


def test_a_run_and_its_report_replace_nothing_of_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    with closing(sqlite3.connect("mine/results.sqlite")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = content(tmp_path)
    done = run("bench", "smoke", "--out", "mine")
    assert (done.exit_code, content(tmp_path)) == (2, before)
    assert "is no store of benchmark results" in done.stderr
    Path("elsewhere").mkdir()
    from spotal.bench.store import Store

    Store(Path("run")).close()
    for out in ("run/results.sqlite", "run/summary.json"):
        assert run("report", "run", "--out", out).exit_code == 2
    Path("elsewhere/summary.json").write_text("{}")
    done = run("report", "run", "--out", "elsewhere/page.html")
    assert "summary.json is there already and spotal did not write it" in done.stderr
    done = run("report", "run", "--out", "run/page.html", "--markdown", "run/results.sqlite")
    assert "--markdown must be another file" in done.stderr


def test_a_demo_replaces_nothing_of_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("site").mkdir()
    Path("site/report.html").write_text("mine")
    done = run("demo", "--out", "site")
    assert "report.html is there already and spotal did not write it; name another folder by --out" in done.stderr
    assert content(tmp_path) == {tmp_path / "site/report.html": b"mine"}
