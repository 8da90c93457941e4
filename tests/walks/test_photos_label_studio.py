"""Images labeled on the page in a browser, then in Label Studio; a trained model, its report and a table of labels."""

from __future__ import annotations

import json

import numpy as np
from tests.annotate.server import TOKEN, USER
from tests.walks import steps
from tests.walks.steps import SHAPES, N

BATCH = 18


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
    found = {row["id"]: row for row in steps.rows(tmp_path / "predictions.csv")}
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
    exported = steps.rows(tmp_path / "labels.csv")
    assert {row["id"]: row["label"] for row in exported} == said_by_people
    assert len(exported) == 2 * BATCH
    people = {"ann": by_page, USER: by_studio}
    assert all(row["id"] in people[row["annotator"]] for row in exported)
    assert run("spotal doctor work").splitlines()[-1] == "All is well."
    assert errors == []
    page.close()
