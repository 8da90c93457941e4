"""The running counts of a board agree with those of the project, whatever is answered, undone and cleared."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from spotal.project import Audit, Board, Data, LimitSettings, Pick, Project, Settings
from spotal.web.recorder import Recorder

CLASSES = ("red", "green", "blue")
PEOPLE = ("ann", "bob", "cid")
N, PICKED, SPOKEN, STEPS = 30, 12, 20, 60


@pytest.fixture
def make(tmp_path):
    """A project over 30 texts, the first 12 of them picked, some for the audit."""
    made = []

    def make(overlap, priced):
        lines = [json.dumps({"id": f"t{k}", "text": f"text {k}"}) for k in range(N)]
        (tmp_path / "texts.jsonl").write_text("\n".join(lines))
        (tmp_path / "cost.csv").write_text("id,cost\n" + "".join(f"t{k},{1 + k % 4 / 4}\n" for k in range(N)))
        limits = LimitSettings("../cost.csv") if priced else LimitSettings()
        data = Data("../texts.jsonl", "text")
        settings = Settings(data, CLASSES, budget=200, overlap=overlap, audit=Audit(0.3), limits=limits)
        project = Project.create(tmp_path / "p", settings)
        made.append(project)
        add_round(project, priced, PICKED)
        return project

    yield make
    for project in made:
        project.close()


def add_round(project, priced, n):
    items = project.items.candidates()[:n]
    costs = {f"t{k}": 1 + k % 4 / 4 for k in range(N)} if priced else None
    project.rounds.add([Pick(item.id) for item in items], audit=2, strategy="spot", n_labeled=0, costs=costs)


def random_answer(rng, step, k, sent):
    """An answer as the page sends it; an undo takes back one that was sent."""
    who, name = PEOPLE[rng.integers(len(PEOPLE))], f"{step}-{k}"
    kind = rng.choice(["label", "skip", "none_of_these", "withdraw", "undo"], p=[0.5, 0.1, 0.1, 0.1, 0.2])
    mine = [one for one in sent if one["annotator"] == who]
    if kind == "undo" and mine:
        of = mine[rng.integers(len(mine))]
        return {"id": name, "kind": "undo", "annotator": who, "of": of["id"], "item": of["item"]}
    item = int(rng.choice([*range(SPOKEN), N, N + 1]))  # two numbers are no item's
    label = {"label": CLASSES[rng.integers(3)]} if kind in ("label", "undo") else {}
    return {"id": name, "kind": "label" if label else str(kind), "annotator": who, "item": item, **label}


def check(project, board, seen):
    """Compare a board that was brought up to date with the project, and with a board that reads all anew."""
    fresh = Board(project)
    for who in (None, *PEOPLE):
        now, whole = board.look(who), fresh.look(who)
        assert now.counts == whole.counts == project.counts()
        assert now.awaited == whole.awaited
        assert now.tasks == whole.tasks
        change = board.look(who, seen.get(who), now.end)
        if change is not None:
            assert change.counts == now.counts
        seen[who] = now.version
    kept = [place for place in board.places() if place.state or place.order >= 0]  # else all of it was taken back
    assert sorted(kept) == sorted(fresh.places())


@pytest.mark.parametrize("priced", [False, True])
@pytest.mark.parametrize("overlap", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_counts_after_random_answers(make, overlap, priced, seed):
    rng, project = np.random.default_rng(seed), make(overlap, priced)
    board, recorder, sent, seen = Board(project), Recorder(project), [], {}

    async def send(batches):
        return await asyncio.gather(*map(recorder.record, batches))

    for step in range(STEPS):
        batches = [[random_answer(rng, (step, b), k, sent) for k in range(rng.integers(1, 4))] for b in range(3)]
        for batch, told in zip(batches, asyncio.run(send(batches)), strict=True):
            assert [one["id"] for one in told] == [one["id"] for one in batch]
            for answer, said in zip(batch, told, strict=True):
                assert ("error" in said) == (answer["item"] >= N)
                if answer["kind"] != "undo" and "error" not in said:
                    sent.append(answer)
        again = asyncio.run(send([batches[0]]))[0]  # sent once more, since the page did not hear: nothing changes
        assert [said.get("item") for said in again] == [one["item"] if one["item"] < N else None for one in batches[0]]
        if step % 10 == 4:
            project.labels.record(f"t{rng.integers(SPOKEN)}", "red", annotator="dee", source="cli")  # beside the page
        if step == 30:
            add_round(project, priced, 5)
        if step % 5 == 0 or step == STEPS - 1:
            check(project, board, seen)
    assert project.counts().labeled > 5


@pytest.mark.parametrize("overlap", [1, 2])
def test_counts_return_when_everything_is_taken_back(make, overlap):
    project = make(overlap, priced=False)
    board, before, history = Board(project), project.counts(), []
    recorder = Recorder(project)
    for k in range(20):
        who = PEOPLE[k % 3]
        asyncio.run(recorder.record([{"id": f"{k}", "kind": "label", "annotator": who, "item": k % 7, "label": "red"}]))
        history.append((who, f"{k}", k % 7))
    assert board.look(None).counts.labeled == 7
    for who, name, item in reversed(history):
        undo = {"id": f"undo {name}", "kind": "undo", "annotator": who, "of": name, "item": item}
        asyncio.run(recorder.record([undo]))
        assert board.look(None).counts == project.counts()
    assert board.look(None).counts == before
    check(project, board, {})
