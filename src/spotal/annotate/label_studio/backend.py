"""Backend: Label Studio's ML backend protocol, so that it shows our predictions and tells us of new annotations."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spotal.annotate.label_studio.pages import CONTENT, ITEM
from spotal.annotate.label_studio.push import prediction

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from spotal.annotate.base import Guesses
    from spotal.annotate.label_studio.config import Labeling
    from spotal.project import Project

__all__ = ["USER", "authorization", "backend"]

USER = "spotal"
MOST_BYTES = 16_000_000
"""Of a request."""


def authorization(password: str) -> str:
    """The header's value that names our user."""
    return "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()


def backend(
    project: Project, labeling: Labeling, guesses: Callable[[], Guesses], ring: Callable[[], None], password: str
) -> Starlette:
    """The ASGI app, to be served at the address that Label Studio has as its ML backend.

    ``POST /setup`` and ``GET /versions`` say the version of the guesses, ``POST /predict`` gives a prediction for each
    task, none for items of the audit sample and tasks of others; ``POST /webhook`` rings and looks at nothing that it
    is sent, since the server itself is asked then; ``GET /health`` answers. All take HTTP basic authentication.

    Parameters
    ----------
    guesses : called without arguments for each request, and quick
    ring : called when something changed in Label Studio, and quick
    password : str, of the user "spotal"
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from spotal.web.serving import read_json

    secret = authorization(password)

    def guarded(answer: Callable[[Any], Any]) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            if not secrets.compare_digest(request.headers.get("authorization", "").encode(), secret.encode()):
                return JSONResponse({"detail": "wrong user or password"}, 401, {"WWW-Authenticate": "Basic"})
            try:
                body = await read_json(request, MOST_BYTES)
                if not isinstance(body, dict | None):
                    raise TypeError
                return JSONResponse(answer(body or {}))
            except HTTPException as error:
                return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            except (ValueError, TypeError, AttributeError, KeyError):
                return JSONResponse({"detail": "no request of Label Studio's ML backend protocol"}, 400)

        return respond

    def health(body: dict[str, Any]) -> Any:
        return {"status": "UP", "model_class": "spotal"}

    def setup(body: dict[str, Any]) -> Any:
        return {"model_version": guesses().version}

    def versions(body: dict[str, Any]) -> Any:
        return {"versions": [guesses().version]}

    def predict(body: dict[str, Any]) -> Any:
        now = guesses()
        results: list[Any] = []
        for task in body["tasks"]:
            name = task["data"].get(ITEM)
            item = project.items.get(name) if isinstance(name, str) and name in project.items else None
            is_stale = item is not None and task["data"].get(CONTENT, item.content) != item.content
            guess = None if item is None or item.held_back or is_stale else prediction(labeling, now, item.number)
            results.append([] if guess is None else [guess])
        return {"results": results, "model_version": now.version}

    def webhook(body: dict[str, Any]) -> Any:
        ring()
        return {}

    return Starlette(
        routes=[
            Route("/", guarded(health)),
            Route("/health", guarded(health)),
            Route("/setup", guarded(setup), methods=["POST"]),
            Route("/versions", guarded(versions)),
            Route("/predict", guarded(predict), methods=["POST"]),
            Route("/webhook", guarded(webhook), methods=["POST"]),
        ]
    )
