"""The command itself: help, version, exit codes seen from outside, Ctrl-C, and what is imported when."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests import forks
from tests.forks import COMMAND

import spotal as library
from spotal.errors import SpotalError

SPOTAL = [sys.executable, "-c", COMMAND]
QUIET = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


def run(*words, env=QUIET, **options):
    return subprocess.run(
        [*SPOTAL, *map(str, words)], capture_output=True, text=True, env=env, timeout=120, check=False, **options
    )


def test_help_has_an_example_for_each_command(spotal):
    assert "spotal demo" in spotal("--help").stdout
    for command in ("demo", "select"):
        result = spotal(command, "--help")
        assert result.exit_code == 0
        assert f"spotal {command} " in result.stdout.split("Examples:")[1]


def test_help_of_report_has_both_of_its_uses(spotal):
    said = spotal("report", "--help").stdout.split("Examples:")[1]
    assert "spotal report spotal-bench" in said
    assert "spotal report my-project" in said


def test_report_of_nothing(refused, empty):
    assert "gone is neither a labeling project nor a run of spotal bench, there is no such folder" in refused(
        "report", "gone"
    )
    Path("there").mkdir()
    assert "it has no spotal.toml or results.sqlite" in refused("report", "there")


def test_version(spotal):
    assert spotal("--version").stdout == f"spotal {library.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["pick"],
        ["select"],
        ["select", "x.npy"],
        ["select", "x.npy", "-n", "many"],
        ["demo", "--rounds", "0"],
        ["--what"],
    ],
)
def test_bad_command_lines_exit_2(spotal, words):
    result = spotal(*words)
    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["select", "x.npy", "--budget", "abc"], "--budget has a wrong value: 'abc' "),
        (["select", "x.npy", "-n", "5", "--max-per-group", "2.5"], "--max-per-group has a wrong value: '2.5' "),
        (["demo", "--seeds", "many"], "--seeds has a wrong value: 'many' "),
        (["demo", "--rounds", "0"], "--rounds has a wrong value: "),
        (["embed", "x", "--out", "p", "--dim", "wide"], "--dim has a wrong value: 'wide' "),
        (["estimate", "p.csv", "--values", "v.csv", "--confidence", "high"], "--confidence has a wrong value: 'high' "),
        (["bench", "smoke", "--workers", "all"], "--workers has a wrong value: 'all' "),
        (["init", "p", "--budget", "abc"], "--budget has a wrong value: 'abc' "),
        (["next", "p", "-n", "abc"], "--batch has a wrong value: 'abc' "),
        (["label", "p", "--port", "http"], "--port has a wrong value: 'http' "),
        (["push", "p", "--timeout", "long"], "--timeout has a wrong value: 'long' "),
        (["pull", "p", "--every", "day"], "--every has a wrong value: 'day' "),
        (["serve", "p", "--port", "99999"], "--port has a wrong value: "),
        (["undo", "p", "--import", "last"], "--import has a wrong value: 'last' "),
        (["select", "x.npy"], "--budget must be given; see spotal select --help"),
        (["select", "-n", "5"], "POOL must be given; see spotal select --help"),
        (["select", "x.npy", "-n"], "requires an argument"),
        (["status", "p", "more"], "see spotal status --help"),
        (["select", "x.npy", "--bugdet", "5"], "--bugdet"),
        (["selects"], "'select'"),
        (["--what"], "--what"),
    ],
)
def test_wrong_usage_is_one_sentence(refused, words, sentence):
    assert sentence in refused(*words)


def test_heavy_packages_wait_for_a_command():
    heavy = ["torch", "matplotlib", "ot", "sklearn", "scipy", "numpy", "pyarrow"]
    code = f"import sys, spotal.cli.main; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_exit_codes_and_streams_of_a_process(tmp_path):
    np.save(tmp_path / "pool.npy", np.random.default_rng(0).normal(size=(40, 3)))
    good = run("select", "pool.npy", "-n", 4, "--json", cwd=tmp_path)
    assert good.returncode == 0
    assert good.stderr == ""
    assert len(json.loads(good.stdout)["picks"]) == 4
    before = (tmp_path / "picks.csv").read_bytes()
    refused = run("select", "pool.npy", "-n", 41, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("Error: --budget must be at most 40")
    assert refused.stderr.count("\n") == 1
    assert (tmp_path / "picks.csv").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["picks.csv", "pool.npy"]


def test_names_that_no_terminal_can_show(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(4):
        Image.fromarray(rng.integers(0, 255, (8, 8)).astype(np.uint8)).save(folder / f"{k}.png")
    os.rename(folder / "0.png", os.fsencode(folder) + b"/\xff.png")
    (folder / "\u00e4.png").write_bytes(b"no image")
    found = run("select", "images", "-n", 3, cwd=tmp_path, env=QUIET | {"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 0, found.stderr
    assert "\\xe4.png cannot be read" in found.stderr
    assert "not UTF-8: 1 (\\xff.png)" in found.stderr
    assert (tmp_path / "picks.csv").read_text().count("\n") == 4


def test_ctrl_c_exits_130_and_leaves_nothing(tmp_path):
    pipe = subprocess.PIPE
    words = ["demo", "--seeds", 50, "--out", "shown"]
    process = forks.python(COMMAND, *words, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout.readline().startswith("digits:")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said == "Interrupted.\n"
    assert [path for path in Path(tmp_path).rglob("*") if path.is_file()] == []


def test_ctrl_c_while_choosing_leaves_an_older_file_as_it_was(spotal, pool, monkeypatch):
    Path("picks.csv").write_text("older")
    monkeypatch.setattr("spotal.strategies.select.select", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    files = sorted(os.listdir())
    result = spotal("select", pool["npy"], "-n", 3, "--out", "picks.csv")
    assert result.exit_code == 130
    assert Path("picks.csv").read_text() == "older"
    assert sorted(os.listdir()) == files


def test_any_error_of_spotal_is_a_sentence_and_brackets_in_it_survive(spotal, pool, monkeypatch):
    def fail(*_, **__):
        raise SpotalError("x must lie in [0, 1], found [red]2[/red]; mend it")

    monkeypatch.setattr("spotal.strategies.select.select", fail)
    result = spotal("select", pool["npy"], "-n", 3)
    assert result.exit_code == 2
    assert result.stderr == "Error: x must lie in [0, 1], found [red]2[/red]; mend it\n"


@pytest.mark.parametrize(
    "words",
    [
        ("select", "{}.csv", "-n", 3),
        ("select", "{}/pool.npy", "-n", 3),
        ("init", "{}", "--pool", "pool.npy", "--classes", "a,b"),
        ("init", "new", "--images", "{}", "--classes", "a,b"),
        ("embed", "{}", "--model", "net.pt", "--out", "out"),
        ("demo", "--data", "{}"),
        ("status", "{}"),
        ("label", "{}"),
        ("doctor", "{}"),
        ("report", "{}"),
        ("undo", "{}"),
    ],
)
def test_a_name_that_no_file_can_have_is_refused_in_a_sentence(refused, words):
    said = refused(*(str(word).format("x" * 300) for word in words))
    assert "file name too long" in said.lower()


def test_an_error_of_the_system_that_is_about_no_path_is_not_hidden(spotal, pool, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("spotal.strategies.select.select", fail)
    assert isinstance(spotal("select", pool["npy"], "-n", 3).exception, OSError)
