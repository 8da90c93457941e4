"""``spotal select`` with prices and groups: from files and columns, what is kept to, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import spotal as library

COST = np.round(np.random.default_rng(1).lognormal(size=120), 2) + 0.05
GROUP = np.random.default_rng(2).integers(0, 15, 120)


@pytest.fixture
def limits(pool, points):
    """The same prices and groups as files of every form, and as columns of tables."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = np.random.default_rng(3).permutation(120)
    np.save("cost.npy", COST)
    Path("cost.txt").write_text("\n".join(map(repr, COST.tolist())))
    Path("cost.csv").write_text("id,cost\n" + "\n".join(f"item-{row},{COST[row]}" for row in order))
    np.save("group.npy", GROUP)
    Path("group.txt").write_text("\n".join(f"video {g}" for g in GROUP))
    Path("group.csv").write_text("id,group\n" + "\n".join(f"item-{row},v{GROUP[row]}" for row in order))
    columns = {f"x{k}": points[:, k] for k in range(6)}
    names = [f"item-{row}" for row in range(120)]
    pq.write_table(pa.table({"id": names, **columns, "cost": COST, "group": [f"v{g}" for g in GROUP]}), "t.parquet")
    np.savez("t.npz", X=points, cost=COST, group=GROUP)


@pytest.mark.parametrize(
    ("name", "cost", "group"),
    [
        ("pool.npy", "cost.npy", "group.npy"),
        ("pool.npy", "cost.txt", "group.txt"),
        ("t.parquet", "cost.csv", "group.csv"),
        ("t.parquet", "cost", "group"),
        ("t.npz", "cost", "group"),
    ],
)
def test_every_form_of_prices_and_groups_gives_the_library_s_picks(spotal, limits, points, picks, name, cost, group):
    if cost != "cost" and name == "t.parquet":  # else the columns are features
        import pyarrow.parquet as pq

        table = pq.read_table(name)
        pq.write_table(table.drop_columns(["cost", "group"]), name)
    result = spotal("select", name, "-n", 15.5, "--cost", cost, "--groups", group, "--max-per-group", 2)
    assert result.exit_code == 0, result.output
    wanted = library.select(points, 15.5, cost=COST, groups=GROUP, max_per_group=2, random_state=0)
    assert [int(line["row"]) for line in picks()] == wanted.indices.tolist()
    assert f"for {wanted.diagnostics['cost']:,.10g} of 15.5" in result.stdout
    assert COST[wanted.indices].sum() <= 15.5
    assert np.bincount(GROUP[wanted.indices]).max() <= 2


def test_labeled_rows_count_toward_their_group(spotal, limits, picks):
    np.save("labeled.npy", np.arange(30))
    result = spotal(
        "select", "pool.npy", "-n", 9, "--groups", "group.npy", "--max-per-group", 3, "--labeled", "labeled.npy",
        "--strategy", "random",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = [int(line["row"]) for line in picks()]
    before = np.bincount(GROUP[:30], minlength=15)
    assert (before + np.bincount(GROUP[rows], minlength=15) <= np.maximum(before, 3)).all()
    assert len(rows) == 9


def test_limits_of_images_follow_those_that_can_be_read(spotal, images, picks):
    (images / "even" / "00.png").write_bytes(b"broken")
    np.save("group.npy", np.arange(30) % 3)
    np.save("cost.npy", np.arange(1.0, 31))
    result = spotal("select", images, "-n", 40, "--groups", "group.npy", "--max-per-group", 2, "--cost", "cost.npy")
    assert result.exit_code == 0, result.output
    rows = np.array([int(line["row"]) for line in picks()])
    assert 0 not in rows
    assert np.bincount(rows % 3).max() <= 2
    assert (rows + 1).sum() <= 40


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-n", 4.5], "--budget must be a whole number of rows, found 4.5; an amount of money needs --cost"),
        (["-n", 40, "--groups", "group.npy", "--max-per-group", 1], "at most 15"),
        (["-n", 4, "--groups", "group.npy"], "--max-per-group must be given with groups"),
        (["-n", 0.01, "--cost", "cost.npy"], "the price of the cheapest row"),
        (["-n", 4, "--cost", "group.npy"], "cost must be positive, found 0"),
        (["-n", 4, "--cost", "nothing.npy"], "nothing.npy does not exist"),
        (["-n", 4, "--groups", "few.txt", "--max-per-group", 1], "must hold 120 names"),
        (["-n", 4, "--groups", "wide.csv", "--max-per-group", 1], "must have a column 'group'"),
        (["-n", 4, "--cost", "cost.npy", "--strategy", "fads"], "strategy 'fads' cannot keep to them"),
        (["-n", 4, "--cost", "cost.npy", "--draw"], "draws with known probabilities"),
        (["-n", 4, "--strategy", "random", "--draw"], "--draw is for --strategy spot, found 'random'"),
        (["-n", 4, "--cost", "cost.npy", "-o", "cost.npy"], "--out must be another file"),
    ],
)
def test_limits_that_cannot_be_met_are_one_sentence(refused, limits, options, said):
    Path("few.txt").write_text("a\nb\n")
    Path("wide.csv").write_text("a,b\n" + "\n".join("1,2" for _ in range(120)))
    assert said in refused("select", "pool.npy", *options)


def test_a_column_that_is_not_there_is_said_by_the_option_s_name(refused, limits):
    assert refused("select", "t.parquet", "-n", 4, "--cost", "price").startswith("Error: --cost must name a column")
    said = refused("select", "t.npz", "-n", 4, "--groups", "who", "--max-per-group", 1)
    assert said.startswith("Error: --groups must name an array")
