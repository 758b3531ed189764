"""Notices: people are notified of each problem, and again when it is solved.

What lives here: the channels, the sentences, quiet hours, when a problem is over, and the worker's task. What does not:
what is stored (`queue.notices`) and how mail is sent (`publish.mail`). Programs use webhooks.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from skywrite.app.chores import REPORTED_LATE
from skywrite.app.context import Context, listed
from skywrite.app.kinds import checked
from skywrite.app.undoing import final
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.digits import whole_number
from skywrite.core.errors import Do, InputError, NoAnswer, NotFound, SkywriteError, Unexpected
from skywrite.core.shown import printable
from skywrite.features import features
from skywrite.features.notices.mail import check_mail, send_mail
from skywrite.features.notices.store import SECRET_SCOPE, TROUBLES, Channel, Notices, Trouble
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.queue.actions import Actions
from skywrite.queue.approvals import Approvals
from skywrite.queue.database import is_about_one
from skywrite.queue.events import Event
from skywrite.queue.workers import ChoreTimes

LEASE_SECONDS = 120.0
COMMAND_SECONDS = 60.0
LINES_MAX = 50
TEXT_SHOWN = 80
FACT_SHOWN = 300
_WORDS: Mapping[str, tuple[str, str]] = {
    "post.failed": ("Post {id} was refused: {message} ({text})", "Post {id} is no longer refused."),
    "post.held": ("Post {id} is held: {message} ({text})", "Post {id} is no longer held."),
    "account.needs_login": ("{account} needs a login: {reason}", "{account} is signed in again."),
    "account.session_ends": ("The session of {account} ends at {ends_at}.", "{account} has a new session."),
    "feed.failing": ("Feed {feed} fails: {message} ({url})", "Feed {feed} is read again."),
    "repost.failed": (
        "The {action} {id} failed: {message} ({uri})",
        "Repost or pin {id} failed, and is cancelled now.",
    ),
    "follow_up.failed": ("Follow-up {id} of post {post} failed: {message} ({text})", ""),
    "follow_up.expired": ("Follow-up {id} of post {post} expired: {message} ({text})", ""),
    "approval.requested": ("Post {id} waits for an approval: {text}", "Post {id} waits for no approval any more."),
    "worker.late": ("Posts are due since {since}, and no worker takes them.", "Workers take posts again."),
}

REMOVE_IT = ("Remove it: ", Do("notices.remove", "{done.id}"))


@checked("notices")
class NoticeChannels:
    """Where the notices of a queue go."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @final("the new notice channel {done.id}", *REMOVE_IT)
    def add_email(
        self,
        to: str,
        *,
        sender: str,
        server: str,
        user: str | None = None,
        password: str | None = None,
        plain: bool = False,
        quiet: str | None = None,
        kinds: str | Sequence[str] | None = None,
    ) -> Channel:
        """Send notices by e-mail. `server`: host and port; its connection must be encrypted, unless `plain`."""
        config = {"to": to, "from": sender, "server": server, "user": user, "plain": plain or None}
        check_mail(config)
        channel = self._add("email", config, quiet, kinds)
        if password is not None:
            self._ctx.store.put_secret(SECRET_SCOPE, str(channel.id), password)
        return channel

    @final("the new notice channel {done.id}", *REMOVE_IT)
    def add_command(
        self, command: str, *, quiet: str | None = None, kinds: str | Sequence[str] | None = None
    ) -> Channel:
        """Run a command for notices; their text is in SKYWRITE_NOTICE_SUBJECT and SKYWRITE_NOTICE_TEXT."""
        if not command.strip():
            raise InputError("No command is given.", hint="Give one that reads SKYWRITE_NOTICE_TEXT.")
        return self._add("command", {"command": command}, quiet, kinds)

    def _add(self, kind: str, config: dict[str, Any], quiet: str | None, kinds: str | Sequence[str] | None) -> Channel:
        chosen = () if kinds is None else listed("kinds", kinds)
        for name in chosen:
            if name not in TROUBLES:
                raise InputError(f"{name!r} is not a kind of notice.", hint=f"Choose from: {', '.join(TROUBLES)}.")
        if quiet is not None:
            zone = self._ctx.zone(self._ctx.account()) if self._ctx.store.accounts() else "UTC"
            config["quiet"] = [*read_quiet(quiet), zone]
        if chosen:
            config["kinds"] = [*chosen]
        return Notices(self._ctx.store).add(kind, {name: value for name, value in config.items() if value is not None})

    def list(self) -> builtins.list[Channel]:
        """All channels."""
        return Notices(self._ctx.store).all()

    @final("the end of notice channel {channel_id}", "What is left: ", Do("notices.list"))
    def remove(self, channel_id: int) -> None:
        """Stop sending notices there. Raises NotFound."""
        Notices(self._ctx.store).remove(channel_id)
        self._ctx.store.put_secret(SECRET_SCOPE, str(channel_id), None)

    def test(self, channel_id: int) -> None:
        """Send a test notice. Raises what sending raises."""
        channel = Notices(self._ctx.store).get(channel_id)
        send(self._ctx, channel, "A test of Skywrite's notices", "Notices arrive here.\n")


@dataclass
class NoticeTask(Periodic):
    """The worker's work (`publish.rounds.Work`) of sending notices. `commands`: whether it runs commands."""

    every = timedelta(seconds=10)
    ctx: Context
    log: Log = silent
    commands: bool = True
    kind: str = field(default="notices", init=False)

    def due(self) -> builtins.list[Turn]:
        """Record problems that are new or solved. Returns the channels for which notices wait."""
        self.begin()
        notices = Notices(self.ctx.store)
        for channel in notices.all():
            try:
                self._look_at(notices, channel)
            except Exception as found:
                if not is_about_one(found):
                    raise
                self.log("notice_failed", channel=channel.id, message=Unexpected.of(found).message)
        return [Turn(str(one.id), one.config.get("server", f"command {one.id}"), one.id) for one in notices.waiting()]

    def _look_at(self, notices: Notices, channel: Channel) -> None:
        while notices.collect(channel, self._words):
            channel = notices.get(channel.id)
        for trouble in notices.open(channel):
            if is_over(self.ctx, trouble):
                notices.close(channel, trouble, self._over_words(trouble))

    def take(self, turn: Turn) -> SkywriteError | None:
        """Send the notices that wait for a channel, together."""
        notices = Notices(self.ctx.store)
        worker = self.ctx.worker_name
        while (waiting := notices.claim(LEASE_SECONDS, self._is_quiet, turn.what, worker=worker)) is not None:
            error = self._sent(waiting.channel, waiting.said)
            notices.settle(waiting, None if error is None else error.message)
            message = None if error is None else error.message
            self.log("notice_failed" if error else "notice_sent", channel=waiting.channel.id, message=message)
            if error is not None:
                return NoAnswer(error.message)
        return None

    def _sent(self, channel: Channel, said: tuple[str, ...]) -> SkywriteError | None:
        subject = said[0] if len(said) == 1 else f"{len(said)} notices from Skywrite"
        lines = [*said[:LINES_MAX], *([f"… and {len(said) - LINES_MAX} more."] if len(said) > LINES_MAX else [])]
        try:
            send(self.ctx, channel, subject, "\n".join(lines) + "\n")
        except Exception as error:
            return Unexpected.of(error)
        return None

    def _is_quiet(self, channel: Channel) -> bool:
        if channel.kind == "command" and not self.commands:
            return True
        quiet = channel.config.get("quiet")
        return quiet is not None and in_quiet(self.ctx.clock.now(), *quiet)

    def _words(self, event: Event) -> str:
        return said_of(event.kind, self._facts(event.account_did, event.data), 0)

    def _over_words(self, trouble: Trouble) -> str:
        facts = self._facts(trouble.account_did, {"id": trouble.subject_id, "feed": trouble.subject_id})
        return said_of(trouble.kind, facts, 1)

    def _facts(self, account_did: str | None, data: Mapping[str, Any]) -> dict[str, Any]:
        handle = account_did
        with suppress(NotFound):
            handle = None if account_did is None else self.ctx.store.account(account_did).handle
        return {**data, "account": handle}


class _Facts(dict[str, Any]):
    """Facts for a sentence; what is not known is left out."""

    def __missing__(self, name: str) -> str:
        return "?"


def said_of(kind: str, facts: Mapping[str, Any], which: int) -> str:
    """The sentence about a problem, or about its end, on one line."""
    shown = {name: _fact(str(value)) for name, value in facts.items() if value is not None}
    shown["text"] = shown.get("text", "")[:TEXT_SHOWN]
    return _WORDS[kind][which].format_map(_Facts(shown)) if kind in _WORDS else kind


def _fact(text: str) -> str:
    """What others wrote, as mail and a command take it: a notice that fails would hold back all others."""
    whole = printable(" ".join(text.split())).encode("utf-8", "replace").decode()
    return whole if len(whole) <= FACT_SHOWN else f"{whole[:FACT_SHOWN]}…"


def is_over(ctx: Context, trouble: Trouble) -> bool:
    """Whether a problem is over, according to what is stored now."""
    try:
        if trouble.kind in _CHECKS:
            return _CHECKS[trouble.kind](ctx, trouble)
        return _solved()[trouble.kind](ctx, trouble.subject_id or 0)
    except NotFound:
        return True


@cache
def _solved() -> dict[str, Callable[[Context, int], bool]]:
    """What features say about the troubles of their own."""
    return {kind: row.load(home) for row in features() for kind, home in row.solved.items()}


def _post_is_over(state: str) -> Callable[[Context, Trouble], bool]:
    return lambda ctx, trouble: ctx.store.get(trouble.subject_id or 0).state != state


def _signed_in(ctx: Context, trouble: Trouble) -> bool:
    return ctx.store.account(trouble.account_did).state != "needs_login"


def _renewed(ctx: Context, trouble: Trouble) -> bool:
    ends_at = ctx.store.account(trouble.account_did).session_ends_at
    return ends_at is None or ends_at > ctx.clock.now() + timedelta(days=30)


def _cancelled(ctx: Context, trouble: Trouble) -> bool:
    return Actions(ctx.store).get(trouble.subject_id or 0).state != "failed"


def _approved(ctx: Context, trouble: Trouble) -> bool:
    post, approvals = ctx.store.get(trouble.subject_id or 0), Approvals(ctx.store)
    if post.state == "draft":
        return False
    return post.state not in ("scheduled", "held") or not approvals.standing(post).wanted


def _taken(ctx: Context, trouble: Trouble) -> bool:
    return ChoreTimes(ctx.store).last(REPORTED_LATE) is None


_CHECKS: Mapping[str, Callable[[Context, Trouble], bool]] = {
    "post.failed": _post_is_over("failed"),
    "post.held": _post_is_over("held"),
    "account.needs_login": _signed_in,
    "account.session_ends": _renewed,
    "repost.failed": _cancelled,
    "approval.requested": _approved,
    "worker.late": _taken,
}


def send(ctx: Context, channel: Channel, subject: str, text: str) -> None:
    """Send a message to a channel. Raises SkywriteErrors."""
    if channel.kind == "email":
        password = ctx.store.secret(SECRET_SCOPE, str(channel.id))
        send_mail(channel.config, password, subject, text, ending=ctx.ending)
        return
    from skywrite.posting.sources.command import run_command

    given = {"SKYWRITE_NOTICE_SUBJECT": subject, "SKYWRITE_NOTICE_TEXT": text}
    run_command(
        channel.config["command"],
        timeout_seconds=COMMAND_SECONDS,
        environ={**os.environ, **given},
        pass_on=(*given, *channel.config.get("pass_on", ())),
        is_stopping=lambda: ctx.ending.has_come,
    )


def read_quiet(text: str) -> tuple[int, int]:
    """Minutes of the day from "22:00-7:00". Raises InputError."""
    ends: list[int] = []
    for part in text.split("-"):
        hour, mark, minute = part.strip().partition(":")
        hours, minutes = whole_number(hour, 23), whole_number(minute, 59)
        if not mark or hours is None or minutes is None:
            ends = []
            break
        ends.append(hours * 60 + minutes)
    if len(ends) != 2 or ends[0] == ends[1]:
        raise InputError(f"{text!r} are no quiet hours.", hint="Write them like 22:00-7:00.")
    return ends[0], ends[1]


def in_quiet(now: datetime, start: int, end: int, zone: str) -> bool:
    """Whether it is within quiet hours now, in a zone."""
    from zoneinfo import ZoneInfo

    local = now.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start < end else minute >= start or minute < end


def works(parts: WorkParts) -> NoticeTask:
    """The work of a worker."""
    return NoticeTask(parts.context, parts.log, parts.commands)


def channel_shape(channel: Channel) -> dict[str, Any]:
    """Where notices go; what a channel has depends on its kind."""
    return {"id": channel.id, "kind": channel.kind, **channel.config, "error": channel.error}
