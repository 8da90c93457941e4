"""A pool's folder: shards and manifest, what is embedded again, kills, and items that cannot be read."""

import hashlib
import json
import os
import signal
import subprocess
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from tests.forks import COMMAND, python
from tests.raising import raises_input
from torch import nn

from spotal.embed import TorchEmbedder, embed_items, open_embedder, open_items, train_embedder
from spotal.errors import DataFileError, InputError, ModelError, OutputError, ResourceError, SpotalWarning
from spotal.pool.files import read_pool
from spotal.pool.manifest import read_manifest


class Mean(nn.Module):
    """The mean color, and a note of how many images it saw at a time."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.sizes = []

    def forward(self, x):
        self.sizes.append(len(x))
        return x.mean((2, 3)) * self.factor


def run(source, out, module=None, **options):
    items = open_items(source)
    embedder = open_embedder(module or Mean(), items, out, device="cpu")
    return embed_items(items, embedder, out, **{"workers": 0, "shard_rows": 8, "batch_size": 3} | options)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_shards_ids_and_manifest(photos, tmp_path):
    module, seen = Mean(), []
    done = run(photos, tmp_path / "pool", module, progress=lambda *at: seen.append(at))
    assert module.sizes == [3, 3, 2, 3, 3, 2, 3, 1]  # no batch lies across two shards
    assert seen[-1] == (20, 20)
    assert done.n_embedded == 20
    manifest = read_manifest(tmp_path / "pool")
    assert [shard.rows for shard in manifest.shards] == [8, 8, 4]
    assert (manifest.rows, manifest.dim, manifest.dtype, manifest.skipped) == (20, 3, "float16", ())
    assert manifest.recipe["class"] == "Mean"
    assert manifest.recipe["image_size"] == 9  # the longer side of the first one
    assert manifest.versions["torch"]
    first = np.load(tmp_path / "pool" / manifest.shards[0].file)
    assert hashlib.blake2b(first.data, digest_size=16).hexdigest() == manifest.shards[0].blake2b
    pool = read_pool(tmp_path / "pool")
    assert pool.kind == "shards"
    assert pool.ids == open_items(photos).ids
    assert pool.features.dtype == np.float16
    images = [np.asarray(Image.open(photos / key).resize((9, 9), Image.Resampling.BILINEAR)) for key in pool.ids]
    np.testing.assert_allclose(pool.features, [image.mean((0, 1)) / 255 for image in images], atol=1e-3)


def test_processes_that_decode_change_nothing(photos, tmp_path):
    (photos / "0" / "03.png").write_bytes(b"no image")
    for workers in (0, 2):
        run(photos, tmp_path / str(workers), workers=workers)
    assert files(tmp_path / "0") == files(tmp_path / "2")


def test_only_what_is_new_is_embedded(photos, tmp_path):
    run(photos, tmp_path / "pool")
    before = files(tmp_path / "pool")
    for name in ("0/0a.png", "new.png"):
        Image.fromarray(np.full((30, 30, 3), 100, np.uint8)).save(photos / name)
    module = Mean()
    done = run(photos, tmp_path / "pool", module)
    assert (module.sizes, done.n_embedded) == ([2], 2)
    after = files(tmp_path / "pool")
    assert {name: after[name] for name in before if name != "pool.json"} == {
        name: digest for name, digest in before.items() if name != "pool.json"
    }
    assert read_pool(tmp_path / "pool").ids[-2:] == ["0/0a.png", "new.png"]
    assert read_manifest(tmp_path / "pool").recipe["image_size"] == 9
    module = Mean()
    assert run(photos, tmp_path / "pool", module).n_embedded == 0
    assert module.sizes == []
    assert files(tmp_path / "pool") == after


def test_rows_added_to_a_table_are_new_and_rows_taken_are_an_error(tmp_path):
    def table(n):
        image = [np.asarray(Image.new("RGB", (4, 4), (k, k, k))) for k in range(n)]
        content = []
        for k in range(n):
            Image.fromarray(image[k]).save(tmp_path / "x.png")
            content.append({"bytes": (tmp_path / "x.png").read_bytes(), "path": None})
        pq.write_table(pa.table({"image": content}), tmp_path / "pool.parquet", row_group_size=3)

    table(5)
    run(tmp_path / "pool.parquet", tmp_path / "pool")
    table(9)
    assert run(tmp_path / "pool.parquet", tmp_path / "pool").n_embedded == 4
    pool = read_pool(tmp_path / "pool")
    assert pool.ids.tolist() == list(range(9))
    np.testing.assert_allclose(pool.features[:, 0] * 255, range(9), atol=0.01)
    table(7)
    with raises_input("source", "fewer rows in pool.parquet than when it was embedded"):
        run(tmp_path / "pool.parquet", tmp_path / "pool")


def test_items_that_cannot_be_read(photos, tmp_path):
    for k in (2, 3, 19):
        (photos / f"{k % 2}" / f"{k:02}.png").write_bytes(b"no image")
    with pytest.raises(DataFileError, match=r"0/02\.png cannot be read .* --strict"):
        run(photos, tmp_path / "strict", strict=True)
    done = run(photos, tmp_path / "pool")
    assert [item.id for item in done.skipped] == ["0/02.png", "1/03.png", "1/19.png"]
    assert done.skipped == done.manifest.skipped
    assert done.n_embedded == 17
    assert "not an image" in done.skipped[0].reason
    assert [shard.rows for shard in done.manifest.shards] == [7, 7, 3]
    again = run(photos, tmp_path / "pool")
    assert (again.n_embedded, again.skipped, len(again.manifest.skipped)) == (0, (), 3)
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(photos / "1" / "03.png")  # repaired
    mended = run(photos, tmp_path / "pool")
    assert mended.n_embedded == 1
    assert [item.id for item in mended.manifest.skipped] == ["0/02.png", "1/19.png"]
    assert read_pool(tmp_path / "pool").ids[-1] == "1/03.png"


def test_a_shard_of_nothing_but_bad_items(photos, tmp_path):
    for k in range(0, 16, 2):
        (photos / "0" / f"{k:02}.png").write_bytes(b"no image")
    done = run(photos, tmp_path / "pool")
    assert [shard.rows for shard in done.manifest.shards] == [8, 4]
    assert done.manifest.shards[0].file == "shard-00000.npy"
    for path in photos.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataFileError, match="no image of the source can be read"):
        run(photos, tmp_path / "none")
    with pytest.raises(DataFileError, match="20 of 20 items cannot be read"):
        embed_items(open_items(photos), TorchEmbedder(Mean(), image_size=4), tmp_path / "none", workers=0)


def test_items_that_have_gone_or_changed_are_told(photos, tmp_path):
    run(photos, tmp_path / "pool")
    (photos / "0" / "00.png").unlink()
    with pytest.warns(SpotalWarning, match=r"1 items of .* are gone from the source \(first '0/00\.png'\)"):
        run(photos, tmp_path / "pool")
    run(photos, tmp_path / "again")
    Image.fromarray(np.zeros((30, 31, 3), np.uint8)).save(photos / "0" / "02.png")
    with pytest.warns(SpotalWarning, match=r"1 files have another size .* \(first '0/02\.png'\)"):
        run(photos, tmp_path / "again")


@pytest.mark.parametrize("name", ["shard-00001.npy", "ids/shard-00001.parquet"])
def test_a_shard_that_is_lost_is_made_again(photos, tmp_path, name):
    run(photos, tmp_path / "pool")
    before = files(tmp_path / "pool")
    path = tmp_path / "pool" / name
    if name.endswith(".npy"):
        path.write_bytes(path.read_bytes()[:-2])
        with pytest.raises(DataFileError, match=r"shard-00001\.npy"):
            read_pool(tmp_path / "pool")
    else:
        path.write_bytes(path.read_bytes()[:-2])
    assert run(photos, tmp_path / "pool").n_embedded == 8
    assert files(tmp_path / "pool") == before


@pytest.mark.parametrize(
    "column", [[[1.0]] * 8, [1.5] * 8, ["a"] * 8, [True] * 8], ids=["lists", "floats", "one", "bools"]
)
def test_a_shard_whose_ids_are_none_is_made_again(photos, tmp_path, column):
    run(photos, tmp_path / "pool")
    before = files(tmp_path / "pool")
    path = tmp_path / "pool/ids/shard-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("id"), "id", pa.array(column)), path)
    assert run(photos, tmp_path / "pool").n_embedded == 8
    assert files(tmp_path / "pool") == before


def test_another_model_dtype_or_source_is_refused(photos, tmp_path):
    run(photos, tmp_path / "pool")
    before = files(tmp_path / "pool")
    for options, message in (
        ({"module": Mean(2.0)}, r"was embedded by Mean \(recipe [0-9a-f]{16}\)"),
        ({"dtype": "float32"}, "holds float16, found dtype float32"),
        ({"dtype": "int8"}, "dtype must be one of float16, float32"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
    ):
        with pytest.raises(InputError, match=message):
            run(photos, tmp_path / "pool", **options)
    with raises_input("out", "was embedded from a folder, found a dataset"):
        run("digits", tmp_path / "pool")
    assert files(tmp_path / "pool") == before


def test_folders_that_cannot_be_used(photos, tmp_path):
    with pytest.raises(OutputError, match="holds other things"):
        run(photos, photos)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        run(photos, tmp_path / "file")
    from spotal.storage.locks import try_lock

    with try_lock(tmp_path / "pool" / ".lock"), pytest.raises(OutputError, match="in use by another run"):
        run(photos, tmp_path / "pool")
    (tmp_path / "pool" / "pool.json").write_text('{"format": "another"}')
    with pytest.raises(DataFileError, match="no manifest of a pool"):
        run(photos, tmp_path / "pool")


def test_a_pool_without_rows_is_said_to_be_so(photos, tmp_path):
    class Fails(Mean):
        def forward(self, x):
            raise ValueError("broken")

    with pytest.raises(ModelError, match=r"failed on images of shape .*broken"):
        run(photos, tmp_path / "pool", Fails())
    with pytest.raises(DataFileError, match="has no embeddings in it yet"):
        read_pool(tmp_path / "pool")


def test_models_that_misbehave(photos, tmp_path):
    class Widths(Mean):
        def forward(self, x):
            return torch.ones(len(x), len(x))

    class Full(Mean):
        def forward(self, x):
            raise torch.OutOfMemoryError("8 GiB")

    for module, error, message in (
        (Mean(1e6), InputError, "dtype must be float32 for this model"),
        (Widths(), ModelError, r"must give vectors of one width, found \[2, 3\]"),
        (Full(), ResourceError, "too little memory for 3 items .* lower --batch-size"),
    ):
        with pytest.raises(error, match=message):
            run(photos, tmp_path / type(module).__name__, module)
    assert run(photos, tmp_path / "wide", Mean(1e6), dtype="float32").manifest.dtype == "float32"


class Kills(TorchEmbedder):
    """Its preparation ends the process that it runs in."""

    def __init__(self):
        super().__init__(Mean(), device="cpu", image_size=4)
        self.model.prepare = lambda images: os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_decodes_and_dies_is_told(photos, tmp_path):
    with pytest.raises(ResourceError, match="a process that decodes was ended from outside"):
        embed_items(open_items(photos), Kills(), tmp_path / "pool", workers=1)


def test_what_a_model_cannot_prepare_is_skipped_alone(photos, tmp_path):
    def prepare(images):
        if any(image[0, 0, 0] % 5 == 0 for image in images):
            raise ValueError("odd pixels")
        return np.stack(images)

    items = open_items(photos)
    embedder = TorchEmbedder(Mean(), device="cpu", image_size=4)
    embedder.model.prepare = prepare
    done = embed_items(items, embedder, tmp_path / "pool", workers=0)
    assert 0 < len(done.skipped) < 20
    assert all("cannot be prepared (odd pixels)" in item.reason for item in done.skipped)
    assert done.n_embedded + len(done.skipped) == 20


def test_texts(saved, texts, tmp_path):
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    items = open_items(tmp_path / "texts.jsonl")
    embedder = open_embedder(saved / "bert", items, tmp_path / "pool", device="cpu")
    embed_items(items, embedder, tmp_path / "pool", workers=1, dtype="float32", batch_size=4)
    np.testing.assert_allclose(read_pool(tmp_path / "pool").features, embedder.embed(texts), atol=1e-5)


def test_an_encoder_is_trained_once_and_embeds_what_comes_later(photos, tmp_path):
    def train(**options):
        items = open_items(photos)
        embedder = train_embedder(items, tmp_path / "pool", **{"dim": 4, "epochs": 1, "device": "cpu"} | options)
        return embed_items(items, embedder, tmp_path / "pool", workers=0)

    (photos / "0" / "02.png").write_bytes(b"no image")
    first = train()
    assert (first.manifest.rows, first.manifest.dim, first.manifest.model) == (19, 4, "simclr-small")
    encoder = (tmp_path / "pool" / "encoder.pt").read_bytes()
    vectors = read_pool(tmp_path / "pool").features
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(photos / "later.png")
    assert train().n_embedded == 1
    assert (tmp_path / "pool" / "encoder.pt").read_bytes() == encoder
    again = read_pool(tmp_path / "pool")
    np.testing.assert_array_equal(again.features[:19], vectors)
    assert again.ids[-1] == "later.png"
    for options in ({"epochs": 2}, {"random_state": 1}, {"backbone": "resnet18"}):
        with raises_input("out", "has an encoder that was trained otherwise"):
            train(**options)
    items = open_items(photos)
    other = open_embedder(tmp_path / "pool", items, tmp_path / "other", device="cpu")
    embed_items(items, other, tmp_path / "other", workers=0)
    found = read_pool(tmp_path / "other")
    order = [found.ids.index(key) for key in again.ids]
    np.testing.assert_allclose(found.features[order], again.features, atol=2e-3)


SLOW = """
import time
from torch import nn

class Slow(nn.Module):
    def forward(self, x):
        time.sleep(0.1)
        return x.flatten(1)[:, :40]

make = Slow
"""


def command(photos, out, errors=subprocess.DEVNULL):
    words = ["embed", photos, "--model", "slow:make", "--out", out, "--shard-rows", 4, "--batch-size", 2]
    return python(
        COMMAND, *words, "--workers", 1,
        cwd=photos.parent, stdout=subprocess.DEVNULL, start_new_session=True, stderr=errors,
    )  # fmt: skip


def begun(process, manifest, shards):
    """Wait until the run has written so many shards."""
    while process.poll() is None:
        if manifest.exists() and len(json.loads(manifest.read_text())["shards"]) >= shards:
            return
        time.sleep(0.01)


def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_bytes(photos, tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(SLOW)
    (photos / "1" / "07.png").write_bytes(b"no image")
    for shards in (1, 3):
        process = command(photos, tmp_path / "killed")
        begun(process, tmp_path / "killed" / "pool.json", shards)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert len(read_manifest(tmp_path / "killed").shards) < 5
        # and what a kill in the middle of writing leaves
        (tmp_path / "killed" / ".shard-00004.npy.0a1b2c3d.part").write_bytes(b"half")
        (tmp_path / "killed" / "shard-00004.npy").write_bytes(b"half")
        (tmp_path / "killed" / "ids" / "shard-00004.parquet").write_bytes(b"half")
    assert command(photos, tmp_path / "killed").wait() == 0
    monkeypatch.chdir(tmp_path)
    run(photos, tmp_path / "whole", "slow:make", shard_rows=4, batch_size=2)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert len(files(tmp_path / "whole")) == 11


def test_ctrl_c_ends_all_processes_in_one_word(photos, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    process = command(photos, tmp_path / "pool", subprocess.PIPE)
    begun(process, tmp_path / "pool" / "pool.json", 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to those that decode too
    _, said = process.communicate()  # which ends when nobody holds standard error any more
    assert process.returncode == 130
    assert said.decode().strip() == "Interrupted."
    assert not list((tmp_path / "pool").rglob("*.part"))
    assert 1 <= len(read_manifest(tmp_path / "pool").shards) < 5


def test_ids_of_2_to_the_63_and_more_are_written_as_they_are(photos, tmp_path):
    files_ = sorted(photos.rglob("*.png"))[:3]
    images = [path.read_bytes() for path in files_]
    ids = [2**63 + 5, 7, 2**64 - 1]
    pq.write_table(pa.table({"id": pa.array(ids, pa.uint64()), "image": images}), tmp_path / "x.parquet")
    done = run(tmp_path / "x.parquet", tmp_path / "pool", shard_rows=2)
    assert done.n_embedded == 3
    assert list(read_pool(tmp_path / "pool").ids) == ids
    assert run(tmp_path / "x.parquet", tmp_path / "pool", shard_rows=2).n_embedded == 0
