"""Principal component analysis, the default reduction."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from spotal.errors import InputError
from spotal.numeric.arrays import block_rows, blocks, check_matrix, check_weight, is_tensor, to_numpy, to_tensor
from spotal.numeric.checks import check_count
from spotal.numeric.seeds import Seed, as_seed
from spotal.numeric.shapes import ArrayOrTensor
from spotal.pool.sample import priority_sample
from spotal.reduce.dimension import choose_dimension

__all__ = ["PCA"]

EXACT_DIM = 2048
"""Largest width with an exact decomposition of the covariance; wider rows take randomized subspace iteration."""
RANDOMIZED_RANK = 64


class PCA(TransformerMixin, BaseEstimator):
    """Weighted principal component analysis, fitted on a sample of an array or tensor.

    Parameters
    ----------
    n_components : int or "auto"
        "auto" calls :func:`~spotal.reduce.choose_dimension` with the spectrum and ``budget``.
    budget : int or None, points of the design, for "auto"; None means 1,000
    whiten : bool, whether to scale components to unit variance; a component without variance keeps its scale
    max_samples : int, maximum number of rows to fit on; larger data are thinned by weighted priority sampling
    random_state : int, numpy generator or None

    Attributes
    ----------
    mean_ : (D,), components_ : (d, D), explained_variance_ : (d,), spectrum_ : (k,) leading variances
    n_components_ : int

    Notes
    -----
    Cost: O(n D^2 + D^3) for D up to 2,048; above, O(n D k) by randomized subspace iteration. The sign of each
    component is fixed: its entry of largest magnitude is positive.

    References
    ----------
    N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Review 53, 2011, algorithm 4.4.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.reduce import PCA
    >>> x = np.outer(np.arange(5.0), [3, 4])
    >>> PCA(1).fit_transform(x).round(3).ravel().tolist()
    [-10.0, -5.0, -0.0, 5.0, 10.0]
    """

    def __init__(
        self,
        n_components: int | str = "auto",
        budget: int | None = None,
        whiten: bool = False,
        max_samples: int = 20_000,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.budget = budget
        self.whiten = whiten
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, X: ArrayOrTensor, y: object = None, sample_weight: ArrayOrTensor | None = None) -> Self:
        """Fit to X (n, D), numpy or tensor, with optional non-negative weights (n,).

        Raises InputError if X is not a finite matrix, or weights or a parameter are out of range.
        """
        data = check_matrix(X, "X")
        n, width = data.shape
        weight = check_weight(sample_weight, n, "sample_weight")
        auto = isinstance(self.n_components, str) and self.n_components == "auto"
        if not auto:
            check_count(self.n_components, "n_components", 1, width, of=", the width of X, or 'auto'")
        check_count(self.max_samples, "max_samples", 1)
        if self.budget is not None:
            check_count(self.budget, "budget", 1)
        rng = np.random.default_rng(as_seed(self.random_state))
        rows, weights = priority_sample(weight, n, int(self.max_samples), rng)
        x = to_tensor(data if len(rows) == n else data[rows], torch.float64)
        w = torch.from_numpy(weights / weights.sum()).to(x.device)
        self.n_features_in_ = width
        self.mean_ = w @ x
        centered = (x - self.mean_).mul_(w.sqrt()[:, None])
        del x
        if width <= EXACT_DIM:
            values, vectors = torch.linalg.eigh(centered.T @ centered)
            values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
        else:
            values, vectors = _leading(centered, RANDOMIZED_RANK, rng)
        self.spectrum_ = values
        wanted = choose_dimension(values.cpu().numpy(), self.budget or 1000) if auto else int(self.n_components)
        self.n_components_ = min(wanted, len(values))
        components = vectors[:, : self.n_components_].T
        peak = components.gather(1, components.abs().argmax(1, keepdim=True))
        self.components_ = components * torch.where(peak < 0, -1.0, 1.0)
        self.explained_variance_ = values[: self.n_components_]
        return self

    def transform(self, X: ArrayOrTensor) -> Any:
        """Project X (n, D) to (n, d), of the same kind as X (array or tensor): float64 if X is float64, else
        float32."""
        check_is_fitted(self)
        data = check_matrix(X, "X")
        if data.shape[1] != self.n_features_in_:
            raise InputError(
                "X", f"has {data.shape[1]} features, but PCA is expecting {self.n_features_in_} features as input"
            )
        parts = [self.project(to_tensor(data[part])) for part in blocks(len(data), block_rows(data.shape[1]))]
        return torch.cat(parts) if is_tensor(X) else np.concatenate([to_numpy(part) for part in parts])

    def project(self, points: torch.Tensor) -> torch.Tensor:
        """Project one block of points, a float tensor (n, D), without checks."""
        components = self.components_ / self.scale()[:, None]
        projected: torch.Tensor = (points - self.mean_.to(points)) @ components.T.to(points)
        return projected

    def scale(self) -> torch.Tensor:
        """Return the divisor of each component, (d,): 1 without ``whiten``."""
        if not self.whiten:
            return torch.ones_like(self.explained_variance_)
        # a variance below the rounding error of the decomposition or of the coordinates is noise
        floor = max(1e-12 * float(self.spectrum_[0]), (1e-13 * float(self.mean_.abs().max())) ** 2)
        variance = self.explained_variance_
        return torch.where(variance > floor, variance, 1).sqrt()


def _leading(a: torch.Tensor, rank: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return leading eigenvalues and eigenvectors of a^T a (Halko et al., algorithm 4.4)."""
    rank = min(rank, *a.shape)
    width = min(rank + 10, *a.shape)
    q = torch.linalg.qr(a @ torch.from_numpy(rng.standard_normal((a.shape[1], width))).to(a)).Q
    for _ in range(4):
        q = torch.linalg.qr(a @ torch.linalg.qr(a.T @ q).Q).Q
    _, singular, vt = torch.linalg.svd(q.T @ a, full_matrices=False)
    return singular[:rank] ** 2, vt[:rank].T
