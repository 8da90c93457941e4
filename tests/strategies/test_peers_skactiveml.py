"""The same method on the same input in scikit-activeml: the same picks or scores, or chances where chance decides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare
from skactiveml import pool as peers
from skactiveml.classifier import ParzenWindowClassifier, SklearnClassifier
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from spotal.mass import disagreement
from spotal.strategies import get

N = 150
RNG = np.random.default_rng(0)
CLOUD = RNG.normal(size=(N, 6)) * [3, 2, 2, 1, 1, 1]
LABELED = np.array([3, 77, 20, 141, 9])
LABELS = np.array([0, 1, 2, 1, 0])
Y = np.full(N, np.nan)
Y[LABELED] = LABELS
FREE = np.setdiff1d(np.arange(N), LABELED)
ODDS = RNG.dirichlet(np.ones(4), N)
DRAWS = RNG.dirichlet(np.ones(3), (N, 4)).swapaxes(1, 2)
KNOWN = {"labeled": LABELED, "labels": LABELS, "random_state": 0}


@pytest.mark.parametrize(
    ("name", "method"),
    [("least-confidence", "least_confident"), ("margin", "margin_sampling"), ("entropy", "entropy")],
)
def test_uncertainty_gives_the_same_order(name, method):
    picks = get(name).query(CLOUD, len(FREE), probabilities=ODDS, **KNOWN).indices
    scores = peers.uncertainty_scores(ODDS, method=method)
    assert np.array_equal(picks, FREE[np.argsort(-scores[FREE])])


def test_coreset_gives_the_same_picks():
    theirs = peers.CoreSet(random_state=0).query(CLOUD, Y, batch_size=40)
    assert np.array_equal(get("coreset").query(CLOUD, 40, **KNOWN).indices, theirs)


@pytest.mark.parametrize("radius", [0.5, 1.0])
@pytest.mark.parametrize("normalize", [True, False])
def test_each_pick_of_maxherding_is_best_by_its_peer(radius, normalize):
    """Two rows that gain on themselves and each other alone tie exactly, and ties fall by chance."""
    cloud = CLOUD if normalize else CLOUD / 4
    peer = peers.MaxHerding(normalize, metric_dict={"gamma": 1 / radius**2}, random_state=0)
    picks = get("maxherding", radius=radius, normalize=normalize).query(cloud, 30, **KNOWN).indices
    y = Y.copy()
    ties = 0
    for pick in picks:
        _, scores = peer.query(cloud, y, return_utilities=True)
        best = np.nanmax(scores[0])
        assert scores[0][pick] == pytest.approx(best, rel=1e-6)
        ties += (scores[0] > best * (1 - 1e-6)).sum() - 1
        y[pick] = 0
    assert ties <= 3


@pytest.mark.filterwarnings("ignore:The maximum purity")  # of its search for a radius, which one radius ends
@pytest.mark.parametrize("seed", range(3))
def test_each_pick_of_probcover_is_best_by_its_peer(seed):
    """Ties fall by chance in both, so each pick is held against the peer's scores after those before it."""
    delta = 2.5
    picks = get("probcover", delta=delta, normalize=False).query(CLOUD, 40, **{**KNOWN, "random_state": seed}).indices
    peer = peers.ProbCover(n_classes=3, deltas=[delta], random_state=0)
    y = Y.copy()
    for pick in picks:
        _, scores = peer.query(CLOUD, y, return_utilities=True)
        assert scores[0][pick] == np.nanmax(scores[0])
        y[pick] = 0
    assert np.nanmax(scores[0]) < 5  # the last picks had little left to cover


def test_the_automatic_radius_of_probcover_is_as_pure_as_asked():
    """Their search over a fine grid, with the same clusters, ends where our quantile is."""
    blobs, _ = make_blobs(120, centers=[[0, 0], [6, 0], [0, 6]], random_state=1)
    ours = get("probcover", n_classes=3, normalize=False).query(blobs, 2, random_state=0).diagnostics["delta"]
    theirs = peers.ProbCover(n_classes=3, deltas=np.arange(0.005, 12, 0.005), random_state=0)
    theirs.query(blobs, np.full(120, np.nan))
    assert ours == pytest.approx(theirs.delta_max_, abs=0.006)


def test_bald_has_the_same_scores():
    total, own = disagreement(DRAWS)
    theirs = peers.batch_bald(DRAWS.transpose(2, 0, 1).copy(), 1)[0]
    np.testing.assert_allclose(total - own, theirs, atol=1e-5)
    picks = get("bald").query(CLOUD, 20, probabilities=DRAWS, **KNOWN).indices
    assert np.array_equal(picks, FREE[np.argsort(-theirs[FREE])][:20])


def test_batch_bald_gives_the_same_picks():
    free = {"labeled": [], "random_state": 0}
    picks = get("batch-bald").query(CLOUD, 4, probabilities=DRAWS, **free).indices
    scores = peers.batch_bald(DRAWS.transpose(2, 0, 1).copy(), 4, n_MC_samples=1_000, random_state=0)
    assert np.array_equal(picks, np.nanargmax(scores, axis=1))


@pytest.mark.parametrize("name", ["clue", "typiclust"])
def test_clusters_give_the_same_picks(name):
    """Far-apart clusters of many sizes, which k-means finds from any start."""
    centers = 40 * np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 0]])
    X, which = make_blobs([20, 26, 32, 38, 44], centers=centers, random_state=2)
    labeled = np.array([np.flatnonzero(which == 3)[0]])
    y = np.full(len(X), np.nan)
    y[labeled] = 1
    known = {"labeled": labeled, "labels": [1], "random_state": 0}
    if name == "clue":
        clf = ParzenWindowClassifier(classes=[0, 1], class_prior=1, metric_dict={"gamma": 1e-3}).fit(X, y)
        theirs = peers.Clue(random_state=0).query(X, y, clf, fit_estimator=False, batch_size=5)
        ours = get("clue").query(X, 5, probabilities=clf.predict_proba(X), **known).indices
        assert np.array_equal(np.sort(ours), np.sort(theirs))
    else:
        theirs = peers.TypiClust(k=5, random_state=0).query(X, y, batch_size=4)
        ours = get("typiclust", neighbors=5, normalize=False).query(X, 4, **known).indices
        assert np.array_equal(ours, theirs)


def test_badge_draws_with_the_same_chances_but_for_a_center_too_many():
    """The first pick is the same; the second is drawn in proportion to squared distances from it.

    scikit-activeml 1.0.1 keeps the squared lengths of the first round as if they were distances, which puts a center at
    the origin (its issue 588). Its chances are compared with that center, ours without.
    """
    X = CLOUD[:14] / 3
    y = np.full(14, np.nan)
    y[:3] = [0, 1, 2]
    clf = ParzenWindowClassifier(classes=[0, 1, 2], class_prior=1, metric_dict={"gamma": 0.1}).fit(X, y)
    p = clf.predict_proba(X)
    first, scores = peers.Badge(random_state=0).query(X, y, clf, fit_clf=False, batch_size=2, return_utilities=True)
    gradients = ((p - np.eye(3)[p.argmax(1)])[:, :, None] * X[:, None]).reshape(14, -1)
    squared = ((gradients - gradients[first[0]]) ** 2).sum(1)
    squared[:3] = 0
    theirs = np.minimum(squared, (gradients**2).sum(1))
    np.testing.assert_allclose(np.nan_to_num(scores[1]), theirs / theirs.sum(), atol=1e-9)
    badge, known = get("badge"), {"labeled": [0, 1, 2], "labels": [0, 1, 2], "probabilities": p}
    picks = np.array([badge.query(X, 2, random_state=seed, **known).indices for seed in range(1_500)])
    assert set(picks[:, 0]) == {first[0]}
    seen = np.bincount(picks[:, 1], minlength=14)
    assert seen[squared == 0].sum() == 0
    assert chisquare(seen[squared > 0], 1_500 * squared[squared > 0] / squared.sum()).pvalue > 1e-3


def test_dropquery_gives_the_same_picks():
    """On the unit circle, where dropout of nearly everything sends three clusters to the other class, and two not."""
    angles, sizes = np.array([-50, 0, 50, 100, 260]), [20, 30, 40, 25, 25]
    which = np.repeat(np.arange(5), sizes)
    angle = np.deg2rad(angles[which]) + np.random.default_rng(0).normal(0, 0.03, len(which))
    X = np.c_[np.cos(angle), np.sin(angle)]
    labeled = np.array([np.flatnonzero(which == k)[0] for k in range(5)])
    labels = np.array([1, 1, 1, 0, 0])
    y = np.full(len(X), np.nan)
    y[labeled] = labels
    clf = SklearnClassifier(LogisticRegression(C=100), classes=[0, 1]).fit(X, y)
    assert clf.predict([[0, 0]]) == 0
    theirs = peers.DropQuery(dropout_rate=0.99, cluster_algo_dict={"n_init": 10, "random_state": 0}, random_state=0)
    theirs = theirs.query(X, y, clf, fit_clf=False, batch_size=3)
    known = {"labeled": labeled, "labels": labels, "random_state": 0}
    ours = get("dropquery", dropout=0.99, enough=1).query(X, 3, **known).indices
    assert np.array_equal(np.sort(ours), np.sort(theirs))
    assert np.array_equal(np.sort(which[ours]), [0, 1, 2])
