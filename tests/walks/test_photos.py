"""From a folder of images to a trained model by the commands alone, in an empty folder."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.annotate.server import TOKEN, USER
from tests.walks import steps

from spotal.project import Project

DIGITS = 400
SHAPES, N, BATCH = ("circle", "square", "triangle"), 240, 18


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


@pytest.fixture
def shapes(tmp_path):
    """A folder of images of shapes in many colors and places; their classes by name."""
    rng = np.random.default_rng(0)
    (tmp_path / "shapes").mkdir()
    truth = {}
    for k in range(N):
        name, shape = f"{k:03}.jpg", SHAPES[k % 3]
        image = Image.new("RGB", (64, 48), tuple(rng.integers(200, 256, 3).tolist()))
        draw, color = ImageDraw.Draw(image), tuple(rng.integers(0, 130, 3).tolist())
        x, y, r = rng.uniform(29, 35), rng.uniform(22, 26), rng.uniform(14, 19)
        if shape == "circle":
            draw.ellipse((x - r, y - r, x + r, y + r), outline=color, width=4)
        elif shape == "square":
            draw.rectangle((x - r, y - r, x + r, y + r), fill=color)
        else:
            draw.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=color)
        image.save(tmp_path / "shapes" / name)
        truth[name] = shape
    return truth


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
    found = {row["id"]: row for row in rows(tmp_path / "shapes-labels" / "predictions.csv")}
    assert found.keys() == shapes.keys()
    assert {name: row["label"] for name, row in found.items() if row["by"] == "person"} == first | second
    run("spotal export labels.csv shapes-labels")
    assert {row["id"]: row["label"] for row in rows(tmp_path / "labels.csv")} == first | second


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
    found = rows(tmp_path / "labels.csv")
    assert len(found) == DIGITS
    right = sum(row["label"] == digits[row["id"]] for row in found) / DIGITS
    status = json.loads(run("spotal status work --json"))
    last = status["curve"][-1]
    assert right > 0.9
    assert last["low"] <= sum(row["predicted"] == digits[row["id"]] for row in found) / DIGITS <= last["high"]
    assert status["counts"]["spent"] == 60


@pytest.mark.xdist_group("label-studio")
def test_through_the_page_in_a_browser_and_through_label_studio(browser, server, shapes, tmp_path):
    run = steps.Terminal(tmp_path, LABEL_STUDIO_URL=server, LABEL_STUDIO_API_KEY=TOKEN)
    work, page = tmp_path / "work", browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))

    run(f"spotal init work --images shapes --classes {','.join(SHAPES)} --budget {2 * BATCH} --batch {BATCH}")
    assert f"chose {BATCH} items by spot" in run("spotal next work")
    with run.label("spotal label work --port 0 --no-browser --annotator ann") as said:
        page.goto(steps.address(said))
        first = steps.looked_at(page)
        steps.press(page, "1" if shapes[first] != SHAPES[0] else "2")  # a slip of the finger
        page.keyboard.press("u")
        page.locator(f".frame img[alt='Item {first}']").wait_for()
        by_page = steps.answer(page, BATCH, SHAPES, shapes)
        page.get_by_role("heading", name="This batch is done").wait_for()
    assert said[-1] == f"Stopped; {BATCH} labeled\n"
    assert first in by_page

    assert f"chose {BATCH} items by spot" in run("spotal next work")
    assert f"{BATCH} new tasks" in run("spotal push work")
    by_studio = steps.annotate(work, server, shapes)
    assert f"{BATCH} new" in run("spotal pull work")
    assert by_page.keys() & by_studio.keys() == set()
    assert f"the budget of {2 * BATCH} is spent" in run("spotal next work")

    run("spotal train work")
    run("spotal predict work --out predictions.csv")
    found = {row["id"]: row for row in rows(tmp_path / "predictions.csv")}
    assert found.keys() == shapes.keys()
    said_by_people = by_page | by_studio
    assert {item: row["label"] for item, row in found.items() if row["by"] == "person"} == said_by_people
    rest = [row["label"] == shapes[item] for item, row in found.items() if row["by"] == "model"]
    assert len(rest) == N - 2 * BATCH
    assert np.mean(rest) > 0.75  # chance: a third

    status = json.loads(run("spotal status work --json"))
    assert (status["counts"]["labeled"], status["counts"]["spent"]) == (2 * BATCH, 2 * BATCH)
    assert status["n_trained"] > BATCH  # of both rounds, but for the audit

    run("spotal report work --out report.html")
    page.goto((tmp_path / "report.html").as_uri())
    assert page.get_by_role("heading", level=1).count() == 1
    pictures = page.locator("img[src^='data:image/']").all()
    assert len(pictures) > N // 10
    for picture in pictures:
        picture.evaluate("image => image.decode()")

    run("spotal export labels.csv work")
    exported = rows(tmp_path / "labels.csv")
    assert {row["id"]: row["label"] for row in exported} == said_by_people
    assert len(exported) == 2 * BATCH
    people = {"ann": by_page, USER: by_studio}
    assert all(row["id"] in people[row["annotator"]] for row in exported)
    assert run("spotal doctor work").splitlines()[-1] == "All is well."
    assert errors == []
    page.close()
