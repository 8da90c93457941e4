"""Inputs: every kind of file that a command reads, a function that makes a valid one, and the commands."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.common import command

__all__ = ["DECOYS", "INPUTS", "Input", "add_decoys"]

ROWS, DIM = 40, 5
DECOYS = ("holiday.mp4", "p/notes.txt", "p/.holiday.mp4.0a1b2c3d.part", "p/models/my-resnet.pt", "p/backups/thesis.odt")
"""Files of the user beside and in a project; no command may change them."""
TINY = "from torch import nn\nmake = lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())\n"
PROTOCOL = """dataset = "digits"
batch_size = 5
rounds = 1
seeds = 1
test_size = 100
strategies = ["random", "margin"]
pool.size = 60
learner.kind = "linear-probe"
embedding = {kind = "pixels-pca", dim = 8}
initial = {kind = "random", count = 10}
"""


@dataclass(frozen=True)
class Input:
    """A valid input.

    name : str; build : makes the input in the current, empty folder
    target : glob of the files that are mutated, one at a time
    commands : commands that read it; they may write files that begin with ``out`` and the folders ``p`` and ``q``
    """

    name: str
    build: Callable[[], object]
    target: str
    commands: tuple[str, ...]


def add_decoys() -> None:
    """Put the decoys into the current folder."""
    for name in DECOYS:
        if name.startswith("p/") and not Path("p").is_dir():
            continue
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(f"the user's own {name}\n".encode() * 50)


def _points() -> Any:
    import numpy as np

    rng = np.random.default_rng(0)
    return (3 * np.eye(3, DIM)[np.arange(ROWS) % 3] + rng.normal(size=(ROWS, DIM))).astype(np.float32)


def _columns(kind: str) -> dict[str, list[Any]]:
    """A table of embeddings with prices and groups, of texts, or of images."""
    ids = [f"item-{k:03}" for k in range(ROWS)]
    if kind == "texts":
        words = ("river", "engine", "violin", "harvest", "glacier", "senate", "lantern")
        return {"id": ids, "text": [f"{words[k % 7]} {words[k % 5]}, number {k}" for k in range(ROWS)]}
    if kind in ("images", "files of images"):
        _photos()
        if kind == "files of images":
            return {"id": ids, "image": [f"photos/{k:02}.png" for k in [*range(20)] * 2]}
        return {"id": ids, "image": [{"bytes": Path(f"photos/{k:02}.png").read_bytes(), "path": None}
                                     for k in [*range(20)] * 2]}  # fmt: skip
    points = _points()
    extra = {"cost": [1.0 + k % 3 for k in range(ROWS)], "group": [f"g{k % 8}" for k in range(ROWS)]}
    return {"id": ids, **{f"x{k}": points[:, k].tolist() for k in range(DIM)}, **extra}


def _table(path: str, kind: str = "points") -> None:
    """Write a table in the format of its file name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _columns(kind)
    if path.endswith(".csv"):
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    elif path.endswith(".jsonl"):
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.endswith(".parquet"):
        pq.write_table(pa.table(columns), path, row_group_size=25)
    else:
        table = pa.table(columns)
        with (pa.ipc.new_stream if "stream" in path else pa.ipc.new_file)(path, table.schema) as writer:
            writer.write_table(table, 25)


def _array(path: str) -> None:
    import numpy as np

    if path.endswith(".npz"):
        names = np.asarray([f"item-{k:03}" for k in range(ROWS)])
        np.savez(path, X=_points(), id=names, cost=np.arange(ROWS) + 1.0)
    elif path.endswith(".zarr"):
        import zarr

        array = zarr.create_array(path, shape=(ROWS, DIM), chunks=(16, DIM), dtype="f4")
        array[:] = _points()
    elif path.endswith(".lance"):
        import lance
        import pyarrow as pa

        lance.write_dataset(pa.table(_columns("points")), path)
    elif "/" in path:
        Path(path).parent.mkdir()
        for k in range(2):
            np.save(Path(path).with_name(f"{k}.npy"), _points()[20 * k : 20 * k + 20])
    else:
        np.save(path, _points())


def _photos() -> None:
    """Images of several formats and modes."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    Path("photos").mkdir()
    for k in range(20):
        pixels = rng.integers(0, 256, (16, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{k:02}.png")
    for suffix in ("jpg", "gif", "bmp", "tif", "webp", "ppm"):
        Image.fromarray(pixels).save(f"photos/z.{suffix}")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 99).save("photos/z16.png")
    Image.fromarray(pixels[..., 0].astype(np.float32) / 255).save("photos/zf.tif")


def _embedded() -> None:
    _photos()
    Path("tiny.py").write_text(TINY)
    command("embed photos --model tiny:make --workers 0 --out pool")


def _image_table(path: str) -> None:
    Path("tiny.py").write_text(TINY)
    _table(path, "files of images" if path.endswith(".jsonl") else "images")


def _network() -> None:
    import torch
    from torch import nn

    _photos()
    net = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    torch.jit.script(net).save("net.pt")


def _side(path: str, values: Any) -> None:
    """Make a pool with ids and a file beside it."""
    import numpy as np

    _table("pool.csv")
    if path.endswith(".npy"):
        np.save(path, np.asarray(values))
    elif path.endswith(".txt"):
        Path(path).write_text("".join(f"{value}\n" for value in values))
    else:
        with Path(path).open("w", newline="") as file:
            csv.writer(file).writerows(values)


def _by_id(name: str, values: list[Any]) -> list[Any]:
    return [("id", name), *((f"item-{k:03}", value) for k, value in enumerate(values))]


def _project(data: str = "embedding", *, answered: bool = True) -> None:
    """Make a project with a round, answers and a trained model."""
    classes = "--classes a,b,c --batch 8 --budget 30"
    if data == "embedding":
        _array("pool.npy")
        command(f"init p --pool pool.npy {classes}")
    elif data == "text":
        _table("texts.csv", "texts")
        command(f"init p --texts texts.csv {classes}")
    else:
        _photos()
        command(f"init p --images photos {classes}")
    command("next p")
    if answered:
        _labels(data)
        command("import answers.csv p")
        command("train p")


def _labels(data: str = "embedding") -> None:
    """Make answers about the items of a project."""
    names = {
        "embedding": [str(k) for k in range(ROWS)],
        "text": [f"item-{k:03}" for k in range(ROWS)],
        "image": [f"{k:02}.png" for k in range(20)],
    }[data]
    lines = [f"{name},{'abc'[k % 3]},ann,2026-01-0{1 + k % 9}T12:00:00Z\n" for k, name in enumerate(names[:20])]
    Path("answers.csv").write_text("id,label,annotator,at\n" + "".join(lines))


def _exported(format: str, path: str, data: str = "image") -> None:
    """Make an exported file of labels, and a project without answers that imports it."""
    _project(data, answered=False)
    _labels(data)
    command("import answers.csv p")
    command(f"export {path} p --format {format}")
    for old in sorted(Path("p").rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() else old.unlink()
    Path("answers.csv").unlink()
    source = {"image": "--images photos", "text": "--texts texts.csv", "embedding": "--pool pool.npy"}[data]
    command(f"init p {source} --classes a,b,c --batch 8")


def _image_folder(name: str) -> None:
    _project("image", answered=False)
    Path("labels").mkdir()
    rows = [{"file_name": f"{k:02}.png", "label": "abc"[k % 3]} for k in range(12)]
    if name.endswith(".csv"):
        lines = ["file_name,label", *(f"{row['file_name']},{row['label']}" for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    Path("labels", name).write_text("\n".join(lines) + "\n")


def _classes() -> None:
    _array("pool.npy")
    Path("classes.txt").write_text("gull\ntern\nother\n")


def _picks() -> None:
    _table("pool.csv")
    command("select pool.csv --budget 6 --draw --out picks.csv")
    with Path("picks.csv").open(newline="") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    Path("values.csv").write_text("id,value,label\n" + "".join(f"{name},{k / 2},a\n" for k, name in enumerate(ids)))


def _bench() -> None:
    Path("tiny.toml").write_text(PROTOCOL)
    command("bench tiny.toml --cache cache --workers 1 --out run")


def _limits() -> None:
    _array("pool.npy")
    Path("cost.csv").write_text("id,cost\n" + "".join(f"{k},{1 + k % 3}\n" for k in range(ROWS)))
    Path("groups.csv").write_text("id,group\n" + "".join(f"{k},g{k % 8}\n" for k in range(ROWS)))


POOLS = ("pool.npy", "pool.npz", "pool.csv", "pool.parquet", "pool.arrow", "stream.arrow", "pool.feather")
POOLS += ("pool.zarr", "pool.lance", "shards/0.npy")
SELECT = "select {} --budget 5 --out out.csv"
NEW = "--classes a,b,c --batch 6"
USE = ("status p", "next p", "train p", "predict p --out out.csv", "report p --out out.html", "doctor p",
       "export out2.csv p", "doctor p --repair", "status p")  # fmt: skip


def _pools() -> list[Input]:
    inputs = []
    for name in POOLS:
        table = name.split(".")[-1] in ("csv", "parquet", "arrow", "feather")
        source = "shards" if "/" in name else name
        target = "shards/*.npy" if "/" in name else f"{name}/**/*" if name.endswith(("zarr", "lance")) else name
        commands = [SELECT.format(source)]
        if name in ("pool.npy", "pool.npz", "pool.csv", "pool.parquet"):
            commands += [f"init q --pool {name} {NEW}", "next q"]
        if name in ("pool.npz", "pool.csv", "pool.parquet"):
            commands += [SELECT.format(name) + " --id-column id --cost cost"]
        build = (lambda name=name: _table(name)) if table else (lambda name=name: _array(name))
        inputs.append(Input(f"pool {name}", build, target, tuple(commands)))
    return inputs


def _sides() -> list[Input]:
    thirds = [[0.2, 0.3, 0.5]] * ROWS
    rows: tuple[tuple[str, str, Any, str], ...] = (
        ("labeled", ".csv", [("id", "label"), ("item-003", "a"), ("item-007", "b")], ""),
        ("labeled", ".npy", [3, 7], ""),
        ("labeled", ".txt", ["item-003", "item-007"], ""),
        ("mass", ".csv", _by_id("mass", [1.0] * ROWS), ""),
        ("mass", ".npy", [1.0] * ROWS, ""),
        ("mass", ".txt", [1.0] * ROWS, ""),
        ("cost", ".csv", _by_id("cost", [2.0] * ROWS), ""),
        ("cost", ".npy", [2.0] * ROWS, ""),
        ("groups", ".csv", _by_id("group", [f"g{k % 8}" for k in range(ROWS)]), "--max-per-group 2"),
        ("groups", ".npy", [k % 8 for k in range(ROWS)], "--max-per-group 2"),
        ("probabilities", ".csv", [("id", "a", "b", "c"), *((f"item-{k:03}", *thirds[k]) for k in range(ROWS))], ""),
        ("probabilities", ".npy", thirds, "--strategy margin"),
    )
    return [
        Input(
            f"{option}{suffix}",
            lambda path=f"side{suffix}", values=values: _side(path, values),
            f"side{suffix}",
            (f"{SELECT.format('pool.csv')} --{option} side{suffix} {more}",),
        )
        for option, suffix, values, more in rows
    ]


def _label_files() -> list[Input]:
    rows = (("csv", "labels.csv", "labels.csv", "text"), ("jsonl", "labels.jsonl", "labels.jsonl", "text"),
            ("label-studio", "labels.json", "labels.json", "image"), ("coco", "labels.json", "labels.json", "image"),
            ("hugging-face", "labels", "labels/*", "image"),
            ("hugging-face", "labels", "labels/*", "text"))  # fmt: skip
    inputs = [
        Input(
            f"labels {format} of {data}s",
            lambda format=format, path=path, data=data: _exported(format, path, data),
            target,
            (f"import {path} p --format {format}", f"import {path} p --skip-unknown", "status p", "export out.csv p"),
        )
        for format, path, target, data in rows
    ]
    for name in ("metadata.csv", "metadata.jsonl"):
        commands = ("import labels p", "import labels p --add-classes --skip-unknown", "status p")
        inputs.append(Input(f"labels {name}", lambda name=name: _image_folder(name), "labels/*", commands))
    return inputs


INPUTS: dict[str, Input] = {
    one.name: one
    for one in (
        *_pools(),
        *_sides(),
        *_label_files(),
        *(
            Input(f"texts{suffix}", lambda path=f"texts{suffix}": _table(path, "texts"), f"texts{suffix}",
                  (f"init q --texts texts{suffix} {NEW}", "next q"))
            for suffix in (".csv", ".jsonl", ".parquet")
        ),
        *(
            Input(f"image table{suffix}", lambda path=f"table{suffix}": _image_table(path), f"table{suffix}",
                  (f"embed table{suffix} --model tiny:make --workers 0 --out out",))
            for suffix in (".parquet", ".arrow", ".jsonl")
        ),
        Input("images", _photos, "photos/*",
              (SELECT.format("photos"), f"init q --images photos {NEW}", "next q", "report q --out out.html")),
        Input("embedded pool", _embedded, "pool/**/*",
              (SELECT.format("pool"), "embed photos --model tiny:make --workers 0 --out pool")),
        Input("model of a user", _network, "net.pt", (SELECT.format("photos") + " --model net.pt",)),
        Input("classes file", _classes, "classes.txt", ("init q --pool pool.npy --classes-file classes.txt", "next q")),
        Input("limits", _limits, "*s*.csv",
              ("init q --pool pool.npy --cost cost.csv --groups groups.csv --max-per-group 2 --budget 20 " + NEW,
               "next q", "status q")),
        Input("settings", _project, "p/spotal.toml", USE),
        Input("settings of images", lambda: _project("image"), "p/spotal.toml", USE),
        Input("database", _project, "p/**/*.sqlite", USE),
        Input("files of a project of embeddings", _project, "p/**/*", USE),
        Input("files of a project of images", lambda: _project("image"), "p/**/*", USE),
        Input("files of a project of texts", lambda: _project("text"), "p/**/*", USE),
        Input("data of a project of texts", lambda: _project("text"), "texts.csv", USE),
        Input("data of a project of embeddings", _project, "pool.npy", USE),
        Input("protocol", _bench, "tiny.toml", ("bench tiny.toml --dry-run --cache cache --out out",)),
        Input("results", _bench, "run/**/*",
              ("report run --out out.html", "bench tiny.toml --cache cache --workers 1 --out run")),
        Input("picks", _picks, "*s.csv", ("estimate picks.csv --values values.csv",
                                          "estimate picks.csv --values values.csv --prevalence a")),
    )
}  # fmt: skip
"""All inputs by name."""
