"""Long work that is started on the page: one job at a time, canceled, failed, and ended with the server."""

from __future__ import annotations

import csv
import subprocess
import time

import pytest
from tests.forks import python
from tests.web.conftest import answer, done, make_images
from tests.web.slow_tasks import OURS

from spotal.web.tasks import TASKS

pytestmark = pytest.mark.usefixtures("quick_jobs")


def start(page, task, **more):
    key = page.get("/api/state").json()["key"]
    return page.post("/api/jobs", json={"project": key, "task": task} | more)


def cancel(page, id):
    key = page.get("/api/state").json()["key"]
    return page.post("/api/jobs/cancel", json={"project": key, "id": id}).json()["job"]


def under_way(page):
    """Wait until the job that runs has said how far it is; gives the job."""
    while True:
        job = page.get("/api/state").json()["job"]
        if job["done"] or job["outcome"]:
            return job
        time.sleep(0.1)


def test_the_next_batch_is_trained_for_and_chosen_as_spotal_next_does(tmp_path, client):
    with make_images(tmp_path, n=30, batch_size=4) as project:
        page, version = client(project), None
        for k in range(5):
            answer(page, k, ("red", "green", "blue")[k % 3], id=f"a{k}")
        state = page.get("/api/state").json()
        assert (state["job"], state["jobs"], state["tasks"]) == (None, [*TASKS], [])
        version = state["version"]
        job = done(page, "next")
        assert (job["outcome"], job["by"], job["sentence"]) == ("done", "ann", "round 2 has 4 items")
        assert (project.models.last().n_labeled, len(project.rounds)) == (5, 2)
        state = page.get(f"/api/state?version={version}").json()
        assert [task["id"] for task in state["tasks"]] == [pick.item for pick in project.rounds.picks(1)]
        again = done(page, "next")  # a batch that waits is not chosen anew
        assert (again["id"], again["outcome"], len(project.rounds)) == (job["id"] + 1, "done", 2)


def test_whoever_presses_second_gets_the_same_job_and_no_other_begins_meanwhile(texts, client):
    page = client(texts, tasks=OURS)
    first = start(page, "slow", annotator="ann").json()["job"]
    second = start(page, "slow", annotator="bob").json()["job"]
    assert (second["id"], second["by"]) == (first["id"], "ann")
    refused = start(page, "report")
    assert refused.status_code == 400
    assert "the server is slow; wait until it has finished, or cancel it" in refused.json()["error"]
    job = under_way(page)
    assert (job["total"], job["outcome"]) == (10_000, None)
    assert job["left"] > 0
    assert answer(page, 0, id="a")["now"]["label"] == "red"  # answers are recorded meanwhile
    job = cancel(page, first["id"])
    assert (job["outcome"], job["left"]) == ("canceled", None)
    with texts.lock("test"):  # its process is gone, and its lock with it
        pass
    assert cancel(page, first["id"]) == job  # and twice changes nothing
    assert start(page, "slow").json()["job"]["id"] == first["id"] + 1


def test_files_are_made_for_download(texts, client):
    page = client(texts, tasks=OURS)
    assert page.get("/download/moment.txt").status_code == 404
    job = done(page, "in_a_moment")
    assert (job["outcome"], job["sentence"], job["file"]) == ("done", "it is written", "moment.txt")
    found = page.get("/download/moment.txt")
    assert found.text == "12"
    assert found.headers["content-disposition"] == 'attachment; filename="texts-moment.txt"'
    for name in ("..%2Ftexts.jsonl", "report.html", "moment.tx", "nothing"):
        assert page.get(f"/download/{name}").status_code == 404
    start(page, "in_a_moment")
    job = under_way_in(page, "drawing")
    assert 0 < job["left"] < 60  # as long as it took before


def under_way_in(page, what):
    while True:
        job = page.get("/api/state").json()["job"]
        assert job["outcome"] is None
        if job["what"] == what:
            return job
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("task", "outcome", "sentence"),
    [
        ("wrong", "failed", "model must be one that works"),
        ("nothing_left", "finished", "the budget is spent"),
        ("dies", "failed", "dies ended too early (exit status -9)"),
        ("crashes", "failed", "crashes ended too early (exit status 1)"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_one_may_try_again(texts, client, task, outcome, sentence):
    page = client(texts, tasks=OURS)
    job = done(page, task)
    assert job["outcome"] == outcome
    assert sentence in job["sentence"]
    assert job["file"] is None
    assert start(page, "in_a_moment").json()["job"]["id"] == job["id"] + 1


def test_a_command_that_is_at_work_elsewhere_is_named(texts, client):
    page = client(texts)
    with texts.lock("train"):
        job = done(page, "next")
    assert job["outcome"] == "failed"
    assert f"{texts.folder} is in use by 'train'" in job["sentence"]


def test_what_is_asked_must_be_whole(texts, client):
    page = client(texts)
    key = page.get("/api/state").json()["key"]
    for body, sentence in (
        ({"project": key, "task": "format"}, "task must be one of next, train, predict, report, found 'format'"),
        ({"project": key}, "task must be given as str"),
        ({"project": key, "task": "next", "annotator": "a" * 101}, "annotator must be a name"),
        ([], "task must be given as str"),
    ):
        refused = page.post("/api/jobs", json=body)
        assert refused.status_code == 400
        assert sentence in refused.json()["error"]
    assert page.post("/api/jobs", json={"project": "other", "task": "next"}).status_code == 409
    assert page.post("/api/jobs/cancel", json={"project": key, "id": True}).status_code == 400
    assert page.get("/api/state").json()["job"] is None


def test_no_job_outlives_its_server(texts, client):
    code = (
        "import sys; from spotal.project import Project; from spotal.web.jobs import Jobs; "
        "from tests.web.slow_tasks import OURS; jobs = Jobs(Project.open(sys.argv[1]), OURS); jobs.start('slow'); "
        "print(jobs._process.pid, flush=True);"
        "sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    server = python(code, texts.folder, stdin=pipe, stdout=pipe, text=True)
    pid = int(server.stdout.readline())
    server.kill()
    server.communicate()
    end = time.monotonic() + 60
    while is_there(pid):
        assert time.monotonic() < end
        time.sleep(0.1)


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_predictions_report_and_training_are_what_the_commands_make(tmp_path, client):
    with make_images(tmp_path, n=30) as project:
        page = client(project)
        job = done(page, "train")
        assert job["outcome"] == "failed"
        assert "labels of two classes are needed" in job["sentence"]
        for k in range(5):
            answer(page, k, ("red", "green", "blue")[k % 3], id=f"a{k}")
        assert "trained on 5 labels" in done(page, "train")["sentence"]
        assert done(page, "predict")["sentence"] == "30 items: 5 labeled by people, 25 by the model"
        rows = list(csv.DictReader(page.get("/download/predictions.csv").text.splitlines()))
        assert [row["label"] for row in rows[:3]] == ["red", "green", "blue"]
        assert done(page, "report")["outcome"] == "done"
        found = page.get("/download/report.html")
        assert found.headers["content-disposition"].startswith("attachment")
        assert "<title>" in found.text
