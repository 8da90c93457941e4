"""Agreement is of what people said before they knew what others had said."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest


def say(project, *words, source="page"):
    """Words such as "ann:t0:cat": an annotator, an item and a class, or skip, none_of_these, withdraw or undo."""
    for word in words:
        annotator, item, what = word.split(":")
        if what == "undo":
            project.labels.undo(annotator, source=source)
        elif what in project.settings.classes:
            project.labels.record(item, what, annotator=annotator, source=source)
        else:
            project.labels.record(item, annotator=annotator, kind=what, source=source)


def equal(project, first="ann", second="bob"):
    """Items on which two people agree, of those that both answered."""
    pair = next((p for p in project.labels.agreement() if (p.first, p.second) == (first, second)), None)
    return None if pair is None else (round(pair.share * pair.items), pair.items)


def test_settling_conflicts_changes_nothing(make):
    project = make(60, overlap=2)
    for k in range(60):
        say(project, f"ann:t{k}:{'cat' if k % 2 else 'dog'}")
    for k in range(60):
        say(project, f"bob:t{k}:{'bird' if k >= 57 else 'cat' if k % 2 else 'dog'}")
    before = project.labels.agreement()
    say(project, "bob:t59:cat", "ann:t58:bird", "bob:t57:cat")
    assert project.labels.conflicts() == []
    (pair,) = project.labels.agreement()
    assert [pair] == before
    assert (pair.items, pair.share) == (60, 57 / 60)
    exact = binomtest(57, 60).proportion_ci(0.95, "exact")
    assert (pair.low, pair.high) == pytest.approx((exact.low, exact.high))
    # ann says cat 30 times and dog 30 times, bob cat 28, dog 29 and bird 3
    chance = (30 * 28 + 30 * 29) / 60**2
    for found, share in ((pair.kappa, 0.95), (pair.kappa_low, exact.low), (pair.kappa_high, exact.high)):
        assert found == pytest.approx((share - chance) / (1 - chance))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ann:t0:cat", "bob:t0:cat"], (1, 1)),
        (["ann:t0:cat", "bob:t0:dog", "bob:t0:cat"], (0, 1)),  # settled by who made the conflict
        (["ann:t0:cat", "bob:t0:dog", "ann:t0:dog"], (0, 1)),
        (["ann:t0:cat", "bob:t0:dog", "bob:t0:undo", "bob:t0:cat"], (1, 1)),  # a slip
        (["ann:t0:cat", "bob:t0:dog", "bob:t0:withdraw", "bob:t0:cat"], (1, 1)),
        (["ann:t0:cat", "bob:t0:dog", "bob:t1:dog", "bob:t0:withdraw", "bob:t0:cat"], (0, 1)),  # an afterthought
        (["ann:t0:cat", "bob:t0:dog", "bob:t1:dog", "bob:t1:undo", "bob:t0:undo", "bob:t0:cat"], (1, 1)),
        (["ann:t0:dog", "ann:t0:cat", "bob:t0:cat"], (1, 1)),  # a slip that was answered over
        (["ann:t0:dog", "ann:t1:dog", "ann:t0:cat", "bob:t0:cat"], (0, 1)),
        (["ann:t0:skip", "ann:t1:dog", "ann:t0:cat", "bob:t0:cat"], (1, 1)),
        (["ann:t0:cat", "bob:t0:skip"], None),
        (["ann:t0:cat", "bob:t0:cat", "bob:t0:undo"], None),
        (["ann:t0:none_of_these", "bob:t0:none_of_these"], (1, 1)),
        (["eve:t0:cat", "bob:t0:dog", "ann:t0:dog"], None),  # ann was shown the conflict
    ],
    ids=str,
)
def test_the_first_independent_answer_counts(project, words, found):
    say(project, *words)
    assert equal(project) == found


def test_a_third_answer_is_independent_where_no_conflict_was_shown(make):
    imported = make(name="imported")
    say(imported, "eve:t0:cat", "bob:t0:dog", "ann:t0:dog", source="import")
    assert equal(imported) == (1, 1)
    three = make(name="three", overlap=3)
    say(three, "eve:t0:cat", "bob:t0:dog", "ann:t0:dog")
    assert equal(three) == (1, 1)
