"""Models of other libraries in the labeling loop, as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spotal import ActiveLearner, SklearnLearner, VectorOracle
from spotal.errors import ModelError
from spotal.learner import Learner, as_learner
from spotal.strategies import get

N = 90
Y = np.arange(N) % 3
FEATURES = (3 * np.eye(3, 6)[Y] + np.random.default_rng(0).normal(size=(N, 6))).astype(np.float32)
IMAGES = np.random.default_rng(0).integers(0, 90, (N, 8, 8, 3)).astype(np.uint8)
IMAGES[np.arange(N), 2:6, 2:6, Y] = 250
IMAGES = np.where(np.arange(3) == Y[:, None, None, None], np.maximum(IMAGES, 200), IMAGES).astype(np.uint8)


class Net(nn.Module):
    def __init__(self, width=6, images=False):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3) if images else nn.Linear(width, 8)
        self.images = images
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.head(x.mean((2, 3)) if self.images else x)


def skorch_net(images):
    skorch = pytest.importorskip("skorch", reason="skorch is an optional part")
    return skorch.NeuralNetClassifier(
        Net, module__images=images, criterion=nn.CrossEntropyLoss, max_epochs=40, lr=0.3, verbose=0
    )


def lightning_module(images):
    lightning = pytest.importorskip("lightning", reason="lightning is an optional part")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net(images=images)

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, index):
            x, y = batch
            return nn.functional.cross_entropy(self(x), y)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 0.02)

    return Module()


MAKE = {"skorch": skorch_net, "lightning": lightning_module}


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("name", ["skorch", "lightning"])
def test_in_the_loop_as_they_are(name, images):
    X = IMAGES if images else FEATURES
    loop = ActiveLearner(
        X, MAKE[name](images), get("spot"), VectorOracle(Y), batch_size=9, max_labels=27, X_test=X, y_test=Y,
        random_state=0,
    )  # fmt: skip
    rounds = loop.run()
    assert [done.n_labeled for done in rounds] == [0, 9, 18, 27]
    assert rounds[-1].metrics["accuracy"] > 0.8
    assert loop.learner.n_classes == 3
    assert loop.learner.embeddings(X).shape == (N, 8)


@pytest.mark.parametrize("name", ["skorch", "lightning"])
def test_the_same_seed_gives_the_same_bits_and_global_state_stays(name):
    learner = as_learner(MAKE[name](False), FEATURES)
    before = torch.get_rng_state()
    first = learner.fit(FEATURES[:20], Y[:20], random_state=1).probabilities(FEATURES)
    again = learner.fit(FEATURES[:20], Y[:20], random_state=1).probabilities(FEATURES)
    np.testing.assert_array_equal(first, again)
    other = learner.fit(FEATURES[:20], Y[:20], random_state=2).probabilities(FEATURES)
    assert (first != other).any()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["skorch", "lightning"])
def test_a_class_without_labels_has_a_column(name):
    learner = as_learner(MAKE[name](False), FEATURES)
    known = np.flatnonzero(Y < 2)[:6]
    found = learner.fit(FEATURES[known], Y[known], random_state=0).probabilities(FEATURES)
    assert found.shape == (N, 3)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["skorch", "lightning"])
def test_not_fitted_and_saved(name, tmp_path):
    learner = as_learner(MAKE[name](False), FEATURES)
    with pytest.raises(ModelError, match="not been fitted"):
        learner.probabilities(FEATURES)
    learner.fit(FEATURES[:9], Y[:9], random_state=0).save(tmp_path / "weights.pt")
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert sum(value.numel() for value in state.values()) == 6 * 8 + 8 + 8 * 3 + 3


def test_what_it_takes_besides():
    from sklearn.linear_model import LogisticRegression

    assert as_learner(Net(), FEATURES).n_classes == 3
    wrapped = SklearnLearner(LogisticRegression(), 3)
    assert as_learner(wrapped, FEATURES) is wrapped
    assert isinstance(as_learner(LogisticRegression(), FEATURES, 3), Learner)
    learned = as_learner(LogisticRegression(), FEATURES).fit(FEATURES, Y, random_state=0)
    assert learned.probabilities(FEATURES).shape == (N, 3)
    with pytest.raises(ModelError, match="found list"):
        as_learner([], FEATURES)
    with pytest.raises(ModelError, match=r"rows of shape \(6,\)"):
        as_learner(Net(width=4), FEATURES)


def test_a_plain_network_in_the_loop():
    loop = ActiveLearner(FEATURES, Net(), get("random"), VectorOracle(Y), batch_size=9, max_labels=9, random_state=0)
    loop.learner.plan = loop.learner.plan.__class__(**{**vars(loop.learner.plan), "min_steps": 20})
    assert [done.n_labeled for done in loop.run()] == [0, 9]
