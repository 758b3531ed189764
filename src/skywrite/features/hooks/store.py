"""Hooks as they are stored: what each makes, and what became of its last message. Their secrets are sealed.

What does not live here: checking messages (`signatures`), making posts of them (`service`).
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skywrite.core.errors import Conflict, Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.authors import current_agent
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.model import Problem
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json, problem_of, problem_values

SECRETS = "hook"
# Fields that all posts of a hook have, as they are where nobody says otherwise.
DRAFT: Mapping[str, Any] = {"langs": [], "labels": [], "tags": [], "mentions": False}
HookOutcome = Literal["made", "repeated", "nothing", "failed"]


class Hook(NamedTuple):
    """An address that makes posts. `draft`: fields that all its posts have. `outcome`: that of the last message.

    `agent`: the one that added or changed it. Its posts are that agent's, too.
    """

    id: int
    name: str
    kind: str
    account_did: str
    template: str
    publishes: bool
    draft: dict[str, Any]
    delivered_at: datetime | None
    outcome: HookOutcome | None
    post_id: int | None
    problem: Problem | None
    created_at: datetime
    agent: str | None = None


class NewHook(NamedTuple):
    """A hook to be stored."""

    name: str
    kind: str
    account_did: str
    template: str
    publishes: bool
    draft: Mapping[str, Any]


class HookStore:
    """The hooks of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, new: NewHook) -> Hook:
        """Store a hook. Raises Conflict."""
        with self._store.writing(wake=False) as tx:
            values = {**new._asdict(), "draft": dump_json(dict(new.draft)), "now": self._store.clock.now()}
            row = tx.row("insert_hook", **values)
            if row is None:
                raise Conflict(
                    f"There is a hook named {new.name} already.",
                    code="hook.exists",
                    hint=Hint("Take another name, or remove it first: ", Do("hooks.remove", new.name)),
                )
            _note_agent(tx, row["id"])
            return _hook_of(row)

    def all(self) -> builtins.list[Hook]:
        """All hooks, in the order in which they were added."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_hooks"), _hook_of)

    def get(self, which: int | str) -> Hook:
        """One hook, by its number or name. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_hook", id=which) if isinstance(which, int) else tx.row("hook_called", name=which)
        if row is None:
            raise unknown_hook(which)
        return _hook_of(row)

    def change(self, hook: Hook) -> None:
        """Store the template of a hook, whether it publishes, and the fields of its posts."""
        values = {"template": hook.template, "publishes": hook.publishes, "draft": dump_json(hook.draft)}
        with self._store.writing(wake=False) as tx:
            tx.run("update_hook", id=hook.id, **values)
            _note_agent(tx, hook.id)

    def note_agent(self, hook_id: int) -> None:
        """Note the agent that changes something else about a hook, if it is one."""
        with self._store.writing(wake=False) as tx:
            _note_agent(tx, hook_id)

    def remove(self, hook_id: int) -> None:
        """Forget a hook. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            if tx.run("delete_hook", id=hook_id) != 1:
                raise unknown_hook(hook_id)

    def note(
        self, hook_id: int, outcome: HookOutcome, post_id: int | None = None, problem: Problem | None = None
    ) -> None:
        """Note what became of a message."""
        values = {"outcome": outcome, "post_id": post_id, "now": self._store.clock.now(), **problem_values(problem)}
        with self._store.writing(wake=False) as tx:
            tx.run("note_hook", id=hook_id, **values)


def _note_agent(tx: Transaction, hook_id: int) -> None:
    """Note that an agent adds or changes a hook; people who change it later do not approve what it did."""
    if (who := current_agent()) is not None:
        tx.run("set_hook_agent", id=hook_id, who=who)


def unknown_hook(which: int | str) -> NotFound:
    """The error about a hook that is not there."""
    shown = named(which) if isinstance(which, int) else repr(which[:60])
    return NotFound(f"There is no hook {shown}.", code="hook.unknown", hint=Hint("See them: ", Do("hooks.list")))


@reads("hook")
def _hook_of(row: Row) -> Hook:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    draft = {**DRAFT, **json_of(row["draft"], dict)}
    if draft.keys() != DRAFT.keys() or any(type(draft[name]) is not type(usual) for name, usual in DRAFT.items()):
        raise ValueError("it has other fields")
    return Hook(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        account_did=row["account_did"],
        template=row["template"],
        publishes=bool(row["publishes"]),
        draft=draft,
        delivered_at=time_of(row["delivered_at"]),
        outcome=row["outcome"],
        post_id=row["post_id"],
        problem=problem_of(row),
        created_at=created_at,
        agent=row["agent"],
    )
