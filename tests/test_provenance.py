"""Parameters as JSON, of bounded length."""

from __future__ import annotations

import json
import platform

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer

import spotal
from spotal.design import Sobol
from spotal.mass import LabelDistance, Margin
from spotal.selection.provenance import describe, versions
from spotal.strategies import SPOT
from spotal.transport import SlicedTransport


def centered(x):
    return x - x.mean(0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("sobol", "sobol"),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.True_, True),
        (float("nan"), "nan"),
        (np.inf, "inf"),
        ([1, (2, None)], [1, [2, None]]),
        ({"a": {1: np.int8(2)}}, {"a": {"1": 2}}),
        (Sobol(), "Sobol(scramble=True)"),
        (Margin(2) * LabelDistance(1), "Margin(power=2) * LabelDistance(power=1)"),
        (np.zeros((3, 2), np.float32), "ndarray of shape (3, 2) and dtype float32"),
        (torch.zeros(4), "Tensor of shape (4,) and dtype float32"),
        (np.random.default_rng(0), "Generator(PCG64)"),
        (len, "builtins.len"),
        (object(), "<object object>"),
    ],
    ids=lambda value: type(value).__name__,  # the same in every process
)
def test_values(value, expected):
    described = describe(value)
    assert described == expected
    assert type(described) is type(expected)
    json.dumps(described, allow_nan=False)


def test_estimators_are_their_class_and_parameters():
    described = describe(SlicedTransport(max_iter=7, random_state=np.int64(3)))
    assert described["class"] == "SlicedTransport"
    assert (described["max_iter"], described["random_state"]) == (7, 3)
    nested = describe({"reduction": FunctionTransformer(centered, kw_args={"of": PCA(2)})})["reduction"]
    assert nested["func"].endswith(".centered")
    assert nested["kw_args"]["of"]["n_components"] == 2
    json.dumps(nested)


def test_length_is_bounded():
    big = np.zeros((2_000, 2_000))
    for value in (
        big,
        torch.zeros(3_000, 300),
        SlicedTransport(random_state=None, tol=big),
        list(range(10**6)),
        [[big] * 500] * 500,
        dict.fromkeys(range(10**5), big),
        type("Wordy", (), {"__repr__": lambda self: "x" * 10**6})(),
    ):
        assert len(json.dumps(describe(value))) < 600_000
    assert len(describe(list(range(10**6)))) == 101
    assert describe(list(range(103)))[-1] == "... 3 more"
    assert describe(dict.fromkeys(range(103)))["..."] == "3 more"
    assert len(json.dumps(describe(vars(SPOT.paper(reduction=FunctionTransformer(kw_args={"x": big})))))) < 2_000


def test_versions():
    found = versions()
    assert found["spotal"] == spotal.__version__
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    found["spotal"] = "changed"
    assert versions()["spotal"] == spotal.__version__
