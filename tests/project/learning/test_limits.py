"""Prices and quotas over the rounds of a project."""

from __future__ import annotations

import numpy as np
import pytest
from tests.raising import raises_input

from spotal.errors import BudgetError, DataFileError, FinishedError, ProjectError
from spotal.project import LimitSettings, next_batch

IDS = [f"v{k:03}" for k in range(60)]
PRICES = dict(zip(IDS, np.random.default_rng(1).choice([0.5, 1.0, 3.0], 60).tolist(), strict=True))
GROUPS = {name: k % 8 for k, name in enumerate(IDS)}


@pytest.fixture
def files(tmp_path):
    """Writes values by id as ``<name>.csv`` beside the project, and gives its path from there."""

    def files(name, values):
        lines = [f"id,{name}", *(f"{item},{value}" for item, value in values.items())]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
        return f"../{name}.csv"

    return files


def paid(project, number=None):
    picks = project.rounds.picks(number)
    assert all(pick.about["cost"] == PRICES[pick.item] for pick in picks)
    return sum(PRICES[pick.item] for pick in picks)


def per_group(project):
    counts = np.zeros(8, int)
    for pick in project.rounds.picks():
        if pick.role == "query":
            counts[GROUPS[pick.item]] += 1
    return counts


def test_a_budget_in_money_is_spent_and_not_passed(start, answer, files):
    limits = LimitSettings(files("cost", PRICES))
    project = start(limits=limits, budget=20.5, batch_size=8.25, held_back=0.2, share=0.25)
    while 20.5 - paid(project) >= min(PRICES[item.id] for item in project.items.candidates()):
        done = next_batch(project)
        assert paid(project, done.number) <= 8.25
        answer(project)
        counts = project.counts()
        assert counts.cost == pytest.approx(paid(project))
        assert counts.left == pytest.approx(20.5 - counts.cost)
    assert len(project.rounds) >= 3
    with pytest.raises(FinishedError, match=r"the budget of 20\.5 is spent"):
        next_batch(project)
    assert paid(project) <= 20.5
    audits = [pick.item for pick in project.rounds.picks() if pick.role == "audit"]
    assert 0 < sum(PRICES[name] for name in audits) <= 0.5 * 20.5


def test_what_is_skipped_costs_nothing_and_what_waits_does(start, files):
    project = start(limits=LimitSettings(files("cost", PRICES)), budget=30, batch_size=6)
    next_batch(project)
    first = project.rounds.batch()[0].item.id
    assert project.counts().cost == 0
    assert project.counts().left == pytest.approx(30 - paid(project))
    project.labels.record(first, kind="skip", annotator="ann")
    assert project.counts().left == pytest.approx(30 - paid(project) + PRICES[first])


@pytest.mark.parametrize("strategy", ["spot", "coreset", "random"])
def test_quotas_hold_over_rounds_whatever_people_answer(start, files, strategy):
    project = start(limits=LimitSettings(None, files("group", GROUPS), 3), batch_size=10, strategy=strategy)
    next_batch(project)
    for k, task in enumerate(project.rounds.batch()):
        if k % 3 == 0:
            project.labels.record(task.item.id, "red", annotator="ann")
        elif k % 3 == 1:
            project.labels.record(task.item.id, kind="none_of_these", annotator="ann")
    next_batch(project, anyway=True)  # a third of the first batch still waits
    assert per_group(project).max() <= 3
    last = next_batch(project, anyway=True)
    assert last.n_picks == 4
    assert per_group(project).tolist() == [3] * 8
    with pytest.raises(FinishedError, match="in a group at its limit"):
        next_batch(project, anyway=True)


def test_both_at_once_repeat(start, answer, files, tmp_path):
    limits = LimitSettings(files("cost", PRICES), files("group", GROUPS), 2)
    chosen = []
    for name in ("one", "two"):
        project = start(limits=limits, batch_size=7, held_back=0.2, share=0.2)
        for _ in range(2):
            next_batch(project)
            answer(project)
        assert per_group(project).max() <= 2
        chosen.append([pick.item for pick in project.rounds.picks()])
        project.close()
        project.folder.rename(tmp_path / name)
    assert chosen[0] == chosen[1]


def test_what_cannot_be_is_said(start, files, tmp_path):
    with pytest.raises(ProjectError, match=r"limits on cost and groups, but strategy 'direct' cannot keep to them"):
        start(limits=LimitSettings(files("cost", PRICES)), strategy="direct")
    with raises_input("cost", "cost.csv"):
        start(limits=LimitSettings(files("cost", dict.fromkeys(IDS[:-1], 1))))
    others = PRICES | {"v60": 1, "w": 1}
    with raises_input("cost", "first 'v60'"):
        start(limits=LimitSettings(files("cost", others)))
    with raises_input("group", "first 'w'"):
        start(limits=LimitSettings(None, files("group", GROUPS | {"w": 1}), 2))
    with raises_input("cost", "0.0 for 'v000'"):
        start(limits=LimitSettings(files("cost", PRICES | {"v000": 0})))
    with raises_input("group"):
        start(limits=LimitSettings(None, "../vectors.csv", 2))
    with pytest.raises(DataFileError, match=r"must be a table, \.csv, .*, with the columns id and cost"):
        start(limits=LimitSettings("../prices.txt"))
    assert not (tmp_path / "project").exists()
    with raises_input("max_per_group"):
        LimitSettings(None, "groups.csv")
    project = start(limits=LimitSettings(files("cost", dict.fromkeys(IDS, 5))), batch_size=3)
    with pytest.raises(BudgetError, match="batch_size must be at least 5, the price of the cheapest row"):
        next_batch(project)
    with raises_input("n", "0", kind=BudgetError):
        next_batch(project, 0)
