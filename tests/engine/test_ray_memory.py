"""Workers that Ray's own monitor ends for their memory in the middle of a pass: tried again, then one sentence."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.engine import small_machine
from tests.engine.small_machine import left

import spotal

pytest.importorskip("ray", reason="Ray is an optional part")
pytestmark = pytest.mark.ray

NAMESPACE = ["unshare", "--map-root-user", "--mount"]
GREEDY = """
import json, os, sys, time
import numpy as np

def eat(times):
    "Take more memory than there is and wait for the end, so many times."
    for number in range(times):
        try:
            os.close(os.open(f"{place}/eaten-{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        food = []
        while len(food) < 30:
            food.append(np.ones(8 << 20))
            time.sleep(0.03)
        time.sleep(60)
        raise AssertionError("nobody ended a worker that holds 1.9 GB")

place = os.getcwd()
"""
A_PASS = """
from pathlib import Path
from spotal.embed import embed_items, open_embedder, ray as embed
from spotal.embed.items.folder import FolderItems
from spotal.engine import Pass, run, using
from spotal.engine.ray import RayEngine
from spotal.errors import ResourceError
from spotal.pool import ArrayPool
from spotal.strategies import SPOT

class Greedy(ArrayPool):
    def __init__(self, array, times):
        super().__init__(array)
        self.times, self.driver = times, os.getpid()

    def batches(self, *span):
        if os.getpid() != self.driver:
            eat(self.times)
        return super().batches(*span)

class GreedyItems(FolderItems):
    def read(self, rows):
        if os.getpid() != driver:
            eat(99)
        return super().read(rows)

class Total(Pass):
    def map(self, batch): return len(batch.points)
    def merge(self, left, right): return left + right
    def finish(self, partial): return partial

def eaten():
    marks = [mark for mark in os.listdir(place) if mark.startswith("eaten")]
    for mark in marks:
        os.unlink(f"{place}/{mark}")
    return len(marks)

driver, embed.RETRIES, strategy = os.getpid(), 1, SPOT(sample_size=300)
X = np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32)
alone = strategy.query(X, 5, random_state=0)
items = GreedyItems(Path(f"{place}/photos"))
with RayEngine(sys.argv[1]) as cluster:
    with using(cluster.run):
        found = strategy.query(Greedy(X, 1), 5, random_state=0)
        said = [[found.indices.tolist() == alone.indices.tolist(), eaten()]]
        try:
            run(Total(), Greedy(X, 99))
        except ResourceError as error:
            said.append([str(error), eaten()])
    try:
        embedder = open_embedder(f"{place}/m.pt", items, f"{place}/pool", device="cpu")
        actors = embed.RayActors(cluster, f"{place}/m.pt")
        embed_items(items, embedder, f"{place}/pool", batch_size=4, workers=0, run=actors)
    except ResourceError as error:
        said.append([str(error), eaten()])
print(json.dumps(said))
"""


@pytest.fixture
def small(tmp_path):
    """Run a program on a machine of little memory that ends with all that it has started; gives what it said."""
    (tmp_path / "cgroup").mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("no unshare on this system, without which Ray cannot be told how much memory there is")
    trial = subprocess.run([*NAMESPACE, "mount", "--bind", tmp_path, "/sys/fs/cgroup"], capture_output=True, text=True)
    if trial.returncode:
        pytest.skip(f"nothing may be mounted, so that Ray cannot be told how much memory there is: {trial.stderr}")

    def run(nodes, program, *words, **environment):
        mark = uuid.uuid4().hex
        environment |= {"PYTHONPATH": str(Path(spotal.__file__).parents[1]), "MARK": mark, "RAY_worker_niceness": "0"}
        machine = [*NAMESPACE, sys.executable, small_machine.__file__, tmp_path / "cgroup", str(nodes)]
        done = subprocess.run(
            [*machine, sys.executable, "-c", GREEDY + program, *words],
            cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True,
        )  # fmt: skip
        assert left(mark) == []
        return done

    return run


def test_a_worker_that_ray_ends_for_its_memory(small, tmp_path):
    import torch

    from spotal.learner import networks

    (tmp_path / "photos").mkdir()
    for k in range(4):
        image = np.random.default_rng(k).integers(0, 256, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "photos" / f"{k}.png")
    network = networks.get("small-cnn", 3, 4)
    content = {"network": "small-cnn", "n_classes": 4, "in_channels": 3, "state_dict": network.state_dict()}
    torch.save(content, tmp_path / "m.pt")
    done = small(1, A_PASS, "ADDRESS")
    assert done.returncode == 0, done.stderr
    once, a_pass, actors = json.loads(done.stdout.splitlines()[-1])
    assert once == [True, 1]  # the same picks
    remedy = "make these smaller ({}) or run fewer workers on a machine (ray start --num-cpus)"
    said = "a Ray worker ran out of memory, with batches of 1,048,576 rows of 8 numbers; "
    assert a_pass == [said + remedy.format("--max-memory, max_memory"), 3]
    said = "a Ray worker ran out of memory, with batches of 4 items; "
    assert actors == [said + remedy.format("--batch-size"), 2]
