"""What the project hands out and takes: small frozen records, no database behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

__all__ = [
    "Added",
    "Agreement",
    "Answer",
    "AuditLabel",
    "Conflict",
    "Counts",
    "Event",
    "Found",
    "Import",
    "Item",
    "Metric",
    "Model",
    "Pick",
    "Round",
    "Standing",
    "Suggestion",
    "Task",
    "Undo",
    "Undone",
]


class Found(NamedTuple):
    """An item as it was found in the data, to be added.

    id : str; kind : "image", "text" or "embedding"
    path : str or None, of an image, relative to the data's folder
    row : int or None, of a table or array, from 0
    text : str or None
    content : str, hash of the content
    named : bool, whether the data give the id; False for a table or array without ids, where it is the row's number
    stamp : str or None, of a file: while it is the same, so is the content, and the file need not be read again. The
        first row of a table or array has that of the whole file, with the number of rows
    former : str or None, the content as projects of revision 0001 have it
    """

    id: str
    kind: str
    content: str
    path: str | None = None
    row: int | None = None
    text: str | None = None
    named: bool = True
    stamp: str | None = None
    former: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that can be labeled.

    number : int, from 0 in the order of adding, never reused: the row of this item in arrays of embeddings
    missing : bool, whether it was gone when the data were last looked through
    held_back : bool, whether its label is never trained on
    The others as in :class:`Found`.
    """

    number: int
    id: str
    kind: str
    content: str
    path: str | None
    row: int | None
    text: str | None
    missing: bool
    held_back: bool
    added: datetime


@dataclass(frozen=True)
class Added:
    """What :meth:`Items.add` found, as ids of items.

    new, missing, back : new, gone, or back after they were gone
    changed : the same id, or the same place in a table without ids, has another content now
    moved : the same content in another row of a table without ids
    renamed : the same content under another id, the id of before for each id of now
    unclear : gone copies of one content with differing answers, of which fewer are left: none can be told from another
    empty : rows whose text is empty or white space, which are no items; ids as the data have them
    """

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an annotator says about an item, to be recorded.

    kind : "label" (then ``label`` is a class), "skip", "none_of_these" or "withdraw"
    source : "page", "suggestion" (on the page too, a person confirmed what the model suggested), "label-studio",
        "import" or "cli"
    external_id, external_version : str, of an answer that lives elsewhere too: the same pair is recorded once
    at : datetime with a time zone; None for now
    content : str, content of the item that the annotator was shown; None for its present content
    """

    item: str
    annotator: str
    kind: str = "label"
    label: str | None = None
    source: str = "page"
    external_id: str | None = None
    external_version: str = ""
    at: datetime | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """What an annotator takes back: the last answer from ``source``, or the one of that ``external_id``.

    The source "page" stands for confirmed suggestions too.
    """

    annotator: str
    source: str = "page"
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An answer as it was recorded, for ever.

    undoes : int or None, number of the event that it takes back
    content : str, content of the item that was answered; the answer holds while the item has this content
    """

    number: int
    item: str
    annotator: str
    kind: str
    label: str | None
    at: datetime
    source: str
    external_id: str | None
    external_version: str
    undoes: int | None
    content: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A label that a model guessed about an item, for a person to confirm; ``probability`` is None where unknown."""

    item: str
    label: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """A file of labels that was imported.

    number : int, from 1
    answers, suggestions : int, how many it recorded; undone : datetime or None
    """

    number: int
    at: datetime
    file: str
    format: str
    answers: int
    suggestions: int
    undone: datetime | None


@dataclass(frozen=True, slots=True)
class Undone:
    """The result of undoing an import.

    of : Import, as it was before
    withdrawn : int, answers taken back; restored : int, those of them whose annotator's earlier answer holds again
    kept : int, answers left alone, since their annotator answered again after the import
    suggestions : int, suggestions taken back
    """

    of: Import
    withdrawn: int = 0
    restored: int = 0
    kept: int = 0
    suggestions: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item stands by the last words of all annotators.

    state : "labeled", "none_of_these", "conflict" (a tie) or "skipped" (nobody decided)
    label : str or None, the majority's class
    votes, voters : int, annotators who say so, and who decided at all
    """

    item: str
    number: int
    state: str
    label: str | None
    votes: int
    voters: int
    held_back: bool

    @property
    def agreement(self) -> float:
        """Share of those who decided that is of the majority's mind; 0 where nobody decided."""
        return self.votes / self.voters if self.voters else 0.0


@dataclass(frozen=True)
class Conflict:
    """An item on which annotators are tied: the class that each names, None for "none of these"."""

    item: Item
    votes: dict[str, str | None]


@dataclass(frozen=True)
class Agreement:
    """How far two annotators agree on the ``items`` that both decided, before either knew of a conflict.

    share : float, of equal answers; low, high : its 95 % interval
    kappa : Cohen's kappa, with its interval; None where it is not defined (one class only)
    """

    first: str
    second: str
    items: int
    share: float
    low: float
    high: float
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None


@dataclass(frozen=True)
class Pick:
    """An item that people are asked about, and why.

    item : str
    mass : float or None, share of the pool's mass that it stands for
    stands_for : int or None, number of items that it stands for
    uncertainty : float or None
    about : dict of JSON types, such as its nearest neighbors
    role, round, rank : set by the project; "audit" picks are random ones from the items held back
    """

    item: str
    mass: float | None = None
    stands_for: int | None = None
    uncertainty: float | None = None
    about: dict[str, Any] = field(default_factory=dict)
    role: str = "query"
    round: int = -1
    rank: int = -1


@dataclass(frozen=True)
class Round:
    """A batch of picks that was recorded: who chose it, on how many labels, from which model."""

    number: int
    at: datetime
    strategy: str
    n_labeled: int
    model: int | None
    n_picks: int
    n_audit: int
    about: dict[str, Any]


@dataclass(frozen=True)
class Task:
    """An item to be answered now. ``pick`` is None for a conflict over an item that was never picked."""

    item: Item
    pick: Pick | None
    conflict: bool


@dataclass(frozen=True, slots=True)
class AuditLabel:
    """An answered item of the audit sample.

    label : str or None, None for "none of these"
    probability : float, with which the item came into the sample
    changed : datetime or None, when its content last became another one: models from before saw something else
    """

    item: str
    number: int
    label: str | None
    probability: float
    changed: datetime | None = None

    @property
    def weight(self) -> float:
        """Number of items that it stands for in an estimate over the pool: 1 / probability."""
        return 1.0 / self.probability


@dataclass(frozen=True)
class Model:
    """A trained model or embedder.

    number : int, from 0
    name : str; n_labeled : int, labels that it was trained on, 0 for an embedder alone
    events : int, number of the last event that it could know
    weights, embeddings, predictions : str or None, files relative to the project's folder
    """

    number: int
    at: datetime
    name: str
    n_labeled: int
    events: int
    weights: str | None
    embeddings: str | None
    predictions: str | None
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a model; ``low`` and ``high`` bound its interval where it is an estimate."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Counts:
    """How far the project is, in items.

    items : all; missing : gone from the data
    labeled, none_of_these, skipped, conflicts : by their standing; unlabeled : the others, missing ones left out
    held_back : never trained on; trainable : labeled and not held back
    rounds, picked : batches and picks so far
    overlap : people who are asked about each pick; open : picks that fewer have answered
    waits : the open picks, counted by how many people have answered each
    audit_picked, audit_answered : picks for the audit sample
    spent : answers about picks, one for each person and pick, skips left out
    budget : int or None, answers to ask for in all
    left : int or None, answers of the budget that are neither given nor waited for
    cost : None, or where answers have a price what ``spent`` cost; budget and left are money then
    """

    items: int
    missing: int
    labeled: int
    none_of_these: int
    skipped: int
    conflicts: int
    unlabeled: int
    held_back: int
    trainable: int
    rounds: int
    picked: int
    overlap: int
    open: int
    waits: dict[int, int]
    audit_picked: int
    audit_answered: int
    spent: int
    budget: float | None
    left: float | None
    cost: float | None = None

    def waiting(self) -> str:
        """Which answers are missing, for people: "3 items wait for an answer", "2 for a second person"; or empty."""
        parts: list[str] = []
        for heard, items in sorted(self.waits.items()):
            whom = f"a {_ordinal(heard + 1)} person" if heard else "an answer"
            noun = ("item waits" if items == 1 else "items wait") + " " if not parts else ""
            parts.append(f"{items:,} {noun}for {whom}")
        return ", ".join(parts)


def _ordinal(number: int) -> str:
    words = ("zeroth", "first", "second", "third", "fourth", "fifth")
    return words[number] if number < len(words) else f"{number}th"
