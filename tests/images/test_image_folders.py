"""Folders of images: what is read, and one rule about what is left out."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from spotal.errors import DataFileError, SpotalWarning
from spotal.images import find_images, list_images, readable, suffixes


@pytest.fixture
def photos(tmp_path):
    """A folder of three images and of everything that is none, or cannot be read."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    gray = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    for name in ("a.png", "b.jfif", "sub/c.JPE"):
        gray.save(folder / name, "PNG" if name == "a.png" else "JPEG")
    content = (folder / "a.png").read_bytes()
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "round.png").symlink_to(folder / "round.png")
    (folder / "empty.jpg").touch()
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    (folder / "camera.cr2").write_bytes(b"II*\0" + bytes(20))
    (folder / "unnamed").write_bytes(content)
    (folder / "drawing.svg").write_text("<svg/>")
    os.mkfifo(folder / "pipe.png")
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(content)
    (folder / os.fsdecode(b"sub/\xff")).mkdir()
    (folder / os.fsdecode(b"sub/\xff/d.png")).write_bytes(content)
    for name in ("notes.txt", "labels.csv", "film.mp4", "data.npy", ".hidden.heic"):
        (folder / name).write_bytes(b"II*\0 these are not images")
    return folder


def test_everything_that_is_left_out_is_said_once(photos):
    with pytest.warns(SpotalWarning) as said:
        found = list_images(photos)
    assert [path.relative_to(photos).as_posix() for path in found] == ["a.png", "b.jfif", "sub/c.JPE"]
    (only,) = said
    text = str(only.message)
    assert f"skipped 11 files in {photos}" in text
    for part in (
        "link to nothing: 1 (gone.png)",
        "empty: 1 (empty.jpg)",
        ".heic needs pip install 'spotal[heif]': 1 (phone.heic)",
        "image that ends in .cr2, which is not read: 1 (camera.cr2)",
        "image without an ending: 1 (unnamed)",
        "image that ends in .svg, which is not read: 1 (drawing.svg)",
        "no ordinary file: 1 (pipe.png)",
        r"name that is not UTF-8: 2 (caf\xe9.png, sub/\xff/d.png)",
        "(round.png)",
    ):
        assert part in text
    text.encode()  # nothing in it that cannot be printed
    with pytest.raises(DataFileError, match=r"11 files in .* cannot be read as images"):
        list_images(photos, strict=True)


def test_long_lists_are_cut(tmp_path):
    for k in range(6):
        (tmp_path / f"{k}.png").touch()
    Image.new("L", (4, 4)).save(tmp_path / "z.png")
    with pytest.warns(SpotalWarning, match=r"empty: 6 \(0\.png, 1\.png, 2\.png and 3 more\)"):
        list_images(tmp_path)
    (tmp_path / "z.png").unlink()
    with pytest.raises(DataFileError, match=r"6 files in .* cannot be read as images\. empty: 6"):
        list_images(tmp_path)


def test_a_folder_of_other_things_is_quiet(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    for k, name in enumerate(("a.txt", "b.json", "c.sqlite", "d.xyz", "README", "e.pdf")):
        (tmp_path / name).write_bytes(bytes([65 + k]) * 40)
    (tmp_path / "sub.png").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list_images(tmp_path)) == 1


def test_a_folder_that_cannot_be_listed_is_said(tmp_path, monkeypatch):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.warns(SpotalWarning, match=r"folder that cannot be read, permission denied: 1 \(closed\)"):
        list_images(tmp_path)


def test_headers_are_looked_into_but_for_what_is_known(tmp_path, bomb):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "big.png").write_bytes(bomb(20_000))
    (tmp_path / "none.png").write_bytes(b"no image")
    (tmp_path / "old.png").write_bytes(b"no image")
    found = readable(find_images(tmp_path), {"old.png"})
    assert [path.name for path in found.paths] == ["a.png", "old.png"]
    reasons = {left.name: left.reason for left in found.skipped}
    assert reasons["none.png"] == "cannot be read as an image (not an image)"
    assert reasons["big.png"].startswith("has 20,000 x 20,000 pixels, more than")


def test_endings_are_those_that_pillow_reads():
    assert {".png", ".jpg", ".jfif", ".jpe", ".jp2", ".webp", ".tif", ".pgm", ".gif", ".bmp"} <= set(suffixes())
    assert not {".eps", ".ps", ".pdf", ".mpg", ".h5", ".wmf"} & set(suffixes())
