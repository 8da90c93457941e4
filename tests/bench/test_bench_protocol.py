from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files

import pytest
from tests.raising import raises_input

from spotal.bench import protocol_library
from spotal.bench.jobs import Job, plan
from spotal.bench.protocol import Initial, LearnerChoice, PoolShape, from_table
from spotal.errors import DataFileError, InputError
from spotal.strategies import names

WRONG = [
    ({"batchsize": 5}, "unknown key 'batchsize'; did you mean 'batch_size'"),
    ({"zzz": 5}, "unknown key 'zzz'; it may be batch_size"),
    ({"batch_size": 0}, "batch_size must be at least 1, found 0"),
    ({"batch_size": "5"}, "batch_size must be an integer, found '5'"),
    ({"batch_size": True}, "batch_size must be an integer, found True"),
    ({"rounds": 2.5}, "rounds must be an integer, found 2.5"),
    ({"dataset": 3}, "dataset must be a text in quotes, found 3"),
    ({"role": "tuning"}, "role must be one of development, reporting, found 'tuning'"),
    ({"classes": [1]}, "classes must be two or more"),
    ({"classes": 1}, "classes must be a list"),
    ({"strategies": "some"}, "strategies must be a list or 'all'"),
    ({"strategies": []}, "strategies must name one strategy at least"),
    ({"strategies": ["margins"]}, "strategy 'margins' is unknown; did you mean 'margin'"),
    ({"strategies": ["margin", "margin"]}, "different labels, found 'margin' twice"),
    ({"strategies": [3]}, "a strategy must be a name or a table with a name"),
    ({"strategies": [{"name": "spot", "labels": "x"}]}, "unknown key 'labels'; did you mean 'label'"),
    ({"strategies": [{"name": "spot", "parameters": {"nonsense": 1}}]}, "no parameter 'nonsense'"),
    ({"strategies": ["nowhere.py:Mine"]}, "names a file that is not there"),
    ({"without": ["random"]}, "without must be a list of names left out of strategies = 'all'"),
    ({"strategies": "all", "without": ["radom"]}, "unknown strategy 'radom'; did you mean 'random'"),
    ({"pool": {"siz": 3}}, "table 'pool' has an unknown key 'siz'; did you mean 'size'"),
    ({"pool": 3}, "table 'pool' must be a table"),
    ({"pool": {"size": 10}}, "pool size must be at least 20"),
    ({"pool": {"ratio": 10}}, "ratio above 1 and balance 'long-tail' or 'thinned' go together"),
    ({"pool": {"balance": "long-tail"}}, "ratio above 1 and balance 'long-tail' or 'thinned' go together"),
    ({"pool": {"label_noise": 1.5}}, "label_noise must be 0 to 1, found 1.5"),
    ({"pool": {"label_noise": float("nan")}}, "label_noise must be 0 to 1, found nan"),
    ({"pool": {"near_duplicates": 0.5, "junk": 0.5}}, "must leave a tenth of the pool"),
    ({"pool": {"junk": 0.1}}, "junk needs classes"),
    ({"learner": {}}, "lacks the key 'kind'"),
    ({"learner": {"kind": "svm"}}, "kind must be one of linear-probe"),
    ({"learner": {"kind": "linear-probe", "steps": 5}}, "steps is for networks"),
    ({"learner": {"kind": "efficientnet-lite0", "width": 5}}, "width is for networks (small-cnn, resnet18, mlp)"),
    ({"embedding": {"kind": "ssl", "dim": 500}}, "dim must be 2 to 128, found 500"),
    ({"initial": {"kind": "random"}}, "count is needed for initial labels"),
    ({"initial": {"kind": "none", "count": 5}}, "count is needed for initial labels"),
    ({"initial": {"kind": "chosen", "count": 5}}, "by names the strategy"),
    ({"initial": {"kind": "chosen", "count": 5, "by": "corset"}}, "did you mean 'coreset'"),
    ({"initial": {"kind": "chosen", "count": 5, "by": "margin"}}, "needs no model, found 'margin'"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=lambda value: str(value)[:50])
def test_what_is_wrong_is_said_in_one_sentence_that_names_the_protocol(table, change, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        from_table("mine", {**table, **change})
    text = str(caught.value)
    assert text.startswith("protocol 'mine'")
    assert "\n" not in text
    assert not text.endswith(".")


def test_a_missing_key_is_named(table):
    del table["rounds"]
    with raises_input("rounds", "lacks the key 'rounds'"):
        from_table("mine", table)


def test_a_protocol_says_what_is_asked_when(tiny):
    assert tiny.asked == [10, 15, 20]
    assert list(tiny.all_seeds) == [0, 1]
    assert tiny.first == 10


def test_a_table_reads_back_as_the_same_protocol(tiny, table):
    table["strategies"] = ["random", {"name": "spot", "label": "spot-wide", "parameters": {"reach": 1.0}}]
    table["classes"] = [1, 2, 3]
    for protocol in (tiny, from_table("other", table)):
        content = {k: v for k, v in protocol.table().items() if v is not None}
        for part in ("pool", "learner", "embedding", "initial"):
            content[part] = {k: v for k, v in content[part].items() if v is not None}
        assert from_table(protocol.name, content) == protocol


def test_a_job_is_known_by_what_its_numbers_depend_on(tiny, table):
    job = Job(tiny, tiny.strategies[0], 0)
    same = from_table("renamed", {**table, "seeds": 9, "strategies": ["random"], "role": "reporting", "title": "x"})
    assert Job(same, same.strategies[0], 0).id == job.id
    relabeled = from_table("a", {**table, "strategies": [{"name": "random", "label": "chance"}]})
    assert Job(relabeled, relabeled.strategies[0], 0).id == job.id
    others = [
        Job(tiny, tiny.strategies[1], 0),
        Job(tiny, tiny.strategies[0], 1),
        *(
            Job(changed, changed.strategies[0], 0)
            for changed in (
                from_table("a", {**table, "batch_size": 6}),
                from_table("a", {**table, "pool": {"size": 121}}),
                from_table("a", {**table, "test_size": 99}),
                from_table("a", {**table, "strategies": [{"name": "coreset", "parameters": {}}]}),
            )
        ),
    ]
    assert len({job.id, *(other.id for other in others)}) == len(others) + 1


def test_the_plan_has_every_job_once_and_whole_seeds_first(tiny, table):
    copy = from_table("copy", {**table, "seeds": 3})
    jobs = plan([tiny, copy])
    assert [job.seed for job in jobs] == [0] * 3 + [1] * 3 + [2] * 3
    assert {job.strategy.label for job in jobs if job.seed == 2} == {"random", "margin", "coreset"}


def test_other_seeds_and_strategies_keep_the_jobs_they_share(tiny):
    limited = tiny.limited(1, ["margin", "entropy"])
    assert [choice.label for choice in limited.strategies] == ["margin", "entropy"]
    assert plan([limited])[0].id in {job.id for job in plan([tiny])}
    with pytest.raises(InputError, match="did you mean 'margin'"):
        tiny.limited(None, ["margn"])


def test_a_strategy_from_a_file_is_one_file(tmp_path, table):
    (tmp_path / "mine.py").write_text(
        "from spotal.strategies import Strategy\nfrom spotal.strategies.base import Choice\n\n"
        "class First(Strategy):\n    name = 'first'\n    def _choose(self, query):\n"
        "        return Choice(query.unlabeled[: query.budget])\n"
    )
    protocol = from_table("mine", {**table, "strategies": ["random", "mine.py:First"]}, tmp_path)
    choice = protocol.strategies[1]
    assert choice.label == "First"
    assert choice.make().query([[0.0], [1.0], [2.0]], 2).indices.tolist() == [0, 1]
    before = Job(protocol, choice, 0).id
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text() + "\n# changed\n")
    assert Job(protocol, choice, 0).id != before
    with raises_input("strategy"):
        from_table("mine", {**table, "strategies": ["mine.py:Choice"]}, tmp_path).strategies[0].make()


def test_ready_protocols_are_valid_and_in_the_package():
    texts = [entry for entry in files("spotal.bench").joinpath("protocols").iterdir() if entry.name.endswith(".toml")]
    variants = tomllib.loads(next(text for text in texts if text.name == "variants.toml").read_text(encoding="utf-8"))
    own = {text.name.removesuffix(".toml") for text in texts} - {"variants"}
    assert not own & set(variants)
    assert sorted(own | set(variants)) == sorted(protocol_library.names())
    for name in protocol_library.names():
        protocol = protocol_library.load(name)
        assert protocol.title
        assert {choice.name for choice in protocol.strategies} <= set(names())
        assert "random" in {choice.name for choice in protocol.strategies}


def test_a_variant_differs_in_the_keys_that_it_names():
    table = {"batch_size": 20, "rounds": 3, "pool": {"size": 100, "ratio": 50}}
    changed = protocol_library.extended(table, {"rounds": 4, "pool": {"size": "", "order": "random"}, "batch_size": ""})
    assert changed == {"rounds": 4, "pool": {"ratio": 50, "order": "random"}}
    assert table["pool"] == {"size": 100, "ratio": 50}
    plain, other = protocol_library.load("encoder-cifar10-tail"), protocol_library.load("suite-cifar10-tail100")
    assert (plain.pool.ratio, other.pool.ratio) == (50, 100)
    assert {**other.task(), "pool": None} == {**plain.task(), "pool": None}


def test_there_are_twenty_protocols_on_encoders_features_of_each_role():
    for role in ("development", "reporting"):
        found = [name for name in protocol_library.of_role(role) if "encoder-" in name or "suite-" in name]
        assert len(found) >= 20
        assert len({json.dumps(protocol_library.load(name).task()) for name in found}) == len(found)


def test_the_eight_reporting_cells_are_those_that_were_announced():
    cells = set()
    for name in protocol_library.of_role("reporting"):
        if name.startswith(("anchor-", "encoder-", "finetune-", "stress-", "suite-")):
            continue
        protocol = protocol_library.load(name)
        cells.add((protocol.dataset, protocol.pool.balance, protocol.pool.ratio, protocol.learner.kind))
        assert protocol.asked[0] in range(50, 101)
        assert protocol.batch_size in range(50, 101)
        assert protocol.asked[-1] >= 700
        assert protocol.pool.size is not None
        assert 8_000 <= protocol.pool.size <= 20_000
        assert protocol.seeds == 5
    datasets, shapes = ("fashion-mnist", "cifar10"), (("balanced", 1.0), ("long-tail", 100.0))
    assert cells == {(d, *s, k) for d in datasets for s in shapes for k in ("linear-probe", "small-cnn")}


def test_the_stress_protocols_are_uneven_in_the_ways_that_were_announced():
    found = {name: protocol_library.load(name) for name in protocol_library.names() if name.startswith("stress-")}
    assert set(found) <= set(protocol_library.of_role("reporting"))
    peers = {"margin", "entropy", "badge", "coreset", "typiclust", "maxherding", "uherding", "direct", "spot"}
    for protocol in found.values():
        assert peers <= {choice.name for choice in protocol.strategies}
        assert protocol.seeds == 5
        assert protocol.pool.size is not None
        assert 3_000 <= protocol.pool.size <= 10_000
    shapes = [protocol.pool for protocol in found.values()]
    assert 1000 in {shape.ratio for shape in shapes}
    assert 0.5 in {shape.near_duplicates for shape in shapes}
    noisy = {(shape.balance, shape.label_noise) for shape in shapes if shape.label_noise}
    assert noisy == {(balance, share) for balance in ("balanced", "long-tail") for share in (0.1, 0.2)}
    tables = {(p.dataset, p.learner.kind) for p in found.values() if p.dataset != "fashion-mnist"}
    assert tables >= {(name, kind) for name in ("letter", "shuttle") for kind in ("random-forest", "mlp")}
    assert "made-species" in {name for name, _ in tables}  # sixty classes


def test_no_pool_is_both_for_development_and_for_reporting():
    pools = {}
    for role in ("development", "reporting"):
        protocols = [protocol_library.load(name) for name in protocol_library.of_role(role)]
        pools[role] = {(protocol.dataset, seed) for protocol in protocols for seed in protocol.all_seeds}
    assert pools["development"]
    assert not pools["development"] & pools["reporting"]


def test_a_protocol_file_is_found_or_the_closest_name_is_said(tmp_path, table):
    with pytest.raises(InputError, match="did you mean 'smoke'"):
        protocol_library.load("smok")
    with pytest.raises(DataFileError, match="does not exist"):
        protocol_library.load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("dataset = ")
    with pytest.raises(DataFileError, match="not valid TOML"):
        protocol_library.load(broken)
    mine = tmp_path / "mine.toml"
    mine.write_text('dataset = "digits"\nbatch_size = 5\nrounds = 2\nlearner = { kind = "small-cnn" }\n')
    protocol = protocol_library.load(mine)
    assert protocol.name == "mine"
    assert [choice.name for choice in protocol.strategies] == names()
    assert tomllib.loads(mine.read_text())["rounds"] == protocol.rounds


def test_dataclasses_check_themselves():
    assert PoolShape(balance="long-tail", ratio=10).ratio == 10.0
    assert LearnerChoice("mlp", steps=10).is_frozen
    assert Initial("none").count is None
    with raises_input("kind"):
        LearnerChoice("nothing")
