"""What walks share: a folder of images of shapes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.walks.steps import SHAPES, N


@pytest.fixture
def shapes(tmp_path):
    """A folder of images of shapes in many colors and places; their classes by name."""
    rng = np.random.default_rng(0)
    (tmp_path / "shapes").mkdir()
    truth = {}
    for k in range(N):
        name, shape = f"{k:03}.jpg", SHAPES[k % 3]
        image = Image.new("RGB", (64, 48), tuple(rng.integers(200, 256, 3).tolist()))
        draw, color = ImageDraw.Draw(image), tuple(rng.integers(0, 130, 3).tolist())
        x, y, r = rng.uniform(29, 35), rng.uniform(22, 26), rng.uniform(14, 19)
        if shape == "circle":
            draw.ellipse((x - r, y - r, x + r, y + r), outline=color, width=4)
        elif shape == "square":
            draw.rectangle((x - r, y - r, x + r, y + r), fill=color)
        else:
            draw.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=color)
        image.save(tmp_path / "shapes" / name)
        truth[name] = shape
    return truth
