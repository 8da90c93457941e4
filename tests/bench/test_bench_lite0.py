"""EfficientNet-Lite0: its frozen features, and the learner that fine-tunes it."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
import torch
from tests.raising import raises_input

from spotal.bench import data as library
from spotal.bench import lite0
from spotal.bench.checking import check_data
from spotal.bench.jobs import Job
from spotal.bench.lite0 import FineTuned, encode
from spotal.bench.protocol import from_table
from spotal.bench.runner import run_job
from spotal.bench.store import Store
from spotal.bench.task import prepare
from spotal.datasets import Dataset
from spotal.errors import DatasetError
from spotal.learner import Learner

rng = np.random.default_rng(0)
Y = np.arange(60) % 3
# stripes across, stripes down, and a board, in noise
GRID = np.stack([np.indices((24, 24)) // 4 % 2 for _ in Y])
PATTERN = np.where((Y == 2)[:, None, None], GRID[:, 0] ^ GRID[:, 1], GRID[np.arange(60), Y % 2])
IMAGES = np.clip(100 + 80 * PATTERN[..., None] + rng.normal(0, 20, (60, 24, 24, 3)), 0, 255).astype(np.uint8)
DATA = Dataset("patterns", IMAGES[:36], Y[:36], IMAGES[36:], Y[36:], ("across", "down", "board"))
TABLE = {
    "dataset": "patterns", "batch_size": 4, "rounds": 1, "seeds": 1, "strategies": ["margin"],
    "learner": {"kind": "efficientnet-lite0", "steps": 3}, "embedding": {"kind": "lite0", "dim": 8},
    "initial": {"kind": "none"},
}  # fmt: skip


def test_it_learns_from_few_images():
    learner = FineTuned(3, steps=25).fit(DATA.X[:9], DATA.y[:9], random_state=0)
    probabilities, embeddings = learner.infer(DATA.X_test)
    assert isinstance(learner, Learner)
    assert embeddings.shape == (24, 1280)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert (probabilities.argmax(1) == DATA.y_test).mean() > 0.9


def test_each_fit_begins_at_the_given_weights_and_repeats_bit_for_bit(cache):
    def outputs(learner, seed=1):
        return learner.fit(DATA.X[:6], DATA.y[:6], random_state=seed).probabilities(DATA.X_test[:4])

    state = torch.get_rng_state()
    once = FineTuned(3, steps=3)
    first = outputs(once)
    assert np.array_equal(outputs(once.fit(DATA.X[6:12], DATA.y[6:12], random_state=0)), first)
    told = FineTuned(3, steps=3)
    for part in (DATA.X, DATA.X_test):
        told.remember(part, cache)
    np.testing.assert_allclose(outputs(told), first, atol=1e-2)  # batches of another size round differently
    again = FineTuned(3, steps=3)
    for part in (DATA.X, DATA.X_test):
        again.remember(part, cache)
    assert np.array_equal(outputs(again), outputs(told))
    assert not np.array_equal(outputs(once, seed=2), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_features_are_those_of_the_whole_network_and_mirrored_maps_of_mirrored_images(cache):
    maps, features = encode(DATA.X[:4], cache)
    mirrored, _ = encode(DATA.X[:4, :, ::-1], cache)
    half = maps.shape[3] // 2
    np.testing.assert_allclose(mirrored[..., :half], maps[..., half:], atol=1e-2)
    assert np.abs(maps[..., :half].astype(float) - maps[..., half:]).max() > 0.1
    images = torch.from_numpy(DATA.X[:4].copy()).permute(0, 3, 1, 2).float()
    images = torch.nn.functional.interpolate(images, (96, 96), mode="bilinear", antialias=True)
    with torch.inference_mode():
        whole = lite0._network().eval().extract_features((images - 127) / 128).mean((2, 3))
    np.testing.assert_allclose(features, whole, atol=1e-2)
    assert encode(np.empty((0, 24, 24, 3), np.uint8), cache)[0].shape[0] == 0


def test_a_job_selects_by_frozen_features(cache, tmp_path):
    protocol = from_table("p", TABLE)
    task = prepare(protocol, 0, cache, DATA)
    assert np.array_equal(task.X, DATA.X[task.pool.rows])
    assert task.embeddings.shape == (36, 8)
    assert np.square(task.embeddings).sum(1).mean() == pytest.approx(8, rel=1e-3)
    job = Job(protocol, protocol.strategies[0], 0)
    picks = []
    for name in ("one", "two"):
        with Store(tmp_path / name) as store:
            run_job(job, task, store)
            picks.append([(done["picks"], done["metrics"]) for done in store.rounds(job)])
    assert picks[0] == picks[1]
    assert [len(rows) for rows, _ in picks[0]] == [4, 4, 0]
    probe = from_table("p", TABLE | {"learner": {"kind": "linear-probe"}})
    assert np.array_equal(prepare(probe, 0, cache, DATA).X, task.embeddings)


@pytest.mark.parametrize(
    "X", [DATA.X[..., :1], DATA.X / 255, DATA.X.reshape(36, -1)], ids=["gray", "fractions", "features"]
)
def test_other_inputs_are_refused(X, cache):
    with raises_input("learner"):
        FineTuned(3, steps=1).fit(X, DATA.y)
    with raises_input("learner"):
        encode(X, cache)


def test_data_that_do_not_fit_are_refused_before_the_first_job(tmp_path):
    np.savez(tmp_path / "rows.npz", X=rng.normal(size=(40, 4)).astype(np.float32), y=np.arange(40) % 2)
    with raises_input("learner"):
        check_data([from_table("p", TABLE | {"dataset": "rows.npz", "embedding": {"kind": "as-is"}}, tmp_path)])


def test_missing_packages_are_named(monkeypatch, cache):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("efficientnet"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest)

    lite0._weights.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with raises_input("learner") as caught:
        encode(DATA.X, cache)
    assert "pip install 'spotal[bench]'" in str(caught.value)


def test_photos_are_found_in_a_folder(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("SPOTAL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    library._load.cache_clear()
    with pytest.raises(DatasetError, match="SPOTAL_DATA"):
        library.load("clothing")
    for part, count in (("train", 3), ("test", 2)):
        for kind in ("hat", "shirt"):
            folder = tmp_path / "clothing" / part / kind
            folder.mkdir(parents=True)
            for k in range(count):
                Image.new("RGB", (20, 30), (10 * k, 50, 90)).save(folder / f"{k}.png")
    found = library.load("clothing")
    library._load.cache_clear()
    assert (found.name, found.X.shape, found.X_test.shape) == ("clothing", (6, 96, 96, 3), (4, 96, 96, 3))
    assert "clothing" in library.names()
