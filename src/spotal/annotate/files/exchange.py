"""Import and export: turns a file's rows into answers of a project, and a project's answers into a file."""

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

from spotal.annotate.files.base import Content, Entry, Reading, Row, Vote
from spotal.annotate.files.finder import Finder
from spotal.annotate.files.formats import format_of
from spotal.annotate.files.vouch import vouch
from spotal.errors import DataFileError, InputError, OutputError
from spotal.project import Answer, Event, Project, Suggestion
from spotal.project.labels import check_annotator
from spotal.project.outputs import check_project_output
from spotal.storage.files import FOLDER, atomic_path, flush, unwritable
from spotal.tables import PLAIN, Dialect, listed

__all__ = ["Exported", "Imported", "export_labels", "import_labels"]

ANNOTATOR = "import"
"""Annotator of answers for which a file names nobody."""


@dataclass(frozen=True)
class Imported:
    """The report of an import.

    format : str; answers : int, number of answers in the file
    recorded, known, older : int, number of new answers; of answers that the project had; of answers that are older than
        a newer one of the same annotator
    held_back : int, number of recorded answers about items held back for the audit, which are never trained on
    left_out : int, number of labels of unknown items and classes; added_classes : names
    guesses : int, number of a model's guesses in the file; suggested : int, number of guesses recorded as suggestions
        that people confirm
    """

    format: str
    answers: int
    recorded: int
    known: int
    older: int
    held_back: int
    left_out: int = 0
    added_classes: list[str] = field(default_factory=list)
    guesses: int = 0
    suggested: int = 0


@dataclass(frozen=True)
class Exported:
    """The report of an export: its format, and the numbers of items and answers."""

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
    people_only: bool = False,
    suggestions: bool = False,
    dialect: Dialect = PLAIN,
) -> Imported:
    """Record the answers of a file: all of them, or none if there is an error.

    An answer that the project has already is not recorded again: one with the same time, or one equal to the
    annotator's last imported answer. An answer that is older than the annotator's last answer is left out.

    Parameters
    ----------
    format : str or None, a name of :data:`FORMATS`; None to detect it
    annotator : str, annotator of answers for which the file names nobody
    id_column, label_column : str or None, columns of a table; None for the default names
    add_classes : bool, whether to add new classes to spotal.toml
    skip_unknown : bool, whether to leave out answers about unknown items or with unknown classes
    people_only : bool, whether to leave out a model's guesses
    suggestions : bool, whether to record a model's guesses as suggestions: the page shows them as guesses, and they are
        neither counted nor trained on
    dialect : Dialect, encoding and delimiter of text files

    Raises
    ------
    DataFileError
        The file cannot be read; or it holds guesses and neither option for them is set; or it has unknown items or
        classes; or its texts or images differ from the project's; or it has two different answers to an item by the
        same annotator at the same time.
    InputError, ProjectError
        The format is unknown, or an annotator's name or a new class is invalid.
    """
    source = Path(path)
    if not source.exists():
        raise DataFileError(f"{source} does not exist; check the path")
    check_annotator(annotator)
    if people_only and suggestions:
        raise InputError("people_only", "leaves guesses out and --suggestions keeps them", "give one of the two")
    chosen = format_of(source, format, written=False)
    settings, classes, parted = project.settings, project.settings.classes, project.settings.parted
    reading = Reading(classes, id_column, label_column, settings.data.text_column, dialect, settings.many)
    rows = chosen.read(source, reading)
    guesses = [row for row in rows if row.guess]
    if not suggestions:
        _refuse_guesses(guesses, rows, source, people_only or chosen.keeps_guesses_apart, people_only)
        rows = [row for row in rows if not row.guess]
    items = list(project.items)
    finder = Finder(items)
    matched = [(finder.find(row), row) for row in rows]
    unknown = [row for item, row in matched if item is None]
    new = list(dict.fromkeys(name for row in rows for name in parted(row.label) if name not in classes))
    if unknown and not skip_unknown:
        raise DataFileError(
            f"{source} has {len(unknown):,} label{'s' * (len(unknown) > 1)} of items that the project does not have: "
            f"{_some(map(_name, unknown))}; add the items, correct the names, or leave them out by --skip-unknown"
        )
    by_id = {item.id: item for item in items}
    vouch(((by_id[item], row) for item, row in matched if item is not None), items, project.items.file, source)
    if new and not (add_classes or skip_unknown):
        raise DataFileError(
            f"{source} has {len(new):,} class{'es' * (len(new) > 1)} that the project does not have: "
            f"{_some(map(str, new))}; add them by --add-classes, or leave their labels out by --skip-unknown"
        )
    allowed = {*classes, *new} if add_classes else set(classes)
    pairs = [(item, row) for item, row in matched if item is not None and set(parted(row.label)) <= allowed]
    answers, repeated = _by_people(pairs, project)
    fresh, known, older = _fresh(_once(answers, annotator, source), project)
    guessed = [
        Suggestion(item, row.label, row.probability) for item, row in pairs if row.guess and row.label is not None
    ]
    if add_classes and new:
        project.add_classes(new)
    events, suggested = project.imports.record(fresh, guessed, file=str(source), format=chosen.name)
    return Imported(
        chosen.name,
        sum(not row.guess for row in rows),
        len(events),
        known + repeated,
        older,
        sum(by_id[event.item].held_back for event in events),
        len(rows) - len(pairs),
        new if add_classes else [],
        len(guesses),
        suggested,
    )


def export_labels(
    project: Project,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    majority: bool = False,
    escape_formulas: bool = True,
) -> Exported:
    """Write the last answer of each annotator to each item.

    Answers that are set aside because their items changed are left out.

    Parameters
    ----------
    format : str or None, a name of :data:`FORMATS`; None to detect it
    majority : bool, whether to write one answer per item, the majority's; items in conflict are left out
    escape_formulas : bool, whether a CSV file gets a quote before each text that a spreadsheet would run as a formula;
        an import removes it

    Raises
    ------
    InputError
        The format is unknown or cannot hold such items, or the path belongs to the project.
    OutputError
        The file cannot be written, or the folder exists and no export wrote it. Existing files are not changed.
    """
    target = Path(path)
    chosen = format_of(target, format, written=True)
    kind = project.settings.data.kind
    if kind not in chosen.kinds:
        raise InputError("format", f"{chosen.name} holds no items of kind {kind!r}", "take csv or jsonl")
    check_project_output(project, target, "path", is_folder=chosen.is_ours is not None)
    entries = _entries(project, majority)
    settings = project.settings
    content = Content(kind, settings.classes, entries, project.items.file, escape_formulas, settings.many)
    with atomic_path(target) if chosen.is_ours is None else _new_folder(target, chosen.is_ours) as part:
        chosen.write(content, part)
    return Exported(chosen.name, len(entries), sum(len(entry.votes) for entry in entries))


def _entries(project: Project, majority: bool) -> list[Entry]:
    last: dict[str, dict[str, Event]] = {}
    for event in project.labels.words():
        last.setdefault(event.item, {})[event.annotator] = event
    entries = []
    standings = project.labels.standings()
    for item in project.items.named(standings):
        standing = standings[item.id]
        votes = [
            Vote(event.annotator, event.kind, event.label, event.at, event.source) for event in last[item.id].values()
        ]
        if majority:
            if standing.state not in ("labeled", "none_of_these"):
                continue
            kind = "label" if standing.state == "labeled" else standing.state
            at = max(one.at for one in votes)
            votes = [Vote("majority", kind, standing.label, at, "majority")]
        entries.append(Entry(item, standing.label, votes, standing.state == "none_of_these"))
    return entries


def _refuse_guesses(guesses: list[Row], rows: list[Row], source: Path, may_be_left_out: bool, asked: bool) -> None:
    """Refuse a file with guesses, unless an option allows it, or guesses may be left out and it holds other answers."""
    if not guesses or asked or (may_be_left_out and len(guesses) < len(rows)):
        return
    what = "a label that a model guessed" if len(guesses) == 1 else f"{len(guesses):,} labels that a model guessed"
    raise DataFileError(
        f"{source} has {what}, the first in {guesses[0].where}, and a guess is no answer; leave them out by "
        "--people-only, or keep them as suggestions that people confirm by --suggestions"
    )


def _by_people(pairs: list[tuple[str, Row]], project: Project) -> tuple[list[tuple[str, Row]], int]:
    """Return the rows of people, without unnamed ones that repeat the project's label; and the number of these."""
    people = [(item, row) for item, row in pairs if not row.guess]
    if not any(row.by_person for _, row in people):
        return people, 0
    standings = project.labels.standings()

    def is_new(item: str, row: Row) -> bool:
        standing = standings.get(item)
        is_same = standing is not None and (standing.state, standing.label) == ("labeled", row.label)
        return not (row.by_person and row.annotator is None and is_same)

    new = [(item, row) for item, row in people if is_new(item, row)]
    return new, len(people) - len(new)


def _once(pairs: Iterable[tuple[str, Row]], annotator: str, source: Path) -> list[Answer]:
    """Return one answer for each item and annotator, the latest if the file has times."""
    last: dict[tuple[str, str], Row] = {}
    for item, row in pairs:
        key = (item, annotator if row.annotator is None else row.annotator)
        before = last.get(key)
        if before is None or (before.kind, before.label, before.at) == (row.kind, row.label, row.at):
            last[key] = row
        elif before.at is None or row.at is None or before.at == row.at:
            if (before.kind, before.label) != (row.kind, row.label):
                raise DataFileError(
                    f"{source} says both {before.label or before.kind!r} ({before.where}) and "
                    f"{row.label or row.kind!r} ({row.where}) about {item!r} by {key[1]!r}; keep one, or name "
                    "the annotators"
                )
        elif row.at > before.at:
            last[key] = row
    return [Answer(item, who, row.kind, row.label, "import", None, "", row.at) for (item, who), row in last.items()]


def _fresh(answers: list[Answer], project: Project) -> tuple[list[Answer], int, int]:
    """Return the new answers with their external ids and versions, and the numbers of known and of older answers.

    The id names the item and annotator; the version is the number of their earlier imports. Undone answers are not
    known.
    """
    undone = project.labels.withdrawn()
    by_who: dict[tuple[str, str], list[Event]] = {}
    for event in project.labels.history():
        by_who.setdefault((event.item, event.annotator), []).append(event)
    fresh, known, older = [], 0, 0
    for answer in answers:
        ever = by_who.get((answer.item, answer.annotator), [])
        version = str(sum(event.source == "import" for event in ever))
        events = [event for event in ever if event.number not in undone]
        imported = [event for event in events if event.source == "import"]
        same = [event for event in events if (event.kind, event.label) == (answer.kind, answer.label)]
        last = imported[-1:] if answer.at is None else events
        if any(event in last and answer.at in (None, event.at) for event in same):
            known += 1
        elif answer.at is not None and events and events[-1].at > answer.at:
            older += 1
        else:
            key = json.dumps([answer.annotator, answer.item])
            words = (answer.item, answer.annotator, answer.kind, answer.label, "import")
            fresh.append(Answer(*words, key, version, answer.at))
    return fresh, known, older


def _name(row: Row) -> str:
    return next((name for names in (row.ids, row.paths, row.texts) for name in names), row.where)


def _some(names: Iterable[Any]) -> str:
    return listed(list(dict.fromkeys(name if len(name) <= 60 else f"{name[:57]}..." for name in names)))


@contextmanager
def _new_folder(target: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``target`` at the end of the block.

    It replaces only an empty folder or one that an export wrote.
    """
    if target.is_symlink():
        raise OutputError(f"{target} cannot be written: it is a link; give the name of a new folder")
    if target.exists() and not (target.is_dir() and (is_ours(target) or not any(target.iterdir()))):
        raise OutputError(f"{target} exists and holds more than what spotal export wrote; give a new folder")
    mark = secrets.token_hex(4)
    part, old = (target.with_name(f".{target.name[:100]}.{mark}.{end}") for end in ("part", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        for written in (*part.iterdir(), part):
            flush(written)
        if target.exists():
            os.replace(target, old)
        os.replace(part, target)
        flush(target.parent)
    except OSError as error:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise unwritable(target, error, FOLDER) from None
    finally:
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)
