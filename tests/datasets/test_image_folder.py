"""Folders of images: classes, tables, parts, sizes, and images that cannot be read."""

import numpy as np
import pytest
from datasets_helpers import color_image, save
from PIL import Image
from tests.raising import raises_input

from spotal.datasets import list_images, load
from spotal.errors import DataFileError, SpotalWarning
from spotal.images import decode


@pytest.fixture
def folder(tmp_path):
    for k in range(10):
        save(tmp_path / "animals" / "cat" / f"{k}.png", color_image(10 + k))
        save(tmp_path / "animals" / "ant" / "deep" / f"{k}.bmp", color_image(200 + k))
    return tmp_path / "animals"


def test_one_folder_a_class(folder):
    (folder / ".hidden").mkdir()
    (folder / "empty").mkdir()
    data = load(folder)
    assert data.name == "animals"
    assert data.class_names == ("ant", "cat")
    assert data.X.shape == (16, 6, 6, 3)
    assert np.bincount(data.y).tolist() == [8, 8]
    assert np.bincount(data.y_test).tolist() == [2, 2]
    # every image carries its class: red of 200 or more is an ant
    np.testing.assert_array_equal(data.X[:, 0, 0, 0] < 200, data.y == 1)
    np.testing.assert_array_equal(data.X_test[:, 0, 0, 0] < 200, data.y_test == 1)
    assert len(set(data.X[:, 0, 0, 0]) | set(data.X_test[:, 0, 0, 0])) == 20


def test_split_is_fixed_unless_seeded(folder):
    first, again, other = load(folder), load(folder), load(folder, random_state=3)
    np.testing.assert_array_equal(first.X_test, again.X_test)
    assert not np.array_equal(first.X_test, other.X_test)


def test_train_and_test_folders(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for k in range(count):
            save(tmp_path / part / "a" / f"{k}.png", color_image(k))
            save(tmp_path / part / "b" / f"{k}.png", color_image(100 + k))
    data = load(tmp_path)
    assert data.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.X[:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert data.y_test.tolist() == [0, 0, 1, 1]


def test_train_beside_other_folders_is_a_class(tmp_path):
    for name in ("train", "car"):
        for k in range(4):
            save(tmp_path / name / f"{k}.png", color_image(k))
    assert load(tmp_path).class_names == ("car", "train")


@pytest.mark.parametrize(("file", "label"), [("file", "label"), ("filename", "class"), ("path", "label")])
def test_table_of_labels(tmp_path, file, label):
    rows = [f"{file},{label},extra"]
    for k in range(6):
        save(tmp_path / f"{k}.png", color_image(k))
        rows.append(f"{k}.png,{'odd' if k % 2 else 'even'},x")
    (tmp_path / "labels.csv").write_text("\ufeff" + "\n".join(rows), encoding="utf-8")
    data = load(tmp_path)
    assert data.class_names == ("even", "odd")
    np.testing.assert_array_equal(data.X[:, 0, 0, 0] % 2, data.y)
    assert len(data.y_test) == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,label\n0.png,a\n", "must have a column file"),
        ("file,label\n", "has no rows"),
        ("file,label\n0.png,\n", "has an empty cell in line 2"),
    ],
)
def test_bad_table(tmp_path, table, message):
    save(tmp_path / "0.png", color_image(0))
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataFileError, match=rf"labels\.csv {message}"):
        load(tmp_path)


def test_gray_stays_gray_and_mixed_becomes_color(tmp_path):
    for k in range(4):
        save(tmp_path / "a" / f"{k}.png", np.full((4, 5), 40 * k, np.uint8))
    assert load(tmp_path).X.shape == (3, 4, 5, 1)
    save(tmp_path / "a" / "z.png", color_image(3, 4, 5))
    assert load(tmp_path).X.shape == (4, 4, 5, 3)


def test_sizes(tmp_path):
    for k in range(3):
        save(tmp_path / "a" / f"{k}.png", color_image(9, 10, 12 + k))
    assert load(tmp_path).X.shape[1:] == (32, 32, 3)
    assert load(tmp_path, image_size=7).X.shape[1:] == (7, 7, 3)
    assert (load(tmp_path, image_size=7).X[..., 0] == 9).all()
    with raises_input("image_size"):
        load(tmp_path, image_size=0)


def test_corrupt_images_among_good_ones(folder):
    good = (folder / "cat" / "0.png").read_bytes()
    (folder / "ant" / "deep" / "3.bmp").write_bytes(good[:40])
    (folder / "cat" / "4.png").write_bytes(good[:30])
    with pytest.warns(SpotalWarning, match=r"skipped 2 of 20 images in .*animals \(.*3\.bmp.*4\.png"):
        data = load(folder)
    assert len(data.y) + len(data.y_test) == 18
    np.testing.assert_array_equal(data.X[:, 0, 0, 0] < 200, data.y == 1)
    with pytest.raises(DataFileError, match=r"2 of 20 images.*3\.bmp"):
        load(folder, strict=True)


def test_files_that_need_not_be_opened_to_be_left_out(folder):
    (folder / "cat" / "4.png").write_bytes(b"")
    (folder / "ant" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.warns(SpotalWarning, match=r"skipped 2 files in .*empty: 1 \(cat/4\.png\).*") as said:
        data = load(folder)
    assert len(said) == 1
    assert "link to nothing: 1 (ant/gone.png)" in str(said[0].message)
    assert len(data.y) + len(data.y_test) == 19
    with pytest.raises(DataFileError, match=r"2 files in .* cannot be read as images"):
        load(folder, strict=True)


def test_truncated_body_is_found_when_decoded(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    for k in range(4):
        save(tmp_path / "a" / f"{k}.jpg", noise)
    content = (tmp_path / "a" / "1.jpg").read_bytes()
    (tmp_path / "a" / "1.jpg").write_bytes(content[: len(content) // 2])
    with pytest.warns(SpotalWarning, match=r"skipped 1 of 4 .*1\.jpg"):
        data = load(tmp_path)
    assert len(data.y) + len(data.y_test) == 3


def test_nothing_readable_and_nothing_there(tmp_path):
    with pytest.raises(DataFileError, match=r"no sub-folders and no labels\.csv"):
        load(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataFileError, match="no images in its sub-folders"):
        load(tmp_path)
    (tmp_path / "a" / "x.png").write_bytes(b"x")
    with pytest.raises(DataFileError, match="1 of 1 images"):
        load(tmp_path)


def test_list_images(folder, tmp_path):
    save(folder / "cat" / ".thumb.png", color_image(0))
    (folder / "notes.txt").write_text("x")
    (folder / "cat" / "loop").symlink_to(folder)
    found = [path.relative_to(folder).as_posix() for path in list_images(folder)]
    assert found == [f"ant/deep/{k}.bmp" for k in range(10)] + [f"cat/{k}.png" for k in range(10)]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataFileError, match="has no images"):
        list_images(tmp_path / "none")
    with pytest.raises(DataFileError, match="found a file"):
        list_images(folder / "notes.txt")
    with pytest.raises(DataFileError, match="found nothing"):
        list_images(tmp_path / "nowhere")


def test_orientation_transparency_and_sixteen_bits(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(color_image(50, 4, 8)).save(tmp_path / "turned.jpg", exif=exif)
    assert decode(tmp_path / "turned.jpg", "x", None, None).shape == (8, 4, 3)
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = [200, 0, 0, 255]
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert decode(tmp_path / "clear.png", "x", None, None)[:, :, 0].tolist() == [[200, 255], [255, 255]]
    Image.fromarray(np.array([[0, 256 * 77], [65535, 255]], np.uint16)).save(tmp_path / "deep.png")
    assert decode(tmp_path / "deep.png", "x", None, None)[..., 0].tolist() == [[0, 77], [255, 0]]


def test_orientation_counts_for_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a").mkdir()
    for k in range(3):
        Image.fromarray(color_image(50, 4, 8)).save(tmp_path / "a" / f"{k}.jpg", exif=exif)
    assert load(tmp_path).X.shape == (2, 8, 4, 3)
