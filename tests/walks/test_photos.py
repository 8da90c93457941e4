"""From a folder of images to a trained model by the commands alone, in an empty folder."""

from __future__ import annotations

import json
import re

import pytest
from PIL import Image
from tests.walks import steps
from tests.walks.steps import SHAPES

from spotal.project import Project

DIGITS = 400


@pytest.fixture
def digits(tmp_path):
    """A folder of images of handwritten digits, 0 to 3; their classes by name."""
    from sklearn.datasets import load_digits

    data = load_digits()
    rows = [row for row, digit in enumerate(data.target) if digit < 4][:DIGITS]
    (tmp_path / "digits").mkdir()
    for row in rows:
        Image.fromarray((data.images[row] * 15.9).astype("uint8")).save(tmp_path / "digits" / f"{row:04}.png")
    return {f"{row:04}.png": str(data.target[row]) for row in rows}


def label(folder, truth):
    """Label the batch that waits, by the project's API."""
    with Project.open(folder) as project:
        batch = project.rounds.batch()
        for task in batch:
            project.labels.record(task.item.id, truth[task.item.id], annotator="ann", source="cli")
    return len(batch)


def test_a_plain_folder_of_photos_needs_one_command_until_the_labels_are_wanted(browser, shapes, tmp_path):
    """The README's way: the page asks for the classes, makes the project, and chooses each batch."""
    run = steps.Terminal(tmp_path)
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    command = steps.written("README.md", "spotal label photos/").replace("photos/", "shapes/")
    with run.label(f"{command} --port 0 --no-browser --annotator ann") as said:
        page.goto(steps.address(said))
        field, start = page.locator("#classes"), page.get_by_role("button", name="Start labeling")
        field.fill(", ".join(SHAPES))  # as on a command line
        page.get_by_text("1 class: put each name on its own line").wait_for()
        assert start.is_disabled()
        field.fill("\n".join(SHAPES))
        page.get_by_text("3 classes").wait_for()
        start.click()
        page.locator(".frame img").wait_for(timeout=1000 * steps.PATIENCE)
        first = steps.answer(page, 20, SHAPES, shapes)
        page.get_by_role("button", name="Choose the next batch").click()
        page.locator(".frame img").wait_for(timeout=1000 * steps.PATIENCE)
        second = steps.answer(page, 3, SHAPES, shapes)
    assert said[-2:] == ["Stopped; 23 labeled\n", "Next: spotal status shapes-labels\n"]
    assert len(first | second) == 23

    with run.label(f"{command} --port 0 --no-browser --annotator ann") as said:  # another day
        assert "17 to answer in" in said[0]
        page.goto(steps.address(said))
        second |= steps.answer(page, 17, SHAPES, shapes)
        page.get_by_role("heading", name="This batch is done").wait_for()
    page.close()
    assert errors == []
    said = run("spotal status shapes-labels")
    assert re.search(r"labeled +40\b", said)
    assert "Asked in 2 rounds: 40 answers" in said
    run("spotal predict shapes-labels")
    found = {row["id"]: row for row in steps.rows(tmp_path / "shapes-labels" / "predictions.csv")}
    assert found.keys() == shapes.keys()
    assert {name: row["label"] for name, row in found.items() if row["by"] == "person"} == first | second
    run("spotal export labels.csv shapes-labels")
    assert {row["id"]: row["label"] for row in steps.rows(tmp_path / "labels.csv")} == first | second


def test_from_raw_images_to_a_trained_model(digits, tmp_path):
    run = steps.Terminal(tmp_path)
    run("spotal init work --images digits --classes 0,1,2,3 --budget 60 --batch 30 --audit-share 0.4")
    for answers in (30, 30):
        said = run("spotal next work")
        assert "chose 30 items by spot" in said
        assert label(tmp_path / "work", digits) == answers
    assert "the budget of 60 is spent" in run("spotal next work")
    assert "Trained" in run("spotal train work")
    run("spotal predict work --out labels.csv")
    found = steps.rows(tmp_path / "labels.csv")
    assert len(found) == DIGITS
    right = sum(row["label"] == digits[row["id"]] for row in found) / DIGITS
    status = json.loads(run("spotal status work --json"))
    last = status["curve"][-1]
    assert right > 0.9
    assert last["low"] <= sum(row["predicted"] == digits[row["id"]] for row in found) / DIGITS <= last["high"]
    assert status["counts"]["spent"] == 60
