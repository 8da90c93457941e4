from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

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
