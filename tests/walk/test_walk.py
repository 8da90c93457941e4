"""From a folder of images to a trained model by the commands alone, in an empty folder; labels by the project's API."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import spotal
from spotal.project import Project

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(spotal.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
IMAGES = 400


@pytest.fixture
def run(tmp_path):
    """Run a command as a person would, in the empty folder; gives what it says."""

    def run(*words):
        command = [sys.executable, "-c", "from spotal.cli.main import main; main()", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def digits(tmp_path):
    """A folder of images of handwritten digits, 0 to 3; their classes by name."""
    from sklearn.datasets import load_digits

    data = load_digits()
    rows = [row for row, digit in enumerate(data.target) if digit < 4][:IMAGES]
    (tmp_path / "digits").mkdir()
    for row in rows:
        Image.fromarray((data.images[row] * 15.9).astype("uint8")).save(tmp_path / "digits" / f"{row:04}.png")
    return {f"{row:04}.png": str(data.target[row]) for row in rows}


def label(folder, truth):
    """Label the batch that waits."""
    with Project.open(folder) as project:
        batch = project.rounds.batch()
        for task in batch:
            project.labels.record(task.item.id, truth[task.item.id], annotator="ann", source="cli")
    return len(batch)


def test_from_raw_images_to_a_trained_model(run, digits, tmp_path):
    folder = tmp_path / "work"
    run("init", "work", "--images", "digits", "--classes", "0,1,2,3", "--budget", 60, "--batch", 30,
        "--audit-share", 0.4)  # fmt: skip
    for answers in (30, 30):
        said = run("next", "work")
        assert "chose 30 items by spot" in said
        assert label(folder, digits) == answers
    assert "the budget of 60 is spent" in run("next", "work")
    assert "Trained" in run("train", "work")
    run("predict", "work", "--out", "labels.csv")
    with (tmp_path / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == IMAGES
    right = sum(row["label"] == digits[row["id"]] for row in rows) / IMAGES
    status = json.loads(run("status", "work", "--json"))
    last = status["curve"][-1]
    assert right > 0.9
    assert last["low"] <= sum(row["predicted"] == digits[row["id"]] for row in rows) / IMAGES <= last["high"]
    assert status["counts"]["spent"] == 60
