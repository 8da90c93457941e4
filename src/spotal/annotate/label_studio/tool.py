"""LabelStudio: the Label Studio project of a project, with push and pull."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spotal.annotate.base import Guesses, Pulled, Pushed, newest_guesses
from spotal.annotate.label_studio.client import TOKEN, URL, Client
from spotal.annotate.label_studio.config import Labeling, build_config, read_config
from spotal.annotate.label_studio.link import Link, read_link, write_link
from spotal.annotate.label_studio.pages import PAGE, moment
from spotal.annotate.label_studio.pull import pull
from spotal.annotate.label_studio.push import push
from spotal.errors import LabelStudioError

if TYPE_CHECKING:
    from spotal.project import Project

__all__ = ["LabelStudio"]

HERE = "http://localhost:8080"


class LabelStudio:
    """Label Studio as an annotation tool of a project.

    Parameters
    ----------
    project : Project, open
    url : str or None
        Address of the server. None takes the environment variable LABEL_STUDIO_URL, else the last address, else
        http://localhost:8080.
    token : str or None; None for the environment variable LABEL_STUDIO_API_KEY; never stored
    timeout : float, seconds to wait for a reply of the server

    Raises
    ------
    InputError
        The url is invalid.
    LabelStudioError
        There is no token, or the SDK is not installed. All methods raise this error if the server cannot be reached or
        returns an error, or if its project was deleted. Answers that were recorded before are kept.
    """

    def __init__(
        self, project: Project, *, url: str | None = None, token: str | None = None, timeout: float = 60.0
    ) -> None:
        self.project = project
        self.link = read_link(project.folder)
        chosen = url or os.environ.get(URL) or (HERE if self.link is None else self.link.url)
        self.client = Client(chosen, token or os.environ.get(TOKEN), timeout)

    @property
    def page(self) -> str:
        """Return the address of the page at which people label."""
        return f"{self.client.url}/projects/{0 if self.link is None else self.link.project}/data"

    def connect(self, number: int | None = None, *, new: bool = False, images: str | None = None) -> Labeling:
        """Find or create the Label Studio project, and store its address and number in the project's folder.

        Parameters
        ----------
        number : int or None, an existing Label Studio project to use; its labeling config must have all classes as
            choices
        new : bool, whether to create another Label Studio project even if there is one
        images : "upload" or "local"; None for the last value, or "upload" the first time
        """
        if number is not None:
            remote = self._remote(number)
            link = Link(self.client.url, "", number, made=False, born=_born(remote))
            if self.link is not None and self.link.key == link.key:
                link = self.link
        elif new or self.link is None:
            link = Link(self.client.url, f"spotal-{secrets.token_hex(8)}")
        else:
            link = self.link
        if images is not None:
            link = replace(link, images=images)
        self._keep(link)
        if not link.project:
            remote = self._make(link)
            self._keep(replace(link, url=self.client.url, project=remote.id, born=_born(remote)))
        return self._labeling(change=True)

    def push(self, guesses: Guesses | None = None) -> Pushed:
        """Send the batch to Label Studio; can be repeated.

        Parameters
        ----------
        guesses : Guesses or None, shown to people; None for the guesses of the newest model
        """
        labeling = self.connect()
        assert self.link is not None
        shown = newest_guesses(self.project) if guesses is None else guesses
        return push(self.client, self.project, self.link, labeling, shown)

    def pull(self, *, everything: bool = False, size: int = PAGE) -> Pulled:
        """Record the answers since the last pull.

        Parameters
        ----------
        everything : bool, whether to read all tasks again; this is also done if the classes have changed
        size : int, number of tasks in a page
        """
        if self.link is None or not self.link.project:
            raise LabelStudioError(f"{self.project.folder} has nothing in Label Studio yet; run spotal push first")
        labeling = self._labeling(change=False)
        classes = self.project.settings.classes
        everything = everything or self.link.classes != classes
        report, seen = pull(self.client, self.project, self.link, labeling, everything=everything, size=size)
        self._keep(replace(self.link, seen=seen, classes=classes))
        return report

    def _remote(self, number: int) -> Any:
        with self.client.asking(f"project {number}"):
            return self.client.sdk.projects.get(number)

    def _labeling(self, *, change: bool) -> Labeling:
        """Return the control for the classes. If ``change``, add missing classes to a project that spotal made."""
        link, settings = self.link, self.project.settings
        assert link is not None
        remote = self._remote(link.project)
        where = f"project {link.project} of Label Studio at {self.client.url}"
        if _born(remote) != link.born:
            raise LabelStudioError(
                f"{where} is not the project that was pushed to; correct {URL}, or push with --project new or "
                "--project NUMBER"
            )
        if link.url != self.client.url:
            self._keep(replace(link, url=self.client.url))
        try:
            return read_config(remote.label_config or "", settings.data.kind, settings.classes, where, settings.many)
        except LabelStudioError:
            if not (change and link.made):
                raise
        config = build_config(settings.data.kind, settings.classes, settings.many)
        with self.client.asking(f"the labeling config of project {link.project}"):
            self.client.sdk.projects.update(link.project, label_config=config)
        return read_config(config, settings.data.kind, settings.classes, where, settings.many)

    def _make(self, link: Link) -> Any:
        """Find the project with the link's mark, which an interrupted run may have made, or make it."""
        settings = self.project.settings
        config = build_config(settings.data.kind, settings.classes, settings.many)
        with self.client.asking("its projects"):
            made = next((one for one in self.client.sdk.projects.list() if link.mark in (one.description or "")), None)
        if made is not None:
            return self._remote(int(made.id or 0))
        with self.client.asking("a new project"):
            remote = self.client.sdk.projects.create(
                title=f"spotal {self.project.folder.name}"[:50],
                description=f"Tasks come from spotal ({link.mark}), most useful first.",
                label_config=config,
                sampling="Sequential sampling",
                maximum_annotations=settings.overlap,
                show_skip_button=True,
                enable_empty_annotation=False,
                show_collab_predictions=True,
                request_options={"max_retries": 0},
            )
            for title, order in (("In order", "tasks:id"), ("Uncertain first", "tasks:predictions_score")):
                data: Any = {"title": title, "ordering": [order], "filters": {"conjunction": "and", "items": []}}
                self.client.sdk.views.create(project=remote.id, data=data)
        return remote

    def _keep(self, link: Link) -> None:
        if link != self.link:
            write_link(self.project.folder, link)
            self.link = link


def _born(remote: Any) -> str:
    return moment(remote.created_at).isoformat(timespec="microseconds")
