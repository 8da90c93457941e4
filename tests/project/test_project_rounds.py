from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.raising import raises_input

from spotal.errors import BudgetError, ProjectError
from spotal.project import Found, LimitSettings, Metric, Pick
from spotal.project.chance import uniform
from spotal.project.places import MODELS


def pick(project, *items, **options):
    return project.rounds.add([Pick(item) for item in items], strategy="spot", n_labeled=0, **options)


def waiting(project, annotator=None):
    return [task.item.id for task in project.rounds.batch(annotator)]


def test_a_batch_is_asked_in_order_and_says_why(project):
    why = Pick("t5", 0.25, 412, 0.9, {"neighbors": ["t1", "t2"]})
    done = project.rounds.add([why, Pick("t2")], strategy="spot", n_labeled=0, about={"diagnostics": {"fill": 0.5}})
    assert (done.number, done.n_picks, done.n_audit) == (0, 2, 0)
    assert project.rounds.all() == [done]
    first, second = project.rounds.batch()
    assert (first.item.id, second.item.id, first.conflict) == ("t5", "t2", False)
    assert first.pick == Pick("t5", 0.25, 412, 0.9, {"neighbors": ["t1", "t2"]}, "query", 0, 0)
    pick(project, "t0")
    assert waiting(project) == ["t5", "t2", "t0"]
    assert [found.rank for found in project.rounds.picks()] == [0, 1, 0]
    assert [found.item for found in project.rounds.picks(1)] == ["t0"]


def test_answers_close_picks_and_withdrawing_opens_them(project):
    pick(project, "t0", "t1", "t2")
    project.labels.record("t0", "cat", annotator="ann")
    project.labels.record("t1", kind="skip", annotator="ann")
    project.labels.record("t2", kind="none_of_these", annotator="ann")
    assert waiting(project) == []
    project.labels.undo("ann")
    project.labels.withdraw("t0", annotator="ann")
    assert waiting(project) == ["t0", "t2"]


def test_conflicts_come_first_wherever_they_are(project):
    pick(project, "t4", "t2", "t3")
    for annotator, label in (("ann", "cat"), ("bob", "dog")):
        project.labels.record("t3", label, annotator=annotator)
        project.labels.record("t9", label, annotator=annotator, source="import")
    tasks = project.rounds.batch("ann")
    assert [(task.item.id, task.conflict) for task in tasks] == [
        ("t3", True), ("t9", True), ("t4", False), ("t2", False),
    ]  # fmt: skip
    assert [task.pick is None for task in tasks] == [False, True, False, False]
    project.labels.record("t3", "dog", annotator="ann")
    assert waiting(project, "ann") == ["t9", "t4", "t2"]


def test_overlap_asks_different_annotators(make):
    project = make(overlap=2)
    pick(project, "t0", "t1")
    project.labels.record("t0", "cat", annotator="ann")
    assert waiting(project) == ["t0", "t1"]
    assert waiting(project, "ann") == ["t1"]
    assert waiting(project, "bob") == ["t0", "t1"]
    project.labels.record("t0", "cat", annotator="bob")
    assert waiting(project) == waiting(project, "eve") == ["t1"]


def test_what_is_missing_is_not_asked(project):
    pick(project, "t0", "t1")
    rest = [Found(f"t{k}", "text", "same", text="x") for k in range(1, 10)]
    assert project.items.add(rest, complete=True).missing == ["t0"]
    assert waiting(project) == ["t1"]
    assert project.counts().open == 1


def test_picks_that_cannot_be(make):
    project = make(40, held_back=0.3)
    held = next(item.id for item in project.items if item.held_back)
    first, second, *_ = (item.id for item in project.items.candidates())
    pick(project, first)
    for items, message in (
        ([first], f"picks must be new, found '{first}' of round 0"),
        ([held], "held back for the audit"),
        ([second, second], "must not repeat"),
        (["nobody"], "found 'nobody'"),
        ([], "picks must be at least one"),
    ):
        with pytest.raises(ProjectError, match=message):
            pick(project, *items)
    with pytest.raises(ProjectError, match="model must be the number of a recorded one, found 3"):
        pick(project, second, model=3)
    assert len(project.rounds) == 1
    assert project.rounds.picks()[0].item == first


def test_the_budget_counts_answers_and_what_waits_for_one(make):
    project = make(budget=4)
    pick(project, "t0", "t1", "t2")
    assert project.counts().left == 1
    project.labels.record("t0", "cat", annotator="ann")
    project.labels.record("t1", kind="skip", annotator="ann")
    project.labels.record("t9", "cat", annotator="ann", source="import")  # was not asked for
    counts = project.counts()
    assert (counts.spent, counts.open, counts.left, counts.picked) == (1, 1, 2, 3)
    with raises_input("picks", "3", kind=BudgetError):
        pick(project, "t3", "t4", "t5")
    pick(project, "t3", "t4")
    assert project.counts().left == 0


def test_counts(project):
    pick(project, "t0", "t1", "t2", "t3", "t4")
    for item, word in (("t0", "cat"), ("t1", "cat"), ("t5", "dog")):
        project.labels.record(item, word, annotator="ann")
    project.labels.record("t1", "dog", annotator="bob")
    project.labels.record("t2", kind="skip", annotator="ann")
    project.labels.record("t3", kind="none_of_these", annotator="ann")
    found = project.counts()
    assert (found.items, found.labeled, found.trainable, found.conflicts) == (10, 2, 2, 1)
    assert (found.skipped, found.none_of_these, found.unlabeled) == (1, 1, 5)
    assert (found.rounds, found.picked, found.open, found.spent) == (1, 5, 1, 4)  # two people answered t1
    assert (found.budget, found.left) == (None, None)


def test_audit_picks_are_spread_and_never_trained_on(make):
    project = make(100, held_back=0.3)
    free = [item.id for item in project.items.candidates()]
    done = pick(project, *free[:8], audit=2)
    roles = [found.role for found in project.rounds.picks()]
    assert (done.n_picks, done.n_audit) == (10, 2)
    assert roles == ["query"] * 2 + ["audit"] + ["query"] * 4 + ["audit"] + ["query"] * 2
    for task in project.rounds.batch():
        project.labels.record(task.item.id, "cat", annotator="ann")
    audit = {found.item for found in project.rounds.audit()}
    assert len(audit) == 2
    assert all(project.items.get(name).held_back for name in audit)
    assert audit.isdisjoint(project.labels.current())
    assert len(project.labels.current()) == project.counts().trainable == 8


def test_labels_of_items_that_nobody_drew_are_neither_trained_on_nor_audited(make):
    project = make(100, held_back=0.3)
    held = next(item.id for item in project.items if item.held_back)
    project.labels.record(held, "cat", annotator="ann", source="import")
    assert project.labels.current() == {}
    assert project.rounds.audit() == []


def test_the_probability_of_being_drawn_follows_from_the_draws_since_the_item_was_added(make):
    project = make(100, held_back=0.5)
    old = sum(item.held_back for item in project.items)
    pick(project, audit=10)
    project.items.add([Found(f"new{k}", "text", f"content {k}", text="x") for k in range(100)])
    held = sum(item.held_back for item in project.items)
    pick(project, audit=40)
    for task in project.rounds.batch():
        project.labels.record(task.item.id, "cat", annotator="ann")
    found = project.rounds.audit()
    second = 40 / (held - 10)
    expected = {True: 0.5 * (1 - (1 - 10 / old) * (1 - second)), False: 0.5 * second}
    assert len(found) == 50
    assert {label.number < 100 for label in found} == {True, False}
    for label in found:
        assert label.probability == pytest.approx(expected[label.number < 100])
        assert label.weight == 1 / label.probability
    assert sum(label.weight for label in found) == pytest.approx(200, rel=0.25)


def test_the_audit_takes_what_there_is_and_repeats(make):
    first, second = (make(60, held_back=0.2, name=name) for name in "ab")
    n_held = sum(item.held_back for item in first.items)
    drawn = []
    for project in (first, second):
        pick(project, audit=2)
        assert pick(project, audit=99).n_audit == n_held - 2
        drawn.append([found.item for found in project.rounds.picks()])
    assert drawn[0] == drawn[1]
    assert project.rounds.all()[1].n_picks == n_held - 2


def test_draws_are_uniform_and_independent_between_purposes():
    names = [f"images/{k}.png" for k in range(4000)]
    hold, draw = (np.array([uniform(0, purpose, name) for name in names]) for purpose in ("hold", "audit 0"))
    assert stats.kstest(hold, "uniform").pvalue > 0.01
    assert stats.kstest(draw[hold < 0.1], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(hold, draw)[0, 1]) < 0.05


def test_models_and_their_figures(project):
    (project.folder / MODELS).mkdir()
    weights, embeddings = project.folder / MODELS / "0.pt", project.folder / MODELS / "0.npy"
    weights.write_bytes(b"w")
    with pytest.raises(ProjectError, match="embeddings must be an existing file, found"):
        project.models.add("probe", n_labeled=2, weights=weights, embeddings=embeddings)
    assert project.models.last() is None
    project.labels.record("t0", "cat", annotator="ann")
    seen = project.labels.last_event()
    model = project.models.add("probe", n_labeled=1, events=seen, weights=weights, metrics=[Metric("accuracy", 0.5)])
    assert (model.number, model.weights, model.events) == (0, f"{MODELS}/0.pt", 1)
    assert project.models.file(model.weights) == weights
    embeddings.write_bytes(b"e")
    assert project.models.attach(0, embeddings=f"{MODELS}/0.npy").embeddings == f"{MODELS}/0.npy"
    project.models.add("probe", n_labeled=2)
    project.models.measure(0, [Metric("accuracy", 0.75, 0.5, 0.9), Metric("loss", 1.5)])
    assert project.models.metrics(0) == {"accuracy": Metric("accuracy", 0.75, 0.5, 0.9), "loss": Metric("loss", 1.5)}
    assert pick(project, "t1", model=1).model == 1
    for wrong in (lambda: project.models.measure(7, []), lambda: project.models.attach(7)):
        with pytest.raises(ProjectError, match="found 7"):
            wrong()


def test_a_budget_of_answers_buys_fewer_items_where_two_people_answer_each(make):
    project = make(budget=7, overlap=2)
    pick(project, "t0", "t1")
    assert (project.counts().left, project.counts().waits) == (3, {0: 2})
    project.labels.record("t0", "cat", annotator="ann")
    project.labels.record("t1", kind="skip", annotator="ann")
    counts = project.counts()
    # one answer is given, a skip is none, and bob is waited for twice
    assert (counts.spent, counts.open, counts.waits, counts.left) == (1, 2, {1: 2}, 4)
    with raises_input("picks", "3", kind=BudgetError):
        pick(project, "t2", "t3", "t4")
    for item in ("t0", "t1"):
        project.labels.record(item, "cat", annotator="bob")
    counts = project.counts()
    assert (counts.spent, counts.open, counts.waits, counts.left) == (3, 0, {}, 4)
    pick(project, "t2", "t3")
    assert project.counts().left == 0


def test_prices_are_of_one_answer(make, tmp_path):
    (tmp_path / "cost.csv").write_text("id,cost\n" + "".join(f"t{k},1.5\n" for k in range(10)))
    project = make(budget=10, overlap=2, limits=LimitSettings("../cost.csv"))
    project.rounds.add([Pick("t0"), Pick("t1")], strategy="spot", n_labeled=0, costs={"t0": 1.5, "t1": 1.5})
    assert project.counts().left == 4
    project.labels.record("t0", "cat", annotator="ann")
    counts = project.counts()
    assert (counts.cost, counts.left) == (1.5, 4)
    with pytest.raises(BudgetError, match=r"picks must cost at most 4, .* found 6"):
        project.rounds.add([Pick("t2"), Pick("t3")], strategy="spot", n_labeled=0, costs={"t2": 1.5, "t3": 1.5})


@pytest.mark.parametrize(
    ("overlap", "said", "sentence"),
    [
        (1, "", "3 items wait for an answer"),
        (2, "t0:ann t1:ann", "1 item waits for an answer, 2 for a second person"),
        (2, "t0:ann t1:ann t2:ann", "3 items wait for a second person"),
        (3, "t0:ann t0:bob t1:ann t1:bob t1:eve t2:ann", "1 item waits for a second person, 1 for a third person"),
        (1, "t0:ann t1:ann t2:ann", ""),
    ],
)
def test_who_is_waited_for_is_said(make, overlap, said, sentence):
    project = make(overlap=overlap)
    pick(project, "t0", "t1", "t2")
    for word in said.split():
        item, annotator = word.split(":")
        project.labels.record(item, "cat", annotator=annotator)
    assert project.counts().waiting() == sentence


def test_a_tie_is_shown_to_nobody_before_all_have_answered(make):
    project = make(overlap=3)
    pick(project, "t0")
    project.labels.record("t0", "cat", annotator="ann")
    project.labels.record("t0", "dog", annotator="bob")
    assert [task.conflict for task in project.rounds.batch("eve")] == [False]
    assert project.rounds.batch("ann") == []
    project.labels.record("t0", "bird", annotator="eve")
    assert [task.conflict for task in project.rounds.batch("ann")] == [True]
