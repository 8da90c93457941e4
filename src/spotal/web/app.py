"""App: the routes of the labeling page's server."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from spotal.errors import DataFileError, OutputError, ProjectError, SpotalError
from spotal.project.labels import MOST_CHARACTERS, check_annotator
from spotal.web.guard import Guard
from spotal.web.jobs import Jobs
from spotal.web.pictures import SIDES, Pictures
from spotal.web.projection import marks, projection
from spotal.web.recorder import Recorder
from spotal.web.review import MODEL, Filters, review
from spotal.web.serving import read_json
from spotal.web.state import States, item, project_key
from spotal.web.suggestions import suggestions
from spotal.web.tasks import TASKS, Task
from spotal.web.together import Together

if TYPE_CHECKING:
    from spotal.project import Project

__all__ = ["STATIC", "create_app", "refused"]

STATIC = Path(__file__).parent / "static"
MOST_BYTES = 1_000_000
"""Largest size of a request."""
MOST_ANSWERS = 200
"""Largest number of answers in a request."""
MOST_DIGITS = 18
"""Largest number of digits in an address."""
OPTIONAL: dict[str, tuple[type, str]] = {
    "label": (str, "a name or null"),
    "suggested": (bool, "true or false"),
    "content": (str, "the content of the item shown, or null"),
}
"""Fields that an answer may lack, with their type in words."""
FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


def create_app(
    project: Project,
    *,
    token: str,
    annotator: str | None = None,
    host: str = "127.0.0.1",
    tasks: Mapping[str, Task] = TASKS,
) -> Starlette:
    """Return the labeling page as an ASGI application. The caller closes ``app.state.jobs`` at the end.

    ``GET /`` is the page; ``GET /api/state``, ``/api/map``, ``/api/marks`` and ``/api/items/N`` its content;
    ``GET /api/review`` earlier answers, filtered; ``GET /api/suggestions`` items to confirm;
    ``GET /image/N/small`` and ``/large`` an image; ``POST /api/answers`` records answers;
    ``POST /api/jobs`` and ``/api/jobs/cancel`` start and stop a job; ``GET /download/NAME`` is a file that a job wrote.

    Parameters
    ----------
    project : Project, which stays open while the application runs
    token : str, the browser must send it once, see :class:`~spotal.web.guard.Guard`
    annotator : str or None, name of the person who answers, unless the page sends another; with None the page asks
    host : str, the address or name that the server listens on
    tasks : mapping of names to Task, the long work that people may start on the page
    """
    key = project_key(project)
    jobs = Jobs(project, tasks)
    routes = _Routes(project, annotator, key, jobs)
    app = Starlette(
        routes=[
            Route("/", routes.page),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/api/state", routes.state),
            Route("/api/map", routes.map),
            Route("/api/marks", routes.marks),
            Route("/api/items/{number}", routes.item),
            Route("/api/answers", routes.answers, methods=["POST"]),
            Route("/api/review", routes.review),
            Route("/api/suggestions", routes.suggestions),
            Route("/api/jobs", routes.start, methods=["POST"]),
            Route("/api/jobs/cancel", routes.cancel, methods=["POST"]),
            Route("/download/{name}", routes.download),
            Route("/image/{number}/{size}", routes.image),
        ],
        middleware=[Middleware(Guard, host=host, token=token, cookie=f"spotal_{key}")],
        exception_handlers={SpotalError: _failed, HTTPException: refused},
    )
    app.state.jobs = jobs
    return app


class _Routes:
    """Functions of the routes. Those that are not ``async`` run in threads, so that the event loop never waits."""

    def __init__(self, project: Project, annotator: str | None, key: str, jobs: Jobs) -> None:
        self.project, self.annotator, self.key, self.jobs = project, annotator, key, jobs
        self.states, self.recorder, self.pictures = States(project), Recorder(project), Pictures(project)
        self.state_requests = Together(self._states)

    def page(self, request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def state(self, request: Request) -> Response:
        query = request.query_params
        annotator = query.get("annotator") or self.annotator
        if annotator is not None:
            check_annotator(annotator)
        end, more = _number(query.get("end"), -1), _number(query.get("more"), 0)
        return await self.state_requests.ask((annotator, query.get("version"), end, more, "undoable" in query))

    def _states(self, requests: list[tuple[str | None, str | None, int, int, bool]]) -> list[Response | Exception]:
        """Return the current state for each of several requests."""
        job = {"job": self.jobs.status(), "jobs": list(self.jobs.tasks)}
        self.states.catch_up()
        responses: list[Response | Exception] = []
        for one in requests:
            try:
                state = self.states.of(*one, fresh=False)
                responses.append(JSONResponse(state | job | {"key": self.key, "annotator": one[0]}))
            except Exception as error:
                responses.append(error)
        return responses

    def map(self, request: Request) -> Response:
        marks = self._marks()
        points = projection(self.project, marks)
        return JSONResponse(None if points is None else points | {"marks": marks})

    def marks(self, request: Request) -> Response:
        return JSONResponse(self._marks())

    def _marks(self) -> dict[int, int]:
        every = marks(self.states.board.places(), self.project.settings)
        return {number: mark for number, mark in every.items() if mark is not None}

    def item(self, request: Request) -> Response:
        return JSONResponse(item(self._item(request)))

    async def image(self, request: Request) -> Response:
        size = request.path_params["size"]
        if size not in SIDES:
            raise HTTPException(404, f"size must be one of {', '.join(SIDES)}, found {size!r:.60}")
        one = await run_in_threadpool(self._item, request)
        if one.kind != "image":
            raise HTTPException(404, f"item {one.number} is {one.kind} and has no image")
        return FileResponse(await self.pictures.get(one, size), media_type="image/webp", headers=FOR_EVER)

    async def answers(self, request: Request) -> Response:
        body = await read_json(request, MOST_BYTES)
        answers = _answers(body)
        self._check_project(body)
        return JSONResponse({"results": await self.recorder.record(answers)})

    async def start(self, request: Request) -> Response:
        body = await read_json(request, MOST_BYTES)
        task = _field(body, "task", str)
        annotator = body.get("annotator")
        if annotator is not None:
            check_annotator(_field(body, "annotator", str))
        self._check_project(body)
        return JSONResponse({"job": await run_in_threadpool(self.jobs.start, task, annotator)})

    async def cancel(self, request: Request) -> Response:
        body = await read_json(request, MOST_BYTES)
        id = _field(body, "id", int)
        self._check_project(body)
        await run_in_threadpool(self.jobs.cancel, id)
        return JSONResponse({"job": self.jobs.status()})

    def download(self, request: Request) -> Response:
        name = request.path_params["name"]
        path = self.jobs.file(name)
        if path is None:
            raise HTTPException(404, f"no file {name!r:.60} was made since the server started; make it on the page")
        return FileResponse(path, filename=f"{self.project.folder.name}-{name}")

    def _check_project(self, body: Any) -> None:
        if body.get("project") != self.key:  # the page was opened while another project was served at this address
            raise HTTPException(409, "another project is served here; start spotal label again for this page's project")

    def review(self, request: Request) -> Response:
        query = request.query_params
        in_round = _number(query.get("round"), -1)
        filters = Filters(
            label=query.get("label"),
            kind=query.get("kind"),
            person=query.get("person"),
            round=None if in_round < 0 else in_round,
            text=query.get("text", ""),
            disagreement=query.get("only") == "disagreement",
            suggested=query.get("only") == "suggested",
            model=query.get("model") if query.get("model") in MODEL else None,
            box=_box(query.get("box")),
            many=self.project.settings.many,
        )
        return JSONResponse(review(self.project, filters, max(0, _number(query.get("start"), 0))))

    def suggestions(self, request: Request) -> Response:
        return JSONResponse(suggestions(self.project))

    def _item(self, request: Request) -> Any:
        text = request.path_params["number"]
        if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
            raise HTTPException(404, f"an item's number must be 1 to {MOST_DIGITS} digits, found {text!r:.60}")
        try:
            return self.project.items.at([int(text)])[0]
        except ProjectError as error:
            raise HTTPException(404, str(error)) from None


def _number(text: str | None, fallback: int) -> int:
    """Return a whole number from an address, or ``fallback``."""
    try:
        return fallback if text is None else int(text[:MOST_DIGITS])
    except ValueError:
        return fallback


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    """Return a part of the map from an address: four whole numbers, separated by commas."""
    sides = [_number(side, -1) for side in text.split(",", 4)] if text else []
    return (sides[0], sides[1], sides[2], sides[3]) if len(sides) == 4 else None


def _field(body: Any, name: str, kind: type) -> Any:
    """Return a field of a request. Raise HTTPException if it has another type."""
    value = body.get(name) if isinstance(body, dict) else None
    if type(value) is not kind:
        raise HTTPException(400, f"{name} must be given as {kind.__name__}, found {reprlib.repr(value)}")
    return value


def _answers(body: Any) -> list[dict[str, Any]]:
    """Return the answers of a request. Raise HTTPException if a field has another type."""
    answers = body.get("answers") if isinstance(body, dict) else None
    if not isinstance(answers, list) or not 0 < len(answers) <= MOST_ANSWERS:
        raise HTTPException(400, f"answers must be a list of 1 to {MOST_ANSWERS}")
    for answer in answers:
        fields = {"id": str, "annotator": str, "kind": str, "item": int}
        if isinstance(answer, dict) and answer.get("kind") == "undo":
            fields["of"] = str
        for name, kind in fields.items():
            value = answer.get(name) if isinstance(answer, dict) else None
            if type(value) is not kind or value == "":
                raise HTTPException(
                    400, f"{name} must be given as {kind.__name__} in every answer, found {reprlib.repr(value)}"
                )
            if name in ("id", "of") and isinstance(value, str) and len(value) > MOST_CHARACTERS:
                raise HTTPException(400, f"{name} must be at most {MOST_CHARACTERS} characters, found {len(value):,}")
        for name, (kind, what) in OPTIONAL.items():
            value = answer.get(name)
            if not isinstance(value, kind | None) or (name == "content" and value == ""):
                raise HTTPException(400, f"{name} must be {what}, found {reprlib.repr(value)}")
    return answers


def _failed(request: Request, error: Exception) -> Response:
    """Return the response for an error of spotal."""
    status = 404 if isinstance(error, DataFileError) else 503 if isinstance(error, OutputError) else 400
    return JSONResponse({"error": str(error)}, status)


def refused(request: Request, error: Exception) -> Response:
    """Return the response for a request that is refused."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
