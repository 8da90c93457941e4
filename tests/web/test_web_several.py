"""The page over a project whose items may have several classes, in a real browser."""

from __future__ import annotations

import numpy as np
import pytest
from tests.web.conftest import answer, make_images
from tests.web.test_web_browser import done, live, said, shown, until, visit, wait
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Project

__all__ = ["visit"]


def sure_of(project, *names):
    """A model that gives every item these classes."""
    classes = list(project.settings.classes)
    row = np.array([0.9 if name in names else 0.2 for name in classes], np.float32)
    np.save(project.folder / "predictions.npy", np.tile(row, (len(project.items), 1)))
    about = {"classes": classes, "many": True}
    project.models.add("same", n_labeled=2, predictions="predictions.npy", about=about)


def recorded(project, count):
    wait(lambda: len(project.labels.history()) == count)
    return said(project)[-1]


def test_keys_choose_classes_and_enter_confirms_them(tmp_path, visit):
    with make_images(tmp_path, many=True) as project, live(project) as server:
        sure_of(project, "red", "blue")
        page = visit(server.address)
        confirm = page.locator("#answers .primary")
        shown(page, "p00.png")
        assert confirm.get_attribute("aria-label") == "Save: none of these"
        for key in "312":
            page.keyboard.press(key)
        page.keyboard.press("1")  # taken back
        assert page.locator(".class[title=green]").get_attribute("aria-pressed") == "true"
        assert confirm.get_attribute("aria-label") == "Save blue, green"
        assert project.labels.history() == []  # nothing yet
        page.keyboard.press("Enter")
        assert recorded(project, 1) == ("p00.png", "label", "blue|green")
        shown(page, "p01.png")
        page.keyboard.press("Enter")  # none chosen
        assert recorded(project, 2) == ("p01.png", "none_of_these", None)
        shown(page, "p02.png")
        page.keyboard.press("g")
        assert recorded(project, 3) == ("p02.png", "label", "blue|red")
        shown(page, "p03.png")
        page.locator(".class[title=green]").click()
        page.keyboard.press("Enter")  # the button that has the focus is not pressed again
        assert recorded(project, 4) == ("p03.png", "label", "green")
        shown(page, "p04.png")
        page.locator(".class[title=red]").click()
        confirm.click()
        assert recorded(project, 5) == ("p04.png", "label", "red")
        done(page)
        until(page, "document.querySelector('#map-legend').textContent === 'red2green2'")
        assert project.counts().trainable == 5


def test_an_earlier_answer_is_shown_and_corrected_in_the_list_of_answers(tmp_path, visit):
    with make_images(tmp_path, many=True) as project, live(project) as server:
        project.labels.record("p00.png", "red|blue", annotator="ann")
        project.labels.record("p01.png", "green", annotator="ann")
        page = visit(server.address)
        page.get_by_role("button", name="Answers").click()
        page.get_by_label("Answer", exact=True).select_option("label:blue")
        until(page, "document.querySelectorAll('.tile').length === 1")
        tile = page.locator(".tile")
        assert tile.locator(".chip").inner_text() == "blue, red"
        tile.click()
        assert page.locator(".class[title=red]").get_attribute("aria-pressed") == "true"
        page.keyboard.press("1")
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        assert recorded(project, 3) == ("p00.png", "label", "blue|green")


def test_the_grid_gives_several_classes_to_all_that_are_marked(tmp_path, visit):
    with make_images(tmp_path, many=True) as project, live(project) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("v")
        until(page, "[...document.querySelectorAll('.tile img')].every((image) => image.naturalWidth > 0)")
        page.locator(".tile").nth(0).click()
        page.locator(".tile").nth(2).click()
        page.keyboard.press("1")
        page.keyboard.press("3")
        page.keyboard.press("Enter")
        wait(lambda: len(project.labels.history()) == 2)
        assert said(project) == [("p00.png", "label", "blue|red"), ("p02.png", "label", "blue|red")]


def test_people_who_name_other_sets_are_in_conflict_and_see_both(tmp_path, visit):
    with make_images(tmp_path, many=True, overlap=2) as project, live(project) as server:
        project.labels.record("p00.png", "red|blue", annotator="ann")
        project.labels.record("p00.png", "red", annotator="bob")
        page = visit(server.address)
        shown(page, "p00.png")
        until(page, "document.querySelector('.notice').textContent.includes('ann says blue, red, bob says red')")
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        wait(lambda: project.labels.standings()["p00.png"].state == "labeled")
        assert project.labels.standings()["p00.png"].label == "red"


def test_the_server_takes_sets_in_any_order_and_names_what_is_no_class(tmp_path, client):
    with make_images(tmp_path, many=True) as project:
        page = client(project)
        assert answer(page, 0, "red|blue|red", id="a")["now"] == {"kind": "label", "label": "blue|red"}
        error = answer(page, 1, "red|purple", id="b")["error"]
        assert "one of the project's classes, found 'purple'" in error
        state = page.get("/api/state").json()
        assert state["many"] is True
        assert page.get("/api/review?label=blue").json()["total"] == 1
        assert page.get("/api/marks").json()["0"] == 0  # the first of its classes


@pytest.mark.slow
def test_from_an_empty_folder_to_a_model_its_report_and_its_files(tmp_path, visit):
    words = {"food": "bread", "travel": "train", "money": "price"}
    truth = {f"t{k}": [name for bit, name in enumerate(words) if k >> bit & 1] for k in range(60)}
    lines = [
        "id,text",
        *(f"{name},note {name} of {' '.join(words[one] for one in own)}" for name, own in truth.items()),
    ]
    (tmp_path / "texts.csv").write_text("\n".join(lines), encoding="utf-8")
    home, back = tmp_path / "home", tmp_path / "back"
    made = ["--texts", tmp_path / "texts.csv", "--classes", ",".join(words), "--many", "--batch", 15]
    assert "any number of them for an item" in spotal("init", home, *made).stdout
    spotal("init", back, *made)
    with Project.open(home) as project, live(project) as server:
        page = visit(server.address)
        page.get_by_role("button", name="Choose the first batch").click()
        for count in (1, 2):
            for _ in range(15):
                page.locator(".frame blockquote").wait_for()
                number = len(project.labels.history())
                item = page.inner_text(".caption .id")
                for name in truth[item]:
                    page.keyboard.press(str(list(words).index(name) + 1))
                page.keyboard.press("Enter")
                wait(lambda number=number: len(project.labels.history()) == number + 1)
                until(page, "!document.body.classList.contains('saving')")
                until(
                    page,
                    "document.querySelector('.finished') || "
                    f"document.querySelector('.caption .id')?.textContent !== '{item}'",
                )
            done(page)
            if count == 1:
                page.get_by_role("button", name="Choose the next batch").click()
        standings = project.labels.standings()
        assert {name: project.settings.parted(row.label) for name, row in standings.items()} == {
            name: tuple(sorted(truth[name])) for name in standings
        }
        assert project.models.last().n_labeled > 0
    spotal("train", home)
    assert "Predictions" in spotal("status", home).stdout or "Model:" in spotal("status", home).stdout
    spotal("report", home, "-o", tmp_path / "report.html")
    assert "several classes" in (tmp_path / "report.html").read_text(encoding="utf-8")
    spotal("export", tmp_path / "labels.csv", home)
    assert "30" in spotal("import", tmp_path / "labels.csv", back).stdout
    with Project.open(back) as copy:
        assert copy.labels.standings() == standings


def spotal(*words):
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result


def test_look_alikes_are_suggested_with_all_their_classes(tmp_path, client):
    with make_images(tmp_path, many=True) as project:
        classes = list(project.settings.classes)
        np.save(project.folder / "predictions.npy", np.tile(np.float32([0.97, 0.02, 0.99]), (12, 1)))
        project.models.add("sure", n_labeled=2, predictions="predictions.npy", about={"classes": classes, "many": True})
        page = client(project)
        project.labels.record("p00.png", "red", annotator="ann")
        assert page.get("/api/suggestions").json()["strips"] == []  # another set
        project.labels.record("p00.png", "blue|red", annotator="ann")
        (strip,) = page.get("/api/suggestions").json()["strips"]
        assert (strip["label"], strip["like"]["id"]) == ("blue|red", "p00.png")
        assert len(strip["items"]) == 7  # those of the batch are asked one by one
        np.save(project.folder / "predictions.npy", np.tile(np.float32([0.97, 0.2, 0.99]), (12, 1)))
        project.models.add("less", n_labeled=2, predictions="predictions.npy", about={"classes": classes, "many": True})
        assert page.get("/api/suggestions").json()["strips"] == []  # not sure of every class


def test_only_what_can_be_done_is_offered_where_nothing_is_to_be_answered(tmp_path, visit):
    """Neither the strips to confirm nor a finished batch have an item that the buttons could be about."""
    with make_images(tmp_path, picks=1, many=True) as project, live(project) as server:
        sure_of(project, "red", "blue")
        page = visit(server.address)
        shown(page, "p00.png")
        buttons = page.locator("#answers .other button:visible")
        words = [text.split()[-1] for text in buttons.all_inner_texts()]
        assert words == ["none", "these", "Skip", "Undo", "Back", "Next"]
        page.get_by_role("button", name="Confirm", exact=True).click()
        page.get_by_role("heading", name="Nothing to confirm now").wait_for()
        assert [text.split()[-1] for text in buttons.all_inner_texts()] == ["Undo"]
        page.get_by_role("button", name="One", exact=True).click()
        shown(page, "p00.png")
        page.locator("#answers .primary").click()
        done(page)
        assert [text.split()[-1] for text in buttons.all_inner_texts()] == ["Undo", "Back", "Next"]
