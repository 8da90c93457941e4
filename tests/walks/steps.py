"""What a person does between raw images and a model: commands in a terminal, answers on the page or in Label Studio."""

from __future__ import annotations

import csv
import os
import re
import shlex
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

from tests.annotate.annotator import Annotator
from tests.annotate.server import TOKEN
from tests.forks import COMMAND, python

import spotal
from spotal.annotate import LabelStudio
from spotal.project import Project

ROOT = Path(__file__).parents[2]
KEYS = "1234567890"
SHAPES, N = ("circle", "square", "triangle"), 240
"""Classes and number of the images of shapes."""
READY, PATIENCE = "Label at ", 240
"""Seconds to wait for another process on a busy machine."""


def written(page, command, **changes):
    """A command as a page of the documentation has it, with a few words changed; an error where the page has it not.

    page : str, path in the repository; command : str; changes : from words of the command, ``_`` for ``-``, to others
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    found = {re.sub(r"\s+#.*", "", line).strip().removeprefix("$ ") for line in text.splitlines()}
    found |= set(re.findall(r"`(spotal [^`]+)`", text))
    assert command in found, f"{page} does not have {command!r}"
    for word, other in changes.items():
        option = f"--{word.replace('_', '-')} "
        assert option in command, (command, option)
        command = re.sub(rf"{option}\S+", f"{option}{other}", command)
    return command


class Terminal:
    """A terminal in a folder; a command that fails is an error."""

    def __init__(self, folder, **variables):
        source = str(Path(spotal.__file__).parents[1])
        self.folder, self.env = folder, {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", **variables}

    def __call__(self, line):
        """Run a command line; gives what it says."""
        process = self._start(line)
        said, complaint = process.communicate()
        assert process.returncode == 0, f"{line}\n{complaint}"
        return said

    @contextmanager
    def label(self, line):
        """Run ``spotal label`` until Ctrl-C at the end of the block; gives what it says, growing."""
        process, said = self._start(line), []
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        try:
            while not (said and said[-1].startswith(READY)):
                said.append(process.stdout.readline())
                assert said[-1], f"{line}\n{process.stderr.read()}"
            timer.cancel()
            yield said
            process.send_signal(signal.SIGINT)
            rest, complaint = process.communicate(timeout=PATIENCE)
            said += rest.splitlines(keepends=True)
            assert process.returncode == 0, f"{line}\n{complaint}"
        finally:
            timer.cancel()
            process.kill()
            process.communicate()

    def _start(self, line):
        program, *words = shlex.split(line)
        assert program == "spotal"
        pipe = subprocess.PIPE
        return python(COMMAND, *words, cwd=self.folder, env=self.env, stdout=pipe, stderr=pipe, text=True)


def rows(path):
    """The rows of a table."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def address(said):
    """Where the page is, by what ``spotal label`` said."""
    return said[-1].removeprefix(READY).strip()


def looked_at(page):
    """The item that the page shows, once its picture is there."""
    picture = page.locator(".frame img")
    picture.wait_for()
    picture.evaluate("image => image.decode()")
    return picture.get_attribute("alt").removeprefix("Item ")


def press(page, key):
    """Press a key that answers; the page goes on once the answer is on disk."""
    item = looked_at(page)
    page.keyboard.press(key)
    page.locator(f".frame img[alt='Item {item}']").wait_for(state="detached")


def answer(page, n, classes, truth):
    """Answer ``n`` items by their classes' keys; gives what was said."""
    said = {}
    for _ in range(n):
        item = looked_at(page)
        press(page, KEYS[classes.index(truth[item])])
        said[item] = truth[item]
    return said


def annotate(folder, url, truth):
    """Answer all tasks in Label Studio, through its own API; gives what was said."""
    with Project.open(folder) as project:
        someone = Annotator(LabelStudio(project, url=url, token=TOKEN))
        said = {item: truth[item] for item in someone.tasks()}
        for item, label in said.items():
            someone.says(item, label)
    return said
