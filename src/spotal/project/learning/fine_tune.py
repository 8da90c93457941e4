"""Fine-tuning: training of a whole pretrained network with a new last layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.embed.models.base import need
from spotal.embed.models.hub import from_pretrained
from spotal.errors import ModelError, one_line
from spotal.learner import Learner
from spotal.numeric.arrays import blocks
from spotal.project.learning import inputs
from spotal.project.learning.base import Inputs, Progress, Recipe

if TYPE_CHECKING:
    from torch import nn

    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["fine_tune"]

IMAGE_SIZE = 224
TOKENS = 128
"""Maximum number of tokens of a text; the rest of a longer text is ignored."""
STEPS, RATE, BATCH = 200, 1e-4, 16


def fine_tune(name: str, kind: str, folder: Path) -> Recipe:
    """Return the recipe for ``fine-tune:NAME``: a Hugging Face name or folder, or for images ``timm:NAME``.

    A path is relative to the project's folder. Rows are compared by the features of the pretrained network, before and
    after training. Raises ModelError for embeddings.
    """
    path = folder / name
    source = str(path.resolve()) if path.exists() else name
    title = f"fine-tuned {Path(name).name if path.exists() else name}"
    if kind == "image":
        timm = source.startswith("timm:")
        make = partial(_timm, source.removeprefix("timm:")) if timm else partial(_image, source)
        tuned, read = _Tuned(make, "auto"), partial(_images, make)
    elif kind == "text":
        tuned, read = _Tuned(partial(_text, source), "none"), partial(_tokens, source)
    else:
        raise ModelError(f"model 'fine-tune:{name}' takes images or texts, found embeddings; use 'built-in'")
    return Recipe(title, read, tuned.learner, tuned.cold, partial(tuned.make, 2), True)


class _Tuned:
    """Learners for the network that ``make`` returns for a number of classes."""

    def __init__(self, make: Callable[[int], nn.Module], augment: str) -> None:
        self.make, self.augment = make, augment

    def learner(self, X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
        from spotal.learner import TorchLearner

        return TorchLearner(
            partial(self.make, n_classes),
            n_classes,
            multilabel=many,
            min_steps=STEPS,
            batch_size=BATCH,
            learning_rate=RATE,
            augment=self.augment,
            normalize_from=_scaled_as(X),
        )

    def cold(self, X: NDArray[Any], random_state: int) -> NDArray[np.float32]:
        """Return the inputs of the last layer before training."""
        import torch

        from spotal.learner.forward import forward
        from spotal.learner.inputs import Standardizer

        network, scale = self.make(2).eval(), Standardizer.of(_scaled_as(X), "X")
        parts = []
        with torch.inference_mode():
            for part in blocks(len(X), BATCH):
                features = forward(network, scale.batch(X, part, torch.device("cpu")), 2, None)[1]
                assert features is not None
                parts.append(features.numpy())
        return np.concatenate(parts)


def _scaled_as(X: NDArray[Any]) -> NDArray[Any]:
    """Return rows for standardization: images themselves; for tokens rows of mean 0 and deviation 1, so no change."""
    if X.ndim == 4:
        return X
    return np.stack([np.full(X.shape[1], -1.0), np.full(X.shape[1], 1.0)])


def _images(make: Callable[[int], nn.Module], project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    progress("loading the model", 0, None)
    return inputs.images(project, items, progress, getattr(make(2), "image_size", None) or IMAGE_SIZE)


def _tokens(source: str, project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """Convert texts to token numbers plus 1, padded with 0; int64 (n, at most 128)."""
    progress("loading the model", 0, None)
    (tokenizer,) = from_pretrained(source, ("AutoTokenizer", {}))
    progress("cutting texts into tokens", 0, None)
    texts = [item.text or "" for item in items]
    most = min(TOKENS, tokenizer.model_max_length)
    tokens = tokenizer(texts, truncation=True, max_length=most, add_special_tokens=True)["input_ids"]
    rows = np.zeros((len(tokens), max(1, *map(len, tokens))), np.int64)
    for row, numbers in zip(rows, tokens, strict=True):
        row[: len(numbers)] = np.asarray(numbers) + 1
    return Inputs(np.asarray([item.number for item in items], np.int64), rows)


def _image(source: str, n_classes: int) -> nn.Module:
    model = _classifier("AutoModelForImageClassification", source, n_classes)
    return _wrapped(model, lambda batch: model(pixel_values=batch).logits, getattr(model.config, "image_size", None))


def _text(source: str, n_classes: int) -> nn.Module:
    model = _classifier("AutoModelForSequenceClassification", source, n_classes)

    def scores(batch: Any) -> Any:
        numbers = batch.long()
        mask = numbers > 0
        mask[:, 0] = True  # for texts without tokens
        return model(input_ids=(numbers - 1).clamp(min=0), attention_mask=mask.long()).logits

    return _wrapped(model, scores, None)


def _timm(name: str, n_classes: int) -> nn.Module:
    try:
        timm: Any = import_module("timm")
        model = timm.create_model(name, pretrained=True, num_classes=n_classes)
    except ImportError as error:
        raise need("timm", "timm", f"timm:{name}", error) from None
    except Exception as error:  # an unknown name, no network, or weights that do not fit
        raise ModelError(
            f"model timm:{name} cannot be loaded by timm ({one_line(error)}); give a name that timm.list_models knows"
        ) from None
    return _wrapped(model, model, int(model.pretrained_cfg.get("input_size", (3, IMAGE_SIZE))[-1]))


def _classifier(kind: str, source: str, n_classes: int) -> Any:
    return from_pretrained(source, (kind, {"num_labels": n_classes, "ignore_mismatched_sizes": True}))[0]


def _wrapped(model: nn.Module, scores: Callable[[Any], Any], image_size: Any) -> nn.Module:
    from torch import nn

    class Tuned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.image_size = image_size if isinstance(image_size, int) else None

        def forward(self, batch: object) -> Any:
            return scores(batch)

    return Tuned()
