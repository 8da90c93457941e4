"""Serve: opens the socket, prints the page's address, and runs the server until it is stopped."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spotal.errors import InputError, OutputError
from spotal.project.places import TOKEN
from spotal.web.tasks import TASKS, Task

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from spotal.images import Listing
    from spotal.project import Project

__all__ = ["PORT", "serve", "serve_setup"]

PORT = 8642
"""Preferred port. A browser stores unsent answers under the page's address, so the address should not change."""
SWITCH = 0.0005
"""Seconds until a running thread lets others run, so that requests are read while another thread computes."""


def serve(
    project: Project,
    on_ready: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    annotator: str | None = None,
    browser: bool = True,
    tasks: Mapping[str, Task] = TASKS,
) -> None:
    """Serve the labeling page until the process is interrupted. Choose the first batch if there is none.

    Parameters
    ----------
    on_ready : called with the page's address, token included, as soon as it can be opened
    host : str, address or name to listen on
    port : int or None; 0 takes any free port, None takes 8642, or any free port if 8642 is in use
    annotator : str or None, name of the person who answers; with None the page asks
    browser : bool, whether to open a browser if there is a screen
    tasks : mapping of names to Task, the long work that people may start on the page

    Raises
    ------
    InputError
        The host is unknown, or the port cannot be used.
    """
    from spotal.web.app import create_app

    listener = _listen(host, port)
    token = _token(project.folder / TOKEN)
    app = create_app(project, annotator=annotator, host=host, token=token, tasks=tasks)
    try:
        if not len(project.rounds):
            app.state.jobs.start("next", annotator)
        _run(app, listener, host, token, on_ready, browser)
    finally:
        app.state.jobs.close()


def serve_setup(
    images: Listing,
    folder: Path,
    on_ready: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    annotator: str | None = None,
    browser: bool = True,
    tasks: Mapping[str, Task] = TASKS,
) -> int:
    """Serve the page that makes a project of a folder of images, then its labeling page, until interrupted.

    Parameters
    ----------
    images : Listing of the folder of images
    folder : Path of the project that the page makes
    on_ready, host, port, annotator, browser, tasks : as in :func:`serve`, which raises the same errors

    Returns
    -------
    int, number of labeled items; -1 if no project was made
    """
    from spotal.web.setup import Setup

    listener = _listen(host, port)
    token = secrets.token_urlsafe(32)

    def keep(project: Project) -> None:
        _write_token(project.folder / TOKEN, token)

    app = Setup(images, folder, token=token, annotator=annotator, host=host, tasks=tasks, on_made=keep)
    try:
        with suppress(KeyboardInterrupt):
            _run(app, listener, host, token, on_ready, browser)
        return -1 if app.project is None else app.project.counts().labeled
    finally:
        app.close()


def _run(
    app: ASGIApp,
    listener: socket.socket,
    host: str,
    token: str,
    on_ready: Callable[[str], None],
    browser: bool,
) -> None:
    """Report the address, open a browser, and serve until interrupted."""
    from spotal.web.serving import limited_server

    address = f"http://{_reachable(host, listener)}:{listener.getsockname()[1]}/?token={token}"
    on_ready(address)
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    sys.setswitchinterval(SWITCH)
    limited_server(app, log="error").run(sockets=[listener])


def _listen(host: str, port: int | None) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError, UnicodeError):
        raise InputError("host", must="be an address or name of this machine", found=repr(host)) from None
    tries = (PORT, 0) if port is None else (port,)
    for number in tries:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # for a restart of the server
        try:
            listener.bind((address[0], number, *address[2:]))
            listener.listen(64)
        except (OSError, OverflowError) as error:
            listener.close()
            reason = (getattr(error, "strerror", None) or str(error)).lower()
        else:
            return listener
    raise InputError(
        "port",
        f"cannot be used ({reason})",
        "give another --port, or another --host",
        subject=f"{host}, port {tries[-1]}",
    )


def _token(path: Path) -> str:
    """Return the project's token from its file, so that open pages continue after a restart; or write a new one."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    return token if len(token) >= 32 else _write_token(path, secrets.token_urlsafe(32))


def _write_token(path: Path, token: str) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); free the disk or check permissions") from None
    return token


def _reachable(host: str, listener: socket.socket) -> str:
    """Return the host for the page's address: for 0.0.0.0, this machine's address in the network."""
    name = host.strip("[]")
    if name in ("0.0.0.0", "::"):
        try:
            with socket.socket(listener.family, socket.SOCK_DGRAM) as probe:
                # this chooses a route and sends nothing; the addresses are reserved for documentation
                probe.connect(("2001:db8::1" if listener.family == socket.AF_INET6 else "192.0.2.1", 9))
                name = probe.getsockname()[0]
        except OSError:
            name = socket.gethostname()
    return f"[{name}]" if ":" in name else name


def _has_screen() -> bool:
    """Return whether a browser can open a window. Without a screen, a text browser would take over the terminal."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
