"""Together: handles requests that arrive at the same time by one call in a thread, one call after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

__all__ = ["Together"]

Query = TypeVar("Query")
Reply = TypeVar("Reply")


class Together(Generic[Query, Reply]):
    """A queue of requests: gathers them while a call is running, and handles all of them by the next call.

    So each request waits for at most two calls, and requests share the fixed cost of a call. It belongs to one event
    loop.

    Parameters
    ----------
    work : callable, takes a list of requests in their order and returns a list of replies. If a reply is an exception,
        it is raised to its sender. If ``work`` raises an exception, it is raised to all senders.
    """

    def __init__(self, work: Callable[[list[Query]], list[Reply | Exception]]) -> None:
        self._work = work
        self._waiting: list[tuple[Query, asyncio.Future[Reply]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, query: Query) -> Reply:
        """Return the reply to a request."""
        done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((query, done))
        if self._task is None:
            self._task = asyncio.create_task(self._answer())
        return await done

    async def _answer(self) -> None:
        """Handle waiting requests until there are none. A sender that disconnects does not affect others."""
        limiter = CapacityLimiter(1)  # a separate thread, independent of other work
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                replies = await to_thread.run_sync(self._work, [query for query, _ in batch], limiter=limiter)
            except BaseException as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                for (_, done), reply in zip(batch, replies, strict=True):
                    if done.done():
                        continue
                    if isinstance(reply, Exception):
                        done.set_exception(reply)
                    else:
                        done.set_result(reply)
        self._task = None
