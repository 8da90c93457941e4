"""Push and pull against a real Label Studio."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.annotate.server import TOKEN

from spotal.annotate import Guesses, LabelStudio, Pushed
from spotal.annotate.label_studio import push as pushing
from spotal.annotate.label_studio.config import NONE
from spotal.errors import LabelStudioError, SpotalWarning
from spotal.project import Audit, Data, Pick, Project, Settings

pytestmark = pytest.mark.usefixtures("env")


def said(project):
    return [(event.item, event.annotator, event.kind, event.label) for event in project.labels.history()]


def test_label_studio_serves_our_order_with_guesses(make, annotator):
    project = make(12, picks=[], held_back=0.3)
    order = [project.items.candidates()[k].id for k in (5, 0, 7, 2)]
    project.rounds.add([Pick(item) for item in order], audit=2, strategy="spot", n_labeled=0)
    audited = [pick.item for pick in project.rounds.picks() if pick.role == "audit"]
    assert len(audited) == 2
    tool = LabelStudio(project)
    guesses = Guesses("spotal model 0", lambda number: ("dog", 0.9 - number / 20))
    assert tool.push(guesses) == Pushed(new=len(order) + len(audited), guesses=len(order))
    someone = annotator(tool)
    tasks = someone.tasks()
    assert list(tasks) == [task.item.id for task in project.rounds.batch()]
    for item in project.items.named(order):
        (guess,) = tasks[item.id]["predictions"]
        assert guess["score"] == pytest.approx(0.9 - item.number / 20)
        assert guess["result"][0]["value"] == {"choices": ["dog"]}
    assert not any(tasks[item]["predictions"] for item in audited)
    for item in tasks:  # what its own page would show, one after the other
        served = someone.next()
        assert served["data"]["spotal_id"] == item
        assert served["data"]["text"] == project.items.get(item).text
        someone.says(item, "dog")
    assert someone.next() is None


def test_pushing_twice_adds_nothing_and_writes_no_token(make, annotator):
    project = make(3)
    guesses = Guesses("spotal model 0", lambda number: ("cat", 0.5) if number == 1 else None)
    tool = LabelStudio(project)
    assert tool.push(guesses) == Pushed(new=3, guesses=1)
    assert tool.push(guesses) == Pushed(known=3)
    assert LabelStudio(project).push(guesses) == Pushed(known=3)
    assert len(annotator(tool).tasks()) == 3
    assert not any(TOKEN.encode() in path.read_bytes() for path in project.folder.rglob("*") if path.is_file())


def test_newer_guesses_reach_tasks_that_are_there(make, annotator):
    project = make(4, picks=["t0", "t1"])
    tool = LabelStudio(project)
    tool.push(Guesses("spotal model 1", lambda number: ("cat", 0.5) if number == 0 else None))
    project.rounds.add([Pick("t2"), Pick("t3")], strategy="spot", n_labeled=0)
    newer = Guesses("spotal model 12", lambda number: ("cow", 0.9) if number == 3 else ("dog", 0.75))
    assert tool.push(newer) == Pushed(new=2, known=2, guesses=3)  # a class that is none any more is no guess
    assert tool.push(newer) == Pushed(known=4)
    tasks = annotator(tool).tasks()
    found = {item: [guess["model_version"] for guess in task["predictions"]] for item, task in tasks.items()}
    assert found["t0"] == ["spotal model 1", "spotal model 12"]
    assert found["t1"] == found["t2"] == ["spotal model 12"]
    assert found["t3"] == []
    assert tool.client.sdk.projects.get(tool.link.project).model_version == "spotal model 12"


def test_pull_takes_labels_skips_and_none_of_these_over_pages(make, annotator):
    project = make(7, overlap=1)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    for k in range(5):
        someone.says(f"t{k}", project.settings.classes[k % 3])
    someone.says("t5", NONE)
    someone.skips("t6")
    report = tool.pull(size=2)
    assert (report.new, report.skipped, report.none_of_these, report.unread) == (7, 1, 1, [])
    standings = project.labels.standings()
    assert [standings[f"t{k}"].label for k in range(5)] == [project.settings.classes[k % 3] for k in range(5)]
    assert [standings[item].state for item in ("t5", "t6")] == ["none_of_these", "skipped"]
    event = project.labels.history("t0")[0]
    assert (event.annotator, event.source) == ("first@example.com", "label-studio")
    assert tool.pull(size=2).events == tool.pull(everything=True).events == 0
    assert project.counts().open == 0


def test_pull_looks_only_at_what_changed(make, annotator, monkeypatch):
    from datetime import timedelta

    from spotal.annotate.label_studio import pull as module

    monkeypatch.setattr(module, "OVERLAP", timedelta(0))
    looked = []
    monkeypatch.setattr(
        module, "_answers", lambda task, *rest, real=module._answers: looked.append(task) or real(task, *rest)
    )
    project = make(5)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    someone.says("t1", "cat")
    tool.pull()
    looked.clear()
    someone.says("t3", "dog")
    assert tool.pull().new == 1
    assert {task["data"]["spotal_id"] for task in looked} <= {"t1", "t3"}  # the last one is looked at twice


def test_an_edit_changes_and_a_deletion_withdraws(make, annotator):
    project = make(2)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    first, second = someone.says("t0", "cat"), someone.says("t1", "cat")
    tool.pull()
    someone.changes(first, "dog")
    someone.sdk.annotations.delete(second)
    report = tool.pull()
    assert (report.new, report.changed, report.withdrawn) == (0, 1, 1)
    who = "first@example.com"
    assert said(project)[-2:] == [("t0", who, "label", "dog"), ("t1", who, "withdraw", None)]
    assert [task.item.id for task in project.rounds.batch()] == ["t1"]  # it waits for an answer again
    assert tool.push() == Pushed(known=1)
    someone.says("t1", "dog")
    assert tool.pull().changed == 1
    assert project.labels.current()["t1"].label == "dog"


def test_a_conflict_is_shown_to_a_third_person_who_settles_it(make, annotator, user):
    project = make(1, overlap=2)
    tool = LabelStudio(project)
    tool.push()
    annotator(tool).says("t0", "cat")
    annotator(tool, user("second@example.com")).says("t0", "dog")
    assert tool.pull().new == 2
    (conflict,) = project.labels.conflicts()
    assert conflict.votes == {"first@example.com": "cat", "second@example.com": "dog"}
    someone = annotator(tool)
    assert someone.tasks()["t0"]["is_labeled"]
    assert tool.push() == Pushed(known=1, reopened=1)
    assert tool.push() == Pushed(known=1)
    assert not someone.tasks()["t0"]["is_labeled"]
    annotator(tool, user("third@example.com")).says("t0", "dog")
    tool.pull()
    assert project.labels.current()["t0"].label == "dog"


def test_what_is_answered_elsewhere_leaves_the_queue_and_comes_back(make, annotator):
    project = make(3)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    someone.skips("t2")
    tool.pull()
    project.labels.record("t0", "cat", annotator="page@example.com")
    assert tool.push() == Pushed(known=1, closed=1)
    assert tool.push() == Pushed(known=1)
    assert someone.next()["data"]["spotal_id"] == "t1"
    someone.says("t1", "dog")
    assert someone.next() is None
    project.labels.withdraw("t0", annotator="page@example.com")
    assert tool.push() == Pushed(new=0, known=2, reopened=1)  # t1 is not pulled yet
    assert someone.next()["data"]["spotal_id"] == "t0"


def rewrite(project, **texts):
    """Change the texts of the project's items, by id, and look through the data again."""
    lines = [json.dumps({"id": name, "text": text}) for name, text in texts.items()]
    project.items.location.write_text("\n".join(lines), encoding="utf-8")
    project.refresh()


def test_answers_to_a_former_text_are_set_aside_and_the_item_is_pushed_anew(make, annotator):
    project = make(3)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    rewrite(project, t0="text 0", t1="another text", t2="text 2")
    for item in ("t0", "t1"):
        someone.says(item, "cat")
    report = tool.pull()
    assert (report.new, report.set_aside, report.unread) == (2, 1, [])
    assert project.labels.standings().keys() == {"t0"}
    assert [event.item for event in project.labels.set_aside()] == ["t1"]
    assert tool.pull(everything=True).events == 0
    assert tool.push() == Pushed(new=1, known=1)  # t1 with its new text, and t2
    assert annotator(tool).tasks()["t1"]["data"]["text"] == "another text"


def test_answers_follow_texts_that_changed_their_ids(make, annotator):
    project = make(2)
    tool = LabelStudio(project)
    tool.push()
    annotator(tool).says("t0", "cat")
    tool.pull()
    with pytest.warns(SpotalWarning, match="2 items renamed, found again by content"):
        rewrite(project, t0="text 1", t1="text 0")
    assert tool.pull(everything=True).events == 0
    annotator(tool).says("t1", "dog")  # the task that shows text 1, of the item that is called t0 now
    assert (tool.pull().new, tool.pull(everything=True).events) == (1, 0)
    labels = {item: standing.label for item, standing in project.labels.standings().items()}
    assert {project.items.get(item).text: label for item, label in labels.items()} == {"text 0": "cat", "text 1": "dog"}


def test_a_task_without_content_must_show_the_items_text(make, annotator):
    project = make(2, picks=[])
    tool = LabelStudio(project)
    tool.connect()
    tasks = [{"data": {"text": text, "spotal_id": item}} for item, text in (("t0", " text  0"), ("t1", "text 0"))]
    tool.client.sdk.projects.import_tasks(tool.link.project, request=tasks)
    someone = annotator(tool)
    for item in ("t0", "t1"):
        someone.says(item, "cat")
    report = tool.pull()
    assert project.labels.standings().keys() == {"t0"}
    assert len(report.unread) == 1
    assert "another text than item 't1'" in report.unread[0]
    project.rounds.add([Pick("t0"), Pick("t1")], strategy="spot", n_labeled=0)
    assert tool.push() == Pushed(new=1)  # t1, which no task shows; t0 is answered


def test_a_deleted_task_takes_no_label_with_it(make, annotator):
    project = make(2)
    tool = LabelStudio(project)
    tool.push()
    someone = annotator(tool)
    someone.says("t0", "cat")
    tool.pull()
    for task in someone.tasks().values():
        someone.sdk.tasks.delete(str(task["id"]))
    assert tool.pull(everything=True).events == 0
    assert project.labels.current()["t0"].label == "cat"
    assert tool.push() == Pushed(new=1)  # t1 waits still
    assert list(someone.tasks()) == ["t1"]


def test_a_project_of_somebody_elses_is_adopted(make, annotator, server, refused, command):
    from label_studio_sdk import LabelStudio as SDK

    sdk = SDK(base_url=server, api_key=TOKEN, timeout=120)
    config = (
        '<View><Text name="what" value="$words"/><Choices name="animal" toName="what">'
        '<Choice value="cat"/><Choice value="dog"/><Choice value="cow"/></Choices></View>'
    )
    remote = sdk.projects.create(title="theirs", label_config=config)
    sdk.projects.import_tasks(remote.id, request=[{"data": {"words": "a task of theirs"}}])
    project = make(2, classes=("cat", "dog", "hen"))
    words = ("push", project.folder, "--project", remote.id)
    assert f"project {remote.id} of Label Studio at {server} has no choice 'hen'" in refused(*words)
    sdk.projects.update(remote.id, label_config=config.replace("</Choices>", '<Choice value="hen"/></Choices>'))
    assert command(*words).exit_code == 0
    result = command("push", project.folder, "--json")
    assert json.loads(result.stdout) == {
        "new": 0, "known": 2, "guesses": 0, "reopened": 0, "closed": 0, "page": f"{server}/projects/{remote.id}/data"
    }  # fmt: skip
    tool = LabelStudio(project)
    labeling = tool.connect()
    assert (labeling.control, labeling.key) == ("animal", "words")
    numbers = {task.data.get("spotal_id"): task.id for task in sdk.tasks.list(project=remote.id)}
    sdk.annotations.create(numbers["t0"], result=labeling.result("hen"))
    sdk.annotations.create(numbers["t1"], result=labeling.result("cow"))
    sdk.annotations.create(numbers[None], result=labeling.result("cat"))
    result = command("pull", project.folder)
    assert result.stdout.splitlines() == [
        "Pulled 1 new, 0 changed, 0 withdrawn answers",
        "  1 tasks in Label Studio do not belong to this project",
        f"1 items still wait for an answer. Next: spotal pull {project.folder}",
    ]
    assert "chooses 'cow', which is no class in spotal.toml; it is not counted as an answer" in result.stderr
    assert project.labels.current()["t0"].label == "hen"


def test_a_class_added_later_reaches_the_project_and_old_annotations(make, annotator, tmp_path):
    project = make(2)
    tool = LabelStudio(project)
    tool.push()
    settings = project.folder / "spotal.toml"
    settings.write_text(settings.read_text().replace('classes = ["cat", ', 'classes = ["cow", "cat", '))
    with Project.open(project.folder) as wider:
        tool = LabelStudio(wider)
        with pytest.raises(LabelStudioError, match="has no choice 'cow'"):
            tool.pull()
        tool.push()
        annotator(tool).says("t0", "cow")
        assert tool.pull().new == 1
        assert wider.labels.current()["t0"].label == "cow"


@pytest.fixture
def pictures(tmp_path):
    """Three small images, one of a kind that browsers do not show; a project over them, all picked."""
    folder = tmp_path / "my pictures"
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a b.png", "sub/ü#?.png", "c.tiff"):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(folder / name)
    data, audit = Data("../my pictures", "image"), Audit(held_back=0.0)
    with Project.create(tmp_path / "project", Settings(data, ("cat", "dog"), audit=audit)) as project:
        names = [item.id for item in project.items]
        project.rounds.add([Pick(name) for name in names], strategy="spot", n_labeled=0)
        yield project


@pytest.mark.parametrize("mode", ["upload", "local"])
def test_images_are_shown_as_they_are(pictures, annotator, server, tmp_path_factory, monkeypatch, mode):
    monkeypatch.setenv("LOCAL_FILES_DOCUMENT_ROOT", str(tmp_path_factory.getbasetemp()))
    tool = LabelStudio(pictures)
    tool.connect(images=mode)
    assert tool.push() == Pushed(new=3)
    tasks = annotator(tool).tasks()
    assert list(tasks) == [item.id for item in pictures.items]
    for name, task in tasks.items():
        address = task["data"]["image"]
        assert address.startswith("/data/local-files/" if mode == "local" and ".tiff" not in name else "/data/upload/")
        answer = httpx.get(server + address, headers={"Authorization": f"Token {TOKEN}"}, timeout=120)
        assert answer.status_code == 200
        if name == "c.tiff":
            shown = Image.open(__import__("io").BytesIO(answer.content))
            assert shown.format == "PNG"
            with Image.open(pictures.items.file(pictures.items.get(name))) as image:
                assert np.array_equal(np.asarray(shown), np.asarray(image))
        else:
            assert answer.content == pictures.items.file(pictures.items.get(name)).read_bytes()
    with tool.client.asking("files"):
        uploads = len(tool.client.sdk.files.list(tool.link.project, all_=True))
    tool.connect(new=False)
    assert LabelStudio(pictures).push() == Pushed(known=3)
    assert len(tool.client.sdk.files.list(tool.link.project, all_=True)) == uploads == (3 if mode == "upload" else 1)


def test_a_server_that_may_not_read_the_folder(pictures, refused, monkeypatch):
    monkeypatch.setenv("LOCAL_FILES_DOCUMENT_ROOT", "/")
    assert "set LOCAL_FILES_DOCUMENT_ROOT here as for the server" in refused(
        "push", pictures.folder, "--images", "local"
    )
    assert "must be upload or local, found 'mail'" in refused("push", pictures.folder, "--images", "mail")


def test_an_interrupted_push_goes_on(make, annotator, proxy, monkeypatch):
    monkeypatch.setattr(pushing, "AT_ONCE", 2)
    project = make(5)
    tool = LabelStudio(project)
    imports = []
    proxy.fault = lambda method, path: (
        "refuse" if "/import" in path and (imports.append(path) or len(imports) == 2) else None
    )
    with pytest.raises(LabelStudioError, match="failed when asked for new tasks"):
        tool.push()
    proxy.fault = lambda method, path: None
    assert len(annotator(tool).tasks()) == 2
    assert tool.push() == Pushed(new=3, known=2)
    assert list(annotator(tool).tasks()) == [f"t{k}" for k in range(5)]
