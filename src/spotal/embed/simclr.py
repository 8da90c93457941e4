"""Training of a small network on images without labels (SimCLR), for use without pretrained weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spotal.errors import InputError
from spotal.learner.inputs import Standardizer
from spotal.learner.networks import ResNet18
from spotal.learner.training import reset_parameters, seeded
from spotal.numeric.arrays import blocks
from spotal.numeric.device import find_device

__all__ = ["BACKBONES", "RECIPE", "Encoder", "make_network", "recipe_for", "train_encoder"]

RECIPE: dict[str, Any] = {
    "version": 1,
    "width": 32,
    "pool": 2,
    "features": 512,
    "hidden": 128,
    "projection": 64,
    "batch": 128,
    "rate": 2e-3,
    "decay": 1e-4,
    "temperature": 0.2,
    "crop": [0.25, 1.0],
    "flip": True,
    "contrast": 0.5,
    "gray": 0.2,
}
"""Everything that determines training besides images, epochs and seed; part of the key of cached features."""

BACKBONES = ("small", "resnet18")
RESNET = RECIPE | {"backbone": "resnet18", "width": 64, "hidden": 512, "projection": 128, "batch": 512, "rate": 1e-3}
"""ResNet-18 for small images, meant for about 100 epochs on a GPU."""
RESNET_ON_CPU = RESNET | {"width": 16, "features": 128, "hidden": 128, "projection": 64, "batch": 128, "rate": 2e-3}
"""ResNet-18 with a quarter of the channels, for machines without a GPU."""


def recipe_for(backbone: str, cuda: bool) -> dict[str, Any]:
    """Return the recipe of a backbone with or without a GPU. Raises InputError for an unknown backbone."""
    if backbone not in BACKBONES:
        raise InputError("backbone", must=f"be one of {', '.join(BACKBONES)}", found=repr(backbone))
    if backbone == "small":
        return RECIPE
    return RESNET if cuda else RESNET_ON_CPU


class Encoder:
    """A trained network and the scale of its inputs.

    Attributes
    ----------
    network : torch.nn.Module, from (n, channels, height, width) to (n, d), in eval mode; d is 512, or 128 for the
        ResNet-18 of machines without a GPU
    losses : list of float, mean contrastive loss of each epoch
    """

    def __init__(self, network: nn.Module, scale: Standardizer, device: torch.device, losses: list[float]) -> None:
        self.network, self.scale, self.device, self.losses = network, scale, device, losses

    @torch.inference_mode()
    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features float32 (n, d) of images uint8 (n, height, width, channels), computed in blocks."""
        parts = (self.scale.batch(images, part, self.device) for part in blocks(len(images), 512))
        return np.concatenate([self.network(part).float().cpu().numpy() for part in parts])


def train_encoder(
    images: NDArray[np.uint8],
    *,
    epochs: int = 20,
    seed: int = 0,
    device: str = "auto",
    on_epoch: Callable[[int, float], object] | None = None,
    recipe: dict[str, Any] = RECIPE,
) -> Encoder:
    """Train a network to recognize two augmented views of the same image (SimCLR).

    The default network has four convolutions: a stem with stride 2, then 64, 128, 128 channels at half and quarter
    size. The averages over the four quarters of the image give 512 features. A projection head, with a hidden layer and
    64 outputs, is used during training only. Two views of each image are made by random cropping (25 to 100 % of the
    area), mirroring and changes of brightness, contrast and, in color images, color. The loss is the normalized
    cross-entropy of identifying the other view among the 255 other views of a batch.

    Parameters
    ----------
    images : uint8 (n, height, width, channels), n >= 16
    epochs : int; seed : int; device : "auto", "cpu" or "cuda"
    on_epoch : called with the epoch, from 1, and its mean loss
    recipe : dict, ``RECIPE`` or a result of ``recipe_for``

    Notes
    -----
    The optimizer is AdamW with a warm-up and a cosine schedule. The same seed gives the same bits on a CPU with one
    thread. An epoch of 10,000 images of 28 x 28 takes about 10 s on one core.

    References
    ----------
    T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual
    representations", ICML 2020.
    """
    place = find_device(device)
    scale = Standardizer.of(images, "images")
    draw, order = (int(s) for s in np.random.SeedSequence(seed).generate_state(2, np.uint32))
    generator = torch.Generator().manual_seed(order)
    rng = np.random.default_rng(order)
    size = min(recipe["batch"], len(images))
    steps = max(1, len(images) // size)
    with seeded(draw, place):
        network, head = make_network(images.shape[3], recipe), _projection(recipe)
        reset_parameters(network)
        model = nn.Sequential(network, head).to(memory_format=torch.channels_last).to(place)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe["rate"], weight_decay=recipe["decay"])
        losses: list[float] = []
        for epoch in range(epochs):
            model.train()
            rows, total = rng.permutation(len(images)), torch.zeros((), device=place)
            for k in range(steps):
                done = (epoch * steps + k + 1) / (epochs * steps)
                for group in optimizer.param_groups:
                    group["lr"] = recipe["rate"] * min(done / 0.1, 0.5 * (1 + math.cos(math.pi * done)))
                batch = scale.batch(images, rows[k * size : (k + 1) * size], place)
                views = torch.cat([_augment(batch, generator), _augment(batch, generator)])
                with torch.autocast(place.type, dtype=torch.bfloat16, enabled=place.type == "cuda"):
                    outputs = model(views)
                loss = _contrast(outputs.float())
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.detach()
            losses.append(float(total) / steps)
            if on_epoch is not None:
                on_epoch(epoch + 1, losses[-1])
    return Encoder(network.eval(), scale, place, losses)


def make_network(channels: int, recipe: dict[str, Any]) -> nn.Module:
    """Return the untrained network of a recipe, from (n, channels, height, width) to (n, features)."""
    width = recipe["width"]
    if recipe.get("backbone") == "resnet18":
        network = ResNet18(channels, 1, width)
        network.head = nn.Identity()  # type: ignore[assignment]
        return network

    def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    return nn.Sequential(
        block(channels, width, 2),
        block(width, 2 * width, 1),
        block(2 * width, 4 * width, 2),
        block(4 * width, recipe["features"] // recipe["pool"] ** 2, 1),
        nn.AdaptiveAvgPool2d(recipe["pool"]),
        nn.Flatten(),
    )


def _projection(recipe: dict[str, Any]) -> nn.Module:
    inputs, hidden = recipe["features"], recipe["hidden"]
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, recipe["projection"]))


def _augment(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a random view of each image of a standardized batch (n, c, h, w)."""
    n, channels = batch.shape[:2]

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return (low + (high - low) * torch.rand(n, *shape, generator=generator)).to(batch.device)

    area, aspect = uniform(*RECIPE["crop"]), torch.exp(uniform(-0.25, 0.25))
    wide, high = (area * aspect).sqrt().clamp(max=1.0), (area / aspect).sqrt().clamp(max=1.0)
    theta = torch.zeros(n, 2, 3, device=batch.device)
    theta[:, 0, 0] = wide * torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    theta[:, 1, 1] = high
    theta[:, 0, 2] = (1 - wide) * uniform(-1, 1)
    theta[:, 1, 2] = (1 - high) * uniform(-1, 1)
    grid = F.affine_grid(theta, list(batch.shape), align_corners=False)
    views = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    spread = RECIPE["contrast"]
    views = views * uniform(1 - spread, 1 + spread, 1, 1, 1) + uniform(-spread, spread, 1, 1, 1)
    if channels > 1:
        views = views * uniform(0.7, 1.3, channels, 1, 1)
        gray = views.mean(1, keepdim=True).expand_as(views)
        views = torch.where(uniform(0, 1, 1, 1, 1) < RECIPE["gray"], gray, views)
    return views.contiguous(memory_format=torch.channels_last)


def _contrast(outputs: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of identifying row i + n as the partner of row i by cosine; outputs (2 n, d)."""
    unit = F.normalize(outputs)
    n = len(unit) // 2
    logits = unit @ unit.T / RECIPE["temperature"]
    logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=unit.device), -1e9)
    partner = torch.arange(2 * n, device=unit.device).roll(n)
    return F.cross_entropy(logits, partner)
