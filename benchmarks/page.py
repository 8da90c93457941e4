"""Take the labeling page's pictures in docs/guides/images: a project on Fashion-MNIST in round three.

    python -m benchmarks.page [--all FOLDER]

``--all`` writes every view instead, to look at: both themes, desktop and phone.
"""

from __future__ import annotations

import argparse
import io
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from sklearn.linear_model import LogisticRegression

import spotal
from spotal.datasets import load
from spotal.images import find_images
from spotal.project import Audit, Data, Metric, Pick, Project, Settings
from spotal.web import create_app
from spotal.web.setup import Setup

IMAGES = Path(__file__).parents[1] / "docs" / "guides" / "images"
CHROMIUM = "/usr/bin/chromium"
N, BATCH = 2000, 24
DESKTOP, PHONE = (1280, 860), (390, 844)


def make(folder: Path) -> tuple[Project, dict[str, str]]:
    """Make a project of 2,000 images with two answered rounds and a started one; return it with the true labels."""
    data = load("fashion-mnist")
    rows = np.random.default_rng(0).choice(len(data.X), N, replace=False)
    pixels = np.asarray(data.X[rows]).reshape(N, 28, 28)
    truth = {f"{k:04d}.png": data.class_names[int(label)] for k, label in enumerate(np.asarray(data.y)[rows])}
    (folder / "photos").mkdir()
    for name, image in zip(truth, pixels, strict=True):
        Image.fromarray(image.astype(np.uint8)).save(folder / "photos" / name)
    settings = Settings(
        Data("../photos"), tuple(data.class_names), budget=200, batch_size=BATCH, audit=Audit(0.1, 1 / BATCH)
    )
    project = Project.create(folder / "fashion", settings)
    X = pixels.reshape(N, -1).astype(np.float32) / 255
    np.save(project.folder / "embeddings.npy", X)
    embedder = project.models.add("pixels", n_labeled=0, embeddings="embeddings.npy", about={"classes": []})
    choose(project, X, None, embedder.number)
    for _ in range(2):
        answer(project, truth)
        train(project, X, truth)
    answer(project, truth, 9)
    return project, truth


def choose(project: Project, X: np.ndarray, probabilities: np.ndarray | None, model: int) -> None:
    """Select the next batch, and record each pick's cell."""
    classes = {name: k for k, name in enumerate(project.settings.classes)}
    labels = {row.number: classes[row.label] for row in project.labels.current().values()}
    numbers = np.sort([*(item.number for item in project.items.candidates()), *labels])
    options = {} if probabilities is None else {"probabilities": probabilities[numbers]}
    if labels:
        options |= {"labeled": np.searchsorted(numbers, list(labels)), "labels": list(labels.values())}
    selection = spotal.select(X[numbers], BATCH - 1, random_state=0, **options)
    picks = []
    for k, row in enumerate(selection.indices):
        members = numbers[selection.members(k)]
        others = members[members != numbers[row]]
        near = others[np.argsort(((X[others] - X[numbers[row]]) ** 2).sum(1))[:6]]
        about = {"neighbors": [item.id for item in project.items.at(near)]}
        unsure = None if probabilities is None else float(1 - probabilities[numbers[row]].max())
        name = project.items.at([numbers[row]])[0].id
        picks.append(Pick(name, float(selection.cell_mass[k]), len(members), unsure, about))
    project.rounds.add(picks, audit=1, strategy="spot", n_labeled=len(labels), model=model)


def train(project: Project, X: np.ndarray, truth: dict[str, str]) -> None:
    """Train a linear model on the labels, save its predictions and accuracy, and select the next batch."""
    labels = list(project.labels.current().values())
    classes = project.settings.classes
    model = LogisticRegression(max_iter=500).fit([X[row.number] for row in labels], [row.label for row in labels])
    probabilities = np.zeros((N, len(classes)), np.float32)
    probabilities[:, [classes.index(name) for name in model.classes_]] = model.predict_proba(X)
    np.save(project.folder / f"predictions-{len(labels)}.npy", probabilities)
    right = float(np.mean(model.predict(X) == np.array(list(truth.values()))))
    half = 1.96 * (right * (1 - right) / 200) ** 0.5
    trained = project.models.add(
        "linear",
        n_labeled=len(labels),
        embeddings="embeddings.npy",
        predictions=f"predictions-{len(labels)}.npy",
        metrics=[Metric("accuracy", right, right - half, right + half)],
        about={"classes": list(classes)},
    )
    choose(project, X, probabilities, trained.number)


def answer(project: Project, truth: dict[str, str], most: int | None = None) -> None:
    """Answer up to ``most`` waiting items with their true labels."""
    for k, task in enumerate(project.rounds.batch()[:most]):
        project.labels.record(task.item.id, truth[task.item.id], annotator="ann", external_id=f"a{time.time_ns()}-{k}")


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application while the block runs; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving(project: Project) -> Iterator[str]:
    """Serve the page of a project while the block runs; yields its address."""
    token = secrets.token_urlsafe(32)
    with served(create_app(project, annotator="ann", token=token)) as address:
        yield f"{address}/?token={token}"


def shoot(address: str, folder: Path, views: dict[str, dict]) -> None:
    """Take one picture of each view."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, view in views.items():
            width, height = view["size"]
            phone = width < 600
            context = browser.new_context(
                viewport={"width": width, "height": height},
                device_scale_factor=2 if phone else 1,
                color_scheme=view["scheme"],
                has_touch=phone,
                is_mobile=phone,
            )
            page = context.new_page()
            page.goto(address)
            page.locator(view.get("ready", ".frame img")).first.wait_for()
            for step in view.get("steps", ()):
                what, _, which = step.partition(" ")
                if what == "press":
                    page.keyboard.press(which)
                else:
                    page.get_by_role("button", name=which, exact=True).click()
            keep(page, folder / f"{name}.png", full=view.get("full", False))
            context.close()
        browser.close()


def keep(page: Any, path: Path, *, full: bool = False, wait: int = 1200) -> None:
    """Write a small picture of a page after ``wait`` ms."""
    page.wait_for_timeout(wait)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full))).convert("RGB")
    colors = sorted(picture.getcolors(picture.width * picture.height), reverse=True)[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for _, color in colors for value in color])  # the most common colors are exact
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Make the project, serve it, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    everything = parser.parse_args().all
    with tempfile.TemporaryDirectory() as folder:
        project, truth = make(Path(folder))
        with project, serving(project) as address:
            if everything is None:
                views = {
                    "page-desktop": {"size": DESKTOP, "scheme": "light"},
                    "page-phone": {"size": PHONE, "scheme": "dark"},
                }
                return shoot(address, IMAGES, views)
            shoot(address, everything, every({"one": (), **STATES}))
            answer(project, truth)
            shoot(address, everything, every({"done": ()}, ready=".finished"))
        app = Setup(find_images(Path(folder) / "photos"), Path(folder) / "photos-labels", token="setup" * 8)
        with served(app) as address:
            shoot(f"{address}/?token={'setup' * 8}", everything, every({"setup": ()}, ready="#classes"))
        app.close()


STATES = {
    "grid": ("press v",),
    "answers": ("click Answers",),
    "confirm": ("click Confirm",),
    "map": ("click Larger map",),
    "zoom": ("click Zoom in", "click Zoom in"),
    "help": ("press ?",),
}
"""Actions on the page before each picture is taken."""


def every(states: dict[str, tuple[str, ...]], **more: Any) -> dict[str, dict[str, Any]]:
    """Return views of these states, on a desktop and a phone, light and dark."""
    return {
        f"{name}-{kind}-{scheme}": {"size": size, "scheme": scheme, "steps": steps, "full": True, **more}
        for name, steps in states.items()
        for kind, size in (("desktop", DESKTOP), ("phone", PHONE))
        for scheme in ("light", "dark")
    }


if __name__ == "__main__":
    main()
