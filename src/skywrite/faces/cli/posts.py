"""list, show, edit, move, cancel, retry, release, hold, undo: verbs on posts in the queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import Do, InputError
from skywrite.faces.cli.completing import complete_posts, complete_states
from skywrite.faces.cli.given import shell_words
from skywrite.faces.cli.hints import command
from skywrite.faces.cli.listing import footer, lines_of
from skywrite.faces.cli.options import (
    A_HANDLE,
    ID,
    NumberOrLink,
    Whole,
    account_option,
    draft_options,
    draft_row,
    json_option,
    on_queue,
    read_text,
    removed_fields,
    text_options,
)
from skywrite.faces.cli.output import (
    print_aside,
    print_done,
    print_json,
    print_json_array,
    print_outcome,
    print_warnings,
)
from skywrite.faces.cli.picking import Change, many_posts
from skywrite.faces.cli.terminal import show
from skywrite.faces.cli.words import EditCommand
from skywrite.queue.model import FINAL_STATES, WAITING_STATES

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.results import Entry


@click.command("list", epilog="Example: skywrite list --json | jq '.[] | .due_at'")
@click.option("--past", is_flag=True, help="List published, failed and cancelled posts, the latest first.")
@click.option("--account", "-u", **A_HANDLE, help="List only posts of this account.")
@click.option(
    "--state",
    "states",
    multiple=True,
    shell_complete=complete_states,
    help="List only posts in this state. May be repeated.",
)
@click.option("--campaign", metavar="NAME", help="List only posts with this label of yours.")
@click.option("--limit", type=Whole(1, 100_000), default=100, show_default=True, help="Maximum number of posts.")
@json_option
@on_queue
def list_command(
    sky: Skywrite,
    past: bool,
    account: str | None,
    states: tuple[str, ...],
    campaign: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List scheduled posts, the next one first; with --past, those that are over."""

    chosen = _states(states, FINAL_STATES if past else WAITING_STATES)
    each = sky.posts.each_finished if past else sky.posts.each
    entries = each(account=account, states=chosen, campaign=campaign, limit=limit)
    if as_json:
        from skywrite.app.shapes.posts import post_shape

        print_json_array(map(post_shape, entries))
        return
    # How many have a label is not counted: the footer about more posts is left to lists without one.
    total = 0 if campaign is not None else _total(sky, account, chosen)
    filters = [word for state in states for word in ("--state", state)]
    filters += [] if account is None else ["--account", account]
    again = shell_words(["list", *(["--past"] if past else []), *filters])
    if past:
        _show_entries(sky, entries, _ended, total, again, _none(states, "Nothing was published yet."))
        return
    _warn_of_stranded(sky, account)
    add = 'Add a post: skywrite schedule "Later" --at "tomorrow 9:00"'
    first = add if sky.accounts.list() else "Sign in first: skywrite login"
    _show_entries(sky, entries, _due, total, again, _none(states, f"Nothing is waiting. {first}"))


def _warn_of_stranded(sky: Skywrite, account: str | None) -> None:
    """Warn about posts of accounts that are signed out."""
    from skywrite.app.overview import stranded

    did = sky.context.did(account)
    for one in stranded(sky.context):
        if did in (None, one.account.did):
            print_warnings([f"{one} Sign in: {command(Do('accounts.login', one.account.handle))}"])


def _due(entry: Entry) -> datetime | None:
    return entry.post.due_at


def _ended(entry: Entry) -> datetime:
    return entry.post.published_at or entry.post.updated_at


def _none(states: tuple[str, ...], otherwise: str) -> str:
    """What an empty list says: which states were asked for, if any were."""
    return f"No post is {' or '.join(states)}." if states else otherwise


def _states(states: tuple[str, ...], default: Sequence[Any]) -> Any:
    from skywrite.queue.model import STATES

    for state in states:
        if state not in STATES:
            raise InputError(f"There is no state {state!r}.", hint=f"The states are: {', '.join(STATES)}.")
    return states or default


def _total(sky: Skywrite, account: str | None, states: Sequence[Any]) -> int:
    counts = sky.posts.count(account)
    return sum(counts.get(state, 0) for state in states)


def _show_entries(sky: Skywrite, entries: Iterator[Entry], when: Any, total: int, command: str, empty: str) -> None:
    """Print a list of any length while it is read; `empty` if there is nothing to list."""
    first = next(entries, None)
    if first is None:
        click.echo(empty)
        return
    zones: set[str] = set()
    shown = 0

    def counted() -> Iterator[Entry]:
        nonlocal shown
        for entry in chain([first], entries):
            zones.add(sky.context.zone(entry.account))
            shown += 1
            yield entry

    def lines() -> Iterator[str]:
        yield from lines_of(counted(), when, sky.context.zone, sky.context.clock.now())
        if len(zones) == 1:
            yield click.style(f"Times are in {zones.pop()}.", dim=True)
        if more := footer(shown, total, f"skywrite {command}"):
            yield more

    show(lines())


@click.command("show", epilog="Example: skywrite show 12")
@click.argument("target", type=NumberOrLink(), metavar="ID_OR_LINK", shell_complete=complete_posts)
@json_option
@on_queue
def show_command(sky: Skywrite, target: int | str, as_json: bool) -> None:
    """Show everything about a post: its content, its state, and every attempt to send it."""
    from skywrite.faces.cli import showing
    from skywrite.queue.follow_ups import FollowUps

    plain_entry = sky.posts.get(target)
    post_id = plain_entry.post.id
    if as_json:
        from skywrite.app.shapes.posts import whole_post

        print_json(whole_post(sky, post_id))
        return
    entry = sky.posts.forecast(plain_entry)
    zone = sky.context.zone(entry.account)
    follow_ups = FollowUps(sky.context.store).of(post_id)
    approval = showing.approval_lines(post_id) if entry.standing.wanted else ()
    show([*showing.lines_of(entry, zone), *approval, *showing.follow_up_lines(follow_ups)])


@click.command("edit", cls=EditCommand, epilog='Example: skywrite edit 12 "A better text" --at "fri 18:00"')
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@text_options
@draft_options
@click.option("--without", multiple=True, metavar="FIELD", help="Remove its images, tags, quote, ... Repeatable.")
@click.option("--at", "-t", metavar="WHEN", help="Move it to another time.")
@click.option("--late", metavar="POLICY", help="If its time is missed: publish, skip or hold.")
@json_option
@on_queue
def edit_command(
    sky: Skywrite,
    /,
    post_id: int,
    text: tuple[str, ...],
    file: Path | None,
    editor: bool,
    without: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Change a post before it is sent. What you do not give stays as it is."""
    changes = draft_row(options)
    changes |= removed_fields(without, changes)
    if editor:
        changes["text"] = _edited(sky, post_id)
    elif text or file:
        changes |= _other_text(sky, post_id, text, file)
    if options["late"]:
        changes["late"] = options["late"]
    if not changes and not options["at"]:
        raise InputError("There is nothing to change.", hint="See: skywrite edit --help")
    _print_changed(sky.posts.edit(post_id, at=options["at"], **changes), sky, "changed", as_json)


def _other_text(sky: Skywrite, post_id: int, text: tuple[str, ...], file: Path | None) -> dict[str, Any]:
    """The new text; for a thread, the texts of all its posts, one by one or separated by lines of `---`."""
    from skywrite.posting.compose.texts import split_parts

    thread = sky.posts.get(post_id).post.draft.get("thread") or []
    if not thread and len(text) > 1:
        raise InputError(
            f"Post {post_id} is one post, and {len(text)} texts were given.",
            hint=f"Put the text into quotes: skywrite edit {post_id} {shell_words([' '.join(text)])}",
        )
    if not thread:
        return {"text": read_text(text, file, False)}
    texts = list(text) if len(text) > 1 else split_parts(read_text(text, file, False))
    if len(texts) != len(thread) + 1:
        raise InputError(
            f"Post {post_id} is a thread of {len(thread) + 1} posts, and {len(texts)} texts were given.",
            hint="Give one text per post, as arguments or in a file with lines of ---. Or cancel it and post again.",
        )
    rest = [{**part, "text": other} for part, other in zip(thread, texts[1:], strict=True)]
    return {"text": texts[0], "thread": rest}


def _edited(sky: Skywrite, post_id: int) -> str:
    written = click.edit(sky.posts.get(post_id).post.text)
    if written is None:
        raise InputError("You saved nothing in the editor, so nothing is changed.", hint="Save the text, then quit.")
    return written.rstrip("\n")


def _print_changed(entry: Entry, sky: Skywrite, what: str, as_json: bool) -> None:
    if as_json:
        from skywrite.app.shapes.posts import post_shape

        print_json(post_shape(entry))
        return
    from skywrite.posting.schedule.times import format_time

    print_warnings(entry.warnings)
    post = entry.post
    when = (
        f", due {format_time(post.due_at, sky.context.zone(entry.account))}"
        if post.due_at and post.state == "scheduled"
        else ""
    )
    state = "" if post.state == what else f": {post.state}"
    print_done(f"Post {post.id} is {what}{state}{when}.")


@click.command("move", epilog='Example: skywrite move 12 "monday 9:00"')
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@click.argument("when", nargs=-1, required=True)
@json_option
@on_queue
def move_command(sky: Skywrite, post_id: int, when: tuple[str, ...], as_json: bool) -> None:
    """Move a post to another time."""

    # `move 12 to "monday 9:00"` is what people say.
    words = when[1:] if len(when) > 1 and when[0].lower() in ("to", "at") else when
    _print_changed(_moved(sky, post_id, " ".join(words)), sky, "moved", as_json)


def _moved(sky: Skywrite, post_id: int, when: str) -> Entry:
    """The post at its new time. What is no time, and a length of time, may be how far it is to move."""
    from skywrite.faces.cli.lone import length_in
    from skywrite.posting.schedule.times import InvalidTime

    try:
        return sky.posts.move(post_id, when)
    except InvalidTime as error:
        if length := length_in(when):
            error.hint = f"{error.hint} To move it by that much: skywrite shift {post_id} --by {length}"
        raise


def _say(entry: Entry, sky: Skywrite, what: str) -> None:
    _print_changed(entry, sky, what, False)
    number = entry.post.recurrence_id
    if number is not None and what == "cancelled":
        print_aside(f"Recurrence {number} goes on unless you stop it: skywrite recurring stop {number}")


cancel_command = many_posts(
    Change(
        "cancel",
        "cancelled",
        ("scheduled", "held", "draft", "failed"),
        "Cancel posts. When this succeeds, they will never be published.",
    ),
    _say,
)
retry_command = many_posts(Change("retry", "to be tried again", ("failed",), "Try failed posts again."), _say)
release_command = many_posts(
    Change("release", "released", ("held",), "Release held posts: they go out at their time, or now if it has passed."),
    _say,
)
hold_command = many_posts(
    Change("hold", "held", ("scheduled",), "Keep posts from going out until you release them."), _say
)


@click.command("undo", epilog="Example: skywrite undo")
@json_option
@on_queue
def undo_command(sky: Skywrite, as_json: bool) -> None:
    """Undo the last change to the queue: a schedule, import, edit, move, cancel, hold, release or retry.

    All or nothing: it is refused if one of the posts was changed, attempted or published since. If the last thing that
    you did cannot be undone, it says so, and what to do instead; what you did before that stays. A post whose time has
    passed meanwhile is held, so that undoing publishes nothing. What programs without a terminal did since, such as
    cron, stays.
    """
    from skywrite.app.shapes.done import undone_shape

    undone = sky.posts.undo()
    if as_json:
        print_json(undone_shape(undone))
        return
    what = f"post {undone.ids[0]}" if undone.posts == 1 else f"{undone.posts} posts"
    print_done(f"Undone: {undone.operation} of {what}.")
    if undone.held:
        which = " ".join(map(str, undone.held))
        passed = "Its time has" if undone.posts == 1 else f"The times of {len(undone.held)} of them have"
        print_aside(f"{passed} passed meanwhile, so nothing goes out. To publish now: skywrite release {which}")
    if undone.passed_over:
        stay = f"{undone.passed_over} later changes by programs without a terminal, such as cron, stay."
        one = "1 later change by a program without a terminal, such as cron, stays."
        print_warnings([one if undone.passed_over == 1 else stay])


@click.command("delete", epilog="Example: skywrite delete https://bsky.app/profile/alice.bsky.social/post/3k...")
@click.argument("target", shell_complete=complete_posts)
@account_option
@json_option
@on_queue
def delete_command(sky: Skywrite, target: str, account: str | None, as_json: bool) -> None:
    """Delete a published post: by its link, its at-uri, or its number here (then with its whole thread)."""
    from skywrite.app.shapes.done import DeletedPost

    uri = sky.posts.delete(target, account=account)
    print_outcome(as_json, DeletedPost(uri), f"Deleted: {uri}")
