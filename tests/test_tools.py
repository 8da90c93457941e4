"""The scripts of tools/: pages of the site, and releases."""

from __future__ import annotations

import re
import subprocess

import pytest
from tools import changelog, docstrings, extras, release, site

import spotal

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"


@pytest.fixture
def checkout(tmp_path):
    """Make a repository that is ready for a release of 0.1.0."""
    files = {
        "pyproject.toml": '[project]\nversion = "0.1.0"\n',
        "src/spotal/__init__.py": '__version__ = "0.1.0"\n',
        "CITATION.cff": "version: 0.1.0\n",
        "CHANGELOG.md": CHANGELOG,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for command in ("init", "add .", "-c user.name=a -c user.email=a@b commit -m first"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_a_release_that_is_ready(checkout):
    assert release.problems("0.1.0", checkout) == []
    assert release.problems("1.0", checkout) == ["1.0 is no version: give MAJOR.MINOR.PATCH"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("src/spotal/__init__.py", '__version__ = "0.2.0"\n', "src/spotal/__init__.py has 0.2.0: set it to 0.1.0"),
        ("pyproject.toml", '[project]\nversion = "0.1.1"\n', "pyproject.toml has 0.1.1: set it to 0.1.0"),
        ("CHANGELOG.md", "## [Unreleased]\n\n## [0.0.1]\n", "has nothing under [Unreleased]"),
        ("new.txt", "", "files are changed"),
    ],
)
def test_a_release_that_is_not_ready(checkout, name, text, message):
    (checkout / name).write_text(text)
    assert any(message in problem for problem in release.problems("0.1.0", checkout))


def test_a_release_dates_the_changelog_and_tags_the_commit(checkout, monkeypatch, capsys):
    monkeypatch.setattr(release, "ROOT", checkout)
    for name in ("user.name", "user.email"):
        subprocess.run(["git", "config", name, "a@b"], cwd=checkout, check=True)
    assert release.main(["0.1.0", "--dry-run"]) == 0
    assert (checkout / "CHANGELOG.md").read_text() == CHANGELOG
    assert release.main(["0.1.0"]) == 0
    text = (checkout / "CHANGELOG.md").read_text()
    assert re.search(r"## \[Unreleased\]\n\n## \[0\.1\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\.\n", text)
    tags = subprocess.run(
        ["git", "tag", "--points-at", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True
    )
    assert tags.stdout == "v0.1.0\n"
    assert release.main(["0.1.0"]) == 1
    assert "the tag v0.1.0 exists already" in capsys.readouterr().out


def test_a_tag_that_is_there(checkout):
    subprocess.run(["git", "tag", "v0.1.0"], cwd=checkout, check=True)
    assert release.problems("0.1.0", checkout) == ["the tag v0.1.0 exists already: take the next version"]


def test_the_changelog_gets_a_date_and_a_new_beginning():
    text = release.date_changelog(CHANGELOG, "0.1.0", "2026-12-01")
    assert text == "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-12-01\n\n### Added\n\n- A thing.\n"


def test_doubled_headings_and_entries_of_the_changelog_are_merged():
    text = (
        "# C\n\n## [Unreleased]\n\n### Fixed\n\n- A.\n\n### Added\n\n- B, on\n  two lines.\n\n### Fixed\n\n- A.\n- C.\n"
    )
    tidy = "# C\n\n## [Unreleased]\n\n### Added\n\n- B, on\n  two lines.\n\n### Fixed\n\n- A.\n- C.\n"
    older = "\n## [0.1.0] - 2026-01-01\n\n### Fixed\n\n- A.\n"
    assert changelog.tidy(text) == tidy
    assert changelog.tidy(text + older) == tidy + older
    assert changelog.tidy(tidy + older) == tidy + older


def test_links_to_sources_are_words_on_the_site():
    text = "[`pca.py`](../../src/spotal/reduce/pca.py), [a page](../x.md)"
    assert site.OUTSIDE.sub(r"\1", text) == "`pca.py`, [a page](../x.md)"


def test_each_extra_has_a_trial():
    tables = release.tomllib.loads((extras.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert tables.keys() - {"dev"} == extras.TRY.keys() - {""}
    for code in extras.TRY.values():
        compile(code, "trial", "exec")


def test_the_first_use_of_a_word_is_linked_but_no_code_heading_or_link():
    text = "# The pool\n\nA `pool` and [a pool](x.md). Pools\nand a pool.\n\n```\npool\n```\n"
    linked = site.link_words(text, ["pool"], "../glossary.md")
    assert linked == text.replace("Pools\n", "[Pools](../glossary.md#pool)\n")


def test_the_glossary_has_the_words():
    words = {"pool", "embedding", "mass", "transport", "design", "cell", "pick", "round", "budget", "oracle"}
    assert {*site.glossary()} == words | {"calibration", "discrepancy", "quota", "reach", "shard"}


def test_the_reference_has_every_public_room():
    assert {*site.rooms()} == set(spotal.__all__) & {*site.rooms()}
    assert {"pool", "errors", "strategies"} <= {*site.rooms()}
    assert "::: spotal.pool.open_pool" in site.room_page("pool")
    assert "::: spotal.select" in site.front_page()


def test_the_reference_has_every_command_and_its_options():
    text = site.commands()
    assert "## `spotal select`" in text
    assert "--max-memory" in text
    assert "[bold]" not in text


def test_shapes_become_the_beginning_of_a_description():
    text = "Add.\n\nParameters\n----------\nX, y : (n, d), as given\n    More.\nk : int, a number\n"
    text += "\nReturns\n-------\nz : int"
    shown = docstrings.parameters(text)
    assert "X, y\n    (n, d), as given.\n    More.\nk\n    a number\n" in shown
    assert shown.endswith("z : int")
