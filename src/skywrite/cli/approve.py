"""approve, reject: see exactly what goes out, and say yes or no to that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from skywrite.cli.completing import complete_posts
from skywrite.cli.options import ID, account_option, json_option
from skywrite.cli.output import print_done, print_json
from skywrite.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from skywrite.app import Skywrite
    from skywrite.app.approvals import Asked
    from skywrite.queue.model import Account


@click.command("approve", epilog="Example: skywrite approve 12")
@click.argument("post_id", type=ID, required=False, metavar="[ID]", shell_complete=complete_posts)
@click.option("--confirm", metavar="DIGEST", help="Approve exactly this, without a question; for scripts.")
@click.option("--by", metavar="NAME", help="Who approves; without it, your login name.")
@click.option("--at", metavar="WHEN", help="When a draft is to go out; without it, when its author asked for.")
@click.option("--note", default="", help="A note that is kept with it.")
@account_option
@json_option
def approve_command(
    post_id: int | None,
    confirm: str | None,
    by: str | None,
    at: str | None,
    note: str,
    account: str | None,
    as_json: bool,
) -> None:
    """Show exactly what goes out, and approve that; without ID, list what waits for an approval.

    Any change of the post voids the approval. A post that nobody has approved by its time is held.
    """
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        if post_id is None:
            _print_waiting(sky, account, as_json)
            return
        asked = sky.approvals.look(post_id, at=at)
        if confirm is None and (as_json or not _says_yes(sky, asked)):
            if as_json:
                print_json(asked.as_dict())
            return
        time = asked.post.due_at if asked.post.state == "draft" else None
        entry = sky.approvals.approve(post_id, confirm or asked.digest, by or _login_name(), at=time, note=note)
    if as_json:
        print_json(entry.as_dict())
    else:
        print_done(f"Post {post_id} is approved{_when(sky, entry.post.due_at, entry.account)}.")


@click.command("reject", epilog='Example: skywrite reject 12 --note "The figure is from last year"')
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@click.option("--note", default="", help="Why; the author sees it.")
@click.option("--by", metavar="NAME", help="Who rejects; without it, your login name.")
@json_option
def reject_command(post_id: int, note: str, by: str | None, as_json: bool) -> None:
    """Say no to a post: it is held, and earlier approvals of it are withdrawn."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        entry = sky.approvals.reject(post_id, by or _login_name(), note=note)
    if as_json:
        print_json(entry.as_dict())
    else:
        print_done(f"Post {post_id} is rejected: {entry.post.state}.")


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise InputError("Your name is missing.", hint="Name yourself: --by NAME") from None


def _says_yes(sky: Skywrite, asked: Asked) -> bool:
    """Show it, and ask; a script has to name the digest."""
    for line in _lines(sky, asked):
        click.echo(line)
    if not sys.stdin.isatty():
        click.echo(f"To approve it: skywrite approve {asked.post.id} --confirm {asked.digest} --by NAME")
        return False
    if click.confirm("Approve exactly this?"):
        return True
    click.echo(f"Nothing was approved. To say no: skywrite reject {asked.post.id} --note WHY")
    return False


def _lines(sky: Skywrite, asked: Asked) -> Iterator[str]:
    from skywrite.cli.showing import policy_words
    from skywrite.cli.view import record_lines

    post = asked.post
    yield f"Post {post.id} of {asked.account.handle}{_when(sky, post.due_at, asked.account)}"
    yield f"If it is late: {policy_words(post)}"
    records = post.prepared.get("records", ())
    for number, record in enumerate(records, 1):
        yield click.style(f"  {number} of {len(records)}", dim=True) if len(records) > 1 else ""
        yield from (f"  {line}" for line in record_lines(record))
    replies, quotes = post.prepared.get("replies"), post.prepared.get("quotes", True)
    if replies is not None:
        yield f"  Who may reply: {', '.join(replies) or 'nobody'}"
    if not quotes:
        yield "  Who may quote: nobody"
    for cid, mime, size in post.prepared.get("blobs", ()):
        yield f"  file: {mime}, {size} bytes, {cid}"
    if asked.verdicts:
        last = asked.verdicts[0]
        yield f"Last: {last.verdict} by {last.by}{f': {last.note}' if last.note else ''}"
    yield from (f"  {line}" for line in asked.diff())
    yield f"Digest: {asked.digest}"


def _when(sky: Skywrite, due_at: datetime | None, account: Account) -> str:
    from skywrite.schedule.times import format_time

    if due_at is None:
        return ""
    return f", due {format_time(due_at, sky.context.zone(account))}"


def _print_waiting(sky: Skywrite, account: str | None, as_json: bool) -> None:
    entries = sky.approvals.list(account=account)
    if as_json:
        print_json([entry.as_dict() for entry in entries])
        return
    if not entries:
        click.echo("Nothing waits for an approval.")
    for entry in entries:
        when = _when(sky, entry.post.due_at, entry.account)
        click.echo(f"{entry.post.id}  {entry.account.handle}{when}  {entry.post.text[:60]}".replace("\n", " "))
