"""What every command has: --verbose, --quiet, options from the environment, help that is wrapped once, completion."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typer

from spotal.cli.main import app

COMMANDS = typer.main.get_command(app).commands


def test_every_command_has_the_options_and_names_its_variables(spotal):
    for name, command in COMMANDS.items():
        said = spotal(name, "--help").stdout
        begin = f"SPOTAL_{name.upper()}_"
        assert "--verbose" in said, name
        assert "--quiet" in said, name
        assert begin in said.replace("\n", ""), name
        given = [param.envvar for param in command.params if param.param_type_name == "option"]
        assert all(variable.startswith("SPOTAL_") for variable in given)
        assert len(set(given)) == len(given)


@pytest.mark.parametrize("width", [80, 120])
def test_help_is_wrapped_once(width):
    from typer.testing import CliRunner

    for name, command in COMMANDS.items():
        said = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": str(width)}).stdout
        assert max(map(len, said.splitlines())) <= width
        prose = said.split("╭")[0].splitlines()[3:]
        filled = [(line.strip(), after.split()[0]) for line, after in pairwise(prose) if after.split()]
        for line, word in filled:
            short = len(line) + 1 + len(word) <= width - 3  # the next word would have fitted
            assert not (line and short), (name, line, word)
        assert command.help


def test_the_environment_gives_options_and_the_command_line_comes_first(spotal, pool, picks, monkeypatch):
    monkeypatch.setenv("SPOTAL_SELECT_BUDGET", "7")
    monkeypatch.setenv("SPOTAL_SELECT_RANDOM_STATE", "3")
    monkeypatch.setenv("SPOTAL_BUDGET", "1")  # no option's
    assert spotal("select", pool["npy"]).exit_code == 0
    assert len(picks()) == 7
    assert spotal("select", pool["npy"], "--budget", 5).exit_code == 0
    assert len(picks()) == 5


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SPOTAL_SELECT_BUDGET", "many", "in the environment has a wrong value"),
        ("SPOTAL_SELECT_BUDGET", "1000", "must be at most 120, the unlabeled rows of this pool"),
        ("SPOTAL_SELECT_JSON", "maybe", "in the environment has a wrong value"),
        ("SPOTAL_SELECT_LABELED", "gone.csv", "gone.csv"),
        ("SPOTAL_VERBOSE", "loud", "in the environment has a wrong value"),
    ],
)
def test_a_wrong_value_in_the_environment_is_one_sentence(refused, pool, monkeypatch, variable, value, told):
    monkeypatch.setenv("SPOTAL_SELECT_BUDGET", "5")
    monkeypatch.setenv(variable, value)
    said = refused("select", pool["npy"])
    assert told in said
    if variable != "SPOTAL_SELECT_LABELED":
        assert said.startswith(f"Error: {variable} ")


def test_a_variable_that_no_option_has_is_told_of(spotal, pool, monkeypatch):
    monkeypatch.setenv("SPOTAL_SELECT_RANDOMSTATE", "3")
    monkeypatch.setenv("SPOTAL_SELECT_POOL", "x.npy")
    monkeypatch.setenv("SPOTAL_BENCH_WHAT", "1")  # another command's
    said = spotal("select", pool["npy"], "-n", 5)
    assert said.exit_code == 0
    told = [line for line in said.stderr.splitlines() if "is no option of spotal select" in line]
    assert len(told) == 2
    assert told[1].endswith("did you mean 'SPOTAL_SELECT_RANDOM_STATE'?")
    assert spotal("select", pool["npy"], "-n", 5, "-q").stderr == ""


def test_quiet_prints_errors_and_json_alone(spotal, refused, pool, images):
    done = spotal("select", pool["npy"], "-n", 5, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    (images / "odd" / "bad.png").write_bytes(b"no image")
    made = spotal("init", "p", "--images", images, "--classes", "a,b", "-q")
    assert (made.exit_code, made.stdout, made.stderr) == (0, "", "")
    assert json.loads(spotal("status", "p", "-q", "--json").stdout)
    assert "already" in refused("init", "p", "--images", images, "--classes", "a,b", "-q")
    assert "Chose 5" in spotal("select", pool["npy"], "-n", 5).stdout  # and the next command talks again


def test_verbose_shows_the_records_of_the_library_on_standard_error(spotal, images):
    quiet = spotal("init", "p", "--images", images, "--classes", "a,b")
    said = spotal("init", "q", "--images", images, "--classes", "a,b", "-v")
    assert "spotal.project.project: made a project of 30 items" in said.stderr
    assert "spotal." not in quiet.stderr
    assert said.stdout.replace("Made q", "Made p").replace("q/", "p/").replace("label q", "label p") == quiet.stdout
    more = spotal("next", "q", "-vv", "--json")
    assert json.loads(more.stdout)
    assert "spotal.project.next: round 0" in more.stderr
    assert "spotal.project.project: " in more.stderr
    assert logging.getLogger("spotal").level == logging.NOTSET


def test_the_library_alone_prints_nothing(tmp_path):
    code = (
        "import numpy, spotal; spotal.select(numpy.eye(9), 3); import logging; "
        "print(logging.getLogger('spotal').handlers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert "NullHandler" in done.stdout


def test_completion_names_commands_and_options(tmp_path):
    def complete(words):
        variables = {
            "_SPOTAL_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        code = "import sys; sys.argv[0] = 'spotal'; from spotal.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
        return done.stdout.split()

    assert complete("spotal se") == ["select", "serve"]
    assert complete("spotal select --lab") == ["--labeled"]


def test_numbers_are_the_same_with_and_without_logging(spotal, pool):
    spotal("select", pool["npy"], "-n", 5, "--out", "a.csv")
    spotal("select", pool["npy"], "-n", 5, "--out", "b.csv", "-vv")
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    assert np.loadtxt("a.csv", delimiter=",", skiprows=1, usecols=0).size == 5
