"""TorchEmbedder: TorchScript, our own networks, saved learners, Hugging Face, and files that are none of these."""

import json
import pickle
import sys
import warnings

import numpy as np
import pytest
import torch
from tests.raising import raises_input
from torch import nn

from spotal.embed import Embedder, TorchEmbedder
from spotal.errors import DataFileError, ModelError
from spotal.learner.networks import get

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
GRAY = IMAGES[..., :1]


class Maps(nn.Module):
    def forward(self, x):
        return x * 2


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(192, 4)

    def forward(self, x):
        return self.linear(x.flatten(1))


def script(module, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return path


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_torchscript(tmp_path):
    module = Flat().eval()
    embedder = TorchEmbedder(script(module, tmp_path / "m.pt"), batch_size=2)
    assert isinstance(embedder, Embedder)
    assert embedder.name == "m.pt"
    found = embedder.embed(IMAGES)
    expected = module(torch.from_numpy(IMAGES / 255).float().permute(0, 3, 1, 2)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32


def test_maps_are_averaged_and_scaled(tmp_path):
    path = script(Maps(), tmp_path / "m.pt")
    means = 2 * IMAGES.mean((1, 2)) / 255
    np.testing.assert_allclose(TorchEmbedder(path).embed(IMAGES), means, atol=1e-5)
    scaled = TorchEmbedder(path, mean=(0.5, 0.5, 0.5), deviation=(2, 2, 4)).embed(IMAGES)
    np.testing.assert_allclose(scaled, (means - 1) / [2, 2, 4], atol=1e-5)
    gray = TorchEmbedder(path).embed(GRAY)
    assert gray.shape == (5, 3)
    np.testing.assert_allclose(gray, np.repeat(2 * GRAY.mean((1, 2)) / 255, 3, 1), atol=1e-5)
    assert TorchEmbedder(path, channels=1).embed(GRAY).shape == (5, 1)
    with raises_input("images", "3"):
        TorchEmbedder(path, channels=1).embed(IMAGES)


@pytest.mark.parametrize(("name", "width"), [("small-cnn", 128), ("resnet18", 512)])
@pytest.mark.parametrize("channels", [1, 3])
def test_our_networks(tmp_path, name, width, channels):
    network = get(name, channels, 7).eval()
    content = {"network": name, "n_classes": 7, "in_channels": channels, "state_dict": network.state_dict()}
    torch.save(content, tmp_path / "m.pt")
    images = IMAGES[..., :channels]
    embedder = TorchEmbedder(tmp_path / "m.pt")
    assert embedder.channels == channels
    found = embedder.embed(images)
    assert found.shape == (5, width)
    batch = torch.from_numpy(images / 255).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        np.testing.assert_allclose(network.head(torch.from_numpy(found)), network(batch), atol=1e-4)


def test_saved_learner_embeds_as_the_learner_does(tmp_path):
    from spotal.learner import TorchLearner

    y = np.array([0, 1, 0, 1, 2])
    learner = TorchLearner(lambda: get("small-cnn", 3, 3), 3, epochs=1, min_steps=2, device="cpu")
    learner.fit(IMAGES, y, random_state=0)
    learner.save(tmp_path / "learner.pt")
    found = TorchEmbedder(tmp_path / "learner.pt", device="cpu").embed(IMAGES)
    np.testing.assert_allclose(found, learner.embeddings(IMAGES), atol=1e-4)


def test_hugging_face_without_transformers(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install .spotal\[hugging-face\]"):
        TorchEmbedder(tmp_path)


def test_hugging_face(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is an optional part")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=8, patch_size=4
    )
    model = transformers.ViTModel(config).eval()
    model.save_pretrained(tmp_path / "pooled")
    bare = transformers.ViTModel(config, add_pooling_layer=False).eval()
    bare.save_pretrained(tmp_path / "bare")
    processor = transformers.ViTImageProcessor(size={"height": 8, "width": 8})
    for name in ("pooled", "bare"):
        processor.save_pretrained(tmp_path / name)
    inputs = processor(images=list(IMAGES), return_tensors="pt")
    with torch.no_grad():
        pooled = model(**inputs).pooler_output.numpy()
        first = bare(**inputs).last_hidden_state[:, 0].numpy()
    embedder = TorchEmbedder(tmp_path / "pooled", device="cpu", batch_size=2)
    np.testing.assert_allclose(embedder.embed(IMAGES), pooled, atol=1e-4)
    assert embedder.image_size == 8
    np.testing.assert_allclose(TorchEmbedder(tmp_path / "bare", device="cpu").embed(IMAGES), first, atol=1e-4)
    (tmp_path / "pooled" / "config.json").write_text(json.dumps({"model_type": "no-such-model"}))
    with pytest.raises(ModelError, match="cannot be loaded by transformers"):
        TorchEmbedder(tmp_path / "pooled")


def save(path, content):
    torch.save(content, path)
    return path


def test_bad_state_files(tmp_path):
    state = get("small-cnn", 3, 4).state_dict()
    good = {"network": "small-cnn", "n_classes": 4, "in_channels": 3, "state_dict": state}
    for change, message in (
        ({"network": "alexnet"}, "network must be one of resnet18, small-cnn, found 'alexnet'"),
        ({"network": "resnet18"}, "do not fit resnet18"),
        ({"n_classes": 5}, "do not fit small-cnn"),
        ({"state_dict": 3}, "entries of the wrong kind"),
    ):
        with pytest.raises(ModelError, match=message):
            TorchEmbedder(save(tmp_path / "m.pt", good | change))
    with pytest.raises(ModelError, match="lacks network, n_classes, in_channels, state_dict"):
        TorchEmbedder(save(tmp_path / "m.pt", state))
    with pytest.raises(ModelError, match="holds list"):
        TorchEmbedder(save(tmp_path / "m.pt", [1]))


def test_what_torch_says_of_how_a_file_was_written_is_not_passed_on(tmp_path):
    torch.save([1], tmp_path / "old.pt", pickle_protocol=4)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(ModelError, match=r"old\.pt"):
            TorchEmbedder(tmp_path / "old.pt")
    assert told == []


class _Trap:
    def __reduce__(self):
        return sys.exit, (3,)


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(DataFileError, match="does not exist"):
        TorchEmbedder(tmp_path / "none.pt")
    with pytest.raises(ModelError, match=r"folder without config\.json"):
        TorchEmbedder(tmp_path)
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "trap.pt").write_bytes(pickle.dumps(_Trap()))
    save(tmp_path / "module.pt", Flat())
    whole = script(Flat(), tmp_path / "m.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    for name in ("text.pt", "empty.pt", "trap.pt", "module.pt", "cut.pt"):
        with pytest.raises(ModelError, match=f"model .*{name} cannot be read"):
            TorchEmbedder(tmp_path / name)
    with pytest.raises(ModelError, match=r"text\.pt cannot be read \(no file of torch\)"):
        TorchEmbedder(tmp_path / "text.pt")


class Constant(nn.Module):
    def __init__(self, shape: list[int], value: float):
        super().__init__()
        self.shape = shape
        self.value = value

    def forward(self, x):
        return torch.full(self.shape, self.value)


def test_models_that_misbehave(tmp_path):
    for shape, value, message in (
        ([3, 4], 0.0, r"must give \(5, d\), found \(3, 4\)"),
        ([5], 0.0, r"found \(5,\)"),
        ([5, 4], float("nan"), "gives NaN or infinity"),
    ):
        with pytest.raises(ModelError, match=message):
            TorchEmbedder(script(Constant(shape, value), tmp_path / "m.pt")).embed(IMAGES)
    with pytest.raises(ModelError, match="failed on images of shape"):
        TorchEmbedder(script(Flat(), tmp_path / "m.pt")).embed(IMAGES[:, :4])


def test_arguments(tmp_path):
    path = script(Maps(), tmp_path / "m.pt")
    for arguments in (
        {"batch_size": 0},
        {"image_size": 0},
        {"channels": 2},
        {"device": "abacus"},
        {"mean": (1, 2)},
        {"deviation": (1, 0, 1)},
    ):
        with raises_input(next(iter(arguments))):
            TorchEmbedder(path, **arguments)
