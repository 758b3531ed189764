"""Commands that change many posts at once: choosing the posts, and reporting the results.

What lives here: numbers, ranges (`31-33`), `--source` and `--state`, the confirmation, and one JSON document for all.
What does not: what a change does (`app.posts`).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.digits import row_number
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.cli.completing import complete_posts, complete_states
from skywrite.faces.cli.options import A_HANDLE, json_option
from skywrite.faces.cli.output import print_done, print_error, print_json, print_json_array
from skywrite.faces.cli.terminal import can_ask

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.results import Entry

RANGE_MAX = 10_000
LINES_MAX = 10
ERRORS_MAX = 5
CHOSEN_MAX = 1_000_000


class PostNumbers(click.ParamType[range]):
    """A number of a post, or a range of them: 31-33."""

    name = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        """A range of numbers, or of just one."""
        if isinstance(value, range):
            return value
        first, dash, last = str(value).partition("-")
        start, end = row_number(first), row_number(last if dash else first)
        if start is None or end is None:
            apart = [number for piece in str(value).split(",") if (number := row_number(piece.strip().lstrip("#")))]
            shown = f" Write it like: {' '.join(map(str, apart))}" if apart else ""
            self.fail(f"{value!r} is neither a number nor a range such as 31-33.{shown}", param, ctx)
        numbers = range(start, end + 1)
        if not numbers or start < 1:
            self.fail(f"{value!r} holds no number of a post.", param, ctx)
        if len(numbers) > RANGE_MAX:
            self.fail(f"{value!r} is more than {RANGE_MAX:,} posts.", param, ctx)
        return numbers


@dataclass(frozen=True)
class Change:
    """One change for many posts. `done` ends the sentence "Post 12 is ...", `states` are those that it is for."""

    name: str
    done: str
    states: tuple[str, ...]
    about: str


def many_posts(change: Change, say: Callable[[Entry, Skywrite, str], None]) -> click.Command:
    """The command of a change; `say` prints the result for one post."""
    for_each = f"Example: skywrite {change.name} 12 31-33 or: skywrite {change.name} --source import:plan.csv"

    @click.command(change.name, help=change.about, epilog=for_each)
    @click.argument("numbers", type=PostNumbers(), nargs=-1, metavar="[ID|RANGE]...", shell_complete=complete_posts)
    @click.option(
        "--source", metavar="NAME", help="Choose all posts from there: import:FILE, feed:3, ... (see `skywrite show`)."
    )
    @click.option(
        "--state",
        "states",
        multiple=True,
        shell_complete=complete_states,
        help="Choose all posts in this state. Repeatable.",
    )
    @click.option("--yes", is_flag=True, help="Do not ask first.")
    @click.option("--account", "-u", **A_HANDLE, help="With --source or --state: choose only posts of this account.")
    @json_option
    def command(
        numbers: tuple[range, ...],
        source: str | None,
        states: tuple[str, ...],
        account: str | None,
        as_json: bool,
        yes: bool,
    ) -> None:
        from skywrite.app import Skywrite
        from skywrite.queue.journal import together

        by_filter = bool(source or states)
        _check_choice(change, numbers, by_filter, account, states)
        with Skywrite() as sky, together():
            ids = _filtered(sky, change, source, states, account) if by_filter else numbered(sky, numbers)
            if by_filter and not yes:
                _ask(change, len(ids))
            results = ((post_id, _changed(sky, change.name, post_id)) for post_id in ids)
            alone = len(ids) == 1 and not by_filter and len(numbers) == 1 and len(numbers[0]) == 1
            _report(sky, change, results, say, as_json, alone)

    return command


def _check_choice(
    change: Change, numbers: Sequence[range], by_filter: bool, account: str | None, states: Sequence[str]
) -> None:
    if numbers and by_filter:
        raise InputError("Numbers do not go with --source and --state.", hint="Give one or the other.")
    if not numbers and not by_filter:
        hint = f"Give numbers (skywrite {change.name} 12 31-33), --source or --state."
        raise InputError("No post is named.", code="choice.missing", hint=hint)
    if account and not by_filter:
        raise InputError("--account goes with --source and --state.", hint="A number names one post already.")
    for state in states:
        if state not in change.states:
            known = ", ".join(change.states)
            raise InputError(f"{change.name} is not for posts in the state {state!r}.", hint=f"It is for: {known}.")


def _filtered(
    sky: Skywrite, change: Change, source: str | None, states: Sequence[str], account: str | None
) -> list[int]:
    did = sky.context.did(account)
    chosen: Any = states or change.states
    posts = sky.context.store.listing.all_posts(chosen, account_did=did, source=source)
    ids = [post.id for post in islice(posts, CHOSEN_MAX)]
    if not ids:
        where = f" from {source}" if source else ""
        raise InputError(f"No post{where} is {' or '.join(chosen)}.", code="choice.missing", hint="See: skywrite list")
    return ids


def numbered(sky: Skywrite, numbers: Sequence[range]) -> list[int]:
    """All given numbers; of ranges those that exist, but at least one."""
    ids: list[int] = []
    for span in numbers:
        if len(span) == 1:
            ids.append(span[0])
            continue
        there = [number for number in span if _exists(sky, number)]
        if not there:
            raise InputError(
                f"There is no post from {span[0]} to {span[-1]}.", code="choice.missing", hint="See: skywrite list"
            )
        ids += there
    return list(dict.fromkeys(ids))


def _exists(sky: Skywrite, number: int) -> bool:
    from skywrite.core.errors import NotFound

    try:
        sky.context.store.posts.get(number)
    except NotFound:
        return False
    return True


def _ask(change: Change, count: int) -> None:
    if can_ask():
        posts = "1 post" if count == 1 else f"{count:,} posts"
        if not click.confirm(f"{change.name.capitalize()} {posts}?", err=True):
            click.echo("Nothing was changed.", err=True)
            raise click.exceptions.Exit(0)


def _changed(sky: Skywrite, name: str, post_id: int) -> Entry | SkywriteError:
    try:
        changed: Entry = getattr(sky.posts, name)(post_id)
        return changed
    except SkywriteError as error:
        return error


class _Results:
    """What became of each post, one after the other; of many only the first changes and errors are kept."""

    def __init__(self, results: Iterable[tuple[int, Entry | SkywriteError]]) -> None:
        self._results = results
        self.changed = self.failed = 0
        self.entries: list[Entry] = []
        self.errors: list[SkywriteError] = []
        self.last_error: SkywriteError | None = None

    def __iter__(self) -> Iterator[tuple[int, Entry | SkywriteError]]:
        for post_id, result in self._results:
            if isinstance(result, SkywriteError):
                self.failed += 1
                self.last_error = result
                self.errors = [*self.errors, result][:ERRORS_MAX]
            else:
                self.changed += 1
                self.entries = [*self.entries, result][:LINES_MAX]
            yield post_id, result


def _report(
    sky: Skywrite,
    change: Change,
    outcomes: Iterable[tuple[int, Entry | SkywriteError]],
    say: Callable[[Entry, Skywrite, str], None],
    as_json: bool,
    alone: bool,
) -> None:
    """Print the result for each; raise the last error, or exit with its code."""
    results = _Results(outcomes)
    if as_json and not alone:
        _print_each(results)
        return
    [(post_id, result)] = deque(results, maxlen=1)
    if alone and isinstance(result, SkywriteError):
        raise result
    if as_json:
        from skywrite.app.shapes.posts import changed_shape

        print_json(changed_shape(post_id, result))
        return
    if results.changed > LINES_MAX:
        print_done(f"{results.changed:,} posts are {change.done}.")
    else:
        for entry in results.entries:
            say(entry, sky, change.done)
    for error in results.errors[: results.failed - 1]:
        print_error(error.as_dict(), as_json)
    if results.failed > ERRORS_MAX + 1:
        click.echo(f"... and {results.failed - ERRORS_MAX - 1:,} more like these.", err=True)
    if results.last_error:
        raise results.last_error


def _print_each(results: _Results) -> None:
    from skywrite.app.shapes.posts import changed_shape

    print_json_array(changed_shape(post_id, result) for post_id, result in results)
    if results.last_error:
        sys.exit(results.last_error.exit_code)
