"""Several posts at once: all of them are changed in one transaction, or none, and one undo takes all of it back.

What lives here: doing one thing to each post. What does not: what is done to a post (`app.posts`, `app.approvals`), and
taking it back (`queue.undo`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from skywrite.app.approvals import Approving
from skywrite.app.context import Context
from skywrite.app.drafting import Drafting, edited_row, sign_in_notes
from skywrite.app.nouns import checked
from skywrite.app.posts import Posts
from skywrite.app.results import Entry
from skywrite.core.errors import Do, Hint, InputError, Notice, SkywriteError
from skywrite.posting.schedule.policy import late_text, parse_duration
from skywrite.posting.schedule.time_errors import PastTime
from skywrite.posting.schedule.times import format_time
from skywrite.queue.journal import together
from skywrite.queue.model import Account, NewPost, Post

Made = TypeVar("Made")
POSTS_MAX = 500
DAY = 86_400


class Done(NamedTuple):
    """Posts that were changed or made together. `change` is the name under which `undo` takes all of it back."""

    change: str
    posts: tuple[Entry, ...]

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What the author should know about them."""
        return tuple(dict.fromkeys(warning for entry in self.posts for warning in entry.warnings))


@checked("bulk")
class Bulk:
    """Several posts of a queue at once. `versions`: those that the change is based on, by the numbers of posts."""

    def __init__(self, ctx: Context, drafting: Drafting, posts: Posts, approvals: Approving) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._posts = posts
        self._approvals = approvals

    def shift(self, posts: Sequence[int], by: str, *, versions: Mapping[int, int] | None = None) -> Done:
        """Move posts by a while, such as "1d" or "-2h": all of them, or none.

        Days are days of the account's own clock: 9:00 stays 9:00 when clocks change. Raises InputError, Conflict,
        ChangedMeanwhile, NotFound.
        """
        step, known = read_step(by), versions or {}

        def moved(number: int) -> Entry:
            post = self._ctx.store.posts.get(number)
            return self._posts.move(number, self._shifted(post, step), version=known.get(number))

        return self._each(posts, moved)

    def copy(
        self,
        posts: Sequence[int],
        *,
        to: str | None = None,
        by: str | None = None,
        draft: bool = False,
        source: str | None = None,
    ) -> Done:
        """Copy posts to another account (`to`), to another time (`by`: "7d"), or as drafts: all of them, or none.

        A copy is a new post with the same content, whatever became of the one that it was made of. Raises InputError,
        NotFound.
        """
        if draft and by is not None:
            raise InputError("A draft has no time.", hint="Leave out either the time or draft.")
        step, account = None if by is None else read_step(by), None if to is None else self._ctx.account(to)
        chosen = [self._ctx.store.posts.get(number) for number in _chosen(posts)]

        def made(post: Post) -> tuple[NewPost, tuple[Notice, ...]]:
            owner = self._ctx.store.accounts.get(post.account_did) if account is None else account
            if post.due_at is None and not draft:
                raise InputError(
                    "It has no time.", hint=Hint("Keep its copy without one, too: ", Do("argument", "draft"))
                )
            if to is None and by is None and not draft:
                raise InputError(
                    "Its copy would have the same time and account.",
                    hint=Hint("Give another time or account: ", Do("argument", "by"), ", ", Do("argument", "to"), "."),
                )
            return self._copied(post, owner, None if draft else self._shifted(post, step or timedelta()), source)

        new = [_about(post.id, len(chosen), partial(made, post)) for post in chosen]
        with together() as name:
            added = self._ctx.store.posts.add([post for post, _ in new], operation="schedule")
        stored = zip(added, new, strict=True)
        return Done(name, tuple(self._copy(result.id, notes) for result, (_, notes) in stored))

    def _copied(
        self, post: Post, owner: Account, at: datetime | None, source: str | None
    ) -> tuple[NewPost, tuple[Notice, ...]]:
        """A copy, which is not stored yet, with what to know about it. Its media are kept."""
        ready = self._drafting.prepare(self._drafting.draft(owner, edited_row(post, {})), owner)
        due_at, notes = (None, []) if at is None else self._drafting.when_with_notes(owner, at)
        self._drafting.keep_media([ready])
        late = late_text(post.late_policy, post.late_seconds)
        new = self._drafting.new_post(ready, due_at=due_at, late=late, source=source)
        return new, (*sign_in_notes(owner), *notes, *ready.warnings)

    def _copy(self, number: int, notes: tuple[Notice, ...]) -> Entry:
        entry = self._posts.get(number)
        clashes = self._drafting.clashes(entry.account.did, entry.post.text, entry.post.due_at, own_id=number)
        return entry._replace(warnings=(*notes, *clashes))

    def cancel(self, posts: Sequence[int], *, versions: Mapping[int, int] | None = None) -> Done:
        """Cancel posts: all of them, or none. Raises Conflict, ChangedMeanwhile, NotFound."""
        known = versions or {}
        return self._each(posts, lambda number: self._posts.cancel(number, version=known.get(number)))

    def approve(self, digests: Mapping[int, str], by: str, *, who: str | None = None) -> Done:
        """Approve posts, each exactly as its digest says: all of them, or none. Raises as `approvals.approve` does."""
        return self._each([*digests], lambda number: self._approvals.approve(number, digests[number], by, who=who))

    def _shifted(self, post: Post, step: timedelta) -> datetime:
        if post.due_at is None:
            raise InputError("It has no time.", hint=Hint("Give it one: ", Do("posts.move", post.id)))
        account = self._ctx.store.accounts.get(post.account_did)
        zone = self._ctx.zone(account)
        at = shifted(post.due_at, step, zone)
        if at <= self._ctx.clock.now():
            raise PastTime(
                f"Its time would be {format_time(at, zone)}, which has passed.", hint="Choose a time in the future."
            )
        return at

    def _each(self, posts: Iterable[int], change: Callable[[int], Entry]) -> Done:
        numbers = _chosen(posts)
        accounts = [self._ctx.store.posts.get(number).account_did for number in numbers]

        def all_of_them() -> list[Entry]:
            return [_about(number, len(numbers), partial(change, number)) for number in numbers]

        with together() as name:
            done = self._ctx.store.at_once(all_of_them, accounts=accounts)
        return Done(name, tuple(done))


def _chosen(posts: Iterable[int]) -> list[int]:
    """The numbers, each once. Raises InputError."""
    numbers = list(dict.fromkeys(posts))
    if not 0 < len(numbers) <= POSTS_MAX:
        raise InputError(f"Choose 1 to {POSTS_MAX} posts, not {len(numbers)}.", hint=Hint("See: ", Do("posts.list")))
    return numbers


def _about(number: int, count: int, change: Callable[[], Made]) -> Made:
    """What is done to one of so many posts; an error names it."""
    try:
        return change()
    except SkywriteError as error:
        named = count == 1 or f"Post {number} " in error.message
        raise error.about("" if named else f"Post {number}") from None


def read_step(text: str) -> timedelta:
    """How far posts are moved: a duration, with a minus for earlier. Raises InputError."""
    bare = text.strip() if isinstance(text, str) else text
    earlier = isinstance(bare, str) and bare.startswith("-")
    seconds = parse_duration(bare[1:] if isinstance(bare, str) and bare[:1] in ("-", "+") else bare)
    if not seconds:
        raise InputError(f"{text!r} moves nothing.", hint="Write it like 1d, 2h30m or -1d.")
    return timedelta(seconds=-seconds if earlier else seconds)


def shifted(at: datetime, step: timedelta, zone: str) -> datetime:
    """A time moved by a step. Its days are days of the wall clock in this zone, what is left of it is exact."""
    local = at.astimezone(ZoneInfo(zone))
    days = timedelta(days=int(step.total_seconds() / DAY))
    on_day = (local.replace(tzinfo=None) + days).replace(tzinfo=ZoneInfo(zone), fold=local.fold)
    return on_day.astimezone(at.tzinfo) + (step - days)
