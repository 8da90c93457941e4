"""What these tests share: the variables and users of a real Label Studio, projects, and commands."""

from __future__ import annotations

import json

import pytest
from tests.annotate.annotator import Annotator
from tests.annotate.server import TOKEN, Proxy
from typer.testing import CliRunner

from spotal.project import Audit, Data, Pick, Project, Settings

CLASSES = ("cat", "dog", 'a "b" <c> & d')


@pytest.fixture
def env(server, monkeypatch):
    """The variables that users set."""
    monkeypatch.setenv("LABEL_STUDIO_URL", server)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)


@pytest.fixture
def proxy(server, env, monkeypatch):
    """Label Studio behind a proxy that fails on demand."""
    made = Proxy(server)
    monkeypatch.setenv("LABEL_STUDIO_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def user(server):
    """Make sure that Label Studio has a user of that e-mail address; its number. The token is the first's."""
    from label_studio_sdk import LabelStudio

    sdk = LabelStudio(base_url=server, api_key=TOKEN, timeout=120)

    def user(email):
        known = {one.email: one.id for one in sdk.users.list()}
        return known.get(email) or sdk.users.create(email=email, username=email, first_name="", last_name="").id

    return user


@pytest.fixture
def make(tmp_path):
    """A project over ``n`` texts, t0, t1, ..., with a batch of all that is not held back."""
    made = []

    def make(n=4, *, picks=None, held_back=0.0, name="project", **settings):
        lines = [json.dumps({"id": f"t{k}", "text": f"text {k}"}) for k in range(n)]
        (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
        data = Data("../texts.jsonl", "text")
        chosen = Settings(data, settings.pop("classes", CLASSES), audit=Audit(held_back=held_back), **settings)
        project = Project.create(tmp_path / name, chosen)
        made.append(project)
        names = [item.id for item in project.items.candidates()] if picks is None else picks
        if names:
            batch = [Pick(item) for item in names]
            project.rounds.add(batch, audit=n, strategy="spot", n_labeled=0)
        return project

    yield make
    for project in made:
        project.close()


@pytest.fixture
def command():
    """Run a command line; gives exit_code, stdout and stderr."""
    from spotal.cli.main import app

    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def refused(command):
    """Run a command line that must end in one sentence and exit 2; gives the sentence."""

    def run(*words):
        result = command(*words)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        said = result.stderr.strip()
        assert said.startswith("Error: ")
        assert "\n" not in said
        return said

    return run


@pytest.fixture
def annotator():
    return Annotator
