"""Import and export: a file's rows become answers of a project, and the answers that hold become a file."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spotal._files import atomic_path
from spotal.annotate.files.base import Content, Entry, Reading, Row, Said
from spotal.annotate.files.finder import Finder
from spotal.annotate.files.formats import format_of
from spotal.errors import DataFileError, InputError, OutputError
from spotal.project import Answer, Event, Project
from spotal.tables import PLAIN, Dialect, listed

__all__ = ["Exported", "Imported", "export_labels", "import_labels"]

ANNOTATOR = "import"
"""Who said what a file does not attribute to anybody."""


@dataclass(frozen=True)
class Imported:
    """What an import did.

    format : str; answers : int, in the file
    recorded, known, older : int, answers that are new; that the project had; that their annotator has since overruled
    held_back : int, of those recorded, about items held back for the audit, which are never trained on
    left_out : of items and classes that are unknown; added_classes : names
    """

    format: str
    answers: int
    recorded: int
    known: int
    older: int
    held_back: int
    left_out: int = 0
    added_classes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Exported:
    """What an export wrote: its format, items and answers."""

    format: str
    items: int
    answers: int


def import_labels(
    project: Project,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    annotator: str = ANNOTATOR,
    id_column: str | None = None,
    label_column: str | None = None,
    add_classes: bool = False,
    skip_unknown: bool = False,
    dialect: Dialect = PLAIN,
) -> Imported:
    """Record the answers of a file: all of them or, where anything is wrong, none.

    An answer that the project has already is not recorded again: one with the same time, or one that this annotator's
    last import said too. One from before its annotator's last word is left out, since that counts.

    Parameters
    ----------
    format : str or None, a name of :data:`FORMATS`; None for what the path means
    annotator : str, who said what the file attributes to nobody
    id_column, label_column : str or None, of a table; None to look for them
    add_classes : bool, whether classes that are new are added to spotal.toml
    skip_unknown : bool, whether answers about unknown items, or of unknown classes, are left out
    dialect : Dialect, encoding and delimiter of text files

    Raises
    ------
    DataFileError
        The file cannot be read as what it should be, names items or classes that the project does not have, or says two
        things about an item by the same annotator at the same time.
    InputError, ProjectError
        The format is unknown; an annotator's name or a new class is none.
    """
    source = Path(path)
    if not source.exists():
        raise DataFileError(f"{source} does not exist; check the path")
    chosen = format_of(source, format, written=False)
    classes = project.settings.classes
    rows = chosen.read(source, Reading(classes, id_column, label_column, dialect))
    finder = Finder(project.items)
    found = [(finder.find(row), row) for row in rows]
    lost = [row for item, row in found if item is None]
    new = list(dict.fromkeys(row.label for _, row in found if row.label is not None and row.label not in classes))
    if lost and not skip_unknown:
        raise DataFileError(
            f"{source} has {len(lost):,} label{'s' * (len(lost) > 1)} of items that the project does not have: "
            f"{_some(map(_name, lost))}; add the items, correct the names, or leave them out by --skip-unknown"
        )
    if new and not (add_classes or skip_unknown):
        raise DataFileError(
            f"{source} has {len(new):,} class{'es' * (len(new) > 1)} that the project does not have: "
            f"{_some(map(str, new))}; add them by --add-classes, or leave their labels out by --skip-unknown"
        )
    known_classes = (*classes, *new) if add_classes else classes
    kept = [
        (item, row) for item, row in found if item is not None and (row.label is None or row.label in known_classes)
    ]
    said = _once(kept, annotator, source)
    fresh, known, older = _fresh(said, project.labels.history())
    if add_classes and new:
        project.add_classes(new)
    events = project.labels.record_all(fresh)
    held = {item.id for item in project.items if item.held_back}
    return Imported(
        chosen.name,
        len(rows),
        len(events),
        known,
        older,
        sum(event.item in held for event in events),
        len(rows) - len(kept),
        new if add_classes else [],
    )


def export_labels(
    project: Project, path: str | os.PathLike[str], *, format: str | None = None, majority: bool = False
) -> Exported:
    """Write what holds about every item that anybody has spoken of: the last word of each annotator.

    Answers that are set aside since their items changed do not hold.

    Parameters
    ----------
    format : str or None, a name of :data:`FORMATS`; None for what the path means
    majority : bool, whether to write one answer an item, the one that stands, and nothing of items in conflict

    Raises
    ------
    InputError
        The format is unknown, cannot hold such items, or the path is the project's own.
    OutputError
        The file cannot be written, or the folder is there and was not written by an export. What was there is then as
        it was.
    """
    target = Path(path)
    chosen = format_of(target, format, written=True)
    kind = project.settings.data.kind
    if kind not in chosen.kinds:
        raise InputError(f"--format {chosen.name} holds no items of kind {kind!r}; take csv or jsonl")
    own = project.items.location.resolve()
    if target.resolve() in (own, project.folder):
        raise InputError(f"{target} is the project's own; give another path, or labels would replace it")
    entries = _entries(project, majority)
    content = Content(kind, project.settings.classes, entries, project.items.file)
    with atomic_path(target) if chosen.is_ours is None else _new_folder(target, chosen.is_ours) as part:
        chosen.write(content, part)
    return Exported(chosen.name, len(entries), sum(len(entry.said) for entry in entries))


def _entries(project: Project, majority: bool) -> list[Entry]:
    last: dict[str, dict[str, Event]] = {}
    for event in project.labels.words():
        last.setdefault(event.item, {})[event.annotator] = event
    entries = []
    standings = project.labels.standings()
    for item in project.items.named(standings):
        standing = standings[item.id]
        said = [
            Said(event.annotator, event.kind, event.label, event.at, event.source) for event in last[item.id].values()
        ]
        if majority:
            if standing.state not in ("labeled", "none_of_these"):
                continue
            kind = "label" if standing.state == "labeled" else standing.state
            at = max(one.at for one in said)
            said = [Said("majority", kind, standing.label, at, "majority")]
        entries.append(Entry(item, standing.label, said))
    return entries


def _once(found: Iterable[tuple[str, Row]], annotator: str, source: Path) -> list[Answer]:
    """One answer for each item and annotator: the latest, where the file says when."""
    kept: dict[tuple[str, str], Row] = {}
    for item, row in found:
        key = (item, annotator if row.annotator is None else row.annotator)
        before = kept.get(key)
        if before is None or (before.kind, before.label, before.at) == (row.kind, row.label, row.at):
            kept[key] = row
        elif before.at is None or row.at is None or before.at == row.at:
            if (before.kind, before.label) != (row.kind, row.label):
                raise DataFileError(
                    f"{source} says both {before.label or before.kind!r} ({before.where}) and "
                    f"{row.label or row.kind!r} ({row.where}) about {item!r} by {key[1]!r}; keep one, or name "
                    "the annotators"
                )
        elif row.at > before.at:
            kept[key] = row
    return [Answer(item, who, row.kind, row.label, "import", None, "", row.at) for (item, who), row in kept.items()]


def _fresh(answers: list[Answer], history: list[Event]) -> tuple[list[Answer], int, int]:
    """Answers that say something new, each with an external id and version of its own; how many are known, and older.

    The id is of the item and annotator, the version counts what was imported for them.
    """
    by_who: dict[tuple[str, str], list[Event]] = {}
    for event in history:
        by_who.setdefault((event.item, event.annotator), []).append(event)
    fresh, known, older = [], 0, 0
    for answer in answers:
        events = by_who.get((answer.item, answer.annotator), [])
        imported = [event for event in events if event.source == "import"]
        same = [event for event in events if (event.kind, event.label) == (answer.kind, answer.label)]
        last = imported[-1:] if answer.at is None else events
        if any(event in last and answer.at in (None, event.at) for event in same):
            known += 1
        elif answer.at is not None and events and events[-1].at > answer.at:
            older += 1
        else:
            key, version = json.dumps([answer.annotator, answer.item]), str(len(imported))
            words = (answer.item, answer.annotator, answer.kind, answer.label, "import")
            fresh.append(Answer(*words, key, version, answer.at))
    return fresh, known, older


def _name(row: Row) -> str:
    return next((name for names in (row.ids, row.paths, row.texts) for name in names), row.where)


def _some(names: Iterable[Any]) -> str:
    return listed(list(dict.fromkeys(name if len(name) <= 60 else f"{name[:57]}..." for name in names)))


@contextmanager
def _new_folder(target: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """A folder to be made, which becomes ``target`` when the block ends and takes the place of one of ours."""
    if target.exists() and not (target.is_dir() and (is_ours(target) or not any(target.iterdir()))):
        raise OutputError(f"{target} is there already and was not written by spotal export; give a new folder")
    mark = secrets.token_hex(4)
    part, old = (target.with_name(f".{target.name[:100]}.{mark}.{end}") for end in ("part", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if target.exists():
            os.replace(target, old)
        os.replace(part, target)
    except OSError as error:
        if old.exists() and not target.exists():
            os.replace(old, target)
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{target} cannot be written ({reason}); give a folder that you may write to") from None
    finally:
        for left in (part, old):
            shutil.rmtree(left, ignore_errors=True)
