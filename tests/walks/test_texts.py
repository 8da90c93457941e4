"""Somebody with questions in a table: a project of texts, labeled on the page, and a label for each in the end."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from tests.walks import steps
from tests.walks.steps import written

CLASSES = ("card", "cash", "other")
WORDS = {
    "card": ["my card was declined", "the card has not arrived", "freeze this card", "a new card please"],
    "cash": ["the machine kept my cash", "withdraw cash abroad", "cash deposit is missing", "limit for cash"],
    "other": ["change my address", "close the account", "what is the rate", "the app does not start"],
}
N, BATCH = 300, 20


@pytest.fixture
def questions(tmp_path):
    """A table of questions; the class of each by its text, which may have commas, quotes and line breaks."""
    rng = np.random.default_rng(0)
    truth = {}
    while len(truth) < N:
        name = CLASSES[rng.integers(3)]
        words = [str(rng.choice(WORDS[name])), str(rng.choice(["hello,", '"please"', "thanks", "now\nor never"]))]
        text = f"{' '.join(words)} {rng.integers(1000)}"
        truth[text] = name
    with (tmp_path / "questions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in truth)])
    return truth


def answer(page, truth, n):
    """Answer ``n`` questions as a reader of them; no two of them are the same."""
    shown = page.locator(".frame blockquote")
    for k in range(n):
        text = shown.text_content()
        page.keyboard.press(steps.KEYS[CLASSES.index(truth[text])])
        if k < n - 1:
            shown.filter(has_not_text=text.rsplit(maxsplit=1)[1]).wait_for()


def test_questions_to_a_label_for_each(questions, browser, tmp_path):
    run = steps.Terminal(tmp_path)
    init = written("README.md", "spotal init questions --texts questions.csv --classes card,cash,other")
    assert "300" in run(init)
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    with run.label("spotal label questions --port 0 --no-browser --annotator ann") as said:
        page.goto(steps.address(said))
        for batch in (1, 2):
            page.locator(".frame").wait_for(timeout=steps.PATIENCE * 1000)
            answer(page, questions, BATCH)
            page.get_by_role("heading", name="This batch is done").wait_for()
            if batch == 1:
                page.get_by_role("button", name="Choose the next batch").click()
    page.close()
    assert f"Stopped; {2 * BATCH} labeled\n" in said

    status = run("spotal status questions")
    assert "Next: spotal next questions" in status
    run("spotal predict questions")
    with (tmp_path / "questions" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert len(found) == N
    truth = list(questions.values())
    by = [line["by"] for line in found]
    assert by.count("person") == 2 * BATCH
    right = [line["label"] == truth[k] for k, line in enumerate(found)]
    assert all(ok for ok, who in zip(right, by, strict=True) if who == "person")
    assert np.mean([ok for ok, who in zip(right, by, strict=True) if who == "model"]) > 0.8  # chance: a third
    run("spotal export answers.csv questions")
    with (tmp_path / "answers.csv").open(newline="", encoding="utf-8") as file:
        assert {line["text"]: line["label"] for line in csv.DictReader(file)}.items() <= questions.items()
    assert run("spotal doctor questions").splitlines()[-1] == "All is well."
    assert errors == []
