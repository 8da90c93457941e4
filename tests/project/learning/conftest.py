"""Small projects over images, texts and vectors whose classes are known, and somebody who labels them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from spotal.project import Audit, Data, Project, Settings
from spotal.project.learning import choose, fine_tune

CLASSES = ("red", "green", "blue")
WORDS = ["[PAD]", "[UNK]", "[EOS]", *CLASSES, "a", "the", "sky", "leaf", "rose"]


@pytest.fixture(scope="package", autouse=True)
def quick():
    """Short trainings, on one thread."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "STEPS", {"small-cnn": 40, "resnet18": 2})
        patch.setattr(fine_tune, "STEPS", 3)
        yield


def truth(item):
    """Class of an item: its id ends in a number."""
    return CLASSES[int(item.split(".")[0][1:]) % 3]


def draw(folder, numbers):
    """Circles of a class's color."""
    folder.mkdir(exist_ok=True)
    for k in numbers:
        rng = np.random.default_rng(k)
        color = rng.integers(0, 90, 3)
        color[k % 3] = rng.integers(160, 256)
        image = Image.new("RGB", (12, 12), tuple(rng.integers(0, 60, 3).tolist()))
        x, y = rng.integers(0, 4, 2).tolist()
        ImageDraw.Draw(image).ellipse([x, y, x + 8, y + 8], fill=tuple(color.tolist()))
        image.save(folder / f"i{k:03}.png")


def write(folder, numbers):
    rng = np.random.default_rng(0)
    lines = []
    for k in numbers:
        words = [CLASSES[k % 3], *rng.choice(WORDS[6:], 3)]
        lines.append(json.dumps({"id": f"t{k:03}", "text": " ".join(words)}))
    (folder / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")


def vectors(n):
    centers = 3 * np.eye(3, 5)
    return (centers[np.arange(n) % 3] + np.random.default_rng(0).normal(size=(n, 5))).astype(np.float32)


@pytest.fixture
def start(tmp_path):
    """Make a project of n items of a kind: "image", "text" or "embedding"."""
    made = []

    def start(kind="embedding", n=60, *, held_back=0.0, share=0.1, **settings):
        paths = {"image": "../images", "text": "../texts.jsonl", "embedding": "../vectors.csv"}
        if kind == "image":
            draw(tmp_path / "images", range(n))
        elif kind == "text":
            write(tmp_path, range(n))
        else:
            names = [f"v{k:03}" for k in range(n)]
            rows = [",".join([name, *map(str, row)]) for name, row in zip(names, vectors(n).tolist(), strict=True)]
            (tmp_path / "vectors.csv").write_text("\n".join(["id,a,b,c,d,e", *rows]), encoding="utf-8")
        audit = Audit(held_back=held_back, share=share if held_back else 0.0)
        chosen = Settings(Data(paths[kind], kind), CLASSES, audit=audit, **{"batch_size": 12, **settings})
        made.append(Project.create(tmp_path / "project", chosen))
        return made[-1]

    yield start
    for project in made:
        project.close()


@pytest.fixture
def answer():
    """Answer all that waits, rightly; how many."""

    def answer(project, annotator="ann", most=None):
        batch = project.rounds.batch()[:most]
        for task in batch:
            project.labels.record(task.item.id, truth(task.item.id), annotator=annotator)
        return len(batch)

    return answer


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory):
    """Folders of tiny pretrained models: vit and bert, with random weights."""
    transformers = pytest.importorskip("transformers", reason="transformers is an optional part")
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("models")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.ViTModel(transformers.ViTConfig(**small, image_size=8, patch_size=4)).save_pretrained(root / "vit")
    transformers.ViTImageProcessor(size={"height": 8, "width": 8}).save_pretrained(root / "vit")
    bert = transformers.BertConfig(**small, vocab_size=len(WORDS), max_position_embeddings=16)
    transformers.BertModel(bert).save_pretrained(root / "bert")
    plain = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "[UNK]", "eos_token": "[EOS]", "pad_token": "[PAD]"}
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, **special, model_max_length=16)
    words.save_pretrained(root / "bert")
    return root
