"""Snippets as they are stored.

What does not live here: what one may say (`service`), and putting it into a text, which the composer does.
"""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import NamedTuple

from skywrite.core.errors import Conflict, Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, time_of
from skywrite.queue.reading import readable, reads


class Snippet(NamedTuple):
    """A text that is used again, for one account or for all. `signs`: new posts of its account end with it."""

    id: int
    name: str
    account_did: str | None
    text: str
    signs: bool
    created_at: datetime


class SnippetStore:
    """The snippets of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, name: str, text: str, account_did: str | None, *, signs: bool) -> Snippet:
        """Store a snippet. Raises Conflict."""
        values = {"name": name, "text": text, "account_did": account_did, "signs": signs}
        with self._store.writing(wake=False) as tx:
            row = tx.row("insert_snippet", **values, now=self._store.clock.now())
            if row is None:
                known = tx.row("snippet_called", name=name)
                raise _taken(known["name"]) if known else _signed()
            return _snippet_of(row)

    def all(self) -> builtins.list[Snippet]:
        """All snippets, by their names."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_snippets"), _snippet_of)

    def get(self, which: int | str) -> Snippet:
        """One snippet, by its number or name. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_snippet", id=which) if isinstance(which, int) else tx.row("snippet_called", name=which)
        if row is None:
            raise unknown_snippet(which)
        return _snippet_of(row)

    def remove(self, snippet_id: int) -> None:
        """Forget a snippet. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            if tx.run("delete_snippet", id=snippet_id) != 1:
                raise unknown_snippet(snippet_id)


def _taken(name: str) -> Conflict:
    hint = Hint("Take another name, or remove it first: ", Do("snippets.remove", name))
    return Conflict(f"There is a snippet named {name} already.", code="snippet.exists", hint=hint)


def _signed() -> Conflict:
    hint = Hint("Remove it first: ", Do("snippets.list"))
    return Conflict("The account has a signature already.", code="snippet.exists", hint=hint)


def unknown_snippet(which: int | str) -> NotFound:
    """The error about a snippet that is not there."""
    shown = named(which) if isinstance(which, int) else repr(which[:60])
    return NotFound(
        f"There is no snippet {shown}.", code="snippet.unknown", hint=Hint("See them: ", Do("snippets.list"))
    )


@reads("snippet")
def _snippet_of(row: Row) -> Snippet:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Snippet(row["id"], row["name"], row["account_did"], row["text"], bool(row["signs"]), created_at)
