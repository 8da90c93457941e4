"""How many answers measure the accuracy, and what init says of them."""

from __future__ import annotations

import pytest

from spotal.project import Audit, Data, LimitSettings, Project, Settings
from spotal.project.advice.audit_size import audit_answers, suited, widest_margin


def settings(**more):
    return Settings(Data("photos"), ("a", "b"), **more)


@pytest.mark.parametrize(
    ("budget", "items", "answers", "margin"),
    [(120, 3_000, 30, 19), (500, 3_000, 105, 10), (1_000, 3_000, 110, 10), (10_000, 50_000, 500, 4)],
)
def test_the_audit_is_as_large_as_its_interval_needs(budget, items, answers, margin):
    found = suited(settings(budget=budget), items)
    assert audit_answers(found) == answers
    assert round(100 * widest_margin(answers)) == margin
    assert found.audit.held_back * items > answers  # and does not run out


def test_no_budget_money_and_overlap():
    assert suited(settings(), 1_000) == settings()
    money = settings(budget=9.5, limits=LimitSettings("prices.csv"))
    assert suited(money, 1_000) == money
    twice = suited(settings(budget=240, overlap=2), 3_000)
    assert (twice.audit.share, audit_answers(twice)) == (0.25, 30)
    small = suited(settings(budget=400), 40)  # the whole pool can be answered
    assert small.audit == Audit(0.49, 0.25)


def test_a_project_is_made_with_what_suits_its_number_of_items(tmp_path):
    lines = ["text", *(f"text {k}" for k in range(300))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    plain = Settings(Data("../t.csv", "text"), ("a", "b"), budget=120)
    with Project.create(tmp_path / "p", plain, suited) as project:
        assert project.settings.audit == Audit(0.16, 0.25)
        assert project.counts().held_back >= 30
    with Project.open(tmp_path / "p") as project:
        assert project.settings.audit == Audit(0.16, 0.25)
