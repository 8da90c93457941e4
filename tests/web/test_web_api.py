from __future__ import annotations

import io
import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image
from tests.web.conftest import CLASSES, answer, predict, send

from spotal.project import Audit, Board, Data, Pick, Project, Settings
from spotal.project.status import read_status
from spotal.web.pictures import SIDES
from spotal.web.projection import MOST_DRAWN, OPEN, SCALE, SKIPPED, TIED, marks, projection


def test_the_state_says_what_to_answer_and_why(images, client):
    found = client(images).get("/api/state").json()
    assert (found["classes"], found["annotator"], found["kind"]) == (list(CLASSES), "ann", "image")
    assert found["round"] == {"number": 0, "strategy": "spot", "size": 5, "waiting": 5}
    assert [task["id"] for task in found["tasks"]] == [f"p0{k}.png" for k in range(5)]
    first = found["tasks"][0]
    assert (first["why"]["stands_for"], first["why"]["mass"], first["why"]["audit"]) == (3, 0.2, False)
    assert [near["id"] for near in first["why"]["neighbors"]] == ["p03.png"]
    assert first["guess"] == []
    assert (found["curve"], found["undoable"]) == ([], [])


def test_guesses_show_after_training_but_not_where_accuracy_is_measured(tmp_path, client):
    (tmp_path / "texts.jsonl").write_text("\n".join(f'{{"id": "t{k}", "text": "x{k}"}}' for k in range(30)))
    settings = Settings(Data("../texts.jsonl", "text"), CLASSES, audit=Audit(0.5))
    with Project.create(tmp_path / "project", settings) as project:
        free = project.items.candidates()
        project.rounds.add([Pick(free[0].id)], audit=1, strategy="spot", n_labeled=0)
        predict(project)
        found = client(project).get("/api/state").json()
        guesses = {task["why"]["audit"]: task["guess"] for task in found["tasks"]}
        assert guesses[True] == []
        assert guesses[False][0] == {"label": "green", "probability": pytest.approx(0.7)}
        assert found["curve"] == []
        audit = next(task["id"] for task in found["tasks"] if task["why"]["audit"])
        for label, share in (("green", 1.0), ("red", 0.0)):
            project.labels.record(audit, label, annotator="ann")
            (point,) = client(project).get("/api/state").json()["curve"]
            assert (point["labels"], point["value"], point["n"]) == (2, share, 1)
            assert [point] == [asdict(row) for row in read_status(project).curve]


def test_an_answer_is_on_disk_when_the_server_says_so_and_once_however_often_it_is_sent(texts, client):
    page = client(texts)
    for _ in range(3):
        assert answer(page, 0, "red", id="a") == {"id": "a", "item": 0, "now": {"kind": "label", "label": "red"}}
    with Project.open(texts.folder) as other:
        (event,) = other.labels.history()
    assert (event.item, event.label, event.annotator, event.source, event.external_id) == (
        "t0", "red", "ann", "page", "a",
    )  # fmt: skip
    assert answer(page, 1, None, id="b", kind="skip")["now"] == {"kind": "skip", "label": None}
    assert answer(page, 2, None, id="c", kind="none_of_these")["now"]["kind"] == "none_of_these"
    assert [task["id"] for task in page.get("/api/state").json()["tasks"]] == ["t3"]


def test_undo_names_the_answer_and_happens_once(texts, client):
    page = client(texts)
    answer(page, 0, "red", id="a")
    answer(page, 0, "blue", id="b")
    undoable = page.get("/api/state").json()["undoable"]
    assert undoable == [{"id": name, "item": 0, "name": "t0", "round": 0} for name in "ba"]
    for k in range(2):
        undone = answer(page, 0, None, id=f"u{k}", kind="undo", of="b")
        assert undone["now"] == {"kind": "label", "label": "red"}
    assert answer(page, 0, None, id="u3", kind="undo", of="a")["now"] is None
    assert len(texts.labels.history()) == 4
    assert texts.counts().labeled == 0


def test_an_answer_is_about_the_content_that_the_page_showed(texts, client, tmp_path):
    page = client(texts)
    shown = {task["number"]: task["content"] for task in page.get("/api/state").json()["tasks"]}
    assert shown == {k: texts.items.get(f"t{k}").content for k in range(4)}
    assert page.get("/api/items/0").json()["content"] == shown[0]
    file = tmp_path / "texts.jsonl"
    file.write_text(file.read_text().replace("text <b>0</b>", "another text"))
    assert texts.refresh().changed == ["t0"]
    answer(page, 0, "red", id="a", content=shown[0])  # of a page from before
    answer(page, 1, "red", id="b", content=shown[1])
    answer(page, 2, "red", id="c")  # of a page that an older version served
    assert list(texts.labels.standings()) == ["t1", "t2"]
    assert [event.item for event in texts.labels.set_aside()] == ["t0"]
    again = {task["number"]: task for task in page.get("/api/state").json()["tasks"]}
    assert list(again) == [0, 3]
    assert (again[0]["text"], again[0]["content"] == shown[0]) == ("another text", False)
    answer(page, 0, "green", id="d", content=again[0]["content"])
    assert texts.labels.standings()["t0"].label == "green"
    key = page.get("/api/state").json()["key"]
    one = {"id": "e", "item": 3, "annotator": "ann", "kind": "skip", "content": "\ud800"}
    body, headers = json.dumps({"project": key, "answers": [one]}), {"Content-Type": "application/json"}
    assert page.post("/api/answers", content=body, headers=headers).status_code == 400


def test_one_bad_answer_keeps_no_other_from_being_recorded(texts, client):
    page = client(texts)
    good = {"annotator": "ann", "kind": "label", "label": "red"}
    sent = [
        good | {"id": "a", "item": 99},
        good | {"id": "e", "item": 10**30},
        good | {"id": "b", "item": 0, "label": "yellow"},
        good | {"id": "c", "item": 1, "annotator": " "},
        good | {"id": "d", "item": 1},
        good | {"id": "d", "item": 2},
    ]
    results = send(page, sent).json()["results"]
    assert [sorted(result) for result in results] == [["error", "id"]] * 4 + [["id", "item", "now"], ["error", "id"]]
    assert "numbers must be those of items" in results[0]["error"]
    assert "label must be one of the project's classes, found 'yellow'" in results[2]["error"]
    assert "annotator must be a visible name" in results[3]["error"]
    assert [event.item for event in texts.labels.history()] == ["t1"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"answers": %s0%s}' % (b"[" * 100_000, b"]" * 100_000), "nested too deep"),
        (b"{", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b"[]", "list of 1 to 200"),
        (b'{"answers": []}', "list of 1 to 200"),
        (b'{"answers": [1]}', "id must be given as str"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "skip", "item": "0"}]}', "item must be given as int"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "undo", "item": 0}]}', "of must be given as str"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "label", "item": 0, "label": 3}]}', "label must be a"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "skip", "item": 0, "content": 3}]}', "content must be"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "skip", "item": 1e400}]}', "item must be given as int"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "skip", "item": 1%s}]}' % (b"0" * 5_000), "be JSON"),
        (b'{"answers": [{"id": "\\ud800", "annotator": "a", "kind": "skip", "item": 0}]}', "half a character"),
        (b'{"answers": [{"id": "a", "annotator": "a\\udfff", "kind": "skip", "item": 0}]}', "half a character"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "skip", "item": "\\ud800"}]}', "half a character"),
        (b'{"answers": [{"id": "\xed\xa0\x80", "annotator": "a", "kind": "skip", "item": 0}]}', "JSON in UTF-8"),
        ('{"answers": [{"id": "\\ud800", "kind": "skip"}]}'.encode("utf-16"), "JSON in UTF-8"),
        (b'{"answers": [{"id": "%s", "annotator": "a", "kind": "skip", "item": 0}]}' % (b"a" * 101), "100 characters"),
        (b'{"answers": [{"id": "a", "annotator": "a", "kind": "skip", "item": %s0%s}]}' % (b"[" * 900, b"]" * 900), ""),
        (b"", "list of 1 to 200"),
    ],
)  # fmt: skip
def test_requests_that_are_no_answers_are_refused_with_a_sentence(texts, client, body, sentence):
    response = client(texts).post("/api/answers", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert sentence in response.json()["error"]
    assert texts.labels.history() == []


def test_a_request_that_is_too_long_is_refused(texts, client):
    response = client(texts).post(
        "/api/answers", content=b" " * 1_000_001, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413


@pytest.mark.parametrize("number", ["9" * 5_000, "9" * 18, "x", "-1", "+1", "1_0", "%D9%A1", "%ED%A0%80", "1.0", "%00"])
def test_numbers_that_no_item_has(texts, client, number):
    page = client(texts)
    for path in (f"/api/items/{number}", f"/image/{number}/small"):
        response = page.get(path)
        assert response.status_code == 404
        assert "number" in response.json()["error"]
        assert len(response.json()["error"]) < 200


def test_an_annotator_who_can_be_nobody(texts, client):
    page = client(texts)
    for name in ("a" * 101, "a%00", "%20"):
        response = page.get(f"/api/state?annotator={name}")
        assert response.status_code == 400
        assert "annotator must be" in response.json()["error"]
    assert "at most 100 characters" in answer(page, 0, id="a", annotator="a" * 101)["error"]
    assert texts.labels.history() == []


def test_answers_meant_for_another_project_are_not_recorded(texts, images, client):
    one = {"id": "a", "item": 0, "annotator": "ann", "kind": "label", "label": "red"}
    key = client(images).get("/api/state").json()["key"]
    for body in ({"project": key, "answers": [one]}, {"answers": [one]}):
        assert client(texts).post("/api/answers", json=body).status_code == 409
    assert texts.labels.history() == []


def test_conflicts_come_first_with_both_answers(texts, client):
    page = client(texts)
    answer(page, 3, "red", id="a")
    answer(page, 3, "blue", id="b", annotator="bob")
    first, *others = page.get("/api/state").json()["tasks"]
    assert (first["id"], first["votes"]) == ("t3", {"ann": "red", "bob": "blue"})
    assert [task["votes"] for task in others] == [None] * 3
    answer(page, 3, "blue", id="c")
    assert [task["id"] for task in page.get("/api/state").json()["tasks"]] == ["t0", "t1", "t2"]


def test_a_state_that_is_known_is_not_sent_again(texts, client):
    page = client(texts)
    version = page.get("/api/state").json()["version"]
    again = page.get("/api/state", params={"version": version}).json()
    assert again.keys() == {"version", "key", "annotator", "job", "jobs"}
    assert "tasks" in page.get("/api/state", params={"version": version, "annotator": "bob"}).json()
    answer(page, 0, id="a", annotator="bob")
    assert "tasks" in page.get("/api/state", params={"version": version}).json()


def test_pictures_are_upright_scaled_and_kept(tmp_path, client):
    (tmp_path / "photos").mkdir()
    turned = Image.new("RGB", (3000, 1500), "red")
    turned.getexif()[0x0112] = 6  # shown with its long side upright
    turned.save(tmp_path / "photos" / "big.jpg", exif=turned.getexif())
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "broken.png")
    dots = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    Image.fromarray(dots).save(tmp_path / "photos" / "dots.png")
    with Project.create(tmp_path / "project", Settings(Data("../photos"), CLASSES, audit=Audit(0.0))) as project:
        (tmp_path / "photos" / "broken.png").write_bytes(b"no image")
        page = client(project)
        for size, side in SIDES.items():
            response = page.get(f"/image/0/{size}")
            assert response.headers["content-type"] == "image/webp"
            assert "immutable" in response.headers["cache-control"]
            assert Image.open(io.BytesIO(response.content)).size == (side // 2, side)
        kept = sorted((project.folder / ".spotal/cache/pictures").iterdir())
        assert len(kept) == 2
        times = [path.stat().st_mtime_ns for path in kept]
        page.get("/image/0/small")
        assert [path.stat().st_mtime_ns for path in kept] == times
        small = Image.open(io.BytesIO(page.get("/image/2/large").content))
        np.testing.assert_array_equal(np.asarray(small), dots)  # where every pixel counts none is changed
        broken = page.get("/image/1/small")
        assert broken.status_code == 404
        assert "broken.png" in broken.json()["error"]
        (tmp_path / "photos" / "dots.png").unlink()
        assert page.get("/image/2/large").status_code == 404


def test_the_map_is_the_embeddings_in_two_dimensions(images, client):
    page = client(images)
    found = page.get("/api/map").json()
    assert found["numbers"] == list(range(12))
    assert set(found["marks"].values()) == {OPEN}
    points = np.column_stack([found["x"], found["y"]])
    assert points.min() >= 0
    assert points.max() <= SCALE
    centers = np.array([points[k::3].mean(0) for k in range(3)])
    within = max(np.linalg.norm(points[k::3] - centers[k], axis=1).max() for k in range(3))
    between = min(np.linalg.norm(centers[a] - centers[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert between > 2 * within  # pictures of a color lie together
    (kept,) = (images.folder / ".spotal/cache/maps").iterdir()
    before = kept.stat().st_mtime_ns
    assert page.get("/api/map").json() == found
    assert kept.stat().st_mtime_ns == before
    kept.write_bytes(b"broken")
    assert page.get("/api/map").json() == found


def test_marks_say_what_became_of_each_item(texts, client):
    page = client(texts)
    answer(page, 0, "blue", id="a")
    answer(page, 1, None, id="b", kind="skip")
    answer(page, 2, "red", id="c")
    answer(page, 2, "green", id="d", annotator="bob")
    assert marks(Board(texts).places(), texts.settings) == {0: 2, 1: SKIPPED, 2: TIED, 3: OPEN}
    assert page.get("/api/map").json() is None  # nothing was embedded yet
    assert page.get("/api/state").json()["map"] is None


def test_a_large_pool_is_drawn_in_part_with_all_that_is_asked_for(images):
    n = MOST_DRAWN + 5_000
    array = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    array[100] = np.nan
    np.save(images.folder / "many.npy", array)
    images.models.add("many", n_labeled=0, embeddings="many.npy")
    found = projection(images, [7, 8, 9, 100, n + 1])
    assert {7, 8, 9} <= set(found["numbers"])
    assert 100 not in found["numbers"]
    assert MOST_DRAWN <= len(found["numbers"]) <= MOST_DRAWN + 3


def test_no_batch_yet(tmp_path, client):
    (tmp_path / "texts.jsonl").write_text('{"text": "a"}\n{"text": "b"}')
    with Project.create(tmp_path / "p", Settings(Data("../texts.jsonl", "text"), CLASSES)) as project:
        found = client(project, annotator=None).get("/api/state").json()
        assert (found["round"], found["tasks"], found["annotator"]) == (None, [], None)
