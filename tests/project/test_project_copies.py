"""Copies: near copies are found among images, texts and embeddings, and different items are not taken for copies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.datasets import load
from spotal.project import Audit, Data, Pick, Project, Settings
from spotal.project import copies as module
from spotal.project.copies import Copies, find_copies
from spotal.project.places import THUMBNAILS


@pytest.fixture
def make(tmp_path):
    made = []

    def make(path, kind):
        made.append(Project.create(tmp_path / "p", Settings(Data(f"../{path}", kind), ("a", "b"), audit=Audit(0.0))))
        return made[-1]

    yield make
    for project in made:
        project.close()


def scene(seed):
    """A picture with large and small structure, 120 x 160."""
    rng = np.random.default_rng(seed)
    layers = [rng.uniform(0, 255, (size, size, 3)).astype(np.uint8) for size in (3, 7, 30)]
    large = [np.asarray(Image.fromarray(layer).resize((160, 120), Image.Resampling.BICUBIC), float) for layer in layers]
    return Image.fromarray((0.5 * large[0] + 0.3 * large[1] + 0.2 * large[2]).astype(np.uint8))


def test_resized_and_recompressed_images_are_nearly_alike(make, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(60):
        scene(k).save(folder / f"{k:02}.png")
    scene(0).save(folder / "60.jpg", quality=60)
    scene(1).resize((100, 75)).save(folder / "61.png")
    scene(2).resize((240, 180)).save(folder / "62.jpg", quality=80)
    scene(3).convert("L").save(folder / "63.png")
    (folder / "64.png").write_bytes((folder / "04.png").read_bytes())
    scene(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "65.png")
    found = find_copies(make("images", "image"))
    assert found.equal == [[4, 64]]
    assert found.alike == [[0, 60], [1, 61], [2, 62], [3, 63]]
    assert found.summary() == "1 image is a copy of another; 4 more look nearly like others"


def test_digits_of_one_class_are_not_alike(make, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    data = load("digits")
    for k, image in enumerate(data.X):
        Image.fromarray(image[..., 0]).save(folder / f"{k:04}.png")
    Image.fromarray(data.X[7, ..., 0]).save(folder / "9999.jpg", quality=95)
    found = find_copies(make("images", "image"))
    assert found.alike == [[7, len(data.X)]]


def test_flat_images_are_not_compared(make, tmp_path):
    (tmp_path / "images").mkdir()
    for k in range(6):
        Image.new("RGB", (8, 8), (k, k, k)).save(tmp_path / "images" / f"{k}.png")
    assert find_copies(make("images", "image")).alike == []


def test_thumbnails_are_made_once_and_work_is_bounded(make, tmp_path, monkeypatch):
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(4):
        scene(k % 2).save(folder / f"{k}.jpg", quality=90 - k)
    project = make("images", "image")
    monkeypatch.setitem(module.MOST, "image", 3)
    found = find_copies(project)
    assert found.alike == [[0, 2]]
    assert found.summary() == "1 image looks nearly like another; only 3 of 4 images were compared for near copies"
    assert (project.folder / THUMBNAILS).is_file()
    decoded = []
    monkeypatch.setattr(module, "decode", lambda path, *rest: decoded.append(path.name))
    assert find_copies(project) == found
    assert decoded == []
    (project.folder / THUMBNAILS).write_bytes(b"PK damaged")
    monkeypatch.undo()
    assert find_copies(project).alike == [[0, 2], [1, 3]]


def test_texts_differ_in_case_punctuation_and_space_alone(make, tmp_path):
    texts = [
        "Good film!", "good  film", "GOOD FILM.", "good films", "Straße 5", "STRASSE\n5", "\uff26ull", "full",
        "???", "!", "कि", "का", "a +1", "a -1", "good films",
    ]  # fmt: skip
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    found = find_copies(make("t.jsonl", "text"))
    assert found.equal == [[3, 14]]
    assert found.alike == [[0, 1, 2], [4, 5], [6, 7]]


@pytest.mark.parametrize("d", [2, 40])
def test_rows_at_a_tiny_distance_are_nearly_alike(make, tmp_path, d):
    rng = np.random.default_rng(0)
    X = 100 + rng.normal(size=(500, d))
    near = X[:50] + 1e-4 * rng.normal(size=(50, d))
    far = X[50:100] + 0.02 * np.sqrt(d)
    np.save(tmp_path / "x.npy", np.concatenate([X, near, far, X[:3]]))
    found = find_copies(make("x.npy", "embedding"))
    assert found.equal == [[0, 600], [1, 601], [2, 602]]
    pairs = {tuple(group) for group in found.alike}
    assert len(pairs & {(k, 500 + k) for k in range(50)}) >= 49
    assert len(pairs) <= 51


def test_tables_are_read_by_their_own_delimiter(make, tmp_path):
    rows = np.random.default_rng(0).normal(size=(6, 3))
    rows[5] = rows[0] + 1e-6
    lines = ["a;b;c", *(";".join(map(str, row)) for row in rows)]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    with Project.create(
        tmp_path / "q", Settings(Data("../x.csv", "embedding", delimiter=";"), ("a", "b"), audit=Audit(0.0))
    ) as project:
        assert find_copies(project).alike == [[0, 5]]


def test_data_that_are_gone_are_not_compared(make, tmp_path):
    np.save(tmp_path / "x.npy", np.eye(4)[[0, 1, 1]])
    project = make("x.npy", "embedding")
    Path(tmp_path / "x.npy").unlink()
    found = find_copies(project)
    assert (found.equal, found.alike, found.compared) == ([[1, 2]], [], 0)


def test_leaks_are_counted_by_held_back_item():
    found = Copies("image", [[0, 9], [3, 4]], [[0, 1, 2]], 8, 8)
    assert found.leaks({1, 9, 4, 5}, {2, 3, 6, 0}) == [(1, 0), (4, 3), (9, 0)]
    assert found.leaks({1}, {5}) == []
    assert found.summary() == "2 images are copies of others; 2 more look nearly like others"
    assert Copies("text", [], [], 3, 3).summary() == ""


def test_near_copies_are_held_back_together(tmp_path):
    texts = [f"text {k}" for k in range(400)]
    lines = [form(text) for text in texts for form in (str, str.upper, str, "{}!".format)]  # two of four are equal
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({"text": line}) for line in lines))
    settings = Settings(Data("../t.jsonl", "text"), ("a", "b"), audit=Audit(0.3))
    with Project.create(tmp_path / "p", settings) as project:
        found = find_copies(project)
        groups = found.together()
        assert groups == [[k, k + 1, k + 2, k + 3] for k in range(0, 1600, 4)]
        answered, picked = 0, 5
        project.labels.record("0", "a", annotator="ann")
        project.rounds.add([Pick(str(picked))], strategy="spot", n_labeled=0)
        before = [item.held_back for item in project.items]
        changed = project.items.hold_together(groups)
        now = [item.held_back for item in project.items]
        for group in groups:
            held = [now[k] for k in group]
            assert held == ([before[k] for k in group] if {answered, picked} & set(group) else [before[group[0]]] * 4)
        assert changed == sum(a != b for a, b in zip(before, now, strict=True)) > 100
        assert 0.2 < np.mean(now) < 0.4
        assert project.items.hold_together(groups) == 0
        held = {k for k, is_held in enumerate(now) if is_held}
        leaks = found.leaks(held, set(range(1600)) - held)
        assert {number // 4 for number, _ in leaks} <= {0, 1}


def test_init_holds_near_copies_back_together(tmp_path):
    lines = [form(f"text {k}") for k in range(200) for form in (str, str.upper)]
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({"text": line}) for line in lines))
    words = ["init", tmp_path / "p", "--texts", tmp_path / "t.jsonl", "--classes", "a,b", "--json"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    with Project.open(tmp_path / "p") as project:
        held = [item.held_back for item in project.items]
        assert held[::2] == held[1::2]
        assert json.loads(result.stdout)["held_back"] == sum(held) > 0
