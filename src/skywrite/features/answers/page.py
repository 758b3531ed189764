"""The inbox: replies, mentions and quotes below the posts that they are about, each with a way to reply.

What lives here: the page and its forms. What does not: collecting and replying (`service`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.app.results import Entry
from skywrite.core.digits import row_number
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.feature import Need
from skywrite.faces.server.pages.frame import Visit, back, form_route, now_as_time, page_route, show, undo_left
from skywrite.faces.server.pages.words import when
from skywrite.features.answers.operations import seen_item
from skywrite.features.answers.service import SETTING, Bot, Talk, is_collected
from skywrite.features.answers.store import SEEN_BEFORE, InboxItem, InboxItems
from skywrite.posting.compose.references import app_link
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.bsky.bot_label import set_bot
from skywrite.queue.model import Account

ITEMS = 50
REASONS = {"reply": "replied", "mention": "mentioned you", "quote": "quoted you"}


def needs(sky: Skywrite, access: Access) -> Iterator[Need]:
    """What waits for an answer: counted, and no more said about it."""
    for account in sky.accounts.list():
        if access.covers([account.did]) and account.settings.get(SETTING):
            yield Need("/inbox", InboxItems(sky.context.store).waiting(account.did))


class Said(NamedTuple):
    """Something in a conversation: an item with its reply, or a post of ours."""

    item: InboxItem | None
    entry: Entry | None

    @property
    def link(self) -> str:
        """Its page on bsky.app; empty if its address cannot be read."""
        if self.item is None:
            return self.entry.url or "" if self.entry else ""
        try:
            return app_link(self.item.uri)
        except InputError:
            return ""


class Unsent(NamedTuple):
    """A reply that was not accepted: its text, and why."""

    item_id: int
    text: str
    at: str
    error: SkywriteError


def inbox(visit: Visit, unsent: Unsent | None = None) -> Response:
    """The page."""
    accounts = visit.sky.accounts.list()
    wanted = visit.query("account")
    account = next((known for known in accounts if known.handle == wanted), None)
    did, everything = account.did if account else None, visit.query("show") == "all"
    items = visit.sky.inbox.list(everything=everything, account=did, limit=ITEMS)
    if unsent is not None and unsent.item_id not in {item.id for item in items}:
        items = [visit.sky.inbox.get(unsent.item_id), *items]
    return show(
        visit,
        "inbox.html",
        status=422 if unsent else 200,
        title="Inbox",
        talks=[_shown(visit, talk) for talk in visit.sky.inbox.talks(items)],
        accounts=accounts,
        account=account,
        everything=everything,
        collects=any(map(is_collected, accounts)),
        more=0 if everything else visit.sky.inbox.waiting(did) - len(items),
        unsent=unsent,
        answered=_answered(visit),
        reasons=REASONS,
        seen_before=SEEN_BEFORE,
        may_answer="schedule" in visit.access.scopes,
        here=_here(account, everything),
        bots=visit.sky.answers.list(account=did),
        may_resume="manage" in visit.access.scopes,
    )


def answer(visit: Visit, form: dict[str, str]) -> Response:
    """Reply: at a time, after the delay of Now, or as a draft if the person may not schedule."""
    visit.access.require("draft")
    item = seen_item(visit.access, _number(visit))
    text, at = form.get("text", "").strip(), form.get("at", "").strip().replace("T", " ")
    as_draft = "schedule" not in visit.access.scopes
    try:
        if not text:
            raise InputError("There is no reply yet.", hint="Write one, or mark it as done.")
        settings = visit.sky.accounts.get(item.account_did).settings
        entry = visit.sky.inbox.answer(item.id, text, at=at or now_as_time(settings), as_draft=as_draft)
    except SkywriteError as error:
        return inbox(visit, Unsent(item.id, text, at, error))
    if as_draft:
        return back(_back(form), f"The reply to @{item.author_handle} is kept as a draft.")
    zone = visit.sky.context.zone(entry.account)
    sentence = f"The reply to @{item.author_handle} goes out {when(entry.post.due_at, zone)}."
    return back(_back(form), sentence, answered=str(entry.post.id))


def done(visit: Visit, form: dict[str, str]) -> Response:
    """Mark it as done: it needs no reply."""
    visit.access.require("schedule")
    item = visit.sky.inbox.done(seen_item(visit.access, _number(visit)).id)
    return back(_back(form), f"The {item.reason} by @{item.author_handle} is done.")


def snooze(visit: Visit, form: dict[str, str]) -> Response:
    """Show it again later."""
    visit.access.require("schedule")
    until = form.get("until", "").strip()
    if not until:
        raise InputError("No time is given.", hint="Write one, such as tomorrow 9:00.")
    item = visit.sky.inbox.snooze(seen_item(visit.access, _number(visit)).id, until)
    zone = visit.sky.context.zone(visit.sky.accounts.get(item.account_did))
    return back(_back(form), f"Snoozed until {when(item.snoozed_until, zone)}.")


def collect(visit: Visit, form: dict[str, str]) -> Response:
    """Collect now, for each signed-in account; a problem with one does not stop the others."""
    visit.access.require("schedule")
    added, problems = 0, list[str]()
    for account in visit.sky.accounts.list():
        try:
            added += visit.sky.inbox.collect(account.did) if account.signed_in else 0
        except SkywriteError as error:
            problems.append(f"{account.handle}: {error.message}")
    return back(_back(form), " ".join([f"{added} new." if added else "Nothing new.", *problems]))


def pause(visit: Visit, form: dict[str, str]) -> Response:
    """Let bots answer nothing any more."""
    visit.access.require("schedule")
    bots = visit.sky.answers.pause(form.get("account") or None)
    return back(_back(form), f"{_named(bots)} answers nothing any more. What comes stays here.")


def resume(visit: Visit, form: dict[str, str]) -> Response:
    """Let bots answer without approval."""
    visit.access.require("manage")
    bots = visit.sky.answers.resume(form.get("account") or None)
    return back(_back(form), f"{_named(bots)} answers by itself.")


def label(visit: Visit, form: dict[str, str]) -> Response:
    """Say in an account's profile that it is a bot."""
    visit.access.require("manage")
    account = visit.sky.accounts.get(form.get("account") or None)
    changed = set_bot(Repo(visit.sky.context.agent(account)), True)
    return back(_back(form), f"@{account.handle} {'says' if changed else 'already says'} that it is a bot.")


def _named(bots: Sequence[Bot]) -> str:
    return ", ".join(f"@{bot.account.handle}" for bot in bots) or "No account"


def _shown(visit: Visit, talk: Talk) -> dict[str, Any]:
    above = [Said(None, one) if isinstance(one, Entry) else Said(one, None) for one in talk.above]
    return {
        "account": talk.account,
        "zone": visit.sky.context.zone(talk.account),
        "above": above,
        "about": _link(talk.subject) if talk.subject and not above else "",
        "items": [Said(item, reply) for item, reply in talk.items],
    }


def _link(uri: str) -> str:
    try:
        return app_link(uri)
    except InputError:
        return ""


def _answered(visit: Visit) -> tuple[Entry, float] | None:
    """The reply that was just written, while it can be undone."""
    post_id = row_number(visit.query("answered"))
    if post_id is None:
        return None
    try:
        entry = visit.sky.posts.get(visit.access.post(post_id).id)
    except SkywriteError:
        return None
    left = undo_left(visit, entry.post)
    return None if left is None else (entry, left)


def _here(account: Account | None, everything: bool) -> str:
    parts = [f"account={account.handle}"] if account else []
    return "/inbox?" + "&".join([*parts, "show=all"] if everything else parts)


def _back(form: dict[str, str]) -> str:
    return form.get("back") or "/inbox"


def _number(visit: Visit) -> int:
    return int(visit.request.path_params["number"])


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/inbox", inbox),
        form_route("/inbox/collect", collect, network=True),
        form_route("/answers/pause", pause),
        form_route("/answers/resume", resume),
        form_route("/answers/label", label, network=True),
        form_route("/inbox/{number:id}/answer", answer, network=True),
        form_route("/inbox/{number:id}/done", done),
        form_route("/inbox/{number:id}/snooze", snooze),
    ]
