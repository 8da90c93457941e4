"""The same pixels and the same words wherever images are read: commands, page, report, exports."""

import base64
import io
import json
import threading

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spotal.annotate.label_studio.images import _file
from spotal.cli.main import app
from spotal.errors import DataFileError
from spotal.images import decode
from spotal.project import Audit, Data, Project, Settings, next_batch
from spotal.project.doctor.files import check_images
from spotal.project.report import shown
from spotal.web import pictures

KINDS = ("float.tif", "low.png", "depth16.png", "color16.png")


@pytest.fixture
def spotal(tmp_path, monkeypatch):
    """Run a command line in the folder ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})

    return run


@pytest.fixture
def deep(tmp_path, ramp, png16):
    """A project of the same picture in four kinds of more than 8 bits."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(ramp.astype(np.float32)).save(folder / "float.tif")
    Image.fromarray((ramp * 900).astype(np.uint16)).save(folder / "low.png")
    Image.fromarray((ramp * 65535).astype(np.uint16)).save(folder / "depth16.png")
    (folder / "color16.png").write_bytes(png16(np.repeat((ramp * 900).astype(int)[..., None], 3, 2)))
    for k, name in enumerate(KINDS * 3):
        (folder / f"{k}-{name}").write_bytes((folder / name).read_bytes())
    with Project.create(tmp_path / "p", Settings(Data("../photos"), ("a", "b"), audit=Audit(0.0))) as project:
        yield project


def test_page_report_label_studio_and_models_see_the_same(deep, ramp):
    for name in KINDS:
        item = deep.items.get(name)
        page = Image.open(pictures.picture(deep, item, "small")).convert("L")
        uri = shown.picture(deep.items.file(item))
        report = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L")
        _, content, kind = _file(deep, item, "n")
        studio = Image.open(io.BytesIO(content)).convert("L")
        model = decode(deep.items.file(item), item.id, None, 1)[..., 0]
        assert kind == "image/png"
        for pixels in (page, report, studio, model):
            np.testing.assert_allclose(np.asarray(pixels), 255 * ramp, atol=5)  # a report's are JPEG


def test_next_and_embed_say_once_how_deep_images_are_scaled(deep, spotal):
    deep.close()
    done = spotal("next", "p", "--batch", 2)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("more than 8 bits a value") == 1
    assert "16 images in p have more than 8 bits" in done.stderr
    assert "8 by the range of their type and 8 by their own" in done.stderr
    done = spotal("select", "photos", "--budget", 2)
    assert done.stderr.count("16 images in the pool have more than 8 bits") == 1
    done = spotal("embed", "photos", "--train", "simclr", "--epochs", 1, "--out", "pool", "--workers", 2)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("16 images in the source have more than 8 bits") == 1


def test_one_rule_for_every_command(tmp_path, spotal):
    folder = tmp_path / "photos"
    for k in range(20):
        place = folder / "ab"[k % 2]
        place.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(k).integers(0, 255, (12, 12, 3)).astype(np.uint8)
        Image.fromarray(noise).save(place / f"{k}.{('png', 'jfif')[k % 2]}", ("PNG", "JPEG")[k % 2])
    (folder / "a" / "gone.png").symlink_to("nowhere.png")
    (folder / "b" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    raw = str(folder / "b").encode() + b"/\xff.png"
    with open(raw, "wb") as file:
        file.write((folder / "a" / "0.png").read_bytes())
    told = (
        "skipped 3 files in photos. link to nothing: 1 (a/gone.png); "
        r"name that is not UTF-8: 1 (b/\xff.png); .heic needs pip install 'spotal[heif]': 1 (b/phone.heic)"
    )
    for words in (
        ("init", "p", "--images", "photos", "--classes", "a,b"),
        ("next", "p"),
        ("select", "photos", "--budget", 3),
        ("embed", "photos", "--train", "simclr", "--epochs", 1, "--out", "pool", "--workers", 0),
        ("demo", "--data", "photos", "--rounds", 1, "--budget", 2, "--seeds", 1),
    ):
        done = spotal(*words)
        assert done.exit_code == 0, (words, done.output)
        assert told in done.stderr.replace(str(folder), "photos"), (words, done.stderr)
        assert done.stderr.count("skipped") == 1, (words, done.stderr)
    for words in (
        ("select", "photos", "--budget", 3, "--strict"),
        ("embed", "photos", "--train", "simclr", "--out", "other", "--strict"),
        ("demo", "--data", "photos", "--strict"),
    ):
        done = spotal(*words)
        assert done.exit_code == 2
        assert "3 files in photos cannot be read as images" in done.stderr


def test_what_cannot_be_decoded_is_no_item_and_is_said_each_time(tmp_path, spotal, bomb):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(3):
        Image.new("RGB", (8, 8), (80 * k, 0, 0)).save(folder / f"{k}.png")
    (folder / "big.png").write_bytes(bomb(20_000))
    (folder / "text.jpg").write_text("not an image")
    told = "skipped 2 files"
    made = spotal("init", "p", "--images", "photos", "--classes", "a,b", "--audit-share", 0)
    assert "with 3 images" in made.stdout
    assert told in made.stderr
    assert "has 20,000 x 20,000 pixels" in made.stderr
    assert told in spotal("next", "p", "--batch", 1).stderr


def test_an_image_that_grew_too_large_stops_nothing(tmp_path, spotal, bomb):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(3):
        Image.new("RGB", (8, 8), (80 * k, 0, 0)).save(folder / f"{k}.png")
    assert spotal("init", "p", "--images", "photos", "--classes", "a,b", "--audit-share", 0).exit_code == 0
    assert spotal("next", "p", "--batch", 3).exit_code == 0
    (folder / "1.png").write_bytes(bomb(20_000, 15_000))
    with Project.open("p") as project:
        item = project.items.get("1.png")
        project.labels.record("1.png", "a", annotator="ann")
        with pytest.raises(DataFileError, match=r"1\.png has 20,000 x 15,000 pixels, more than"):
            pictures.picture(project, item, "large")
        with pytest.raises(DataFileError, match=r"1\.png has 20,000 x 15,000 pixels, more than"):
            _file(project, item, "n")
        assert shown.picture(project.items.file(item)) is None
        (finding,) = check_images(project, lambda done, total: None)
        assert "'1.png'" in finding.sentence
    done = spotal("export", "labels.json", "p", "-f", "coco")
    assert done.exit_code == 0, done.output
    images = json.loads((tmp_path / "labels.json").read_text())["images"]
    assert {"width": 20_000, "height": 15_000}.items() <= next(i for i in images if i["file_name"] == "1.png").items()
    done = spotal("report", "p")
    assert done.exit_code == 0, done.output


def test_a_picture_that_many_ask_for_is_made_once(deep, monkeypatch):
    made = []

    def counted(*args, **options):
        made.append(args[1])
        return decode(*args, **options)

    monkeypatch.setattr(pictures, "decode", counted)
    item = deep.items.get("low.png")
    threads = [threading.Thread(target=pictures.picture, args=(deep, item, "small")) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == ["low.png"]


def test_heic_is_read_where_its_package_is_installed(tmp_path, spotal):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    (tmp_path / "photos").mkdir()
    for k in range(6):
        colors = np.zeros((40, 60, 3), np.uint8)
        colors[..., k % 3] = 60 + 30 * k
        Image.fromarray(colors).save(tmp_path / "photos" / f"{k}.heic")
    pixel = decode(tmp_path / "photos" / "5.heic", "x", (4, 6), 3)[2, 3].astype(int)
    assert np.abs(pixel - [0, 0, 210]).max() < 12
    spotal("select", tmp_path / "photos", "--budget", 2, "--out", tmp_path / "picked.csv")
    assert (tmp_path / "picked.csv").read_text().count(".heic") == 2
    with Project.create(tmp_path / "p", Settings(Data("../photos", "image"), ("a", "b"))) as project:
        with Image.open(pictures.picture(project, project.items.get("5.heic"), "small")) as shown:
            assert shown.size == (60, 40)
        next_batch(project)
        assert len(project.rounds.batch())
