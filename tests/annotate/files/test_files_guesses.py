"""A guess of a model is no answer, and a file means the items whose content it has."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from tests.annotate.files.conftest import DOG, IDS, choice, document, lines_in, spotal, words
from tests.raising import raises_input

from spotal.annotate.files import export_labels, import_labels
from spotal.errors import DataFileError
from spotal.project import Data, Project, Settings
from spotal.tables.formulas import escape_formula, unescape_formula
from spotal.web.state import States

GUESSES = {"a.png": "cat", "f.png": DOG}


def guesses_in(form, folder):
    """A file of two guesses, and in most formats one person's answer."""
    rows = [("a.png", "cat", "model", 0.75), ("f.png", DOG, " Model ", 0.5), ("猫.png", "cat", "person", None)]
    names = ("id", "label", "by", "confidence")
    if form == "csv":
        said = [f'{item},"{label}",{by},{"" if share is None else share}' for item, label, by, share in rows]
        return lines_in(folder / "p.csv", ",".join(names), *said)
    if form == "predicted":
        return lines_in(folder / "p.csv", "id,predicted,confidence", "a.png,cat,0.75", 'f.png,"dog, big",0.5')
    if form == "jsonl":
        return lines_in(folder / "p.jsonl", *(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    if form == "coco":
        images = [{"id": k, "file_name": name} for k, name in enumerate(IDS)]
        kinds = [{"id": 1, "name": "cat"}, {"id": 2, "name": DOG}]
        said = [(0, 1, {"score": 0.75}), (5, 2, {"attributes": {"by": "model"}}), (4, 1, {})]
        labels = [{"id": k, "image_id": i, "category_id": c, **more} for k, (i, c, more) in enumerate(said)]
        return document(folder / "p.json", {"images": images, "categories": kinds, "annotations": labels})
    if form == "label-studio":
        first = {"id": 1, "data": {"image": "a.png"}, "predictions": [{"score": 0.75, "result": [choice("cat")]}]}
        second = {"id": 2, "data": {"image": "f.png"}, "annotations": [], "predictions": [{"result": [choice(DOG)]}, 7]}
        return document(folder / "p.json", [first, second])
    datasets = pytest.importorskip("datasets")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    datasets.Dataset.from_dict(columns).save_to_disk(str(folder / "p"))
    return folder / "p"


@pytest.mark.parametrize("form", ["csv", "predicted", "jsonl", "coco", "label-studio", "hugging-face"])
def test_guesses_are_refused_left_out_or_kept_as_suggestions(make, tmp_path, form):
    project = make()
    path = guesses_in(form, tmp_path)
    column = "predicted" if form == "predicted" else None
    with pytest.raises(DataFileError, match=r"2 labels that a model guessed, the first in .*--people-only.*--sugg"):
        import_labels(project, path, label_column=column)
    assert project.labels.history() == []
    assert project.imports.all() == []
    people = 0 if form in ("predicted", "label-studio") else 1
    done = import_labels(project, path, people_only=True, label_column=column)
    assert (done.recorded, done.guesses, done.suggested) == (people, 2, 0)
    assert set(project.labels.standings()) == ({"猫.png"} if people else set())
    done = import_labels(project, path, suggestions=True, label_column=column)
    assert (done.recorded, done.known, done.guesses, done.suggested) == (0, people, 2, 2)
    assert set(project.labels.standings()) == ({"猫.png"} if people else set())
    numbers = {item.id: item.number for item in project.items}
    found = project.imports.suggestions(list(numbers.values()))
    assert {name: found[numbers[name]][0] for name in GUESSES} == GUESSES
    assert found[numbers["a.png"]][1] == 0.75
    assert len(found) == 2
    with raises_input("people_only"):
        import_labels(project, path, suggestions=True, people_only=True)


def test_predictions_of_label_studio_beside_answers_are_no_answers(make, tmp_path):
    project = make()
    annotation = {"id": 5, "completed_by": 3, "result": [choice(DOG)], "created_at": "2026-01-01T00:00:00Z"}
    task = {"id": 1, "data": {"image": "a.png"}, "annotations": [annotation]}
    path = document(tmp_path / "t.json", [task | {"predictions": [{"result": [choice("cat")]}]}])
    done = import_labels(project, path)
    assert (done.answers, done.recorded, done.guesses, done.suggested) == (1, 1, 1, 0)
    assert project.labels.standings()["a.png"].label == DOG


def test_what_predict_wrote_of_people_is_not_said_twice(make, tmp_path):
    project = make()
    project.labels.record("a.png", "cat", annotator="ann")
    path = lines_in(tmp_path / "p.csv", "id,label,by", "a.png,cat,person", 'f.png,"dog, big",model')
    done = import_labels(project, path, people_only=True)
    assert (done.recorded, done.known) == (0, 1)
    assert project.labels.standings()["a.png"].voters == 1


def test_suggestions_on_the_page_are_never_those_of_audit_items(make, tmp_path):
    project = make(held_back=0.5)
    held = {item.id for item in project.items if item.held_back}
    free = [name for name in IDS if name not in held]
    assert held
    assert free
    rows = [json.dumps({"id": name, "label": "cat", "by": "model"}) for name in IDS]
    assert import_labels(project, lines_in(tmp_path / "p.jsonl", *rows), suggestions=True).suggested == len(free)
    for name in IDS:  # a conflict shows every item, those held back too
        project.labels.record(name, "cat", annotator="ann")
        project.labels.record(name, DOG, annotator="bob")
    shown = {task["id"]: task for task in States(project).of("eve")["tasks"]}
    assert set(shown) == set(IDS)
    for name in IDS:
        assert shown[name]["guess"] == ([] if name in held else [{"label": "cat", "probability": None}])
        assert shown[name]["suggested"] == (name in free)
    states = States(project)
    before = states.of("eve")["version"]
    assert spotal("undo", project.folder).exit_code == 0
    assert states.of("eve")["version"] != before
    assert all(task["guess"] == [] for task in States(project).of("eve")["tasks"])


def test_the_labels_of_predict_come_back_as_no_answers(tmp_path):
    points = np.r_[np.random.default_rng(0).normal(0, 1, (15, 3)), np.random.default_rng(1).normal(6, 1, (15, 3))]
    pool = lines_in(tmp_path / "pool.csv", "id,a,b,c", *(f"p{k},{','.join(map(str, p))}" for k, p in enumerate(points)))
    project, out = tmp_path / "p", tmp_path / "labels.csv"
    assert spotal("init", project, "--pool", pool, "--classes", "x,y", "--batch", 4).exit_code == 0
    labels = lines_in(tmp_path / "said.csv", "id,label", "p0,x", "p1,x", "p20,y", "p21,y")
    assert spotal("import", labels, project).exit_code == 0
    assert spotal("predict", project, "--out", out).exit_code == 0
    for command in (["import", out, project], ["select", pool, "-n", 2, "--labeled", out, "-o", tmp_path / "x.csv"]):
        refused = spotal(*command)
        assert refused.exit_code == 2
        assert "26 labels that a model guessed" in refused.stderr
        assert refused.stderr.count("\n") == 1
    done = json.loads(spotal("import", out, project, "--people-only", "--json").stdout)
    assert (done["recorded"], done["known"]) == (0, 4)
    with Project.open(project) as opened:
        assert len(opened.labels.history()) == 4


def studio(rows, text):
    """Label Studio's own CSV, with the number of a task as its id."""
    lines = ["annotation_id,annotator,created_at,id,label,lead_time,spotal_id" + ",text" * text]
    for task, (item, label, said) in enumerate(rows, 1):
        cells = [task + 90, 1, "2026-01-01T00:00:00Z", task, label, 3.5, item, *([said] if text else [])]
        lines.append(",".join(f'"{cell}"' for cell in cells))
    return lines


@pytest.mark.parametrize("text", [True, False])
def test_the_tasks_number_in_label_studios_table_is_no_id(numbered, tmp_path, text):
    rows = [("3", "cat", "three"), ("1", "dog", " one "), ("4", "cat", "fo\u0301ur")]
    assert import_labels(numbered, lines_in(tmp_path / "ls.csv", *studio(rows, text))).recorded == 3
    found = {name: row.label for name, row in numbered.labels.standings().items()}
    assert found == {"1": "dog", "3": "cat", "4": "cat"}


def test_label_studios_table_without_our_ids_goes_by_the_text(numbered, tmp_path):
    lines = ["annotation_id,id,label,lead_time,text", "7,1,cat,1.0,two", "8,2,dog,1.0,three"]
    assert import_labels(numbered, lines_in(tmp_path / "ls.csv", *lines)).recorded == 2
    assert {name: row.label for name, row in numbered.labels.standings().items()} == {"2": "cat", "3": "dog"}
    lines = ["annotation_id,id,label,lead_time", "7,1,cat,1.0"]
    with pytest.raises(DataFileError, match="no column for the id"):
        import_labels(numbered, lines_in(tmp_path / "none.csv", *lines))


@pytest.mark.parametrize("form", ["csv", "jsonl", "label-studio", "hugging-face"])
def test_a_file_that_has_other_texts_under_our_ids_is_refused_as_a_whole(numbered, tmp_path, form):
    rows = [("1", "cat", "one"), ("2", "dog", "three"), ("4", "dog", "two")]
    names = ("id", "label", "text")
    if form == "csv":
        path = lines_in(tmp_path / "l.csv", ",".join(names), *(",".join(row) for row in rows))
    elif form == "jsonl":
        path = lines_in(tmp_path / "l.jsonl", *(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    elif form == "label-studio":
        tasks = [
            {"id": k, "data": {"text": text, "spotal_id": item}, "annotations": [{"id": k, "result": [choice(label)]}]}
            for k, (item, label, text) in enumerate(rows)
        ]
        path = document(tmp_path / "l.json", tasks)
    else:
        path = tmp_path / "l"
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        pytest.importorskip("datasets").Dataset.from_dict(columns).save_to_disk(str(path))
    sentence = r"disagrees with the project about 2 of 3 labels, first in .*: its text is 'three', .* not item '2'"
    with pytest.raises(DataFileError, match=sentence):
        import_labels(numbered, path)
    assert numbered.labels.history() == []
    if form in ("csv", "jsonl"):  # the remedy that the sentence names
        assert import_labels(numbered, path, id_column="text").recorded == 3
        found = {name: row.label for name, row in numbered.labels.standings().items()}
        assert found == {"1": "cat", "2": "dog", "3": "dog"}


def test_images_whose_name_or_picture_is_another(make, tmp_path):
    project = make()
    wrong = lines_in(tmp_path / "l.csv", "id,label,image", "a.png,cat,/data/upload/1/0a1b2c3d-f.png")
    with pytest.raises(DataFileError, match=r"its image is 'f.png', which is not item 'a.png'"):
        import_labels(project, wrong)
    rows = ["a.png,cat,http://host/image/3/large", "f.png,cat,/data/upload/1/0a1b2c3d-f.png"]
    rows.append("sub/naïve one.png,cat,/data/upload/0a1b2c3d-naïve_one.png")
    assert import_labels(project, lines_in(tmp_path / "m.csv", "id,label,image", *rows)).recorded == 3
    folder = tmp_path / "sorted" / "cat"
    folder.mkdir(parents=True)
    Image.fromarray(np.full((40, 50, 3), 255, np.uint8)).save(folder / "a.png")
    with pytest.raises(DataFileError, match=r"a.png is another picture, which is not item 'a.png'"):
        import_labels(project, tmp_path / "sorted")
    with Image.open(tmp_path / "photos" / "a.png") as image:  # saved anew, smaller
        image.resize((3, 2)).save(folder / "a.png")
    assert import_labels(project, tmp_path / "sorted").known == 1


@pytest.mark.parametrize("form", ["csv", "label-studio"])
def test_tasks_pushed_before_their_item_changed_are_refused(numbered, tmp_path, form):
    now = numbered.items.get("1").content
    other = numbered.items.get("2").content

    def exported(content):
        if form == "csv":
            return lines_in(tmp_path / "l.csv", "spotal_id,label,spotal_content", f"1,cat,{content}")
        task = {"id": 7, "data": {"spotal_id": "1", "spotal_content": content}}
        return document(tmp_path / "l.json", [task | {"annotations": [{"id": 1, "result": [choice("cat")]}]}])

    for content, said in (("0" * 24, "its content has changed"), (other, "its content is that of '2'")):
        with pytest.raises(DataFileError, match=f"disagrees .* 1 of 1 labels, .*: {said}, which is not item '1'"):
            import_labels(numbered, exported(content))
    assert import_labels(numbered, exported(now)).recorded == 1


def test_images_in_a_dataset_under_the_ids_of_others(make, tmp_path):
    project, fresh = make(), make(name="fresh")
    for name in IDS:
        project.labels.record(name, "cat", annotator="ann")
    export_labels(project, tmp_path / "data")
    assert import_labels(fresh, tmp_path / "data").recorded == len(IDS)
    datasets = pytest.importorskip("datasets")
    data = datasets.load_from_disk(str(tmp_path / "data")).cast_column("image", datasets.Image(decode=False))
    data = data.map(lambda row, k: {"id": IDS[(k + 1) % len(IDS)]}, with_indices=True).remove_columns("answers")
    data.save_to_disk(str(tmp_path / "shifted"))
    with pytest.raises(DataFileError, match="disagrees with the project about 6 of 6 labels"):
        import_labels(fresh, tmp_path / "shifted")


def test_an_import_onto_items_held_back_by_people_stays(make, tmp_path):
    project = make(held_back=0.9)
    path = lines_in(tmp_path / "l.csv", "id,label", *(f'"{name}",cat' for name in IDS))
    assert import_labels(project, path).held_back > 0
    shutil.rmtree(tmp_path / "photos")  # what is gone cannot be compared
    assert import_labels(project, path).known == len(IDS)


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+2",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "'=1",
    "''@x",
    " =1",
    "＝1",
    "-5",
    "+1.5e3",
    "cat's",
]


def test_cells_that_a_spreadsheet_would_run():
    for text in FORMULAS:
        assert unescape_formula(escape_formula(text)) == text
        assert escape_formula(text).lstrip()[0] not in "=@\t＝"
    assert [escape_formula(text) for text in ("-5", "+1.5e3", "cat's")] == ["-5", "+1.5e3", "cat's"]
    assert len(set(map(escape_formula, FORMULAS))) == len(FORMULAS)


@pytest.mark.parametrize("keep", [False, True])
def test_formulas_are_quoted_in_csv_and_come_back(tmp_path, keep):
    names = [name for name in FORMULAS if name.strip() == name]
    lines_in(tmp_path / "t.jsonl", *(json.dumps({"id": name, "text": f"={name}"}) for name in names))
    settings = Settings(Data("../t.jsonl", "text"), ("=dog", "'=cat"))
    with Project.create(tmp_path / "a", settings) as project, Project.create(tmp_path / "b", settings) as fresh:
        for k, name in enumerate(names):
            project.labels.record(name, settings.classes[k % 2], annotator="@ann")
        out = tmp_path / "out.csv"
        assert spotal("export", out, project.folder, *(["--keep-formulas"] if keep else [])).exit_code == 0
        with out.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in list(csv.reader(file))[1:] for cell in row if cell]
        risky = [cell for cell in cells if cell[0] in "=+-@＝\t" and not cell.startswith(("-5", "+1.5e3"))]
        assert bool(risky) == keep
        if not keep:
            assert import_labels(fresh, out).recorded == len(names)
            assert words(fresh) == words(project)


def test_formulas_of_picks_and_predictions_come_back(tmp_path):
    names = ["=1+1", "-2+3", "@x", "'=y", *(f"p{k}" for k in range(16))]
    points = np.random.default_rng(0).normal(size=(len(names), 3)) + 6 * (np.arange(len(names)) % 2)[:, None]
    rows = [",".join([name, *map(str, point)]) for name, point in zip(names, points, strict=True)]
    pool = lines_in(tmp_path / "pool.csv", "id,a,b,c", *rows)
    picks, project, out = tmp_path / "picks.csv", tmp_path / "p", tmp_path / "labels.csv"
    assert spotal("select", pool, "-n", len(names), "-o", picks).exit_code == 0
    with picks.open(newline="", encoding="utf-8") as file:
        shown = {row["id"] for row in csv.DictReader(file)}
    assert shown == {escape_formula(name) for name in names}
    rest = [line for line in picks.read_text("utf-8").splitlines() if not line.startswith("p1")]
    done = spotal(
        "select", pool, "-n", 3, "--labeled", lines_in(tmp_path / "some.csv", *rest), "-o", tmp_path / "x.csv"
    )
    assert done.exit_code == 0, done.output
    assert spotal("init", project, "--pool", pool, "--classes", "=x,y", "--batch", 4).exit_code == 0
    with Project.open(project) as opened:
        for k, name in enumerate(names):
            opened.labels.record(name, ("=x", "y")[k % 2], annotator="ann")
    assert spotal("predict", project, "--out", out).exit_code == 0
    assert "'=1+1,0,'=x," in out.read_text("utf-8").replace('"', "")
    done = json.loads(spotal("import", out, project, "--people-only", "--json").stdout)
    assert (done["recorded"], done["known"], done["left_out"]) == (0, len(names), 0)
