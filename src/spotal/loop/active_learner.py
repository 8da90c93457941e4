"""ActiveLearner: the public class of the labeling loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.lazy import later
from spotal.learner import calls
from spotal.learner.base import is_multilabel
from spotal.loop import saving
from spotal.loop.events import Round
from spotal.loop.next_batch import Queries
from spotal.loop.rounds import Rounds
from spotal.pool.base import PoolLike
from spotal.pool.rows import count, fingerprint

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ActiveLearner", "Queries", "Round"]


class ActiveLearner(Rounds):
    """The active learning loop: train on the labeled rows, embed the pool, query the strategy, ask the oracle.

    Round 0 labels the first batch, without a model. Each later round trains on the labels so far, measures the model,
    picks rows by their embeddings and asks for their labels. When no rows are left, one closing round trains and
    measures on all labels; then the loop is ``finished``.

    Parameters
    ----------
    X : n rows that the learner takes: images (n, height, width, channels) or features (n, d), which may be a
        ``np.memmap``, a path, glob or URI of features (:func:`spotal.pool.open_pool`), batches of them
        (:func:`spotal.pool.spool`), a torch ``Dataset`` or a Hugging Face ``Dataset``. For a scikit-learn classifier
        also a scipy sparse matrix, a DataFrame, or a list of texts for a pipeline that begins with a vectorizer
    learner : a scikit-learn classifier or pipeline, a torch or lightning module, a skorch classifier, or a Learner
        (:func:`spotal.learner.as_learner`). The object itself is not fitted: each round trains a new copy
    strategy : str, a name (:func:`spotal.strategies.names`), or Queries, such as any ``spotal.strategies.Strategy``
    oracle : function from row numbers (k,) to their k labels; or the labels (n,) of all rows; or None. With None,
        :meth:`query` returns the rows to label and :meth:`teach` takes their labels. A label is a text, an integer, a
        float or a boolean; None, NaN, pandas.NA and the integer -1 mean no label, and such a row is never queried
        again. If rows may have several classes, or none, labels are 0 and 1 (n, classes) or a list of sets of integers;
        a row of -1, or None, means no label
    batch_size : int, rows to label in a round; the last batch may be smaller. With ``cost``, the money to spend in a
        round (float)
    initial : None, int, int (k,) or a boolean mask (n,)
        The first batch. None lets the strategy pick it (random rows for a strategy that needs probabilities), an int
        gives the number of random rows, and an array gives the rows.
    embeddings : (n, d) or None
        Features by which the strategy compares rows in every round. Use an encoder that was not trained on these
        labels, such as a pretrained or self-supervised one. With embeddings of a network that is retrained on the
        labels, accuracy is about two percentage points lower (docs/evidence/research.md). None depends on the kind of
        X. Features (n, d): X itself. Sparse matrix: a truncated SVD (:func:`spotal.pool.sparse.reduced`). Texts, and
        columns that are not numbers: the output of the pipeline's transformers. Images: at most 64 principal components
        of the pixels before the first label, and the learner's embeddings afterwards.
    labels : (n,) labels known from the start, one entry for each row of X, or None
        None, NaN, pandas.NA and the integer -1 mean no label. If there are labels, round 0 trains on them.
    X_test, y_test : as X, and (m,) classes; both or neither
    classes : (c,) all classes, or None
        With None, a scikit-learn classifier learns them from the labels and y_test. For a network, integer labels are
        the numbers of its outputs, and other labels are numbered in sorted order.
    max_labels : int or None, number of labels at which to stop; not allowed with ``cost``, where the number of rounds
        limits the labels
    cost, groups, max_per_group : passed on to the strategy, see ``Strategy.query``. Rows given as ``initial`` and rows
        without a label do not count toward the limits. The loop ends when every group is full, or when the money of a
        round is less than the price of every remaining row
    max_memory : int, bytes, or str such as "4GB", limit of each query (:func:`spotal.select`), not counting X and
        embeddings in memory; None for no limit
    random_state : int, numpy Generator, RandomState or None; None takes fresh entropy
    observers : functions that are called in order with each event (:mod:`spotal.loop.events`); an exception in one ends
        the round
    column : str or None, the column of a DataFrame or data set that contains the vectors, images or texts

    Attributes
    ----------
    rounds_ : list of Round
    labeled_, skipped_ : int64 (m,) and (k,), labeled rows in the order of labeling; queried rows that got no label
    labels_ : labels of ``labeled_``, as the oracle gave them
    classes_ : all classes so far, in the order of the columns of :meth:`predict_proba`
    index : the names of the rows of X, its pandas index, or None

    Raises
    ------
    InputError
        An argument has the wrong shape, type or range.

    Notes
    -----
    Each round and purpose has its own seed, ``SeedSequence(random_state, spawn_key=(round, purpose))``. Loops that
    differ only in strategy share their random first rows and their networks' seeds, so their results are paired. A
    round interrupted before the oracle's answer does not change the state, and gives the same picks when repeated.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from spotal import ActiveLearner
    >>> X, y = load_iris(return_X_y=True)
    >>> names = load_iris().target_names[y]
    >>> loop = ActiveLearner(X, LogisticRegression(max_iter=500), oracle=names, batch_size=5, random_state=0)
    >>> [done.n_labeled for done in loop.run(3)]
    [0, 5, 10]
    >>> loop.classes_.tolist(), bool((loop.predict(X) == names).mean() > 0.8)
    (['setosa', 'versicolor', 'virginica'], True)
    """

    @property
    def classes_(self) -> NDArray[Any]:
        """All classes so far, in the order of the columns of :meth:`predict_proba`."""
        return self._classes.names(self.labels_)

    @property
    def compared(self) -> Any:
        """Features by which rows are compared, (n, d); None for images without embeddings."""
        return self._batches.points

    def __repr__(self) -> str:
        last = next((done for done in reversed(self.rounds_) if "accuracy" in done.metrics), None)
        name = getattr(self.strategy, "name", type(self.strategy).__name__)
        progress = f"{len(self.labeled_):,} of {count(self.X):,} rows labeled in {len(self.rounds_)} rounds by {name!r}"
        measured = "" if last is None else f"; accuracy {last.metrics['accuracy']:.3f} with {last.n_labeled} labels"
        return f"<ActiveLearner: {progress}{measured}{'; finished' if self.finished else ''}>"

    def _repr_html_(self) -> str:
        return str(later("spotal.report.notebook:loop_html")(self))

    def query(self) -> NDArray[np.int64]:
        """Train on the labels so far and return the rows to label next. Pass their labels to :meth:`teach`.

        Returns
        -------
        int64 (k,)
            Row numbers of X. Further calls return the same rows until :meth:`teach` gets their labels. Empty when the
            loop is finished; the last call trains on all labels.

        Raises
        ------
        InputError, DataFileError
            As :meth:`step`.
        """
        if self.finished:
            return np.empty(0, np.int64)
        self._pending = self._pending or self._begin()
        if not len(self._pending.picks):
            return self._finish(self._pending, None).picks
        return self._pending.picks.copy()

    def teach(self, labels: ArrayLike) -> Round:
        """Record the labels of the rows that :meth:`query` returned, in the same order; None means no label.

        Raises
        ------
        InputError
            No rows wait for labels, or the number of labels differs from the number of rows.
        """
        if self._pending is None:
            raise InputError("labels", must="be of rows that query gave", found="none", remedy="call query first")
        try:
            answer = self._classes.answers(labels, len(self._pending.picks), self.labels_)
        except InputError as error:
            raise (error.renamed("labels") if error.argument == "oracle" else error) from None
        self._pending.timings["label"] = 0.0
        return self._finish(self._pending, answer)

    def predict(self, X: PoolLike) -> NDArray[Any]:
        """Return the most probable class of each row, (m,), as in ``classes_``; arguments as :meth:`predict_proba`.

        If rows may have several classes, return 0 and 1 (m, c), with 1 for a probability of at least 1/2.
        """
        probabilities = self.predict_proba(X)
        if is_multilabel(self.learner):
            return (probabilities >= 0.5).astype(np.int64)
        names: NDArray[Any] = self.classes_[probabilities[:, : len(self.classes_)].argmax(1)]
        return names

    def predict_proba(self, X: PoolLike) -> NDArray[np.float32]:
        """Return class probabilities (m, c) of m rows of the same kind as X; columns are in the order of ``classes_``.

        If labels were added since the last training, a model is first trained on all labels, as in the next round.

        Raises
        ------
        InputError
            There is no label yet.
        """
        if not len(self.labeled_):
            raise InputError("X", "cannot be predicted without a label", "run a round first")
        if self._trained_on != len(self.labeled_) or not self._fitted_last:
            self._fit(None)
        return calls.predict(self.learner, self._rows(X, "X"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write labels and rounds to a JSON file, whole or not at all; an earlier file of this loop is replaced.

        Raises
        ------
        InputError
            The file exists and is not a saved loop, belongs to other data, or has labels that are not in this loop.
        OutputError
            The file cannot be written.
        """
        saving.write(path, self.state_dict(), self._data())

    def load(self, path: str | os.PathLike[str]) -> Self:
        """Continue from a file that :meth:`save` wrote, and return the loop.

        This loop must have been made with the same arguments as the saved loop.

        Later rounds are the same, bit for bit, as without the interruption.

        Raises
        ------
        DataFileError
            The file is missing or is not a saved loop.
        InputError
            The file belongs to other data.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from spotal import ActiveLearner
        >>> X = np.random.default_rng(0).normal(size=(40, 3))
        >>> y = np.where(X[:, 0] > 0, "gull", "tern")
        >>> path = os.path.join(tempfile.mkdtemp(), "loop.json")
        >>> first = ActiveLearner(X, LogisticRegression(), oracle=y, batch_size=5, random_state=0)
        >>> _ = first.run(2); first.save(path)
        >>> again = ActiveLearner(X, LogisticRegression(), oracle=y, batch_size=5).load(path)
        >>> again.labels_.tolist() == first.labels_.tolist(), len(again.run(1))
        (True, 1)
        """
        self.load_state_dict(saving.read(path, self._data()))
        return self

    def to_frame(self) -> pd.DataFrame:
        """Return labeled rows as a pandas DataFrame with columns ``row``, ``label`` and ``round`` and the index of X.

        The label of a skipped row is None. The round of labels that were passed as ``labels`` is -1. Raises ImportError
        if pandas is not installed.
        """
        return later("spotal.report.notebook:loop_frame")(self)

    def plot(self, kind: str = "curve", *, metric: str = "accuracy") -> Any:
        """Draw the loop.

        Parameters
        ----------
        kind : {"curve", "map", "coverage"}
            "curve": a metric on the test data by number of labels. "map": the pool, the labeled rows and the last
            picks. "coverage": see :meth:`spotal.Selection.plot`, for all queried rows.
        metric : str, of ``Round.metrics``

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            The kind or metric is unknown, or there is nothing to draw.
        """
        return later("spotal.report.notebook:loop_plot")(self, kind, metric)

    def _data(self) -> dict[str, Any]:
        if not hasattr(self, "_fingerprint"):
            self._fingerprint = fingerprint(self.X)
        return self._fingerprint
