"""Batch after batch through Label Studio, and what it asks of our server."""

from __future__ import annotations

import signal
import subprocess
import time

import httpx
import pytest
from PIL import Image
from tests.annotate.server import TOKEN
from tests.forks import COMMAND, python

from spotal.annotate import Guesses, LabelStudio, Pushed, newest_guesses
from spotal.annotate.label_studio.push import TITLE
from spotal.annotate.label_studio.service import Service
from spotal.project import Audit, Data, Project, Settings, next_batch, read_predictions, train

pytestmark = pytest.mark.usefixtures("env")
PATIENCE = 240
"""Seconds to wait for another process on a busy machine."""


@pytest.fixture
def digits(tmp_path):
    """Make a project over ``n`` images of digits; it, and their true classes by id."""
    from sklearn.datasets import load_digits

    found, made = load_digits(), []

    def digits(n, **settings):
        (tmp_path / "digits").mkdir()
        truth = {f"{row:04}.png": str(found.target[row]) for row in range(n)}
        for name, pixels in zip(truth, found.images[:n], strict=True):
            Image.fromarray((pixels * 15.9).astype("uint8")).save(tmp_path / "digits" / name)
        data, audit = Data("../digits", "image"), Audit(held_back=0.0, share=0.0)
        project = Project.create(tmp_path / "project", Settings(data, tuple("0123456789"), audit=audit, **settings))
        made.append(project)
        return project, truth

    yield digits
    for project in made:
        project.close()


def accuracy(project, truth):
    """Of the newest model, over all items."""
    predictions = read_predictions(project)
    return sum(predictions.guess(item.number)[0] == truth[item.id] for item in project.items) / len(truth)


def test_two_rounds_by_a_scripted_annotator_raise_the_accuracy(digits, annotator):
    project, truth = digits(300, batch_size=12, budget=24)
    tool, told = LabelStudio(project), []
    tool.connect()
    service = Service(tool, next_batch, newest_guesses, told.append)
    someone = annotator(tool)
    service.turn()
    for number in range(2):
        tasks = someone.tasks()
        for k, pick in enumerate(project.rounds.picks(number)):
            served = someone.next()
            assert served["data"]["spotal_id"] == pick.item
            assert bool(served["predictions"]) == (number == 1)
            someone.sdk.annotations.create(tasks[pick.item]["id"], result=someone.labeling.result(truth[pick.item]))
            if k == 5:  # in the middle of a batch nothing new comes
                service.turn()
                assert len(project.rounds) == number + 1
        pulled, pushed = service.turn()
        assert (pulled.new, pushed) == (6, Pushed(new=12, guesses=12) if number == 0 else Pushed())
    assert "the budget of 24 is spent" in told[-1]
    assert len(project.labels.current()) == 24
    before = accuracy(project, truth)
    train(project)
    assert accuracy(project, truth) > before + 0.03


@pytest.fixture
def serving(digits):
    """Start ``spotal serve`` on eight images; the project, true classes, the process, and what it says."""
    started = []

    def serving(every):
        project, truth = digits(8, batch_size=4)
        words = ["serve", "--label-studio", project.folder, "--port", 0, "--every", every]
        path = project.folder / "said"
        with path.open("w") as said:
            started.append(python(COMMAND, *words, stdout=said, stderr=subprocess.STDOUT))
        return project, truth, started[-1], path.read_text

    yield serving
    for process in started:
        process.kill()
        process.wait(30)


def wait_for(what, *, said=lambda: ""):
    end = time.monotonic() + PATIENCE
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain; the server said:\n{said()}"
        time.sleep(0.3)


def test_label_studio_is_served_and_brings_batch_after_batch(serving, annotator):
    project, truth, process, said = serving(every=3600)
    wait_for(lambda: "Label Studio gets predictions from http://127.0.0.1:" in said(), said=said)
    tool = LabelStudio(project)
    someone = annotator(tool)

    # each submitted batch brings the next: Label Studio rings, since nobody looks within the hour
    first = wait_for(lambda: len(someone.tasks()) == 4 and someone.tasks(), said=said)
    for item in first:
        someone.says(item, truth[item])
    second = wait_for(lambda: len(someone.tasks()) == 8 and someone.tasks(), said=said)
    assert all(project.labels.current()[item].label == truth[item] for item in first)

    # the model is known there, and asked for what it has not said yet
    number = project.models.last().number
    (model,) = tool.client.sdk.ml.list(project=tool.link.project)
    assert (model.title, model.readable_state) == (TITLE, "Connected")
    assert model.model_version == f"spotal model {number}"
    item = list(second)[-1]
    (given,) = second[item]["predictions"]
    tool.client.sdk.predictions.delete(given["id"])
    other = {"data": {"image": "/none.png", "spotal_id": "none of ours"}}
    made = tool.client.sdk.projects.import_tasks(tool.link.project, request=[other], return_task_ids=True)
    httpx.post(
        f"{tool.client.url}/api/dm/actions",
        params={"id": "retrieve_tasks_predictions", "project": tool.link.project},
        json={"selectedItems": {"all": False, "included": [second[item]["id"], *made.task_ids]}},
        headers={"Authorization": f"Token {TOKEN}"},
        timeout=120,
    ).raise_for_status()
    (again,) = someone.tasks()[item]["predictions"]
    assert again["id"] != given["id"]
    keys = ("score", "model_version", "result")
    assert [again[key] for key in keys] == [given[key] for key in keys]
    assert someone.tasks()["none of ours"]["predictions"] == []

    for item in list(second)[4:]:
        someone.says(item, truth[item])
    wait_for(lambda: "every item is labeled" in said(), said=said)  # and it goes on serving
    assert len(project.labels.current()) == 8
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert tool.client.sdk.ml.list(project=tool.link.project) == []  # and what was pushed is shown from now on
    assert tool.client.sdk.webhooks.list(project=str(tool.link.project)) == []
    assert tool.client.sdk.projects.get(tool.link.project).model_version == f"spotal model {number}"


def test_a_label_studio_that_cannot_reach_us_is_asked_instead(serving, annotator, proxy):
    proxy.fault = lambda method, path: "refuse" if path.startswith("/api/ml") else None
    project, truth, process, said = serving(every=1)
    wait_for(
        lambda: "Predictions come with each push instead, and new answers are pulled every 1 s" in said(), said=said
    )
    tool = LabelStudio(project)
    someone = annotator(tool)
    item = next(iter(wait_for(lambda: len(someone.tasks()) == 4 and someone.tasks(), said=said)))
    someone.says(item, truth[item])
    wait_for(lambda: item in project.labels.current(), said=said)
    proxy.fault = lambda method, path: "refuse"
    wait_for(lambda: "(status 500)" in said().split("instead")[-1], said=said)
    proxy.fault = lambda method, path: None
    other = list(someone.tasks())[1]
    someone.says(other, truth[other])
    wait_for(lambda: other in project.labels.current(), said=said)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


@pytest.fixture
def asked(make):
    """Our ML backend over a project of six texts, without Label Studio; and what rang."""
    from starlette.testclient import TestClient

    from spotal.annotate.label_studio.backend import USER, backend
    from spotal.annotate.label_studio.config import build_config, read_config

    project = make(6, picks=[], held_back=0.4)
    guesses = Guesses("spotal model 7", lambda number: ("cat", 0.25))
    classes, rung = project.settings.classes, []
    labeling = read_config(build_config("text", classes), "text", classes, "it")
    app = backend(project, labeling, lambda: guesses, lambda: rung.append(1), "secret")
    return project, TestClient(app), {"auth": (USER, "secret")}, rung


def test_what_the_ml_backend_answers(asked):
    project, client, auth, rung = asked
    assert client.get("/health", **auth).json()["status"] == "UP"
    assert client.post("/setup", json={"project": "1.2"}, **auth).json() == {"model_version": "spotal model 7"}
    assert client.get("/versions", **auth).json() == {"versions": ["spotal model 7"]}
    tasks = [{"data": {"spotal_id": item.id}} for item in project.items] + [{"data": {}}]
    results = client.post("/predict", json={"tasks": tasks}, **auth).json()["results"]
    assert len(results) == len(tasks)
    held = [item.held_back for item in project.items]
    assert any(held)
    assert [bool(result) for result in results] == [not one for one in held] + [False]
    assert next(filter(None, results))[0]["score"] == 0.25
    assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}, **auth).status_code == 200
    assert rung == [1]


def test_the_ml_backend_answers_nobody_else(asked):
    _, client, auth, rung = asked
    for path, verb in (("/health", client.get), ("/webhook", client.post), ("/predict", client.post)):
        assert verb(path).status_code == 401
        assert verb(path, auth=("spotal", "wrong")).status_code == 401
    for body in ("[]", "no json", '{"tasks": 3}', '{"tasks": [{"data": null}]}', "{}"):
        assert client.post("/predict", content=body, **auth).status_code == 400
    assert rung == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", b" " * 16_000_001, 413),
        ("/webhook", b" " * 16_000_001, 413),
        ("/webhook", b"[" * 100_000 + b"]" * 100_000, 400),
        ("/webhook", b'{"a": 1%s}' % (b"0" * 5_000), 400),
        ("/webhook", b'{"a": "\xed\xa0\x80"}', 400),
        ("/webhook", b'{"a": "\\ud800"}', 400),
        ("/predict", b'{"tasks": [{"data": {"spotal_id": "\\ud800"}}]}', 400),
        ("/predict", b'{"tasks": [{"data": {"spotal_id": ["t0"]}}, {"data": {"spotal_id": 1%s}}]}' % (b"0" * 99), 200),
    ],
)
def test_what_the_ml_backend_is_sent_by_mistake(asked, path, body, status):
    _, client, auth, rung = asked
    response = client.post(path, content=body, **auth)
    assert response.status_code == status
    assert response.json().keys() == ({"results", "model_version"} if status == 200 else {"detail"})
    assert rung == []
