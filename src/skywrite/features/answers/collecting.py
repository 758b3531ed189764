"""Reading an account's notifications page by page, so that nothing between two reads is left out.

The list has no "since", a page may be empty and have more below it, entries appear further down than the newest known
one, and a worker may stop between two pages. So each read goes on from the top until it is well within what was read
before, and what is below the page where it had to stop is a gap, which is kept and read later.

What lives here: that, and what of a notification the ledger keeps. What does not: the ledger (`store`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from skywrite.app.context import Context
from skywrite.core.errors import NoAnswer
from skywrite.features.answers.store import REASONS, InboxItems, More, NewItem, Place
from skywrite.protocol.atproto.session import Agent
from skywrite.protocol.atproto.syntax import AtUri, InvalidSyntax
from skywrite.queue.model import Account

# How often to look: while somebody talks, and when all is quiet. Servers allow an address ten requests a second: so
# many are for those to whom somebody talks, and as many for the others.
TALKING, QUIET, TALKING_FOR = timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5)
REQUESTS_PER_SECOND = 3
PAGES_MAX = 5
PAGE = 100
# So many known items, or such an age, are well within what was read before.
KNOWN_ENOUGH = 100
READ_AGAIN = timedelta(hours=1)
NOTED_EVERY = timedelta(minutes=10)
GAPS_MAX = 20
TEXT_MAX = 3000
IMAGES_MAX = 10
LANGS_MAX = 3
LANG_MAX = 40


class Pace:
    """When to look again at each account: soon while somebody talks to it, and never too much on one server.

    Each account has its own moment within a minute, and within five seconds, so that a thousand of them are not looked
    at, nor answered, all at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_at: dict[str, datetime] = {}
        self._due_at: dict[str, datetime] = {}
        self._talked_at: dict[str, datetime] = {}
        self._servers: Mapping[str, str] = {}
        self._asked_at: datetime | None = None
        # How many accounts each server has, and to how many of them somebody talks.
        self._all: Counter[str] = Counter()
        self._talking: Counter[str] = Counter()

    def due(self, servers: Mapping[str, str], now: datetime) -> list[str]:
        """Of the accounts and their servers, those whose time has come; a wrong clock may have left any time.

        They count as looked at when all is quiet, until `looked` says more. It is asked many times a second: whoever
        has the same accounts as before gives the same mapping.
        """
        with self._lock:
            if servers is not self._servers or self._asked_at is None or now < self._asked_at:
                self._know(servers, now)
            self._asked_at = now
            for did in [did for did, at in self._talked_at.items() if abs(now - at) > TALKING_FOR]:
                del self._talked_at[did]
                self._talking[servers[did]] -= 1
            dids = [did for did, at in self._next_at.items() if at <= now]
            for did in dids:
                self._due_at[did] = self._moment(did, now)
                self._next_at[did] = self._due_at[did] + self._distance(did)
            return dids

    def _know(self, servers: Mapping[str, str], now: datetime) -> None:
        """Take over the accounts. Whose time is further away than it can be, such as of a new one, is due now."""
        self._servers, self._all = servers, Counter(servers.values())
        self._talked_at = {did: at for did, at in self._talked_at.items() if did in servers}
        self._talking = Counter(servers[did] for did in self._talked_at)
        known, self._next_at = self._next_at, {}
        for did in servers:
            at = known.get(did)
            if at is None or at - now > self._distance(did):
                at = self._first(did, now)
            self._next_at[did] = at
        self._due_at = {did: at for did, at in self._due_at.items() if did in servers}

    def next_at(self) -> datetime | None:
        """When the first of them is due; None if there is none."""
        with self._lock:
            return min(self._next_at.values(), default=None)

    def looked(self, did: str, now: datetime, added: int) -> None:
        """Note that an account was looked at, and how many items were new.

        What looking took does not count: whoever asks every five seconds would find it due at every other time.
        """
        with self._lock:
            if did not in self._servers:
                return
            if added:
                self._talking[self._servers[did]] += did not in self._talked_at
                self._talked_at[did] = now
            self._next_at[did] = self._due_at.get(did, now) + self._distance(did)

    def _first(self, did: str, now: datetime) -> datetime:
        """Now is an account's time, and its next one is at its own moment."""
        return now - self._distance(did) * (crc32(did.encode()) / 2**32)

    def _moment(self, did: str, now: datetime) -> datetime:
        """The last moment of an account whose time has come."""
        at, distance = self._next_at[did], self._distance(did)
        return at + (now - at) // distance * distance

    def _distance(self, did: str) -> timedelta:
        talks = did in self._talked_at
        beside = (self._talking if talks else self._all)[self._servers.get(did, "")]
        return max(TALKING if talks else QUIET, timedelta(seconds=beside / REQUESTS_PER_SECOND))


def collect(ctx: Context, account: Account) -> int:
    """Store what is new, from a few pages. Returns how many items are."""
    stored, started = InboxItems(ctx.store), ctx.clock.now()
    before = place = stored.place(account.did)
    # A clock that ran ahead may have noted a time that is still to come.
    until = before.until and min(before.until, started)
    agent, left, added = ctx.agent(account), PAGES_MAX, 0
    waiting: list[str | None] = [None, *before.gaps]
    # However much comes at the top, gaps get their share.
    reserved = PAGES_MAX // 2 if before.gaps else 0
    while waiting and left:
        cursor, known = waiting.pop(0), 0
        while left > reserved:
            items, following = _page(agent, account, cursor)
            left -= 1
            known += len(items) - len(stored.unknown(items))
            reached = following is None or known >= KNOWN_ENOUGH or _is_old(items, following, until)
            if following is None:
                # The list was read to its end, and with it everything that is below a gap.
                waiting = []
            if before.until is None and not left:
                # The first look does not go back for ever.
                reached, waiting = True, []
            gaps = [*([] if reached else [following]), *waiting]
            here = place._replace(gaps=tuple(gap for gap in gaps if gap is not None)[:GAPS_MAX])
            added += stored.add(items, here if here != place else None, place)
            if here != place and not items:
                stored.put_place(account.did, here, place)
            place, cursor = here, following
            if reached:
                break
        reserved = 0
    if not place.gaps and (before.until is None or abs(started - before.until) >= NOTED_EVERY):
        stored.put_place(account.did, Place((), started), place)
    return added


def _page(agent: Agent, account: Account, cursor: str | None) -> tuple[list[NewItem], str | None]:
    """The items of a page, and where the next one begins."""
    # Without it, an account with priority notifications hears only of people that it follows.
    params: dict[str, Any] = {"limit": PAGE, "reasons": list(REASONS), "priority": False}
    page = agent.query("app.bsky.notification.listNotifications", params | ({"cursor": cursor} if cursor else {}))
    listed = page.get("notifications")
    if not isinstance(listed, list):
        raise NoAnswer("The server's response contains no notifications.")
    items = [item for view in listed if (item := item_of(account, view)) is not None]
    following = page.get("cursor")
    return items, following if isinstance(following, str) and following != cursor else None


def _is_old(items: Sequence[NewItem], cursor: str, until: datetime | None) -> bool:
    """Whether a page ends well below what was read before. Cursors of the AppView begin with a time."""
    if until is None:
        return False
    try:
        at = _time_of(cursor.partition("::")[0])
    except ValueError:
        if not items:
            return False
        at = items[-1].indexed_at
    return at < until - READ_AGAIN


def item_of(account: Account, view: Any) -> NewItem | None:
    """A notification as the ledger keeps it; None if it cannot be read, or is our own."""
    try:
        author, record = view["author"], view["record"]
        if view["reason"] not in REASONS or author["did"] == account.did:
            return None
        uri = _with_did(str(view["uri"]), str(author["did"]))
        reply = _part(record.get("reply"))
        return NewItem(
            account_did=account.did,
            uri=uri,
            cid=str(view["cid"]),
            reason=str(view["reason"]),
            author_did=str(author["did"]),
            author_handle=_storable(str(author["handle"])),
            text=_storable(str(record.get("text", "")))[:TEXT_MAX],
            subject=view.get("reasonSubject"),
            indexed_at=_time_of(str(view["indexedAt"])),
            parent=_uri(reply.get("parent")),
            root=_uri(reply.get("root")) or uri,
            labels=_labels(author),
            more=_more(account, author, record),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _more(account: Account, author: Mapping[str, Any], record: Mapping[str, Any]) -> More:
    """What a bot may ask for besides; what cannot be read is left out."""
    embed = _part(record.get("embed"))
    media = _part(embed.get("media")) or embed
    quoted = _part(embed.get("record"))
    uri = quoted.get("uri") or _part(quoted.get("record")).get("uri")
    did, name, langs = str(author["did"]), author.get("displayName"), record.get("langs")
    return More(
        name=_storable(name)[:TEXT_MAX] if isinstance(name, str) else "",
        followed=bool(_part(author.get("viewer")).get("following")),
        langs=tuple(_storable(lang)[:LANG_MAX] for lang in langs if isinstance(lang, str))[:LANGS_MAX]
        if isinstance(langs, list)
        else (),
        images=tuple(_images(did, media.get("images"))),
        quotes_us=str(uri).startswith(f"at://{account.did}/"),
    )


def _images(did: str, images: object) -> Iterator[tuple[str, str]]:
    for image in images[:IMAGES_MAX] if isinstance(images, list) else ():
        cid = _part(_part(_part(image).get("image")).get("ref")).get("$link")
        alt = _part(image).get("alt")
        if isinstance(cid, str):
            yield (
                _storable(alt)[:TEXT_MAX] if isinstance(alt, str) else "",
                f"https://cdn.bsky.app/img/feed_fullsize/plain/{did}/{_storable(cid)}@jpeg",
            )


def _labels(author: Mapping[str, Any]) -> tuple[str, ...]:
    """What an author is said to be, by itself or by others."""
    labels = [label for label in author.get("labels") or () if isinstance(label, Mapping) and not label.get("neg")]
    return tuple(sorted({_storable(str(label.get("val", ""))) for label in labels}))


def _with_did(uri: str, did: str) -> str:
    """The address with the DID of its author: handles change, and an answer's identity must not."""
    try:
        parsed = AtUri(uri)
    except InvalidSyntax:
        return uri
    return f"at://{did}/{parsed.collection}/{parsed.rkey}"


def _uri(value: object) -> str | None:
    uri = _part(value).get("uri")
    return _storable(uri) if isinstance(uri, str) else None


def _part(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time_of(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=at.tzinfo or UTC)


def _storable(text: str) -> str:
    """A text that both databases can hold: without NUL and lone surrogates, which JSON may carry."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
