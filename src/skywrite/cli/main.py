"""The entry point: the commands, loaded when they are used, and errors as people and scripts read them.

What lives here: the list of commands and the exit. What does not: any command (a file a noun beside this one).
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from skywrite import __version__
from skywrite.cli.output import clean_streams, print_error
from skywrite.errors import SkywriteError

COMMANDS = {
    "login": "accounts",
    "logout": "accounts",
    "accounts": "accounts",
    "whoami": "accounts",
    "use": "accounts",
    "set": "accounts",
    "slots": "accounts",
    "post": "posting",
    "thread": "posting",
    "preview": "posting",
    "delete": "posting",
    "queue": "queue",
    "history": "queue",
    "show": "queue",
    "edit": "queue",
    "move": "queue",
    "cancel": "queue",
    "retry": "queue",
    "release": "queue",
    "hold": "queue",
    "recurring": "recurring",
    "feed": "feed",
    "watch": "watch",
    "run": "running",
    "service": "service",
    "sync": "sync",
    "drafts": "drafts",
    "import": "moving",
    "export": "moving",
    "backup": "moving",
    "doctor": "doctor",
    "sandbox": "sandbox",
    "completion": "completion",
}
EXIT_INTERRUPTED = 130


class Commands(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"skywrite.cli.{COMMANDS[cmd_name]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Begin with: skywrite login, then skywrite post "Hello from the shell"',
)
@click.version_option(__version__, prog_name="skywrite")
def cli() -> None:
    """Automated posting for Bluesky: now, on time, exactly once."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the documented code."""
    given = sys.argv[1:] if arguments is None else arguments
    clean_streams()
    as_json = "--json" in given
    try:
        code = cli.main(given, prog_name="skywrite", standalone_mode=False)
    except SkywriteError as error:
        print_error(error.as_dict(), as_json)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("Stopped. Posts that were accepted are kept: skywrite queue", err=True)
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        code = _wrong_usage(error, as_json)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _refused_by_system(error, as_json)
    except Exception as error:
        code = _surprise(error, as_json)
    sys.exit(code if isinstance(code, int) else 0)


def _wrong_usage(error: click.ClickException, as_json: bool) -> int:
    context: Any = getattr(error, "ctx", None)
    hint = f"See: {context.command_path} --help" if context else "See: skywrite --help"
    print_error({"error": "UsageError", "message": error.format_message(), "hint": hint}, as_json)
    return 2


def _refused_by_system(error: OSError, as_json: bool) -> int:
    """A file that cannot be read or written, where nobody below has said it better."""
    if os.environ.get("SKYWRITE_DEBUG"):
        raise error
    where = f"{error.filename}: " if error.filename else ""
    message = f"{where}{error.strerror or type(error).__name__}."
    print_error(
        {"error": "SystemRefused", "message": message, "hint": "Check the name, the rights and the room."}, as_json
    )
    return 1


def _surprise(error: Exception, as_json: bool) -> int:
    if os.environ.get("SKYWRITE_DEBUG"):
        raise error
    message = f"Something went wrong inside Skywrite ({type(error).__name__})."
    hint = "Please report it. SKYWRITE_DEBUG=1 shows where it happened."
    print_error({"error": "Unexpected", "message": message, "hint": hint}, as_json)
    return 1


if __name__ == "__main__":
    main()
