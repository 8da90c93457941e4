"""Projects with a batch, and the page's server over them."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from tests import forks

from spotal.project import Audit, Data, Pick, Project, Settings
from spotal.web import create_app

ADDRESS = "http://127.0.0.1:8642"
TOKEN = "a-token-that-nobody-guesses-0123456789"
CLASSES = ("red", "green", "blue")
PAINT = {"red": (200, 30, 40), "green": (20, 150, 60), "blue": (30, 60, 200)}


@pytest.fixture
def quick_jobs(monkeypatch):
    """Jobs that begin at once; those of walks and of the page in a browser begin as they do for users."""
    forks.jobs(monkeypatch)


@pytest.fixture
def texts(tmp_path):
    """Twelve texts, t0 to t11, of which t0 to t3 are picked."""
    lines = [json.dumps({"id": f"t{k}", "text": f"text <b>{k}</b>"}) for k in range(12)]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    settings = Settings(Data("../texts.jsonl", "text"), CLASSES, budget=10, audit=Audit(0.0))
    with Project.create(tmp_path / "texts", settings) as project:
        project.rounds.add([Pick(f"t{k}") for k in range(4)], strategy="spot", n_labeled=0)
        yield project


def paint_images(folder, n=12):
    """A folder of ``n`` small pictures in plain colors; the colors."""
    folder.mkdir(parents=True)
    colors = [list(PAINT.values())[k % 3] for k in range(n)]
    for k, color in enumerate(colors):
        Image.new("RGB", (40, 30), color).save(folder / f"p{k:02d}.png")
    return np.array(colors)


def make_images(folder, n=12, picks=5, classes=CLASSES, held_back=0.0, **settings):
    """A project of ``n`` small pictures in plain colors, the first ``picks`` picked, with embeddings."""
    colors = paint_images(folder / "photos", n)
    project = Project.create(
        folder / "project", Settings(Data("../photos"), classes, audit=Audit(held_back), **settings)
    )
    rng = np.random.default_rng(0)
    np.save(project.folder / "embeddings.npy", (colors / 255 + rng.normal(0, 0.05, (n, 3))).astype(np.float32))
    project.models.add("colors", n_labeled=0, embeddings="embeddings.npy", about={"classes": list(classes)})
    chosen = [Pick(f"p{k:02d}.png", 0.2, 3, None, {"neighbors": [f"p{k + 3:02d}.png"]}) for k in range(picks)]
    if chosen:
        project.rounds.add(chosen, strategy="spot", n_labeled=0, model=0)
    return project


def done(page, task, **more):
    """Start a task as the page does, and wait until it has ended; gives the job."""
    key = page.get("/api/state").json()["key"]
    started = page.post("/api/jobs", json={"project": key, "task": task, "annotator": "ann"} | more)
    assert started.status_code == 200, started.text
    return ended(page, started.json()["job"]["id"])


def ended(page, id, seconds=240):
    """Wait until a job has ended; gives it."""
    end = time.monotonic() + seconds
    while True:
        job = page.get("/api/state").json()["job"]
        if job["id"] != id or job["outcome"]:
            return job
        assert time.monotonic() < end, job
        time.sleep(0.1)


def predict(project, label="green", share=0.7):
    """A model that says the same of every item."""
    classes = project.settings.classes
    row = np.full(len(classes), (1 - share) / (len(classes) - 1), np.float32)
    row[classes.index(label)] = share
    np.save(project.folder / "predictions.npy", np.tile(row, (len(project.items), 1)))
    about = {"classes": list(classes)}
    project.models.add("same", n_labeled=2, predictions="predictions.npy", about=about)


@pytest.fixture
def images(tmp_path):
    with make_images(tmp_path / "images") as project:
        yield project


@pytest.fixture
def client():
    """The server over a project, as the page calls it after its token was shown: client(project, host=...)."""

    apps = []

    def client(project, *, shown=True, **options):
        options = {"annotator": "ann", "token": TOKEN} | options
        apps.append(create_app(project, **options))
        page = TestClient(apps[-1], base_url=ADDRESS, headers={"X-Spotal": "1"}, follow_redirects=False)
        if shown:
            assert page.get(f"/?token={options['token']}").status_code == 303
        return page

    yield client
    for app in apps:
        app.state.jobs.close()


def answer(client, item, label="red", *, id, kind="label", annotator="ann", **more):
    """Send one answer; what the server says to it."""
    one = {"id": id, "item": item, "annotator": annotator, "kind": kind, "label": label} | more
    return send(client, [one]).json()["results"][0]


def send(client, answers):
    """Send answers as the page does, for the project that it was opened for."""
    key = client.get("/api/state").json()["key"]
    return client.post("/api/answers", json={"project": key, "answers": answers})
