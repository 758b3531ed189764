"""The command line: commands, loaded when they are used, and errors, for people and scripts.

What lives here: the list of commands and the exit. What does not: any command (each noun has its own file), the process
(`skywrite.__main__`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, NoReturn

import click

from skywrite import __version__
from skywrite.cli.given import check_options, refuse_empty, see_help, unknown_option
from skywrite.cli.hints import remember
from skywrite.cli.output import QUIET, OutputLost, clean_streams, open_streams, print_error
from skywrite.cli.terminal import plain_terminal
from skywrite.errors import SkywriteError, Unexpected

# Each command: its module, and its line in `skywrite --help`.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Account": {
        "login": ("accounts", "Sign in to an account"),
        "logout": ("accounts", "Sign out of an account"),
        "oauth": ("oauth", "Create your own OAuth client, for two-year sessions"),
        "accounts": ("accounts", "List your accounts"),
        "whoami": ("accounts", "Show your default account"),
        "use": ("accounts", "Choose your default account"),
        "set": ("accounts", "Show or change an account's settings"),
        "slots": ("accounts", "Show or set an account's weekly slots"),
    },
    "Post": {
        "post": ("posting", "Post a text, now or later"),
        "thread": ("thread", "Post a thread"),
        "preview": ("preview", "Show a post as it will appear; send nothing"),
        "repost": ("reposts", "Repost a post at a time"),
        "pin": ("reposts", "Pin a post at a time"),
        "unpin": ("reposts", "Unpin a post at a time"),
        "reposts": ("reposts", "List reposts and pins that wait"),
        "follow-up": ("follow_ups", "Reply or repost once a post has 50 likes"),
        "follow-ups": ("follow_ups", "List follow-ups; cancel one"),
        "delete": ("delete", "Delete a published post"),
        "receipt": ("receipts", "Save a signed proof of a post"),
        "verify": ("receipts", "Check such a proof"),
    },
    "Queue": {
        "queue": ("queue", "List scheduled posts"),
        "show": ("queue", "Show one post and every attempt to send it"),
        "history": ("queue", "List published, failed and cancelled posts"),
        "rehearse": ("rehearse", "Show the coming days, and what a bad day would do to them"),
        "approve": ("approve", "See exactly what goes out, and approve it"),
        "reject": ("approve", "Reject a post, with a note"),
        "edit": ("queue", "Change a post"),
        "move": ("queue", "Move a post to another time"),
        "cancel": ("queue", "Cancel posts"),
        "hold": ("queue", "Hold posts until you release them"),
        "release": ("queue", "Release held posts"),
        "retry": ("queue", "Try failed posts again"),
        "inbox": ("inbox", "Read and answer replies, mentions and quotes"),
        "stats": ("stats", "Show likes, reposts and replies of your posts"),
        "undo": ("queue", "Undo the last change"),
        "recurring": ("recurring", "List, show, edit or stop recurrences"),
        "import": ("moving", "Schedule many posts from a table"),
        "export": ("moving", "Write scheduled posts to a file"),
    },
    "Sources": {
        "feed": ("feed", "Post new items of feeds"),
        "sync": ("sync", "Post a folder of Markdown files"),
        "command": ("command", "Run commands on a schedule; post their output"),
        "drafts": ("drafts", "Import drafts from the official app"),
    },
    "Run and check": {
        "run": ("running", "Publish posts when they are due"),
        "serve": ("serve", "Serve the page, the HTTP API and MCP, with the worker"),
        "mcp": ("mcp", "Give an agent access to your queue, over MCP"),
        "notices": ("notices", "Get a notice when something needs you"),
        "keys": ("keys", "Manage API keys"),
        "key": ("key", "Replace the key that encrypts your secrets"),
        "service": ("service", "Install the worker as a service"),
        "doctor": ("doctor", "Check everything that posting needs"),
        "backup": ("moving", "Back up the database"),
        "sandbox": ("sandbox", "Run a fake Bluesky server for tests"),
        "completion": ("completion", "Set up shell completion"),
        "help": ("help", "Show help"),
    },
}
# What people type who know other programs, and the commands that do it; the empty one shows the status.
OTHER_COMMANDS = {
    "schedule": ('post "Good morning" --at "tomorrow 9:00"',),
    "list": ("queue",),
    "ls": ("queue",),
    "posts": ("queue",),
    "scheduled": ("queue",),
    "send": ('post "Hello"',),
    "publish": ('post "Hello"',),
    "tweet": ('post "Hello"',),
    "skeet": ('post "Hello"',),
    "rm": ("cancel 12", "delete 12"),
    "remove": ("cancel 12", "delete 12"),
    "status": ("", "doctor"),
    "check": ("doctor",),
    "version": ("--version",),
    "start": ("run", "service install"),
    "worker": ("run",),
    "daemon": ("service install",),
    "server": ("serve",),
    "web": ("serve",),
    "signin": ("login",),
    "auth": ("login",),
    "signout": ("logout",),
    "me": ("whoami",),
    "settings": ("set",),
    "config": ("set",),
    "account": ("accounts",),
    "draft": ('post "Hello" --draft',),
    "watch": ('command add "./weather.sh" --every "0 8 * * *"',),
    "rss": ("feed add https://example.com/blog",),
}
COMMANDS = {name: module for group in GROUPS.values() for name, (module, _) in group.items()}
EXIT_INTERRUPTED = 130
NAME_WIDTH = max(map(len, COMMANDS))


class Commands(click.Group):
    """A group whose commands are imported when they are used, and listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"skywrite.cli.{COMMANDS[cmd_name]}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        assert isinstance(command, click.Command)
        return _prepared(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise _unknown_command(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(NAME_WIDTH), summary) for name, (_, summary) in commands.items()])


def _prepared(command: click.Command) -> click.Command:
    """A command and its subcommands with `--quiet`, which refuse empty values."""
    if not any(parameter.name == "quiet" for parameter in command.params):
        command.params.append(_QUIET)
    refuse_empty(command)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _prepared(inner)
    return command


def _be_quiet(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[QUIET] = True


_QUIET = click.Option(
    ["--quiet", "-q"],
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_be_quiet,
    help="Print only errors, and what you asked for.",
)


def _unknown_command(name: str, ctx: click.Context) -> click.UsageError:
    """The error for an unknown command, with similar names."""
    return click.UsageError(_unknown(name, "skywrite", list(COMMANDS), OTHER_COMMANDS), ctx)


def _unknown(
    name: str, path: str, known: Sequence[str], other: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> str:
    """The sentence for a command that a group does not have, with those that were meant."""
    from difflib import get_close_matches

    found = other.get(name.lower()) or get_close_matches(name.lower(), known, n=2)
    alike = [f"{path} {command}".rstrip() for command in found]
    meant = f" Did you mean {' or '.join(alike)}?" if alike else ""
    return f"There is no command {name!r}.{meant}"


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Begin with: skywrite login, then skywrite post "Hello from the shell"',
)
@click.version_option(__version__, prog_name="skywrite")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@click.pass_context
def cli(context: click.Context, as_json: bool) -> None:
    """Post to Bluesky: now, on time, exactly once. Without a command, it shows how things stand."""
    if plain_terminal():
        context.color = False
    if context.invoked_subcommand is None:
        from skywrite.cli.status import print_status

        print_status(as_json)


_prepared(cli)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the documented code."""
    given = sys.argv[1:] if arguments is None else arguments
    open_streams()
    clean_streams()
    remember(given)
    as_json = "--json" in given
    context: click.Context | None = None
    try:
        context = check_options(cli, "skywrite", given)
        code = cli.main(given, prog_name="skywrite", standalone_mode=False)
    except SkywriteError as error:
        print_error(error.as_dict(), as_json)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("Stopped. Posts that were accepted are kept: skywrite queue", err=True)
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        code = _wrong_usage(error, context, as_json)
    except BrokenPipeError:
        # The reader of our output is gone; there is nothing left to say.
        _end_output()
        code = 0
    except OutputLost as error:
        code = _output_lost(error)
    except OSError as error:
        code = _refused_by_system(error, as_json)
    except Exception as error:
        code = _surprise(error, as_json)
    sys.exit(code if isinstance(code, int) else 0)


def _wrong_usage(error: click.ClickException, given: click.Context | None, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    context: Any = getattr(error, "ctx", None) or given
    hint = see_help(context)
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        message = unknown_option(error.option_name, context)
    elif isinstance(error, click.exceptions.NoSuchCommand) and isinstance(context.command, click.Group):
        message = _unknown(error.command_name, context.command_path, context.command.list_commands(context))
    print_error({"error": "UsageError", "code": "command.misused", "message": message, "hint": hint}, as_json)
    return 2


def _end_output() -> None:
    """Let what is left of the output go nowhere, so that the end of the process does not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _output_lost(error: OutputLost) -> int:
    """What could not be written is said on standard error: it may be what the command did."""
    _end_output()
    message = f"The output cannot be written: {error.strerror}. What was done is done."
    unsaid = " ".join(error.unsaid.split())
    hint = f"It was to say: {unsaid}" if unsaid else "Check where the output goes."
    print_error({"error": "OutputLost", "code": "output.lost", "message": message, "hint": hint}, False)
    return 1


def _refused_by_system(error: OSError, as_json: bool) -> int:
    """A file that cannot be read or written, if no lower layer has explained it better."""
    if os.environ.get("SKYWRITE_DEBUG"):
        raise error
    where = f"{error.filename}: " if error.filename else ""
    message = f"{where}{error.strerror or type(error).__name__}."
    print_error(
        {
            "error": "SystemRefused",
            "code": "system.refused",
            "message": message,
            "hint": "Check the name, the rights and the room.",
        },
        as_json,
    )
    return 1


def _surprise(error: Exception, as_json: bool) -> int:
    if os.environ.get("SKYWRITE_DEBUG"):
        raise error
    message = f"Something went wrong inside Skywrite ({type(error).__name__})."
    hint = "Please report it. SKYWRITE_DEBUG=1 shows where it happened."
    print_error({"error": "Unexpected", "code": Unexpected.code, "message": message, "hint": hint}, as_json)
    return 1


if __name__ == "__main__":
    main()
