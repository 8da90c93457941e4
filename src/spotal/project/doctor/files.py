"""Checks of files: the data, the images, the files of models, and unfinished files of interrupted commands."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spotal.errors import DataFileError, SpotalError, SpotalWarning
from spotal.images import decode
from spotal.numeric.processors import processors
from spotal.project import model_files
from spotal.project.doctor.base import Finding, Progress
from spotal.project.findings import describe_set_aside
from spotal.project.places import MODELS
from spotal.project.sources import look
from spotal.tables import listed

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["check_data", "check_images", "check_leftovers", "check_models", "check_strays"]

AT_ONCE = 256
"""Images that are read in one batch."""


def check_data(project: Project) -> Iterator[Finding]:
    """Yield items that are gone, changed, moved or new, and answers that were set aside. Reads every file."""
    check = "data"
    try:
        data = look(project.settings.data, project.folder, project.items.contents(), whole=True)
        report = project.items.compare(data)
    except SpotalError as error:
        yield Finding(check, str(error))
        return

    def refresh() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpotalWarning)  # the findings already say this
            project.refresh(whole=True)

    for names, what in (
        (report.missing, "gone since"),
        (report.changed, "changed since"),
        (report.moved, "in other rows than when"),
        ([f"{before} to {now}" for now, before in report.renamed.items()], "renamed since"),
        (report.back, "there again after"),
    ):
        if names:
            sentence = f"{len(names)} items are {what} the data were last read: {listed(names)}"
            yield Finding(check, sentence, "record it, as spotal next does; labels follow contents", fix=refresh)
    answered = project.labels.standings()
    gone = {item.id for item in project.items if item.missing} - set(report.back) | set(report.missing)
    if gone:
        labeled = sum(name in answered for name in gone)
        what = f"{len(gone)} items are gone from {project.items.location}; {labeled} of them have answers, which remain"
        yield Finding(check, f"{what}; if this was a mistake, restore the files", note=not labeled)
    affected = [name for name in report.changed if report.renamed.get(name, name) in answered]
    if affected:
        yield Finding(
            check, f"{len(affected)} of the changed items have labels, which will be set aside until a person confirms "
            f"them: {listed(affected)}"
        )  # fmt: skip
    for sentence in describe_set_aside(project.labels.set_aside()):
        yield Finding(check, sentence)
    if report.new:
        yield Finding(check, f"{len(report.new)} items are new; spotal next adds them", note=True)


def check_images(project: Project, progress: Progress) -> Iterator[Finding]:
    """Yield images that cannot be read. Reads every image, with one thread per processor."""
    items = [item for item in project.items if item.path is not None and project.items.file(item).is_file()]
    bad: list[str] = []
    with ThreadPoolExecutor(processors()) as threads:
        for start in range(0, len(items), AT_ONCE):
            part = items[start : start + AT_ONCE]
            readable = threads.map(_is_readable, map(project.items.file, part))
            bad += [item.id for item, fine in zip(part, readable, strict=True) if not fine]
            progress(start + len(part), len(items))
    if bad:
        yield Finding("images", f"{len(bad)} images cannot be read; replace them: {listed(bad)}")


def check_models(project: Project) -> Iterator[Finding]:
    """Yield files of models that are missing or damaged."""
    place = project.folder
    for number, _, path in project.models.damaged():
        what = "a damaged" if project.models.file(path).exists() else "lost its"
        sentence = f"model {number} has {what} {path}; spotal train makes a new model"
        yield Finding("models", sentence, "remove it from the record", fix=lambda: _forget(place))


def check_strays(project: Project) -> Iterator[Finding]:
    """Yield files of trainings that no record names. Call it while no command runs: commands write files first."""
    named = {path for model in project.models.all() for path in (model.weights, model.embeddings, model.predictions)}
    stray = model_files.strays(project.folder, named)
    if stray:
        sentence = f"{len(stray)} files in {MODELS} belong to no model: {listed([path.name for path in stray])}"
        yield Finding("models", sentence, "delete them", fix=lambda: _delete(stray))


def check_leftovers(folder: Path) -> Iterator[Finding]:
    """Yield unfinished files of interrupted commands in .spotal. Call it while no command runs."""
    paths = model_files.leftovers(folder)
    if paths:
        names = listed([path.relative_to(folder).as_posix() for path in paths])
        yield Finding("leftovers", f"{len(paths)} unfinished files: {names}", "delete them", fix=lambda: _delete(paths))


def _is_readable(path: Path) -> bool:
    try:
        decode(path, path, (32, 32), None)
    except DataFileError:
        return False
    return True


def _forget(place: Path) -> None:
    from spotal.project.project import Project

    with Project.open(place) as project:
        project.models.forget_damaged()


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
