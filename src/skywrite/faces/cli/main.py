"""The command line: commands, loaded when they are used, and errors, for people and scripts.

What lives here: how a command is found, and the exit. What does not: the names of commands (`names`), any command (each
noun has its own file), the process (`skywrite.__main__`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from skywrite import __version__
from skywrite.core.errors import SkywriteError, Unexpected
from skywrite.faces.cli.given import check_options, refuse_empty, refuse_typographic_quotes, see_help
from skywrite.faces.cli.hints import remember
from skywrite.faces.cli.names import Noun, all_commands, current_words, groups, home_of
from skywrite.faces.cli.output import QUIET, OutputLost, clean_streams, open_streams, print_error
from skywrite.faces.cli.terminal import has_person, plain_terminal
from skywrite.queue.authors import attended

EXIT_INTERRUPTED = 130
_JSON_BEFORE = "skywrite.json"
_JSON = frozenset(("--json", "-j", "-jq", "-qj"))


class Commands(click.Group):
    """A group whose commands are imported when they are used, and listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(all_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = home_of(cmd_name)
        if home is None:
            return None
        command = getattr(import_module(home), f"{cmd_name.replace('-', '_')}_command")
        assert isinstance(command, click.Command)
        if isinstance(command, Noun):
            _add_verbs(cmd_name, command)
        return _prepared(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        words = current_words(args)
        if words and not words[0].startswith("-") and home_of(words[0]) is None:
            raise click.exceptions.NoSuchCommand(words[0], ctx=ctx)
        return super().resolve_command(ctx, words)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, all_commands()))
        for title, group in groups().items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in group.items()])


def _add_verbs(name: str, noun: Noun) -> None:
    """Add what features bring to a noun of another one."""
    from skywrite.features import features

    for row in features():
        for home in row.verbs.get(name, ()):
            verb = row.load(home)
            assert isinstance(verb, click.Command)
            noun.add_command(verb)


def _prepared(command: click.Command) -> click.Command:
    """A command and its subcommands with `--quiet`, which refuse empty values, and heed a `--json` before them."""
    for option in command.params:
        if option.name == "as_json":
            option.callback = _or_json_before
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


def _or_json_before(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    return value or context.meta.get(_JSON_BEFORE, False)


_QUIET = click.Option(
    ["--quiet", "-q"],
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_be_quiet,
    help="Print only errors, and what you asked for.",
)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Begin with: skywrite login, then skywrite post "Hello from the shell"',
)
@click.version_option(__version__, "--version", "-V", prog_name="skywrite")
@click.option("--json", "-j", "as_json", is_flag=True, help="Print JSON, for scripts.")
@click.pass_context
def cli(context: click.Context, as_json: bool) -> None:
    """Post to Bluesky: now, on time, exactly once. Without a command, shows the current status."""
    context.meta[_JSON_BEFORE] = as_json
    if plain_terminal():
        context.color = False
    if context.invoked_subcommand is None:
        from skywrite.faces.cli.status import print_status

        print_status(as_json)


_prepared(cli)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the documented code."""
    words = sys.argv[1:] if arguments is None else arguments
    open_streams()
    clean_streams()
    remember(words)
    as_json = not _JSON.isdisjoint(words)
    context: click.Context | None = None
    try:
        refuse_typographic_quotes(words)
        context = check_options(cli, "skywrite", words)
        with attended(has_person()):
            code = cli.main(words, prog_name="skywrite", standalone_mode=False)
    except SkywriteError as error:
        print_error(error.as_dict(), as_json)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("Stopped. Posts that were accepted are kept: skywrite list", err=True)
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        code = _wrong_usage(error, context, words, as_json)
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


def _wrong_usage(
    error: click.ClickException, fallback: click.Context | None, words: Sequence[str], as_json: bool
) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    context: Any = getattr(error, "ctx", None) or fallback
    from skywrite.faces.cli.meant import wrong_usage

    message, hint = wrong_usage(error, context, words) if context else (error.format_message(), see_help(None))
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
