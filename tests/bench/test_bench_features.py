"""Features without labels, what strategies are handed, and memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tests.raising import raises_input

from spotal.bench import data as library
from spotal.bench.cache import Cache, fingerprint
from spotal.bench.features import dataset_features, features_of
from spotal.bench.instrumented import DrawingLearner, InstrumentedStrategy
from spotal.bench.memory import PeakMemory
from spotal.bench.pool_sampler import shape_pool
from spotal.bench.protocol import Embedding, PoolShape, from_table
from spotal.bench.task import prepare
from spotal.datasets import Dataset
from spotal.embed.simclr import RECIPE, _augment, _contrast, train_encoder
from spotal.learner import SklearnLearner
from spotal.strategies import get

rng = np.random.default_rng(0)
Y = np.arange(160) % 2
# stripes across and stripes down, shifted at random, in noise
GRID = np.stack([np.roll(np.indices((12, 12))[label] // 2 % 2, rng.integers(4), label) for label in Y])
IMAGES = np.clip(100 + 100 * GRID[..., None] + rng.normal(0, 20, (160, 12, 12, 3)), 0, 255).astype(np.uint8)
DATA = Dataset("stripes", IMAGES[:120], Y[:120], IMAGES[120:], Y[120:], ("across", "down"))


def test_the_encoder_is_the_seed_s_and_learns_what_labels_tell():
    first, again, other = (train_encoder(DATA.X, epochs=8, seed=seed) for seed in (0, 0, 1))
    points = first.embed(DATA.X)
    assert points.shape == (120, RECIPE["features"])
    assert np.array_equal(points, again.embed(DATA.X))
    assert not np.array_equal(points, other.embed(DATA.X))
    assert first.losses == again.losses
    assert first.losses[-1] < first.losses[0]
    probe = LogisticRegression(max_iter=500).fit(points[:20], Y[:20])
    assert probe.score(first.embed(DATA.X_test), DATA.y_test) > 0.9


def test_training_an_encoder_leaves_torch_s_generator_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train_encoder(DATA.X[:32], epochs=1)
    assert torch.equal(before, torch.get_rng_state())


def test_the_loss_is_the_cross_entropy_of_finding_the_partner():
    outputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 2.0]])
    # each row: cosine 1 with its partner and 0 with the two others
    sharp = np.exp(1 / RECIPE["temperature"])
    assert float(_contrast(outputs)) == pytest.approx(-np.log(sharp / (sharp + 2)), rel=1e-5)


def test_an_altered_image_is_another_one_of_the_same_shape():
    batch = torch.randn(6, 3, 12, 12)
    first, second = (_augment(batch, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert first.shape == batch.shape
    assert torch.isfinite(first).all()
    assert not torch.allclose(first, second)
    assert torch.equal(first, _augment(batch, torch.Generator().manual_seed(0)))


def test_dataset_features_are_made_once_and_are_half_precision(tmp_path):
    embedding = Embedding("ssl", dim=4, rows=64, epochs=1)
    cache = Cache(tmp_path)
    train, test = dataset_features(DATA, embedding, cache)
    assert (train.shape, test.shape, train.dtype) == ((120, 4), (40, 4), np.float16)
    (file,) = tmp_path.glob("*.npz")
    stamp = file.stat().st_mtime_ns
    again, _ = dataset_features(DATA, embedding, cache)
    assert np.array_equal(train, again)
    assert file.stat().st_mtime_ns == stamp
    dataset_features(DATA, Embedding("ssl", dim=4, rows=64, epochs=1, seed=1), cache)
    assert len(list(tmp_path.glob("*.npz"))) == 2


@pytest.mark.parametrize(
    ("embedding", "shape"),
    [
        (Embedding("pixels-pca", dim=5), PoolShape(size=60)),
        (Embedding("ssl", dim=5, rows=64, epochs=1), PoolShape(size=60)),
        (Embedding("ssl", dim=5, rows=64, epochs=1), PoolShape(size=60, near_duplicates=0.3)),
        (Embedding("ssl", dim=5, epochs=1, trained_on="pool"), PoolShape(size=60)),
    ],
    ids=["pixels", "dataset", "altered", "pool"],
)
def test_features_are_centered_and_scaled_by_the_pool_alone(tmp_path, embedding, shape):
    pool = shape_pool(DATA, shape, None, 0)
    test = np.array([3, 1, 2])
    points, held = features_of(DATA, embedding, pool, test, 0, Cache(tmp_path))
    assert (points.shape, held.shape, points.dtype) == ((60, 5), (3, 5), np.float32)
    assert points.mean(0) == pytest.approx(np.zeros(5), abs=1e-3)
    assert (points**2).sum(1).mean() == pytest.approx(5, rel=1e-3)
    again, other = features_of(DATA, embedding, pool, test[:1], 0, Cache(tmp_path))
    assert np.array_equal(points, again)
    assert np.allclose(other, held[:1], atol=1e-2)


def test_table_features_are_standardized_one_by_one(tmp_path):
    X = rng.normal([0, 50, 3], [1, 10, 0], (200, 3))
    data = Dataset("table", X[:150], np.arange(150) % 2, X[150:], np.arange(50) % 2, ("a", "b"))
    pool, cache = shape_pool(data, PoolShape(), None, 0), Cache(tmp_path)
    points, held = features_of(data, Embedding(), pool, np.arange(50), 0, cache)
    assert points.mean(0) == pytest.approx(np.zeros(3), abs=1e-6)
    assert points.std(0) == pytest.approx([1, 1, 0], abs=1e-6)  # a constant stays one
    assert np.isfinite(held).all()
    with raises_input("embedding"):
        features_of(data, Embedding("pixels-pca"), pool, np.arange(5), 0, cache)
    with raises_input("embedding"):
        features_of(DATA, Embedding(), shape_pool(DATA, PoolShape(), None, 0), np.arange(5), 0, cache)


def test_a_network_refuses_a_table(table, tmp_path):
    changed = {**table, "dataset": "wine", "learner": {"kind": "small-cnn"}, "embedding": {"kind": "none"}}
    protocol = from_table("p", changed)
    task = prepare(protocol, 0, Cache(tmp_path))
    with raises_input("learner", "takes images, found features"):
        task.loop(InstrumentedStrategy(get("random"), "random"))


def test_fingerprints_tell_arrays_apart():
    x = np.arange(12.0).reshape(4, 3)
    assert fingerprint(x) == fingerprint(x.copy())
    changed = x.copy()
    changed[2, 1] += 1
    assert len({fingerprint(x), fingerprint(changed), fingerprint(x.reshape(3, 4)), fingerprint(x, x)}) == 4


def test_datasets_by_name_have_all_their_classes():
    assert set(library.names()) >= {"wine", "breast-cancer", "made-clusters", "digits"}
    for name, classes in (("wine", 3), ("breast-cancer", 2), ("made-clusters", 10), ("made-species", 60)):
        data = library.load(name)
        assert data.n_classes == classes
        for y in (data.y, data.y_test):
            assert len(np.unique(y)) == classes
        assert len(data.X_test) == pytest.approx(0.3 * (len(data.X) + len(data.X_test)), abs=classes)


def test_a_strategy_is_watched_while_it_chooses():
    asked = InstrumentedStrategy(get("bald"), "bald")
    assert asked.needs_draws
    assert asked.needs_probabilities
    asked = InstrumentedStrategy(get("coreset"), "coreset")
    assert not asked.needs_probabilities
    assert len(asked.query(rng.normal(size=(2_000, 16)), 50, random_state=0)) == 50
    assert asked.seconds > 0
    asked.forget()
    assert (asked.seconds, asked.memory, asked.diagnostics) == (None, None, {})


def test_draws_are_probabilities_of_different_models_around_the_learner_s(tmp_path):
    X = rng.normal(size=(300, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    plain = SklearnLearner(LogisticRegression(), 3).fit(X[:40], y[:40], random_state=0)
    learner = DrawingLearner(SklearnLearner(LogisticRegression(), 3), draws=6).fit(X[:40], y[:40], random_state=0)
    draws, points = learner.infer(X)
    assert draws.shape == (300, 3, 6)
    assert draws.sum(1) == pytest.approx(np.ones((300, 6)), abs=1e-5)
    assert not draws[:, 2].any()  # a class without labels
    assert draws.std(2)[:, 0].max() > 0.01
    assert np.corrcoef(draws.mean(2)[:, 1], plain.probabilities(X)[:, 1])[0, 1] > 0.95
    assert np.array_equal(learner.probabilities(X), plain.probabilities(X))
    assert np.array_equal(points, X)
    again, _ = DrawingLearner(SklearnLearner(LogisticRegression(), 3), 6).fit(X[:40], y[:40], random_state=0).infer(X)
    assert np.array_equal(draws, again)


def test_peak_memory_counts_what_is_held_for_a_moment():
    with PeakMemory() as peak:
        held = np.ones(8 << 20)  # 64 MiB
        del held
    assert 60 << 20 < peak.bytes < 120 << 20
    with PeakMemory() as small:
        sum(range(1000))
    assert small.bytes < 30 << 20
