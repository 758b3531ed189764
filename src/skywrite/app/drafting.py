"""From a user's input to a post that can be stored: drafts resolved and checked, times parsed, media stored.

What lives here: everything needed to accept a post, or thousands of them. What does not: adding it to
the queue (`posts`, `features.tables`), sending it (`sending`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.app.context import Context
from skywrite.app.results import Ready
from skywrite.core.errors import Busy, Do, Hint, InputError, Notice
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import FIELDS, Draft, draft_from_dict
from skywrite.posting.compose.resolve import resolve_draft
from skywrite.posting.compose.texts import QUOTE_LINKS, with_quoted_link
from skywrite.posting.schedule.policy import DEFAULT_LATE_POLICY, LatePolicy, parse_duration, parse_late
from skywrite.protocol.atproto.cid import BlobHasher
from skywrite.queue.model import (
    Account,
    AddResult,
    NewMedia,
    NewPost,
    Post,
    Recurrence,
)

if TYPE_CHECKING:
    from skywrite.posting.schedule.slots import FreeSlots
    from skywrite.posting.schedule.tokens import DateOrder

SAME_TEXT = timedelta(days=7)
SLOT_HORIZON = timedelta(days=800)
SLOT_TRIES = 20
KEY_MAX = 500


def _check_key(key: str | None) -> None:
    if key is None:
        return
    if not isinstance(key, str):
        raise InputError(f"The key {key!r} is not text.", hint="Use a short name or a hash.")
    from skywrite.protocol.bsky.limits import check_characters

    try:
        check_characters(key)
    except InputError as error:
        raise error.about("The key") from None
    if not 0 < len(key) <= KEY_MAX:
        raise InputError(f"A key has 1 to {KEY_MAX} characters, not {len(key)}.", hint="Use a short name or a hash.")


def _own_langs(account: Account) -> Sequence[str]:
    """The languages of an account's posts. Raises InputError where a hand has set what means nothing."""
    stored = account.settings.get("langs", ())
    if isinstance(stored, list | tuple) and all(isinstance(lang, str) for lang in stored):
        return stored
    raise InputError(f"The setting langs of {account.handle} cannot be read.", hint=Hint("See: ", Do("doctor")))


class Drafting:
    """Checks what is to be posted, and parses when. Safe to share between threads."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def prepare(self, draft: Draft, account: Account, *, base: Path | None = None) -> Ready:
        """Check everything and fit the media; nothing is stored. Raises InputError and TemporaryError."""
        context = self._ctx.network.draft_context(
            account.pds_url,
            lambda: self._ctx.agent(account),
            base=base or Path(),
            langs=_own_langs(account),
            require_alt=bool(account.settings.get("require_alt")),
            own_did=account.did,
        )
        resolved = resolve_draft(draft, context)
        self._ctx.ending.check()
        return Ready(account, resolved.draft, build(resolved.draft, resolved.dids), resolved)

    def draft(self, account: Account, row: Mapping[str, Any]) -> Draft:
        """A draft from plain values, with the account's own defaults for each post of the thread."""
        defaults: dict[str, Any] = {
            name: account.settings[name]
            for name, field in FIELDS.items()
            if field.is_setting and name in account.settings
        }
        row = with_quoted_link(row, bool(account.settings.get(QUOTE_LINKS)))
        draft = draft_from_dict({**defaults, **row})
        raw_parts = row.get("thread") or ()
        if not defaults or not draft.thread:
            return draft
        thread = [
            part if isinstance(item, Draft) else part._replace(**_missing(defaults, item))
            for part, item in zip(draft.thread, raw_parts, strict=True)
        ]
        return draft._replace(thread=tuple(thread))

    def when(self, account: Account, at: str | datetime | None, jitter: str | None = None) -> datetime:
        """The time that `at` means, in UTC; the next free slot for None."""
        return self.when_with_notes(account, at, jitter)[0]

    def when_with_notes(
        self,
        account: Account,
        at: str | datetime | None,
        jitter: str | None = None,
        *,
        slots: FreeSlots | None = None,
        past: bool = False,
        zone: str | None = None,
        dates: DateOrder | None = None,
    ) -> tuple[datetime, list[Notice]]:
        """`when`, with warnings, such as about a local time that does not exist on that day.

        `slots` are the free ones (by default, those that no post in the queue has); one that is used is removed from
        them. With `past`, an absolute time may be in the past. `zone` overrides the account's, and `dates` is the order
        of day and month in numeric dates.
        """
        seconds = 0 if jitter is None else parse_duration(jitter)
        notes: list[Notice] = []
        if at is None:
            due_at = (slots or self.free_slots(account)).take(seconds)
        elif not isinstance(at, datetime):
            from skywrite.posting.schedule.times import parse_time

            place = self._ctx.zone(account) if zone is None else zone
            read = parse_time(at, now=self._ctx.clock.now(), zone=place, past=past, dates=dates)
            due_at, notes = read.at, [read.note] if read.note else []
        elif at.tzinfo is None:
            raise InputError(f"The time {at} has no time zone.", hint="Use an aware datetime, or give it as text.")
        else:
            due_at = at.astimezone(UTC)
        if seconds:
            from skywrite.posting.schedule.slots import with_jitter

            due_at = with_jitter(due_at, seconds, self._ctx.clock.random())
        return due_at, [*notes, *_ends_before(account, due_at)]

    def taken_slots(self, account_did: str) -> set[datetime]:
        """The times at which posts of the account are already due."""
        now = self._ctx.clock.now()
        return set(self._ctx.store.posts.due_times(account_did, now, now + SLOT_HORIZON))

    def free_slots(self, account: Account, *, also: Iterable[datetime] = ()) -> FreeSlots:
        """The account's slots that no post in the queue has, and that are not among these other times."""
        from skywrite.posting.schedule.slots import FreeSlots

        taken = self.taken_slots(account.did).union(also)
        return FreeSlots(self._ctx.store.recurrences.slots(account.did), now=self._ctx.clock.now(), taken=taken)

    def clashes(
        self, account_did: str, text: str, due_at: datetime | None, *, own_id: int | None = None
    ) -> list[Notice]:
        """Warnings: the same text is queued or was posted recently, or another post goes out in the same minute."""
        warnings: list[Notice] = []
        same = self._ctx.store.posts.same_text(account_did, text, self._ctx.clock.now() - SAME_TEXT) if text else []
        for post in [post for post in same if post.id != own_id][:1]:
            warnings.append(Notice("SameText", f"The same text is in post {post.id} ({post.state}).", post.id))
        near = self._ctx.store.posts.same_minute(account_did, due_at) if due_at else []
        for post_id in [post_id for post_id in near if post_id != own_id][:1]:
            warnings.append(Notice("SameMinute", f"Post {post_id} goes out in the same minute.", post_id))
        return warnings

    def new_post(
        self,
        ready: Ready,
        *,
        due_at: datetime | None,
        key: str | None = None,
        late: str | None = None,
        source: str | None = None,
        exclusive_slot: bool = False,
    ) -> NewPost:
        """What is to be stored for a prepared draft; `exclusive_slot` where it took a slot."""
        policy, seconds = self.late(ready.account, late)
        _check_key(key)
        return NewPost(
            account_did=ready.account.did,
            draft=ready.draft.as_dict(),
            prepared=ready.prepared.to_dict(),
            due_at=due_at,
            key=key,
            late_policy=policy,
            late_seconds=seconds,
            source=source,
            media=tuple(item.cid for item in ready.prepared.blobs),
            exclusive_slot=exclusive_slot,
        )

    def late(self, account: Account, late: str | None) -> tuple[LatePolicy, int | None]:
        """The policy for a missed time: given, the account's own, or the default."""
        text = account.settings.get("late") if late is None else late
        return (DEFAULT_LATE_POLICY, None) if text is None else parse_late(text)

    def keep_media(self, readies: Iterable[Ready]) -> None:
        """Store the bytes that posts need, before the posts. Raises InputError."""
        for ready in readies:
            for cid, pieces in ready.resolved.media.items():
                stored = ready.resolved.stored[cid]
                self._ctx.store.media.put(NewMedia(cid, stored.mime, stored.size, _checked(cid, stored.size, pieces())))

    def store_in_slots(
        self, posts: list[NewPost], store: Callable[[list[NewPost]], list[AddResult]]
    ) -> tuple[list[AddResult], list[NewPost]]:
        """What `store` returns for the posts, and the posts as stored.

        If another process has taken a slot, posts with an `exclusive_slot` move to their next slot, and `store` is
        called again.
        """
        for tries_left in range(SLOT_TRIES - 1, -1, -1):
            try:
                return store(posts), posts
            except Busy:
                if not tries_left:
                    raise
                posts = [
                    post._replace(due_at=self._another_slot(post)) if post.exclusive_slot else post for post in posts
                ]
        raise AssertionError("unreachable")

    def _another_slot(self, post: NewPost) -> datetime:
        return self.when(self._ctx.store.accounts.get(post.account_did), None)


def _missing(defaults: Mapping[str, Any], item: Any) -> dict[str, Any]:
    """The defaults for what a post of a thread does not set itself."""
    return {name: value for name, value in defaults.items() if not isinstance(item, Mapping) or item.get(name) is None}


def _checked(cid: str, size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes, if they are still those that were checked: here a video is read from its file for the second time."""
    hasher, seen = BlobHasher(), 0
    for piece in pieces:
        hasher.update(piece)
        seen += len(piece)
        if seen <= size:
            yield piece
    if seen != size or hasher.cid() != cid:
        raise InputError(
            "A file changed while Skywrite was reading it.", code="media.changed", hint="Try again when it is complete."
        )


def _ends_before(account: Account, due_at: datetime | None) -> list[Notice]:
    """A warning if a post is due after the account's session has ended."""
    if due_at is None or account.session_ends_at is None or due_at < account.session_ends_at:
        return []
    day = f"{account.session_ends_at:%Y-%m-%d}"
    text = f"The session of {account.handle} ends on {day}: sign in again before, or the post waits until you do."
    return [Notice("SessionEnds", text, account.handle)]


def sign_in_notes(account: Account) -> list[Notice]:
    """A warning if nobody is signed in to the account."""
    if account.signed_in and account.state != "needs_login":
        return []
    text = f"You are not signed in as {account.handle}: it goes out only after someone signs in."
    return [Notice("NotLoggedIn", text, account.handle)]


def edited_row(post: Post | Recurrence, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A stored draft with changes; a card that was found in a changed text is dropped, to be looked up again."""
    row = {**post.draft, **changes}
    if "card" in changes or not isinstance(row.get("card"), Mapping):
        return row
    if ("text" in changes and is_card_of_text(post)) or "images" in changes or "video" in changes:
        del row["card"]
    return row


def is_card_of_text(post: Post | Recurrence) -> bool:
    """Whether the card shows a page that the text links to, so that another text may mean another page."""
    card = post.draft.get("card")
    links = [
        feature["uri"]
        for record in post.prepared.get("records", ())
        for facet in record.get("facets", ())
        for feature in facet.get("features", ())
        if "uri" in feature
    ]
    return isinstance(card, Mapping) and any(_is_same_page(link, card["url"]) for link in links)


def _is_same_page(link: str, address: str) -> bool:
    """Whether a link leads to the address of a card, which is written as the HTTP client does it."""
    from skywrite.core.http import parse_url

    with suppress(InputError):
        return address in (link, parse_url(link).text)
    return False
