"""Groups as they are stored: which posts were made together, and changing all of them in one transaction.

What does not live here: what the posts say, and when they go out (`service`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from skywrite.app.operations.once import key_reused
from skywrite.core.errors import Conflict, Do, Hint
from skywrite.queue.adding import add_posts
from skywrite.queue.approval_rules import REJECTED
from skywrite.queue.base import StoreBase, lock_all, repeated
from skywrite.queue.changing import cancel_post, edit_post, get_post
from skywrite.queue.database import Transaction
from skywrite.queue.journal import note_added, note_changed
from skywrite.queue.model import AddResult, Changes, NewPost, Post
from skywrite.queue.reading import readable
from skywrite.queue.rows import post_of

WAITING = ("draft", "scheduled", "held")
# A person said that these do not go out.
KEPT_BACK = ("post.held", REJECTED)


class GroupStore:
    """The groups of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    @repeated
    def add(self, posts: Sequence[NewPost], name: str, key: str | None) -> list[AddResult]:
        """Store the posts of a group, or find those that the same request made before.

        Raises InputError if their key stands for anything else; then nothing is stored.
        """
        with self._store.accepting() as tx:
            results = add_posts(tx, self._store.clock, posts)
            if any(result.existed for result in results):
                _check_same(tx, results, key)
            else:
                tx.run_many("insert_post_group", ({"post_id": result.id, "name": name} for result in results))
            note_added(tx, "schedule", self._store.clock.now(), results)
            return results

    def posts(self, post_id: int) -> list[Post]:
        """The posts of the group of this one; it alone if it has none. Raises NotFound."""
        with self._store.reading() as tx:
            return _posts(tx, get_post(tx, post_id))

    @repeated
    def move(self, post_id: int, due_at: datetime) -> list[Post]:
        """Give those that wait another time, and are not kept back: all of them, or none. Raises NotFound, Conflict."""
        changes, now = Changes(due_at=due_at), self._store.clock.now()
        return self._change(post_id, "move", _moves, lambda tx, post: edit_post(tx, post.id, changes, now=now))

    @repeated
    def cancel(self, post_id: int) -> list[Post]:
        """Cancel those that wait: all of them, or none. Raises NotFound, Conflict."""
        now = self._store.clock.now()
        return self._change(post_id, "cancel", _waits, lambda tx, post: cancel_post(tx, post, now))

    def _change(
        self,
        post_id: int,
        verb: str,
        waits: Callable[[Transaction, Post], bool],
        change: Callable[[Transaction, Post], Post],
    ) -> list[Post]:
        """Change those that wait, and return them as they are then."""
        with self._store.writing() as tx:
            lock_all(tx, (post.account_did for post in _posts(tx, get_post(tx, post_id))))
            posts = _posts(tx, get_post(tx, post_id))
            waiting = [post for post in posts if waits(tx, post)]
            if not waiting:
                raise _none_of(post_id, kept_back=any(_waits(tx, post) for post in posts))
            done = []
            for post in waiting:
                try:
                    after = change(tx, post)
                except Conflict as error:
                    message = f"{error.message} Nothing of its group was changed."
                    raise Conflict(message, code=error.code, hint=error.hint) from None
                note_changed(tx, verb, self._store.clock.now(), post, after)
                done.append(after)
            return done


def _none_of(post_id: int, *, kept_back: bool) -> Conflict:
    """The error about a group of which nothing can be changed."""
    if kept_back:
        what = f"Whatever waits of the group of post {post_id} is held by a person, or was rejected."
        hint = Hint("If you want it to go out after all, move it by itself: ", Do("posts.move", post_id))
    else:
        what, hint = f"Nothing of the group of post {post_id} waits any more.", Hint("See: ", Do("posts.get", post_id))
    return Conflict(what, code="post.not_editable", hint=hint)


def _waits(tx: Transaction, post: Post) -> bool:
    return post.state in WAITING


def _moves(tx: Transaction, post: Post) -> bool:
    if post.state == "draft":
        verdicts = tx.rows("approvals_of_post", post_id=post.id)
        return not verdicts or verdicts[0]["verdict"] != "rejected"
    return _waits(tx, post) and (post.problem is None or post.problem.code not in KEPT_BACK)


def _posts(tx: Transaction, post: Post) -> list[Post]:
    row = tx.row("group_of_post", post_id=post.id)
    return [post] if row is None else readable(tx.rows("posts_of_group", name=row["name"]), post_of)


def _check_same(tx: Transaction, results: Sequence[AddResult], key: str | None) -> None:
    """Raise InputError unless all of them existed, with these words, as one group of these accounts."""
    rows = [tx.row("group_of_post", post_id=result.id) for result in results]
    names = {None if row is None else row["name"] for row in rows}
    members = [] if None in names or len(names) > 1 else tx.rows("posts_of_group", name=names.pop())
    wanted = {result.id for result in results}
    if {row["id"] for row in members} != wanted or any(result.other_draft for result in results):
        raise key_reused(key)
