"""Sources: folders, tables of each kind and layout, datasets, and what is wrong with some."""

import io
import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.raising import raises_input

from spotal.embed import open_items
from spotal.embed.items.base import image_of
from spotal.errors import DataFileError, InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)


def encoded(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(items):
    rows = range(len(items.ids))
    return np.stack([image_of(c, row, None, 3, None) for row, c in zip(rows, items.read(rows), strict=True)])


LAYOUTS = {
    "struct": [{"bytes": encoded(image), "path": None} for image in IMAGES],
    "bytes": [encoded(image) for image in IMAGES],
    "struct-path": [{"bytes": None, "path": f"{k}.png"} for k in range(6)],
    "path": [f"{k}.png" for k in range(6)],
}


def test_a_page_of_a_parquet_file_that_cannot_be_unpacked_is_told_when_it_is_read(tmp_path):
    path = tmp_path / "pool.parquet"
    pq.write_table(pa.table({"image": LAYOUTS["struct"] * 20}), path, row_group_size=60, use_dictionary=False)
    page = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    middle = page.data_page_offset + page.total_compressed_size // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    items = open_items(path)
    with pytest.raises(DataFileError, match=r"pool\.parquet cannot be read|pool\.parquet is truncated or corrupt"):
        items.read([100])


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_in_tables(tmp_path, kind, layout):
    for k, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / f"{k}.png")
    table = pa.table({"label": range(6), "image": LAYOUTS[layout]})
    path = tmp_path / ("pool.parquet" if kind == "parquet" else "pool.arrow")
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=4)
    elif kind == "arrow":
        pyarrow.feather.write_feather(table, path)
    else:
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    items = open_items(path)
    assert items.takes == "images"
    assert items.ids.tolist() == list(range(6))
    np.testing.assert_array_equal(pixels(items), IMAGES)
    again = pickle.loads(pickle.dumps(items))
    np.testing.assert_array_equal(pixels(again), IMAGES)
    content = items.read([5, 0])
    np.testing.assert_array_equal(image_of(content[0], "", None, 3, None), IMAGES[5])


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_texts_in_tables(tmp_path, kind):
    texts = ["one", "two, three", "vier\nfünf", ""]
    path = tmp_path / f"pool.{kind}"
    if kind == "csv":
        path.write_text('name,text\na,one\nb,"two, three"\nc,"vier fünf"\nd,""\n')
        texts[2] = "vier fünf"
    elif kind == "jsonl":
        path.write_text("".join(json.dumps({"name": n, "text": t}) + "\n" for n, t in zip("abcd", texts, strict=True)))
    else:
        pq.write_table(pa.table({"name": list("abcd"), "text": texts}), path)
    items = open_items(path, id_column="name")
    assert (items.takes, items.ids) == ("text", list("abcd"))
    assert items.read([3, 1, 0, 2]) == [texts[k] for k in (3, 1, 0, 2)]
    assert items.source["rows"] == {path.name: 4}


def test_a_folder_of_tables_has_ids_by_file_or_of_its_own(tmp_path):
    for k in range(2):
        part = pa.table(
            {"id": [f"{k}-{j}" for j in range(3)], "other": range(3), "text": [f"{k}{j}" for j in range(3)]}
        )
        pq.write_table(part, tmp_path / f"part-{k}.parquet")
    items = open_items(tmp_path)
    assert items.ids == ["0-0", "0-1", "0-2", "1-0", "1-1", "1-2"]
    assert items.read([4]) == ["11"]
    with pytest.raises(DataFileError, match="must not repeat, found 0"):
        open_items(tmp_path, id_column="other")
    for k in range(2):
        pq.write_table(pa.table({"text": [f"{k}{j}" for j in range(3)]}), tmp_path / f"part-{k}.parquet")
    assert open_items(tmp_path).ids[2:4] == ["part-0.parquet:2", "part-1.parquet:0"]


def test_hugging_face_s_saved_folder(tmp_path):
    table = pa.table({"text": ["a", "b"]})
    with pa.ipc.new_stream(tmp_path / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "dataset_info.json").write_text("{}")
    (tmp_path / "state.json").write_text("{}")
    assert open_items(tmp_path).read([1]) == ["b"]


def test_folders_and_datasets(photos):
    items = open_items(photos)
    assert items.ids[:2] == ["0/00.png", "0/02.png"]
    assert items.sizes[0] == (photos / "0" / "00.png").stat().st_size
    (photos / "labels.csv").write_text("file,label\n")
    assert open_items(photos).ids == items.ids
    digits = open_items("digits")
    assert digits.ids.tolist() == list(range(len(digits.images)))
    assert image_of(digits.read([3])[0], 3, (16, 16), 3, None).shape == (16, 16, 3)


def test_cells_that_hold_nothing(tmp_path):
    pq.write_table(
        pa.table({"image": [None, {"bytes": None, "path": None}, {"bytes": b"x", "path": "a"}]}), tmp_path / "p.parquet"
    )
    empty, bare, good = open_items(tmp_path / "p.parquet").read(range(3))
    assert isinstance(empty, DataFileError)
    assert "0 is empty" in str(empty)
    assert isinstance(bare, DataFileError)
    assert good == b"x"


def test_sources_that_are_none(tmp_path, photos):
    pq.write_table(pa.table({"x": [1.0], "y": ["a"]}), tmp_path / "p.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "p.parquet").read_bytes()[:50])
    (tmp_path / "cut.arrow").write_bytes(b"ARROW1\0\0garbage")
    (tmp_path / "cut.jsonl").write_text('{"a": ')
    for name, options, error, message in (
        ("none", {}, DataFileError, "does not exist"),
        ("p.parquet", {}, InputError, r"column must name the column of images or text .* 'x', 'y'"),
        ("p.parquet", {"column": "z"}, InputError, "column must name a column .* found 'z'"),
        ("p.parquet", {"column": "x"}, DataFileError, "has double in column 'x', not images or text"),
        ("p.parquet", {"column": "y", "id_column": "z"}, InputError, "found no 'z'"),
        ("cut.parquet", {}, DataFileError, "truncated or corrupt"),
        ("cut.arrow", {}, DataFileError, "damaged or cut short"),
        ("cut.jsonl", {}, DataFileError, "is no JSON in line 1"),
        ("photos/0/00.png", {}, DataFileError, "give its folder"),
        ("photos", {"column": "x"}, InputError, "column 'x' cannot be read from a folder of images"),
    ):
        with pytest.raises(error, match=message):
            open_items(tmp_path / name, **options)
    with raises_input("id_column", "cannot be read from a dataset"):
        open_items("digits", id_column="x")
