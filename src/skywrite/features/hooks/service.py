"""Hooks: messages of other programs become posts, each message once.

What lives here: adding hooks, and what becomes of a message. What does not: reading it from the network (`routes`), who
may send it (`signatures`), the template's language (`sources.template`).
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.results import Ready
from skywrite.app.rows import Rows
from skywrite.core import contained
from skywrite.core.digits import row_number
from skywrite.core.errors import Do, InputError, SkywriteError
from skywrite.features.hooks import signatures
from skywrite.features.hooks.store import SECRETS, Hook, HookStore, NewHook, unknown_hook
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.posting.sources.template import check_paths, rendered
from skywrite.queue import identities
from skywrite.queue.authors import written_for
from skywrite.queue.model import Problem

MESSAGE_BYTES_MAX = 1_000_000
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class AddedHook(NamedTuple):
    """A new hook, and its secret, which is never shown again."""

    hook: Hook
    secret: str


class Delivered(NamedTuple):
    """What became of a message: the post that it made, or made before (`repeated`), or that it is no news."""

    outcome: Literal["made", "repeated", "nothing"]
    post_id: int | None = None
    state: str | None = None


class Believed(NamedTuple):
    """A message whose sender knows the secret. `delivery` makes it the same one, however often it comes."""

    hook: Hook
    delivery: str
    is_news: bool


@checked("hooks")
class Hooks:
    """The addresses at which programs elsewhere ask for posts."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    @property
    def _stored(self) -> HookStore:
        return HookStore(self._ctx.store)

    @final("the new hook {done.hook.name}", "Remove it: ", Do("hooks.remove", "{done.hook.name}"))
    def add(
        self,
        name: str,
        *,
        template: str,
        kind: str,
        account: str | None = None,
        publish: bool = False,
        secret: str | None = None,
        langs: Sequence[str] = (),
        labels: Sequence[str] = (),
        tags: Sequence[str] = (),
        mentions: bool = False,
    ) -> AddedHook:
        """Make a post of each message to `/hooks/NAME`: a draft, or with `publish` one that goes out at once.

        `template`: Jinja2 over the message's JSON, such as `{{ release.name }}`; where it gives no text, there is no
        post. `kind`: how messages are signed, one of `signatures.KINDS`. `secret`: that of the other program; without
        it, there is a new one. `mentions`: an `@handle` in a message notifies its owner. Raises Conflict, InputError.
        """
        if not NAME.fullmatch(name):
            raise InputError(
                f"{name[:60]!r} cannot be the name of a hook, which is part of its address.",
                code="name.invalid",
                hint="Use up to 40 lower-case letters, digits and hyphens; the first is a letter.",
            )
        if kind not in signatures.KINDS:
            known = "; ".join(f"{one} ({row.words})" for one, row in signatures.KINDS.items())
            raise InputError(f"No messages are signed as {kind[:60]!r}.", code="hook.kind_unknown", hint=f"{known}.")
        if secret is not None:
            signatures.check_secret(kind, secret)
        draft = {"langs": list(langs), "labels": list(labels), "tags": list(tags), "mentions": mentions}
        _check(template, draft)
        owner = self._ctx.account(account)
        self._drafting.prepare(self._drafting.draft(owner, {"text": "x", **draft}), owner)
        new = NewHook(name, kind, owner.did, template, publish, draft)
        return self._ctx.store.at_once(lambda: self._added(new, secret))

    def _added(self, new: NewHook, secret: str | None) -> AddedHook:
        hook = self._stored.add(new)
        return AddedHook(hook, self._keep(hook, secret))

    def list(self) -> builtins.list[Hook]:
        """All hooks."""
        return self._stored.all()

    def get(self, which: int | str) -> Hook:
        """One hook, by its number or name. Raises NotFound."""
        return self._stored.get(_number_or_name(which))

    @final("an edit of hook {done.name}", "See: ", Do("hooks.list"))
    def edit(self, which: int | str, *, template: str | None = None, publish: bool | None = None) -> Hook:
        """Change what later messages become; what is not given stays. Raises NotFound, InputError."""
        hook = self.get(which)
        if template is None and publish is None:
            raise InputError("There is nothing to change.", hint="Give a template, or say whether it publishes.")
        changed = hook._replace(
            template=hook.template if template is None else template,
            publishes=hook.publishes if publish is None else publish,
        )
        _check(changed.template, changed.draft)
        self._stored.change(changed)
        return self._stored.get(hook.id)

    @final("the new secret of hook {done.hook.name}", "See: ", Do("hooks.list"))
    def replace_secret(self, which: int | str, secret: str | None = None) -> AddedHook:
        """Take another secret, given or new; the old one ends at once. Raises NotFound, InputError."""
        hook = self.get(which)
        if secret is not None:
            signatures.check_secret(hook.kind, secret)
        return self._ctx.store.at_once(lambda: self._replaced(hook, secret))

    def _replaced(self, hook: Hook, secret: str | None) -> AddedHook:
        # Whoever knows the secret says what is posted.
        self._stored.note_agent(hook.id)
        return AddedHook(hook, self._keep(hook, secret))

    @final("the end of hook {done.name}", "What is left: ", Do("hooks.list"))
    def remove(self, which: int | str) -> Hook:
        """Remove a hook; the posts that it made stay. Raises NotFound."""
        hook = self.get(which)
        self._ctx.store.at_once(lambda: self._removed(hook))
        return hook

    def _removed(self, hook: Hook) -> None:
        self._stored.remove(hook.id)
        self._ctx.store.secrets.put(SECRETS, str(hook.id), None)

    def test(self, which: int | str, message: Mapping[str, Any]) -> Ready | None:
        """What would become of a message; None: nothing. Nothing is stored and nothing is sent."""
        hook = self.get(which)
        account = self._ctx.store.accounts.get(hook.account_did)
        row = _row(hook, message)
        return None if row is None else self._drafting.prepare(self._drafting.draft(account, row), account)

    def believe(self, name: str, headers: Mapping[str, str], body: bytes) -> Believed:
        """Who sent a message: somebody who knows the hook's secret. Raises NotFound, Unauthenticated."""
        hook = self._stored.get(name)
        secret = self._ctx.store.secrets.get(SECRETS, str(hook.id))
        if secret is None:
            raise unknown_hook(name)
        delivery = signatures.checked(hook.kind, secret, headers, body, self._ctx.clock.now())
        return Believed(hook, delivery, signatures.is_news(hook.kind, headers))

    def take(self, believed: Believed, message: Mapping[str, Any]) -> Delivered:
        """Make the post of a message, once, however often and on how many computers it comes.

        Raises InputError, and what else keeps the post from being made: then the message may come again.
        """
        hook = believed.hook
        try:
            done = self._made(believed, message)
        except SkywriteError as error:
            self._stored.note(hook.id, "failed", problem=Problem.of(error))
            raise
        self._stored.note(hook.id, done.outcome, done.post_id)
        return done

    def _made(self, believed: Believed, message: Mapping[str, Any]) -> Delivered:
        hook, store = believed.hook, self._ctx.store
        source = f"hook:{hook.name}"
        key = f"{source}:{believed.delivery}"
        known = store.posts.known_keys(hook.account_did, [key])
        if key in known:
            return Delivered("repeated", known[key].id, known[key].state)
        row = _row(hook, message) if believed.is_news else None
        if row is None:
            return Delivered("nothing")
        row = {**row, "draft": not hook.publishes}
        rows = Rows(self._ctx, self._drafting)
        new, _ = rows.accept(row, account=hook.account_did, now=hook.publishes, key=key, source=source)
        identity = identities.of_hook(hook.account_did, hook.name, believed.delivery)
        with written_for(hook.agent):
            (added,) = store.posts.add([new._replace(identity=identity)])
        return Delivered("repeated" if added.existed else "made", added.id, store.posts.get(added.id).state)

    def _keep(self, hook: Hook, secret: str | None) -> str:
        kept = signatures.new_secret(hook.kind) if secret is None else secret
        self._ctx.store.secrets.put(SECRETS, str(hook.id), kept)
        return kept


def read_message(data: bytes | str) -> dict[str, Any]:
    """A message that somebody has kept, to try a hook with. Raises InputError."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The message is not JSON: {error}.", code="hook.message_unreadable") from None
    if not isinstance(value, dict):
        raise InputError("The message is no JSON object.", code="hook.message_unreadable")
    return value


def _number_or_name(which: int | str) -> int | str:
    number = which if isinstance(which, int) else row_number(which)
    return which if number is None else number


def _check(template: str, draft: Mapping[str, Any]) -> None:
    """Refuse now what every message would be refused for."""
    try:
        contained.call(check_paths, template)
    except contained.TooCostly as error:
        raise InputError(
            f"The template cannot be used: {error.message}", code="template.invalid", hint="Make it simpler."
        ) from None
    draft_from_dict({"text": "x", **draft})


def _row(hook: Hook, message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The draft of a message; None where the template gives no text."""
    try:
        text = contained.call(rendered, hook.template, dict(message))
    except contained.TooCostly as error:
        raise InputError(
            f"The template fails: {error.message}", code="template.invalid", hint="Make it simpler."
        ) from None
    except InputError as error:
        hint = "Change the hook's template. `hooks test` shows what it makes of a message in a file."
        raise InputError(error.message, code=error.code, hint=hint) from None
    # What others write is no Markdown of ours.
    return {"markdown": False, **hook.draft, "text": text} if text else None
