"""Earlier answers: what the page's server says about them."""

from __future__ import annotations

from tests.web.conftest import answer

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


def test_who_may_not_open_the_page_sees_no_answers(texts, client):
    assert client(texts, shown=False).get("/api/review").status_code == 401
