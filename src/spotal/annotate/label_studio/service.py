"""Service: synchronizes Label Studio and a project until stopped, and pushes the next batch when one is done."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from spotal.annotate.base import Guesses, Pulled, Pushed, newest_guesses
from spotal.annotate.label_studio.backend import USER, authorization, backend
from spotal.annotate.label_studio.push import TITLE, choose_version
from spotal.errors import InputError, LabelStudioError, SpotalError

if TYPE_CHECKING:
    from spotal.annotate.label_studio.tool import LabelStudio
    from spotal.project import Project

__all__ = ["Service", "serve"]

EVENTS: Any = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")
"""Events for which Label Studio calls the webhook."""


class Service:
    """A loop that pulls answers and, when a batch is done, chooses and pushes the next one; see :func:`serve`."""

    def __init__(
        self,
        tool: LabelStudio,
        advance: Callable[[Project], object] | None,
        guesses: Callable[[Project], Guesses],
        say: Callable[[str], None],
    ) -> None:
        self.tool, self._advance, self._guesses, self._say = tool, advance, guesses, say
        self.guesses = guesses(tool.project)
        self._bell, self._stopped = Event(), Event()
        self._last, self._pushed = "", set[tuple[str, bool, str]]()

    def ring(self) -> None:
        """Start the next turn now, since something changed in Label Studio."""
        self._bell.set()

    def stop(self) -> None:
        """End :meth:`run` after its current turn."""
        self._stopped.set()
        self._bell.set()

    def turn(self) -> tuple[Pulled, Pushed]:
        """Pull once; if the batch is done, choose and push the next one. Raises LabelStudioError."""
        pulled, pushed = self.tool.pull(), Pushed()
        if pulled.events:
            self._tell(f"pulled {pulled.new} new, {pulled.changed} changed and {pulled.withdrawn} withdrawn answers")
        for sentence in pulled.unread:
            self._tell(sentence)
        project = self.tool.project
        if self._advance is not None and not project.counts().open:
            try:
                self._advance(project)
                self.guesses = self._guesses(project)
            except SpotalError as error:  # there may still be conflicts to push
                self._tell(str(error))
        waiting = {(task.item.id, task.conflict, self.guesses.version) for task in project.rounds.batch()}
        if not waiting <= self._pushed:
            pushed = self.tool.push(self.guesses)
            self._pushed = waiting
            if pushed.new:
                self._tell(f"pushed {pushed.new} tasks of round {len(project.rounds)} to {self.tool.page}")
        return pulled, pushed

    def run(self, every: float) -> None:
        """Synchronize on each webhook or every ``every`` seconds; failures are reported and retried."""
        while True:
            self._bell.clear()
            if self._stopped.is_set():
                return
            try:
                self.turn()
            except SpotalError as error:
                self._tell(str(error))
            self._bell.wait(every)

    def register(self, url: str, password: str) -> None:
        """Register the backend at ``url`` with its webhook in Label Studio, in place of spotal's earlier ones."""
        client, number = self.tool.client, self._forget()
        auth: Any = {"auth_method": "BASIC_AUTH", "basic_auth_user": USER, "basic_auth_pass": password}
        headers = {"Authorization": authorization(password)}
        with client.asking("its ML backend"):
            client.sdk.ml.create(url=url, project=number, title=TITLE, is_interactive=False, **auth)
            for hook in client.sdk.webhooks.list(project=str(number)):
                if hook.url == f"{url}/webhook":  # Label Studio made it with the backend, but without the password
                    client.sdk.webhooks.update(
                        int(hook.id or 0),
                        url=hook.url,
                        send_payload=False,
                        send_for_all_actions=False,
                        actions=EVENTS,
                        headers=headers,
                    )
            client.sdk.projects.update(number, model_version=TITLE)

    def unregister(self) -> None:
        """Remove the backend from Label Studio, which then shows the guesses that were pushed."""
        self._forget()
        assert self.tool.link is not None
        choose_version(self.tool.client, self.tool.link, self.guesses.version)

    def _forget(self) -> int:
        """Delete spotal's backends and their webhooks, and return the number of the Label Studio project."""
        client, link = self.tool.client, self.tool.link
        assert link is not None
        with client.asking("its ML backend"):
            earlier = [one for one in client.sdk.ml.list(project=link.project) if one.title == TITLE]
            ours = {f"{str(one.url).rstrip('/')}/webhook" for one in earlier}
            for hook in client.sdk.webhooks.list(project=str(link.project)):
                if hook.url in ours:
                    client.sdk.webhooks.delete(int(hook.id or 0))
            for one in earlier:
                client.sdk.ml.delete(int(one.id or 0))
        return link.project

    def _tell(self, sentence: str) -> None:
        if sentence != self._last:
            self._last = sentence
            self._say(sentence)


def serve(
    tool: LabelStudio,
    *,
    advance: Callable[[Project], object] | None = None,
    guesses: Callable[[Project], Guesses] = newest_guesses,
    host: str = "127.0.0.1",
    port: int = 9090,
    url: str | None = None,
    every: float = 10.0,
    say: Callable[[str], None] = print,
) -> None:
    """Serve predictions to Label Studio, and push the next batch when one is done, until interrupted.

    If Label Studio does not accept the server's address, predictions come with each push and new annotations are
    polled. A sentence reports this.

    Parameters
    ----------
    tool : LabelStudio
    advance : callable or None, called with the project to choose its next batch; raises a SpotalError if there is none
    guesses : callable, called with the project after each batch
    say : called with a sentence about each event; repeated sentences are left out
    host, port : address to listen on; port 0 takes any free one
    url : str or None, address of this server for Label Studio; None for host and port
    every : float, seconds between two pulls without a webhook

    Raises
    ------
    InputError
        The port is in use.
    LabelStudioError
        Label Studio cannot be used now. Later failures are reported and retried.
    """
    from spotal.web.serving import limited_server

    labeling = tool.connect()
    service = Service(tool, advance, guesses, say)
    password = secrets.token_urlsafe(24)
    with _listening(host, port) as listener:
        place = (url or f"http://{host}:{listener.getsockname()[1]}").rstrip("/")
        app = backend(tool.project, labeling, lambda: service.guesses, service.ring, password)
        server = limited_server(app, log="warning")
        worker = Thread(target=_work, args=(service, server, place, password, every, say), daemon=True)
        worker.start()
        try:
            server.run(sockets=[listener])
        finally:
            service.stop()
            worker.join(30)


def _work(service: Service, server: Any, place: str, password: str, every: float, say: Callable[[str], None]) -> None:
    while not server.started:
        if server.should_exit or service._stopped.wait(0.05):
            return
    try:
        service.register(place, password)
        say(f"Label Studio gets predictions from {place}; label at {service.tool.page}")
    except LabelStudioError as error:
        say(
            f"Label Studio cannot use {place} ({error}). Predictions come with each push instead, and new answers are "
            f"pulled every {every:g} s; for a local address Label Studio needs ML_BLOCK_LOCAL_IP=false and "
            "SSRF_PROTECTION_ENABLED=false"
        )
    service.run(every)
    with suppress(LabelStudioError):  # Label Studio may have stopped
        service.unregister()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        raise InputError(
            "port", must=f"be free at {host}", found=f"{port} ({error})", remedy="give another --port"
        ) from None
    with listener:
        yield listener
