"""Labels out to a file and back into a fresh project stand as they stood; nothing is recorded twice or by halves."""

from __future__ import annotations

import csv
import json
import shutil
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.annotate.files.conftest import CLASSES, IDS, START, speak, words
from tests.raising import raises_input

from spotal.annotate.files import FORMATS, export_labels, import_labels
from spotal.annotate.files.base import Content, Entry, Reading, Vote
from spotal.errors import DataFileError, InputError, OutputError, ProjectError
from spotal.project import Item, Project

NAMES = {"csv": "out.csv", "jsonl": "out.jsonl", "label-studio": "ls.json", "coco": "c.json", "hugging-face": "data"}


@pytest.fixture
def spoken(make):
    project = make()
    speak(project)
    return project


@pytest.mark.parametrize("kind", ["image", "text", "embedding"])
@pytest.mark.parametrize("name", NAMES)
def test_the_way_out_and_back(make, tmp_path, name, kind):
    if kind not in FORMATS[name].kinds:
        with raises_input("format"):
            export_labels(make(kind), tmp_path / NAMES[name], format=name)
        return
    project, fresh = make(kind), make(kind, "fresh")
    speak(project)
    path = tmp_path / "made" / "later" / NAMES[name]
    done = export_labels(project, path, format=name)
    assert (done.format, done.items, done.answers) == (name, 5, 7)
    came = import_labels(fresh, path)  # the format is found from the file itself
    assert (came.format, came.recorded, came.known) == (name, 7, 0)
    assert fresh.labels.standings() == project.labels.standings()
    assert words(fresh) == words(project)
    assert {event.source for event in fresh.labels.history()} == {"import"}
    assert fresh.labels.conflicts()[0].votes == project.labels.conflicts()[0].votes
    before = fresh.labels.last_event()
    again = import_labels(fresh, path)
    assert (again.recorded, again.known, fresh.labels.last_event()) == (0, 7, before)
    assert import_labels(project, path).recorded == 0  # its own words are no news
    export_labels(project, path, format=name)  # over what is there
    assert not [left for left in path.parent.iterdir() if left.name.startswith(".")]


# names that can go wrong: separators, quotes, line ends, right-to-left, emoji, a BOM, what looks like a formula
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    ["a,b", 'say "x"', "two\nlines", "\r\n", "\u2028", "=1+1", "\ufeffid", " ", "שלום", "🐈", "null", "x\0y", "'", "\t"]
)
VISIBLE = st.text(string.ascii_letters + " ,\";'<>&éß猫", min_size=1, max_size=8).filter(str.strip)
WHEN = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@st.composite
def contents(draw):
    kind = "text"
    classes = tuple(draw(st.lists(VISIBLE, min_size=2, max_size=4, unique=True)))
    answer = st.one_of(
        st.tuples(st.just("label"), st.sampled_from(classes)),
        st.tuples(st.sampled_from(["skip", "none_of_these"]), st.none()),
    )
    entries = []
    for number, name in enumerate(draw(st.lists(TEXT, max_size=4, unique=True))):
        item = Item(number, name, kind, "", None, number, draw(TEXT), False, False, START)
        said = [
            Vote(who, *draw(answer), draw(WHEN), "page")
            for who in draw(st.lists(VISIBLE, min_size=1, max_size=3, unique=True))
        ]
        entries.append(Entry(item, draw(st.sampled_from([*classes, None])), said))
    return Content(kind, classes, entries, lambda item: Path(item.id))


@pytest.mark.parametrize("name", ["csv", "jsonl", "label-studio", "hugging-face"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=contents())
def test_every_name_comes_back(tmp_path, name, content):
    path = tmp_path / "there"
    if path.exists():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    FORMATS[name].write(content, path)
    rows = FORMATS[name].read(path, Reading(content.classes))
    came = [(row.ids[0], row.annotator, row.kind, row.label, row.at) for row in rows]
    assert came == [
        (entry.item.id, said.annotator, said.kind, said.label, said.at)
        for entry in content.entries
        for said in entry.votes
    ]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_plain_table_of_labels(make, tmp_path):
    project = make()
    path = write(tmp_path / "l.csv", "item,class,other", "a.png,cat,1", "f.png,,2", '"b, c.png","dog, big",3')
    done = import_labels(project, path, annotator="eve")
    assert (done.answers, done.recorded) == (2, 2)
    assert {key: value[:2] for key, value in words(project).items()} == {
        ("a.png", "eve"): ("label", "cat"),
        ("b, c.png", "eve"): ("label", "dog, big"),
    }
    named = write(tmp_path / "n.csv", "file,what", "f.png,cat")
    assert import_labels(project, named, id_column="file", label_column="what").recorded == 1
    with pytest.raises(DataFileError, match=r"no column for the id, such as 'id'.*found 'file', 'what'.*--id-column"):
        import_labels(project, named)
    numbers = write(tmp_path / "n.jsonl", '{"id": "a.png", "label": 3}')
    with pytest.raises(DataFileError, match="1 class that the project does not have: '3'"):
        import_labels(project, numbers)


def test_a_label_that_changed_in_the_file_is_a_new_answer_and_what_the_page_said_since_stays(make, tmp_path):
    project = make()
    path = write(tmp_path / "l.csv", "id,label", "a.png,cat")
    assert import_labels(project, path).recorded == 1
    write(path, "id,label", 'a.png,"dog, big"')
    assert import_labels(project, path).recorded == 1
    write(path, "id,label", "a.png,cat")
    assert import_labels(project, path).recorded == 1  # back to what it was before
    project.labels.record("a.png", "dog, big", annotator="import", source="page")
    assert import_labels(project, path).known == 1
    assert project.labels.standings()["a.png"].label == "dog, big"


def test_the_later_word_counts(make, tmp_path):
    project = make()
    project.labels.record("a.png", "cat", annotator="ann", at=datetime(2026, 6, 1, tzinfo=UTC))
    lines = ["id,label,annotator,at", 'a.png,"dog, big",ann,2026-05-01T00:00:00Z']
    assert import_labels(project, write(tmp_path / "l.csv", *lines)).older == 1
    assert project.labels.standings()["a.png"].label == "cat"
    lines[1] = lines[1].replace("2026-05", "2026-07")
    lines.insert(1, "a.png,cat,ann,2026-06-20T00:00:00Z")  # two words of one annotator: the later one is taken
    assert import_labels(project, write(tmp_path / "l.csv", *lines)).recorded == 1
    assert project.labels.standings()["a.png"].label == "dog, big"


def test_unknown_items_and_classes_are_one_sentence_or_left_out(make, tmp_path):
    project = make()
    path = write(tmp_path / "l.csv", "id,label", "a.png,cat", "gone.png,cat", "f.png,fish")
    with pytest.raises(
        DataFileError, match=r"1 label of items that the project does not have: 'gone.png'; .*--skip-unknown"
    ):
        import_labels(project, path)
    write(path, "id,label", "a.png,cat", "f.png,fish")
    with pytest.raises(DataFileError, match=r"1 class .*: 'fish'; add them by --add-classes"):
        import_labels(project, path)
    assert project.labels.last_event() == 0
    assert import_labels(project, path, skip_unknown=True).left_out == 1
    assert project.labels.last_event() == 1


def test_classes_are_added_at_the_end_and_the_rest_of_the_settings_stays(make, tmp_path):
    project = make()
    toml = project.folder / "spotal.toml"
    toml.write_text(toml.read_text().replace("[audit]", "# my own remark\n[audit]"))
    path = write(tmp_path / "l.csv", "id,label", "a.png,fish", "f.png,ant")
    done = import_labels(project, path, add_classes=True)
    assert (done.recorded, done.added_classes) == (2, ["fish", "ant"])
    assert "# my own remark" in toml.read_text()
    with Project.open(project.folder) as opened:
        assert opened.settings == project.settings
        assert opened.settings.classes == (*CLASSES, "fish", "ant")
    with pytest.raises(ProjectError, match="visible names of one line"):
        import_labels(project, write(tmp_path / "m.csv", "id,label", 'a.png,"x\ny"'), add_classes=True)
    assert project.labels.last_event() == 2


def test_contradictions_in_one_file_are_refused(make, tmp_path):
    project = make()
    path = write(tmp_path / "l.csv", "id,label", "a.png,cat", "f.png,cat", 'a.png,"dog, big"')
    with pytest.raises(
        DataFileError, match=r"both 'cat' \(line 2\) and 'dog, big' \(line 4\) about 'a.png' by 'import'"
    ):
        import_labels(project, path)
    assert project.labels.last_event() == 0


def test_held_back_items_are_counted(make, tmp_path):
    project = make(held_back=0.9)
    held = [item.id for item in project.items if item.held_back]
    lines = ["id,label", *(f'"{name}",cat' for name in IDS)]
    assert import_labels(project, write(tmp_path / "l.csv", *lines)).held_back == len(held) > 0
    assert len(project.labels.current()) == len(IDS) - len(held)


def test_the_majority_is_one_label_an_item(spoken, tmp_path):
    export_labels(spoken, tmp_path / "m.csv", majority=True)
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["id"], row["label"], row["kind"]) for row in csv.DictReader(file)]
    assert rows == [
        ("a.png", 'bird "blue"', "label"), ("b, c.png", "dog, big", "label"), ("猫.png", "", "none_of_these"),
    ]  # fmt: skip


def test_label_studio_as_it_exports_itself(make, tmp_path):
    project = make()
    choice = {"from_name": "kind", "to_name": "image", "type": "choices", "value": {"choices": ["cat"]}}
    times = {"created_at": "2021-03-09T22:16:08.728353Z", "updated_at": "2021-03-09T23:00:00.000000Z"}

    def task(number, image, *annotations):
        return {"id": number, "data": {"image": image}, "annotations": list(annotations), "predictions": []}

    def by(user, result, cancelled=False, **more):
        return {"id": 1, "completed_by": user, "result": result, "was_cancelled": cancelled, **times, **more}

    user = {"id": 7, "email": "ann@x.org", "first_name": "Ann"}
    tasks = [
        task(1, "/data/upload/1/0a1b2c3d-a.png", by(7, [choice]), by(8, [], cancelled=True)),
        task(2, "/data/local-files/?d=photos/b%2C%20c.png", by(user, [choice])),
        task(3, "s3://bucket/some/sub/%C3%BCber.png", by(user, [])),
        task(4, "https://x.org/naïve one.png", by(user, [{**choice, "value": {"choices": ["None of these"]}}])),
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    assert import_labels(project, path).format == "label-studio"
    at = datetime(2021, 3, 9, 23, tzinfo=UTC)
    assert words(project) == {
        ("a.png", "Label Studio user 7"): ("label", "cat", at),
        ("a.png", "Label Studio user 8"): ("skip", None, at),
        ("b, c.png", "ann@x.org"): ("label", "cat", at),
        ("sub/über.png", "ann@x.org"): ("skip", None, at),
        ("sub/naïve one.png", "ann@x.org"): ("none_of_these", None, at),
    }
    kept = {**choice, "meta": {"spotal": {"annotator": "eve"}}}  # of a file of ours that went through Label Studio
    path.write_text(json.dumps([task(1, "f.png", by(7, [kept]))]))
    import_labels(project, path)
    assert words(project)["f.png", "eve"] == ("label", "cat", at)
    two = [task(1, "a.png", by(7, [{**choice, "value": {"choices": ["cat", "dog, big"]}}]))]
    path.write_text(json.dumps(two))
    with pytest.raises(DataFileError, match="2 choices in annotation 1 of task 1; one label"):
        import_labels(project, path)
    path.write_text(json.dumps([{"id": 1, "image": "a.png", "kind": "cat"}]))
    with pytest.raises(DataFileError, match="not as JSON-MIN"):
        import_labels(project, path)


def test_coco_is_what_others_read(spoken, tmp_path):
    export_labels(spoken, tmp_path / "c.json", format="coco")
    document = json.loads((tmp_path / "c.json").read_text())
    assert [category["name"] for category in document["categories"]] == list(CLASSES)
    assert document["images"][0] == {"id": 1, "file_name": "a.png", "width": 5, "height": 4}
    names = {image["id"]: image["file_name"] for image in document["images"]}
    classes = {category["id"]: category["name"] for category in document["categories"]}
    found = {(names[one["image_id"]], classes[one["category_id"]]) for one in document["annotations"]}
    assert ("a.png", 'bird "blue"') in found
    assert len(document["annotations"]) == 5
    (tmp_path / "broken.json").write_text('{"images": [], "categories": [], "annotations": [{"id": 1, "image_id": 9}]}')
    with pytest.raises(DataFileError, match="no valid COCO file"):
        import_labels(spoken, tmp_path / "broken.json")


@pytest.mark.parametrize("kind", ["image", "text"])
def test_hugging_face_loads_it(make, tmp_path, kind):
    datasets = pytest.importorskip("datasets")
    project = make(kind)
    speak(project)
    export_labels(project, tmp_path / "data")
    data = datasets.load_from_disk(str(tmp_path / "data"))
    assert data["id"][:2] == ["a.png", "b, c.png"]
    assert data.features["label"].names == list(CLASSES)
    assert data["label"] == [2, 1, None, None, None]
    assert data[1]["answers"][1] == {
        "annotator": "bob@x.org", "kind": "label", "label": "dog, big", "source": "page",
        "at": "2026-03-01T12:00:02.000002+00:00",
    }  # fmt: skip
    assert data[0]["image"].size == (5, 4) if kind == "image" else data[0]["text"] == "text of\na.png"


def test_datasets_that_hugging_face_wrote(make, tmp_path):
    datasets = pytest.importorskip("datasets")
    label = datasets.ClassLabel(names=["dog, big", "cat"])
    data = datasets.Dataset.from_dict({"text": [f"text of\n{name}" for name in IDS[:3]], "label": [1, 0, -1]})
    data = data.cast_column("label", label)
    datasets.DatasetDict({"train": data.select([0]), "test": data.select([1, 2])}).save_to_disk(str(tmp_path / "dict"))
    project = make("text")
    assert import_labels(project, tmp_path / "dict").recorded == 2
    assert {item: word[1] for (item, _), word in words(project).items()} == {"a.png": "cat", "b, c.png": "dog, big"}


@pytest.mark.parametrize("how", ["folders", "metadata"])
def test_an_image_folder_as_hugging_face_reads_it(make, tmp_path, how):
    datasets = pytest.importorskip("datasets")
    project = make()
    target, wanted = tmp_path / "sorted", {"a.png": "cat", "f.png": "dog, big"}
    for name, label in wanted.items():
        place = target / "train" / (label if how == "folders" else "")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "photos" / name, place / name)
    if how == "metadata":
        write(target / "train" / "metadata.csv", "file_name,label", "a.png,cat", 'f.png,"dog, big"')
    read = datasets.load_dataset("imagefolder", data_dir=str(target), cache_dir=str(tmp_path / "cache"))["train"]
    names = read.features["label"].names if how == "folders" else None
    assert {names[k] if names else k for k in read["label"]} == set(wanted.values())
    assert import_labels(project, target).recorded == 2
    assert {item: word[1] for (item, _), word in words(project).items()} == wanted
    if how == "folders":
        shutil.copy(tmp_path / "photos" / "a.png", target / "loose.png")
        with pytest.raises(DataFileError, match=r"loose.png outside a folder of its class"):
            import_labels(project, target)


def test_an_image_folder_may_name_files_that_no_system_has(make, tmp_path):
    project, target = make(), tmp_path / "sorted"
    target.mkdir()
    write(target / "metadata.csv", "file_name,label", "a.png,cat", f"{'x' * 300}.png,cat")
    with pytest.raises(DataFileError, match="1 label of items"):
        import_labels(project, target)
    assert import_labels(project, target, skip_unknown=True).recorded == 1


def test_paths_that_fit_two_items_fit_none(make, tmp_path):
    from spotal.annotate.files.base import Row
    from spotal.annotate.files.finder import Finder

    def item(number, name):
        return Item(number, name, "image", "", name, None, None, False, False, START)

    finder = Finder([item(0, "x/1.png"), item(1, "y/1.png"), item(2, "y/2.png")])

    def find(path):
        return finder.find(Row("", "label", "cat", (), (path,)))

    assert find("y/1.png") == "y/1.png"
    assert find("/home/me/y/1.png") == "y/1.png"
    assert find("C:\\me\\y\\1.png") == "y/1.png"
    assert find("1.png") is None
    assert find("2.png") == "y/2.png"
    assert find("z/2.png") is None
    assert find("") is None


def test_what_cannot_be_read_or_written(spoken, tmp_path):
    def refuse(error, match, *words, **options):
        with pytest.raises(error, match=match):
            (export_labels if "out" in words else import_labels)(spoken, tmp_path / words[-1], **options)

    refuse(DataFileError, "does not exist", "no.csv")
    write(tmp_path / "bad.csv", "id,label", "a.png,cat,more")
    refuse(DataFileError, "more or fewer fields in line 2", "bad.csv")
    (tmp_path / "latin.csv").write_bytes(b"id,label\n\xe9,cat\n")
    refuse(DataFileError, "is not UTF-8 in line 2 .*--encoding cp1252", "latin.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    refuse(DataFileError, "is empty", "empty.csv")
    write(tmp_path / "bad.jsonl", '{"id": "a.png", "label": "cat"}', "{")
    refuse(DataFileError, "no JSON in line 2", "bad.jsonl")
    write(tmp_path / "kind.jsonl", '{"id": "a.png", "label": "cat", "kind": "wish"}')
    refuse(DataFileError, "kind 'wish' in line 1", "kind.jsonl")
    write(tmp_path / "at.jsonl", '{"id": "a.png", "label": "cat", "at": "noon"}')
    refuse(DataFileError, "time 'noon' in line 1", "at.jsonl")
    write(tmp_path / "x.json", "nothing")
    refuse(DataFileError, "is no JSON", "x.json")
    write(tmp_path / "x.txt", "nothing")
    refuse(InputError, "must end in one of .csv", "x.txt")
    refuse(InputError, "did you mean 'coco'", "x.json", format="cocoo")
    refuse(InputError, "label-studio or coco; name one of them", "out", "y.json")
    refuse(InputError, "must be another file", "out", "photos", format="hugging-face")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    refuse(OutputError, "holds more than what spotal export wrote", "out", "full", format="hugging-face")
    (tmp_path / "full" / "dataset_info.json").write_text('{"description": "of somebody else"}')
    refuse(OutputError, "holds more than what spotal export wrote", "out", "full", format="hugging-face")
    refuse(OutputError, "holds more than what spotal export wrote", "out", "x.txt", format="hugging-face")
    assert (tmp_path / "full" / "precious").exists()


def test_the_commands(spoken, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from spotal.cli.main import app

    def run(*words):
        return CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "200"})

    monkeypatch.chdir(spoken.folder)
    done = run("export", "../o.csv")
    assert (done.exit_code, done.stdout.strip()) == (0, "Wrote 7 answers about 5 items to ../o.csv (csv)")
    done = json.loads(run("import", "../o.csv", "--json").stdout)
    assert (done["recorded"], done["known"]) == (0, 7)
    assert "7 were recorded before" in run("import", tmp_path / "o.csv", spoken.folder).stdout
    write(tmp_path / "l.csv", "id,label", "f.png,fish")
    failed = run("import", "../l.csv")
    assert failed.exit_code == 2
    assert failed.stderr.startswith("Error: ../l.csv has 1 class")
    assert "classes added to spotal.toml: fish" in run("import", "../l.csv", "--add-classes").stdout
    assert run("import", "../l.csv", "..").exit_code == 2
