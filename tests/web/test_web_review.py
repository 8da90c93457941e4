"""Earlier answers: what the page's server says about them."""

from __future__ import annotations

import numpy as np
from tests.web.conftest import answer, make_images, predict

from spotal.project import Pick
from spotal.web.review import review


def names(client, **asked):
    found = client.get("/api/review", params=asked).json()
    assert found["total"] == len(found["items"])
    return [one["id"] for one in found["items"]]


def answered(texts):
    texts.labels.record("t0", "red", annotator="ann")
    texts.labels.record("t1", "blue", annotator="ann")
    texts.labels.record("t2", kind="skip", annotator="bob")
    texts.labels.record("t1", "red", annotator="bob")
    texts.rounds.add([Pick("t7")], strategy="spot", n_labeled=2)
    texts.labels.record("t7", "green", annotator="bob")


def test_the_newest_answers_come_first_with_the_last_word_of_each_person(texts, client):
    page = client(texts)
    assert page.get("/api/review").json() == {"items": [], "total": 0, "people": []}
    answered(texts)
    texts.labels.record("t0", "green", annotator="ann")
    texts.labels.record("t3", "red", annotator="cy")
    texts.labels.withdraw("t3", annotator="cy")
    found = page.get("/api/review").json()
    assert [one["id"] for one in found["items"]] == ["t0", "t7", "t1", "t2"]
    assert found["people"] == ["ann", "bob"]
    first, _, third, fourth = found["items"]
    assert first["votes"] == {"ann": {"kind": "label", "label": "green"}}
    assert (first["text"], first["round"]) == ("text <b>0</b>", 0)
    assert {who: word["label"] for who, word in third["votes"].items()} == {"ann": "blue", "bob": "red"}
    assert fourth["votes"] == {"bob": {"kind": "skip", "label": None}}


def test_answers_are_filtered(texts, client):
    answered(texts)
    page = client(texts)
    assert names(page, label="red") == ["t1", "t0"]
    assert names(page, person="bob") == ["t7", "t1", "t2"]
    assert names(page, person="bob", label="blue") == []
    assert names(page, person="ann", label="blue") == ["t1"]
    assert names(page, kind="skip") == ["t2"]
    assert names(page, round=1) == ["t7"]
    assert names(page, round=0) == ["t1", "t2", "t0"]
    assert names(page, text="TEXT <b>7") == ["t7"]
    assert names(page, text="t2") == ["t2"]
    assert names(page, text="nothing", round=0) == []
    assert names(page, only="disagreement") == ["t1"]
    assert names(page, round="x", start="x") == ["t7", "t1", "t2", "t0"]


def test_none_of_these_and_a_class_disagree_and_a_skip_says_nothing(texts, client):
    answered(texts)
    page = client(texts)
    texts.labels.record("t0", kind="none_of_these", annotator="bob")
    texts.labels.record("t2", "red", annotator="ann")
    assert names(page, only="disagreement") == ["t0", "t1"]
    assert names(page, only="disagreement", person="cy") == []


def test_a_correction_is_the_persons_last_word(texts, client):
    answered(texts)
    page = client(texts)
    (one,) = [one for one in page.get("/api/review").json()["items"] if one["id"] == "t0"]
    assert answer(page, one["number"], "blue", id="c", content=one["content"])["now"]["label"] == "blue"
    assert texts.labels.standings()["t0"].label == "blue"
    assert names(page, label="red") == ["t1"]


def test_many_answers_come_in_pages(texts):
    for k in range(7):
        texts.labels.record(f"t{k}", "red", annotator="ann")
    seen = [[one["id"] for one in review(texts, start=start, most=3)["items"]] for start in (0, 3, 6)]
    assert seen == [["t6", "t5", "t4"], ["t3", "t2", "t1"], ["t0"]]
    assert review(texts, start=3, most=3)["total"] == 7


def test_answers_are_chosen_by_what_the_model_makes_of_them(images, client):
    for k, label in enumerate(["red", "green", "blue"]):
        images.labels.record(f"p0{k}.png", label, annotator="ann")
    images.labels.record("p03.png", kind="skip", annotator="ann")
    page = client(images)
    assert names(page, model="disagrees") == []  # no model yet
    predict(images, "green", 0.7)
    path = images.folder / "predictions.npy"
    shares = np.load(path)
    shares[2] = 0.96, 0.02, 0.02
    shares[3] = 0.5, 0.3, 0.2
    np.save(path, shares)
    assert names(page, model="disagrees") == ["p02.png", "p00.png"]  # the surest guess first
    assert names(page, model="sure") == ["p02.png"]
    assert names(page, model="unsure") == ["p03.png"]
    assert names(page, model="else") == ["p03.png", "p02.png", "p01.png", "p00.png"]
    (first, _) = page.get("/api/review", params={"model": "disagrees"}).json()["items"]
    assert first["guess"]["label"] == "red"
    assert abs(first["guess"]["probability"] - 0.96) < 1e-6
    images.labels.record("p02.png", "red", annotator="bob")  # somebody agrees with the model
    assert names(page, model="disagrees") == ["p00.png"]


def test_items_that_measure_accuracy_are_never_shown_with_a_guess(tmp_path, client):
    with make_images(tmp_path, n=30, picks=0, held_back=0.4, random_state=5) as project:
        held = next(one for one in project.items if one.held_back)
        project.labels.record(held.id, "red", annotator="ann")
        predict(project, "green", 0.7)
        page = client(project)
        assert names(page) == [held.id]
        assert names(page, model="disagrees") == []


def test_a_part_of_the_map_shows_its_items_answered_or_not(tmp_path, client):
    with make_images(tmp_path, n=30, picks=0, held_back=0.4, random_state=5) as project:
        page = client(project)
        free = {one.id for one in project.items if not one.held_back}
        project.labels.record("p01.png", "red", annotator="ann")
        assert set(names(page, box="0,0,1000,1000")) == free | {"p01.png"}
        assert names(page, box="0,0,1000,1000", label="red") == ["p01.png"]
        found = page.get("/api/map").json()
        x, y = (np.array(found[axis]) for axis in "xy")
        inside = {f"p{k:02d}.png" for k in np.array(found["numbers"])[(x <= 400) & (y >= 300)]}
        assert set(names(page, box="0,300,400,1000")) == inside & (free | {"p01.png"})
        assert names(page, box="0,0,x") == ["p01.png"]


def test_undo_is_told_the_round_of_each_answer(texts, client):
    page = client(texts)
    answer(page, 0, id="a")
    texts.rounds.add([Pick("t7")], strategy="spot", n_labeled=1)
    answer(page, 7, id="b")
    found = page.get("/api/state").json()["undoable"]
    assert [(one["id"], one["name"], one["round"]) for one in found] == [("b", "t7", 1), ("a", "t0", 0)]


def test_who_may_not_open_the_page_sees_no_answers(texts, client):
    assert client(texts, shown=False).get("/api/review").status_code == 401
