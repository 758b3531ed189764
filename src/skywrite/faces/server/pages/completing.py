"""What the composer asks while somebody types: people, hashtags, emoji, and what a time or a rhythm means.

What lives here: answers that help, as JSON. What does not: the composer itself (`compose`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.drafting import Drafting
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.server.pages.frame import Visit, page_route
from skywrite.faces.server.pages.words import hint_words, when
from skywrite.queue.model import Account

FOUND_MAX = 6
QUERY_MAX = 100
URI_MAX = 1000
POSTS_SEEN = 200
_TAG = re.compile(r"(?<![\w#])#([^\W\d_]\w*)")
_EMOJI = (range(0x1F300, 0x1FB00), range(0x2600, 0x27C0), range(0x2B50, 0x2B56))


def answer(content: Any) -> Response:
    """JSON that nobody keeps."""
    return Response(json.dumps(content), media_type="application/json", headers={"cache-control": "no-store"})


def account_of(visit: Visit) -> Account | None:
    """The account that is named in the address, or the first one."""
    accounts, handle = visit.sky.accounts.list(), visit.query("account")
    return next((item for item in accounts if item.handle == handle), accounts[0] if accounts else None)


def _zone(visit: Visit) -> str:
    chosen = account_of(visit)
    return visit.sky.context.zone(chosen) if chosen else "UTC"


def said_time(visit: Visit) -> Response:
    """The meaning of a time while it is typed: in words, or why it is not understood."""
    from skywrite.posting.schedule.times import parse_time

    zone, now = _zone(visit), visit.sky.context.clock.now()
    try:
        read = parse_time(visit.query("at").replace("T", " "), now=now, zone=zone)
    except InputError as error:
        return answer({"ok": False, "said": error.message, "hint": hint_words(error.hint)})
    hint = str(read.note or _away(read.at - now))
    return answer(
        {"ok": True, "said": f"{when(read.at, zone)} ({zone})", "hint": hint, "short": _short(read.at, zone, now)}
    )


def said_rhythm(visit: Visit) -> Response:
    """The meaning of a recurrence while it is typed, with its next times."""
    from skywrite.posting.schedule.recurrence import describe, parse_rule

    zone, now = _zone(visit), visit.sky.context.clock.now()
    try:
        rule = parse_rule(visit.query("every"), zone=zone, start=now if "RRULE" in visit.query("every") else None)
        times, after = list[datetime](), now
        while len(times) < 3 and (occurrence := rule.next_after(after)) is not None:
            times.append(occurrence.at)
            after = occurrence.occurrence
    except InputError as error:
        return answer({"ok": False, "said": error.message, "hint": hint_words(error.hint)})
    sentence = describe(rule)
    hint = "; ".join(when(at, zone) for at in times) or "It never happens"
    return answer({"ok": True, "said": sentence, "hint": hint})


def next_slot(visit: Visit) -> Response:
    """When the next free slot of the account is; nothing if it has none."""
    account = account_of(visit)
    try:
        at = None if account is None else Drafting(visit.sky.context).when(account, None)
    except SkywriteError:
        at = None
    zone = _zone(visit)
    return answer(
        {} if at is None else {"short": _short(at, zone, visit.sky.context.clock.now()), "said": when(at, zone)}
    )


def _short(at: datetime, zone: str, now: datetime) -> str:
    """A time in a few letters: the weekday within a week, otherwise the date, and the hour."""
    local = at.astimezone(ZoneInfo(zone))
    day = f"{local:%a}" if at - now < timedelta(days=6) else f"{local.day} {local:%b}"
    year = "" if local.year == now.year or at - now < timedelta(days=300) else f" {local.year}"
    return f"{day}{year} {local:%H:%M}"


def _away(away: timedelta) -> str:
    minutes = int(away.total_seconds() // 60)
    if minutes < 1:
        return "in less than a minute"
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes % 60} min" if not days else ""]
    return "in " + " ".join(part for part in parts if part and part != "0 min")


def people(visit: Visit) -> Response:
    """People on the network whose handle or name begins like this; nobody if the network cannot be reached."""
    visit.access.require("draft")
    account = account_of(visit)
    suggestions: list[dict[str, str]] = []
    # Completion is optional: network problems are reported elsewhere.
    with suppress(SkywriteError):
        if account is not None and (typed := visit.query("q").strip()):
            parameters: dict[str, str | int] = {"q": typed[:QUERY_MAX], "limit": FOUND_MAX}
            actors = (
                visit.sky.context.agent(account).query("app.bsky.actor.searchActorsTypeahead", parameters).get("actors")
            )
            suggestions = [
                {
                    "insert": f"@{actor.get('handle', '')}",
                    "name": str(actor.get("displayName") or actor.get("handle", "")),
                }
                for actor in actors or ()
            ]
    return answer(suggestions)


def profile(visit: Visit) -> Response:
    """The name of an account, as readers see it; none if the network cannot be reached."""
    account, name = account_of(visit), ""
    with suppress(SkywriteError):
        if account is not None:
            view = visit.sky.context.agent(account).query("app.bsky.actor.getProfile", {"actor": account.did})
            name = str(view.get("displayName") or "")
    return answer({"name": name})


def quoted(visit: Visit) -> Response:
    """Who wrote a post that is quoted, and what; nothing if the network does not show it."""
    account, quote = account_of(visit), dict[str, str]()
    with suppress(SkywriteError):
        if account is not None and (uri := visit.query("uri")[:URI_MAX]):
            parameters = {"uris": [uri]}
            for post in visit.sky.context.agent(account).query("app.bsky.feed.getPosts", parameters).get("posts") or ():
                author, record = post.get("author") or {}, post.get("record") or {}
                handle, text = str(author.get("handle", "")), str(record.get("text", ""))
                quote = {"handle": handle, "name": str(author.get("displayName") or ""), "text": text}
    return answer(quote)


def tags(visit: Visit) -> Response:
    """Hashtags of what the account posted, those used most first."""
    visit.access.require("draft")
    account, typed = account_of(visit), visit.query("q").strip().casefold()[:QUERY_MAX]
    if account is None or not typed:
        return answer([])
    listing = visit.sky.context.store.listing
    posts = [
        *listing.history(("published",), account_did=account.did, limit=POSTS_SEEN),
        *listing.posts(("scheduled", "draft"), account_did=account.did, limit=POSTS_SEEN),
    ]
    used = Counter(tag for post in posts for tag in _TAG.findall(post.text))
    suggestions = [tag for tag, _ in used.most_common() if tag.casefold().startswith(typed)]
    return answer([{"insert": f"#{tag}", "name": ""} for tag in suggestions[:FOUND_MAX]])


def campaigns(visit: Visit) -> Response:
    """The campaigns of the latest posts of the accounts that the person may use, those used most first."""
    visit.access.require("draft")
    listing = visit.sky.context.store.listing
    posts = [
        post
        for account in visit.access.all_accounts()
        for some in (
            listing.history(("published",), account_did=account.did, limit=POSTS_SEEN),
            listing.posts(("scheduled", "held", "draft"), account_did=account.did, limit=POSTS_SEEN),
        )
        for post in some
    ]
    used = Counter(name for post in posts if (name := str(post.draft.get("campaign") or "")))
    return answer([name for name, _ in used.most_common()])


def emoji(visit: Visit) -> Response:
    """Emoji by a word of their name."""
    typed = visit.query("q").strip().casefold()[:QUERY_MAX]
    suggestions = [
        (name, sign) for name, sign in _emoji() if typed and any(word.startswith(typed) for word in name.split())
    ]
    suggestions.sort(key=lambda one: (not one[0].startswith(typed), len(one[0])))
    return answer([{"insert": sign, "name": name} for name, sign in suggestions[:FOUND_MAX]])


@cache
def _emoji() -> list[tuple[str, str]]:
    """The names of all emoji of one character."""
    names = ((unicodedata.name(chr(code), ""), code) for codes in _EMOJI for code in codes)
    # Those of the older blocks are letters unless a variation selector follows.
    return [(name.lower(), chr(code) + ("" if code > 0xFFFF else "\ufe0f")) for name, code in names if name]


def routes() -> list[BaseRoute]:
    """The addresses for the script."""
    return [
        page_route("/compose/time", said_time),
        page_route("/compose/every", said_rhythm),
        page_route("/compose/slot", next_slot),
        page_route("/compose/people", people, network=True),
        page_route("/compose/profile", profile, network=True),
        page_route("/compose/quoted", quoted, network=True),
        page_route("/compose/tags", tags),
        page_route("/compose/campaigns", campaigns),
        page_route("/compose/emoji", emoji),
    ]
