"""The report of a project: numbers worked out by hand, and a page that says what there is and nothing else."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Answer, Audit, Data, Pick, Project, Settings
from spotal.project.advice import Audited
from spotal.project.predictions import write_rows
from spotal.project.report import gather, numbers, page
from spotal.project.report.tested import confusions, most_confused
from spotal.project.report.unseen import Unseen, cross_fitted, doubts, unseen

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


def seen_of(labels, probabilities):
    labels, n = np.asarray(labels), len(labels)
    names = tuple(map(str, range(probabilities.shape[1])))
    return Unseen(names, labels, probabilities, np.ones(n), numbers=np.arange(n) + 10)


def right_and_sure(n, wrong=0):
    """n labels of four classes in turn, the first ``wrong`` changed to the next one, and sure, correct predictions."""
    labels = np.arange(n) % 4
    p = np.where(np.arange(4) == labels[:, None], 0.991, 0.003)
    p[:wrong] = np.where(p[:wrong] > 0.5, 0.997, 0.001)
    labels[:wrong] = (labels[:wrong] + 1) % 4
    return labels, p


def test_confident_disagreement_by_hand():
    labels, p = right_and_sure(80, 10)
    p[7] = [0.0, 0.0, 0.0, 1.0]  # people say 0
    p[0] = [0.85, 0.05, 0.05, 0.05]  # as sure as usual of class 0, but not sure enough
    found, words = doubts(seen_of(labels, p))
    assert [doubt.number for doubt in found] == [17, 11, 12, 13, 14]  # five at most
    assert (found[0].label, found[0].guess, found[0].confidence, found[0].of_label) == ("0", "3", 1.0, 0.0)
    assert words.startswith("The 5 most doubtful of 80 labels")
    p[:10] = 0.25
    assert doubts(seen_of(labels, p)) == (
        [], "None of 80 labels is doubtful: no model that was not trained on them clearly contradicts them."
    )  # fmt: skip


def test_confirmed_labels_are_not_doubted(make):
    labels, p = right_and_sure(80, 10)
    named = [doubt.number for doubt in doubts(seen_of(labels, p))[0]]
    again = [doubt.number for doubt in doubts(seen_of(labels, p), confirmed={named[0], named[2]})[0]]
    assert named[1] == again[0]
    assert len(again) == 5
    assert not {named[0], named[2]} & set(again)
    project = make(overlap=2)
    label(project, 0, 1, 2, 0, 1, 2)
    label(project, 0, 1, annotator="bob")
    assert project.labels.confirmed() == set()  # as many people as overlap says
    label(project, 0, annotator="cid")
    label(project, 2, first=2)  # ann says it again
    label(project, 0, first=4)  # and changes her mind
    label(project, 2, first=5)
    project.labels.undo("ann", source="page")
    assert project.labels.confirmed() == {0, 2}


def test_few_labels_are_not_doubted():
    labels, p = right_and_sure(40, 6)
    labels[5:], p[5:] = right_and_sure(40)[0][5:], right_and_sure(40)[1][5:]
    assert len(doubts(seen_of(labels, p))[0]) == 4  # a tenth
    found, words = doubts(seen_of(labels[:39], p[:39]))
    assert (found, "needs 40 labels" in words, "there are 39 so far" in words) == ([], True, True)


def test_a_common_class_or_a_poor_audit_needs_more():
    labels, p = right_and_sure(100, 1)
    poor = Audited(tuple("0123"), labels[:20], p[:20, ::-1], np.ones(20))
    found, words = doubts(seen_of(labels, p), poor)
    assert (found, "the 20 random items that measure accuracy" in words) == ([], True)
    good = Audited(tuple("0123"), labels[:20], p[:20], np.ones(20))
    assert len(doubts(seen_of(labels, p), good)[0]) == 1
    labels = (np.arange(100) >= 92).astype(int)  # right on 97 %, and always "0" would be right on 92 %
    p = np.where(np.arange(2) == (np.arange(100) >= 95)[:, None], 0.999, 0.001)
    found, words = doubts(seen_of(labels, p))
    assert (found, "the interval must begin at 96 % or more" in words) == ([], True)


def named(n, wrong, seed, noise=0.0):
    """Labels of digits that are named, with ``wrong`` labels changed: the positions, and what is said."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))[:n]
    X, labels = X[rows] + noise * rng.standard_normal((n, X.shape[1])), y[rows].copy()
    labels[:wrong] = (labels[:wrong] + rng.integers(1, 10, wrong)) % 10
    found, words = doubts(seen_of(labels, cross_fitted(X, labels, 10, seed)))
    return [doubt.number - 10 for doubt in found], words


def test_a_weak_model_names_nothing():
    for noise in (10.0, 15.0):
        found, words = named(120, 1, 0, noise)
        share = float(re.search(r"right on (\d+) %", words)[1])
        assert (found, 15 < share < 45) == ([], True), words


def test_correct_labels_are_hardly_ever_named():
    assert sum(len(named(120, 0, seed)[0]) for seed in range(5)) <= 2


def test_one_wrong_label_among_many_is_named_without_many_others():
    found = [named(120, 1, seed)[0] for seed in range(5)]
    assert sum(0 in rows for rows in found) >= 2
    assert sum(len(rows) for rows in found) <= 5


def test_of_many_wrong_labels_those_that_are_named_are_wrong():
    for seed in range(2):
        found, _ = named(500, 50, seed)
        assert len(found) == 5
        assert sum(row < 50 for row in found) >= 4


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


def test_probes_are_asked_by_folds(make):
    project = make()
    # the wrong label of item 4 does not shine through, and the probe in use knows all labels by heart
    words = [0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1]
    label(project, *words)
    model(project, sure(*words), name="pixels, linear probe", n_labeled=N)
    seen = unseen(project)
    assert len(seen.labels) == N
    assert np.allclose(seen.probabilities.sum(1), 1)
    assert seen.numbers[~seen.right].tolist() == [4]
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
    seen = unseen(project)
    assert seen.numbers.tolist() == held
    assert seen.right.tolist() == [number % 2 == 1 for number in held]
    facts = gather(project)
    last = facts.status.curve[-1]
    assert last.value == pytest.approx(sum(number % 2 for number in held) / len(held))
    html = page(facts, project.items.file)
    assert "Accuracy by number of labels" in html
    assert f"measured on {len(held)} random items that it was not trained on" in html


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
        "Class balance", "The labels on the map",
        "Labels that may be wrong",
        "Annotators", "Cost so far, and what more would cost", "What these labels stand for",
        "What was picked, round by round", "Model and settings",
    ]  # fmt: skip
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', html))
    pictures = [base64.b64decode(found) for found in re.findall(r"image/svg\+xml;base64,([^\"]+)", html)]
    assert len(pictures) == 2 * 3  # balance, two maps; light and dark
    assert not any(b"<image" in picture for picture in pictures)  # vectors all through
    assert html.count("data:image/jpeg") == (0 if kind != "image" else html.count("<img ") - 3)
    if kind == "text":
        assert "&lt;script&gt;" in html
    assert "The check needs 40 labels" in html
    assert "1 conflicts" in html
    assert "dog &lt;b&gt;" in html
    assert "bob &lt;i&gt; and" in html or "ann and bob &lt;i&gt;" in html
    found = numbers(facts)
    assert json.loads(json.dumps(found)) is not None
    # ann's gaps are ten seconds each; bob's two as well, and the skip came at another time
    assert (found["pace"]["mean"], found["pace"]["answers"]) == (10.0, 8)
    assert found["counts"]["conflicts"] == 1


def test_a_new_project_has_a_short_report(make, kind):
    project = make(kind)
    html = page(gather(project), project.items.file)
    assert re.findall("<h2>(.*?)</h2>", html) == ["Model and settings"]
    assert "0 of 12 items have a label; no model yet" in html


def test_copies_are_shown_and_those_that_leak_counted(tmp_path):
    lines = [json.dumps({"id": f"{k:02d}", "text": f"text {k % 20}{'!' * (k // 20)}"}) for k in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join([*lines, json.dumps({"id": "copy", "text": "text 0"})]))
    chosen = Settings(Data("../t.jsonl", "text"), CLASSES, audit=Audit(0.5))
    with Project.create(tmp_path / "p", chosen) as project:
        held = {item.number for item in project.items if item.held_back}
        before = gather(project)
        assert (before.copies.n_equal, before.copies.n_alike, before.leaks) == (1, 20, [])
        assert "1 text is a copy of another; 20 more look nearly like others." in page(before, project.items.file)
        project.labels.record_all(Answer(item.id, "ann", label="cat") for item in project.items)
        facts = gather(project)
        split = sorted((k, k + 20) for k in range(20) if (k in held) != (k + 20 in held))
        assert len(split) > 6
        leaking = {number for pair in split for number in pair if number in held}
        leaking |= {40} & held if (0, 20) in split else set()  # a copy of item 0
        assert {number for number, _ in facts.leaks} == leaking
        assert all(other not in held for _, other in facts.leaks)
        html = page(facts, project.items.file)
        assert f"{len(leaking)} of {len(held)} held-back items have a copy or near copy among the labels" in html
        assert html.count("<span>held back, and trained on</span>") == 6
        assert "The first 6 pairs are shown." in html
        assert numbers(facts)["copies"] == {"equal": 1, "nearly_alike": 20, "held_back_leaks": len(leaking)}


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


def audited_project(make, labels):
    """A project whose whole pool is held back, with a model, and what people say of it; the project."""
    project = make(held_back=0.9, random_state=4)
    held = [item.number for item in project.items if item.held_back]
    project.rounds.add([], audit=len(held), strategy="spot", n_labeled=0)
    for number in held:
        word = labels[number % len(labels)]
        kind = "none_of_these" if word is None else "label"
        project.labels.record(f"{number:02d}", None if word is None else CLASSES[word], annotator="ann", kind=kind)
    return project, held


def test_figures_of_one_name_have_one_source(make):
    project, held = audited_project(make, [0, 1, None])
    assert len(held) >= 10
    model(project, sure(0), n_labeled=9)
    model(project, sure(0, 0, 0, 1), n_labeled=6)  # the newest one has fewer labels
    facts = gather(project)
    said = [[0, 1, None][number % 3] for number in held]
    right = np.mean(
        [(number % 4 == 3) == (word == 1) and word is not None for number, word in zip(held, said, strict=True)]
    )
    status = facts.status
    assert [point.labels for point in status.curve] == [6, 9]
    assert (status.accuracy.labels, status.accuracy.value) == (6, pytest.approx(right))
    assert status.accuracy == status.curve[0]
    share = f"{100 * right:.1f} % ({100 * status.accuracy.low:.0f} to {100 * status.accuracy.high:.0f})"
    assert f"the model is right on {share} of the pool" in page(facts, project.items.file)
    exact = binomtest(round(right * len(held)), len(held)).proportion_ci(0.95, "exact")
    assert (status.accuracy.low, status.accuracy.high) == pytest.approx((exact.low, exact.high))


def test_the_pool_is_counted_by_the_audit_and_not_by_what_the_model_believes(make):
    project, held = audited_project(make, [0, 1, None])
    model(project, sure(2), n_labeled=9)  # sure of the one class that is not there
    cat, _, bird = gather(project).status.classes.values()
    cats = sum(number % 3 == 0 for number in held)
    exact = binomtest(cats, len(held)).proportion_ci(0.95, "exact")
    assert (cat.labels, cat.expected) == (cats, pytest.approx(N * cats / len(held)))
    # known labels bound the interval: at least the cats, at most all that is not known to be something else
    assert cat.low == pytest.approx(max(N * exact.low, cats))
    assert cat.high == pytest.approx(min(N * exact.high, N - (len(held) - cats)))
    assert (bird.labels, bird.expected, bird.low) == (0, 0, 0)
    assert bird.high <= N - len(held)


def test_few_random_items_tell_nothing_of_the_classes(make):
    project = make(held_back=0.5)
    model(project, sure(2), n_labeled=9)
    label(project, 0, 1)
    assert [(row.expected, row.low) for row in gather(project).status.classes.values()] == [(None, None)] * 3


def test_work_is_timed_by_answers_that_stand(make):
    project = make()
    label(project, 0, 1, 2)
    project.labels.record("05", CLASSES[0], annotator="ann", at=START + timedelta(seconds=40))
    project.labels.undo("ann")  # now, which is much later: no working time
    facts = gather(project)
    assert (facts.pace.seconds, facts.pace.answers, facts.pace.mean) == (40.0, 2, 20.0)
    assert facts.sources == {"page": 3}


def test_of_many_classes_the_confused_ones_are_drawn_side_by_side(tmp_path):
    names = tuple(f"class {k}" for k in range(30))
    lines = [json.dumps({"id": f"{k:03d}", "text": f"text {k}"}) for k in range(120)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    chosen = Settings(Data("../t.jsonl", "text"), names, audit=Audit(0.9))
    with Project.create(tmp_path / "p", chosen) as project:
        held = [item for item in project.items if item.held_back]
        project.rounds.add([], audit=len(held), strategy="spot", n_labeled=0)
        project.labels.record_all(Answer(one.id, "ann", label=names[one.number % 30]) for one in held)
        guess = np.arange(120) % 30
        guess[guess == 3] = 25  # class 3 is always taken for class 25, class 8 in part
        guess[38::60] = 25
        rows = np.full((120, 30), 0.005)
        rows[np.arange(120), guess] = 1 - 29 * 0.005
        np.save(project.folder / "p.npy", rows.astype(np.float32))
        project.models.add("network", n_labeled=90, predictions="p.npy", about={"classes": list(names)})
        facts = gather(project)
        html = page(facts, project.items.file)
        assert "The 20 of 30 classes that are confused most. Classes that are often confused are neighbors." in html
        section = html[html.index("Most often confused") :]
        first = re.findall("<tr>(.*?)</tr>", section)[1]
        cells = re.findall(">([^<>]+)<", first)
        assert cells[:2] == ["class 3", "class 25"]
        assert cells[3] == "100 %"
        shown = most_confused(confusions(facts.tested)[1])
        assert len(set(shown)) == 20
        assert abs(shown.index(3) - shown.index(25)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_never_scrolls_sideways(make, browser, tmp_path, scheme):
    project = make()
    people = ("ann", "somebody.with.a.long.address@department.of.images.example.org")
    for who in people:
        label(project, *[k % 3 for k in range(N)], annotator=who)
    model(project, sure(0, 1, 2))
    (tmp_path / "page.html").write_text(page(gather(project), project.items.file), encoding="utf-8")
    for width in (390, 1280):
        shown = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        shown.goto((tmp_path / "page.html").as_uri())
        shown.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert "department.of.images" in shown.inner_text("main")
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        assert shown.evaluate("[...document.querySelectorAll('table')].every(one => one.closest('.scroll'))")
        shown.close()
