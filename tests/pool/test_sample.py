"""Seeds, one uniform number a row, and priority samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from tests.raising import raises_input

from spotal.numeric.seeds import as_seed
from spotal.pool.sample import priority_sample, row_uniforms

# --- seeds


@settings(derandomize=True, database=None, deadline=None)
@given(st.integers(0, 2**80))
def test_an_integer_gives_one_seed_of_63_bits(number):
    seed = as_seed(number)
    assert type(seed) is int
    assert 0 <= seed < 2**63
    assert seed == as_seed(number)
    if number < 2**63:
        assert seed == as_seed(np.int64(number))


def test_different_integers_give_different_seeds():
    assert len({as_seed(number) for number in range(1_000)}) == 1_000


def test_generators_move_on_and_repeat():
    for make in (np.random.default_rng, np.random.RandomState):
        generator = make(0)
        first, second = as_seed(generator), as_seed(generator)
        assert first != second
        assert as_seed(make(0)) == first
    sequence = np.random.SeedSequence(4)
    assert as_seed(sequence) == as_seed(np.random.SeedSequence(4)) != as_seed(np.random.SeedSequence(5))


def test_none_is_fresh_each_time():
    assert as_seed(None) != as_seed(None)


@pytest.mark.parametrize("value", ["0", 1.0, [1], np.random, True, -1, np.int64(-1)])
def test_what_is_no_random_state(value):
    with raises_input("random_state", repr(value)):
        as_seed(value)


# --- one number a row

ROWS = np.arange(20_000)


def test_numbers_belong_to_rows_not_to_places():
    whole = row_uniforms(ROWS, 7)
    order = np.random.default_rng(0).permutation(len(ROWS))
    assert np.array_equal(row_uniforms(ROWS[order], 7), whole[order])
    batches = [row_uniforms(ROWS[start : start + 333], 7) for start in range(0, len(ROWS), 333)]
    assert np.array_equal(np.concatenate(batches), whole)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1, as_seed(0)])
def test_numbers_are_uniform_and_inside(seed):
    u = row_uniforms(ROWS, seed)
    assert ((u > 0) & (u < 1)).all()
    assert len(np.unique(u)) == len(u)
    assert kstest(u, "uniform").pvalue > 1e-3


def test_neighboring_rows_and_seeds_have_nothing_in_common():
    u = row_uniforms(ROWS, 7)
    for other in (row_uniforms(ROWS, 8), row_uniforms(ROWS + 1, 7), row_uniforms(ROWS + 2**40, 7)):
        assert abs(np.corrcoef(u, other)[0, 1]) < 0.03
    # the same rows under neighboring seeds must not be a shift of each other
    assert not np.isin(row_uniforms(ROWS, 8), u).any()


@settings(derandomize=True, database=None, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_never_zero_nor_one(row, seed):
    value = row_uniforms(np.array([row]), seed)[0]
    assert 0 < value < 1


# --- priority samples


def test_few_rows_are_all_taken_with_their_mass():
    rows, weights = priority_sample(None, 5, 5)
    assert (rows.tolist(), weights.tolist()) == ([0, 1, 2, 3, 4], [1] * 5)
    mass = np.array([0, 2.0, 0, 0.5])
    rows, weights = priority_sample(mass, 4, 2, 0)
    assert (rows.tolist(), weights.tolist()) == ([1, 3], [2.0, 0.5])


@pytest.mark.parametrize("weighted", [False, True])
def test_a_sample_has_the_size_asked_for_and_repeats(weighted):
    mass = np.random.default_rng(0).random(500) if weighted else None
    rows, weights = priority_sample(mass, 500, 40, 3)
    assert len(rows) == len(weights) == 40
    assert (np.diff(rows) > 0).all()
    again = priority_sample(mass, 500, 40, 3)
    assert np.array_equal(rows, again[0])
    assert np.array_equal(weights, again[1])
    assert not np.array_equal(rows, priority_sample(mass, 500, 40, 4)[0])


def test_mass_zero_is_never_sampled_and_great_mass_always():
    mass = np.random.default_rng(1).random(300)
    mass[::3] = 0
    mass[100] = 1e6
    for seed in range(100):
        rows, weights = priority_sample(mass, 300, 20, seed)
        assert (mass[rows] > 0).all()
        assert 100 in rows
        assert weights[rows == 100] == 1e6
        assert (weights >= mass[rows]).all()


def test_weights_estimate_the_mass_of_any_part_without_bias():
    rng = np.random.default_rng(2)
    mass = rng.exponential(size=120) ** 2
    parts = rng.random((6, 120)) < 0.4
    estimates = []
    for seed in range(2_000):
        rows, weights = priority_sample(mass, 120, 15, seed)
        estimates.append((parts[:, rows] * weights).sum(1))
    estimates = np.array(estimates)
    error = estimates.std(0) / np.sqrt(len(estimates))
    assert (np.abs(estimates.mean(0) - parts @ mass) < 4 * error).all()
    # and no sample of this size could do without its weights: the plain mean is far off
    assert (error < 0.05 * (parts @ mass)).all()


def test_without_mass_every_row_is_as_likely():
    counts = np.zeros(50)
    for seed in range(1_000):
        rows, weights = priority_sample(None, 50, 10, seed)
        counts[rows] += 1
        assert np.ptp(weights) == 0
    assert np.abs(counts / 200 - 1).max() < 0.25


def test_the_sample_of_a_whole_comes_from_the_samples_of_its_parts():
    mass = np.random.default_rng(3).random(200)
    whole = priority_sample(mass, 200, 20, 5)[0]
    halves = [np.where(np.arange(200) < 100, mass, 0), np.where(np.arange(200) >= 100, mass, 0)]
    parts = np.concatenate([priority_sample(half, 200, 20, 5)[0] for half in halves])
    assert np.isin(whole, parts).all()


def test_no_chance_is_drawn_where_all_rows_fit():
    """Else a map fitted with equal weights would not be the map fitted without."""
    generator = np.random.default_rng(0)
    priority_sample(np.ones(10), 10, 10, generator)
    assert generator.random() == np.random.default_rng(0).random()
