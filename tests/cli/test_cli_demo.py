"""``spotal demo``: what is written and printed, and that both agree."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

SMALL = ["--rounds", "2", "--budget", "10", "--pool", "200"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A small demo, run once: its result and folder."""
    from spotal.cli.main import app

    folder = tmp_path_factory.mktemp("demo") / "out"
    result = CliRunner().invoke(app, ["demo", *SMALL, "--seeds", "2", "--out", str(folder)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result, folder


def test_writes_two_files_and_says_where(shown):
    result, folder = shown
    assert sorted(path.name for path in folder.iterdir()) == ["curves.json", "report.html"]
    assert f"Report: {folder / 'report.html'}" in result.stdout
    assert f"Numbers: {folder / 'curves.json'}" in result.stdout


def test_table_has_the_numbers_of_the_json(shown):
    result, folder = shown
    numbers = json.loads((folder / "curves.json").read_text())
    rows = [line.split() for line in result.stdout.splitlines() if re.match(r"\s+\d+ ", line)]
    assert len(rows) == 3
    for k, row in enumerate(rows):
        random, spot = (numbers["curves"][name]["accuracy"] for name in ("random", "spot"))
        expected = [str(numbers["labels"][k])]
        for curve in (random, spot):
            expected += [f"{100 * curve['mean'][k]:.1f}", "±", f"{100 * curve['sd'][k]:.1f}"]
        expected.append(f"{100 * (spot['mean'][k] - random['mean'][k]):+.1f}")
        assert row == expected
    assert numbers["headline"] in " ".join(result.stdout.split())


def test_strategies_are_paired(shown):
    numbers = json.loads((shown[1] / "curves.json").read_text())
    first = {(r["strategy"], r["seed"]): r for r in numbers["records"] if r["n_labeled"] == 0}
    for seed in (0, 1):
        assert first["spot", seed]["picks"] == first["random", seed]["picks"]
    assert first["spot", 0]["picks"] != first["spot", 1]["picks"]
    assert numbers["difference"]["by_labels"]["runs"][0][0] == numbers["difference"]["by_labels"]["runs"][1][0] == 0
    for name in ("random", "spot"):
        picked = [row for r in numbers["records"] if (r["strategy"], r["seed"]) == (name, 0) for row in r["picks"]]
        assert len(picked) == len(set(picked)) == 30


def test_same_state_same_numbers_as_json_alone_on_stdout(shown, spotal):
    result = spotal("demo", *SMALL, "--seeds", 1, "--out", "again", "--json")
    document = json.loads(result.stdout)
    before = json.loads((shown[1] / "curves.json").read_text())
    for name in ("random", "spot"):
        assert document["curves"][name]["accuracy"]["runs"] == before["curves"][name]["accuracy"]["runs"][:1]
    assert document["verdict"] == "one seed"
    assert "cannot tell a difference from chance" in document["headline"]
    assert Path(document["report"]).is_file()
    assert "digits: 200 images" in result.stderr


def test_own_folder_of_images_with_imbalance(spotal, images):
    result = spotal("demo", "--data", images, "--rounds", 1, "--budget", 3, "--seeds", 1, "--imbalance", 2, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["data"]["class_names"] == ["even", "odd"]
    counts = sorted(document["data"]["class_counts"][0])
    assert counts[0] == counts[1] // 2
    assert Path("spotal-demo/report.html").is_file()


def test_folder_that_cannot_be_written_is_found_before_anything_is_loaded(refused, empty, monkeypatch):
    Path("file").write_text("x")
    monkeypatch.setattr("spotal.datasets.load", lambda *_, **__: pytest.fail("loaded"))
    assert "cannot be written" in refused("demo", "--out", "file/out")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "nowhere"], ["'nowhere'", "digits"]),
        (["--rounds", 100], ["1515", "1258", "lower"]),
        (["--pool", 20], ["105 images, found 20"]),
        (["--data", "vectors.npz"], ["--data must hold images"]),
    ],
)
def test_bad_options_are_refused(refused, empty, options, told):
    np.savez("vectors.npz", X=np.eye(8), y=np.arange(8) % 2)
    said = refused("demo", *options, "--out", "shown")
    for words in told:
        assert words in said


def test_corrupt_image_is_skipped_or_refused(spotal, refused, images):
    (images / "odd" / "bad.png").write_bytes(b"no image")
    options = ["demo", "--data", images, "--rounds", 1, "--budget", 3, "--seeds", 1]
    assert "odd/bad.png" in refused(*options, "--strict")
    result = spotal(*options, "--json")
    assert result.exit_code == 0
    assert "odd/bad.png" in result.stderr
    assert "--strict" in result.stderr


def test_photos_are_embedded_once_at_a_reduced_size_after_a_forecast(spotal, empty):
    rng = np.random.default_rng(0)
    for k in range(45):
        place = Path("photos", "warm" if k % 2 else "cold", f"{k:02}.jpg")
        place.parent.mkdir(parents=True, exist_ok=True)
        color = rng.integers(0, 80, 3)
        color[0 if k % 2 else 2] += 150
        Image.new("RGB", (1_600, 1_200), tuple(color.tolist())).save(place)
    words = ["demo", "--data", "photos", "--rounds", 1, "--budget", 4, "--seeds", 1]
    shown = spotal(*words)
    assert shown.exit_code == 0, shown.output
    first, second, third = shown.stdout.splitlines()[:3]
    assert re.fullmatch(r"About .* s: .* s to read 45 photos, .* s to train and choose", first)
    assert second.startswith("photos: 36 images to choose from, 2 classes")
    assert third.startswith("Model: built-in features, which see colors and coarse shapes only; no pretrained encoder")
    page = Path("spotal-demo", "report.html").read_text()
    assert "a linear probe on features of the images" in page
    numbers = json.loads(Path("spotal-demo", "curves.json").read_text())
    assert numbers["data"]["shape"] == [64, 64, 3]
    assert spotal(*words, "--out", "again").exit_code == 0
    again = json.loads(Path("again", "curves.json").read_text())
    assert again["curves"] == numbers["curves"]
    fewer = spotal(*words, "--pool", 20, "--out", "fewer", "--model", "built-in")
    assert "to read 25 of 45 photos" in fewer.stdout
    assert "no pretrained encoder" not in fewer.stdout


def test_a_model_of_ones_own_gives_the_features(spotal, empty, images):
    code = "import torch\nclass Mean(torch.nn.Module):\n    def forward(self, x):\n        return x.mean((2, 3))\n"
    Path("mine.py").write_text(code)
    words = ["demo", "--data", images, "--rounds", 1, "--budget", 3, "--seeds", 1]
    shown = spotal(*words, "--model", "mine:Mean")
    assert shown.exit_code == 0, shown.output
    assert "Model: mine:Mean, its features as they are" in shown.stdout
    refused = spotal("demo", "--model", "mine:Mean")
    assert refused.exit_code == 2
    assert "--model must be left out unless the data are a folder of images" in refused.stderr
