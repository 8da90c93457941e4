"""Batch after batch through Label Studio, and what it asks of our server."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.annotate.server import TOKEN

from spotal.annotate import LabelStudio, picked_guesses
from spotal.annotate.label_studio.service import TITLE, Service
from spotal.errors import BudgetError, LabelStudioError
from spotal.project import Audit, Data, Pick, Project, Settings

pytestmark = [pytest.mark.xdist_group("label-studio"), pytest.mark.usefixtures("env")]
PATIENCE = 240
"""Seconds to wait for another process on a busy machine."""


@pytest.fixture
def digits(tmp_path):
    """A project over 300 images of digits, their true classes by id, and a way to choose batches of 12 by SPOT."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    import spotal

    found = load_digits()
    (tmp_path / "digits").mkdir()
    for k in range(300):
        pixels = (found.images[k] * 15).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "digits" / f"{k:03}.png")
    truth = {f"{k:03}.png": str(found.target[k]) for k in range(300)}
    classes = tuple("0123456789")
    data, audit = Data("../digits", "image"), Audit(held_back=0.0)
    settings = Settings(data, classes, batch_size=12, budget=24, audit=audit)

    def model(project):
        rows = list(project.labels.current().values())
        numbers = [row.number for row in rows]
        fitted = LogisticRegression(max_iter=500).fit(found.data[numbers], [row.label for row in rows])
        return fitted, numbers

    def advance(project):
        known = {}
        if project.labels.current():
            fitted, numbers = model(project)
            probabilities = np.full((300, 10), 1e-6)
            probabilities[:, [classes.index(name) for name in fitted.classes_]] = fitted.predict_proba(found.data[:300])
            probabilities /= probabilities.sum(1, keepdims=True)
            labels = [int(truth[item.id]) for item in project.items.at(numbers)]
            known = {"labeled": numbers, "labels": labels, "probabilities": probabilities}
        chosen = spotal.select(found.data[:300], 12, random_state=0, **known).indices
        picks = []
        for item in project.items.at(chosen):
            row = known["probabilities"][item.number] if known else None
            about = {} if row is None else {"guess": classes[row.argmax()], "confidence": float(row.max())}
            picks.append(Pick(item.id, about=about))
        project.rounds.add(picks, strategy="spot", n_labeled=len(known.get("labeled", ())))

    def accuracy(project):
        fitted, _ = model(project)
        return float(np.mean(fitted.predict(found.data[300:]) == found.target[300:].astype(str)))

    with Project.create(tmp_path / "project", settings) as project:
        yield project, truth, advance, accuracy


def test_two_rounds_by_a_scripted_annotator_raise_the_accuracy(digits, annotator):
    project, truth, advance, accuracy = digits
    tool, told = LabelStudio(project), []
    tool.connect()
    service = Service(tool, advance, picked_guesses, told.append)
    someone, curve = annotator(tool), []
    for number in range(2):
        if number == 0:
            service.turn()
        wanted = [pick.item for pick in project.rounds.picks(number)]
        tasks = someone.tasks()
        for k, item in enumerate(wanted):
            served = someone.next()
            assert served["data"]["spotal_id"] == item
            assert bool(served["predictions"]) == (number == 1)
            someone.sdk.annotations.create(tasks[item]["id"], result=someone.labeling.result(truth[item]))
            if k == 5:  # in the middle of a batch nothing new comes
                service.turn()
                assert len(project.rounds) == number + 1
        if number == 0:
            pulled, pushed = service.turn()
            assert (pulled.new, pushed.new, pushed.guesses) == (6, 12, 12)
        else:
            with pytest.raises(BudgetError, match="the budget of 24 has left"):
                service.turn()
        curve.append(accuracy(project))
    assert len(project.labels.current()) == 24
    assert curve[1] > curve[0] + 0.05
    assert sum("pushed 12 tasks" in sentence for sentence in told) == 2


SERVER = """
import sys
from spotal.annotate import LabelStudio
from spotal.annotate.label_studio import serve
from spotal.project import Pick, Project

def advance(project):
    names = [item.id for item in project.items.candidates()][:2]
    picks = [Pick(name, about={"guess": "dog", "confidence": 0.5}) for name in names]
    project.rounds.add(picks, strategy="random", n_labeled=0)

with Project.open(sys.argv[1]) as project:
    serve(LabelStudio(project), advance=advance, port=0, every=3600, say=lambda text: print(text, flush=True))
"""


@pytest.fixture
def serving(make):
    """A project of four texts, served in a process of its own, and the sentences that it says."""
    project = make(4, picks=[])
    words = [sys.executable, "-c", SERVER, str(project.folder)]
    with (project.folder / "said").open("w") as said:
        process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield project, process, lambda: (project.folder / "said").read_text()
    finally:
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
    project, process, said = serving
    wait_for(lambda: "Label Studio asks http://127.0.0.1:" in said(), said=said)
    tool = LabelStudio(project)
    someone = annotator(tool)
    wait_for(lambda: len(someone.tasks()) == 2, said=said)
    (model,) = tool.client.sdk.ml.list(project=tool.link.project)
    assert (model.title, model.readable_state, model.model_version) == (TITLE, "Connected", "spotal round 1")

    # a task without a prediction gets one from us; one that is none of ours does not
    first = someone.tasks()["t0"]
    tool.client.sdk.predictions.delete(first["predictions"][0]["id"])
    other = {"data": {"text": "other", "spotal_id": "x"}}
    made = tool.client.sdk.projects.import_tasks(tool.link.project, request=[other], return_task_ids=True)
    httpx.post(
        f"{tool.client.url}/api/dm/actions",
        params={"id": "retrieve_tasks_predictions", "project": tool.link.project},
        json={"selectedItems": {"all": False, "included": [first["id"], *made.task_ids]}},
        headers={"Authorization": f"Token {TOKEN}"},
        timeout=120,
    ).raise_for_status()
    (ours,) = someone.tasks()["t0"]["predictions"]
    assert ours["id"] != first["predictions"][0]["id"]
    assert (ours["score"], ours["model_version"]) == (0.5, "spotal round 1")
    assert ours["result"][0]["value"] == {"choices": ["dog"]}
    assert someone.tasks()["x"]["predictions"] == []

    # each submitted batch brings the next: Label Studio rings, since nobody looks within the hour
    someone.says("t0", "cat")
    someone.says("t1", "dog")
    wait_for(lambda: {"t2", "t3"} <= set(someone.tasks()), said=said)
    assert project.labels.current()["t0"].label == "cat"
    someone.says("t2", "cat")
    someone.says("t3", "dog")
    wait_for(lambda: "picks must be at least one" in said(), said=said)  # the pool is used up, and it goes on serving
    assert len(project.labels.current()) == 4
    process.send_signal(signal.SIGINT)
    process.wait(60)


def test_a_label_studio_that_refuses_our_address_is_asked_instead(make, proxy, annotator):
    project = make(2)
    tool, told = LabelStudio(project), []
    tool.connect()
    proxy.fault = lambda method, path: "refuse" if path.startswith("/api/ml") else None
    service = Service(tool, None, picked_guesses, told.append)
    with pytest.raises(LabelStudioError, match="its ML backend"):
        service.register("http://127.0.0.1:9", "secret")
    proxy.fault = lambda method, path: "slow" if path.startswith("/api/tasks") else None
    tool.client.sdk._client_wrapper._timeout = 1
    service.stop()
    service.run(0.01)
    assert told == []


@pytest.fixture
def asked(make):
    """Our ML backend over a project of six texts, without Label Studio; and what rang."""
    from starlette.testclient import TestClient

    from spotal.annotate.label_studio.backend import USER, backend
    from spotal.annotate.label_studio.config import build_config, read_config

    project = make(6, picks=[], held_back=0.4)
    names = [item.id for item in project.items.candidates()]
    picks = [Pick(name, about={"guess": "cat", "confidence": 0.25}) for name in names]
    project.rounds.add(picks, audit=1, strategy="spot", n_labeled=0)
    classes, rung = project.settings.classes, []
    labeling = read_config(build_config("text", classes), "text", classes, "it")
    app = backend(project, labeling, lambda: picked_guesses(project), lambda: rung.append(1), "secret")
    return project, TestClient(app), {"auth": (USER, "secret")}, rung


def test_what_the_ml_backend_answers(asked):
    project, client, auth, rung = asked
    assert client.get("/health", **auth).json()["status"] == "UP"
    assert client.post("/setup", json={"project": "1.2"}, **auth).json() == {"model_version": "spotal round 1"}
    assert client.get("/versions", **auth).json() == {"versions": ["spotal round 1"]}
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
