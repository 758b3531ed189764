"""What reads a block: a shell, Python, a server, a parser. Each takes a world and a block, and fails where it is wrong.

What lives here: the readers that several pages use. What does not: which block has which (`pages`).
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import click
import httpx

from skywrite.faces.cli.main import cli
from tests.docs.blocks import Block
from tests.docs.compared import difference, matches
from tests.docs.world import Ran, World
from tests.support.processes import PATIENCE_SECONDS

COMPARED, RUN, PARSED = "run and compared", "run", "parsed only"
_REQUEST = re.compile(r"(GET|POST|PATCH|PUT|DELETE)\s+(/api/v1\S*)\s*(.*)")


@dataclass(frozen=True)
class How:
    """What becomes of a block; one that is not run has the reason."""

    kind: str
    read: Callable[[World, Block], None]
    reason: str = ""


def typed(*, answers: Sequence[str] | None = None) -> How:
    """Typed into a shell; with `answers` on a terminal, where somebody gives them."""

    def read(world: World, block: Block) -> None:
        world.kept["out"] = well(block.name, world.bash(block.code, answers=answers)).out

    return How(RUN, read)


def well(name: str, ran: Ran, code: int = 0) -> Ran:
    """What ended as it should."""
    assert code == ran.code, f"{name} ended with {ran.code}:\n{ran.out}\n{ran.err}"
    return ran


def before(need: Callable[[World], None], way: How) -> How:
    """The same, after something that it needs."""

    def read(world: World, block: Block) -> None:
        need(world)
        way.read(world, block)

    return replace(way, read=read)


def after(way: How, then: Callable[[World], None] | str) -> How:
    """The same, and then something that looks at what it did, or lines of a shell that prepare what follows."""

    def read(world: World, block: Block) -> None:
        way.read(world, block)
        if isinstance(then, str):
            well(f"after {block.name}", world.bash(then))
        else:
            then(world)

    return replace(way, read=read)


def console(*, answers: Sequence[str] | None = None) -> How:
    """Lines that begin with `$` are typed, and what follows each is what it prints."""

    def read(world: World, block: Block) -> None:
        before, *talks = re.split(r"^\$ ", block.code, flags=re.MULTILINE)
        assert "" == before, f"{block.name} does not begin with a command"
        for talk in talks:
            command, _, shown = talk.partition("\n")
            ran = well(f"{block.name}: {command}", world.bash(command, answers=answers))
            compare(f"{block.name}: {command}", shown, ran.out)

    return How(COMPARED, read)


def shown(command: str = "", *, code: int = 0, answers: Sequence[str] | None = None, part: bool = False) -> How:
    """What a command prints, or a part of it; without a command, what the block before printed."""

    def read(world: World, block: Block) -> None:
        if command:
            world.kept["out"] = well(f"{block.name}: {command}", world.bash(command, answers=answers), code).out
        compare(block.name, f"...\n{block.code}..." if part else block.code, world.kept["out"])

    return How(COMPARED, read)


def compare(name: str, shown: str, came: str) -> None:
    """What a page shows is what came."""
    assert matches(shown, came), f"{name} shows something else than what came:\n{difference(shown, came)}"


def python() -> How:
    """Run as lines of one script with those before."""

    def read(world: World, block: Block) -> None:
        world.python(block.code, block.name)

    return How(RUN, read)


def printed(text: str) -> How:
    """Run as Python that prints this."""
    return How(RUN, lambda world, block: compare(block.name, text, world.python(block.code, block.name)))


def saved(name: str, then: Callable[[World], None] | None = None) -> How:
    """Saved as a file, which later commands of the page read, or `then`."""

    def read(world: World, block: Block) -> None:
        path = world.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(world.here(block.code))
        if then is not None:
            then(world)

    return How(RUN, read)


def requests(world: World, block: Block) -> None:
    """Each line is a request that the server of the page answers well."""
    for line in world.here(block.code).splitlines():
        match = _REQUEST.fullmatch(line)
        assert match, f"{block.name}: {line!r} is not a request"
        body = json.loads(match[3]) if match[3] else None
        answer = ask(world, match[1], match[2], body)
        assert answer.is_success, f"{block.name}: {line} was answered with {answer.status_code}: {answer.text}"


def ask(world: World, method: str, path: str, body: object = None) -> httpx.Response:
    """One request to the server of the page, with its key."""
    headers = {"authorization": f"Bearer {world.environ['SKYWRITE_API_KEY']}"}
    url = world.environ["SKYWRITE_URL"] + path
    return httpx.request(method, url, headers=headers, json=body, timeout=PATIENCE_SECONDS)


def parsed(reason: str, *checks: Callable[[World, Block], None]) -> How:
    """Not run, for a reason, but read as far as that goes."""

    def read(world: World, block: Block) -> None:
        for check in checks:
            check(world, block)

    return How(PARSED, read, reason)


def shell_syntax(world: World, block: Block) -> None:
    """A shell can read it, and each `skywrite` of it has only options that there are."""
    done = subprocess.run(["bash", "-n", "-c", block.code], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr), block.name
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["skywrite"]:
            words_are_known(words[1:])


def words_are_known(words: list[str]) -> None:
    """The command line's own parser takes the words of a command, as far as it goes without running it."""
    command: click.Command = cli
    context = None
    name = "skywrite"
    while True:
        context = command.make_context(name, list(words), parent=context)
        if not isinstance(command, click.Group):
            return
        name, inner, words = command.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[assignment]
        assert inner is not None
        command = inner
