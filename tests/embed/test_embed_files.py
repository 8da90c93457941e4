"""embed_images: batches, order, and images that are skipped."""

import numpy as np
import pytest
from PIL import Image
from tests.raising import raises_input

from spotal.embed import PixelEmbedder, embed_images
from spotal.errors import DataFileError, SpotalWarning


class Mean:
    """The mean color, and a note of the batches it was given."""

    name = "mean"

    def __init__(self, channels=3):
        self.channels = channels
        self.shapes = []

    def embed(self, images):
        self.shapes.append(images.shape)
        return images.mean((1, 2)).astype(np.float32)


@pytest.fixture
def paths(tmp_path):
    made = []
    for k in range(20):
        made.append(tmp_path / f"{k:02}.png")
        Image.fromarray(np.full((5 + k, 9, 3), 10 * k, np.uint8)).save(made[-1])
    return made


def test_streams_in_order(paths):
    embedder, seen = Mean(), []
    features, kept, skipped = embed_images(paths, embedder, 6, progress=lambda *at: seen.append(at), batch_size=8)
    assert [shape[0] for shape in embedder.shapes] == [8, 8, 4]
    assert {shape[1:] for shape in embedder.shapes} == {(6, 6, 3)}
    np.testing.assert_array_equal(features[:, 0], np.arange(20) * 10)
    assert features.dtype == np.float32
    assert (kept, skipped) == (paths, [])
    assert seen == [(8, 20), (16, 20), (20, 20)]


def test_gray_models_get_gray(paths):
    embedder = Mean(channels=1)
    embed_images(paths, embedder)
    assert embedder.shapes == [(20, 32, 32, 1)]


@pytest.mark.parametrize("bad", [[3], [0, 19], [18, 19]])
def test_corrupt_images_are_skipped_and_named(paths, bad):
    for k in bad:
        paths[k].write_bytes(paths[k].read_bytes()[:40])
    with pytest.warns(SpotalWarning, match=rf"skipped {len(bad)} of 20 images in the pool .*{paths[bad[0]].name}"):
        features, kept, skipped = embed_images(paths, Mean(), 4, batch_size=6)
    good = [k for k in range(20) if k not in bad]
    np.testing.assert_array_equal(features[:, 0], np.array(good) * 10)
    assert kept == [paths[k] for k in good]
    assert skipped == [paths[k] for k in bad]
    with pytest.raises(DataFileError, match=paths[bad[0]].name):
        embed_images(paths, Mean(), 4, strict=True, batch_size=6)


def test_pixels_are_fitted_first(paths):
    features, _, _ = embed_images(paths, PixelEmbedder(), 16)
    stack = np.stack([np.full((16, 16, 3), 10 * k, np.uint8) for k in range(20)])
    np.testing.assert_allclose(features, PixelEmbedder().fit_embed(stack), atol=1e-4)
    sampled, _, _ = embed_images(paths, PixelEmbedder(), 16, fit_rows=5)
    assert sampled.shape == (20, 4)
    again, _, _ = embed_images(paths, PixelEmbedder(), 16, fit_rows=5)
    np.testing.assert_array_equal(sampled, again)
    fitted = PixelEmbedder().fit(stack)
    before = fitted.components_
    embed_images(paths, fitted, 16)
    assert fitted.components_ is before


def test_nothing_to_embed(paths):
    with raises_input("paths", "none"):
        embed_images([], Mean())
    with raises_input("image_size"):
        embed_images(paths, Mean(), 0)
    for path in paths[:2]:
        path.write_bytes(b"x")
    for embedder in (Mean(), PixelEmbedder()):
        with pytest.raises(DataFileError, match="2 of 2 images in the pool cannot be read"):
            embed_images(paths[:2], embedder)
