"""Features in which the rows of a loop are compared: their numbers, or the output of a pipeline's transformers."""

from __future__ import annotations

from typing import Any

import numpy as np

from spotal.errors import InputError
from spotal.learner import calls
from spotal.numeric.arrays import check_matrix
from spotal.pool import ArrayPool, as_pool
from spotal.pool.frames import is_frame
from spotal.pool.rows import count
from spotal.pool.sparse import is_sparse
from spotal.pool.texts import are_texts

__all__ = ["compared"]


def compared(rows: Any, embeddings: Any, learner: Any, random_state: int) -> Any:
    """Return features (n, d) in which rows are compared in every round; None if the learner embeds them.

    Parameters
    ----------
    rows : training data of the learner, as :func:`spotal.pool.rows.as_rows` returns them
    embeddings : (n, d) given by the caller, or None
    learner : Learner; texts, and frames with columns that are not numbers, go through the transformers of its pipeline,
        which are fitted to all rows without labels
    random_state : int, for the reduction of a sparse matrix

    Raises
    ------
    InputError
        embeddings have another number of rows, or no transformers turn texts or such a frame into numbers.
    """
    n = count(rows)
    if embeddings is not None:
        given = _matrix(embeddings, "embeddings", random_state)
        if len(given) != n:
            raise InputError("embeddings", must=f"have {n} rows, as X has", found=len(given))
        return given
    if is_sparse(rows):
        return _matrix(rows, "X", random_state)
    if not is_frame(rows) and not are_texts(rows):
        return rows if rows.ndim == 2 else None
    transformers = _transformers(learner)
    if is_frame(rows):
        try:
            return _matrix(rows, "X", random_state)
        except InputError:
            if transformers is None:
                raise
    if transformers is None:
        raise InputError(
            "X",
            must="hold numbers for such a learner",
            found="texts",
            remedy="give a pipeline that begins with a vectorizer, as make_pipeline(TfidfVectorizer(), "
            "LogisticRegression()), or embed them first",
        )
    with calls.foreign(transformers, "fit_transform without labels", "pass embeddings, in which rows are compared"):
        features = transformers.fit_transform(rows)
    return _matrix(features, "X", random_state)


def _transformers(learner: Any) -> Any:
    """Return the unfitted steps of a pipeline before its classifier; None without such steps."""
    pipeline: Any = getattr(learner, "classifier", None)
    if not hasattr(pipeline, "named_steps") or len(pipeline.steps) < 2:
        return None
    from sklearn.base import clone

    return clone(pipeline[:-1])


def _matrix(source: Any, name: str, random_state: int) -> Any:
    try:
        pool = as_pool(source, random_state=random_state)
        array = pool.array if isinstance(pool, ArrayPool) else np.concatenate([b.points for b in pool.batches()])
        return check_matrix(array, name)
    except InputError as error:
        raise (error.renamed(name) if error.argument == "pool" else error) from None
