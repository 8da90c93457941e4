"""The report of a project: numbers worked out by hand, and a page that says what there is and nothing else."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Answer, Audit, Data, Pick, Project, Settings
from spotal.project.predictions import write_rows
from spotal.project.report import gather, numbers, page
from spotal.project.report.unseen import Unseen, doubts, unseen

CLASSES = ("cat", "dog <b>", "bird")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
N = 12


@pytest.fixture(params=["image", "text", "embedding"])
def kind(request):
    return request.param


@pytest.fixture
def make(tmp_path):
    """A project over twelve items of a kind; even items have embeddings on the left, odd ones on the right."""
    made = []

    def make(kind="text", held_back=0.0, **settings):
        if kind == "image":
            (tmp_path / "data").mkdir()
            for k in range(N):
                Image.fromarray(np.full((6, 6, 3), 20 * k, np.uint8)).save(tmp_path / "data" / f"{k:02d}.png")
        elif kind == "text":
            lines = [json.dumps({"id": f"{k:02d}", "text": f"text {k} <script>alert(1)</script>"}) for k in range(N)]
            (tmp_path / "data").with_suffix(".jsonl").write_text("\n".join(lines))
        else:
            np.save(tmp_path / "data.npy", np.arange(2.0 * N).reshape(N, 2))
        suffix = {"image": "", "text": ".jsonl", "embedding": ".npy"}[kind]
        chosen = Settings(Data(f"../data{suffix}", kind), CLASSES, audit=Audit(held_back), **settings)
        made.append(Project.create(tmp_path / "p", chosen))
        return made[-1]

    yield make
    for project in made:
        project.close()


def model(project, probabilities, name="network", n_labeled=4):
    """Record a model with these class probabilities of all items."""
    stem = f".spotal/models/{len(project.models)}"
    every = np.arange(N)
    side = np.column_stack([np.where(every % 2, 1.0, -1.0) + 0.01 * every, 0.1 * every]).astype(np.float32)
    write_rows(project.folder / f"{stem}.p.npy", every, np.asarray(probabilities, np.float32), N)
    write_rows(project.folder / f"{stem}.e.npy", every, side, N)
    files = {"predictions": f"{stem}.p.npy", "embeddings": f"{stem}.e.npy"}
    events = project.labels.last_event()
    about = {"classes": list(project.settings.classes)}
    return project.models.add(name, n_labeled=n_labeled, events=events, about=about, **files)


def sure(*guesses):
    """Rows that are 90 % sure of these classes."""
    rows = np.full((N, 3), 0.05)
    rows[np.arange(N), np.resize(guesses, N)] = 0.9
    return rows


def label(project, *words, annotator="ann", first=0):
    names = [item.id for item in project.items]
    project.labels.record_all(
        Answer(names[k], annotator, label=CLASSES[word], at=START + timedelta(seconds=10 * k))
        for k, word in enumerate(words, first)
    )


def test_confident_disagreement_by_hand():
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.45, 0.55], [0.05, 0.95]])
    labels = np.array([0, 0, 0, 1, 1])
    seen = Unseen(("a", "b"), np.arange(5) + 10, labels, p, np.ones(5), False)
    # usual of a: (.9 + .7 + .2) / 3 = .6; of b: (.55 + .95) / 2 = .75. Item 12 is a by people, .8 of b: over .75
    (found,) = doubts(seen)
    assert (found.number, found.label, found.guess) == (12, "a", "b")
    assert (found.confidence, found.of_label) == (0.8, 0.2)
    assert seen.right.tolist() == [True, True, False, True, True]


def test_networks_are_asked_as_they_were_before_the_label(make):
    project = make()
    model(project, sure(0))
    label(project, 0, 1)
    model(project, sure(1), n_labeled=2)
    label(project, 1, 1, first=2)
    model(project, sure(2), n_labeled=4)
    seen = unseen(project)
    assert seen.numbers.tolist() == [0, 1, 2, 3]
    assert seen.probabilities.argmax(1).tolist() == [0, 0, 1, 1]
    assert seen.weight.tolist() == [1, 1, 1, 1]
    assert unseen(project, audit=True) is None


def test_probes_are_asked_by_folds(make):
    project = make()
    # the wrong label of item 4 does not shine through, and the probe in use knows all labels by heart
    words = [0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1]
    label(project, *words)
    model(project, sure(*words), name="pixels, linear probe", n_labeled=N)
    seen = unseen(project)
    assert len(seen.labels) == N
    assert np.allclose(seen.probabilities.sum(1), 1)
    assert [found.number for found in doubts(seen)] == [4]
    again = unseen(project)
    assert (again.probabilities == seen.probabilities).all()


def test_the_audit_is_asked_of_the_newest_model_and_weighted(make):
    project = make(held_back=0.5)
    held = [item.number for item in project.items if item.held_back]
    project.rounds.add([], audit=len(held), strategy="spot", n_labeled=0)
    for number in held:
        project.labels.record(f"{number:02d}", CLASSES[0], annotator="ann")
    model(project, sure(0))
    model(project, sure(2, 0))
    seen = unseen(project, audit=True)
    assert seen.numbers.tolist() == held
    assert seen.right.tolist() == [number % 2 == 1 for number in held]
    assert seen.weight.tolist() == [2.0] * len(held)
    facts = gather(project)
    last = facts.status.curve[-1]
    assert last.value == pytest.approx(sum(number % 2 for number in held) / len(held))
    html = page(facts, project.items.file)
    assert "Accuracy by number of labels" in html
    assert f"by {len(held)} random items that it never saw" in html


def full(make, kind):
    """A project with two rounds, two annotators, a conflict, a skip and a model."""
    project = make(kind, budget=20)
    names = [item.id for item in project.items]
    about = {"neighbors": names[6:9], "guess": "bird", "confidence": 0.5}
    picks = [Pick(name, 0.3, 4, 0.5, about) for name in names[:3]]
    project.rounds.add(picks, strategy="spot", n_labeled=0)
    label(project, 0, 1, 2)
    model(project, sure(0, 1, 2), name="linear probe", n_labeled=3)
    project.rounds.add([Pick(name) for name in names[3:8]], strategy="spot", n_labeled=3, model=0)
    label(project, 0, 1, 2, 1, first=3)
    label(project, 0, 1, 0, annotator="bob <i>")
    project.labels.record(names[7], annotator="ann", kind="skip")
    model(project, sure(0, 1, 2), name="linear probe", n_labeled=7)
    return project


def test_the_whole_page(make, kind):
    project = full(make, kind)
    facts = gather(project)
    html = page(facts, project.items.file)
    assert not re.search(r"""(src|href|srcset)\s*=\s*["'](?!data:)""", html)
    for outside in ("http://", "https://", "<script", "@import", "url(", "<b>", "<i>"):
        assert outside not in html.replace("<b>Go on", "").replace("<b>Stop", "")
    titles = re.findall("<h2>(.*?)</h2>", html)
    assert titles == [
        "Class balance", "What the model gets right", "The labels on the pool's map",
        *(["Labels that may be wrong"] * bool(facts.doubts)),
        "Annotators", "Cost so far, and what more would cost", "What these labels stand for",
        "What was picked, round by round", "Where this comes from",
    ]  # fmt: skip
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', html))
    pictures = [base64.b64decode(found) for found in re.findall(r"image/svg\+xml;base64,([^\"]+)", html)]
    assert len(pictures) == 2 * 5  # balance, calibration, confusion, two maps; light and dark
    assert not any(b"<image" in picture for picture in pictures)  # vectors all through
    assert html.count("data:image/jpeg") == (0 if kind != "image" else html.count("<img ") - 5)
    if kind == "text":
        assert "&lt;script&gt;" in html
    assert "1 conflicts" in html
    assert "dog &lt;b&gt;" in html
    assert "bob &lt;i&gt; and" in html or "ann and bob &lt;i&gt;" in html
    found = numbers(facts)
    assert json.loads(json.dumps(found)) is not None
    # ann's gaps are ten seconds each; bob's two as well, and the skip came at another time
    assert (found["pace"]["median"], found["pace"]["answers"]) == (10.0, 8)
    assert found["counts"]["conflicts"] == 1


def test_a_new_project_has_a_short_report(make, kind):
    project = make(kind)
    html = page(gather(project), project.items.file)
    assert re.findall("<h2>(.*?)</h2>", html) == ["Where this comes from"]
    assert "0 of 12 items have a label; no model yet" in html


def test_images_that_are_gone_are_said_to_be(make, tmp_path):
    project = full(make, "image")
    (tmp_path / "data" / "00.png").write_bytes(b"nothing")
    (tmp_path / "data" / "01.png").unlink()
    assert page(gather(project), project.items.file).count("not readable") >= 2


def test_many_classes_and_long_names(make, tmp_path):
    project = make("text")
    names = [f"class {k} of a long name that goes on, $x_{k}$" for k in range(30)]
    project.add_classes(names)
    rows = np.full((N, 33), 0.01)
    rows[np.arange(N), np.arange(N) + 3] = 1 - 0.32
    for k in range(N):
        project.labels.record(f"{k:02d}", names[k % 12], annotator="ann")
    model(project, rows, name="network", n_labeled=N)
    html = page(gather(project), project.items.file)
    assert "Class balance" in html
    assert "No label yet: " in html


def test_the_command_takes_projects_and_runs(make, tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["report", *map(str, words)], env={"COLUMNS": "300"})

    project = full(make, "text")
    done = run(project.folder)
    assert done.exit_code == 0, done.output
    written = project.folder / "report.html"
    assert str(written) in done.stdout
    assert written.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    document = json.loads(run(project.folder, "--json", "--out", tmp_path / "o.html").stdout)
    assert document["counts"]["labeled"] == 6
    assert document["report"] == str(tmp_path / "o.html")
    refused = run(project.folder, "--markdown", tmp_path / "x.md")
    assert (refused.exit_code, "is for benchmarks" in refused.stderr) == (2, True)
    nothing = run(tmp_path)
    assert nothing.exit_code == 2
    assert "results.sqlite" in nothing.stderr
