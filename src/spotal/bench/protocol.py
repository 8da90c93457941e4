"""Protocol: the typed configuration that a benchmark's numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from spotal.errors import InputError
from spotal.strategies import Strategy, get, names
from spotal.tables.configuration import build, check_fields, check_sizes, closest, key

__all__ = ["Embedding", "Initial", "LearnerChoice", "PoolShape", "Protocol", "StrategyChoice", "from_table"]

FROZEN = ("linear-probe", "random-forest", "mlp")
"""Learners on fixed features; the others are trained on images."""
NETWORKS = ("small-cnn", "resnet18", "efficientnet-lite0", "mlp")
OF_WIDTH = ("small-cnn", "resnet18", "mlp")
"""Networks whose width can be set."""


@dataclass(frozen=True)
class PoolShape:
    """Rules by which the pool of each seed is drawn from the dataset's training part.

    size : int or None, number of rows including near-duplicates and junk; None for the maximum that the balance allows.
        For "thinned" it is an upper limit.
    balance : "as-is" (a random subset), "balanced" (classes of equal size), "long-tail" (sizes fall exponentially) or
        "thinned" (like "long-tail", but a class may have fewer rows: for datasets with classes of different size)
    ratio : float, size of the largest class divided by the size of the smallest, for "long-tail" and "thinned"
    order : "index" (classes get rarer by their number) or "random" (in a random order for each seed)
    label_noise : share of rows with a wrong label, a random other class. A row always gets the same label.
    near_duplicates : share of rows that are slightly changed copies of other rows
    junk : share of rows from classes that ``classes`` leaves out. The oracle gives them no label, but they cost budget.
    """

    size: int | None = key(int, None, least=2)
    balance: str = key(str, "as-is", choices=("as-is", "balanced", "long-tail", "thinned"))
    ratio: float = key(float, 1.0, least=1)
    order: str = key(str, "index", choices=("index", "random"))
    label_noise: float = key(float, 0.0, least=0, most=1)
    near_duplicates: float = key(float, 0.0, least=0, most=0.9)
    junk: float = key(float, 0.0, least=0, most=0.9)

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.balance in ("long-tail", "thinned")) != (self.ratio > 1):
            raise InputError(
                "ratio",
                f"above 1 and balance 'long-tail' or 'thinned' go together, found {self.ratio:g} and {self.balance!r}",
                "change one of them",
            )
        if self.near_duplicates + self.junk > 0.9:
            raise InputError(
                "near_duplicates",
                must="leave a tenth of the pool",
                found=f"{self.near_duplicates:g} and {self.junk:g}",
                remedy="lower one of them",
                subject="near_duplicates and junk",
            )


@dataclass(frozen=True)
class LearnerChoice:
    """The learner, which is trained anew in each round.

    kind : "linear-probe" (logistic regression), "random-forest" or "mlp" on fixed features; "small-cnn" or "resnet18"
        on images, from scratch; "efficientnet-lite0" on RGB images, from ImageNet weights (:mod:`spotal.bench.lite0`)
    steps : int, minimum number of a network's optimizer steps
    width : int, channels of a network's first block; an "mlp" has eight times this number of hidden units
    """

    kind: str = key(
        str, choices=("linear-probe", "random-forest", "mlp", "small-cnn", "resnet18", "efficientnet-lite0")
    )
    steps: int | None = key(int, None, least=1)
    width: int | None = key(int, None, least=1)

    def __post_init__(self) -> None:
        check_fields(self)
        for name, kinds in (("steps", NETWORKS), ("width", OF_WIDTH)):
            if getattr(self, name) is not None and self.kind not in kinds:
                raise InputError(
                    name, f"is for networks ({', '.join(kinds)}), found with {self.kind!r}", "leave it out"
                )

    @property
    def is_frozen(self) -> bool:
        """True if the learner uses fixed features."""
        return self.kind in FROZEN


@dataclass(frozen=True)
class Embedding:
    """Fixed features. A learner on fixed features is trained on them, and strategies compare rows by them.

    With a network on images ("small-cnn", "resnet18", "efficientnet-lite0"), the features are used only to compare
    rows. With "none", rows are compared by the network's own embeddings.

    kind : "none" (the dataset's own features, standardized one by one), "as-is" (the same, centered and scaled as a
        whole: keeps the relative size of an encoder's features), "pixels-pca" (principal components of the pool's small
        images), "ssl" (a network trained without labels, :mod:`spotal.embed.simclr`) or "lite0" (EfficientNet-Lite0
        with ImageNet weights, :mod:`spotal.bench.lite0`, reduced to principal components of the pool)
    dim : int, maximum number of components of "pixels-pca" and "lite0", width of "ssl"
    trained_on : "dataset" (one "ssl" encoder for all seeds and pools, trained on ``rows`` unlabeled images of the
        dataset's training part) or "pool" (one for each pool, trained on its images)
    rows : int, for "dataset"; epochs : int; seed : int, of the encoder
    """

    kind: str = key(str, "none", choices=("none", "as-is", "pixels-pca", "ssl", "lite0"))
    dim: int = key(int, 64, least=2, most=128)
    trained_on: str = key(str, "dataset", choices=("dataset", "pool"))
    rows: int = key(int, 10_000, least=16)
    epochs: int = key(int, 20, least=1)
    seed: int = key(int, 0, least=0)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Initial:
    """The first labels.

    kind : "random" (the same random rows for every strategy of a seed), "none" (each strategy picks its own first
        batch without labels, or random rows if it needs labels) or "chosen" (the strategy ``by`` picks the same rows
        for all)
    count : int, for "random" and "chosen"
    """

    kind: str = key(str, "random", choices=("none", "random", "chosen"))
    count: int | None = key(int, None, least=1)
    by: str | None = key(str, None)

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.count is None) != (self.kind == "none"):
            raise InputError(
                "count",
                f"is needed for initial labels that are random or chosen and only there, found {self.count} with kind "
                f"{self.kind!r}",
            )
        if (self.by is None) != (self.kind != "chosen"):
            raise InputError(
                "by", f"names the strategy for initial labels of kind 'chosen', found {self.by!r} with {self.kind!r}"
            )
        if self.by is not None and self.by not in names():
            raise InputError("by", must="be a strategy", found=repr(self.by), remedy=f"{closest(self.by, names())}")
        if self.by is not None and get(self.by).needs_probabilities:
            raise InputError(
                "by", must="be a strategy that needs no model", found=repr(self.by), remedy="take 'random' or 'coreset'"
            )


@dataclass(frozen=True)
class StrategyChoice:
    """A strategy by name or by "file.py:Class", with its parameters and a label for tables and pictures."""

    name: str
    label: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def make(self) -> Strategy:
        """Make the strategy. Raises InputError for an unknown name or parameter."""
        if ":" not in self.name:
            return get(self.name, **self.parameters)
        from spotal.bench.plugin import load_class

        return load_class(self.name)(**self.parameters)

    def identity(self) -> dict[str, Any]:
        """Return the parts of a job's id: name, parameters and, of a file, the hash of its content. No label."""
        if ":" not in self.name:
            return {"name": self.name, "parameters": self.parameters}
        content = Path(self.name.rpartition(":")[0]).read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        return {"name": self.name.rpartition(":")[2], "file": digest, "parameters": self.parameters}


@dataclass(frozen=True)
class Protocol:
    """A benchmark: one dataset, rules for its pools, one learner, and the strategies to compare.

    name : str; title : str, one line
    role : "development" (defaults may be chosen on it) or "reporting" (measured once, nothing is chosen on it)
    dataset : str, a name of :func:`spotal.bench.data.names` or a path
    classes : list of int or None, the classes of the dataset that make up the task; None for all
    batch_size, rounds : int, number of labels for each query, and number of queries after the first labels
    seeds, first_seed : int, the seeds are first_seed .. first_seed + seeds - 1
    test_size : int or None, rows of the test part, drawn anew for each seed; None for all
    strategies : list of names or tables {name, label, parameters}, or "all"; without : list of names left out of "all"
    """

    name: str
    learner: LearnerChoice
    dataset: str = key(str)
    batch_size: int = key(int, least=1)
    rounds: int = key(int, least=1, most=100_000)
    title: str = key(str, "")
    role: str = key(str, "development", choices=("development", "reporting"))
    classes: tuple[int, ...] | None = key(int, None, least=0, many=True)
    seeds: int = key(int, 5, least=1, most=100_000)
    first_seed: int = key(int, 0, least=0)
    test_size: int | None = key(int, None, least=1)
    strategies: tuple[StrategyChoice, ...] = ()
    pool: PoolShape = PoolShape()
    embedding: Embedding = Embedding()
    initial: Initial = Initial("none")

    def __post_init__(self) -> None:
        check_fields(self)
        if self.classes is not None and (len(set(self.classes)) != len(self.classes) or len(self.classes) < 2):
            raise InputError("classes", must="be two or more, none twice", found=list(self.classes))
        if self.pool.junk and self.classes is None:
            raise InputError(
                "junk", "needs classes: rows of the classes left out are the junk", "add classes or leave it out"
            )
        if not self.strategies:
            raise InputError("strategies", must="name one strategy at least, or be 'all'")
        labels = [choice.label for choice in self.strategies]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise InputError(
                "strategies", must="have different labels", found=f"{twice!r} twice", remedy="give one another label"
            )
        if self.pool.size is not None and self.pool.size < self.asked[-1]:
            raise InputError(
                "pool",
                must=f"be at least {self.asked[-1]}, the labels asked for in all",
                found=self.pool.size,
                remedy="raise it or lower rounds",
                subject="pool size",
            )

    @property
    def first(self) -> int:
        """Size of the first batch."""
        return self.initial.count or self.batch_size

    @property
    def asked(self) -> list[int]:
        """Number of labels asked for at each measurement: after the first batch and after each query."""
        return [self.first + self.batch_size * k for k in range(self.rounds + 1)]

    @property
    def all_seeds(self) -> range:
        """All seeds of the protocol."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def task(self) -> dict[str, Any]:
        """Return everything that a job's numbers depend on besides its strategy and seed, as plain JSON types."""
        table = asdict(self)
        for other in ("name", "title", "role", "seeds", "first_seed", "strategies"):
            del table[other]
        return json.loads(json.dumps(table))  # type: ignore[no-any-return]  # tuples as lists, as when read back

    def table(self) -> dict[str, Any]:
        """Return the protocol as plain JSON types, for ``from_table``."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    def limited(self, seeds: int | None = None, strategies: list[str] | None = None) -> Protocol:
        """Return a copy with another number of seeds, or with other strategies by name. Shared jobs keep their ids."""
        chosen = self.strategies
        if strategies:
            own = {choice.label: choice for choice in chosen}
            chosen = tuple(own.get(name) or _strategy(name, "strategies") for name in strategies)
        return replace(self, seeds=self.seeds if seeds is None else seeds, strategies=chosen)


def from_table(name: str, table: Mapping[str, Any], folder: Path | None = None) -> Protocol:
    """Make a protocol from the content of its file. Paths in it are relative to ``folder``.

    Raises
    ------
    InputError
        A key is unknown or missing, or a value is not allowed.
    """
    where = f"protocol {name!r}"
    values = dict(table)
    for part, cls in (("pool", PoolShape), ("learner", LearnerChoice), ("embedding", Embedding), ("initial", Initial)):
        if part in values:
            values[part] = build(cls, values[part], f"{where}, table {part!r}")
    left_out = values.pop("without", [])
    wanted = values.get("strategies", "all")
    if not isinstance(left_out, list) or (left_out and wanted != "all"):
        raise InputError(
            "without", must="be a list of names left out of strategies = 'all'", found=repr(left_out)
        ).within(where)
    for unknown in set(left_out) - set(names()):
        raise InputError("without", f"names an unknown strategy {unknown!r}", closest(unknown, names())).within(where)
    if wanted == "all":
        wanted = [strategy for strategy in names() if strategy not in left_out]
    if not isinstance(wanted, list):
        raise InputError("strategies", must="be a list or 'all'", found=repr(wanted)).within(where)
    values["strategies"] = tuple(_strategy(item, where, folder) for item in wanted)
    if folder is not None and isinstance(values.get("dataset"), str) and (folder / values["dataset"]).exists():
        values["dataset"] = str(folder / values["dataset"])
    values.pop("name", None)
    for unknown in values:
        keys = Protocol.__dataclass_fields__.keys() - {"name"} | {"without"}
        if unknown not in keys:
            raise InputError(unknown, f"has an unknown key {unknown!r}", closest(unknown, keys), subject=where)
    return build(Protocol, {"name": name, **values}, where)


def _strategy(item: Any, where: str, folder: Path | None = None) -> StrategyChoice:
    table = {"name": item} if isinstance(item, str) else item
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
        raise InputError(
            "strategies", must="be a name or a table with a name", found=repr(item), subject="a strategy"
        ).within(where)
    for unknown in table:
        if unknown not in ("name", "label", "parameters"):
            raise InputError(
                "strategies",
                f"has an unknown key {unknown!r}",
                closest(unknown, ("name", "label", "parameters")),
                subject=f"strategy {table['name']!r}",
            ).within(where)
    name, parameters = table["name"], table.get("parameters", {})
    file, colon, cls = name.rpartition(":")
    if colon:
        path = Path(file) if folder is None or Path(file).is_absolute() else folder / file
        if not path.is_file():
            raise InputError(
                "strategies", "names a file that is not there", 'write "file.py:Class"', subject=f"strategy {name!r}"
            ).within(where)
        name = f"{path.resolve()}:{cls}"
    elif name not in names():
        raise InputError("strategies", "is unknown", closest(name, names()), subject=f"strategy {name!r}").within(where)
    if not isinstance(parameters, Mapping) or not isinstance(table.get("label", ""), str):
        raise InputError(
            "strategies", must="have a table of parameters and a text as label", subject=f"strategy {name!r}"
        ).within(where)
    check_sizes(parameters, f"{where}: strategy {name!r}")
    label = table.get("label") or (cls if colon else name)
    choice = StrategyChoice(name, label, dict(parameters))
    if parameters:
        try:
            choice.make()  # checks the parameters
        except InputError as error:
            raise error.within(where) from None
    return choice
