"""What people hold their data in, as a pool: sparse matrices, data frames, data sets."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse
import torch
from tests.raising import raises_input
from torch.utils.data import Dataset, TensorDataset

import spotal
from spotal.errors import InputError
from spotal.numeric.classes import read_labels
from spotal.pool import as_pool
from spotal.pool.rows import as_rows, fingerprint, stack, take
from spotal.pool.sparse import reduced
from spotal.strategies import SPOT

pd = pytest.importorskip("pandas")

N = 60
X = np.random.default_rng(0).normal(size=(N, 4))
NAMES = [f"item {row}" for row in range(N)]
FRAME = pd.DataFrame(X, index=NAMES, columns=list("abcd"))
PICKS = spotal.select(X, 5, random_state=0).indices


def topics(n=400, words=900):
    """Counts of words of three topics, as CSR, and the topics."""
    rng = np.random.default_rng(1)
    topic = np.arange(n) % 3
    rows = np.repeat(np.arange(n), 12)
    columns = rng.integers(0, words // 3, 12 * n) + (words // 3) * np.repeat(topic, 12)
    return scipy.sparse.csr_matrix((np.ones(12 * n), (rows, columns)), (n, words)), topic


class Forbidden(scipy.sparse.csr_matrix):
    """A sparse matrix that is not to be filled in."""

    def toarray(self, *args, **kwargs):
        raise AssertionError("made dense")

    todense = __array__ = toarray


def test_a_sparse_matrix_is_reduced_and_never_made_dense():
    matrix, topic = topics()
    picks = spotal.select(Forbidden(matrix), 6, random_state=0)
    assert np.bincount(topic[picks.indices]).tolist() == [2, 2, 2]
    for form in ("coo", "csc", "lil"):
        assert spotal.select(matrix.asformat(form), 6, random_state=0).indices.tolist() == picks.indices.tolist()
    assert SPOT().query(matrix, 6, random_state=0).indices.tolist() == picks.indices.tolist()
    assert spotal.select(scipy.sparse.csr_array(matrix), 6, random_state=0).indices.tolist() == picks.indices.tolist()


def test_the_reduction_keeps_products_and_follows_the_seed():
    matrix, _ = topics()
    found = reduced(matrix, "X", 0)
    assert (found.shape, found.dtype) == ((400, 128), np.float32)
    assert np.array_equal(found, reduced(matrix, "X", 0))
    assert not np.array_equal(found, reduced(matrix, "X", 1))
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0)[:3], exact[:3], rtol=0.02)


def test_few_columns_stay_as_they_are_and_empty_ones_do_no_harm():
    narrow = scipy.sparse.random(50, 20, 0.2, random_state=0, format="csr")
    assert np.array_equal(reduced(narrow, "X"), narrow.toarray().astype(np.float32))
    assert not reduced(scipy.sparse.csr_matrix((50, 500)), "X").any()
    one = scipy.sparse.csr_matrix(([2.0, 3.0], ([0, 1], [7, 7])), (50, 500))
    assert np.abs(reduced(one, "X")).max() == pytest.approx(3)


def test_the_memory_of_a_reduction_is_bounded():
    rng = np.random.default_rng(0)
    n, d, each = 30_000, 1 << 20, 8
    columns = rng.integers(0, d, n * each)
    matrix = scipy.sparse.csr_matrix((np.ones(n * each), columns, np.arange(0, n * each + 1, each)), (n, d))
    import spotal.pool.sparse as sparse

    before = sparse.COMPONENTS, sparse.FITTED_ROWS, sparse.FITTED_COLUMNS
    sparse.COMPONENTS, sparse.FITTED_ROWS, sparse.FITTED_COLUMNS = 4, 2_000, 5_000
    try:
        tracemalloc.start()
        found = reduced(matrix, "X", 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sparse.COMPONENTS, sparse.FITTED_ROWS, sparse.FITTED_COLUMNS = before
    assert found.shape == (n, 4)
    assert peak < 60 << 20  # the components alone of a fit to all columns take 4 * 8 * 2^20 bytes and more


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (scipy.sparse.csr_matrix(([np.nan], ([3], [1])), (9, 300)), "row 3"),
        (scipy.sparse.csr_matrix((0, 300)), "(0, 300)"),
        (scipy.sparse.csr_matrix(np.eye(3) * 1j), "complex128"),
    ],
)
def test_bad_sparse_matrices(bad, found):
    with raises_input("pool", found):
        spotal.select(bad, 1)


def test_a_frame_gives_its_index_back():
    picks = spotal.select(FRAME, 5, random_state=0)
    assert picks.indices.tolist() == PICKS.tolist()
    assert list(picks.index) == [NAMES[row] for row in PICKS]
    assert list(pickle.loads(pickle.dumps(picks)).index) == list(picks.index)
    frame = picks.to_frame()
    assert list(frame.index) == list(picks.index)
    assert frame["row"].tolist() == PICKS.tolist()
    assert frame["share"].sum() == pytest.approx(1)
    assert spotal.select(FRAME.reset_index(drop=True), 5, random_state=0).index.tolist() == PICKS.tolist()


def test_columns_of_every_kind_of_number():
    frame = FRAME.assign(a=FRAME["a"].astype("Float32"), b=FRAME["b"] > 0, c=np.arange(N, dtype=np.int8))
    found = as_pool(frame.astype({"d": object})).array
    assert found.shape == (N, 4)
    assert found[:, 2].tolist() == list(range(N))
    frame.loc["item 3", "a"] = pd.NA
    with raises_input("pool", "row(s) 3"):
        spotal.select(frame, 2)


def test_columns_that_are_no_numbers_are_named():
    odd = FRAME.assign(city="Berlin", when=pd.Timestamp(0), kind=pd.Categorical(["x"] * N))
    with pytest.raises(spotal.errors.InputError, match="others in 'city', 'when', 'kind'; drop them"):
        spotal.select(odd, 2)
    vectors = pd.DataFrame({"id": NAMES, "vector": list(X)}, index=NAMES)
    with pytest.raises(spotal.errors.InputError, match="column='vector'"):
        spotal.select(vectors, 2)
    picks = spotal.select(vectors, 5, column="vector", random_state=0)
    assert list(picks.index) == [NAMES[row] for row in spotal.select(X.astype(np.float32), 5, random_state=0).indices]
    with raises_input("column", "'vectors'"):
        spotal.select(vectors, 2, column="vectors")
    with raises_input("column", "'a'"):
        spotal.select(X, 2, column="a")


def test_polars():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({name: FRAME[name].to_numpy() for name in FRAME.columns})
    assert spotal.select(frame, 5, random_state=0).indices.tolist() == PICKS.tolist()
    with pytest.raises(spotal.errors.InputError, match="others in 'text'"):
        spotal.select(frame.with_columns(pl.lit("x").alias("text")), 2)


class Items(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


def test_torch_data_sets():
    tensor = torch.from_numpy(X)
    assert spotal.select(TensorDataset(tensor, torch.zeros(N)), 5, random_state=0).indices.tolist() == PICKS.tolist()
    named = Items([{"vector": row, "label": 0} for row in tensor])
    assert spotal.select(named, 5, column="vector", random_state=0).indices.tolist() == PICKS.tolist()
    with pytest.raises(spotal.errors.InputError, match="an item has 'vector', 'label'"):
        spotal.select(named, 5)
    with raises_input("pool", "(3,) in item 1"):
        spotal.select(Items([torch.zeros(4), torch.zeros(3)]), 1)
    with raises_input("pool", "an empty data set"):
        spotal.select(Items([]), 0)
    with raises_input("pool", "4-D"):
        spotal.select(Items([(torch.zeros(3, 8, 6), 1)] * 4), 1)

    class Endless(Dataset):
        def __getitem__(self, number):
            return tensor[0]

    with raises_input("pool", "Endless without"):
        spotal.select(Endless(), 1)
    images, _ = as_rows(Items([(torch.zeros(3, 8, 6), 1)] * 4))
    assert images.shape == (4, 8, 6, 3)


def test_hugging_face_data_sets():
    datasets = pytest.importorskip("datasets")
    held = datasets.Dataset.from_dict({"hidden": X.tolist(), "text": NAMES, "number": list(range(N))})
    assert spotal.select(held, 5, column="hidden", random_state=0).indices.tolist() == PICKS.tolist()
    with pytest.raises(spotal.errors.InputError, match="found texts; embed them"):
        spotal.select(held, 5, column="text")
    assert as_rows(held, column="text")[0].tolist() == NAMES
    with raises_input("column", "'texts'"):
        spotal.select(held, 5, column="texts")
    with raises_input("column", "vectors in 'hidden'"):
        spotal.select(held, 5)
    with raises_input("pool", "a dict of 'train'"):
        spotal.select(datasets.DatasetDict({"train": held}), 5, column="hidden")
    assert len(spotal.select(held.remove_columns(["hidden"]), 5, random_state=0)) == 5
    assert len(spotal.select(held.rename_column("hidden", "embedding"), 5, random_state=0)) == 5


def test_arrow_tables():
    pa = pytest.importorskip("pyarrow")
    assert spotal.select(pa.Table.from_pandas(FRAME), 5, random_state=0).indices.tolist() == PICKS.tolist()


def test_a_masked_array_is_refused_in_one_sentence():
    with raises_input("pool", "1"):
        spotal.select(np.ma.array(X, mask=np.arange(4 * N).reshape(N, 4) == 7), 2)


def test_rows_are_taken_and_stacked_in_their_own_form():
    matrix, _ = topics(6, 300)
    texts = np.array(NAMES[:6], object)
    for rows in (X[:6], matrix, FRAME.iloc[:6], texts):
        whole = stack(take(rows, slice(0, 2)), take(rows, np.arange(2, 6)))
        assert type(whole) is type(rows)
        assert fingerprint(whole) == fingerprint(rows)
        assert fingerprint(take(rows, [1, 0, 2, 3, 4, 5])) != fingerprint(rows)


LABELED = np.array([3, 8, 20, 41])
GIVEN = ["b", "a", "b", "c"]


def spread(values, missing):
    whole = [missing] * N
    for row, value in zip(LABELED, values, strict=True):
        whole[row] = value
    return whole


@pytest.mark.parametrize(
    "labels",
    [
        spread(GIVEN, None),
        spread(GIVEN, np.nan),
        np.array(spread(GIVEN, None), object),
        pd.Series(spread(GIVEN, pd.NA), dtype="string"),
        pd.Series(spread(GIVEN, None), index=NAMES),
        pd.Categorical(spread(GIVEN, None), categories=["c", "b", "a"]),
        np.ma.array(spread(GIVEN, ""), mask=~np.isin(np.arange(N), LABELED)),
        spread([1, 0, 1, 2], -1),
        spread([1.0, 0.0, 1.0, 2.0], np.nan),
        pd.array(spread([1, 0, 1, 2], pd.NA), dtype="Int64"),
        spread([1.5, 0.5, 1.5, 2.5], np.nan),
        torch.tensor(spread([1, 0, 1, 2], -1)),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_labels_with_gaps_in_every_form(labels):
    probabilities = np.random.default_rng(3).dirichlet(np.ones(3), N)
    known = {"probabilities": probabilities, "random_state": 0}
    expected = spotal.select(X, 5, labeled=LABELED, labels=[1, 0, 1, 2], **known).indices
    assert spotal.select(X, 5, labels=labels, **known).indices.tolist() == expected.tolist()
    mask = np.isin(np.arange(N), LABELED)
    assert spotal.select(X, 5, labeled=mask, labels=labels, **known).indices.tolist() == expected.tolist()


def test_names_of_classes_that_have_no_label_yet():
    probabilities = np.full((N, 4), 0.25)
    with raises_input("classes", ""):
        spotal.select(X, 5, labeled=LABELED, labels=GIVEN, probabilities=probabilities)
    known = {"labeled": LABELED, "probabilities": probabilities, "random_state": 0}
    by_name = spotal.select(X, 5, labels=GIVEN, classes=["c", "b", "x", "a"], **known)
    assert by_name.indices.tolist() == spotal.select(X, 5, labels=[1, 3, 1, 0], **known).indices.tolist()
    with raises_input("labels", "'c'"):
        spotal.select(X, 5, labels=GIVEN, classes=["a", "b", "x", "y"], **known)
    with raises_input("classes", "3 names"):
        spotal.select(X, 5, labels=GIVEN, classes=["a", "b", "c"], **known)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["a", 1], "int and str"),
        ([object(), object()], "object"),
        (np.random.default_rng(0).normal(size=50), "50 different floats"),
        ([-1, 1, 1], "-1 and 1"),
        ([[1], [2]], "(2, 1)"),
        ([np.inf, 1.0], "infinity"),
        ([[1], [2, 3]], "different length"),
    ],
)
def test_labels_that_are_no_classes(labels, found):
    with raises_input("labels", found):
        read_labels(labels, "labels")


def test_labels_in_another_order_than_the_frame_are_refused():
    from sklearn.linear_model import LogisticRegression

    from spotal import ActiveLearner

    rows = np.random.default_rng(0).normal(size=(30, 3))
    frame = pd.DataFrame(rows, index=[f"bird {k}" for k in range(30)])
    names = pd.Series(np.where(rows[:, 0] > 0, "gull", "tern"), index=frame.index)
    known = names.where(np.arange(30) < 6)
    turned = names[::-1]
    with pytest.raises(InputError, match="labels has an index in another order than the DataFrame's; align it"):
        spotal.select(frame, 3, labels=known[::-1])
    for wrong in ({"oracle": turned}, {"labels": turned}, {"X_test": frame, "y_test": turned, "oracle": names}):
        with pytest.raises(InputError, match="in another order"):
            ActiveLearner(frame, LogisticRegression(), **wrong)
    by_place = spotal.select(rows, 3, labels=known.to_numpy(), random_state=0).indices
    for pool, labels in (
        (frame, known), (frame, known.reset_index(drop=True)), (rows, known[::-1].set_axis(frame.index[::-1])[::-1])
    ):  # fmt: skip
        assert spotal.select(pool, 3, labels=labels, random_state=0).indices.tolist() == by_place.tolist()
