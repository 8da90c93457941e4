"""Sets of classes out to files of every format and back, and as other programs write them."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest
from tests.annotate.files.conftest import document, lines_in, words

from spotal.annotate.files import FORMATS, export_labels, import_labels
from spotal.errors import DataFileError
from spotal.project import Answer

CLASSES = ("cat", "dog, big", 'bird "blue"')
NAMES = {"csv": "out.csv", "jsonl": "out.jsonl", "label-studio": "ls.json", "coco": "c.json", "hugging-face": "data"}
BOTH = 'bird "blue"|cat'


def speak(project):
    """Sets, the empty one among them, a skip, and two people who differ."""
    said = [
        ("a.png", "ann", "label", BOTH),
        ("b, c.png", "ann", "label", "dog, big"),
        ("b, c.png", "bob@x.org", "label", "cat|dog, big"),
        ("sub/über.png", "ann", "none_of_these", None),
        ("sub/naïve one.png", "ann", "skip", None),
        ("猫.png", "ann", "label", f"{BOTH}|dog, big"),
    ]
    project.labels.record_all(Answer(*words) for words in said)


def standing(project):
    return {name: (row.state, row.label) for name, row in project.labels.standings().items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["image", "text"])
def test_sets_go_out_and_come_back(make, tmp_path, name, kind):
    if kind not in FORMATS[name].kinds:
        return
    project, fresh = make(kind, many=True), make(kind, "fresh", many=True)
    speak(project)
    done = export_labels(project, tmp_path / NAMES[name], format=name)
    assert (done.items, done.answers) == (5, 6)
    assert import_labels(fresh, tmp_path / NAMES[name], format=name).recorded == 6
    assert fresh.labels.standings() == project.labels.standings()
    assert words(fresh) == words(project)
    assert import_labels(fresh, tmp_path / NAMES[name], format=name).recorded == 0


def test_pandas_reads_the_csv_as_an_indicator_matrix(make, tmp_path):
    project = make(many=True)
    speak(project)
    export_labels(project, tmp_path / "out.csv", majority=True)
    table = pd.read_csv(tmp_path / "out.csv").set_index("id")
    marks = table["label"].str.get_dummies()
    assert list(marks.columns) == sorted(CLASSES)
    assert marks.loc["a.png"].tolist() == [1, 1, 0]
    assert marks.loc["sub/über.png"].sum() == 0
    assert table.loc["sub/über.png", "kind"] == "none_of_these"


def test_json_lines_have_a_list(make, tmp_path):
    project = make(many=True)
    speak(project)
    export_labels(project, tmp_path / "out.jsonl", majority=True)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    found = {row["id"]: row["label"] for row in rows}
    assert found["a.png"] == ['bird "blue"', "cat"]
    assert found["sub/über.png"] == []
    assert "b, c.png" not in found  # in conflict


def test_datasets_load_a_list_of_classes(make, tmp_path):
    datasets = pytest.importorskip("datasets")
    project = make("text", many=True)
    speak(project)
    export_labels(project, tmp_path / "data", format="hugging-face", majority=True)
    found = datasets.load_from_disk(str(tmp_path / "data"))
    assert found.features["label"].feature.names == list(CLASSES)
    assert {row["id"]: row["label"] for row in found}["a.png"] == [2, 0]


def test_cells_of_other_programs_are_sets(make, tmp_path):
    project = make(many=True, classes=("cat", "dog", "bird"))
    with (tmp_path / "l.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [
                ["id", "label"],
                ["a.png", "dog; cat"],
                ["b, c.png", '["bird", "dog"]'],
                ["sub/über.png", "[]"],
                ["sub/naïve one.png", '{"choices": ["cat", "bird"]}'],
                ["猫.png", "cat,dog"],
                ["f.png", ""],
            ]
        )
    assert import_labels(project, tmp_path / "l.csv").recorded == 5
    assert standing(project) == {
        "a.png": ("labeled", "cat|dog"),
        "b, c.png": ("labeled", "bird|dog"),
        "sub/über.png": ("none_of_these", None),  # an empty list says so, an empty cell says nothing
        "sub/naïve one.png": ("labeled", "bird|cat"),
        "猫.png": ("labeled", "cat|dog"),
    }


def test_a_new_class_in_a_set_is_named_and_added(make, tmp_path):
    project = make(many=True, classes=("cat", "dog"))
    path = lines_in(tmp_path / "l.csv", "id,label", "a.png,cat|cow|owl")
    with pytest.raises(DataFileError, match="2 classes that the project does not have: 'cow', 'owl'"):
        import_labels(project, path)
    assert import_labels(project, path, skip_unknown=True).left_out == 1
    assert import_labels(project, path, add_classes=True).added_classes == ["cow", "owl"]
    assert standing(project) == {"a.png": ("labeled", "cat|cow|owl")}


def test_annotations_of_an_image_are_one_set_in_coco(make, tmp_path):
    project = make(many=True, classes=("cat", "dog"))
    content = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "f.png"}],
        "categories": [{"id": 7, "name": "dog"}, {"id": 9, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7},
            {"id": 2, "image_id": 1, "category_id": 9},
            {"id": 3, "image_id": 1, "category_id": 7},
        ],
    }
    assert import_labels(project, document(tmp_path / "c.json", content)).recorded == 1
    assert standing(project) == {"a.png": ("labeled", "cat|dog")}


def test_guesses_of_several_classes_are_suggestions(make, tmp_path):
    project = make(many=True, classes=("cat", "dog"))
    path = lines_in(tmp_path / "p.csv", "id,predicted,confidence", "a.png,dog|cat,0.75")
    assert import_labels(project, path, label_column="predicted", suggestions=True).suggested == 1
    assert project.imports.suggestions([project.items.get("a.png").number]) == {0: ("cat|dog", 0.75)}
    assert standing(project) == {}


def test_choices_beside_none_of_these_are_refused(make, tmp_path):
    project = make("text", many=True, classes=("cat", "dog"))
    result = {"type": "choices", "from_name": "l", "to_name": "t", "value": {"choices": ["cat", "None of these"]}}
    task = {"id": 4, "data": {"text": "text of\na.png"}, "annotations": [{"id": 9, "result": [result]}]}
    with pytest.raises(DataFileError, match="'None of these' beside a class in annotation 9 of task 4; keep one"):
        import_labels(project, document(tmp_path / "ls.json", [task]))


def test_a_file_of_sets_is_refused_by_a_project_of_single_classes(make, tmp_path):
    many, single = make(many=True), make(name="single")
    speak(many)
    export_labels(many, tmp_path / "out.jsonl")
    with pytest.raises(DataFileError, match="where a text is needed"):
        import_labels(single, tmp_path / "out.jsonl")
    export_labels(many, tmp_path / "out.csv")
    with pytest.raises(DataFileError, match=r"classes that the project does not have.*bird .*\|cat"):
        import_labels(single, tmp_path / "out.csv")
    assert standing(single) == {}
