"""Transport: a map from a weighted point cloud to the uniform distribution on the unit hypercube."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from spotal.errors import InputError
from spotal.numeric.arrays import block_rows, blocks, check_matrix, check_weight, is_tensor, to_numpy, to_tensor
from spotal.numeric.seeds import Seed, as_seed
from spotal.pool.sample import priority_sample

__all__ = ["Transport"]

MOST_DISTINCT = 20_000
"""Number of points up to which copies are merged, which costs a sort."""


def distinct(points: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distinct points, in lexicographic order, and the mass of each: k copies have k times the mass."""
    values, inverse = torch.unique(points, dim=0, return_inverse=True)
    mass = np.bincount(inverse.cpu().numpy(), weights=weight.cpu().numpy(), minlength=len(values))
    return values, torch.from_numpy(mass).to(weight)


class Transport(TransformerMixin, BaseEstimator):
    """A map T from R^d to [0,1]^d that pushes a weighted cloud forward to (nearly) the uniform distribution.

    A scikit-learn transformer: parameters are stored unchanged, and names of fitted attributes end in an underscore.
    numpy arrays (float16, float32, float64, any order, ``np.memmap``) give numpy arrays; torch tensors give tensors on
    their device. Subclasses have a parameter ``random_state`` and, if they thin large clouds, ``max_samples``. They
    define ``_fit``, ``_carry`` and ``_carry_back``.
    """

    random_state: Seed
    max_samples: int | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the map to points X with mass ``sample_weight``.

        Parameters
        ----------
        X : array or tensor (n, d), finite
        y : ignored
        sample_weight : (n,) non-negative mass, not all zero; None means equal. Points of mass 0 are ignored.

        Raises
        ------
        InputError
            X is not a finite 2-D numeric array; sample_weight has the wrong length, is negative, non-finite or all 0.

        Notes
        -----
        More than ``max_samples`` points of positive mass are first thinned by weighted priority sampling, so a
        ``np.memmap`` is never loaded whole.
        """
        X = self._check(X, reset=True)
        weight = check_weight(sample_weight, X.shape[0], "sample_weight")
        self._check_parameters(X.shape[1])
        rng = np.random.default_rng(as_seed(self.random_state))
        size = X.shape[0] if self.max_samples is None else int(self.max_samples)
        rows, sampled_weight = priority_sample(weight, X.shape[0], size, rng)
        points = to_tensor(X if len(rows) == X.shape[0] else X[rows], torch.float64)
        mass = torch.from_numpy(sampled_weight / sampled_weight.sum()).to(points.device)
        if len(points) <= MOST_DISTINCT:
            points, mass = distinct(points, mass)
        self._fit(points, mass, rng)
        return self

    def transform(self, X: object) -> Any:
        """Map points X (n, d) into [0,1]^d: float32, or float64 if X is. X may have other points than those of ``fit``.

        Raises NotFittedError before ``fit``, and InputError for points of another width or that are not finite.
        """
        check_is_fitted(self)
        return self._apply(self._check(X, reset=False), self._carry)

    def inverse_transform(self, U: Any) -> Any:
        """Map points U (n, d) of [0,1]^d back to the space of the cloud.

        Inverts ``transform`` up to rounding. The rounding error grows with the number of maps and is visible at the few
        points where the product of the maps' slopes is large. A few places near the faces of the cube are the image of
        no point; for these, a nearby point is returned.

        Raises NotFittedError before ``fit`` and InputError for points of another width, not finite, or outside
        [0,1]^d.
        """
        check_is_fitted(self)
        U = check_matrix(U, "U")
        self._check_width(U, "U")
        low, high = (float(U.min()), float(U.max()))
        if low < 0 or high > 1:
            raise InputError(
                "U",
                must="lie in the unit hypercube",
                found=f"values from {low:g} to {high:g}",
                remedy="clip it to [0, 1]",
            )
        return self._apply(U, self._carry_back)

    @abstractmethod
    def _fit(self, points: Any, weight: Any, rng: np.random.Generator) -> None:
        """Fit to points (n, d), distinct up to 20,000 of them, with positive weight (n,) of sum 1; float64."""

    @abstractmethod
    def _carry(self, points: Any) -> Any:
        """Map a block of points, a float tensor (n, d)."""

    @abstractmethod
    def _carry_back(self, points: Any) -> Any:
        """Invert a block of points, a float tensor (n, d)."""

    def _check_parameters(self, dim: int) -> None:
        """Raise InputError for parameters that cannot be used in ``dim`` dimensions."""
        if self.max_samples is not None and int(self.max_samples) < 1:
            raise InputError("max_samples", must="be at least 1", found=self.max_samples)

    def _check(self, X: Any, *, reset: bool) -> Any:
        """Return X checked; scikit-learn records the width and column names of other data than tensors."""
        if is_tensor(X):
            check_matrix(X, "X")
            if reset:
                self.n_features_in_ = X.shape[1]
            self._check_width(X, "X")
            return X
        if not isinstance(X, np.ndarray):
            try:
                validate_data(self, X, reset=reset, skip_check_array=True)
            except ValueError as error:
                raise InputError("X", f"is not as in fit: {error}") from None
        X = check_matrix(X, "X")
        if reset:
            self.n_features_in_ = X.shape[1]
        self._check_width(X, "X")
        return X

    def _check_width(self, X: Any, name: str) -> None:
        if X.shape[1] != self.n_features_in_:
            raise InputError(
                name,
                f"has {X.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} features as "
                "input",
            )

    def _apply(self, X: Any, function: Any) -> Any:
        """Apply a map block by block, in X's own precision and kind."""
        rows = block_rows(X.shape[1], target=1 << 20)
        if is_tensor(X):
            done = [function(to_tensor(X[part])) for part in blocks(X.shape[0], rows)]
            return torch.cat(done) if done else X
        out = np.empty(X.shape, np.float64 if X.dtype.itemsize == 8 else np.float32)
        for part in blocks(X.shape[0], rows):
            out[part] = to_numpy(function(to_tensor(X[part])))
        return out
