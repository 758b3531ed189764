"""One post on a terminal: its content, its state, and every attempt in plain words.

What does not live here: lists (`listing`), a post before it is accepted (`view`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from skywrite.app.overview import needs_login
from skywrite.core.errors import Do
from skywrite.faces.cli.hints import command, hint_text
from skywrite.faces.cli.listing import COLOURS
from skywrite.faces.cli.view import record_lines
from skywrite.posting.schedule.localtime import zone_of
from skywrite.queue.changing import DELETED
from skywrite.queue.model import FINAL_STATES

if TYPE_CHECKING:
    from skywrite.app.results import Entry
    from skywrite.queue.follow_ups import FollowUp
    from skywrite.queue.model import Account, Attempt, Post, Recurrence

_OUTCOMES = {
    "published": "it is on the network",
    "retry": "not for now; Skywrite tries again",
    "failed": "the server refused it",
    "held": "it waits for you",
    "lost": "its worker stopped in the middle; the next attempt looked whether it had gone out",
    "released": "its worker was stopped before it sent anything",
    None: "under way",
}
_LATE = {"publish": "publish it however late", "skip": "drop it", "hold": "hold it for you"}


def lines_of(entry: Entry, zone: str) -> Iterator[str]:
    """Everything about a post."""
    post = entry.post
    state = click.style(post.state, fg=COLOURS.get(post.state), bold=True)
    gone = click.style(", deleted since", fg="red") if post.problem and post.problem.code == DELETED else ""
    yield f"Post {post.id} of {entry.account.handle}: {state}{gone}"
    yield from _facts(entry, zone)
    yield ""
    records = post.prepared.get("records", ())
    for number, record in enumerate(records, 1):
        if len(records) > 1:
            yield click.style(f"  {number} of {len(records)}", dim=True)
        yield from (f"  {line}" for line in record_lines(record))
    if not records:
        yield from (f"  {line}" for line in (post.text or "(no text)").split("\n"))
    yield from gate_lines(post.prepared)
    yield ""
    yield from (_attempt_line(attempt, zone) for attempt in entry.attempts)
    if post.problem and post.problem.code == DELETED:
        yield f"{click.style('Deleted:', fg='red')} {post.problem.message}"
    elif post.problem:
        yield f"{click.style('Why:', fg='yellow')} {post.problem.message} [{post.problem.code}]"
        if post.problem.hint and post.state not in FINAL_STATES:
            yield f"{click.style('To do:', fg='cyan')} {hint_text(post.problem.hint)}"


def approval_lines(post_id: int) -> Iterator[str]:
    """That a post waits for an approval."""
    title = click.style("Approval:", fg="yellow")
    yield f"{title} this version has not been approved. See it: skywrite approve {post_id}"


def _facts(entry: Entry, zone: str) -> Iterator[str]:
    from skywrite.posting.schedule.times import format_time

    post = entry.post
    if post.due_at:
        yield f"Due: {format_time(post.due_at, zone)}"
    if post.published_at:
        yield f"Published: {format_time(post.published_at, zone)}{_lateness(post)}"
    if post.attempt_at and post.state == "scheduled":
        yield f"Next attempt: {format_time(post.attempt_at, zone)}"
    if entry.push:
        yield f"Goes out: {format_time(entry.push.at, zone)}, because of {entry.push.reason}"
    if post.state == "scheduled" and (why := held_up_by(entry.account, zone)):
        yield f"{click.style('Waits:', fg='yellow')} {why}"
    if post.state in ("scheduled", "held"):
        yield f"If it is late: {policy_words(post)}"
    if entry.standing.approved_by:
        yield f"Approved by: {entry.standing.approved_by}"
    if post.recurrence_id:
        yield f"Made by recurrence {post.recurrence_id}"
    if post.source:
        yield f"Source: {post.source}"
    if post.key:
        yield f"Key: {post.key}"
    if entry.url:
        yield f"Link: {entry.url}"
        yield f"at-uri: {post.uri}"


def _lateness(post: Post) -> str:
    """How late it went out, if more than a minute."""
    if post.due_at is None or post.published_at is None:
        return ""
    seconds = (post.published_at - post.due_at).total_seconds()
    if seconds < 60:
        return ""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f", {f'{hours} h ' if hours else ''}{minutes} min late"


def policy_words(post: Post | Recurrence) -> str:
    """What happens to a post that misses its time."""
    if post.late_policy == "publish":
        return _LATE["publish"]
    seconds = 86_400 if post.late_seconds is None else post.late_seconds
    hours, minutes = divmod(seconds // 60, 60)
    grace = " ".join(filter(None, [f"{hours} h" if hours else "", f"{minutes} min" if minutes or not hours else ""]))
    return f"{_LATE[post.late_policy]} after {grace}"


def held_up_by(account: Account, zone: str) -> str:
    """What keeps all posts of an account from going out."""
    if needs_login(account):
        return f"you are not signed in as {account.handle}. Sign in: {command(Do('accounts.login', account.handle))}"
    if account.state == "paused" and account.paused_until:
        until = account.paused_until.astimezone(zone_of(zone))
        return f"until {until:%Y-%m-%d %H:%M:%S} {zone}: {account.pause_reason or 'its account is paused'}"
    return ""


def gate_lines(prepared: Mapping[str, Any]) -> Iterator[str]:
    """Who may reply and quote, where not everybody may."""
    replies = prepared.get("replies")
    if replies is not None:
        yield f"  Who may reply: {', '.join(replies) or 'nobody'}"
    if prepared.get("quotes") is False:
        yield "  Who may quote: nobody"


def _attempt_line(attempt: Attempt, zone: str) -> str:
    outcome = _OUTCOMES.get(attempt.outcome, str(attempt.outcome))
    why = f": {attempt.problem.message}" if attempt.problem else ""
    started = attempt.started_at.astimezone(zone_of(zone))
    return f"Attempt {attempt.number}, {started:%Y-%m-%d %H:%M:%S} {zone}: {outcome}{why}"


def follow_up_line(item: FollowUp) -> str:
    """A follow-up in one line."""
    what = "repost it" if item.kind == "repost" else f"reply: {item.text}"
    as_post = f", as post {item.made_id}" if item.made_id else ""
    note = f" ({item.note})" if item.note else ""
    return f"at {item.goal}, {what}  [{item.state}{as_post}]{note}"


def follow_up_lines(items: Iterable[FollowUp]) -> Iterator[str]:
    """The follow-ups of a post, for `show`."""
    for item in items:
        yield f"Follow-up {item.id}: {follow_up_line(item)}"
