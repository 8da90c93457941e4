from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from spotal.errors import DataFileError, InputError, ProjectError
from spotal.project import Added, Data, Found, Pick, Project, Settings
from spotal.project.sources import look
from spotal.web.pictures import picture

CLASSES = ("cat", "dog")


def photo(path, gray=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), gray).save(path)


def test_images_are_known_by_their_path_in_the_folder(tmp_path):
    for name in ("b.png", "sub/a.png"):
        photo(tmp_path / "photos" / name)
    with Project.create(tmp_path / "p", Settings(Data("../photos"), CLASSES)) as project:
        assert [(item.number, item.id) for item in project.items] == [(0, "b.png"), (1, "sub/a.png")]
        assert project.items.file(project.items.get("sub/a.png")) == tmp_path / "photos" / "sub" / "a.png"


def test_scaled_copies_of_a_project_in_its_images_folder_are_no_items(tmp_path):
    photo(tmp_path / "photos" / "a.png", 9)
    with Project.create(tmp_path / "photos", Settings(Data("."), CLASSES)) as project:
        assert picture(project, project.items.get("a.png"), "small").is_relative_to(tmp_path / "photos")
        assert project.refresh() == Added()
        assert [item.id for item in project.items] == ["a.png"]


def test_the_pool_grows_and_what_changed_or_went_is_noticed(tmp_path):
    photos = tmp_path / "photos"
    for gray, name in enumerate(("a.png", "b.png", "c.png")):
        photo(photos / name, gray)
    with Project.create(tmp_path / "p", Settings(Data(str(photos)), CLASSES)) as project:
        project.labels.record("b.png", "cat", annotator="ann")
        photo(photos / "aa.png", 10)
        photo(photos / "a.png", 11)
        os.utime(photos / "c.png", ns=(1, 1))  # the same content
        (photos / "b.png").unlink()
        report = project.refresh()
        assert (report.new, report.changed, report.missing, report.back) == (["aa.png"], ["a.png"], ["b.png"], [])
        assert project.items.get("aa.png").number == 3  # numbers of the others stay
        assert project.items.get("b.png").missing
        assert project.labels.current()["b.png"].label == "cat"  # nothing labeled is lost
        photo(photos / "b.png", 1)
        assert project.refresh().back == ["b.png"]
        assert not project.items.get("b.png").missing
        again = project.refresh()
        assert again == Added()


def test_embeddings_are_known_by_row_or_id(tmp_path):
    rows = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "x.npy", rows)
    np.savez(tmp_path / "x.npz", X=rows, name=np.array(["p", "q", "r"]))
    by_row = look(Data("x.npy", "embedding"), tmp_path)
    by_id = look(Data("x.npz", "embedding", "name"), tmp_path)
    assert [thing.id for thing in by_row] == ["0", "1", "2"]
    assert [(thing.id, thing.row) for thing in by_id] == [("p", 0), ("q", 1), ("r", 2)]
    np.save(tmp_path / "x.npy", rows + np.array([[0], [1], [0]]))
    changed = [new.content != old.content for new, old in zip(look(Data("x.npy", "embedding"), tmp_path), by_row)]  # noqa: B905
    assert changed == [False, True, False]


@pytest.mark.parametrize(
    ("name", "content", "ids"),
    [
        ("x.csv", "text,label\nhello,1\nyou,2\n", ["0", "1"]),
        ("x.csv", "id,text\n7,hello\n8,you\n", ["7", "8"]),
        ("x.jsonl", '{"text": "hello"}\n\n{"text": "you"}\n', ["0", "1"]),
        ("x.jsonl", '{"text": "hello", "id": 5}\n{"text": "you", "id": 6}\n', ["5", "6"]),
    ],
)
def test_texts(tmp_path, name, content, ids):
    (tmp_path / name).write_text(content)
    found = look(Data(name, "text"), tmp_path)
    assert [(thing.id, thing.text) for thing in found] == list(zip(ids, ["hello", "you"], strict=True))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", '{"txt": "hello"}', "text_column must name a column of .*, found 'text'; its columns are 'txt'"),
        ("x.jsonl", "[1]", "must hold an object in each line, found .* in line 1"),
        ("x.jsonl", "", "is empty"),
        ("x.jsonl", '{"text": "a", "id": 1}\n{"text": "b"}', "empty cell in column 'id', line 2"),
        ("x.jsonl", '{"text": "a", "id": 1}\n{"text": "b", "id": 1}', "must not repeat"),
        ("x.csv", "words\nhello\n", "text_column must name a column"),
        ("x.txt", "hello", "must hold texts as .csv, .*.jsonl, .ndjson; convert it"),
    ],
)
def test_texts_that_cannot_be_read(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises((DataFileError, InputError), match=message):
        look(Data(name, "text"), tmp_path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "a/../../b.png"])
def test_no_item_lies_outside_the_data(project, path):
    with pytest.raises(ProjectError, match="paths must lie in the data's folder"):
        project.items.add([Found("x", "image", "1", path=path)])
    assert len(project.items) == 10


def test_an_id_comes_once(project):
    with pytest.raises(ProjectError, match="found 'new' twice"):
        project.items.add([Found("new", "text", "1", text="a"), Found("new", "text", "2", text="b")])
    assert "new" not in project.items


def test_items_by_id_and_number_keep_the_order_asked_for(project):
    assert [item.number for item in project.items.named(["t7", "t2"])] == [7, 2]
    assert [item.id for item in project.items.at(np.array([7, 2]))] == ["t7", "t2"]
    with pytest.raises(ProjectError, match="found 'nobody'"):
        project.items.get("nobody")
    with pytest.raises(ProjectError, match="0 to 9, found 10"):
        project.items.at([10])
    with pytest.raises(ProjectError, match="no file of its own"):
        project.items.file(project.items.get("t0"))


def test_candidates_are_what_nobody_asked_or_spoke_about(make):
    project = make(40, held_back=0.3)
    held = {item.id for item in project.items if item.held_back}
    free = [item.id for item in project.items.candidates()]
    assert 0 < len(held) < 40
    assert held.isdisjoint(free)
    project.rounds.add([Pick(free[0])], strategy="spot", n_labeled=0)
    project.labels.record(free[1], "cat", annotator="ann", source="import")
    project.labels.record(free[2], kind="skip", annotator="ann")
    assert [item.id for item in project.items.candidates()] == free[3:]


def test_who_is_held_back_depends_on_ids_and_random_state_alone(make):
    first, other, longer = make(60, held_back=0.3), make(60, held_back=0.3, name="b", random_state=1), None
    longer = make(80, held_back=0.3, name="c")
    held = [{item.id for item in project.items if item.held_back} for project in (first, other, longer)]
    assert held[0] != held[1]
    assert held[0] == {name for name in held[2] if int(name[1:]) < 60}
