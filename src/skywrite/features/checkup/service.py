"""A check-up of an installation: each finding says what was checked, what was found, and what to do."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from skywrite.app.chores import HEARTBEAT_SECONDS, dead_holders, free_dead
from skywrite.app.entries import count_unapproved, unapproved_words
from skywrite.app.facade import Skywrite
from skywrite.app.sessions import NOTICE_DAYS, session_facts
from skywrite.app.settings import unreadable
from skywrite.core.errors import Do, Hint, StorageError, TemporaryError, Unexpected, install_command
from skywrite.posting.publish.budget import DAY_POINTS_MAX, HOUR_POINTS_MAX
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.bsky.bot_label import is_bot
from skywrite.queue.actions import Actions
from skywrite.queue.approval_rules import ANSWERS
from skywrite.queue.approval_rules import SETTING as APPROVAL
from skywrite.queue.damage import Damage
from skywrite.queue.database import Protection
from skywrite.queue.follow_ups import FollowUps
from skywrite.queue.inspecting import Inspecting
from skywrite.queue.model import Account
from skywrite.queue.workers import Workers

CLOCK_SECONDS_MAX = 60.0
LATE_SECONDS_MAX = 300
# States of follow-ups of which nothing came.
ENDED = ("failed", "expired")
WORKER_SILENT_SECONDS = 4 * HEARTBEAT_SECONDS
_PARTS = (
    ("oauth", "cryptography", "signing in with OAuth"),
    ("video", "imageio_ffmpeg", "videos that must be converted, and GIFs"),
    ("heic", "pillow_heif", "images of iPhones (HEIC)"),
    ("langs", "py3langid", "guessing languages"),
    ("keyring", "keyring", "the key in the system's keyring"),
    ("postgres", "psycopg", "PostgreSQL"),
    ("metrics", "prometheus_client", "Prometheus metrics"),
    ("tables", "python_calamine", "spreadsheets (.xlsx, .ods)"),
    ("svg", "resvg_py", "drawings (SVG)"),
)


class Repair(NamedTuple):
    """What would put something right, and nothing that anybody has to decide: in words, and doing it."""

    words: str
    do: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    what: str
    message: str
    level: Literal["ok", "note", "wrong"] = "ok"
    hint: str = ""
    exit_code: int = 0
    repair: Repair | None = None


class Repaired(NamedTuple):
    """A repair that was tried; `error` says why it failed."""

    repair: str
    error: str = ""


def repair(findings: Sequence[Finding]) -> list[Repaired]:
    """Do what the findings offer, one after the other; one that fails keeps no other from being done."""
    done = []
    for finding in findings:
        if finding.repair is None:
            continue
        words, error = finding.repair.words, ""
        try:
            finding.repair.do()
        except OSError as exception:
            error = f"{exception.strerror or exception}."
        except Exception as exception:
            error = Unexpected.of(exception).message
        done.append(Repaired(words, error))
    return done


def check_all(sky: Skywrite, name: str | None = None) -> list[Finding]:
    """Everything."""
    findings = _guarded("database", lambda: _missing_indexes(sky))
    findings += _guarded("database", lambda: _database(sky))
    if any(finding.what == "database" and finding.exit_code for finding in findings):
        return findings
    findings += _guarded("settings", lambda: _settings(sky))
    findings += _guarded("account", lambda: _accounts(sky, name))
    findings += _guarded("worker", lambda: iter(check_run(sky, wrong="note")))
    findings += _guarded("worker", lambda: _left_behind(sky))
    findings += _guarded("commands", lambda: _commands(sky))
    return [*findings, *_parts()]


def check_run(
    sky: Skywrite, wrong: Literal["note", "wrong"] = "wrong", accounts: Sequence[str | None] = (None,)
) -> list[Finding]:
    """Whether a worker is running and keeps up.

    `accounts`: the DIDs of those that the reader may know of, and nothing of others is told; None is all of them.
    """
    now = sky.context.clock.now()
    code = 1 if wrong == "wrong" else 0
    living = Workers(sky.context.store).living(timedelta(seconds=WORKER_SILENT_SECONDS))
    findings = []
    if living:
        findings.append(Finding("worker", f"{len(living)} running"))
    else:
        hint = Hint("Start one: ", Do("run"), ". Or call this from cron: ", Do("run_once"))
        if not any(account.signed_in for account in sky.accounts.list()):
            hint = Hint("Sign in first: ", Do("accounts.login"), ". Then start one: ", Do("run"))
        findings.append(Finding("worker", "none is running", wrong, hint, code))
    servers = {account.pds_url for account in sky.accounts.list() if account.did in accounts}
    for worker in living:
        for server, times in worker.hanging:
            if None not in accounts and server not in servers:
                continue
            message = f"{server} has not answered {times} times in a row: its accounts wait, no others do"
            findings.append(Finding("server", message, "note"))
    long_ago = now - timedelta(seconds=LATE_SECONDS_MAX)
    late = sum(sky.posts.count_due(before=long_ago, account=did) for did in accounts)
    if late:
        hint = Hint("See them: ", Do("posts.list"))
        findings.append(Finding("queue", f"{late} posts are more than five minutes late", wrong, hint, code))
    else:
        findings.append(Finding("queue", "nothing is late"))
    return [*findings, *_unapproved(sky, accounts), *_ended(sky, accounts)]


def _unapproved(sky: Skywrite, accounts: Sequence[str | None]) -> Iterator[Finding]:
    """Posts that go out only if somebody approves them by their time."""
    count = sum(count_unapproved(sky.context, did) for did in accounts)
    if count:
        yield Finding("approvals", unapproved_words(count), "note", Hint("See them: ", Do("posts.approve")))


def _ended(sky: Skywrite, accounts: Sequence[str | None]) -> Iterator[Finding]:
    """Reposts, pins and follow-ups of which nothing came, until somebody cancels them."""
    store = sky.context.store
    failed = sum(len(Actions(store).list(account_did=did, state="failed")) for did in accounts)
    if failed:
        yield Finding("reposts", f"{failed} failed", "note", Hint("See them: ", Do("reposts.list")))
    follow_ups = FollowUps(store)
    states = [one.state for state in ENDED for did in accounts for one in follow_ups.list(account_did=did, state=state)]
    ended = [f"{count} {state}" for state in ENDED if (count := states.count(state))]
    if ended:
        yield Finding("follow-ups", ", ".join(ended), "note", Hint("See them: ", Do("follow_ups.list")))


def _guarded(what: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """The findings of a check; an error in it is a finding too."""
    findings = []
    try:
        for finding in check():
            findings.append(finding)
    except Exception as exception:
        error = Unexpected.of(exception)
        findings.append(Finding(what, error.message, "wrong", error.hint, error.exit_code))
    return findings


def _commands(sky: Skywrite) -> Iterator[Finding]:
    """Scheduled commands that were not added with our key, and whether a worker here runs the others."""
    from skywrite.app.keys import check_seal, run_by_default
    from skywrite.posting.sources.command import CommandFailed

    timers = [timer for timer in sky.context.store.timers.all() if timer.kind == "command"]
    for timer in timers:
        try:
            check_seal(timer, sky.context.vault)
        except CommandFailed as error:
            yield Finding("commands", error.message, "wrong", error.hint, error.exit_code)
    if timers and not run_by_default(sky.context.config):
        message = f"{len(timers)} scheduled, which workers run only when they may"
        hint = Hint("Start a worker that may: ", Do("run"), " ", Do("argument", "commands"))
        yield Finding("commands", message, "note", hint)


def _database(sky: Skywrite) -> Iterator[Finding]:
    count = sum(sky.posts.count().values())
    yield Finding("database", f"{sky.context.config.shown_database}, {count} posts")
    if protection := sky.context.store.protection():
        yield _connection(protection)
    yield from _damage(sky)
    yield from _open_to_others(sky)


def _open_to_others(sky: Skywrite) -> Iterator[Finding]:
    """Files with secrets and posts that others on this computer may read."""
    if os.name != "posix":
        return
    config = sky.context.config
    key, database = config.home / "key", Path(config.database)
    if not config.key and _is_open(key):
        repair = Repair(f"Let only its owner read {key} (chmod 600).", partial(key.chmod, 0o600))
        yield Finding("key", f"{key} can be read by others", "wrong", f"chmod 600 {key}", 1, repair)
    if sky.context.store.dialect == "sqlite" and _is_open(database):
        repair = Repair(f"Let only its owner read {database} (chmod 600).", partial(_close_database, database))
        yield Finding("database", f"{database} can be read by others", "note", f"chmod 600 {database}", repair=repair)


def _is_open(path: Path) -> bool:
    """Whether anybody but the owner may do anything with a file."""
    return path.exists() and bool(path.stat().st_mode & 0o077)


def _close_database(path: Path) -> None:
    """Take everybody else's rights from a database, with what SQLite keeps beside it."""
    path.chmod(0o600)
    for end in ("-wal", "-shm"):
        # They come and go with connections, and are made with the rights of the database.
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{end}").chmod(0o600)


def _missing_indexes(sky: Skywrite) -> Iterator[Finding]:
    """What somebody dropped, and what queries name, or read every row without."""
    inspecting = Inspecting(sky.context.store)
    for name in inspecting.missing_indexes():
        repair = Repair(f"Make the index {name} again.", partial(inspecting.make_index, name))
        hint = Hint("Make it again: ", Do("doctor"), " ", Do("argument", "fix"))
        yield Finding("database", f"the index {name} is missing", "wrong", hint, 1, repair)


def _left_behind(sky: Skywrite) -> Iterator[Finding]:
    """What workers of this computer still hold whose processes are gone."""
    if dead := dead_holders(sky.context):
        workers = "1 worker that is gone still holds" if len(dead) == 1 else f"{len(dead)} workers that are gone hold"
        repair = Repair("Let others go on with what a worker that is gone holds.", partial(free_dead, sky.context))
        hint = "The next worker that starts here goes on with it, and others when its time is over."
        yield Finding("worker", f"{workers} posts or other work", "note", hint, repair=repair)


def _settings(sky: Skywrite) -> Iterator[Finding]:
    """Stored settings that mean nothing."""
    for account in sky.accounts.list():
        for name, error in unreadable(account.settings):
            what, value = f"a setting cannot be read: {error.message}", ""
            words = f"Take the setting {name} of {account.handle} back to its default."
            if name == APPROVAL:
                what, value = f"{what} Until it is set again, every post waits for an approval.", "all"
                words = f"Let every post of {account.handle} wait for an approval ({name}=all), as it does now."
            again = Do("accounts.set", f"{name}={value}")
            hint = Hint("Set it again: ", again, " ", Do("argument", "account"), f" {account.handle}")
            repair = Repair(words, partial(sky.accounts.set, account.did, {name: value or None}))
            yield Finding(account.handle, what, "wrong", hint, 1, repair)


def _damage(sky: Skywrite) -> Iterator[Finding]:
    """Pages and rows that cannot be read."""
    damage = Damage(sky.context.store)
    if pages := damage.pages():
        hint = "Stop the workers, keep a copy of the file, and restore the last backup."
        yield Finding("database", f"its file is damaged: {'; '.join(pages)}", "wrong", hint, 1)
        return
    try:
        damage.try_to_write()
    except StorageError as error:
        yield Finding("disk", error.message, "wrong", error.hint, error.exit_code)
    for row in damage.rows():
        repair = None
        if (row.table, row.columns) == ("account", ("settings",)):
            words = f"Take the settings of {row.key} back to their defaults, and let every post wait for an approval."
            repair = Repair(words, partial(sky.accounts.reset, str(row.key), {APPROVAL: "all"}))
        yield Finding("row", row.message, "wrong", row.repair, 1, repair)


def _connection(protection: Protection) -> Finding:
    """How the connection to the database's server is protected."""
    if protection.is_enough:
        return Finding(
            "connection", f"to the database: {protection}{' (it stays on this computer)' if protection.local else ''}"
        )
    hint = "Add sslmode=verify-full and sslrootcert=FILE (or sslrootcert=system) to SKYWRITE_DATABASE."
    return Finding("connection", f"to the database: {protection}", "note", hint)


def _accounts(sky: Skywrite, name: str | None) -> Iterator[Finding]:
    known = sky.accounts.list() if name is None else []
    chosen = known or [sky.context.account(name)]
    failing: dict[str, str] = {}
    for account in chosen:
        # A hanging server takes half a minute to time out: its other accounts need not wait for it too.
        if first := failing.get(account.pds_url):
            message = f"not checked, because {account.pds_url} failed for {first}"
            yield Finding(account.handle, message, "wrong", "", TemporaryError.exit_code)
            continue
        findings = _guarded(account.handle, partial(_account, sky, account))
        yield from findings
        if findings[-1].exit_code == TemporaryError.exit_code:
            failing[account.pds_url] = account.handle


def _account(sky: Skywrite, account: Account) -> Iterator[Finding]:
    agent = sky.context.agent(account)
    before = sky.context.clock.now()
    session = agent.query("com.atproto.server.getSession")
    yield Finding(account.handle, f"signed in on {account.pds_url}")
    if session.get("handle") not in (account.handle, None):
        text = f"the account is now called {session['handle']}"
        yield Finding(account.handle, text, "note", Hint("Sign in again to use the new name: ", Do("accounts.login")))
    if agent.session.uses_main_password:
        hint = Hint("Make an app password in the app, and sign in with it: ", Do("accounts.login"))
        yield Finding(account.handle, "signed in with the main password", "note", hint)
    yield from _session(sky, account)
    if account.settings.get(ANSWERS) and not is_bot(Repo(agent)):
        hint = Hint("Say so in its profile: ", Do("bots.on"), " ", Do("argument", "account"), f" {account.handle}")
        yield Finding(account.handle, "answers by itself, and does not say that it is a bot", "note", hint)
    limit = agent.blob_upload_limit()
    if limit:
        yield Finding(account.handle, f"the server takes files up to {limit / 1e6:.0f} MB")
    view = sky.context.store.claims.view(account.did)
    yield Finding(
        account.handle,
        f"write points: {view.points_last_hour} of {HOUR_POINTS_MAX} in the last hour, "
        f"{view.points_last_day} of {DAY_POINTS_MAX} in the last day",
    )
    yield _clock(sky, agent, before)


def _session(sky: Skywrite, account: Account) -> Iterator[Finding]:
    """The rights of an OAuth session, and when it ends."""
    facts = session_facts(sky.context, account)
    if facts is None or facts.rights is None:
        return
    again = Hint("Sign in again: ", Do("oauth.login", account.handle))
    if facts.missing:
        yield Finding(account.handle, f"rights that were not granted: {', '.join(facts.missing)}", "note", again)
    left = None if facts.ends_at is None else facts.ends_at - sky.context.clock.now()
    soon = left is not None and left < timedelta(days=NOTICE_DAYS)
    yield Finding(account.handle, facts.in_words(), "note" if soon else "ok", again if soon else "")
    oauth = sky.context.oauth
    session = sky.context.store.sessions.load_oauth(account.did)
    if session is not None and session.client_id.startswith("https://"):
        from skywrite.app.oauth.files import check_published

        for problem in check_published(oauth, oauth.client(session.client_id)).problems:
            yield Finding(account.handle, problem, "wrong", "Put the client's files in place again.", 1)


def _clock(sky: Skywrite, agent: Any, before: datetime) -> Finding:
    """Every response carries the server's time (RFC 9110, Date)."""
    from email.utils import parsedate_to_datetime

    server = agent.session.pds_url
    response = sky.context.network.transport.request("GET", f"{server}/xrpc/_health")
    # A proxy answers with its own time for a server that it does not reach.
    date = response.headers.get("date") if response.status < 500 else None
    try:
        at = parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return Finding("clock", f"{server} does not say what time it is", "note")
    away = abs((at - sky.context.clock.now()).total_seconds())
    if away > CLOCK_SECONDS_MAX:
        hint = "Set the computer's clock, best by NTP: posts go out by it."
        return Finding("clock", f"{away:.0f} seconds away from that of {server}", "wrong", hint, 1)
    return Finding("clock", f"right, by that of {server}")


def _parts() -> Iterator[Finding]:
    for extra, module, use in _PARTS:
        if importlib.util.find_spec(module):
            yield Finding("part", f"{extra}: installed ({use})")
        else:
            yield Finding("part", f"{extra}: not installed ({use})", "note", install_command(extra))
