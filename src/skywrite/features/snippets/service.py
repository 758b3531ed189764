"""Snippets: adding, listing and removing texts that are used again.

What does not live here: putting one into a text, which the composer does, and what is stored (`store`).
"""

from __future__ import annotations

import builtins
import re

from skywrite.app.context import Context
from skywrite.app.nouns import checked, final
from skywrite.core.digits import row_number
from skywrite.core.errors import Do, InputError
from skywrite.features.snippets.store import Snippet, SnippetStore
from skywrite.protocol.bsky.limits import check_characters

# A thread of ten posts: more than anybody puts into a text by one word.
CHARACTERS_MAX = 3000
# Of an account, and of those for all accounts.
SNIPPETS_MAX = 1000
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@checked("snippets")
class Snippets:
    """The texts that are used again."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @property
    def _stored(self) -> SnippetStore:
        return SnippetStore(self._ctx.store)

    @final("the new snippet {done.name}", "Remove it: ", Do("snippets.remove", "{done.name}"))
    def add(self, name: str, text: str, *, account: str | None = None, signature: bool = False) -> Snippet:
        """Keep a text under a name, for all accounts, or for one.

        `signature`: what one writes in the composer for the account ends with it; then the default
        account is meant where none is named. Raises Conflict, InputError.
        """
        if not NAME.fullmatch(name):
            raise InputError(
                f"{name[:60]!r} cannot be the name of a snippet, which you type to insert it.",
                code="name.invalid",
                hint="Use up to 40 lower-case letters, digits and hyphens; the first is a letter.",
            )
        words = text.strip()
        if not words or len(words) > CHARACTERS_MAX:
            what = "has no text" if not words else f"is longer than {CHARACTERS_MAX:,} characters"
            raise InputError(f"The snippet {name} {what}.", hint="Give the words that you use again.")
        check_characters(words)
        owner = self._ctx.account(account) if signature or account is not None else None
        did = owner.did if owner else None
        if sum(one.account_did == did for one in self._stored.all()) >= SNIPPETS_MAX:
            raise InputError(f"There are {SNIPPETS_MAX:,} snippets already.", hint="Remove those that you do not use.")
        return self._stored.add(name, words, did, signs=signature)

    def list(self, account: str | None = None) -> builtins.list[Snippet]:
        """All snippets, or those that an account can use: its own, and those for all. Raises NotFound."""
        did = self._ctx.did(account)
        return [one for one in self._stored.all() if did is None or one.account_did in (did, None)]

    def get(self, which: int | str) -> Snippet:
        """One snippet, by its number or name. Raises NotFound."""
        return self._stored.get(_number_or_name(which))

    @final("the end of snippet {done.name}", "What is left: ", Do("snippets.list"))
    def remove(self, which: int | str) -> Snippet:
        """Remove a snippet; what was written with it stays. Raises NotFound."""
        snippet = self.get(which)
        self._stored.remove(snippet.id)
        return snippet


def _number_or_name(which: int | str) -> int | str:
    number = which if isinstance(which, int) else row_number(which)
    return which if number is None else number
