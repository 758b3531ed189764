"""`skywrite` without a command: the overall status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.output import print_aside, print_json
from skywrite.faces.cli.terminal import columns, cut, wrapped

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.overview import Overview

LABEL = 10
TEXT_MIN = 10
SHOWN = 5
FIRST_STEPS = """Nothing is set up yet. Begin with:
  skywrite login alice.bsky.social
  skywrite post "Hello from the shell"
All commands: skywrite help"""


def print_status(as_json: bool) -> None:
    """Accounts, worker, the next posts, and what needs you."""
    from zoneinfo import ZoneInfo

    from skywrite.app import Skywrite
    from skywrite.app.entries import unapproved_words
    from skywrite.app.overview import overview

    with Skywrite() as sky:
        status = overview(sky.context)
        if as_json:
            from skywrite.app.shapes.overview import overview_shape

            print_json(overview_shape(sky.context, status))
            return
        zones = {account.did: sky.context.zone(account) for account in status.accounts}
    if not status.accounts:
        click.echo(FIRST_STEPS)
        return
    others = f" and {len(status.accounts) - 1} more" if len(status.accounts) > 1 else ""
    _line("Account", status.accounts[0].handle + others)
    for account in status.needs_login:
        _line("", click.style(f"{account.handle} needs you to sign in: skywrite login {account.handle}", fg="yellow"))
    _line("Worker", _worker(status.workers, status.waiting))
    late = f", {click.style(f'{status.late} of them late', fg='yellow')}" if status.late else ""
    _line("Queue", f"{status.waiting} {'post waits' if status.waiting == 1 else 'posts wait'}{late}")
    for post in status.coming:
        at = post.due_at.astimezone(ZoneInfo(zones[post.account_did])) if post.due_at else None
        year = f" {at.year}" if at and at.year != datetime.now(at.tzinfo).year else ""
        when = f"{at:%a} {at.day:>2} {at:%b}{year} {at:%H:%M}" if at else "now"
        mark = "unapproved: " if status.standings[post.id].wanted else ""
        start = f"{post.id:>5}  {when}  {mark}"
        _line("", start + cut(post.text, max(columns() - LABEL - len(start), TEXT_MIN)))
    if status.unapproved:
        sentence = f"{unapproved_words(status.unapproved)}: skywrite approve"
        _line("Needs you", click.style(cut(sentence, max(columns() - LABEL, TEXT_MIN)), fg="yellow"))
    for post in status.needs_you:
        why = post.problem.message if post.problem else ""
        start = f"{post.id:>5}  {post.state}: "
        shown = start + cut(why or post.text, max(columns() - LABEL - len(start), TEXT_MIN))
        _line("Needs you", click.style(shown, fg="yellow"))
    for line in _ended_lines(status):
        _line("Needs you", click.style(cut(line, max(columns() - LABEL, TEXT_MIN)), fg="yellow"))
    click.echo(wrapped("Details: skywrite list, skywrite show ID. All commands: skywrite help"))


def approvals_note(sky: Skywrite) -> str:
    """A sentence with what to do if posts wait for an approval; otherwise empty."""
    from skywrite.app.entries import count_unapproved, unapproved_words

    count = count_unapproved(sky.context)
    return f"{unapproved_words(count)}. See: skywrite approve" if count else ""


def print_worker_note(sky: Skywrite) -> None:
    """Print a note if no worker would send what is scheduled here."""
    if note := worker_note(sky):
        print_aside(note)


def print_commands_note(sky: Skywrite) -> None:
    """Print a note if workers leave out commands unless they are told otherwise; else the one about workers."""
    from skywrite.app.keys import run_by_default

    if run_by_default(sky.context.config):
        print_worker_note(sky)
    else:
        print_aside("On this database, only workers with --commands run it: skywrite run --commands")


def worker_note(sky: Skywrite) -> str:
    """A sentence with what to do if no worker runs on this database; otherwise empty."""
    from skywrite.app.overview import count_workers
    from skywrite.posting.publish.processes import SYSTEM_HOME, computer_has_service, is_service_home

    if count_workers(sky.context):
        return ""
    if computer_has_service() and not is_service_home(sky.context.config.home):
        return (
            f"This computer's service has its own database, in {SYSTEM_HOME}; this is another one, and no worker runs "
            "on it. Schedule for the service: sudo -Hu skywrite skywrite ..."
        )
    return "No worker is running. Start one: skywrite run, or skywrite service install"


def _ended_lines(status: Overview) -> Iterator[str]:
    """Reposts, pins and follow-ups of which nothing came, until somebody cancels them."""
    for action in status.reposts[:SHOWN]:
        yield f"{action.kind} {action.id} failed: {action.error}"
    for item in [item for item in status.follow_ups if item.state == "failed"][:SHOWN]:
        yield f"follow-up {item.id} failed: {item.note}"
    expired = sum(item.state == "expired" for item in status.follow_ups)
    if expired:
        yield f"{expired} {'follow-up' if expired == 1 else 'follow-ups'} expired: skywrite follow-ups"


def _worker(workers: int, waiting: int) -> str:
    if workers:
        return "running" if workers == 1 else f"{workers} running"
    if not waiting:
        return "none is running"
    return click.style("none is running. Start one: skywrite run", fg="yellow")


def _line(label: str, text: str) -> None:
    click.echo(f"{label:<{LABEL}}{text}")
