"""The evidence runs on tiny sizes, its closed forms are right, and its document says what its JSON says."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import qmc

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.evidence import clouds
from benchmarks.evidence.__main__ import main
from benchmarks.evidence.common import Carried
from benchmarks.evidence.convergence import slope, summarize
from benchmarks.evidence.defaults import OLDER
from benchmarks.evidence.genz import DIFFICULTY, Genz
from benchmarks.evidence.tables import number
from benchmarks.evidence.write import write

from spotal import SPOT
from spotal.transport import SlicedTransport


@pytest.mark.parametrize("dim", [1, 2, 4, 8])
@pytest.mark.parametrize("family", DIFFICULTY)
def test_genz_integrals_are_those_of_quadrature(family, dim):
    rng = np.random.default_rng(dim)
    members = [Genz.draw(family, dim, rng) for _ in range(3)]
    points = qmc.Sobol(dim, seed=0).random_base2(15)
    for g in members:
        values = g(points)
        assert g.integral() == pytest.approx(values.mean(), abs=0.01 * values.std())


@pytest.mark.parametrize("dim", [1, 2, 8])
def test_warp_is_inverted_and_spreads_mass_as_stated(dim):
    warp = clouds.Warp()
    u = np.random.default_rng(0).random((2_000, dim))
    x = warp.forward(u)
    np.testing.assert_allclose(warp.inverse(x), u, atol=1e-12)
    edge = np.full((1, dim), 1e-9)
    np.testing.assert_allclose(warp.inverse(warp.forward(edge)), edge, atol=1e-12)
    if dim > 1:
        y = x[:, 1] - warp.bend * (x[:, 0] - 1) ** 2
        np.testing.assert_allclose(warp.cdf(y), u[:, 1], atol=1e-12)


@pytest.mark.parametrize("name", clouds.names())
def test_clouds_are_finite_seeded_and_of_the_size_asked(name):
    one, again, other = (clouds.make(name, 200, seed) for seed in (0, 0, 1))
    assert len(one.points) == len(one.group) == 200
    assert np.isfinite(one.points).all()
    np.testing.assert_array_equal(one.points, again.points)
    assert not np.array_equal(one.points, other.points)
    assert one.reduced().shape[1] <= clouds.COMPONENTS


def test_mixture_has_masses_of_a_hundred_to_one():
    counts = np.bincount(clouds.make("20 Gaussians 100:1", 100_000, 0).group, minlength=20)
    assert 70 < counts.max() / counts.min() < 140


def test_a_pool_carried_beforehand_gives_the_same_picks():
    pool = np.random.default_rng(0).normal(size=(400, 2))
    mover = SlicedTransport(random_state=0)
    carried = mover.fit(pool).transform(pool)
    direct = SPOT.paper(reduction=None, transport=mover).query(pool, 20, random_state=0)
    reused = SPOT.paper(reduction=None, transport=Carried(pool, carried)).query(pool, 20, random_state=0)
    np.testing.assert_array_equal(direct.indices, reused.indices)
    with pytest.raises(ValueError, match="beforehand"):
        Carried(pool, carried).transform(pool[:10])


def test_slope_and_ratio_of_errors_that_are_known():
    sizes = [16, 64, 256, 1024]
    errors = {
        "random": [dict.fromkeys(DIFFICULTY, 1 / n) for n in sizes],
        "fast": [dict.fromkeys(DIFFICULTY, 1 / n**2) for n in sizes],
    }
    assert slope(np.array(sizes), np.array([1 / n for n in sizes])) == pytest.approx(-0.5)
    records = [{"dim": 2, "seed": seed, "sizes": sizes, "errors": errors} for seed in range(3)]
    random, fast = summarize(records, tuple(DIFFICULTY))
    assert random["slope"] == pytest.approx(-0.5)
    assert fast["slope"] == pytest.approx(-1)
    assert fast["ratio"] == pytest.approx(1 / 32)
    np.testing.assert_allclose(fast["slope_interval"], [-1, -1])


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Results and document of the whole evidence on tiny sizes, with rounds made up."""
    folder = tmp_path_factory.mktemp("evidence")
    results, docs = folder / "results", folder / "docs"
    main(["uniformity", "convergence", "coverage", "--quick", "--workers", "1", "--results", str(results)])
    rounds = [
        {
            "dataset": "digits",
            "shape": "balanced",
            "strategy": strategy,
            "seed": seed,
            "n_labeled": n,
            "accuracy": 0.5 + 0.001 * n + 0.05 * (strategy == "spot") + 0.01 * seed,
            "balanced_accuracy": 0.4 + 0.001 * n + 0.05 * (strategy == "spot") + 0.01 * seed,
        }
        for strategy in ("random", "spot")
        for seed in range(3)
        for n in (50, 100, 150)
    ]
    settings = {"pool": 300, "test": 100, "width": 4, "steps": 5, "batch": 50, "labels": 150}
    loop = {"origin": {"commit": next(iter(OLDER)), "seeds": [0, 1, 2]}, "settings": settings, "records": rounds}
    (results / "loop.json").write_text(json.dumps(loop))
    return {path.stem: json.loads(path.read_text()) for path in results.glob("*.json")}, write(results, docs)


def test_the_document_has_the_numbers_of_the_json(quick):
    found, path = quick
    text = path.read_text()
    row = found["convergence"]["all"][-1]
    assert f"{row['slope']:.2f} [{row['slope_interval'][0]:.2f}, {row['slope_interval'][1]:.2f}]" in text
    assert f"{found['convergence']['checks']['z_rms']:.2f} standard errors" in text
    first = found["uniformity"]["records"][0]
    assert f"| {number(first['cost'])} |" in text
    fills = [r["fill"] for r in found["coverage"]["records"] if r["method"] == "k-center"]
    assert f"{np.mean(fills):.3f}" in text
    # rounds: mean of the curve .5 + .01 (mean seed) + .05 for spot, +.050 over random in every seed
    assert "| spot | 0.560 ± 0.006 | +0.050 [+0.050, +0.050] | 0.610 ± 0.006 |" in text
    for part in ("uniformity", "convergence", "coverage"):
        assert found[part]["origin"]["commit"][:12] in text
        assert found[part]["origin"]["seeds"]
        assert found[part]["origin"]["versions"]["torch"] in text


def test_headings_say_where_an_older_default_was_measured(quick):
    lines = quick[1].read_text().splitlines()
    assert "## Rounds of active learning (an older default)" in lines
    assert {"## Convergence", "## Coverage"} <= set(lines)
    assert sum(line.startswith("**Sections marked") for line in lines) == 1


def test_the_document_shows_pictures_that_exist(quick):
    path = quick[1]
    shown = [line.split("](")[1].rstrip(")") for line in path.read_text().splitlines() if line.startswith("![")]
    assert len(shown) == 4
    for name in shown:
        assert (path.parent / name).stat().st_size > 5_000


def test_an_unknown_part_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["uniformty"])
    assert "uniformty" in capsys.readouterr().err
