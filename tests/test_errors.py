"""An InputError has fields, its sentence is made of them, and it survives a process border."""

import ast
import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.raising import raises_input

import spotal
from spotal.design import Sobol
from spotal.design import get as design
from spotal.errors import BudgetError, InputError, SkippedWarning, SpotalError
from spotal.learner import SklearnLearner
from spotal.loop import ActiveLearner
from spotal.mass import Margin
from spotal.numeric.checks import check_count
from spotal.numeric.seeds import as_generator, as_seed, check_seed
from spotal.strategies import SPOT, get
from spotal.transport import SlicedTransport


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("n", "'ten'", "give a number", must="be a count"), "n must be a count, found 'ten'; give a number"),
        (InputError("n", 3, must="be even"), "n must be even, found 3"),
        (InputError("n", must="be given", remedy="name one"), "n must be given; name one"),
        (InputError("X", "has 3 columns", "pass 2"), "X has 3 columns; pass 2"),
        (InputError("path", "is empty", subject="a.csv"), "a.csv is empty"),
    ],
)
def test_a_sentence_is_made_of_the_fields(error, sentence):
    assert str(error) == sentence
    assert isinstance(error.found, str)
    assert isinstance(error, ValueError)
    assert isinstance(error, SpotalError)


def test_one_says_what_was_found_or_what_must_be():
    with pytest.raises(TypeError, match="what was found"):
        InputError("a whole sentence")


def test_another_name_for_the_argument():
    error = BudgetError("budget", 3, "raise it", must="be at least 5")
    assert error.sentence("--budget") == "--budget must be at least 5, found 3; raise it"
    other = error.renamed("batch_size")
    assert type(other) is BudgetError
    assert (other.argument, other.found, other.remedy, other.must) == ("batch_size", "3", "raise it", "be at least 5")
    assert str(error.within("table 'stop'").within("a.toml")) == f"a.toml: table 'stop': {error}"
    assert error.within("a.toml").sentence("--budget") == f"a.toml: {error}"


def fields(error):
    return type(error), str(error), vars(error)


def fail(number):
    raise BudgetError("budget", number, "lower it", must="be at most 3", subject="the budget")


def refuse(number):
    get("spot").query(np.zeros((3, 2)), number)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_everything(protocol):
    with pytest.raises(BudgetError) as caught:
        fail(4)
    assert fields(pickle.loads(pickle.dumps(caught.value, protocol))) == fields(caught.value)
    assert fields(copy.deepcopy(caught.value)) == fields(caught.value)
    warning = SkippedWarning("skipped 1 of 2", "pass strict=True")
    assert str(pickle.loads(pickle.dumps(warning, protocol))) == "skipped 1 of 2, or pass strict=True to stop at them"


def test_an_error_of_another_process_is_the_same():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for work in (fail, refuse):
            with pytest.raises(BudgetError) as here:
                work(4)
            with pytest.raises(BudgetError) as there:
                pool.submit(work, 4).result()
            assert fields(there.value) == fields(here.value)


def test_every_error_is_raised_by_its_fields():
    """No sentence is written whole, none is edited after it was made."""
    for path in Path(spotal.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("InputError", "BudgetError"):
                where = f"{path}:{call.lineno}"
                assert len(call.args) + len(call.keywords) > 1, where
                name = call.args[0]
                assert not isinstance(name, ast.JoinedStr), where
                assert not isinstance(name, ast.Constant) or name.value.isidentifier(), where
                assert "str(error).replace" not in ast.unparse(call), where


@pytest.mark.parametrize("value", [-1, 2.0, "3", True, np.True_, None, [1]])
def test_what_is_no_count(value):
    with raises_input("n", repr(value)):
        check_count(value, "n")


def test_counts():
    assert [check_count(value, "n", 1, 5) for value in (1, np.int8(5), np.array(2))] == [1, 5, 2]
    with raises_input("n", 6, kind=BudgetError) as caught:
        check_count(6, "n", 1, 5, of=", the rows of X", error=BudgetError)
    assert caught.value.must == "be an integer of 1 to 5, the rows of X"


@pytest.mark.parametrize("seed", [-1, np.int64(-1), True, "seed", 1.0])
def test_one_rule_for_seeds(seed):
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    learner = SklearnLearner(LogisticRegression(), 2)
    for call in (
        lambda: get("spot").query(X, 2, random_state=seed),
        lambda: design("sobol").points(2, 2, random_state=seed),
        lambda: ActiveLearner(X, learner, get("random"), y.take, batch_size=1, random_state=seed),
    ):
        with raises_input("random_state", repr(seed)):
            call()


def test_seeds():
    assert check_seed(np.int64(3)) == 3
    assert check_seed(None) is None
    for make in (np.random.default_rng, np.random.RandomState, np.random.SeedSequence):
        assert as_seed(make(1)) == as_seed(make(1)) != as_seed(make(2))
        assert as_generator(make(1)).random() == as_generator(make(1)).random()


@pytest.mark.parametrize(
    ("call", "argument", "remedy"),
    [
        (lambda: get("sopt"), "strategy", "did you mean 'spot'?"),
        (lambda: get("zzz"), "strategy", ""),
        (lambda: get(SPOT), "strategy", "make one of it: SPOT()"),
        (lambda: spotal.select(np.eye(4), 1, strategy=SPOT), "strategy", "make one of it: SPOT()"),
        (lambda: spotal.select(np.eye(4), 1, strategy="Spot"), "strategy", "did you mean 'spot'?"),
        (lambda: design("Halton"), "design", "did you mean 'halton'?"),
        (lambda: design(Sobol), "design", "make one of it: Sobol()"),
        (lambda: SPOT.paper(design=Sobol), "design", "make one of it: Sobol()"),
        (lambda: SPOT(mass="margn^2"), "mass", "did you mean 'margin'?"),
        (lambda: SPOT(mass=Margin), "mass", "make one of it: Margin()"),
        (lambda: SPOT.paper(transport=SlicedTransport), "transport", "make one of it: SlicedTransport()"),
    ],
)
def test_what_may_be_meant(call, argument, remedy):
    with raises_input(argument) as caught:
        call()
    assert caught.value.remedy == remedy
