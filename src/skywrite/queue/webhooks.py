"""Webhooks: addresses that get messages about events, and the messages, each delivered under a lease.

What lives here: what is stored, which message is next, and its outcome. What does not: signing and sending
(`features.webhooks`), what a message says (`events`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from skywrite.core.errors import Do, Hint, InputError, NotFound
from skywrite.core.shown import check_name, named
from skywrite.core.standard_webhooks import new_secret
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import EVENT_KINDS, TEST_KIND, message
from skywrite.queue.reading import SET_ASIDE, UnreadableRow, count_of, json_of, mended, readable, reads
from skywrite.queue.rows import dump_json
from skywrite.queue.vault import WrongKey

WebhookState = Literal["active", "paused", "disabled"]
DeliveryState = Literal["waiting", "delivered", "failed"]

OLD_SECRET_LIFETIME = timedelta(hours=24)
WEBHOOK_ABOUT = "webhook"


class Webhook(NamedTuple):
    """An address that gets messages. `kinds` and `account_did` may be None: all kinds, all accounts."""

    id: int
    url: str
    name: str
    state: WebhookState
    kinds: tuple[str, ...] | None
    account_did: str | None
    reason: str | None
    created_at: datetime


class Delivery(NamedTuple):
    """A message to a webhook. `status` and `error` are the result of the last attempt."""

    id: int
    webhook_id: int
    event_id: int
    kind: str
    body: str
    state: DeliveryState
    tries: int
    attempt_at: datetime
    created_at: datetime
    ended_at: datetime | None
    status: int | None
    error: str | None


class DeliveryClaim(NamedTuple):
    """The right to send one message. `secrets` includes the old one for a day after a change."""

    delivery: Delivery
    webhook: Webhook
    secrets: tuple[str, ...]
    token: int


class Settled(NamedTuple):
    """The result of an attempt: when to try again, or how it ended. `gone` disables the webhook."""

    state: DeliveryState
    attempt_at: datetime
    status: int | None = None
    error: str | None = None
    gone: bool = False


class Webhooks:
    """The webhooks of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(
        self, url: str, name: str = "", *, kinds: Sequence[str] | None = None, account_did: str | None = None
    ) -> tuple[Webhook, str]:
        """Add a webhook; the second value is its secret, which is never shown again. Raises InputError."""
        check_name(name, "A webhook", optional=True)
        secret = new_secret()
        sealed = self._store.vault.seal(secret.encode(), WEBHOOK_ABOUT)
        values = {"url": url, "name": name, "kinds": _kinds_text(kinds), "account_did": account_did}
        with self._store.writing(wake=False) as tx:
            row = tx.row("insert_webhook", **values, secret=sealed, now=self._store.clock.now())
            assert row is not None
            return _webhook_of(row), secret

    def all(self) -> list[Webhook]:
        """All webhooks."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_webhooks"), _webhook_of)

    def get(self, webhook_id: int) -> Webhook:
        """One webhook. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_webhook", id=webhook_id)
        if row is None:
            raise unknown_webhook(webhook_id)
        return _webhook_of(row)

    def change(
        self,
        webhook_id: int,
        *,
        url: str | None = None,
        name: str | None = None,
        state: WebhookState | None = None,
        kinds: Sequence[str] | None = None,
    ) -> Webhook:
        """Change a webhook; what is None stays. Raises InputError, NotFound."""
        if name is not None:
            check_name(name, "A webhook", optional=True)
        was = self.get(webhook_id)
        values = {
            "url": was.url if url is None else url,
            "name": was.name if name is None else name,
            "state": was.state if state is None else state,
            "kinds": _kinds_text(was.kinds if kinds is None else kinds),
            "reason": was.reason if state is None else None,
        }
        with self._store.writing() as tx:
            tx.run("update_webhook", id=webhook_id, **values)
        return self.get(webhook_id)

    def remove(self, webhook_id: int) -> None:
        """Remove a webhook and its messages. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            if tx.run("delete_webhook", id=webhook_id) != 1:
                raise unknown_webhook(webhook_id)

    def replace_secret(self, webhook_id: int) -> str:
        """Create a new secret; for a day, messages are signed with both. Raises NotFound."""
        self.get(webhook_id)
        secret = new_secret()
        sealed = self._store.vault.seal(secret.encode(), WEBHOOK_ABOUT)
        until = self._store.clock.now() + OLD_SECRET_LIFETIME
        with self._store.writing(wake=False) as tx:
            tx.run("replace_webhook_secret", id=webhook_id, secret=sealed, until=until)
        return secret

    def send_test(self, webhook_id: int) -> Delivery:
        """Send a test message. Raises NotFound."""
        hook = self.get(webhook_id)
        with self._store.writing() as tx:
            now = self._store.clock.now()
            body = message(TEST_KIND, now, {"webhook": hook.id})
            row = tx.row("insert_delivery", webhook_id=hook.id, event_id=0, kind=TEST_KIND, body=body, now=now)
            assert row is not None
            return _delivery_of(row)

    def deliveries(self, webhook_id: int, *, before: int | None = None, limit: int = 50) -> list[Delivery]:
        """The messages of a webhook, the latest first."""
        self.get(webhook_id)
        values = {"webhook_id": webhook_id, "before": 2**62 if before is None else before, "limit": limit}
        with self._store.reading() as tx:
            return readable(tx.rows("list_deliveries", **values), _delivery_of)

    def replay(self, delivery_id: int) -> Delivery:
        """Send a message again, under the same message id. Raises NotFound."""
        with self._store.writing() as tx:
            tx.run("replay_delivery", id=delivery_id, now=self._store.clock.now())
            return self._delivery(tx.row("get_delivery", id=delivery_id), delivery_id)

    def delivery(self, delivery_id: int) -> Delivery:
        """One message. Raises NotFound."""
        with self._store.reading() as tx:
            return self._delivery(tx.row("get_delivery", id=delivery_id), delivery_id)

    def next_at(self) -> datetime | None:
        """When the next message may be sent; None if there is none."""
        with self._store.reading() as tx:
            row = tx.row("next_delivery_at")
        return None if row is None else time_of(mended(row)[0]["next_at"])

    def waiting(self) -> list[tuple[int, str]]:
        """The webhooks for which messages may be sent now, and their addresses."""
        with self._store.reading() as tx:
            rows = tx.rows("webhooks_with_deliveries", now=self._store.clock.now())
        return [(row["id"], row["url"]) for row in rows]

    def put_back(self, claim: DeliveryClaim) -> None:
        """Release a message of which nothing is known: it is sent again soon."""
        with self._store.writing(wake=False) as tx:
            tx.run("release_webhook", id=claim.webhook.id, token=claim.token)

    def claim(self, lease_seconds: float, webhook_id: int = 0, *, worker: str = "") -> DeliveryClaim | None:
        """Claim the next message, for one webhook or (0) any; None if none may be sent now.

        Each webhook gets one message at a time.
        """
        while True:
            now = self._store.clock.now()
            with self._store.writing(wake=False) as tx:
                row = tx.row("next_delivery", now=now, webhook_id=webhook_id)
                if row is None:
                    return None
                if not _is_readable(tx, row, now):
                    continue
                until = now + timedelta(seconds=lease_seconds)
                hook = tx.row("lease_webhook", id=row["webhook_id"], now=now, until=until, worker=worker)
                if hook is None:
                    return None
            try:
                secrets = self._secrets(hook, now)
            except WrongKey:
                with self._store.writing(wake=False) as tx:
                    tx.run("set_aside_webhook", id=hook["id"], until=now + SET_ASIDE)
                continue
            return DeliveryClaim(_delivery_of(row), _webhook_of(hook), secrets, hook["lease_token"])

    def settle(self, claim: DeliveryClaim, settled: Settled) -> bool:
        """Record the result of an attempt; False if somebody else has claimed the message."""
        delivery = claim.delivery
        ended = self._store.clock.now() if settled.state != "waiting" else None
        values = {"state": settled.state, "attempt_at": settled.attempt_at, "ended_at": ended}
        with self._store.writing(wake=False) as tx:
            known = {"id": delivery.id, "token": claim.token, "status": settled.status, "error": settled.error}
            done = tx.run("settle_delivery", **known, **values) == 1
            if done and settled.gone:
                tx.run("disable_webhook", id=delivery.webhook_id, reason=settled.error)
            tx.run("release_webhook", id=delivery.webhook_id, token=claim.token)
        return done

    def _delivery(self, row: Row | None, delivery_id: int) -> Delivery:
        if row is None:
            raise unknown_delivery(delivery_id)
        return _delivery_of(row)

    def _secrets(self, row: Row, now: datetime) -> tuple[str, ...]:
        sealed = [bytes(row["secret"])]
        until = time_of(row["previous_until"])
        if until is not None and until > now:
            sealed.append(bytes(row["previous_secret"]))
        return tuple(self._store.vault.unseal(secret, WEBHOOK_ABOUT).decode() for secret in sealed)


def unknown_webhook(webhook_id: int) -> NotFound:
    """The error about a number that no webhook has."""
    return NotFound(
        f"There is no webhook {named(webhook_id)}.",
        code="webhook.unknown",
        hint=Hint("See them: ", Do("webhooks.list")),
    )


def unknown_delivery(delivery_id: int) -> NotFound:
    """The error about a number that no message has."""
    return NotFound(f"There is no message {named(delivery_id)}.", code="webhook.delivery_unknown")


def _is_readable(tx: Transaction, row: Row, now: datetime) -> bool:
    """Whether a message and its webhook can be read; what cannot is left alone for an hour."""
    hook = tx.row("get_webhook", id=row["webhook_id"])
    assert hook is not None
    for query, read, one in (("set_aside_delivery", _delivery_of, row), ("set_aside_webhook", _webhook_of, hook)):
        try:
            read(one)
        except UnreadableRow:
            tx.run(query, id=one["id"], until=now + SET_ASIDE)
            return False
    return True


def _kinds_text(kinds: Sequence[str] | None) -> str | None:
    if kinds is None:
        return None
    unknown = [kind for kind in kinds if kind not in EVENT_KINDS]
    if unknown or not kinds:
        what = f"{unknown[0]!r} is not a kind of event." if unknown else "A webhook needs at least one kind of event."
        raise InputError(what, hint=f"Choose from: {', '.join(EVENT_KINDS)}.")
    return dump_json(list(kinds))


@reads("webhook")
def _webhook_of(row: Row) -> Webhook:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    time_of(row["previous_until"]), count_of(row["lease_token"])
    return Webhook(
        id=row["id"],
        url=row["url"],
        name=row["name"],
        state=row["state"],
        kinds=None if row["kinds"] is None else tuple(json_of(row["kinds"], list)),
        account_did=row["account_did"],
        reason=row["reason"],
        created_at=created_at,
    )


@reads("delivery")
def _delivery_of(row: Row) -> Delivery:
    attempt_at, created_at = time_of(row["attempt_at"]), time_of(row["created_at"])
    assert attempt_at is not None and created_at is not None
    return Delivery(
        id=row["id"],
        webhook_id=row["webhook_id"],
        event_id=row["event_id"],
        kind=row["kind"],
        body=row["body"],
        state=row["state"],
        tries=count_of(row["tries"]),
        attempt_at=attempt_at,
        created_at=created_at,
        ended_at=time_of(row["ended_at"]),
        status=row["status"],
        error=row["error"],
    )
