"""Notices: people are notified of each problem, and again when it is solved.

What lives here: the channels, quiet hours, and the worker's task. What does not: which problems there are and what is
said of them (`troubles`), what is stored (`store`), and how mail is sent (`mail`). Programs use webhooks.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from skywrite.app.context import Context, listed
from skywrite.app.nouns import checked, final
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.digits import whole_number
from skywrite.core.errors import Do, InputError, NoAnswer, NotFound, SkywriteError, Unexpected
from skywrite.core.shown import printable
from skywrite.features.notices.mail import check_mail, send_mail
from skywrite.features.notices.store import SECRET_SCOPE, Channel, Notices
from skywrite.features.notices.troubles import TROUBLES, Trouble, is_over
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.queue.database import is_about_one
from skywrite.queue.events import Event

LEASE_SECONDS = 120.0
COMMAND_SECONDS = 60.0
LINES_MAX = 50
TEXT_SHOWN = 80
FACT_SHOWN = 300

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
            self._ctx.store.secrets.put(SECRET_SCOPE, str(channel.id), password)
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
            zone = self._ctx.zone(self._ctx.account()) if self._ctx.store.accounts.all() else "UTC"
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
        self._ctx.store.secrets.put(SECRET_SCOPE, str(channel_id), None)

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
            except Exception as error:
                if not is_about_one(error):
                    raise
                self.log("notice_failed", channel=channel.id, message=Unexpected.of(error).message)
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

    def _sent(self, channel: Channel, sentences: tuple[str, ...]) -> SkywriteError | None:
        subject = sentences[0] if len(sentences) == 1 else f"{len(sentences)} notices from Skywrite"
        lines = [
            *sentences[:LINES_MAX],
            *([f"… and {len(sentences) - LINES_MAX} more."] if len(sentences) > LINES_MAX else []),
        ]
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
        return said_of(event.kind, self._facts(event.account_did, event.data))

    def _over_words(self, trouble: Trouble) -> str:
        facts = self._facts(trouble.account_did, {"id": trouble.subject_id, "feed": trouble.subject_id})
        return said_of(trouble.kind, facts, over=True)

    def _facts(self, account_did: str | None, data: Mapping[str, Any]) -> dict[str, Any]:
        handle = account_did
        with suppress(NotFound):
            handle = None if account_did is None else self.ctx.store.accounts.get(account_did).handle
        return {**data, "account": handle}


class _Facts(dict[str, Any]):
    """Facts for a sentence; what is not known is left out."""

    def __missing__(self, name: str) -> str:
        return "?"


def said_of(kind: str, facts: Mapping[str, Any], *, over: bool = False) -> str:
    """The sentence about a problem, or about its end, on one line."""
    shown = {name: _fact(str(value)) for name, value in facts.items() if value is not None}
    shown["text"] = shown.get("text", "")[:TEXT_SHOWN]
    known = TROUBLES.get(kind)
    return kind if known is None else (known.over if over else known.words).format_map(_Facts(shown))


def _fact(text: str) -> str:
    """What others wrote, as mail and a command take it: a notice that fails would hold back all others."""
    whole = printable(" ".join(text.split())).encode("utf-8", "replace").decode()
    return whole if len(whole) <= FACT_SHOWN else f"{whole[:FACT_SHOWN]}…"


def send(ctx: Context, channel: Channel, subject: str, text: str) -> None:
    """Send a message to a channel. Raises SkywriteErrors."""
    if channel.kind == "email":
        password = ctx.store.secrets.get(SECRET_SCOPE, str(channel.id))
        send_mail(channel.config, password, subject, text, ending=ctx.ending)
        return
    from skywrite.posting.sources.command import run_command

    variables = {"SKYWRITE_NOTICE_SUBJECT": subject, "SKYWRITE_NOTICE_TEXT": text}
    run_command(
        channel.config["command"],
        timeout_seconds=COMMAND_SECONDS,
        environ={**os.environ, **variables},
        pass_on=(*variables, *channel.config.get("pass_on", ())),
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
