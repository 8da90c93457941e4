"""Serving: limits on requests, connections and slow clients, for every server of spotal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import h11
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from spotal.errors import DataFileError
from spotal.tables.json_lines import Json, parse_json
from spotal.terminal import server_log

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["limited_server", "most_connections", "read_json"]

MOST_CONNECTIONS = 512
BACKLOG = 128
"""Number of connections that may wait to be accepted. So many can be accepted at once, before one can be closed."""
FILES = 4_096
"""Limit of open files to request from the system. A connection is one file, and an image being sent is another."""
PATIENCE = 10.0
"""Seconds for a client to send the head of a request; an idle connection is closed after the same time."""
BODY_PATIENCE = 60.0
"""Seconds for a client to send the body of a request, or to receive the next part of a response."""


async def read_json(request: Request, most: int, *, patience: float = BODY_PATIENCE) -> Json:
    """Read the JSON body of a request; None if it is empty.

    Parameters
    ----------
    most : int, largest size of the body in bytes
    patience : float, seconds for the client to send the body

    Raises
    ------
    HTTPException
        400 if the body is no valid JSON or the client disconnects, 408 if it is too slow, 413 if it is too long.
    """
    content = bytearray()
    try:
        with anyio.fail_after(patience):
            async for part in request.stream():
                content += part
                if len(content) > most:
                    raise HTTPException(413, f"a request must be at most {most:,} bytes")
    except TimeoutError:
        close = {"connection": "close"}
        raise HTTPException(408, f"a request must be sent within {patience:g} seconds", close) from None
    except ClientDisconnect:
        raise HTTPException(400, "a request must be sent to its end") from None  # the client does not read this
    try:
        return parse_json(content.decode(), "a request must be JSON, found none") if content else None
    except UnicodeDecodeError:
        raise HTTPException(400, "a request must be JSON in UTF-8; correct it") from None
    except DataFileError as error:
        raise HTTPException(400, str(error)) from None


def limited_server(
    app: ASGIApp, *, log: str, most: int | None = None, patience: float = PATIENCE, body_patience: float = BODY_PATIENCE
) -> Server:
    """Make a uvicorn server that limits the number of connections and closes slow ones.

    A connection is closed if it is idle for ``patience`` seconds, if the head of a request takes longer, or if the
    client receives nothing of a response for ``body_patience`` seconds. If there are more than ``most`` connections,
    the one that was idle longest is closed, or the newest if none is idle.

    Parameters
    ----------
    app : ASGIApp, which reads bodies with :func:`read_json`
    log : str, lowest level that is logged to standard error
    most : int or None, largest number of connections; None for :func:`most_connections`
    patience, body_patience : float, seconds
    """
    limits = _Limits(most_connections() if most is None else most, patience, body_patience)
    http: Any = partial(_LimitedProtocol, limits)
    config = Config(
        app,
        http=http,
        ws="none",
        backlog=BACKLOG,
        log_config=server_log(log),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        lifespan="off",
    )
    return Server(config)


def most_connections() -> int:
    """Raise this process's limit of open files if possible; return the number of connections that fit in it."""
    try:
        import resource
    except ImportError:  # on Windows sockets are not files
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(16, min(MOST_CONNECTIONS, (soft - BACKLOG) // 3))


class _Limits:
    """The limits of one server, its open connections, and the idle ones in order, longest idle first."""

    def __init__(self, most: int, patience: float, body_patience: float) -> None:
        self.most, self.patience, self.body_patience = most, patience, body_patience
        self.open: set[_LimitedProtocol] = set()
        self.idle: dict[_LimitedProtocol, None] = {}


class _LimitedProtocol(H11Protocol):
    """A connection that closes itself if its client is too slow, see :func:`limited_server`."""

    def __init__(self, limits: _Limits, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        limits = self._limits
        limits.open.add(self)
        if len(limits.open) > limits.most:
            next(iter(limits.idle), self)._end()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before and not self.cycle.response_complete:
            self._work()

    def on_response_complete(self) -> None:
        before = self.cycle
        super().on_response_complete()
        if self.cycle is before:  # no further request has arrived yet
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._after(self._limits.body_patience)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop()
        if self in self._limits.idle:
            self._after(self._limits.patience)

    def send_400_response(self, msg: str) -> None:
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # in the middle of a response
            self._end()

    def _wait(self) -> None:
        """Mark the connection as idle, and start its timer."""
        if self in self._limits.open:
            self._limits.idle.pop(self, None)
            self._limits.idle[self] = None
            self._after(self._limits.patience)

    def _work(self) -> None:
        """Mark the connection as busy, which has no time limit."""
        self._limits.idle.pop(self, None)
        self._stop()

    def _after(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self._end)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        """Close the connection at once."""
        self._forget()
        self.transport.abort()

    def _forget(self) -> None:
        self._stop()
        self._limits.open.discard(self)
        self._limits.idle.pop(self, None)
