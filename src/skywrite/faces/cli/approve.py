"""approve, reject: see exactly what goes out, and approve or reject it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from skywrite.core.errors import Do, Hint, InputError
from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.options import ID, account_option, json_option, on_queue
from skywrite.faces.cli.output import print_done, print_json, print_outcome
from skywrite.faces.cli.picking import PostNumbers
from skywrite.faces.cli.terminal import can_ask

if TYPE_CHECKING:
    from datetime import datetime

    from skywrite.app import Skywrite
    from skywrite.app.approvals import Asked, AskedTemplate
    from skywrite.posting.publish.compared import Piece
    from skywrite.queue.model import Account


class Target(NamedTuple):
    """What is approved: posts, or a whole recurrence."""

    numbers: range
    is_recurrence: bool

    @property
    def id(self) -> int:
        """The first number."""
        return self.numbers[0]


class TargetType(click.ParamType[Target]):
    """A post's number, a range of them (31-33), or `recurring:` and a recurrence's number."""

    name = "number"

    def __init__(self, *, many: bool) -> None:
        self._many = many

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Read it."""
        prefix, colon, number = value.rpartition(":")
        if colon and prefix not in ("recurring", "recurrence"):
            self.fail(f"{value!r} is neither a post's number nor recurring:NUMBER.", param, ctx)
        if "-" in number[1:] and self._many and not colon:
            return Target(PostNumbers()(number, param, ctx), False)
        first = ID(number, param, ctx)
        return Target(range(first, first + 1), bool(colon))


@click.command("approve", epilog="Example: skywrite approve 12, or: skywrite approve --all-of feed:3")
@click.argument("targets", type=TargetType(many=True), nargs=-1, metavar="[ID|RANGE]...", shell_complete=complete_posts)
@click.option("--all-of", metavar="SOURCE", help="All posts from there that wait: feed:3, import:FILE, mcp, ...")
@click.option("--confirm", metavar="DIGEST", help="Approve exactly this, without a question; for scripts.")
@click.option("--by", metavar="NAME", help="The approver's name. Default: your login name.")
@click.option("--at", "-t", metavar="WHEN", help="When to publish the draft. Default: the author's time.")
@click.option("--note", default="", help="A note that is kept with it.")
@account_option
@json_option
@on_queue
def approve_command(
    sky: Skywrite,
    targets: tuple[Target, ...],
    all_of: str | None,
    confirm: str | None,
    by: str | None,
    at: str | None,
    note: str,
    account: str | None,
    as_json: bool,
) -> None:
    """Show exactly what goes out, and approve that; without ID, list what waits for an approval.

    Of several posts, each is shown and asked for by itself. Any change to a post voids its approval, and a post that
    has no approval by its time is held. With recurring:ID one approval covers all posts of a recurrence, until the
    recurrence is changed.
    """

    alone = len(targets) == 1 and len(targets[0].numbers) == 1 and all_of is None
    if (confirm is not None or at is not None) and (targets or all_of is not None) and not alone:
        raise InputError("--confirm and --at are for one post.", hint="Name that one: skywrite approve ID")
    if targets and all_of is not None:
        raise InputError("Numbers do not go with --all-of.", hint="Give one or the other.")
    about = {"--confirm": confirm is not None, "--at": at is not None, "--by": by is not None, "--note": bool(note)}
    if not targets and all_of is None and (option_names := [name for name, is_given in about.items() if is_given]):
        raise InputError(
            f"{option_names[0]} needs a post.", hint="List those that wait, and name one: skywrite approve"
        )
    if not targets and all_of is None:
        _print_waiting(sky, account, as_json)
    elif alone and targets[0].is_recurrence:
        if at is not None:
            raise InputError("A recurrence has its own times.", hint="Leave out --at.")
        _approve_recurrence(sky, targets[0].id, confirm, by, note, as_json)
    elif alone:
        _approve_post(sky, targets[0].id, confirm, by, at, note, as_json)
    else:
        _approve_each(sky, _waiting(sky, targets, all_of, account), by, note, as_json)


def _approve_post(
    sky: Skywrite, post_id: int, confirm: str | None, by: str | None, at: str | None, note: str, as_json: bool
) -> None:
    from skywrite.app.shapes.posts import approval_shape, post_shape

    asked = _look(sky, post_id, at)
    if confirm is None and (as_json or not _says_yes(_lines(sky, asked), str(post_id), asked.digest)):
        if as_json:
            print_json(approval_shape(asked))
        return
    time = asked.post.due_at if asked.post.state == "draft" else None
    digest = asked.digest if confirm is None else confirm
    entry = sky.approvals.approve(post_id, digest, _name(by), at=time, note=note)
    print_outcome(
        as_json, post_shape(entry), f"Post {post_id} is approved{_when(sky, entry.post.due_at, entry.account)}."
    )


def _look(sky: Skywrite, post_id: int, at: str | None = None) -> Asked:
    """What would be approved. Raises Conflict for what is over: nobody is asked about that."""
    from skywrite.app.approvals import OPEN_STATES
    from skywrite.core.errors import Conflict

    asked = sky.approvals.look(post_id, at=at)
    if asked.post.state not in OPEN_STATES:
        raise Conflict(
            f"Post {post_id} is {asked.post.state}, so it cannot be approved.",
            code="post.wrong_state",
            hint=Hint("See: ", Do("posts.get", post_id)),
        )
    return asked


def _waiting(sky: Skywrite, targets: Sequence[Target], source: str | None, account: str | None) -> list[int]:
    """The posts that are meant and wait for an approval, in the given order. Raises InputError."""
    for target in targets:
        if target.is_recurrence:
            raise InputError(
                "A recurrence is approved by itself.", hint=f"Name only it: skywrite approve recurring:{target.id}"
            )
    waiting = [entry.post.id for entry in sky.approvals.list(account=account, source=source)]
    if source is not None:
        if not waiting:
            raise InputError(
                f"No post from {source} waits for an approval.", code="choice.missing", hint="See: skywrite approve"
            )
        return waiting
    named = dict.fromkeys(number for target in targets for number in target.numbers)
    # A number that somebody wrote is looked at even if it needs nothing; a range is what waits within it.
    single = {target.id for target in targets if len(target.numbers) == 1}
    chosen = [number for number in named if number in single or number in waiting]
    if not chosen:
        raise InputError(
            "None of these posts waits for an approval.", code="choice.missing", hint="See: skywrite approve"
        )
    return chosen


def _approve_each(sky: Skywrite, numbers: Sequence[int], by: str | None, note: str, as_json: bool) -> None:
    """Look at one after the other, and approve those to which the answer is yes."""
    if as_json:
        from skywrite.app.shapes.posts import approval_shape

        print_json([approval_shape(_look(sky, number)) for number in numbers])
        return
    approved = 0
    for number in numbers:
        asked = _look(sky, number)
        for line in _lines(sky, asked):
            click.echo(line)
        if not can_ask():
            click.echo(_confirming(str(number), asked.digest))
        elif click.confirm("Approve exactly this?"):
            time = asked.post.due_at if asked.post.state == "draft" else None
            sky.approvals.approve(number, asked.digest, _name(by), at=time, note=note)
            approved += 1
        else:
            click.echo(f"Post {number} waits on. To say no: skywrite reject {number} --note WHY")
        click.echo()
    if can_ask():
        print_done(f"{approved} of {len(numbers)} posts are approved.")


@click.command("reject", epilog='Example: skywrite reject 12 --note "The figure is from last year"')
@click.argument("target", type=TargetType(many=False), metavar="ID", shell_complete=complete_posts)
@click.option("--note", default="", help="Why; the author sees it.")
@click.option("--by", metavar="NAME", help="The name of who rejects it. Default: your login name.")
@json_option
@on_queue
def reject_command(sky: Skywrite, target: Target, note: str, by: str | None, as_json: bool) -> None:
    """Reject a post: it is held, and its earlier approvals are withdrawn.

    With recurring:ID the approval of a whole recurrence is withdrawn, and its scheduled posts are held.
    """
    from skywrite.app.shapes.posts import post_shape
    from skywrite.app.shapes.recurrences import template_shape

    document: Any
    if target.is_recurrence:
        document = template_shape(sky.approvals.reject_recurrence(target.id, _name(by), note=note))
        message = f"Recurrence {target.id} is rejected: its posts are held."
    else:
        entry = sky.approvals.reject(target.id, _name(by), note=note)
        document, message = post_shape(entry), f"Post {target.id} is rejected: {entry.post.state}."
    print_outcome(as_json, document, message)


def _approve_recurrence(
    sky: Skywrite, recurrence_id: int, confirm: str | None, by: str | None, note: str, as_json: bool
) -> None:
    from skywrite.app.shapes.recurrences import template_shape

    asked = sky.approvals.look_at_recurrence(recurrence_id)
    if confirm is None and (
        as_json or not _says_yes(_template_lines(asked), f"recurring:{recurrence_id}", asked.digest)
    ):
        if as_json:
            print_json(template_shape(asked))
        return
    digest = asked.digest if confirm is None else confirm
    done = sky.approvals.approve_recurrence(recurrence_id, digest, _name(by), note=note)
    print_outcome(
        as_json, template_shape(done), f"Recurrence {recurrence_id} is approved: its posts go out until it is changed."
    )


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
    if not can_ask():
        click.echo(_confirming(target, digest))
        return False
    if click.confirm("Approve exactly this?"):
        return True
    click.echo(f"Nothing was approved. To say no: skywrite reject {target} --note WHY")
    return False


def _confirming(target: str, digest: str) -> str:
    """How a script approves it."""
    return f"To approve it: skywrite approve {target} --confirm {digest} --by NAME"


def _lines(sky: Skywrite, asked: Asked) -> Iterator[str]:
    from skywrite.faces.cli.showing import policy_words
    from skywrite.faces.cli.view import record_lines

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
    from skywrite.posting.schedule.times import format_time

    if asked.verdicts:
        last = asked.verdicts[0]
        yield f"Last: {last.verdict} by {last.by}{f': {last.note}' if last.note else ''}"
    rows, base = asked.rows(), asked.base
    if rows and base is not None:
        what = "rejected" if base.verdict == "rejected" else "approved"
        yield f"Changed since {base.by} {what} it on {format_time(base.created_at, zone)}, [-before-] and {{+now+}}:"
        for row in rows:
            if row.mark != "same":
                yield f"  {row.part} ({row.mark})"
                yield from _side_lines("-", row.before, "[-", "-]")
                yield from _side_lines("+", row.now, "{+", "+}")


def _side_lines(sign: str, pieces: Sequence[Piece], begin: str, end: str) -> Iterator[str]:
    marked = "".join(f"{begin}{piece.text}{end}" if piece.is_different else piece.text for piece in pieces)
    yield from (f"    {sign} {line}" for line in marked.split("\n") if marked)


def _when(sky: Skywrite, due_at: datetime | None, account: Account) -> str:
    from skywrite.posting.schedule.times import format_time

    if due_at is None:
        return ""
    return f", due {format_time(due_at, sky.context.zone(account))}"


def _print_waiting(sky: Skywrite, account: str | None, as_json: bool) -> None:
    entries = sky.approvals.list(account=account)
    if as_json:
        from skywrite.app.shapes.posts import post_shape

        print_json([post_shape(entry) for entry in entries])
        return
    if not entries:
        click.echo("Nothing waits for an approval.")
    for rule in dict.fromkeys(entry.post.recurrence_id for entry in entries if entry.post.recurrence_id):
        click.echo(f"All posts of recurrence {rule} with one approval: skywrite approve recurring:{rule}")
    for entry in entries:
        when = _when(sky, entry.post.due_at, entry.account)
        click.echo(f"{entry.post.id}  {entry.account.handle}{when}  {entry.post.text[:60]}".replace("\n", " "))
