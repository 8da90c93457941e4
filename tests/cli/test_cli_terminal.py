"""Names of files, classes and annotators never reach the terminal as something that it obeys."""

from __future__ import annotations

import logging
import logging.config
import os
import pty

import numpy as np
import pytest
from PIL import Image
from tests.forks import COMMAND, python

from spotal.cli.console import Terminal, say, warn
from spotal.errors import SpotalError
from spotal.terminal import server_log, visible

TITLE = "\x1b]0;owned\x07"
NAMES = [TITLE, "\x1b[2J", "\x9b31m", "\r", "\x08", "\u202egpj", "\u2066", "\x7f"]


def on_a_terminal(*words):
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    done = python(COMMAND, *words, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # closed by the command's end
        pass
    os.close(ours)
    return done.wait(120), said.decode()


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_a_table_and_a_warning_are_printed_and_not_obeyed(capsys, name):
    from rich.table import Table

    table = Table(f"head {name}", title=f"title {name}")
    table.add_row(f"[bold]cell[/bold] :cat: {name}")
    console = Terminal()
    console.print(table)
    say(console, f"Wrote {name}")
    warn(f"lost {name}")
    found = capsys.readouterr()
    assert name not in found.out + found.err
    assert not set(found.out + found.err) & set("\x1b\x07\x08\r\x7f\x9b\u202e\u2066")
    assert f"Wrote {visible(name)}\n" in found.out
    assert "[bold]cell[/bold] :cat:" in found.out
    assert found.err == f"Warning: lost {visible(name)}\n"


def test_a_sentence_stays_on_its_line(capsys):
    say(Terminal(), "Wrote a\nError: b\tc.csv")
    assert capsys.readouterr().out == "Wrote a\\nError: b\\tc.csv\n"
    assert visible("a\nb\tc", lines=True) == "a\nb\tc"
    assert visible("naïve 猫 🐈‍⬛ é") == "naïve 猫 🐈‍⬛ é"


def test_errors_and_wrong_usage_on_a_real_terminal(empty):
    for words in (["select", f"{TITLE}.npy", "-n", "3"], ["status", ".", TITLE], [f"--{TITLE}"], [TITLE]):
        code, said = on_a_terminal(*words)
        assert code == 2
        assert "\x1b]" not in said
        assert "\x07" not in said


def test_a_folder_of_such_names_on_a_real_terminal(empty):
    photos = empty / f"photos{TITLE}"
    photos.mkdir()
    for k in range(6):
        Image.fromarray(np.full((8, 8, 3), 40 * k, np.uint8)).save(photos / f"{TITLE}{k}.png")
    (photos / f"{TITLE}broken.png").write_bytes(b"no image")
    project = f"birds{TITLE}"
    runs = [
        ["init", project, "--images", str(photos), "--classes", "gull,tern", "--batch", "3"],
        ["next", project],
        ["status", project],
    ]
    for words in runs:
        code, said = on_a_terminal(*words)
        assert code in (0, 1), said
        assert "\x1b]" not in said
        assert "\x07" not in said
        assert "\\x1b]0;owned\\x07" in said


def test_lines_of_the_servers_log(capsys):
    logger = logging.getLogger("uvicorn.error")
    try:
        logging.config.dictConfig(server_log("error"))
        try:
            raise SpotalError(f"no {TITLE}")
        except SpotalError:
            logger.exception("failed on %s", TITLE)
        logger.warning("not said")
    finally:
        logging.getLogger("uvicorn").handlers.clear()
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\x07" not in said
    assert said.count(visible(TITLE)) == 2
    assert "not said" not in said
    assert "Traceback" in said
