"""The newer peers against plain implementations of their own, which spare no cost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from spotal.pool import ArrayPool
from spotal.strategies import get
from spotal.strategies._content import ContentRandom
from spotal.strategies._probe import Probe
from spotal.strategies.base import Query

N, CLASSES = 120, 3
RNG = np.random.default_rng(0)
WHICH = RNG.integers(0, CLASSES, N)
CLOUD = RNG.normal(size=(N, 4)) + 2 * np.eye(4)[WHICH] + 1
ODDS = RNG.dirichlet(np.ones(CLASSES), N)
LABELED = np.arange(0, 48, 3)
LABELS = WHICH[LABELED]
FREE = np.setdiff1d(np.arange(N), LABELED)
KNOWN = {"labeled": LABELED, "labels": LABELS, "probabilities": ODDS, "random_state": 0}


def head(points=CLOUD, labeled=LABELED, labels=LABELS):
    """Weights (c, D) and bias (c,) of the regression that strategies fit, worked out anew."""
    known = points[labeled]
    scale = np.sqrt(((known - known.mean(0)) ** 2).mean())
    model = LogisticRegression(max_iter=500).fit((known - known.mean(0)) / scale, labels)
    weights = model.coef_ / scale
    return weights, model.intercept_ - weights @ known.mean(0)


def probe(points=CLOUD, labeled=LABELED, labels=LABELS):
    pool = ArrayPool(points)
    query = Query(pool, 1, np.asarray(labeled), np.asarray(labels), None, None, 0)
    return Probe.fit(query, ContentRandom(pool, 0))


def test_the_probe_is_a_logistic_regression_whatever_the_order_of_its_labels():
    weights, bias = head()
    found = probe()
    np.testing.assert_allclose(found.scores(CLOUD), CLOUD @ weights.T + bias, atol=2e-3)
    np.testing.assert_allclose(found.means, [CLOUD[LABELED][k == LABELS].mean(0) for k in range(CLASSES)])
    assert np.array_equal(probe(labeled=LABELED[::-1], labels=LABELS[::-1]).weights, found.weights)
    two = probe(labels=LABELS > 0)
    assert two.weights.shape == (2, 4)
    right = LogisticRegression(max_iter=500).fit(CLOUD[LABELED], LABELS > 0).predict(CLOUD)
    assert (two.classes(CLOUD) == right).mean() > 0.95
    assert probe(labels=np.zeros(len(LABELED), int)) is None


@pytest.mark.parametrize("scale", [1e-30, 1e15])
def test_the_probe_does_not_mind_scale(scale):
    moved = probe(points=CLOUD * scale)
    assert np.array_equal(moved.classes(CLOUD * scale), probe().classes(CLOUD))


def test_dropquery_counts_changes_as_often_as_all_masks_together_make_them():
    weights, bias = head()
    own = (CLOUD @ weights.T + bias).argmax(1)
    chance = np.zeros(N)
    for kept in product([0, 1], repeat=4):
        likely = 0.4 ** sum(kept) * 0.6 ** (4 - sum(kept))
        chance += likely * ((CLOUD * kept / 0.4 @ weights.T + bias).argmax(1) != own)
    pool = ArrayPool(CLOUD)
    changes = get("dropquery", masks=1_500, dropout=0.6)._changes(pool, probe(), ContentRandom(pool, 0))
    np.testing.assert_allclose(changes / 1_500, chance, atol=5 * 0.5 / 1_500**0.5)


def test_dropquery_asks_for_fewer_changes_where_candidates_are_few():
    few, many = (get("dropquery", enough=enough).query(CLOUD, 4, **KNOWN).diagnostics for enough in (1, 25))
    assert (few["masks_needed"], many["masks_needed"]) == (2, 1)
    assert few["candidates"] < many["candidates"]


def mixed(budget):
    """Candidates of ALFA-Mix by mixing every row with every mean, step by step, as the authors' code does."""
    weights, bias = head()
    z = CLOUD[FREE]
    scores = z @ weights.T + bias
    own = scores.argmax(1)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    gradient = (p - np.eye(CLASSES)[own]) @ weights
    candidates = np.zeros(len(z), bool)
    for step in range(1, 33):
        epsilon = step / 32 / 2  # the root of four features
        for k in range(CLASSES):
            apart = CLOUD[LABELED][k == LABELS].mean(0) - z
            length = epsilon * np.linalg.norm(apart, axis=1) / np.linalg.norm(gradient, axis=1)
            alpha = length[:, None] * gradient / (apart + 1e-8)
            candidates |= ((z + alpha * apart) @ weights.T + bias).argmax(1) != own
        if candidates.sum() > budget:
            break
    return FREE[candidates], epsilon


@pytest.mark.parametrize("budget", [1, 6, 20])
def test_alfamix_has_the_candidates_of_a_search(budget):
    candidates, epsilon = mixed(budget)
    found = get("alfamix").query(CLOUD, budget, **KNOWN)
    assert found.diagnostics == pytest.approx({"candidates": len(candidates), "epsilon": epsilon})
    assert np.isin(found.indices, candidates).all()


def test_alfamix_draws_at_random_where_nothing_turns():
    known = {**KNOWN, "labels": np.zeros(len(LABELED), int)}
    picks = [tuple(get("alfamix").query(CLOUD, 3, **{**known, "random_state": seed}).indices) for seed in range(9)]
    assert len(set(picks)) == 9


def traces(information, inside, target, regularization, m, n, rows):
    """tr(M^-1 F) with the information of ``rows`` in M."""
    share = (m * inside + n * sum((information[row] for row in rows), np.zeros_like(inside))) / (m + n)
    return np.trace(np.linalg.inv(regularization * np.eye(len(inside)) + share) @ target)


@pytest.mark.parametrize("labeled", [LABELED, LABELED[:0]], ids=["labels", "none"])
def test_bait_is_greedy_forward_and_back_in_the_trace(labeled):
    n, m, regularization = 6, len(labeled), 0.3
    x, q = CLOUD / np.sqrt((CLOUD**2).mean()), ODDS.max(1)
    information = (q * (1 - q))[:, None, None] * x[:, :, None] * x[:, None]
    inside = information[labeled].mean(0) if m else np.zeros((4, 4))
    rows: list[int] = []
    for _ in range(2 * n):
        rest = np.setdiff1d(np.arange(N), [*labeled, *rows])
        after = [traces(information, inside, information.mean(0), regularization, m, n, [*rows, r]) for r in rest]
        rows.append(int(rest[np.argmin(after)]))
    while len(rows) > n:
        after = [
            traces(information, inside, information.mean(0), regularization, m, n, rows[:k] + rows[k + 1 :])
            for k in range(len(rows))
        ]
        del rows[int(np.argmin(after))]
    known = {"labeled": labeled, "labels": LABELS[: len(labeled)], "probabilities": ODDS, "random_state": 0}
    found = get("bait", regularization=regularization).query(CLOUD, n, **known)
    assert found.indices.tolist() == rows
    assert found.diagnostics["trace"] == pytest.approx(
        traces(information, inside, information.mean(0), regularization, m, n, rows)
    )


def test_power_margin_with_a_great_power_is_margin():
    known = {**KNOWN, "labels": LABELS}
    assert np.array_equal(
        get("powermargin", beta=1e9).query(CLOUD, 20, **known).indices, get("margin").query(CLOUD, 20, **known).indices
    )
    free = get("powermargin").query(CLOUD, 20, **known).indices
    assert not np.array_equal(free, get("margin").query(CLOUD, 20, **known).indices)


@pytest.mark.parametrize(("labels_per_class", "name"), [(0, "margin"), (5, "margin"), (6, "typiclust")])
def test_tcm_switches_by_the_number_of_labels(labels_per_class, name):
    """Sixteen labels of three classes."""
    found = get("tcm", labels_per_class=labels_per_class).query(CLOUD, 5, **KNOWN)
    assert np.array_equal(found.indices, get(name).query(CLOUD, 5, **KNOWN).indices)
    known = {**KNOWN, "probabilities": None}
    found = get("tcm", labels_per_class=labels_per_class).query(CLOUD, 5, **known)
    assert np.array_equal(found.indices, get("typiclust").query(CLOUD, 5, **known).indices)


@pytest.mark.parametrize("labeled", [[], [3, 77]])
def test_each_pick_of_facility_location_gains_most_on_the_graph(labeled):
    unit = CLOUD / np.linalg.norm(CLOUD, axis=1, keepdims=True)
    squared = ((unit[:, None] - unit) ** 2).sum(2)
    last = np.sort(squared, 1)[:, 8]
    similar = np.where(squared <= last[:, None], np.exp(-squared / np.median(last)), 0)  # row to be covered, row by
    mass = np.random.default_rng(1).random(N)
    picks = get("facility-location", neighbors=8).query(CLOUD, 15, labeled=labeled, mass=mass, random_state=0)
    cover, weight = similar[:, labeled].max(1, initial=0), np.where(np.isin(np.arange(N), labeled), 0, mass)
    for pick in picks.indices:
        gains = weight @ np.maximum(similar - cover[:, None], 0)
        assert gains[pick] == pytest.approx(gains.max(), rel=1e-5)
        cover = np.maximum(cover, similar[:, pick])
    assert picks.diagnostics["coverage"] == pytest.approx((mass * cover).sum() / mass.sum(), rel=1e-5)
    assert picks.diagnostics["radius"] == pytest.approx(np.median(last) ** 0.5, rel=1e-5)


def test_the_radius_of_facility_location_is_in_units_of_the_pool():
    known = {"random_state": 0, "labeled": LABELED}
    small, great = (get("facility-location", normalize=False, radius=r).query(x, 9, **known)
                    for r, x in [(0.7, CLOUD), (0.7 * 2.0**20, CLOUD * 2**20)])  # fmt: skip
    assert np.array_equal(small.indices, great.indices)
    assert small.diagnostics["radius"] == pytest.approx(0.7)


@pytest.mark.parametrize("name", ["alfamix", "bait", "dropquery", "facility-location", "galaxy", "powermargin", "tcm"])
def test_order_of_rows_does_not_matter_with_labels(name):
    order = np.random.default_rng(2).permutation(N)
    straight = get(name).query(CLOUD, 8, **KNOWN).indices
    moved = {**KNOWN, "labeled": np.argsort(order)[LABELED], "probabilities": ODDS[order]}
    assert np.array_equal(order[get(name).query(CLOUD[order], 8, **moved).indices], straight)
