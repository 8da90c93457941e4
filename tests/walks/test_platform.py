"""A platform whose embeddings are Parquet shards: plan, select under a memory limit, and again after labeling."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
from tests.walks.steps import Terminal, written

import spotal

SCALE = "docs/start/scale.md"
ROWS, CLUSTERS, BUDGET = 6_000, 12, 60
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def clusters(tmp_path):
    """Rows in Parquet shards with ids; the cluster of each id, which are of very different sizes."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    cluster = rng.choice(CLUSTERS, ROWS, p=np.geomspace(1, 0.02, CLUSTERS) / np.geomspace(1, 0.02, CLUSTERS).sum())
    rows = (6 * rng.normal(size=(CLUSTERS, 16))[cluster] + rng.normal(size=(ROWS, 16))).astype(np.float32)
    table = pa.table({"id": [f"item-{k}" for k in range(ROWS)], "embedding": list(rows)})
    for folder, shards in (("shards", 3), ("others", 5)):
        (tmp_path / folder).mkdir()
        for k, part in enumerate(np.array_split(np.arange(ROWS), shards)):
            parquet.write_table(table.take(part), tmp_path / folder / f"part-{k}.parquet")
    return {f"item-{k}": int(cluster[k]) for k in range(ROWS)}


def picked(folder):
    with (folder / "picks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_shards_to_picks_and_on_from_their_labels(clusters, tmp_path):
    run = Terminal(tmp_path)
    said = run(written(SCALE, "spotal select shards/ --budget 10000 --plan", budget=BUDGET))
    assert f"{BUDGET} of {ROWS:,} rows of 16 numbers" in said
    assert not (tmp_path / "picks.csv").exists()

    command = written(SCALE, "spotal select shards/ --budget 10000 --max-memory 2GB", budget=BUDGET)
    run(command)
    first = picked(tmp_path)
    assert len({line["id"] for line in first}) == BUDGET
    assert {clusters[line["id"]] for line in first} == set(range(CLUSTERS))  # the rarest has 2 % of the largest
    found = spotal.select(str(tmp_path / "shards"), BUDGET, max_memory="2GB", random_state=0)
    assert [int(line["row"]) for line in first] == found.indices.tolist()

    shutil.move(tmp_path / "shards", tmp_path / "old")  # the same rows, cut otherwise
    shutil.move(tmp_path / "others", tmp_path / "shards")
    run(command)
    assert [line["id"] for line in picked(tmp_path)] == [line["id"] for line in first]

    lines = ["id,label", *(f"{line['id']},{clusters[line['id']]}" for line in first)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    run(f"{command} --labeled labels.csv")
    more = picked(tmp_path)
    assert len(more) == BUDGET
    assert not {line["id"] for line in more} & {line["id"] for line in first}
