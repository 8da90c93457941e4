"""Setup: the page that asks for the classes of a folder of images and makes a project; then it serves the project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from spotal.errors import SpotalError, reason_of
from spotal.images import Listing
from spotal.project import Data, Project, Settings
from spotal.project.sources import stored_path
from spotal.web.app import STATIC, create_app, refused
from spotal.web.guard import Guard
from spotal.web.serving import read_json
from spotal.web.tasks import TASKS, Task

__all__ = ["Setup"]

PATH = "/api/setup"
MOST_BYTES = 1_000_000
"""Largest size of a request."""
MOST_NAMES = 1_000
"""Largest number of sub-folders that are offered as names of classes."""


class Setup:
    """An ASGI application: the setup page until the project is made, then the labeling page.

    The caller calls :meth:`close` at the end.

    Parameters
    ----------
    images : Listing, the folder of images
    folder : Path of the project to make
    token, annotator, host, tasks : as in :func:`~spotal.web.create_app`
    on_made : called with the project as soon as it is made
    """

    def __init__(
        self,
        images: Listing,
        folder: Path,
        *,
        token: str,
        annotator: str | None = None,
        host: str = "127.0.0.1",
        tasks: Mapping[str, Task] = TASKS,
        on_made: Callable[[Project], object] = lambda project: None,
    ) -> None:
        self.images, self.folder = images, folder
        self.project: Project | None = None
        self._on_made = on_made
        self._options: dict[str, Any] = {"token": token, "annotator": annotator, "host": host, "tasks": tasks}
        self._lock, self._thread = Lock(), Thread()
        self._what, self._done, self._total = "", 0, 0
        self._error: str | None = None
        self._page: Starlette | None = None
        self._setup = Starlette(
            routes=[
                Route("/", self._form),
                Mount("/static", StaticFiles(directory=STATIC)),
                Route(PATH, self._status),
                Route(PATH, self._make, methods=["POST"]),
            ],
            middleware=[Middleware(Guard, host=host, token=token, cookie="spotal_setup")],
            exception_handlers={HTTPException: refused},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the project's page if there is one, otherwise to the setup page."""
        app: ASGIApp = self._setup
        if self._page is not None and scope.get("path") != PATH:
            app = self._page
        await app(scope, receive, send)

    def close(self) -> None:
        """Wait until the project is made if it is being made, stop its jobs, and close it."""
        if self._thread.is_alive():
            self._thread.join()
        if self._page is not None:
            self._page.state.jobs.close()
        if self.project is not None:
            self.project.close()

    def _form(self, request: Request) -> Response:
        return FileResponse(STATIC / "setup.html", headers={"cache-control": "no-cache"})

    def _status(self, request: Request) -> Response:
        below = (path.relative_to(self.images.root).parts for path in self.images.paths)
        names = sorted({parts[0] for parts in below if len(parts) > 1})
        made = None if self._page is None else f"./?token={self._options['token']}"
        return JSONResponse(
            {
                "data": str(self.images.root.resolve()),
                "folder": str(self.folder),
                "images": len(self.images.paths),
                "names": names if 1 < len(names) <= MOST_NAMES else [],
                "making": self._thread.is_alive(),
                "what": self._what,
                "done": self._done,
                "total": self._total,
                "error": self._error,
                "made": made,
            }
        )

    async def _make(self, request: Request) -> Response:
        body = await read_json(request, MOST_BYTES)
        classes = body.get("classes") if isinstance(body, dict) else None
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise HTTPException(400, "classes must be given as a list of names")
        with self._lock:
            if self._page is None and not self._thread.is_alive():
                self._error, self._what = None, "looking through the images"
                self._thread = Thread(target=self._work, args=([name.strip() for name in classes],))
                self._thread.start()
        return self._status(request)

    def _work(self, classes: list[str]) -> None:
        from spotal.project.copies import find_copies
        from spotal.project.learning import recipe_for

        try:
            data = Data(stored_path(self.images.root, self.folder))
            settings = Settings(data, tuple(name for name in classes if name))
            recipe_for(settings, self.folder).check()  # before anything is written
            self.project = Project.create(self.folder, settings)
            copies = find_copies(self.project, self._progress)
            self.project.items.hold_together(copies.together())
            self._on_made(self.project)
            page = create_app(self.project, **self._options)
            page.state.jobs.start("next", self._options["annotator"])
            self._page = page
        except SpotalError as error:
            self._error = str(error)
        except OSError as error:
            place = error.filename or self.folder
            self._error = f"{place} cannot be used ({reason_of(error)}); free the disk or check permissions"

    def _progress(self, what: str, done: int, total: int | None) -> None:
        self._what, self._done, self._total = what, done, total or 0
