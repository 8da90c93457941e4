"""Go through all checks, repair what is safe, and go through them again."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from spotal.errors import ProjectBusyError, ProjectError, SpotalError
from spotal.project import layout
from spotal.project import settings as toml
from spotal.project.database import FILE, backup
from spotal.project.doctor.base import Finding, Progress
from spotal.project.doctor.content import check_content
from spotal.project.doctor.database import check_database, is_usable
from spotal.project.doctor.files import check_data, check_images, check_leftovers, check_models, check_strays
from spotal.project.doctor.rebuild import check_journal, is_sound
from spotal.project.lock import held
from spotal.project.places import BACKUPS, HOLDER, LOCK, OWN, check_links
from spotal.project.project import Project
from spotal.selection.provenance import versions
from spotal.tables.json_lines import parse_json

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """How a project is.

    findings : what is wrong now; notes : what is worth knowing; repaired : what was wrong and is not any more
    skipped : checks that could not be done, since the project cannot be opened or is in use
    backup : the copy of the database that was made before the repairs, or None
    versions : of what runs here, by name
    """

    findings: list[Finding]
    notes: list[Finding]
    repaired: list[Finding]
    skipped: list[str]
    backup: Path | None
    versions: dict[str, str]


def diagnose(folder: str | os.PathLike[str], *, repair: bool = False, on_progress: Progress | None = None) -> Diagnosis:
    """Check a project, and with ``repair`` put right what no decision is needed for, after a copy of its database.

    Labels are never touched: records that refer to nothing, lost files and classes that were removed are told and left
    to a person. A database that is lost or damaged is made anew from the copy of all answers.

    Raises
    ------
    ProjectError
        The folder is no project, nor what is left of one.
    ProjectBusyError
        A repair is asked for while another command is at work.
    """
    place = Path(folder).resolve()
    if not any((place / name).exists() for name in (toml.FILE, FILE)) and not layout.is_old(place):
        raise ProjectError(
            f"{place} is no spotal project, it has neither {toml.FILE} nor {FILE}; make one by spotal init"
        )
    check_links(place)
    progress = on_progress or (lambda done, total: None)
    found, skipped = _look(place, progress)
    repaired: list[Finding] = []
    copy = None
    if repair and any(finding.fix for finding in found):
        with held(place, "doctor --repair"):
            path = place / (layout.OLD if layout.is_old(place) else FILE)
            if is_sound(path):  # another one is kept aside where it is replaced
                copy = place / BACKUPS / f"{path.stem}-doctor-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite"
                backup(path, copy)
            while fixable := [finding for finding in found if finding.fix and finding not in repaired]:
                for finding in fixable:
                    assert finding.fix is not None
                    finding.fix()
                repaired += fixable
                found, skipped = _look(place, progress, own=True)  # what is mended may show more
        repaired = [finding for finding in repaired if finding not in found]
    problems = [finding for finding in found if not finding.note]
    return Diagnosis(problems, [finding for finding in found if finding.note], repaired, skipped, copy, _versions())


def _look(place: Path, progress: Progress, *, own: bool = False) -> tuple[list[Finding], list[str]]:
    """What all checks find, and the names of those that cannot be done. ``own``: the lock is held by this process."""
    found: list[Finding] = []
    skipped: list[str] = []
    try:
        toml.read(place / toml.FILE)
    except SpotalError as error:
        found.append(Finding("settings", str(error)))
    old = layout.is_old(place)
    usable = not found and not old and is_usable(place / FILE)
    if old:
        what = f"{layout.OLD} and other files lie where an older version of spotal kept them"
        found.append(Finding("database", what, f"move them to {OWN}", fix=lambda: layout.move(place)))
    else:
        found += check_database(place)
    with ExitStack() as stack:
        project = stack.enter_context(Project.open(place)) if usable else None
        if project is None:
            skipped += ["data", "images", "models"]
        else:
            found += [
                *check_journal(project),
                *check_content(project),
                *check_data(project),
                *check_images(project, progress),
            ]
            found += check_models(project)
        try:
            if not own:
                stack.enter_context(held(place, "doctor"))
            found += [] if project is None else check_strays(project)
            found += check_leftovers(place)
        except ProjectBusyError as error:
            skipped.append("leftovers")
            found += _busy(place, str(error))
    return found, skipped


def _busy(place: Path, sentence: str) -> Iterator[Finding]:
    """Who holds the lock, and whether that process is alive."""
    try:
        number = int(parse_json((place / HOLDER).read_bytes(), HOLDER)["pid"])
        os.kill(number, 0)
    except ProcessLookupError:
        yield Finding(
            "lock", f"{sentence}, and there is no such process here; if it runs on no other machine, remove {LOCK}"
        )
        return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    yield Finding("lock", sentence, note=True)


def _versions() -> dict[str, str]:
    return {**versions(), "sqlite": sqlite3.sqlite_version, "system": platform.platform(terse=True)}
