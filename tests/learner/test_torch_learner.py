from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.raising import raises_input
from torch import nn

from spotal.errors import DataFileError, ModelError, OutputError
from spotal.learner import Learner, TorchLearner, networks, score
from spotal.learner.networks import ResNet18, SmallCNN
from spotal.learner.training import hold_out

QUICK = {"epochs": 1, "min_steps": 12}


def small(**options):
    return TorchLearner(SmallCNN(1, 10, width=8), 10, **{**QUICK, **options})


def mlp(n_features=5, n_classes=3):
    return nn.Sequential(nn.Linear(n_features, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, n_classes))


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    return (rng.normal(size=(120, 5)) + 3 * np.eye(5)[y]).astype(np.float32), y


def test_import_does_not_bring_torch():
    code = "import sys, spotal.learner, spotal.learner.networks, spotal.loop; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_satisfies_protocol():
    assert isinstance(small(), Learner)


def test_learns_digits(digits):
    X, y = digits
    learner = TorchLearner(SmallCNN(1, 10), 10, min_steps=300).fit(X[:300], y[:300], random_state=0)
    metrics = score(learner.probabilities(X[300:]), y[300:])
    assert metrics["accuracy"] > 0.92
    assert metrics["log_loss"] < 0.4


def test_fit_is_deterministic_bit_for_bit_and_depends_on_the_seed(digits):
    X, y = digits[0][:60], digits[1][:60]
    first, second, other = (small().fit(X, y, random_state=seed).infer(X) for seed in (7, 7, 8))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("factory", [False, True])
def test_each_fit_is_from_nothing(features, factory):
    X, y = features
    make = mlp if factory else mlp()
    fresh = TorchLearner(make, 3, **QUICK).fit(X[:50], y[:50], random_state=1).probabilities(X)
    used = TorchLearner(make, 3, **QUICK).fit(X[50:], y[50:], random_state=2)
    assert not np.array_equal(used.probabilities(X), fresh)
    assert np.array_equal(used.fit(X[:50], y[:50], random_state=1).probabilities(X), fresh)


def test_module_given_is_left_alone_and_its_weights_do_not_matter(features):
    X, y = features
    module = mlp()
    before = [value.clone() for value in module.parameters()]
    first = TorchLearner(module, 3, **QUICK).fit(X, y, random_state=0).probabilities(X)
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    nn.init.constant_(module[0].weight, 5.0)
    assert np.array_equal(TorchLearner(module, 3, **QUICK).fit(X, y, random_state=0).probabilities(X), first)


def test_factory_keeps_given_weights(features):
    X, y = features

    def pretrained():
        network = mlp()
        nn.init.constant_(network[0].weight, 0.25)
        return network

    learner = TorchLearner(pretrained, 3, epochs=1, min_steps=1, learning_rate=1e-12, weight_decay=0.0)
    assert np.allclose(learner.fit(X, y, random_state=0).network_[0].weight.detach(), 0.25)


def test_global_random_state_and_cudnn_flags_are_untouched(features):
    X, y = features
    module = mlp()
    np.random.seed(3)  # noqa: NPY002
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    flags = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    TorchLearner(mlp, 3, **QUICK).fit(X, y, random_state=0).infer(X)
    TorchLearner(module, 3, **QUICK).fit(X, y)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == flags


def test_default_embedding_is_what_enters_the_last_linear(digits):
    X, y = digits[0][:40], digits[1][:40]
    learner = small().fit(X, y, random_state=0)
    probabilities, embeddings = learner.infer(X)
    assert embeddings.shape == (40, 32) == (40, learner.embedding_dim_)
    assert embeddings.dtype == probabilities.dtype == np.float32
    head = learner.network_.head
    logits = torch.from_numpy(embeddings) @ head.weight.detach().T + head.bias.detach()
    assert np.allclose(logits.softmax(1), probabilities, atol=1e-5)
    assert np.array_equal(learner.embeddings(X), embeddings)
    assert np.array_equal(learner.probabilities(X), probabilities)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    assert not any(module._forward_pre_hooks for module in learner.network_.modules())


def test_embed_by_function_and_by_method_name(features):
    X, y = features

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

        def describe(self, x):
            return self.body(x).relu()

        def forward(self, x):
            return self.head(self.describe(x))

    by_name, by_function, by_default = (
        TorchLearner(Net(), 3, embed=embed, **QUICK).fit(X, y, random_state=0).embeddings(X)
        for embed in ("describe", lambda module, batch: module.describe(batch), None)
    )
    assert np.array_equal(by_name, by_default)
    assert np.array_equal(by_function, by_default)
    with pytest.raises(ModelError, match=r"embed must be a method.*'nothing'"):
        TorchLearner(Net(), 3, embed="nothing", **QUICK).fit(X, y)
    with pytest.raises(ModelError, match=r"embed must return shape \(2, d\), found \(2,\)"):
        TorchLearner(Net(), 3, embed=lambda module, batch: batch[:, 0], **QUICK).fit(X, y)


def test_network_with_wrong_outputs(features):
    X, y = features
    with pytest.raises(ModelError, match=r"network must return shape \(2, 3\), found \(2, 4\)"):
        TorchLearner(mlp(n_classes=4), 3, **QUICK).fit(X, y)
    with pytest.raises(ModelError, match="network failed on a batch of shape"):
        TorchLearner(mlp(n_features=6), 3, **QUICK).fit(X, y)
    with pytest.raises(ModelError, match=r"must return a torch\.nn\.Module, found int"):
        TorchLearner(lambda: 3, 3, **QUICK).fit(X, y)


def test_network_without_linear_needs_embed(digits):
    X, y = digits[0][:30], digits[1][:30]
    net = nn.Sequential(nn.Conv2d(1, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match=r"no torch\.nn\.Linear"):
        TorchLearner(net, 10, **QUICK).fit(X, y)
    learner = TorchLearner(net, 10, embed=lambda module, batch: batch.flatten(1), **QUICK).fit(X, y)
    assert learner.embeddings(X).shape == (30, 64)


@pytest.mark.filterwarnings("error")
def test_one_class_and_one_row(digits):
    X, y = digits
    ones = X[y == 1][:20]
    assert (small().fit(ones, np.ones(20, int), random_state=0).probabilities(ones).argmax(1) == 1).all()
    probabilities = small().fit(X[:1], y[:1], random_state=0).probabilities(X[:5])
    assert probabilities.shape == (5, 10)
    assert np.isfinite(probabilities).all()


def test_one_row_through_batch_norm_of_features():
    net = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    learner = TorchLearner(net, 3, **QUICK).fit(np.ones((1, 5)), np.array([2]), random_state=0)
    assert np.isfinite(learner.probabilities(np.ones((2, 5)))).all()


def test_memmap_and_no_rows(digits, tmp_path):
    X, y = digits[0][:100], digits[1][:100]
    X.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.uint8, "r", shape=X.shape)
    from_array = small().fit(X, y, random_state=0).infer(X)
    learner = small().fit(mapped, y, random_state=0)
    assert all(np.array_equal(a, b) for a, b in zip(learner.infer(mapped), from_array, strict=True))
    assert [part.shape for part in learner.infer(X[:0])] == [(0, 10), (0, 32)]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", np.int32])
def test_dtypes_of_features(features, dtype):
    X, y = features[0] * 10, features[1]
    learner = TorchLearner(mlp(), 3, epochs=5, min_steps=150).fit(X.astype(dtype), y, random_state=0)
    assert (learner.probabilities(X.astype(dtype)).argmax(1) == y).mean() > 0.9


def test_inputs_are_standardized_and_offset_and_scale_do_not_matter(features):
    X, y = features[0].astype(np.float64), features[1]
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = mlp()

        def forward(self, x):
            seen.append(x.detach().clone())
            return self.inner(x)

    plain = TorchLearner(Spy(), 3, **QUICK).fit(X, y, random_state=0)
    seen.clear()
    plain.probabilities(X)
    batch = torch.cat(seen)
    assert torch.allclose(batch.mean(0), torch.zeros(5), atol=1e-5)
    assert torch.allclose(batch.std(0, correction=0), torch.ones(5), atol=1e-4)
    moved = TorchLearner(Spy(), 3, **QUICK).fit(1e6 + 100 * X, y, random_state=0).probabilities(1e6 + 100 * X)
    assert np.allclose(moved, plain.probabilities(X), atol=1e-3)


def test_normalize_from_takes_the_scale_from_elsewhere(features):
    X, y = features
    learner = TorchLearner(mlp(), 3, normalize_from=X, **QUICK).fit(X[:10], y[:10], random_state=0)
    assert np.allclose(learner._fitted_scale.mean, X.mean(0), atol=1e-5)
    assert not np.allclose(learner._fitted_scale.mean, X[:10].mean(0), atol=1e-2)


def test_images_arrive_channels_first():
    shapes = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            shapes.append(tuple(x.shape[1:]))
            return self.head(x.mean((2, 3)))

    X = np.random.default_rng(0).integers(0, 255, (12, 4, 6, 3)).astype(np.uint8)
    TorchLearner(Spy(), 2, **QUICK).fit(X, np.arange(12) % 2, random_state=0).infer(X)
    assert set(shapes) == {(3, 4, 6)}


def test_hold_out_is_stratified_and_only_with_enough_labels():
    y = np.repeat([0, 1, 2], [60, 60, 40])
    rows, held = hold_out(y, 3, 0)
    assert np.bincount(y[held]).tolist() == [6, 6, 4]
    assert sorted([*rows, *held]) == list(range(160))
    assert len(hold_out(y[:149], 3, 0)[1]) == 0  # fewer than 50 a class on average
    assert len(hold_out(np.repeat([0, 1, 2], [99, 99, 1]), 3, 0)[1]) == 0
    assert len(hold_out(np.repeat([0, 1], [200, 200]), 3, 0)[1]) == 0


def test_early_stopping_engages_with_enough_labels_and_keeps_the_best_weights():
    rng = np.random.default_rng(0)
    y = np.tile(np.arange(3), 70)
    X = np.eye(5)[y] * 0.7 + rng.normal(size=(210, 5))  # overlapping: an mlp of this size overfits
    options = {"epochs": 200, "augment": "none", "patience": 3}
    wide = nn.Sequential(nn.Linear(5, 128), nn.ReLU(), nn.Linear(128, 3))
    learner = TorchLearner(wide, 3, **options).fit(X, y, random_state=0)
    losses = [report.held_out_loss for report in learner.history_]
    assert learner.n_held_out_ == 21
    assert len(losses) < learner.history_[0].epochs
    assert np.argmin(losses) == len(losses) - 4
    held = hold_out(y, 3, int(np.random.SeedSequence(0).generate_state(3, np.uint32)[1]))[1]
    assert score(learner.probabilities(X[held]), y[held])["log_loss"] == pytest.approx(min(losses), abs=1e-4)
    few = TorchLearner(wide, 3, **options).fit(X[:120], y[:120], random_state=0)
    off = TorchLearner(wide, 3, early_stopping=False, **QUICK).fit(X, y, random_state=0)
    assert few.n_held_out_ == off.n_held_out_ == 0
    assert few.history_[-1].epoch == few.history_[-1].epochs
    assert few.history_[0].held_out_loss is None


def test_on_epoch_sees_the_history(features):
    seen = []
    learner = TorchLearner(mlp(), 3, epochs=4, min_steps=1).fit(*features, random_state=0, on_epoch=seen.append)
    assert seen == learner.history_
    assert [report.epoch for report in seen] == [1, 2, 3, 4]


def test_min_steps_lengthens_training_on_few_labels(features):
    X, y = features

    def steps(n):
        count = 0

        class Counting(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = mlp()

            def forward(self, x):
                nonlocal count
                count += self.training
                return self.inner(x)

        TorchLearner(Counting, 3, epochs=10, min_steps=30, batch_size=8).fit(X[:n], y[:n], random_state=0)
        return count

    assert steps(5) == 30
    assert steps(120) == 150


@pytest.mark.parametrize(
    ("y", "found"),
    [
        (np.zeros(7, int), "shape (7,)"),
        (np.full(10, 3), "3"),
        (np.full(10, -1), "-1"),
        (np.zeros(10), "dtype float64"),
    ],
)
def test_bad_labels(features, y, found):
    with raises_input("y", found):
        TorchLearner(mlp(), 3, **QUICK).fit(features[0][:10], y)


def test_bad_data(features):
    X, y = features
    learner = TorchLearner(mlp(), 3, **QUICK)
    with pytest.raises(ModelError, match="not been fitted"):
        learner.infer(X)
    with raises_input("X", "shape"):
        learner.fit(X[:, 0], y)
    with raises_input("y", "none"):
        learner.fit(X[:0], y[:0])
    with raises_input("X", "dtype"):
        learner.fit(X.astype(complex), y)
    broken = X.copy()
    broken[3, 2] = np.nan
    with raises_input("X", "NaN"):
        learner.fit(broken, y)
    with raises_input("X", (4,)):
        learner.fit(X, y).infer(X[:, :4])


def test_loss_that_is_not_finite(features):
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(5, 3)

        def forward(self, x):
            return self.head(x) / 0

    with pytest.raises(ModelError, match="training loss of nan in epoch 1"):
        TorchLearner(Broken(), 3, **QUICK).fit(*features)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"batch_size": 1.5},
        {"learning_rate": -1},
        {"augment": "blur"},
        {"device": "tpu!"},
        {"patience": 0},
    ],
)
def test_bad_parameters(options):
    with raises_input(next(iter(options))):
        TorchLearner(mlp(), 3, **options)


def test_save_and_load(features, tmp_path):
    X, y = features
    learner = TorchLearner(mlp(), 3, **QUICK).fit(X, y, random_state=0)
    learner.save(tmp_path / "model.pt")
    loaded = TorchLearner(mlp(), 3).load(tmp_path / "model.pt")
    assert all(np.array_equal(a, b) for a, b in zip(loaded.infer(X), learner.infer(X), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    with pytest.raises(ModelError, match="3 classes, expected 4"):
        TorchLearner(mlp(n_classes=4), 4).load(tmp_path / "model.pt")
    with pytest.raises(ModelError, match="another network"):
        TorchLearner(nn.Sequential(nn.Linear(5, 9), nn.Linear(9, 3)), 3).load(tmp_path / "model.pt")
    (tmp_path / "junk").write_bytes(b"junk")
    for name in ("junk", "missing"):
        with pytest.raises(DataFileError, match=name):
            TorchLearner(mlp(), 3).load(tmp_path / name)
    with pytest.raises(OutputError, match="nowhere"):
        learner.save(tmp_path / "junk" / "nowhere.pt")


def test_networks_by_name():
    assert networks.names() == ("resnet18", "small-cnn")
    for name in networks.names():
        assert networks.get(name, 3, 7)(torch.zeros(2, 3, 16, 16)).shape == (2, 7)
    with raises_input("network", "'vgg'"):
        networks.get("vgg", 3, 7)


@pytest.mark.parametrize("size", [1, 8, 9, 28, 64])
def test_small_cnn_sizes(size):
    assert SmallCNN(3, 4)(torch.zeros(2, 3, size, size)).shape == (2, 4)


def test_resnet18_is_resnet18_and_trains():
    network = ResNet18(3, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_173_962
    assert sum(isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3) for module in network.modules()) == 17
    rng = np.random.default_rng(0)
    y = np.arange(16) % 2
    X = (rng.integers(0, 100, (16, 8, 8, 3)) + 100 * y[:, None, None, None]).astype(np.uint8)
    learner = TorchLearner(ResNet18(3, 2, width=8), 2, min_steps=30).fit(X, y, random_state=0)
    assert (learner.probabilities(X).argmax(1) == y).all()
    assert learner.embeddings(X).shape == (16, 64)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu(digits):
    X, y = digits
    accuracy = {}
    for device in ("cpu", "cuda"):
        learner = TorchLearner(SmallCNN(1, 10), 10, min_steps=300, device=device)
        before = torch.cuda.get_rng_state()
        learner.fit(X[:300], y[:300], random_state=0)
        assert torch.equal(torch.cuda.get_rng_state(), before)
        probabilities, embeddings = learner.infer(X[300:])
        assert isinstance(embeddings, np.ndarray)
        accuracy[device] = score(probabilities, y[300:])["accuracy"]
    assert accuracy["cuda"] == pytest.approx(accuracy["cpu"], abs=0.03)
