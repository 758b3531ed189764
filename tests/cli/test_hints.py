"""Hints are whole commands: what is suggested works when it is pasted."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from skywrite.core.errors import Do, InputError
from skywrite.faces.cli.hints import _COMMANDS, command
from skywrite.faces.cli.main import cli
from skywrite.faces.cli.names import all_commands
from tests.support.processes import ROOT
from tests.support.shell import Files, Shell

# Operations whose hints always name what they are about, and those that name nothing.
TARGETS = {
    "posts",
    "accounts.reset",
    "recurrences.approve",
    "recurrences.edit",
    "recurrences.get",
    "feeds.remove",
    "feeds.poll",
}
TARGETS |= {
    "approvals.approve",
    "approvals.reject",
    "approvals.reject_recurrence",
    "accounts.set_default",
    "keys.revoke",
}
TARGETS |= {
    "groups.cancel",
    "groups.move",
    "ways.pause",
    "ways.remove",
    "ways.resume",
    "hooks.remove",
    "snippets.remove",
    "commands.remove",
    "follow_ups.cancel",
    "notices.remove",
    "reposts.cancel",
}
_COMMAND = re.compile(
    r"(?<!`)\bskywrite ((?:[a-z-]+)(?: (?:\"[^\"]*\"|'[^']*'|(?:\./)?[^\s;,)`.|>]+(?:\.[^\s;,)`.|>]+)*))*)"
)


def parsed(line: str) -> None:
    """Read a command line as the program does, and do nothing. Raises click.UsageError."""
    context, group = click.Context(cli, info_name="skywrite", **cli.context_settings), cli
    words: list[str] = shlex.split(line)[1:]
    chosen: click.Command = group
    while isinstance(chosen, click.Group) and words and not words[0].startswith("-"):
        name, inner, words = chosen.resolve_command(context, words)
        assert inner is not None, line
        chosen, context = inner, click.Context(inner, info_name=name, parent=context)
    chosen.make_context(chosen.name, list(words), parent=context.parent)


@pytest.mark.parametrize("operation", [*_COMMANDS])
def test_every_operation_is_said_as_a_whole_command(operation: str) -> None:
    """Each operation that a hint names is a command that lacks nothing."""
    target = 12 if operation.partition(".")[0] in ("posts", "feeds") or operation in TARGETS else None
    target = None if operation.endswith((".list", ".history")) or operation == "posts.undo" else target
    target = "marks=yes" if operation == "accounts.set" else target  # type: ignore[assignment]
    parsed(command(Do(operation, target)))


def _filled(part: ast.expr) -> str:
    """A word where words of the user stand, else a number."""
    return "word" if "shell_words" in ast.unparse(part) else "12"


def _written() -> Iterator[tuple[str, str]]:
    """Every command in the texts of the command line, with something for what is filled in."""
    source = ROOT / "src" / "skywrite"
    for path in sorted((*source.glob("faces/cli/*.py"), *source.glob("features/*/cli*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        filled = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        inside = {id(part) for node in filled for part in ast.walk(node)}
        texts = [
            "".join(str(part.value) if isinstance(part, ast.Constant) else _filled(part) for part in node.values)
            for node in filled
        ]
        texts += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
        ]
        for text in texts:
            for match in _COMMAND.finditer(re.sub(r"\bID\b", "12", text)):
                yield path.name, f"skywrite {match[1]}"


def test_every_written_command_is_whole() -> None:
    """Commands in hints, examples and sentences lack nothing, and have no option that is not there."""
    wrong, read = [], 0
    for name, line in _written():
        words = shlex.split(line)
        if words[1] not in all_commands() or len(words) == 2 or "--help" in words:
            continue
        read += 1
        try:
            parsed(line)
        except (click.UsageError, InputError) as error:
            wrong.append(f"{name}: {line}: {error}")
    assert [] == wrong, "\n".join(wrong)
    assert read > 60


def test_slots_are_set_by_pasting(shell: Shell) -> None:
    """`No weekly slots` shows the command that sets some, and it works."""
    hint = shell("post", "Next", "--next-slot", "--json", code=2).json["hint"]
    command_line = 'skywrite accounts slots "mon-fri 9:00,17:30; sat 11:00"'
    assert hint.endswith(f": {command_line}")
    shell(*shlex.split(command_line)[1:])
    shell("post", "Next", "--next-slot")


def test_the_good_rows_are_imported_by_pasting(shell: Shell, files: Files) -> None:
    """A wrong row's hint is the import as it was given, with `--partial`."""
    plan = files.text("my plan.jsonl", '{"text": "Good", "at": "in 3 days"}\n{"text": 5, "at": "in 3 days"}\n')
    told = shell("import", plan, "--zone", "UTC", code=2).err
    command_line = next(line for line in told.splitlines() if "--partial" in line).partition("skywrite ")[2]
    pasted = shlex.split(command_line)
    assert ["import", plan, "--zone", "UTC", "--partial"] == pasted
    shell(*pasted, code=None)
    assert ["Good"] == [row["text"] for row in shell("list", "--json").json]


def test_a_shell_hears_no_python(shell: Shell) -> None:
    """`notices test 9` says how to list the channels in the words of the command line."""
    for words in (("notices", "test", "9"), ("notices", "remove", "9")):
        assert "See: skywrite notices list" == shell(*words, "--json", code=None).json["hint"]


def test_an_export_that_fails_writes_no_file(shell: Shell, files: Files) -> None:
    """A file with some of the posts would be imported for all of them; the command that writes them all is shown."""
    shell("post", "Later", "--at", "in 3 days")
    shell("post", "Picture", "--at", "in 4 days", "--image", files.image())
    place = files.folder / "plan.jsonl"
    hint = shell("export", "-o", str(place), "--json", code=2).json["hint"]
    assert (False, [files.folder / "image.png"]) == (place.exists(), list(files.folder.iterdir()))
    command_line = hint.partition("skywrite ")[2]
    assert command_line.endswith(" --media media")
    shell(*shlex.split(command_line)[:-1], str(files.folder / "media"))
    assert 2 == len(json.loads(place.read_text()))


def test_an_export_into_a_file_is_told_as_json(shell: Shell, files: Files) -> None:
    """`export -o FILE --json` prints an object, like every other command."""
    shell("post", "Later", "--at", "in 3 days")
    place = str(files.folder / "plan.json")
    assert {"rows": 1, "path": place} == shell("export", "-o", place, "--json").json


@pytest.mark.parametrize(
    "pasted",
    ["https://bsky.app/profile/alice.test", "bsky.app/profile/alice.test/post/3k", "@alice.test", "at://alice.test"],
)
def test_a_pasted_profile_is_a_handle(signed_out: Shell, pasted: str) -> None:
    """A login takes the address of the profile's page."""
    password = signed_out.box.account("alice.test").app_password
    told = signed_out("login", pasted, "--pds", signed_out.box.url, "--app-password-stdin", stdin=password.encode())
    assert "Signed in as alice.test" in told.out
