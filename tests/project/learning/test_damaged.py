"""Damaged files of models and features: the next command that needs them makes them anew, and advice leads out."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Project, next_batch, read_embeddings, read_predictions, train
from spotal.project.doctor import diagnose
from spotal.project.places import FEATURES

DAMAGE = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"garbage" * 100),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "header alone": lambda path: path.write_bytes(path.read_bytes()[:64]),
    "of another shape": lambda path: np.save(path, np.zeros(3, np.float32)),
    "a single number": lambda path: np.save(path, np.float32(3)),
    "pickled": lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
}


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The folder for a project that is made once, of which each test damages a copy."""
    return tmp_path_factory.mktemp("template") / "whole"


@pytest.fixture
def taught(start, answer, template, tmp_path):
    """A project after two rounds, trained."""
    if template.exists():
        shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    else:
        with start() as project:
            for _ in range(2):
                next_batch(project)
                answer(project)
            train(project)
        shutil.copytree(tmp_path, template)
    with Project.open(tmp_path / "project") as project:
        yield project


@pytest.mark.parametrize(
    ("which", "kind", "damage"),
    [
        *((-1, "embeddings", damage) for damage in DAMAGE),
        *((which, kind, damage) for which, kind in ((0, "embeddings"), (0, "predictions"), (-1, "predictions"))
          for damage in ("cut", "of another shape")),
    ],
)  # fmt: skip
def test_a_damaged_array_leads_in_no_circle(taught, which, kind, damage):
    project = taught
    model = [model for model in project.models.all() if getattr(model, kind)][which]
    path = project.models.file(getattr(model, kind))
    whole = path.read_bytes()
    project.close()
    for command in (("next",), ("train",), ("doctor", "--repair"), ("status",)):
        path.write_bytes(whole)
        with Project.open(project.folder) as again:
            again.models.attach(model.number, **{kind: path})
        DAMAGE[damage](path)
        done = run(command[0], project.folder, *command[1:])
        assert "Traceback" not in done.output
        if command == ("status",):
            assert done.exit_code == 0 or "train again by spotal train" in done.stderr
            done = run("train", project.folder)
        assert done.exit_code == 0, (command, done.output)
        assert run("status", project.folder).exit_code == 0
        assert diagnose(project.folder).findings == []
    train_again = run("train", project.folder)
    assert train_again.exit_code == 0
    with Project.open(project.folder) as again:
        assert read_predictions(again).known.all()
        assert np.isfinite(read_embeddings(again)).all()


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["images-32-2.npy", "images-32-2.marks.npy"])
def test_damaged_features_are_computed_again(start, answer, damage, name):
    project = start("image")
    next_batch(project)
    answer(project)
    expected = np.array(read_embeddings(project))
    DAMAGE[damage](project.folder / FEATURES / name)
    train(project)
    assert np.allclose(read_embeddings(project), expected)


def test_advice_names_only_options_that_the_command_has(start):
    project = start("image")
    item = next(iter(project.items))
    project.items.file(item).write_bytes(b"no image")
    project.close()
    done = run("next", project.folder)
    assert (done.exit_code, "repair or remove them" in done.stderr, "strict" in done.stderr) == (0, True, False)
    done = run("select", project.items.location, "--budget", 3, "--out", project.folder / "picks.csv")
    assert "pass --strict to stop at them" in done.stderr
