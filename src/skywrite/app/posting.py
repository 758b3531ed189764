"""Verbs that accept posts: everything is checked and stored before anything is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.app.base import Base, is_gone
from skywrite.atproto.repo import Repo
from skywrite.compose.build import Prepared, build
from skywrite.compose.draft import Draft, draft_from_dict
from skywrite.compose.gather import Gathered, Surroundings, gather
from skywrite.compose.references import app_link, parse_reference
from skywrite.errors import InputError, SkywriteError, TemporaryError
from skywrite.publish.films import film_upload
from skywrite.publish.publisher import Publisher, Result
from skywrite.publish.sender import FilmUpload
from skywrite.queue.model import Account, Claim, NewMedia, NewPost, Post, Published, Retry, WrongState
from skywrite.schedule.policy import DEFAULT_LATE_POLICY, LatePolicy, parse_late

if TYPE_CHECKING:
    from skywrite.fetch.fetch import Fetcher

NOW_SOURCE = "now"
NOW_TRIES = 3
NOW_WAIT_SECONDS_MAX = 12.0
NOW_BUSY_SECONDS_MAX = 20.0
LEASE_SECONDS = 120.0
SAME_TEXT = timedelta(days=7)
SLOT_HORIZON = timedelta(days=800)
KEY_MAX = 500


class StillQueued(TemporaryError):
    """The post could not be sent yet; it is kept in the queue and must not be posted again."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft with everything gathered and checked: what will be posted, and what the writer should know."""

    account: Account
    draft: Draft
    prepared: Prepared
    gathered: Gathered

    @property
    def warnings(self) -> list[str]:
        """What was left out or looks odd, in plain words."""
        return self.gathered.warnings


@dataclass(frozen=True, slots=True)
class Sent:
    """A post that is on the network, with its number in the queue."""

    id: int
    uri: str
    cid: str
    url: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A post that is in the queue. `due_at` is UTC, None for a draft; `zone` is the one to show it in.

    `existed` says that a post with this key was there before, so nothing was added.
    """

    id: int
    account: str
    due_at: datetime | None
    zone: str
    existed: bool = False
    warnings: tuple[str, ...] = ()
    recurrence_id: int | None = None


def _check_key(key: str | None) -> None:
    from skywrite.bsky.limits import InvalidText, check_characters

    if key is None:
        return
    try:
        check_characters(key)
    except InvalidText as error:
        raise error.about("The key") from None
    if not 0 < len(key) <= KEY_MAX:
        raise InputError(f"A key has 1 to {KEY_MAX} characters, not {len(key)}.", hint="Use a short name or a hash.")


class Posting(Base):
    """Preparing, posting now, and scheduling."""

    _fetcher: Fetcher | None = None
    progress: Callable[[Post, str, int, int], None] | None = None

    def prepare(self, draft: Draft, account: Account, *, base: Path | None = None) -> Ready:
        """Check everything and fit the media; nothing is stored. Raises InputError and TemporaryError."""
        gathered = gather(draft, self._surroundings(account, base or Path()))
        return Ready(account, gathered.draft, build(gathered.draft, gathered.dids), gathered)

    def preview(self, text: str = "", *, account: str | None = None, base: Path | None = None, **draft: Any) -> Ready:
        """What would be posted: nothing is stored and nothing is sent."""
        found = self.account(account)
        return self.prepare(self.draft(found, {"text": text, **draft}), found, base=base)

    def draft(self, account: Account, row: Mapping[str, Any]) -> Draft:
        """A draft from plain values, with the account's own defaults."""
        defaults: dict[str, Any] = {
            name: account.settings[name] for name in ("markdown", "shorten") if name in account.settings
        }
        return draft_from_dict({**defaults, **row})

    def post(
        self,
        text: str = "",
        *,
        account: str | None = None,
        key: str | None = None,
        base: Path | None = None,
        **draft: Any,
    ) -> Sent:
        """Post now. It is stored first, then sent: killed in between, the next `run` finishes it, once.

        Raises InputError before anything is stored; StillQueued when it could not be sent yet; what the server said
        when it was refused.
        """
        found = self.account(account)
        ready = self.prepare(self.draft(found, {"text": text, **draft}), found, base=base)
        self.keep_media([ready])
        now = self.clock.now()
        new = self.new_post(ready, due_at=now, key=key, source=NOW_SOURCE)
        publisher = self.publisher(found.pds_url)
        unsent = self._same_unsent(new)
        if unsent is None:
            result, claim = self.store.add_and_claim(new, self.worker_name, LEASE_SECONDS, publisher.decider)
            post_id = result.id
            if result.existed:
                ready.warnings.append(f"The key {key!r} was used before, by post {post_id}: nothing was added.")
        else:
            post_id, claim = unsent, None
            with suppress(WrongState):
                self.store.hurry(post_id)
            ready.warnings.append(f"The same text was waiting as post {post_id}: that one was sent.")
        uri, cid = self._send_now(post_id, claim, publisher)
        return Sent(post_id, uri, cid, app_link(uri, found.handle), tuple(ready.warnings))

    def send(self, post_id: int) -> Sent:
        """Send a post of the queue that is due, trying for some seconds. Raises what `post` raises."""
        account = self.store.account(self.store.get(post_id).account_did)
        uri, cid = self._send_now(post_id, None, self.publisher(account.pds_url))
        return Sent(post_id, uri, cid, app_link(uri, account.handle))

    def _same_unsent(self, new: NewPost) -> int | None:
        """A post of the same content that an earlier call left unsent: it is finished instead of posted twice."""
        for post in self.store.same_text(new.account_did, str(new.draft.get("text", "")), self.clock.now()):
            if post.source == NOW_SOURCE and post.state in ("scheduled", "publishing") and post.draft == new.draft:
                return post.id
        return None

    def _send_now(self, post_id: int, claim: Claim | None, publisher: Publisher) -> tuple[str, str]:
        """Publish one post, trying again for some seconds. Other unfinished posts of its account are settled first."""
        tries = 0
        deadline = self.clock.monotonic() + NOW_BUSY_SECONDS_MAX
        while True:
            post = self.store.get(post_id)
            if post.state == "published":
                return post.uri or "", post.cid or ""
            if claim is None:
                claim = self.store.claim_post(post_id, self.worker_name, LEASE_SECONDS, publisher.decider)
            if claim is None:
                self.free_dead_leases()
                if self.clock.monotonic() > deadline or post.state not in ("scheduled", "publishing"):
                    raise self._still_queued(post_id, "its account is busy or waiting")
                self.clock.wait(threading.Event(), 0.1)
                continue
            result = self._publish_claim(claim, publisher)
            if claim.post.id == post_id:
                if isinstance(result.outcome, Published):
                    return result.outcome.uri, result.outcome.cid
                tries += 1
                self._wait_or_raise(post_id, result, tries)
            claim = None

    def free_dead_leases(self) -> int:
        """End the leases of workers of this computer whose processes are gone; how many."""
        mine = [item for item in self.store.accounts() if item.lease_owner and item.lease_owner != self.worker_name]
        dead = [item for item in mine if item.lease_owner and is_gone(item.lease_owner)]
        return sum(self.store.expire_lease(item.did, item.lease_owner or "") for item in dead)

    def _publish_claim(self, claim: Claim, publisher: Publisher) -> Result:
        settled = False
        try:
            result = publisher.publish(claim)
            settled = self.store.settle(claim, result.outcome, account=result.account)
            return result
        finally:
            if not settled:
                self.store.release_claim(claim)

    def _wait_or_raise(self, post_id: int, result: Result, tries: int) -> None:
        outcome, error = result.outcome, result.error
        if isinstance(outcome, Retry) and isinstance(error, SkywriteError):
            wait = (outcome.attempt_at - self.clock.now()).total_seconds()
            if tries >= NOW_TRIES or wait > NOW_WAIT_SECONDS_MAX or result.account is not None:
                raise self._still_queued(post_id, error.message) from None
            self.clock.wait(threading.Event(), max(wait, 0.0))
            return
        if isinstance(error, SkywriteError):
            raise error.about(f"Post {post_id}") from None
        raise self._still_queued(post_id, "something went wrong inside Skywrite")

    def _still_queued(self, post_id: int, why: str) -> StillQueued:
        return StillQueued(
            f"Post {post_id} is not sent yet: {why}",
            hint=f"It is kept: send it with `skywrite run --once`, drop it with `skywrite cancel {post_id}`. "
            "Posting the same text again sends this one.",
        )

    def schedule(
        self,
        text: str = "",
        *,
        at: str | datetime | None = None,
        every: str | None = None,
        account: str | None = None,
        key: str | None = None,
        late: str | None = None,
        jitter: str | None = None,
        until: str | datetime | None = None,
        pool: Sequence[Any] = (),
        hold: bool = False,
        base: Path | None = None,
        source: str | None = None,
        **draft: Any,
    ) -> Scheduled:
        """Accept a post for later: at a moment, again and again (`every`), or at the next free slot.

        `at`: an aware datetime, ISO 8601, or spoken ("tomorrow 9:00", "fri 17:00 Europe/Berlin"). `every`: cron, RRULE
        or spoken. `late`: see `schedule.policy.parse_late`. `jitter`: a duration; a random part of it is added.
        `pool`: texts or drafts used in turn by `every`. `hold`: keep it as a draft without a time.
        """
        found = self.account(account)
        row = {"text": text, **draft}
        if every:
            from skywrite.app.recurring import Recurring, Repeat

            return Recurring(self).schedule(found, row, Repeat(every, at, until, pool, late, jitter, source), base)
        ready = self.prepare(self.draft(found, row), found, base=base)
        due_at = None if hold else self.moment(found, at, jitter)
        self.keep_media([ready])
        new = self.new_post(ready, due_at=due_at, key=key, late=late, source=source)
        warnings = [*ready.warnings, *self._clashes(new)]
        result = self.store.add([new])[0]
        if result.existed:
            due_at = self.store.get(result.id).due_at
            warnings.append(f"The key {key!r} was used before, by post {result.id}: nothing was added.")
        return Scheduled(result.id, found.handle, due_at, self.zone(found), result.existed, tuple(warnings))

    def zone(self, account: Account) -> str:
        """The time zone of an account, else the computer's."""
        from skywrite.schedule.when import local_zone

        zone = account.settings.get("zone")
        return str(zone) if zone else local_zone()

    def moment(self, account: Account, at: str | datetime | None, jitter: str | None = None) -> datetime:
        """The moment that `at` means, in UTC; the next free slot for None."""
        from skywrite.schedule.policy import parse_duration
        from skywrite.schedule.slots import next_free_slot, with_jitter
        from skywrite.schedule.when import parse_when

        now = self.clock.now()
        if at is None:
            slots = self.store.slots(account.did)
            moment = next_free_slot(slots, now=now, taken=self.store.due_moments(account.did, now, now + SLOT_HORIZON))
        elif isinstance(at, str):
            moment = parse_when(at, now=now, zone=self.zone(account))
        elif at.tzinfo is None:
            raise InputError(f"The moment {at} has no time zone.", hint="Use an aware datetime, or give it as text.")
        else:
            moment = at.astimezone(UTC)
        return with_jitter(moment, parse_duration(jitter), self.clock.random()) if jitter else moment

    def _clashes(self, new: NewPost) -> list[str]:
        """Warnings: the same text is queued or was posted lately, or another post goes out in the same minute."""
        warnings = []
        text = str(new.draft.get("text", ""))
        same = self.store.same_text(new.account_did, text, self.clock.now() - SAME_TEXT) if text else []
        if same:
            warnings.append(f"The same text is in post {same[0].id} ({same[0].state}).")
        if new.due_at is not None:
            for post in self.store.same_minute(new.account_did, new.due_at)[:1]:
                warnings.append(f"Post {post.id} goes out in the same minute.")
        return warnings

    def new_post(
        self,
        ready: Ready,
        *,
        due_at: datetime | None,
        key: str | None = None,
        late: str | None = None,
        source: str | None = None,
    ) -> NewPost:
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
        )

    def late(self, account: Account, late: str | None) -> tuple[LatePolicy, int | None]:
        """The policy for a missed time: given, the account's own, or the default."""
        text = late or account.settings.get("late")
        return parse_late(text) if text else (DEFAULT_LATE_POLICY, None)

    def keep_media(self, readies: Iterable[Ready]) -> None:
        for ready in readies:
            for cid, pieces in ready.gathered.media.items():
                stored = ready.gathered.stored[cid]
                self.store.put_media(NewMedia(cid, stored.mime, stored.size, pieces()))

    def publisher(self, pds_url: str | None = None) -> Publisher:
        """What publishes claims in this process."""
        return Publisher(
            store=self.store,
            agents=self.agents,
            resolver=self.resolver(pds_url),
            decider=self.decider(),
            clock=self.clock,
            lease_seconds=LEASE_SECONDS,
            films=self._film_upload,
            progress=self.progress,
        )

    def _film_upload(self, did: str) -> FilmUpload | None:
        return film_upload(self.agents.get(did), self.transport, self.config.video_service, self.clock)

    def _surroundings(self, account: Account, base: Path) -> Surroundings:
        return Surroundings(
            resolve_handle=lambda handle: str(self.resolver(account.pds_url).resolve_handle(handle)),
            get_record=lambda uri: self._record(account, uri),
            fetcher=self._fetch,
            blob_limit=lambda: self._blob_limit(account),
            base=base,
            langs=tuple(account.settings.get("langs", ())),
            require_alt=bool(account.settings.get("require_alt")),
        )

    def _record(self, account: Account, uri: str) -> dict[str, Any]:
        authority, collection, rkey = parse_reference(uri)
        record = Repo(self.agent(account)).get(collection, rkey, repo=authority)
        return {"uri": record.uri, "cid": record.cid, "value": record.value}

    def _blob_limit(self, account: Account) -> int | None:
        try:
            return self.agent(account).blob_upload_limit()
        except TemporaryError:
            return None

    def _fetch(self) -> Fetcher:
        from skywrite.fetch.fetch import Fetcher

        with self._opening:
            if self._fetcher is None:
                self._fetcher = Fetcher(self.config.fetch_allow)
            return self._fetcher
