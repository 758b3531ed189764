"""Commands that are killed at a point that the test chooses: before their n-th statement, request or renamed file, or
right after a commit, a response or a renamed file. SIGKILL to a process of its own; no chance and no time is involved.

What lives here: the process, its points, and ways to do it wrong. What does not: what must hold afterwards.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

POINTS_MAX = 500
# Instead of a command: a verb of `sky.bulk` that has none.
BULK = "(bulk)"


class Ended(NamedTuple):
    """Whether a command was killed before its end, its exit code, and what it had printed."""

    killed: bool
    code: int
    printed: str


def run_killed(
    context: ForkServerContext,
    words: Sequence[str | int | Path],
    environ: Mapping[str, str],
    output: Path,
    *,
    point: int = 0,
    wrongly: str = "",
) -> Ended:
    """Run `skywrite` with these words, killed at a point (0: never); `wrongly` names a control of this module."""
    given = [str(word) for word in words]
    process = context.Process(target=command, args=(given, dict(environ), point, wrongly, str(output)), daemon=False)
    process.start()
    process.join()
    code = int(process.exitcode or 0)
    process.close()
    return Ended(code == -signal.SIGKILL, code, output.read_text())


def command(words: list[str], environ: dict[str, str], point: int, wrongly: str, output: str) -> None:
    """In the process that is killed."""
    os.environ.update(environ)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)
    if wrongly:
        WRONG_WAYS[wrongly]()
    _kill_at(point)
    if words[0] == BULK:
        _bulk(*words[1:])
        return
    from skywrite.faces.cli.main import main

    main(words)


def _bulk(verb: str, *numbers: str) -> None:
    """What the page and the HTTP API do to several posts, and no command does: `cancel`, `approve`."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        chosen = [int(number) for number in numbers]
        if verb == "cancel":
            sky.bulk.cancel(chosen)
        else:
            sky.bulk.approve({number: sky.approvals.look(number).digest for number in chosen}, "Ann")


def _kill_at(point: int) -> None:
    from skywrite.core.http import Http
    from skywrite.queue.database import Database, Transaction

    passed = 0

    def reached() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name, after in (
        (Transaction, "select", False),
        (Transaction, "run", False),
        (Transaction, "run_many", False),
        (Transaction, "insert", False),
        (Database, "_commit", True),
        (Http, "request", True),
        (os, "replace", True),
    ):
        setattr(owner, name, _watched(getattr(owner, name), reached, after))


def _watched(original: Callable[..., Any], reached: Callable[[], None], after: bool) -> Callable[..., Any]:
    @wraps(original)
    def watched(*args: Any, **more: Any) -> Any:
        reached()
        result = original(*args, **more)
        if after:
            reached()
        return result

    return watched


def edit_in_two_steps() -> None:
    """A control: the text is stored first, and the time after that."""
    from skywrite.app.posts import Posts

    whole = Posts.edit

    def edit(self: Posts, post_id: int, *, at: Any = None, **changes: Any) -> Any:
        whole(self, post_id, **changes)
        return whole(self, post_id, at=at)

    setattr(Posts, "edit", edit)  # noqa: B010


def promise_first() -> None:
    """A control: the command says that a post is cancelled before it is."""
    import click

    from skywrite.app.posts import Posts

    whole = Posts.cancel

    def cancel(self: Posts, post_id: int, **more: Any) -> Any:
        click.echo(f"Post {post_id} is cancelled.")
        return whole(self, post_id, **more)

    setattr(Posts, "cancel", cancel)  # noqa: B010


def let_the_server_choose_keys() -> None:
    """A control: records are created without keys, as most clients do it."""
    from skywrite.protocol.atproto.repo import Commit, Repo

    def create(self: Repo, writes: Sequence[Any]) -> Any:
        for item in writes:
            body = {"repo": self.did, "collection": item.collection, "record": item.value}
            self._agent.procedure("com.atproto.repo.createRecord", body)
        return Commit(())

    setattr(Repo, "try_create_all", create)  # noqa: B010


def one_by_one() -> None:
    """A control: each post of several is stored by itself."""
    from skywrite.queue.base import StoreBase
    from skywrite.queue.posts import Posts

    whole = Posts.add

    def add(self: Posts, posts: Sequence[Any], *rest: Any, **more: Any) -> Any:
        return [result for post in posts for result in whole(self, [post], *rest, **more)]

    setattr(Posts, "add", add)  # noqa: B010
    setattr(StoreBase, "at_once", lambda self, change, accounts: change())  # noqa: B010


WRONG_WAYS: dict[str, Callable[[], None]] = {
    way.__name__: way for way in (edit_in_two_steps, promise_first, let_the_server_choose_keys, one_by_one)
}
