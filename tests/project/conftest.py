from __future__ import annotations

import json

import pytest

from spotal.project import Audit, Data, Pick, Project, Settings


@pytest.fixture
def make(tmp_path):
    """A project over ``n`` texts, and its folder's name."""
    made = []

    def make(n=10, *, held_back=0.0, name="project", **settings):
        lines = [json.dumps({"id": f"t{k}", "text": f"text {k}"}) for k in range(n)]
        (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
        chosen = Settings(
            Data("../texts.jsonl", "text"), ("cat", "dog", "bird"), audit=Audit(held_back=held_back), **settings
        )
        made.append(Project.create(tmp_path / name, chosen))
        return made[-1]

    yield make
    for project in made:
        project.close()


@pytest.fixture
def project(make):
    """Ten texts, t0 to t9."""
    return make()


def pick(project, *items):
    return project.rounds.add([Pick(item) for item in items], strategy="spot", n_labeled=0)
