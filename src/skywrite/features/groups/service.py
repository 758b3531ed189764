"""Several accounts with one text: a post for each, stored in one step, and moved and cancelled together.

What lives here: what belongs together, and doing one thing to all of it. What does not: each post, which lives and
goes out like any other (`app.posts`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.posts import Posts
from skywrite.app.results import Entry
from skywrite.core.errors import Do, InputError, Notice
from skywrite.features.groups.store import GroupStore
from skywrite.queue.model import Account, Post

# What the keys of their posts begin with: one of somebody's own, which they share with another post by chance, is none.
START = "together:"
ACCOUNTS_MAX = 100


class Group(NamedTuple):
    """Posts that belong together, one for each account. `existed`: the key was used before, so nothing was added.

    `changed`: the numbers of those that were moved or cancelled now.
    """

    posts: tuple[Entry, ...]
    warnings: tuple[Notice, ...] = ()
    existed: bool = False
    changed: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """The number of its first post, by which it is called."""
        return self.posts[0].post.id


@checked("groups")
class Groups:
    """The groups of a queue."""

    def __init__(self, ctx: Context, drafting: Drafting, posts: Posts) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._posts = posts

    @final(
        "the new group of post {done.number}",
        "Cancel it: ",
        Do("groups.cancel", "{done.number}"),
        changed=lambda done: not done.existed,
    )
    def add(
        self,
        text: str = "",
        *,
        accounts: Sequence[str],
        variants: Mapping[str, Any] | None = None,
        at: str | datetime | None = None,
        late: str | None = None,
        key: str | None = None,
        draft: bool = False,
        source: str | None = None,
        **fields: Any,
    ) -> Group:
        """Schedule a post for each of these accounts: all of them are stored, or none.

        All go out at one time, which is read in the zone of the first account; without one, it is that account's next
        free slot. `variants`: by accounts, the fields that differ there: `{"bob.test": {"text": "..."}}`. `key`: your
        own unique name for the group. Raises InputError, NotFound.
        """
        if draft and at is not None:
            raise InputError("A draft has no time.", hint="Leave out either the time or draft.")
        owners = self._accounts(accounts)
        differing = {self._ctx.account(name).did: _fields(name, variant) for name, variant in (variants or {}).items()}
        if unknown := differing.keys() - {account.did for account in owners}:
            handle = self._ctx.account(sorted(unknown)[0]).handle
            raise InputError(f"{handle} has a variant, and is not among the accounts.", hint="Name it among them.")
        due_at, notes = (None, []) if draft else self._drafting.when_with_notes(owners[0], at)
        rows = [{"text": text, **fields, **differing.get(account.did, {})} for account in owners]
        ready = [
            self._drafting.prepare(self._drafting.draft(account, row), account)
            for account, row in zip(owners, rows, strict=True)
        ]
        name = START + (secrets.token_hex(8) if key is None else key)
        new = [self._drafting.new_post(one, due_at=due_at, key=name, late=late, source=source) for one in ready]
        self._drafting.keep_media(ready)
        results = self._stored.add(new, secrets.token_hex(8), key)
        return Group(
            tuple(self._posts.get(result.id) for result in results),
            (*notes, *(warning for one in ready for warning in one.warnings)),
            any(result.existed for result in results),
        )

    def get(self, post_id: int) -> Group:
        """A post with those that belong to it, by the number of any of them; one alone if none do. Raises NotFound."""
        return Group(tuple(self._posts.get(post.id) for post in self._stored.posts(post_id)))

    @final("the move of the group of post {post_id}", "Move it again: ", Do("groups.move", "{post_id}"))
    def move(self, post_id: int, at: str | datetime) -> Group:
        """Move all of them that wait to one time, which is read in the zone of the named post's account: all, or none.

        What a person holds back, or has rejected, stays as it is. Raises Conflict, also if none waits.
        """
        account = self._ctx.store.accounts.get(self._ctx.store.posts.get(post_id).account_did)
        due_at, notes = self._drafting.when_with_notes(account, at)
        moved = self._stored.move(post_id, due_at)
        clashes = [
            notice for post in moved for notice in self._drafting.clashes(post.account_did, "", due_at, own_id=post.id)
        ]
        return self._changed(post_id, moved, (*notes, *dict.fromkeys(clashes)))

    @final("the end of the group of post {post_id}", "See: ", Do("posts.get", "{post_id}"))
    def cancel(self, post_id: int) -> Group:
        """Cancel all of them that wait, or none: they are never published. Raises Conflict, also if none waits."""
        return self._changed(post_id, self._stored.cancel(post_id))

    @property
    def _stored(self) -> GroupStore:
        return GroupStore(self._ctx.store)

    def _changed(self, post_id: int, changed: Sequence[Post], warnings: tuple[Notice, ...] = ()) -> Group:
        return self.get(post_id)._replace(warnings=warnings, changed=tuple(post.id for post in changed))

    def _accounts(self, names: Sequence[str]) -> list[Account]:
        by_did = {account.did: account for account in map(self._ctx.account, names)}
        if not by_did or len(names) > ACCOUNTS_MAX:
            raise InputError(f"A group has one account, and at most {ACCOUNTS_MAX}.", hint="Name the accounts.")
        return list(by_did.values())


def _fields(name: str, variant: object) -> dict[str, Any]:
    """What differs for an account. Raises InputError."""
    if not isinstance(variant, Mapping):
        raise InputError(f"The variant for {name} is {type(variant).__name__}.", hint='Give fields: {"text": "..."}.')
    return dict(variant)
