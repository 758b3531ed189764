"""Several transactions of a thread as one: each is a step, which an error takes back, and all are stored together.

What lives here: which transaction a thread has open, and the steps inside it. What does not: opening and committing it
(`database`), and what is done at once (`base.StoreBase.at_once`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from skywrite.core.errors import StorageError


class _Connection(Protocol):
    def execute(self, query: Any, /) -> Any: ...


T = TypeVar("T")


class Joint(Generic[T]):
    """The joint transaction of each thread. `explain`: the error for the user that stands for one of the driver's."""

    def __init__(self, driver_error: type[Exception], explain: Callable[[Exception], StorageError]) -> None:
        self._driver_error = driver_error
        self._explain = explain
        self._own = threading.local()

    @property
    def is_open(self) -> bool:
        """Whether this thread has one."""
        return getattr(self._own, "tx", None) is not None

    @contextmanager
    def opened(self, tx: T, connection: _Connection) -> Iterator[None]:
        """All transactions of this thread inside the block are steps of this one, which goes on after the block.

        Raises StorageError where nothing of it can be stored any more, whoever suppressed that.
        """
        if self.is_open:
            yield
            return
        self._own.tx, self._own.connection, self._own.broken = tx, connection, None
        try:
            yield
            if self._own.broken is not None:
                raise self._own.broken
        finally:
            self._own.tx = self._own.connection = self._own.broken = None

    @contextmanager
    def step(self) -> Iterator[T]:
        """A part of the transaction that this thread has open; an error takes back this part alone."""
        own = self._own
        if own.broken is not None:
            raise own.broken
        try:
            own.connection.execute("SAVEPOINT step")
            yield own.tx
            own.connection.execute("RELEASE SAVEPOINT step")
        except self._driver_error as error:
            explained = self._explain(error)
            self._take_back(explained)
            raise explained from error
        except BaseException:
            self._take_back(None)
            raise

    def _take_back(self, why: StorageError | None) -> None:
        try:
            self._own.connection.execute("ROLLBACK TO SAVEPOINT step")
            self._own.connection.execute("RELEASE SAVEPOINT step")
        except self._driver_error as error:
            # The database took back more than the step, so what follows would be stored by itself.
            self._own.broken = why or self._explain(error)
