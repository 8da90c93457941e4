"""``spotal select``: kinds of pools, what is known of them, and what is written and printed."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import spotal as library
from spotal.cli.main import app
from spotal.design.merit import fill_distance


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
def test_every_kind_of_file_gives_the_library_s_picks(spotal, pool, picks, points, kind):
    options = [] if kind == "npy" else ["--id-column", "name"]
    # weight is a feature of a table unless it is named
    options += ["--mass", "weight"] if kind != "npy" else []
    result = spotal("select", pool[kind], "--budget", 7, "--random-state", 3, *options)
    assert result.exit_code == 0, result.output
    mass = None if kind == "npy" else np.arange(120) % 3
    exact = points if kind in ("npy", "npz") else points.astype(float)
    expected = library.select(exact, 7, mass=mass, random_state=3)
    lines = picks()
    assert list(lines[0]) == ["id", "rank", "row", "cell_mass", "strategy", "weight", "stratum", "probability"]
    assert [int(line["row"]) for line in lines] == expected.indices.tolist()
    assert [float(line["cell_mass"]) for line in lines] == expected.cell_mass.tolist()
    assert [int(line["rank"]) for line in lines] == list(range(1, 8))
    assert {line["strategy"] for line in lines} == {"spot"}
    name = "{}" if kind == "npy" else "item-{}"
    assert [line["id"] for line in lines] == [name.format(row) for row in expected.indices]


def test_summary_says_what_was_done(spotal, pool, points):
    out = spotal("select", pool["npy"], "--budget", 7).stdout
    assert "Chose 7 of 120 rows, 6 numbers each, by spot" in out
    chosen = points[library.select(points, 7, random_state=0).indices]
    assert f"largest distance of a row to its nearest pick: {fill_distance(chosen, points):.4g}" in out
    assert "Wrote picks.csv" in out
    out = spotal("select", pool["npy"], "--budget", 7, "--strategy", "spot-paper").stdout
    figures = library.select(points, 7, "spot-paper", random_state=0).diagnostics
    assert f"picks {figures['pick_discrepancy']:.4g}, design {figures['design_discrepancy']:.4g}" in out


def test_same_state_same_bytes_and_another_state_others(spotal, pool):
    for name, state in (("a", 5), ("b", 5), ("c", 6)):
        options = "-n", 9, "--draw", "--random-state", state, "-o", f"{name}.csv"
        assert spotal("select", pool["npy"], *options).exit_code == 0
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    assert Path("a.csv").read_bytes() != Path("c.csv").read_bytes()


def test_json_is_one_document_and_agrees_with_the_file(spotal, pool, picks):
    result = spotal("select", pool["npy"], "-n", 4, "--strategy", "coreset", "--json", "-o", "deep/er/picks.csv")
    document = json.loads(result.stdout)
    lines = picks("deep/er/picks.csv")
    assert [str(pick["row"]) for pick in document["picks"]] == [line["row"] for line in lines]
    assert document["n_rows"] == 120
    assert document["strategy"] == document["provenance"]["strategy"] == "coreset"
    assert document["fill_distance"]["rows"] == 120
    assert document["fill_distance"]["picks"] < document["fill_distance"]["random"]


@pytest.mark.parametrize("form", ["npy", "txt", "row.csv", "id.csv", "name.csv"])
def test_labeled_rows_are_never_picked(spotal, pool, picks, form):
    rows = np.arange(100)
    labeled = Path(f"labeled.{form}")
    if form == "npy":
        np.save(labeled, rows)
    elif form == "txt":
        labeled.write_text("\n".join(f"item-{row}" for row in rows))
    elif form == "row.csv":
        labeled.write_text("row,label\n" + "\n".join(f"{row},{row % 2}" for row in rows))
    else:
        labeled.write_text(f"{form[:-4]},label\n" + "\n".join(f"item-{row},{'ab'[row % 2]}" for row in rows))
    result = spotal("select", pool["csv"], "-n", 20, "--labeled", labeled, "--id-column", "name", "--mass", "weight")
    assert result.exit_code == 0, result.output
    assert sorted(int(line["row"]) for line in picks()) == list(range(100, 120))
    assert "120 rows, 100 of them labeled" in result.stdout


def test_labeled_rows_change_the_picks_left(spotal, pool, picks, points):
    np.save("labeled.npy", np.array([4, 50]))
    spotal("select", pool["npy"], "-n", 5, "--labeled", "labeled.npy")
    expected = library.select(points, 5, labeled=[4, 50], random_state=0)
    assert [int(line["row"]) for line in picks()] == expected.indices.tolist()


@pytest.mark.parametrize("form", ["column", "npy", "txt", "csv"])
def test_mass_steers_the_picks(spotal, pool, picks, form):
    weight = (np.arange(120) % 3).astype(float)
    mass = f"mass.{form}"
    if form == "column":
        mass = "weight"
    elif form == "npy":
        np.save(mass, weight)
    else:
        Path(mass).write_text("mass\n" * (form == "csv") + "\n".join(map(str, weight)))
    kind = "parquet" if form == "column" else "npy"
    assert spotal("select", pool[kind], "-n", 10, "--mass", mass, "--strategy", "random").exit_code == 0
    rows = np.array([int(line["row"]) for line in picks()])
    assert (weight[rows] > 0).all()


def test_probabilities_reach_the_strategy(spotal, refused, pool, picks):
    unsure = np.array([7, 70, 90])
    probabilities = np.tile([0.98, 0.02], (120, 1))
    probabilities[unsure] = 0.5
    np.save("p.npy", probabilities)
    assert spotal("select", pool["npy"], "-n", 3, "--strategy", "margin", "--probabilities", "p.npy").exit_code == 0
    assert sorted(int(line["row"]) for line in picks()) == unsure.tolist()
    assert "--probabilities must be given" in refused("select", pool["npy"], "-n", 3, "--strategy", "margin")
    np.save("p.npy", probabilities[1:])
    assert "120 rows" in refused("select", pool["npy"], "-n", 3, "--strategy", "margin", "--probabilities", "p.npy")


def test_no_budget_left_writes_a_header_alone(spotal, pool):
    assert spotal("select", pool["npy"], "-n", 0).exit_code == 0
    assert Path("picks.csv").read_text() == "id,rank,row,cell_mass,strategy,weight,stratum,probability\n"


def test_folder_of_images(spotal, images, picks):
    result = spotal("select", images, "-n", 6)
    assert result.exit_code == 0, result.output
    assert "Chose 6 of 30 rows" in result.stdout
    assert "see --model" in result.stdout
    files = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.png"))
    for line in picks():
        assert files[int(line["row"])] == line["id"]


@pytest.mark.parametrize("option", ["--labeled", "--mass", "--cost", "--groups", "--probabilities"])
def test_a_file_that_will_not_do_is_named_with_its_option(refused, pool, option):
    more = ["--max-per-group", 2] if option == "--groups" else []
    said = refused("select", pool["npy"], "-n", 3, option, "gone.csv", *more)
    assert said == f"Error: {option} gone.csv does not exist; check the path"


def test_ids_that_the_pool_does_not_have(refused, pool):
    Path("done.csv").write_text("name,label\nnobody,a\n")
    said = refused("select", pool["csv"], "-n", 3, "--id-column", "name", "--labeled", "done.csv")
    assert "must be ids of the pool, found 'nobody'; check the ids, or say which column has them" in said


def test_a_device_that_is_none_is_refused_for_any_pool(refused, pool):
    assert "device must be one of auto, cpu, cuda, found 'tpu'" in refused(
        "select", pool["npy"], "-n", 3, "--device", "tpu"
    )


def test_a_table_of_texts_is_no_pool(refused):
    Path("mails.csv").write_text("id,text\n1,good\n2,bad\n")
    assert "texts are embedded by spotal embed" in refused("select", "mails.csv", "-n", 1)


def test_corrupt_images_are_named_and_skipped_or_refused(spotal, refused, images, picks):
    broken = images / "even" / "00.png"
    broken.write_bytes(broken.read_bytes()[:40])
    files = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.png"))
    assert files.index("even/00.png") == 0
    # rows, masses and labels go by the list of all files: 10 to 14 are left, without 11 and 13 by mass
    left = range(10, 15)
    Path("labeled.txt").write_text("\n".join(name for row, name in enumerate(files) if row not in left))
    np.save("mass.npy", np.where(np.isin(np.arange(30), [11, 13]), 0.0, 1.0))
    known = ["--mass", "mass.npy", "--labeled", "labeled.txt", "--strategy", "random"]
    result = spotal("select", images, "-n", 3, *known)
    assert result.exit_code == 0, result.output
    assert "even/00.png cannot be read" in result.stderr
    assert "skipped, they cannot be read: 1" in result.stdout
    assert "29 rows, 24 of them labeled" in result.stdout
    rows = [int(line["row"]) for line in picks()]
    assert sorted(rows) == [10, 12, 14]
    assert [line["id"] for line in picks()] == [files[row] for row in rows]
    Path("picks.csv").unlink()
    assert "even/00.png" in refused("select", images, "-n", 5, "--strict")


def test_file_that_cannot_be_written_is_found_before_anything_is_read(refused, pool, monkeypatch):
    monkeypatch.setattr("spotal.pool.files.read_pool", lambda *_, **__: pytest.fail("read"))
    assert "cannot be written" in refused("select", pool["npy"], "-n", 3, "--out", "pool.csv/picks.csv")


def test_budget_beyond_the_folder_is_found_before_embedding(refused, images, monkeypatch):
    monkeypatch.setattr("spotal.embed.embed_images", lambda *_, **__: pytest.fail("embedded"))
    Path("labeled.txt").write_text("odd/01.png\n")
    assert "at most 29" in refused("select", images, "-n", 30, "--labeled", "labeled.txt")


def test_model_embeds_images(spotal, refused, images, pool):
    import torch

    class Halves(torch.nn.Module):
        def forward(self, x):
            return torch.stack([x[..., :16].mean((1, 2, 3)), x[..., 16:].mean((1, 2, 3))], 1)

    torch.jit.trace(Halves(), torch.zeros(2, 3, 32, 32)).save("halves.pt")
    result = spotal("select", images, "-n", 4, "--model", "halves.pt", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["dim"], document["embedder"]) == (2, "halves.pt")
    Path("picks.csv").unlink()
    assert "gone.pt does not exist" in refused("select", images, "-n", 4, "--model", "gone.pt")
    assert "--model embeds folders of images" in refused("select", pool["npy"], "-n", 4, "--model", "halves.pt")


def bad(array, *changes):
    array = array.astype(np.float64)
    for row, value in changes:
        array[row, 1] = value
    return array


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda x: bad(x, (3, np.nan), (77, np.inf)), ["row(s) 3, 77", "NaN"]),
        (lambda x: x[:, 0], ["(120,)", "2-D"]),
        (lambda x: x[:0], ["(0, 6)"]),
        (lambda x: x.astype(str), ["numbers"]),
        (lambda x: np.array([{"a": 1}, None]), ["pickled"]),
    ],
)
def test_bad_arrays(refused, points, make, told):
    np.save("bad.npy", make(points), allow_pickle=True)
    said = refused("select", "bad.npy", "-n", 3)
    for words in told:
        assert words in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-n", -1], ["budget", "-1"]),
        (["-n", 121], ["budget", "at most 120", "121"]),
        (["-n", 119, "--labeled", "two.npy"], ["budget", "at most 118", "2 labeled"]),
        (["-n", 3, "--strategy", "best"], ["strategy must be one of", "'best'", "spot"]),
        (["-n", 3, "--labeled", "beyond.npy"], ["0..119", "120"]),
        (["-n", 3, "--labeled", "twice.npy"], ["row 7", "more than once"]),
        (["-n", 3, "--labeled", "gone.csv"], ["gone.csv does not exist"]),
        (["-n", 3, "--mass", "short.npy"], ["short.npy", "120", "(5,)"]),
        (["-n", 3, "--mass", "negative.npy"], ["negative", "-2", "row 9"]),
        (["-n", 3, "--mass", "zero.npy"], ["all zero"]),
        (["-n", 3, "--mass", "gone.npy"], ["gone.npy does not exist"]),
        (["-n", 3, "--mass", "weight"], ["weight does not exist"]),
        (["-n", 3, "--id-column", "name"], ["--id-column 'name'", ".npy"]),
        (["-n", 3, "--out", "pool.npy/picks.csv"], ["pool.npy/picks.csv cannot be written"]),
        (["-n", 3, "--out", "."], ["is a folder"]),
        (["-n", 3, "--out", "pool.npy"], ["--out must be another file", "pool.npy"]),
        (["-n", 3, "--labeled", "two.npy", "--out", "./two.npy"], ["--out must be another file", "two.npy"]),
        (["-n", 3, "--out", "/dev/null"], ["no ordinary file"]),
    ],
)
def test_bad_options(refused, pool, options, told):
    np.save("two.npy", np.array([0, 1]))
    np.save("beyond.npy", np.array([5, 120]))
    np.save("twice.npy", np.array([7, 7]))
    np.save("short.npy", np.ones(5))
    np.save("negative.npy", np.where(np.arange(120) == 9, -2.0, 1.0))
    np.save("zero.npy", np.zeros(120))
    said = refused("select", pool["npy"], *options)
    for words in told:
        assert words in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--mass", "volume"], ["--mass", "'volume'", "'weight'"]),
        (["--id-column", "title"], ["--id-column", "'title'", "'name'"]),
        (["--labeled", "ids.txt", "--id-column", "name"], ["'item-500'"]),
    ],
)
def test_bad_columns_and_ids(refused, pool, options, told):
    Path("ids.txt").write_text("item-3\nitem-500\n")
    said = refused("select", pool["csv"], "-n", 3, *options)
    for words in told:
        assert words in said


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet"])
def test_truncated_files(refused, pool, kind):
    whole = pool[kind].read_bytes()
    pool[kind].write_bytes(whole[: len(whole) // 2])
    said = "damaged or cut short" if kind == "parquet" else "truncated or corrupt"
    assert f"pool.{kind} is {said}" in refused("select", pool[kind], "-n", 3)


@pytest.mark.parametrize("name", ["gone.npy", "gone"])
def test_missing_files(refused, empty, name):
    assert f"{name} does not exist" in refused("select", name, "-n", 3)


def test_repeated_ids(refused, empty):
    Path("t.csv").write_text("id,x,y\na,1,2\nb,2,3\na,3,5\n")
    assert "'a'" in refused("select", "t.csv", "-n", 1)


@pytest.mark.parametrize(
    ("name", "words"), [("a\0b.npy", "has a NUL character"), ("~nosuchuser/x.npy", "~nosuchuser/x.npy does not exist")]
)
def test_paths_that_no_file_has(name, words):
    done = CliRunner().invoke(app, ["select", name, "--budget", "3"], env={"COLUMNS": "300"})
    assert (done.exit_code, words in done.stderr, done.stderr.count("\n")) == (2, True, 1)
