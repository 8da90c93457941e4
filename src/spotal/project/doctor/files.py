"""Files: the data that items come from, what models left, and what an interrupted command left."""

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
from spotal.project.doctor.base import Finding, Progress, some
from spotal.project.findings import describe_set_aside
from spotal.project.places import MODELS
from spotal.project.sources import look

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["check_data", "check_images", "check_leftovers", "check_models", "check_strays"]

AT_ONCE = 256
"""Images that wait to be read."""


def check_data(project: Project) -> Iterator[Finding]:
    """Items whose content is gone, changed, moved, or not added yet; answers that do not hold. Reads every file."""
    check = "data"
    try:
        found = project.items.compare(look(project.settings.data, project.folder, project.items.contents(), whole=True))
    except SpotalError as error:
        yield Finding(check, str(error))
        return

    def note() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpotalWarning)  # they are findings
            project.refresh(whole=True)

    for names, what in (
        (found.missing, "gone since"),
        (found.changed, "changed since"),
        (found.moved, "in other rows than when"),
        ([f"{before} to {now}" for now, before in found.renamed.items()], "renamed since"),
        (found.back, "there again after"),
    ):
        if names:
            sentence = f"{len(names)} items are {what} the data were last looked through: {some(names)}"
            yield Finding(check, sentence, "note it, as every spotal next does; labels follow contents", fix=note)
    spoken = project.labels.standings()
    gone = {item.id for item in project.items if item.missing} - set(found.back) | set(found.missing)
    if gone:
        labeled = sum(name in spoken for name in gone)
        what = f"{len(gone)} items are gone from {project.items.location}, {labeled} of them with answers, which stay"
        yield Finding(check, f"{what}; put the files back if that was no wish", note=not labeled)
    late = [name for name in found.changed if found.renamed.get(name, name) in spoken]
    if late:
        yield Finding(
            check, f"{len(late)} of the changed items have labels, which will be set aside until a person says whether "
            f"they hold: {some(late)}"
        )  # fmt: skip
    for sentence in describe_set_aside(project.labels.set_aside()):
        yield Finding(check, sentence)
    if found.new:
        yield Finding(check, f"{len(found.new)} items are new; spotal next adds them", note=True)


def check_images(project: Project, progress: Progress) -> Iterator[Finding]:
    """Images that are there and cannot be read. Reads each whole, on as many threads as there are processors."""
    items = [item for item in project.items if item.path is not None and project.items.file(item).is_file()]
    bad: list[str] = []
    with ThreadPoolExecutor(processors()) as threads:
        for start in range(0, len(items), AT_ONCE):
            part = items[start : start + AT_ONCE]
            paths = [project.items.file(item) for item in part]
            bad += [item.id for item, fine in zip(part, threads.map(_reads, paths), strict=True) if not fine]
            progress(start + len(part), len(items))
    if bad:
        yield Finding("images", f"{len(bad)} images cannot be read; replace them: {some(bad)}")


def check_models(project: Project) -> Iterator[Finding]:
    """Files that a record names and that are gone or damaged."""
    place = project.folder
    for number, _, path in project.models.damaged():
        what = "a damaged" if project.models.file(path).exists() else "lost its"
        sentence = f"model {number} has {what} {path}; spotal train makes a new model"
        yield Finding("models", sentence, "take it out of the record", fix=lambda: _forget(place))


def check_strays(project: Project) -> Iterator[Finding]:
    """Files that trainings made and no record names; call it while no command is at work: records come after files."""
    kept = {path for model in project.models.all() for path in (model.weights, model.embeddings, model.predictions)}
    stray = model_files.strays(project.folder, kept)
    if stray:
        sentence = f"{len(stray)} files in {MODELS} belong to no model: {some(path.name for path in stray)}"
        yield Finding("models", sentence, "delete them", fix=lambda: _delete(stray))


def check_leftovers(folder: Path) -> Iterator[Finding]:
    """Unfinished files that interrupted commands left in .spotal; call it while no command is at work."""
    found = model_files.leftovers(folder)
    if found:
        names = some(path.relative_to(folder).as_posix() for path in found)
        yield Finding("leftovers", f"{len(found)} unfinished files: {names}", "delete them", fix=lambda: _delete(found))


def _reads(path: Path) -> bool:
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
