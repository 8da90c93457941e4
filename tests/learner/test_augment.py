from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.raising import raises_input

from spotal.learner import TorchLearner
from spotal.learner._augment import choose_augment, crop, crop_flip
from spotal.learner.networks import SmallCNN


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("augment", [crop, crop_flip])
def test_shape_and_determinism(augment):
    batch = torch.arange(40 * 3 * 16 * 12, dtype=torch.float32).reshape(40, 3, 16, 12)
    first, second, other = augment(batch, seeded()), augment(batch, seeded()), augment(batch, seeded(1))
    assert first.shape == batch.shape
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_crop_shifts_by_up_to_an_eighth_and_repeats_the_edge():
    image = torch.arange(16.0)[:, None] * 100 + torch.arange(24.0)
    found = {
        (int(one[8, 12] // 100) - 8, int(one[8, 12] % 100) - 12)
        for one in crop(image.expand(2000, 1, 16, 24), seeded())[:, 0]
    }
    assert found == {(dy, dx) for dy in range(-2, 3) for dx in range(-3, 4)}
    for one in crop(image.expand(50, 1, 16, 24), seeded(3))[:, 0]:
        dy, dx = int(one[8, 12] // 100) - 8, int(one[8, 12] % 100) - 12
        rows, columns = (np.arange(16) + dy).clip(0, 15), (np.arange(24) + dx).clip(0, 23)
        assert torch.equal(one, image[rows][:, columns])


def test_channels_move_together():
    batch = torch.rand(10, 1, 16, 16, generator=seeded()).expand(10, 3, 16, 16)
    moved = crop_flip(batch, seeded())
    assert torch.equal(moved[:, 0], moved[:, 2])


def test_flip_mirrors_half_of_the_images():
    image = torch.arange(4.0).expand(1000, 3, 4, 4)  # too small to shift
    flipped = (crop_flip(image, seeded())[:, 0, 0, 0] == 3).sum()
    assert 430 < flipped < 570


def test_choice_by_kind_of_data():
    assert choose_augment("auto", (8, 8, 1)) is crop
    assert choose_augment("auto", (8, 8, 4)) is crop
    assert choose_augment("auto", (8, 8, 3)) is crop_flip
    assert choose_augment("auto", (8,)) is None
    assert choose_augment("none", (8, 8, 3)) is None
    with raises_input("augment", "'crop'"):
        choose_augment("crop", (8,))
    with raises_input("augment", "'blur'"):
        choose_augment("blur", (8, 8, 3))


def test_own_augmentation_is_used_in_training_only(digits):
    X, y = digits[0][:20], digits[1][:20]
    shapes = []

    def noisy(batch, generator):
        shapes.append(tuple(batch.shape))
        return batch + torch.randn(batch.shape, generator=generator)

    learner = TorchLearner(SmallCNN(1, 10, 4), 10, augment=noisy, epochs=1, min_steps=5).fit(X, y, random_state=0)
    assert shapes == [(20, 1, 8, 8)] * 5
    learner.infer(X)
    assert len(shapes) == 5
