"""Projects whose items may have several classes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from spotal.errors import FinishedError, InputError, ProjectError, SpotalWarning
from spotal.project import Audit, Data, Pick, Project, Settings, next_batch, read_predictions, train
from spotal.project.advice import learning_curve
from spotal.project.class_sets import joined, parted, places
from spotal.project.predict import write_predictions
from spotal.project.report import gather, write_page
from spotal.project.status import read_status

WORDS = {
    "food": ["bread", "soup", "cheese", "apple", "rice", "dinner", "cook", "pepper"],
    "travel": ["train", "road", "hotel", "beach", "map", "flight", "island", "harbor"],
    "money": ["price", "bank", "loan", "pay", "tax", "budget", "rent", "coin"],
}
FILL = ["the", "a", "is", "of", "and", "we", "today", "very", "old", "new", "some", "it", "was", "then", "when"]
CLASSES = tuple(WORDS)


def texts_of(n, seed=0):
    """Texts by id, and the classes of each: any number of them, none too."""
    rng = np.random.default_rng(seed)
    texts, truth = {}, {}
    for k in range(n):
        own = [name for name in CLASSES if rng.random() < 0.4]
        words = [word for name in own for word in rng.choice(WORDS[name], 4, replace=False)]
        texts[f"t{k}"] = " ".join(rng.permutation([*words, *rng.choice(FILL, 6)]))
        truth[f"t{k}"] = joined(own)
    return texts, truth


def make(folder, n=12, seed=0, **settings):
    """A project over such texts, and the truth."""
    texts, truth = texts_of(n, seed)
    lines = [json.dumps({"id": name, "text": text}) for name, text in texts.items()]
    (folder / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    settings = {"many": True, "audit": Audit(0.0), **settings}
    return Project.create(folder / "project", Settings(Data("../texts.jsonl", "text"), CLASSES, **settings)), truth


def say(project, item, label, annotator="ann"):
    kind = "label" if label else "none_of_these"
    return project.labels.record(item, label, kind=kind, annotator=annotator)


def label_all(project, truth):
    for task in project.rounds.batch():
        say(project, task.item.id, truth[task.item.id])


def test_sets_are_one_text_whatever_their_order():
    assert joined(["b", "a", "b"]) == "a|b"
    assert joined([]) is None
    assert parted("a|b", many=True) == ("a", "b")
    assert parted("a|b", many=False) == ("a|b",)
    assert places("a|b", {"b": 0, "c": 1, "a": 2}, many=True) == (0, 2)
    assert places("a|d", {"b": 0, "c": 1, "a": 2}, many=True) is None


def test_an_answer_is_a_set_in_one_order_and_the_empty_one_is_no_missing_label(tmp_path):
    project, _ = make(tmp_path)
    with project:
        assert say(project, "t0", "travel|food").label == "food|travel"
        say(project, "t1", None)
        project.labels.record("t2", kind="skip", annotator="ann")
        standings = project.labels.standings()
        assert (standings["t0"].state, standings["t0"].label) == ("labeled", "food|travel")
        assert standings["t1"].state == "none_of_these"
        assert list(project.labels.current()) == ["t0", "t1"]  # both are trained on
        assert project.counts().trainable == 2
        with pytest.raises(ProjectError, match="one of the project's classes, found 'foods'; did you mean 'food'"):
            say(project, "t3", "travel|foods")
        with pytest.raises(ProjectError, match="one of the project's classes"):
            project.labels.record("t3", "", annotator="ann")


def test_people_agree_where_their_sets_are_equal(tmp_path):
    project, _ = make(tmp_path, overlap=2)
    with project:
        for item, ann, bob in (
            ("t0", "food|money", "money|food"), ("t1", None, None), ("t2", "food", "food|money"), ("t3", None, "food"),
        ):  # fmt: skip
            say(project, item, ann)
            say(project, item, bob, "bob")
        states = {name: row.state for name, row in project.labels.standings().items()}
        assert states == {"t0": "labeled", "t1": "none_of_these", "t2": "conflict", "t3": "conflict"}
        (found,) = project.labels.agreement()
        assert (found.items, found.share) == (4, 0.5)
        assert project.labels.conflicts()[0].votes == {"ann": "food", "bob": "food|money"}


def test_class_names_cannot_hold_what_stands_between_them(tmp_path):
    with pytest.raises(InputError, match=r"names without '\|'"):
        Settings(Data("x"), ("a|b", "c"), many=True)
    assert Settings(Data("x"), ("a|b", "c")).parted("a|b") == ("a|b",)


def test_a_strategy_that_cannot_take_sets_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ProjectError, match="'badge' cannot take items of several classes; take 'spot'"):
        make(tmp_path, strategy="badge")
    assert not (tmp_path / "project").exists()


def test_a_project_of_single_classes_becomes_one_of_sets_without_loss(tmp_path):
    project, _ = make(tmp_path, many=False)
    with project:
        say(project, "t0", "food")
        say(project, "t1", None)
        assert list(project.labels.current()) == ["t0"]
        file = project.folder / "spotal.toml"
        file.write_text(file.read_text(encoding="utf-8").replace("many = false", "many = true"), encoding="utf-8")
    with Project.open(project.folder) as again:
        assert again.settings.many
        assert list(again.labels.current()) == ["t0", "t1"]
        say(again, "t2", "food|money")
        assert again.labels.standings()["t2"].label == "food|money"


def test_settings_of_before_have_one_class_an_item(tmp_path):
    project, _ = make(tmp_path, many=False)
    with project:
        file = project.folder / "spotal.toml"
        kept = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("many")]
        file.write_text("\n".join(kept), encoding="utf-8")
    with Project.open(project.folder) as again:
        assert again.settings.many is False


@pytest.mark.parametrize("strategy", ["spot", "entropy", "random"])
def test_the_loop_trains_chooses_measures_predicts_and_reports(tmp_path, strategy):
    project, truth = make(tmp_path, 120, batch_size=24, strategy=strategy, audit=Audit(0.3, 0.5))
    with project:
        for _ in range(4):
            next_batch(project)
            label_all(project, truth)
        model = train(project)
        assert model.about["many"] is True
        assert model.n_labeled == project.counts().trainable
        found = read_predictions(project)
        assert found is not None
        assert found.many
        label, confidence = found.guess(0)
        assert set(parted(label, many=True)) <= set(CLASSES)
        assert 0.5 <= confidence <= 1
        status = read_status(project)
        assert status.sets["micro_f1"].value > 0.7
        assert status.sets["macro_f1"].low <= status.sets["macro_f1"].value <= status.sets["macro_f1"].high
        assert status.sets["macro_f1"].low < 1
        now = learning_curve(project).now
        assert now.value == pytest.approx(status.sets["accuracy"].value)
        labels = [row.label for row in project.labels.standings().values()]
        assert status.classes["food"].labels == sum("food" in parted(label, many=True) for label in labels)
        assert status.classes["food"].low <= status.classes["food"].expected <= status.classes["food"].high
        written = write_predictions(project, tmp_path / "all.csv")
        assert (written.by_people, written.without) == (len(labels), 0)
        with (tmp_path / "all.csv").open(encoding="utf-8") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        assert all(rows[name]["label"] == (truth[name] or "") for name in project.labels.standings())
        right = np.mean([rows[name]["label"] == (truth[name] or "") for name in truth])
        assert right > 0.75
        facts = gather(project)
        write_page(facts, project.items.file, tmp_path / "report.html")
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "the model has all classes right on" in page
        assert "macro F1" in page
        assert "several classes" in page
        assert "not checked for mistakes yet" in page
        assert train(project).number == model.number  # nothing has changed


def test_picks_repeat_bit_for_bit(tmp_path):
    chosen = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project, truth = make(tmp_path / name, 80, batch_size=10)
        with project:
            for _ in range(3):
                next_batch(project)
                label_all(project, truth)
            chosen.append([pick.item for pick in project.rounds.picks()])
    assert chosen[0] == chosen[1]


def test_labels_that_are_all_alike_teach_nothing(tmp_path):
    project, _ = make(tmp_path)
    with project:
        say(project, "t0", "food|money")
        say(project, "t1", "money|food")
        assert train(project).n_labeled == 0
        say(project, "t2", None)
        assert train(project).n_labeled == 3


def test_labels_of_a_class_that_is_gone_are_left_out_as_a_whole(tmp_path):
    project, _ = make(tmp_path)
    with project:
        for item, label in (("t0", "food|money"), ("t1", "travel"), ("t2", None)):
            say(project, item, label)
        file = project.folder / "spotal.toml"
        file.write_text(file.read_text(encoding="utf-8").replace(', "money"]', "]"), encoding="utf-8")
    with Project.open(project.folder) as again, pytest.warns(SpotalWarning, match=r"left out 1 labels.*\(money\)"):
        assert train(again).n_labeled == 2


def test_a_small_network_learns_images_of_several_classes(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(8):
        pixels = rng.integers(0, 60, (8, 8, 3)).astype(np.uint8)
        if k & 1:
            pixels[:, :4, 0] = 255
        if k & 2:
            pixels[:4, :, 2] = 255
        Image.fromarray(pixels).save(tmp_path / "photos" / f"p{k}.png")
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\n\ndef network(n_classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, n_classes))\n",
        encoding="utf-8",
    )
    settings = Settings(Data("photos"), ("red", "blue"), many=True, audit=Audit(0.0), model="own:network")
    with Project.create(tmp_path, settings) as project:
        for k in range(6):
            say(project, f"p{k}.png", joined([name for bit, name in ((1, "red"), (2, "blue")) if k & bit]))
        train(project)
        found = read_predictions(project)
        assert found.guess(7)[0] == "blue|red"
        assert found.guess(6)[0] == "blue"


def test_nothing_is_left_when_all_is_answered(tmp_path):
    project, truth = make(tmp_path, 6, batch_size=6)
    with project:
        project.rounds.add([Pick(name) for name in truth], strategy="spot", n_labeled=0)
        label_all(project, truth)
        with pytest.raises(FinishedError, match="every item is labeled"):
            next_batch(project)
