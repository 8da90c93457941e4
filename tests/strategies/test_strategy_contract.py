"""Every registered strategy keeps one contract: what comes in, what goes out, what is refused and how."""

from __future__ import annotations

import json
import pickle
import tracemalloc
from functools import cache

import numpy as np
import pytest
import torch
from tests.raising import raises_input

from spotal.errors import BudgetError, InputError
from spotal.numeric.arrays import block_rows
from spotal.strategies import Strategy, _sample, get, names

N, DIM, BUDGET = 48, 5, 7
LABELED = [3, 40, 11, 12]
LABELS = [0, 1, 1, 2]
CHANCE = ["badge", "direct", "fads", "galaxy", "powermargin", "random", "spot-paper"]
NO_CHANCE = ["bait", "bald", "coreset", "entropy", "least-confidence", "margin", "maxherding", "spot"]
every = pytest.mark.parametrize("name", names())
# spot-paper is a slower SPOT: where they cannot differ, one stands for both
distinct = pytest.mark.parametrize("name", [name for name in names() if name != "spot-paper"])


def cloud(n=N, dim=DIM, seed=0):
    """Values that float16 holds exactly."""
    return np.round(np.random.default_rng(seed).normal(size=(n, dim)) * 64) / 64


def odds(n=N, name=None):
    """Class probabilities (n, 3), or (n, 3, 4) for a strategy that asks for several draws of them."""
    p = np.random.default_rng(1).dirichlet(np.ones(3), n if name is None or not get(name).needs_draws else (n, 4))
    return p if p.ndim == 2 else p.swapaxes(1, 2)


def ask(name, pool, budget=BUDGET, *, random_state=0, **known):
    known.setdefault("probabilities", odds(len(pool), name))
    return get(name).query(pool, budget, random_state=random_state, **known)


@cache
def usual(name):
    """The query that others are compared with."""
    return ask(name, cloud(), labeled=LABELED, labels=LABELS)


def keeps_contract(selection, n, budget, labeled=()):
    labeled = np.asarray(labeled, dtype=np.int64)
    unlabeled = np.setdiff1d(np.arange(n), labeled)
    picks, cells, mass = selection.indices, selection.cells, selection.cell_mass
    assert picks.dtype == cells.dtype == np.int64
    assert picks.shape == mass.shape == (budget,)
    assert len(selection) == len(np.unique(picks)) == budget
    assert np.isin(picks, unlabeled).all()
    assert cells.shape == (n,)
    assert (cells[labeled] == -1).all()
    if budget:
        assert cells[unlabeled].min() >= 0
        assert cells.max() < budget
        assert np.array_equal(cells[picks], np.arange(budget))
        members = [selection.members(k) for k in range(budget)]
        assert all(pick in member for pick, member in zip(picks, members, strict=True))
        assert np.array_equal(np.sort(np.concatenate(members)), unlabeled)
        assert (mass >= 0).all()
        assert mass.sum() == pytest.approx(1)
    assert all(seconds >= 0 for seconds in selection.timings.values())
    assert "total" in selection.timings
    json.dumps(selection.to_dict(), allow_nan=False)
    return True


@every
def test_picks_cells_and_masses(name):
    assert keeps_contract(usual(name), N, BUDGET, LABELED)
    share = np.bincount(usual(name).cells + 1, minlength=BUDGET + 1)[1:] / (N - len(LABELED))
    np.testing.assert_allclose(usual(name).cell_mass, share)


@every
def test_the_same_seed_gives_the_same_selection(name):
    again = ask(name, cloud(), labeled=LABELED, labels=LABELS)
    assert np.array_equal(again.indices, usual(name).indices)
    assert np.array_equal(again.cells, usual(name).cells)
    assert np.array_equal(again.cell_mass, usual(name).cell_mass)
    assert again.diagnostics == usual(name).diagnostics


@pytest.mark.parametrize("name", CHANCE + NO_CHANCE)
def test_another_seed_gives_another_selection_where_chance_decides(name):
    other = ask(name, cloud(), labeled=LABELED, labels=LABELS, random_state=1)
    assert np.array_equal(other.indices, usual(name).indices) == (name in NO_CHANCE)


@distinct
@pytest.mark.parametrize(
    "make",
    [
        lambda: np.int64(5),
        lambda: np.random.default_rng(5),
        lambda: np.random.RandomState(5),
        lambda: np.random.SeedSequence(5),
        lambda: None,
    ],
    ids=["numpy integer", "Generator", "RandomState", "SeedSequence", "None"],
)
def test_any_random_state_and_the_record_repeats_it(name, make):
    chosen = ask(name, cloud(), random_state=make())
    assert keeps_contract(chosen, N, BUDGET)
    repeated = ask(name, cloud(), random_state=chosen.provenance["random_state"])
    assert np.array_equal(repeated.indices, chosen.indices)
    if make() is not None:
        assert np.array_equal(ask(name, cloud(), random_state=make()).indices, chosen.indices)


@pytest.mark.parametrize("name", [name for name in names() if name != "random"])
@pytest.mark.parametrize("pool", [cloud(), np.c_[np.zeros((N, 5)), cloud()]], ids=["plain", "first columns constant"])
def test_order_of_rows_does_not_matter(name, pool):
    order = np.random.default_rng(2).permutation(N)
    straight = ask(name, pool, labeled=LABELED)
    mixed = ask(name, pool[order], labeled=np.argsort(order)[LABELED], probabilities=odds(N, name)[order])
    assert np.array_equal(order[mixed.indices], straight.indices)
    assert np.array_equal(mixed.cells, straight.cells[order])


@every
def test_order_of_labeled_rows_does_not_matter(name):
    mixed = ask(name, cloud(), labeled=LABELED[::-1], labels=LABELS[::-1])
    assert np.array_equal(mixed.indices, usual(name).indices)


def _memmap(x, folder):
    file = np.memmap(folder / "pool.dat", np.float32, "w+", shape=x.shape)
    file[:] = x
    file.flush()
    return np.memmap(folder / "pool.dat", np.float32, "r", shape=x.shape)


KINDS = {
    "float16": lambda x, _: x.astype(np.float16),
    "float32": lambda x, _: x.astype(np.float32),
    "longdouble": lambda x, _: x.astype(np.longdouble),
    "Fortran order": lambda x, _: np.asfortranarray(x),
    "another byte order": lambda x, _: x.astype(x.dtype.newbyteorder()),
    "every second of a larger array": lambda x, _: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2],
    "backward": lambda x, _: np.ascontiguousarray(x[::-1])[::-1],
    "read-only": lambda x, _: np.frombuffer(x.tobytes()).reshape(x.shape),
    "memmap": _memmap,
    "list": lambda x, _: x.tolist(),
    "objects": lambda x, _: x.astype(object),
    "float16 tensor": lambda x, _: torch.from_numpy(x).half(),
    "float32 tensor": lambda x, _: torch.from_numpy(x).float(),
    "float64 tensor": lambda x, _: torch.from_numpy(x),
    "tensor with a graph": lambda x, _: torch.from_numpy(x).requires_grad_() * 1,
    "transposed tensor": lambda x, _: torch.from_numpy(np.ascontiguousarray(x.T)).T,
}


@distinct
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_values_in_another_kind_of_array(name, kind, tmp_path):
    pool = KINDS[kind](cloud(), tmp_path)
    other = ask(name, pool, labeled=LABELED, labels=LABELS)
    assert np.array_equal(other.indices, usual(name).indices)
    assert np.array_equal(other.cells, usual(name).cells)


@distinct
@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.uint8),
        lambda x: x.astype(np.int64),
        lambda x: torch.from_numpy(x).to(torch.int32),
        lambda x: torch.from_numpy(x).to(torch.int64),
        lambda x: torch.from_numpy(x).to(torch.bfloat16),
    ],
    ids=["uint8", "int64", "int32 tensor", "int64 tensor", "bfloat16 tensor"],
)
def test_whole_numbers(name, convert):
    pool = np.random.default_rng(3).integers(0, 128, (30, 6)).astype(np.float64)
    assert np.array_equal(ask(name, convert(pool), 5).indices, ask(name, pool, 5).indices)


@distinct
def test_the_other_arguments_may_be_lists_or_tensors(name):
    weight = np.random.default_rng(4).random(N)
    plain = ask(name, cloud(), labeled=LABELED, labels=LABELS, mass=weight)
    for convert in (list, torch.tensor):
        known = {
            "labeled": convert(LABELED),
            "labels": convert(LABELS),
            "probabilities": odds(N, name).tolist() if convert is list else torch.from_numpy(odds(N, name)),
            "mass": convert(weight),
        }
        assert np.array_equal(ask(name, cloud(), **known).indices, plain.indices)


@distinct
def test_arguments_are_not_changed(name):
    given = [cloud(), np.array(LABELED), np.array(LABELS), odds(N, name), np.arange(N, dtype=np.float64)]
    before = [array.copy() for array in given]
    pool, labeled, labels, probabilities, mass = given
    ask(name, pool, labeled=labeled, labels=labels, probabilities=probabilities, mass=mass).to_dict()
    assert all(map(np.array_equal, given, before))


@distinct
@pytest.mark.parametrize("labeled", [None, [], np.empty(0, np.int64), torch.empty(0)], ids=repr)
def test_nothing_labeled(name, labeled):
    chosen = ask(name, cloud(20), 4, labeled=labeled, labels=None if labeled is None else [])
    assert keeps_contract(chosen, 20, 4)


@every
def test_budget_zero(name):
    assert keeps_contract(ask(name, cloud(), 0, labeled=LABELED), N, 0, LABELED)
    assert keeps_contract(ask(name, cloud(), 0, labeled=np.arange(N)), N, 0, np.arange(N))


@every
def test_one_row_left(name):
    labeled = np.delete(np.arange(N), 17)
    chosen = ask(name, cloud(), 1, labeled=labeled)
    assert keeps_contract(chosen, N, 1, labeled)
    assert chosen.indices.tolist() == [17]


@every
def test_everything_that_is_unlabeled(name):
    chosen = ask(name, cloud(), N - len(LABELED), labeled=LABELED)
    assert keeps_contract(chosen, N, N - len(LABELED), LABELED)
    np.testing.assert_allclose(chosen.cell_mass, 1 / (N - len(LABELED)))


DEGENERATE = {
    "one row": cloud(1),
    "two rows": cloud(2),
    "all the same": np.full((24, 3), 0.1, np.float32),
    "all zero": np.zeros((24, 3)),
    "all the same and far out": np.full((24, 3), 1e12 / 3),
    "three points, eight times each": np.repeat(cloud(3), 8, axis=0),
    "constant columns": np.c_[np.full(24, 7.0), cloud(24, 2), np.full(24, 1e6)],
    "one column": cloud(24, 1),
    "a line in space": np.linspace(0, 1, 24)[:, None] * [1.0, -2.0, 3.0],
    "wider than long": cloud(12, 90),
    "tiny numbers": cloud(24) * 1e-30,
    "great numbers": cloud(24) * 1e15,
    "one row far from all others": np.r_[cloud(23), np.full((1, DIM), 1e9)],
}


@every
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_pools(name, kind):
    pool = DEGENERATE[kind]
    n = len(pool)
    for budget, labeled in [(n, []), (max(1, n // 3), [n // 2] * (n > 1))]:
        assert keeps_contract(ask(name, pool, budget, labeled=labeled), n, budget, labeled)


@every
def test_rows_of_mass_zero_come_last(name):
    mass = np.where(np.arange(N) % 3 == 0, np.random.default_rng(5).random(N) + 0.1, 0)
    heavy = np.setdiff1d(np.flatnonzero(mass), LABELED)
    chosen = ask(name, cloud(), len(heavy) - 2, labeled=LABELED, mass=mass)
    assert np.isin(chosen.indices, heavy).all()
    assert keeps_contract(chosen, N, len(heavy) - 2, LABELED)
    chosen = ask(name, cloud(), len(heavy) + 5, labeled=LABELED, mass=mass)
    assert np.isin(heavy, chosen.indices).all()
    assert keeps_contract(chosen, N, len(heavy) + 5, LABELED)


@every
def test_cell_mass_is_the_share_of_the_mass_given(name):
    mass = np.random.default_rng(6).random(N)
    chosen = ask(name, cloud(), labeled=LABELED, mass=mass)
    share = [mass[chosen.members(k)].sum() for k in range(BUDGET)]
    np.testing.assert_allclose(chosen.cell_mass, share / np.delete(mass, LABELED).sum())


@distinct
def test_only_ratios_of_masses_matter(name):
    mass = np.random.default_rng(7).random(N) + 0.5
    chosen = ask(name, cloud(), labeled=LABELED, mass=mass)
    for scale in (2.0**1000, 2.0**-1000):
        scaled = ask(name, cloud(), labeled=LABELED, mass=mass * scale)
        assert np.array_equal(scaled.indices, chosen.indices)
        np.testing.assert_allclose(scaled.cell_mass, chosen.cell_mass)


@distinct
@pytest.mark.parametrize("level", [1.0, 1e-300, 1e300])
def test_equal_masses_are_none(name, level):
    assert np.array_equal(
        ask(name, cloud(), labeled=LABELED, labels=LABELS, mass=np.full(N, level)).indices, usual(name).indices
    )


@every
def test_mass_on_labeled_rows_alone(name):
    mass = np.zeros(N)
    mass[LABELED] = 1
    assert keeps_contract(ask(name, cloud(), labeled=LABELED, mass=mass), N, BUDGET, LABELED)


@every
def test_provenance(name):
    record = usual(name).provenance
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["strategy"] == get(name).name
    assert set(record["parameters"]) == set(vars(get(name)))
    assert (record["budget"], record["labeled"], record["random_state"]) == (BUDGET, len(LABELED), 0)
    assert {"python", "spotal", "numpy", "torch"} <= set(record["versions"])
    given = record["input"]
    assert (given["rows"], given["dim"], given["dtype"]) == (N, DIM, "float64")
    other = cloud()
    other[-1, -1] += 1
    assert ask("random", other).provenance["input"]["blake2b"] != given["blake2b"]
    assert ask("random", cloud()).provenance["input"]["blake2b"] == given["blake2b"]


@distinct
def test_a_selection_can_be_pickled(name):
    back = pickle.loads(pickle.dumps(ask(name, cloud(20), 4)))
    assert keeps_contract(back, 20, 4)
    fresh = ask(name, cloud(20), 4)
    assert np.array_equal(back.indices, fresh.indices)
    assert np.array_equal(back.cells, fresh.cells)
    assert back.to_dict()["provenance"] == fresh.to_dict()["provenance"]


@distinct
def test_strategies_are_stateless_and_say_what_they_are(name):
    strategy = get(name)
    assert isinstance(strategy, Strategy)
    before = repr(strategy)
    assert type(strategy).__name__ in before
    first = strategy.query(cloud(20), 4, probabilities=odds(20, name), random_state=0)
    strategy.query(cloud(30, seed=8), 9, probabilities=odds(30, name), labeled=[0], random_state=1)
    again = strategy.query(cloud(20), 4, probabilities=odds(20, name), random_state=0)
    assert np.array_equal(first.indices, again.indices)
    assert repr(strategy) == before


class Watched(np.memmap):
    """A memory map that notes the most rows read at once."""

    most = 0

    def __getitem__(self, key):
        part = super().__getitem__(key)
        if getattr(part, "ndim", 0) == 2:
            Watched.most = max(Watched.most, len(part))
        return part


@every
def test_a_memmap_is_never_held_whole(name, tmp_path, monkeypatch):
    n, dim, sample = 16_384, 128, 500
    monkeypatch.setattr(block_rows, "__defaults__", (4, 128 << 10))  # blocks of 256 rows
    with open(tmp_path / "pool.dat", "wb") as file:
        for seed in range(16):
            file.write(np.random.default_rng(seed).normal(size=(n // 16, dim)).astype(np.float32).tobytes())
    pool = Watched(tmp_path / "pool.dat", np.float32, "r", shape=(n, dim))
    tensors = []
    from_numpy = torch.from_numpy
    monkeypatch.setattr(
        torch, "from_numpy", lambda x: (tensors.append(len(x)) if x.shape[1:] == (dim,) else None, from_numpy(x))[1]
    )
    Watched.most = 0
    strategy = get(name, **({"sample_size": sample} if "sample_size" in vars(get(name)) else {}))
    monkeypatch.setattr(_sample, "LEAST_ROWS", sample - 1)  # and a labeled one
    tracemalloc.start()
    chosen = strategy.query(pool, 3, labeled=[5], probabilities=odds(n, name), random_state=0)
    chosen.cell_mass.sum()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 256 <= Watched.most <= sample
    assert max(tensors) <= sample
    assert peak < pool.nbytes / 2


# --- what is refused


def bad_rows(value, rows):
    pool = cloud()
    pool[rows, 2] = value
    return pool


ONE_OFF = odds()
ONE_OFF[9] *= 1.5
NEGATIVE = odds()
NEGATIVE[9] = [-0.5, 1, 0.5]
HOLLOW = odds()
HOLLOW[9, 0] = np.nan

REFUSED = {
    "NaN": ({"pool": bad_rows(np.nan, [7, 21])}, ["pool", "NaN", "7", "21"]),
    "infinity": ({"pool": bad_rows(-np.inf, [13])}, ["pool", "infinity", "13"]),
    "many NaN": ({"pool": bad_rows(np.nan, slice(2, 40))}, ["pool", "2, 3, 4, 5, 6", "33 more"]),
    "NaN in a tensor": ({"pool": torch.from_numpy(bad_rows(np.nan, [7]))}, ["pool", "NaN", "7"]),
    "NaN in float16": ({"pool": bad_rows(np.nan, [7]).astype(np.float16)}, ["pool", "NaN", "7"]),
    "NaN among objects": ({"pool": bad_rows(np.nan, [7]).astype(object)}, ["pool", "NaN", "7"]),
    "beyond float32": ({"pool": bad_rows(1e200, [4])}, ["pool", "1e+200", "row 4", "scale"]),
    "1-D": ({"pool": np.zeros(5)}, ["pool", "2-D", "1-D", "(5,)"]),
    "3-D": ({"pool": np.zeros((5, 2, 2))}, ["pool", "2-D", "3-D", "(5, 2, 2)"]),
    "number": ({"pool": 3.0}, ["pool", "2-D", "0-D"]),
    "no rows": ({"pool": np.zeros((0, 3)), "budget": 0}, ["pool", "0 rows"]),
    "no columns": ({"pool": np.zeros((3, 0))}, ["pool", "0 feature"]),
    "strings": ({"pool": np.array([["a", "b"], ["c", "d"]])}, ["pool", "numbers", "<U1"]),
    "objects": ({"pool": np.array([[1, "b"], [3, {}]], dtype=object)}, ["pool", "numbers", "objects"]),
    "complex": ({"pool": cloud() + 1j}, ["pool", "complex"]),
    "dates": ({"pool": np.zeros((4, 2), "datetime64[s]")}, ["pool", "numbers", "datetime64"]),
    "ragged": ({"pool": [[1, 2], [3]]}, ["pool", "equal length"]),
    "sparse tensor": ({"pool": torch.eye(4).to_sparse()}, ["pool", "sparse", "to_dense"]),
    "None": ({"pool": None}, ["pool", "2-D"]),
    "labeled too great": ({"labeled": [0, N]}, ["labeled", f"0..{N - 1}", str(N)]),
    "labeled negative": ({"labeled": [0, -1]}, ["labeled", "-1"]),
    "labeled twice": ({"labeled": [4, 9, 4]}, ["labeled", "row 4", "more than once"]),
    "labeled floats": ({"labeled": [0.0, 1.0]}, ["labeled", "integer", "float64"]),
    "labeled mask": ({"labeled": np.arange(N) < 4}, ["labeled", "integer", "bool"]),
    "labeled strings": ({"labeled": ["a"]}, ["labeled", "integer"]),
    "labeled 2-D": ({"labeled": [[0, 1]]}, ["labeled", "1-D", "(1, 2)"]),
    "labeled ragged": ({"labeled": [[0], [1, 2]]}, ["labeled", "equal length"]),
    "labels too few": ({"labeled": [0, 1], "labels": [0]}, ["labels", "(2,)", "(1,)"]),
    "labels without rows": ({"labels": [0, 1]}, ["labels", "(0,)", "(2,)"]),
    "labels floats": ({"labeled": [0, 1], "labels": [0.5, 1]}, ["labels", "integer", "float64"]),
    "labels strings": ({"labeled": [0], "labels": ["cat"]}, ["labels", "integer"]),
    "probabilities too few": ({"probabilities": odds(N - 1)}, ["probabilities", f"({N}, classes)", f"({N - 1}, 3)"]),
    "probabilities 1-D": ({"probabilities": np.ones(N)}, ["probabilities", f"({N},)"]),
    "no classes": ({"probabilities": np.ones((N, 0))}, ["probabilities", f"({N}, 0)"]),
    "probabilities above one": ({"probabilities": ONE_OFF}, ["probabilities", "1.5", "row 9", "softmax"]),
    "probabilities negative": ({"probabilities": NEGATIVE}, ["probabilities", "-0.5", "row 9"]),
    "probabilities NaN": ({"probabilities": HOLLOW}, ["probabilities", "nan", "row 9"]),
    "probabilities strings": ({"probabilities": np.full((N, 2), "a")}, ["probabilities", "numbers"]),
    "probabilities ragged": ({"probabilities": [[1.0]] * (N - 1) + [[0.5, 0.5]]}, ["probabilities", "equal length"]),
    "mass too short": ({"mass": np.ones(N - 1)}, ["mass", f"({N},)", f"({N - 1},)"]),
    "mass 2-D": ({"mass": np.ones((N, 1))}, ["mass", f"({N}, 1)"]),
    "mass negative": ({"mass": np.r_[np.ones(N - 1), -2]}, ["mass", "negative", "-2", str(N - 1)]),
    "mass zero": ({"mass": np.zeros(N)}, ["mass", "all zero"]),
    "mass NaN": ({"mass": np.r_[np.nan, np.ones(N - 1)]}, ["mass", "finite", "nan", "row 0"]),
    "mass infinite": ({"mass": np.r_[np.inf, np.ones(N - 1)]}, ["mass", "finite", "inf", "row 0"]),
    "mass strings": ({"mass": ["a"] * N}, ["mass", "numbers"]),
    "mass objects": ({"mass": np.array([{}] * N)}, ["mass", "numbers"]),
    "random_state": ({"random_state": "seed"}, ["random_state", "'seed'"]),
}


@every
@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_one_sentence(name, case):
    arguments, words = REFUSED[case]
    arguments = {"pool": cloud(), "budget": 1, "probabilities": odds(N, name), **arguments}
    with pytest.raises(InputError) as error:
        get(name).query(arguments.pop("pool"), arguments.pop("budget"), **arguments)
    sentence = str(error.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence
    assert not isinstance(error.value, BudgetError)


@every
@pytest.mark.parametrize(
    ("budget", "word"),
    [
        (N - len(LABELED) + 1, f"at most {N - len(LABELED)}"),
        (10**30, "at most"),
        (-1, "negative"),
        (np.int8(-1), "negative"),
        (2.0, "float"),
        (np.float64(2), "float64"),
        (True, "bool"),
        (np.True_, "bool"),
        ("3", "str"),
        (None, "NoneType"),
    ],
)
def test_bad_budgets(name, budget, word):
    with raises_input("budget", kind=BudgetError) as error:
        ask(name, cloud(), budget, labeled=LABELED)
    assert word in str(error.value)


@distinct
def test_a_budget_of_any_integer_type(name):
    chosen = ask(name, cloud(), np.uint8(BUDGET), labeled=LABELED, labels=LABELS)
    assert np.array_equal(chosen.indices, usual(name).indices)
    assert type(chosen.provenance["budget"]) is int


@every
def test_no_budget_when_all_is_labeled(name):
    with pytest.raises(BudgetError, match="at most 0"):
        ask(name, cloud(), 1, labeled=np.arange(N))


@every
def test_missing_probabilities(name):
    if get(name).needs_probabilities:
        with pytest.raises(InputError, match=f"probabilities are needed by strategy '{name}'"):
            ask(name, cloud(), probabilities=None)
    else:
        assert keeps_contract(ask(name, cloud(), labeled=LABELED, probabilities=None), N, BUDGET, LABELED)


@pytest.mark.parametrize("name", [name for name in names() if not get(name).needs_draws and name != "spot-paper"])
@pytest.mark.parametrize("kind", ["float16", "float32", "one class", "certain", "nearly one"])
def test_probabilities_of_any_kind(name, kind):
    given = {
        "float16": odds().astype(np.float16),
        "float32": odds().astype(np.float32),
        "one class": np.ones((N, 1)),
        "certain": np.eye(3, dtype=np.int64)[np.arange(N) % 3],
        "nearly one": odds() * 1.005,
    }[kind]
    assert keeps_contract(ask(name, cloud(), 3, labeled=LABELED, probabilities=given), N, 3, LABELED)
