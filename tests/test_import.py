"""``import spotal`` costs next to nothing, and everything that it promises is there."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import spotal

HEAVY = (
    "numba",
    "numpy",
    "torch",
    "ot",
    "scipy",
    "sklearn",
    "matplotlib",
    "pandas",
    "PIL",
    "pyarrow",
    "typer",
    "rich",
    "sqlalchemy",
)


def loaded(statement):
    """Top-level packages, and modules of scipy, that a fresh Python holds after the statement."""
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    command = [sys.executable, "-c", code]
    path = str(Path(spotal.__file__).parents[1])
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": path}, timeout=60)
    return set(done.stdout.split())


def test_import_loads_nothing_heavy():
    assert loaded("import spotal; dir(spotal); spotal.__version__").isdisjoint(HEAVY)


def test_the_version_needs_no_library_but_those_of_the_command_line():
    code = "from spotal.cli.main import app; app(['--version'], standalone_mode=False)"
    assert loaded(code).isdisjoint({*HEAVY, "pydantic"} - {"typer", "rich"})


@pytest.mark.parametrize("name", ["design", "errors", "loop", "pool", "Selection"])
def test_rooms_without_a_model_do_not_load_torch(name):
    assert loaded(f"import spotal; spotal.{name}").isdisjoint({"torch", "sklearn", "ot", "matplotlib", "scipy.stats"})


def test_select_draws_no_pictures_and_fits_nothing_of_scikit_learn():
    code = "import spotal, numpy; spotal.select(numpy.eye(9), 3, random_state=0)"
    assert loaded(code).isdisjoint({"matplotlib", "ot", "typer", "rich", "PIL", "sklearn", "pandas", "scipy.stats"})


def test_select_from_the_shell_loads_what_it_needs(tmp_path):
    np.save(tmp_path / "pool.npy", np.random.default_rng(0).normal(size=(30, 20)))
    code = "from spotal.cli.main import app; "
    code += f"app(['select', r'{tmp_path / 'pool.npy'}', '-n', '3', '-o', r'{tmp_path / 'picks.csv'}', '--json'], "
    code += "standalone_mode=False)"
    assert loaded(code).isdisjoint({"matplotlib", "ot", "PIL", "sklearn", "pandas", "scipy.stats", "scipy.spatial"})


@pytest.mark.parametrize("name", spotal.__all__)
def test_every_public_name_is_there(name):
    value = getattr(spotal, name)
    assert value is not None
    assert name in dir(spotal)


def test_every_room_is_reachable():
    """A new public package or module of spotal has to be named in its ``__all__``."""
    rooms = {module.name for module in pkgutil.iter_modules(spotal.__path__) if not module.name.startswith("_")}
    assert rooms <= set(spotal.__all__), "name these in src/spotal/__init__.py"
    for room in rooms:
        assert getattr(spotal, room) is importlib.import_module(f"spotal.{room}")


def test_public_names_of_the_rooms_are_there():
    for room in (
        "constraints",
        "design",
        "engine",
        "errors",
        "images",
        "loop",
        "mass",
        "pool",
        "reduce",
        "selection",
        "strategies",
        "transport",
    ):
        module = getattr(spotal, room)
        assert all(hasattr(module, name) for name in module.__all__)


def test_names_are_those_of_their_homes():
    from spotal.selection import Selection
    from spotal.strategies import SPOT

    assert spotal.SPOT is SPOT
    assert spotal.Selection is Selection


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'spotal' has no attribute 'spots'"):
        _ = spotal.spots


def test_version():
    project = Path(__file__).parents[1] / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == spotal.__version__
