"""Each method against picks worked out by hand, and the cases against implementations that are known to be wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from spotal.strategies import get, names

_SPEC = importlib.util.spec_from_file_location("runner", Path(__file__).parents[1] / "conformance" / "runner.py")
runner = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(runner)
CASES = {(method, case["name"]): case for method, cases in runner.load().items() for case in cases}


def spotal_picks(case, method, seed):
    known = {key: case[key] for key in ("labeled", "labels", "probabilities") if key in case}
    strategy = get(method, **case.get("parameters", {}))
    return strategy.query(case["pool"], case["budget"], random_state=seed, **known).indices


@pytest.mark.parametrize(("method", "name"), CASES, ids=map(": ".join, CASES))
def test_picks_are_those_worked_out_by_hand(method, name):
    assert runner.problems(CASES[method, name], method, spotal_picks) == []


def test_every_peer_has_a_case():
    assert set(names()) - {method for method, _ in CASES} == {"random", "spot", "spot-paper"}


# --- implementations with the defects that popular ones have, or had


def badge(case, seed, *, noop=False, ghost=False, squared=True, repeat=False):
    rng = np.random.default_rng(seed)
    p, h = np.array(case["probabilities"]), np.array(case["pool"], float)
    a = p.copy()
    a[np.arange(len(p)), p.argmax(1)] -= not noop
    g = (a[:, :, None] * h[:, None]).reshape(len(p), -1)
    far = (g**2).sum(1)
    picks = [int(far.argmax())]
    left = far if ghost else np.full(len(g), np.inf)
    while len(picks) < case["budget"]:
        left = np.minimum(left, ((g - g[picks[-1]]) ** 2).sum(1))
        chance = (left + repeat) ** (1 if squared else 0.5)
        picks.append(int(rng.choice(len(g), p=chance / chance.sum())))
    return picks


def coverage(case, kernel, weights, candidates):
    x = np.array(case["pool"], float)
    similar = kernel(np.sqrt(((x[:, None] - x) ** 2).sum(2)))
    cover = similar[case.get("labeled", [])].max(0, initial=0)
    picks = []
    for _ in range(case["budget"]):
        gain = (np.maximum(similar - cover, 0) * weights).sum(1)
        gain[[*picks, *case.get("labeled", [])]] = -1
        gain[~candidates] = -2
        picks.append(int(gain.argmax()))
        cover = np.maximum(cover, similar[picks[-1]])
    return picks


def balls(case, *, closed=False, most=None, forget=False):
    delta, n = case["parameters"]["delta"], len(case["pool"])
    case = {**case, "labeled": []} if forget else case
    candidates = np.arange(n) < (n if most is None else most)
    return coverage(case, lambda d: (d <= delta if closed else d < delta).astype(float), 1, candidates)


def herding(case, *, radius, unsure=True, temperature=1.0):
    p = np.array(case["probabilities"]) ** (1 / temperature)
    p = np.sort(p / p.sum(1, keepdims=True), 1)
    weights = 1 - (p[:, -1] - p[:, -2]) if unsure else np.ones(len(p))
    weights[case.get("labeled", [])] = 0
    return coverage(case, lambda d: np.exp(-((d / radius) ** 2)), weights, np.ones(len(p), bool))


WRONG = {
    "arg-max term left out": ("badge", "the arg-max term is p - 1", lambda c, s: badge(c, s, noop=True)),
    "a center at the origin": (
        "badge",
        "draws in proportion to squared distance",
        lambda c, s: badge(c, s, ghost=True),
    ),
    "distances not squared": (
        "badge",
        "draws in proportion to squared distance",
        lambda c, s: badge(c, s, squared=False),
    ),
    "picks drawn again": ("badge", "copies come last", lambda c, s: badge(c, s, repeat=True)),
    "the last rows are no candidates": ("probcover", "the last row is a candidate", lambda c, s: balls(c, most=2)),
    "closed balls": (
        "probcover",
        "a row at exactly the radius is not covered",
        lambda c, s: balls(c, closed=True),
    ),
    "labels forgotten": ("probcover", "labeled rows cover", lambda c, s: balls(c, forget=True)),
    "no uncertainty": (
        "uherding",
        "coverage is weighed by 1 - margin",
        lambda c, s: herding(c, radius=1, unsure=False),
    ),
    "a fixed radius": (
        "uherding",
        "the radius is the least distance of two labels",
        lambda c, s: herding(c, radius=1),
    ),
    "no temperature": ("uherding", "temperature 2", lambda c, s: herding(c, radius=1)),
    "the largest cluster, labeled or not": (
        "typiclust",
        "the largest cluster without a label comes first",
        lambda c, s: [3, 12],
    ),
    "fewer than asked for": ("kmeans", "a budget beyond the number of distinct points", lambda c, s: [0, 2, 4]),
    "a labeled row": ("coreset", "farthest first", lambda c, s: [2, 3, 0]),
}


@pytest.mark.parametrize("defect", WRONG)
def test_known_defects_are_caught(defect):
    method, name, wrong = WRONG[defect]
    assert runner.problems(CASES[method, name], method, lambda case, _, seed: wrong(case, seed)) != []


@pytest.mark.parametrize(
    ("method", "name", "right"),
    [("badge", name, badge) for method, name in CASES if method == "badge"]
    + [("probcover", name, lambda c, s: balls(c)) for method, name in CASES if method == "probcover"]
    + [("uherding", "temperature 2", lambda c, s: herding(c, radius=1, temperature=2))],
)
def test_the_same_implementations_without_the_defects_pass(method, name, right):
    assert runner.problems(CASES[method, name], method, lambda case, _, seed: right(case, seed)) == []
