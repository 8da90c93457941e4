"""Models in the forms that people have them: text and images, by path, by hub name, by a function, and what fails."""

import json
import sys

import numpy as np
import pytest
import torch
from tests.raising import raises_input
from torch import nn

from spotal.embed import TorchEmbedder
from spotal.embed.models.base import weights_hash
from spotal.embed.models.trained import TrainedEncoder
from spotal.errors import DataFileError, InputError, ModelError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def token_means(model, tokenizer, texts):
    """One text at a time, so without any padding."""
    means = []
    for text in texts:
        inputs = tokenizer(text, truncation=True, max_length=16, return_tensors="pt")
        with torch.no_grad():
            means.append(model(**inputs).last_hidden_state[0].mean(0).numpy())
    return np.stack(means)


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5"])
def test_texts_are_the_mean_of_their_tokens(saved, texts, name):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(saved / name)
    model = transformers.AutoModel.from_pretrained(saved / name).eval()
    texts = [*texts, "cat " * 40] if name == "bert" else texts  # longer than the model takes
    embedder = TorchEmbedder(saved / name, takes="text", device="cpu", batch_size=5)
    found = embedder.embed(texts)
    expected = token_means(model.get_encoder() if name == "t5" else model, tokenizer, texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found.dtype, embedder.takes, embedder.name) == (np.float32, "text", name)


def test_one_model_of_both_kinds(saved, texts):
    import transformers

    model = transformers.AutoModel.from_pretrained(saved / "clip").eval()
    text, image = (TorchEmbedder(saved / "clip", takes=takes, device="cpu") for takes in ("text", "images"))
    assert text.embed(texts).shape == (len(texts), 8)
    pixels = transformers.AutoImageProcessor.from_pretrained(saved / "clip")(list(IMAGES), return_tensors="pt")
    with torch.no_grad():
        expected = model.get_image_features(**pixels)
    np.testing.assert_allclose(image.embed(IMAGES), getattr(expected, "pooler_output", expected), atol=1e-5)
    assert text.recipe["weights"] == image.recipe["weights"]
    assert text.recipe != image.recipe


def test_sentence_transformers(saved, texts, tmp_path):
    library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is an optional part")
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    parts = [Transformer(str(saved / "bert")), Pooling(16, "max")]
    model = library.SentenceTransformer(modules=parts, device="cpu")
    model.save(str(tmp_path / "sentence"))
    embedder = TorchEmbedder(tmp_path / "sentence", takes="text", device="cpu")
    np.testing.assert_allclose(embedder.embed(texts), model.encode(texts), atol=1e-5)
    assert embedder.recipe["kind"] == "sentence-transformers"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A cache of the Hugging Face hub, laid out as it does it, on a machine without a network; gives its folder."""
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_name_on_the_hub(saved, hub, texts):
    place = hub / "models--someone--tiny"
    (place / "snapshots").mkdir(parents=True)
    (place / "snapshots" / "abc").symlink_to(saved / "bert")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    found = TorchEmbedder("someone/tiny", takes="text", device="cpu")
    assert found.name == "someone/tiny"
    local = TorchEmbedder(saved / "bert", takes="text", device="cpu")
    assert np.array_equal(found.embed(texts), local.embed(texts))
    assert found.recipe == local.recipe
    with pytest.raises(ModelError, match=r"model someone/else cannot be loaded .* or a name on the Hugging Face hub"):
        TorchEmbedder("someone/else", takes="text")


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        if isinstance(x, list):
            return torch.tensor([[len(text), text.count(" ")] for text in x]) * self.scale
        return x.mean((2, 3)) * self.scale


def test_a_module_itself():
    embedder = TorchEmbedder(Mean(), device="cpu")
    np.testing.assert_allclose(embedder.embed(IMAGES), 2 * IMAGES.mean((1, 2)) / 255, atol=1e-5)
    assert TorchEmbedder(Mean(), takes="text", device="cpu").embed(["a b c", ""]).tolist() == [[10, 4], [0, 0]]


def test_a_module_that_is_for_something_else():
    with pytest.raises(ModelError, match=r"failed on text \('list' object has no attribute .*check what it takes"):
        TorchEmbedder(nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()), takes="text", device="cpu").embed(["a"])


def test_a_function_of_a_module_of_one_s_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_models.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Conv2d(3, 5, 3)\ndef number():\n    return 3\n"
    )
    before = list(sys.path)
    embedder = TorchEmbedder("my_models:make", device="cpu")
    assert embedder.name == "my_models:make"
    assert embedder.embed(IMAGES).shape == (6, 5)
    assert sys.path == before
    for name, message in (
        ("my_models:number", "must give a torch.nn.Module, found int"),
        ("my_models:missing", "cannot be made .AttributeError"),
        ("no_such_module:make", "cannot be made .ModuleNotFoundError"),
    ):
        with pytest.raises(ModelError, match=message):
            TorchEmbedder(name)
    sys.modules.pop("my_models")


def test_weights_are_told_apart():
    module = Mean()
    before = weights_hash(module)
    assert weights_hash(Mean()) == before
    with torch.no_grad():
        module.scale += 1
    assert weights_hash(module) != before
    assert TorchEmbedder(module).recipe != TorchEmbedder(Mean()).recipe


def test_kinds_that_do_not_fit(saved, tmp_path):
    with pytest.raises(ModelError, match="takes images, found a source of text"):
        TorchEmbedder(_encoder(tmp_path), takes="text")
    with pytest.raises(ModelError, match="image processor"):
        TorchEmbedder(saved / "bert")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json that cannot be read"):
        TorchEmbedder(tmp_path / "odd")
    for name in ("models/none.pt", "a/b/c", "./vit"):
        with pytest.raises(DataFileError, match="does not exist"):
            TorchEmbedder(name)
    if not torch.cuda.is_available():
        with pytest.raises(InputError) as error:
            TorchEmbedder(Mean(), device="cuda")
        assert error.value.argument == "device"


def test_packages_that_are_missing(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18"}))
    (tmp_path / "modules.json").write_text("[]")
    for package, name, takes in (
        ("timm", "timm:resnet18", "images"),
        ("timm", "timm/resnet18.a1_in1k", "images"),
        ("timm", tmp_path, "images"),
        ("sentence_transformers", tmp_path, "text"),
        ("sentence_transformers", "sentence-transformers/all-MiniLM-L6-v2", "text"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        extra = package.replace("_", "-")
        with pytest.raises(ModelError, match=rf"needs {extra} .*pip install 'spotal\[{extra}\]'"):
            TorchEmbedder(name, takes=takes)


def timm_or_skip():
    """timm imports torchvision, which only fits torch's CUDA builds."""
    try:
        import timm
    except (ImportError, RuntimeError):
        pytest.skip("timm cannot be imported here")
    return timm


def test_timm(tmp_path):
    timm = timm_or_skip()
    model = timm.create_model("resnet10t", num_classes=5).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    timm.models.save_for_hf(model, tmp_path / "folder", model_config={"num_classes": 5})
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    from PIL import Image

    batch = torch.stack([transform(Image.fromarray(image)) for image in IMAGES])
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(batch), pre_logits=True).numpy()
    for name in (f"timm:resnet10t@{tmp_path / 'weights.pth'}", tmp_path / "folder"):
        embedder = TorchEmbedder(name, device="cpu")
        np.testing.assert_allclose(embedder.embed(IMAGES), expected, atol=1e-4)
    with pytest.raises(DataFileError, match="names the checkpoint"):
        TorchEmbedder("timm:resnet10t@none.pth")
    with pytest.raises(ModelError, match="cannot be loaded by timm"):
        TorchEmbedder(f"timm:no-such-model@{tmp_path / 'weights.pth'}")


def _encoder(folder, **options):
    images = np.random.default_rng(1).integers(0, 256, (24, 12, 12, 3)).astype(np.uint8)
    TrainedEncoder.train(images, **({"dim": 5, "epochs": 1, "device": "cpu"} | options)).save(folder / "encoder.pt")
    return folder / "encoder.pt"


@pytest.mark.parametrize("backbone", ["small", "resnet18"])
def test_a_trained_encoder_is_saved_whole(tmp_path, backbone):
    file = _encoder(tmp_path, backbone=backbone)
    first = file.read_bytes()
    embedder = TorchEmbedder(tmp_path, device="cpu")
    assert (embedder.name, embedder.image_size, embedder.channels) == (f"simclr-{backbone}", 12, 3)
    images = np.random.default_rng(1).integers(0, 256, (24, 12, 12, 3)).astype(np.uint8)
    vectors = embedder.embed(images)
    assert vectors.shape == (24, 5)
    # principal components of what it was trained on: centered, uncorrelated, in falling order
    covariance = np.cov(vectors.T)
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-4 * covariance.max())
    assert (np.diff(np.diag(covariance)) <= 0).all()
    assert _encoder(tmp_path, backbone=backbone).read_bytes() == first
    assert _encoder(tmp_path, backbone=backbone, seed=1).read_bytes() != first


def test_encoders_that_cannot_be(tmp_path):
    for options, message in (
        ({"dim": 129}, "dim must lie in 1..128, found 129"),
        ({"epochs": 0}, "epochs must lie in"),
        ({"backbone": "alexnet"}, "backbone must be one of small, resnet18"),
    ):
        with pytest.raises(InputError, match=message):
            _encoder(tmp_path, **options)
    with raises_input("images", "at least 16 images, found 6"):
        TrainedEncoder.train(IMAGES)
    torch.save({"format": TrainedEncoder.FORMAT, "recipe": "{}"}, tmp_path / "encoder.pt")
    with pytest.raises(ModelError, match="no encoder that spotal saved"):
        TorchEmbedder(tmp_path)
