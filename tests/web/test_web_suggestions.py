"""What the model is sure of: which items the page's server suggests, and how a confirmation is recorded."""

from __future__ import annotations

import numpy as np
import pytest
from tests.web.conftest import answer, make_images, predict, send

from spotal.project import Pick
from spotal.web.review import Filters, review

pytestmark = pytest.mark.usefixtures("quick_jobs")


def label_one_of_each(project):
    for k, label in enumerate(("red", "green", "blue")):
        project.labels.record(f"p0{k}.png", label, annotator="ann")


def suggested(client):
    return [(one["label"], one["like"]["id"], [row["id"] for row in one["items"]]) for one in strips(client)]


def strips(client):
    return client.get("/api/suggestions").json()["strips"]


def test_the_model_and_the_nearest_labeled_item_must_agree(images, client):
    page = client(images)
    assert suggested(page) == []  # no model
    predict(images, "green", 0.97)
    assert suggested(page) == []  # nothing is labeled
    label_one_of_each(images)
    ((label, like, items),) = suggested(page)
    assert (label, like, set(items)) == ("green", "p01.png", {"p07.png", "p10.png"})  # p04 is in the batch
    predict(images, "green", 0.9)
    assert suggested(page) == []  # the model is not sure


def test_what_is_most_alike_comes_first(images, client):
    predict(images, "green", 0.97)
    images.labels.record("p01.png", "green", annotator="ann")
    X = np.load(images.folder / "embeddings.npy")
    ((_, _, items),) = suggested(client(images))
    far = {f"p{k:02d}.png": float(((X[k] - X[1]) ** 2).sum()) for k in range(12)}
    assert items == sorted(items, key=far.__getitem__)


def test_items_held_back_for_the_audit_are_never_suggested(tmp_path, client):
    with make_images(tmp_path, n=30, picks=0, held_back=0.4, random_state=5) as project:
        held = {one.id for one in project.items if one.held_back}
        assert "p04.png" in held
        predict(project, "green", 0.99)
        project.labels.record("p00.png", "green", annotator="ann")
        project.labels.record("p01.png", "green", annotator="ann")  # held back: nothing is like it
        ((_, like, items),) = suggested(client(project))
        assert like == "p00.png"
        assert items
        assert not held & set(items)


@pytest.mark.parametrize(("truth", "is_shown"), [("red", False), ("green", True)])
def test_nothing_is_suggested_while_the_audit_shows_that_the_model_is_mostly_wrong(tmp_path, client, truth, is_shown):
    with make_images(tmp_path, n=30, picks=0, held_back=0.4, random_state=5) as project:
        held = [one.id for one in project.items if one.held_back]
        project.rounds.add([Pick("p00.png")], audit=4, strategy="spot", n_labeled=0)
        predict(project, "green", 0.99)
        project.labels.record("p00.png", "green", annotator="ann")
        asked = [pick.item for pick in project.rounds.picks(0) if pick.role == "audit"]
        assert set(asked) <= set(held)
        for name in asked:
            project.labels.record(name, truth, annotator="ann")
        assert bool(strips(client(project))) == is_shown


def test_a_confirmation_is_a_persons_answer_that_says_it_was_suggested(images, client):
    predict(images, "green", 0.97)
    label_one_of_each(images)
    page = client(images)
    (strip,) = strips(page)
    before = images.counts()
    for one in strip["items"]:
        said = answer(page, one["number"], "green", id=one["id"], content=one["content"], suggested=True)
        assert said["now"] == {"kind": "label", "label": "green"}
        again = answer(page, one["number"], "green", id=one["id"], content=one["content"], suggested=True)
        assert again == said  # a reply that got lost
    *_, first, second = images.labels.history()
    assert {first.item, second.item} == {"p07.png", "p10.png"}
    assert {(one.annotator, one.source, one.label) for one in (first, second)} == {("ann", "suggestion", "green")}
    assert images.labels.current()["p07.png"].label == "green"
    assert images.counts().labeled == before.labeled + 2
    assert images.counts().spent == before.spent  # the budget is for what spotal asks
    assert images.labels.sources() == {"page": 3, "suggestion": 2}
    assert strips(page) == []
    assert review(images, Filters(suggested=True))["total"] == 2
    found = page.get("/api/review", params={"only": "suggested"}).json()["items"]
    assert [one["votes"]["ann"]["suggested"] for one in found] == [True, True]


def test_a_confirmation_can_be_undone(images, client):
    page = client(images)
    answer(page, 7, "green", id="a", suggested=True)
    assert [one["id"] for one in page.get("/api/state").json()["undoable"]] == ["a"]
    undo = {"id": "b", "item": 7, "annotator": "ann", "kind": "undo", "of": "a"}
    assert send(page, [undo]).json()["results"] == [{"id": "b", "item": 7, "now": None}]
    assert send(page, [undo]).json()["results"] == [{"id": "b", "item": 7, "now": None}]
    assert "p07.png" not in images.labels.standings()


def test_suggested_must_be_true_or_false(images, client):
    page = client(images)
    one = {"id": "a", "item": 7, "annotator": "ann", "kind": "label", "label": "red", "suggested": "yes"}
    found = send(page, [one])
    assert found.status_code == 400
    assert "suggested must be true or false" in found.json()["error"]


def test_who_may_not_open_the_page_sees_no_suggestions(images, client):
    assert client(images, shown=False).get("/api/suggestions").status_code == 401
