"""Link: the Label Studio project of a project and the time of the last pull, stored in the project's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spotal.errors import LabelStudioError
from spotal.project.places import LINK
from spotal.storage.files import write_text
from spotal.tables.json_lines import parse_json

__all__ = ["Link", "read_link", "write_link"]


@dataclass(frozen=True)
class Link:
    """The Label Studio project that belongs to a project. It never holds a token.

    url : str, address of the server
    mark : str, a text in the description of a new Label Studio project, to find it again after an interruption
    project : int, its number, 0 before it is made; made : bool, whether spotal made it
    born : str, time of its creation, because another server may have another project with this number
    images : "upload" or "local", how the server gets images
    seen : str, time of the last change that was pulled, by the server's clock; empty if there was no pull
    classes : tuple of str, classes at the last pull
    """

    url: str
    mark: str
    project: int = 0
    made: bool = True
    born: str = ""
    images: str = "upload"
    seen: str = ""
    classes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return a key that is unique among the projects of all servers."""
        return f"{self.project}@{self.born}"


def read_link(folder: Path) -> Link | None:
    """Read the link in a project's folder; None if there is none. Raises LabelStudioError if the file is invalid."""
    path = folder / LINK
    try:
        values = parse_json(path.read_bytes(), f"{path} is no JSON")
        values["classes"] = tuple(values["classes"])
        return Link(**{field.name: values[field.name] for field in fields(Link)})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabelStudioError(f"{path} cannot be read ({error!r}); delete it and push with --project NUMBER") from None


def write_link(folder: Path, link: Link) -> None:
    """Write the link. Raises OutputError if the folder cannot be written to."""
    write_text(folder / LINK, json.dumps(asdict(link), indent=1) + "\n")
