"""A labeling project in a folder: items, picks, labels and models in one SQLite database, settings in spotal.toml.

The folder::

    spotal.toml              settings (:class:`Settings`), edited by people; every command reads them again
    .spotal/project.sqlite   all records (below); WAL files lie beside it while it is open
    .spotal/answers.jsonl    a copy of every event, from which a lost database is rebuilt
    .spotal/backups/         copies of the database from before an upgrade or a repair
    .spotal/...              models, caches, locks: :mod:`spotal.project.places` names them all

The tables:

items
    The images, texts or embeddings that can be labeled. An item has an ``id`` (its path in the data's folder, or the id
    that its file gives) and a ``number`` (0, 1, ... in the order of adding: its row in arrays of embeddings). Items are
    never deleted. An item whose file is gone is *missing*. Its ``content`` is a hash, which identifies it when its row
    or name changes (:mod:`spotal.project.matching`). A share of the items is *held back* for the audit when they are
    added. The choice depends on the id alone; copies (near copies at ``spotal init``) are held back together.
    Strategies never pick an item that is held back, and models never train on it.
rounds, picks
    A batch of picks in order, with the reasons. An item is picked at most once. Picks of role "audit" are random items
    among those held back, placed between the others. ``rounds.audit()`` lists their labels with the probability of
    being drawn. The weight of a label is 1 / probability, and ``sum(weight * right) / sum(weight)`` estimates accuracy
    over the pool.
events
    The audit trail: who answered which item, when and from where ("label", "skip", "none_of_these", "withdraw"). The
    database allows only adding: a changed label, a withdrawal and an undo are further events. An event stores the
    content that was answered. The event is valid while its item has this content, or another content for which a person
    has *vouched* (confirmed the answer). Otherwise the event is *set aside*: no model is trained on it.
imports, suggestions
    Imported files of labels, each with its range of events. Undoing an import adds events, and leaves later answers
    unchanged. Suggestions are predictions of a model that were imported from a file. The page shows suggestions as
    guesses. Suggestions are not answers: they are not counted, and no model is trained on them.
standings
    The state of each item. A trigger recomputes the state whenever an event of the item is added. It uses the last
    answer of each annotator, without withdrawn answers. The label is the majority of the decisions (a skip is no
    decision, "none of these" is one). A tie is a "conflict"; an item without a decision is "skipped".
models, metrics
    Trained models: the number of labels, the files of weights, embeddings and predictions, and metrics.

Every write is one short transaction, on disk before the call returns. Processes take turns. A long command holds
``project.lock(...)``. Files are written before the records that name them. If the process is killed in between, an
unused file remains.

To change the tables, edit ``schema.py``, raise its ``REVISION``, and add the next numbered file to
``migrations/versions`` (a test compares the two). Never change older files.
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
