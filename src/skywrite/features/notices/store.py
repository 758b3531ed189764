"""Notices: each problem is reported once, and once more when it is solved.

What lives here: the channels, the open problems, and the notices that wait; all come from the events, which are stored
together with what they report, so that nothing is lost. What does not: the sentences (`troubles`), and sending
(`mail`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from skywrite.core.errors import Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.features.notices.troubles import TROUBLES, Trouble
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import Event, event_of
from skywrite.queue.reading import count_of, json_of, readable, reads
from skywrite.queue.rows import dump_json

KEPT = timedelta(days=7)

# How much longer than others notices are kept that could not be sent, and problems that are not over.
UNSENT_KEPT = timedelta(days=23)
TROUBLES_KEPT = timedelta(days=83)
SECRET_SCOPE = "notice"
PAGE = 500
FIRST_WAIT = timedelta(minutes=1)
WAIT_MAX = timedelta(hours=1)


_SEE = Hint("See: ", Do("notices.list"))


class Channel(NamedTuple):
    """Where notices go. `config`: the settings of its kind, `kinds`, and `quiet`."""

    id: int
    kind: str
    config: dict[str, Any]
    last_event: int
    failures: int
    error: str | None


class Waiting(NamedTuple):
    """The notices that wait for a channel, and the right to send them."""

    channel: Channel
    said: tuple[str, ...]
    last: int
    token: int


class Notices:
    """The notices of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, kind: str, config: Mapping[str, Any]) -> Channel:
        """Add a channel."""
        values = {"kind": kind, "config": dump_json(dict(config))}
        with self._store.writing() as tx:
            row = tx.row("insert_channel", now=self._store.clock.now(), **values)
            assert row is not None
            return _channel_of(row)

    def all(self) -> list[Channel]:
        """All channels."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_channels"), _channel_of)

    def get(self, channel_id: int) -> Channel:
        """One channel. Raises NotFound."""
        for channel in self.all():
            if channel.id == channel_id:
                return channel
        raise NotFound(f"There is no notice channel {named(channel_id)}.", code="channel.unknown", hint=_SEE)

    def remove(self, channel_id: int) -> None:
        """Remove a channel. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            if tx.run("delete_channel", id=channel_id) != 1:
                raise NotFound(f"There is no notice channel {named(channel_id)}.", code="channel.unknown", hint=_SEE)

    def collect(self, channel: Channel, sentence_of: Callable[[Event], str]) -> int:
        """Record the problems among the next events. Returns how many events there were."""
        with self._store.reading() as tx:
            rows = tx.rows("events_after", after=channel.last_event, limit=PAGE)
        if not rows:
            return 0
        with self._store.writing(wake=False) as tx:
            values = {"id": channel.id, "was": channel.last_event, "now_at": rows[-1]["id"]}
            if tx.run("advance_channel", **values) == 1:
                for event in readable(rows, event_of):
                    if event.kind in TROUBLES and event.kind in channel.config.get("kinds", TROUBLES):
                        self._open(tx, channel, event, sentence_of(event))
        return len(rows)

    def _open(self, tx: Transaction, channel: Channel, event: Event, sentence: str) -> None:
        number = event.subject_id if event.subject_id is not None else event.data.get("id")
        name = f"{event.kind} {number or event.account_did or ''}".strip()
        now = self._store.clock.now()
        values = {"kind": event.kind, "account_did": event.account_did, "subject_id": number, "said": sentence}
        if (
            not TROUBLES[event.kind].over
            or tx.row("open_trouble", channel_id=channel.id, name=name, now=now, **values) is not None
        ):
            tx.run("insert_notice", channel_id=channel.id, trouble=name, said=sentence, is_over=False, now=now)

    def open(self, channel: Channel) -> list[Trouble]:
        """The problems that are not solved."""
        with self._store.reading() as tx:
            rows = tx.rows("open_troubles", channel_id=channel.id, limit=PAGE)
        return [Trouble(row["name"], row["kind"], row["account_did"], row["subject_id"], row["said"]) for row in rows]

    def close(self, channel: Channel, trouble: Trouble, sentence: str) -> None:
        """Record that a problem is solved, and send a notice, unless none was sent about it."""
        with self._store.writing(wake=False) as tx:
            if tx.run("close_trouble", channel_id=channel.id, name=trouble.name) != 1:
                return
            if tx.run("take_back_notice", channel_id=channel.id, trouble=trouble.name) == 0:
                now = self._store.clock.now()
                tx.run(
                    "insert_notice", channel_id=channel.id, trouble=trouble.name, said=sentence, is_over=True, now=now
                )

    def waiting(self) -> list[Channel]:
        """The channels for which notices wait, and to which nobody else is sending."""
        with self._store.reading() as tx:
            return readable(tx.rows("channel_with_notices", now=self._store.clock.now()), _channel_of)

    def claim(
        self,
        lease_seconds: float,
        is_quiet: Callable[[Channel], bool],
        channel_id: int | None = None,
        *,
        worker: str = "",
    ) -> Waiting | None:
        """Claim the next notices, all of one channel together; None if nothing may be sent now."""
        now = self._store.clock.now()
        for channel in self.waiting():
            if is_quiet(channel) or channel_id not in (None, channel.id):
                continue
            with self._store.writing(wake=False) as tx:
                until = now + timedelta(seconds=lease_seconds)
                row = tx.row("lease_channel", id=channel.id, now=now, until=until, worker=worker)
                waiting = tx.rows("waiting_notices", channel_id=channel.id, limit=PAGE) if row else []
            if row is not None and waiting:
                return Waiting(channel, tuple(one["said"] for one in waiting), waiting[-1]["id"], row["lease_token"])
        return None

    def settle(self, waiting: Waiting, error: str | None = None) -> None:
        """Record that they were sent, or not: then they are retried with growing delays of up to an hour."""
        now, channel = self._store.clock.now(), waiting.channel
        failures = 0 if error is None else channel.failures + 1
        next_try_at = None if error is None else now + min(FIRST_WAIT * 2 ** min(failures - 1, 10), WAIT_MAX)
        values = {"failures": failures, "next_try_at": next_try_at, "error": error}
        with self._store.writing(wake=False) as tx:
            if tx.run("settle_channel", id=channel.id, token=waiting.token, **values) == 1 and error is None:
                tx.run("notices_sent", channel_id=channel.id, last=waiting.last, now=now)

    def prune(self, before: datetime) -> int:
        """Drop notices that were sent before a time, and those that could not be sent for much longer."""
        with self._store.writing(wake=False) as tx:
            tx.run("forget_troubles", before=before - TROUBLES_KEPT)
            return tx.run("forget_notices", before=before, unsent_before=before - UNSENT_KEPT)


@reads("notice_channel")
def _channel_of(row: Row) -> Channel:
    assert time_of(row["created_at"]) is not None
    count_of(row["lease_token"])
    config = row["config"] if isinstance(row["config"], dict) else json_of(row["config"], dict)
    return Channel(row["id"], row["kind"], config, row["last_event"], count_of(row["failures"]), row["error"])


def prune(store: StoreBase, now: datetime) -> None:
    """Drop notices that were sent long ago."""
    Notices(store).prune(now - KEPT)
