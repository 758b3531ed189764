"""Sending webhooks: Standard Webhooks 1.0, signed, retried for three days.

What lives here: one attempt, and the meaning of the response. What does not: what is stored (`queue.webhooks`), the
signature (`core.standard_webhooks`), which addresses may be opened (`fetch.guard`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from skywrite.app.work import WorkParts
from skywrite.core.clock import Clock
from skywrite.core.errors import CutOff, NoAnswer, SkywriteError, Stopping
from skywrite.core.standard_webhooks import signed_headers
from skywrite.posting.publish.rounds import Turn
from skywrite.protocol.atproto.xrpc_errors import http_date
from skywrite.queue.webhooks import DeliveryClaim, Settled, Webhooks

if TYPE_CHECKING:
    from skywrite.core.http import Response
    from skywrite.protocol.fetch.fetch import Fetcher

TIMEOUT_SECONDS = 15.0
LEASE_SECONDS = 60.0
ERROR_MAX = 300
LOOK_AGAIN = timedelta(seconds=2)
HOUR = timedelta(hours=1)
# Ten attempts in a little more than 75 hours.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
RETRY_AFTER_MAX = 24 * HOUR


def message_id(delivery_id: int) -> str:
    """Identifies a message for the receiver: the same at every attempt, and when it is replayed."""
    return f"msg_{delivery_id}"


def after_answer(tries: int, response: Response, now: datetime) -> Settled:
    """What a response means: 2xx is success, 410 disables the webhook, everything else (also 3xx) is retried."""
    status = response.status
    if 200 <= status < 300:
        return Settled("delivered", now, status)
    if status == 410:
        return Settled("failed", now, status, "The receiver answered 410 (Gone): it wants no more messages.", gone=True)
    what = "a redirect, which is not followed" if 300 <= status < 400 else "a failure"
    settled = after_failure(tries, f"The receiver answered {status}: {what}.", now)
    later = retry_after(response.headers, now)
    if settled.state == "waiting" and later is not None:
        settled = settled._replace(attempt_at=max(later, settled.attempt_at))
    return settled._replace(status=status)


def after_failure(tries: int, error: str, now: datetime) -> Settled:
    """The outcome for a message whose attempt number `tries` + 1 failed."""
    if tries >= len(WAITS):
        return Settled("failed", now, error=error[:ERROR_MAX])
    return Settled("waiting", now + WAITS[tries], error=error[:ERROR_MAX])


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When the receiver wants a retry, within a day; None if it does not say."""
    text = headers.get("retry-after", "").strip()
    in_seconds = text.isascii() and text.isdigit()
    at = now + timedelta(seconds=int(text[:9])) if in_seconds else http_date(text)
    return at and min(at, now + RETRY_AFTER_MAX)


@dataclass
class WebhookTask:
    """The worker's work (`publish.rounds.Work`) of sending messages: to each webhook, one after the other."""

    webhooks: Webhooks
    fetcher: Callable[[], Fetcher]
    clock: Clock
    log: Callable[..., None]
    worker: str = ""
    kind: str = field(default="webhooks", init=False)

    def next_at(self) -> datetime | None:
        """When the next message may be sent; soon in any case, because one may be added meanwhile."""
        soon = self.clock.now() + LOOK_AGAIN
        next_at = self.webhooks.next_at()
        return soon if next_at is None else min(next_at, soon)

    def due(self) -> list[Turn]:
        """The webhooks for which messages wait."""
        return [Turn(str(number), urlsplit(url).netloc) for number, url in self.webhooks.waiting()]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Send what waits for a webhook, one message after the other, until one gets no response."""
        while (claim := self.webhooks.claim(LEASE_SECONDS, int(turn.name), worker=self.worker)) is not None:
            try:
                settled = self._try(claim)
            except (Stopping, CutOff) as error:
                self.webhooks.put_back(claim)
                return error
            self.webhooks.settle(claim, settled)
            facts = {"webhook": claim.webhook.id, "message": claim.delivery.id, "status": settled.status}
            self.log(f"webhook_{settled.state}", **facts, error=settled.error)
            if settled.status is None:
                return NoAnswer(settled.error or "")
        return None

    def _try(self, claim: DeliveryClaim) -> Settled:
        delivery, body = claim.delivery, claim.delivery.body.encode()
        headers = signed_headers(claim.secrets, message_id(delivery.id), self.clock.now(), body)
        try:
            response = self.fetcher().post(claim.webhook.url, body, headers, timeout_seconds=TIMEOUT_SECONDS)
        except (Stopping, CutOff):
            raise
        except SkywriteError as error:
            return after_failure(delivery.tries, error.message, self.clock.now())
        return after_answer(delivery.tries, response, self.clock.now())


def works(parts: WorkParts) -> WebhookTask:
    """The work of a worker."""
    ctx = parts.context
    return WebhookTask(Webhooks(ctx.store), ctx.network.fetcher, ctx.clock, parts.log, ctx.worker_name)
