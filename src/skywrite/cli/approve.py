"""approve, reject: see exactly what goes out, and approve or reject it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from skywrite.cli.completing import complete_posts
from skywrite.cli.options import ID, account_option, json_option
from skywrite.cli.output import print_done, print_json
from skywrite.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from skywrite.app import Skywrite
    from skywrite.app.approvals import Asked
    from skywrite.app.compared import Piece
    from skywrite.app.template_approvals import AskedTemplate
    from skywrite.queue.model import Account


class Target(NamedTuple):
    """What is approved: a post, or a whole recurrence."""

    id: int
    is_recurrence: bool


class TargetType(click.ParamType[Target]):
    """A post's number, or `recurring:` and a recurrence's number."""

    name = "number"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Read it."""
        prefix, colon, number = value.rpartition(":")
        if colon and prefix not in ("recurring", "recurrence"):
            self.fail(f"{value!r} is neither a post's number nor recurring:NUMBER.", param, ctx)
        return Target(ID(number, param, ctx), bool(colon))


TARGET = TargetType()


@click.command("approve", epilog="Example: skywrite approve 12, or: skywrite approve recurring:3")
@click.argument("target", type=TARGET, required=False, metavar="[ID]", shell_complete=complete_posts)
@click.option("--confirm", metavar="DIGEST", help="Approve exactly this, without a question; for scripts.")
@click.option("--by", metavar="NAME", help="Who approves; without it, your login name.")
@click.option("--at", metavar="WHEN", help="When a draft is to go out; without it, when its author asked for.")
@click.option("--note", default="", help="A note that is kept with it.")
@account_option
@json_option
def approve_command(
    target: Target | None,
    confirm: str | None,
    by: str | None,
    at: str | None,
    note: str,
    account: str | None,
    as_json: bool,
) -> None:
    """Show exactly what goes out, and approve that; without ID, list what waits for an approval.

    Any change to the post voids the approval. A post that nobody has approved by its time is held. With recurring:ID
    one approval covers all posts of a recurrence, until the recurrence is changed.
    """
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        if target is None:
            _print_waiting(sky, account, as_json)
            return
        if target.is_recurrence:
            if at is not None:
                raise InputError("A recurrence has its own times.", hint="Leave out --at.")
            _approve_recurrence(sky, target.id, confirm, by, note, as_json)
            return
        post_id = target.id
        asked = sky.approvals.look(post_id, at=at)
        if confirm is None and (as_json or not _says_yes(_lines(sky, asked), str(post_id), asked.digest)):
            if as_json:
                print_json(asked.as_dict())
            return
        time = asked.post.due_at if asked.post.state == "draft" else None
        digest = asked.digest if confirm is None else confirm
        entry = sky.approvals.approve(post_id, digest, _name(by), at=time, note=note)
    if as_json:
        print_json(entry.as_dict())
    else:
        print_done(f"Post {post_id} is approved{_when(sky, entry.post.due_at, entry.account)}.")


@click.command("reject", epilog='Example: skywrite reject 12 --note "The figure is from last year"')
@click.argument("target", type=TARGET, metavar="ID", shell_complete=complete_posts)
@click.option("--note", default="", help="Why; the author sees it.")
@click.option("--by", metavar="NAME", help="Who rejects; without it, your login name.")
@json_option
def reject_command(target: Target, note: str, by: str | None, as_json: bool) -> None:
    """Reject a post: it is held, and its earlier approvals are withdrawn.

    With recurring:ID the approval of a whole recurrence is withdrawn, and its scheduled posts are held.
    """
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        if target.is_recurrence:
            document = sky.approvals.reject_recurrence(target.id, _name(by), note=note).as_dict()
            said = f"Recurrence {target.id} is rejected: its posts are held."
        else:
            entry = sky.approvals.reject(target.id, _name(by), note=note)
            document, said = entry.as_dict(), f"Post {target.id} is rejected: {entry.post.state}."
    if as_json:
        print_json(document)
    else:
        print_done(said)


def _approve_recurrence(
    sky: Skywrite, recurrence_id: int, confirm: str | None, by: str | None, note: str, as_json: bool
) -> None:
    asked = sky.approvals.look_at_recurrence(recurrence_id)
    if confirm is None and (
        as_json or not _says_yes(_template_lines(asked), f"recurring:{recurrence_id}", asked.digest)
    ):
        if as_json:
            print_json(asked.as_dict())
        return
    digest = asked.digest if confirm is None else confirm
    done = sky.approvals.approve_recurrence(recurrence_id, digest, _name(by), note=note)
    if as_json:
        print_json(done.as_dict())
    else:
        print_done(f"Recurrence {recurrence_id} is approved: its posts go out until it is changed.")


def _name(by: str | None) -> str:
    """Who approves or rejects."""
    if by is not None:
        return by
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise InputError("Your name is missing.", hint="Name yourself: --by NAME") from None


def _says_yes(lines: Iterator[str], target: str, digest: str) -> bool:
    """Show it, and ask; a script must give the digest."""
    for line in lines:
        click.echo(line)
    if not sys.stdin.isatty():
        click.echo(f"To approve it: skywrite approve {target} --confirm {digest} --by NAME")
        return False
    if click.confirm("Approve exactly this?"):
        return True
    click.echo(f"Nothing was approved. To say no: skywrite reject {target} --note WHY")
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
    yield from _history_lines(asked, asked.zone)
    yield f"Digest: {asked.digest}"


def _template_lines(asked: AskedTemplate) -> Iterator[str]:
    zone = asked.recurrence.zone
    yield f"Recurrence {asked.recurrence.id} of {asked.account.handle}: all posts that it makes from now on"
    for part, text in asked.parts().items():
        first, *more = text.split("\n")
        yield f"  {part}: {first}"
        yield from (f"    {line}" for line in more)
    yield from _history_lines(asked, zone)
    yield f"Digest: {asked.digest}"


def _history_lines(asked: Asked | AskedTemplate, zone: str) -> Iterator[str]:
    """The last verdict, and what changed since the last approval."""
    from skywrite.schedule.times import format_time

    if asked.verdicts:
        last = asked.verdicts[0]
        yield f"Last: {last.verdict} by {last.by}{f': {last.note}' if last.note else ''}"
    found, base = asked.rows(), asked.base
    if found and base is not None:
        what = "rejected" if base.verdict == "rejected" else "approved"
        yield f"Changed since {base.by} {what} it on {format_time(base.created_at, zone)}, [-before-] and {{+now+}}:"
        for row in found:
            if row.mark != "same":
                yield f"  {row.part} ({row.mark})"
                yield from _side_lines("-", row.before, "[-", "-]")
                yield from _side_lines("+", row.now, "{+", "+}")


def _side_lines(sign: str, pieces: Sequence[Piece], begin: str, end: str) -> Iterator[str]:
    marked = "".join(f"{begin}{piece.text}{end}" if piece.is_different else piece.text for piece in pieces)
    yield from (f"    {sign} {line}" for line in marked.split("\n") if marked)


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
    for rule in dict.fromkeys(entry.post.recurrence_id for entry in entries if entry.post.recurrence_id):
        click.echo(f"All posts of recurrence {rule} with one approval: skywrite approve recurring:{rule}")
    for entry in entries:
        when = _when(sky, entry.post.due_at, entry.account)
        click.echo(f"{entry.post.id}  {entry.account.handle}{when}  {entry.post.text[:60]}".replace("\n", " "))
