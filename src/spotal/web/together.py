"""Together: requests that come at the same time are worked on by one call in a thread, one call after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

__all__ = ["Together"]

Asked = TypeVar("Asked")
Said = TypeVar("Said")


class Together(Generic[Asked, Said]):
    """Gathers what is asked while a call is at work, and has the next call answer it all.

    However many ask, each waits for two calls at most, and what a call costs by itself is shared. Belongs to one event
    loop.

    Parameters
    ----------
    work : callable, from what is asked, in the order in which it came, to what is said to each. An exception among
        these is raised to the one who asked; one that ``work`` raises, to all.
    """

    def __init__(self, work: Callable[[list[Asked]], list[Said | Exception]]) -> None:
        self._work = work
        self._waiting: list[tuple[Asked, asyncio.Future[Said]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Said:
        """What is said."""
        done: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, done))
        if self._task is None:
            self._task = asyncio.create_task(self._answer())
        return await done

    async def _answer(self) -> None:
        """Answer what waits until nothing does. Whoever hangs up meanwhile stops nobody's answers."""
        limiter = CapacityLimiter(1)  # a thread of its own, whatever else is asked for
        while self._waiting:
            taken, self._waiting = self._waiting, []
            try:
                said = await to_thread.run_sync(self._work, [asked for asked, _ in taken], limiter=limiter)
            except BaseException as error:
                for _, done in taken:
                    if not done.done():
                        done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                for (_, done), one in zip(taken, said, strict=True):
                    if done.done():
                        continue
                    if isinstance(one, Exception):
                        done.set_exception(one)
                    else:
                        done.set_result(one)
        self._task = None
