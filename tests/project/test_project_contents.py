"""An item is what it contains: labels follow contents wherever they go, and hold for nothing else."""

from __future__ import annotations

import csv
import os
import sqlite3
import time
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from spotal.errors import DataFileError, SpotalWarning
from spotal.project import Audit, Data, Pick, Project, Settings
from spotal.project.places import DATABASE
from spotal.project.records import Added, Found
from spotal.storage.system import file_system

CLASSES = ("cat", "dog")
NOTHING_HELD = Audit(held_back=0.0, share=0.0)


@pytest.fixture
def texts(tmp_path):
    """Write a table of texts, and open the project over it, made where it is none yet."""
    opened = []

    def texts(rows, ids=None, **settings):
        with open(tmp_path / "t.csv", "w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["text"] if ids is None else ["id", "text"])
            lines.writerows([text] if ids is None else [ids[k], text] for k, text in enumerate(rows))
        if not opened:
            chosen = Settings(Data("../t.csv", "text"), CLASSES, **{"audit": NOTHING_HELD, **settings})
            opened.append(Project.create(tmp_path / "p", chosen))
        return opened[0]

    yield texts
    for project in opened:
        project.close()


def label(project, **by_text):
    """Label items by their texts, whose spaces are underscores."""
    for text, label in by_text.items():
        for item in project.items:
            if item.text == text.replace("_", " ") and not item.missing:
                project.labels.record(item.id, label, annotator="ann")
                break


def trainable(project):
    """Texts and labels that may be trained on."""
    known = {item.id: item for item in project.items}
    return {
        known[name].text: row.label for name, row in project.labels.current().items() if not known[name].missing
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "moved", "left"),
    [
        (["new", "a", "b", "c", "d"], 4, {"a": "cat", "d": "dog"}),
        (["b", "c", "d"], 3, {"d": "dog"}),
        (["d", "c", "b", "a"], 4, {"a": "cat", "d": "dog"}),
        (["a", "x", "y", "b", "c", "d", "z"], 3, {"a": "cat", "d": "dog"}),
        (["c", "d", "a"], 3, {"a": "cat", "d": "dog"}),
    ],
)
def test_rows_without_ids_are_followed(texts, rows, moved, left):
    project = texts(["a", "b", "c", "d"])
    label(project, a="cat", d="dog")
    texts(rows)
    with pytest.warns(SpotalWarning, match=f"^{moved} rows moved; their labels went with them$"):
        report = project.refresh()
    assert len(report.moved) == moved
    assert report.changed == []
    assert trainable(project) == left
    assert {item.text: item.row for item in project.items if not item.missing} == {t: k for k, t in enumerate(rows)}
    texts(["a", "b", "c", "d"])
    with pytest.warns(SpotalWarning):
        project.refresh()
    assert trainable(project) == {"a": "cat", "d": "dog"}  # what came back has its label again


def test_a_row_whose_content_changed_is_asked_again(texts):
    project = texts(["a", "b", "c", "d"])
    project.rounds.add([Pick("1"), Pick("2")], strategy="spot", n_labeled=0)
    label(project, a="cat", b="dog", c="cat")
    assert project.counts().open == 0
    texts(["top", "a", "B!", "c", "d"])
    with pytest.warns(SpotalWarning) as said:
        report = project.refresh()
    assert report.changed == ["1"]
    told = "1 label set aside and not trained on, since 1 item changed after being labeled: '1'; label"
    assert any(str(one.message).startswith(told) for one in said)
    assert trainable(project) == {"a": "cat", "c": "cat"}
    assert [event.item for event in project.labels.set_aside()] == ["1"]
    assert [task.item.text for task in project.rounds.batch()] == ["B!"]
    with pytest.warns(SpotalWarning, match="set aside"):
        project.refresh()  # said each time
    project.labels.record("1", "cat", annotator="bob")
    assert project.labels.set_aside() == []
    assert trainable(project) == {"a": "cat", "B!": "cat", "c": "cat"}
    assert len(project.labels.history("1")) == 2  # nothing that was said is lost


def test_a_person_may_vouch_for_changed_items(texts):
    project = texts(["a", "b", "c"])
    label(project, a="cat", b="dog")
    texts(["a", "b with a comma", "c"])
    assert project.labels.keep() == []  # nothing is known to be changed yet
    with pytest.warns(SpotalWarning):
        project.refresh()
    assert project.labels.keep() == ["1"]
    assert trainable(project) == {"a": "cat", "b with a comma": "dog"}
    texts(["a", "something else", "c"])
    with pytest.warns(SpotalWarning):
        project.refresh()
    assert trainable(project) == {"a": "cat"}  # vouched for one content, not for all that may come
    assert project.labels.keep(["1"]) == ["1"]
    assert trainable(project) == {"a": "cat", "something else": "dog"}
    texts(["a", "b", "c"])
    project.refresh()
    assert trainable(project) == {"a": "cat", "b": "dog"}


def test_an_undo_brings_back_nothing_that_was_said_of_another_content(texts):
    project = texts(["a", "b"])
    label(project, a="cat")
    texts(["A", "b"])
    with pytest.warns(SpotalWarning):
        project.refresh()
    project.labels.record("0", "dog", annotator="ann")
    project.labels.undo("ann")
    assert trainable(project) == {}


def test_an_answer_about_what_was_shown_holds_for_that_alone(texts):
    project = texts(["a", "b"])
    shown = project.items.get("0").content
    texts(["A", "b"])
    project.refresh()
    project.labels.record("0", "cat", annotator="ann", content=shown)  # a page that was open all the while
    assert trainable(project) == {}
    assert [event.item for event in project.labels.set_aside()] == ["0"]


def test_copies_keep_their_labels_in_order(texts):
    project = texts(["same", "b", "same", "same"])
    for name, word in (("0", "cat"), ("2", "dog")):
        project.labels.record(name, word, annotator="ann")
    texts(["new", "same", "b", "same", "same"])
    with pytest.warns(SpotalWarning, match="moved"):
        assert project.refresh().unclear == []
    assert {name: row.label for name, row in project.labels.current().items()} == {"0": "cat", "2": "dog"}
    assert [project.items.get(name).row for name in ("0", "2", "3")] == [1, 3, 4]


def test_one_of_two_copies_with_other_labels_is_nobodys_guess(texts):
    project = texts(["same", "b", "same", "c"])
    for name, word in (("0", "cat"), ("2", "dog"), ("3", "dog")):
        project.labels.record(name, word, annotator="ann")
    texts(["b", "same", "c"])
    with pytest.warns(SpotalWarning) as recorded:
        report = project.refresh()
    assert report.unclear == ["0", "2"]
    assert trainable(project) == {"c": "dog"}
    # sqlite3 of Python 3.12.1 warns too
    _, message = (str(warning.message) for warning in recorded if issubclass(warning.category, SpotalWarning))
    assert message.startswith("2 items had equal content and different labels")
    assert message.endswith("'0', '2'")
    project.refresh()
    texts(["same", "b", "same", "c"])
    with pytest.warns(SpotalWarning):
        project.refresh()
    assert trainable(project) == {"c": "dog"}


def test_of_copies_with_one_label_the_labeled_one_stays(texts):
    project = texts(["same", "same", "b"])
    project.labels.record("1", "cat", annotator="ann")
    texts(["same", "b"])
    with pytest.warns(SpotalWarning, match="moved"):
        project.refresh()
    assert trainable(project) == {"same": "cat"}


def test_ids_that_shifted_do_not_carry_labels_away(texts):
    """A column of ids that only counts rows is no better than none."""
    project = texts(["a", "b", "c"], ids=[0, 1, 2])
    label(project, a="cat", c="dog")
    texts(["new", "a", "b", "c"], ids=[0, 1, 2, 3])
    with pytest.warns(SpotalWarning, match="3 items renamed.*'0 to 1', '1 to 2', '2 to 3'"):
        project.refresh()
    assert trainable(project) == {"a": "cat", "c": "dog"}
    assert [(item.id, item.text) for item in project.items] == [("1", "a"), ("2", "b"), ("3", "c"), ("0", "new")]


def test_an_id_keeps_its_label_while_its_text_is_the_same(texts):
    project = texts(["a", "b", "c"], ids=["x", "y", "z"])
    label(project, a="cat", b="dog")
    texts(["c", "b 2", "a"], ids=["z", "y", "x"])
    with pytest.warns(SpotalWarning, match="1 label set aside.*'y'"):
        report = project.refresh()
    assert (report.changed, report.moved, report.renamed) == (["y"], [], {})
    assert trainable(project) == {"a": "cat"}


def test_the_neighbors_of_a_pick_are_renamed_too(texts):
    project = texts(["a", "b"], ids=["x", "y"])
    project.rounds.add([Pick("x", about={"neighbors": ["y"]})], strategy="spot", n_labeled=0)
    texts(["a", "b"], ids=["new x", "new y"])
    with pytest.warns(SpotalWarning, match="renamed"):
        project.refresh()
    (pick,) = project.rounds.picks()
    assert (pick.item, pick.about["neighbors"]) == ("new x", ["new y"])


def photo(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, "BMP")


@pytest.fixture
def images(tmp_path):
    for k in range(4):
        photo(tmp_path / "photos" / f"{k}.bmp", k)
    with Project.create(tmp_path / "p", Settings(Data("../photos"), CLASSES, audit=NOTHING_HELD)) as project:
        project.labels.record("0.bmp", "cat", annotator="ann")
        project.labels.record("1.bmp", "dog", annotator="ann")
        yield project


def held(project):
    return {name: row.label for name, row in project.labels.current().items()}


def test_images_that_change_names_take_their_labels_along(images, tmp_path):
    photos = tmp_path / "photos"
    os.rename(photos / "0.bmp", photos / "swap")
    os.rename(photos / "1.bmp", photos / "0.bmp")
    os.rename(photos / "swap", photos / "1.bmp")
    (photos / "sub").mkdir()
    os.rename(photos / "2.bmp", photos / "sub" / "c.bmp")
    with pytest.warns(SpotalWarning, match="3 items renamed"):
        report = images.refresh()
    assert report.renamed == {"1.bmp": "0.bmp", "0.bmp": "1.bmp", "sub/c.bmp": "2.bmp"}
    assert held(images) == {"1.bmp": "cat", "0.bmp": "dog"}
    assert images.items.file(images.items.get("sub/c.bmp")).is_file()


def test_a_file_that_took_the_place_of_another(images, tmp_path):
    photos = tmp_path / "photos"
    os.replace(photos / "1.bmp", photos / "0.bmp")
    with pytest.warns(SpotalWarning, match="'1.bmp to 0.bmp'"):
        report = images.refresh()
    assert report.missing == ["0.bmp"]
    assert held(images)["0.bmp"] == "dog"
    gone = images.items.at([0])[0]
    assert gone.missing
    assert gone.id == "0.bmp (gone, item 0)"
    photo(photos / "again.bmp", 0)
    with pytest.warns(SpotalWarning, match="renamed"):
        images.refresh()
    assert held(images) == {"again.bmp": "cat", "0.bmp": "dog"}


def test_other_bytes_under_the_same_name_size_and_time(images, tmp_path):
    path = tmp_path / "photos" / "0.bmp"
    before = path.stat()
    photo(path, 99)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    with pytest.warns(SpotalWarning, match="1 label set aside.*'0.bmp'"):
        images.refresh()
    assert held(images) == {"1.bmp": "dog"}


def test_a_file_is_read_once_while_nothing_touches_it(images, tmp_path, monkeypatch):
    from spotal.project import contents

    later = time.time_ns() + 10**10
    monkeypatch.setattr(contents.time, "time_ns", lambda: later)
    images.refresh()  # stamps are believed from now on
    monkeypatch.setattr(contents, "file_digest", lambda *_: pytest.fail("was read again"))
    assert images.refresh().changed == []


@pytest.fixture
def pool(tmp_path):
    rows = np.random.default_rng(0).normal(size=(6, 3))
    np.save(tmp_path / "x.npy", rows.astype(np.float32))
    settings = Settings(Data("../x.npy", "embedding"), CLASSES, audit=NOTHING_HELD)
    with Project.create(tmp_path / "p", settings) as project:
        project.labels.record("0", "cat", annotator="ann")
        project.labels.record("4", "dog", annotator="ann")
        yield project, rows, tmp_path / "x.npy"


@pytest.fixture
def settled(monkeypatch):
    """The stamps of tables are believed at once; gives a list that grows by one with each look at the rows."""
    from spotal.project import project, sources

    monkeypatch.setattr(sources, "SETTLED", -(10**18))
    monkeypatch.setattr(sources, "UNTIMED", ())
    looks = []
    monkeypatch.setattr(project, "look", lambda *a, **k: looks.append(1) or sources.look(*a, **k))
    return looks


def test_a_table_is_read_once_while_nothing_touches_it(settled, pool):
    project, rows, path = pool
    assert len(settled) == 1  # by the fixture
    for _ in range(2):
        assert project.refresh() == Added()
    assert len(settled) == 1
    project.refresh(whole=True)
    assert len(settled) == 2
    os.utime(path)
    assert project.refresh() == Added()
    project.refresh()
    assert len(settled) == 3
    np.save(path, np.concatenate([rows[[5, 0, 1, 2, 3]], rows[:2] + 9]))
    with pytest.warns(SpotalWarning, match="moved"):
        arrived = project.refresh()
    assert (len(arrived.new), len(arrived.changed)) != (0, 0)
    assert project.refresh() == Added()
    assert len(settled) == 4


def test_a_table_is_read_again_where_other_things_are_in_the_project(settled, pool):
    project = pool[0]
    project.items.add([Found("9", "embedding", "other", row=9, named=False)])
    assert project.refresh().missing == ["9"]
    assert project.refresh() == Added()
    assert len(settled) == 2
    with project.database.write() as connection:  # as a repair may leave it
        connection.exec_driver_sql("UPDATE items SET missing = 1 WHERE number = 3")
    assert project.refresh().back == ["3"]


def test_a_table_just_written_is_read_again(pool):
    project, rows, path = pool
    project.refresh()
    before = path.stat()
    rows[2] += 1
    np.save(path, rows.astype(np.float32))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.refresh().changed == ["2"]


def test_a_table_changed_behind_its_stamp_is_read_again(settled, pool, tmp_path):
    project, rows, path = pool
    rows = rows.astype(np.float32)

    def changed(row, change):
        before = path.stat()
        rows[row] += 1
        change()
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        assert project.refresh().changed == [str(row)]

    def replace():
        np.save(tmp_path / "other.npy", rows)
        os.replace(tmp_path / "other.npy", path)

    def link():
        np.save(tmp_path / f"linked {rows[0, 0]}.npy", rows)
        path.unlink()
        path.symlink_to(tmp_path / f"linked {rows[0, 0]}.npy")

    changed(1, lambda: np.save(path, rows))
    changed(2, replace)
    changed(3, link)
    changed(5, link)


def test_writes_through_a_map_are_seen(pool, monkeypatch):
    from spotal.project import sources

    monkeypatch.setattr(sources, "SETTLED", -(10**18))
    project, _, path = pool
    held_open = np.load(path, mmap_mode="r+")
    for row in (1, 2, 2, 3):  # the file's time changes with the first write to a page that is on disk
        held_open[row] += 1
        assert project.refresh().changed == [str(row)]


def test_stamps_are_not_believed_in_a_file_system_in_memory(pool, monkeypatch):
    from spotal.project import sources

    project = pool[0]
    data, folder = project.settings.data, project.folder
    monkeypatch.setattr(sources, "SETTLED", -(10**18))
    monkeypatch.setattr(sources, "file_system", lambda device: "ext4")
    assert sources.table_stamp(data, folder) is not None
    monkeypatch.setattr(sources, "file_system", lambda device: "tmpfs")
    assert sources.table_stamp(data, folder) is None


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="no file system in memory is there")
def test_the_type_of_a_file_system_is_known():
    assert file_system(os.stat("/dev/shm").st_dev) == "tmpfs"
    assert file_system(0xFFF00) is None


def test_rows_of_numbers_are_followed(pool):
    project, rows, path = pool
    np.save(path, np.roll(rows, 1, axis=0))
    with pytest.warns(SpotalWarning, match="6 rows moved"):
        project.refresh()
    assert [project.items.get(name).row for name in ("0", "4")] == [1, 5]
    assert held(project) == {"0": "cat", "4": "dog"}


@pytest.mark.parametrize(("kind", "is_same"), [("float32", True), ("float64", True), ("float16", False)])
def test_numbers_may_be_saved_in_a_wider_type(pool, kind, is_same):
    project, rows, path = pool
    np.save(path, rows.astype(np.float32).astype(kind))
    if is_same:
        assert project.refresh().changed == []
        assert held(project) == {"0": "cat", "4": "dog"}
        return
    with pytest.warns(SpotalWarning, match="2 labels set aside"):
        project.refresh()
    assert held(project) == {}
    assert project.labels.keep() == ["0", "4"]  # the same things, rounded
    assert held(project) == {"0": "cat", "4": "dog"}


def test_a_pool_embedded_anew_may_keep_its_labels_and_grow(pool):
    project, rows, path = pool
    np.save(path, np.concatenate([rows, rows[:2]]) * 3 + 1)
    with pytest.warns(SpotalWarning, match="2 labels set aside"):
        report = project.refresh()
    assert (len(report.changed), len(report.new), report.missing) == (6, 2, [])


def test_empty_texts_are_no_items(texts):
    project = texts(["a", "  ", "b", "\u200b\t", "c"])
    assert [(item.id, item.text) for item in project.items] == [("0", "a"), ("2", "b"), ("4", "c")]
    assert project.arrived.empty == ["1", "3"]
    texts(["new", "a", "  ", "b", "c"])
    with pytest.warns(SpotalWarning, match="2 rows moved"):
        report = project.refresh()
    assert report.new == ["5"]  # "0" is another item's


def test_nothing_is_made_of_empty_texts_alone(texts):
    with pytest.raises(DataFileError, match="empty texts only"):
        texts(["", " "])


def test_copies_are_held_back_together(texts):
    project = texts([f"text {k // 2}" for k in range(200)], audit=Audit(held_back=0.3))
    held = [item.held_back for item in project.items]
    assert held[::2] == held[1::2]
    assert 10 < sum(held[::2]) < 60


def first_version(folder, change):
    """Make a project what revision 0001 would have made of it."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        for kind, name in connection.execute(
            "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')"
        ).fetchall():
            connection.execute(f"DROP {kind} {name}")
        for index in ("ix_items_missing", "ix_items_changed"):
            connection.execute(f"DROP INDEX {index}")
        for table in ("vouched", "suggestions", "imports", "standings"):
            connection.execute(f"DROP TABLE {table}")
        for table, column in (("events", "content"), ("items", "stamp"), ("items", "changed")):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        for number, content in change.items():
            connection.execute("UPDATE items SET content = ? WHERE number = ?", (content, number))
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()


def test_labels_of_images_outlast_the_upgrade_where_they_can_be_vouched_for(images, tmp_path):
    photos = tmp_path / "photos"
    stats = [(photos / f"{k}.bmp").stat() for k in range(4)]
    images.close()
    first_version(images.folder, {k: f"{found.st_size}:{found.st_mtime_ns}" for k, found in enumerate(stats)})
    photo(photos / "1.bmp", 50)
    with Project.open(images.folder) as project:
        assert held(project) == {"0.bmp": "cat", "1.bmp": "dog"}
        with pytest.warns(SpotalWarning, match="1 label set aside.*'1.bmp'"):
            report = project.refresh()
        assert report.changed == ["1.bmp"]
        assert held(project) == {"0.bmp": "cat"}
        os.rename(photos / "0.bmp", photos / "z.bmp")
        with pytest.warns(SpotalWarning):
            assert project.refresh().renamed == {"z.bmp": "0.bmp"}
        assert held(project) == {"z.bmp": "cat"}


def test_labels_of_rows_outlast_the_upgrade_where_they_can_be_vouched_for(tmp_path):
    from hashlib import blake2b

    rows = np.random.default_rng(0).normal(size=(5, 3))
    np.save(tmp_path / "x.npy", rows)
    settings = Settings(Data("../x.npy", "embedding"), CLASSES, audit=NOTHING_HELD)
    with Project.create(tmp_path / "p", settings) as project:
        for name, word in (("0", "cat"), ("1", "cat"), ("3", "dog")):
            project.labels.record(name, word, annotator="ann")
    first_version(tmp_path / "p", {k: blake2b(row.tobytes(), digest_size=12).hexdigest() for k, row in enumerate(rows)})
    rows[1] += 1
    np.save(tmp_path / "x.npy", np.concatenate([rows[4:], rows[:4]]))
    with Project.open(tmp_path / "p") as project:
        with pytest.warns(SpotalWarning) as said:
            project.refresh()
        assert [str(one.message)[:20] for one in said] == ["4 rows moved; their ", "1 label set aside an"]
        assert {name: project.items.get(name).row for name in held(project)} == {"0": 1, "3": 4}


def test_many_rows_are_written_in_parts_and_matched(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(25_000, 2)).astype(np.float32)
    rows[15_000:20_000] = rows[:5_000]  # copies in other parts, which share who is held back
    np.save(tmp_path / "rows.npy", rows)
    settings = Settings(Data("../rows.npy", "embedding"), CLASSES, audit=Audit(held_back=0.3))
    with Project.create(tmp_path / "p", settings) as project:
        items = list(project.items)
        assert [(item.number, item.id, item.row) for item in items] == [(k, str(k), k) for k in range(len(rows))]
        held = np.asarray([item.held_back for item in items])
        assert 0.28 < held.mean() < 0.32
        assert np.array_equal(held[15_000:20_000], held[:5_000])
        assert project.refresh() == Added()
        swapped = np.r_[1, 0, 2 : len(rows)]
        np.save(tmp_path / "rows.npy", rows[swapped])
        with pytest.warns(SpotalWarning, match="2 rows"):
            assert sorted(project.refresh().moved) == ["0", "1"]
        assert [item.row for item in project.items.named(["0", "1", "2"])] == [1, 0, 2]
