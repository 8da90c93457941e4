"""The registry, how designs show themselves, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.raising import raises_input

import spotal.design
from spotal.design import Lattice, get, names
from spotal.errors import InputError


def test_names_and_get():
    assert names() == ("sobol", "halton", "latin-hypercube", "lattice", "maximin", "centroidal")
    lattice = get("lattice", candidates=8)
    assert isinstance(lattice, Lattice)
    assert lattice.candidates == 8
    assert repr(lattice) == "Lattice(candidates=8, shift=True)"


def test_unknown_name_and_parameter():
    with raises_input("design", "'zzz'"):
        get("zzz")
    with pytest.raises(InputError, match=r"found 'sobel'; did you mean 'sobol'\?$"):
        get("sobel")
    with pytest.raises(InputError, match=r"'scamble'.*scramble"):
        get("sobol", scamble=False)


def test_all_is_there():
    assert all(hasattr(spotal.design, name) for name in spotal.design.__all__)


def test_import_is_cheap():
    code = "import sys, spotal.design; sys.exit(any(m.split('.')[0] in ('scipy', 'torch') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
