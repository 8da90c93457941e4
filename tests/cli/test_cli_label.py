from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from PIL import Image
from tests.forks import COMMAND, python
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.project import Data, Pick, Project, Settings
from spotal.web.serve import TOKEN


@pytest.fixture
def folder(empty):
    """A project over two texts, of which one is picked."""
    (empty / "texts.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": "b", "text": "y"}\n')
    with Project.create(empty / "p", Settings(Data("../texts.jsonl", "text"), ("yes", "no"))) as project:
        free = project.items.candidates()
        project.rounds.add([Pick(free[0].id)], strategy="spot", n_labeled=0)
    return empty / "p"


def fails(*arguments):
    result = CliRunner().invoke(app, ["label", *map(str, arguments), "--no-browser"])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def test_a_folder_that_is_no_project(empty):
    assert "is no spotal project" in fails(empty)


def test_the_folder_of_the_images_names_the_project_beside_it(empty):
    (empty / "photos").mkdir()
    Image.new("RGB", (20, 20)).save(empty / "photos" / "a.png")
    command = ["status", str(empty / "photos")]
    assert "make one by spotal init" in " ".join(CliRunner().invoke(app, command).output.split())
    with Project.create(empty / "photos-labels", Settings(Data("../photos"), ("yes", "no"))):
        pass
    result = CliRunner().invoke(app, command, env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert f"give {empty / 'photos-labels'}, its project" in " ".join(result.output.split())


def test_status_before_a_model_says_nothing_about_changes_since_then(folder):
    with Project.open(folder) as project:
        (task,) = project.rounds.batch()
        project.labels.record(task.item.id, "yes", annotator="ann")
    said = CliRunner().invoke(app, ["status", str(folder)]).output
    assert "1 answer\n" in said
    assert "have changed since" not in said


def test_ports_and_hosts_that_cannot_be_used(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert f"127.0.0.1, port {number} cannot be used (address already in use)" in fails(folder, "--port", number)
    assert "--host must be an address or name" in fails(folder, "--host", "no.such.host.invalid")
    assert "cannot be used" in fails(folder, "--host", "192.0.2.1", "--port", 0)


def test_a_name_that_nobody_has(folder):
    assert "annotator must be a name of at most 100 characters, found 101" in fails(folder, "--annotator", "a" * 101)
    assert "annotator must be a visible name" in fails(folder, "--annotator", "a\ud800")
    (folder / "labels.csv").write_text("id,label\na,yes\n")
    command = ["import", str(folder / "labels.csv"), str(folder), "--annotator", "a" * 101]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "at most 100 characters" in " ".join(result.output.split())


def start(folder, *options):
    words = ["label", folder, "--no-browser", "--port", "0", *options]
    process = python(COMMAND, *words, stdout=subprocess.PIPE, text=True)
    lines = []
    while not lines or not lines[-1].startswith("Label at"):
        lines.append(process.stdout.readline())
        assert lines[-1], "the command ended"
    return process, "".join(lines)


def test_the_first_batch_is_chosen_when_the_page_starts(empty):
    (empty / "texts.jsonl").write_text("".join(f'{{"id": "t{k}", "text": "text {k}"}}\n' for k in range(9)))
    Project.create(empty / "p", Settings(Data("../texts.jsonl", "text"), ("yes", "no"), batch_size=3)).close()
    process, said = start(empty / "p", "--annotator", "ann")
    try:
        assert "The first batch of" in said
        with Project.open(empty / "p") as project:
            end = time.monotonic() + 240
            while not len(project.rounds):
                assert time.monotonic() < end
                time.sleep(0.1)
            assert len(project.rounds.batch("ann")) == 3
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_a_plain_folder_of_images_is_offered_a_project_and_found_again(empty):
    photos = empty / "photos"
    photos.mkdir()
    for k in range(8):
        Image.new("RGB", (20, 20), (20 * k, 90, 200 - 20 * k)).save(photos / f"{k}.png")
    process, said = start(photos, "--annotator", "ann")
    try:
        assert "8 images in" in said
        assert "photos-labels" in said
        address = re.search(r"Label at (\S+)", said)[1]
        token = address.partition("token=")[2]
        assert ask(address, "/api/setup")[0].status == 401
        welcome, _ = ask(address, f"/?token={token}")
        cookie = welcome.getheader("Set-Cookie").split(";")[0]
        assert '"images":8' in ask(address, "/api/setup", cookie)[1]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Stopped; no project was made" in rest
        assert not (empty / "photos-labels").exists()
    finally:
        process.kill()
        process.communicate()
    with Project.create(empty / "photos-labels", Settings(Data("../photos"), ("yes", "no"))) as project:
        project.rounds.add([Pick("3.png")], strategy="spot", n_labeled=0)
    process, said = start(photos, "--annotator", "ann")
    try:
        assert "1 to answer in" in said
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert rest.endswith("Stopped; 0 labeled\nNext: spotal status photos-labels\n")


def test_the_current_folder_is_offered_by_its_full_name(empty, monkeypatch):
    photos = empty / "photos"
    (photos / "june").mkdir(parents=True)
    Image.new("RGB", (20, 20)).save(photos / "june" / "a.png")
    monkeypatch.chdir(photos)
    process, said = start(".", "--annotator", "ann")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert f"1 image in {photos}: the page asks for the classes, then makes {empty / 'photos-labels'}" in said


def ask(address, path="/api/state", cookie=None):
    host, port = re.match(r"http://([\d.]+):(\d+)/", address).groups()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    connection.request("GET", path, headers={"Host": f"{host}:{port}"} | ({"Cookie": cookie} if cookie else {}))
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_it_serves_until_it_is_interrupted_and_everybody_needs_the_token(folder, host):
    process, said = start(folder, "--host", host)
    try:
        assert "1 to answer in" in said
        address = re.search(r"Label at (\S+)", said)[1]
        token = (folder / TOKEN).read_text()
        assert address.endswith(f"/?token={token}")
        assert os.stat(folder / TOKEN).st_mode & 0o777 == 0o600
        assert ask(address)[0].status == 401
        welcome, _ = ask(address, f"/?token={token}")
        cookie = welcome.getheader("Set-Cookie").split(";")[0]
        assert '"tasks":[{' in ask(address, cookie=cookie)[1]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Stopped; 0 labeled" in rest
    finally:
        process.kill()
        process.communicate()
    process, said = start(folder, "--host", host)
    try:
        assert token in said  # pages that are open go on
        assert ask(re.search(r"Label at (\S+)", said)[1], cookie=cookie)[0].status == 200
    finally:
        process.kill()
        process.communicate()
