"""What the tests of the commands share: a runner in an empty folder, and small pools."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner


@pytest.fixture(scope="package", autouse=True)
def quick():
    """Short trainings, on one thread."""
    import torch

    from spotal.bench.demo import run

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "STEPS", 20)
        yield


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def spotal(empty):
    """Run a command line; gives exit_code, stdout and stderr."""
    from spotal.cli.main import app

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})

    return run


@pytest.fixture
def refused(spotal, empty):
    """Run a command line that must end in one sentence, exit 2 and no new file; gives the sentence."""

    def run(*words):
        before = {path: path.read_bytes() for path in empty.rglob("*") if path.is_file()}
        result = spotal(*words)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        said = result.stderr.strip()
        assert said.startswith("Error: ")
        assert "\n" not in said
        assert {path: path.read_bytes() for path in empty.rglob("*") if path.is_file()} == before
        return said

    return run


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)


@pytest.fixture
def pool(empty, points):
    """The same pool, by kind of file; tables have the columns name, weight and label besides."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"item-{k}" for k in range(len(points))]
    weight = (np.arange(len(points)) % 3).astype(float)
    columns = {f"x{k}": points[:, k].astype(float) for k in range(points.shape[1])}
    np.save("pool.npy", points)
    np.savez("pool.npz", X=points, name=np.asarray(names), weight=weight)
    table = pa.table({"name": names, **columns, "weight": weight})
    pq.write_table(table, "pool.parquet")
    with Path("pool.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.column_names)
        writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return {kind: Path(f"pool.{kind}") for kind in ("npy", "npz", "csv", "parquet")}


@pytest.fixture
def images(empty):
    """A folder of 30 gray images in two sub-folders: digits of scikit-learn, enlarged."""
    from spotal.datasets import load

    data = load("digits")
    for k in range(30):
        place = Path("images", "even" if data.y[k] % 2 == 0 else "odd", f"{k:02}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.X[k, :, :, 0]).save(place)
    return Path("images")


@pytest.fixture
def picks():
    """The lines of a file of picks."""

    def read(path="picks.csv"):
        with Path(path).open(newline="") as file:
            return list(csv.DictReader(file))

    return read
