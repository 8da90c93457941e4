"""Commands that are killed (SIGKILL) at every place where they write, and two at once: the next one goes on."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
from tests.forks import python

from spotal.project import Project, next_batch, read_predictions, train
from spotal.project.places import DATABASE, FEATURES, MODELS

COMMAND = """
import os, signal, sys
place, times = sys.argv[1], int(sys.argv[2])
if place:
    home, _, path = place.partition(":")
    owner = __import__(home, fromlist=["x"])
    *parts, last = path.split(".")
    for part in parts:
        owner = getattr(owner, part)
    plain, calls = getattr(owner, last), 0

    def deadly(*args, **options):
        global calls
        calls += 1
        if calls == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*args, **options)

    setattr(owner, last, deadly)
from spotal.cli.main import main
sys.argv = ["spotal", *sys.argv[3:]]
main()
"""
PLACES = [
    ("spotal.project.learning.feature_cache:os.fsync", 2),  # some rows are written, the marks of the last ones not
    ("spotal.project.training:write_rows", 2),  # predictions are written, embeddings not
    ("spotal.project.models:Models.add", 1),  # all files are written, the record not
    ("spotal.project.training:_sweep", 2),  # the model is recorded, what is older not removed
    ("spotal.project.rounds:Rounds.add", 1),  # all is known but not recorded
]


def begin(*words, place="", times=0):
    pipe = subprocess.PIPE
    return python(COMMAND, place, times, *words, stdout=pipe, stderr=pipe, text=True)


def healthy(project):
    with closing(sqlite3.connect(project.folder / DATABASE)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def picks_of(project):
    return [(pick.round, pick.rank, pick.item) for pick in project.rounds.picks()]


@pytest.fixture
def expected(start, answer, tmp_path):
    """A project that stands before its second batch, and the picks that it must come to."""
    project = start("image", 300, batch_size=9)
    next_batch(project)
    answer(project)
    project.close()
    whole = tmp_path / "whole"
    whole.mkdir()
    subprocess.run(["cp", "-a", project.folder, tmp_path / "images", whole], check=True)
    with Project.open(whole / "project") as other:
        next_batch(other)
        picks = picks_of(other)
    return project.folder, picks


@pytest.mark.parametrize(("command", "places"), [("next", PLACES), ("train", PLACES[2:3])])
def test_killed_anywhere_the_next_one_goes_on(expected, command, places):
    folder, picks = expected
    for left in (folder / FEATURES).iterdir():
        left.unlink()  # so that there is something to embed
    for place, times in places:
        with begin(command, folder, place=place, times=times) as child:
            output = child.communicate()
            assert child.returncode == -signal.SIGKILL, (place, output)
        with Project.open(folder) as project:
            assert healthy(project)
            assert len(project.rounds) == 1
    with Project.open(folder) as project:
        if command == "train":
            assert train(project).n_labeled == 9
        assert next_batch(project).n_labeled == 9
        assert picks_of(project) == picks
        assert read_predictions(project).known.all()
        models = project.models.all()
        named = {name for model in models for name in (model.weights, model.embeddings, model.predictions) if name}
        assert {f"{MODELS}/{path.name}" for path in (folder / MODELS).iterdir()} == named
        assert not [path for path in (folder / FEATURES).iterdir() if path.name.endswith(".part")]


def test_two_at_once_choose_one_batch(expected):
    folder, picks = expected
    children = [begin("next", folder, "--json") for _ in range(2)]
    done = [(child.communicate(), child.returncode) for child in children]
    with Project.open(folder) as project:
        assert healthy(project)
        assert picks_of(project) == picks
    fresh = 0
    for (stdout, stderr), code in done:
        if code == 0:
            said = json.loads(stdout)
            fresh += said["is_new"]
            assert (said["round"], len(said["to_answer"])) == (1, 9)
        else:
            assert code == 2
            assert "is in use by 'next'" in stderr
            assert "Traceback" not in stderr
    assert fresh == 1


def test_labels_that_come_while_a_model_trains_are_not_lost(start, answer, monkeypatch):
    from spotal.project import training

    project = start()
    next_batch(project)
    answer(project, most=10)
    plain = training.write_rows

    def late(*args):
        answer(project)
        return plain(*args)

    monkeypatch.setattr(training, "write_rows", late)
    model = train(project)
    assert model.n_labeled == 10
    assert model.events < project.labels.last_event()
    monkeypatch.undo()
    assert train(project).n_labeled == 12
