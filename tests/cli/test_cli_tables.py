"""Tables of every kind through the command line: options, what is said, and side files by id."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 40
IDS = [f"é{k:03}" for k in range(ROWS)]
X = np.random.default_rng(0).normal(size=(ROWS, 2))


def european(path, columns, encoding="cp1252"):
    rows = [[str(cell).replace(".", ",") for cell in row] for row in zip(*columns.values(), strict=True)]
    Path(path).write_text("\n".join(";".join(row) for row in [list(columns), *rows]), encoding=encoding)


@pytest.fixture
def pools(empty):
    """One pool as European Excel writes it, and as Parquet and shards."""
    european("pool.csv", {"id": IDS, "x": X[:, 0], "y": X[:, 1]})
    pq.write_table(pa.table({"id": IDS, "x": X[:, 0], "y": X[:, 1]}), "pool.parquet")
    Path("shards").mkdir()
    columns = {"name": IDS, "x": X[:, 0], "y": X[:, 1], "weight": np.arange(ROWS) % 3}
    columns["video"] = [f"v{k % 4}" for k in range(ROWS)]
    table = pa.table(columns)
    for part in (0, 1):
        pq.write_table(table.slice(part * 25, 25), f"shards/{part}.parquet")
    pq.write_table(table, "whole.parquet")


def test_what_excel_writes_gives_the_same_picks(spotal, refused, pools, picks):
    said = refused("select", "pool.csv", "-n", 4)
    assert "pool.csv is not UTF-8 in line 2 (found byte 0xe9); name its encoding" in said
    result = spotal("select", "pool.csv", "-n", 4, "--encoding", "cp1252")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        "Note: pool.csv is read with semicolons between its columns",
        "Note: pool.csv is read with decimal commas",
    ]
    found = [line["id"] for line in picks()]
    assert spotal("select", "pool.parquet", "-n", 4).exit_code == 0
    assert [line["id"] for line in picks()] == found
    told = spotal("select", "pool.csv", "-n", 4, "--encoding", "cp1252", "--delimiter", ";")
    assert told.stderr.splitlines() == ["Note: pool.csv is read with decimal commas"]


def test_side_files_in_any_order_and_encoding_give_the_same_picks(spotal, pools, picks):
    order = np.random.default_rng(1).permutation(ROWS)
    columns = {"mass": np.arange(ROWS) + 1.0, "group": [f"g{k % 5}" for k in range(ROWS)]}
    for name, values in columns.items():
        np.save(f"{name}.npy", values)
        european(f"{name}.csv", {"id": [IDS[k] for k in order], name: [values[k] for k in order]})
        pq.write_table(pa.table({"id": [IDS[k] for k in order], name: [values[k] for k in order]}), f"{name}.parquet")
    p = np.random.default_rng(2).dirichlet([1, 1, 1], ROWS)
    np.save("p.npy", p)
    np.savez("p.npz", X=p[order], id=np.asarray(IDS)[order])
    european("p.csv", {"id": [IDS[k] for k in order], **{f"p{c}": p[order, c] for c in range(3)}})
    np.savetxt("p.tsv", p, delimiter="\t")
    common = ["select", "pool.csv", "-n", 4, "--encoding", "cp1252", "--max-per-group", 1]
    found = []
    for mass, group, probabilities in (
        ("mass.npy", "group.npy", "p.npy"),
        ("mass.csv", "group.csv", "p.csv"),
        ("mass.parquet", "group.parquet", "p.npz"),
        ("mass.npy", "group.npy", "p.tsv"),
    ):
        options = ["--mass", mass, "--groups", group, "--probabilities", probabilities]
        result = spotal(*common, *options)
        assert result.exit_code == 0, result.output
        found.append([line["id"] for line in picks()])
    assert found == [found[0]] * 4


def test_columns_of_shards_are_those_of_a_file(spotal, refused, pools, picks):
    options = ["-n", 4, "--id-column", "name", "--mass", "weight", "--groups", "video", "--max-per-group", 1]
    result = spotal("select", "shards", *options)
    assert result.exit_code == 0, result.output
    found = [line["id"] for line in picks()]
    assert spotal("select", "whole.parquet", *options).exit_code == 0
    assert [line["id"] for line in picks()] == found
    assert all(int(name[1:]) % 3 for name in found)  # those of no mass stand for nothing
    Path("picks.csv").unlink()
    columns = "found 'nope'; its columns are 'name', 'x', 'y', 'weight', 'video'"
    assert f"--id-column must name a column of shards/0.parquet, {columns}" in refused(
        "select", "shards", "-n", 4, "--id-column", "nope"
    )
    assert columns in refused("select", "shards", "-n", 4, "--mass", "nope")


def test_a_project_keeps_how_its_texts_are_written(spotal, empty):
    words = ["00007;né, oui", "7;0x07", "true;001", "x;2020-01-02"]
    Path("t.csv").write_text("id;text\n" + "\n".join(words), encoding="cp1252")
    Path("c.txt").write_text("été\nhiver\n", encoding="cp1252")
    made = spotal("init", "p", "--texts", "t.csv", "--classes-file", "c.txt", "--encoding", "cp1252", "--model", "auto")
    assert made.exit_code == 0, made.output
    from spotal.project import Project

    Path("labels.csv").write_text("id,label\n00007,été\ntrue,hiver\n", encoding="utf-16")
    with Project.open("p") as project:
        assert (project.settings.data.encoding, project.settings.data.delimiter) == ("cp1252", ";")
        assert project.settings.classes == ("été", "hiver")
        assert {item.id: item.text for item in project.items} == {
            "00007": "né, oui", "7": "0x07", "true": "001", "x": "2020-01-02",
        }  # fmt: skip
        assert not project.refresh().changed
    done = spotal("import", "labels.csv", "p")
    assert done.exit_code == 0, done.output
    assert "Recorded 2 of 2 answers" in done.stdout
    assert "Note: labels.csv is read as UTF-16" in done.stderr
    Path("latin.csv").write_text("id,label\n7,été\n", encoding="latin-1")
    assert spotal("import", "latin.csv", "p").exit_code == 2
    assert spotal("import", "latin.csv", "p", "--encoding", "latin-1").exit_code == 0


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_settings_with_a_mark_and_numbers_that_are_too_large(spotal, refused, empty, mark):
    Path("t.csv").write_text("id,text\n" + "\n".join(f"{k},word {k}" for k in range(20)))
    assert spotal("init", "p", "--texts", "t.csv", "--classes", "a,b").exit_code == 0
    plain = Path("p/spotal.toml").read_text()
    Path("p/spotal.toml").write_text(mark + plain, encoding="utf-8")
    assert spotal("status", "p").exit_code == 0
    for line in ("batch_size = 20", "overlap = 1", "random_state = 0"):
        for digits in (20, 400, 5000):
            name = line.split(" =")[0]
            assert line in plain
            Path("p/spotal.toml").write_text(mark + plain.replace(line, f"{name} = {'9' * digits}"), encoding="utf-8")
            said = refused("status", "p")
            assert name in said if digits < 5000 else "is not valid TOML" in said
    Path("p/spotal.toml").write_text(mark + "x = " + "[" * 100_000, encoding="utf-8")
    assert "nested too deep" in refused("status", "p")
    protocol = (
        'dataset = "digits"\nbatch_size = 5\nrounds = {}\nstrategies = ["random"]\nlearner.kind = "linear-probe"\n'
    )
    for number in ("9" * 20, "9" * 400, "9" * 5000, "1e400", "100000000"):
        Path("b.toml").write_text(mark + protocol.format(number), encoding="utf-8")
        assert "rounds" in refused("bench", "b.toml") or len(number) == 5000
    parameters = '{name = "random", parameters = {seed = ' + "9" * 400 + "}}"
    Path("b.toml").write_text(protocol.format(2).replace('"random"', parameters))
    assert "must lie within" in refused("bench", "b.toml")
