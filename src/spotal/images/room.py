"""Room: a limit on the images that a process decodes at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from spotal.numeric.processors import processors

__all__ = ["ROOM", "Room"]


class Room:
    """At most ``pixels`` in at most ``images`` images at a time, in order of arrival.

    An image of more pixels waits until no other image is decoded.
    """

    def __init__(self, pixels: int, images: int) -> None:
        self.pixels, self.images = pixels, images
        self.empty()

    def empty(self) -> None:
        """Reset the limit, as needed in a forked process, which has no other threads."""
        self._turn, self._changed = Lock(), Condition()
        self._pixels, self._images = self.pixels, self.images

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Wait for room for an image with these pixels, and reserve it within the block."""
        size = min(pixels, self.pixels)
        with self._turn, self._changed:  # one image waits at a time, so that small images do not overtake a large one
            self._changed.wait_for(lambda: self._images and self._pixels >= size)
            self._pixels -= size
            self._images -= 1
        try:
            yield
        finally:
            with self._changed:
                self._pixels += size
                self._images += 1
                self._changed.notify_all()


MOST_PIXELS = 1 << 28
"""Most pixels of an image, 16,384 by 16,384, and of all images that a process decodes at the same time."""
ROOM = Room(MOST_PIXELS, processors())
os.register_at_fork(after_in_child=ROOM.empty)
