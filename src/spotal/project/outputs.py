"""Output checks for project commands: no output may overwrite a file that the project stores or reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spotal.errors import InputError
from spotal.images import suffixes
from spotal.project import settings as toml
from spotal.project.learning.choose import TUNE
from spotal.project.places import OWN, is_inside
from spotal.storage.outputs import Source, check_output

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["check_project_output", "sources"]


def check_project_output(
    project: Project, out: str | os.PathLike[str], argument: str = "out", *, is_folder: bool = False
) -> None:
    """Check a file or folder that a command of a project will write; see :func:`spotal.storage.outputs.check_output`.

    No output may be the data, spotal.toml, a price or group file or the model, or lie in the project's ``.spotal``.
    """
    try:
        inside = is_inside(Path(out), project.folder)
    except ValueError:  # not a valid file name; check_output reports it
        inside = False
    if inside:
        raise InputError(argument, must=f"lie outside {project.folder / OWN}, which is spotal's own", found=out)
    check_output(out, sources(project), argument, is_folder=is_folder)


def sources(project: Project) -> Iterator[Source]:
    """Yield the files and folders that a project reads outside ``.spotal``."""
    settings, folder = project.settings, project.folder
    yield Source(folder / toml.FILE)
    yield Source(project.items.location, suffixes())
    for name in (settings.limits.cost, settings.limits.groups):
        if name is not None:
            yield Source(folder / os.path.expanduser(name))
    model = settings.model.removeprefix(TUNE)
    yield Source(folder / model)
    module = re.match(r"([A-Za-z_][\w.]*):", model)
    if module is not None:
        for place in (folder, Path.cwd()):
            stem = place.joinpath(*module[1].split("."))
            yield from (Source(stem.with_suffix(".py")), Source(stem))
