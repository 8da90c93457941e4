"""Adapter that makes a learner of a model, chosen by the model's type."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from spotal.errors import ModelError
from spotal.learner.base import Learner
from spotal.learner.calls import foreign

__all__ = ["as_learner"]


def as_learner(model: object, X: NDArray[Any], n_classes: int | None = None, *, multilabel: bool = False) -> Learner:
    """Return a learner that wraps a model.

    Parameters
    ----------
    model : one of
        - a Learner, which is returned unchanged;
        - a ``lightning`` module, or a ``skorch`` classifier: see :class:`LightningLearner`, :class:`SkorchLearner`;
        - a ``torch.nn.Module`` from a batch to scores: see :class:`TorchLearner`;
        - a scikit-learn classifier or a pipeline that ends in one: see :class:`SklearnLearner`
    X : images (n, height, width, channels) or features (n, d), the training data, n >= 1; for scikit-learn also a
        sparse matrix, a DataFrame or texts
    n_classes : int or None; None means the number of the module's outputs, or the number of classes in the labels of a
        scikit-learn classifier
    multilabel : bool, whether items may have several classes; for torch modules and scikit-learn classifiers. For a
        Learner, its attribute :attr:`~spotal.learner.Learner.multilabel` is used instead

    Raises
    ------
    ModelError
        The model is none of these, fails on two rows of X, or has another number of outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from spotal.learner import as_learner
    >>> as_learner(LogisticRegression(), np.zeros((4, 2)), 3).n_classes
    3
    """
    if isinstance(model, type):
        raise ModelError(f"learner must be a model, found the class {model.__name__}; call it: {model.__name__}()")
    if isinstance(model, Learner):
        return model
    made: Any = model
    foreign_net = _is(model, "skorch", "NeuralNet") or _is_lightning(model)
    if multilabel and foreign_net:
        raise ModelError(
            f"learner {type(model).__name__} cannot learn items of several classes yet; give a torch module, a "
            "scikit-learn classifier, or a Learner of your own with multilabel = True"
        )
    if _is(model, "skorch", "NeuralNet"):
        from spotal.learner.skorch_learner import SkorchLearner

        with foreign(model, "initialize", "give a net that can be made, or a SkorchLearner with its n_classes"):
            return SkorchLearner(made, n_classes or SkorchLearner.outputs(made, X))
    if _is_lightning(model):
        from spotal.learner._plain import outputs
        from spotal.learner.lightning_learner import LightningLearner

        return LightningLearner(made, n_classes or outputs(made, X))
    if _is(model, "torch", "Module"):
        from spotal.learner._plain import outputs
        from spotal.learner.torch_learner import TorchLearner

        return TorchLearner(made, n_classes or outputs(made, X), multilabel=multilabel)
    if hasattr(model, "fit") and hasattr(model, "predict"):
        from spotal.learner.sklearn_learner import SklearnLearner

        return SklearnLearner(made, n_classes, multilabel=multilabel)
    raise ModelError(
        f"learner must be a Learner, a torch or lightning module, a skorch or scikit-learn classifier, found "
        f"{type(model).__name__}; wrap it as one"
    )


def _is_lightning(model: object) -> bool:
    return _is(model, "lightning", "LightningModule") or _is(model, "pytorch_lightning", "LightningModule")


def _is(model: object, package: str, name: str) -> bool:
    """Return whether the model has a base class with this package and name, without importing it."""
    return any(cls.__name__ == name and cls.__module__.split(".")[0] == package for cls in type(model).__mro__)
