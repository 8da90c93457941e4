"""Files: the data that items come from, what models left, and what an interrupted command left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spotal.errors import DataFileError, SpotalError
from spotal.project import made
from spotal.project.doctor.base import Finding, Progress, some
from spotal.project.places import MODELS
from spotal.project.sources import look
from spotal.tables.arrays import read_npy

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["check_data", "check_images", "check_leftovers", "check_models", "check_strays"]

AT_ONCE = 256
"""Images that wait to be read."""


def check_data(project: Project) -> Iterator[Finding]:
    """Items that are gone, changed, or not added yet."""
    check = "data"
    try:
        found = {thing.id: thing for thing in look(project.settings.data, project.folder)}
    except SpotalError as error:
        yield Finding(check, str(error))
        return
    items = list(project.items)
    spoken = project.labels.standings()
    gone = [item for item in items if item.id not in found]
    unmarked = [item.id for item in gone if not item.missing]
    changed = [item.id for item in items if item.id in found and found[item.id].content != item.content]
    back = [item.id for item in items if item.id in found and item.missing]
    for names, what in ((unmarked, "gone since"), (changed, "changed since"), (back, "there again after")):
        if names:
            sentence = f"{len(names)} items are {what} the data were last looked through: {some(names)}"
            yield Finding(check, sentence, "note it, as every spotal next does", fix=project.refresh)
    if gone:
        labeled = sum(item.id in spoken for item in gone)
        what = f"{len(gone)} items are gone from {project.items.location}, {labeled} of them with answers, which stay"
        yield Finding(check, f"{what}; put the files back if that was no wish", note=not labeled)
    late = [name for name in changed if name in spoken]
    if late:
        yield Finding(
            check, f"{len(late)} of the changed items have answers; look at them again: {some(late)}", note=True
        )
    new = len(found.keys() - {item.id for item in items})
    if new:
        yield Finding(check, f"{new} items are new; spotal next adds them", note=True)


def check_images(project: Project, progress: Progress) -> Iterator[Finding]:
    """Images that are there and cannot be read. Reads each whole, on as many threads as there are cores."""
    items = [item for item in project.items if item.path is not None and project.items.file(item).is_file()]
    bad: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(items), AT_ONCE):
            part = items[start : start + AT_ONCE]
            paths = [project.items.file(item) for item in part]
            bad += [item.id for item, fine in zip(part, threads.map(_reads, paths), strict=True) if not fine]
            progress(start + len(part), len(items))
    if bad:
        yield Finding("images", f"{len(bad)} images cannot be read; replace them: {some(bad)}")


def check_models(project: Project) -> Iterator[Finding]:
    """Files that a record names and that are gone or damaged."""
    check = "models"
    for model in project.models.all():
        files = [path for path in (model.weights, model.embeddings, model.predictions) if path is not None]
        gone = [path for path in files if not project.models.file(path).exists()]
        if gone:
            yield Finding(check, f"model {model.number} has lost {some(gone)}; make a new one by spotal train")
            continue
        for path in files:
            if path.endswith(".npy") and not _is_array(project.models.file(path), len(project.items)):
                yield Finding(check, f"model {model.number} has a damaged {path}; make a new one by spotal train")


def check_strays(project: Project) -> Iterator[Finding]:
    """Files that trainings made and no record names; call it while no command is at work: records come after files."""
    kept = {path for model in project.models.all() for path in (model.weights, model.embeddings, model.predictions)}
    stray = made.strays(project.folder, kept)
    if stray:
        sentence = f"{len(stray)} files in {MODELS} belong to no model: {some(path.name for path in stray)}"
        yield Finding("models", sentence, "delete them", fix=lambda: _delete(stray))


def check_leftovers(folder: Path) -> Iterator[Finding]:
    """Unfinished files that interrupted commands left in .spotal; call it while no command is at work."""
    found = made.leftovers(folder)
    if found:
        names = some(path.relative_to(folder).as_posix() for path in found)
        yield Finding("leftovers", f"{len(found)} unfinished files: {names}", "delete them", fix=lambda: _delete(found))


def _reads(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # Pillow raises what its many readers raise; all of it means the same here
        return False
    return True


def _is_array(path: Path, most: int) -> bool:
    try:
        array = read_npy(path)
    except DataFileError:
        return False
    return array.ndim == 2 and array.dtype.kind == "f" and len(array) <= most


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
