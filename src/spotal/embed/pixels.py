"""PixelEmbedder: principal components of thumbnails. No pretrained weights are needed, but the vectors are weak."""

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
    """Principal components of images that are shrunk by averaging.

    The vectors describe brightness and color of regions, not objects. Use this embedder to start without a model.
    :class:`~spotal.embed.TorchEmbedder` with pretrained weights gives much better picks.

    Parameters
    ----------
    size : int, height and width of the thumbnails; smaller images keep their size
    n_components : int, maximum number of components; also limited by the number of images - 1 and by the number of
        values of a thumbnail
    random_state : int, numpy generator or None, of the sample of images to fit on
    max_samples : int, maximum number of images to fit on

    Attributes
    ----------
    components_ : float32 (d, size * size * channels)
    mean_ : float32 (size * size * channels,)

    Notes
    -----
    Cost of a fit: O(n p^2 + p^3) for thumbnails of p values, by default 768 for color.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.embed import PixelEmbedder
    >>> images = np.random.default_rng(0).integers(256, size=(10, 8, 8, 3), dtype=np.uint8)
    >>> PixelEmbedder().fit(images).embed(images).shape[0]
    10
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
        """True after ``fit``."""
        return hasattr(self, "components_")

    def fit(self, images: NDArray[np.uint8]) -> Self:
        """Fit the principal components of images, uint8 (n, height, width, channels), n >= 2.

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
        """Embed images, uint8 (n, height, width, channels), to float32 (n, d).

        Raises
        ------
        ModelError
            ``fit`` has not been called.
        InputError
            The images have another dtype, or other channels than those in ``fit``.
        """
        if not self.is_fitted:
            raise ModelError("PixelEmbedder must be fitted before it embeds; call fit or fit_embed")
        return self._project(self._shrink(check_images(images)))

    def fit_embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Fit to images and embed the same images; faster than ``fit`` and ``embed``."""
        images = check_images(images)
        if len(images) > self.max_samples:
            return self.fit(images).embed(images)
        small = self._shrink(images)
        self._fit(small)
        return self._project(small)

    def _fit(self, small: NDArray[np.float32]) -> None:
        from sklearn.decomposition import PCA

        if len(small) < 2:
            must = "be at least 2 to fit PixelEmbedder"
            raise InputError("images", must=must, found=len(small), remedy="give more images")
        components = min(self.n_components, len(small) - 1, small.shape[1])
        with np.errstate(invalid="ignore"):  # scikit-learn divides by the total variance, which is 0 for equal images
            pca = PCA(components, svd_solver="covariance_eigh").fit(small.astype(np.float64))
        self.mean_ = pca.mean_.astype(np.float32)
        self.components_ = pca.components_.astype(np.float32)

    def _project(self, small: NDArray[np.float32]) -> NDArray[np.float32]:
        if small.shape[1] != len(self.mean_):
            raise InputError(
                "images",
                must=f"have {len(self.mean_)} pixels when shrunk, as in fit",
                found=small.shape[1],
                remedy="give images of the same size and channels",
            )
        vectors: NDArray[np.float32] = np.matmul(small - self.mean_, self.components_.T, dtype=np.float32)
        return vectors

    def _shrink(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return flattened thumbnails with values 0..1, float32 (n, p)."""
        import torch
        from torch.nn.functional import interpolate

        height, width = (min(self.size, side) for side in images.shape[1:3])
        small = np.empty((len(images), images.shape[3] * height * width), np.float32)
        for part in blocks(len(images), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(images[part]).astype(np.float32)).permute(0, 3, 1, 2)
            small[part] = interpolate(batch, (height, width), mode="area").flatten(1).numpy() / 255
        return small
