from __future__ import annotations

import re
import tomllib

import pytest

from spotal.errors import ProjectError
from spotal.project import Audit, Data, LimitSettings, Settings, Stop
from spotal.project.settings import add_classes, from_table, read

TABLE = {"classes": ["cat", "dog"], "data": {"path": "photos"}}
WRONG = [
    ({"clases": ["a"]}, "unknown key 'clases'; did you mean 'classes'"),
    ({"classes": ["cat"]}, "classes must be two or more"),
    ({"classes": ["cat", "cat"]}, "classes must be two or more, none twice"),
    ({"classes": ["cat", "d\nog"]}, "classes must be visible names of one line, found 'd\\nog'"),
    ({"classes": ["cat", " "]}, "classes must be visible names"),
    ({"classes": "cat"}, "classes must be a list"),
    ({"budget": 0}, "budget must be at least 1, found 0"),
    ({"batch_size": 2.5}, "batch_size must be an integer, found 2.5; an amount of money needs limits.cost"),
    ({"budget": 0, "limits": {"cost": "prices.csv"}}, "budget must be positive, the money to spend, found 0"),
    ({"budget": "5"}, "budget must be a number"),
    ({"limits": {"groups": "videos.csv"}}, "max_per_group is needed with groups and only there"),
    ({"limits": {"cost": ""}}, "cost and groups must name a file"),
    ({"overlap": 0}, "overlap must be at least 1"),
    ({"model": ""}, "model must be named"),
    ({"model": "a\0b"}, "model must be a path without NUL characters, found 'a\\x00b'; correct it"),
    ({"data": {"path": "a\0b"}}, "path must be a path without NUL characters"),
    ({"limits": {"cost": "a\0b.csv"}}, "cost must be a path without NUL characters"),
    ({"limits": {"groups": "a\0b.csv", "max_per_group": 1}}, "groups must be a path without NUL characters"),
    ({"random_state": -1}, "random_state must be at least 0"),
    ({"data": {}}, "table 'data' lacks the key 'path'"),
    ({"data": {"path": ""}}, "path must name a folder or file"),
    ({"data": {"path": "x", "kind": "video"}}, "kind must be one of image, text, embedding, found 'video'"),
    ({"data": {"path": "x", "colum": "y"}}, "table 'data' has an unknown key 'colum'"),
    ({"audit": {"held_back": 1.0}}, "held_back must be 0 to 0.9, found 1.0"),
    ({"stop": {"rule": "accuracy"}}, "target is needed by every rule but 'none'"),
    ({"stop": {"target": 0.9}}, "target is needed by every rule but 'none'"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_said_in_one_sentence(change, message):
    with pytest.raises(ProjectError, match=re.escape(message)) as caught:
        from_table({**TABLE, **change})
    assert str(caught.value).startswith("spotal.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(Data("photos"), ("cat", "dog")),
        Settings(
            Data('C:\\a "b"', "text", "name", "körper"),
            ("chat 🐈", 'a "quoted" one', "back\\slash"),
            budget=500.5,
            batch_size=7,
            overlap=2,
            model="m:f",
            strategy="badge",
            random_state=3,
            audit=Audit(0.25, 0.5),
            limits=LimitSettings("../minutes.csv", "videos.parquet", 3),
            stop=Stop("accuracy", 0.95),
        ),
    ],
)
def test_the_file_reads_back_as_the_same_settings(settings, tmp_path):
    path = tmp_path / "spotal.toml"
    path.write_text(settings.to_toml(), encoding="utf-8")
    assert read(path) == settings


def test_every_key_is_explained_in_the_file():
    lines = Settings(Data("photos"), ("cat", "dog")).to_toml().splitlines()
    assert all("# " in line for line in lines if "=" in line)
    assert tomllib.loads("\n".join(lines))["data"]["path"] == "photos"


def test_a_file_that_is_no_toml(tmp_path):
    (tmp_path / "spotal.toml").write_text("classes = [")
    with pytest.raises(ProjectError, match="is not valid TOML"):
        read(tmp_path / "spotal.toml")


@pytest.mark.parametrize(
    "value", ["[" * 5_000 + "]" * 5_000, "{a=" * 5_000 + "1" + "}" * 5_000, "9" * 5_000, "[" * 5_000]
)
def test_what_is_nested_too_deep_or_too_long_is_one_sentence(tmp_path, value):
    (tmp_path / "spotal.toml").write_text(f"classes = {value}\n")
    with pytest.raises(ProjectError, match=r"spotal\.toml is not valid TOML") as error:
        read(tmp_path / "spotal.toml")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert value not in str(error.value)


def test_a_byte_order_mark_is_no_fault_and_stays(tmp_path):
    path = tmp_path / "spotal.toml"
    path.write_bytes(b"\xef\xbb\xbfclasses = ['a', 'b']  # mine\n[data]\npath = 'photos'\n")
    assert read(path).classes == ("a", "b")
    assert add_classes(path, ["c"]).classes == ("a", "b", "c")
    assert read(path).classes == ("a", "b", "c")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfclasses")
    assert b"# mine" in path.read_bytes()
