"""Commands that are killed at a point that the test chooses: before their n-th statement, request or renamed file, or
right after a commit, a response or a renamed file; or at a step that changes something, by its name. SIGKILL to a
process of its own; no chance and no time is involved.

What lives here: the process, its points, and ways to do it wrong. What does not: what must hold afterwards.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

POINTS_MAX = 500
# Instead of a command: a verb of `sky.bulk` that has none.
BULK = "(bulk)"
_CHANGES = re.compile(r"^\s*(?:with\b.*?)?\b(?:insert|update|delete|copy)\b", re.IGNORECASE | re.DOTALL)


class Ended(NamedTuple):
    """Whether a command was killed before its end, its exit code, and what it had printed."""

    killed: bool
    code: int
    printed: str


class Step(NamedTuple):
    """A step that changes something: its name, and how often it has been taken in this process."""

    name: str
    count: int


def run_killed(
    context: ForkServerContext,
    words: Sequence[str | int | Path],
    environ: Mapping[str, str],
    output: Path,
    *,
    point: int | Step = 0,
    wrongly: str = "",
    steps: Path | None = None,
) -> Ended:
    """Run `skywrite` with these words, killed at a point (0: never), or at a step that has a name.

    `wrongly` names a control of this module; `steps`: where to write down the steps that it takes.
    """
    given = [str(word) for word in words]
    kept = None if steps is None else str(steps)
    arguments = (given, dict(environ), point, wrongly, str(output), kept)
    process = context.Process(target=command, args=arguments, daemon=False)
    process.start()
    process.join()
    code = int(process.exitcode or 0)
    process.close()
    return Ended(code == -signal.SIGKILL, code, output.read_text())


def command(
    words: list[str], environ: dict[str, str], point: int | Step, wrongly: str, output: str, steps: str | None
) -> None:
    """In the process that is killed."""
    os.environ.update(environ)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)
    if wrongly:
        WRONG_WAYS[wrongly]()
    if steps is not None:
        kept = Path(steps)
        _watch_steps(lambda step: _write_down(kept, step))
    elif isinstance(point, Step):
        wanted = point
        _watch_steps(lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == wanted else None)
    else:
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


def _watch_steps(reached: Callable[[Step], None]) -> None:
    """Tell each step that changes something: before each change of the database and after each commit, before and after
    each request, each question to what answers, and each record.

    What only reads has no name: killed there, it leaves behind what the step before it left.
    """
    from skywrite.core.http import Http
    from skywrite.features.answers.service import Inbox
    from skywrite.protocol.atproto.repo import Repo
    from skywrite.queue.database import Database, Transaction

    counts, lock, last = Counter[str](), threading.Lock(), threading.local()

    def tell(name: str) -> None:
        with lock:
            counts[name] += 1
            step = Step(name, counts[name])
        reached(step)

    def changes(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def watched(self: Any, name: str, /, *args: Any, **more: Any) -> Any:
            query = self._database.query(name)
            if _CHANGES.search(query if isinstance(query, str) else query.decode()):
                last.name = name
                tell(f"change {name}")
            return original(self, name, *args, **more)

        return watched

    def around(name: Callable[..., str], original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def watched(*args: Any, **more: Any) -> Any:
            tell(f"before {name(*args)}")
            result = original(*args, **more)
            tell(f"after {name(*args)}")
            return result

        return watched

    commit, ask = Database._commit, Inbox.answer_by

    @wraps(commit)
    def committed(self: Database, connection: Any, *, write: bool) -> None:
        commit(self, connection, write=write)
        if write:
            tell(f"stored {getattr(last, 'name', '')}")

    @wraps(ask)
    def asked(self: Inbox, answerer: Any, *args: Any) -> Any:
        return ask(self, replace(answerer, call=around(lambda *_: "the question", answerer.call)), *args)

    for name in ("rows", "run", "run_many", "insert"):
        setattr(Transaction, name, changes(getattr(Transaction, name)))
    for owner, name, named in (
        (Http, "request", lambda self, method, url, *_: f"request {urlsplit(url).path}"),
        (Repo, "try_create_all", lambda *_: "record"),
    ):
        setattr(owner, name, around(named, getattr(owner, name)))
    setattr(Database, "_commit", committed)  # noqa: B010
    setattr(Inbox, "answer_by", asked)  # noqa: B010


def _write_down(file: Path, step: Step) -> None:
    with file.open("a") as out:
        out.write(json.dumps(step) + "\n")


def steps_in(file: Path) -> list[Step]:
    """The steps that were written down, in their order."""
    return [Step(*json.loads(line)) for line in file.read_text().splitlines()]


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
