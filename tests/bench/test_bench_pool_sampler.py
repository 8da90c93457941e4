from __future__ import annotations

import numpy as np
import pytest

from spotal.bench.pool_sampler import JUNK, shape_pool
from spotal.bench.pool_sampler import test_rows as rows_of_test
from spotal.bench.protocol import PoolShape
from spotal.datasets import Dataset
from spotal.errors import InputError

rng = np.random.default_rng(0)
Y = rng.permutation(np.repeat(np.arange(4), [400, 300, 250, 250]))
X = rng.normal(size=(len(Y), 6)).astype(np.float32)
IMAGES = rng.integers(0, 256, (len(Y), 8, 8, 3), dtype=np.uint8)
DATA = Dataset("made", X, Y, X[:200], Y[:200], tuple("abcd"))


def test_the_same_seed_gives_the_same_pool_and_another_one_another():
    first, again, other = (shape_pool(DATA, PoolShape(size=300), None, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)
    assert len(np.unique(first.rows)) == 300
    assert np.array_equal(first.labels, Y[first.rows])
    assert not (np.diff(first.rows) > 0).all()  # row numbers tell nothing


@pytest.mark.parametrize(
    ("shape", "counts"),
    [
        (PoolShape(size=400, balance="balanced"), [100, 100, 100, 100]),
        (PoolShape(balance="balanced"), [250, 250, 250, 250]),
        # 1, 10 ** (-1 / 3), 10 ** (-2 / 3), 1 / 10 of the largest class, which is 300 / 1.7796 = 168
        (PoolShape(size=300, balance="long-tail", ratio=10), [168, 77, 36, 16]),
        (PoolShape(balance="thinned", ratio=10), [400, 185, 86, 40]),
    ],
)
def test_balance(shape, counts):
    pool = shape_pool(DATA, shape, None, 0)
    assert np.bincount(pool.labels, minlength=4).tolist() == counts
    assert not pool.copied.any()


def test_in_random_order_other_classes_are_rare_for_other_seeds():
    shape = PoolShape(size=300, balance="long-tail", ratio=10, order="random")
    orders = {tuple(np.argsort(np.bincount(shape_pool(DATA, shape, None, seed).labels))) for seed in range(8)}
    assert len(orders) > 1


def test_label_noise_turns_that_share_of_labels_into_other_classes():
    clean, noisy = (shape_pool(DATA, PoolShape(size=500, label_noise=p), None, 0) for p in (0.0, 0.2))
    assert np.array_equal(clean.rows, noisy.rows)
    wrong = noisy.labels != clean.labels
    assert wrong.sum() == 100
    assert set(noisy.labels[wrong]) == {0, 1, 2, 3}


@pytest.mark.parametrize("source", [X, IMAGES], ids=["features", "images"])
def test_near_duplicates_are_slightly_changed_copies_of_rows_in_the_pool(source):
    data = Dataset("made", source, Y, source[:9], Y[:9], tuple("abcd"))
    pool = shape_pool(data, PoolShape(size=400, near_duplicates=0.25), None, 1)
    assert pool.copied.sum() == 100
    originals = pool.rows[~pool.copied]
    assert len(np.unique(originals)) == 300
    assert np.isin(pool.rows[pool.copied], originals).all()
    assert np.array_equal(pool.labels, Y[pool.rows])
    found = pool.data(source, 1)
    assert found.dtype == source.dtype
    assert np.array_equal(found[~pool.copied], source[originals])
    assert np.array_equal(found, pool.data(source, 1))
    changed, before = found[pool.copied].astype(float), source[pool.rows[pool.copied]].astype(float)
    assert (changed != before).reshape(100, -1).any(1).all()
    if source.ndim == 2:  # the images here are noise, which a shift by a pixel changes as much as anything
        assert np.abs(changed - before).max() < 0.2


def test_a_changed_image_is_the_image_moved_by_a_pixel_at_most():
    smooth = np.add.outer(np.arange(16), np.arange(16))[None, :, :, None].repeat(50, 0).astype(np.uint8) * 5 + 20
    data = Dataset("made", smooth, np.arange(50) % 2, smooth, np.arange(50) % 2, ("a", "b"))
    pool = shape_pool(data, PoolShape(size=50, near_duplicates=0.5), None, 0)
    gap = pool.data(smooth, 0).astype(int) - smooth[pool.rows].astype(int)
    assert 0 < np.abs(gap).mean() < 12
    assert np.abs(gap).max() <= 10 + 5 * 4.0


def test_junk_is_of_the_classes_left_out_and_has_no_label():
    shape = PoolShape(size=300, junk=0.1, label_noise=0.5)
    pool = shape_pool(DATA, shape, (3, 1), 0)
    junk = pool.labels == JUNK
    assert junk.sum() == 30
    assert set(Y[pool.rows[junk]]) == {0, 2}
    assert set(Y[pool.rows[~junk]]) == {1, 3}
    clean = shape_pool(DATA, PoolShape(size=300, junk=0.1), (3, 1), 0)
    assert np.array_equal(clean.labels[~junk], np.where(Y[pool.rows[~junk]] == 3, 0, 1))


def test_the_test_part_has_the_task_s_classes():
    rows, y = rows_of_test(DATA, (3, 1), None, 0)
    assert np.array_equal(y, np.where(Y[:200][rows] == 3, 0, 1))
    assert set(Y[:200][rows]) == {1, 3}
    some, _ = rows_of_test(DATA, None, 50, 7)
    assert len(np.unique(some)) == 50
    assert not np.array_equal(some, rows_of_test(DATA, None, 50, 8)[0])


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        (PoolShape(size=5000), None, "pool size needs 5000 rows of made, which has 1200"),
        (
            PoolShape(size=1200, balance="balanced"),
            None,
            "needs 300 rows of each class of made, found a class with 250",
        ),
        (PoolShape(size=2, balance="balanced"), None, "must leave a row for each of 4 classes"),
        (PoolShape(size=900, junk=0.6), (0, 1), "junk of 540 rows must come from the classes left out, which have 500"),
        (PoolShape(size=100), (0, 9), "classes must be 0 to 3 in made, found 9"),
    ],
)
def test_a_shape_that_the_data_cannot_have_is_refused(shape, classes, message):
    with pytest.raises(InputError, match=message):
        shape_pool(DATA, shape, classes, 0)
