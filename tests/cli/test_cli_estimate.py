"""``spotal estimate``: values by id or in order, what is printed, and picks or values that will not do."""

import json
from pathlib import Path

import numpy as np
import pytest

import spotal as library


@pytest.fixture
def chosen(spotal, pool, picks):
    """Picks drawn from the table with ids; their rows, in order."""
    result = spotal("select", pool["csv"], "-n", 12, "--id-column", "name", "--mass", "weight", "--draw")
    assert result.exit_code == 0, result.output
    return [int(line["row"]) for line in picks()]


def expected(points, chosen, values):
    strategy = library.SPOT(representative="random")
    selection = library.select(points.astype(float), 12, strategy, mass=np.arange(120) % 3, random_state=0)
    assert selection.indices.tolist() == chosen
    return selection.estimate(values)


@pytest.mark.parametrize("form", ["id", "row", "npy", "txt", "only column"])
def test_values_by_id_by_row_or_in_order_give_the_library_s_estimate(spotal, chosen, points, form):
    value = {row: float(points[row, 0]) for row in range(120)}
    shuffled = np.random.default_rng(0).permutation(120)  # more rows than picks are no harm
    path = Path({"npy": "v.npy", "txt": "v.txt"}.get(form, "v.csv"))
    if form == "npy":
        np.save(path, [value[row] for row in chosen])
    elif form == "txt":
        path.write_text("\n".join(repr(value[row]) for row in chosen))
    elif form == "only column":
        path.write_text("id,loss\n" + "\n".join(f"item-{row},{value[row]!r}" for row in shuffled))
    else:
        key = (lambda row: f"item-{row}") if form == "id" else str
        path.write_text(f"{form},other,value\n" + "\n".join(f"{key(row)},7,{value[row]!r}" for row in shuffled))
    result = spotal("estimate", "picks.csv", "--values", path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    wanted = expected(points, chosen, [value[row] for row in chosen]).to_dict()
    assert found == pytest.approx(wanted)
    assert found["unbiased"]


def test_prevalence_of_a_class_and_what_is_printed(spotal, chosen, points):
    Path("labels.csv").write_text(
        "id,label\n" + "\n".join(f"item-{row},{'cat' if row % 4 else 'dog'}" for row in chosen)
    )
    out = spotal("estimate", "picks.csv", "--values", "labels.csv", "--prevalence", "cat").stdout
    found = expected(points, chosen, [float(row % 4 > 0) for row in chosen])
    assert f"share of cat {found.mean:.4g}, 0.95 confidence interval {found.low:.4g} to {found.high:.4g}" in out
    assert f"from 12 picks, standard error {found.standard_error:.2g}" in out
    assert f"about {found.random_error:.2g}" in out
    assert f"effective sample size: about {found.effective_size:,.0f} random labels" in out
    assert "biased" not in out


def test_a_class_that_no_pick_has_is_none_with_an_upper_end_and_a_warning(spotal, chosen):
    Path("labels.csv").write_text("row,label\n" + "\n".join(f"{row},cat" for row in chosen))
    result = spotal("estimate", "picks.csv", "--values", "labels.csv", "--prevalence", "dog")
    assert "share of dog 0, 0.95 confidence interval 0 to 0." in result.stdout
    assert "no label in labels.csv is 'dog'; it has 'cat'" in result.stderr


def test_chosen_picks_are_said_to_be_biased(spotal, pool):
    spotal("select", pool["npy"], "-n", 6)
    np.save("v.npy", np.arange(6))
    assert "the mean is biased" in spotal("estimate", "picks.csv", "--values", "v.npy").stdout


def test_random_picks_are_the_plain_mean(spotal, pool):
    spotal("select", pool["npy"], "-n", 6, "--strategy", "random")
    np.save("v.npy", np.arange(6))
    out = spotal("estimate", "picks.csv", "--values", "v.npy").stdout
    assert "mean 2.5," in out
    assert "effective sample size: about 6 random" in out


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("id,value\nitem-0,1\n", [], "none for"),
        ("who,value\na,1\n", [], "must have a column 'id' or 'row'"),
        ("id,a,b\nitem-0,1,2\n", [], "column 'value' or one column of numbers, found 2"),
        ("id,value\nitem-0,1\nitem-0,2\n", [], "'item-0' more than once"),
        ("id,value\nitem-0,1\n", ["--prevalence", "cat"], "--prevalence must name a column"),
    ],
)
def test_values_that_will_not_do(refused, chosen, text, options, said):
    Path("v.csv").write_text(text)
    assert said in refused("estimate", "picks.csv", "--values", "v.csv", *options)


def test_picks_that_will_not_do(refused, chosen):
    np.save("v.npy", np.arange(12))
    lines = Path("picks.csv").read_text().splitlines()
    Path("few.csv").write_text("\n".join(lines[:6]))
    Path("old.csv").write_text("id,rank,row,cell_mass,strategy\na,1,0,1,spot\n")
    assert "not 1; give all the picks" in refused("estimate", "few.csv", "--values", "v.npy")
    assert "has no column 'weight'" in refused("estimate", "old.csv", "--values", "v.npy")
    Path("picks.txt").write_text("0")
    assert "picks.txt must be a table, .csv, " in refused("estimate", "picks.txt", "--values", "v.npy")
    assert "v.csv does not exist" in refused("estimate", "picks.csv", "--values", "v.csv")
    assert "must have shape (12,)" in _short(refused)
    Path("v.txt").write_text("a\nb\n")
    assert "one number per line" in refused("estimate", "picks.csv", "--values", "v.txt")
    assert "--prevalence needs labels by id" in refused(
        "estimate", "picks.csv", "--values", "v.npy", "--prevalence", "x"
    )


def _short(refused):
    np.save("short.npy", np.arange(5))
    return refused("estimate", "picks.csv", "--values", "short.npy")
