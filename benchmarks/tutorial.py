"""Run docs/start/photos.md in an empty folder: write the commands' output below them, and take the pictures.

    LABEL_STUDIO_BIN=... python -m benchmarks.tutorial DATA

``DATA`` is a folder with clothing/train/CLASS/*.jpg (alexeygrigorev/clothing-dataset-small). The pool is 1,500 of
its photos. The answers on the page in Chromium and in Label Studio are their true classes. Takes some minutes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.page import CHROMIUM, DESKTOP, keep
from tests.annotate.server import PASSWORD, TOKEN, USER, installed, running
from tests.walks import steps

from spotal.annotate.label_studio.link import read_link

PAGE = Path(__file__).parents[1] / "docs" / "start" / "photos.md"
IMAGES = PAGE.parent / "images"
N, HOME, URL = 1500, "/home/ann", "http://localhost:8080"
PROJECT = "clothes"
BATCH, BEFORE = 50, 4
"""Number of answers in a batch of the tutorial, and number of answers before the picture of the page."""


class Walk:
    """One run of the tutorial, with its state between commands."""

    def __init__(self, folder: Path, data: Path, browser: Any, studio: str) -> None:
        self.folder, self.browser, self.studio, self.batches = folder, browser, studio, 0
        variables = {"LABEL_STUDIO_URL": studio, "LABEL_STUDIO_API_KEY": TOKEN, "LOGNAME": "ann", "COLUMNS": "100"}
        self.run = steps.Terminal(folder, **variables)
        photos = sorted(data.glob("*/*.jpg"))
        rows = np.random.default_rng(0).choice(len(photos), N, replace=False)
        self.classes = sorted({photo.parent.name for photo in photos})
        self.truth = {f"{k:04d}.jpg": photos[row].parent.name for k, row in enumerate(rows)}
        (folder / "photos").mkdir()
        for name, row in zip(self.truth, rows, strict=True):
            shutil.copyfile(photos[row], folder / "photos" / name)
        (folder / "classes.txt").write_text("\n".join(self.classes) + "\n", encoding="utf-8")

    def __call__(self, line: str) -> str:
        """Run a line of the tutorial, and return the terminal's output."""
        if not line.startswith("spotal "):
            done = subprocess.run(line, shell=True, cwd=self.folder, capture_output=True, text=True, check=True)
            return done.stdout
        word = line.split()[1]
        if word == "pull":
            self.annotate()
        said = self.label(line) if word == "label" else self.run(line)
        if word == "report":
            self.open((self.folder / PROJECT / "report.html").as_uri(), "tutorial-report", height=1500)
        return said.replace(str(self.folder), HOME).replace(self.studio, URL)

    def label(self, line: str) -> str:
        """Label a batch on the page."""
        self.batches += 1
        with self.run.label(line) as said:
            page = self.browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
            page.goto(steps.address(said))
            page.locator("#map-text:not(:empty)").wait_for()
            steps.answer(page, BEFORE, self.classes, self.truth)
            steps.looked_at(page)
            if self.batches < 3:
                keep(page, IMAGES / f"tutorial-page-{self.batches}.png")
            steps.answer(page, BATCH - BEFORE, self.classes, self.truth)
            page.locator(".finished").wait_for()
            page.close()
        return re.sub(r"token=\S+", "token=...", "".join(said))

    def annotate(self) -> None:
        """Take a picture of the first task in Label Studio, then answer all."""
        context = self.browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
        page = context.new_page()
        page.goto(f"{self.studio}/user/login")
        page.fill("[name=email]", USER)
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)
        number = read_link(self.folder / PROJECT).project
        page.goto(f"{self.studio}/projects/{number}/data")
        page.get_by_role("button", name="Label All Tasks").click()
        page.get_by_text("None of these").first.wait_for()
        keep(page, IMAGES / "tutorial-label-studio.png", wait=4000)
        context.close()
        steps.annotate(self.folder / PROJECT, self.studio, self.truth)

    def open(self, address: str, name: str, height: int) -> None:
        """Take a picture of a page."""
        page = self.browser.new_page(viewport={"width": 1000, "height": height})
        page.goto(address)
        keep(page, IMAGES / f"{name}.png")
        page.close()


def rewrite(block: re.Match[str], walk: Walk) -> str:
    """Return a block of the tutorial with the present output of its commands."""
    lines = []
    for line in block[1].splitlines():
        if line.startswith("$ "):
            said = [line, *(part.rstrip() for part in walk(line[2:]).strip("\n").splitlines())]
            print(*said, sep="\n", flush=True)
            lines += said
    return "```console\n" + "\n".join(lines) + "\n```"


def main() -> None:
    """Run the tutorial, and write it again."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data.resolve()
    command = installed()
    if command is None:
        raise SystemExit("no Label Studio: run make label-studio, or name its command in LABEL_STUDIO_BIN")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        home, server = Path(name) / "home", Path(name) / "label-studio"
        home.mkdir()
        server.mkdir()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with running(command, server) as url:
            walk = Walk(home, data / "clothing" / "train", browser, url)
            text = PAGE.read_text(encoding="utf-8")
            text = re.sub(r"```console\n(.*?)```", lambda block: rewrite(block, walk), text, flags=re.DOTALL)
            PAGE.write_text(text, encoding="utf-8")
        browser.close()


if __name__ == "__main__":
    main()
