"""spotal embed from end to end: a pool that spotal select takes, what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spotal.pool.files import read_pool

OWN = "from torch import nn\nmake = lambda: nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU())\n"


@pytest.fixture
def own(empty):
    (empty / "own_model.py").write_text(OWN)
    return "own_model:make"


@pytest.fixture
def weights():
    """Without a random initialization, which would make another model of each run."""
    import torch

    torch.manual_seed(0)


def test_from_images_to_picks(spotal, images, own, picks, weights):
    (images / "odd" / "bad.png").write_bytes(b"no image")
    done = spotal("embed", images, "--model", own, "--out", "pool", "--workers", 0)
    assert done.exit_code == 0, done.output
    assert "Embedded 30 images by own_model:make on cpu" in done.stdout
    assert "pool holds 30 rows of 6 numbers (float16) in 1 file" in done.stdout
    assert "Warning: odd/bad.png cannot be read as an image" in done.stderr
    assert "skipped 1 of 31" in done.stderr
    chosen = spotal("select", "pool", "--budget", 4)
    assert chosen.exit_code == 0, chosen.output
    ids = {line["id"] for line in picks()}
    assert len(ids) == 4
    assert ids <= set(read_pool("pool").ids)
    Path("done.txt").write_text("\n".join(ids))
    later = spotal("select", "pool", "--budget", 4, "--labeled", "done.txt")
    assert later.exit_code == 0, later.output
    assert ids.isdisjoint(line["id"] for line in picks())


def test_training_as_json(spotal, images):
    words = ("embed", images, "--train", "simclr", "--epochs", 1, "--dim", 3, "--seed", 5, "--out", "pool", "--json")
    first = spotal(*words, "--workers", 0)
    assert first.exit_code == 0, first.output
    document = json.loads(first.stdout)
    assert (document["n_rows"], document["dim"], document["model"]) == (30, 3, "simclr-small")
    assert document["skipped"] == []
    manifest = json.loads(Path("pool/pool.json").read_text())
    assert manifest["recipe"]["seed"] == 5
    assert manifest["recipe_hash"] == document["recipe_hash"]
    later = json.loads(spotal("embed", images, "--model", "pool", "--out", "again", "--json", "--workers", 0).stdout)
    assert later["recipe_hash"] == document["recipe_hash"]
    assert np.array_equal(read_pool("pool").features, read_pool("again").features)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["images", "--model", "x:y", "--train", "simclr"], "--model and --train must not be given both"),
        (["images", "--train", "magic"], "--train must be simclr"),
        (["none", "--model", "x.pt"], "none does not exist"),
        (["images", "--model", "no_module:make"], "cannot be made (ModuleNotFoundError"),
        (["images", "--train", "simclr", "--dim", "500"], "dim must lie in 1..128"),
    ],
)
def test_refused(refused, images, words, sentence):
    assert sentence in refused("embed", *words, "--out", "pool")


def test_a_pool_is_not_embedded_again(refused, spotal, images, own):
    spotal("embed", images, "--model", own, "--out", "pool", "--workers", 0)
    assert "embedded already" in refused("select", "pool", "-n", 2, "--model", "x.pt", "--out", "picks.csv")
    assert "holds other things" in refused("embed", images, "--model", own, "--out", "images")
