"""Backend: Label Studio's ML backend protocol, for predictions and notices of new annotations."""

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
"""Largest size of a request."""


def authorization(password: str) -> str:
    """Return the value of the Authorization header."""
    return "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()


def backend(
    project: Project, labeling: Labeling, guesses: Callable[[], Guesses], ring: Callable[[], None], password: str
) -> Starlette:
    """Return an ASGI app for the address of Label Studio's ML backend. All routes need HTTP basic authentication.

    ``POST /setup`` and ``GET /versions`` return the version of the guesses. ``POST /predict`` returns a prediction for
    each task, except for items of the audit and tasks of others. ``POST /webhook`` calls ``ring`` and ignores its
    content, since the server is asked for the changes. ``GET /health`` returns the status.

    Parameters
    ----------
    guesses : called without arguments for each request; must be fast
    ring : called when something has changed in Label Studio; must be fast
    password : str, for the user "spotal"
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
