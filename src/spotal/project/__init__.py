"""A labeling project on disk: items, picks, labels and models in one SQLite database, settings in spotal.toml.

The folder::

    spotal.toml              what a person decides (:class:`Settings`); read again by every command, written once
    .spotal/project.sqlite   all that happened (below); WAL files beside it while it is open
    .spotal/answers.jsonl    a copy of every event, from which a lost database is rebuilt
    .spotal/backups/         copies made before an upgrade or a repair
    .spotal/...              models, caches, locks: :mod:`spotal.project.places` names them all

The data model:

items
    What can be labeled. An item has an ``id`` (its path in the data's folder, or the id that its file gives) and a
    ``number`` (0, 1, ... in the order of adding: its row in arrays of embeddings). It is never deleted; one whose file
    is gone is *missing*. Its ``content`` is a hash, by which it is found again where its row or name changes
    (:mod:`spotal.project.matching`). A share of the items is *held back* for the audit when it is added, by its id
    alone, or with the copy of it that is there (near copies at ``spotal init``): it is never a candidate for a strategy
    and never trained on.
rounds, picks
    A batch that was chosen, in order, and why. An item is picked once at most. Picks of role "audit" are random ones
    from the items held back, spread among the others; ``rounds.audit()`` lists their labels with the probability of
    their being drawn, so that ``sum(weight * right) / sum(weight)`` estimates accuracy over the pool.
events
    The audit trail: who said what about which item, when and from where ("label", "skip", "none_of_these",
    "withdraw"). Append-only, which the database itself enforces; a changed label, a withdrawal and an undo are events.
    An event keeps the content that was answered, and holds while its item has that content, or one for which somebody
    has *vouched*. Else it is *set aside*: nothing is trained on it.
imports, suggestions
    Files of labels that were imported, each with its range of events, so that an import can be undone as a whole: by
    further events, which leave later answers alone. Suggestions are guesses of a model that a file brought. They are
    shown to a person as a guess and are no answers: nothing counts them or trains on them.
standings
    Where an item stands, worked out anew from its events whenever one is added (a trigger does it, whoever writes): the
    last word of each annotator that was not withdrawn, in the order of recording; the majority of those who decided
    (skips are no vote, "none of these" is); "conflict" for a tie, "skipped" where nobody decided.
models, metrics
    What was trained, on how many labels, where its weights, embeddings and predictions are, and its figures.

Writes are single short transactions, on disk before the call returns; those of several processes take turns. A long
command holds ``project.lock(...)``. Files come first and the record that names them after, so a process that is killed
leaves at most a file that nobody names.

A change of the tables: edit ``schema.py``, raise its ``REVISION``, add the next numbered file to
``migrations/versions`` (a test compares the two), and keep the older files as they are.
"""

from spotal.project.item_states import Board
from spotal.project.next import next_batch
from spotal.project.predictions import Predictions, read_embeddings, read_predictions
from spotal.project.project import Project
from spotal.project.records import (
    Added,
    Agreement,
    Answer,
    AuditLabel,
    Conflict,
    Counts,
    Event,
    Found,
    Import,
    Item,
    Metric,
    Model,
    Pick,
    Round,
    Standing,
    Suggestion,
    Task,
    Undo,
    Undone,
)
from spotal.project.settings import Audit, Data, LimitSettings, Settings, Stop
from spotal.project.training import train

__all__ = [
    "Added",
    "Agreement",
    "Answer",
    "Audit",
    "AuditLabel",
    "Board",
    "Conflict",
    "Counts",
    "Data",
    "Event",
    "Found",
    "Import",
    "Item",
    "LimitSettings",
    "Metric",
    "Model",
    "Pick",
    "Predictions",
    "Project",
    "Round",
    "Settings",
    "Standing",
    "Stop",
    "Suggestion",
    "Task",
    "Undo",
    "Undone",
    "next_batch",
    "read_embeddings",
    "read_predictions",
    "train",
]
