"""How many connections a process has to a database server, which counts them: by default PostgreSQL accepts 100 from
everybody together.

What lives here: waiting for a free one. What does not: connections (`database`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ConnectionLimit:
    """At most `most` threads use a connection at once; the others wait until one is free.

    A thread that has a connection gets another one without waiting, so threads never wait for each other in a circle.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._own = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Use a connection inside the `with` block."""
        if getattr(self._own, "has_one", False):
            yield
            return
        with self._free:
            self._own.has_one = True
            try:
                yield
            finally:
                self._own.has_one = False
