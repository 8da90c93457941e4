"""Small images, and what to do for want of real data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image


def lacking(what: str) -> NoReturn:
    """Skip for want of real data; on CI, where they must be there, fail."""
    message = f"{what} is not on this machine; set SPOTAL_DATA"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def color_image(value: int, height: int = 6, width: int = 6) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = value, 255 - value
    return image


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path
