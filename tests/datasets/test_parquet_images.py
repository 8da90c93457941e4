"""Images in Parquet: names of classes, parts, sizes, and rows that cannot be read."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets_helpers import color_image
from PIL import Image

from spotal.datasets import load
from spotal.errors import DataFileError, SpotalWarning


def png(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def write(path, images, labels, *, column="image", names=None, bare=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = images if bare else [{"bytes": image, "path": f"{k}.png"} for k, image in enumerate(images)]
    table = pa.table({column: rows, "label": labels})
    if names:
        features = {"label": {"_type": "ClassLabel", "names": names}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path)
    return path


IMAGES = [png(color_image(10 * k)) for k in range(10)]
LABELS = [0, 1] * 5


@pytest.mark.parametrize(("column", "bare"), [("image", False), ("img", False), ("image", True)])
def test_one_file(tmp_path, column, bare):
    data = load(write(tmp_path / "a.parquet", IMAGES, LABELS, column=column, bare=bare))
    assert data.name == "a"
    assert data.class_names == ("0", "1")
    assert data.X.shape == (8, 6, 6, 3)
    assert np.bincount(data.y_test).tolist() == [1, 1]
    np.testing.assert_array_equal(data.X[:, 0, 0, 0] // 10 % 2, data.y)


def test_names_of_classes(tmp_path):
    path = write(tmp_path / "a.parquet", IMAGES, LABELS, names=["no", "yes", "unseen"])
    assert load(path).class_names == ("no", "yes", "unseen")
    path = write(tmp_path / "b.parquet", IMAGES, [5, 7] * 5)
    assert load(path).class_names == ("5", "7")
    path = write(tmp_path / "c.parquet", IMAGES, [0, 3] * 5, names=["no", "yes"])
    with pytest.raises(DataFileError, match="names 2 classes and has label 3"):
        load(path)


@pytest.mark.parametrize("layout", ["{}.parquet", "{}-00000-of-00001.parquet", "data/{}-00000-of-00001-abc.parquet"])
def test_folder_with_parts(tmp_path, layout):
    write(tmp_path / layout.format("train"), IMAGES[:6], LABELS[:6])
    write(tmp_path / layout.format("test"), IMAGES[6:], LABELS[6:])
    data = load(tmp_path)
    assert data.X[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50]
    assert data.y_test.tolist() == [0, 1, 0, 1]


def test_shards_are_joined_in_order(tmp_path):
    for k in range(5):
        write(tmp_path / f"train-{k}.parquet", IMAGES[2 * k : 2 * k + 2], LABELS[:2])
    write(tmp_path / "validation-0.parquet", IMAGES[:2], LABELS[:2])
    data = load(tmp_path)
    assert data.X[:, 0, 0, 0].tolist() == list(range(0, 100, 10))
    assert len(data.X_test) == 2


def test_sizes_follow_the_first(tmp_path):
    other = [png(color_image(10, 9, 9))]
    path = write(tmp_path / "a.parquet", IMAGES + other * 2, [*LABELS, 0, 1])
    assert load(path).X.shape == (10, 6, 6, 3)
    assert load(path, image_size=4).X.shape == (10, 4, 4, 3)


def test_corrupt_images(tmp_path):
    path = write(tmp_path / "a.parquet", [b"junk", *IMAGES, None], [1, *LABELS, 1])
    with pytest.warns(SpotalWarning, match=r"skipped 2 of 12 images in .*a\.parquet \(row 0 \(0\.png\) cannot"):
        data = load(path)
    assert len(data.y) + len(data.y_test) == 10
    np.testing.assert_array_equal(data.X[:, 0, 0, 0] // 10 % 2, data.y)
    with pytest.raises(DataFileError, match="2 of 12 images"):
        load(path, strict=True)


def test_damaged_and_foreign_files(tmp_path):
    path = write(tmp_path / "a.parquet", IMAGES, LABELS)
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    with pytest.raises(DataFileError, match=r"a\.parquet is truncated or not Parquet"):
        load(path)
    path = write(tmp_path / "b.parquet", IMAGES, [None, *LABELS[1:]])
    with pytest.raises(DataFileError, match="empty cell in column 'label', row 0"):
        load(path)
    (tmp_path / "f").mkdir()
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "f" / "x.parquet")
    with pytest.raises(DataFileError, match=r"must have columns 'image' \(or 'img'\) and 'label', found 'x'"):
        load(tmp_path / "f")
    path = write(tmp_path / "one.parquet", IMAGES[:2], [0, 1])
    with pytest.raises(DataFileError, match="only one item in each class"):
        load(path)
