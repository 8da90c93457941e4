"""Room: a bound on the images that a process decodes at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from spotal.numeric.processors import processors

__all__ = ["ROOM", "Room"]


class Room:
    """At most ``pixels`` in at most ``images`` images at a time; who comes first is let in first.

    An image that is larger than all of the room waits until it has it to itself.
    """

    def __init__(self, pixels: int, images: int) -> None:
        self.pixels, self.images = pixels, images
        self.empty()

    def empty(self) -> None:
        """Forget who is inside: a process that was forked has none of its parent's threads."""
        self._turn, self._left = Lock(), Condition()
        self._pixels, self._images = self.pixels, self.images

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Wait for room for that many pixels, and hold it for the block."""
        size = min(pixels, self.pixels)
        with self._turn, self._left:  # those behind wait for their turn, so that a large image is not passed by
            self._left.wait_for(lambda: self._images and self._pixels >= size)
            self._pixels -= size
            self._images -= 1
        try:
            yield
        finally:
            with self._left:
                self._pixels += size
                self._images += 1
                self._left.notify_all()


MOST_PIXELS = 1 << 28
"""Pixels of an image that is decoded, 16,384 by 16,384; and of all that a process decodes at the same time."""
ROOM = Room(MOST_PIXELS, processors())
os.register_at_fork(after_in_child=ROOM.empty)
