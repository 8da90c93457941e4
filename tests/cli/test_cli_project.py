"""spotal init, next, train, predict and status, as a person runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spotal.project import Project


@pytest.fixture
def vectors(empty):
    centers = 3 * np.eye(3, 5)[np.arange(60) % 3]
    np.save("vectors.npy", centers + np.random.default_rng(0).normal(size=(60, 5)))
    return Path("vectors.npy")


@pytest.fixture
def begun(spotal, vectors):
    """A project named p, over vectors, and a function that labels all that waits."""
    result = spotal("init", "p", "--pool", vectors, "--classes", "a, b,c", "--budget", 24, "--batch", 12)
    assert result.exit_code == 0, result.output

    def label():
        with Project.open("p") as project:
            for task in project.rounds.batch():
                project.labels.record(task.item.id, "abc"[int(task.item.id) % 3], annotator="ann", source="cli")

    return label


def test_init_says_what_it_made_and_what_comes_next(spotal, images):
    result = spotal("init", "birds", "--images", images, "--classes", "odd,even")
    assert result.exit_code == 0, result.output
    assert "Made birds with 30 images" in result.stdout
    assert "2 classes" in result.stdout
    assert result.stdout.endswith("Next: spotal label birds\n")
    text = Path("birds/spotal.toml").read_text()
    assert 'path = "../images"' in text
    with Project.open("birds") as project:
        assert project.settings.classes == ("odd", "even")
        assert project.settings.audit.held_back == 0.1


def test_init_says_how_many_images_are_copies(spotal, images):
    first, second, third = sorted(images.rglob("*.png"))[:3]
    for name in ("x.png", "y.png"):
        (images / name).write_bytes(first.read_bytes())
    with Image.open(second) as image:
        image.save(images / "z.bmp")
    with Image.open(third) as image:
        image.convert("RGB").save(images / "zz.png")
    result = spotal("init", "birds", "--images", images, "--classes", "odd,even")
    assert result.exit_code == 0, result.output
    assert "  2 images are copies of others; 2 more look nearly like others" in result.stdout
    result = spotal("init", "again", "--images", images, "--classes", "odd,even", "--json")
    found = json.loads(result.stdout)
    assert (found["items"], found["copies"], found["nearly_alike"]) == (34, 2, 2)


def test_every_choice_is_kept(spotal, empty):
    Path("texts.csv").write_text("key,words\n1,good\n2,bad\n3,fine\n")
    Path("classes.txt").write_text("good\nbad one\n\n")
    result = spotal(
        "init", "p", "--texts", "texts.csv", "--classes-file", "classes.txt", "--id-column", "key", "--text-column",
        "words", "--budget", 2, "--batch", 1, "--strategy", "margin", "--overlap", 2, "--audit-share", 0, "--stop",
        "accuracy", "--target", 0.9, "--random-state", 7, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["items"] == 3
    with Project.open("p") as project:
        kept = project.settings
    assert (kept.classes, kept.budget, kept.batch_size, kept.overlap) == (("good", "bad one"), 2, 1, 2)
    assert (kept.strategy, kept.random_state, kept.audit.held_back) == ("margin", 7, 0)
    assert (kept.stop.rule, kept.stop.target, kept.data.id_column) == ("accuracy", 0.9, "key")


def test_a_budget_in_money_and_groups_with_quotas(spotal, vectors):
    Path("minutes.csv").write_text("cost\n" + "\n".join(str(1 + k % 3 / 2) for k in range(60)))
    Path("videos.csv").write_text("id,group\n" + "\n".join(f"{k},v{k // 4}" for k in range(60)))
    made = spotal(
        "init", "p", "--pool", vectors, "--classes", "a,b,c", "--cost", "minutes.csv", "--groups", "videos.csv",
        "--max-per-group", 1, "--budget", 30, "--batch", 7.5,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    chosen = spotal("next", "p")
    assert chosen.exit_code == 0, chosen.output
    with Project.open("p") as project:
        assert project.settings.limits.cost == "../minutes.csv"
        picks = project.rounds.picks()
        paid = sum(1 + int(pick.item) % 3 / 2 for pick in picks)
        assert paid <= 7.5
        queried = [int(pick.item) // 4 for pick in picks if pick.role == "query"]
        assert len(set(queried)) == len(queried)
    assert f"chose {len(picks)} items for {paid:g} by spot" in chosen.stdout
    assert "  0 of the budget of 30 answered" in chosen.stdout
    told = spotal("status", "p")
    assert "0 of 30" in told.stdout
    refused = spotal("next", "p", "--anyway", "-n", 0.5)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: batch_size must be at least 1, the price of the cheapest row")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--classes", "a,b"], "one of --images, --texts and --pool"),
        (["--pool", "vectors.npy", "--images", ".", "--classes", "a,b"], "one of --images, --texts and --pool"),
        (["--pool", "vectors.npy"], "one of --classes and --classes-file"),
        (["--pool", "vectors.npy", "--classes", "a"], "two or more"),
        (["--pool", "vectors.npy", "--classes-file", "none.txt"], "none.txt"),
        (["--pool", "gone.npy", "--classes", "a,b"], "gone.npy"),
        (["--pool", "odd.npy", "--classes", "a,b"], "must be finite, found NaN or infinity (NaN first) in row(s) 3"),
        (["--pool", "vectors.npy", "--classes", "a,b", "--model", "resnet18"], "takes images"),
        (["--pool", "vectors.npy", "--classes", "a,b", "--model", "no_such:thing"], "No module named 'no_such'"),
        (["--pool", "vectors.npy", "--classes", "a,b", "--strategy", "spt"], "did you mean 'spot'"),
        (["--pool", "vectors.npy", "--classes", "a,b", "--strategy", "bald"], "several predictions per item"),
        (["--pool", "vectors.npy", "--classes", "a,b", "--stop", "flat"], "target"),
    ],
)
def test_init_refuses(refused, vectors, words, said):
    odd = np.load("vectors.npy")
    odd[3] = np.nan
    np.save("odd.npy", odd)
    assert said in refused("init", "p", *words)


def test_init_does_not_overwrite(spotal, refused, begun):
    assert "is a spotal project already" in refused("init", "p", "--pool", "vectors.npy", "--classes", "a,b")
    before = Path("vectors.npy").read_bytes()
    assert "vectors.npy is a file; name a folder" in refused(
        "init", "vectors.npy", "--pool", "vectors.npy", "--classes", "a,b"
    )
    assert Path("vectors.npy").read_bytes() == before


def test_a_project_that_is_none(refused):
    for command in ("next", "train", "predict", "status"):
        assert "is no spotal project" in refused(command, ".")


def test_the_walk(spotal, begun):
    first = spotal("next", "p")
    assert first.exit_code == 0, first.output
    assert "Round 1: chose 12 items by spot" in first.stdout
    again = spotal("next", "p")
    assert "Round 1 still waits for 12 answers" in again.stdout
    assert "Next: spotal label p" in again.stdout
    begun()
    second = json.loads(spotal("next", "p", "--json").stdout)
    assert (second["round"], second["is_new"], len(second["to_answer"])) == (1, True, 12)
    begun()
    done = spotal("next", "p")
    assert done.exit_code == 0
    assert "Nothing chosen: the budget of 24 is spent" in done.stdout
    trained = spotal("train", "p")
    assert "Trained linear probe on" in trained.stdout
    assert "by the audit sample" in trained.stdout
    assert "Nothing has changed" in spotal("train", "p").stdout
    assert "Wrote p/predictions.csv: 24 labels by people, 36 by the model" in spotal("predict", "p").stdout


def test_predictions_of_everything(spotal, begun):
    import pyarrow.parquet as pq

    spotal("next", "p")
    begun()
    with Project.open("p") as project:
        skipped, none = (pick.item for pick in project.rounds.picks(0)[:2])
        project.labels.record(skipped, annotator="ann", kind="skip")
        project.labels.record(none, annotator="ann", kind="none_of_these")
    for name in ("out.csv", "out.parquet"):
        assert spotal("predict", "p", "--out", name, "--json").exit_code == 0
    with Path("out.csv").open() as file:
        lines = list(csv.DictReader(file))
    table = pq.read_table("out.parquet").to_pylist()
    assert [line["id"] for line in lines] == [row["id"] for row in table] == [str(k) for k in range(60)]
    for line, row in zip(lines, table, strict=True):
        chances = [row[f"probability of {name}"] for name in "abc"]
        assert sum(chances) == pytest.approx(1, abs=1e-5)
        assert row["predicted"] == "abc"[int(np.argmax(chances))]
        assert row["confidence"] == pytest.approx(max(chances))
        assert (line["label"], line["by"]) == (row["label"] or "", row["by"])
        assert row["label"] == (
            None if row["id"] == none else row["predicted"] if row["by"] == "model" else row["label"]
        )
    by = {row["id"]: row["by"] for row in table}
    assert (by[skipped], by[none]) == ("model", "person")
    assert list(by.values()).count("person") == 11


def test_predict_refuses(refused, spotal, begun):
    assert "must end in .csv or .parquet" in refused("predict", "p", "--out", "out.txt")
    spotal("next", "p")
    result = spotal("predict", "p")
    assert result.exit_code == 2
    assert "labels of two classes are needed" in result.stderr


def test_status_before_and_after(spotal, begun):
    before = spotal("status", "p")
    assert before.exit_code == 0, before.output
    assert "Accuracy: not known yet; it needs a trained model" in before.stdout
    assert "Next: spotal next p" in before.stdout
    assert "Nothing to train" in spotal("train", "p").stdout
    spotal("next", "p")
    begun()
    spotal("next", "p")
    begun()
    spotal("train", "p")
    after = spotal("status", "p")
    for said in ("24 of 24", "●", "a forecast needs", "Coverage: mean distance", "Next: spotal predict p"):
        assert said in after.stdout
    figures = json.loads(spotal("status", "p", "--json").stdout)
    assert figures["counts"]["labeled"] == 24
    assert [point["labels"] for point in figures["curve"]] == [figures["curve"][0]["labels"], figures["n_trained"]]
    assert set(figures["classes"]) == {"a", "b", "c"}


def test_new_items_are_told(spotal, begun):
    spotal("next", "p")
    begun()
    np.save("vectors.npy", np.concatenate([np.load("vectors.npy"), np.zeros((3, 5))]))
    assert "Found 3 new items" in spotal("next", "p").stdout


def test_two_people_an_item(spotal, vectors):
    made = spotal("init", "p", "--pool", vectors, "--classes", "a,b,c", "--budget", 25, "--batch", 12, "--overlap", 2)
    assert made.exit_code == 0, made.output

    def label(annotator):
        with Project.open("p") as project:
            for task in project.rounds.batch(annotator):
                project.labels.record(task.item.id, "abc"[int(task.item.id) % 3], annotator=annotator, source="cli")

    assert "Round 1: chose 12 items" in spotal("next", "p").stdout
    label("ann")
    for command in ("next", "status"):
        said = spotal(command, "p").stdout
        assert "12 items wait for a second person" in said
        assert said.endswith("Next: spotal label p --annotator NAME\n")
    assert "Round 1 still waits for 12 answers" in spotal("next", "p").stdout
    assert "12 of 25 answers, 2 people per item" in spotal("status", "p").stdout
    label("bob")
    assert "24 of 25 answers, 2 people per item" in spotal("status", "p").stdout
    assert spotal("status", "p").stdout.endswith("Next: spotal predict p\n")
    assert "Nothing chosen: the budget of 25 is spent but for 1, less than an item needs" in spotal("next", "p").stdout


def test_init_tells_what_it_found_on_one_screen(spotal, images):
    (images / "odd" / "copy.png").write_bytes((images / "odd" / "01.png").read_bytes())
    (images / "odd" / "broken.png").write_bytes(b"no image")
    result = spotal("init", "birds", "--images", images, "--classes", "odd,even", "--budget", 24, "--batch", 8)
    assert result.exit_code == 0, result.output
    assert "broken.png" in result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) <= 16
    for said in (
        "Kinds     31 .png",
        "1 image is a copy of another",
        "Classes   odd, even",
        "Model     built-in (pixels, linear probe); it uses only colors and coarse shapes",
        "Budget    24 answers: 24 items (77% of the images), in 3 rounds of 8",
        "Audit     6 of these items are random ones that measure accuracy, to at worst ± 38 points",
    ):
        assert said in result.stdout, result.stdout
    assert lines[-1] == "Next: spotal label birds"
    none = spotal("init", "none", "--images", images, "--classes", "odd,even", "--audit-share", 0)
    assert "Audit     none" in none.stdout
    assert "Budget    none: rounds of 20 until you stop" in none.stdout


def test_a_name_of_a_class_may_have_a_comma(spotal, refused, images):
    done = spotal("init", "p", "--images", images, "--classes", 'gull, "tern, common",5" pipe')
    assert done.exit_code == 0, done.output
    with Project.open("p") as project:
        assert project.settings.classes == ("gull", "tern, common", '5" pipe')
    said = refused("init", "q", "--images", images, "--classes", 'gull,"tern, common')
    assert "--classes must be names separated by commas" in said
    assert "double quotes" in said
