"""The run of all checks, the safe repairs, and all checks again."""

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
    """The result of a diagnosis.

    findings : present problems; notes : information; repaired : problems that were repaired
    skipped : checks that were not possible because the project cannot be opened or is in use
    backup : copy of the database from before the repairs, or None
    versions : versions of the installed software, by name
    """

    findings: list[Finding]
    notes: list[Finding]
    repaired: list[Finding]
    skipped: list[str]
    backup: Path | None
    versions: dict[str, str]


def diagnose(folder: str | os.PathLike[str], *, repair: bool = False, on_progress: Progress | None = None) -> Diagnosis:
    """Check a project and, with ``repair``, repair what needs no decision, after a copy of its database.

    Repairs never change labels. Records that refer to nothing, lost files and removed classes are only reported. A lost
    or damaged database is rebuilt from the journal of answers.

    Raises
    ------
    ProjectError
        The folder is not a project, and holds no parts of one.
    ProjectBusyError
        Another command is running during a repair.
    """
    place = Path(folder).resolve()
    if not any((place / name).exists() for name in (toml.FILE, FILE)) and not layout.is_old(place):
        raise ProjectError(
            f"{place} is no spotal project, it has neither {toml.FILE} nor {FILE}; make one by spotal init"
        )
    check_links(place)
    progress = on_progress or (lambda done, total: None)
    findings, skipped = _check(place, progress)
    repaired: list[Finding] = []
    copy = None
    if repair and any(finding.fix for finding in findings):
        with held(place, "doctor --repair"):
            path = place / (layout.OLD if layout.is_old(place) else FILE)
            if is_sound(path):  # a damaged database is moved to the backups when it is replaced
                copy = place / BACKUPS / f"{path.stem}-doctor-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite"
                backup(path, copy)
            while fixable := [finding for finding in findings if finding.fix and finding not in repaired]:
                for finding in fixable:
                    assert finding.fix is not None
                    finding.fix()
                repaired += fixable
                findings, skipped = _check(place, progress, has_lock=True)  # a repair may reveal more problems
        repaired = [finding for finding in repaired if finding not in findings]
    problems, notes = ([finding for finding in findings if finding.note == note] for note in (False, True))
    software = versions() | {"sqlite": sqlite3.sqlite_version, "system": platform.platform(terse=True)}
    return Diagnosis(problems, notes, repaired, skipped, copy, software)


def _check(place: Path, progress: Progress, *, has_lock: bool = False) -> tuple[list[Finding], list[str]]:
    """Run all checks; return the findings, and the names of skipped checks."""
    findings: list[Finding] = []
    skipped: list[str] = []
    try:
        toml.read(place / toml.FILE)
    except SpotalError as error:
        findings.append(Finding("settings", str(error)))
    old = layout.is_old(place)
    usable = not findings and not old and is_usable(place / FILE)
    if old:
        what = f"{layout.OLD} and other files are where an older version of spotal stored them"
        findings.append(Finding("database", what, f"move them to {OWN}", fix=lambda: layout.move(place)))
    else:
        findings += check_database(place)
    with ExitStack() as stack:
        project = stack.enter_context(Project.open(place)) if usable else None
        if project is None:
            skipped += ["data", "images", "models"]
        else:
            findings += [
                *check_journal(project),
                *check_content(project),
                *check_data(project),
                *check_images(project, progress),
                *check_models(project),
            ]
        try:
            if not has_lock:
                stack.enter_context(held(place, "doctor"))
            findings += [] if project is None else check_strays(project)
            findings += check_leftovers(place)
        except ProjectBusyError as error:
            skipped.append("leftovers")
            findings += _busy(place, str(error))
    return findings, skipped


def _busy(place: Path, sentence: str) -> Iterator[Finding]:
    """Yield who holds the lock, and whether that process is alive."""
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
