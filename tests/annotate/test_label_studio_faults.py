"""What happens when Label Studio is down, slow, broken or refuses us, its project is deleted, or our disk is full."""

from __future__ import annotations

import pytest
from tests.annotate.server import free_port
from tests.full_disk import content, room

from spotal.annotate import LabelStudio, Pushed
from spotal.errors import LabelStudioError

pytestmark = pytest.mark.usefixtures("env")


@pytest.fixture
def pushed(make, proxy, annotator):
    """A project with one label pulled, and another that waits at Label Studio."""
    project = make(3)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    someone.says("t0", "cat")
    tool.pull()
    someone.says("t1", "dog")
    return project


def check_nothing_lost(project):
    """What was pulled stands, and the rest comes when the server is well again."""
    assert project.labels.current()["t0"].label == "cat"
    assert len(project.labels.history()) == 1
    assert LabelStudio(project).pull().new == 1
    assert project.labels.current()["t1"].label == "dog"


def test_down(pushed, refused, proxy):
    url = f"http://127.0.0.1:{free_port()}"
    for word in ("push", "pull"):
        said = refused(word, pushed.folder, "--url", url)
        assert said.startswith(f"Error: Label Studio at {url} cannot be reached (")
        assert said.endswith("); start it, or correct LABEL_STUDIO_URL")
    check_nothing_lost(pushed)


def test_slow(pushed, refused, proxy):
    proxy.fault = lambda method, path: "slow"
    for word in ("push", "pull"):
        said = refused(word, pushed.folder, "--timeout", 0.5)
        assert "did not answer within 0.5 s when asked for project" in said
        assert said.endswith("check whether it is busy, or raise --timeout, and run the command again")
    proxy.fault = lambda method, path: None
    check_nothing_lost(pushed)


def test_error_500(pushed, refused, proxy, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: None)  # the SDK's pause before it tries again
        proxy.fault = lambda method, path: "refuse" if path.startswith("/api/tasks") else None
        for word in ("push", "pull"):
            said = refused(word, pushed.folder)
            assert "failed when asked for the tasks of project" in said
            assert said.endswith("(status 500); look into its log and run the command again")
    proxy.fault = lambda method, path: None
    check_nothing_lost(pushed)


def test_the_disk_is_full(pushed, make, refused, command):
    known = content(pushed.folder)
    with room(300):
        said = refused("pull", pushed.folder)
    assert "answers.jsonl cannot be written" in said
    assert content(pushed.folder) == known
    check_nothing_lost(pushed)
    fresh = make(2, name="fresh")
    known = content(fresh.folder)
    with room(100):
        said = refused("push", fresh.folder)
    assert "label-studio.json cannot be written (file too large)" in said
    assert content(fresh.folder) == known
    assert command("push", fresh.folder).exit_code == 0
    assert LabelStudio(fresh).push() == Pushed(known=2)


def test_the_token_is_refused_or_missing(pushed, refused, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("LABEL_STUDIO_API_KEY", "not-a-token")
        for word in ("push", "pull"):
            said = refused(word, pushed.folder)
            assert "refuses the token when asked for project" in said
            assert "(Invalid token.)" in said
            assert "not-a-token" not in said
        patch.delenv("LABEL_STUDIO_API_KEY")
        for word in ("push", "pull"):
            assert "needs a token; copy one from its page Account & Settings" in refused(word, pushed.folder)
    check_nothing_lost(pushed)


def test_the_project_was_deleted(pushed, refused, command):
    tool = LabelStudio(pushed)
    number = tool.link.project
    tool.client.sdk.projects.delete(number)
    for word in ("push", "pull"):
        said = refused(word, pushed.folder)
        assert f"does not have project {number}; it was deleted" in said
        assert said.endswith("spotal push --project new makes another project there")
    assert pushed.labels.current()["t0"].label == "cat"
    assert command("push", pushed.folder, "--project", "new").exit_code == 0
    assert LabelStudio(pushed).pull().events == 0
    assert pushed.labels.current()["t0"].label == "cat"
    assert len(pushed.labels.history()) == 1


def test_a_server_that_is_another_one(pushed, refused):
    """The same number, another project: nothing is pulled from it, nothing pushed."""
    from dataclasses import replace

    from spotal.annotate.label_studio.link import read_link, write_link

    link = read_link(pushed.folder)
    write_link(pushed.folder, replace(link, born="2020-01-01T00:00:00.000000+00:00"))
    for word in ("push", "pull"):
        assert "is not the project that was pushed to" in refused(word, pushed.folder)
    write_link(pushed.folder, link)
    check_nothing_lost(pushed)


@pytest.mark.parametrize("fault", ["lose", "late"])
def test_tasks_that_arrive_though_the_answer_does_not_come(make, annotator, proxy, fault):
    project = make(3)
    tool = LabelStudio(project, timeout=5 if fault == "late" else 60)
    tool.connect()
    proxy.fault = lambda method, path: fault if "/import" in path else None
    with pytest.raises(LabelStudioError, match="new tasks"):
        tool.push()
    proxy.fault = lambda method, path: None
    tool = LabelStudio(project)
    assert tool.push() == Pushed(known=3)
    assert list(annotator(tool).tasks()) == ["t0", "t1", "t2"]


def test_tasks_that_are_there_twice_are_made_one(make, annotator):
    """As when an import that took too long came through after the next push had looked."""
    project = make(2)
    tool = LabelStudio(project)
    tool.push()
    data = [{"data": {"text": "text 0", "spotal_id": "t0"}}, {"data": {"text": "text 1", "spotal_id": "t1"}}]
    ids = tool.client.sdk.projects.import_tasks(tool.link.project, request=data, return_task_ids=True).task_ids
    labeling = tool.connect()
    tool.client.sdk.annotations.create(ids[0], result=labeling.result("cat"))
    assert tool.push() == Pushed(known=2)
    tasks = annotator(tool).tasks()
    assert {name: task["id"] == ids[0] for name, task in tasks.items()} == {"t0": True, "t1": False}
    tool.pull()
    assert project.labels.current()["t0"].label == "cat"


def test_a_project_that_was_made_by_an_interrupted_push_is_found_again(make, proxy):
    project = make(1)
    tool = LabelStudio(project)
    proxy.fault = lambda method, path: "lose" if method == "POST" and path.startswith("/api/projects") else None
    with pytest.raises(LabelStudioError, match="failed when asked for a new project"):
        tool.connect()
    proxy.fault = lambda method, path: None
    tool = LabelStudio(project)
    tool.connect()
    marked = [one for one in tool.client.sdk.projects.list() if tool.link.mark in (one.description or "")]
    assert [one.id for one in marked] == [tool.link.project]


def test_nothing_was_pushed_yet(make, refused, command):
    project = make(picks=[])
    assert "has nothing in Label Studio yet; run spotal push first" in refused("pull", project.folder)
    result = command("push", project.folder)
    assert (result.exit_code, result.stdout) == (0, "Nothing waits for an answer; spotal next chooses a new batch\n")
    assert "--project must be a number or new, found 'x'" in refused("push", project.folder, "--project", "x")
    assert "url must begin with http:// or https://" in refused("push", project.folder, "--url", "localhost:1")


def test_watch_outlives_a_failure_and_ends_at_a_refusal(pushed, command, proxy, monkeypatch):
    turns = []

    def pause(seconds):
        if seconds != 0.25:  # the SDK's own, before it tries again
            return
        turns.append(seconds)
        bad = {1: "refuse", 2: None, 3: None}[len(turns)]
        proxy.fault = lambda method, path: bad if path.startswith("/api/projects") else None
        if len(turns) == 3:
            LabelStudio(pushed).client.sdk.projects.delete(LabelStudio(pushed).link.project)

    monkeypatch.setattr("time.sleep", pause)
    result = command("pull", pushed.folder, "--watch", "--every", 0.25)
    assert result.exit_code == 2
    assert "Warning: Label Studio" in result.stderr
    assert "(status 500)" in result.stderr
    assert "it was deleted" in result.stderr
    assert pushed.labels.current()["t1"].label == "dog"
