"""PixelEmbedder: principal components of small copies of the images. Needs no weights, and is weak."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from spotal.embed.base import check_images
from spotal.errors import InputError, ModelError
from spotal.numeric.arrays import blocks
from spotal.numeric.checks import check_count
from spotal.numeric.seeds import Seed, as_seed

__all__ = ["PixelEmbedder"]

FIT_ROWS = 20_000
BATCH = 1024


class PixelEmbedder:
    """Shrink images by averaging, and project their pixels on their principal components.

    This is a weak descriptor: it sees where an image is bright and dark, and its main colors, and nothing of what it
    shows. It is there so that one can begin without any model. A real one (:class:`~spotal.embed.TorchEmbedder` with
    pretrained weights) gives much better picks.

    Parameters
    ----------
    size : int
        Height and width of the small copies; images that are smaller keep their size.
    n_components : int
        Most components to keep; there are never more than fitted images less one, or pixels.
    random_state : int, numpy generator or None
        Which ``max_samples`` images are fitted on where there are more.
    max_samples : int
        Most images that are fitted on.

    Attributes
    ----------
    components_ : float32 (d, size * size * channels)
    mean_ : float32 (size * size * channels,)

    Notes
    -----
    O(n p^2 + p^3) to fit with p pixels of a small copy, 768 by default for color.
    """

    name = "pixels"
    mean_: NDArray[np.float32]
    components_: NDArray[np.float32]

    def __init__(
        self, size: int = 16, n_components: int = 64, random_state: Seed = 0, max_samples: int = FIT_ROWS
    ) -> None:
        self.size = check_count(size, "size", 1)
        self.n_components = check_count(n_components, "n_components", 1)
        self.random_state = random_state
        self.max_samples = check_count(max_samples, "max_samples", 2)

    @property
    def is_fitted(self) -> bool:
        """Whether ``fit`` has been called."""
        return hasattr(self, "components_")

    def fit(self, images: NDArray[np.uint8]) -> Self:
        """Find the principal components of images, uint8 (n, height, width, channels), n >= 2.

        Raises
        ------
        InputError
            The images have another dtype or shape, or are fewer than two.
        """
        images = check_images(images)
        if len(images) > self.max_samples:
            rng = np.random.default_rng(as_seed(self.random_state))
            images = images[np.sort(rng.choice(len(images), self.max_samples, replace=False))]
        self._fit(self._shrink(images))
        return self

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings float32 (n, d) of images, uint8 (n, height, width, channels) with the channels fitted on.

        Raises
        ------
        ModelError
            ``fit`` has not been called.
        InputError
            The images have another dtype or shape.
        """
        if not self.is_fitted:
            raise ModelError("PixelEmbedder must be fitted before it embeds; call fit or fit_embed")
        return self._project(self._shrink(check_images(images)))

    def fit_embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``fit``, then ``embed`` of the same images; they are shrunk once where all are fitted on."""
        images = check_images(images)
        if len(images) > self.max_samples:
            return self.fit(images).embed(images)
        small = self._shrink(images)
        self._fit(small)
        return self._project(small)

    def _fit(self, small: NDArray[np.float32]) -> None:
        from sklearn.decomposition import PCA

        if len(small) < 2:
            raise InputError(
                "images", must="be at least 2 to fit PixelEmbedder", found=len(small), remedy="give more images"
            )
        components = min(self.n_components, len(small) - 1, small.shape[1])
        with np.errstate(invalid="ignore"):  # equal images have no variance to take shares of
            # float32 covariances would lose digits
            pca = PCA(components, svd_solver="covariance_eigh").fit(small.astype(np.float64))
        self.mean_ = pca.mean_.astype(np.float32)
        self.components_ = pca.components_.astype(np.float32)

    def _project(self, small: NDArray[np.float32]) -> NDArray[np.float32]:
        if small.shape[1] != len(self.mean_):
            raise InputError(
                "images",
                must=f"have {len(self.mean_)} pixels when shrunk, as those fitted on",
                found=small.shape[1],
                remedy="give images of the same size and channels",
            )
        vectors: NDArray[np.float32] = np.matmul(small - self.mean_, self.components_.T, dtype=np.float32)
        return vectors

    def _shrink(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Small copies with values 0..1, flattened: float32 (n, p)."""
        import torch
        from torch.nn.functional import interpolate

        height, width = (min(self.size, side) for side in images.shape[1:3])
        small = np.empty((len(images), images.shape[3] * height * width), np.float32)
        for part in blocks(len(images), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(images[part]).astype(np.float32)).permute(0, 3, 1, 2)
            small[part] = interpolate(batch, (height, width), mode="area").flatten(1).numpy() / 255
        return small
