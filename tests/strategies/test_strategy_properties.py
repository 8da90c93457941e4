"""Whatever small pool, whatever is known of it: no strategy breaks the contract."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spotal.strategies import SPOT, get
from spotal.transport import ProjectionPursuitTransport, SlicedTransport

QUICK = {
    "coreset": get("coreset"),
    "entropy": get("entropy"),
    "margin": get("margin"),
    "random": get("random"),
    "spot": SPOT(),
    "spot-paper": SPOT.paper(transport=ProjectionPursuitTransport(max_iter=12)),
    "assignment": SPOT.paper(selection="assignment", reduction=None, transport=SlicedTransport(max_iter=6)),
}
COORDINATES = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.1, 1e6]),
    st.floats(-1e6, 1e6, width=32),
    st.floats(-1e19, 1e19),
)
MASSES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1e300))


@st.composite
def queries(draw):
    n, dim = draw(st.integers(1, 14)), draw(st.integers(1, 4))
    pool = draw(hnp.arrays(np.float64, (n, dim), elements=COORDINATES))
    labeled = draw(st.lists(st.integers(0, n - 1), unique=True))
    mass = draw(st.none() | hnp.arrays(np.float64, n, elements=MASSES).filter(np.any))
    scores = draw(hnp.arrays(np.float64, (n, draw(st.integers(1, 3))), elements=st.floats(0, 9)))
    odds = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    budget = draw(st.integers(0, n - len(labeled)))
    known = {"labeled": labeled, "mass": mass, "probabilities": odds, "random_state": draw(st.integers(0, 3))}
    return pool, budget, known


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(query=queries())
def test_the_contract_holds(name, query):
    pool, budget, known = query
    labeled, mass = known["labeled"], known["mass"]
    chosen = QUICK[name].query(pool, budget, **known)
    unlabeled = np.setdiff1d(np.arange(len(pool)), labeled)
    assert chosen.indices.dtype == np.int64
    assert len(np.unique(chosen.indices)) == len(chosen.indices) == budget
    assert np.isin(chosen.indices, unlabeled).all()
    assert (chosen.cells[labeled] == -1).all()
    if budget:
        assert ((chosen.cells[unlabeled] >= 0) & (chosen.cells[unlabeled] < budget)).all()
        assert np.array_equal(chosen.cells[chosen.indices], np.arange(budget))
        assert chosen.cell_mass.sum() == pytest.approx(1)
        assert (chosen.cell_mass >= 0).all()
    json.dumps(chosen.to_dict(), allow_nan=False)
    again = QUICK[name].query(pool, budget, **known)
    assert np.array_equal(again.indices, chosen.indices)
    if mass is not None and budget:  # rows of mass zero last
        positive = np.flatnonzero(mass[unlabeled] / mass.max())
        if name in ("coreset", "random"):
            light = mass[chosen.indices] / mass.max() == 0
            assert light.sum() == max(0, budget - len(positive))
