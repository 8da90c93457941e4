"""Link: which Label Studio project is a project's, and how far it was pulled. Kept in the project's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spotal.errors import LabelStudioError
from spotal.project.places import LINK
from spotal.storage.files import atomic_path
from spotal.tables.json_lines import parse_json

__all__ = ["Link", "read_link", "write_link"]


@dataclass(frozen=True)
class Link:
    """The counterpart in Label Studio. Never holds a token.

    url : str, where the server is
    mark : str, stands in the description of a project that we make, so that it is found again after a kill
    project : int, its number there, 0 before it is made; made : bool, whether we made it
    born : str, when it was created: another server may have another project of that number
    images : "upload" or "local", how its images are shown
    seen : str, time of the last change that was pulled, by the server's clock; empty for none
    classes : tuple of str, those of the last pull
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
        """Names the Label Studio project among all of all servers."""
        return f"{self.project}@{self.born}"


def read_link(folder: Path) -> Link | None:
    """The link in a project's folder, None where there is none. Raises LabelStudioError for a file that is none."""
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
    """Keep the link. Raises OutputError where the folder cannot be written."""
    with atomic_path(folder / LINK) as part:
        part.write_text(json.dumps(asdict(link), indent=1) + "\n", encoding="utf-8")
