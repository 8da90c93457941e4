"""Checks of arguments: kinds of arrays, numbers, seeds and probabilities."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.strategies.base import Strategy
from spotal.strategies.contract.asking import (
    BUDGET,
    LABELED,
    LABELS,
    N,
    ask,
    case,
    cloud,
    odds,
    require,
    same,
    satisfies,
)

__all__ = ["ARGUMENT_CHECKS"]

KINDS: dict[str, Callable[[NDArray[np.float64]], Any]] = {
    "float16": lambda x: x.astype(np.float16),
    "float32": lambda x: x.astype(np.float32),
    "longdouble": lambda x: x.astype(np.longdouble),
    "Fortran order": np.asfortranarray,
    "another byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "every second of a larger array": lambda x: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2],
    "backward": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "read-only": lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    "list": lambda x: x.tolist(),
    "objects": lambda x: x.astype(object),
    "float16 tensor": lambda x: torch.from_numpy(x).half(),
    "float32 tensor": lambda x: torch.from_numpy(x).float(),
    "float64 tensor": torch.from_numpy,
    "tensor with a graph": lambda x: torch.from_numpy(x).requires_grad_() * 1,
    "transposed tensor": lambda x: torch.from_numpy(np.ascontiguousarray(x.T)).T,
}
WHOLE: dict[str, Callable[[NDArray[np.float64]], Any]] = {
    "uint8": lambda x: x.astype(np.uint8),
    "int64": lambda x: x.astype(np.int64),
    "int32 tensor": lambda x: torch.from_numpy(x).to(torch.int32),
    "int64 tensor": lambda x: torch.from_numpy(x).to(torch.int64),
    "bfloat16 tensor": lambda x: torch.from_numpy(x).to(torch.bfloat16),
}
SEEDS: dict[str, Callable[[], Any]] = {
    "numpy integer": lambda: np.int64(5),
    "Generator": lambda: np.random.default_rng(5),
    "RandomState": lambda: np.random.RandomState(5),
    "SeedSequence": lambda: np.random.SeedSequence(5),
    "None": lambda: None,
}


def the_same_values_in_another_kind_of_array(strategy: Strategy) -> None:
    """Arrays of any float type, order and strides, tensors, lists and memory maps give the same picks."""
    plain = ask(strategy, cloud(), labeled=LABELED, labels=LABELS)

    def check(pool: object) -> None:
        other = ask(strategy, pool, labeled=LABELED, labels=LABELS)
        same(other.indices, plain.indices, "picks")
        same(other.cells, plain.cells, "cells")

    for name, convert in KINDS.items():
        with case(name):
            check(convert(cloud()))
    with case("memmap"), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pool.dat")
        cloud().astype(np.float32).tofile(path)
        check(np.memmap(path, np.float32, "r", shape=cloud().shape))


def whole_numbers(strategy: Strategy) -> None:
    """Integers and bfloat16 give the same picks as floats."""
    pool = np.random.default_rng(3).integers(0, 128, (30, 6)).astype(np.float64)
    plain = ask(strategy, pool, 5)
    for name, convert in WHOLE.items():
        with case(name):
            same(ask(strategy, convert(pool), 5).indices, plain.indices, "picks")


def any_random_state_and_the_record_repeats_it(strategy: Strategy) -> None:
    """Integers, generators of both kinds, SeedSequences and None are accepted, and the record repeats the picks."""
    for name, make in SEEDS.items():
        with case(name):
            chosen = ask(strategy, cloud(), random_state=make())
            satisfies(chosen, N, BUDGET)
            repeated = ask(strategy, cloud(), random_state=chosen.provenance["random_state"])
            same(repeated.indices, chosen.indices, "picks with the seed on record")
            if make() is not None:
                same(ask(strategy, cloud(), random_state=make()).indices, chosen.indices, "picks with the same seed")


def the_other_arguments_may_be_lists_or_tensors(strategy: Strategy) -> None:
    """labeled, labels, probabilities and mass may be lists or tensors."""
    weight = np.random.default_rng(4).random(N)
    plain = ask(strategy, cloud(), labeled=LABELED, labels=LABELS, mass=weight)
    for convert in (np.ndarray.tolist, torch.from_numpy):
        options = {
            "labeled": convert(np.array(LABELED)),
            "labels": convert(np.array(LABELS)),
            "probabilities": convert(odds(strategy)),
            "mass": convert(weight),
        }
        with case(convert):
            same(ask(strategy, cloud(), **options).indices, plain.indices, "picks")


def arguments_are_not_changed(strategy: Strategy) -> None:
    """The caller's arrays are not written to."""
    given = {
        "pool": cloud(),
        "labeled": np.array(LABELED),
        "labels": np.array(LABELS),
        "probabilities": odds(strategy),
        "mass": np.arange(N, dtype=np.float64),
    }
    before = {name: array.copy() for name, array in given.items()}
    ask(strategy, **given).to_dict()
    for name, array in given.items():
        same(array, before[name], name)


def a_budget_of_any_integer_type(strategy: Strategy) -> None:
    """NumPy integers are accepted as budgets."""
    plain = ask(strategy, cloud(), labeled=LABELED, labels=LABELS)
    chosen = ask(strategy, cloud(), np.uint8(BUDGET), labeled=LABELED, labels=LABELS)
    same(chosen.indices, plain.indices, "picks")
    require(type(chosen.provenance["budget"]) is int, "the budget on record must be an int")


def probabilities_of_any_kind(strategy: Strategy) -> None:
    """Any float type, one class, certain rows and rounding errors are accepted; also None if it is not needed."""
    if not strategy.needs_probabilities:
        satisfies(ask(strategy, cloud(), labeled=LABELED, probabilities=None), N, BUDGET, LABELED)
    if strategy.needs_draws:
        return
    kinds = {
        "float16": odds().astype(np.float16),
        "float32": odds().astype(np.float32),
        "one class": np.ones((N, 1)),
        "certain": np.eye(3, dtype=np.int64)[np.arange(N) % 3],
        "nearly one": odds() * 1.005,
    }
    for name, given in kinds.items():
        with case(name):
            satisfies(ask(strategy, cloud(), 3, labeled=LABELED, probabilities=given), N, 3, LABELED)


ARGUMENT_CHECKS = (
    the_same_values_in_another_kind_of_array,
    whole_numbers,
    any_random_state_and_the_record_repeats_it,
    the_other_arguments_may_be_lists_or_tensors,
    arguments_are_not_changed,
    a_budget_of_any_integer_type,
    probabilities_of_any_kind,
)
