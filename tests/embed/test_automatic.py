"""Model "auto" through the real commands, with a hub on the loopback interface and a cache in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from ast import literal_eval

import numpy as np
import pytest
import torch
from tests import forks
from tests.embed.conftest import tokenizer
from tests.forks import COMMAND
from tests.hub import REVISION, serving

from spotal.embed.models.hub import prefix_of

DINO, E5 = "facebook/dinov2-small", "intfloat/multilingual-e5-small"
pytest.importorskip("transformers", reason="transformers is an optional part")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of small models of the two kinds, with weights that nobody trained."""
    import transformers

    root = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    dino = transformers.Dinov2Config(**small, image_size=28, patch_size=14)
    transformers.Dinov2Model(dino).save_pretrained(root / "dino")
    sides = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    transformers.BitImageProcessor(**sides).save_pretrained(root / "dino")
    words = {"vocab_size": 9, "max_position_embeddings": 16, "intermediate_size": 16}
    transformers.BertModel(transformers.BertConfig(**small, **words)).save_pretrained(root / "e5")
    tokenizer(transformers, pad=True).save_pretrained(root / "e5")
    return {DINO: root / "dino", E5: root / "e5"}


@pytest.fixture
def hub(models):
    with serving() as hub:
        hub.models.update(models)
        yield hub


@pytest.fixture
def spotal(tmp_path, hub):
    """Run a command in an empty folder with an empty cache; HF_HUB_OFFLINE is "0" unless given."""

    def run(*words, code=0, **variables):
        home = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0", "COLUMNS": "300"}
        options = {"cwd": tmp_path, "env": {**os.environ, **home, **variables}}
        if "PYTHONPATH" in variables:
            command = [sys.executable, "-c", COMMAND, *map(str, words)]
            done = subprocess.run(command, **options, capture_output=True, text=True, check=False)
        else:
            done = forks.run(COMMAND, *words, **options)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def without(tmp_path, *packages):
    """A folder for PYTHONPATH that makes these packages look as if they were not installed."""
    lines = f"""from importlib.machinery import PathFinder
old = PathFinder.find_spec
PathFinder.find_spec = staticmethod(lambda name, *rest: None if name in {packages!r} else old(name, *rest))
"""
    place = tmp_path / "without"
    place.mkdir()
    (place / "sitecustomize.py").write_text(lines, encoding="utf-8")
    return os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])


def test_init_fetches_the_encoder_and_later_rounds_keep_it(spotal, hub, photos, tmp_path):
    made = spotal("init", "p", "--images", photos, "--classes", "0,1", "--batch", 4)
    assert f"{DINO}, self-supervised image encoder, fetched from the Hugging Face hub" in made.stdout
    pinned = f"{DINO}@{REVISION}"
    assert f'model = "{pinned}"' in (tmp_path / "p" / "spotal.toml").read_text()
    hub.asked.clear()
    again = spotal("init", "q", "--images", photos, "--classes", "0,1", HF_HUB_OFFLINE="1")
    assert "from the cache" in again.stdout
    spotal("next", "p", HF_HUB_OFFLINE="1")
    kept = [path for path in (tmp_path / "p" / ".spotal").rglob("*.npy") if path.name.startswith("model-")]
    assert {np.load(path).shape[-1] for path in kept if "marks" not in path.name} == {16}  # the hidden size
    assert hub.asked == []  # offline means offline


def test_an_encoder_that_cannot_be_had_leaves_the_built_in_model_and_a_command(spotal, hub, photos, tmp_path):
    made = spotal("init", "p", "--images", photos, "--classes", "0,1", HF_HUB_OFFLINE="1")
    assert 'model = "built-in"' in (tmp_path / "p" / "spotal.toml").read_text()
    for said in (
        "only colors and coarse shapes",
        "HF_HUB_OFFLINE turns the network off",
        f"To get a better one: hf download {DINO} config.json model.safetensors preprocessor_config.json",
    ):
        assert said in made.stdout
    assert hub.asked == []


def test_a_hub_that_fails_is_one_sentence_and_no_error(hub, models, tmp_path):
    """One process asks again and again while the hub has no model, breaks off, has damaged weights, and is well."""
    loop = "import sys; from spotal.embed import choose_model\n" + (
        "for _ in sys.stdin:\n    found = choose_model('images'); print([found.model, found.sentence], flush=True)"
    )
    home = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
    asking = subprocess.Popen(
        [sys.executable, "-c", loop], env={**os.environ, **home}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def ask():
        asking.stdin.write("\n")
        asking.stdin.flush()
        return literal_eval(asking.stdout.readline())

    hub.models.clear()
    assert ask()[0] is None
    hub.models.update(models)
    hub.breaks.add("model.safetensors")
    model, sentence = ask()
    assert model is None
    assert sentence.startswith(f"no pretrained encoder: model {DINO} is not in the cache and cannot be fetched from")
    assert "peer closed connection" in sentence
    hub.breaks.clear()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in hub.files(DINO):
        content = (models[DINO] / file).read_bytes()
        (damaged / file).write_bytes(content[:100] if file == "model.safetensors" else content)
    hub.models[DINO] = damaged
    model, sentence = ask()
    assert model is None
    assert "cannot be loaded by transformers" in sentence
    (next((tmp_path / "cache").rglob("snapshots")) / REVISION / "model.safetensors").unlink()
    for blob in (tmp_path / "cache").rglob("blobs/*"):
        blob.unlink()
    hub.models[DINO] = models[DINO]
    assert ask()[0] == f"{DINO}@{REVISION}"
    said = asking.communicate()[1]
    assert "Retrying" not in said


def test_without_the_packages_one_command_is_named(spotal, hub, photos, tmp_path):
    gone = without(tmp_path, "transformers", "timm")
    made = spotal("init", "p", "--images", photos, "--classes", "0,1", PYTHONPATH=gone)
    assert "transformers and timm cannot be imported here" in made.stdout
    assert "To get a better one: pip install 'spotal[hugging-face]'" in made.stdout
    assert hub.asked == []
    (tmp_path / "t.csv").write_text("text\ncat\ndog\n", encoding="utf-8")
    refused = spotal("embed", "t.csv", "--out", "pool", code=2, PYTHONPATH=gone)
    assert refused.stderr.startswith("Error: --model auto: no pretrained encoder")
    assert not (tmp_path / "pool" / "pool.json").exists()


def test_embed_takes_auto_where_nothing_is_named_and_stays_with_it(spotal, hub, photos, tmp_path):
    first = spotal("embed", photos, "--out", "pool", "--workers", 0)
    assert f"Model: {DINO}" in first.stdout
    manifest = json.loads((tmp_path / "pool" / "pool.json").read_text())
    assert manifest["model"] == f"{DINO}@{REVISION}"
    assert manifest["dim"] == 16
    hub.asked.clear()
    (photos / "0" / "new.png").write_bytes((photos / "0" / "00.png").read_bytes())
    more = spotal("embed", photos, "--out", "pool", "--workers", 0, HF_HUB_OFFLINE="1")
    assert "Embedded 1 images" in more.stdout
    fallen = spotal("embed", photos, "--out", "other", "--epochs", 1, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "no"))
    assert "an encoder is trained on these images instead" in fallen.stderr
    again = spotal("embed", photos, "--out", "other", "--epochs", 1)  # the hub is there now: the encoder is not mixed
    assert "Embedded 0 images by simclr-small" in again.stdout


def test_texts_get_the_sentence_encoder_with_its_prefix(spotal, tmp_path):
    lines = ["text", *("the cat sat" if k % 2 else "a dog ran" for k in range(12))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    made = spotal("init", "p", "--texts", "t.csv", "--classes", "0,1")
    assert f"{E5}, multilingual sentence encoder, fetched" in made.stdout
    spotal("embed", "t.csv", "--out", "pool", "--dtype", "float32", "--workers", 0, HF_HUB_OFFLINE="1")
    manifest = json.loads((tmp_path / "pool" / "pool.json").read_text())
    assert manifest["recipe"]["prefix"] == "query: "


def test_the_prefix_is_before_each_text_and_the_mean_over_tokens_is_taken(models):
    from spotal.embed import TorchEmbedder

    place = models[E5].parent / "multilingual-e5-small"
    if not place.exists():
        place.symlink_to(models[E5])
    plain = TorchEmbedder(models[E5], takes="text")
    prefixed = TorchEmbedder(place, takes="text")
    texts = ["the cat sat", "a dog"]
    np.testing.assert_array_equal(prefixed.embed(texts), plain.embed([f"query: {text}" for text in texts]))
    assert prefix_of("owner/e5-large-v2") == "query: "
    assert prefix_of("owner/like5-small") == ""
