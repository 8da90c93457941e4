"""Small models with random weights, saved in the formats that people have, and things to embed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

WORDS = ["[PAD]", "[UNK]", "[EOS]", "a", "cat", "dog", "the", "sat", "ran"]


@pytest.fixture
def photos(tmp_path):
    """A folder of 20 color images of 9 x 7; gives the folder."""
    rng = np.random.default_rng(0)
    for k in range(20):
        path = tmp_path / "photos" / f"{k % 2}" / f"{k:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (7, 9, 3)).astype(np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS[3:], rng.integers(1, 12))) for _ in range(12)]


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Folders of models by name: vit, bert, gpt2, t5, clip, sentence."""
    transformers = pytest.importorskip("transformers", reason="transformers is an optional part")
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("models")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vision = {**small, "image_size": 8, "patch_size": 4}
    words = {"vocab_size": len(WORDS), "max_position_embeddings": 16}
    tokens = {"bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 0}
    made = {
        "vit": transformers.ViTModel(transformers.ViTConfig(**vision)),
        "bert": transformers.BertModel(transformers.BertConfig(**small, **words)),
        "gpt2": transformers.GPT2Model(
            transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=16, vocab_size=len(WORDS), **tokens)
        ),
        "t5": transformers.T5Model(
            transformers.T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=len(WORDS))
        ),
        "clip": transformers.CLIPModel(
            transformers.CLIPConfig(text_config={**small, **words, **tokens}, vision_config=vision, projection_dim=8)
        ),
    }
    for name, model in made.items():
        model.eval().save_pretrained(root / name)
        if name != "vit":
            tokenizer(transformers, pad=name != "gpt2").save_pretrained(root / name)
        if name in ("vit", "clip"):
            processor = transformers.ViTImageProcessor(size={"height": 8, "width": 8})
            processor.save_pretrained(root / name)
    return root


def tokenizer(transformers, pad):
    from tokenizers import Tokenizer, models, pre_tokenizers

    plain = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    more = {"pad_token": "[PAD]"} if pad else {}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="[UNK]", eos_token="[EOS]", **more)
