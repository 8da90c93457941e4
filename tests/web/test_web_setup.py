"""The page that makes a project of a folder of images."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient
from tests.web.conftest import ADDRESS, TOKEN, ended, paint_images

from spotal.images import find_images
from spotal.project import Project
from spotal.web.setup import Setup
from spotal.web.tasks import TASKS

pytestmark = pytest.mark.usefixtures("quick_jobs")


@contextmanager
def setup(data, folder, **options):
    app = Setup(find_images(data), folder, token=TOKEN, annotator="ann", **options)
    page = TestClient(app, base_url=ADDRESS, headers={"X-Spotal": "1"}, follow_redirects=False)
    assert page.get(f"/?token={TOKEN}").status_code == 303
    try:
        yield page
    finally:
        app.close()


def make(page, *classes):
    """Give the classes, and wait until the project is made or was not."""
    found = page.post("/api/setup", json={"classes": list(classes)})
    assert found.status_code == 200, found.text
    end = time.monotonic() + 120
    while found.json()["making"]:
        assert time.monotonic() < end
        time.sleep(0.05)
        found = page.get("/api/setup")
    return found.json()


def test_a_folder_becomes_a_project_with_its_first_batch(tmp_path):
    paint_images(tmp_path / "photos", 24)
    with setup(tmp_path / "photos", tmp_path / "photos-labels") as page:
        assert "Which classes are there?" in page.get("/").text
        before = page.get("/api/setup").json()
        assert (before["images"], before["names"], before["made"]) == (24, [], None)
        assert not (tmp_path / "photos-labels").exists()
        made = make(page, " red", "blue ", "")
        assert (made["error"], made["made"]) == (None, f"./?token={TOKEN}")
        assert page.get(f"/?token={TOKEN}").status_code == 303  # of the project's page now
        state = page.get("/api/state").json()
        assert state["classes"] == ["red", "blue"]
        assert ended(page, state["job"]["id"])["outcome"] == "done"
        assert page.get("/api/state").json()["tasks"]
    with Project.open(tmp_path / "photos-labels") as project:
        assert project.settings.data.path == "../photos"
        assert len(project.rounds) == 1


def test_what_cannot_be_is_said_and_asked_again(tmp_path):
    paint_images(tmp_path / "photos", 6)
    with setup(tmp_path / "photos", tmp_path / "p", tasks={"next": TASKS["next"]}) as page:
        assert "classes must be two or more" in make(page, "red")["error"]
        assert "none twice" in make(page, "red", "red")["error"]
        assert page.post("/api/setup", json={"classes": "red"}).status_code == 400
        assert page.post("/api/setup", json={"classes": [1]}).status_code == 400
        assert not (tmp_path / "p").exists()
        (tmp_path / "p").write_text("a file is in the way")
        assert "/p" in make(page, "red", "blue")["error"]
        assert (tmp_path / "p").read_text() == "a file is in the way"


def test_sub_folders_are_offered_as_names(tmp_path):
    for name in ("b", "a"):
        paint_images(tmp_path / "photos" / name, 3)
    with setup(tmp_path / "photos", tmp_path / "p") as page:
        assert page.get("/api/setup").json()["names"] == ["a", "b"]


@pytest.mark.parametrize("path", ["/api/setup", "/api/state", "/"])
def test_nothing_without_the_token(tmp_path, path):
    paint_images(tmp_path / "photos", 3)
    app = Setup(find_images(tmp_path / "photos"), tmp_path / "p", token=TOKEN)
    page = TestClient(app, base_url=ADDRESS)
    assert page.get(path).status_code == 401
    assert page.post("/api/setup", json={"classes": ["a", "b"]}, headers={"X-Spotal": "1"}).status_code == 401
    app.close()
    assert not (tmp_path / "p").exists()
