"""Strategies by name, and the one-call form."""

from __future__ import annotations

import numpy as np
import pytest
from tests.raising import raises_input

import spotal
from spotal.errors import InputError
from spotal.strategies import SPOT, Random, Strategy, get, names

X = np.random.default_rng(0).normal(size=(40, 3))
P = np.random.default_rng(1).dirichlet(np.ones(3), 40)
DRAWS = np.random.default_rng(1).dirichlet(np.ones(3), (40, 4)).swapaxes(1, 2)


def test_names_are_sorted_and_all_can_be_made():
    assert names() == sorted(set(names()))
    assert {"spot", "spot-paper", "random", "margin", "entropy", "coreset"} <= set(names())
    assert all(isinstance(get(name), Strategy) for name in names())


def test_parameters_are_passed_on():
    assert get("spot", reach=0.25).reach == 0.25
    paper = get("spot-paper", n_components=3)
    assert (paper.n_components, paper.selection) == (3, "nearest")
    assert get("spot-paper", selection="assignment").selection == "assignment"


@pytest.mark.parametrize("name", ["sopt", "", "SPOT", None, 3, ["spot"], SPOT])
def test_an_unknown_name(name):
    with pytest.raises(InputError) as error:
        get(name)
    assert ", ".join(names()) in str(error.value)
    assert repr(name) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "known"),
    [("spot", "mass, reach"), ("spot-paper", "reduction, n_c"), ("margin", "no parameters")],
)
def test_an_unknown_parameter(name, known):
    with pytest.raises(InputError) as error:
        get(name, refin=3)
    assert f"strategy '{name}' has no parameter 'refin'" in str(error.value)
    assert known in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bad_value_keeps_its_own_sentence():
    with raises_input("sample_size"):
        get("spot-paper", sample_size=-1)


@pytest.mark.parametrize("name", names())
def test_select_is_query_of_the_strategy_of_that_name(name):
    known = {
        "labeled": [3, 4],
        "labels": [0, 1],
        "probabilities": DRAWS if get(name).needs_draws else P,
        "mass": np.arange(40.0),
        "random_state": 5,
    }
    by_name, by_query = spotal.select(X, 6, name, **known), get(name).query(X, 6, **known)
    assert np.array_equal(by_name.indices, by_query.indices)
    assert np.array_equal(by_name.cell_mass, by_query.cell_mass)
    assert by_name.provenance == by_query.provenance


def test_select_takes_spot_unless_told_and_strategies_made_beforehand():
    picks = spotal.select(X, 6, random_state=0)
    assert picks.provenance["strategy"] == "spot"
    assert np.array_equal(picks.indices, SPOT().query(X, 6, random_state=0).indices)
    picks = spotal.select(X, 6, Random(), random_state=0)
    assert np.array_equal(picks.indices, Random().query(X, 6, random_state=0).indices)


@pytest.mark.parametrize("strategy", ["unknown", None, SPOT])
def test_select_refuses_what_is_no_strategy(strategy):
    with raises_input("strategy"):
        spotal.select(X, 6, strategy)
