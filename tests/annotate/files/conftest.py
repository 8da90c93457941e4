from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Answer, Audit, Data, Project, Settings

CLASSES = ("cat", "dog, big", 'bird "blue"')
IDS = ["a.png", "b, c.png", "sub/über.png", "sub/naïve one.png", "猫.png", "f.png"]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def make(tmp_path):
    """An open project over the same six images, texts or embeddings, each time in a folder of its own."""
    made = []

    def make(kind="image", name="project", classes=CLASSES, **settings):
        if kind == "image":
            for k, file in enumerate(IDS):
                path = tmp_path / "photos" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((4 + k, 5, 3), 40 * k, np.uint8)).save(path)
        elif kind == "embedding":
            columns = {"id": IDS, "x": range(len(IDS)), "y": range(len(IDS))}
            pq.write_table(pa.table(columns), tmp_path / "points.parquet")
        else:
            lines = [json.dumps({"id": name, "text": f"text of\n{name}"}) for name in IDS]
            (tmp_path / "texts.jsonl").write_text("\n".join(lines))
        places = {"image": "../photos", "text": "../texts.jsonl", "embedding": "../points.parquet"}
        data = Data(places[kind], kind)
        held_back = settings.pop("held_back", 0.0)
        made.append(Project.create(tmp_path / name, Settings(data, classes, audit=Audit(held_back), **settings)))
        return made[-1]

    yield make
    for project in made:
        project.close()


def speak(project):
    """Two annotators who agree, differ, skip, find none of these, change their mind and withdraw."""
    said = [
        ("a.png", "ann", "label", "cat"),
        ("b, c.png", "ann", "label", "dog, big"),
        ("b, c.png", "bob@x.org", "label", "dog, big"),
        ("sub/über.png", "ann", "label", "cat"),
        ("sub/über.png", "bob@x.org", "label", 'bird "blue"'),
        ("sub/naïve one.png", "ann", "skip", None),
        ("猫.png", "ann", "none_of_these", None),
        ("a.png", "ann", "label", 'bird "blue"'),
        ("f.png", "ann", "label", "cat"),
        ("f.png", "ann", "withdraw", None),
    ]
    project.labels.record_all(
        Answer(item, who, kind, label, "page", at=START + timedelta(seconds=k, microseconds=k))
        for k, (item, who, kind, label) in enumerate(said)
    )


def words(project):
    """The last word of each annotator on each item, and when; withdrawn ones left out."""
    last = {(event.item, event.annotator): event for event in project.labels.history()}
    return {key: (e.kind, e.label, e.at) for key, e in last.items() if e.kind != "withdraw"}


DOG = CLASSES[1]


def choice(label):
    """What Label Studio says of one choice."""
    return {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [label]}}


def spotal(*words):
    """Run a command line."""
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})


def lines_in(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def document(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def numbered(tmp_path):
    """Texts whose ids are the numbers 1 to 4, as those of tasks are."""
    texts = ["one", "two", "three", "fóur"]
    lines_in(tmp_path / "t.jsonl", *(json.dumps({"id": str(k), "text": text}) for k, text in enumerate(texts, 1)))
    with Project.create(tmp_path / "numbered", Settings(Data("../t.jsonl", "text"), ("cat", "dog"))) as project:
        yield project
