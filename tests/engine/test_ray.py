"""Passes on a real Ray cluster of several nodes: the same picks, whoever is lost on the way; nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from tests.engine.small_machine import left, marked
from tests.raising import raises_input

import spotal
from spotal.embed import embed_items, open_embedder
from spotal.embed.items.folder import FolderItems
from spotal.embed.ray import RayActors
from spotal.engine import Pass, run, using, watching
from spotal.errors import DataFileError, InputError, ResourceError
from spotal.learner import networks
from spotal.numeric.arrays import batches_of
from spotal.pool import ArrayPool, ShardedPool, as_array, as_pool, bad_rows, open_pool
from spotal.strategies import SPOT

ray = pytest.importorskip("ray", reason="Ray is an optional part")

from spotal.engine import ray as home  # noqa: E402 - after the check that Ray is there

pytestmark = pytest.mark.ray
HASTE = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "health_check_failure_threshold": 8}
"""A node that is killed is taken for dead after four seconds, not after twenty."""
BATCH = 256
"""Rows of a batch of the widest rows."""


@pytest.fixture(scope="module")
def cluster():
    """A head without cores and four nodes of one core; gives the engine that runs there."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    small = {"object_store_memory": 80 << 20}
    nodes = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "_system_config": HASTE, **small},
    )
    for _ in range(4):
        nodes.add_node(num_cpus=1, wait=False, **small)
    nodes.wait_for_nodes()
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        with home.RayEngine(nodes.address) as engine:
            yield engine.run
    finally:
        nodes.shutdown()


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """A pool of which a sample is drawn, float16 (1,100,000, 48) in a file: seven batches."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("pool") / "x.npy"
    few = rng.normal(size=(11_000, 48)) + 4 * rng.integers(0, 3, (11_000, 1))
    np.save(path, np.tile(few, (100, 1)).astype(np.float16) + rng.random((1_100_000, 1), np.float32).astype(np.float16))
    return np.load(path, mmap_mode="r")


class Fatal(ArrayPool):
    """A pool that ends the first worker that reads it, then the node of another one."""

    def __init__(self, array, folder):
        super().__init__(array)
        self.folder, self.driver = folder, os.getpid()

    def batches(self, *span):
        if os.getpid() != self.driver and not self.kills("worker", os.getpid()):
            parent = os.getppid()
            if b"raylet" in Path(f"/proc/{parent}/cmdline").read_bytes():  # not that of a node that is dead already
                self.kills("node", parent)
        return super().batches(*span)

    def kills(self, name, process):
        try:
            os.close(os.open(self.folder / name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        os.kill(process, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)  # a machine that is lost takes its workers along
        return True


class Broken(ArrayPool):
    """A pool that is not finite where a worker reads it."""

    def __init__(self, array):
        super().__init__(array)
        self.driver = os.getpid()

    def batches(self, *span):
        for batch in super().batches(*span):
            if os.getpid() != self.driver and batch.start <= 700_001 < batch.start + len(batch.points):
                batch.points[700_001 - batch.start, 5] = np.nan
            yield batch


class Total(Pass):
    """The number and the sum of the rows, exactly; where ``fail`` is met something happens."""

    def __init__(self, fail=None):
        self.fail = fail

    def map(self, batch):
        if self.fail is not None and batch.start > 500_000:
            self.fail()
        return [len(batch.points), int(batch.points.long().sum())]

    def merge(self, left, right):
        left[0] += right[0]
        left[1] += right[1]
        return left

    def finish(self, partial):
        return partial


def test_the_same_picks_though_workers_and_nodes_are_killed_in_each_pass(cluster, mapped, tmp_path):
    strategy, known = SPOT(), {"random_state": 3, "labeled": [5, 7]}
    alone = strategy.query(mapped, 40, **known)
    pool, passes = Fatal(mapped, tmp_path), []

    def begins(title, done, total):
        if not done:
            passes.append((title, sorted(os.listdir(tmp_path))))
            for mark in tmp_path.iterdir():
                mark.unlink()

    with using(cluster), watching(begins):
        found = strategy.query(pool, 40, **known)
        cells = found.cells  # the pass that finds every row's pick
    # in each pass, as the next one finds it, a worker and a node were ended
    passes.append(("end", sorted(os.listdir(tmp_path))))
    titles = ["reading the pool", "assigning rows", "end"]
    assert passes == [(titles[0], []), *((title, ["node", "worker"]) for title in titles[1:])]
    np.testing.assert_array_equal(found.indices, alone.indices)
    np.testing.assert_array_equal(found.cell_mass, alone.cell_mass)
    np.testing.assert_array_equal(cells, alone.cells)
    assert sum(node["Alive"] for node in ray.nodes()) == 3


def test_small_pools_have_the_same_picks_too(cluster):
    X = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    known = {"labeled": [3, 4], "labels": [0, 1], "random_state": 1}
    alone = SPOT().query(X, 12, **known)
    with using(cluster):
        found = SPOT().query(X, 12, **known)
    np.testing.assert_array_equal(found.indices, alone.indices)
    np.testing.assert_array_equal(found.cells, alone.cells)


def test_a_pass_counts_every_row_once_and_tells_how_far_it_is(cluster, mapped):
    seen = []
    with watching(lambda *at: seen.append(at)), using(cluster):
        found = run(Total(), ArrayPool(mapped))
    assert found == run(Total(), ArrayPool(mapped))
    assert found[0] == len(mapped)
    assert seen[0] == ("reading the pool", 0, len(mapped))
    assert seen[-1] == ("reading the pool", len(mapped), len(mapped))


@pytest.mark.parametrize(("n", "cores"), [(1, 1), (256, 64), (10_000, 1), (10_000, 3), (100_001, 1_000)])
def test_stretches_are_whole_batches_that_cover_all_rows(n, cores):
    cuts = list(home.stretches(n, 1 << 20, cores))
    assert [start for start, _ in cuts] == [0, *(stop for _, stop in cuts[:-1])]
    assert cuts[-1][1] == n
    assert all(start % BATCH == 0 and start < stop for start, stop in cuts)
    assert len(cuts) <= max(1, home.STRETCHES_A_CORE * cores)


def test_what_a_pass_raises_is_raised_as_it_is(cluster, mapped):
    with using(cluster), raises_input("pool", "row(s) 700001") as caught:
        SPOT().query(Broken(mapped), 4, random_state=0)
    assert caught.value.must == "be finite"


def test_shards_of_tables_and_what_is_wrong_with_them(cluster, tmp_path):
    strategy = SPOT(sample_size=500)
    rows = np.random.default_rng(0).normal(size=(3_000, 6)).astype(np.float32)
    rows[[1_100, 2_900], [0, 3]] = np.nan
    for number, part in enumerate(np.split(rows, (1_000, 1_700))):
        parquet.write_table(pa.table({"embedding": list(part)}), tmp_path / f"{number}.parquet", row_group_size=300)
    opened = open_pool(tmp_path)
    bad = bad_rows(opened)
    pool, clean = ShardedPool(opened.shards, bad), np.delete(rows, bad, axis=0)
    alone = spotal.select(clean, 20, strategy, random_state=0)
    blocks = ray.data.from_arrow([pa.table({"embedding": list(part)}) for part in np.split(clean, (500, 2_000))])
    with using(cluster), batches_of(0):  # twelve batches
        for source in (pool, blocks):
            found = spotal.select(source, 20, strategy, random_state=0)
            np.testing.assert_array_equal(found.indices, alone.indices)
            np.testing.assert_array_equal(found.cell_mass, alone.cell_mass)
        assert (
            spotal.select(blocks, 20, strategy, random_state=0, engine="ray").indices.tolist() == alone.indices.tolist()
        )
        assert ray.is_initialized()
        with pytest.raises(InputError, match=r"finite, .* row\(s\) (100 of .*1|1200 of .*2)\.parquet"):
            SPOT().query(opened, 4, random_state=5)
        (tmp_path / "1.parquet").unlink()
        with pytest.raises(DataFileError, match=r"1\.parquet is gone"):
            run(Total(), opened)


def test_tensors_of_ray_data_keep_their_order(cluster):
    rows = np.random.default_rng(0).normal(size=(700, 6)).astype(np.float32)
    dataset = ray.data.from_numpy(np.split(rows, (100, 400))).map_batches(slow_at_first)
    np.testing.assert_array_equal(as_array(dataset), rows)
    pool = as_pool(dataset)
    assert (len(pool), pool.dim, pool.ids()) == (700, 6, None)
    np.testing.assert_array_equal(pool.rows(np.array([650, 3])).numpy(), rows[[650, 3]])
    assert pool.where(400) == "0 of block 2"


def slow_at_first(batch):
    time.sleep(0.5 * (len(batch["data"]) == 100))
    return batch


def full():
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, limit[1]))
    try:
        np.ones(1 << 33)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limit)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_without_memory_is_one_sentence(cluster, mapped, monkeypatch):
    pool = ArrayPool(mapped)
    with using(cluster), pytest.raises(ResourceError, match="a Ray worker ran out of memory"):
        run(Total(full), pool)
    monkeypatch.setattr(home, "RETRIES", 1)
    # as the system ends a process when memory runs out
    with using(cluster), pytest.raises(ResourceError, match="Ray workers were lost 2 times at the same work"):
        run(Total(killed), pool)
    with using(cluster):
        assert run(Total(), pool)[0] == len(mapped)


def test_files_are_read_where_the_work_is(tmp_path):
    X = np.arange(600 * 4_096, dtype=np.float32).reshape(600, 4_096)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for array in (mapped, mapped[100:], mapped[::2]):
        sent = home._as_file(array)
        assert isinstance(sent, tuple) == (array.strides[0] == X.strides[0])
        np.testing.assert_array_equal(home._mapped(sent), array)


def test_no_cluster_and_no_ray(monkeypatch):
    with pytest.raises(InputError, match=r"ray_address 127\.0\.0\.1:1 has no cluster"), home.RayEngine("127.0.0.1:1"):
        pass
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"needs Ray .*spotal\[ray\]"), home.RayEngine():
        pass


SLOW = """
import os, sys, time
from spotal.engine import ray
really, title = ray._map, sys.argv.pop(1)
def slowly(held, *stretch):
    if held[0].title == title:
        open("begun", "w").close()
        time.sleep(600)
    return really(held, *stretch)
ray._map = slowly
from spotal.cli.main import main
main()
"""


def start(folder, title, mark):
    """``spotal select`` on a cluster of its own, where a worker does not come to the end of the pass of that title."""
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(6_000, 8)))
    (folder / "labeled.txt").write_text("3\n4\n")
    environment = {"PYTHONPATH": str(Path(spotal.__file__).parents[1]), "MARK": mark}
    words = ["select", "x.npy", "-n", "5", "--engine", "ray", "--labeled", "labeled.txt"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, title, *words],
        cwd=folder, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while not (folder / "begun").exists() and process.poll() is None:
        time.sleep(0.05)
    return process


@pytest.mark.parametrize(
    ("title", "kill"), [("reading the pool", os.kill), ("assigning rows", os.killpg)], ids=["one", "all"]
)
def test_ctrl_c_leaves_no_process_behind(tmp_path, title, kill):
    mark = uuid.uuid4().hex
    process = start(tmp_path, title, mark)
    assert len(marked(mark)) > 3  # Ray's own and a worker
    kill(process.pid, signal.SIGINT)  # a program sends it to the command alone, a terminal to all that it started
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.strip().endswith("Interrupted.")
    assert left(mark) == []
    assert not (tmp_path / "picks.csv").exists()


def test_what_a_worker_lacks_memory_for_is_said():
    for error in (
        ray.exceptions.OutOfMemoryError("Task was killed due to the node running low on memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried to"),
        MemoryError(),
    ):
        said = home.in_words(ray, error, "batches of 9 rows", "--less")
        assert isinstance(said, ResourceError)
        assert str(said) == (
            "a Ray worker ran out of memory, with batches of 9 rows; make these smaller (--less) or run fewer workers "
            "on a machine (ray start --num-cpus)"
        )
    other = RuntimeError("something else")
    assert home.in_words(ray, other, "", "") is other


class FatalItems(FolderItems):
    """A folder of images that ends the first worker that reads it."""

    def __init__(self, folder, marks):
        super().__init__(folder)
        self.marks, self.driver = marks, os.getpid()

    def read(self, rows):
        if os.getpid() != self.driver:
            try:
                os.close(os.open(self.marks / "actor", os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), signal.SIGKILL)
            except FileExistsError:
                pass
        return super().read(rows)


def test_actors_embed_the_same_shards_though_one_is_killed(cluster, tmp_path):
    for k in range(30):
        image = np.random.default_rng(k).integers(0, 256, (8, 8, 3)).astype(np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "photos" / f"{k:02}.png")
    (tmp_path / "photos" / "03.png").write_bytes(b"no image")
    network = networks.get("small-cnn", 3, 4)
    content = {"network": "small-cnn", "n_classes": 4, "in_channels": 3, "state_dict": network.state_dict()}
    torch.save(content, tmp_path / "m.pt")
    items = FatalItems(tmp_path / "photos", tmp_path)
    embedder = open_embedder(tmp_path / "m.pt", items, tmp_path / "alone", device="cpu")
    options = {"batch_size": 4, "shard_rows": 8, "workers": 0}
    embed_items(items, embedder, tmp_path / "alone", **options)
    seen = []
    actors = RayActors(cluster.__self__, str(tmp_path / "m.pt"))
    done = embed_items(items, embedder, tmp_path / "there", **options, progress=lambda *at: seen.append(at), run=actors)
    assert (tmp_path / "actor").exists()
    assert (done.n_embedded, [item.id for item in done.skipped], seen[-1]) == (29, ["03.png"], (30, 30))
    names = sorted(path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*.*"))
    assert len(names) == 10
    for name in names:
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name
