"""Small frozen records that a project takes and returns. They have no connection to the database."""

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
    """An item of the data, to be added to the project.

    id : str; kind : "image", "text" or "embedding"
    content : str, hash of the content
    path : str or None, of an image, relative to the data's folder
    row : int or None, of a table or array, from 0
    text : str or None
    named : bool, whether the id comes from the data; False if it is the row number
    stamp : str or None, of a file; the file is not read again while its stamp is unchanged. The first row of a table or
        array has the stamp of the whole file and the number of rows
    former : str or None, the content as projects of revision 0001 store it
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
    """An item of the project. Other fields are as in :class:`Found`.

    number : int, from 0 in the order of adding, never reused; also the item's row in arrays of embeddings
    missing : bool, whether it was missing when the data were last read
    held_back : bool, whether it is held back for the audit and never used for training
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
    """Changes that :meth:`Items.add` noticed, as ids of items.

    new, missing, back : new items, missing items, and items that were missing before
    changed : items whose id, or position in a table without ids, has another content now
    moved : items whose content is in another row of a table without ids
    renamed : from the new id to the old id of the same content
    unclear : missing copies of one content with different answers, which cannot be distinguished
    empty : ids in the data of rows whose text is empty or white space; they are not items
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
    """An annotator's answer about an item, to be recorded.

    kind : "label" (then ``label`` is a class), "skip", "none_of_these" or "withdraw"
    source : "page", "suggestion" (confirmed by a person on the page), "label-studio", "import" or "cli"
    external_id, external_version : str, identify an answer in another system; the same pair is recorded once
    at : datetime with a time zone; None for now
    content : str, content of the item that the annotator saw; None for its present content
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
    """Request to undo an annotator's last answer from ``source``, or the answer with ``external_id``.

    The source "page" includes confirmed suggestions.
    """

    annotator: str
    source: str = "page"
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A recorded answer. It is never changed or deleted.

    undoes : int or None, number of the event that it undoes
    content : str, content of the item that was answered; the answer is valid while the item has this content
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
    """A predicted label of an item, for a person to confirm. ``probability`` is None if unknown."""

    item: str
    label: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """A file of labels that was imported.

    number : int, from 1
    answers, suggestions : int, number recorded; undone : datetime or None
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
    withdrawn : int, undone answers; restored : int, undone answers whose annotator's earlier answer is valid again
    kept : int, answers not undone, because their annotator answered again after the import
    suggestions : int, undone suggestions
    """

    of: Import
    withdrawn: int = 0
    restored: int = 0
    kept: int = 0
    suggestions: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of an item that follows from the last answers of all annotators.

    state : "labeled", "none_of_these", "conflict" (a tie) or "skipped" (all skipped it)
    label : str or None, the majority's class
    votes, voters : int, number of annotators in the majority, and of those who did not skip
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
        """Share of the voters who chose the majority label; 0 without voters."""
        return self.votes / self.voters if self.voters else 0.0


@dataclass(frozen=True)
class Conflict:
    """An item with a tie, and each annotator's class, None for "none of these"."""

    item: Item
    votes: dict[str, str | None]


@dataclass(frozen=True)
class Agreement:
    """Agreement of two annotators on the ``items`` that both answered before a conflict was shown.

    share : float, of equal answers; low, high : its 95 % interval
    kappa : Cohen's kappa with its interval; None if undefined (one class only)
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
    """An item to label, and the reasons for its selection.

    item : str
    mass : float or None, share of the pool's mass in its cell
    stands_for : int or None, number of items in its cell
    uncertainty : float or None
    about : dict of JSON types, such as its nearest neighbors
    role, round, rank : set by the project; picks with the role "audit" are random, from the held-back items
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
    """A recorded batch: its strategy, and the labels and the model that the strategy used."""

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
    """An item to answer now. ``pick`` is None for a conflict about an item that was never picked."""

    item: Item
    pick: Pick | None
    conflict: bool


@dataclass(frozen=True, slots=True)
class AuditLabel:
    """An answered item of the audit sample.

    label : str or None, None for "none of these"
    probability : float, that the item is in the sample
    changed : datetime or None, last change of its content; older models saw another content
    """

    item: str
    number: int
    label: str | None
    probability: float
    changed: datetime | None = None

    @property
    def weight(self) -> float:
        """Number of items that this one represents in an estimate over the pool: 1 / probability."""
        return 1.0 / self.probability


@dataclass(frozen=True)
class Model:
    """A trained model or embedder.

    number : int, from 0
    name : str; n_labeled : int, number of labels it was trained on, 0 if only an embedder
    events : int, number of the last event before its training
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
    """A metric of a model. ``low`` and ``high`` bound the interval of an estimate."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Counts:
    """Progress of a project, mostly in numbers of items.

    items : all; missing : no longer in the data
    labeled, none_of_these, skipped, conflicts : by state; unlabeled : the others, without missing ones
    held_back : never used for training; trainable : labeled and not held back
    rounds, picked : batches and picks so far
    overlap : people who answer each pick; open : picks with fewer answers
    waits : number of open picks by the number of people who have answered them
    audit_picked, audit_answered : picks for the audit sample
    spent : answers about picks, without skips
    budget : int or None, total number of answers to ask for
    left : int or None, remaining budget without given and awaited answers
    cost : None, or the cost of ``spent`` if answers have a price; budget and left are then money
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
        """Return text about missing answers, such as "3 items wait for an answer, 2 for a second person"."""
        parts: list[str] = []
        for heard, items in sorted(self.waits.items()):
            whom = f"a {_ordinal(heard + 1)} person" if heard else "an answer"
            noun = ("item waits" if items == 1 else "items wait") + " " if not parts else ""
            parts.append(f"{items:,} {noun}for {whom}")
        return ", ".join(parts)


def _ordinal(number: int) -> str:
    words = ("zeroth", "first", "second", "third", "fourth", "fifth")
    return words[number] if number < len(words) else f"{number}th"
