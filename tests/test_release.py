"""What would be released: small archives of the package alone, which work where nothing else of the repository is."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

import spotal

ROOT = Path(__file__).parents[1]
PACKAGES = [path for path in sys.path if Path(path).name == "site-packages"]
"""Where the dependencies are: the new environments read them there, so that nothing is fetched."""

pytestmark = pytest.mark.slow


def done(*command, **options):
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-2000:]
    return finished.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The sdist, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    done(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def test_archives_are_small(archives):
    assert all(archive.stat().st_size < 2_000_000 for archive in archives.values())


def test_the_wheel_has_the_package_and_nothing_else(archives):
    names = zipfile.ZipFile(archives["wheel"]).namelist()
    assert {name.split("/")[0] for name in names} == {"spotal", f"spotal-{spotal.__version__}.dist-info"}
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "spotal").rglob("*.py")}
    assert sources <= set(names)
    assert not [name for name in names if name.endswith((".d.ts", ".npz", ".gz", ".pyc"))]


def test_the_sdist_has_no_results_and_pictures_of_benchmarks(archives):
    with tarfile.open(archives["sdist"]) as archive:
        names = archive.getnames()
    assert not [name for name in names if "/benchmarks/" in name or "/tests/" in name or name.endswith(".png")]


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_it_works_in_an_environment_of_its_own(kind, archives, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv" / "lib").glob("*/site-packages")
    # spotal, installed for development there, is not seen: its .pth file does not count in a folder that a .pth adds
    (site / "packages.pth").write_text("\n".join(PACKAGES) + "\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    done(*pip, "install", "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", archives[kind])
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    inside = {"cwd": tmp_path, "env": clean}
    assert Path(done(python, "-c", "import spotal; print(spotal.__file__)", **inside).strip()).is_relative_to(site)
    if kind == "sdist":  # what pip makes of it is the wheel, which works
        names = [name for name in zipfile.ZipFile(archives["wheel"]).namelist() if ".dist-info/" not in name]
        assert {name: (site / name).read_bytes() for name in names} == {
            name: zipfile.ZipFile(archives["wheel"]).read(name) for name in names
        }
        return
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 8)))
    command = tmp_path / "venv" / "bin" / "spotal"
    done(command, "select", "rows.npy", "--budget", "5", **inside)
    assert (tmp_path / "picks.csv").read_text().count("\n") == 6
    (tmp_path / "mails.csv").write_text("id,text\n" + "".join(f"{k},a letter about {k}\n" for k in range(30)))
    done(command, "init", "mails", "--texts", "mails.csv", "--classes", "spam,fine", **inside)
    assert "Round 1: chose" in done(command, "next", "mails", **inside)
