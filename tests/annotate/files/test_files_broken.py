"""JSON files of labels whose values have other types than they should are one sentence."""

from __future__ import annotations

import pytest
from tests.annotate.files.conftest import choice, document, lines_in, spotal

CAT = choice("cat")
TASKS = [
    {"annotations": [None]},
    {"annotations": [{"result": [None]}]},
    {"annotations": [5]},
    {"annotations": [{"result": 5}]},
    {"annotations": [{"result": [5]}]},
    {"annotations": [{"result": [{"value": 5}]}]},
    {"annotations": [{"result": [{"value": {"choices": 5}}]}]},
    {"annotations": [{"result": [{"value": {"choices": [{}]}}]}]},
    {"annotations": [{"result": [CAT | {"meta": 5}]}]},
    {"annotations": [{"result": [CAT | {"meta": {"spotal": 5}}]}]},
    {"annotations": [{"result": [CAT | {"meta": {"spotal": {"annotator": {}}}}]}]},
    {"annotations": [{"result": [CAT], "spotal": [1]}]},
    {"annotations": [{"result": [CAT], "completed_by": [1]}]},
    {"annotations": [{"result": [CAT], "created_at": {}}]},
    {"annotations": [{"result": [CAT], "completed_by": {"email": {}, "id": 1.5}}]},
    {"annotations": [{"result": [CAT], "completed_by": {"email": ["x"]}}]},
    {"annotations": [{"result": [choice("\ud800")]}]},
    {"annotations": {}},
    {"annotations": [], "predictions": 5},
    {"annotations": [], "predictions": [{"result": 5}]},
    {"annotations": [{"result": [CAT]}], "data": {"spotal_id": {"a": 1}}},
]


def one_sentence(said):
    assert (said.exit_code, said.stdout) == (2, ""), said.output
    assert said.stderr.startswith("Error: ")
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize("task", TASKS)
def test_broken_tasks_of_label_studio(make, tmp_path, task):
    path = document(tmp_path / "t.json", [{"id": 1, "data": {"image": "a.png"}, **task}])
    one_sentence(spotal("import", path, make().folder))


def coco(**more):
    row = {"id": 1, "image_id": 1, "category_id": 1}
    images, kinds = [{"id": 1, "file_name": "a.png"}], [{"id": 1, "name": "cat"}]
    return {"images": images, "categories": kinds, "annotations": [row], **more}


@pytest.mark.parametrize("attributes", [{"annotator": {}}, {"annotator": [1]}, {"at": {}}, 5, {"annotator": "\udc00"}])
def test_broken_annotations_of_coco(make, tmp_path, attributes):
    row = {"id": 1, "image_id": 1, "category_id": 1, "attributes": attributes}
    one_sentence(spotal("import", document(tmp_path / "c.json", coco(annotations=[row])), make().folder))


@pytest.mark.parametrize("key", ["images", "categories", "annotations", "spotal"])
@pytest.mark.parametrize("value", [5, "x", [None], [5], {"answers": 5}, {"answers": [5]}])
def test_coco_of_other_types(make, tmp_path, key, value):
    one_sentence(spotal("import", document(tmp_path / "c.json", coco(**{key: value})), make().folder))


@pytest.mark.parametrize("name", ["deep.json", "deep.jsonl"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"id":' * 100_000, '{"id": "a.png", "label": "\\ud800"}'])
def test_deep_nesting_and_halves_of_characters(make, tmp_path, name, text):
    said = spotal("import", lines_in(tmp_path / name, text), make().folder)
    one_sentence(said)
    assert "nested too deep" in said.stderr or "half a character" in said.stderr
